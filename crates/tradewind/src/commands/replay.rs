//! `tradewind replay`: builds a store's silver and gold again from bronze, and swaps them in when they are whole.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use tradewind_journal::Journal;
use tradewind_lake::{Replay, ReplayRange, TableName};
use tradewind_model::{Date, Micros, Store};
use tradewind_stream::replayed::{ReplayedState, take_place};
use tradewind_stream::{Formats, RuntimeError};

use crate::cli::ReplayArgs;
use crate::config::Config;
use crate::instance::Instance;
use crate::reprocess::Reprocess;
use crate::terminal::{self, grouped, say_line};

pub async fn run(config: Config, data_dir: &Path, args: &ReplayArgs) -> Result<ExitCode> {
    super::existing_folder(data_dir)?;
    let spinner = terminal::spinner("processing what is in the journal");
    let instance = Instance::open(config, data_dir).await?;
    let done = replay(&instance, args, &spinner).await;
    let (generation, partitions) = (
        instance.lake.generation(),
        instance.journal.topic_partitions(),
    );
    instance.close().await?;
    spinner.set_message("live state takes its place");
    // Should it fail, the next start does it.
    let placed = take_place(data_dir, &generation, &partitions);
    spinner.finish_and_clear();
    say_line!("{}", done?);
    placed.context("live state could not take its place yet; the next start tries again")?;
    Ok(ExitCode::SUCCESS)
}

async fn replay(
    instance: &Instance,
    args: &ReplayArgs,
    spinner: &indicatif::ProgressBar,
) -> Result<String> {
    let store = super::known_store(&instance.control, &args.store)?;
    let id = store.store_id.clone();
    let range = ReplayRange {
        store: id,
        from: day(args.from.as_deref(), &store).context("--from")?,
        to: day(args.to.as_deref(), &store).context("--to")?,
    };
    if let (Some(from), Some(to)) = (range.from, range.to)
        && from > to
    {
        bail!("--from {from} is after --to {to}");
    }
    instance.lake.check_offsets().await?;
    if let Err(error) = instance.drain().await {
        // Rows that a damaged file keeps from the lake stay in the checkpoint; the replay builds them, too.
        match error.downcast_ref::<RuntimeError>() {
            Some(RuntimeError::Lake(why)) => {
                tracing::warn!(%why, "rows wait for the lake; the replay goes on without them");
            }
            _ => return Err(error),
        }
    }
    let whole = range.from.is_none() && range.to.is_none();
    // Live state is of all days: a replay of some leaves it as it is.
    let state = match whole {
        true => Some(Arc::new(ReplayedState::begin(&instance.data_dir)?)),
        false => None,
    };
    let (replay, read) = stage(instance, store, range.clone(), state.clone(), spinner)
        .await
        .context("the replay failed; silver, gold and live state are as they were")?;
    let taken_in = super::verify::received(instance, Some(&range.store));
    if read < taken_in && !args.accept_lost_bronze {
        replay.abandon()?;
        bail!(
            "bronze has {} records of store {}, but {} were taken in: it has lost some, and silver and gold built from it would lose them, too. They are as they were. Put a whole copy of `lake/main/bronze` back; or give --accept-lost-bronze to go on with what bronze has",
            grouped(read),
            range.store,
            grouped(taken_in)
        );
    }
    spinner.set_message("computing gold");
    if let Some(state) = state.and_then(Arc::into_inner) {
        state.seal(&range.store, replay.generation())?;
    }
    replay.finish().await?;
    let span = match (range.from, range.to) {
        (None, None) => "all days".to_owned(),
        (Some(from), None) => format!("{from} and later"),
        (None, Some(to)) => format!("up to {to}"),
        (Some(from), Some(to)) => format!("{from} to {to}"),
    };
    Ok(format!(
        "replayed store {}: {} records of bronze processed again; silver and gold of {span}{} are new",
        range.store,
        grouped(read),
        if whole { " and the live state" } else { "" }
    ))
}

/// Runs a store's bronze through the operators again, into a generation of the lake that nobody reads yet. Gives it and the
/// records read. What failed is removed again.
pub(super) async fn stage(
    instance: &Instance,
    store: Arc<Store>,
    range: ReplayRange,
    state: Option<Arc<ReplayedState>>,
    spinner: &indicatif::ProgressBar,
) -> Result<(Replay, u64)> {
    spinner.set_message("checking bronze");
    let damaged = instance
        .lake
        .damaged_files(Some(&TableName::BronzeEvents), Some(&range.store))
        .await?;
    if let Some(first) = damaged.first() {
        bail!(
            "{} data files of bronze are damaged or missing, such as {first}; restore them from a copy (docs/recovery.md)",
            damaged.len()
        );
    }
    spinner.set_message("reading bronze again");
    let replay = Replay::begin(&instance.lake, range).await?;
    let journal = Arc::clone(&instance.journal) as Arc<dyn Journal>;
    let work = Reprocess {
        store,
        operators: instance.config.operators(),
        partitions: journal.partitions(),
        formats: Formats::new(journal),
        lake: Arc::clone(replay.lake()),
        sink: replay.sink(),
        state,
    };
    let (scratch, bar) = (instance.data_dir.join("tmp"), spinner.clone());
    let told = move |read: u64| {
        if read.is_multiple_of(50_000) {
            bar.set_message(format!(
                "{} records of bronze processed again",
                grouped(read)
            ));
        }
    };
    let read = tokio::task::spawn_blocking(move || work.run(&scratch, &told)).await;
    match read.map_err(anyhow::Error::from).and_then(|r| r) {
        Ok(read) => Ok((replay, read)),
        Err(error) => {
            replay.abandon()?;
            Err(error)
        }
    }
}

/// A day of the store: `2026-11-21`, or a moment that lies in it.
fn day(text: Option<&str>, store: &Store) -> Result<Option<Date>> {
    let Some(text) = text else {
        return Ok(None);
    };
    if let Some(date) = Date::parse(text) {
        return Ok(Some(date));
    }
    match Micros::parse_rfc3339(text) {
        Some(moment) => Ok(Some(store.zone.date(moment))),
        None => bail!(
            "`{text}` is neither a date such as 2026-11-21 nor a moment such as 2026-11-21T08:00:00Z"
        ),
    }
}
