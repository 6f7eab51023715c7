//! Flipped bits, cut and missing files of every kind in a data folder (J3, S1, L1): each is healed, or told with the way out, and
//! none is silent.
//!
//! `SIM_DAMAGES=all` damages several files of each kind in six ways; without it one file of each kind in one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tradewind_sim::binary::{Binary, run};
use tradewind_sim::http;
use tradewind_sim::lake::{ask, figures, numbers};
use tradewind_sim::server::Server;

const STORE: &str = "shop";
/// The most files of a kind that are damaged.
const MOST: usize = 6;
/// Damaged folders looked at together.
const AT_ONCE: usize = 3;
/// The longest until two tables' logs rest on checkpoints.
const CHECKPOINTS_WITHIN: Duration = Duration::from_secs(240);
/// The longest a command may take to say what is wrong.
const LIMIT: Duration = Duration::from_secs(60);

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
        let file = binary.simulated(folder.path(), "6000").await?;
        let good = folder.path().join("good");
        binary
            .succeed(
                &good,
                &["import", &file, "--store", STORE, "--currency", "EUR"],
            )
            .await?;
        let key = binary.create_key(&good, STORE, "write").await?;
        let expected = figures(&binary, &good, STORE).await?;
        let before = numbers(&binary, &good, STORE, "SELECT count(*) FROM silver.events").await?;
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
            ensure!(figures(&binary, &data, STORE).await? == expected, "{what}");
            binary.verify(&data).await?;
            let mut server = Server::new(&binary, &data)?;
            server.spawn()?;
            server.ready().await?;
            let client = http::client(std::time::Duration::from_secs(10))?;
            let body = r#"{"type":"page_viewed","event_id":"after the damage","anonymous_id":"v"}"#;
            for _ in 0..2 {
                http::post_events(&client, &server.url(), &key, body).await?;
            }
            server.stop().await?;
            binary.verify(&data).await?;
            let after =
                numbers(&binary, &data, STORE, "SELECT count(*) FROM silver.events").await?;
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
        let client = http::client(std::time::Duration::from_secs(10))?;
        let body = r#"{"type":"page_viewed","event_id":"after everything","anonymous_id":"v"}"#;
        http::post_events(&client, &server.url(), &key, body).await?;
        server.stop().await?;
        let after = numbers(&binary, &good, STORE, "SELECT count(*) FROM silver.events").await?;
        ensure!(after[0] == before[0] + 1, "{after:?} after {before:?}");
        Ok(())
    });
}

/// Flips a bit at a part of a file, in percent of its length.
fn flip_at(file: &Path, percent: usize) -> std::io::Result<()> {
    let mut bytes = std::fs::read(file)?;
    if let Some(last) = bytes.len().checked_sub(1) {
        bytes[last * percent / 100] ^= 4;
    }
    std::fs::write(file, bytes)
}

const DAMAGES: [(&str, Damage); 6] = [
    ("a flipped bit in the middle", |file| flip_at(file, 50)),
    ("missing", |file| std::fs::remove_file(file)),
    ("cut short", cut_short),
    ("a flipped bit near its beginning", |file| flip_at(file, 5)),
    ("a flipped bit near its end", |file| flip_at(file, 97)),
    ("empty", |file| std::fs::write(file, "")),
];

/// Files below a folder, relative to it; not the locks, which hold nothing.
fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.to_string_lossy().ends_with("lock") {
                found.push(path.strip_prefix(folder)?.to_owned());
            }
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// What kind of file it is: its path without numbers and names made up, and one for all tables of gold.
fn kind_of(file: &Path) -> String {
    let mut kind: Vec<String> = Vec::new();
    for part in file.iter().map(|part| part.to_string_lossy()) {
        if kind.last().is_some_and(|parent| parent == "gold") {
            continue;
        }
        let made_up = part.split_once(['-', '=']);
        let digits = |c: char| c.is_ascii_digit();
        kind.push(
            made_up
                .map_or_else(|| part.trim_matches(digits), |(name, _)| name)
                .to_owned(),
        );
    }
    kind.join("/")
}

/// What a command said, and whether it went well.
async fn say(binary: &Binary, data: &Path, arguments: &[&str]) -> Result<(bool, String)> {
    let output = tokio::time::timeout(LIMIT, binary.run(data, arguments))
        .await
        .with_context(|| format!("`{}` does not end", arguments.join(" ")))??;
    let said = [output.stdout, output.stderr]
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .concat();
    ensure!(!said.contains("panicked"), "{said}");
    Ok((output.status.success(), said))
}

