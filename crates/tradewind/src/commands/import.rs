//! `tradewind import`: files into the data folder, or to a running server.

use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tradewind_ingest::import::{RemoteBatch, RemoteLines};
use tradewind_ingest::{ImportFormat, ImportOptions, ImportSummary, Importer, Input};
use tradewind_journal::Journal;
use tradewind_model::{Clock, StoreDirectory, StoreId, SystemClock};

use crate::cli::{FormatName, ImportArgs};
use crate::config::Config;
use crate::instance::Instance;
use crate::terminal::{self, grouped, say_line};

/// The format asked for, or the one that the names of the files say.
fn format_name(args: &ImportArgs) -> Result<FormatName> {
    if let Some(format) = args.format {
        if args.map.is_some() && !matches!(format, FormatName::Csv) {
            bail!("--map is of --format csv only; leave one of the two out");
        }
        return Ok(format);
    }
    if args.map.is_some() {
        return Ok(FormatName::Csv);
    }
    for file in &args.files {
        let name = file.to_string_lossy().to_lowercase();
        let plain = [".gz", ".zst", ".zip"]
            .iter()
            .find_map(|packed| name.strip_suffix(packed))
            .unwrap_or(&name);
        if ![".ndjson", ".jsonl", ".json"]
            .iter()
            .any(|end| plain.ends_with(end))
        {
            bail!(
                "the name of `{}` does not say how to read it; give --format rees46 or --format ndjson, or --map FILE.toml for any other CSV",
                file.display()
            );
        }
    }
    Ok(FormatName::Ndjson)
}

fn format(args: &ImportArgs) -> Result<ImportFormat> {
    Ok(match format_name(args)? {
        FormatName::Rees46 => ImportFormat::named("rees46")?,
        FormatName::Ndjson => ImportFormat::Ndjson,
        FormatName::Csv => {
            let path = args
                .map
                .as_ref()
                .context("--format csv needs a mapping: --map FILE.toml")?;
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("cannot read the mapping `{}`", path.display()))?;
            ImportFormat::csv(&path.display().to_string(), &text)
        }
    })
}

