//! Follows one partition: reads blocks, decodes each record once, de-duplicates, runs the operators, feeds the lake's tap.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use parking_lot::RwLock;
use tradewind_journal::{Block, Journal, ReadOutcome, Record};
use tradewind_model::{
    Decoder, FormatHash, Micros, Offset, Store, StoreDirectory, StoreId, TopicPartition,
};

use crate::checkpoint::{CheckpointError, CheckpointStore};
use crate::live::LiveHub;
use crate::rows::DerivedChange;
use crate::runtime::RuntimeError;
use crate::sink::{Sink, Tap};
use crate::state::{Map, split_key};
use crate::store_partition::{OperatorConfig, StorePartition};

/// Decoders by format, made from the journal's definitions.
pub struct Formats {
    journal: Arc<dyn Journal>,
    known: RwLock<Map<FormatHash, Arc<Decoder>>>,
}

impl Formats {
    /// Reads definitions from a journal.
    #[must_use]
    pub fn new(journal: Arc<dyn Journal>) -> Self {
        Self {
            journal,
            known: RwLock::new(Map::default()),
        }
    }

    /// The decoder of a format.
    ///
    /// # Errors
    /// [`RuntimeError::Format`] when the definition is missing or not understood.
    pub fn decoder(&self, hash: FormatHash) -> Result<Arc<Decoder>, RuntimeError> {
        if let Some(decoder) = self.known.read().get(&hash) {
            return Ok(Arc::clone(decoder));
        }
        let definition = self.journal.format(hash)?.ok_or_else(|| {
            RuntimeError::Format(format!("the journal has no definition of format {hash}"))
        })?;
        let decoder = Arc::new(
            Decoder::from_definition(&definition)
                .map_err(|e| RuntimeError::Format(e.to_string()))?,
        );
        self.known.write().insert(hash, Arc::clone(&decoder));
        Ok(decoder)
    }
}

/// What a partition hands over at a barrier.
pub(crate) struct PartitionCut {
    pub(crate) partition: TopicPartition,
    pub(crate) next: Offset,
    pub(crate) rows: Box<dyn Any + Send>,
    pub(crate) state: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    pub(crate) derived: Vec<DerivedChange>,
    /// Keys of open sessions and carts whose rows wait for the next cut that asks for them.
    pub(crate) owed: usize,
}

/// The most rows of open sessions and carts a partition hands out at once: they are in memory until the lake has them.
pub(crate) const OPEN_ROWS: usize = 25_000;

/// One partition and everything known of it.
pub(crate) struct PartitionWorker {
    pub(crate) partition: TopicPartition,
    pub(crate) next: Offset,
    cut_at: Offset,
    /// Whether the last cut left rows of open sessions and carts out.
    owes_open_rows: bool,
    /// The store that handed out rows of open sessions and carts last.
    served: Option<StoreId>,
    stores: BTreeMap<StoreId, StorePartition>,
    tap: Box<dyn Tap>,
    unpublished: BTreeSet<StoreId>,
    pub(crate) last_received: Micros,
    last_format: Option<(FormatHash, Arc<Decoder>)>,
    records: metrics::Counter,
}

/// What all partitions share.
pub(crate) struct Shared {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) stores: Arc<dyn StoreDirectory>,
    pub(crate) formats: Formats,
    pub(crate) hub: Arc<LiveHub>,
    pub(crate) operators: OperatorConfig,
}

impl Shared {
    /// The store of a record. One that the directory does not know any more is read with default settings, so that nothing
    /// in the log is lost.
    fn store(&self, id: &StoreId) -> Arc<Store> {
        self.stores.store(id).unwrap_or_else(|| {
            tracing::warn!(store = %id, "the log holds events of a store that is not registered; reading them in USD and UTC");
            Arc::new(Store::new(id.clone()))
        })
    }
}

impl PartitionWorker {
    /// Restores a partition from the checkpoint.
    pub(crate) fn restore(
        partition: TopicPartition,
        checkpoints: &dyn CheckpointStore,
        offset: Option<Offset>,
        sink: &dyn Sink,
        shared: &Shared,
    ) -> Result<Self, RuntimeError> {
        let mut stores: BTreeMap<StoreId, StorePartition> = BTreeMap::new();
        checkpoints.load(partition, &mut |key, value| {
            let (_, id, table, key) = split_key(key).ok_or_else(|| {
                CheckpointError::Damaged("a state key is not understood".to_owned())
            })?;
            let state = stores.entry(id).or_insert_with_key(|id| {
                StorePartition::new(shared.store(id), partition, shared.operators)
            });
            state
                .restore(table, key, value)
                .map_err(|e| CheckpointError::Damaged(e.to_string()))
        })?;
        let bounds = shared.journal.bounds(partition);
        let next = offset.unwrap_or(0).max(bounds.earliest);
        for state in stores.values_mut() {
            state.restored();
            shared.hub.publish(state.snapshot());
        }
        Ok(Self {
            partition,
            next,
            cut_at: next,
            owes_open_rows: true,
            served: None,
            stores,
            tap: sink.tap(partition),
            unpublished: BTreeSet::new(),
            last_received: Micros(0),
            last_format: None,
            records: metrics::counter!("tradewind_stream_records_total", "topic" => partition.topic.name()),
        })
    }

