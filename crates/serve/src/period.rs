//! Which stretch of time a request means: windows, `from`/`to`, intervals, and where a window ends. Pure.

use tradewind_model::Micros;
use utoipa::ToSchema;

/// How old a store's newest event is when its windows no longer end now, but at that event.
pub const STALE_AFTER: i64 = Micros::DAY;
/// The longest period that `from` and `to` may span.
pub const LONGEST: i64 = 400 * Micros::DAY;
/// The most points of a series.
pub const MOST_POINTS: i64 = 3_000;

/// A sliding window by its name in the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ToSchema)]
pub enum Window {
    /// `5m`
    #[schema(rename = "5m")]
    FiveMinutes,
    /// `1h`
    #[schema(rename = "1h")]
    Hour,
    /// `24h`
    #[schema(rename = "24h")]
    Day,
    /// `7d`
    #[schema(rename = "7d")]
    Week,
    /// `30d`
    #[schema(rename = "30d")]
    Month,
}

impl Window {
    /// Every window, shortest first.
    pub const ALL: [Self; 5] = [
        Self::FiveMinutes,
        Self::Hour,
        Self::Day,
        Self::Week,
        Self::Month,
    ];

    /// The word in addresses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FiveMinutes => "5m",
            Self::Hour => "1h",
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
        }
    }

    /// Its length in microseconds.
    #[must_use]
    pub const fn length(self) -> i64 {
        match self {
            Self::FiveMinutes => 5 * Micros::MINUTE,
            Self::Hour => Micros::HOUR,
            Self::Day => Micros::DAY,
            Self::Week => 7 * Micros::DAY,
            Self::Month => 30 * Micros::DAY,
        }
    }
}

/// The distance of two points of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ToSchema)]
pub enum Interval {
    /// `1m`
    #[schema(rename = "1m")]
    Minute,
    /// `5m`
    #[schema(rename = "5m")]
    FiveMinutes,
    /// `1h`
    #[schema(rename = "1h")]
    Hour,
    /// `1d`
    #[schema(rename = "1d")]
    Day,
}

impl Interval {
    /// Every interval, shortest first.
    pub const ALL: [Self; 4] = [Self::Minute, Self::FiveMinutes, Self::Hour, Self::Day];

    /// The word in addresses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Minute => "1m",
            Self::FiveMinutes => "5m",
            Self::Hour => "1h",
            Self::Day => "1d",
        }
    }

    /// Its length in microseconds. A day is 24 hours here; days of a zone are the answer's matter.
    #[must_use]
    pub const fn length(self) -> i64 {
        match self {
            Self::Minute => Micros::MINUTE,
            Self::FiveMinutes => 5 * Micros::MINUTE,
            Self::Hour => Micros::HOUR,
            Self::Day => Micros::DAY,
        }
    }
}

/// A stretch of time asked for; ends are exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Period {
    /// The window that ends at a moment.
    Last {
        /// Which window.
        window: Window,
        /// First moment after it.
        end: Micros,
    },
    /// From a moment to another.
    Between {
        /// First moment.
        from: Micros,
        /// First moment after it.
        to: Micros,
    },
}

impl Period {
    /// First moment and first moment after.
    #[must_use]
    pub const fn bounds(self) -> (Micros, Micros) {
        match self {
            Self::Last { window, end } => (end.plus(-window.length()), end),
            Self::Between { from, to } => (from, to),
        }
    }
}

/// Where a store's windows end now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowEnd {
    /// First moment after the windows.
    pub end: Micros,
    /// Whether that is the newest event instead of now.
    pub stale: bool,
}

/// Windows end now, or, when the store's newest event is more than 24 hours old, just after that event, so that a store
/// filled from a file shows its last day instead of nothing.
#[must_use]
pub fn window_end(now: Micros, newest_event: Option<Micros>) -> WindowEnd {
    match newest_event {
        Some(newest) if now.0.saturating_sub(newest.0) > STALE_AFTER => WindowEnd {
            end: newest.plus(1),
            stale: true,
        },
        _ => WindowEnd {
            end: now,
            stale: false,
        },
    }
}

/// What an address asked for, before it is known where windows end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Span {
    /// A window that ends where the store's windows end.
    Window(Window),
    /// From a moment to another.
    Between {
        /// First moment.
        from: Micros,
        /// First moment after it.
        to: Micros,
    },
}

impl Span {
    /// The period meant, given where windows end.
    #[must_use]
    pub const fn period(self, window_end: WindowEnd) -> Period {
        match self {
            Self::Window(window) => Period::Last {
                window,
                end: window_end.end,
            },
            Self::Between { from, to } => Period::Between { from, to },
        }
    }

    const fn length(self) -> i64 {
        match self {
            Self::Window(window) => window.length(),
            Self::Between { from, to } => to.0.saturating_sub(from.0),
        }
    }
}

/// Why the time parameters of an address could not be accepted: which one, and what is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{parameter}` {problem}")]
pub struct PeriodError {
    /// The parameter's name.
    pub parameter: &'static str,
    /// What was wrong and what is accepted.
    pub problem: String,
}

fn refuse<T>(parameter: &'static str, problem: impl Into<String>) -> Result<T, PeriodError> {
    Err(PeriodError {
        parameter,
        problem: problem.into(),
    })
}

