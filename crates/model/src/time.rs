//! Event time: microseconds since the Unix epoch, UTC, and calendar dates.

use std::fmt;

use chrono::{DateTime, NaiveDate, SecondsFormat};
use serde::{Deserialize, Serialize};

/// A moment, or with care a span, in microseconds; moments count from 1970-01-01T00:00:00Z.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Micros(pub i64);

impl Micros {
    /// One second.
    pub const SECOND: i64 = 1_000_000;
    /// One minute.
    pub const MINUTE: i64 = 60 * Self::SECOND;
    /// One hour.
    pub const HOUR: i64 = 60 * Self::MINUTE;
    /// Twenty-four hours.
    pub const DAY: i64 = 24 * Self::HOUR;
    /// The earliest event time accepted: 1970-01-01T00:00:00Z.
    pub const MIN_EVENT: Self = Self(0);
    /// The first moment no longer accepted as an event time: 2200-01-01T00:00:00Z.
    pub const END_EVENT: Self = Self(7_258_118_400 * Self::SECOND);

    /// Reads `2026-11-21T08:00:00.123456Z`, with a space for the `T`, an offset or ` UTC` for the `Z`.
    /// A text without any zone is not accepted here; mapping files name one.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let (naive, rest) = parse_date_time(text.as_bytes())?;
        let offset = match rest {
            b"Z" | b"z" | b" UTC" | b"+00:00" => 0,
            [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2]
            | [sign @ (b'+' | b'-'), h1, h2, m1, m2] => {
                let hours = two(*h1, *h2).filter(|h| *h < 24)?;
                let minutes = two(*m1, *m2).filter(|m| *m < 60)?;
                let seconds = (hours * 60 + minutes) * 60;
                if *sign == b'-' { -seconds } else { seconds }
            }
            _ => return None,
        };
        Some(Self(naive.0 - offset * Self::SECOND))
    }

    /// Reads a date and time without zone, as if it were UTC; `None` when anything follows it.
    #[must_use]
    pub fn parse_naive(text: &str) -> Option<Self> {
        match parse_date_time(text.as_bytes()) {
            Some((naive, b"")) => Some(naive),
            _ => None,
        }
    }

    /// The moment as RFC 3339 with microseconds where there are any.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        DateTime::from_timestamp_micros(self.0).map_or_else(
            || format!("{} µs", self.0),
            |t| t.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        )
    }

    /// The start of the slice of `width` microseconds that holds this moment.
    #[must_use]
    pub const fn floor_to(self, width: i64) -> Self {
        Self(self.0.div_euclid(width) * width)
    }

    /// The end of the slice of `width` microseconds that holds this moment, the moment itself when it is a border.
    #[must_use]
    pub const fn ceil_to(self, width: i64) -> Self {
        Self(-(-self.0).div_euclid(width) * width)
    }

    /// This moment moved by a span of microseconds.
    #[must_use]
    pub const fn plus(self, span: i64) -> Self {
        Self(self.0.saturating_add(span))
    }
}

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_rfc3339())
    }
}

/// A calendar date as days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Date(pub i32);

impl Date {
    /// The date as chrono knows it.
    #[must_use]
    pub fn to_naive(self) -> NaiveDate {
        NaiveDate::from_epoch_days(self.0).unwrap_or(NaiveDate::MIN)
    }

    /// Reads `2026-11-21`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .ok()
            .map(|d| Self(d.to_epoch_days()))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_naive())
    }
}

fn digit(b: u8) -> Option<i64> {
    b.is_ascii_digit().then(|| i64::from(b - b'0'))
}

fn two(a: u8, b: u8) -> Option<i64> {
    Some(digit(a)? * 10 + digit(b)?)
}

/// Reads `YYYY-MM-DD[T ]HH:MM[:SS[.frac]]` and gives what follows.
fn parse_date_time(b: &[u8]) -> Option<(Micros, &[u8])> {
    if b.len() < 16
        || b[4] != b'-'
        || b[7] != b'-'
        || !matches!(b[10], b'T' | b't' | b' ')
        || b[13] != b':'
    {
        return None;
    }
    let year = two(b[0], b[1])? * 100 + two(b[2], b[3])?;
    let (month, day) = (two(b[5], b[6])?, two(b[8], b[9])?);
    let (hour, minute) = (two(b[11], b[12])?, two(b[14], b[15])?);
    let mut rest = &b[16..];
    let mut second = 0;
    let mut micros = 0;
    if let [b':', s1, s2, more @ ..] = rest {
        second = two(*s1, *s2)?;
        rest = more;
        if let [b'.' | b',', more @ ..] = rest {
            let digits = more.iter().take_while(|b| b.is_ascii_digit()).count();
            if digits == 0 {
                return None;
            }
            for place in 0..6 {
                let digit = more[..digits].get(place).map_or(0, |b| i64::from(b - b'0'));
                micros = micros * 10 + digit;
            }
            rest = &more[digits..];
        }
    }
    // A leap second counts as the second before it, as POSIX time does.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let second = second.min(59);
    let days = days_from_civil(year, month, day)?;
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second;
    Some((Micros(seconds * Micros::SECOND + micros), rest))
}

/// Days since 1970-01-01 of a proleptic Gregorian date (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn days_from_civil(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(leap),
        _ => return None,
    };
    if !(1..=last).contains(&day) {
        return None;
    }
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y - era * 400;
    let doy = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    Some(era * 146_097 + doe - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_the_usual_spellings() {
        let t = Micros(1_569_888_000 * Micros::SECOND);
        for text in [
            "2019-10-01T00:00:00Z",
            "2019-10-01 00:00:00 UTC",
            "2019-10-01T02:00:00+02:00",
            "2019-09-30T19:30:00.000-0430",
            "2019-10-01T00:00Z",
        ] {
            assert_eq!(Micros::parse_rfc3339(text), Some(t), "{text}");
        }
        for text in [
            "",
            "2019-10-01",
            "2019-10-01T00:00:00",
            "2019-02-29T00:00:00Z",
            "2019-10-01T24:00:00Z",
            "x",
        ] {
            assert_eq!(Micros::parse_rfc3339(text), None, "{text}");
        }
        assert_eq!(Micros::parse_naive("2019-10-01 00:00:00"), Some(t));
    }

    proptest! {
        #[test]
        fn agrees_with_chrono(micros in -62_000_000_000_000_000i64..250_000_000_000_000_000) {
            let text = Micros(micros).to_rfc3339();
            prop_assume!(!text.starts_with(['+', '-']));
            prop_assert_eq!(Micros::parse_rfc3339(&text), Some(Micros(micros)));
        }

        #[test]
        fn never_panics(text in "\\PC{0,40}") {
            let _ = Micros::parse_rfc3339(&text);
        }
    }
}
