//! Panes: the slices of event time operators keep, and the windows that are merges of them.
//!
//! Events land in minute panes. As the watermark moves on, whole local hours of minute panes fold into one hour pane, and whole
//! local days of hour panes into one day pane, which is dropped when it is older than the longest window and its previous
//! period. Every event is in exactly one pane, so a merge of panes is exact for the period they cover. Hours and days are the
//! store's own: zones with half-hour offsets get hours that begin at half past in UTC.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tradewind_model::{Micros, StoreZone};

use crate::state::{Changes, StateError, StateTable, decode};

/// What a pane must be able to do.
pub trait Pane: Clone + Default + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Adds another pane's content; associative and commutative.
    fn merge(&mut self, other: &Self);

    /// Takes quantities that were stored in whole units for what they are. Nothing to do where a pane has none.
    fn of_whole_units(&mut self) {}
}

/// The width of a pane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Level {
    /// One minute.
    Minute = 0,
    /// One local hour.
    Hour = 1,
    /// One local day.
    Day = 2,
}

/// A pane's place: its width and its first moment.
pub type PaneKey = (Level, Micros);

/// How long each width is kept, µs behind the watermark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaneRetention {
    /// Minute panes, at least; whole hours fold.
    pub minutes: i64,
    /// Hour panes, at least; whole days fold.
    pub hours: i64,
    /// Day panes.
    pub days: i64,
}

impl Default for PaneRetention {
    /// Enough for 5 min and 1 h by minutes, 24 h by hours, 7 and 30 days by days, each with its previous period.
    fn default() -> Self {
        Self {
            minutes: 2 * Micros::HOUR + 10 * Micros::MINUTE,
            hours: 49 * Micros::HOUR,
            days: 62 * Micros::DAY,
        }
    }
}

/// The start of the local hour that holds a moment.
#[must_use]
pub fn hour_start(zone: &StoreZone, time: Micros) -> Micros {
    let offset = i64::from(zone.offset_seconds(time)) * Micros::SECOND;
    Micros(time.plus(offset).floor_to(Micros::HOUR).0 - offset)
}

/// The start of the local day that holds a moment.
#[must_use]
pub fn day_start(zone: &StoreZone, time: Micros) -> Micros {
    zone.start_of(zone.date(time))
}

/// The end of the local day that holds a moment.
#[must_use]
pub fn day_end(zone: &StoreZone, time: Micros) -> Micros {
    zone.start_of(tradewind_model::Date(zone.date(time).0 + 1))
}

/// The panes of one operator for one store in one partition.
#[derive(Debug, Clone)]
pub struct Panes<P> {
    table: StateTable,
    zone: StoreZone,
    retention: PaneRetention,
    /// In order of their keys; a few hundred at most.
    panes: Vec<Slot<P>>,
    /// Keys of panes that changed, were folded or dropped since they were last written.
    dirty: Vec<PaneKey>,
    /// Where the last event fell: from, to, and the place of the minute's pane. Most events fall where the one before did.
    last: (Micros, Micros, usize),
    /// Before this, minutes are folded.
    minutes_from: Micros,
    /// Before this, hours are folded.
    hours_from: Micros,
    /// The minute in which it was last looked for panes to fold.
    advanced: Micros,
}

#[derive(Debug, Clone)]
struct Slot<P> {
    key: PaneKey,
    pane: Arc<P>,
    /// Whether its key is among those to be written.
    dirty: bool,
}

/// A range without a moment.
const NOWHERE: (Micros, Micros, usize) = (Micros(i64::MAX), Micros(i64::MIN), 0);

/// An immutable picture of panes for readers.
pub type PaneSnapshot<P> = BTreeMap<PaneKey, Arc<P>>;

impl<P: Pane> Panes<P> {
    /// No panes yet.
    #[must_use]
    pub fn new(table: StateTable, zone: StoreZone, retention: PaneRetention) -> Self {
        Self {
            table,
            zone,
            retention,
            panes: Vec::new(),
            dirty: Vec::new(),
            last: NOWHERE,
            minutes_from: Micros(i64::MIN),
            hours_from: Micros(i64::MIN),
            advanced: Micros(i64::MIN),
        }
    }

    fn key_of(&self, time: Micros) -> PaneKey {
        if time >= self.minutes_from {
            (Level::Minute, time.floor_to(Micros::MINUTE))
        } else if time >= self.hours_from {
            (Level::Hour, hour_start(&self.zone, time))
        } else {
            (Level::Day, day_start(&self.zone, time))
        }
    }

