//! The crash scenarios: processes are killed with SIGKILL at random instants and started again, then everything is counted.

use std::collections::HashMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use crate::binary::{Binary, kill};
use crate::chance::{Chance, Plan};
use crate::http;
use crate::lake::{found, numbers};
use crate::ledger::{Comparison, Ledger, Summary, fingerprint};
use crate::recorder::Recorder;
use crate::server::Server;
use crate::shoppers::{Shoppers, Target, is_order, worth_cents};

/// The store all scenarios use.
const STORE: &str = "shop";
/// Lines of the imported file.
const FILE_EVENTS: &str = "300000";

/// Several connections send numbered events over HTTP while the server is killed; then bronze, silver, gold and the live views
/// are compared with what was acknowledged.
///
/// # Errors
/// When anything is lost, doubled or altered, `verify` finds a difference, or a process misbehaves.
pub async fn http(binary: &Binary, plan: Plan) -> Result<Summary> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let key = binary.create_key(&data, STORE, "write").await?;
    let read_key = binary.create_key(&data, STORE, "read").await?;
    let mut server = Server::new(binary, &data)?;
    server.spawn()?;
    server.ready().await?;
    let shoppers = Shoppers::start(
        &Target {
            url: server.url(),
            key,
        },
        4,
        plan.seed,
    );
    let restarts = kill_again_and_again(&mut server, plan).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let ledger = shoppers.stop().await?;
    let live = settled_overview(&server.url(), &read_key).await?;
    server.stop().await?;

    let comparison = compare(binary, &data, &ledger).await?;
    let ids = found(binary, &data, STORE).await?.silver;
    let orders = ids.keys().filter(|id| is_order(id)).count() as u64;
    let events = comparison.found as u64;
    let stored = numbers(
        binary,
        &data,
        STORE,
        "SELECT count(*), CAST(sum(gross) * 100 AS BIGINT) FROM silver.orders",
    )
    .await?;
    ensure!(
        stored == [orders, worth_cents(orders)],
        "silver.orders says {stored:?} for {orders} orders"
    );
    let gold = numbers(
        binary,
        &data,
        STORE,
        "SELECT CAST(sum(events) AS BIGINT), CAST(sum(orders) AS BIGINT) FROM gold.daily_metrics",
    )
    .await?;
    ensure!(
        gold == [events, orders],
        "gold.daily_metrics says {gold:?} for {events} events and {orders} orders"
    );
    ensure!(
        live == (events, orders),
        "the live view said {live:?} for {events} events and {orders} orders"
    );
    Ok(Summary {
        scenario: "http",
        kills: plan.kills,
        comparison,
        restarts,
    })
}

/// A file is imported; the import is killed and started again until it is through. Then the file's lines are in bronze exactly
/// as often as in the file, and importing it again adds nothing.
///
/// # Errors
/// As for [`http`].
pub async fn import(binary: &Binary, plan: Plan) -> Result<Summary> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("events.ndjson");
    let file_text = file
        .to_str()
        .context("the temporary folder's name is not UTF-8")?;
    binary
        .succeed(
            folder.path(),
            &[
                "simulate",
                "--out",
                file_text,
                "--events",
                FILE_EVENTS,
                "--seed",
                &plan.seed.to_string(),
            ],
        )
        .await?;
    let (ledger, lines) = read_file(&file)?;
    let arguments = [
        "import",
        file_text,
        "--store",
        STORE,
        "--format",
        "ndjson",
        "--currency",
        "EUR",
    ];
    let mut chance = Chance::new(plan.seed, 2);
    let mut kills = 0;
    let mut last = None;
    // One run of the file takes a few kills; then the next begins in a new folder.
    for run in 0.. {
        if kills >= plan.kills && last.is_some() {
            break;
        }
        ensure!(
            run < 10 * (plan.kills + 1),
            "the import is through before it can be killed: {kills} kills in {run} runs"
        );
        let data = folder.path().join(format!("data{run}"));
        while kills < plan.kills {
            let mut child = binary
                .command(&data, &arguments)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .context("cannot start the import")?;
            match tokio::time::timeout(chance.millis(30, 2_500), child.wait()).await {
                Ok(status) => {
                    let status = status?;
                    ensure!(status.success(), "the import ended with {status}");
                    break;
                }
                Err(_) => {
                    kill(&mut child).await?;
                    kills += 1;
                }
            }
        }
        binary.succeed(&data, &arguments).await?;
        let again = binary.succeed(&data, &arguments).await?;
        ensure!(
            again.contains("nothing added"),
            "importing the file again said: {again}"
        );
        let comparison = compare(binary, &data, &ledger).await?;
        ensure!(
            comparison.found == comparison.acknowledged,
            "the file has other events than silver: {comparison}"
        );
        let bronze = found(binary, &data, STORE).await?.bronze;
        ensure!(
            bronze == lines,
            "bronze holds {} lines, the file {}",
            bronze.values().sum::<u64>(),
            lines.values().sum::<u64>()
        );
        last = Some(comparison);
        std::fs::remove_dir_all(&data)?;
    }
    let comparison = last.context("no run")?;
    Ok(Summary {
        scenario: "import",
        kills,
        comparison,
        restarts: Vec::new(),
    })
}

