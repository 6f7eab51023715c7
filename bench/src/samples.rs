//! Single events of each kind, as a shop sends them: many visitors, products and moments, ids that never repeat.

/// Event types of which [`lines`] makes events, in the order a shopper causes them.
pub const TYPES: [&str; 8] = [
    "page_viewed",
    "product_viewed",
    "product_added",
    "checkout_started",
    "order_completed",
    "order_refunded",
    "payment_succeeded",
    "inventory_adjusted",
];

/// Native JSON events of a type, a hundredth of a second apart; `count` visitors share them ten to one.
#[must_use]
pub fn lines(event_type: &str, count: usize) -> Vec<String> {
    (0..count).map(|i| line(event_type, i)).collect()
}

fn line(event_type: &str, i: usize) -> String {
    let time = i / 100;
    let (hour, minute, second, part) = (time / 3600 % 24, time / 60 % 60, time % 60, i % 100);
    let visitor = i.wrapping_mul(7_919) % (i / 10 + 100);
    let product = 1_000_000 + i.wrapping_mul(104_729) % 2_003;
    let price = format!("{}.{:02}", product % 900 + 1, product % 100);
    let head = format!(
        "{{\"type\":\"{event_type}\",\"event_id\":\"019b8b74-{event_type}-{i:012x}\",\
         \"time\":\"2026-01-05T{hour:02}:{minute:02}:{second:02}.{part:02}0000Z\""
    );
    let who = format!("\"anonymous_id\":\"a{visitor:016x}\",\"session_id\":\"s{visitor:016x}\"");
    let item = format!(
        "{{\"product_id\":\"{product}\",\"sku\":\"BOO-{product}\",\"name\":\"Ridgeway Glade Boots {product}\",\"category\":\"outdoor.kind{}\",\
         \"brand\":\"Brand {}\",\"price\":\"{price}\",\"quantity\":1}}",
        product % 12,
        product % 40
    );
    let context = format!(
        "\"currency\":\"EUR\",\"context\":{{\"ip\":\"198.51.100.{}\",\"user_agent\":\"Mozilla/5.0 (Windows NT 10.0; Win64; x64) \
         AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36\",\"locale\":\"de-DE\",\
         \"page\":{{\"url\":\"https://harbour-outdoor.example/p/{product}\",\"path\":\"/p/{product}\"}},\
         \"device\":{{\"type\":\"desktop\",\"os\":\"Windows\",\"browser\":\"Chrome\"}},\"country\":\"DE\",\"city\":\"City {}\"}}",
        i % 250,
        i % 30
    );
    match event_type {
        "page_viewed" | "checkout_started" => format!("{head},{who},{context}}}"),
        "order_completed" => format!(
            "{head},{who},\"products\":[{item}],\"order\":{{\"order_id\":\"o{i}\",\"subtotal\":\"{price}\",\"discount\":\"0.50\",\
             \"payment_method\":\"card\"}},{context}}}"
        ),
        "order_refunded" | "payment_succeeded" => {
            format!(
                "{head},{who},\"order\":{{\"order_id\":\"o{i}\",\"total\":\"0.25\"}},\"currency\":\"EUR\"}}"
            )
        }
        "inventory_adjusted" => {
            format!("{head},\"product\":{item},\"delta\":-1,\"currency\":\"EUR\"}}")
        }
        _ => format!("{head},{who},\"product\":{item},{context}}}"),
    }
}

/// The header of REES46 files.
pub const REES46_HEADER: &str =
    "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session";

/// REES46 CSV lines: views, some carts and purchases.
#[must_use]
pub fn rees46(count: usize) -> Vec<String> {
    (0..count)
        .map(|i| {
            let kind = ["view", "view", "view", "cart", "purchase"][i % 5];
            let (product, user) = (1_000_000 + i * 7_919 % 50_021, 512_000_000 + i * 104_729 % 300_007);
            format!(
                "2019-10-01 {:02}:{:02}:{:02} UTC,{kind},{product},2053013552326770905,appliances.environment.water_heater,aqua,{}.{:02},\
                 {user},9333dfbd-b87a-4708-9857-{user:012x}",
                i / 3600 % 24,
                i / 60 % 60,
                i % 60,
                product % 900 + 1,
                product % 100
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradewind_model::validate::Envelope;
    use tradewind_model::{Clock as _, Decoder, Store, StoreId, SystemClock};

    #[test]
    fn every_sample_is_a_valid_event_of_its_type() {
        let mut store = Store::new(StoreId::new("s").unwrap());
        store.currency = "EUR".to_owned();
        let envelope = Envelope {
            received_at: SystemClock.now(),
            event_id: "",
        };
        for name in TYPES {
            for raw in lines(name, 20) {
                let event = Decoder::Json
                    .decode(raw.as_bytes(), &envelope, &store)
                    .unwrap_or_else(|e| panic!("{raw}: {e}"));
                assert_eq!(event.event_type.name(), name);
            }
        }
    }
}
