//! Texts.

use std::fmt::Write as _;

use arrow::array::{Array as _, ArrayRef, StringArray};
use arrow::datatypes::DataType;
use datafusion::error::{DataFusionError, Result};

use super::cell::{Cell, Column, plain};
use super::interval::DAY;
use super::moment::{self, TimeZone};
use super::number::numeric_text;
use super::scalar::{Context, Definition, Gives, Kind, many, of, pure, stable, with_nulls};
use crate::settings::Settings;

use Kind::{Any, Bytes, Int, Text};

type Answer = Result<Cell<'static>>;

fn bad(message: impl Into<String>) -> DataFusionError {
    DataFusionError::Execution(message.into())
}

fn text(value: impl Into<String>) -> Answer {
    Ok(Cell::Text(value.into().into()))
}

/// The functions of texts.
pub(crate) const FUNCTIONS: &[Definition] = &[
    // What casts to text are, and what `||` makes of what is no text.
    stable(
        "to_text",
        &[of(&[Any], Gives::Text, |c, a| {
            text(shown(&a[0], c, "true", "false")?)
        })],
    ),
    // A real's digits, as Arrow writes them.
    pure(
        "real_text",
        &[of(&[Text], Gives::Text, |_, a| {
            text(a[0].as_str().trim_end_matches(".0"))
        })],
    ),
    pure(
        "trim_value",
        &[of(&[Text], Gives::Text, |_, a| text(a[0].as_str().trim()))],
    ),
    pure(
        "to_bytes",
        &[of(&[Text], Gives::Bytes, |_, a| bytes(a[0].as_str()))],
    ),
    with_nulls(
        "concat",
        &[many(&[Any], Any, Gives::Text, |c, a| {
            let mut all = String::new();
            for cell in a {
                all.push_str(&shown(cell, c, "t", "f")?);
            }
            text(all)
        })],
    ),
    with_nulls(
        "concat_ws",
        &[many(&[Text], Any, Gives::Text, |c, a| {
            let Cell::Text(separator) = &a[0] else {
                return Ok(Cell::Null);
            };
            let parts = a[1..].iter().filter(|cell| !cell.is_null());
            let parts: Vec<String> = parts
                .map(|cell| shown(cell, c, "t", "f"))
                .collect::<Result<_>>()?;
            text(parts.join(separator))
        })],
    ),
    pure(
        "substring",
        &[
            of(&[Text, Int], Gives::Text, |_, a| {
                text(substring(a[0].as_str(), a[1].as_int(), None)?)
            }),
            of(&[Text, Int, Int], Gives::Text, |_, a| {
                text(substring(
                    a[0].as_str(),
                    a[1].as_int(),
                    Some(a[2].as_int()),
                )?)
            }),
            of(&[Text, Text], Gives::Text, |_, a| {
                let regex = super::regex::compiled(a[1].as_str(), "")?;
                let found = regex.captures(a[0].as_str());
                Ok(found.map_or(Cell::Null, |found| {
                    let part = found.get(if found.len() > 1 { 1 } else { 0 });
                    part.map_or(Cell::Null, |part| Cell::text(part.as_str().to_owned()))
                }))
            }),
        ],
    ),
    pure(
        "substr",
        &[
            of(&[Text, Int], Gives::Text, |_, a| {
                text(substring(a[0].as_str(), a[1].as_int(), None)?)
            }),
            of(&[Text, Int, Int], Gives::Text, |_, a| {
                text(substring(
                    a[0].as_str(),
                    a[1].as_int(),
                    Some(a[2].as_int()),
                )?)
            }),
        ],
    ),
    pure(
        "left",
        &[of(&[Text, Int], Gives::Text, |_, a| {
            let count = a[0].as_str().chars().count();
            text(
                a[0].as_str()
                    .chars()
                    .take(kept(count, a[1].as_int()))
                    .collect::<String>(),
            )
        })],
    ),
    pure(
        "right",
        &[of(&[Text, Int], Gives::Text, |_, a| {
            let count = a[0].as_str().chars().count();
            text(
                a[0].as_str()
                    .chars()
                    .skip(count - kept(count, a[1].as_int()))
                    .collect::<String>(),
            )
        })],
    ),
    pure(
        "initcap",
        &[of(&[Text], Gives::Text, |_, a| {
            let mut within = false;
            let mut all = String::new();
            for c in a[0].as_str().chars() {
                if within {
                    all.extend(c.to_lowercase());
                } else {
                    all.extend(c.to_uppercase());
                }
                within = c.is_alphanumeric();
            }
            text(all)
        })],
    ),
    pure(
        "upper",
        &[of(&[Text], Gives::Text, |_, a| {
            // A letter whose capital is several letters stays, as in PostgreSQL.
            let capital = |c: char| {
                let mut all = c.to_uppercase();
                match (all.next(), all.next()) {
                    (Some(one), None) => one,
                    _ => c,
                }
            };
            text(a[0].as_str().chars().map(capital).collect::<String>())
        })],
    ),
    pure(
        "starts_with",
        &[of(&[Text, Text], Gives::Bool, |_, a| {
            Ok(Cell::Bool(a[0].as_str().starts_with(a[1].as_str())))
        })],
    ),
    pure(
        "replace",
        &[of(&[Text, Text, Text], Gives::Text, |_, a| {
            // What is empty is found nowhere.
            text(if a[1].as_str().is_empty() {
                a[0].as_str().to_owned()
            } else {
                a[0].as_str().replace(a[1].as_str(), a[2].as_str())
            })
        })],
    ),
    pure(
        "split_part",
        &[of(&[Text, Text, Int], Gives::Text, |_, a| {
            split_part(a[0].as_str(), a[1].as_str(), a[2].as_int())
        })],
    ),
    pure(
        "ascii",
        &[of(&[Text], Gives::Int4, |_, a| {
            Ok(Cell::Int(
                a[0].as_str()
                    .chars()
                    .next()
                    .map_or(0, |c| i64::from(u32::from(c))),
            ))
        })],
    ),
    pure(
        "chr",
        &[of(&[Int], Gives::Text, |_, a| {
            let found = u32::try_from(a[0].as_int())
                .ok()
                .filter(|code| *code != 0)
                .and_then(char::from_u32);
            found.map_or_else(
                || Err(bad("requested character not valid for encoding")),
                |c| text(c.to_string()),
            )
        })],
    ),
    pure(
        "to_hex",
        &[of(&[Int], Gives::Text, |_, a| {
            let value = a[0].as_int();
            // An integer of 32 bits shows its 32 bits.
            text(
                i32::try_from(value)
                    .map_or_else(|_| format!("{value:x}"), |value| format!("{value:x}")),
            )
        })],
    ),
    pure(
        "md5",
        &[
            of(&[Text], Gives::Text, |_, a| {
                text(super::digest::md5_hex(a[0].as_str().as_bytes()))
            }),
            of(&[Bytes], Gives::Text, |_, a| {
                text(super::digest::md5_hex(raw(&a[0])))
            }),
        ],
    ),
    pure(
        "octet_length",
        &[
            of(&[Text], Gives::Int4, |_, a| length(a[0].as_str().len())),
            of(&[Bytes], Gives::Int4, |_, a| length(raw(&a[0]).len())),
        ],
    ),
    pure(
        "bit_length",
        &[
            of(&[Text], Gives::Int4, |_, a| length(a[0].as_str().len() * 8)),
            of(&[Bytes], Gives::Int4, |_, a| length(raw(&a[0]).len() * 8)),
        ],
    ),
    pure(
        "length",
        &[
            of(&[Text], Gives::Int4, |_, a| {
                length(a[0].as_str().chars().count())
            }),
            of(&[Bytes], Gives::Int4, |_, a| length(raw(&a[0]).len())),
        ],
    ),
    pure(
        "char_length",
        &[of(&[Text], Gives::Int4, |_, a| {
            length(a[0].as_str().chars().count())
        })],
    ),
    pure(
        "character_length",
        &[of(&[Text], Gives::Int4, |_, a| {
            length(a[0].as_str().chars().count())
        })],
    ),
    pure(
        "encode",
        &[of(&[Bytes, Text], Gives::Text, |_, a| {
            encoded(raw(&a[0]), a[1].as_str())
        })],
    ),
    pure(
        "decode",
        &[of(&[Text, Text], Gives::Bytes, |_, a| {
            decoded(a[0].as_str(), a[1].as_str())
        })],
    ),
    with_nulls(
        "format",
        &[many(&[Text], Any, Gives::Text, |c, a| match &a[0] {
            Cell::Text(pattern) => formatted(pattern, &a[1..], c),
            _ => Ok(Cell::Null),
        })],
    ),
    stable(
        "quote_literal",
        &[of(&[Any], Gives::Text, |c, a| {
            text(quoted_literal(&shown(&a[0], c, "true", "false")?))
        })],
    ),
    with_nulls(
        "quote_nullable",
        &[of(&[Any], Gives::Text, |c, a| {
            if a[0].is_null() {
                return text("NULL");
            }
            text(quoted_literal(&shown(&a[0], c, "true", "false")?))
        })],
    ),
    pure(
        "unistr",
        &[of(&[Text], Gives::Text, |_, a| unistr(a[0].as_str()))],
    ),
    pure(
        "like_escape",
        &[of(&[Text, Text], Gives::Text, |_, a| {
            like_escape(a[0].as_str(), a[1].as_str())
        })],
    ),
    with_nulls(
        "num_nulls",
        &[many(&[], Any, Gives::Int4, |_, a| {
            length(a.iter().filter(|cell| cell.is_null()).count())
        })],
    ),
    with_nulls(
        "num_nonnulls",
        &[many(&[], Any, Gives::Int4, |_, a| {
            length(a.iter().filter(|cell| !cell.is_null()).count())
        })],
    ),
    with_nulls(
        "json_build_object",
        &[many(&[], Any, Gives::Text, |c, a| json_object(a, c))],
    ),
];

