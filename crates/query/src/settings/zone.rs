//! Time zones by the names PostgreSQL knows them under.

use std::sync::Arc;

use chrono_tz::{TZ_VARIANTS, Tz};

/// A session's time zone: how it was named and how Arrow's types name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Zone {
    shown: String,
    arrow: Arc<str>,
}

impl Zone {
    /// Coordinated universal time.
    pub(crate) fn utc() -> Self {
        Self {
            shown: "UTC".to_owned(),
            arrow: Arc::from("UTC"),
        }
    }

    /// The zone of a name of the time zone database, in any case; of an offset in hours east of Greenwich; or of a POSIX
    /// specification without summer time, whose sign is reversed: `UTC+3` and `+03:00` lie west of Greenwich.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(zone) = TZ_VARIANTS
            .iter()
            .find(|zone| zone.name().eq_ignore_ascii_case(text))
        {
            return Some(Self::named(*zone));
        }
        if let Ok(hours) = text.parse::<f64>() {
            return Self::hours(hours);
        }
        let west = posix_offset(text)?;
        Some(Self {
            shown: text.to_owned(),
            arrow: offset_name(-west),
        })
    }

    /// The zone of an offset in hours east of Greenwich.
    pub(crate) fn hours(hours: f64) -> Option<Self> {
        let minutes = (hours * 60.0).round();
        // PostgreSQL's own bounds.
        if !(-168.0 * 60.0..=168.0 * 60.0).contains(&minutes) {
            return None;
        }
        #[allow(
            clippy::cast_possible_truncation,
            reason = "within a week of minutes, as checked"
        )]
        Self::minutes(minutes as i32)
    }

    /// The zone of an offset in minutes east of Greenwich; Arrow knows offsets below a day.
    pub(crate) fn minutes(east: i32) -> Option<Self> {
        if east.abs() >= 24 * 60 {
            return None;
        }
        let part = |minutes: i32| {
            let (sign, size) = (if minutes < 0 { '-' } else { '+' }, minutes.abs());
            match size % 60 {
                0 => format!("{sign}{:02}", size / 60),
                rest => format!("{sign}{:02}:{rest:02}", size / 60),
            }
        };
        let west = if east == 0 {
            "-00".to_owned()
        } else {
            part(-east)
        };
        Some(Self {
            shown: format!("<{}>{west}", part(east)),
            arrow: offset_name(east),
        })
    }

    fn named(zone: Tz) -> Self {
        // One name for what is the same in every moment, so that tables' times need no other type.
        let arrow = match zone.name() {
            "UTC" | "Etc/UTC" | "GMT" | "Etc/GMT" | "Zulu" | "Etc/Zulu" | "UCT" | "Etc/UCT"
            | "Universal" | "Etc/Universal" | "Greenwich" | "Etc/Greenwich" => "UTC",
            name => name,
        };
        Self {
            shown: zone.name().to_owned(),
            arrow: Arc::from(arrow),
        }
    }

    /// The name that `SHOW timezone` gives.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// The name in Arrow's types.
    pub(crate) fn arrow(&self) -> &Arc<str> {
        &self.arrow
    }

    /// Whether it is UTC, which tables' times are kept in.
    pub(crate) fn is_utc(&self) -> bool {
        self.arrow.as_ref() == "UTC"
    }
}

fn offset_name(east: i32) -> Arc<str> {
    if east == 0 {
        return Arc::from("UTC");
    }
    let (sign, size) = (if east < 0 { '-' } else { '+' }, east.abs());
    Arc::from(format!("{sign}{:02}:{:02}", size / 60, size % 60))
}

/// Minutes west of Greenwich of `[NAME]±h[h][:mm]`, where NAME is three letters or more, or anything in angle brackets.
fn posix_offset(text: &str) -> Option<i32> {
    let rest = if let Some(rest) = text.strip_prefix('<') {
        rest.split_once('>')?.1
    } else {
        let rest = text.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        let name = text.len() - rest.len();
        if name != 0 && name < 3 {
            return None;
        }
        rest
    };
    let (sign, digits) = match rest.as_bytes().first()? {
        b'+' => (1, &rest[1..]),
        b'-' => (-1, &rest[1..]),
        _ => (1, rest),
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some((hours, minutes)) => (hours, minutes),
        None => (digits, "0"),
    };
    let number = |text: &str| {
        let fits = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        fits.then(|| text.parse::<i32>().ok()).flatten()
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As PostgreSQL 15 answers `SHOW timezone` and shows midnight UTC of the first of July.
    #[test]
    fn zones_are_named_as_postgresql_names_them() {
        for (said, shown, arrow) in [
            ("+02:00", "+02:00", "-02:00"),
            ("UTC+3", "UTC+3", "-03:00"),
            ("-3", "<-03>+03", "-03:00"),
            ("3.5", "<+03:30>-03:30", "+03:30"),
            ("europe/berlin", "Europe/Berlin", "Europe/Berlin"),
            ("GMT", "GMT", "UTC"),
            ("<+05>-05", "<+05>-05", "+05:00"),
            ("+02", "<+02>-02", "+02:00"),
            ("02:30", "02:30", "-02:30"),
            ("EST5EDT", "EST5EDT", "EST5EDT"),
            ("Etc/GMT+3", "Etc/GMT+3", "Etc/GMT+3"),
            ("utc", "UTC", "UTC"),
        ] {
            let zone = Zone::parse(said).unwrap_or_else(|| panic!("{said}"));
            assert_eq!(
                (zone.shown(), zone.arrow().as_ref()),
                (shown, arrow),
                "{said}"
            );
        }
        for wrong in [
            "CEST",
            "Z",
            "",
            "Mars/Olympus",
            "UTC+3:99",
            "PST8PDT,M3.2.0,M11.1.0",
            "200",
        ] {
            assert_eq!(Zone::parse(wrong), None, "{wrong}");
        }
    }
}