    /// Reads and processes one block; `false` at the tail.
    pub(crate) fn step(&mut self, shared: &Shared) -> Result<bool, RuntimeError> {
        match shared.journal.read(self.partition, self.next) {
            Ok(ReadOutcome::AtTail) => Ok(false),
            Ok(ReadOutcome::Block(block)) => {
                self.process(&block, shared)?;
                self.next = block.end();
                Ok(true)
            }
            Ok(ReadOutcome::Damaged {
                first,
                resume,
                reason,
            }) => {
                tracing::error!(partition = %self.partition, first, resume, reason, "damaged records are left out");
                self.next = resume;
                Ok(true)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn process(&mut self, block: &Block, shared: &Shared) -> Result<(), RuntimeError> {
        let mut count = 0;
        let from = self.next;
        for record in block.records().filter(|r| r.offset >= from) {
            self.take(&record, shared)?;
            count += 1;
        }
        self.records.increment(count);
        Ok(())
    }

    fn take(&mut self, record: &Record<'_>, shared: &Shared) -> Result<(), RuntimeError> {
        if !self.stores.contains_key(record.store) {
            let state =
                StorePartition::new(shared.store(record.store), self.partition, shared.operators);
            self.stores.insert(record.store.clone(), state);
        }
        let Some(state) = self.stores.get_mut(record.store) else {
            return Ok(());
        };
        self.last_received = record.received_at;
        if !self.unpublished.contains(record.store) {
            self.unpublished.insert(record.store.clone());
        }
        let decoder = match &self.last_format {
            Some((hash, decoder)) if *hash == record.format => Arc::clone(decoder),
            _ => {
                let decoder = shared.formats.decoder(record.format)?;
                self.last_format = Some((record.format, Arc::clone(&decoder)));
                decoder
            }
        };
        state.take(record, &decoder, self.tap.as_mut());
        Ok(())
    }

    /// Publishes the stores that changed.
    pub(crate) fn publish(&mut self, hub: &LiveHub) {
        for id in std::mem::take(&mut self.unpublished) {
            if let Some(state) = self.stores.get(&id) {
                hub.publish(state.snapshot());
            }
        }
    }

    pub(crate) fn buffered_bytes(&self) -> usize {
        self.tap.buffered_bytes()
    }

    /// Hands over rows and state changes since the last cut, with `open_rows` those of open sessions and carts too; `None` when
    /// there is nothing.
    pub(crate) fn cut(&mut self, open_rows: bool) -> Option<PartitionCut> {
        if self.next == self.cut_at && !(open_rows && self.owes_open_rows) {
            return None;
        }
        self.cut_at = self.next;
        let mut budget = if open_rows { OPEN_ROWS } else { 0 };
        let mut derived = Vec::new();
        let mut state = Vec::new();
        let mut owed = 0;
        // The stores after the one that was served last come first, so that a busy one does not keep the others waiting.
        let served = self.served.take();
        let after = served
            .as_ref()
            .map_or(Bound::Unbounded, |id| Bound::Excluded(id.clone()));
        let mut ids: Vec<StoreId> = Vec::with_capacity(self.stores.len());
        ids.extend(
            self.stores
                .range((after, Bound::Unbounded))
                .map(|s| s.0.clone()),
        );
        if let Some(served) = &served {
            ids.extend(self.stores.range(..=served).map(|s| s.0.clone()));
        }
        self.served = served;
        for id in ids {
            let Some(store) = self.stores.get_mut(&id) else {
                continue;
            };
            let before = budget;
            state.append(&mut store.cut(&mut derived, &mut budget).entries);
            owed += store.owed();
            if budget < before {
                self.served = Some(id);
            }
        }
        self.owes_open_rows = owed > 0;
        Some(PartitionCut {
            partition: self.partition,
            next: self.next,
            rows: self.tap.take(),
            state,
            derived,
            owed,
        })
    }
}
