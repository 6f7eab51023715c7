//! The crash scenarios: processes are killed with SIGKILL, at random instants and in the midst of each of their steps
//! ([`crate::steps`]), and started again; then everything is counted.

use std::collections::HashMap;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use crate::binary::{Binary, kill};
use crate::chance::{Chance, Plan, number};
use crate::faulty_disk::FaultyDisk;
use crate::http;
use crate::lake::{found, numbers};
use crate::ledger::{Comparison, Ledger, Summary, fingerprint};
use crate::recorder::Recorder;
use crate::server::Server;
use crate::shoppers::{Shoppers, Target, is_order, worth_cents};
use crate::steps::{RUNNING, SELDOM, START_UP, Tally};

/// The store all scenarios use.
const STORE: &str = "shop";
/// The store of the scenario with a long history.
const HISTORY: &str = "history";
/// The longest a start may take, whatever the state.
const START_LIMIT: Duration = Duration::from_secs(5);
/// Lines of the imported file.
const FILE_EVENTS: &str = "300000";
/// The longest the harness waits for a step to come.
const STEP_LIMIT: Duration = Duration::from_secs(8);
/// What a server deletes as early as can be: files no version needs, entries of the tables' logs.
const NO_HISTORY: [(&str, &str); 4] = [
    ("TRADEWIND_SQL_TIMEOUT", "1s"),
    ("TRADEWIND_LAKE_FILE_RETENTION", "1s"),
    ("TRADEWIND_LAKE_VACUUM_INTERVAL", "1s"),
    ("TRADEWIND_LAKE_LOG_RETENTION", "1s"),
];

/// How a kill counts that fell into no step that was asked for.
const AT_RANDOM: &str = "a random instant";