fn length(count: usize) -> Answer {
    i64::try_from(count)
        .map(Cell::Int)
        .map_err(|_| super::cell::out_of_range("integer"))
}

fn raw<'a>(cell: &'a Cell<'_>) -> &'a [u8] {
    match cell {
        Cell::Bytes(bytes) => bytes,
        Cell::Text(text) => text.as_bytes(),
        _ => &[],
    }
}

/// How many of so many characters `left` and `right` keep.
fn kept(count: usize, asked: i64) -> usize {
    let size = usize::try_from(asked.unsigned_abs()).unwrap_or(usize::MAX);
    if asked < 0 {
        count.saturating_sub(size)
    } else {
        size.min(count)
    }
}

/// A column's values as PostgreSQL sends them in text.
///
/// # Errors
/// When there is no text of their type.
pub(crate) fn texts(array: &ArrayRef, settings: &Settings) -> Result<StringArray> {
    let array = plain(array)?;
    let column = Column::new(&array)?;
    let zone = TimeZone::of(&settings.zone());
    let context = Context {
        zone: &zone,
        gives: &DataType::Utf8,
    };
    (0..array.len())
        .map(|row| match column.get(row) {
            Cell::Null => Ok(None),
            cell => shown(&cell, &context, "t", "f").map(Some),
        })
        .collect()
}