/// `simulate --rate max` sends through a recorder while the server is killed; the simulator goes on by itself and ends well.
///
/// # Errors
/// As for [`http`].
pub async fn simulate(binary: &Binary, plan: Plan) -> Result<Summary> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let key = binary.create_key(&data, STORE, "write").await?;
    let mut server = Server::new(binary, &data)?;
    server.spawn()?;
    server.ready().await?;
    let recorder = Recorder::start(server.url()).await?;
    let seconds = format!("{}s", 2 + 2 * plan.kills);
    let arguments = [
        "simulate",
        "--url",
        recorder.url(),
        "--key",
        &key,
        "--rate",
        "max",
        "--duration",
        &seconds,
        "--seed",
        &plan.seed.to_string(),
    ];
    let simulator = binary
        .command(folder.path(), &arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start the simulator")?;
    let restarts = kill_again_and_again(&mut server, plan).await?;
    let limit = Duration::from_secs(120 + 10 * u64::from(plan.kills));
    let ended = tokio::time::timeout(limit, simulator.wait_with_output())
        .await
        .context("the simulator did not end")??;
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&ended.stdout),
        String::from_utf8_lossy(&ended.stderr)
    );
    ensure!(
        ended.status.success(),
        "the simulator ended with {}: {said}",
        ended.status
    );
    server.stop().await?;
    let comparison = compare(binary, &data, &recorder.take().await?).await?;
    Ok(Summary {
        scenario: "simulate",
        kills: plan.kills,
        comparison,
        restarts,
    })
}

/// Kills and restarts the server; now and then it is killed again while it starts. Gives the times until ready.
async fn kill_again_and_again(server: &mut Server, plan: Plan) -> Result<Vec<Duration>> {
    let mut chance = Chance::new(plan.seed, 1);
    let mut restarts = Vec::new();
    let mut kills = 0;
    while kills < plan.kills {
        tokio::time::sleep(chance.millis(200, 2_800)).await;
        server.kill().await?;
        kills += 1;
        server.spawn()?;
        if kills < plan.kills && chance.once_in(4) {
            tokio::time::sleep(chance.millis(1, 300)).await;
            server.kill().await?;
            kills += 1;
            server.spawn()?;
        }
        restarts.push(server.ready().await?);
    }
    Ok(restarts)
}

/// Events and orders of the live view, once nothing moves any more.
async fn settled_overview(url: &str, read_key: &str) -> Result<(u64, u64)> {
    let client = http::client(Duration::from_secs(10))?;
    let mut before = None;
    for _ in 0..60 {
        let overview = http::view(&client, url, read_key, "overview").await?;
        let now = (
            overview["events"]
                .as_u64()
                .with_context(|| format!("no `events` in {overview}"))?,
            overview["orders"]
                .as_u64()
                .with_context(|| format!("no `orders` in {overview}"))?,
        );
        if before == Some(now) {
            return Ok(now);
        }
        before = Some(now);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    bail!("the live view still moves a minute after the last event")
}

/// Compares the ledger with the lake, and lets `verify` compare the program's answers with each other.
async fn compare(binary: &Binary, data: &Path, ledger: &Ledger) -> Result<Comparison> {
    let comparison = ledger.compare(&found(binary, data, STORE).await?);
    comparison.clean()?;
    binary.verify(data).await?;
    Ok(comparison)
}

/// A file's events as sent and acknowledged, since an import that ended has acknowledged them all; and how often each line is there.
fn read_file(file: &Path) -> Result<(Ledger, HashMap<String, u64>)> {
    let text = std::fs::read_to_string(file)?;
    let (mut ledger, mut lines) = (Ledger::default(), HashMap::new());
    for line in text.lines() {
        let event: serde_json::Value = serde_json::from_str(line)?;
        let id = event["event_id"]
            .as_str()
            .context("an event without an id")?;
        ledger.sent(id, line.as_bytes());
        ledger.acknowledged([id]);
        *lines.entry(fingerprint(line.as_bytes())).or_insert(0) += 1;
    }
    Ok((ledger, lines))
}
