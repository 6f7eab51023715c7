//! How operator state reaches the checkpoint and comes back: numbered tables of key → value, written as changes.
//!
//! A checkpoint holds, per (topic-partition, store), the entries of each table. Between checkpoints an operator remembers which
//! keys changed; [`Changes`] collects only those. Values are postcard (a stable, compact serde format).

use std::collections::HashMap;
use std::hash::Hash;

use foldhash::fast::FixedState;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tradewind_model::{StoreId, TopicPartition};

/// A map with a fixed hash seed: the same inserts give the same iteration order in every run.
pub type Map<K, V> = HashMap<K, V, FixedState>;

/// The tables of operator state. The numbers are part of the checkpoint format: never reuse one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum StateTable {
    /// Watermark and counters of the store in the partition.
    Progress = 1,
    /// Ids seen, by segment.
    SeenIds = 2,
    /// Visitor numbers.
    Visitors = 3,
    /// Names of products, categories, brands, cities.
    Names = 4,
    /// Ids of transactions whose copies were seen, by segment.
    SeenCopies = 5,
    /// Panes of the traffic operator.
    TrafficPanes = 10,
    /// Panes of the funnel operator.
    FunnelPanes = 11,
    /// Panes of the sales operator with quantities in whole units, up to checkpoint format 3.
    SalesPanesOfUnits = 12,
    /// Panes of the performance operator with quantities in whole units, up to checkpoint format 3.
    PerformancePanesOfUnits = 13,
    /// Panes of the sessions operator.
    SessionPanes = 14,
    /// Panes of the carts operator.
    CartPanes = 15,
    /// Open sessions.
    Sessions = 20,
    /// Orders that may still change, with quantities in whole units, up to checkpoint format 3.
    OrdersOfUnits = 21,
    /// Carts of visitors with quantities in whole units, up to checkpoint format 3.
    CartsOfUnits = 22,
    /// Orders that may still change.
    Orders = 30,
    /// Carts of visitors.
    Carts = 31,
    /// Panes of the sales operator.
    SalesPanes = 32,
    /// Panes of the performance operator.
    PerformancePanes = 33,
    /// Orders that visitors completed.
    CompletedOrders = 50,
}

impl StateTable {
    pub(crate) fn from_code(code: u8) -> Option<Self> {
        [
            Self::Progress,
            Self::SeenIds,
            Self::Visitors,
            Self::Names,
            Self::SeenCopies,
            Self::TrafficPanes,
            Self::FunnelPanes,
            Self::SalesPanesOfUnits,
            Self::PerformancePanesOfUnits,
            Self::SessionPanes,
            Self::CartPanes,
            Self::Sessions,
            Self::OrdersOfUnits,
            Self::CartsOfUnits,
            Self::Orders,
            Self::Carts,
            Self::SalesPanes,
            Self::PerformancePanes,
            Self::CompletedOrders,
        ]
        .into_iter()
        .find(|t| *t as u8 == code)
    }
}

/// State that cannot be read back.
#[derive(Debug, thiserror::Error)]
#[error("the checkpoint's {table:?} entry cannot be read: {reason}")]
pub struct StateError {
    /// The table.
    pub table: StateTable,
    /// What is wrong.
    pub reason: String,
}

/// Changes of one (topic-partition, store) since the last checkpoint: full storage keys → new value or removal.
#[derive(Debug, Default)]
pub struct Changes {
    prefix: Vec<u8>,
    /// The changes, in the order made.
    pub entries: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

impl Changes {
    /// Collects for a store in a partition.
    #[must_use]
    pub fn new(partition: TopicPartition, store: &StoreId) -> Self {
        Self {
            prefix: prefix(partition, store),
            entries: Vec::new(),
        }
    }

    fn key(&self, table: StateTable, key: &[u8]) -> Vec<u8> {
        let mut full = Vec::with_capacity(self.prefix.len() + 1 + key.len());
        full.extend_from_slice(&self.prefix);
        full.push(table as u8);
        full.extend_from_slice(key);
        full
    }

