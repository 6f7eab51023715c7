//! Newtypes for the things events belong to: stores, topics, partitions, offsets.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The id of one shop (tenant): 1–64 characters of `a-z A-Z 0-9 _ - .`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StoreId(Arc<str>);

/// A store id that could not be accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("store id `{0}` is not 1 to 64 characters of letters, digits, `_`, `-` and `.`")]
pub struct InvalidStoreId(String);

impl StoreId {
    /// Checks and wraps an id.
    ///
    /// # Errors
    /// [`InvalidStoreId`] when it is empty, longer than 64 bytes or holds another character. The narrow alphabet lets the
    /// id stand in file paths, SQL literals and URLs unescaped.
    pub fn new(id: &str) -> Result<Self, InvalidStoreId> {
        let ok = (1..=64).contains(&id.len())
            && id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
            && !id.starts_with('.');
        if ok {
            Ok(Self(Arc::from(id)))
        } else {
            Err(InvalidStoreId(id.chars().take(80).collect()))
        }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for StoreId {
    type Error = InvalidStoreId;
    fn try_from(id: String) -> Result<Self, InvalidStoreId> {
        Self::new(&id)
    }
}

impl From<StoreId> for String {
    fn from(id: StoreId) -> Self {
        id.0.to_string()
    }
}

impl fmt::Display for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

/// One of the three event streams, each cut into partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Topic {
    /// What visitors do: views, searches, carts, checkouts. Keyed by (store, visitor).
    UserEvents,
    /// Orders, payments, refunds. Keyed by (store, order).
    Transactions,
    /// Stock, prices, products. Keyed by (store, product).
    InventoryUpdates,
}

impl Topic {
    /// All topics, in storage order.
    pub const ALL: [Self; 3] = [Self::UserEvents, Self::Transactions, Self::InventoryUpdates];

    /// The name used in SQL, metrics and configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UserEvents => "user_events",
            Self::Transactions => "transactions",
            Self::InventoryUpdates => "inventory_updates",
        }
    }

    /// The stable number of the topic in storage keys.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::UserEvents => 0,
            Self::Transactions => 1,
            Self::InventoryUpdates => 2,
        }
    }

    /// The topic of a storage key's number.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.code() == code)
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One partition of one topic: the unit of order, ownership and state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TopicPartition {
    /// The topic.
    pub topic: Topic,
    /// The partition's number, from 0.
    pub partition: u16,
}

impl TopicPartition {
    /// Names a partition.
    #[must_use]
    pub const fn new(topic: Topic, partition: u16) -> Self {
        Self { topic, partition }
    }

    /// Three bytes that sort as (topic, partition), for storage keys.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 3] {
        let p = self.partition.to_be_bytes();
        [self.topic.code(), p[0], p[1]]
    }

    /// Reads [`Self::to_bytes`] back.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 3]) -> Option<Self> {
        Some(Self::new(
            Topic::from_code(bytes[0])?,
            u16::from_be_bytes([bytes[1], bytes[2]]),
        ))
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}

/// The position of a record in its partition: dense, rising, never reused (J2).
pub type Offset = u64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn store_ids_are_checked() {
        assert_eq!(
            StoreId::new("harbour-1.eu").unwrap().as_str(),
            "harbour-1.eu"
        );
        for bad in ["", ".hidden", "a/b", "a b", "a'b", &"x".repeat(65)] {
            assert!(StoreId::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn topic_partitions_sort_like_their_bytes() {
        let a = TopicPartition::new(Topic::UserEvents, 300);
        let b = TopicPartition::new(Topic::Transactions, 2);
        assert!(a < b && a.to_bytes() < b.to_bytes());
        assert_eq!(TopicPartition::from_bytes(a.to_bytes()), Some(a));
    }
}
