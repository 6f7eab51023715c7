//! Case 32: kilos and metres are sold, too. Quantities have up to three places in orders, carts, stock and refunds.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tradewind_sim::binary::run;

use crate::support::Shop;

fn order(id: &str, quantity: &Value) -> String {
    json!({
        "type": "order_completed", "event_id": id, "time": "2026-11-20T10:00:00Z", "anonymous_id": "v",
        "order": {"order_id": id}, "products": [{"product_id": "p", "price": "8.00", "cost": "3.3333", "quantity": quantity}],
    })
    .to_string()
}

#[test]
fn m1_quantities_with_decimals_count_everywhere() {
    run(|binary| async move {
        let shop = Shop::new(binary)?;
        let quantities = [
            json!("2"),
            json!(2.0),
            json!("3.0"),
            json!(0.5),
            json!("1,5"),
            json!(-1),
            json!(0),
            json!(null),
            json!(1e15),
            json!("0.0005"),
            json!(0.1 + 0.2),
            json!("0.333"),
        ];
        let orders: Vec<String> = (quantities.iter().enumerate())
            .map(|(i, quantity)| order(&format!("o{i:02}"), quantity))
            .collect();
        let answer = shop.send(&orders.join("\n")).await?;
        ensure!(answer["accepted"] == 8, "{answer}");
        let rejected = answer["rejected"].as_array().context("no list")?;
        for (at, index) in [4, 5, 8, 9].into_iter().enumerate() {
            let told = rejected[at]["message"].as_str().unwrap_or_default();
            ensure!(
                rejected[at]["index"] == index && told.contains("quantity"),
                "{answer}"
            );
        }
        shop.expect(
            "SELECT order_id, units, net_revenue, cost FROM silver.orders ORDER BY 1",
            &[
                &["o00", "2.000", "16.0000", "6.6666"],
                &["o01", "2.000", "16.0000", "6.6666"],
                &["o02", "3.000", "24.0000", "9.9999"],
                &["o03", "0.500", "4.0000", "1.6667"],
                &["o06", "0.000", "0.0000", "0.0000"],
                &["o07", "1.000", "8.0000", "3.3333"],
                &["o10", "0.300", "2.4000", "1.0000"],
                &["o11", "0.333", "2.6640", "1.1100"],
            ],
        )
        .await?;
        // Half of half a kilo comes back; what is put into a cart and taken out by the gram leaves the rest; stock has decimals.
        shop.send_all(concat!(
            r#"{"type":"order_refunded","event_id":"r","time":"2026-11-20T11:00:00Z","order":{"order_id":"o03"},"products":[{"product_id":"p","quantity":"0.25"}]}"#,
            "\n",
            r#"{"type":"product_added","event_id":"c1","time":"2026-11-20T11:00:00Z","anonymous_id":"w","product":{"product_id":"p","price":"8.00","quantity":1.25}}"#,
            "\n",
            r#"{"type":"product_removed","event_id":"c2","time":"2026-11-20T11:01:00Z","anonymous_id":"w","product":{"product_id":"p","quantity":0.5}}"#,
            "\n",
            r#"{"type":"inventory_adjusted","event_id":"s1","time":"2026-11-20T11:01:00Z","product":{"product_id":"p"},"stock":12.75}"#,
            "\n",
            r#"{"type":"inventory_adjusted","event_id":"s2","time":"2026-11-20T11:02:00Z","product":{"product_id":"p"},"delta":"-0.125"}"#,
        ))
        .await?;
        shop.expect(
            "SELECT refunded, net_revenue FROM silver.orders WHERE order_id = 'o03'",
            &[&["2.0000", "2.0000"]],
        )
        .await?;
        shop.expect(
            "SELECT visitor, items, value FROM silver.carts WHERE visitor = 'w'",
            &[&["w", "0.750", "6.0000"]],
        )
        .await?;
        shop.expect(
            "SELECT sum(stock), sum(delta) FROM silver.events",
            &[&["12.750", "-0.125"]],
        )
        .await?;
        shop.expect(
            "SELECT sum(units), sum(net_revenue) FROM gold.daily_metrics",
            &[&["9.133", "71.0640"]],
        )
        .await?;
        shop.expect(
            "SELECT units, revenue, cost FROM gold.product_performance",
            &[&["9.133", "73.0640", "30.4431"]],
        )
        .await?;
        shop.expect(
            "SELECT units, net_revenue FROM live.overview WHERE \"window\" = '24h'",
            &[&["9.133", "71.0640"]],
        )
        .await?;
        shop.verify_and_replay().await
    });
}
