//! What a session has set: its time zone, its search path and the rest of what drivers set.
//!
//! What is confirmed is done: a SET takes effect, or changes nothing anyone could notice ([`Effect::Harmless`], with its
//! reason), or is refused in words. Shared by a session's catalog, its functions and its port.

mod known;
mod statement;
mod zone;

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

pub(crate) use known::{Effect, Known, SETTINGS, find, shown_name};
pub(crate) use statement::Shown;
pub(crate) use zone::Zone;

use crate::catalog::DEFAULT_SCHEMA;
use crate::error::{QueryError, QueryErrorKind};

/// The version of PostgreSQL whose answers are given.
pub(crate) const SERVER_VERSION_NUM: &str = "150018";
/// The same, with what the server is.
pub(crate) const SERVER_VERSION: &str =
    concat!("15.18 (Tradewind ", env!("CARGO_PKG_VERSION"), ")");

/// A setting that changed: what a client is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Changed {
    /// As PostgreSQL spells it to clients.
    pub(crate) name: &'static str,
    /// As `SHOW` gives it.
    pub(crate) value: String,
}

/// A session's settings. Cheap to read; every query reads them when it is planned.
#[derive(Debug)]
pub(crate) struct Settings(RwLock<Values>);

/// Settings as they were at a moment, to go back to.
#[derive(Debug, Clone)]
pub(crate) struct Values {
    /// What differs from the defaults, under the names of [`SETTINGS`].
    set: HashMap<&'static str, String>,
    /// What the client asked for when it connected, to which RESET goes back.
    start: HashMap<&'static str, String>,
    zone: Zone,
    path: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self(RwLock::new(Values {
            set: HashMap::new(),
            start: HashMap::new(),
            zone: Zone::utc(),
            path: vec![DEFAULT_SCHEMA.to_owned()],
        }))
    }
}

fn wrong(message: String, hint: Option<&str>) -> QueryError {
    QueryError::new(QueryErrorKind::Invalid, message, hint.map(str::to_owned))
}

fn unknown(name: &str) -> QueryError {
    wrong(
        format!("unrecognized configuration parameter \"{name}\""),
        Some("the view pg_settings lists those there are"),
    )
}

