//! Event time: microseconds since the Unix epoch, UTC, and calendar dates.

use std::fmt;

use chrono::{DateTime, NaiveDate, SecondsFormat};
use serde::{Deserialize, Serialize};

use crate::amount::round_decimal;

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

    /// Reads a moment as text in any spelling that names its zone: [`Self::parse_rfc3339`], the basic form `20261121T080000Z`,
    /// RFC 2822 (`Sat, 21 Nov 2026 08:00:00 +0000`), JavaScript's `Date.toString()`, a zone's name in brackets behind its offset as Java
    /// writes it, and numbers as [`Self::parse_number`] reads them.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::parse_rfc3339(text).or_else(|| Self::parse_rare(text.trim()))
    }

    #[cold]
    fn parse_rare(text: &str) -> Option<Self> {
        if text
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'))
            && let Some(time) = Self::parse_number(text)
        {
            return Some(time);
        }
        // Java: 2026-11-21T09:00:00+01:00[Europe/Berlin].
        let text = match text.strip_suffix(']').and_then(|t| t.split_once('[')) {
            Some((time, _)) => time,
            None => text,
        };
        if let Some(time) = Self::parse_rfc3339(text) {
            return Some(time);
        }
        if let Some((naive, zone)) = parse_basic(text.as_bytes()) {
            return Some(Self(naive.0 - offset_seconds(zone)? * Self::SECOND));
        }
        // JavaScript: Sat Nov 21 2026 09:00:00 GMT+0100 (Central European Standard Time).
        let plain = text.split(" (").next().unwrap_or(text);
        DateTime::parse_from_rfc2822(text)
            .or_else(|_| DateTime::parse_from_str(plain, "%a %b %d %Y %H:%M:%S GMT%z"))
            .ok()
            .map(|t| Self(t.timestamp_micros()))
    }

    /// Reads a number of seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by magnitude: below 10¹¹ seconds
    /// (to the year 5138), below 10¹⁴ milliseconds, below 10¹⁷ microseconds, nanoseconds above. Below 10⁸ (March 1973) it means nothing that
    /// a shop's event can mean, and is `None`. What is finer than a microsecond is cut off.
    #[must_use]
    pub fn parse_number(raw: &str) -> Option<Self> {
        // Times after 1970 only, so that cutting off is the same as rounding down. A nanosecond of a second needs nine places.
        let whole = raw.split(['.', 'e', 'E']).next()?;
        if !raw.contains(['e', 'E']) && whole.parse::<i64>().is_err() {
            return None;
        }
        let nanos = |places| round_decimal(raw, places).ok();
        let size = nanos(0)?.unsigned_abs();
        let micros = match size {
            0..100_000_000 => return None,
            100_000_000..100_000_000_000 => nanos(7)?.div_euclid(10),
            100_000_000_000..100_000_000_000_000 => nanos(4)?.div_euclid(10),
            100_000_000_000_000..100_000_000_000_000_000 => nanos(1)?.div_euclid(10),
            _ => nanos(0)?.div_euclid(1_000),
        };
        Some(Self(micros))
    }

    /// Reads `2026-11-21T08:00:00.123456Z`, with a space for the `T`, and for the `Z` an offset (`+01:00`, `+0100`, `+01`), ` UTC`, ` GMT`
    /// or an offset behind a space, as SQL databases write it.
    /// A text without any zone is not accepted here; mapping files name one.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let (naive, rest) = parse_date_time(text.as_bytes())?;
        if rest == b"Z" {
            return Some(naive);
        }
        Some(Self(naive.0 - offset_seconds(rest)? * Self::SECOND))
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

