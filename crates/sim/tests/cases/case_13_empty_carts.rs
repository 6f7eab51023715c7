//! Case 13: a cart whose last product is taken out, or into which nothing was put, is not an abandoned one.

use tradewind_sim::binary::run;

use crate::support::Shop;

#[test]
fn s2_a_cart_of_nothing_is_never_abandoned() {
    run(|binary| async move {
        let shop = Shop::new(binary)?;
        let mut id = 0;
        let mut event = |kind: &str, visitor: &str, minute: u32, product: &str| {
            id += 1;
            format!(
                r#"{{"type":"{kind}","event_id":"e{id}","time":"2026-11-20T10:{minute:02}:00Z","anonymous_id":"{visitor}"{product}}}"#
            )
        };
        let three = r#","product":{"product_id":"p","price":"9.90","quantity":3}"#;
        let none = r#","product":{"product_id":"p","price":"9.90","quantity":0}"#;
        let five = r#","product":{"product_id":"p","quantity":5}"#;
        let all = r#","product":{"product_id":"p"}"#;
        let mut events = vec![
            event("product_added", "left", 0, three),
            event("product_added", "emptied", 0, three),
            event("product_removed", "emptied", 1, five),
            event("product_added", "removed", 0, three),
            event("product_removed", "removed", 1, all),
            event("product_added", "nothing", 0, none),
            event("cart_viewed", "nothing", 1, ""),
        ];
        events.push(
            r#"{"type":"page_viewed","event_id":"last","time":"2026-11-20T13:30:00Z","anonymous_id":"later"}"#.to_owned(),
        );
        shop.send_all(&events.join("\n")).await?;
        // The clock of a visitors' partition is that of its own events: only one partition has seen what came later.
        shop.expect(
            "SELECT visitor, items, value FROM silver.carts WHERE status IN ('open', 'abandoned')",
            &[&["left", "3.000", "29.7000"]],
        )
        .await?;
        shop.expect(
            "SELECT visitor, items, value FROM silver.carts WHERE status = 'emptied' ORDER BY 1",
            &[
                &["emptied", "0.000", "0.0000"],
                &["nothing", "0.000", "0.0000"],
                &["removed", "0.000", "0.0000"],
            ],
        )
        .await?;
        shop.verify_and_replay().await
    });
}