/// Reads `window`, or `from` and `to`; the last 24 hours when none is given.
///
/// # Errors
/// [`PeriodError`] naming the parameter.
pub fn parse_span(
    window: Option<&str>,
    from: Option<&str>,
    to: Option<&str>,
) -> Result<Span, PeriodError> {
    match (window, from, to) {
        (None, None, None) => Ok(Span::Window(Window::Day)),
        (Some(name), None, None) => match Window::ALL.into_iter().find(|w| w.name() == name) {
            Some(window) => Ok(Span::Window(window)),
            None => refuse("window", "must be one of 5m, 1h, 24h, 7d, 30d"),
        },
        (None, Some(from), Some(to)) => {
            let (from, to) = (parse_moment("from", from)?, parse_moment("to", to)?);
            if from >= to {
                return refuse("to", "must be later than `from`");
            }
            if to.0 - from.0 > LONGEST {
                return refuse(
                    "from",
                    "must be at most 400 days before `to`; ask SQL for longer periods",
                );
            }
            Ok(Span::Between { from, to })
        }
        (None, Some(_), None) => refuse("to", "is missing; `from` and `to` go together"),
        (None, None, Some(_)) => refuse("from", "is missing; `from` and `to` go together"),
        (Some(_), _, _) => refuse("window", "cannot be combined with `from` and `to`"),
    }
}

fn parse_moment(parameter: &'static str, text: &str) -> Result<Micros, PeriodError> {
    // In an address an unescaped `+` of an offset arrives as a space.
    match Micros::parse_rfc3339(&text.replace(' ', "+")).or_else(|| Micros::parse_rfc3339(text)) {
        Some(moment) if (Micros::MIN_EVENT..=Micros::END_EVENT).contains(&moment) => Ok(moment),
        Some(_) => refuse(parameter, "must lie between 1970 and 2200"),
        None => refuse(
            parameter,
            "must be an RFC 3339 time such as 2026-11-21T08:00:00Z",
        ),
    }
}

/// Reads `interval` for a span.
///
/// # Errors
/// [`PeriodError`] when it is unknown, or so fine that the series would have more than [`MOST_POINTS`] points.
pub fn parse_interval(interval: Option<&str>, span: Span) -> Result<Option<Interval>, PeriodError> {
    let Some(name) = interval else {
        return Ok(None);
    };
    let Some(interval) = Interval::ALL.into_iter().find(|i| i.name() == name) else {
        return refuse("interval", "must be one of 1m, 5m, 1h, 1d");
    };
    if span.length() / interval.length() > MOST_POINTS {
        return refuse(
            "interval",
            format!("is too fine: at most {MOST_POINTS} points are given; take a longer one"),
        );
    }
    Ok(Some(interval))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Micros = Micros(1_000 * Micros::DAY);

    #[test]
    fn windows_end_now_while_events_come() {
        for newest in [
            None,
            Some(NOW),
            Some(NOW.plus(-Micros::DAY)),
            Some(NOW.plus(Micros::HOUR)),
        ] {
            assert_eq!(
                window_end(NOW, newest),
                WindowEnd {
                    end: NOW,
                    stale: false
                },
                "{newest:?}"
            );
        }
    }

    #[test]
    fn windows_of_an_old_store_end_just_after_its_newest_event() {
        let newest = NOW.plus(-Micros::DAY - 1);
        let found = window_end(NOW, Some(newest));
        assert_eq!(
            found,
            WindowEnd {
                end: newest.plus(1),
                stale: true
            }
        );
        let (from, to) = Span::Window(Window::Day).period(found).bounds();
        assert!(from <= newest && newest < to && to.0 - from.0 == Micros::DAY);
    }

    #[test]
    fn the_last_day_is_meant_when_nothing_is_said() {
        assert_eq!(parse_span(None, None, None), Ok(Span::Window(Window::Day)));
        assert_eq!(
            parse_span(Some("7d"), None, None),
            Ok(Span::Window(Window::Week))
        );
    }

    #[test]
    fn from_and_to_go_together_and_in_order() {
        let wrong = |w, f, t| parse_span(w, f, t).unwrap_err().parameter;
        let (a, b) = (
            Some("2026-11-20T00:00:00Z"),
            Some("2026-11-21T00:00:00 01:00"),
        );
        assert!(
            matches!(parse_span(None, a, b), Ok(Span::Between { from, to }) if to.0 - from.0 == 23 * Micros::HOUR)
        );
        assert_eq!(wrong(None, a, None), "to");
        assert_eq!(wrong(None, None, b), "from");
        assert_eq!(wrong(None, b, a), "to");
        assert_eq!(wrong(Some("1h"), a, b), "window");
        assert_eq!(wrong(Some("2h"), None, None), "window");
        assert_eq!(wrong(None, Some("yesterday"), b), "from");
        assert_eq!(wrong(None, Some("2024-01-01T00:00:00Z"), b), "from");
    }

    #[test]
    fn intervals_that_give_too_many_points_are_refused() {
        assert_eq!(
            parse_interval(Some("1m"), Span::Window(Window::Day)),
            Ok(Some(Interval::Minute))
        );
        assert!(parse_interval(Some("1m"), Span::Window(Window::Month)).is_err());
        assert!(parse_interval(Some("2m"), Span::Window(Window::Day)).is_err());
        assert_eq!(parse_interval(None, Span::Window(Window::Month)), Ok(None));
    }
}
