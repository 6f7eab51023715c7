//! Times from texts by a pattern.

use chrono::{Datelike as _, NaiveDate};
use datafusion::error::Result;

use super::super::cell::Cell;
use super::super::interval::{DAY, HOUR, MINUTE, SECOND};
use super::super::moment::{self, TimeZone};
use super::bad;
use super::times::{MONTHS, Part, ROMAN, parts};

/// What was read so far.
#[derive(Default)]
struct Read {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    hour: i64,
    half: Option<bool>,
    minute: i64,
    second: i64,
    micros: i64,
    offset: Option<i64>,
    zone: Option<TimeZone>,
    iso_year: Option<i64>,
    iso_week: Option<i64>,
    iso_day: Option<i64>,
    epoch_day: Option<i64>,
}

/// A date by a pattern.
pub(super) fn date(text: &str, pattern: &str) -> Result<Cell<'static>> {
    let read = read(text, pattern)?;
    Ok(Cell::Date(moment::days(read.date(text)?)))
}

/// A moment by a pattern, in the session's zone when the text names none.
pub(super) fn moment(text: &str, pattern: &str, session: TimeZone) -> Result<Cell<'static>> {
    let read = read(text, pattern)?;
    let mut hour = read.hour;
    if let Some(afternoon) = read.half {
        if !(1..=12).contains(&hour) {
            return Err(bad(format!(
                "hour \"{hour}\" is invalid for the 12-hour clock"
            )));
        }
        hour = hour % 12 + if afternoon { 12 } else { 0 };
    }
    if !(0..24).contains(&hour)
        || !(0..60).contains(&read.minute)
        || !(0..60).contains(&read.second)
    {
        return Err(bad(format!(
            "date/time field value out of range: \"{text}\""
        )));
    }
    let time = hour * HOUR + read.minute * MINUTE + read.second * SECOND + read.micros;
    let local = i64::from(moment::days(read.date(text)?)) * DAY + time;
    let at = match (read.offset, read.zone) {
        (Some(offset), _) => local - offset * SECOND,
        (None, Some(zone)) => zone.moment(local)?,
        (None, None) => session.moment(local)?,
    };
    Ok(Cell::Moment(at))
}

impl Read {
    fn date(&self, text: &str) -> Result<NaiveDate> {
        let wrong = || bad(format!("date/time field value out of range: \"{text}\""));
        if let Some(day) = self.epoch_day {
            return moment::date(i32::try_from(day).map_err(|_| wrong())?);
        }
        let number = |value: i64| u32::try_from(value).map_err(|_| wrong());
        if let Some(week) = self.iso_week {
            let year = self.iso_year.or(self.year).ok_or_else(wrong)?;
            let year = i32::try_from(year).map_err(|_| wrong())?;
            let fourth = NaiveDate::from_ymd_opt(year, 1, 4).ok_or_else(wrong)?;
            let first = i64::from(moment::days(fourth))
                - i64::from(fourth.weekday().num_days_from_monday());
            let day = first + (week - 1) * 7 + self.iso_day.unwrap_or(1) - 1;
            return moment::date(i32::try_from(day).map_err(|_| wrong())?);
        }
        // Nothing said is the first day of the year before 1, as in PostgreSQL.
        let year = i32::try_from(self.year.unwrap_or(0)).map_err(|_| wrong())?;
        if let Some(day) = self.day_of_year {
            return NaiveDate::from_yo_opt(year, number(day)?).ok_or_else(wrong);
        }
        let (month, day) = (
            number(self.month.unwrap_or(1))?,
            number(self.day.unwrap_or(1))?,
        );
        NaiveDate::from_ymd_opt(year, month, day).ok_or_else(wrong)
    }
}

fn skip_blanks(rest: &str) -> &str {
    rest.trim_start()
}

/// Up to so many digits, with a sign where one may stand.
fn number<'a>(rest: &'a str, most: usize, word: &str, text: &str) -> Result<(i64, &'a str)> {
    let rest = skip_blanks(rest);
    let (sign, digits) = match rest.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, rest),
    };
    let count = digits
        .bytes()
        .take(most)
        .take_while(u8::is_ascii_digit)
        .count();
    let value: i64 = digits[..count].parse().map_err(|_| {
        bad(format!(
            "invalid value \"{}\" for \"{word}\" in \"{text}\"",
            digits.chars().take(most).collect::<String>()
        ))
    })?;
    Ok((sign * value, &digits[count..]))
}

/// One of some names, whole or by its first three letters.
fn name<'a>(rest: &'a str, names: &[&str], short: bool, word: &str) -> Result<(usize, &'a str)> {
    let rest = skip_blanks(rest);
    let found = names.iter().enumerate().filter_map(|(at, name)| {
        let length = if short { 3.min(name.len()) } else { name.len() };
        let head = rest.get(..length)?;
        head.eq_ignore_ascii_case(&name[..length])
            .then_some((at, length))
    });
    let (at, length) = found.max_by_key(|(_, length)| *length).ok_or_else(|| {
        bad(format!(
            "invalid value for \"{word}\": \"{}\"",
            rest.chars().take(9).collect::<String>()
        ))
    })?;
    Ok((at, &rest[length..]))
}

