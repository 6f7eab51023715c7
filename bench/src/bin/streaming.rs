//! Everything that streams, from a file of JSON lines to checkpointed answers: read, validated, kept in the log with fsync,
//! de-duplicated, through every operator, state in the checkpoint. No lake. Prints one line of JSON; the time is from opening
//! the empty folder to the last checkpoint.
//!
//! Run: `streaming FILE.ndjson FOLDER`; the folder must be empty or missing.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use anyhow::{Context as _, Result};
use tradewind_ingest::{ImportFormat, ImportOptions, Importer};
use tradewind_journal::{EmbeddedJournal, EmbeddedOptions, Journal};
use tradewind_model::{Clock, Micros, Store, StoreDirectory, StoreId};
use tradewind_stream::sink::NoSink;
use tradewind_stream::{LiveHub, Runtime, RuntimeConfig, RuntimeParts};

struct WallClock;

impl Clock for WallClock {
    #[allow(
        clippy::disallowed_methods,
        reason = "the program's clock, at its edge"
    )]
    fn now(&self) -> Micros {
        let since = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

struct One(Arc<Store>);

impl StoreDirectory for One {
    fn store(&self, id: &StoreId) -> Option<Arc<Store>> {
        (*id == self.0.store_id).then(|| Arc::clone(&self.0))
    }
    fn stores(&self) -> Vec<Arc<Store>> {
        vec![Arc::clone(&self.0)]
    }
}

fn main() -> Result<()> {
    tradewind_process::set_up_memory();
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: streaming FILE.ndjson FOLDER [CURRENCY]";
    let file = arguments.next().context(usage)?;
    let folder = arguments.next().context(usage)?;
    let folder = Path::new(&folder);
    let mut store = Store::new(StoreId::new("bench")?);
    store.currency = arguments.next().unwrap_or_else(|| "USD".to_owned());
    let store = Arc::new(store);
    let started = Instant::now();
    let stores: Arc<dyn StoreDirectory> = Arc::new(One(Arc::clone(&store)));
    let journal: Arc<dyn Journal> = Arc::new(EmbeddedJournal::open(
        &folder.join("journal"),
        &EmbeddedOptions::default(),
    )?);
    let hub = Arc::new(LiveHub::default());
    let parts = RuntimeParts {
        journal: Arc::clone(&journal),
        stores: Arc::clone(&stores),
        sink: Arc::new(NoSink),
        hub,
    };
    let runtime = Runtime::start(&parts, &RuntimeConfig::new(folder.join("state")))?;
    let importer = Importer::new(journal, Arc::new(WallClock), stores);
    let options = ImportOptions::new(store, ImportFormat::named("ndjson")?);
    let summaries = importer.import_file(Path::new(&file), &options, &mut |_| {
        ControlFlow::Continue(())
    })?;
    let in_log = started.elapsed();
    runtime.drain()?;
    let all = started.elapsed();
    let accepted: u64 = summaries.iter().map(|s| s.accepted).sum();
    let rejected: u64 = summaries.iter().map(|s| s.rejected).sum();
    println!(
        "{{\"events\":{accepted},\"rejected\":{rejected},\"seconds\":{:.3},\"seconds_in_log\":{:.3}}}",
        all.as_secs_f64(),
        in_log.as_secs_f64()
    );
    runtime.shutdown()?;
    Ok(())
}
