//! Regular expressions: PostgreSQL's advanced ones in the words of the `regex` crate.
//!
//! Where several alternatives match at one place, PostgreSQL takes the longest and this takes the first; so what looks around
//! (`(?=`) and back (`\1` in a pattern) is refused, and alternatives are documented in docs/sql-functions.md.

use std::cell::RefCell;
use std::collections::HashMap;

use arrow::array::{Array as _, ArrayRef, StringArray};
use datafusion::error::{DataFusionError, Result};
use regex::Regex;

use super::cell::Cell;
use super::scalar::{Definition, Gives, Kind, of, pure};

use Kind::{Int, Text};

type Answer = Result<Cell<'static>>;

fn bad(message: impl Into<String>) -> DataFusionError {
    DataFusionError::Execution(message.into())
}

/// A pattern in the crate's words.
///
/// # Errors
/// When it uses what there is no counterpart for.
pub(crate) fn pattern(text: &str) -> Result<String> {
    // A point is any character, a line's end included.
    let mut all = String::from("(?s)");
    let mut chars = text.chars().peekable();
    let mut within = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('m') if !within => all.push_str(r"\b{start}"),
                Some('M') if !within => all.push_str(r"\b{end}"),
                Some('y') if !within => all.push_str(r"\b"),
                Some('Y') if !within => all.push_str(r"\B"),
                Some('Z') if !within => all.push_str(r"\z"),
                Some(digit @ '1'..='9') => {
                    return Err(bad(format!(
                        "back references (\\{digit}) are not offered in patterns"
                    )));
                }
                Some(other) => all.extend(['\\', other]),
                None => {
                    return Err(bad(
                        "invalid regular expression: invalid escape \\ sequence",
                    ));
                }
            },
            '[' if !within => {
                within = true;
                all.push('[');
                if chars.next_if_eq(&'^').is_some() {
                    all.push('^');
                }
                if chars.next_if_eq(&']').is_some() {
                    all.push_str(r"\]");
                }
            }
            // `[:alpha:]` and its like are the crate's own.
            '[' => {
                if chars.peek() == Some(&':') {
                    all.push('[');
                    for inner in chars.by_ref() {
                        all.push(inner);
                        if inner == ']' {
                            break;
                        }
                    }
                } else {
                    all.push_str(r"\[");
                }
            }
            ']' if within => {
                within = false;
                all.push(']');
            }
            '&' | '~' if within => all.extend(['\\', c]),
            c => all.push(c),
        }
    }
    Ok(all)
}

thread_local! {
    static COMPILED: RefCell<HashMap<(String, String), Regex>> = RefCell::default();
}

/// The expression of a pattern and flags: `i`, `c`, `g`, `n`, `s`, `x`.
///
/// # Errors
/// When it is none.
pub(super) fn compiled(text: &str, flags: &str) -> Result<Regex> {
    let key = (text.to_owned(), flags.to_owned());
    if let Some(found) = COMPILED.with_borrow(|all| all.get(&key).cloned()) {
        return Ok(found);
    }
    let mut inline = String::new();
    for flag in flags.chars() {
        match flag {
            'g' => {}
            'i' => inline.push_str("(?i)"),
            'c' => inline.push_str("(?-i)"),
            's' => inline.push_str("(?s)"),
            'n' | 'm' => inline.push_str("(?m-s)"),
            'x' => inline.push_str("(?x)"),
            other => {
                return Err(bad(format!(
                    "invalid regular expression option: \"{other}\""
                )));
            }
        }
    }
    let written = pattern(text)?;
    let written = format!("(?s){inline}{}", written.trim_start_matches("(?s)"));
    let compiled = regex::RegexBuilder::new(&written)
        .size_limit(1 << 20)
        .build()
        .map_err(|error| bad(format!("invalid regular expression: {}", last_line(&error))))?;
    COMPILED.with_borrow_mut(|all| {
        if all.len() > 100 {
            all.clear();
        }
        all.insert(key, compiled.clone());
    });
    Ok(compiled)
}

fn last_line(error: &regex::Error) -> String {
    error
        .to_string()
        .lines()
        .last()
        .unwrap_or_default()
        .trim()
        .to_owned()
}

/// `\1` and `\&` of a replacement, in the crate's words.
fn replacement(text: &str) -> String {
    let mut all = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(digit @ '0'..='9') => all.push_str(&format!("${{{digit}}}")),
                Some('&') => all.push_str("${0}"),
                Some(other) => all.push(other),
                None => all.push('\\'),
            },
            '$' => all.push_str("$$"),
            c => all.push(c),
        }
    }
    all
}

fn texts(items: Vec<Option<String>>) -> Cell<'static> {
    let items: ArrayRef = std::sync::Arc::new(StringArray::from(items));
    debug_assert!(items.len() < usize::MAX);
    Cell::List(items)
}

/// The groups of a match, or all of it when it has none.
fn groups(found: &regex::Captures<'_>) -> Vec<Option<String>> {
    let owned = |part: Option<regex::Match<'_>>| part.map(|part| part.as_str().to_owned());
    if found.len() == 1 {
        return vec![owned(found.get(0))];
    }
    (1..found.len()).map(|at| owned(found.get(at))).collect()
}