pub async fn run(config: Config, data_dir: &Path, args: &ImportArgs) -> Result<ExitCode> {
    let format = format(args)?;
    if let (Some(url), Some(key)) = (&args.url, &args.key) {
        let (url, key, args) = (url.clone(), key.clone(), args.clone());
        return tokio::task::spawn_blocking(move || send(&url, &key, &args, format)).await?;
    }
    let store = args
        .store
        .as_deref()
        .context("--store is needed: the store the events belong to")?;
    let instance = Instance::open(config, data_dir).await?;
    let store = super::ensure_store(
        &instance.control,
        store,
        None,
        args.currency.as_deref(),
        args.timezone.as_deref(),
    )
    .await?;
    instance.control.seal_store(&store.store_id).await?;
    let late_before = late(&instance);
    let started = Instant::now();
    let mut options = ImportOptions::new(Arc::clone(&store), format);
    options.store_by_line = false;
    options.encoding.clone_from(&args.encoding);
    let stop = Arc::new(AtomicBool::new(false));
    let on_signal = Arc::clone(&stop);
    tokio::spawn(async move {
        super::stop_signal().await;
        on_signal.store(true, Ordering::Relaxed);
    });
    let importer = Importer::new(
        Arc::clone(&instance.journal) as Arc<dyn Journal>,
        Arc::clone(&instance.clock),
        Arc::clone(&instance.control) as Arc<dyn StoreDirectory>,
    );
    let files = args.files.clone();
    let (imported, importer_options, stopping) = (files.clone(), options, Arc::clone(&stop));
    let outcome = tokio::task::spawn_blocking(move || {
        let mut summaries: Vec<ImportSummary> = Vec::new();
        for file in &imported {
            let bar = terminal::bytes_bar(
                file.file_name()
                    .map_or_else(String::new, |n| n.to_string_lossy().into_owned()),
            );
            let result = importer.import_file(file, &importer_options, &mut |progress| {
                bar.set_length(progress.bytes_total);
                bar.set_position(progress.bytes_done);
                if stopping.load(Ordering::Relaxed) {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            });
            bar.finish_and_clear();
            match result {
                Ok(more) => summaries.extend(more),
                Err(error) => return (summaries, Some(error)),
            }
        }
        (summaries, None)
    })
    .await?;
    let (summaries, failed) = outcome;
    let read = started.elapsed();
    let spinner = terminal::spinner("operators, lake and gold tables catch up");
    let caught_up = async {
        instance.drain().await?;
        instance.refresh_gold().await
    }
    .await;
    spinner.finish_and_clear();
    for summary in &summaries {
        tell(summary);
    }
    let added: u64 = summaries.iter().map(|s| s.added).sum();
    let whole = started.elapsed();
    if added > 0 && caught_up.is_ok() {
        say_line!(
            "{} records in {:.1} s, {} a second: durable after {:.1} s, in silver and gold after {:.1} s",
            grouped(added),
            whole.as_secs_f64(),
            grouped((added as f64 / whole.as_secs_f64()) as u64),
            read.as_secs_f64(),
            whole.as_secs_f64(),
        );
    }
    let late = late(&instance).saturating_sub(late_before);
    if late > 0 {
        say_line!(
            "{} events came more than {} behind newer ones: orders, silver and gold have them, visits, carts and live traffic do not; import files with the oldest lines first (for CSV: `sort` by the time column), or raise stream.lateness for the import",
            grouped(late),
            humantime::format_duration(instance.config.stream.lateness.0)
        );
    }
    let store_id = store.store_id.clone();
    let duplicates: u64 = instance
        .hub
        .read(&store_id)
        .iter()
        .map(|p| p.progress.duplicates)
        .sum();
    if duplicates > 0 {
        say_line!(
            "store `{store_id}` holds {} duplicates in all; they count once",
            grouped(duplicates)
        );
    }
    instance.close().await?;
    if let Some(error) = failed {
        // Its message has its cause and the way out in it.
        bail!("{error}");
    }
    caught_up.context("the events are in the journal, but silver or gold is not up to date; the next command or server on this folder goes on from there")?;
    let (lines, accepted) = (
        summaries.iter().map(|s| s.lines).sum::<u64>(),
        summaries.iter().map(|s| s.accepted).sum::<u64>(),
    );
    if lines > 0 && accepted == 0 {
        say_line!(
            "no line became an event: the mapping or the format does not fit; bronze.quarantine holds every line with its reason"
        );
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Events that came too late for visits, carts and live traffic, in all.
fn late(instance: &Instance) -> u64 {
    let stores = instance.control.stores();
    let parts = stores
        .iter()
        .flat_map(|store| instance.hub.read(&store.store_id));
    parts.map(|part| part.progress.late).sum()
}

fn tell(summary: &ImportSummary) {
    if summary.already_complete {
        say_line!(
            "{}: imported before ({} events, {} rejected lines): nothing added",
            summary.file,
            grouped(summary.accepted),
            grouped(summary.rejected)
        );
        return;
    }
    if let Some(line) = summary.resumed_at_line {
        say_line!("{}: went on from line {}", summary.file, grouped(line));
    }
    say_line!(
        "{}: {} lines, {} events, {} in quarantine",
        summary.file,
        grouped(summary.lines),
        grouped(summary.accepted),
        grouped(summary.rejected)
    );
    for rejection in &summary.rejections {
        say_line!("  quarantined: {}", rejection.message);
    }
    tell_of_more(summary.rejected, summary.rejections.len() as u64);
    if !summary.reasons.is_empty() {
        let reasons: Vec<String> = summary
            .reasons
            .iter()
            .map(|(reason, lines)| format!("{} {reason}", grouped(*lines)))
            .collect();
        say_line!("  by reason: {}", reasons.join(", "));
    }
}

fn tell_of_more(rejected: u64, shown: u64) {
    if rejected > shown && shown > 0 {
        say_line!(
            "  … and {} more; bronze.quarantine holds every one with its reason",
            grouped(rejected - shown)
        );
    }
}

/// How many lines of each kind that did not become events are told one by one.
const SHOWN: u64 = 10;

/// Sends a file's lines to a server; ids make sending again safe.
fn send(url: &str, key: &str, args: &ImportArgs, format: ImportFormat) -> Result<ExitCode> {
    let store = StoreId::new(args.store.as_deref().unwrap_or("remote"))?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut lines = RemoteLines::new(store, format, 2_000, clock);
    lines.encoding.clone_from(&args.encoding);
    let handle = tokio::runtime::Handle::current();
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(60))
        .build()?;
    // The server refuses them when the key is of another store.
    let mut meant = reqwest::header::HeaderMap::new();
    if let Some(store) = &args.store {
        meant.insert("x-store", store.parse()?);
    }
    let started = Instant::now();
    let (mut accepted, mut rejected, mut not_sent) = (0u64, 0u64, 0u64);
    for file in &args.files {
        for input in Input::of(file)? {
            let bar = terminal::bytes_bar(input.name().to_owned());
            lines.each(&input, |batch: RemoteBatch| {
                bar.set_length(batch.bytes_total);
                bar.set_position(batch.bytes_done);
                for line in &batch.rejected {
                    not_sent += 1;
                    if not_sent <= SHOWN {
                        bar.suspend(|| say_line!("  not sent: {}", line.message));
                    }
                }
                if batch.lines.is_empty() {
                    return Ok(());
                }
                let verdict = handle.block_on(post(&client, url, key, &meant, &batch))?;
                accepted += verdict["accepted"].as_u64().unwrap_or(0);
                for item in verdict["rejected"]
                    .as_array()
                    .map_or(&[][..], Vec::as_slice)
                {
                    rejected += 1;
                    if rejected > SHOWN {
                        continue;
                    }
                    let index = usize::try_from(item["index"].as_u64().unwrap_or(0)).unwrap_or(0);
                    let line = batch.lines.get(index).copied().unwrap_or(0);
                    bar.suspend(|| {
                        say_line!(
                            "  quarantined: line {line}: {}",
                            item["message"].as_str().unwrap_or("")
                        )
                    });
                }
                Ok::<(), anyhow::Error>(())
            })?;
            bar.finish_and_clear();
        }
    }
    tell_of_more(rejected, rejected.min(SHOWN));
    say_line!(
        "{} events accepted by {url}, {} in its quarantine, {} lines that are no events not sent, in {:.1} s",
        grouped(accepted),
        grouped(rejected),
        grouped(not_sent),
        started.elapsed().as_secs_f64()
    );
    Ok(ExitCode::SUCCESS)
}

async fn post(
    client: &reqwest::Client,
    url: &str,
    key: &str,
    meant: &reqwest::header::HeaderMap,
    batch: &RemoteBatch,
) -> Result<serde_json::Value> {
    let mut wait = Duration::from_millis(200);
    for _ in 0..12 {
        let answer = client
            .post(format!("{url}/v1/events"))
            .bearer_auth(key)
            .header("content-type", "application/x-ndjson")
            .headers(meant.clone())
            .body(batch.body.clone())
            .send()
            .await;
        match answer {
            // An answer that breaks off says nothing: ids make sending again safe.
            Ok(answer) if answer.status().is_success() => {
                if let Ok(verdict) = answer.json().await {
                    return Ok(verdict);
                }
            }
            Ok(answer) if answer.status() == 429 || answer.status() == 503 => {}
            Ok(answer) => {
                let status = answer.status();
                bail!(
                    "the server answered {status}: {}",
                    answer.text().await.unwrap_or_default()
                );
            }
            Err(error) => tracing::warn!(%error, "the server is away; trying again"),
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(10));
    }
    bail!(
        "{url} did not take the events for a minute; run the import again later; what was sent counts once as far back as the server remembers ids (stream.dedup_window, 7 days of event time)"
    )
}
