//! Cases 16 and 17: no rate is above one, and an order is one purchase however often its completion is sent.

use anyhow::ensure;
use serde_json::Value;
use tradewind_sim::binary::run;

use crate::support::Shop;

fn funnel(view: &Value) -> Vec<(String, u64, u64)> {
    let steps = view["steps"].as_array().into_iter().flatten();
    steps
        .map(|step| {
            (
                step["step"].as_str().unwrap_or_default().to_owned(),
                step["visitors"].as_u64().unwrap_or_default(),
                step["events"].as_u64().unwrap_or_default(),
            )
        })
        .collect()
}

/// Case 16: orders sent by the shop's server name no visitor, or customers who were never seen on the site.
#[test]
fn s2_no_rate_is_above_one() {
    run(|binary| async move {
        let shop = Shop::new(binary)?;
        let mut events = vec![
            r#"{"type":"product_viewed","event_id":"pv1","time":"2026-11-20T10:00:00Z","anonymous_id":"v1","product":{"product_id":"p"}}"#.to_owned(),
        ];
        for visitor in ["v2", "v3", "v4"] {
            events.push(format!(
                r#"{{"type":"page_viewed","event_id":"{visitor}","time":"2026-11-20T10:00:00Z","anonymous_id":"{visitor}"}}"#
            ));
        }
        let mut order = |id: &str, who: &str| {
            events.push(format!(
                r#"{{"type":"order_completed","event_id":"{id}","time":"2026-11-20T10:05:00Z","order":{{"order_id":"{id}","total":10}}{who}}}"#
            ));
        };
        order("o1", r#","anonymous_id":"v1""#);
        order("o2", r#","anonymous_id":"v1""#);
        for i in 0..5 {
            order(&format!("s{i}"), "");
        }
        for i in 0..3 {
            order(&format!("u{i}"), &format!(r#","user_id":"u{i}""#));
        }
        shop.send_all(&events.join("\n")).await?;
        let overview = shop.view("overview", "window=24h").await?;
        ensure!(
            overview["visitors"] == 7 && overview["orders"] == 10,
            "{overview}"
        );
        let conversion = overview["conversion_rate"].as_f64().unwrap_or_default();
        ensure!((conversion - 4.0 / 7.0).abs() < 1e-9, "{overview}");
        let view = shop.view("funnel", "window=24h").await?;
        ensure!(
            funnel(&view)
                == [
                    ("view".to_owned(), 1, 1),
                    ("cart".to_owned(), 0, 0),
                    ("checkout".to_owned(), 0, 0),
                    ("purchase".to_owned(), 1, 10),
                ],
            "{view}"
        );
        ensure!(
            view["left_out"] == serde_json::json!(["cart", "checkout"]),
            "{view}"
        );
        for step in view["steps"].as_array().into_iter().flatten() {
            for rate in ["of_first", "of_previous"] {
                ensure!(step[rate].as_f64().is_none_or(|r| r <= 1.0), "{view}");
            }
        }
        shop.expect(
            "SELECT step, visitors, events FROM gold.funnel_daily ORDER BY step_number",
            &[
                &["view", "1", "1"],
                &["cart", "0", "0"],
                &["checkout", "0", "0"],
                &["purchase", "1", "10"],
            ],
        )
        .await?;
        shop.verify_and_replay().await
    });
}

/// Case 17's kind: the thank-you page is reloaded, browser and server both tell of the order, and the page is opened again next day.
#[test]
fn s1_an_order_is_one_purchase() {
    run(|binary| async move {
        let shop = Shop::new(binary)?;
        let told = |id: &str, time: &str, who: &str| {
            format!(
                r#"{{"type":"order_completed","event_id":"{id}","time":"{time}",{who},"order":{{"order_id":"o","subtotal":"10"}},"products":[{{"product_id":"p","price":"10"}}]}}"#
            )
        };
        let browser = r#""anonymous_id":"v","user_id":"u""#;
        let events = [
            r#"{"type":"product_viewed","event_id":"view","time":"2026-11-20T10:00:00Z","anonymous_id":"v","product":{"product_id":"p"}}"#.to_owned(),
            told("page", "2026-11-20T10:05:00Z", browser),
            told("reload", "2026-11-20T10:06:00Z", browser),
            told("server", "2026-11-20T10:05:30Z", r#""anonymous_id":"v""#),
            r#"{"type":"product_viewed","event_id":"view2","time":"2026-11-21T09:00:00Z","anonymous_id":"v","product":{"product_id":"p"}}"#.to_owned(),
            r#"{"type":"product_added","event_id":"cart2","time":"2026-11-21T09:01:00Z","anonymous_id":"v","product":{"product_id":"p","price":"10"}}"#.to_owned(),
            told("again", "2026-11-21T09:05:00Z", browser),
        ];
        shop.send_all(&events.join("\n")).await?;
        shop.expect(
            "SELECT date, orders, net_revenue FROM gold.daily_metrics ORDER BY 1",
            &[
                &["2026-11-20", "1", "10.0000"],
                &["2026-11-21", "0", "0.0000"],
            ],
        )
        .await?;
        shop.expect(
            "SELECT date, sessions, visitors, events FROM gold.funnel_daily WHERE step = 'purchase' ORDER BY 1",
            &[&["2026-11-20", "1", "1", "1"], &["2026-11-21", "0", "0", "0"]],
        )
        .await?;
        shop.expect(
            "SELECT count(*), count(*) FILTER (WHERE purchased) FROM silver.sessions",
            &[&["2", "1"]],
        )
        .await?;
        shop.expect(
            "SELECT status, items FROM silver.carts",
            &[&["open", "1.000"]],
        )
        .await?;
        let overview = shop.view("overview", "window=7d").await?;
        ensure!(
            overview["orders"] == 1 && overview["conversion_rate"] == 1.0,
            "{overview}"
        );
        shop.verify_and_replay().await
    });
}
