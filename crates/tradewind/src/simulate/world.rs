//! Where shoppers live: the markets a simulated store can be at home in (currency, time zone, tax, shipping) and
//! the cities of each with their weights.

/// A city shoppers come from. Coordinates are decimal degrees, kept as text because they are only ever printed.
#[derive(Debug)]
pub(super) struct City {
    pub name: &'static str,
    pub region: &'static str,
    pub lat: &'static str,
    pub lon: &'static str,
    pub weight: u16,
}

/// A country with what a store at home there needs to know.
#[derive(Debug)]
pub(super) struct Market {
    pub country: &'static str,
    pub locale: &'static str,
    pub timezone: chrono_tz::Tz,
    pub currency: &'static str,
    /// Local price level and exchange rate against euro prices, in thousandths.
    pub price_level: u32,
    /// Sales tax in hundredths of a percent.
    pub tax: u32,
    pub cities: &'static [City],
}

const fn city(
    name: &'static str,
    region: &'static str,
    lat: &'static str,
    lon: &'static str,
    weight: u16,
) -> City {
    City {
        name,
        region,
        lat,
        lon,
        weight,
    }
}

pub(super) const MARKETS: &[Market] = &[
    Market {
        country: "DE",
        locale: "de-DE",
        timezone: chrono_tz::Europe::Berlin,
        currency: "EUR",
        price_level: 1_000,
        tax: 1_900,
        cities: &[
            city("Berlin", "Berlin", "52.52", "13.40", 370),
            city("Hamburg", "Hamburg", "53.55", "9.99", 190),
            city("München", "Bayern", "48.14", "11.58", 150),
            city("Köln", "Nordrhein-Westfalen", "50.94", "6.96", 110),
            city("Frankfurt am Main", "Hessen", "50.11", "8.68", 80),
            city("Stuttgart", "Baden-Württemberg", "48.78", "9.18", 63),
            city("Düsseldorf", "Nordrhein-Westfalen", "51.23", "6.78", 62),
            city("Leipzig", "Sachsen", "51.34", "12.37", 60),
            city("Bremen", "Bremen", "53.08", "8.80", 57),
            city("Dresden", "Sachsen", "51.05", "13.74", 55),
            city("Freiburg", "Baden-Württemberg", "47.99", "7.85", 23),
        ],
    },
    Market {
        country: "GB",
        locale: "en-GB",
        timezone: chrono_tz::Europe::London,
        currency: "GBP",
        price_level: 880,
        tax: 2_000,
        cities: &[
            city("London", "England", "51.51", "-0.13", 890),
            city("Birmingham", "England", "52.48", "-1.90", 114),
            city("Glasgow", "Scotland", "55.86", "-4.25", 63),
            city("Manchester", "England", "53.48", "-2.24", 110),
            city("Leeds", "England", "53.80", "-1.55", 80),
            city("Bristol", "England", "51.45", "-2.59", 62),
            city("Edinburgh", "Scotland", "55.95", "-3.19", 53),
            city("Cardiff", "Wales", "51.48", "-3.18", 36),
            city("Belfast", "Northern Ireland", "54.60", "-5.93", 34),
        ],
    },
    Market {
        country: "US",
        locale: "en-US",
        timezone: chrono_tz::America::New_York,
        currency: "USD",
        price_level: 1_080,
        tax: 750,
        cities: &[
            city("New York", "New York", "40.71", "-74.01", 840),
            city("Los Angeles", "California", "34.05", "-118.24", 390),
            city("Chicago", "Illinois", "41.88", "-87.63", 270),
            city("Houston", "Texas", "29.76", "-95.37", 230),
            city("Phoenix", "Arizona", "33.45", "-112.07", 160),
            city("Philadelphia", "Pennsylvania", "39.95", "-75.17", 158),
            city("San Diego", "California", "32.72", "-117.16", 138),
            city("Austin", "Texas", "30.27", "-97.74", 97),
            city("Seattle", "Washington", "47.61", "-122.33", 75),
            city("Denver", "Colorado", "39.74", "-104.99", 71),
            city("Boston", "Massachusetts", "42.36", "-71.06", 66),
            city("Atlanta", "Georgia", "33.75", "-84.39", 50),
        ],
    },
    Market {
        country: "FR",
        locale: "fr-FR",
        timezone: chrono_tz::Europe::Paris,
        currency: "EUR",
        price_level: 1_030,
        tax: 2_000,
        cities: &[
            city("Paris", "Île-de-France", "48.86", "2.35", 215),
            city(
                "Marseille",
                "Provence-Alpes-Côte d'Azur",
                "43.30",
                "5.37",
                87,
            ),
            city("Lyon", "Auvergne-Rhône-Alpes", "45.76", "4.84", 52),
            city("Toulouse", "Occitanie", "43.60", "1.44", 49),
            city("Nice", "Provence-Alpes-Côte d'Azur", "43.71", "7.26", 34),
            city("Nantes", "Pays de la Loire", "47.22", "-1.55", 32),
            city("Bordeaux", "Nouvelle-Aquitaine", "44.84", "-0.58", 26),
            city("Lille", "Hauts-de-France", "50.63", "3.06", 23),
        ],
    },
    Market {
        country: "SE",
        locale: "sv-SE",
        timezone: chrono_tz::Europe::Stockholm,
        currency: "SEK",
        price_level: 11_400,
        tax: 2_500,
        cities: &[
            city("Stockholm", "Stockholms län", "59.33", "18.07", 98),
            city("Göteborg", "Västra Götalands län", "57.71", "11.97", 59),
            city("Malmö", "Skåne län", "55.60", "13.00", 35),
            city("Uppsala", "Uppsala län", "59.86", "17.64", 17),
            city("Linköping", "Östergötlands län", "58.41", "15.62", 11),
            city("Umeå", "Västerbottens län", "63.83", "20.26", 9),
        ],
    },
    Market {
        country: "AU",
        locale: "en-AU",
        timezone: chrono_tz::Australia::Sydney,
        currency: "AUD",
        price_level: 1_640,
        tax: 1_000,
        cities: &[
            city("Sydney", "New South Wales", "-33.87", "151.21", 530),
            city("Melbourne", "Victoria", "-37.81", "144.96", 500),
            city("Brisbane", "Queensland", "-27.47", "153.03", 256),
            city("Perth", "Western Australia", "-31.95", "115.86", 214),
            city("Adelaide", "South Australia", "-34.93", "138.60", 138),
            city(
                "Canberra",
                "Australian Capital Territory",
                "-35.28",
                "149.13",
                46,
            ),
        ],
    },
    Market {
        country: "CA",
        locale: "en-CA",
        timezone: chrono_tz::America::Toronto,
        currency: "CAD",
        price_level: 1_480,
        tax: 1_300,
        cities: &[
            city("Toronto", "Ontario", "43.65", "-79.38", 279),
            city("Montréal", "Québec", "45.50", "-73.57", 176),
            city("Calgary", "Alberta", "51.05", "-114.07", 131),
            city("Ottawa", "Ontario", "45.42", "-75.70", 102),
            city("Vancouver", "British Columbia", "49.28", "-123.12", 66),
            city("Halifax", "Nova Scotia", "44.65", "-63.58", 44),
        ],
    },
    Market {
        country: "NL",
        locale: "nl-NL",
        timezone: chrono_tz::Europe::Amsterdam,
        currency: "EUR",
        price_level: 1_010,
        tax: 2_100,
        cities: &[
            city("Amsterdam", "Noord-Holland", "52.37", "4.90", 92),
            city("Rotterdam", "Zuid-Holland", "51.92", "4.48", 66),
            city("Den Haag", "Zuid-Holland", "52.08", "4.31", 56),
            city("Utrecht", "Utrecht", "52.09", "5.12", 37),
            city("Eindhoven", "Noord-Brabant", "51.44", "5.48", 24),
            city("Groningen", "Groningen", "53.22", "6.57", 24),
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cities_are_on_the_globe() {
        for city in MARKETS.iter().flat_map(|market| market.cities) {
            assert!(
                city.lat.parse::<f64>().is_ok_and(|lat| lat.abs() <= 90.0),
                "{}",
                city.name
            );
            assert!(
                city.lon.parse::<f64>().is_ok_and(|lon| lon.abs() <= 180.0),
                "{}",
                city.name
            );
            assert!(city.weight > 0);
        }
    }
}
