//! De-duplication: the event ids of one store in one partition, within a window of event time and a bound of memory.

use tradewind_model::Micros;

use crate::state::{
    Changes, Identity, IdentityMap, StateError, StateTable, decode, identity, key_number,
};

/// How long ids are remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DedupWindow {
    /// Event time behind the watermark for which ids are kept, µs.
    pub span: i64,
    /// The most ids of a store in a partition; beyond it the oldest hours are forgotten first.
    pub max_ids: usize,
}

impl Default for DedupWindow {
    /// Seven days and two million ids (about 100 MB at most) for each store and partition.
    fn default() -> Self {
        Self {
            span: 7 * Micros::DAY,
            max_ids: 2_000_000,
        }
    }
}

type Hour = i32;
/// When an id came: the hour of its event, and its number among the ids of the store in the partition, modulo 2³².
type Arrival = (Hour, u32);
/// Bytes of an id and its arrival in a segment.
const ENTRY: usize = 24;
/// Tables the ids are spread over: each grows by itself, so that growing needs little memory at a time and stops nobody for long.
const TABLES: usize = 16;

/// The ids seen.
#[derive(Debug, Clone)]
pub struct SeenIds {
    window: DedupWindow,
    ids: [IdentityMap<Arrival>; TABLES],
    /// What a checkpoint holds, by table, until all of it is read: each table is then made in one piece, while it is in the cache.
    read: [Vec<(Identity, Arrival)>; TABLES],
    len: usize,
    next: u32,
    /// Ids since the last checkpoint, as they are written.
    fresh: Vec<u8>,
    /// The newest arrival among them.
    newest: Option<Arrival>,
    /// Newest arrival of each written segment.
    segments: Vec<(u64, Arrival)>,
    next_segment: u64,
    /// Ids that came before this are forgotten.
    from: Arrival,
    swept_at: Hour,
}

fn table_of(id: Identity) -> usize {
    usize::from(id.byte()) % TABLES
}

fn hour(time: Micros) -> Hour {
    i32::try_from(time.0.div_euclid(Micros::HOUR)).unwrap_or(Hour::MAX)
}

impl SeenIds {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(window: DedupWindow) -> Self {
        Self {
            window,
            ids: Default::default(),
            read: Default::default(),
            len: 0,
            next: 0,
            fresh: Vec::new(),
            newest: None,
            segments: Vec::new(),
            next_segment: 0,
            from: (Hour::MIN, 0),
            swept_at: Hour::MIN,
        }
    }

    /// Notes an id; `false` when it was seen before.
    pub fn insert(&mut self, event_id: &str, time: Micros) -> bool {
        debug_assert!(self.is_whole(), "`restored` ends a restore");
        let id = identity(&[event_id]);
        // What comes later than everything remembered is remembered as the oldest.
        let arrival = (hour(time).max(self.from.0), self.next);
        match self.ids[table_of(id)].entry(id) {
            std::collections::hash_map::Entry::Occupied(_) => return false,
            std::collections::hash_map::Entry::Vacant(slot) => slot.insert(arrival),
        };
        self.len += 1;
        self.next = self.next.wrapping_add(1);
        // Plain bytes: ids are random, so a variable length would only make them longer.
        self.fresh.extend_from_slice(&id.number().to_le_bytes());
        self.fresh.extend_from_slice(&arrival.0.to_le_bytes());
        self.fresh.extend_from_slice(&arrival.1.to_le_bytes());
        self.newest = self.newest.max(Some(arrival));
        if self.len > self.window.max_ids {
            self.forget_half();
        }
        true
    }

    /// Forgets what is older than the window; a pure function of what was seen and the moments given, of which only new newest
    /// ones matter.
    pub fn advance(&mut self, moment: Micros) {
        let now = hour(moment);
        if now > self.swept_at.saturating_add(6) {
            self.swept_at = now;
            self.forget_before((hour(moment.plus(-self.window.span)), 0));
        }
    }

    /// Forgets the older half, by hour and then by arrival, so that a flood costs a few sweeps and not one for each id.
    fn forget_half(&mut self) {
        let ids = self.ids.iter().flat_map(IdentityMap::values);
        let mut arrivals: Vec<Arrival> = ids.copied().collect();
        let middle = arrivals.len() / 2;
        let (_, median, _) = arrivals.select_nth_unstable(middle);
        let cut = *median;
        metrics::counter!("tradewind_stream_dedup_forgotten_early_total").increment(middle as u64);
        self.forget_before(cut);
    }

    fn forget_before(&mut self, from: Arrival) {
        if from > self.from {
            self.from = from;
            self.drop_forgotten();
        }
    }

    fn drop_forgotten(&mut self) {
        let from = self.from;
        for ids in &mut self.ids {
            ids.retain(|_, arrival| *arrival >= from);
            // A flood that is over must not hold its memory.
            if ids.len() < ids.capacity() / 4 {
                ids.shrink_to(ids.len() * 2);
            }
        }
        self.len = self.ids.iter().map(IdentityMap::len).sum();
    }