impl Settings {
    fn read<T>(&self, of: impl FnOnce(&Values) -> T) -> T {
        of(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, to: impl FnOnce(&mut Values) -> T) -> T {
        to(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// The time zone that times are shown and read in.
    pub(crate) fn zone(&self) -> Zone {
        self.read(|values| values.zone.clone())
    }

    /// The schemas in which names without one are looked for, in turn. Those that do not exist are among them.
    pub(crate) fn path(&self) -> Vec<String> {
        self.read(|values| values.path.clone())
    }

    /// All values as they are now.
    pub(crate) fn values(&self) -> Values {
        self.read(Clone::clone)
    }

    /// Goes back to values as they were: what a transaction set is undone when it fails.
    pub(crate) fn restore(&self, values: Values) {
        self.write(|now| *now = values);
    }

    /// A setting's name as clients know it, and its value.
    ///
    /// # Errors
    /// [`QueryError`] when there is no setting of the name.
    pub(crate) fn show(&self, name: &str) -> Result<Changed, QueryError> {
        let known = find(name).ok_or_else(|| unknown(name))?;
        Ok(Changed {
            name: shown_name(known),
            value: self.value(known),
        })
    }

    /// The value of a setting.
    pub(crate) fn value(&self, known: &Known) -> String {
        self.read(|values| {
            let set = values.set.get(known.name);
            set.cloned().unwrap_or_else(|| known.default.to_owned())
        })
    }

    /// The value a setting goes back to.
    pub(crate) fn reset_value(&self, known: &Known) -> String {
        self.read(|values| {
            let start = values.start.get(known.name);
            start.cloned().unwrap_or_else(|| known.default.to_owned())
        })
    }

    /// Sets one, from the texts that stood in its place: several for a list.
    ///
    /// # Errors
    /// [`QueryError`] when there is no such setting, or none of this value here.
    pub(crate) fn set(&self, name: &str, texts: &[String]) -> Result<Changed, QueryError> {
        let known = find(name).ok_or_else(|| unknown(name))?;
        let joined = texts.join(", ");
        let value = match known.effect {
            Effect::Fixed => {
                return Err(wrong(
                    format!("parameter \"{}\" cannot be changed", known.name),
                    None,
                ));
            }
            Effect::Only(values) if !values.contains(&joined.to_lowercase().as_str()) => {
                return Err(wrong(
                    format!(
                        "`{}` is `{}` here; `{joined}` would not be what happens",
                        known.name, known.default
                    ),
                    Some("leave it as it is"),
                ));
            }
            // Another spelling of what it is.
            Effect::Only(_) => known.default.to_owned(),
            Effect::Harmless(_) | Effect::Port => plain(known, &joined)?,
            Effect::Here => return self.set_here(known, texts, &joined),
        };
        self.write(|values| values.set.insert(known.name, value.clone()));
        Ok(Changed {
            name: shown_name(known),
            value,
        })
    }

    fn set_here(
        &self,
        known: &'static Known,
        texts: &[String],
        joined: &str,
    ) -> Result<Changed, QueryError> {
        let value = match known.name {
            "timezone" => {
                let zone = Zone::parse(joined).ok_or_else(|| {
                    wrong(
                        format!("invalid value for parameter \"TimeZone\": \"{joined}\""),
                        Some("name a zone of the time zone database, such as 'Europe/Berlin', or an offset in hours"),
                    )
                })?;
                return Ok(self.set_zone(zone));
            }
            "search_path" => {
                // A text may itself hold a list: that is how drivers send it at start.
                let path = match texts {
                    [one] => split_names(one),
                    many => many.iter().map(|name| name.trim().to_owned()).collect(),
                };
                let shown: Vec<String> = path.iter().map(|name| quoted(name)).collect();
                self.write(|values| values.path = path);
                shown.join(", ")
            }
            _ => date_style(joined, &self.value(known))?,
        };
        self.write(|values| values.set.insert(known.name, value.clone()));
        Ok(Changed {
            name: shown_name(known),
            value,
        })
    }

    /// Sets the time zone.
    pub(crate) fn set_zone(&self, zone: Zone) -> Changed {
        let value = zone.shown().to_owned();
        self.write(|values| {
            values.zone = zone;
            values.set.insert("timezone", value.clone());
        });
        Changed {
            name: "TimeZone",
            value,
        }
    }

    /// Sets one back to what it was when the client connected.
    ///
    /// # Errors
    /// [`QueryError`] when there is no such setting.
    pub(crate) fn reset(&self, name: &str) -> Result<Changed, QueryError> {
        let known = find(name).ok_or_else(|| unknown(name))?;
        let value = self.reset_value(known);
        if known.effect == Effect::Here {
            return self.set_here(known, std::slice::from_ref(&value), &value);
        }
        self.write(|values| match values.start.get(known.name) {
            Some(start) => values.set.insert(known.name, start.clone()),
            None => values.set.remove(known.name),
        });
        Ok(Changed {
            name: shown_name(known),
            value,
        })
    }

    /// Sets all back to what they were when the client connected; gives those that changed.
    pub(crate) fn reset_all(&self) -> Vec<Changed> {
        let names: Vec<&str> = self.read(|values| values.set.keys().copied().collect());
        let reset = names.into_iter().filter_map(|name| {
            let before = self.show(name).ok()?;
            let after = self.reset(name).ok()?;
            (before != after).then_some(after)
        });
        reset.collect()
    }

    /// What a client asks for when it connects. What it does not know or cannot do is refused, as by SET.
    ///
    /// # Errors
    /// [`QueryError`] naming the parameter.
    pub(crate) fn start<'a>(
        &self,
        parameters: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<(), QueryError> {
        for (name, value) in parameters {
            // Some drivers send the quotes of SQL with it.
            let quotes = value
                .strip_prefix('\'')
                .and_then(|rest| rest.strip_suffix('\''));
            self.set(name, &[quotes.unwrap_or(value).to_owned()])?;
        }
        self.write(|values| values.start = values.set.clone());
        Ok(())
    }
}

/// A value that is kept as it is, checked where it must be a switch or a number.
fn plain(known: &Known, value: &str) -> Result<String, QueryError> {
    let bad = || {
        wrong(
            format!(
                "invalid value for parameter \"{}\": \"{value}\"",
                known.name
            ),
            None,
        )
    };
    match (known.name, known.default) {
        (_, "on" | "off") => match value.to_lowercase().as_str() {
            "on" | "true" | "yes" | "1" | "t" | "y" => Ok("on".to_owned()),
            "off" | "false" | "no" | "0" | "f" | "n" => Ok("off".to_owned()),
            _ => Err(bad()),
        },
        ("bytea_output", _) => match value.to_lowercase().as_str() {
            "hex" => Ok("hex".to_owned()),
            "escape" => Ok("escape".to_owned()),
            _ => Err(bad()),
        },
        ("statement_timeout", _) => {
            let milliseconds = milliseconds(value).ok_or_else(bad)?;
            Ok(shown_milliseconds(milliseconds))
        }
        ("extra_float_digits", _) => value
            .parse::<i32>()
            .ok()
            .filter(|digits| (-15..=3).contains(digits))
            .map(|digits| digits.to_string())
            .ok_or_else(bad),
        ("default_transaction_isolation" | "transaction_isolation", _) => {
            let level = value.to_lowercase();
            [
                "serializable",
                "repeatable read",
                "read committed",
                "read uncommitted",
            ]
            .contains(&level.as_str())
            .then_some(level)
            .ok_or_else(bad)
        }
        _ => Ok(value.to_owned()),
    }
}

/// A length of time as PostgreSQL's settings take it: a number with a unit, milliseconds without one.
pub(crate) fn milliseconds(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
    let number: f64 = digits.trim().parse().ok()?;
    let unit = match text[digits.len()..].trim() {
        "us" => 0.001,
        "ms" | "" => 1.0,
        "s" => 1_000.0,
        "min" => 60_000.0,
        "h" => 3_600_000.0,
        "d" => 86_400_000.0,
        _ => return None,
    };
    let all = (number * unit).round();
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "within PostgreSQL's own bounds, as checked"
    )]
    (0.0..=f64::from(i32::MAX))
        .contains(&all)
        .then_some(all as u64)
}

fn shown_milliseconds(all: u64) -> String {
    for (size, unit) in [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "min"),
        (1_000, "s"),
    ] {
        if all > 0 && all.is_multiple_of(size) {
            return format!("{}{unit}", all / size);
        }
    }
    if all == 0 {
        "0".to_owned()
    } else {
        format!("{all}ms")
    }
}

