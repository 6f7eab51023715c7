//! A store's settings that decide how its events are read: currency and time zone.

use std::sync::Arc;

use chrono::{Datelike, NaiveDateTime, Offset as _, TimeZone as _, Timelike};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::ids::StoreId;
use crate::time::{Date, Micros};

/// One shop and the settings its figures depend on. Currency and time zone are fixed once events have come in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Store {
    /// The id used in keys, paths and SQL.
    pub store_id: StoreId,
    /// The name people see.
    pub name: String,
    /// ISO 4217 code of the currency of every amount.
    pub currency: String,
    /// The zone of days, hours and weekdays.
    pub zone: StoreZone,
}

impl Store {
    /// A store named after its id, in US dollars and UTC.
    #[must_use]
    pub fn new(store_id: StoreId) -> Self {
        Self {
            name: store_id.to_string(),
            store_id,
            currency: "USD".to_owned(),
            zone: StoreZone::UTC,
        }
    }
}

/// Knows every store of the installation.
pub trait StoreDirectory: Send + Sync {
    /// The settings of a store.
    fn store(&self, id: &StoreId) -> Option<Arc<Store>>;
    /// All stores, by id.
    fn stores(&self) -> Vec<Arc<Store>>;
}

/// A store's time zone (IANA).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StoreZone(Tz);

/// A zone name that the IANA database does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an IANA time zone such as `Europe/Berlin` or `UTC`")]
pub struct UnknownZone(String);

impl StoreZone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(Tz::UTC);

    /// The zone of an IANA name.
    ///
    /// # Errors
    /// [`UnknownZone`] when there is none.
    pub fn new(name: &str) -> Result<Self, UnknownZone> {
        name.parse()
            .map(Self)
            .map_err(|_| UnknownZone(name.chars().take(80).collect()))
    }

    /// The IANA name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.name()
    }

    /// Local wall time of a moment.
    #[must_use]
    pub fn local(&self, time: Micros) -> NaiveDateTime {
        let utc = chrono::DateTime::from_timestamp_micros(time.0)
            .unwrap_or_default()
            .naive_utc();
        utc + self.0.offset_from_utc_datetime(&utc).fix()
    }

    /// Seconds to add to UTC for local time at a moment.
    #[must_use]
    pub fn offset_seconds(&self, time: Micros) -> i32 {
        let utc = chrono::DateTime::from_timestamp_micros(time.0)
            .unwrap_or_default()
            .naive_utc();
        self.0
            .offset_from_utc_datetime(&utc)
            .fix()
            .local_minus_utc()
    }

    /// Local calendar date of a moment.
    #[must_use]
    pub fn date(&self, time: Micros) -> Date {
        if self.0 == Tz::UTC {
            return Date(i32::try_from(time.0.div_euclid(Micros::DAY)).unwrap_or(i32::MAX));
        }
        Date(self.local(time).date().to_epoch_days())
    }

    /// Local hour of a moment, 0–23.
    #[must_use]
    pub fn hour(&self, time: Micros) -> u8 {
        u8::try_from(self.local(time).hour()).unwrap_or(0)
    }

    /// Local weekday of a moment, Monday = 1 … Sunday = 7 (ISO 8601).
    #[must_use]
    pub fn weekday(&self, time: Micros) -> u8 {
        u8::try_from(self.local(time).weekday().number_from_monday()).unwrap_or(0)
    }

    /// The first moment of a local date: midnight, or the first moment after it where a clock change skips midnight.
    #[must_use]
    pub fn start_of(&self, date: Date) -> Micros {
        let midnight = date.to_naive().and_time(chrono::NaiveTime::MIN);
        self.utc_of(midnight)
    }

    /// The moment of a local wall time: the earlier one where clocks go back, the first valid one where they skip.
    #[must_use]
    pub fn utc_of(&self, local: NaiveDateTime) -> Micros {
        let mut at = local;
        for _ in 0..16 {
            if let Some(found) = self.0.from_local_datetime(&at).earliest() {
                return Micros(found.timestamp_micros());
            }
            at += chrono::TimeDelta::minutes(15);
        }
        Micros(local.and_utc().timestamp_micros())
    }
}

impl TryFrom<String> for StoreZone {
    type Error = UnknownZone;
    fn try_from(name: String) -> Result<Self, UnknownZone> {
        Self::new(&name)
    }
}

impl From<StoreZone> for String {
    fn from(zone: StoreZone) -> Self {
        zone.name().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_follow_the_store_not_utc() {
        let berlin = StoreZone::new("Europe/Berlin").unwrap();
        let t = Micros::parse_rfc3339("2026-03-28T23:30:00Z").unwrap();
        assert_eq!(berlin.date(t).to_string(), "2026-03-29");
        assert_eq!(berlin.hour(t), 0);
        assert_eq!(berlin.weekday(t), 7);
        // The day of the spring change is 23 hours long.
        let day = berlin.start_of(Date::parse("2026-03-29").unwrap());
        let next = berlin.start_of(Date::parse("2026-03-30").unwrap());
        assert_eq!(next.0 - day.0, 23 * Micros::HOUR);
    }

    #[test]
    fn a_skipped_midnight_starts_at_the_first_valid_moment() {
        let beirut = StoreZone::new("Asia/Beirut").unwrap();
        let start = beirut.start_of(Date::parse("2022-03-27").unwrap());
        assert_eq!(beirut.local(start).to_string(), "2022-03-27 01:00:00");
        assert!(StoreZone::new("Mars/Olympus").is_err());
    }
}
