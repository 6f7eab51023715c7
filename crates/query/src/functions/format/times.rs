//! Times by a pattern.

use std::fmt::Write as _;

use chrono::{Datelike as _, NaiveDate};
use datafusion::error::Result;

use super::super::cell::Cell;
use super::super::interval::{DAY, HOUR, Interval, MINUTE, SECOND};
use super::super::moment;
use super::bad;

/// A zone at a moment.
pub(super) struct Zone {
    pub(super) offset: i32,
    pub(super) name: String,
}

/// The words of patterns, longest first where one begins another.
pub(super) const WORDS: [&str; 55] = [
    "A.D.", "a.d.", "A.M.", "a.m.", "P.M.", "p.m.", "B.C.", "b.c.", "AD", "ad", "AM", "am", "PM",
    "pm", "BC", "bc", "CC", "DAY", "Day", "day", "DDD", "DD", "DY", "Dy", "dy", "D", "FF1", "FF2",
    "FF3", "FF4", "FF5", "FF6", "FM", "FX", "HH24", "HH12", "HH", "IDDD", "ID", "IW", "IYYY",
    "IYY", "IY", "I", "J", "MI", "MM", "MONTH", "Month", "month", "MON", "Mon", "mon", "MS", "OF",
];
pub(super) const MORE_WORDS: [&str; 21] = [
    "Q", "RM", "rm", "SSSSS", "SSSS", "SS", "TZH", "TZM", "TZ", "tz", "TM", "US", "WW", "W",
    "Y,YYY", "YYYY", "YYY", "YY", "Y", "TH", "th",
];

/// A part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// A word, whether it fills up, and the ending of an ordinal after it.
    Word {
        word: &'static str,
        fill: bool,
        ordinal: Option<bool>,
    },
    Text(String),
}

/// The parts of a pattern.
pub(super) fn parts(pattern: &str) -> Result<Vec<Part>> {
    let (mut parts, mut rest) = (Vec::new(), pattern);
    let mut fill = true;
    let push = |parts: &mut Vec<Part>, text: &str| match parts.last_mut() {
        Some(Part::Text(before)) => before.push_str(text),
        _ => parts.push(Part::Text(text.to_owned())),
    };
    'next: while let Some(first) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix('"') {
            let mut text = String::new();
            let mut chars = after.char_indices();
            let mut end = after.len();
            while let Some((at, c)) = chars.next() {
                match c {
                    '\\' => text.extend(chars.next().map(|(_, c)| c)),
                    '"' => {
                        end = at + 1;
                        break;
                    }
                    c => text.push(c),
                }
            }
            push(&mut parts, &text);
            rest = &after[end..];
            continue;
        }
        for word in WORDS.iter().chain(&MORE_WORDS) {
            let cased = [
                "DAY", "Day", "day", "DY", "Dy", "dy", "MONTH", "Month", "month", "MON", "Mon",
                "mon", "RM", "rm", "TH", "th", "AM", "am", "PM", "pm", "AD", "ad", "BC", "bc",
                "A.M.", "a.m.", "P.M.", "p.m.", "A.D.", "a.d.", "B.C.", "b.c.", "TZ", "tz",
            ]
            .contains(word);
            let head = rest.get(..word.len());
            let matches = head
                .is_some_and(|head| head == *word || (!cased && head.eq_ignore_ascii_case(word)));
            if !matches {
                continue;
            }
            rest = &rest[word.len()..];
            match *word {
                "FM" => fill = false,
                "FX" => {}
                "TM" => return Err(bad("the pattern TM (names of the locale) is not offered")),
                "TH" | "th" => {
                    if let Some(Part::Word { ordinal, .. }) = parts.last_mut() {
                        *ordinal = Some(*word == "TH");
                    } else {
                        push(&mut parts, word);
                    }
                }
                word => {
                    parts.push(Part::Word {
                        word,
                        fill,
                        ordinal: None,
                    });
                    fill = true;
                }
            }
            continue 'next;
        }
        let length = first.len_utf8();
        push(&mut parts, &rest[..length]);
        rest = &rest[length..];
    }
    Ok(parts)
}

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];
pub(super) const ROMAN: [&str; 12] = [
    "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII",
];

/// What a pattern's numbers are of.
struct Shown {
    date: NaiveDate,
    hour: i64,
    minute: i64,
    second: i64,
    micros: i64,
}

