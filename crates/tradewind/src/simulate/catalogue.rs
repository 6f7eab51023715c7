//! A store's catalogue: products with names, brands, prices, costs, popularity and stock, laid out so that the
//! renderer can copy the part of a product that never changes.

use super::rng::{Alias, Rng, exp, ln};
use super::trades::{MODELS, TRADES, Trade};

/// One product. Money is in minor units (cents) of the store's currency.
#[derive(Clone, Debug)]
pub(super) struct Product {
    /// Ready JSON members: `"product_id":"…","sku":"…","name":"…","category":"…","brand":"…"` and often a variant.
    pub json: Box<str>,
    pub name: Box<str>,
    pub brand: &'static str,
    pub category: u8,
    pub price: u32,
    /// The price it goes back to after a promotion.
    pub list_price: u32,
    pub cost: u32,
    pub stock: i64,
    /// Stock below which new goods are ordered.
    pub reorder_at: i64,
    /// How many are ordered then.
    pub reorder: i64,
    /// A shipment is on its way.
    pub ordered: bool,
}

/// A category of the store with what its pages and searches show.
#[derive(Clone, Debug)]
pub(super) struct Shelf {
    /// Category code such as `outdoor.tents`.
    pub code: String,
    pub path: String,
    pub title: &'static str,
    /// Searches that lead here.
    pub queries: Vec<String>,
    first: u32,
    popularity: Alias,
    /// Products in it.
    pub size: u32,
}

/// All a store sells. Products of one category are neighbours.
#[derive(Clone, Debug)]
pub(super) struct Catalogue {
    pub products: Vec<Product>,
    pub shelves: Vec<Shelf>,
    shelf_popularity: Alias,
}

/// Product number `index` as customers see it.
pub(super) const FIRST_PRODUCT_ID: u64 = 1_000_000;

impl Catalogue {
    /// Builds `size` products of `trade` (an index into [`TRADES`]) at `price_level` thousandths of euro prices, with
    /// stock for a store that sells `units_per_day`.
    pub(super) fn new(
        trade: usize,
        size: u32,
        price_level: u32,
        units_per_day: f64,
        rng: &mut Rng,
    ) -> Self {
        let trade = &TRADES[trade];
        let kinds = trade.categories.len() as u32;
        let size = size.max(kinds);
        let weight_sum: u32 = trade.categories.iter().map(|c| u32::from(c.weight)).sum();
        let mut catalogue = Self {
            products: Vec::with_capacity(size as usize),
            shelves: Vec::new(),
            shelf_popularity: Alias::new(&[1.0]),
        };
        for (number, kind) in trade.categories.iter().enumerate() {
            let left = size - catalogue.products.len() as u32;
            let others = kinds - 1 - number as u32;
            let share = if others == 0 {
                left
            } else {
                (size * u32::from(kind.weight) / weight_sum).clamp(1, left - others)
            };
            let first = catalogue.products.len() as u32;
            // Popularity falls with the rank as in Zipf's law; ranks are dealt out at random.
            let mut ranks: Vec<u32> = (1..=share).collect();
            for i in (1..share).rev() {
                ranks.swap(i as usize, rng.below(i + 1) as usize);
            }
            let weights: Vec<f64> = ranks
                .iter()
                .map(|&rank| exp(-0.95 * ln(f64::from(rank))))
                .collect();
            let sum: f64 = weights.iter().sum();
            for weight in &weights {
                let daily =
                    units_per_day * f64::from(kind.weight) / f64::from(weight_sum) * weight / sum;
                let index = catalogue.products.len();
                catalogue
                    .products
                    .push(product(trade, number, index, price_level, daily, rng));
            }
            catalogue.shelves.push(Shelf {
                code: format!("{}.{}", trade.code, kind.code),
                path: format!("/c/{}/{}", trade.code, kind.code),
                title: kind.title,
                queries: queries(trade, number, rng),
                first,
                popularity: Alias::new(&weights),
                size: share,
            });
        }
        let weights: Vec<f64> = trade
            .categories
            .iter()
            .map(|c| f64::from(c.weight))
            .collect();
        catalogue.shelf_popularity = Alias::new(&weights);
        catalogue
    }

    /// A category by popularity.
    pub(super) fn draw_shelf(&self, rng: &mut Rng) -> u8 {
        self.shelf_popularity.draw(rng) as u8
    }

    /// A product of the category by popularity.
    pub(super) fn draw_product(&self, shelf: u8, rng: &mut Rng) -> u32 {
        let shelf = &self.shelves[usize::from(shelf)];
        shelf.first + shelf.popularity.draw(rng) as u32
    }
}

