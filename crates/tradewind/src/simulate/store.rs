//! A simulated store: its name, market and catalogue, how busy it is at each hour of its own day, and who its
//! visitors are.

use chrono::{DateTime, Datelike, Offset, TimeZone, Timelike};

use super::catalogue::{Catalogue, charm};
use super::devices::{DEVICES, SOURCES};
use super::event::{Lines, Money, Who};
use super::rng::{Alias, Rng, mix};
use super::trades::{COUPONS, PLACES, TRADES};
use super::world::{City, MARKETS, Market};

/// Visits by local hour, and by weekday from Monday, in thousandths of an arbitrary level.
const HOURS: [u32; 24] = [
    350, 200, 130, 100, 120, 200, 400, 650, 850, 1000, 1100, 1150, 1200, 1150, 1100, 1100, 1200,
    1400, 1750, 1950, 1900, 1650, 1100, 650,
];
const WEEKDAYS: [u32; 7] = [970, 950, 950, 980, 1020, 1050, 1080];
/// The hour curve is constant for this long, µs of the store's time.
const BLOCK: i64 = 900_000_000;
/// Share of visits by people who were here before.
const RETURNING: f64 = 0.35;

/// A store as the simulator plays it.
#[derive(Clone, Debug)]
pub struct SimStore {
    /// Identifier in the style of `harbour-outdoor`.
    pub id: String,
    /// Name for people, such as `Harbour Outdoor`.
    pub name: String,
    /// IANA time zone name.
    pub timezone: &'static str,
    /// ISO 4217 code.
    pub currency: &'static str,
    /// Whether events name the currency; left out when they are sent to a store that may count in another.
    pub names_currency: bool,
    pub(super) prefix: String,
    pub(super) catalogue: Catalogue,
    /// Ready JSON of each city shoppers come from: `,"locale":"…","country":"…",…,"lon":…}`.
    pub(super) cities: Vec<String>,
    pub(super) orders: u64,
    market: &'static Market,
    key: u64,
    start: i64,
    compression: f64,
    /// Sessions per µs at the typical hour.
    arrival_rate: f64,
    visitors: u64,
    known_at_start: u64,
    city_weights: Alias,
    device_weights: Alias,
    source_weights: Alias,
    block: i64,
    busy: f64,
}

/// What a session starts with.
pub(super) struct Visit {
    pub who: Who,
    pub newcomer: bool,
    /// Has or will open an account here.
    pub member: bool,
}

/// What the stores have in common.
pub(super) struct Terms {
    pub seed: u64,
    pub start: i64,
    pub compression: f64,
    pub products: u32,
}

impl SimStore {
    /// Store number `index`, with so many `sessions` and sold `units` a second at the typical hour.
    pub(super) fn new(index: u32, terms: &Terms, sessions: f64, units: f64) -> Self {
        let key = mix(mix(terms.seed) ^ u64::from(index));
        let mut rng = Rng::new(key);
        let (trade, round) = (index as usize % TRADES.len(), index as usize / TRADES.len());
        // A trade is at home in another market each round.
        let market = &MARKETS[(index as usize + round) % MARKETS.len()];
        // Each trade meets each place once; the shift keeps neighbours from sharing a first word.
        let place = PLACES[(round + trade * 3) % PLACES.len()];
        let mut name = format!("{place} {}", TRADES[trade].title);
        if round >= PLACES.len() {
            name.push_str(&format!(" {}", round / PLACES.len() + 1));
        }
        let mut cities: Vec<(&Market, &City)> =
            market.cities.iter().map(|city| (market, city)).collect();
        let mut weights: Vec<f64> = market
            .cities
            .iter()
            .map(|city| f64::from(city.weight))
            .collect();
        // One shopper in twelve lives abroad.
        let abroad: Vec<&Market> = MARKETS
            .iter()
            .filter(|m| m.country != market.country)
            .collect();
        let share = weights.iter().sum::<f64>() / 11.0 / abroad.len() as f64;
        for other in abroad {
            cities.push((other, &other.cities[0]));
            weights.push(share);
        }
        let known_at_start = (sessions * 86_400.0 * 3.0) as u64 + 500;
        Self {
            id: name.to_lowercase().replace(' ', "-"),
            prefix: name
                .split(' ')
                .filter_map(|word| word.chars().next())
                .collect(),
            name,
            timezone: market.timezone.name(),
            currency: market.currency,
            names_currency: true,
            catalogue: Catalogue::new(
                trade,
                terms.products,
                market.price_level,
                units * 86_400.0,
                &mut rng,
            ),
            cities: cities
                .iter()
                .map(|(market, city)| city_json(market, city))
                .collect(),
            orders: 0,
            market,
            key,
            start: terms.start,
            compression: terms.compression,
            arrival_rate: sessions / 1e6,
            visitors: known_at_start,
            known_at_start,
            city_weights: Alias::new(&weights),
            device_weights: Alias::new(&DEVICES.map_weights(|d| d.weight)),
            source_weights: Alias::new(&SOURCES.map_weights(|s| s.weight)),
            block: i64::MIN,
            busy: 1.0,
        }
    }

