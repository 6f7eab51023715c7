//! The commands as people type them, on the built binary: replay, keys, import to a server, and what they say of mistakes.

use std::path::Path;

use anyhow::{Result, ensure};
use tradewind_sim::binary::{Binary, run};
use tradewind_sim::lake::{ask, numbers};
use tradewind_sim::server::Server;

async fn simulated(binary: &Binary, folder: &Path, events: &str) -> Result<String> {
    let file = folder.join("events.ndjson");
    let file = file.to_string_lossy().into_owned();
    binary
        .succeed(
            folder,
            &[
                "simulate", "--out", &file, "--events", events, "--seed", "5",
            ],
        )
        .await?;
    Ok(file)
}

/// Everything silver and gold say, boiled down.
async fn figures(binary: &Binary, data: &Path) -> Result<Vec<Vec<String>>> {
    let mut all = Vec::new();
    for sql in [
        "SELECT count(*), sum(\"offset\"), count(DISTINCT event_id), max(time), count(*) FILTER (WHERE late) FROM silver.events",
        "SELECT count(*), sum(line_total), count(DISTINCT event_id) FROM silver.line_items",
        "SELECT order_id, status, net_revenue, profit, completed_at FROM silver.orders ORDER BY order_id",
        "SELECT session_key, started_at, ended_at, events, purchased FROM silver.sessions ORDER BY session_key",
        "SELECT cart_key, status, items, value, last_step, converted_at FROM silver.carts ORDER BY cart_key",
        "SELECT * FROM gold.daily_metrics ORDER BY date",
        "SELECT * FROM gold.funnel_daily ORDER BY date, step",
        "SELECT * FROM gold.city_sales ORDER BY date, city",
    ] {
        all.extend(ask(binary, data, "shop", sql).await?);
    }
    Ok(all)
}

/// S1, S2: silver and gold built again from bronze are what stood there, copies of transactions in their visitors'
/// partitions included; a part of the days can be built again by itself.
#[test]
fn s2_a_replay_builds_again_what_stood_there() {
    run(|binary| async move {
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("data");
        let file = simulated(&binary, folder.path(), "60000").await?;
        let import = [
            "import",
            &file,
            "--store",
            "shop",
            "--format",
            "ndjson",
            "--timezone",
            "Asia/Kolkata",
        ];
        binary.succeed(&data, &import).await?;
        let before = figures(&binary, &data).await?;
        ensure!(
            before.len() > 1_000,
            "too little to compare: {} rows",
            before.len()
        );
        let said = binary
            .succeed(&data, &["replay", "--store", "shop"])
            .await?;
        ensure!(
            said.contains("60,000 records of bronze processed again"),
            "it said: {said}"
        );
        let after = figures(&binary, &data).await?;
        for (a, b) in before.iter().zip(&after) {
            ensure!(a == b, "before {a:?}\nafter  {b:?}");
        }
        ensure!(
            before.len() == after.len(),
            "{} rows before, {} after",
            before.len(),
            after.len()
        );
        let day = ask(
            &binary,
            &data,
            "shop",
            "SELECT min(date) FROM silver.events",
        )
        .await?;
        let part = [
            "replay", "--store", "shop", "--from", &day[0][0], "--to", &day[0][0],
        ];
        binary.succeed(&data, &part).await?;
        ensure!(
            figures(&binary, &data).await? == before,
            "a replay of one day changed something"
        );
        binary.verify(&data).await
    });
}