/// What `trade` customers type to find category `number`.
fn queries(trade: &Trade, number: usize, rng: &mut Rng) -> Vec<String> {
    let noun = trade.categories[number].noun.to_lowercase();
    let mut queries = vec![noun.clone(), trade.categories[number].title.to_lowercase()];
    queries.extend(
        trade
            .adjectives
            .iter()
            .map(|adjective| format!("{adjective} {noun}")),
    );
    queries.extend(
        trade
            .brands
            .iter()
            .take(4)
            .map(|brand| format!("{} {noun}", brand.to_lowercase())),
    );
    // A typing error: two neighbouring letters swapped.
    let at = rng.below(noun.len() as u32 - 2) as usize;
    let mut letters = noun.into_bytes();
    letters.swap(at, at + 1);
    queries.extend(String::from_utf8(letters).ok());
    queries
}

fn product(
    trade: &'static Trade,
    number: usize,
    index: usize,
    price_level: u32,
    daily: f64,
    rng: &mut Rng,
) -> Product {
    let kind = &trade.categories[number];
    let brand = *rng.pick(trade.brands);
    let generation = match rng.below(4) {
        0 => String::new(),
        _ => format!(" {}", 1 + rng.below(99)),
    };
    let name = format!("{brand} {}{generation} {}", rng.pick(MODELS), kind.noun);
    let price = f64::from(kind.median) * f64::from(price_level) / 1_000.0;
    let price = charm(rng.log_normal(price, f64::from(kind.spread) / 100.0) as u32);
    let cost = (u64::from(price) * rng.between(45, 75) as u64 / 100) as u32;
    let letters: String = kind
        .code
        .chars()
        .filter(char::is_ascii_alphabetic)
        .take(3)
        .collect();
    let mut json = format!(
        r#""product_id":"{}","sku":"{}-{index:05}","name":"{name}","category":"{}.{}","brand":"{brand}""#,
        FIRST_PRODUCT_ID + index as u64,
        letters.to_uppercase(),
        trade.code,
        kind.code,
    );
    if rng.chance(0.4) {
        json.push_str(&format!(r#","variant":"{}""#, rng.pick(trade.variants)));
    }
    let reorder_at = (daily * 3.0) as i64 + 3;
    let reorder = ((daily * 14.0) as i64 + 24) / 5 * 5;
    Product {
        json: json.into(),
        name: name.into(),
        brand,
        category: number as u8,
        price,
        list_price: price,
        cost,
        // Somewhere on its way from one delivery to the next.
        stock: reorder_at + rng.between(0, reorder),
        reorder_at,
        reorder,
        ordered: false,
    }
}

/// The nearest price a shop would print: 19.99, or 149.00 for dearer things. Never below 0.99.
pub(super) fn charm(cents: u32) -> u32 {
    if cents >= 10_000 {
        (cents / 1_000 * 1_000 + 900).max(10_000)
    } else {
        cents / 100 * 100 + 99
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn catalogues_have_the_asked_size_and_sane_money() {
        for (trade, kinds) in TRADES.iter().map(|t| t.categories.len()).enumerate() {
            for size in [1, 50, 2_000] {
                let catalogue = Catalogue::new(trade, size, 1_000, 40.0, &mut Rng::new(3));
                assert_eq!(catalogue.products.len(), (size as usize).max(kinds));
                assert_eq!(
                    catalogue
                        .shelves
                        .iter()
                        .map(|s| s.size as usize)
                        .sum::<usize>(),
                    catalogue.products.len()
                );
                for product in &catalogue.products {
                    let percent = u64::from(product.cost) * 100 / u64::from(product.price);
                    assert!((44..=75).contains(&percent), "{percent} {product:?}");
                    assert!(product.stock > 0 && product.reorder > 0);
                }
            }
        }
    }

    #[test]
    fn a_few_products_draw_most_views() {
        let catalogue = Catalogue::new(0, 2_000, 1_000, 40.0, &mut Rng::new(3));
        let mut rng = Rng::new(4);
        let mut views = vec![0u32; 2_000];
        for _ in 0..200_000 {
            let shelf = catalogue.draw_shelf(&mut rng);
            let product = catalogue.draw_product(shelf, &mut rng) as usize;
            assert_eq!(catalogue.products[product].category, shelf);
            views[product] += 1;
        }
        views.sort_unstable();
        let top: u32 = views[1_800..].iter().sum();
        assert!(
            (100_000..160_000).contains(&top),
            "a tenth of the products drew {top} of 200000 views"
        );
    }
}
