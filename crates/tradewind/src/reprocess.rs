//! Runs a store's records of bronze through the operators again, from its first one: what `tradewind replay` writes.
//!
//! Bronze keeps originals only. The copies of transactions that visitors' partitions had in the journal are routed again: the
//! transactions go first and leave their copies in a temporary file a partition, and each visitors' partition then reads its
//! records and its copies in the order they arrived in.

use std::collections::{HashMap, VecDeque};
use std::io::{BufReader, BufWriter, Read as _, Seek as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use tradewind_journal::{Journal, Record, RecordKind};
use tradewind_lake::{FormatSource, Lake};
use tradewind_model::validate::Envelope;
use tradewind_model::{Decoder, FormatHash, Micros, Store, Topic, TopicPartition, route};
use tradewind_stream::replayed::ReplayedState;
use tradewind_stream::rows::DerivedChange;
use tradewind_stream::sink::{Chunk, Sink, Tap};
use tradewind_stream::state::Changes;
use tradewind_stream::{Formats, OperatorConfig, StorePartition};

/// Bytes of rows after which they are written.
const BUFFER: usize = 48 << 20;
/// Rows of upserted tables after which they are written.
const DERIVED: usize = 100_000;

/// Formats as the journal defines them.
pub struct JournalFormats(pub Arc<dyn Journal>);

impl FormatSource for JournalFormats {
    fn definition(&self, hash: FormatHash) -> Option<String> {
        self.0.format(hash).ok().flatten()
    }
}

/// What a run needs.
pub struct Reprocess {
    pub store: Arc<Store>,
    pub operators: OperatorConfig,
    /// Partitions a topic.
    pub partitions: u16,
    pub formats: Formats,
    /// Where records come from.
    pub lake: Arc<Lake>,
    /// Where rows go.
    pub sink: Arc<dyn Sink>,
    /// Where the operators' state goes, when it is to take the place of the present one.
    pub state: Option<Arc<ReplayedState>>,
}

impl Reprocess {
    /// Goes through everything; `told` is called with the records read so far. It blocks. Gives the records read.
    pub fn run(&self, scratch: &Path, told: &dyn Fn(u64)) -> Result<u64> {
        std::fs::create_dir_all(scratch)
            .with_context(|| format!("cannot make `{}`", scratch.display()))?;
        let mut copies: HashMap<TopicPartition, Copies> = HashMap::new();
        let mut read = 0;
        let with_records = self
            .lake
            .runtime()
            .block_on(self.lake.bronze_partitions(Some(&self.store.store_id)))?;
        for &at in with_records
            .iter()
            .filter(|p| p.topic == Topic::Transactions)
        {
            let mut run = PartitionRun::new(self, at);
            self.each(at, |record| {
                if let Some((to, copy)) = self.copy(&record)? {
                    let file = match copies.entry(to) {
                        std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
                        std::collections::hash_map::Entry::Vacant(entry) => {
                            entry.insert(Copies::new(scratch)?)
                        }
                    };
                    file.push(&copy)?;
                }
                read += 1;
                told(read);
                run.take(&record)
            })?;
            run.finish()?;
        }
        // A partition may have copies and no records of its own.
        for at in (0..self.partitions).map(|p| TopicPartition::new(Topic::UserEvents, p)) {
            let mut waiting = match copies.remove(&at) {
                Some(file) => file.in_order()?,
                None => VecDeque::new(),
            };
            if waiting.is_empty() && !with_records.contains(&at) {
                continue;
            }
            let mut run = PartitionRun::new(self, at);
            self.each(at, |record| {
                let arrived = (record.received_at, record.position);
                while let Some(copy) = waiting.pop_front_if(|copy| copy.arrived() <= arrived) {
                    run.take(&copy.record(&self.store, record.offset))?;
                }
                read += 1;
                told(read);
                run.take(&record)
            })?;
            for copy in waiting {
                let next = run.next;
                run.take(&copy.record(&self.store, next))?;
            }
            run.finish()?;
        }
        for &at in with_records
            .iter()
            .filter(|p| p.topic == Topic::InventoryUpdates)
        {
            let mut run = PartitionRun::new(self, at);
            self.each(at, |record| {
                read += 1;
                told(read);
                run.take(&record)
            })?;
            run.finish()?;
        }
        Ok(read)
    }

    fn each(
        &self,
        at: TopicPartition,
        mut each: impl FnMut(Record<'_>) -> Result<()>,
    ) -> Result<()> {
        let runtime = self.lake.runtime();
        let mut records = runtime.block_on(self.lake.bronze(at, Some(&self.store.store_id)))?;
        while let Some(batch) = runtime.block_on(records.next())? {
            for record in batch.records() {
                each(record)?;
            }
        }
        Ok(())
    }

    /// The copy a transaction leaves in its visitor's partition.
    fn copy(&self, record: &Record<'_>) -> Result<Option<(TopicPartition, Copy)>> {
        if record.kind != RecordKind::Original {
            return Ok(None);
        }
        let envelope = Envelope {
            received_at: record.received_at,
            event_id: record.event_id,
        };
        let decoder = self.formats.decoder(record.format)?;
        let Ok(event) = decoder.decode(record.raw, &envelope, &self.store) else {
            return Ok(None);
        };
        let to = route::route(&self.store.store_id, &event, self.partitions).copy;
        Ok(to.map(|to| {
            let copy = Copy {
                received_at: record.received_at.0,
                position: record.position,
                source: record.source.to_owned(),
                format: record.format.0,
                event_id: record.event_id.to_owned(),
                raw: record.raw.to_vec(),
            };
            (to, copy)
        }))
    }
}

/// One partition under way.
struct PartitionRun<'r> {
    reprocess: &'r Reprocess,
    at: TopicPartition,
    state: StorePartition,
    tap: Box<dyn Tap>,
    decoder: Option<(FormatHash, Arc<Decoder>)>,
    derived: Vec<DerivedChange>,
    taken: u32,
    next: u64,
}

impl<'r> PartitionRun<'r> {
    fn new(reprocess: &'r Reprocess, at: TopicPartition) -> Self {
        Self {
            reprocess,
            at,
            state: StorePartition::new(Arc::clone(&reprocess.store), at, reprocess.operators),
            tap: reprocess.sink.tap(at),
            decoder: None,
            derived: Vec::new(),
            taken: 0,
            next: 0,
        }
    }

    fn take(&mut self, record: &Record<'_>) -> Result<()> {
        let decoder = match &self.decoder {
            Some((hash, decoder)) if *hash == record.format => decoder,
            _ => {
                let decoder = self.reprocess.formats.decoder(record.format)?;
                &self.decoder.insert((record.format, decoder)).1
            }
        };
        self.state.take(record, decoder, self.tap.as_mut());
        if record.kind != RecordKind::Copy {
            self.next = record.offset + 1;
        }
        self.taken += 1;
        if self.taken.is_multiple_of(4096) {
            if self.tap.buffered_bytes() >= BUFFER {
                self.write_rows()?;
            }
            // Taking them also keeps the rows of upserted tables from piling up.
            let changes = self.state.cut(&mut self.derived, &mut 0);
            self.keep(changes)?;
            if self.derived.len() >= DERIVED {
                self.write_derived()?;
            }
        }
        Ok(())
    }

    fn write_rows(&mut self) -> Result<()> {
        let chunk = Chunk {
            partition: self.at,
            next: self.next,
            rows: self.tap.take(),
        };
        Ok(self.reprocess.sink.commit(vec![chunk])?)
    }

    fn write_derived(&mut self) -> Result<()> {
        let changes = std::mem::take(&mut self.derived);
        Ok(self
            .reprocess
            .sink
            .upsert(&changes.iter().collect::<Vec<_>>())?)
    }

    fn finish(mut self) -> Result<()> {
        self.write_rows()?;
        let changes = self.state.cut_all(&mut self.derived);
        self.keep(changes)?;
        self.write_derived()
    }

    fn keep(&self, changes: Changes) -> Result<()> {
        match &self.reprocess.state {
            Some(state) => Ok(state.write(changes)?),
            None => Ok(()),
        }
    }
}

/// The copy of a transaction.
#[derive(serde::Serialize, serde::Deserialize)]
struct Copy {
    received_at: i64,
    position: u64,
    source: String,
    format: u128,
    event_id: String,
    raw: Vec<u8>,
}

impl Copy {
    /// Copies and records of one request or file stand in the order of their positions; requests in the order of arrival.
    fn arrived(&self) -> (Micros, u64) {
        (Micros(self.received_at), self.position)
    }

    fn record<'a>(&'a self, store: &'a Store, offset: u64) -> Record<'a> {
        Record {
            offset,
            kind: RecordKind::Copy,
            store: &store.store_id,
            source: &self.source,
            position: self.position,
            format: FormatHash(self.format),
            received_at: Micros(self.received_at),
            event_id: &self.event_id,
            raw: &self.raw,
        }
    }
}

/// The copies for one partition, in a temporary file until it is their turn.
struct Copies(BufWriter<std::fs::File>);

impl Copies {
    fn new(folder: &Path) -> Result<Self> {
        let file = tempfile::tempfile_in(folder)
            .with_context(|| format!("cannot make a temporary file in `{}`", folder.display()))?;
        Ok(Self(BufWriter::new(file)))
    }

    fn push(&mut self, copy: &Copy) -> Result<()> {
        let bytes = postcard::to_stdvec(copy)?;
        self.0
            .write_all(&u32::try_from(bytes.len())?.to_le_bytes())?;
        Ok(self.0.write_all(&bytes)?)
    }

    fn in_order(self) -> Result<VecDeque<Copy>> {
        let mut file = self
            .0
            .into_inner()
            .map_err(std::io::IntoInnerError::into_error)?;
        file.rewind()?;
        let mut file = BufReader::new(file);
        let mut copies = Vec::new();
        let mut size = [0; 4];
        loop {
            match file.read_exact(&mut size) {
                Ok(()) => {}
                Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => break,
                Err(e) => return Err(e.into()),
            }
            let mut bytes = vec![0; u32::from_le_bytes(size) as usize];
            file.read_exact(&mut bytes)?;
            copies.push(postcard::from_bytes::<Copy>(&bytes)?);
        }
        copies.sort_by_key(Copy::arrived);
        Ok(copies.into())
    }
}
