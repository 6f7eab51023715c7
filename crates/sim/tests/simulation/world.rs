//! One run: shoppers, the process with its storages, the schedule, and the count at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use tradewind_ingest::{BodyKind, Ingest, Limits, Verdicts};
use tradewind_journal::memory::Call;
use tradewind_journal::{Journal, JournalError, MemoryJournal, RetentionPolicy};
use tradewind_model::{Clock, IdSource, Micros, Store};
use tradewind_stream::names::Dimension;
use tradewind_stream::operators::performance::PerformancePane;
use tradewind_stream::state::{StateTable, decode, split_key};
use tradewind_stream::{LiveHub, OperatorConfig, RuntimeParts, SteppedRuntime, merge};

use crate::checkpoints::{self, MemoryCheckpoints};
use crate::dice::{Death, Dice, Fate};
use crate::lake::{self, Lake};
use crate::shops::{self, Item, Shops};

/// Things done before the count.
const ACTS: u64 = 700;
const PARTITIONS: u16 = 2;
const BEGIN: i64 = 1_700_000_000_000_000;

/// What a run did and what it left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    pub runs: u64,
    pub events: u64,
    pub acknowledged: u64,
    pub faults: u64,
    pub deaths: u64,
    pub trimmed: u64,
    pub compared: u64,
    /// SHA-256 of log, checkpoint and lake.
    pub digest: String,
}

impl Report {
    pub fn add(&mut self, other: &Self) {
        self.runs += other.runs;
        self.events += other.events;
        self.acknowledged += other.acknowledged;
        self.faults += other.faults;
        self.deaths += other.deaths;
        self.trimmed += other.trimmed;
        self.compared += other.compared;
        let mut hash = Sha256::new();
        hash.update(&self.digest);
        hash.update(&other.digest);
        self.digest = hex(hash);
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "simulation: {} seeds, {} events sent, {} acknowledged, {} failed calls, {} deaths, {} records trimmed, {} runs equal to one without faults; all bytes {}",
            self.runs,
            self.events,
            self.acknowledged,
            self.faults,
            self.deaths,
            self.trimmed,
            self.compared,
            self.digest.get(..16).unwrap_or_default()
        )
    }
}