    /// The pane that holds a moment, to be changed.
    pub fn at(&mut self, time: Micros) -> &mut P {
        let (from, to, mut place) = self.last;
        if time < from || time >= to {
            let key = self.key_of(time);
            place = self.place_of(key);
            self.last = match key.0 {
                Level::Minute => {
                    let from = key.1.max(self.minutes_from);
                    (from, key.1.plus(Micros::MINUTE), place)
                }
                Level::Hour | Level::Day => NOWHERE,
            };
        }
        self.touch(place)
    }

    /// The place of a key's pane, which is made when missing.
    fn place_of(&mut self, key: PaneKey) -> usize {
        self.panes
            .binary_search_by_key(&key, |slot| slot.key)
            .unwrap_or_else(|place| {
                let slot = Slot {
                    key,
                    pane: Arc::default(),
                    dirty: false,
                };
                self.panes.insert(place, slot);
                self.last = NOWHERE;
                place
            })
    }

    fn touch(&mut self, place: usize) -> &mut P {
        let slot = &mut self.panes[place];
        if !std::mem::replace(&mut slot.dirty, true) {
            self.dirty.push(slot.key);
        }
        Arc::make_mut(&mut slot.pane)
    }

    /// Folds and drops what the watermark has left behind. Once a minute of event time is often enough.
    pub fn advance(&mut self, watermark: Micros) {
        let minute = watermark.floor_to(Micros::MINUTE);
        if minute <= self.advanced {
            return;
        }
        self.advanced = minute;
        let minutes_from = hour_start(&self.zone, watermark.plus(-self.retention.minutes));
        if minutes_from > self.minutes_from {
            self.minutes_from = minutes_from;
            let zone = self.zone;
            self.fold(Level::Minute, minutes_from, Level::Hour, |t| {
                hour_start(&zone, t)
            });
        }
        let hours_from = day_start(&self.zone, watermark.plus(-self.retention.hours));
        if hours_from > self.hours_from {
            self.hours_from = hours_from;
            let zone = self.zone;
            self.fold(Level::Hour, hours_from, Level::Day, |t| day_start(&zone, t));
            let oldest = day_start(&self.zone, watermark.plus(-self.retention.days));
            self.take(Level::Day, oldest);
        }
    }

    /// Takes out the panes of a width that begin before a moment.
    fn take(&mut self, level: Level, before: Micros) -> Vec<Slot<P>> {
        let from = self.panes.partition_point(|slot| slot.key.0 < level);
        let to = self
            .panes
            .partition_point(|slot| slot.key < (level, before));
        self.last = NOWHERE;
        let taken: Vec<_> = self.panes.drain(from..to).collect();
        let unknown = taken.iter().filter(|slot| !slot.dirty);
        self.dirty.extend(unknown.map(|slot| slot.key));
        taken
    }

    fn fold(&mut self, from: Level, before: Micros, into: Level, start: impl Fn(Micros) -> Micros) {
        for slot in self.take(from, before) {
            let place = self.place_of((into, start(slot.key.1)));
            self.touch(place).merge(&slot.pane);
        }
    }

    /// The panes as they are now; cheap, the content is shared until it changes.
    #[must_use]
    pub fn snapshot(&self) -> PaneSnapshot<P> {
        let panes = self.panes.iter();
        panes
            .map(|slot| (slot.key, Arc::clone(&slot.pane)))
            .collect()
    }

    /// All panes.
    pub fn iter(&self) -> impl Iterator<Item = &P> {
        self.panes.iter().map(|slot| slot.pane.as_ref())
    }

    /// Writes what changed since the last call.
    pub fn save(&mut self, changes: &mut Changes) {
        let mut dirty = std::mem::take(&mut self.dirty);
        // A pane that was dropped and came again is here twice.
        dirty.sort_unstable();
        dirty.dedup();
        for key in dirty {
            let mut bytes = vec![key.0 as u8];
            bytes.extend_from_slice(&key.1.0.to_be_bytes());
            match self.panes.binary_search_by_key(&key, |slot| slot.key) {
                Ok(place) => {
                    let slot = &mut self.panes[place];
                    slot.dirty = false;
                    changes.put(self.table, &bytes, slot.pane.as_ref());
                }
                Err(_) => changes.remove(self.table, &bytes),
            }
        }
    }

