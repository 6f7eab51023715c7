//! What stores sell: the trades a simulated store can be in, with their categories, typical prices, invented
//! brands and the words their products and their customers' searches are made of.

/// A kind of product within a trade.
pub(super) struct Category {
    /// Second part of the category code, as in `outdoor.tents`.
    pub code: &'static str,
    pub title: &'static str,
    /// What a single product is called.
    pub noun: &'static str,
    /// Median price in euro cents.
    pub median: u32,
    /// Deviation of the price's logarithm, in hundredths.
    pub spread: u16,
    pub weight: u16,
}

/// A line of business.
pub(super) struct Trade {
    /// First part of the category code and last word of the store's name.
    pub code: &'static str,
    pub title: &'static str,
    pub brands: &'static [&'static str],
    pub adjectives: &'static [&'static str],
    pub variants: &'static [&'static str],
    pub categories: &'static [Category],
}

const fn category(
    code: &'static str,
    title: &'static str,
    noun: &'static str,
    median: u32,
    spread: u16,
    weight: u16,
) -> Category {
    Category {
        code,
        title,
        noun,
        median,
        spread,
        weight,
    }
}

pub(super) const TRADES: &[Trade] = &[
    Trade {
        code: "outdoor",
        title: "Outdoor",
        brands: &[
            "Fjordlight",
            "Granite Peak",
            "Wildmoor",
            "Northbound",
            "Summitry",
            "Kestrel & Co",
            "Tarnwell",
            "Ridgeway",
        ],
        adjectives: &[
            "waterproof",
            "lightweight",
            "4 season",
            "compact",
            "insulated",
            "2 person",
        ],
        variants: &["S", "M", "L", "XL", "Olive", "Slate"],
        categories: &[
            category("tents", "Tents", "Tent", 18_900, 60, 14),
            category("backpacks", "Backpacks", "Backpack", 8_900, 50, 20),
            category(
                "sleeping_bags",
                "Sleeping Bags",
                "Sleeping Bag",
                11_900,
                50,
                10,
            ),
            category("jackets", "Jackets", "Jacket", 12_900, 55, 22),
            category("boots", "Hiking Boots", "Boots", 13_900, 40, 18),
            category("stoves", "Stoves", "Stove", 5_900, 60, 8),
            category("headlamps", "Headlamps", "Headlamp", 3_900, 55, 9),
            category("bottles", "Bottles", "Bottle", 2_200, 45, 15),
        ],
    },
    Trade {
        code: "home",
        title: "Home",
        brands: &[
            "Lindholm",
            "Oak & Ember",
            "Casa Verde",
            "Maren",
            "Studio Nordlys",
            "Haven",
            "Terrazo",
            "Wickerby",
        ],
        adjectives: &["small", "round", "wooden", "modern", "white", "linen"],
        variants: &["Oak", "Walnut", "White", "Sand", "Forest"],
        categories: &[
            category("lamps", "Lamps", "Lamp", 6_900, 65, 16),
            category("rugs", "Rugs", "Rug", 12_900, 70, 12),
            category("chairs", "Chairs", "Chair", 14_900, 60, 12),
            category("shelves", "Shelves", "Shelf", 9_900, 60, 10),
            category("bedding", "Bedding", "Duvet Cover", 5_900, 45, 18),
            category("candles", "Candles", "Candle", 1_900, 45, 20),
            category("mirrors", "Mirrors", "Mirror", 8_900, 55, 8),
        ],
    },
    Trade {
        code: "beauty",
        title: "Beauty",
        brands: &[
            "Alba Rosa",
            "Dewline",
            "Saltgrass",
            "Petal Theory",
            "Nuit Douce",
            "Verbena Lab",
            "Mira Skin",
        ],
        adjectives: &[
            "vegan",
            "fragrance free",
            "hydrating",
            "sensitive skin",
            "travel size",
            "matte",
        ],
        variants: &["30 ml", "50 ml", "100 ml", "Rose", "Nude"],
        categories: &[
            category("serums", "Serums", "Serum", 2_900, 50, 22),
            category("creams", "Creams", "Day Cream", 2_600, 50, 20),
            category("shampoos", "Shampoos", "Shampoo", 1_400, 40, 18),
            category("lipsticks", "Lipsticks", "Lipstick", 1_800, 40, 16),
            category("perfumes", "Perfumes", "Eau de Parfum", 6_500, 45, 12),
            category("sunscreens", "Sunscreens", "Sunscreen", 1_900, 40, 12),
        ],
    },
    Trade {
        code: "kitchen",
        title: "Kitchen",
        brands: &[
            "Copperline",
            "Hearthstone",
            "Brewsmith",
            "Larkspur",
            "Steel & Salt",
            "Umami Works",
            "Bakehouse",
        ],
        adjectives: &[
            "cast iron",
            "non stick",
            "stainless",
            "induction",
            "large",
            "ceramic",
        ],
        variants: &["20 cm", "24 cm", "28 cm", "Red", "Black"],
        categories: &[
            category("knives", "Knives", "Chef Knife", 6_900, 65, 16),
            category("pans", "Pans", "Pan", 5_900, 55, 20),
            category("coffee", "Coffee Makers", "Coffee Maker", 9_900, 80, 18),
            category("bakeware", "Bakeware", "Baking Tin", 2_200, 45, 14),
            category("mixers", "Mixers", "Stand Mixer", 24_900, 50, 8),
            category("glassware", "Glassware", "Glass Set", 2_900, 50, 16),
            category("boards", "Cutting Boards", "Cutting Board", 3_400, 50, 8),
        ],
    },
    Trade {
        code: "electronics",
        title: "Electronics",
        brands: &[
            "Voltane", "Lumicore", "Sonora", "Pixelarc", "Helix", "Quantia", "Orbitron", "Nimbus",
        ],
        adjectives: &[
            "wireless",
            "noise cancelling",
            "usb c",
            "4k",
            "bluetooth",
            "cheap",
        ],
        variants: &["Black", "Silver", "128 GB", "256 GB", "Blue"],
        categories: &[
            category("headphones", "Headphones", "Headphones", 12_900, 70, 22),
            category("smartphones", "Smartphones", "Smartphone", 49_900, 55, 16),
            category("chargers", "Chargers", "Charger", 2_900, 45, 20),
            category("keyboards", "Keyboards", "Keyboard", 7_900, 55, 12),
            category("monitors", "Monitors", "Monitor", 27_900, 50, 10),
            category("speakers", "Speakers", "Speaker", 9_900, 70, 12),
            category("smartwatches", "Smartwatches", "Smartwatch", 22_900, 55, 8),
        ],
    },
    Trade {
        code: "books",
        title: "Books",
        brands: &[
            "Paper Lantern",
            "Inkwell House",
            "Blue Heron Press",
            "Midnight Oil",
            "Atlas & Sons",
            "Foxglove",
        ],
        adjectives: &["new", "bestselling", "signed", "illustrated", "best"],
        variants: &["Paperback", "Hardcover", "Large Print"],
        categories: &[
            category("novels", "Novels", "Novel", 1_600, 35, 28),
            category("crime", "Crime", "Crime Novel", 1_400, 35, 22),
            category("cookbooks", "Cookbooks", "Cookbook", 2_600, 35, 14),
            category("travel", "Travel", "Travel Guide", 1_900, 35, 12),
            category(
                "children",
                "Children's Books",
                "Picture Book",
                1_300,
                35,
                18,
            ),
            category("science", "Science", "Science Book", 2_200, 40, 6),
        ],
    },
    Trade {
        code: "kids",
        title: "Kids",
        brands: &[
            "Tumbleweed",
            "Little Otter",
            "Bramble Bear",
            "Zippity",
            "Moonbeam",
            "Puddle Lane",
        ],
        adjectives: &[
            "organic",
            "wooden",
            "educational",
            "soft",
            "baby",
            "3 year old",
        ],
        variants: &["92", "98", "104", "110", "Red", "Yellow"],
        categories: &[
            category("puzzles", "Puzzles", "Puzzle", 1_700, 40, 18),
            category("plush", "Plush Toys", "Plush Toy", 2_100, 45, 20),
            category("shoes", "Shoes", "Kids Shoes", 4_400, 40, 16),
            category("raincoats", "Raincoats", "Raincoat", 3_900, 40, 10),
            category("blocks", "Building Blocks", "Block Set", 3_900, 65, 20),
            category("strollers", "Strollers", "Stroller", 32_900, 45, 5),
        ],
    },
    Trade {
        code: "sports",
        title: "Sports",
        brands: &[
            "Velora",
            "Ironleaf",
            "Stride Lab",
            "Kinetic",
            "Pacer",
            "Coreform",
            "Aquila",
        ],
        adjectives: &[
            "running",
            "men's",
            "women's",
            "adjustable",
            "training",
            "beginner",
        ],
        variants: &["S", "M", "L", "42", "43", "Black"],
        categories: &[
            category(
                "running_shoes",
                "Running Shoes",
                "Running Shoes",
                11_900,
                40,
                26,
            ),
            category("yoga", "Yoga", "Yoga Mat", 3_900, 50, 16),
            category("weights", "Weights", "Dumbbell Set", 7_900, 65, 14),
            category("cycling", "Cycling", "Cycling Jersey", 6_900, 50, 14),
            category("swimwear", "Swimwear", "Swimsuit", 4_400, 45, 12),
            category("trackers", "Trackers", "Fitness Tracker", 8_900, 50, 10),
            category("rackets", "Rackets", "Tennis Racket", 9_900, 60, 8),
        ],
    },
];