fn hex(hash: Sha256) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    for byte in hash.finalize() {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

struct SimClock(AtomicI64);

impl Clock for SimClock {
    fn now(&self) -> Micros {
        Micros(self.0.load(Ordering::Relaxed))
    }
}

#[derive(Default)]
struct Ids(AtomicU64);

impl IdSource for Ids {
    fn next_id(&self) -> String {
        format!("given-{}", self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// A request that may have to be sent again.
struct Request {
    store: Arc<Store>,
    items: Vec<Item>,
}

/// Everything outside the process, and the process while it lives.
pub struct World {
    dice: Dice,
    clock: Arc<SimClock>,
    ids: Arc<Ids>,
    shops: Arc<Shops>,
    journal: Arc<MemoryJournal>,
    state: Arc<Mutex<checkpoints::Disk>>,
    lake: Arc<Mutex<lake::Disk>>,
    ingest: Option<Ingest>,
    process: Option<Process>,
    /// Partitions that the barrier under way has not cut yet, and whether it asks for open rows.
    barrier: Option<(Vec<usize>, bool)>,
    unheard: Vec<Request>,
    heard: Vec<Request>,
    sent: u64,
    acknowledged: BTreeMap<String, String>,
    rejected: u64,
    trimmed: u64,
}

type Outcome<T> = Result<T, String>;

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

impl World {
    pub fn new(seed: u64) -> Self {
        let dice = Dice::new(seed);
        let fate = dice.clone();
        let faults = move |call: Call| {
            let storage = |reason: &str| JournalError::Storage {
                reason: reason.to_owned(),
            };
            let failed = match call {
                Call::Append | Call::Read => fate.fate(40, 150),
                Call::Appended => fate.fate(60, 100),
                Call::Commit => fate.fate(10, 60),
            };
            match (failed, call) {
                (Fate::Works, _) => Ok(()),
                (Fate::Fails, Call::Append) => Err(JournalError::Full {
                    free_bytes: 0,
                    needed_bytes: 1,
                }),
                (Fate::Fails, Call::Appended) => Err(storage("the answer of the disk was lost")),
                (Fate::Fails, _) => Err(storage("the disk does not answer")),
            }
        };
        Self {
            dice,
            clock: Arc::new(SimClock(AtomicI64::new(BEGIN))),
            ids: Arc::default(),
            shops: Arc::new(Shops::new()),
            journal: Arc::new(MemoryJournal::with_faults(PARTITIONS, Box::new(faults))),
            state: Arc::default(),
            lake: Arc::default(),
            ingest: None,
            process: None,
            barrier: None,
            unheard: Vec::new(),
            heard: Vec::new(),
            sent: 0,
            acknowledged: BTreeMap::new(),
            rejected: 0,
            trimmed: 0,
        }
    }

    pub fn run(mut self) -> Outcome<Report> {
        // Retention in some runs; without it the journal still has everything to compare with.
        let trims = self.dice.once_in(3);
        self.dice.arm(true);
        for _ in 0..ACTS {
            self.survive(|world| world.act(trims))?;
        }
        self.dice.arm(false);
        self.finish()?;
        self.count()?;
        self.know_again()?;
        let compared = !trims;
        if compared {
            self.compare()?;
        }
        let (faults, deaths) = self.dice.harm();
        Ok(Report {
            runs: 1,
            events: self.sent,
            acknowledged: self.acknowledged.len() as u64,
            faults,
            deaths,
            trimmed: self.trimmed,
            compared: u64::from(compared),
            digest: self.digest(),
        })
    }

    /// Does something that may be the process's last.
    fn survive(&mut self, act: impl FnOnce(&mut Self) -> Outcome<()>) -> Outcome<()> {
        match catch_unwind(AssertUnwindSafe(|| act(self))) {
            Ok(done) => done,
            Err(death) if death.is::<Death>() => {
                self.die();
                Ok(())
            }
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    fn die(&mut self) {
        self.process = None;
        self.ingest = None;
        self.barrier = None;
    }

    fn config() -> OperatorConfig {
        OperatorConfig {
            cart_quiet: 20 * Micros::MINUTE,
            ..OperatorConfig::default()
        }
    }

    fn start(
        &self,
        dice: &Dice,
        lake: &Arc<Mutex<lake::Disk>>,
        state: &Arc<Mutex<checkpoints::Disk>>,
    ) -> Outcome<Process> {
        let hub = Arc::new(LiveHub::default());
        let parts = RuntimeParts {
            journal: Arc::clone(&self.journal) as Arc<dyn Journal>,
            stores: Arc::clone(&self.shops) as Arc<dyn tradewind_model::StoreDirectory>,
            sink: Arc::new(Lake::open(lake, dice)),
            hub: Arc::clone(&hub),
        };
        let checkpoints = Arc::new(MemoryCheckpoints {
            disk: Arc::clone(state),
            dice: dice.clone(),
        });
        let runtime = SteppedRuntime::start(&parts, checkpoints, Self::config()).map_err(told)?;
        Ok(Process { runtime, hub })
    }

    fn process(&mut self) -> Outcome<&mut SteppedRuntime> {
        if self.process.is_none() {
            self.process = Some(self.start(&self.dice, &self.lake, &self.state)?);
        }
        let process = self.process.as_mut().ok_or("no process")?;
        Ok(&mut process.runtime)
    }

    fn act(&mut self, trims: bool) -> Outcome<()> {
        match self.dice.below(100) {
            0..=19 => {
                let ahead = match self.dice.below(12) {
                    0 => self.dice.between(0, 3 * Micros::HOUR),
                    1 | 2 => self.dice.between(0, 20 * Micros::MINUTE),
                    _ => self.dice.between(0, 10 * Micros::SECOND),
                };
                self.clock.0.fetch_add(ahead, Ordering::Relaxed);
            }
            20..=39 => self.send_new()?,
            40..=47 => self.send_again()?,
            48..=79 => self.read()?,
            80..=93 => self.barrier()?,
            94..=96 => self.process()?.publish(),
            97 if trims => {
                let policy = RetentionPolicy {
                    max_age: Some(self.dice.between(0, Micros::HOUR)),
                    max_bytes: None,
                };
                self.trimmed += self.journal.trim(&policy, self.clock.now()).map_err(told)?;
            }
            98 => self.die(),
            _ => {}
        }
        Ok(())
    }

    fn send_new(&mut self) -> Outcome<()> {
        let store = self.shops.pick(&self.dice);
        let count = 1 + self.dice.below(30);
        let items = (0..count)
            .map(|_| {
                self.sent += 1;
                shops::item(&store, self.sent, self.clock.now(), &self.dice)
            })
            .collect();
        self.send(Request { store, items })
    }

    /// What was not heard of is sent again, and sometimes what was.
    fn send_again(&mut self) -> Outcome<()> {
        if self.unheard.is_empty() {
            return Ok(());
        }
        let at = usize::try_from(self.dice.below(self.unheard.len() as u64)).unwrap_or(0);
        let request = self.unheard.swap_remove(at);
        self.send(request)
    }

    fn send(&mut self, request: Request) -> Outcome<()> {
        // Until an answer comes the sender must take it for unheard; a death leaves it there.
        let body: String = request
            .items
            .iter()
            .flat_map(|i| [i.raw.as_str(), "\n"])
            .collect();
        let (store, items) = (Arc::clone(&request.store), request.items.clone());
        self.unheard.push(request);
        let ingest = self.ingest.get_or_insert_with(|| {
            Ingest::new(
                Arc::clone(&self.journal) as Arc<dyn Journal>,
                Arc::clone(&self.clock) as Arc<dyn Clock>,
                Arc::clone(&self.ids) as Arc<dyn IdSource>,
                Limits::default(),
            )
        });
        let Ok(verdicts) = ingest.accept(&store, "sim", body.as_bytes(), BodyKind::Ndjson) else {
            return Ok(());
        };
        self.verdicts(&items, &verdicts)?;
        // Some senders do not believe the answer and send it again.
        if !self.dice.once_in(15) {
            self.heard.extend(self.unheard.pop());
        }
        Ok(())
    }

    fn verdicts(&mut self, items: &[Item], verdicts: &Verdicts) -> Outcome<()> {
        let rejected: BTreeSet<usize> = verdicts.rejected.iter().map(|r| r.index).collect();
        for (index, item) in items.iter().enumerate() {
            match &item.id {
                Some(id) if rejected.contains(&index) => {
                    return Err(format!("{id} was rejected: {:?}", verdicts.rejected));
                }
                Some(id) => drop(self.acknowledged.insert(id.clone(), item.raw.clone())),
                None if rejected.contains(&index) => self.rejected += 1,
                None => return Err(format!("`{}` was accepted", item.raw)),
            }
        }
        Ok(())
    }

    fn read(&mut self) -> Outcome<()> {
        let process = self.process()?;
        let count = process.partitions() as u64;
        let at = usize::try_from(self.dice.below(count)).unwrap_or(0);
        // A journal that cannot be read is asked again later.
        let _ = self.process()?.step(at);
        Ok(())
    }

    /// A part of a barrier: its start, one partition's cut, or its end.
    fn barrier(&mut self) -> Outcome<()> {
        let count = self.process()?.partitions();
        let (mut left, flush) = match self.barrier.take() {
            Some(under_way) => under_way,
            None => ((0..count).collect(), self.dice.once_in(2)),
        };
        // Several threads cut at the same time, others while events go on.
        for _ in 0..=self.dice.below(4) {
            if left.is_empty() {
                break;
            }
            let at = usize::try_from(self.dice.below(left.len() as u64)).unwrap_or(0);
            let partition = left.swap_remove(at);
            self.process()?.cut(partition, flush);
        }
        if !left.is_empty() {
            self.barrier = Some((left, flush));
            return Ok(());
        }
        // What fails is tried again until it works, or the process dies.
        self.process()?.settle(flush).map(drop).map_err(told)
    }

    /// Lets everything be read, checkpointed and handed over.
    fn finish(&mut self) -> Outcome<()> {
        if self.dice.once_in(2) {
            self.die();
        }
        while self.barrier.is_some() {
            self.barrier()?;
        }
        drain(self.process()?)
    }

    /// Everything acknowledged is there once, and nothing twice.
    fn count(&self) -> Outcome<()> {
        let lake = self.lake.lock();
        let mut silver: BTreeMap<&str, u64> = BTreeMap::new();
        for (_, row) in lake.silver.values().flat_map(|t| &t.rows) {
            let id = row.split(' ').nth(1).unwrap_or_default();
            *silver.entry(id).or_default() += 1;
        }
        if let Some((id, times)) = silver.iter().find(|(_, n)| **n != 1) {
            return Err(format!("{id} is in silver {times} times"));
        }
        if let Some(id) = self
            .acknowledged
            .keys()
            .find(|id| !silver.contains_key(id.as_str()))
        {
            return Err(format!("{id} was acknowledged and is not in silver"));
        }
        let bronze = || lake.bronze.values().flat_map(|t| &t.rows);
        let kept: BTreeSet<&str> = bronze()
            .filter_map(|(_, row)| Some(row.split_once(' ')?.1))
            .collect();
        if let Some((id, raw)) = self
            .acknowledged
            .iter()
            .find(|(_, raw)| !kept.contains(raw.as_str()))
        {
            return Err(format!("{id} is not in bronze as it was sent: {raw}"));
        }
        let quarantined = bronze()
            .filter(|(_, row)| row.starts_with("quarantine"))
            .count() as u64;
        if quarantined < self.rejected {
            return Err(format!(
                "{quarantined} quarantined, {} told as rejected",
                self.rejected
            ));
        }
        for (partition, table) in &lake.bronze {
            let next = self.journal.bounds(*partition).next;
            if table.next != next || lake.silver.get(partition).map_or(0, |t| t.next) != next {
                return Err(format!("{partition} is not in the lake up to {next}"));
            }
        }
        Ok(())
    }

    /// Everything acknowledged is known when it comes once more, whatever died since.
    fn know_again(&mut self) -> Outcome<()> {
        let before: usize = self.lake.lock().silver.values().map(|t| t.rows.len()).sum();
        for request in std::mem::take(&mut self.heard) {
            self.send(request)?;
        }
        drain(self.process()?)?;
        let after: usize = self.lake.lock().silver.values().map(|t| t.rows.len()).sum();
        if after == before {
            return Ok(());
        }
        Err(format!("{} events counted again", after - before))
    }

    /// Log, lake, state and views are those of a process that read the whole log at once, without faults (S2).
    fn compare(&mut self) -> Outcome<()> {
        let (lake, state) = (Arc::default(), Arc::default());
        let mut process = self.start(&self.dice, &lake, &state)?;
        drain(&mut process.runtime)?;
        process.runtime.publish();
        self.process()?.publish();
        let shown = self.process.as_ref().map(|mine| views(&mine.hub));
        let (shown, expected) = (shown.unwrap_or_default(), views(&process.hub));
        if let Some(what) = first_difference(&shown, &expected) {
            return Err(format!("a view differs: {what}"));
        }
        let (lake, mine) = (lake.lock(), self.lake.lock());
        if lake.bronze != mine.bronze {
            return Err("bronze differs from that of a run without faults".to_owned());
        }
        if lake.silver != mine.silver {
            return Err("silver differs from that of a run without faults".to_owned());
        }
        if let Some(what) = first_difference(&mine.upserted, &lake.upserted) {
            return Err(format!("an upserted row differs: {what}"));
        }
        let (state, mine) = (state.lock(), self.state.lock());
        if state.offsets != mine.offsets {
            return Err("the offsets differ".to_owned());
        }
        for key in mine.state.keys().chain(state.state.keys()) {
            let (_, _, table, _) = split_key(key).ok_or("a state key is not understood")?;
            let values = [mine.state.get(key), state.state.get(key)];
            let same = match (table, values) {
                // Ids seen lie in segments as the barriers fell; `know_again` asks what they know.
                (StateTable::SeenIds | StateTable::SeenCopies, _) => true,
                // A map's order tells its history.
                (StateTable::PerformancePanes, [Some(mine), Some(other)]) => {
                    let pane = |bytes| decode::<PerformancePane>(table, bytes).map_err(told);
                    pane(mine)? == pane(other)?
                }
                (_, [mine, other]) => mine == other,
            };
            if !same {
                return Err(format!("{table:?} differs at {key:?}: {values:?}"));
            }
        }
        Ok(())
    }

    fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for (partition, first, bytes) in self.journal.stored() {
            hash.update(partition.to_bytes());
            hash.update(first.to_be_bytes());
            hash.update(bytes);
        }
        let state = self.state.lock();
        for (key, value) in &state.state {
            hash.update(key);
            hash.update(value);
        }
        hash.update(format!("{:?}{:?}", state.offsets, state.pending));
        hash.update(format!("{:?}", self.lake.lock()));
        hex(hash)
    }
}

/// A process, and what its readers see.
struct Process {
    runtime: SteppedRuntime,
    hub: Arc<LiveHub>,
}

/// Every view of all time.
fn views(hub: &LiveHub) -> BTreeMap<String, String> {
    let all = (Micros(0), Micros(i64::MAX));
    let mut views = BTreeMap::new();
    for store in hub.stores() {
        let parts = hub.read(&store);
        let until = merge::watermark(&parts);
        let mut view = |name: &str, shown: String| views.insert(format!("{store} {name}"), shown);
        view("watermark", format!("{until:?}"));
        view("traffic", format!("{:?}", merge::traffic(&parts, all)));
        view("sales", format!("{:?}", merge::sales(&parts, all)));
        view("sessions", format!("{:?}", merge::sessions(&parts, all)));
        view("funnel", format!("{:?}", merge::funnel(&parts, all)));
        let carts = merge::carts(&parts, all, until.unwrap_or_default());
        view("carts", format!("{carts:?}"));
        for dimension in [
            Dimension::Product,
            Dimension::Category,
            Dimension::Brand,
            Dimension::City,
        ] {
            let ranking = merge::ranking(&parts, all, dimension);
            view(&format!("{dimension:?}"), format!("{ranking:?}"));
        }
        for part in &parts {
            let latest = (&part.latest_orders, &part.latest_carts);
            view(
                &format!("latest of {}", part.partition),
                format!("{latest:?}"),
            );
        }
    }
    views
}

/// Reads to the end and hands everything over.
fn drain(process: &mut SteppedRuntime) -> Outcome<()> {
    for partition in 0..process.partitions() {
        while process.step(partition).map_err(told)? {}
    }
    for _ in 0..1_000 {
        for partition in 0..process.partitions() {
            process.cut(partition, true);
        }
        let owed = process.settle(true).map_err(told)?;
        if owed == 0 && process.waiting() == 0 {
            return Ok(());
        }
    }
    Err("rows are owed for ever".to_owned())
}

fn first_difference<K: Ord + std::fmt::Debug, V: PartialEq + std::fmt::Debug>(
    mine: &BTreeMap<K, V>,
    expected: &BTreeMap<K, V>,
) -> Option<String> {
    let keys: BTreeSet<&K> = mine.keys().chain(expected.keys()).collect();
    keys.into_iter()
        .find(|key| mine.get(*key) != expected.get(*key))
        .map(|key| {
            format!(
                "at {key:?} with faults {:?}, without {:?}",
                mine.get(key),
                expected.get(key)
            )
        })
}
