//! A lake in memory that keeps the real one's rules: two tables for each partition's rows, each with the offset it covers in the
//! same commit, committed one after the other (L1), and one upserted table.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tradewind_journal::Record;
use tradewind_model::{Offset, Store, TopicPartition};
use tradewind_stream::checkpoint::row_key;
use tradewind_stream::rows::DerivedChange;
use tradewind_stream::sink::{Chunk, Outcome, Sink, SinkError, Tap};

use crate::dice::{Dice, Fate};

/// A row: where it came from, what became of it, and the event's bytes or its id.
pub type Row = (Offset, String);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    pub next: Offset,
    pub rows: Vec<Row>,
}

impl Table {
    fn add(&mut self, next: Offset, rows: &[Row]) {
        let known = self.next;
        self.rows
            .extend(rows.iter().filter(|(at, _)| *at >= known).cloned());
        self.next = known.max(next);
    }
}

/// What survives the process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Disk {
    pub bronze: BTreeMap<TopicPartition, Table>,
    pub silver: BTreeMap<TopicPartition, Table>,
    pub upserted: BTreeMap<Vec<u8>, String>,
}

#[derive(Default)]
struct Rows {
    bronze: Vec<Row>,
    silver: Vec<Row>,
}

struct Taken {
    partition: TopicPartition,
    next: Offset,
    rows: Rows,
}

/// The process's side of the lake.
pub struct Lake {
    disk: Arc<Mutex<Disk>>,
    dice: Dice,
    /// Chunks of commits that failed; they join the next one.
    kept: Mutex<Vec<Taken>>,
}

impl Lake {
    pub fn open(disk: &Arc<Mutex<Disk>>, dice: &Dice) -> Self {
        Self {
            disk: Arc::clone(disk),
            dice: dice.clone(),
            kept: Mutex::default(),
        }
    }

    fn call(&self, what: &str) -> Result<(), SinkError> {
        match self.dice.fate(12, 60) {
            Fate::Works => Ok(()),
            Fate::Fails => Err(SinkError {
                context: what.to_owned(),
                source: "the storage does not answer".into(),
            }),
        }
    }

    fn nexts(&self, partition: TopicPartition) -> [Offset; 2] {
        let disk = self.disk.lock();
        [&disk.bronze, &disk.silver].map(|t| t.get(&partition).map_or(0, |t| t.next))
    }
}

struct Collector {
    covered: Offset,
    rows: Rows,
}

impl Tap for Collector {
    fn record(&mut self, store: &Arc<Store>, record: &Record<'_>, outcome: &Outcome<'_, '_>) {
        let at = record.offset;
        if at < self.covered {
            return;
        }
        let raw = String::from_utf8_lossy(record.raw);
        self.rows
            .bronze
            .push((at, format!("{} {raw}", store.store_id)));
        match outcome {
            Outcome::Silver { event, late, .. } => self
                .rows
                .silver
                .push((at, format!("{} {} {late}", store.store_id, event.event_id))),
            Outcome::Duplicate { .. } => {}
            Outcome::Quarantined { code, .. } => {
                self.rows.bronze.push((at, format!("quarantine {code}")));
            }
        }
    }

    fn take(&mut self) -> Box<dyn Any + Send> {
        Box::new(std::mem::take(&mut self.rows))
    }

    fn buffered_bytes(&self) -> usize {
        self.rows.bronze.len()
    }
}

impl Sink for Lake {
    fn tap(&self, partition: TopicPartition) -> Box<dyn Tap> {
        Box::new(Collector {
            covered: self.covered(partition),
            rows: Rows::default(),
        })
    }

    fn covered(&self, partition: TopicPartition) -> Offset {
        let [bronze, silver] = self.nexts(partition);
        bronze.min(silver)
    }

    fn reached(&self, partition: TopicPartition) -> Result<Offset, SinkError> {
        let [bronze, silver] = self.nexts(partition);
        Ok(bronze.max(silver))
    }

    fn commit(&self, chunks: Vec<Chunk>) -> Result<(), SinkError> {
        let mut kept = self.kept.lock();
        for chunk in chunks {
            kept.push(Taken {
                partition: chunk.partition,
                next: chunk.next,
                rows: *chunk.rows.downcast().expect("rows of this lake"),
            });
        }
        self.call("bronze")?;
        for taken in kept.iter() {
            let mut disk = self.disk.lock();
            let table = disk.bronze.entry(taken.partition).or_default();
            table.add(taken.next, &taken.rows.bronze);
        }
        // Dying or failing here leaves the tables at different offsets.
        self.call("silver")?;
        for taken in kept.iter() {
            let mut disk = self.disk.lock();
            let table = disk.silver.entry(taken.partition).or_default();
            table.add(taken.next, &taken.rows.silver);
        }
        // Committed, though the answer may say otherwise: the next commit has the same rows again.
        self.call("the answer was lost")?;
        kept.clear();
        Ok(())
    }

    fn upsert(&self, changes: &[&DerivedChange]) -> Result<(), SinkError> {
        self.call("upsert")?;
        for change in changes {
            let mut disk = self.disk.lock();
            let key = row_key(change);
            match &change.row {
                Some(row) => drop(disk.upserted.insert(key, format!("{row:?}"))),
                None => drop(disk.upserted.remove(&key)),
            }
        }
        self.call("the answer was lost")
    }
}
