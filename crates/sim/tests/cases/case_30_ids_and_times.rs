//! Case 30 and its kind: numbers for ids of any length, counts as text, cut emoji, and times as languages and databases write them.

use anyhow::ensure;
use tradewind_sim::binary::run;

use crate::support::Shop;

#[test]
fn ids_stay_digit_by_digit() {
    run(|binary| async move {
        let shop = Shop::new(binary)?;
        shop.send_all(concat!(
            r#"{"type":"order_completed","event_id":9007199254740993,"time":1795168080,"anonymous_id":9007199254740993,"user_id":9223372036854775807,"order":{"order_id":9223372036854775807,"total":10},"products":[{"product_id":9007199254740993,"price":10,"quantity":"1.0"}]}"#,
            "\n",
            r#"{"type":"order_completed","event_id":9007199254740992,"time":"1795168080.5","anonymous_id":9007199254740992,"order":{"order_id":9223372036854775806,"total":20},"products":[{"product_id":9007199254740992,"price":20}]}"#,
            "\n",
            r#"{"type":"product_viewed","event_id":"b1","time":"Fri, 20 Nov 2026 10:48:00 +0100","anonymous_id":9223372036854775808,"product":{"product_id":18446744073709551615,"sku":12345678901234567890123,"name":"cut \ud83d"}}"#,
            "\n",
            r#"{"type":"product_viewed","event_id":"b2","time":"20261120T094800Z","anonymous_id":"01","product":{"product_id":"00042"},"properties":{"note":"\udc00"}}"#,
            "\n",
        ))
        .await?;
        shop.expect(
            "SELECT order_id, visitor, user_id, completed_at FROM silver.orders ORDER BY 1",
            &[
                &[
                    "9223372036854775806",
                    "9007199254740992",
                    "",
                    "2026-11-20T09:48:00.500Z",
                ],
                &[
                    "9223372036854775807",
                    "9007199254740993",
                    "9223372036854775807",
                    "2026-11-20T09:48:00Z",
                ],
            ],
        )
        .await?;
        let events = shop
            .ask("SELECT event_id, visitor, time, properties FROM silver.events WHERE event_id IN ('b1','b2') ORDER BY 1")
            .await?;
        ensure!(
            events[0][1] == "9223372036854775808" && events[1][1] == "01",
            "{events:?}"
        );
        ensure!(
            events.iter().all(|row| row[2] == "2026-11-20T09:48:00Z"),
            "{events:?}"
        );
        shop.expect(
            "SELECT product_id, sku, name FROM silver.line_items WHERE event_id = 'b1'",
            &[&[
                "18446744073709551615",
                "12345678901234567890123",
                "cut \u{fffd}",
            ]],
        )
        .await?;
        shop.verify_and_replay().await
    });
}