/// A time by a pattern.
pub(super) fn written(stamp: i64, pattern: &str, zone: Option<&Zone>) -> Result<Cell<'static>> {
    let within = stamp.rem_euclid(DAY);
    let shown = Shown {
        date: moment::naive(stamp)?.date(),
        hour: within / HOUR,
        minute: within % HOUR / MINUTE,
        second: within % MINUTE / SECOND,
        micros: within % SECOND,
    };
    let mut all = String::new();
    for part in parts(pattern)? {
        match part {
            Part::Text(text) => all.push_str(&text),
            Part::Word {
                word,
                fill,
                ordinal,
            } => {
                let start = all.len();
                word_of(&mut all, word, fill, &shown, zone)?;
                if let Some(upper) = ordinal {
                    let ending = ordinal_ending(&all[start..]);
                    all.push_str(&if upper {
                        ending.to_uppercase()
                    } else {
                        ending.to_owned()
                    });
                }
            }
        }
    }
    Ok(Cell::Text(all.into()))
}

pub(super) fn ordinal_ending(number: &str) -> &'static str {
    let digits: Vec<u8> = number.bytes().filter(u8::is_ascii_digit).collect();
    let (last, before) = (
        digits.last(),
        digits.len().checked_sub(2).and_then(|at| digits.get(at)),
    );
    match (last, before) {
        (_, Some(b'1')) => "th",
        (Some(b'1'), _) => "st",
        (Some(b'2'), _) => "nd",
        (Some(b'3'), _) => "rd",
        _ => "th",
    }
}

/// A number filled up with zeros, unless FM stood before it.
fn number(all: &mut String, value: i64, width: usize, fill: bool) {
    if fill {
        let sign = if value < 0 { "-" } else { "" };
        let _ = write!(all, "{sign}{:0>width$}", value.abs());
    } else {
        let _ = write!(all, "{value}");
    }
}

fn cased(name: &str, word: &str) -> String {
    let mut letters = word.chars();
    let (first, second) = (letters.next().unwrap_or('a'), letters.next().unwrap_or('a'));
    match (first.is_uppercase(), second.is_uppercase()) {
        (true, true) => name.to_uppercase(),
        (true, false) => name.to_owned(),
        _ => name.to_lowercase(),
    }
}