fn replace(a: &[Cell<'_>], flags: &str) -> Answer {
    let regex = compiled(a[1].as_str(), flags)?;
    let with = replacement(a[2].as_str());
    let limit = usize::from(!flags.contains('g'));
    Ok(Cell::Text(
        regex
            .replacen(a[0].as_str(), limit, with.as_str())
            .into_owned()
            .into(),
    ))
}

fn first(a: &[Cell<'_>], flags: &str) -> Answer {
    if flags.contains('g') {
        return Err(bad("regexp_match() does not support the \"global\" option"));
    }
    let regex = compiled(a[1].as_str(), flags)?;
    Ok(regex
        .captures(a[0].as_str())
        .map_or(Cell::Null, |found| texts(groups(&found))))
}

fn split(a: &[Cell<'_>], flags: &str) -> Answer {
    let (text, regex) = (a[0].as_str(), compiled(a[1].as_str(), flags)?);
    let (mut parts, mut start) = (Vec::new(), 0);
    for found in regex.find_iter(text) {
        // A match of nothing at the beginning or end, or right after one, parts nothing.
        if found.is_empty() && (found.start() == start || found.end() == text.len()) {
            continue;
        }
        parts.push(Some(text[start..found.start()].to_owned()));
        start = found.end();
    }
    parts.push(Some(text[start..].to_owned()));
    Ok(texts(parts))
}

/// The byte at which a character's place begins.
fn place(text: &str, at: i64) -> Result<usize> {
    let skip = usize::try_from(at - 1).map_err(|_| bad("invalid value for parameter \"start\""))?;
    Ok(text
        .char_indices()
        .nth(skip)
        .map_or(text.len(), |(at, _)| at))
}

fn count(a: &[Cell<'_>], start: i64, flags: &str) -> Answer {
    let text = a[0].as_str();
    let regex = compiled(a[1].as_str(), flags)?;
    let count = regex.find_iter(&text[place(text, start)?..]).count();
    Ok(Cell::Int(i64::try_from(count).unwrap_or(i64::MAX)))
}

fn like(a: &[Cell<'_>], flags: &str) -> Answer {
    Ok(Cell::Bool(
        compiled(a[1].as_str(), flags)?.is_match(a[0].as_str()),
    ))
}

/// SIMILAR TO's pattern as a regular expression over the whole text.
fn similar(text: &str, escape: Option<char>) -> Answer {
    let mut all = String::from("^(?:");
    let mut chars = text.chars();
    let mut within = false;
    while let Some(c) = chars.next() {
        if Some(c) == escape {
            let next = chars.next().ok_or_else(|| bad("invalid escape sequence"))?;
            if next == '"' {
                return Err(bad(
                    "SIMILAR with separators is not offered; use substring with a regular expression",
                ));
            }
            // Letters after the escape are a regular expression's own.
            all.push('\\');
            all.push(next);
            continue;
        }
        match c {
            '[' => {
                within = true;
                all.push(c);
            }
            ']' => {
                within = false;
                all.push(c);
            }
            _ if within => all.push(c),
            '%' => all.push_str(".*"),
            '_' => all.push('.'),
            '.' | '^' | '$' | '\\' => all.extend(['\\', c]),
            '(' => all.push_str("(?:"),
            c => all.push(c),
        }
    }
    all.push_str(")$");
    Ok(Cell::Text(all.into()))
}

/// The functions of regular expressions.
pub(crate) const FUNCTIONS: &[Definition] = &[
    pure(
        "pattern",
        &[of(&[Text], Gives::Text, |_, a| {
            Ok(Cell::Text(pattern(a[0].as_str())?.into()))
        })],
    ),
    pure(
        "regexp_replace",
        &[
            of(&[Text, Text, Text], Gives::Text, |_, a| replace(a, "")),
            of(&[Text, Text, Text, Text], Gives::Text, |_, a| {
                replace(a, a[3].as_str())
            }),
        ],
    ),
    pure(
        "regexp_match",
        &[
            of(&[Text, Text], Gives::TextList, |_, a| first(a, "")),
            of(&[Text, Text, Text], Gives::TextList, |_, a| {
                first(a, a[2].as_str())
            }),
        ],
    ),
    pure(
        "regexp_split_to_array",
        &[
            of(&[Text, Text], Gives::TextList, |_, a| split(a, "")),
            of(&[Text, Text, Text], Gives::TextList, |_, a| {
                split(a, a[2].as_str())
            }),
        ],
    ),
    pure(
        "regexp_split_to_table",
        &[
            of(&[Text, Text], Gives::TextList, |_, a| split(a, "")),
            of(&[Text, Text, Text], Gives::TextList, |_, a| {
                split(a, a[2].as_str())
            }),
        ],
    ),
    pure(
        "regexp_count",
        &[
            of(&[Text, Text], Gives::Int4, |_, a| count(a, 1, "")),
            of(&[Text, Text, Int], Gives::Int4, |_, a| {
                count(a, a[2].as_int(), "")
            }),
            of(&[Text, Text, Int, Text], Gives::Int4, |_, a| {
                count(a, a[2].as_int(), a[3].as_str())
            }),
        ],
    ),
    pure(
        "regexp_like",
        &[
            of(&[Text, Text], Gives::Bool, |_, a| like(a, "")),
            of(&[Text, Text, Text], Gives::Bool, |_, a| {
                like(a, a[2].as_str())
            }),
        ],
    ),
    pure(
        "regexp_substr",
        &[
            of(&[Text, Text], Gives::Text, |_, a| substr(a, 1, 1, "", 0)),
            of(&[Text, Text, Int], Gives::Text, |_, a| {
                substr(a, a[2].as_int(), 1, "", 0)
            }),
            of(&[Text, Text, Int, Int], Gives::Text, |_, a| {
                substr(a, a[2].as_int(), a[3].as_int(), "", 0)
            }),
            of(&[Text, Text, Int, Int, Text], Gives::Text, |_, a| {
                substr(a, a[2].as_int(), a[3].as_int(), a[4].as_str(), 0)
            }),
            of(&[Text, Text, Int, Int, Text, Int], Gives::Text, |_, a| {
                substr(
                    a,
                    a[2].as_int(),
                    a[3].as_int(),
                    a[4].as_str(),
                    a[5].as_int(),
                )
            }),
        ],
    ),
    pure(
        "regexp_instr",
        &[
            of(&[Text, Text], Gives::Int4, |_, a| instr(a, 1, 1, 0, "", 0)),
            of(&[Text, Text, Int], Gives::Int4, |_, a| {
                instr(a, a[2].as_int(), 1, 0, "", 0)
            }),
            of(&[Text, Text, Int, Int], Gives::Int4, |_, a| {
                instr(a, a[2].as_int(), a[3].as_int(), 0, "", 0)
            }),
            of(&[Text, Text, Int, Int, Int], Gives::Int4, |_, a| {
                instr(a, a[2].as_int(), a[3].as_int(), a[4].as_int(), "", 0)
            }),
            of(&[Text, Text, Int, Int, Int, Text], Gives::Int4, |_, a| {
                instr(
                    a,
                    a[2].as_int(),
                    a[3].as_int(),
                    a[4].as_int(),
                    a[5].as_str(),
                    0,
                )
            }),
            of(
                &[Text, Text, Int, Int, Int, Text, Int],
                Gives::Int4,
                |_, a| {
                    instr(
                        a,
                        a[2].as_int(),
                        a[3].as_int(),
                        a[4].as_int(),
                        a[5].as_str(),
                        a[6].as_int(),
                    )
                },
            ),
        ],
    ),
    pure(
        "similar_to_escape",
        &[
            of(&[Text], Gives::Text, |_, a| {
                similar(a[0].as_str(), Some('\\'))
            }),
            of(&[Text, Text], Gives::Text, |_, a| {
                similar(a[0].as_str(), a[1].as_str().chars().next())
            }),
        ],
    ),
];

fn substr(a: &[Cell<'_>], start: i64, nth: i64, flags: &str, group: i64) -> Answer {
    let text = a[0].as_str();
    let regex = compiled(a[1].as_str(), flags)?;
    let nth = usize::try_from(nth - 1).map_err(|_| bad("invalid value for parameter \"n\""))?;
    let from = &text[place(text, start)?..];
    let found = regex.captures_iter(from).nth(nth);
    let part = found.and_then(|found| {
        found
            .get(usize::try_from(group).unwrap_or(usize::MAX))
            .map(|m| m.as_str().to_owned())
    });
    Ok(part.map_or(Cell::Null, |part| Cell::Text(part.into())))
}

/// The place of a match's begin, or of what follows it.
fn instr(a: &[Cell<'_>], start: i64, nth: i64, after: i64, flags: &str, group: i64) -> Answer {
    let text = a[0].as_str();
    let regex = compiled(a[1].as_str(), flags)?;
    let nth = usize::try_from(nth - 1).map_err(|_| bad("invalid value for parameter \"n\""))?;
    let from = place(text, start)?;
    let found = regex.captures_iter(&text[from..]).nth(nth);
    let part = found.and_then(|found| {
        let part = found.get(usize::try_from(group).unwrap_or(usize::MAX))?;
        Some(if after == 0 { part.start() } else { part.end() })
    });
    let at = part.map_or(0, |at| text[..from + at].chars().count() + 1);
    Ok(Cell::Int(i64::try_from(at).unwrap_or(i64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_postgresqls() {
        for (text, flags, of, matches) in [
            ("a.b", "", "a\nb", true),
            (r"\mabc\M", "", "x abc y", true),
            (r"\mabc\M", "", "xabc", false),
            ("^B", "i", "b", true),
            ("[[:digit:]]+", "", "a1", true),
            ("[]a]", "", "]", true),
            ("b$", "", "b\n", false),
        ] {
            assert_eq!(
                compiled(text, flags).unwrap().is_match(of),
                matches,
                "{text}"
            );
        }
        assert!(compiled("(?=a)", "").is_err());
        assert!(compiled(r"(a)\1", "").is_err());
    }
}
