//! Dates, times and intervals from texts, in the ISO forms and PostgreSQL's own for intervals.

use chrono::NaiveDate;
use datafusion::error::{DataFusionError, Result};

use super::super::interval::{DAY, HOUR, Interval, MINUTE, SECOND};
use super::super::moment::{self, TimeZone};

fn bad(kind: &str, text: &str) -> DataFusionError {
    DataFusionError::Execution(format!("invalid input syntax for type {kind}: \"{text}\""))
}

/// A text cut into date, time of day and zone.
struct Parts {
    date: i32,
    time: i64,
    zone: Option<Named>,
}

enum Named {
    Offset(i64),
    Zone(TimeZone),
}

fn digits(text: &str) -> Option<i64> {
    (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

/// `2026-11-10`, `20261110`, `2026/11/10`, `10 Nov 2026`, `Nov 10, 2026`, `epoch`.
fn date(text: &str) -> Option<i32> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("epoch") {
        return Some(0);
    }
    let of = |year: i64, month: i64, day: i64| {
        let year = i32::try_from(year).ok()?;
        let date =
            NaiveDate::from_ymd_opt(year, u32::try_from(month).ok()?, u32::try_from(day).ok()?)?;
        Some(moment::days(date))
    };
    if text.len() == 8
        && let Some(all) = digits(text)
    {
        return of(all / 10_000, all / 100 % 100, all % 100);
    }
    let words: Vec<&str> = text
        .split(|c: char| c == '-' || c == '/' || c == ',' || c == '.' || c.is_whitespace())
        .filter(|word| !word.is_empty())
        .collect();
    let [a, b, c] = words.as_slice() else {
        return None;
    };
    match (digits(a), digits(b), digits(c)) {
        // A year has four digits; what could be a day or a month first is not guessed at.
        (Some(year), Some(month), Some(day)) if a.len() >= 4 => of(year, month, day),
        (Some(day), None, Some(year)) if c.len() >= 4 => of(year, month_of(b)?, day),
        (None, Some(day), Some(year)) if c.len() >= 4 => of(year, month_of(a)?, day),
        (Some(year), None, Some(day)) if a.len() >= 4 => of(year, month_of(b)?, day),
        _ => None,
    }
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// 1 to 12, by a month's name or its first three letters.
fn month_of(word: &str) -> Option<i64> {
    let word = word.to_lowercase();
    let found = MONTHS
        .iter()
        .position(|name| *name == word || (word.len() == 3 && name.starts_with(&word)));
    found.and_then(|at| i64::try_from(at + 1).ok())
}

/// `09:15`, `09:15:30`, `09:15:30.25`, `091530`, with `am` or `pm` after it.
fn time(text: &str) -> Option<i64> {
    let text = text.trim().to_lowercase();
    let (text, half) = match (text.strip_suffix("am"), text.strip_suffix("pm")) {
        (Some(rest), _) => (rest.trim().to_owned(), Some(0)),
        (_, Some(rest)) => (rest.trim().to_owned(), Some(12)),
        _ => (text, None),
    };
    let mut parts = text.split(':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next(), parts.next());
    if parts.next().is_some() {
        return None;
    }
    let (mut hour, minute, rest) = match minutes {
        Some(minutes) => (digits(hours)?, digits(minutes)?, seconds.unwrap_or("0")),
        None => {
            let all = digits(hours.get(..6)?)?;
            if hours.len() > 6 && !hours[6..].starts_with('.') {
                return None;
            }
            (all / 10_000, all / 100 % 100, hours.get(4..)?)
        }
    };
    let (whole, fraction) = rest.split_once('.').unwrap_or((rest, ""));
    let second = digits(whole)?;
    let micros = fraction_micros(fraction)?;
    if let Some(half) = half {
        if !(1..=12).contains(&hour) {
            return None;
        }
        hour = hour % 12 + half;
    }
    let all = hour * HOUR + minute * MINUTE + second * SECOND + micros;
    (hour <= 24 && minute < 60 && second <= 60 && all <= DAY).then_some(all)
}

/// Digits after a second's point as microseconds, rounded.
fn fraction_micros(fraction: &str) -> Option<i64> {
    if fraction.is_empty() {
        return Some(0);
    }
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let value: f64 = format!("0.{fraction}").parse().ok()?;
    #[allow(clippy::cast_possible_truncation, reason = "below a million")]
    Some((value * 1e6).round() as i64)
}

/// `+02`, `-05:30`, `+0530`, `Z`, `UTC`, `Europe/Berlin`.
fn zone(text: &str) -> Option<Named> {
    let text = text.trim();
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return TimeZone::named(text).ok().map(Named::Zone),
    };
    let mut parts = rest.split(':');
    let (first, second, third) = (parts.next()?, parts.next(), parts.next());
    let (hours, minutes) = match second {
        Some(minutes) => (digits(first)?, digits(minutes)?),
        None if first.len() > 2 => {
            let all = digits(first)?;
            (all / 100, all % 100)
        }
        None => (digits(first)?, 0),
    };
    let seconds = third.map_or(Some(0), digits)?;
    (hours < 16 && minutes < 60 && seconds < 60).then_some(Named::Offset(
        sign * (hours * HOUR + minutes * MINUTE + seconds * SECOND),
    ))
}

fn parts(text: &str) -> Option<Parts> {
    let text = text.trim();
    // The time of day begins after a `T` between digits, or after the blank before the first colon.
    let split = text.find(['T', 't']).filter(|at| {
        let before = text[..*at]
            .bytes()
            .last()
            .is_some_and(|b| b.is_ascii_digit());
        before
            && text[at + 1..]
                .bytes()
                .next()
                .is_some_and(|b| b.is_ascii_digit())
    });
    let split = split.or_else(|| {
        let colon = text.find(':')?;
        text[..colon].rfind(' ')
    });
    let Some(at) = split else {
        // A date alone, perhaps with a zone after it.
        if let Some(date) = date(text) {
            return Some(Parts {
                date,
                time: 0,
                zone: None,
            });
        }
        let (day, rest) = text.split_at_checked(10)?;
        return Some(Parts {
            date: date(day)?,
            time: 0,
            zone: Some(zone(rest)?),
        });
    };
    let (day, rest) = (&text[..at], text[at + 1..].trim());
    let end = rest
        .find(|c: char| !(c.is_ascii_digit() || c == ':' || c == '.'))
        .unwrap_or(rest.len());
    let (mut clock, mut after) = (rest[..end].to_owned(), rest[end..].trim());
    for half in ["am", "pm"] {
        if after
            .get(..2)
            .is_some_and(|word| word.eq_ignore_ascii_case(half))
        {
            clock.push_str(half);
            after = after[2..].trim();
        }
    }
    Some(Parts {
        date: date(day)?,
        time: time(&clock)?,
        zone: if after.is_empty() {
            None
        } else {
            Some(zone(after)?)
        },
    })
}

/// A date; a time of day after it is left out.
pub(crate) fn read_date(text: &str) -> Result<i32> {
    parts(text)
        .map(|parts| parts.date)
        .ok_or_else(|| bad("date", text))
}

/// A time of no zone; a zone in the text is left out, as PostgreSQL leaves it out.
pub(crate) fn read_stamp(text: &str) -> Result<i64> {
    parts(text)
        .map(|parts| i64::from(parts.date) * DAY + parts.time)
        .ok_or_else(|| bad("timestamp", text))
}

/// A moment, in the session's zone when the text names none.
pub(crate) fn read_moment(text: &str, session: TimeZone) -> Result<i64> {
    let parts = parts(text).ok_or_else(|| bad("timestamp with time zone", text))?;
    let local = i64::from(parts.date) * DAY + parts.time;
    match parts.zone {
        Some(Named::Offset(offset)) => Ok(local - offset),
        Some(Named::Zone(zone)) => zone.moment(local),
        None => session.moment(local),
    }
}

/// A time of day.
pub(crate) fn read_time(text: &str) -> Result<i64> {
    time(text).ok_or_else(|| bad("time", text))
}

/// A span: `1 year 2 mons 3 days 04:05:06`, `1-2`, `3 4:05:06`, `P1Y2M3DT4H5M6S`, `1.5 days ago`.
pub(crate) fn read_interval(text: &str) -> Result<Interval> {
    let trimmed = text.trim();
    let span = match trimmed.strip_prefix('P') {
        Some(iso) => iso_interval(iso),
        None => interval(trimmed),
    };
    span.map(Sum::interval).ok_or_else(|| bad("interval", text))
}

/// Parts of a span as they add up; parts of a month or day cascade downwards.
#[derive(Default)]
struct Sum {
    months: f64,
    days: f64,
    micros: f64,
}

impl Sum {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "texts of spans stay within these types"
    )]
    fn interval(self) -> Interval {
        let months = self.months.trunc();
        let days = self.days + ((self.months - months) * 30.0 * 1e6).round() / 1e6;
        let whole = days.trunc();
        let micros = self.micros + ((days - whole) * 86_400.0 * 1e6).round();
        #[allow(clippy::cast_possible_truncation, reason = "whole numbers")]
        Interval::new(months as i32, whole as i32, micros.round() as i64)
    }

    #[allow(clippy::cast_precision_loss, reason = "microseconds of units")]
    fn add(&mut self, value: f64, unit: &str) -> Option<()> {
        match unit.to_lowercase().as_str() {
            "microsecond" | "microseconds" | "us" | "usec" | "usecs" => self.micros += value,
            "millisecond" | "milliseconds" | "ms" | "msec" | "msecs" => self.micros += value * 1e3,
            "second" | "seconds" | "sec" | "secs" | "s" => self.micros += value * 1e6,
            "minute" | "minutes" | "min" | "mins" | "m" => self.micros += value * MINUTE as f64,
            "hour" | "hours" | "hr" | "hrs" | "h" => self.micros += value * HOUR as f64,
            "day" | "days" | "d" => self.days += value,
            "week" | "weeks" | "w" => self.days += value * 7.0,
            "month" | "months" | "mon" | "mons" => self.months += value,
            "year" | "years" | "yr" | "yrs" | "y" => self.months += (value * 12.0).round(),
            "decade" | "decades" | "dec" | "decs" => self.months += (value * 120.0).round(),
            "century" | "centuries" | "cent" | "c" => self.months += (value * 1_200.0).round(),
            "millennium" | "millennia" | "mil" | "mils" => {
                self.months += (value * 12_000.0).round()
            }
            _ => return None,
        }
        Some(())
    }
}