/// A folder with everything in it: events, orders, quarantined lines, keys.
async fn filled(binary: &Binary, folder: &Path) -> Result<PathBuf> {
    let file = binary.simulated(folder, "4000").await?;
    let good = folder.join("good");
    let wrong = folder.join("wrong.ndjson");
    let order = |id: u32, kind: &str, more: &str| {
        format!(
            r#"{{"type":"order_{kind}","event_id":"{kind}-{id}","time":"2026-01-05T1{id}:00:00Z","anonymous_id":"v{id}","order":{{"order_id":"o{id}"}}{more}}}"#
        )
    };
    let line = r#","products":[{"product_id":"p1","price":"12.50","quantity":2}]"#;
    let lines = [
        order(1, "completed", line),
        r#"{"type":"page_viewed","time":"never"}"#.to_owned(),
        order(2, "completed", line),
        order(2, "refunded", ""),
    ];
    std::fs::write(&wrong, lines.join("\n"))?;
    for file in [file, wrong.to_string_lossy().into_owned()] {
        let import = ["import", &file, "--store", STORE, "--currency", "EUR"];
        binary.run(&good, &import).await?;
    }
    binary.create_key(&good, STORE, "write").await?;
    // From here on silver and gold are a generation that `lake/CURRENT` names.
    binary.succeed(&good, &["replay", "--store", STORE]).await?;
    binary.verify(&good).await?;
    Ok(good)
}

/// The folder of a table's log, newest generation.
fn log_of(data: &Path, table: &str) -> Result<PathBuf> {
    let part = format!("{table}/_delta_log/");
    let lake = data.join("lake");
    let below = files_below(&lake)?.into_iter().rev();
    let mut logs = below.filter(|file| file.to_string_lossy().contains(&part));
    let entry = logs.next().with_context(|| format!("no log of {table}"))?;
    let folder = entry.parent().context("a log is in a folder")?;
    Ok(lake.join(folder))
}

