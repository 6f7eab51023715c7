//! Prints how many lines a second the import takes, on lines it makes itself: REES46 CSV and native JSON.
//!
//! Three figures each: decoding and validating alone; what the deciding thread does for a line (fingerprint, ids, decode, validate,
//! route, block building), by its own CPU time; and a whole import into an embedded log with fsync, by wall time and by all CPU time.
//! Run: `cargo run --release -p tradewind-ingest --example throughput [LINES]`.

use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use tradewind_ingest::{ImportFormat, ImportOptions, Importer};
use tradewind_journal::{EmbeddedJournal, EmbeddedOptions, Journal};
use tradewind_model::validate::Envelope;
use tradewind_model::{Clock, Decoder, Store, StoreDirectory, StoreId, SystemClock};

struct One(Arc<Store>);

impl StoreDirectory for One {
    fn store(&self, id: &StoreId) -> Option<Arc<Store>> {
        Some(&self.0).filter(|s| s.store_id == *id).cloned()
    }
    fn stores(&self) -> Vec<Arc<Store>> {
        vec![self.0.clone()]
    }
}

fn rees46(lines: u64) -> String {
    let mut out = String::from(
        "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\n",
    );
    for i in 0..lines {
        let (minute, second, kind) = (
            i / 60 % 60,
            i % 60,
            ["view", "view", "view", "cart", "purchase"][(i % 5) as usize],
        );
        let (product, user) = (
            1_000_000 + i * 7_919 % 50_021,
            512_000_000 + i * 104_729 % 300_007,
        );
        let _ = writeln!(
            out,
            "2019-10-01 {:02}:{minute:02}:{second:02} UTC,{kind},{product},2053013552326770905,appliances.environment.water_heater,aqua,{}.{:02},\
             {user},9333dfbd-b87a-4708-9857-{user:012x}",
            i / 3_600 % 24,
            product % 900 + 1,
            product % 100
        );
    }
    out
}

fn native(lines: u64) -> String {
    let mut out = String::new();
    for i in 0..lines {
        let (product, user) = (1_000_000 + i * 7_919 % 50_021, i * 104_729 % 300_007);
        let _ = writeln!(
            out,
            "{{\"type\":\"product_viewed\",\"event_id\":\"0192d5a0-{i:012x}\",\"time\":\"2026-01-01T10:{:02}:{:02}.{:03}Z\",\"anonymous_id\":\"a{user:016x}\",\
             \"session_id\":\"s{user:016x}\",\"product\":{{\"product_id\":\"{product}\",\"name\":\"Kettle {product}\",\"category\":\"appliances.kitchen.kettle\",\
             \"brand\":\"aqua\",\"price\":\"{}.{:02}\"}},\"context\":{{\"page\":{{\"path\":\"/p/{product}\",\"referrer\":\"https://example.com/\"}},\
             \"device\":{{\"type\":\"mobile\",\"os\":\"Android\",\"browser\":\"Chrome\"}},\"country\":\"DE\",\"city\":\"Berlin\"}}}}",
            i / 60 % 60,
            i % 60,
            i % 1_000,
            product % 900 + 1,
            product % 100
        );
    }
    out
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let lines: u64 = std::env::args().nth(1).map_or(Ok(500_000), |n| n.parse())?;
    let folder = std::env::temp_dir().join(format!("tradewind-throughput-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let store = Arc::new(Store::new(StoreId::new("bench")?));
    for (name, text) in [("rees46", rees46(lines)), ("ndjson", native(lines))] {
        let format = ImportFormat::named(name)?;
        decode_only(name, &text, &format, &store)?;
        let path = folder.join(name);
        std::fs::write(&path, &text)?;
        let journal: Arc<dyn Journal> = Arc::new(EmbeddedJournal::open(
            &folder.join(format!("{name}-log")),
            &EmbeddedOptions::default(),
        )?);
        let importer = Importer::new(journal, Arc::new(SystemClock), Arc::new(One(store.clone())));
        let (cpu, own) = (cpu_seconds(true), cpu_seconds(false));
        let summary = importer
            .import_file(
                &path,
                &ImportOptions::new(store.clone(), format),
                &mut |_| ControlFlow::Continue(()),
            )?
            .remove(0);
        let wall = summary.elapsed.as_secs_f64();
        let (cpu, own) = (cpu_seconds(true) - cpu, cpu_seconds(false) - own);
        println!(
            "{name:7} deciding thread:   {:9.0} lines/s",
            lines as f64 / own
        );
        println!(
            "{name:7} import, fsynced: {:9.0} lines/s wall, {:9.0} lines/s a core ({} accepted, {} rejected, {:.0} bytes a line)",
            lines as f64 / wall,
            lines as f64 / cpu,
            summary.accepted,
            summary.rejected,
            text.len() as f64 / lines as f64
        );
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

/// Decoding and validating alone.
fn decode_only(
    name: &str,
    text: &str,
    format: &ImportFormat,
    store: &Store,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut lines = text.lines();
    let decoder = match format {
        ImportFormat::Ndjson => Decoder::Json,
        ImportFormat::Csv { mapping, .. } => Decoder::Csv(Box::new(
            tradewind_model::mapping::CsvDecoder::new(mapping, lines.next().unwrap_or_default())?,
        )),
    };
    let started = Instant::now();
    let envelope = Envelope {
        received_at: SystemClock.now(),
        event_id: "0123456789abcdef0123456789abcdef-0",
    };
    let (mut good, mut all) = (0u64, 0u64);
    for line in lines {
        all += 1;
        good += u64::from(decoder.decode(line.as_bytes(), &envelope, store).is_ok());
    }
    println!(
        "{name:7} decode + validate: {:9.0} lines/s ({good} good)",
        all as f64 / started.elapsed().as_secs_f64()
    );
    Ok(())
}

/// CPU time of this thread, or of all threads of the process, in seconds (Linux).
fn cpu_seconds(whole_process: bool) -> f64 {
    if whole_process {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let after = stat.rsplit(')').next().unwrap_or_default();
        // A tick is a hundredth of a second.
        after
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|t| t.parse::<f64>().ok())
            .sum::<f64>()
            / 100.0
    } else {
        let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        stat.split_whitespace()
            .next()
            .and_then(|t| t.parse::<f64>().ok())
            .unwrap_or(f64::NAN)
            / 1e9
    }
}
