//! Visitors as small numbers, so that exact distinct counts are bitmaps.
//!
//! A visitor's events are all in one partition, so numbers are private to it and distinct counts of partitions add up.
//! Numbers whose visitor is in no pane any more are given out again: the index grows with live visitors, not with history.

use roaring::RoaringBitmap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::state::{
    Changes, Identity, IdentityMap, StateError, StateTable, decode, identity, key_number,
};

/// The visitors of one store in one partition.
#[derive(Debug, Clone, Default)]
pub struct Visitors {
    numbers: IdentityMap<u32>,
    /// Numbers below `next` that nobody has; the lowest is given out first, whatever the history.
    free: RoaringBitmap,
    next: u32,
    dirty: Vec<(u32, Option<Identity>)>,
}

impl Visitors {
    /// The number of a visitor.
    pub fn number(&mut self, visitor: &str) -> u32 {
        let id = identity(&[visitor]);
        if let Some(number) = self.numbers.get(&id) {
            return *number;
        }
        let number = self.free.min().unwrap_or(self.next);
        if !self.free.remove(number) {
            self.next += 1;
        }
        self.numbers.insert(id, number);
        self.dirty.push((number, Some(id)));
        number
    }

    /// Forgets every visitor that is not among the live ones.
    pub fn keep_only(&mut self, live: &RoaringBitmap) {
        let mut gone = Vec::new();
        self.numbers.retain(|_, number| {
            let keep = live.contains(*number);
            if !keep {
                gone.push(*number);
            }
            keep
        });
        self.dirty.extend(gone.iter().map(|n| (*n, None)));
        self.free.extend(gone);
        // As after a restart, which knows of no number above the highest in use.
        while self.next > 0 && self.free.remove(self.next - 1) {
            self.next -= 1;
        }
    }

    /// Visitors known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether no visitor is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Writes what changed since the last call.
    pub fn save(&mut self, changes: &mut Changes) {
        // The last word on a number counts; a checkpoint names each key once.
        self.dirty.reverse();
        self.dirty.sort_by_key(|(number, _)| *number);
        self.dirty.dedup_by_key(|(number, _)| *number);
        for (number, id) in self.dirty.drain(..) {
            let key = number.to_be_bytes();
            match id {
                Some(id) => changes.put(StateTable::Visitors, &key, &id.number()),
                None => changes.remove(StateTable::Visitors, &key),
            }
        }
    }

    /// Takes a visitor from a checkpoint; numbers come in order.
    ///
    /// # Errors
    /// [`StateError`] when it cannot be read.
    pub fn restore(&mut self, key: &[u8], value: &[u8]) -> Result<(), StateError> {
        let number = u32::from_be_bytes(key_number(StateTable::Visitors, key)?);
        self.free.insert_range(self.next..number);
        self.next = number + 1;
        let id = Identity::of_number(decode(StateTable::Visitors, value)?);
        self.numbers.insert(id, number);
        Ok(())
    }
}

/// A set of visitor numbers in a pane.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct VisitorSet(pub RoaringBitmap);

impl Serialize for VisitorSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::with_capacity(self.0.serialized_size());
        self.0
            .serialize_into(&mut bytes)
            .map_err(serde::ser::Error::custom)?;
        serializer.serialize_bytes(&bytes)
    }
}

impl<'de> Deserialize<'de> for VisitorSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = <&[u8]>::deserialize(deserializer)?;
        RoaringBitmap::deserialize_from(bytes)
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}
