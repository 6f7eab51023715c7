//! The commands as people type them, on the built binary: replay, keys, import to a server, and what they say of mistakes.

use std::process::Stdio;

use anyhow::ensure;
use tradewind_sim::binary::run;
use tradewind_sim::lake::{ask, figures, numbers};
use tradewind_sim::server::Server;

/// S1, S2: silver and gold built again from bronze are what stood there, copies of transactions in their visitors'
/// partitions included; a part of the days can be built again by itself.
#[test]
fn s2_a_replay_builds_again_what_stood_there() {
    run(|binary| async move {
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("data");
        let file = binary.simulated(folder.path(), "60000").await?;
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
        let before = figures(&binary, &data, "shop").await?;
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
        let after = figures(&binary, &data, "shop").await?;
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
            figures(&binary, &data, "shop").await? == before,
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
        let file = binary.simulated(folder.path(), "5000").await?;
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

/// Whoever reads only the beginning, as `head` does, is no failure of a command: it ends its work with its own exit code.
#[test]
fn a_closed_pipe_ends_no_command() {
    run(|binary| async move {
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("data");
        let file = binary.simulated(folder.path(), "500").await?;
        let import = ["import", &file, "--store", "shop", "--currency", "EUR"];
        for arguments in [
            &["defaults"][..],
            &import,
            &["verify"],
            &["sql", "SELECT * FROM silver.events"],
            &["replay", "--store", "shop"],
            &["key", "list", "--store", "shop"],
        ] {
            let (reader, writer) = std::io::pipe()?;
            drop(reader);
            let mut command = binary.command(&data, arguments);
            command.stdout(writer).stderr(Stdio::piped());
            let output = command.spawn()?.wait_with_output().await?;
            let said = String::from_utf8_lossy(&output.stderr);
            ensure!(
                output.status.success(),
                "{arguments:?} ended with {}: {said}",
                output.status
            );
        }
        let count = "SELECT count(DISTINCT event_id) FROM silver.events";
        ensure!(numbers(&binary, &data, "shop", count).await? == [500]);
        Ok(())
    });
}
