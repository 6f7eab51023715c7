//! Histories no shop would have: few visitors, products and orders, every type of event, out of order, late, repeated, changed
//! currencies and broken lines among them. What the operators say of them live must be what SQL says of them afterwards.

use std::fmt::Write as _;

use crate::chance::Chance;

/// Time zones with and without summer time, whole and broken hours, and the ends of the world.
pub const ZONES: [&str; 6] = [
    "UTC",
    "Asia/Kolkata",
    "America/New_York",
    "Europe/Berlin",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
];

const TYPES: [&str; 36] = [
    "page_viewed",
    "products_searched",
    "product_list_viewed",
    "product_clicked",
    "product_viewed",
    "product_viewed",
    "product_viewed",
    "product_added",
    "product_added",
    "product_added",
    "product_removed",
    "cart_viewed",
    "checkout_started",
    "checkout_step_viewed",
    "checkout_step_completed",
    "payment_info_entered",
    "promotion_viewed",
    "coupon_applied",
    "coupon_removed",
    "signed_up",
    "logged_in",
    "order_completed",
    "order_completed",
    "order_completed",
    "order_completed",
    "order_updated",
    "order_cancelled",
    "order_refunded",
    "order_refunded",
    "order_fulfilled",
    "payment_succeeded",
    "payment_failed",
    "inventory_adjusted",
    "shipment_received",
    "price_changed",
    "product_upserted",
];

/// A moment at which Europe and America change their clocks within days: 2026-10-23, in milliseconds.
const BEGIN: u64 = 1_792_713_600_000;

/// A history of so many lines in files of NDJSON, to be imported one after the other.
#[must_use]
pub fn files(chance: &mut Chance, lines: u64, files: usize) -> Vec<String> {
    let mut written: Vec<String> = Vec::new();
    let mut out = vec![String::new(); files.max(1)];
    // From an hour to twelve days.
    let span = [1, 24, 24 * 12][chance.between(0, 2) as usize] * 3_600_000;
    let in_order = chance.once_in(3);
    for number in 0..lines {
        let line = match written.get(chance.between(0, 10 * lines) as usize) {
            Some(again) => again.clone(),
            None if chance.once_in(60) => broken(chance),
            None => {
                let time = if in_order && !chance.once_in(20) {
                    number * span / lines
                } else {
                    chance.between(0, span)
                };
                event(chance, number, BEGIN + time)
            }
        };
        let file = (number * out.len() as u64 / lines.max(1)) as usize;
        let _ = writeln!(out[file], "{line}");
        written.push(line);
    }
    out
}

/// Something that is no event.
fn broken(chance: &mut Chance) -> String {
    [
        r#"{"type":"page_viewed""#,
        r#"{"type":"nothing_known","anonymous_id":"v1"}"#,
        r#"{"type":"order_refunded","time":1792713600000}"#,
        r#"{"type":"product_viewed","anonymous_id":"v1","time":"soon","product":{"product_id":"p1"}}"#,
        r#"{"type":"order_completed","order":{"order_id":"o1"},"products":[{"product_id":"p1","price":"1.23456"}]}"#,
        "[]",
    ][chance.between(0, 5) as usize]
        .to_owned()
}

fn event(chance: &mut Chance, number: u64, time: u64) -> String {
    let kind = TYPES[chance.between(0, TYPES.len() as u64 - 1) as usize];
    let mut line = format!(r#"{{"type":"{kind}","event_id":"e{number}","time":{time}"#);
    if !chance.once_in(30) {
        let _ = write!(line, r#","anonymous_id":"v{}""#, chance.between(0, 5));
    }
    if chance.once_in(3) {
        let _ = write!(line, r#","user_id":"u{}""#, chance.between(0, 3));
    }
    if chance.once_in(3) {
        let _ = write!(line, r#","session_id":"s{}""#, chance.between(0, 3));
    }
    if chance.once_in(2) {
        let _ = write!(
            line,
            r#","context":{{"city":"city{}","country":"C{}"}}"#,
            chance.between(0, 3),
            chance.between(0, 1)
        );
    }
    let is_order =
        kind.starts_with("order_") || kind.starts_with("payment_") && !kind.ends_with("entered");
    if is_order {
        let _ = write!(
            line,
            r#","order":{{"order_id":"o{}""#,
            chance.between(0, 12)
        );
        for field in ["discount", "tax", "shipping"] {
            if chance.once_in(4) {
                let _ = write!(line, r#","{field}":"{}""#, money(chance, 30));
            }
        }
        if kind == "order_refunded" && chance.once_in(2) {
            let _ = write!(line, r#","total":"{}""#, money(chance, 40));
        }
        line.push('}');
    }
    if matches!(kind, "order_completed" | "order_updated")
        || kind == "order_refunded" && chance.once_in(3)
    {
        let lines: Vec<String> = (0..chance.between(1, 3)).map(|_| product(chance)).collect();
        let _ = write!(line, r#","products":[{}]"#, lines.join(","));
    } else if !is_order {
        let _ = write!(line, r#","product":{}"#, product(chance));
    }
    line.push('}');
    line
}

/// An amount of at most `most` units with up to four places.
fn money(chance: &mut Chance, most: u64) -> String {
    let places = chance.between(0, 4) as usize;
    let fraction = format!("{:04}", chance.between(0, 9_999));
    let units = chance.between(0, most);
    if places == 0 {
        units.to_string()
    } else {
        format!("{units}.{}", &fraction[..places])
    }
}

fn product(chance: &mut Chance) -> String {
    let number = chance.between(0, 6);
    let mut product = format!(
        r#"{{"product_id":"p{number}","price":"{}""#,
        money(chance, 50)
    );
    if number != 6 {
        let _ = write!(product, r#","category":"c{}.d{}""#, number % 2, number % 3);
    }
    if !number.is_multiple_of(3) {
        let _ = write!(product, r#","brand":"b{}""#, number % 2);
    }
    if chance.once_in(2) {
        let _ = write!(product, r#","cost":"{}""#, money(chance, 60));
    }
    if chance.once_in(2) {
        let units = chance.between(0, 4);
        // Kilos and metres, too.
        let part = ["", ".5", ".25", ".333"][usize::try_from(chance.between(0, 3)).unwrap_or(0)];
        let _ = write!(product, r#","quantity":{units}{part}"#);
    }
    product.push('}');
    product
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_history() {
        let made = |seed| files(&mut Chance::new(seed, 1), 500, 3);
        assert_eq!(made(1), made(1));
        assert_ne!(made(1), made(2));
        let text = made(1).concat();
        let events = text
            .lines()
            .filter(|line| serde_json::from_str::<serde_json::Value>(line).is_ok())
            .count();
        assert!(events > 480, "{events} of 500 lines are JSON");
    }
}