    /// Puts a value.
    pub fn put<V: Serialize>(&mut self, table: StateTable, key: &[u8], value: &V) {
        match postcard::to_stdvec(value) {
            Ok(bytes) => {
                let key = self.key(table, key);
                self.entries.push((key, Some(bytes)));
            }
            // Only a custom Serialize can fail here, and ours do not.
            Err(error) => debug_assert!(false, "state does not serialise: {error}"),
        }
    }

    /// Puts a value that is bytes already.
    pub fn put_bytes(&mut self, table: StateTable, key: &[u8], bytes: Vec<u8>) {
        let key = self.key(table, key);
        self.entries.push((key, Some(bytes)));
    }

    /// Removes a key.
    pub fn remove(&mut self, table: StateTable, key: &[u8]) {
        let key = self.key(table, key);
        self.entries.push((key, None));
    }
}

/// The storage prefix of a store in a partition: partition, length of the id, id.
#[must_use]
pub fn prefix(partition: TopicPartition, store: &StoreId) -> Vec<u8> {
    let id = store.as_str().as_bytes();
    let mut out = Vec::with_capacity(4 + id.len());
    out.extend_from_slice(&partition.to_bytes());
    out.push(u8::try_from(id.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(id);
    out
}

/// Splits a storage key of a partition into store, table and the key within.
#[must_use]
pub fn split_key(key: &[u8]) -> Option<(TopicPartition, StoreId, StateTable, &[u8])> {
    let partition = TopicPartition::from_bytes(key.get(..3)?.try_into().ok()?)?;
    let len = usize::from(*key.get(3)?);
    let store = StoreId::new(std::str::from_utf8(key.get(4..4 + len)?).ok()?).ok()?;
    let table = StateTable::from_code(*key.get(4 + len)?)?;
    Some((partition, store, table, &key[5 + len..]))
}

/// Reads a value back.
///
/// # Errors
/// [`StateError`] when the bytes are not of the type.
pub fn decode<V: DeserializeOwned>(table: StateTable, value: &[u8]) -> Result<V, StateError> {
    postcard::from_bytes(value).map_err(|e| StateError {
        table,
        reason: e.to_string(),
    })
}

/// A big-endian number of a key.
///
/// # Errors
/// [`StateError`] when the key has another length.
pub fn key_number<const N: usize>(table: StateTable, key: &[u8]) -> Result<[u8; N], StateError> {
    key.try_into().map_err(|_| StateError {
        table,
        reason: format!("its key has {} bytes", key.len()),
    })
}

/// A 128-bit identity of a text. It has no alignment, so that it costs tables of small values sixteen bytes and no more.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity([u8; 16]);

impl Identity {
    /// From the number, which its bytes write with the greatest first.
    #[must_use]
    pub const fn of_number(number: u128) -> Self {
        Self(number.to_be_bytes())
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u128 {
        u128::from_be_bytes(self.0)
    }

    /// As the key of a state table.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// From the key of a state table.
    ///
    /// # Errors
    /// [`StateError`] when the key has another length.
    pub fn of_key(table: StateTable, key: &[u8]) -> Result<Self, StateError> {
        key_number(table, key).map(Self)
    }

    /// A number from 0 to 255 that says nothing of the place in a hash table.
    #[must_use]
    pub const fn byte(self) -> u8 {
        self.0[0]
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", self.number())
    }
}

impl Hash for Identity {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        let [.., a, b, c, d, e, f, g, h] = self.0;
        state.write_u64(u64::from_le_bytes([a, b, c, d, e, f, g, h]));
    }
}

/// Takes an identity for its own hash, which it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct IdentityHasher(u64);

impl std::hash::Hasher for IdentityHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // Identities never come this way; anything else still gets a hash.
        self.0 = xxhash_rust::xxh3::xxh3_64_with_seed(bytes, self.0);
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

/// A map by identity; the same inserts give the same iteration order in every run.
pub type IdentityMap<V> = HashMap<Identity, V, std::hash::BuildHasherDefault<IdentityHasher>>;

#[derive(Debug, Clone)]
struct Slot<V> {
    value: V,
    /// Whether its key is among those to be written.
    dirty: bool,
}

/// A map by identity that remembers which of its keys changed since they were last written.
#[derive(Debug, Clone)]
pub struct Table<V> {
    entries: IdentityMap<Slot<V>>,
    /// Keys that changed or were removed, in the order of their first change. One that was removed and came again is here twice.
    dirty: Vec<Identity>,
}

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self {
            entries: IdentityMap::default(),
            dirty: Vec::new(),
        }
    }
}

impl<V> Table<V> {
    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: Identity) -> Option<&V> {
        self.entries.get(&key).map(|slot| &slot.value)
    }