/// A server on a disk that kills it when told, and that keeps nothing it may delete.
fn fragile(binary: &Binary, data: &Path, folder: &Path) -> Result<(Server, FaultyDisk)> {
    let disk = FaultyDisk::build(folder)?;
    let mut environment = disk.environment();
    environment.extend(NO_HISTORY.map(|(name, value)| (name.to_owned(), value.into())));
    let server = Server::new(binary, data)?.with_environment(environment);
    Ok((server, disk))
}

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
    let (mut server, disk) = fragile(binary, &data, folder.path())?;
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
    let (restarts, steps) = kill_again_and_again(&mut server, &disk, plan, 1).await?;
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
        kills: steps.total(),
        comparison,
        restarts,
        steps,
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
    let disk = FaultyDisk::build(folder.path())?;
    let mut steps = Tally::default();
    let mut last = None;
    // One run of the file takes a few kills; then the next begins in a new folder.
    for run in 0.. {
        if steps.total() >= plan.kills && last.is_some() {
            break;
        }
        ensure!(
            run < 10 * (plan.kills + 1),
            "the import is through before it can be killed: {} kills in {run} runs",
            steps.total()
        );
        let data = folder.path().join(format!("data{run}"));
        while steps.total() < plan.kills {
            // An import has the steps of a server, but for what upkeep does.
            let step = match chance.between(0, 3) {
                0 => None,
                1 => Some(START_UP),
                _ => Some(RUNNING[chance.between(0, RUNNING.len() as u64 - 1) as usize]),
            };
            match &step {
                Some(step) => disk.kill_at(&step.instant(&mut chance))?,
                None => disk.heal()?,
            }
            let mut child = binary
                .command(&data, &arguments)
                .envs(disk.environment())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .context("cannot start the import")?;
            match tokio::time::timeout(chance.millis(30, 2_500), child.wait()).await {
                Ok(status) => {
                    let status = status?;
                    if let (Some(9), Some(step)) = (status.signal(), &step) {
                        steps.count(step.name);
                        continue;
                    }
                    ensure!(status.success(), "the import ended with {status}");
                    break;
                }
                Err(_) => {
                    kill(&mut child).await?;
                    steps.count(AT_RANDOM);
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
        kills: steps.total(),
        comparison,
        restarts: Vec::new(),
        steps,
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
    let (mut server, disk) = fragile(binary, &data, folder.path())?;
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
    let (restarts, steps) = kill_again_and_again(&mut server, &disk, plan, 3).await?;
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
        kills: steps.total(),
        comparison,
        restarts,
        steps,
    })
}

/// A shop with a long history (`SIM_STATE_EVENTS`, 200,000) stands in the operators' state; a second one's events come over HTTP
/// while the server is killed. Every start must be ready within [`START_LIMIT`], the history must not move.
///
/// # Errors
/// As for [`http`], and when a start takes longer.
pub async fn state(binary: &Binary, plan: Plan) -> Result<Summary> {
    let events = number("SIM_STATE_EVENTS", 200_000_u64)?;
    let folder = tempfile::tempdir()?;
    let (data, file) = (
        folder.path().join("data"),
        folder.path().join("events.ndjson"),
    );
    let file = file.to_string_lossy().into_owned();
    let (events_text, seed) = (events.to_string(), plan.seed.to_string());
    let write = [
        "simulate",
        "--out",
        &file,
        "--events",
        &events_text,
        "--seed",
        &seed,
    ];
    binary.succeed(folder.path(), &write).await?;
    let import = ["import", &file, "--store", HISTORY, "--currency", "EUR"];
    binary.succeed(&data, &import).await?;
    std::fs::remove_file(&file)?;
    let counts = "SELECT (SELECT count(*) FROM silver.events) AS events, (SELECT count(*) FROM silver.orders) AS orders, (SELECT count(*) FROM silver.sessions) AS sessions";
    let before = numbers(binary, &data, HISTORY, counts).await?;
    ensure!(
        before[0] > events / 100 * 99,
        "{events} events were imported, silver has {before:?}"
    );
    let key = binary.create_key(&data, STORE, "write").await?;
    let (mut server, disk) = fragile(binary, &data, folder.path())?;
    server.spawn()?;
    server.ready().await?;
    let target = Target {
        url: server.url(),
        key,
    };
    let shoppers = Shoppers::start(&target, 4, plan.seed);
    let (restarts, steps) = kill_again_and_again(&mut server, &disk, plan, 4).await?;
    let ledger = shoppers.stop().await?;
    server.stop().await?;
    let comparison = compare(binary, &data, &ledger).await?;
    let after = numbers(binary, &data, HISTORY, counts).await?;
    ensure!(
        after == before,
        "the history was {before:?} and is {after:?}"
    );
    let slowest = restarts.iter().max().copied().unwrap_or_default();
    let summary = Summary {
        scenario: "state",
        kills: steps.total(),
        comparison,
        restarts,
        steps,
    };
    // Last: on a slow machine it is still told whether everything is right.
    ensure!(
        slowest < START_LIMIT,
        "a start with {events} events of state took {slowest:?}; otherwise {summary}"
    );
    Ok(summary)
}

/// Kills and restarts the server: at random instants, in the midst of each of its steps in turn, and while it starts. Gives
/// the times until ready after a kill, and what the kills fell into.
async fn kill_again_and_again(
    server: &mut Server,
    disk: &FaultyDisk,
    plan: Plan,
    scenario: u64,
) -> Result<(Vec<Duration>, Tally)> {
    let mut chance = Chance::new(plan.seed, scenario);
    let (mut restarts, mut tally) = (Vec::new(), Tally::default());
    let mut turn = chance.between(0, RUNNING.len() as u64 - 1) as usize;
    while tally.total() < plan.kills {
        tokio::time::sleep(chance.millis(100, 1_500)).await;
        if chance.once_in(4) {
            server.kill().await?;
            tally.count(AT_RANDOM);
        } else {
            let step = RUNNING[turn % RUNNING.len()];
            turn += 1;
            disk.kill_at(&step.instant(&mut chance))?;
            if fell(server, STEP_LIMIT).await? {
                tally.count(step.name);
            } else {
                disk.heal()?;
                if !server.fell()? {
                    server.kill().await?;
                }
                tally.count(AT_RANDOM);
            }
        }
        disk.heal()?;
        while tally.total() < plan.kills && chance.once_in(4) {
            disk.kill_at(&START_UP.instant(&mut chance))?;
            server.spawn()?;
            if fell(server, chance.millis(100, 2_000)).await? {
                tally.count(START_UP.name);
            } else {
                disk.heal()?;
                if !server.fell()? {
                    server.kill().await?;
                }
                tally.count(AT_RANDOM);
            }
            disk.heal()?;
        }
        server.spawn()?;
        restarts.push(server.ready().await?);
    }
    // Most kills are asked for in a step: none that comes means that nobody listens. Of many every step has its share.
    let steps: Vec<&str> = RUNNING.iter().map(|s| s.name).collect();
    ensure!(
        plan.kills < 10 || tally.of(&steps) > 0,
        "no kill fell into a step: {tally}"
    );
    for step in RUNNING.iter().filter(|_| plan.kills >= 100) {
        ensure!(
            step.name == SELDOM || tally.of(&[step.name]) > 0,
            "no kill fell into `{}`: {tally}",
            step.name
        );
    }
    Ok((restarts, tally))
}

/// Whether the server falls before the time is over.
async fn fell(server: &mut Server, limit: Duration) -> Result<bool> {
    let until = tokio::time::Instant::now() + limit;
    while tokio::time::Instant::now() < until {
        if server.fell()? {
            return Ok(true);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(false)
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
