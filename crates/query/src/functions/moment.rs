//! Calendar arithmetic in a time zone, on microseconds since 1970-01-01.

use arrow::array::timezone::Tz;
use chrono::{
    DateTime, Datelike as _, Days, LocalResult, Months, NaiveDate, NaiveDateTime, Offset as _,
    TimeZone as _,
};
use datafusion::error::{DataFusionError, Result};

use super::cell::out_of_range;
use super::interval::{DAY, Interval};
use crate::settings::Zone;

/// A zone one can reckon in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimeZone(Tz, Option<chrono_tz::Tz>);

fn bad_zone(name: &str) -> DataFusionError {
    DataFusionError::Execution(format!("time zone \"{name}\" not recognized"))
}

impl TimeZone {
    /// The zone of a session.
    pub(crate) fn of(zone: &Zone) -> Self {
        let utc = || Tz::from_str_utc();
        let named = zone.arrow().parse().ok();
        Self(zone.arrow().parse().unwrap_or_else(|_| utc()), named)
    }

    /// The zone of a name in SQL: a zone's name, an abbreviation of one, or an offset whose sign is POSIX's.
    pub(crate) fn named(name: &str) -> Result<Self> {
        if let Some(minutes) = abbreviation(name) {
            return Self::minutes(minutes).ok_or_else(|| bad_zone(name));
        }
        Zone::parse(name)
            .map(|zone| Self::of(&zone))
            .ok_or_else(|| bad_zone(name))
    }

    /// The zone so many minutes east of Greenwich.
    pub(crate) fn minutes(east: i32) -> Option<Self> {
        Zone::minutes(east).map(|zone| Self::of(&zone))
    }

    /// What clocks in the zone show at a moment.
    pub(crate) fn local(self, moment: i64) -> Result<i64> {
        let utc = naive(moment)?;
        let offset = self
            .0
            .offset_from_utc_datetime(&utc)
            .fix()
            .local_minus_utc();
        moment
            .checked_add(i64::from(offset) * 1_000_000)
            .ok_or_else(|| out_of_range("timestamp"))
    }

    /// Seconds east of Greenwich at a moment.
    pub(crate) fn offset(self, moment: i64) -> Result<i32> {
        let utc = naive(moment)?;
        Ok(self
            .0
            .offset_from_utc_datetime(&utc)
            .fix()
            .local_minus_utc())
    }

    /// The zone's abbreviation at a moment.
    pub(crate) fn abbreviation(self, moment: i64) -> Result<String> {
        let utc = naive(moment)?;
        let named = self
            .1
            .map(|zone| zone.offset_from_utc_datetime(&utc).to_string());
        Ok(named.unwrap_or_default())
    }

    /// The moment at which clocks in the zone show a time. Of two, the one of standard time, as PostgreSQL takes it; a time
    /// that is skipped is read with the offset from before.
    pub(crate) fn moment(self, local: i64) -> Result<i64> {
        let shown = naive(local)?;
        let offset = match self.0.offset_from_local_datetime(&shown) {
            LocalResult::Single(offset) => offset.fix().local_minus_utc(),
            // The later one has the smaller offset: standard time.
            LocalResult::Ambiguous(one, other) => one
                .fix()
                .local_minus_utc()
                .min(other.fix().local_minus_utc()),
            LocalResult::None => {
                let before = naive(local - DAY)?;
                self.0
                    .offset_from_utc_datetime(&before)
                    .fix()
                    .local_minus_utc()
            }
        };
        local
            .checked_sub(i64::from(offset) * 1_000_000)
            .ok_or_else(|| out_of_range("timestamp"))
    }
}

/// Abbreviations that PostgreSQL takes besides zones' names, in minutes east of Greenwich.
fn abbreviation(name: &str) -> Option<i32> {
    let hours = |hours: i32| Some(hours * 60);
    match name.to_ascii_uppercase().as_str() {
        "UTC" | "GMT" | "Z" | "UT" | "WET" | "ZULU" => hours(0),
        "BST" | "WEST" | "CET" | "MEZ" => hours(1),
        "CEST" | "MESZ" | "EET" | "SAST" => hours(2),
        "EEST" | "MSK" | "TRT" => hours(3),
        "IST" => hours(2),
        "JST" | "KST" => hours(9),
        "AEST" => hours(10),
        "AEDT" => hours(11),
        "NZST" => hours(12),
        "NZDT" => hours(13),
        "AST" => hours(-4),
        "ADT" => hours(-3),
        "EST" => hours(-5),
        "EDT" => hours(-4),
        "CST" => hours(-6),
        "CDT" => hours(-5),
        "MST" => hours(-7),
        "MDT" => hours(-6),
        "PST" => hours(-8),
        "PDT" => hours(-7),
        "HST" => hours(-10),
        _ => None,
    }
}

