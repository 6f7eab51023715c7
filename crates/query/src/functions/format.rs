//! Values as texts by a pattern, and back: `to_char`, `to_date`, `to_timestamp`, `to_number`.
//!
//! Patterns are PostgreSQL's. What of them is not offered is refused by name.

mod numbers;
mod read;
mod times;

use datafusion::error::DataFusionError;

use super::cell::Cell;
use super::datetime::{interval_of, stamp_of};
use super::number::{numeric, parse};
use super::scalar::{Definition, Gives, Kind, of, stable};

use Kind::{Date, Float, Int, Moment, Numeric, Stamp, Text, Time};

pub(super) fn bad(message: impl Into<String>) -> DataFusionError {
    DataFusionError::Execution(message.into())
}

/// The functions of patterns.
pub(crate) const FUNCTIONS: &[Definition] = &[
    stable(
        "to_char",
        &[
            of(&[Moment, Text], Gives::Text, |c, a| {
                let at = stamp_of(&a[0]);
                let zone = times::Zone {
                    offset: c.zone.offset(at)?,
                    name: c.zone.abbreviation(at)?,
                };
                times::written(c.zone.local(at)?, a[1].as_str(), Some(&zone))
            }),
            of(&[Stamp, Text], Gives::Text, |_, a| {
                times::written(stamp_of(&a[0]), a[1].as_str(), None)
            }),
            of(&[Date, Text], Gives::Text, |_, a| {
                times::written(stamp_of(&a[0]), a[1].as_str(), None)
            }),
            of(&[Time, Text], Gives::Text, |_, a| {
                times::of_interval(interval_of(&a[0]), a[1].as_str())
            }),
            of(&[Kind::Interval, Text], Gives::Text, |_, a| {
                times::of_interval(interval_of(&a[0]), a[1].as_str())
            }),
            of(&[Int, Text], Gives::Text, |_, a| {
                numbers::written(numeric(&a[0]), a[1].as_str())
            }),
            of(&[Numeric, Text], Gives::Text, |_, a| {
                numbers::written(numeric(&a[0]), a[1].as_str())
            }),
            of(&[Float, Text], Gives::Text, |_, a| {
                let value = a[0].as_float();
                if !value.is_finite() {
                    return Err(bad("to_char of NaN and infinity is not offered"));
                }
                match parse(&super::text::float_text(value), 15)? {
                    Cell::Numeric(value, scale) => numbers::written((value, scale), a[1].as_str()),
                    _ => Ok(Cell::Null),
                }
            }),
        ],
    ),
    stable(
        "to_date",
        &[of(&[Text, Text], Gives::Date, |_, a| {
            read::date(a[0].as_str(), a[1].as_str())
        })],
    ),
    stable(
        "to_timestamp",
        &[
            of(&[Float], Gives::Moment, |_, a| {
                super::datetime::moment_of_seconds(a[0].as_float())
            }),
            of(&[Text, Text], Gives::Moment, |c, a| {
                read::moment(a[0].as_str(), a[1].as_str(), *c.zone)
            }),
        ],
    ),
    stable(
        "to_number",
        &[of(&[Text, Text], Gives::Numeric(10), |_, a| {
            numbers::read(a[0].as_str(), a[1].as_str())
        })],
    ),
];
