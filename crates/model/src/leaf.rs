//! Scalars of native JSON: how a value becomes text, an amount, a number or a time of an event.

use std::borrow::Cow;

use crate::amount::Amount;
use crate::event::Text;
use crate::properties::Properties;
use crate::scan::{Fault, Scanner, Value};
use crate::time::Micros;
use crate::validate::{Draft, RejectCode};

/// The state of decoding one item.
#[derive(Default)]
pub(crate) struct Pass<'a> {
    pub(crate) draft: Draft<'a>,
    pub(crate) properties: Properties<'a>,
}

impl Value<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Text(_) => "text",
            Self::Number(raw) if raw.parse::<i64>().is_ok() => "a whole number",
            Self::Number(_) => "a number",
            Self::Object | Self::Array => "an object or array",
        }
    }
}

impl<'a> Pass<'a> {
    #[cold]
    fn wrong(&mut self, prefix: &str, name: &str, found: &Value<'_>, accepted: &str) {
        self.draft.fail(
            RejectCode::InvalidField,
            format!("{prefix}{name}"),
            format!("is {}; accepted is {accepted}", found.kind()),
        );
    }

    /// Text; a whole number is taken as its digits, because many shops number their customers and products.
    #[inline]
    pub(crate) fn text(&mut self, value: Value<'a>, prefix: &str, name: &str) -> Option<Text<'a>> {
        match value {
            Value::Text(text) if text.is_empty() => None,
            Value::Text(text) => Some(text),
            Value::Number(raw) if raw.parse::<i64>().is_ok() => Some(Cow::Borrowed(raw)),
            Value::Null => None,
            other => {
                self.wrong(prefix, name, &other, "text");
                None
            }
        }
    }

    pub(crate) fn amount(&mut self, value: Value<'a>, prefix: &str, name: &str) -> Option<Amount> {
        let parsed = match &value {
            Value::Text(text) => Amount::parse(text),
            // As written it is exact (M1); what is written with an exponent or more places is taken when it is a decimal's double.
            Value::Number(raw) => Amount::parse(raw).or_else(|why| {
                raw.parse::<f64>()
                    .map_err(|_| why)
                    .and_then(Amount::from_json_number)
            }),
            Value::Null => return None,
            _ => {
                let accepted = "a decimal number or text such as \"19.99\"";
                self.wrong(prefix, name, &value, accepted);
                return None;
            }
        };
        match parsed {
            Ok(amount) => Some(amount),
            Err(why) => {
                self.draft.fail(
                    RejectCode::InvalidField,
                    format!("{prefix}{name}"),
                    format!("{why}; accepted is a decimal such as 19.99 with at most 4 places"),
                );
                None
            }
        }
    }

    pub(crate) fn whole(&mut self, value: Value<'a>, prefix: &str, name: &str) -> Option<i64> {
        let found = match &value {
            Value::Null => return None,
            Value::Text(text) => text.parse::<i64>().ok(),
            Value::Number(raw) => raw.parse::<i64>().ok().or_else(|| {
                let number = raw.parse::<f64>().ok()?;
                #[allow(
                    clippy::cast_possible_truncation,
                    reason = "range and wholeness are checked"
                )]
                (number.fract() == 0.0 && number.abs() < 9.0e15).then_some(number as i64)
            }),
            _ => None,
        };
        if found.is_none() {
            self.wrong(prefix, name, &value, "a whole number");
        }
        found
    }

    pub(crate) fn number(&mut self, value: Value<'a>, prefix: &str, name: &str) -> Option<f64> {
        let found = match &value {
            Value::Null => return None,
            Value::Text(text) => text.parse::<f64>().ok(),
            Value::Number(raw) => raw.parse::<f64>().ok(),
            _ => None,
        };
        let found = found.filter(|number| number.is_finite());
        if found.is_none() {
            self.wrong(prefix, name, &value, "a number");
        }
        found
    }

    pub(crate) fn time(&mut self, value: Value<'a>) {
        let time = match &value {
            Value::Text(text) => Micros::parse_rfc3339(text),
            Value::Number(raw) => match raw.parse::<i64>() {
                // Milliseconds from 1973 to 5138, microseconds from 1973 on above that. What is below says seconds, or nothing
                // an event of a shop can mean.
                Ok(v) if v.unsigned_abs() < 100_000_000_000 => None,
                Ok(v) if v.unsigned_abs() < 100_000_000_000_000 => v.checked_mul(1_000).map(Micros),
                Ok(v) => Some(Micros(v)),
                Err(_) => None,
            },
            Value::Null => return,
            _ => None,
        };
        match time {
            Some(time) => self.draft.time = Some(time),
            None => self.draft.fail(
                RejectCode::InvalidTime,
                "time",
                "is not a time; accepted is RFC 3339 such as 2026-11-21T08:00:00.123Z, or milliseconds since 1970 (not seconds)",
            ),
        }
    }

    /// Keeps a field the event model does not know.
    #[cold]
    pub(crate) fn unknown(
        &mut self,
        scanner: &mut Scanner<'a>,
        prefix: &str,
        key: &str,
    ) -> Result<(), Fault> {
        let raw = scanner.raw()?;
        if prefix.is_empty() {
            self.properties.add_raw(key, raw);
        } else {
            self.properties.add_raw(&format!("{prefix}{key}"), raw);
        }
        Ok(())
    }
}