/// The output is ISO; the order of a date's parts is kept, as it is shown again.
fn date_style(value: &str, now: &str) -> Result<String, QueryError> {
    let mut order = now.split(", ").nth(1).unwrap_or("MDY").to_owned();
    for word in value
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
    {
        match word.to_uppercase().as_str() {
            "ISO" => {}
            "MDY" | "US" | "NONEUROPEAN" => "MDY".clone_into(&mut order),
            // Texts such as 01/02/2026 are not read at all here, so the order changes nothing.
            "DMY" | "EUROPEAN" => "DMY".clone_into(&mut order),
            "YMD" => "YMD".clone_into(&mut order),
            _ => {
                return Err(wrong(
                    format!(
                        "times are shown in the ISO style here; DateStyle `{word}` would not be what happens"
                    ),
                    Some(
                        "use `SET DateStyle = 'ISO, MDY'` and `to_char` for other ways to write a time",
                    ),
                ));
            }
        }
    }
    Ok(format!("ISO, {order}"))
}

/// The names in a list such as `"$user", public`: quoted ones as they are, others in lower case.
pub(crate) fn split_names(list: &str) -> Vec<String> {
    let (mut names, mut name) = (Vec::new(), String::new());
    let mut chars = list.chars().peekable();
    let mut quoted = false;
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                name.push('"');
                chars.next();
            }
            '"' => quoted = !quoted,
            ',' if !quoted => names.push(std::mem::take(&mut name)),
            c if quoted => name.push(c),
            c if c.is_whitespace() => {}
            c => name.extend(c.to_lowercase()),
        }
    }
    names.push(name);
    names.retain(|name| !name.is_empty());
    names
}

