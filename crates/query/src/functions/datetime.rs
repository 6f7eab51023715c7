//! Dates, times, moments and intervals.

mod arithmetic;
mod parts;
mod read;

use arrow::datatypes::DataType;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::Volatility;

use super::cell::{Cell, out_of_range};
use super::interval::{DAY, HOUR, Interval, MINUTE};
use super::moment::{self, TimeZone};
use super::scalar::{Definition, Gives, Kind, of, pure, stable};

pub(crate) use read::read_interval;
use read::{read_date, read_moment, read_stamp, read_time};

use Kind::{Date, Float, Int, Moment, Stamp, Text, Time};

const SPAN: Kind = Kind::Interval;

type Answer = Result<Cell<'static>>;

pub(super) fn stamp_of(cell: &Cell<'_>) -> i64 {
    match cell {
        Cell::Stamp(value) | Cell::Moment(value) | Cell::Time(value) => *value,
        Cell::Date(days) => i64::from(*days) * DAY,
        _ => 0,
    }
}

pub(super) fn interval_of(cell: &Cell<'_>) -> Interval {
    match cell {
        Cell::Interval(value) => *value,
        Cell::Time(value) => Interval::new(0, 0, *value),
        _ => Interval::default(),
    }
}

fn bad(message: impl Into<String>) -> DataFusionError {
    DataFusionError::Execution(message.into())
}