#[allow(clippy::too_many_lines, reason = "a line a word of the patterns")]
fn read(text: &str, pattern: &str) -> Result<Read> {
    let mut read = Read::default();
    let parts = parts(pattern)?;
    let mut rest = text;
    for (at, part) in parts.iter().enumerate() {
        let word = match part {
            Part::Text(literal) => {
                // A separator of the pattern stands for any in the text, or none; letters for as many characters.
                for c in literal.chars() {
                    if c.is_alphanumeric() {
                        rest = rest.strip_prefix(c).unwrap_or_else(|| {
                            let mut chars = rest.chars();
                            chars.next();
                            chars.as_str()
                        });
                    } else {
                        let separator = |c: &char| !c.is_alphanumeric();
                        let first = rest.chars().next();
                        // A sign before a number stays with it when nothing else is left to part them.
                        if let Some(first) = first.filter(separator) {
                            rest = &rest[first.len_utf8()..];
                        }
                    }
                }
                continue;
            }
            Part::Word { word, .. } => *word,
        };
        // Digits run on only where the next part is no number of its own.
        let followed = matches!(parts.get(at + 1), Some(Part::Word { word, .. }) if !["AM", "PM", "am", "pm", "TZ", "OF", "TZH"].contains(word));
        let wide = |digits: usize, open: usize| if followed { digits } else { open };
        match word {
            "YYYY" | "IYYY" => {
                let (year, after) = number(rest, wide(4, 9), word, text)?;
                *(if word == "YYYY" {
                    &mut read.year
                } else {
                    &mut read.iso_year
                }) = Some(year);
                rest = after;
            }
            "Y,YYY" => {
                let (thousands, after) = number(rest, 3, word, text)?;
                let (ones, after) = number(after.trim_start_matches(','), 3, word, text)?;
                read.year = Some(thousands * 1000 + ones);
                rest = after;
            }
            "YYY" | "YY" | "Y" => {
                let (year, after) = number(rest, wide(word.len(), 4), word, text)?;
                // Two digits are the year nearest to 2020.
                read.year = Some(match rest.len() - after.len() {
                    4.. => year,
                    _ if year < 70 => year + 2000,
                    _ if year < 100 => year + 1900,
                    _ if year < 520 => year + 2000,
                    _ => year + 1000,
                });
                rest = after;
            }
            "MM" => (read.month, rest) = some(number(rest, 2, word, text)?),
            "MONTH" | "Month" | "month" => {
                let (at, after) = name(rest, &MONTHS, false, word)?;
                (read.month, rest) = (Some(at as i64 + 1), after);
            }
            "MON" | "Mon" | "mon" => {
                let (at, after) = name(rest, &MONTHS, true, word)?;
                (read.month, rest) = (Some(at as i64 + 1), after);
            }
            "RM" | "rm" => {
                let (at, after) = name(rest, &ROMAN, false, word)?;
                (read.month, rest) = (Some(at as i64 + 1), after);
            }
            "DD" => (read.day, rest) = some(number(rest, 2, word, text)?),
            "DDD" => (read.day_of_year, rest) = some(number(rest, 3, word, text)?),
            "IW" => (read.iso_week, rest) = some(number(rest, 2, word, text)?),
            "ID" => (read.iso_day, rest) = some(number(rest, 1, word, text)?),
            "J" => {
                let (day, after) = number(rest, 9, word, text)?;
                (read.epoch_day, rest) = (Some(day - 2_440_588), after);
            }
            "DAY" | "Day" | "day" | "DY" | "Dy" | "dy" => {
                // The day of the week follows from the date.
                rest = skip_blanks(rest).trim_start_matches(char::is_alphabetic);
            }
            "HH24" | "HH12" | "HH" => (read.hour, rest) = number(rest, 2, word, text)?,
            "MI" => (read.minute, rest) = number(rest, 2, word, text)?,
            "SS" => (read.second, rest) = number(rest, 2, word, text)?,
            "MS" | "US" | "FF1" | "FF2" | "FF3" | "FF4" | "FF5" | "FF6" => {
                let most = match word {
                    "MS" | "FF3" => 3,
                    "US" | "FF6" => 6,
                    other => usize::from(other.as_bytes()[2] - b'0'),
                };
                let digits = skip_blanks(rest);
                let count = digits
                    .bytes()
                    .take(most)
                    .take_while(u8::is_ascii_digit)
                    .count();
                let fraction = format!("{:0<6}", &digits[..count]);
                read.micros = fraction
                    .parse()
                    .map_err(|_| bad(format!("invalid value for \"{word}\" in \"{text}\"")))?;
                rest = &digits[count..];
            }
            "SSSS" | "SSSSS" => {
                let (all, after) = number(rest, 5, word, text)?;
                (read.hour, read.minute, read.second) = (all / 3_600, all / 60 % 60, all % 60);
                rest = after;
            }
            "AM" | "PM" | "am" | "pm" | "A.M." | "P.M." | "a.m." | "p.m." => {
                let (at, after) = name(rest, &["A.M.", "P.M.", "AM", "PM"], false, word)?;
                (read.half, rest) = (Some(at % 2 == 1), after);
            }
            "OF" | "TZH" => {
                let trimmed = skip_blanks(rest);
                let (sign, digits) = match trimmed.as_bytes().first() {
                    Some(b'-') => (-1, &trimmed[1..]),
                    Some(b'+') => (1, &trimmed[1..]),
                    _ => (1, trimmed),
                };
                let (hours, mut after) = number(digits, 2, word, text)?;
                let mut seconds = hours * 3_600;
                if word == "OF"
                    && let Some(minutes) = after.strip_prefix(':')
                {
                    let (minutes, left) = number(minutes, 2, word, text)?;
                    seconds += minutes * 60;
                    after = left;
                }
                (read.offset, rest) = (Some(sign * seconds), after);
            }
            "TZM" => {
                let (minutes, after) = number(rest, 2, word, text)?;
                let before = read.offset.unwrap_or(0);
                read.offset = Some(before + if before < 0 { -minutes } else { minutes } * 60);
                rest = after;
            }
            other => {
                return Err(bad(format!(
                    "the pattern {other} is not offered for reading"
                )));
            }
        }
    }
    Ok(read)
}

fn some((value, rest): (i64, &str)) -> (Option<i64>, &str) {
    (Some(value), rest)
}