/// S4: what is said late of an order settles it; its views stay closed, and all still agree.
#[test]
fn s4_an_order_that_comes_days_late_is_in_silver_gold_and_sales() {
    run(|binary| async move {
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("data");
        let event = |id: &str, kind: &str, time: &str, more: &str| {
            format!(
                r#"{{"type":"{kind}","event_id":"{id}","time":"{time}","anonymous_id":"v1"{more}}}"#
            )
        };
        let product = r#","product":{"product_id":"p1","price":"10"}"#;
        let order = |id: &str| {
            format!(
                r#","order":{{"order_id":"{id}","total":"10"}},"products":[{{"product_id":"p1","price":"10","quantity":1}}]"#
            )
        };
        let lines = [
            event("1", "product_viewed", "2026-03-10T12:00:00Z", product),
            event("2", "order_completed", "2026-03-10T12:01:00Z", &order("o1")),
            event("3", "order_completed", "2026-03-07T09:00:00Z", &order("o2")),
            event("4", "product_viewed", "2026-03-07T08:59:00Z", product),
            // Its order came late and is remembered all the same.
            event(
                "5",
                "order_refunded",
                "2026-03-10T12:02:00Z",
                r#","order":{"order_id":"o2","total":"4"}"#,
            ),
        ];
        // Two files one after the other: what is late is decided by the order of arrival.
        for (name, lines) in [("a", &lines[..2]), ("b", &lines[2..])] {
            let file = folder.path().join(format!("{name}.ndjson"));
            std::fs::write(&file, lines.join("\n"))?;
            let file = file.to_string_lossy().into_owned();
            binary
                .succeed(
                    &data,
                    &["import", &file, "--store", "shop", "--format", "ndjson"],
                )
                .await?;
        }
        let late = numbers(
            &binary,
            &data,
            "shop",
            "SELECT count(*) FROM silver.events WHERE late",
        )
        .await?;
        ensure!(late == [2], "{late:?} events are late");
        let orders = ask(&binary, &data, "shop", "SELECT order_id, status, CAST(net_revenue AS BIGINT) FROM silver.orders ORDER BY order_id").await?;
        ensure!(
            orders == [["o1", "completed", "10"], ["o2", "partially_refunded", "6"]],
            "{orders:?}"
        );
        let days = ask(&binary, &data, "shop", "SELECT date, orders, CAST(gross AS BIGINT), CAST(refunds AS BIGINT) FROM gold.daily_metrics ORDER BY date").await?;
        ensure!(
            days == [
                ["2026-03-07", "1", "10", "0"],
                ["2026-03-10", "1", "10", "4"]
            ],
            "{days:?}"
        );
        binary.verify(&data).await?;
        binary
            .succeed(&data, &["replay", "--store", "shop"])
            .await?;
        binary.verify(&data).await
    });
}

#[test]
fn keys_are_made_listed_and_taken_back() {
    run(|binary| async move {
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("data");
        let key = binary.create_key(&data, "shop", "write").await?;
        let list = binary
            .succeed(&data, &["key", "list", "--store", "shop"])
            .await?;
        let line = list.lines().nth(1).unwrap_or_default();
        let last_four = &key[key.len() - 4..];
        ensure!(
            line.contains("write") && line.contains(last_four) && !list.contains(&key),
            "it said: {list}"
        );
        let id = line.split_whitespace().next().unwrap_or_default();
        binary.succeed(&data, &["key", "revoke", id]).await?;
        let list = binary
            .succeed(&data, &["key", "list", "--store", "shop"])
            .await?;
        ensure!(list.contains("until "), "it said: {list}");
        Ok(())
    });
}

/// A file goes to a running server through its front door, again without effect, and the folder is the server's alone.
#[test]
fn s1_a_file_goes_to_a_server_once() {
    run(|binary| async move {
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("data");
        let file = simulated(&binary, folder.path(), "5000").await?;
        let key = binary.create_key(&data, "shop", "write").await?;
        let mut server = Server::new(&binary, &data)?;
        server.spawn()?;
        server.ready().await?;
        let url = server.url();
        let send = [
            "import", &file, "--store", "shop", "--format", "ndjson", "--url", &url, "--key", &key,
        ];
        let elsewhere = folder.path().join("none");
        let said = binary.succeed(&elsewhere, &send).await?;
        ensure!(said.contains("5,000"), "it said: {said}");
        binary.succeed(&elsewhere, &send).await?;
        for command in [
            &["verify"][..],
            &["replay", "--store", "shop"],
            &["sql", "SELECT 1"],
        ] {
            let refused = binary.run(&data, command).await?;
            let said = String::from_utf8_lossy(&refused.stderr).into_owned();
            ensure!(
                !refused.status.success() && said.contains("server"),
                "{command:?} said: {said}"
            );
        }
        server.stop().await?;
        let events = numbers(
            &binary,
            &data,
            "shop",
            "SELECT count(*), count(DISTINCT event_id) FROM silver.events",
        )
        .await?;
        ensure!(events[0] == events[1] && events[0] > 4_900, "{events:?}");
        binary.verify(&data).await
    });
}

#[test]
fn mistakes_are_told_with_the_way_out() {
    run(|binary| async move {
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("data");
        binary.create_key(&data, "shop", "read").await?;
        for (command, part) in [
            (
                &["replay", "--store", "nope"][..],
                "there is no store `nope`; there are: shop",
            ),
            (
                &["replay", "--store", "shop", "--from", "monday"],
                "--from: `monday` is neither a date",
            ),
            (
                &[
                    "replay",
                    "--store",
                    "shop",
                    "--from",
                    "2026-02-02",
                    "--to",
                    "2026-02-01",
                ],
                "--from 2026-02-02 is after --to 2026-02-01",
            ),
            (
                &[
                    "import",
                    "missing.csv",
                    "--store",
                    "shop",
                    "--format",
                    "rees46",
                ],
                "missing.csv",
            ),
            (&["sql", "SELECT nope FROM silver.events"], "nope"),
            (&["sql", "DELETE FROM silver.events"], "read"),
            (
                &["simulate", "--rate=-1/s", "--out", "x"],
                "give a rate such as 300/s, or max",
            ),
        ] {
            let output = binary.run(&data, command).await?;
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            ensure!(
                !output.status.success() && said.contains(part),
                "{command:?} said: {said}"
            );
        }
        Ok(())
    });
}