fn signed(text: &str) -> (f64, &str) {
    match text.as_bytes().first() {
        Some(b'-') => (-1.0, &text[1..]),
        Some(b'+') => (1.0, &text[1..]),
        _ => (1.0, text),
    }
}

fn interval(text: &str) -> Option<Sum> {
    let mut sum = Sum::default();
    let mut words: Vec<String> = Vec::new();
    for word in text.trim_start_matches('@').split_whitespace() {
        // `15h` is a number and its unit.
        let at = word
            .find(|c: char| c.is_ascii_alphabetic())
            .filter(|at| *at > 0);
        match at {
            Some(at) => words.extend([word[..at].to_owned(), word[at..].to_owned()]),
            None => words.push(word.to_owned()),
        }
    }
    let ago = words
        .last()
        .is_some_and(|word| word.eq_ignore_ascii_case("ago"));
    if ago {
        words.pop();
    }
    if words.is_empty() {
        return None;
    }
    let mut rest = words.iter().map(String::as_str).peekable();
    while let Some(word) = rest.next() {
        let (sign, bare) = signed(word);
        if bare.contains(':') {
            #[allow(
                clippy::cast_precision_loss,
                reason = "below a day, or some thousands of hours"
            )]
            let clock = clock(bare)? as f64;
            sum.micros += sign * clock;
        } else if let Some((years, months)) = bare.split_once('-') {
            #[allow(clippy::cast_precision_loss, reason = "years and months")]
            let months = (digits(years)? * 12 + digits(months)?) as f64;
            sum.months += sign * months;
        } else {
            let value = sign * bare.parse::<f64>().ok()?;
            let next_is_clock = rest.peek().is_some_and(|next| next.contains(':'));
            let unit = rest.next_if(|next| next.starts_with(|c: char| c.is_ascii_alphabetic()));
            match unit {
                Some(unit) => sum.add(value, unit)?,
                None if next_is_clock => sum.days += value,
                None => sum.micros += value * 1e6,
            }
        }
    }
    if ago {
        sum = Sum {
            months: -sum.months,
            days: -sum.days,
            micros: -sum.micros,
        };
    }
    Some(sum)
}

