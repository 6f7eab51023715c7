//! What shoppers send: numbered events of every kind that operators care about, some late, some broken, some sent again.

use std::fmt::Write as _;
use std::sync::Arc;

use tradewind_model::{Micros, Store, StoreDirectory, StoreId, StoreZone};

use crate::dice::Dice;

/// The installation's stores.
pub struct Shops(Vec<Arc<Store>>);

impl Shops {
    pub fn new() -> Self {
        let store = |id: &str, currency: &str, zone: &str| {
            Arc::new(Store {
                store_id: StoreId::new(id).expect("an id"),
                name: id.to_owned(),
                currency: currency.to_owned(),
                zone: StoreZone::new(zone).expect("a zone"),
            })
        };
        Self(vec![
            store("berlin", "EUR", "Europe/Berlin"),
            store("kathmandu", "NPR", "Asia/Kathmandu"),
        ])
    }

    pub fn pick(&self, dice: &Dice) -> Arc<Store> {
        let at = usize::try_from(dice.below(self.0.len() as u64)).unwrap_or(0);
        Arc::clone(&self.0[at])
    }
}

impl StoreDirectory for Shops {
    fn store(&self, id: &StoreId) -> Option<Arc<Store>> {
        self.0.iter().find(|s| s.store_id == *id).cloned()
    }

    fn stores(&self) -> Vec<Arc<Store>> {
        self.0.clone()
    }
}

/// One item of a request.
#[derive(Debug, Clone)]
pub struct Item {
    /// The event's id; `None` for an item that must be rejected.
    pub id: Option<String>,
    pub raw: String,
}

const VISITORS: u64 = 12;
const PRODUCTS: u64 = 9;

/// The next item of a store.
pub fn item(store: &Store, number: u64, now: Micros, dice: &Dice) -> Item {
    if dice.once_in(25) {
        let broken = [
            "{\"type\":\"product_viewed\"",
            "{\"type\":\"flew_away\",\"anonymous_id\":\"v\"}",
            "{\"type\":\"product_viewed\",\"anonymous_id\":\"v\",\"product\":{\"product_id\":\"p\",\"price\":\"x\"}}",
            "[1]",
            "{\"type\":\"order_completed\",\"anonymous_id\":\"v\",\"time\":1}",
        ];
        let at = usize::try_from(dice.below(broken.len() as u64)).unwrap_or(0);
        return Item {
            id: None,
            raw: broken[at].to_owned(),
        };
    }
    let id = format!("{}-{number}", store.store_id);
    // Most come at once, some within the allowed lateness, a few long after.
    let behind = match dice.below(20) {
        0 => dice.between(0, 6 * Micros::HOUR),
        1 | 2 => dice.between(0, Micros::HOUR),
        _ => dice.between(0, Micros::SECOND),
    };
    let time = (now.0 - behind) / 1_000;
    let mut raw = format!("{{\"event_id\":\"{id}\",\"time\":{time}");
    let visitor = dice.below(VISITORS);
    let product = dice.below(PRODUCTS);
    let order = dice.below(40);
    let line = format!(
        "{{\"product_id\":\"p{product}\",\"category\":\"c{}\",\"brand\":\"b{}\",\"price\":\"{}.{:02}\",\"quantity\":{}}}",
        product % 4,
        product % 3,
        product * 7,
        product * 11,
        1 + product % 3
    );
    let _ = write!(raw, ",\"anonymous_id\":\"v{visitor}\"");
    if dice.once_in(3) {
        let _ = write!(raw, ",\"session_id\":\"s{}\"", dice.below(3));
    }
    let _ = match dice.below(24) {
        0..=3 => write!(raw, ",\"type\":\"page_viewed\""),
        4..=7 => write!(raw, ",\"type\":\"product_viewed\",\"product\":{line}"),
        8 | 9 => write!(raw, ",\"type\":\"product_added\",\"product\":{line}"),
        10 => write!(raw, ",\"type\":\"product_removed\",\"product\":{line}"),
        11 => write!(raw, ",\"type\":\"checkout_started\",\"products\":[{line}]"),
        12 | 13 => write!(
            raw,
            ",\"type\":\"order_completed\",\"order\":{{\"order_id\":\"o{order}\"}},\"products\":[{line}]"
        ),
        14 => write!(
            raw,
            ",\"type\":\"order_refunded\",\"order\":{{\"order_id\":\"o{order}\",\"total\":\"{}.50\"}}",
            product
        ),
        15 => write!(
            raw,
            ",\"type\":\"order_cancelled\",\"order\":{{\"order_id\":\"o{order}\"}}"
        ),
        16 => write!(
            raw,
            ",\"type\":\"order_updated\",\"order\":{{\"order_id\":\"o{order}\",\"discount\":\"1.50\"}},\"products\":[{line},{line}]"
        ),
        17 => write!(
            raw,
            ",\"type\":\"order_refunded\",\"order\":{{\"order_id\":\"o{order}\"}},\"products\":[{line}]"
        ),
        of_order @ 18..=20 => write!(
            raw,
            ",\"type\":\"{}\",\"order\":{{\"order_id\":\"o{order}\"}}",
            ["order_fulfilled", "payment_succeeded", "payment_failed"]
                [usize::try_from(of_order - 18).unwrap_or(0)]
        ),
        21 => write!(
            raw,
            ",\"type\":\"inventory_adjusted\",\"product\":{line},\"delta\":-1"
        ),
        22 => write!(
            raw,
            ",\"type\":\"product_upserted\",\"product\":{line},\"stock\":{order}"
        ),
        _ => write!(raw, ",\"type\":\"price_changed\",\"product\":{line}"),
    };
    raw.push('}');
    Item { id: Some(id), raw }
}