    /// Ids remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether none is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Writes what changed since the last call: one segment of new ids, what is forgotten, and the removal of segments that are
    /// too old as a whole. `table` is where these ids stand.
    pub fn save(&mut self, table: StateTable, changes: &mut Changes) {
        debug_assert!(self.is_whole(), "`restored` ends a restore");
        let from = self.from;
        self.segments.retain(|(segment, newest)| {
            let keep = *newest >= from;
            if !keep {
                changes.remove(table, &segment.to_be_bytes());
            }
            keep
        });
        if let Some(newest) = self.newest.take() {
            let bytes = std::mem::take(&mut self.fresh);
            self.fresh.reserve(bytes.len());
            changes.put_bytes(table, &self.next_segment.to_be_bytes(), bytes);
            self.segments.push((self.next_segment, newest));
            self.next_segment += 1;
            let bounds = (self.from, self.swept_at, self.next);
            changes.put(table, BOUNDS, &bounds);
        }
    }

    /// Takes a segment, or the bounds, from a checkpoint; [`Self::restored`] comes after all of them.
    ///
    /// # Errors
    /// [`StateError`] when it cannot be read.
    pub fn restore(
        &mut self,
        table: StateTable,
        key: &[u8],
        value: &[u8],
    ) -> Result<(), StateError> {
        if key == BOUNDS {
            (self.from, self.swept_at, self.next) = decode(table, value)?;
            return Ok(());
        }
        let segment = u64::from_be_bytes(key_number(table, key)?);
        let (entries, rest) = value.as_chunks::<ENTRY>();
        if !rest.is_empty() {
            return Err(StateError {
                table,
                reason: "a segment is cut short".to_owned(),
            });
        }
        let word = |bytes: &[u8]| <[u8; 4]>::try_from(bytes).unwrap_or_default();
        let mut newest = None;
        for entry in entries {
            let (id, arrival) = entry.split_at(16);
            let id = u128::from_le_bytes(id.try_into().unwrap_or_default());
            let id = Identity::of_number(id);
            let (hour, number) = arrival.split_at(4);
            let arrival = (
                Hour::from_le_bytes(word(hour)),
                u32::from_le_bytes(word(number)),
            );
            newest = newest.max(Some(arrival));
            self.read[table_of(id)].push((id, arrival));
        }
        if let Some(newest) = newest {
            self.segments.push((segment, newest));
        }
        self.next_segment = self.next_segment.max(segment + 1);
        Ok(())
    }

    /// Whether nothing that was read waits for [`Self::restored`].
    fn is_whole(&self) -> bool {
        self.read.iter().all(Vec::is_empty)
    }

    /// Ends a restore: what was read is remembered, but for what is forgotten.
    pub fn restored(&mut self) {
        let from = self.from;
        for (ids, read) in self.ids.iter_mut().zip(&mut self.read) {
            let mut read = std::mem::take(read);
            read.retain(|(_, arrival)| *arrival >= from);
            // The map's size is known, so it does not grow by doubling.
            ids.extend(read);
        }
        self.len = self.ids.iter().map(IdentityMap::len).sum();
    }
}

/// The key of what is forgotten and counted, beside the segments' numbers.
const BOUNDS: &[u8] = b"bounds";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_remembered_for_the_window_and_no_more_than_allowed() {
        let mut seen = SeenIds::new(DedupWindow {
            span: Micros::DAY,
            max_ids: 100,
        });
        let start = Micros(1_800_000_000_000_000);
        assert!(seen.insert("a", start));
        assert!(!seen.insert("a", start.plus(Micros::HOUR)));
        seen.advance(start.plus(23 * Micros::HOUR));
        assert!(!seen.insert("a", start));
        seen.advance(start.plus(40 * Micros::HOUR));
        assert!(seen.is_empty());
        for i in 0..1_000 {
            assert!(seen.insert(
                &format!("x{i}"),
                start.plus(40 * Micros::HOUR + i * Micros::MINUTE),
            ));
            seen.advance(start.plus(40 * Micros::HOUR + i * Micros::MINUTE));
            assert!(seen.len() <= 100);
        }
        assert!(!seen.insert("x999", start), "the newest are kept");
    }

    #[test]
    fn a_flood_of_one_hour_keeps_the_newest_also_over_a_restart() {
        let window = DedupWindow {
            span: Micros::DAY,
            max_ids: 100,
        };
        let mut seen = SeenIds::new(window);
        let then = Micros(1_800_000_000_000_000);
        let partition = tradewind_model::TopicPartition::new(tradewind_model::Topic::UserEvents, 0);
        let store = tradewind_model::StoreId::new("s").unwrap();
        let mut saved = std::collections::BTreeMap::new();
        for i in 0..1_000 {
            assert!(seen.insert(&format!("x{i}"), then));
            assert!(seen.len() <= 100);
            if i % 90 == 0 {
                let mut changes = Changes::new(partition, &store);
                seen.save(StateTable::SeenIds, &mut changes);
                for (key, value) in changes.entries {
                    match value {
                        Some(value) => saved.insert(key, value),
                        None => saved.remove(&key),
                    };
                }
                let mut again = SeenIds::new(window);
                for (key, value) in &saved {
                    let (_, _, _, key) = crate::state::split_key(key).unwrap();
                    again.restore(StateTable::SeenIds, key, value).unwrap();
                }
                again.restored();
                assert_eq!(again.ids, seen.ids, "after {i}");
                seen = again;
            }
        }
        assert!(!seen.insert("x999", then), "the newest are kept");
        assert!(saved.len() < 8, "segments that are forgotten are removed");
    }
}
