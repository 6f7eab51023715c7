//! NDJSON lines sorted into topic partitions, originals and visitors' copies, as the product's door does it.

use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use tradewind_model::route::route;
use tradewind_model::validate::Envelope;
use tradewind_model::{
    Clock as _, Decoder, Micros, Store, StoreId, SystemClock, Topic, TopicPartition,
};

/// One line in a partition: where its bytes stand in the file, and whether it is a visitor's copy of a transaction.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// A copy counts for operators, not as an event.
    pub is_copy: bool,
}

/// A partition's lines in order.
#[derive(Debug)]
pub struct Shard {
    /// The partition.
    pub partition: TopicPartition,
    /// Its lines.
    pub lines: Vec<Line>,
}

/// A whole file, routed.
#[derive(Debug)]
pub struct Shards {
    /// The file's bytes.
    pub bytes: Vec<u8>,
    /// The store the events belong to, in the currency that the events name.
    pub store: Arc<Store>,
    /// When everything came in.
    pub received_at: Micros,
    /// Every topic partition, in storage order.
    pub shards: Vec<Shard>,
    /// Events: lines that are originals.
    pub events: u64,
    /// Copies for visitors' partitions.
    pub copies: u64,
}

impl Shards {
    /// Routes the lines of a file over `partitions` partitions a topic.
    ///
    /// # Errors
    /// When a line is no valid event: a benchmark's input must be clean.
    pub fn route(bytes: Vec<u8>, partitions: u16) -> Result<Self> {
        let mut store = Store::new(StoreId::new("bench")?);
        if let Some(currency) = currency(&bytes) {
            store.currency = currency;
        }
        let received_at = SystemClock.now();
        let envelope = Envelope {
            received_at,
            event_id: "",
        };
        let mut shards: Vec<Shard> = Topic::ALL
            .into_iter()
            .flat_map(|topic| (0..partitions).map(move |p| TopicPartition::new(topic, p)))
            .map(|partition| Shard {
                partition,
                lines: Vec::new(),
            })
            .collect();
        let slot = |at: TopicPartition| {
            usize::from(at.topic.code()) * usize::from(partitions) + usize::from(at.partition)
        };
        let (mut events, mut copies, mut start) = (0, 0, 0);
        for (number, raw) in bytes.split(|b| *b == b'\n').enumerate() {
            let end = start + raw.len();
            if !raw.is_empty() {
                let event = Decoder::Json
                    .decode(raw, &envelope, &store)
                    .with_context(|| format!("line {} is no valid event", number + 1))?;
                if event.event_id.is_empty() {
                    bail!(
                        "line {} has no event_id; make the file with `tradewind simulate --out FILE`",
                        number + 1
                    );
                }
                let to = route(&store.store_id, &event, partitions);
                shards[slot(to.original)].lines.push(Line {
                    start,
                    end,
                    is_copy: false,
                });
                events += 1;
                if let Some(visitor) = to.copy {
                    shards[slot(visitor)].lines.push(Line {
                        start,
                        end,
                        is_copy: true,
                    });
                    copies += 1;
                }
            }
            start = end + 1;
        }
        Ok(Self {
            bytes,
            store: Arc::new(store),
            received_at,
            shards,
            events,
            copies,
        })
    }
}

/// The first currency the file names.
fn currency(bytes: &[u8]) -> Option<String> {
    let key = b"\"currency\":\"";
    let at = bytes.windows(key.len()).position(|w| w == key)? + key.len();
    String::from_utf8(bytes.get(at..at + 3)?.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn every_line_is_routed_once_and_orders_also_to_their_visitor() {
        let mut text = samples::lines("product_viewed", 50);
        text.extend(samples::lines("order_completed", 10));
        let routed = Shards::route(text.join("\n").into_bytes(), 4).unwrap();
        assert_eq!((routed.events, routed.copies), (60, 10));
        assert_eq!(
            routed.shards.iter().map(|s| s.lines.len()).sum::<usize>(),
            70
        );
        assert_eq!(routed.store.currency, "EUR");
        assert!(Shards::route(b"{\"type\":\"nothing\"}".to_vec(), 4).is_err());
    }
}
