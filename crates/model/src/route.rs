//! Which partition an event belongs to.
//!
//! `user_events` by (store, visitor), `transactions` by (store, order), `inventory_updates` by (store, product). A
//! transaction that names its visitor also goes, as a marked copy, to that visitor's `user_events` partition.

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::event::Event;
use crate::ids::{StoreId, Topic, TopicPartition};

/// Where the original of an event and its copy, if any, are delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The event's own partition.
    pub original: TopicPartition,
    /// The visitor's partition, for a transaction that names its visitor.
    pub copy: Option<TopicPartition>,
}

/// Routes a valid event over `partitions` partitions a topic.
#[must_use]
pub fn route(store: &StoreId, event: &Event<'_>, partitions: u16) -> Route {
    let topic = event.event_type.topic();
    let visitor = event.visitor();
    let key = match topic {
        Topic::UserEvents => visitor.unwrap_or_default(),
        Topic::Transactions => event.order.order_id.as_deref().unwrap_or_default(),
        Topic::InventoryUpdates => event.product().map_or("", |p| p.product_id.as_ref()),
    };
    let copy = visitor.filter(|_| topic == Topic::Transactions).map(|v| {
        TopicPartition::new(
            Topic::UserEvents,
            partition_of(store, v.as_bytes(), partitions),
        )
    });
    Route {
        original: TopicPartition::new(topic, partition_of(store, key.as_bytes(), partitions)),
        copy,
    }
}

/// Routes a rejected item: its own topic where the type could be read, by its bytes.
#[must_use]
pub fn route_rejected(
    store: &StoreId,
    topic: Option<Topic>,
    raw: &[u8],
    partitions: u16,
) -> TopicPartition {
    TopicPartition::new(
        topic.unwrap_or(Topic::UserEvents),
        partition_of(store, raw, partitions),
    )
}

/// The partition of a key: XXH3-64 of `store`, a zero byte and the key, modulo the count. Fixed for ever: state and
/// offsets depend on it.
#[must_use]
pub fn partition_of(store: &StoreId, key: &[u8], partitions: u16) -> u16 {
    let store = store.as_str().as_bytes();
    let len = store.len() + 1 + key.len();
    let mut short = [0u8; 192];
    // Hashing one short piece of memory takes a tenth of setting up the hash of a stream.
    let hash = if let Some(whole) = short.get_mut(..len) {
        whole[..store.len()].copy_from_slice(store);
        whole[store.len() + 1..].copy_from_slice(key);
        xxh3_64(whole)
    } else {
        let mut hash = Xxh3::new();
        hash.update(store);
        hash.update(&[0]);
        hash.update(key);
        hash.digest()
    };
    u16::try_from(hash % u64::from(partitions.max(1))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::EventType;
    use std::borrow::Cow;

    #[test]
    fn a_transaction_that_names_its_visitor_is_copied_to_the_visitor() {
        let store = StoreId::new("s").unwrap();
        let mut order = Event::new(EventType::OrderCompleted);
        order.order.order_id = Some(Cow::Borrowed("o1"));
        assert_eq!(route(&store, &order, 8).copy, None);
        order.anonymous_id = Some(Cow::Borrowed("a1"));
        let mut view = Event::new(EventType::ProductViewed);
        view.anonymous_id = Some(Cow::Borrowed("a1"));
        assert_eq!(
            route(&store, &order, 8).copy,
            Some(route(&store, &view, 8).original)
        );
    }

    #[test]
    fn the_hash_is_pinned() {
        let store = StoreId::new("demo").unwrap();
        let spread: Vec<u16> = (0..8)
            .map(|i| partition_of(&store, format!("v{i}").as_bytes(), 8))
            .collect();
        assert_eq!(spread, PINNED);
    }

    #[test]
    fn long_and_short_keys_hash_alike() {
        let store = StoreId::new("demo").unwrap();
        for len in [0, 1, 180, 186, 187, 188, 300] {
            let key = vec![b'k'; len];
            let mut hash = Xxh3::new();
            hash.update(b"demo\0");
            hash.update(&key);
            assert_eq!(
                u64::from(partition_of(&store, &key, 1024)),
                hash.digest() % 1024
            );
        }
    }

    const PINNED: [u16; 8] = [6, 0, 3, 5, 3, 7, 7, 4];
}
