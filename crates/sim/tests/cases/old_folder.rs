//! A data folder as the program wrote it before quantities had decimals and rules of counting had versions (see
//! `data/make_old_folder.sh`): it opens, says what it said, goes on, and is counted anew by a replay.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use tradewind_sim::binary::{Binary, run};

use crate::support::Shop;

const PACKED: &[u8] = include_bytes!("../data/old_folder.tar.zst");

/// What its orders said to the program that wrote it.
const ORDERS: &str = "SELECT order_id, status, net_revenue FROM silver.orders WHERE order_id LIKE 'hand-%' OR order_id LIKE 'last-%' ORDER BY 1";
const ORDERS_THEN: [[&str; 3]; 5] = [
    ["hand-0", "partially_refunded", "26.0000"],
    ["hand-1", "partially_refunded", "27.0000"],
    ["hand-2", "cancelled", "0.0000"],
    ["hand-3", "fulfilled", "36.0000"],
    ["last-0", "partially_refunded", "15.0000"],
];

fn unpack(into: &Path) -> Result<()> {
    let mut tar = Command::new("tar")
        .arg("-xf")
        .arg("-")
        .arg("-C")
        .arg(into)
        .stdin(Stdio::piped())
        .spawn()
        .context("cannot start tar")?;
    let mut pipe = tar.stdin.take().context("tar takes no input")?;
    zstd::stream::copy_decode(PACKED, &mut pipe)?;
    drop(pipe);
    ensure!(tar.wait()?.success(), "tar could not unpack the folder");
    Ok(())
}

fn old_shop(binary: Binary) -> Result<Shop> {
    let shop = Shop::new(binary)?;
    let data = shop.data();
    unpack(data.parent().context("the folder has a parent")?)?;
    Ok(shop)
}

/// What a folder held is what it holds: orders, carts, visits, quarantine, and events acknowledged but not in its lake yet.
#[test]
fn j1_s1_an_old_folder_says_what_it_said() {
    run(|binary| async move {
        let shop = old_shop(binary)?;
        let rows = ORDERS_THEN.each_ref().map(|row| row.as_slice());
        shop.expect(ORDERS, &rows).await?;
        shop.expect(
            "SELECT count(*) FROM silver.events WHERE event_id LIKE 'q%'",
            &[&["14"]],
        )
        .await?;
        shop.expect(
            "SELECT count(*), sum(net_revenue) FROM silver.orders",
            &[&["6", "223.9800"]],
        )
        .await?;
        shop.expect(
            "SELECT status, count(*), sum(value) FROM silver.carts GROUP BY 1 ORDER BY 1",
            &[
                &["abandoned", "6", "818.9800"],
                &["converted", "5", "90.0000"],
                &["emptied", "1", "0.0000"],
                &["open", "5", "100.0000"],
            ],
        )
        .await?;
        shop.expect(
            "SELECT count(*), sum(events) FROM silver.sessions",
            &[&["253", "309"]],
        )
        .await?;
        shop.expect("SELECT count(*) FROM bronze.quarantine", &[&["5"]])
            .await?;
        shop.binary.verify(&shop.data()).await
    });
}

/// It takes new events, beside rows in files of the old layout, and a replay of each store leaves nothing that differs.
#[test]
fn s1_l2_an_old_folder_goes_on_and_is_replayed() {
    run(|binary| async move {
        let shop = old_shop(binary)?;
        shop.send_all(concat!(
            r#"{"type":"order_completed","event_id":"n1","time":"2026-11-20T12:00:00Z","anonymous_id":"n","order":{"order_id":"new-1"},"products":[{"product_id":"p0","price":"10.00","quantity":2}]}"#,
            "\n",
            r#"{"type":"order_fulfilled","event_id":"n2","time":"2026-11-20T12:01:00Z","order":{"order_id":"last-0"}}"#,
            "\n",
            r#"{"type":"product_added","event_id":"n3","time":"2026-11-20T12:02:00Z","anonymous_id":"d1","product":{"product_id":"p0","price":"10.00"}}"#,
        ))
        .await?;
        shop.expect(
            "SELECT net_revenue FROM silver.orders WHERE order_id = 'new-1'",
            &[&["20.0000"]],
        )
        .await?;
        shop.expect(
            "SELECT count(*), sum(net_revenue) FROM silver.orders",
            &[&["7", "243.9800"]],
        )
        .await?;
        let said = shop.run(&["verify"]).await?;
        for store in ["shop", "other"] {
            let note = format!("store {store} was counted by older rules (1;");
            ensure!(said.contains(&note), "no word of {store}: {said}");
            shop.run(&["replay", "--store", store]).await?;
        }
        let said = shop.run(&["verify"]).await?;
        ensure!(!said.contains("older rules"), "after a replay: {said}");
        Ok(())
    });
}
