//! Case 08: what a browser sends when it adds prices as floating-point numbers is a real order.

use anyhow::ensure;
use tradewind_sim::binary::run;

use crate::support::Shop;

#[test]
fn m1_sums_of_doubles_are_rounded_and_texts_are_not() {
    run(|binary| async move {
        let shop = Shop::new(binary)?;
        let answer = shop
            .send(concat!(
                r#"{"type":"order_completed","event_id":"c1","time":"2026-11-20T10:00:00Z","anonymous_id":"v1","order":{"order_id":"o1","subtotal":836.9999999999998,"total":836.9999999999998},"products":[{"product_id":"p","price":837,"quantity":1}]}"#,
                "\n",
                r#"{"type":"order_completed","event_id":"c2","time":"2026-11-20T10:00:00Z","anonymous_id":"v2","order":{"order_id":"o2","revenue":183.60000000000002}}"#,
                "\n",
                r#"{"type":"order_completed","event_id":"c3","time":"2026-11-20T10:00:00Z","anonymous_id":"v3","order":{"order_id":"o3","subtotal":16.666666666666668}}"#,
                "\n",
                r#"{"type":"order_completed","event_id":"c4","time":"2026-11-20T10:00:00Z","anonymous_id":"v4","order":{"order_id":"o4","subtotal":1.2345e3}}"#,
                "\n",
                r#"{"type":"order_completed","event_id":"c5","time":"2026-11-20T10:00:00Z","anonymous_id":"v5","order":{"order_id":"o5","subtotal":"16.66667"}}"#,
                "\n",
            ))
            .await?;
        ensure!(answer["accepted"] == 4, "{answer}");
        let told = answer["rejected"][0]["message"]
            .as_str()
            .unwrap_or_default();
        ensure!(
            told.contains("`order.subtotal`") && told.contains("4 decimal places"),
            "{answer}"
        );
        shop.expect(
            "SELECT order_id, net_revenue FROM silver.orders ORDER BY 1",
            &[
                &["o1", "837.0000"],
                &["o2", "183.6000"],
                &["o3", "16.6667"],
                &["o4", "1234.5000"],
            ],
        )
        .await?;
        shop.verify_and_replay().await
    });
}