/// The functions of dates and times.
pub(crate) const FUNCTIONS: &[Definition] = &[
    pure(
        "date_trunc",
        &[
            of(&[Text, Moment], Gives::Moment, |c, a| {
                parts::trunc_moment(a[0].as_str(), stamp_of(&a[1]), *c.zone)
            }),
            of(&[Text, Stamp], Gives::Stamp, |_, a| {
                Ok(Cell::Stamp(parts::trunc(a[0].as_str(), stamp_of(&a[1]))?))
            }),
            of(&[Text, SPAN], Gives::Interval, |_, a| {
                parts::trunc_interval(a[0].as_str(), interval_of(&a[1]))
            }),
            of(&[Text, Moment, Text], Gives::Moment, |_, a| {
                parts::trunc_moment(
                    a[0].as_str(),
                    stamp_of(&a[1]),
                    TimeZone::named(a[2].as_str())?,
                )
            }),
        ],
    ),
    Definition {
        volatility: Volatility::Stable,
        ..pure(
            "extract",
            &[
                of(&[Text, Moment], Gives::Of(parts::extracted), |c, a| {
                    parts::extract_moment(a[0].as_str(), stamp_of(&a[1]), *c.zone, c.gives)
                }),
                of(&[Text, Stamp], Gives::Of(parts::extracted), |c, a| {
                    parts::extract(a[0].as_str(), stamp_of(&a[1]), c.gives)
                }),
                of(&[Text, Date], Gives::Of(parts::extracted), |c, a| {
                    parts::extract_date(a[0].as_str(), stamp_of(&a[1]), c.gives)
                }),
                of(&[Text, Time], Gives::Of(parts::extracted), |c, a| {
                    parts::extract_time(a[0].as_str(), stamp_of(&a[1]), c.gives)
                }),
                of(&[Text, SPAN], Gives::Of(parts::extracted), |c, a| {
                    parts::extract_interval(a[0].as_str(), interval_of(&a[1]), c.gives)
                }),
            ],
        )
    },
    Definition {
        volatility: Volatility::Stable,
        ..pure(
            "date_part",
            &[
                of(&[Text, Moment], Gives::Float, |c, a| {
                    parts::extract_moment(a[0].as_str(), stamp_of(&a[1]), *c.zone, c.gives)
                }),
                of(&[Text, Stamp], Gives::Float, |c, a| {
                    parts::extract(a[0].as_str(), stamp_of(&a[1]), c.gives)
                }),
                of(&[Text, Date], Gives::Float, |c, a| {
                    parts::extract(a[0].as_str(), stamp_of(&a[1]), c.gives)
                }),
                of(&[Text, Time], Gives::Float, |c, a| {
                    parts::extract_time(a[0].as_str(), stamp_of(&a[1]), c.gives)
                }),
                of(&[Text, SPAN], Gives::Float, |c, a| {
                    parts::extract_interval(a[0].as_str(), interval_of(&a[1]), c.gives)
                }),
            ],
        )
    },
    stable(
        "age",
        &[
            of(&[Moment, Moment], Gives::Interval, |c, a| {
                let (to, from) = (
                    c.zone.local(stamp_of(&a[0]))?,
                    c.zone.local(stamp_of(&a[1]))?,
                );
                Ok(Cell::Interval(moment::age(to, from)?))
            }),
            of(&[Stamp, Stamp], Gives::Interval, |_, a| {
                Ok(Cell::Interval(moment::age(
                    stamp_of(&a[0]),
                    stamp_of(&a[1]),
                )?))
            }),
        ],
    ),
    pure(
        "justify_days",
        &[of(&[SPAN], Gives::Interval, |_, a| {
            Ok(Cell::Interval(interval_of(&a[0]).justify_days()))
        })],
    ),
    pure(
        "justify_hours",
        &[of(&[SPAN], Gives::Interval, |_, a| {
            Ok(Cell::Interval(interval_of(&a[0]).justify_hours()))
        })],
    ),
    pure(
        "justify_interval",
        &[of(&[SPAN], Gives::Interval, |_, a| {
            Ok(Cell::Interval(interval_of(&a[0]).justify()))
        })],
    ),
    pure(
        "make_date",
        &[of(&[Int, Int, Int], Gives::Date, |_, a| make_date(a))],
    ),
    pure(
        "make_time",
        &[of(&[Int, Int, Float], Gives::Time, |_, a| {
            make_time(a).map(Cell::Time)
        })],
    ),
    pure(
        "make_timestamp",
        &[of(
            &[Int, Int, Int, Int, Int, Float],
            Gives::Stamp,
            |_, a| make_stamp(a).map(Cell::Stamp),
        )],
    ),
    stable(
        "make_timestamptz",
        &[
            of(&[Int, Int, Int, Int, Int, Float], Gives::Moment, |c, a| {
                c.zone.moment(make_stamp(a)?).map(Cell::Moment)
            }),
            of(
                &[Int, Int, Int, Int, Int, Float, Text],
                Gives::Moment,
                |_, a| {
                    TimeZone::named(a[6].as_str())?
                        .moment(make_stamp(a)?)
                        .map(Cell::Moment)
                },
            ),
        ],
    ),
    pure(
        "make_interval",
        &[
            of(&[], Gives::Interval, |_, a| make_interval(a)),
            of(&[Int], Gives::Interval, |_, a| make_interval(a)),
            of(&[Int, Int], Gives::Interval, |_, a| make_interval(a)),
            of(&[Int, Int, Int], Gives::Interval, |_, a| make_interval(a)),
            of(&[Int, Int, Int, Int], Gives::Interval, |_, a| {
                make_interval(a)
            }),
            of(&[Int, Int, Int, Int, Int], Gives::Interval, |_, a| {
                make_interval(a)
            }),
            of(&[Int, Int, Int, Int, Int, Int], Gives::Interval, |_, a| {
                make_interval(a)
            }),
            of(
                &[Int, Int, Int, Int, Int, Int, Float],
                Gives::Interval,
                |_, a| make_interval(a),
            ),
        ],
    ),
    pure(
        "date_bin",
        &[
            of(&[SPAN, Moment, Moment], Gives::Moment, |_, a| {
                bin(a).map(Cell::Moment)
            }),
            of(&[SPAN, Stamp, Stamp], Gives::Stamp, |_, a| {
                bin(a).map(Cell::Stamp)
            }),
        ],
    ),
    pure(
        "isfinite",
        &[
            of(&[Date], Gives::Bool, |_, _| Ok(Cell::Bool(true))),
            of(&[Stamp], Gives::Bool, |_, _| Ok(Cell::Bool(true))),
            of(&[Moment], Gives::Bool, |_, _| Ok(Cell::Bool(true))),
            of(&[SPAN], Gives::Bool, |_, _| Ok(Cell::Bool(true))),
        ],
    ),
    // `x AT TIME ZONE z`
    stable(
        "timezone",
        &[
            of(&[Text, Moment], Gives::Stamp, |_, a| {
                TimeZone::named(a[0].as_str())?
                    .local(stamp_of(&a[1]))
                    .map(Cell::Stamp)
            }),
            of(&[Text, Stamp], Gives::Moment, |_, a| {
                TimeZone::named(a[0].as_str())?
                    .moment(stamp_of(&a[1]))
                    .map(Cell::Moment)
            }),
            of(&[SPAN, Moment], Gives::Stamp, |_, a| {
                offset(&a[0])?.local(stamp_of(&a[1])).map(Cell::Stamp)
            }),
            of(&[SPAN, Stamp], Gives::Moment, |_, a| {
                offset(&a[0])?.moment(stamp_of(&a[1])).map(Cell::Moment)
            }),
        ],
    ),
    // Casts between times of a zone and of none, which depend on the session's.
    stable(
        "to_stamp",
        &[
            of(&[Moment], Gives::Stamp, |c, a| {
                c.zone.local(stamp_of(&a[0])).map(Cell::Stamp)
            }),
            of(&[Text], Gives::Stamp, |_, a| {
                read_stamp(a[0].as_str()).map(Cell::Stamp)
            }),
        ],
    ),
    stable(
        "to_moment",
        &[
            of(&[Stamp], Gives::Moment, |c, a| {
                c.zone.moment(stamp_of(&a[0])).map(Cell::Moment)
            }),
            of(&[Text], Gives::Moment, |c, a| {
                read_moment(a[0].as_str(), *c.zone).map(Cell::Moment)
            }),
        ],
    ),
    stable(
        "to_time_of_day",
        &[
            of(&[Moment], Gives::Time, |c, a| {
                Ok(Cell::Time(c.zone.local(stamp_of(&a[0]))?.rem_euclid(DAY)))
            }),
            of(&[Stamp], Gives::Time, |_, a| {
                Ok(Cell::Time(stamp_of(&a[0]).rem_euclid(DAY)))
            }),
            of(&[SPAN], Gives::Time, |_, a| {
                Ok(Cell::Time(interval_of(&a[0]).micros.rem_euclid(DAY)))
            }),
            of(&[Text], Gives::Time, |_, a| {
                read_time(a[0].as_str()).map(Cell::Time)
            }),
        ],
    ),
    stable(
        "to_day",
        &[
            of(&[Moment], Gives::Date, |c, a| {
                day(c.zone.local(stamp_of(&a[0]))?)
            }),
            of(&[Text], Gives::Date, |_, a| {
                read_date(a[0].as_str()).map(Cell::Date)
            }),
        ],
    ),
    pure(
        "to_interval",
        &[of(&[Text], Gives::Interval, |_, a| {
            read_interval(a[0].as_str()).map(Cell::Interval)
        })],
    ),
    Definition {
        volatility: Volatility::Volatile,
        ..pure(
            "clock_timestamp",
            &[of(&[], Gives::Moment, |_, _| {
                Ok(Cell::Moment(chrono::Utc::now().timestamp_micros()))
            })],
        )
    },
    stable(
        "timestamp_plus",
        &[
            of(&[Moment, SPAN], Gives::Moment, |c, a| {
                moment::add_in(*c.zone, stamp_of(&a[0]), interval_of(&a[1])).map(Cell::Moment)
            }),
            of(&[Stamp, SPAN], Gives::Stamp, |_, a| {
                moment::add(stamp_of(&a[0]), interval_of(&a[1])).map(Cell::Stamp)
            }),
            of(&[Time, SPAN], Gives::Time, |_, a| {
                arithmetic::time_plus(stamp_of(&a[0]), interval_of(&a[1]))
            }),
            of(&[Date, SPAN], Gives::Stamp, |_, a| {
                moment::add(stamp_of(&a[0]), interval_of(&a[1])).map(Cell::Stamp)
            }),
            of(&[Date, Time], Gives::Stamp, |_, a| {
                Ok(Cell::Stamp(stamp_of(&a[0]) + stamp_of(&a[1])))
            }),
            of(&[Date, Int], Gives::Date, |_, a| {
                arithmetic::date_plus(&a[0], a[1].as_int())
            }),
        ],
    ),
    stable(
        "timestamp_minus",
        &[
            of(&[Moment, SPAN], Gives::Moment, |c, a| {
                moment::add_in(*c.zone, stamp_of(&a[0]), interval_of(&a[1]).negated())
                    .map(Cell::Moment)
            }),
            of(&[Stamp, SPAN], Gives::Stamp, |_, a| {
                moment::add(stamp_of(&a[0]), interval_of(&a[1]).negated()).map(Cell::Stamp)
            }),
            of(&[Time, SPAN], Gives::Time, |_, a| {
                arithmetic::time_plus(stamp_of(&a[0]), interval_of(&a[1]).negated())
            }),
            of(&[Date, SPAN], Gives::Stamp, |_, a| {
                moment::add(stamp_of(&a[0]), interval_of(&a[1]).negated()).map(Cell::Stamp)
            }),
            of(&[Date, Int], Gives::Date, |_, a| {
                arithmetic::date_plus(&a[0], -a[1].as_int())
            }),
            of(&[Date, Date], Gives::Int4, |_, a| {
                Ok(Cell::Int((stamp_of(&a[0]) - stamp_of(&a[1])) / DAY))
            }),
            of(&[Time, Time], Gives::Interval, |_, a| {
                Ok(Cell::Interval(Interval::new(
                    0,
                    0,
                    stamp_of(&a[0]) - stamp_of(&a[1]),
                )))
            }),
            of(&[Stamp, Stamp], Gives::Interval, |_, a| {
                arithmetic::difference(stamp_of(&a[0]), stamp_of(&a[1]))
            }),
            of(&[Moment, Moment], Gives::Interval, |_, a| {
                arithmetic::difference(stamp_of(&a[0]), stamp_of(&a[1]))
            }),
        ],
    ),
    pure(
        "interval_plus",
        &[of(&[SPAN, SPAN], Gives::Interval, |_, a| {
            arithmetic::sum(interval_of(&a[0]), interval_of(&a[1]))
        })],
    ),
    pure(
        "interval_minus",
        &[of(&[SPAN, SPAN], Gives::Interval, |_, a| {
            arithmetic::sum(interval_of(&a[0]), interval_of(&a[1]).negated())
        })],
    ),
    pure(
        "interval_times",
        &[of(&[SPAN, Float], Gives::Interval, |_, a| {
            arithmetic::times(interval_of(&a[0]), a[1].as_float())
        })],
    ),
    pure(
        "interval_over",
        &[of(&[SPAN, Float], Gives::Interval, |_, a| {
            if a[1].as_float() == 0.0 {
                return Err(bad("division by zero"));
            }
            arithmetic::times(interval_of(&a[0]), 1.0 / a[1].as_float())
        })],
    ),
    // Intervals are compared by their length, a month being 30 days.
    pure(
        "interval_span",
        &[of(&[SPAN], Gives::Numeric(0), |_, a| {
            Ok(Cell::Numeric(interval_of(&a[0]).span(), 0))
        })],
    ),
    pure(
        "overlaps",
        &[
            of(&[Stamp, Stamp, Stamp, Stamp], Gives::Bool, |_, a| {
                arithmetic::overlaps(a)
            }),
            of(&[Moment, Moment, Moment, Moment], Gives::Bool, |_, a| {
                arithmetic::overlaps(a)
            }),
            of(&[Time, Time, Time, Time], Gives::Bool, |_, a| {
                arithmetic::overlaps(a)
            }),
        ],
    ),
];