#[allow(clippy::too_many_lines, reason = "a line a word of the patterns")]
fn word_of(
    all: &mut String,
    word: &str,
    fill: bool,
    at: &Shown,
    zone: Option<&Zone>,
) -> Result<()> {
    let year = i64::from(at.date.year());
    let iso = at.date.iso_week();
    let iso_year = i64::from(iso.year());
    let month = usize::try_from(at.date.month0()).unwrap_or(0);
    let weekday = usize::try_from(at.date.weekday().num_days_from_sunday()).unwrap_or(0);
    let half = if at.hour >= 12 { "PM" } else { "AM" };
    let twelve = if at.hour % 12 == 0 { 12 } else { at.hour % 12 };
    let padded = |name: String, width: usize| {
        if fill {
            format!("{name:<width$}")
        } else {
            name
        }
    };
    match word {
        "HH" | "HH12" => number(all, twelve, 2, fill),
        "HH24" => number(all, at.hour, 2, fill),
        "MI" => number(all, at.minute, 2, fill),
        "SS" => number(all, at.second, 2, fill),
        "SSSS" | "SSSSS" => number(all, at.hour * 3_600 + at.minute * 60 + at.second, 1, false),
        "MS" => number(all, at.micros / 1_000, 3, fill),
        "US" => number(all, at.micros, 6, fill),
        "FF1" | "FF2" | "FF3" | "FF4" | "FF5" | "FF6" => {
            let digits = usize::from(word.as_bytes()[2] - b'0');
            all.push_str(&format!("{:06}", at.micros)[..digits]);
        }
        "AM" | "PM" => all.push_str(half),
        "am" | "pm" => all.push_str(&half.to_lowercase()),
        "A.M." | "P.M." => all.push_str(if at.hour >= 12 { "P.M." } else { "A.M." }),
        "a.m." | "p.m." => all.push_str(if at.hour >= 12 { "p.m." } else { "a.m." }),
        "AD" | "BC" => all.push_str(if year > 0 { "AD" } else { "BC" }),
        "ad" | "bc" => all.push_str(if year > 0 { "ad" } else { "bc" }),
        "A.D." | "B.C." => all.push_str(if year > 0 { "A.D." } else { "B.C." }),
        "a.d." | "b.c." => all.push_str(if year > 0 { "a.d." } else { "b.c." }),
        "YYYY" => number(all, year, 4, fill),
        "YYY" => number(all, year.rem_euclid(1000), 3, fill),
        "YY" => number(all, year.rem_euclid(100), 2, fill),
        "Y" => number(all, year.rem_euclid(10), 1, fill),
        "Y,YYY" => {
            let _ = write!(all, "{},{:03}", year / 1000, year % 1000);
        }
        "IYYY" => number(all, iso_year, 4, fill),
        "IYY" => number(all, iso_year.rem_euclid(1000), 3, fill),
        "IY" => number(all, iso_year.rem_euclid(100), 2, fill),
        "I" => number(all, iso_year.rem_euclid(10), 1, fill),
        "CC" => number(all, (year + 99).div_euclid(100), 2, fill),
        "Q" => number(all, i64::from(at.date.month0() / 3 + 1), 1, fill),
        "MM" => number(all, i64::from(at.date.month()), 2, fill),
        "MONTH" | "Month" | "month" => all.push_str(&padded(cased(MONTHS[month], word), 9)),
        "MON" | "Mon" | "mon" => all.push_str(&cased(&MONTHS[month][..3], word)),
        "RM" | "rm" => {
            let roman = if word == "RM" {
                ROMAN[month].to_owned()
            } else {
                ROMAN[month].to_lowercase()
            };
            all.push_str(&padded(roman, 4));
        }
        "DD" => number(all, i64::from(at.date.day()), 2, fill),
        "DDD" => number(all, i64::from(at.date.ordinal()), 3, fill),
        "IDDD" => number(
            all,
            i64::from((iso.week() - 1) * 7 + at.date.weekday().number_from_monday()),
            3,
            fill,
        ),
        "D" => number(
            all,
            i64::from(at.date.weekday().num_days_from_sunday() + 1),
            1,
            fill,
        ),
        "ID" => number(
            all,
            i64::from(at.date.weekday().number_from_monday()),
            1,
            fill,
        ),
        "DAY" | "Day" | "day" => all.push_str(&padded(cased(DAYS[weekday], word), 9)),
        "DY" | "Dy" | "dy" => all.push_str(&cased(&DAYS[weekday][..3], word)),
        "WW" => number(all, i64::from((at.date.ordinal0()) / 7 + 1), 2, fill),
        "W" => number(all, i64::from(at.date.day0() / 7 + 1), 1, fill),
        "IW" => number(all, i64::from(iso.week()), 2, fill),
        "J" => number(all, i64::from(moment::days(at.date)) + 2_440_588, 1, false),
        "TZ" | "tz" => {
            let name = zone.map_or(String::new(), |zone| zone.name.clone());
            all.push_str(&if word == "TZ" {
                name.to_uppercase()
            } else {
                name.to_lowercase()
            });
        }
        "OF" | "TZH" => {
            let offset = zone.map_or(0, |zone| zone.offset);
            let sign = if offset < 0 { '-' } else { '+' };
            let _ = write!(all, "{sign}{:02}", offset.abs() / 3_600);
            if word == "OF" && offset % 3_600 != 0 {
                let _ = write!(all, ":{:02}", offset.abs() % 3_600 / 60);
            }
        }
        "TZM" => number(
            all,
            i64::from(zone.map_or(0, |zone| zone.offset.abs() % 3_600 / 60)),
            2,
            true,
        ),
        other => return Err(bad(format!("the pattern {other} is not offered"))),
    }
    Ok(())
}

/// A span by a pattern: hours may be more than a day's.
pub(super) fn of_interval(span: Interval, pattern: &str) -> Result<Cell<'static>> {
    let mut all = String::new();
    let hours = span.micros / HOUR;
    for part in parts(pattern)? {
        let (word, fill) = match part {
            Part::Text(text) => {
                all.push_str(&text);
                continue;
            }
            Part::Word { word, fill, .. } => (word, fill),
        };
        let twelve = if hours % 12 == 0 { 12 } else { hours % 12 };
        match word {
            "HH" | "HH12" => number(&mut all, twelve, 2, fill),
            "HH24" => number(&mut all, hours, 2, fill),
            "MI" => number(&mut all, span.micros % HOUR / MINUTE, 2, fill),
            "SS" => number(&mut all, span.micros % MINUTE / SECOND, 2, fill),
            "MS" => number(&mut all, span.micros % SECOND / 1_000, 3, fill),
            "US" => number(&mut all, span.micros % SECOND, 6, fill),
            "AM" | "PM" => all.push_str(if hours % 24 >= 12 { "PM" } else { "AM" }),
            "am" | "pm" => all.push_str(if hours % 24 >= 12 { "pm" } else { "am" }),
            "DD" => number(&mut all, i64::from(span.days), 2, fill),
            "MM" => number(&mut all, i64::from(span.months % 12), 2, fill),
            "YYYY" => number(&mut all, i64::from(span.months / 12), 4, fill),
            other => {
                return Err(bad(format!(
                    "the pattern {other} is not offered for intervals and times"
                )));
            }
        }
    }
    Ok(Cell::Text(all.into()))
}