/// Hours, minutes and seconds of any number of hours.
fn clock(text: &str) -> Option<i64> {
    let mut parts = text.split(':');
    let (hours, minutes, seconds) = (digits(parts.next()?)?, parts.next()?, parts.next());
    let (minutes, seconds) = match (minutes.split_once('.'), seconds) {
        // `mm:ss.f`
        (Some(_), None) => (hours, Some(minutes)),
        _ => (digits(minutes)?, seconds),
    };
    let hours = if minutes == hours && text.matches(':').count() == 1 && text.contains('.') {
        0
    } else {
        hours
    };
    let (whole, fraction) = seconds
        .unwrap_or("0")
        .split_once('.')
        .unwrap_or((seconds.unwrap_or("0"), ""));
    Some(hours * HOUR + minutes * MINUTE + digits(whole)? * SECOND + fraction_micros(fraction)?)
}

fn iso_interval(text: &str) -> Option<Sum> {
    let mut sum = Sum::default();
    let (mut number, mut of_time) = (String::new(), false);
    for c in text.chars() {
        match c {
            'T' => of_time = true,
            c if c.is_ascii_digit() || c == '.' || c == '-' || c == '+' => number.push(c),
            unit => {
                let value: f64 = std::mem::take(&mut number).parse().ok()?;
                let unit = match (unit.to_ascii_uppercase(), of_time) {
                    ('Y', false) => "year",
                    ('M', false) => "month",
                    ('W', false) => "week",
                    ('D', false) => "day",
                    ('H', true) => "hour",
                    ('M', true) => "minute",
                    ('S', true) => "second",
                    _ => return None,
                };
                sum.add(value, unit)?;
            }
        }
    }
    number.is_empty().then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_in_every_form() {
        for (text, months, days, micros) in [
            ("1-2", 14, 0, 0),
            ("3 4:05:06", 0, 3, 4 * HOUR + 5 * MINUTE + 6 * SECOND),
            (
                "1 year 2 months 3 days 4 hours 5 minutes 6 seconds",
                14,
                3,
                4 * HOUR + 5 * MINUTE + 6 * SECOND,
            ),
            ("P1Y2M3DT4H5M6S", 14, 3, 4 * HOUR + 5 * MINUTE + 6 * SECOND),
            ("1.5 days", 0, 1, 12 * HOUR),
            ("-1 day +02:03", 0, -1, 2 * HOUR + 3 * MINUTE),
            ("15h 2m 12s", 0, 0, 15 * HOUR + 2 * MINUTE + 12 * SECOND),
            ("2 weeks ago", 0, -14, 0),
            ("90", 0, 0, 90 * SECOND),
            ("-30 day", 0, -30, 0),
        ] {
            assert_eq!(
                read_interval(text).unwrap(),
                Interval::new(months, days, micros),
                "{text}"
            );
        }
        for text in ["", "one day", "1 fortnight", "P1"] {
            assert!(read_interval(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_read_in_every_form() {
        let day = 20_767;
        for text in [
            "2026-11-10",
            "20261110",
            "10 Nov 2026",
            "November 10, 2026",
            "2026/11/10",
            "2026-11-10 09:00",
        ] {
            assert_eq!(read_date(text).unwrap(), day, "{text}");
        }
        let nine = i64::from(day) * DAY + 9 * HOUR;
        for text in [
            "2026-11-10 09:00",
            "2026-11-10T09:00:00",
            "2026-11-10 09:00:00+02",
            "2026-11-10 9:00 am",
        ] {
            assert_eq!(read_stamp(text).unwrap(), nine, "{text}");
        }
        let utc = TimeZone::of(&crate::settings::Zone::utc());
        for (text, at) in [
            ("2026-11-10 09:00:00+02", nine - 2 * HOUR),
            ("2026-11-10 09:00:00 Europe/Berlin", nine - HOUR),
            ("2026-11-10T09:00:00Z", nine),
            ("2026-11-10 09:00:00.000Z", nine),
            ("2026-11-10 09:00:00-0530", nine + 5 * HOUR + 30 * MINUTE),
        ] {
            assert_eq!(read_moment(text, utc).unwrap(), at, "{text}");
        }
        // What could be a day or a month is not guessed at.
        for text in ["01/02/2026", "2026-13-01", "tomorrow", "2026-11-10 25:00"] {
            assert!(read_stamp(text).is_err(), "{text}");
        }
    }
}