/// First words of store names; with the trades they give 128 stores before a number has to be added.
pub(super) const PLACES: &[&str] = &[
    "Harbour",
    "Meadow",
    "Copper Lane",
    "Northgate",
    "Riverside",
    "Old Mill",
    "Lighthouse",
    "Maple",
    "Cobblestone",
    "Sunday",
    "Juniper",
    "Market Street",
    "Seagrass",
    "Hilltop",
    "Willow",
    "Blue Door",
];

/// Model names of products.
pub(super) const MODELS: &[&str] = &[
    "Aurora", "Basalt", "Cedar", "Delta", "Ember", "Fable", "Glade", "Horizon", "Isla", "Juno",
    "Kite", "Luna", "Mistral", "Nova", "Opal", "Prairie", "Quill", "Raven", "Solstice", "Terra",
    "Umbra", "Vista", "Willow", "Xenon", "Yarrow", "Zephyr", "Atlas", "Birch", "Comet", "Drift",
    "Echo", "Falcon", "Grove", "Harbor", "Ivory", "Jasper", "Koa", "Lark", "Marlow", "Nimbus",
];

/// What reviewers write, by the stars they give: index 0 is one star.
pub(super) const REVIEWS: [&[&str]; 5] = [
    &[
        "Broke after two days, very disappointed.",
        "Not as described. Sent it back.",
    ],
    &[
        "Feels cheaper than the price suggests.",
        "Delivery was slow and the box was damaged.",
    ],
    &[
        "It's okay for the price.",
        "Does what it should, nothing special.",
    ],
    &[
        "Good quality, would buy again.",
        "Really nice, only the colour is a little darker than in the pictures.",
    ],
    &[
        "Love it! Exactly what I was looking for.",
        "Excellent quality and arrived in two days.",
        "Perfect gift, thank you!",
    ],
];

/// Coupon codes with their percentage off.
pub(super) const COUPONS: &[(&str, u8)] = &[
    ("WELCOME10", 10),
    ("SAVE5", 5),
    ("AUTUMN15", 15),
    ("VIP20", 20),
];

/// How orders are paid.
pub(super) const METHODS: &[&str] = &[
    "card",
    "card",
    "card",
    "paypal",
    "paypal",
    "apple_pay",
    "google_pay",
    "klarna",
    "bank_transfer",
];

/// Banner ads inside the shop.
pub(super) const PROMOTIONS: &[&str] = &[
    "Free shipping week",
    "Autumn sale",
    "New arrivals",
    "Members save more",
];