/// A value as PostgreSQL writes it.
fn shown(cell: &Cell<'_>, context: &Context<'_>, yes: &str, no: &str) -> Result<String> {
    Ok(match cell {
        Cell::Null => String::new(),
        Cell::Bool(value) => if *value { yes } else { no }.to_owned(),
        Cell::Int(value) => value.to_string(),
        Cell::Float(value) => float_text(*value),
        Cell::Numeric(value, scale) => numeric_text(*value, *scale),
        Cell::Text(value) => value.to_string(),
        Cell::Bytes(value) => format!("\\x{}", hex(value)),
        Cell::Date(days) => moment::date(*days)?.to_string(),
        Cell::Time(value) => clock(*value),
        Cell::Stamp(value) => stamp(*value)?,
        Cell::Moment(value) => moment_text(*value, *context.zone)?,
        Cell::Interval(value) => value.to_text(),
        Cell::List(items) => {
            let items = plain(items)?;
            let column = Column::new(&items)?;
            let texts: Vec<String> = (0..items.len())
                .map(|row| {
                    let cell = column.get(row);
                    Ok(match &cell {
                        Cell::Null => "NULL".to_owned(),
                        Cell::List(_) => shown(&cell, context, "t", "f")?,
                        _ => array_item(&shown(&cell, context, "t", "f")?),
                    })
                })
                .collect::<Result<_>>()?;
            format!("{{{}}}", texts.join(","))
        }
    })
}

