//! Scalars of native JSON: how a value becomes text, an amount, a number or a time of an event.

use std::borrow::Cow;

use crate::amount::{Amount, round_decimal};
use crate::event::Text;
use crate::properties::Properties;
use crate::quantity::Quantity;
use crate::scan::{Fault, Scanner, Value};
use crate::time::Micros;
use crate::validate::{Draft, RejectCode};

/// The state of decoding one item.
#[derive(Default)]
pub(crate) struct Pass<'a> {
    pub(crate) draft: Draft<'a>,
    pub(crate) properties: Properties<'a>,
}

/// A whole number as JSON or a text writes it: `3`, `3.0`, `3e0`.
pub(crate) fn whole_number(text: &str) -> Option<i64> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let number = round_decimal(text, 0).ok()?;
    // The same in ten-thousandths only when nothing was rounded; that leaves room for far more than anything that is counted.
    let finer = round_decimal(text, 4).ok()?;
    (number.checked_mul(10_000) == Some(finer) && !is_finer(text)).then_some(number)
}

/// Whether digits other than zero follow the fourth place of a decimal.
fn is_finer(text: &str) -> bool {
    !text.contains(['e', 'E'])
        && text
            .split_once('.')
            .is_some_and(|(_, fraction)| fraction.bytes().skip(4).any(|b| b != b'0'))
}

impl Value<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Text(_) => "text",
            Self::Number(raw) if raw.bytes().all(|b| b.is_ascii_digit() || b == b'-') => {
                "a whole number"
            }
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

    /// Text; a whole number of any length is taken as its digits, because many shops number their customers and products.
    #[inline]
    pub(crate) fn text(&mut self, value: Value<'a>, prefix: &str, name: &str) -> Option<Text<'a>> {
        match value {
            Value::Text(text) if text.is_empty() => None,
            Value::Text(text) => Some(text),
            Value::Number(raw) if raw.bytes().all(|b| b.is_ascii_digit() || b == b'-') => {
                Some(Cow::Borrowed(raw))
            }
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
            // As written it is exact (M1); what doubles leave behind the last place is rounded away.
            Value::Number(raw) => Amount::parse(raw).or_else(|_| Amount::parse_json_number(raw)),
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

    pub(crate) fn quantity(
        &mut self,
        value: Value<'a>,
        prefix: &str,
        name: &str,
    ) -> Option<Quantity> {
        let parsed = match &value {
            Value::Text(text) => Quantity::parse(text.trim()),
            Value::Number(raw) => Quantity::parse_json_number(raw),
            Value::Null => return None,
            _ => {
                self.wrong(
                    prefix,
                    name,
                    &value,
                    "a decimal number or text such as \"1.5\"",
                );
                return None;
            }
        };
        match parsed {
            Ok(quantity) => Some(quantity),
            Err(why) => {
                self.draft.fail(
                    RejectCode::InvalidField,
                    format!("{prefix}{name}"),
                    format!("{why}; accepted is a decimal such as 1.5 with at most 3 places"),
                );
                None
            }
        }
    }

    pub(crate) fn whole(&mut self, value: Value<'a>, prefix: &str, name: &str) -> Option<i64> {
        let found = match &value {
            Value::Null => return None,
            Value::Text(text) => whole_number(text.trim()),
            Value::Number(raw) => whole_number(raw),
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
            Value::Text(text) => Micros::parse(text),
            Value::Number(raw) => Micros::parse_number(raw),
            Value::Null => return,
            _ => None,
        };
        match time {
            Some(time) => self.draft.time = Some(time),
            None => self.draft.fail(
                RejectCode::InvalidTime,
                "time",
                "is not a time with a zone; accepted is RFC 3339 such as 2026-11-21T08:00:00.123Z, its usual variants, RFC 2822, or seconds, milliseconds or microseconds since 1970",
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
