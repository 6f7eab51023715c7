//! Case 05: of what is paid back, tax and shipping do not reduce net revenue; order, day and live agree to the cent.

use anyhow::ensure;
use tradewind_sim::binary::run;

use crate::support::Shop;

/// Goods for 40, tax 8, postage 5: 53 in all, completed on the 10th.
fn order(id: &str) -> String {
    format!(
        r#"{{"type":"order_completed","event_id":"c-{id}","time":"2026-11-10T10:00:00Z","anonymous_id":"v-{id}","order":{{"order_id":"{id}","subtotal":"40","tax":"8","shipping":"5","total":"53"}},"products":[{{"product_id":"a","price":"10","quantity":3}},{{"product_id":"b","price":"10","quantity":1}}]}}"#
    )
}

fn refund(id: &str, nth: u32, says: &str, products: &str) -> String {
    format!(
        r#"{{"type":"order_refunded","event_id":"r-{id}-{nth}","time":"2026-11-11T10:{nth:02}:00Z","order":{{"order_id":"{id}"{says}}}{products}}}"#
    )
}

#[test]
fn m2_tax_and_postage_paid_back_leave_net_revenue_alone() {
    run(|binary| async move {
        let shop = Shop::new(binary)?;
        let one = r#","products":[{"product_id":"a","quantity":1}]"#;
        let unknown = r#","products":[{"product_id":"x","quantity":1}]"#;
        let third = r#","total":"17.67""#;
        let mut events = vec![refund("early", 1, r#","total":"12","tax":"2""#, "")];
        for (id, refunds) in [
            ("tax", vec![(r#","total":"12","tax":"2""#, "")]),
            ("line", vec![(r#","total":"12","tax":"2""#, one)]),
            ("all", vec![(r#","total":"53""#, "")]),
            ("postage", vec![(r#","total":"5","shipping":"5""#, "")]),
            ("postage-alone", vec![(r#","shipping":"5""#, "")]),
            ("units", vec![("", one)]),
            (
                "unit-by-unit",
                vec![("", one), ("", one), ("", one), ("", one)],
            ),
            (
                "thirds",
                vec![(third, ""), (third, ""), (r#","total":"17.66""#, "")],
            ),
            ("rest", vec![(r#","total":"12","tax":"2""#, ""), ("", "")]),
            (
                "net",
                vec![(
                    r#","subtotal":"15","discount":"2","tax":"3","total":"16""#,
                    "",
                )],
            ),
            ("other-goods", vec![(r#","total":"13.25""#, unknown)]),
            ("too-much", vec![(r#","total":"500""#, "")]),
            ("early", vec![]),
        ] {
            events.push(order(id));
            for (nth, (says, products)) in refunds.into_iter().enumerate() {
                events.push(refund(id, u32::try_from(nth)?, says, products));
            }
        }
        // Shipped in parts, changed afterwards: what was paid back before is counted on the terms of now.
        events.push(order("edited"));
        events.push(refund("edited", 1, "", one));
        events.push(
            r#"{"type":"order_updated","event_id":"u-edited","time":"2026-11-12T10:00:00Z","order":{"order_id":"edited","subtotal":"30","tax":"6","shipping":"5","total":"41"},"products":[{"product_id":"a","price":"15","quantity":2}]}"#.to_owned(),
        );
        shop.send_all(&events.join("\n")).await?;
        let want: [[&str; 4]; 14] = [
            ["all", "refunded", "40.0000", "0.0000"],
            ["early", "partially_refunded", "10.0000", "30.0000"],
            ["edited", "partially_refunded", "15.0000", "15.0000"],
            ["line", "partially_refunded", "10.0000", "30.0000"],
            ["net", "partially_refunded", "13.0000", "27.0000"],
            ["other-goods", "partially_refunded", "10.0000", "30.0000"],
            ["postage", "completed", "0.0000", "40.0000"],
            ["postage-alone", "completed", "0.0000", "40.0000"],
            ["rest", "refunded", "40.0000", "0.0000"],
            ["tax", "partially_refunded", "10.0000", "30.0000"],
            ["thirds", "refunded", "40.0000", "0.0000"],
            ["too-much", "refunded", "40.0000", "0.0000"],
            ["unit-by-unit", "partially_refunded", "30.0000", "10.0000"],
            ["units", "partially_refunded", "10.0000", "30.0000"],
        ];
        let want = want.each_ref().map(|row| row.as_slice());
        let orders = "SELECT order_id, status, refunded, net_revenue FROM silver.orders ORDER BY 1";
        shop.expect(orders, &want).await?;
        let days = "SELECT date, gross, refunds, net_revenue FROM gold.daily_metrics ORDER BY date";
        let days_want: [&[&str]; 3] = [
            &["2026-11-10", "550.0000", "0.0000", "550.0000"],
            &["2026-11-11", "0.0000", "268.0000", "-268.0000"],
            &["2026-11-12", "0.0000", "0.0000", "0.0000"],
        ];
        shop.expect(days, &days_want).await?;
        let overview = shop.view("overview", "window=7d").await?;
        ensure!(
            overview["refunds"] == "268.0000" && overview["net_revenue"] == "282.0000",
            "{overview}"
        );
        shop.verify_and_replay().await?;
        shop.expect(orders, &want).await?;
        shop.expect(days, &days_want).await
    });
}