/// The date and time of microseconds.
pub(crate) fn naive(micros: i64) -> Result<NaiveDateTime> {
    DateTime::from_timestamp_micros(micros)
        .map(|at| at.naive_utc())
        .ok_or_else(|| out_of_range("timestamp"))
}

/// The microseconds of a date and time.
pub(crate) fn micros(at: NaiveDateTime) -> i64 {
    at.and_utc().timestamp_micros()
}

/// The date of days since 1970-01-01.
pub(crate) fn date(days: i32) -> Result<NaiveDate> {
    NaiveDate::from_num_days_from_ce_opt(days.saturating_add(719_163))
        .ok_or_else(|| out_of_range("date"))
}

/// Days since 1970-01-01.
pub(crate) fn days(date: NaiveDate) -> i32 {
    date.num_days_from_ce() - 719_163
}

fn add_months(at: NaiveDateTime, months: i32) -> Option<NaiveDateTime> {
    if months < 0 {
        at.checked_sub_months(Months::new(months.unsigned_abs()))
    } else {
        at.checked_add_months(Months::new(months.unsigned_abs()))
    }
}

fn add_days(at: NaiveDateTime, days: i32) -> Option<NaiveDateTime> {
    if days < 0 {
        at.checked_sub_days(Days::new(u64::from(days.unsigned_abs())))
    } else {
        at.checked_add_days(Days::new(u64::from(days.unsigned_abs())))
    }
}

/// A time of no zone moved by an interval: months first, then days, then the rest.
pub(crate) fn add(stamp: i64, by: Interval) -> Result<i64> {
    let moved = add_months(naive(stamp)?, by.months)
        .and_then(|at| add_days(at, by.days))
        .map(micros)
        .and_then(|at| at.checked_add(by.micros));
    moved.ok_or_else(|| out_of_range("timestamp"))
}

/// A moment moved by an interval: months and days by the clocks of the zone, the rest by the time that passes.
pub(crate) fn add_in(zone: TimeZone, moment: i64, by: Interval) -> Result<i64> {
    let mut at = moment;
    if by.months != 0 || by.days != 0 {
        let local = add(zone.local(at)?, Interval::new(by.months, by.days, 0))?;
        at = zone.moment(local)?;
    }
    at.checked_add(by.micros)
        .ok_or_else(|| out_of_range("timestamp"))
}

/// `age`: the difference in years, months and days by the calendar, and what is left of a day.
pub(crate) fn age(later: i64, earlier: i64) -> Result<Interval> {
    let negative = later < earlier;
    let (high, low) = if negative {
        (earlier, later)
    } else {
        (later, earlier)
    };
    let (to, from) = (naive(high)?, naive(low)?);
    let of_day = |micros: i64| micros.rem_euclid(DAY);
    let mut rest = of_day(high) - of_day(low);
    let mut days = i64::from(to.day()) - i64::from(from.day());
    let mut months =
        (to.year() - from.year()) * 12 + to.month0().cast_signed() - from.month0().cast_signed();
    if rest < 0 {
        rest += DAY;
        days -= 1;
    }
    while days < 0 {
        // As PostgreSQL borrows: the length of the month of the earlier time, of the later when signs are turned.
        let (year, month) = if negative {
            (to.year(), to.month())
        } else {
            (from.year(), from.month())
        };
        days += i64::from(days_in_month(year, month));
        months -= 1;
    }
    let days = i32::try_from(days).map_err(|_| out_of_range("interval"))?;
    let span = Interval::new(months, days, rest);
    Ok(if negative { span.negated() } else { span })
}

/// Days of a month.
pub(crate) fn days_in_month(year: i32, month: u32) -> u32 {
    let (next_year, next) = if month == 12 {
        (year + 1, 1)
    } else {
        (year, month + 1)
    };
    NaiveDate::from_ymd_opt(next_year, next, 1)
        .and_then(|first| first.pred_opt())
        .map_or(31, |last| last.day())
}

trait Utc {
    fn from_str_utc() -> Tz;
}

impl Utc for Tz {
    fn from_str_utc() -> Tz {
        // The one name that every build of Arrow reads.
        "+00:00"
            .parse()
            .unwrap_or_else(|_| unreachable!("an offset is a zone"))
    }
}