fn day(local: i64) -> Answer {
    i32::try_from(local.div_euclid(DAY))
        .map(Cell::Date)
        .map_err(|_| out_of_range("date"))
}

pub(super) fn moment_of_seconds(seconds: f64) -> Answer {
    let micros = (seconds * 1e6).round();
    if !micros.is_finite() || micros.abs() > 9e18 {
        return Err(out_of_range("timestamp"));
    }
    #[allow(
        clippy::cast_possible_truncation,
        reason = "within 64 bits, as checked"
    )]
    Ok(Cell::Moment(micros as i64))
}

fn offset(cell: &Cell<'_>) -> Result<TimeZone> {
    let span = interval_of(cell);
    let minutes = i32::try_from(span.micros / MINUTE).ok();
    minutes
        .filter(|_| span.months == 0 && span.days == 0)
        .and_then(TimeZone::minutes)
        .ok_or_else(|| bad("interval time zone must not include months or days"))
}

fn number(cell: &Cell<'_>, what: &str) -> Result<i32> {
    i32::try_from(cell.as_int()).map_err(|_| out_of_range(what))
}

fn make_date(a: &[Cell<'_>]) -> Answer {
    let (year, month, day) = (
        number(&a[0], "date")?,
        number(&a[1], "date")?,
        number(&a[2], "date")?,
    );
    let unsigned = |value: i32| u32::try_from(value).unwrap_or(0);
    // There is no year 0: the one before 1 is -1.
    let year = match year {
        0 => None,
        year if year < 0 => Some(year + 1),
        year => Some(year),
    };
    year.and_then(|year| chrono::NaiveDate::from_ymd_opt(year, unsigned(month), unsigned(day)))
        .map(|date| Cell::Date(moment::days(date)))
        .ok_or_else(|| {
            bad(format!(
                "date field value out of range: {}-{month:02}-{day:02}",
                a[0].as_int()
            ))
        })
}

fn make_time(a: &[Cell<'_>]) -> Result<i64> {
    let (hour, minute, second) = (a[0].as_int(), a[1].as_int(), a[2].as_float());
    if !(0..=24).contains(&hour) || !(0..60).contains(&minute) || !(0.0..=60.0).contains(&second) {
        return Err(bad(format!(
            "time field value out of range: {hour}:{minute:02}:{second}"
        )));
    }
    #[allow(clippy::cast_possible_truncation, reason = "at most sixty seconds")]
    let micros = (second * 1e6).round() as i64;
    let all = hour * HOUR + minute * MINUTE + micros;
    if all > DAY {
        return Err(bad(format!(
            "time field value out of range: {hour}:{minute:02}:{second}"
        )));
    }
    Ok(all)
}

fn make_stamp(a: &[Cell<'_>]) -> Result<i64> {
    let Cell::Date(days) = make_date(&a[..3])? else {
        return Err(out_of_range("timestamp"));
    };
    Ok(i64::from(days) * DAY + make_time(&a[3..6])?)
}

fn make_interval(a: &[Cell<'_>]) -> Answer {
    let at = |place: usize| a.get(place).map_or(0, Cell::as_int);
    let small = |value: i64| i32::try_from(value).map_err(|_| out_of_range("interval"));
    let seconds = a.get(6).map_or(0.0, Cell::as_float);
    #[allow(
        clippy::cast_possible_truncation,
        reason = "checked by the sums that follow"
    )]
    let micros = (seconds * 1e6).round() as i64;
    Ok(Cell::Interval(Interval::new(
        small(at(0) * 12 + at(1))?,
        small(at(2) * 7 + at(3))?,
        at(4) * HOUR + at(5) * MINUTE + micros,
    )))
}

fn bin(a: &[Cell<'_>]) -> Result<i64> {
    let (stride, source, origin) = (interval_of(&a[0]), stamp_of(&a[1]), stamp_of(&a[2]));
    if stride.months != 0 {
        return Err(bad(
            "timestamps cannot be binned into intervals containing months or years",
        ));
    }
    let width = i64::from(stride.days) * DAY + stride.micros;
    if width <= 0 {
        return Err(bad("stride must be greater than zero"));
    }
    Ok(origin + (source - origin).div_euclid(width) * width)
}

/// Whether a type is one of times.
pub(crate) fn is_time(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::Date32
            | DataType::Date64
            | DataType::Timestamp(..)
            | DataType::Time32(_)
            | DataType::Time64(_)
            | DataType::Interval(_)
            | DataType::Duration(_)
    )
}