    /// Takes a pane from a checkpoint that has quantities in whole units; it is written anew.
    ///
    /// # Errors
    /// [`StateError`] when it cannot be read.
    pub fn restore_of_units(&mut self, key: &[u8], value: &[u8]) -> Result<(), StateError> {
        let place = self.read(key, value)?;
        self.touch(place).of_whole_units();
        Ok(())
    }

    /// Takes a pane from a checkpoint.
    ///
    /// # Errors
    /// [`StateError`] when it cannot be read.
    pub fn restore(&mut self, key: &[u8], value: &[u8]) -> Result<(), StateError> {
        self.read(key, value).map(|_| ())
    }

    /// Puts a stored pane in its place, and gives it.
    fn read(&mut self, key: &[u8], value: &[u8]) -> Result<usize, StateError> {
        let broken = |reason: &str| StateError {
            table: self.table,
            reason: reason.to_owned(),
        };
        let (level, start) = key
            .split_first()
            .ok_or_else(|| broken("its key is empty"))?;
        let level = match level {
            0 => Level::Minute,
            1 => Level::Hour,
            2 => Level::Day,
            _ => return Err(broken("its width is unknown")),
        };
        let start = i64::from_be_bytes(
            start
                .try_into()
                .map_err(|_| broken("its key is cut short"))?,
        );
        let pane = Arc::new(decode(self.table, value)?);
        let place = self.place_of((level, Micros(start)));
        self.panes[place].pane = pane;
        Ok(place)
    }
}

/// Merges the panes of a period. A pane that only partly lies in it is left out: ask for aligned periods.
pub fn merge_range<'p, P: Pane>(
    panes: &'p PaneSnapshot<P>,
    from: Micros,
    to: Micros,
    mut each: impl FnMut(Micros, &'p P),
) {
    for level in [Level::Minute, Level::Hour, Level::Day] {
        for ((_, start), pane) in panes.range((level, from)..(level, to)) {
            each(*start, pane);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
    struct Count(u64);
    impl Pane for Count {
        fn merge(&mut self, other: &Self) {
            self.0 += other.0;
        }
    }

    fn total(panes: &Panes<Count>, from: Micros, to: Micros) -> u64 {
        let mut sum = 0;
        merge_range(&panes.snapshot(), from, to, |_, p| sum += p.0);
        sum
    }

    #[test]
    fn half_hour_zones_have_their_own_hours() {
        let india = StoreZone::new("Asia/Kolkata").unwrap();
        let t = Micros::parse_rfc3339("2026-03-01T10:45:00Z").unwrap();
        assert_eq!(hour_start(&india, t).to_rfc3339(), "2026-03-01T10:30:00Z");
        assert_eq!(day_start(&india, t).to_rfc3339(), "2026-02-28T18:30:00Z");
    }

    proptest! {
        /// However far the watermark has moved, every event is in exactly one pane and an aligned window counts exactly its own.
        #[test]
        fn s2_folding_loses_and_doubles_nothing(
            steps in proptest::collection::vec((0i64..7_200, 0i64..3_000), 1..200),
            zone in prop::sample::select(vec!["UTC", "Asia/Kolkata", "Europe/Berlin", "America/St_Johns"]),
        ) {
            let zone = StoreZone::new(zone).unwrap();
            let mut panes: Panes<Count> = Panes::new(StateTable::TrafficPanes, zone, PaneRetention::default());
            let mut now = Micros::parse_rfc3339("2026-03-27T00:00:00Z").unwrap();
            let mut times = Vec::new();
            for (forward, back) in steps {
                now = now.plus(forward * Micros::SECOND);
                let time = now.plus(-back * Micros::SECOND);
                panes.at(time).0 += 1;
                times.push(time);
                panes.advance(now);
            }
            let end = now.plus(Micros::DAY);
            prop_assert_eq!(total(&panes, Micros(0), end), times.len() as u64);
            let hour = hour_start(&zone, now);
            for (from, to) in [
                (now.floor_to(Micros::MINUTE).plus(-60 * Micros::MINUTE), now.floor_to(Micros::MINUTE)),
                (hour.plus(-23 * Micros::HOUR), hour.plus(Micros::HOUR)),
                (day_start(&zone, now.plus(-6 * Micros::DAY)), day_end(&zone, now)),
            ] {
                let expected = times.iter().filter(|t| **t >= from && **t < to).count() as u64;
                prop_assert_eq!(total(&panes, from, to), expected);
            }
        }
    }
}