    /// When the next session begins, UTC µs: a Poisson process that follows the store's local day.
    pub(super) fn next_arrival(&mut self, now: i64, rng: &mut Rng) -> i64 {
        let mut left = rng.exponential();
        let mut at = now as f64 - self.start as f64;
        loop {
            let block = ((at * self.compression) as i64 + self.start).div_euclid(BLOCK);
            if block != self.block {
                self.block = block;
                self.busy = self.busy_at(block * BLOCK + BLOCK / 2);
            }
            let rate = self.arrival_rate * self.busy;
            let end = ((block + 1) * BLOCK - self.start) as f64 / self.compression;
            let wait = left / rate;
            if at + wait < end {
                return self.start + (at + wait) as i64;
            }
            left -= (end - at).max(0.0) * rate;
            at = end.max(at) + 1.0;
        }
    }

    /// How busy the store is at `time` (UTC µs) against its average.
    fn busy_at(&self, time: i64) -> f64 {
        let Some(utc) = DateTime::from_timestamp_micros(time) else {
            return 1.0;
        };
        let offset = self
            .market
            .timezone
            .offset_from_utc_datetime(&utc.naive_utc())
            .fix();
        let local = utc.with_timezone(&offset);
        let hour = local.hour() as usize;
        // Between hours the curve goes straight from one to the next.
        let into = f64::from(local.minute()) / 60.0;
        let level =
            f64::from(HOURS[hour]) * (1.0 - into) + f64::from(HOURS[(hour + 1) % 24]) * into;
        let weekday =
            f64::from(WEEKDAYS[local.weekday().num_days_from_monday() as usize]) / 1_000.0;
        level * weekday / (f64::from(HOURS.iter().sum::<u32>()) / 24.0)
    }

    /// Somebody comes to the store. The same visitor always has the same city, device and account.
    pub(super) fn visit(
        &mut self,
        session: u64,
        rng: &mut Rng,
        is_here: impl Fn(u64) -> bool,
    ) -> Visit {
        let mut newcomer = !rng.chance(RETURNING);
        let mut visitor = self.visitors;
        if !newcomer {
            // Low numbers are the regulars.
            let u = rng.unit();
            visitor = (self.visitors as f64 * u * u.sqrt()) as u64;
            newcomer = is_here(visitor);
        }
        if newcomer {
            visitor = self.visitors;
            self.visitors += 1;
        }
        let mut own = Rng::new(mix(self.key ^ mix(visitor)));
        let city = self.city_weights.draw(&mut own) as u8;
        let device = self.device_weights.draw(&mut own) as u8;
        let member = own.chance(0.45);
        // Some people come with a second device and log in there with the account of the first.
        let second = visitor > 0 && own.chance(0.06);
        let source = self.source_weights.draw(rng) as u8;
        // Members come back logged in, log in during the visit, or do not bother.
        let known = member && !newcomer && rng.chance(0.4);
        let who = Who {
            visitor,
            session,
            user: visitor - u64::from(second),
            known,
            city,
            device,
            source,
            traits: own.bits(),
        };
        Visit {
            who,
            newcomer: newcomer && visitor >= self.known_at_start,
            member,
        }
    }

