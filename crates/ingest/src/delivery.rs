//! Gathers the records of one append: one block a partition, transactions with their copy for the visitor.

use tradewind_journal::{BlockBuilder, NewRecord, RecordKind};
use tradewind_model::route::{route, route_rejected};
use tradewind_model::{Event, FormatHash, Micros, Rejection, StoreId, Topic, TopicPartition};

/// What a record says besides its verdict.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub(crate) store: &'a StoreId,
    pub(crate) source: &'a str,
    pub(crate) position: u64,
    pub(crate) format: FormatHash,
    pub(crate) received_at: Micros,
    pub(crate) raw: &'a [u8],
}

impl<'a> Facts<'a> {
    fn record(&self, kind: RecordKind<'a>, event_id: &'a str) -> NewRecord<'a> {
        NewRecord {
            kind,
            store: self.store,
            source: self.source,
            position: self.position,
            format: self.format,
            received_at: self.received_at,
            event_id,
            raw: self.raw,
        }
    }
}

/// The blocks of one append, growing.
pub(crate) struct Delivery {
    partitions: u16,
    builders: Vec<BlockBuilder>,
    transactions: usize,
}

impl Delivery {
    pub(crate) fn new(partitions: u16) -> Self {
        let count = Topic::ALL.len() * usize::from(partitions);
        Self {
            partitions,
            builders: vec![BlockBuilder::default(); count],
            transactions: 0,
        }
    }

    fn builder(&mut self, at: TopicPartition) -> &mut BlockBuilder {
        let slot =
            usize::from(at.topic.code()) * usize::from(self.partitions) + usize::from(at.partition);
        &mut self.builders[slot]
    }

    /// Adds a valid event; `given_id` is the id given at the door, empty when the bytes carry their own.
    pub(crate) fn event(&mut self, event: &Event<'_>, given_id: &str, facts: &Facts<'_>) {
        let to = route(facts.store, event, self.partitions);
        self.transactions += usize::from(to.original.topic == Topic::Transactions);
        self.builder(to.original)
            .push(&facts.record(RecordKind::Original, given_id));
        if let Some(visitor) = to.copy {
            self.builder(visitor)
                .push(&facts.record(RecordKind::Copy, given_id));
        }
    }

    /// Adds an item that could not become an event, with the reason in words.
    pub(crate) fn rejected(&mut self, rejection: &Rejection, message: &str, facts: &Facts<'_>) {
        let to = route_rejected(facts.store, rejection.topic, facts.raw, self.partitions);
        let kind = RecordKind::Rejected {
            code: rejection.code,
            message,
        };
        self.builder(to).push(&facts.record(kind, ""));
    }

    /// Whether a valid transaction is among the records.
    pub(crate) fn has_transactions(&self) -> bool {
        self.transactions > 0
    }

    /// The blocks that hold something.
    pub(crate) fn into_blocks(self) -> Vec<(TopicPartition, BlockBuilder)> {
        let partitions = self.partitions;
        let places = Topic::ALL
            .into_iter()
            .flat_map(|topic| (0..partitions).map(move |p| TopicPartition::new(topic, p)));
        places
            .zip(self.builders)
            .filter(|(_, block)| !block.is_empty())
            .collect()
    }
}