/// The seconds that a zone behind a time is ahead of UTC.
fn offset_seconds(zone: &[u8]) -> Option<i64> {
    let zone = zone.strip_prefix(b" ").unwrap_or(zone);
    let (sign, hours, minutes) = match zone {
        b"Z" | b"z" | b"UTC" | b"GMT" | b"utc" | b"gmt" => return Some(0),
        [sign @ (b'+' | b'-'), h1, h2] => (sign, two(*h1, *h2)?, 0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] | [sign @ (b'+' | b'-'), h1, h2, m1, m2] => {
            (sign, two(*h1, *h2)?, two(*m1, *m2)?)
        }
        // Go: +0100 CET.
        [offset @ .., b' ', z1, z2, z3] if [z1, z2, z3].iter().all(|b| b.is_ascii_uppercase()) => {
            return offset_seconds(offset).filter(|_| !offset.is_empty());
        }
        _ => return None,
    };
    if hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = (hours * 60 + minutes) * 60;
    Some(if *sign == b'-' { -seconds } else { seconds })
}

/// Reads `YYYYMMDDTHHMM[SS[.frac]]` and gives what follows.
fn parse_basic(b: &[u8]) -> Option<(Micros, &[u8])> {
    let date = b.first_chunk::<8>()?;
    let clock = b.get(8..)?.strip_prefix(b"T")?;
    let digits = clock.iter().take_while(|b| b.is_ascii_digit()).count();
    let (time, rest) = clock.split_at(digits);
    let [y1, y2, y3, y4, m1, m2, d1, d2] = *date;
    let mut extended = vec![y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T'];
    match time {
        [h1, h2, n1, n2] => extended.extend([*h1, *h2, b':', *n1, *n2]),
        [h1, h2, n1, n2, s1, s2] => extended.extend([*h1, *h2, b':', *n1, *n2, b':', *s1, *s2]),
        _ => return None,
    }
    let fraction = match rest {
        [b'.' | b',', more @ ..] => 1 + more.iter().take_while(|b| b.is_ascii_digit()).count(),
        _ => 0,
    };
    extended.extend_from_slice(&rest[..fraction]);
    let (naive, left) = parse_date_time(&extended)?;
    left.is_empty().then_some((naive, &rest[fraction..]))
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

    #[test]
    fn reads_what_databases_languages_and_mails_write() {
        let t = Micros(1_795_168_080 * Micros::SECOND);
        for text in [
            "2026-11-20T09:48:00Z",
            "2026-11-20T09:48:00+00",
            "2026-11-20 10:48:00 +0100",
            "2026-11-20 10:48:00+01",
            "2026-11-20T09:48:00.000000+0000",
            "2026-11-20 09:48:00 GMT",
            "2026-11-20 10:48:00 +0100 CET",
            "2026-11-20T10:48:00+01:00[Europe/Berlin]",
            "20261120T094800Z",
            "20261120T0948Z",
            "20261120T104800.000+0100",
            "Fri, 20 Nov 2026 09:48:00 GMT",
            "Fri, 20 Nov 2026 10:48:00 +0100",
            "20 Nov 2026 10:48:00 +0100",
            "Fri Nov 20 2026 10:48:00 GMT+0100 (Central European Standard Time)",
            "1795168080",
            "1795168080.0",
            "1795168080000",
            "1795168080000000",
            "1795168080000000000",
            "1.79516808e9",
            " 2026-11-20T09:48:00Z ",
        ] {
            assert_eq!(Micros::parse(text), Some(t), "{text}");
        }
        for (raw, micros) in [
            ("1795168080.123", 1_795_168_080_123_000),
            ("1795168080.1234567", 1_795_168_080_123_456),
            ("1795168080123.5", 1_795_168_080_123_500),
            ("1795168080123456", 1_795_168_080_123_456),
            ("100000000", 100_000_000_000_000),
            ("99999999999", 99_999_999_999_000_000),
            ("100000000000", 100_000_000_000_000),
        ] {
            assert_eq!(Micros::parse_number(raw), Some(Micros(micros)), "{raw}");
        }
        for text in [
            "99999999",
            "0",
            "2026-11-20T09:48:00",
            "20261120",
            "20261120T094800",
            "2026-11-20T09:48:00 CET",
            "2026-11-20T09:48:00+2500",
            "next week",
        ] {
            assert_eq!(Micros::parse(text), None, "{text}");
        }
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
            let _ = Micros::parse(&text);
            let _ = Micros::parse_number(&text);
        }
    }
}