    /// The money of an order of `lines`: tax on what is paid for the goods, shipping free above a threshold.
    pub(super) fn price(&self, lines: &Lines, coupon: Option<u8>, express: bool) -> Money {
        let subtotal = lines.value();
        let percent = coupon.map_or(0, |coupon| i64::from(COUPONS[usize::from(coupon)].1));
        let discount = (subtotal * percent + 50) / 100;
        let tax = ((subtotal - discount) * i64::from(self.market.tax) + 5_000) / 10_000;
        let level = i64::from(self.market.price_level);
        let standard = if subtotal - discount >= 75_00 * level / 1_000 {
            0
        } else {
            self.scaled(4_50)
        };
        let shipping = standard + if express { self.scaled(7_50) } else { 0 };
        Money {
            subtotal,
            discount,
            tax,
            shipping,
        }
    }

    /// Euro cents as a fee in the store's currency.
    fn scaled(&self, cents: u32) -> i64 {
        i64::from(charm(cents * self.market.price_level / 1_000))
    }

    /// A delay of shop life (deliveries, returns), hours in, µs on the clock out.
    pub(super) fn slow(&self, hours: f64) -> i64 {
        (hours * 3.6e9 / self.compression) as i64
    }

    /// Bits that tell this store's visitors from another's.
    pub(super) fn key(&self) -> u64 {
        self.key
    }
}

/// The end of the context of an event from `city`, its closing brace included.
fn city_json(market: &Market, city: &City) -> String {
    format!(
        r#","locale":"{}","country":"{}","region":"{}","city":"{}","lat":{},"lon":{}}}"#,
        market.locale, market.country, city.region, city.name, city.lat, city.lon
    )
}

trait Weights<T> {
    fn map_weights(&self, weight: impl Fn(&T) -> u16) -> Vec<f64>;
}

impl<T> Weights<T> for [T] {
    fn map_weights(&self, weight: impl Fn(&T) -> u16) -> Vec<f64> {
        self.iter().map(|item| f64::from(weight(item))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms = Terms {
        seed: 1,
        start: 1_760_000_000_000_000,
        compression: 1.0,
        products: 100,
    };

    #[test]
    fn names_and_ids_are_unique() {
        let mut ids: Vec<String> = (0..300)
            .map(|i| SimStore::new(i, &TERMS, 0.1, 0.01).id)
            .collect();
        assert_eq!(ids[0], "harbour-outdoor");
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 300);
    }

    #[test]
    fn evenings_are_busy_and_a_week_averages_to_one() {
        for index in [0, 2, 5] {
            let store = SimStore::new(index, &TERMS, 0.1, 0.01);
            let quarters: Vec<f64> = (0..7 * 96)
                .map(|i| store.busy_at(TERMS.start + i * BLOCK))
                .collect();
            let mean = quarters.iter().sum::<f64>() / quarters.len() as f64;
            assert!((mean - 1.0).abs() < 0.01, "{mean}");
            let peak = (0..96)
                .max_by(|&a, &b| quarters[a].total_cmp(&quarters[b]))
                .unwrap_or(0);
            let time = DateTime::from_timestamp_micros(TERMS.start + peak as i64 * BLOCK)
                .unwrap_or_default();
            let hour = time.with_timezone(&store.market.timezone).hour();
            assert!((18..=21).contains(&hour), "peak at {hour}");
        }
    }

    #[test]
    fn a_visitor_keeps_city_and_device() {
        let mut store = SimStore::new(0, &TERMS, 0.1, 0.01);
        let mut rng = Rng::new(1);
        let mut seen = std::collections::BTreeMap::new();
        let mut returning = 0;
        for session in 0..20_000 {
            let visit = store.visit(session, &mut rng, |_| false);
            returning += u32::from(!visit.newcomer);
            let now = (
                visit.who.city,
                visit.who.device,
                visit.who.traits,
                visit.member,
            );
            assert_eq!(*seen.entry(visit.who.visitor).or_insert(now), now);
        }
        assert!((6_600..7_400).contains(&returning), "{returning}");
    }
}
