//! PostgreSQL's intervals: months, days and microseconds, which are not counted into one another.

use arrow::datatypes::IntervalMonthDayNano;
use datafusion::error::Result;

use super::cell::out_of_range;

/// Microseconds of a second, a minute, an hour and a day.
pub(crate) const SECOND: i64 = 1_000_000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// A span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Interval {
    pub(crate) months: i32,
    pub(crate) days: i32,
    pub(crate) micros: i64,
}

impl From<IntervalMonthDayNano> for Interval {
    fn from(span: IntervalMonthDayNano) -> Self {
        Self {
            months: span.months,
            days: span.days,
            micros: span.nanoseconds / 1_000,
        }
    }
}

impl Interval {
    pub(crate) const fn new(months: i32, days: i32, micros: i64) -> Self {
        Self {
            months,
            days,
            micros,
        }
    }

    /// As Arrow keeps it, whose nanoseconds reach 292 years.
    ///
    /// # Errors
    /// When the part below a day is larger.
    pub(crate) fn arrow(self) -> Result<IntervalMonthDayNano> {
        let nanoseconds = self
            .micros
            .checked_mul(1_000)
            .ok_or_else(|| out_of_range("interval"))?;
        Ok(IntervalMonthDayNano::new(
            self.months,
            self.days,
            nanoseconds,
        ))
    }

    /// Microseconds, a month taken as 30 days: what intervals are compared by.
    pub(crate) fn span(self) -> i128 {
        (i128::from(self.months) * 30 + i128::from(self.days)) * i128::from(DAY)
            + i128::from(self.micros)
    }

    pub(crate) fn negated(self) -> Self {
        Self::new(-self.months, -self.days, -self.micros)
    }

    /// Hours that make days are counted as days.
    pub(crate) fn justify_hours(self) -> Self {
        let mut this = self;
        #[allow(clippy::cast_possible_truncation, reason = "at most 106 million days")]
        let whole = (this.micros / DAY) as i32;
        this.micros -= i64::from(whole) * DAY;
        this.days = this.days.saturating_add(whole);
        if this.days > 0 && this.micros < 0 {
            this.micros += DAY;
            this.days -= 1;
        } else if this.days < 0 && this.micros > 0 {
            this.micros -= DAY;
            this.days += 1;
        }
        this
    }

    /// Thirty days are counted as a month.
    pub(crate) fn justify_days(self) -> Self {
        let mut this = self;
        let whole = this.days / 30;
        this.days -= whole * 30;
        this.months = this.months.saturating_add(whole);
        if this.months > 0 && this.days < 0 {
            this.days += 30;
            this.months -= 1;
        } else if this.months < 0 && this.days > 0 {
            this.days -= 30;
            this.months += 1;
        }
        this
    }

    /// Both, with one sign throughout.
    pub(crate) fn justify(self) -> Self {
        let mut this = self;
        // As PostgreSQL does it: days into months first where both are of one sign, then hours.
        if this.days > 0 && this.micros > 0 || this.days < 0 && this.micros < 0 {
            let whole = this.days / 30;
            this.days -= whole * 30;
            this.months = this.months.saturating_add(whole);
        }
        #[allow(clippy::cast_possible_truncation, reason = "at most 106 million days")]
        let days = (this.micros / DAY) as i32;
        this.micros -= i64::from(days) * DAY;
        this.days = this.days.saturating_add(days);
        let whole = this.days / 30;
        this.days -= whole * 30;
        this.months = this.months.saturating_add(whole);
        if this.months > 0 && (this.days < 0 || this.days == 0 && this.micros < 0) {
            this.days += 30;
            this.months -= 1;
        } else if this.months < 0 && (this.days > 0 || this.days == 0 && this.micros > 0) {
            this.days -= 30;
            this.months += 1;
        }
        if this.days > 0 && this.micros < 0 {
            this.micros += DAY;
            this.days -= 1;
        } else if this.days < 0 && this.micros > 0 {
            this.micros -= DAY;
            this.days += 1;
        }
        this
    }

    /// As `IntervalStyle = postgres` writes it.
    pub(crate) fn to_text(self) -> String {
        let mut parts = Vec::new();
        let mut before_negative = false;
        let (years, months) = (self.months / 12, self.months % 12);
        for (count, unit) in [(years, "year"), (months, "mon"), (self.days, "day")] {
            if count == 0 {
                continue;
            }
            let plus = if before_negative && count > 0 {
                "+"
            } else {
                ""
            };
            let plural = if count == 1 { "" } else { "s" };
            parts.push(format!("{plus}{count} {unit}{plural}"));
            before_negative = count < 0;
        }
        if parts.is_empty() || self.micros != 0 {
            let sign = if self.micros < 0 {
                "-"
            } else if before_negative {
                "+"
            } else {
                ""
            };
            let all = self.micros.unsigned_abs();
            let (seconds, micros) = (all / 1_000_000, all % 1_000_000);
            let mut text = format!(
                "{sign}{:02}:{:02}:{:02}",
                seconds / 3_600,
                seconds / 60 % 60,
                seconds % 60
            );
            if micros != 0 {
                let fraction = format!(".{micros:06}");
                text.push_str(fraction.trim_end_matches('0'));
            }
            parts.push(text);
        }
        parts.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_written_as_postgresql_writes_them() {
        for (interval, text) in [
            (Interval::new(0, 0, 0), "00:00:00"),
            (
                Interval::new(14, 3, 4 * HOUR + 5 * MINUTE + 6 * SECOND),
                "1 year 2 mons 3 days 04:05:06",
            ),
            (Interval::new(-1, 1, -HOUR), "-1 mons +1 day -01:00:00"),
            (Interval::new(0, 0, 1_500_000), "00:00:01.5"),
            (Interval::new(0, -1, HOUR), "-1 days +01:00:00"),
            (Interval::new(0, 0, 100 * HOUR), "100:00:00"),
        ] {
            assert_eq!(interval.to_text(), text);
        }
    }
}