/// Has a server take orders one by one until the logs of the tables they reach rest on checkpoints, their entries deleted.
async fn write_checkpoints(binary: &Binary, data: &Path) -> Result<()> {
    // The log stays whole, so that damaged state can be computed from it.
    let settings = [
        ("TRADEWIND_JOURNAL_RETENTION", "7d"),
        ("TRADEWIND_STREAM_CHECKPOINT_INTERVAL", "50ms"),
        ("TRADEWIND_LAKE_LOG_RETENTION", "0s"),
    ];
    let environment = settings.map(|(name, value)| (name.to_owned(), PathBuf::from(value)));
    let key = binary.create_key(data, STORE, "write").await?;
    let mut server = Server::new(binary, data)?.with_environment(environment.into());
    server.spawn()?;
    server.ready().await?;
    let client = http::client(Duration::from_secs(10))?;
    let logs = [
        log_of(data, "bronze/events")?,
        log_of(data, "silver/line_items")?,
    ];
    let started = Instant::now();
    for number in 0.. {
        let body = format!(
            r#"{{"type":"order_completed","event_id":"one by one {number}","time":"2026-01-05T15:00:00Z","anonymous_id":"v{number}","order":{{"order_id":"n{number}"}},"products":[{{"product_id":"p1","price":"1.50","quantity":1}}]}}"#
        );
        let taken = http::post_events(&client, &server.url(), &key, &body).await?;
        let whole = http::Answer::Acknowledged {
            accepted: 1,
            rejected: 0,
        };
        ensure!(taken == whole, "an order got {taken:?}");
        let mut rest_on_checkpoints = true;
        for log in &logs {
            let first = format!("{:020}.json", 0);
            rest_on_checkpoints &=
                log.join("_last_checkpoint").exists() && !log.join(first).exists();
        }
        if rest_on_checkpoints {
            break;
        }
        ensure!(
            started.elapsed() < CHECKPOINTS_WITHIN,
            "no table's log came to rest on a checkpoint"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.stop().await?;
    binary.verify(data).await
}

/// What came of a damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// Everything is as it was.
    Healed,
    /// Nothing could be done, and it was said.
    Told,
    /// It was said, and a replay made everything as it was.
    Rebuilt,
}

/// One damage of one file, in a folder of its own.
struct Case {
    binary: Binary,
    folder: tempfile::TempDir,
    data: PathBuf,
    file: PathBuf,
    damage: (&'static str, Damage),
    expected: Arc<Vec<Vec<String>>>,
}

impl Case {
    async fn run(self) -> Result<Outcome> {
        (self.damage.1)(&self.data.join(&self.file))?;
        let what = format!("{} {}", self.file.display(), self.damage.0);
        let outcome = self.outcome().await.context(what);
        self.folder.close()?;
        outcome
    }

    /// Either everything is as before, or `verify` says what is wrong; what silver and gold lost, a replay builds again.
    async fn outcome(&self) -> Result<Outcome> {
        let (well, said) = say(&self.binary, &self.data, &["verify"]).await?;
        if well {
            self.as_before()
                .await
                .with_context(|| format!("nothing was said: {said}"))?;
            return Ok(Outcome::Healed);
        }
        let mut parts = self.file.iter().map(|part| part.to_string_lossy());
        let part = parts.next().unwrap_or_default();
        let named = match &*part {
            "lake" if self.file.ends_with("CURRENT") => said.contains("CURRENT"),
            // The schema and the table.
            "lake" => parts.nth(1).is_some_and(|schema| {
                said.contains(&*schema) && parts.next().is_some_and(|table| said.contains(&*table))
            }),
            "state" => said.contains("state") || said.contains("checkpoint"),
            other => said.contains(other),
        };
        ensure!(named, "what is damaged is not named: {said}");
        let path = self.file.to_string_lossy();
        if part != "lake" || path.contains("bronze") || path.contains("CURRENT") {
            return Ok(Outcome::Told);
        }
        if path.contains("_delta_log") {
            // docs/recovery.md: the folder of a table whose log cannot be read is moved away.
            let table: PathBuf = self.file.iter().take(4).collect();
            std::fs::remove_dir_all(self.data.join(table))?;
        }
        let (well, said) = say(&self.binary, &self.data, &["replay", "--store", STORE]).await?;
        ensure!(well, "the replay said: {said}");
        self.as_before().await.context("after a replay")?;
        self.binary
            .verify(&self.data)
            .await
            .context("after a replay")?;
        Ok(Outcome::Rebuilt)
    }

    async fn as_before(&self) -> Result<()> {
        let now = figures(&self.binary, &self.data, STORE).await?;
        for (a, b) in self.expected.iter().zip(&now) {
            ensure!(a == b, "{a:?} is now {b:?}");
        }
        ensure!(
            now.len() == self.expected.len(),
            "{} rows of {}",
            now.len(),
            self.expected.len()
        );
        Ok(())
    }
}

/// J3, S1, L1: after any damage of any file either everything is as before, or `verify` refuses it in words that name it. What
/// is damaged of silver and gold, a replay builds again.
#[test]
fn l1_no_damage_of_any_file_is_silent() {
    run(|binary| async move {
        let folder = tempfile::tempdir()?;
        let good = filled(&binary, folder.path()).await?;
        write_checkpoints(&binary, &good).await?;
        let expected = Arc::new(figures(&binary, &good, STORE).await?);
        let all = std::env::var("SIM_DAMAGES").is_ok_and(|which| which == "all");
        let mut kinds: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        for file in files_below(&good)? {
            kinds.entry(kind_of(&file)).or_default().push(file);
        }
        let mut cases = Vec::new();
        for (number, files) in kinds.values().enumerate() {
            let most = if all { MOST } else { 1 };
            // The newest of each kind, and others spread over the older ones.
            for file in files.iter().rev().step_by(files.len().div_ceil(most)) {
                for (i, damage) in DAMAGES.into_iter().enumerate() {
                    // One damage of each kind, and each damage at many kinds.
                    if all || (number + i) % DAMAGES.len() == 0 {
                        cases.push((file.clone(), damage));
                    }
                }
            }
        }
        let mut outcomes: BTreeMap<Outcome, u32> = BTreeMap::new();
        let mut failures = Vec::new();
        let mut running = tokio::task::JoinSet::new();
        let mut cases = cases.into_iter();
        loop {
            while running.len() < AT_ONCE
                && let Some((file, damage)) = cases.next()
            {
                let own = tempfile::tempdir()?;
                let data = own.path().join("data");
                copy_all(&good, &data)?;
                let case = Case {
                    binary: binary.clone(),
                    folder: own,
                    data,
                    file,
                    damage,
                    expected: Arc::clone(&expected),
                };
                running.spawn(case.run());
            }
            match running.join_next().await {
                Some(Ok(Ok(outcome))) => *outcomes.entry(outcome).or_default() += 1,
                Some(Ok(Err(error))) => failures.push(format!("{error:#}")),
                Some(Err(error)) => failures.push(error.to_string()),
                None => break,
            }
        }
        println!(
            "{} kinds of files: {outcomes:?}, {} not as they should be",
            kinds.len(),
            failures.len()
        );
        ensure!(failures.is_empty(), "{}", failures.join("\n"));
        ensure!(outcomes.len() == 3, "too little was tried: {outcomes:?}");
        Ok(())
    });
}

/// The first file of a table, newest generation.
fn file_of(data: &Path, table: &str) -> Result<PathBuf> {
    let below = files_below(&data.join("lake"))?.into_iter().rev();
    let mut files = below.filter(|file| {
        let file = file.to_string_lossy();
        file.contains(table) && file.ends_with(".parquet")
    });
    let found = files
        .next()
        .with_context(|| format!("no file of {table}"))?;
    Ok(data.join("lake").join(found))
}

/// A question of the store `other` over HTTP fails, and the server's log names the file it met.
async fn told_in_the_log(binary: &Binary, data: &Path, question: &str) -> Result<()> {
    let key = binary.create_key(data, "other", "read").await?;
    let mut server = Server::new(binary, data)?;
    server.spawn()?;
    server.ready().await?;
    let asked = http::client(LIMIT)?
        .post(format!("{}/v1/sql", server.url()))
        .bearer_auth(key)
        .header("content-type", "application/json")
        .body(format!(r#"{{"query":"{question}"}}"#))
        .send()
        .await?;
    let status = asked.status();
    server.stop().await?;
    let said = server.said();
    ensure!(
        status == 500 && said.contains("silver/events/store_id=other"),
        "the question was answered {status}; the log said: {said}"
    );
    Ok(())
}

/// S2: rows that a damaged file keeps from the lake do not keep a replay from mending it; nor does damage of another store, which
/// its own replay mends.
#[test]
fn s2_a_replay_mends_whatever_else_is_damaged() {
    run(|binary| async move {
        let folder = tempfile::tempdir()?;
        let good = filled(&binary, folder.path()).await?;
        let file = binary.simulated(folder.path(), "3000").await?;
        let other = ["import", &file, "--store", "other", "--currency", "EUR"];
        binary.succeed(&good, &other).await?;
        flip(&file_of(&good, "silver/orders/store_id=shop")?)?;
        std::fs::remove_file(file_of(&good, "silver/events/store_id=other")?)?;
        let question = "SELECT count(DISTINCT event_id) FROM silver.events";
        let (well, said) = say(&binary, &good, &["sql", question, "--store", "other"]).await?;
        ensure!(
            !well && said.contains("hint: should it come again, `tradewind verify`"),
            "the question said: {said}"
        );
        told_in_the_log(&binary, &good, question).await?;
        let refund = folder.path().join("refund.ndjson");
        std::fs::write(
            &refund,
            r#"{"type":"order_refunded","event_id":"back","time":"2026-01-05T12:00:00Z","order":{"order_id":"o1"}}"#,
        )?;
        let refund = refund.to_string_lossy().into_owned();
        let import = ["import", &refund, "--store", STORE, "--currency", "EUR"];
        let (_, said) = say(&binary, &good, &import).await?;
        ensure!(said.contains("checksum"), "the import said: {said}");
        for store in [STORE, "other"] {
            let (well, said) = say(&binary, &good, &["replay", "--store", store]).await?;
            ensure!(well, "the replay of {store} said: {said}");
        }
        binary.verify(&good).await?;
        let status = "SELECT status FROM silver.orders WHERE order_id = 'o1'";
        let status = ask(&binary, &good, STORE, status).await?;
        ensure!(status == [["refunded"]], "{status:?}");
        Ok(())
    });
}

/// S2: a bronze that has lost records is not replayed: silver and gold would lose them, too.
#[test]
fn s2_a_bronze_that_lost_records_is_not_replayed() {
    run(|binary| async move {
        let folder = tempfile::tempdir()?;
        let good = filled(&binary, folder.path()).await?;
        let before = figures(&binary, &good, STORE).await?;
        std::fs::remove_dir_all(good.join("lake/main/bronze"))?;
        let (well, said) = say(&binary, &good, &["verify"]).await?;
        ensure!(
            !well && said.contains("do not replay"),
            "verify said: {said}"
        );
        let replay = ["replay", "--store", STORE];
        let (well, said) = say(&binary, &good, &replay).await?;
        ensure!(
            !well && said.contains("--accept-lost-bronze"),
            "the replay said: {said}"
        );
        ensure!(
            figures(&binary, &good, STORE).await? == before,
            "silver or gold changed"
        );
        let accepted = [&replay[..], &["--accept-lost-bronze"]].concat();
        binary.succeed(&good, &accepted).await?;
        let events = numbers(&binary, &good, STORE, "SELECT count(*) FROM silver.events").await?;
        ensure!(events == [0], "{events:?}");
        Ok(())
    });
}