/// Copies a folder.
fn copy_all(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_all(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Flips a bit in the middle of what a file holds.
fn flip(file: &Path) -> std::io::Result<()> {
    let mut bytes = std::fs::read(file)?;
    let used = bytes.iter().rposition(|b| *b != 0).unwrap_or_default();
    bytes[used / 2] ^= 16;
    std::fs::write(file, bytes)
}

fn cut_short(file: &Path) -> std::io::Result<()> {
    let file = std::fs::OpenOptions::new().write(true).open(file)?;
    file.set_len(file.metadata()?.len() / 2)
}

/// What is done to a file or folder.
type Damage = fn(&Path) -> std::io::Result<()>;

/// J3, S1: whatever happens to the files of the journal or of the operators' state, everything the lake has is answered as
/// before, the damaged folder is kept, and new events come after the old ones, each once.
#[test]
fn j3_damaged_folders_are_set_aside_and_cost_nothing_the_lake_has() {
    run(|binary| async move {
        let folder = tempfile::tempdir()?;
        let file = simulated(&binary, folder.path(), "6000").await?;
        let good = folder.path().join("good");
        binary
            .succeed(
                &good,
                &["import", &file, "--store", "shop", "--currency", "EUR"],
            )
            .await?;
        let key = binary.create_key(&good, "shop", "write").await?;
        let expected = figures(&binary, &good).await?;
        let before = numbers(&binary, &good, "shop", "SELECT count(*) FROM silver.events").await?;
        let damages: [(&str, &str, Damage); 8] = [
            ("journal", "0.jnl", flip),
            ("journal", "0.jnl", cut_short),
            ("journal", "0.jnl", |file| std::fs::remove_file(file)),
            ("journal", "", |folder| std::fs::remove_dir_all(folder)),
            ("journal", "version", flip),
            ("state", "0.jnl", flip),
            ("state", "0.jnl", |file| std::fs::remove_file(file)),
            ("state", "keyspaces/0/current", |file| {
                std::fs::remove_file(file)
            }),
        ];
        for (i, (part, file, damage)) in damages.into_iter().enumerate() {
            let what = format!("damage {i} of {part}/{file}");
            let data = folder.path().join(format!("data{i}"));
            copy_all(&good, &data)?;
            damage(&data.join(part).join(file))?;
            ensure!(figures(&binary, &data).await? == expected, "{what}");
            binary.verify(&data).await?;
            let mut server = Server::new(&binary, &data)?;
            server.spawn()?;
            server.ready().await?;
            let client = tradewind_sim::http::client(std::time::Duration::from_secs(10))?;
            let body = r#"{"type":"page_viewed","event_id":"after the damage","anonymous_id":"v"}"#;
            for _ in 0..2 {
                tradewind_sim::http::post_events(&client, &server.url(), &key, body).await?;
            }
            server.stop().await?;
            binary.verify(&data).await?;
            let after =
                numbers(&binary, &data, "shop", "SELECT count(*) FROM silver.events").await?;
            ensure!(
                after[0] == before[0] + 1,
                "{what}: {after:?} after {before:?}"
            );
            std::fs::remove_dir_all(&data)?;
        }
        // Both at once: there is nothing to compute the state from, which is told; new events are still new.
        std::fs::remove_dir_all(good.join("journal"))?;
        std::fs::remove_dir_all(good.join("state"))?;
        let told = binary.run(&good, &["sql", "SELECT 1"]).await?;
        let told = String::from_utf8_lossy(&told.stderr).into_owned();
        ensure!(told.contains("stream.accept_lost_state"), "{told}");
        std::fs::write(
            good.join("tradewind.toml"),
            "[stream]\naccept_lost_state = true\n",
        )?;
        let mut server = Server::new(&binary, &good)?;
        server.spawn()?;
        server.ready().await?;
        let client = tradewind_sim::http::client(std::time::Duration::from_secs(10))?;
        let body = r#"{"type":"page_viewed","event_id":"after everything","anonymous_id":"v"}"#;
        tradewind_sim::http::post_events(&client, &server.url(), &key, body).await?;
        server.stop().await?;
        let after = numbers(&binary, &good, "shop", "SELECT count(*) FROM silver.events").await?;
        ensure!(after[0] == before[0] + 1, "{after:?} after {before:?}");
        Ok(())
    });
}