/// An array's item, in quotes where it must be.
fn array_item(item: &str) -> String {
    let plain = !item.is_empty()
        && !item.eq_ignore_ascii_case("null")
        && !item.contains(['{', '}', ',', '"', '\\'])
        && !item.contains(char::is_whitespace);
    if plain {
        return item.to_owned();
    }
    format!("\"{}\"", item.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A double as PostgreSQL writes it: as few digits as give it back.
pub(crate) fn float_text(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..15).contains(&exponent) {
        return format!("{value}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

fn clock(micros: i64) -> String {
    let (seconds, rest) = (micros / 1_000_000, micros % 1_000_000);
    let mut all = format!(
        "{:02}:{:02}:{:02}",
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60
    );
    if rest != 0 {
        let fraction = format!(".{rest:06}");
        all.push_str(fraction.trim_end_matches('0'));
    }
    all
}

fn stamp(at: i64) -> Result<String> {
    let days =
        i32::try_from(at.div_euclid(DAY)).map_err(|_| super::cell::out_of_range("timestamp"))?;
    Ok(format!(
        "{} {}",
        moment::date(days)?,
        clock(at.rem_euclid(DAY))
    ))
}

fn moment_text(at: i64, zone: TimeZone) -> Result<String> {
    let offset = zone.offset(at)?;
    let (sign, size) = (if offset < 0 { '-' } else { '+' }, offset.abs());
    let mut all = format!("{}{sign}{:02}", stamp(zone.local(at)?)?, size / 3_600);
    if size % 3_600 != 0 {
        let _ = write!(all, ":{:02}", size % 3_600 / 60);
    }
    Ok(all)
}

/// Characters from a place on, counted from 1; a place before the first counts among the length.
fn substring(text: &str, from: i64, length: Option<i64>) -> Result<String> {
    let end = match length {
        Some(length) if length < 0 => return Err(bad("negative substring length not allowed")),
        Some(length) => from.saturating_add(length),
        None => i64::MAX,
    };
    let start = from.max(1);
    if end <= start {
        return Ok(String::new());
    }
    let skip = usize::try_from(start - 1).unwrap_or(usize::MAX);
    let take = usize::try_from(end - start).unwrap_or(usize::MAX);
    Ok(text.chars().skip(skip).take(take).collect())
}

fn split_part(text: &str, by: &str, at: i64) -> Answer {
    if at == 0 {
        return Err(bad("field position must not be zero"));
    }
    let parts: Vec<&str> = if by.is_empty() {
        vec![text]
    } else {
        text.split(by).collect()
    };
    let place = if at > 0 {
        usize::try_from(at - 1).ok()
    } else {
        usize::try_from(at.unsigned_abs())
            .ok()
            .and_then(|back| parts.len().checked_sub(back))
    };
    Ok(Cell::text(
        place
            .and_then(|place| parts.get(place))
            .copied()
            .unwrap_or_default()
            .to_owned(),
    ))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut all, byte| {
        let _ = write!(all, "{byte:02x}");
        all
    })
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    digits
        .chunks(2)
        .map(|pair| {
            let pair = std::str::from_utf8(pair).ok()?;
            u8::from_str_radix(pair, 16).ok()
        })
        .collect()
}

/// The bytes of a text: `\x` and hexadecimal digits, or characters with octal escapes.
fn bytes(text: &str) -> Answer {
    let wrong = || bad("invalid input syntax for type bytea");
    if let Some(digits) = text.strip_prefix("\\x") {
        return from_hex(digits)
            .map(|bytes| Cell::Bytes(bytes.into()))
            .ok_or_else(wrong);
    }
    unescaped(text)
        .map(|bytes| Cell::Bytes(bytes.into()))
        .ok_or_else(wrong)
}

fn unescaped(text: &str) -> Option<Vec<u8>> {
    let (mut all, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        if *first != b'\\' {
            all.push(*first);
            rest = after;
        } else if after.first() == Some(&b'\\') {
            all.push(b'\\');
            rest = &after[1..];
        } else {
            let digits = std::str::from_utf8(after.get(..3)?).ok()?;
            all.push(u8::from_str_radix(digits, 8).ok()?);
            rest = &after[3..];
        }
    }
    Some(all)
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn encoded(bytes: &[u8], form: &str) -> Answer {
    text(match form.to_lowercase().as_str() {
        "hex" => hex(bytes),
        "escape" => bytes.iter().fold(String::new(), |mut all, byte| {
            match byte {
                b'\\' => all.push_str("\\\\"),
                0 | 128.. => {
                    let _ = write!(all, "\\{byte:03o}");
                }
                _ => all.push(char::from(*byte)),
            }
            all
        }),
        "base64" => {
            let mut all = String::new();
            for (at, chunk) in bytes.chunks(3).enumerate() {
                // Lines of 76 characters.
                if at > 0 && at % 19 == 0 {
                    all.push('\n');
                }
                let word = chunk.iter().enumerate().fold(0_u32, |word, (at, byte)| {
                    word | u32::from(*byte) << (16 - 8 * at)
                });
                for place in 0..4 {
                    let digit = (word >> (18 - 6 * place)) & 63;
                    all.push(if place <= chunk.len() {
                        char::from(BASE64[digit as usize])
                    } else {
                        '='
                    });
                }
            }
            all
        }
        other => return Err(bad(format!("unrecognized encoding: \"{other}\""))),
    })
}

fn decoded(text: &str, form: &str) -> Answer {
    let bytes = match form.to_lowercase().as_str() {
        "hex" => from_hex(text),
        "escape" => unescaped(text),
        "base64" => {
            let (mut all, mut word, mut bits) = (Vec::new(), 0_u32, 0);
            let mut right = true;
            for byte in text
                .bytes()
                .filter(|b| !b.is_ascii_whitespace() && *b != b'=')
            {
                let digit = BASE64.iter().position(|digit| *digit == byte);
                right &= digit.is_some();
                word = word << 6 | u32::try_from(digit.unwrap_or(0)).unwrap_or(0);
                bits += 6;
                if bits >= 8 {
                    bits -= 8;
                    all.push(u8::try_from(word >> bits & 255).unwrap_or(0));
                }
            }
            right.then_some(all)
        }
        other => return Err(bad(format!("unrecognized encoding: \"{other}\""))),
    };
    bytes
        .map(|bytes| Cell::Bytes(bytes.into()))
        .ok_or_else(|| bad(format!("invalid {form} data")))
}

fn quoted_literal(value: &str) -> String {
    let quoted = value.replace('\'', "''").replace('\\', "\\\\");
    if value.contains('\\') {
        format!("E'{quoted}'")
    } else {
        format!("'{quoted}'")
    }
}

/// `format` with `%s`, `%I`, `%L`, positions and widths.
fn formatted(pattern: &str, args: &[Cell<'_>], context: &Context<'_>) -> Answer {
    let (mut all, mut next) = (String::new(), 0);
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            all.push(c);
            continue;
        }
        if chars.next_if_eq(&'%').is_some() {
            all.push('%');
            continue;
        }
        let number = |chars: &mut std::iter::Peekable<std::str::Chars<'_>>| {
            let mut digits = String::new();
            while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                digits.push(digit);
            }
            digits.parse::<usize>().ok()
        };
        let mut left = chars.next_if_eq(&'-').is_some();
        let mut width = if left { None } else { number(&mut chars) };
        if width.is_some() && chars.next_if_eq(&'$').is_some() {
            next = width.take().unwrap_or(1).saturating_sub(1);
            left = chars.next_if_eq(&'-').is_some();
            width = number(&mut chars);
        } else if left {
            width = number(&mut chars);
        }
        let kind = chars
            .next()
            .ok_or_else(|| bad("unterminated format() type specifier"))?;
        let cell = args
            .get(next)
            .ok_or_else(|| bad("too few arguments for format()"))?;
        next += 1;
        let value = match (kind, cell) {
            ('s', cell) => shown(cell, context, "t", "f")?,
            ('I', Cell::Null) => {
                return Err(bad("null values cannot be formatted as an SQL identifier"));
            }
            ('I', cell) => crate::settings::quoted(&shown(cell, context, "t", "f")?),
            ('L', Cell::Null) => "NULL".to_owned(),
            ('L', cell) => quoted_literal(&shown(cell, context, "t", "f")?),
            (other, _) => {
                return Err(bad(format!(
                    "unrecognized format() type specifier \"{other}\""
                )));
            }
        };
        let missing = width.unwrap_or(0).saturating_sub(value.chars().count());
        let blanks = " ".repeat(missing);
        if left {
            all.push_str(&value);
            all.push_str(&blanks);
        } else {
            all.push_str(&blanks);
            all.push_str(&value);
        }
    }
    text(all)
}

fn unistr(value: &str) -> Answer {
    let wrong = || bad("invalid Unicode escape");
    let (mut all, mut rest) = (String::new(), value);
    while let Some(at) = rest.find('\\') {
        all.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('\\') {
            all.push('\\');
            rest = after;
            continue;
        }
        let (skip, digits) = match rest.as_bytes().first() {
            Some(b'+') => (1, 6),
            Some(b'u') => (1, 4),
            Some(b'U') => (1, 8),
            _ => (0, 4),
        };
        let code = rest.get(skip..skip + digits).ok_or_else(wrong)?;
        let code = u32::from_str_radix(code, 16)
            .ok()
            .and_then(char::from_u32)
            .ok_or_else(wrong)?;
        all.push(code);
        rest = &rest[skip + digits..];
    }
    all.push_str(rest);
    text(all)
}

fn like_escape(pattern: &str, escape: &str) -> Answer {
    let mut escapes = escape.chars();
    let (escape, more) = (escapes.next(), escapes.next());
    if more.is_some() {
        return Err(bad("invalid escape string"));
    }
    let (mut all, mut rest) = (String::new(), pattern.chars());
    while let Some(c) = rest.next() {
        if Some(c) == escape {
            all.push('\\');
            all.extend(rest.next());
        } else {
            if c == '\\' {
                all.push('\\');
            }
            all.push(c);
        }
    }
    text(all)
}

/// An object of names and values, as text.
fn json_object(args: &[Cell<'_>], context: &Context<'_>) -> Answer {
    if !args.len().is_multiple_of(2) {
        return Err(bad("argument list must have even number of elements"));
    }
    let mut parts = Vec::new();
    for pair in args.chunks(2) {
        let value = match &pair[1] {
            Cell::Null => "null".to_owned(),
            cell @ (Cell::Bool(_) | Cell::Int(_) | Cell::Float(_) | Cell::Numeric(..)) => {
                shown(cell, context, "true", "false")?
            }
            cell => serde_json::Value::String(shown(cell, context, "true", "false")?).to_string(),
        };
        let name = serde_json::Value::String(shown(&pair[0], context, "true", "false")?);
        parts.push(format!("{name} : {value}"));
    }
    text(format!("{{{}}}", parts.join(", ")))
}

/// The items of an array written as PostgreSQL writes it: `{a,"b c",NULL}`. `None` when it is none of one dimension.
pub(crate) fn array_items(text: &str) -> Option<Vec<Option<String>>> {
    let inner = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    let (mut items, mut item) = (Vec::new(), String::new());
    let (mut quoted, mut was_quoted, mut any) = (false, false, false);
    let mut chars = inner.chars();
    let mut push = |item: &mut String, was_quoted: &mut bool| {
        let text = if *was_quoted {
            std::mem::take(item)
        } else {
            item.trim().to_owned()
        };
        let missing = !*was_quoted && text.eq_ignore_ascii_case("null");
        let empty = !*was_quoted && text.is_empty();
        item.clear();
        *was_quoted = false;
        items.push((!missing).then_some(text));
        !empty
    };
    while let Some(c) = chars.next() {
        any |= !c.is_whitespace();
        match c {
            '\\' => item.push(chars.next()?),
            '"' => {
                quoted = !quoted;
                was_quoted = true;
            }
            ',' if !quoted => {
                if !push(&mut item, &mut was_quoted) {
                    return None;
                }
            }
            '{' | '}' if !quoted => return None,
            c => item.push(c),
        }
    }
    if quoted {
        return None;
    }
    if any && !push(&mut item, &mut was_quoted) {
        return None;
    }
    Some(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_are_read_as_postgresql_writes_them() {
        let some = |texts: &[&str]| Some(texts.iter().map(|t| Some((*t).to_owned())).collect());
        assert_eq!(array_items("{a, b}"), some(&["a", "b"]));
        assert_eq!(array_items("{}"), some(&[]));
        assert_eq!(array_items("{\"a,b\",\"\"}"), some(&["a,b", ""]));
        assert_eq!(
            array_items("{NULL,\"NULL\"}"),
            Some(vec![None, Some("NULL".to_owned())])
        );
        assert_eq!(array_items("{a,}"), None);
        assert_eq!(array_items("a,b"), None);
        assert_eq!(array_items("{{1},{2}}"), None);
    }
}