    /// The value of a key, to be changed.
    pub fn get_mut(&mut self, key: Identity) -> Option<&mut V> {
        let slot = self.entries.get_mut(&key)?;
        if !std::mem::replace(&mut slot.dirty, true) {
            self.dirty.push(key);
        }
        Some(&mut slot.value)
    }

    /// The value of a key to be changed, made when missing; and whether it was.
    pub fn entry(&mut self, key: Identity, make: impl FnOnce() -> V) -> (&mut V, bool) {
        use std::collections::hash_map::Entry;
        match self.entries.entry(key) {
            Entry::Occupied(entry) => {
                let slot = entry.into_mut();
                if !std::mem::replace(&mut slot.dirty, true) {
                    self.dirty.push(key);
                }
                (&mut slot.value, false)
            }
            Entry::Vacant(place) => {
                self.dirty.push(key);
                let slot = place.insert(Slot {
                    value: make(),
                    dirty: true,
                });
                (&mut slot.value, true)
            }
        }
    }

    /// Takes a key out.
    pub fn remove(&mut self, key: Identity) -> Option<V> {
        let slot = self.entries.remove(&key)?;
        if !slot.dirty {
            self.dirty.push(key);
        }
        Some(slot.value)
    }

    /// Puts a value read from a checkpoint.
    pub fn restore(&mut self, key: Identity, value: V) {
        self.entries.insert(
            key,
            Slot {
                value,
                dirty: false,
            },
        );
    }

    /// Entries held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All values.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.entries.values().map(|slot| &slot.value)
    }

    /// Writes what changed since the last call.
    pub fn save(&mut self, table: StateTable, changes: &mut Changes)
    where
        V: Serialize,
    {
        for key in self.dirty.drain(..) {
            match self.entries.get_mut(&key) {
                Some(slot) => {
                    // Written already when the key is here twice.
                    if std::mem::take(&mut slot.dirty) {
                        changes.put(table, key.as_bytes(), &slot.value);
                    }
                }
                None => changes.remove(table, key.as_bytes()),
            }
        }
    }
}

/// The identity of text parts; two different texts share one with a chance below 2⁻⁶⁴ among 2³² texts.
#[must_use]
pub fn identity(parts: &[&str]) -> Identity {
    Identity::of_number(hash_of(parts))
}

fn hash_of(parts: &[&str]) -> u128 {
    if let [one] = parts {
        return xxhash_rust::xxh3::xxh3_128(one.as_bytes());
    }
    let mut short = [0u8; 192];
    let mut at = 0;
    for part in parts {
        let (length, end) = (part.len() as u64, at + 8 + part.len());
        let Some(place) = short.get_mut(at..end) else {
            // Too long for the piece on the stack.
            let mut hash = xxhash_rust::xxh3::Xxh3::new();
            for part in parts {
                hash.update(&(part.len() as u64).to_le_bytes());
                hash.update(part.as_bytes());
            }
            return hash.digest128();
        };
        place[..8].copy_from_slice(&length.to_le_bytes());
        place[8..].copy_from_slice(part.as_bytes());
        at = end;
    }
    xxhash_rust::xxh3::xxh3_128(&short[..at])
}