/// A name as SQL writes it: in quotes where it must be.
pub(crate) fn quoted(name: &str) -> String {
    let plain = name.bytes().enumerate().all(|(at, b)| {
        b.is_ascii_lowercase() || b == b'_' || at > 0 && (b.is_ascii_digit() || b == b'$')
    });
    if plain && !name.is_empty() {
        return name.to_owned();
    }
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(settings: &Settings, name: &str, value: &str) -> Result<String, String> {
        settings
            .set(name, &[value.to_owned()])
            .map(|changed| changed.value)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_confirmed_is_done_or_refused() {
        let settings = Settings::default();
        assert_eq!(
            set(&settings, "TimeZone", "europe/berlin").unwrap(),
            "Europe/Berlin"
        );
        assert_eq!(settings.zone().arrow().as_ref(), "Europe/Berlin");
        assert_eq!(
            set(&settings, "search_path", "gold, \"Silver\"").unwrap(),
            "gold, \"Silver\""
        );
        assert_eq!(settings.path(), ["gold", "Silver"]);
        assert_eq!(set(&settings, "DateStyle", "iso").unwrap(), "ISO, MDY");
        assert_eq!(
            set(&settings, "statement_timeout", "60000").unwrap(),
            "1min"
        );
        assert_eq!(set(&settings, "enable_seqscan", "0").unwrap(), "off");
        for (name, value, part) in [
            ("DateStyle", "German", "would not be what happens"),
            (
                "standard_conforming_strings",
                "off",
                "would not be what happens",
            ),
            ("client_encoding", "LATIN1", "would not be what happens"),
            ("server_version", "16", "cannot be changed"),
            ("timezone", "Mars/Olympus", "invalid value"),
            ("no_such_thing", "1", "unrecognized configuration parameter"),
            ("enable_seqscan", "maybe", "invalid value"),
        ] {
            let error = set(&settings, name, value).unwrap_err();
            assert!(error.contains(part), "{name}: {error}");
        }
    }

    #[test]
    fn reset_goes_back_to_what_the_client_connected_with() {
        let settings = Settings::default();
        settings
            .start([("TimeZone", "Asia/Tokyo"), ("application_name", "BI")].into_iter())
            .unwrap();
        set(&settings, "timezone", "UTC").unwrap();
        set(&settings, "application_name", "other").unwrap();
        set(&settings, "search_path", "gold").unwrap();
        let mut changed = settings.reset_all();
        changed.sort_by_key(|changed| changed.name);
        let values: Vec<&str> = changed
            .iter()
            .map(|changed| changed.value.as_str())
            .collect();
        assert_eq!(values, ["Asia/Tokyo", "BI", "silver"]);
        assert_eq!(settings.zone().shown(), "Asia/Tokyo");
        assert_eq!(settings.path(), ["silver"]);
    }

    #[test]
    fn a_failed_transaction_gives_its_settings_back() {
        let settings = Settings::default();
        let before = settings.values();
        set(&settings, "timezone", "Asia/Tokyo").unwrap();
        settings.restore(before);
        assert_eq!(settings.zone().shown(), "UTC");
        assert_eq!(settings.show("timezone").unwrap().value, "UTC");
    }
}
