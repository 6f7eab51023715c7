//! Builds the `properties` object: what the sender put there plus every field the event model does not know.

use std::borrow::Cow;

use crate::event::Text;

/// Collects a JSON object's text, borrowing the sender's own object as long as nothing has to be added to it.
#[derive(Debug, Default)]
pub(crate) struct Properties<'a> {
    sent: Option<Cow<'a, str>>,
    added: String,
}

impl<'a> Properties<'a> {
    /// The object the sender gave, as raw JSON text.
    pub(crate) fn set_sent(&mut self, raw: Cow<'a, str>) {
        self.sent = Some(match raw {
            Cow::Borrowed(raw) => with_characters(raw),
            Cow::Owned(raw) => Cow::Owned(with_characters(&raw).into_owned()),
        });
    }

    /// Adds an unknown field by its path (`product.colour`) and its raw JSON value.
    pub(crate) fn add_raw(&mut self, path: &str, raw_json: &str) {
        if !self.added.is_empty() {
            self.added.push(',');
        }
        push_json_string(&mut self.added, path);
        self.added.push(':');
        self.added.push_str(&with_characters(raw_json));
    }

    /// Adds an unknown field whose value is text.
    pub(crate) fn add_text(&mut self, path: &str, value: &str) {
        let mut raw = String::with_capacity(value.len() + 2);
        push_json_string(&mut raw, value);
        self.add_raw(path, &raw);
    }

    /// The whole object, `None` when there is nothing.
    pub(crate) fn finish(self) -> Option<Text<'a>> {
        let inner = self
            .sent
            .as_ref()
            .map_or("", |s| s.trim().trim_start_matches('{').trim_end())
            .trim();
        let inner = inner.strip_suffix('}').unwrap_or(inner).trim_end();
        if self.added.is_empty() {
            let empty = inner.is_empty();
            return self.sent.filter(|_| !empty);
        }
        let comma = if inner.is_empty() { "" } else { "," };
        Some(Cow::Owned(format!("{{{inner}{comma}{}}}", self.added)))
    }
}

/// JSON text in which escapes of half a surrogate pair are those of U+FFFD: they stand for no character, and readers of JSON refuse them.
pub(crate) fn with_characters(raw: &str) -> Cow<'_, str> {
    let bytes = raw.as_bytes();
    let mut out: Option<Vec<u8>> = None;
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'\\', &bytes[at..]) {
        let escape = at + found;
        let half = |from: usize| {
            let digits = bytes.get(from..from + 6)?.strip_prefix(b"\\u")?;
            let code = u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
            Some(code).filter(|code| (0xd800..0xe000).contains(code))
        };
        at = match half(escape) {
            None => escape + 2,
            Some(first) => {
                let pair =
                    first < 0xdc00 && half(escape + 6).is_some_and(|second| second >= 0xdc00);
                if pair {
                    escape + 12
                } else {
                    let out = out.get_or_insert_with(|| bytes.to_vec());
                    out[escape + 2..escape + 6].copy_from_slice(b"fffd");
                    escape + 6
                }
            }
        };
        if at >= bytes.len() {
            break;
        }
    }
    match out {
        // Only ASCII was replaced, by ASCII.
        Some(out) => Cow::Owned(String::from_utf8_lossy(&out).into_owned()),
        None => Cow::Borrowed(raw),
    }
}

/// Appends a JSON string literal.
pub(crate) fn push_json_string(out: &mut String, text: &str) {
    use std::fmt::Write as _;
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if u32::from(c) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_fields_join_the_senders_object() {
        let mut p = Properties::default();
        p.set_sent(Cow::Borrowed(r#"{ "a": {"b":1} }"#));
        p.add_raw("colour", "\"red\"");
        p.add_text("say", "a\"b");
        assert_eq!(
            p.finish().unwrap(),
            r#"{"a": {"b":1},"colour":"red","say":"a\"b"}"#
        );
        let mut p = Properties::default();
        p.set_sent(Cow::Borrowed(
            r#"{"a":"\ud83d","b":"\ud83d\ude00\\ud800","c":"\udc00\ud800"}"#,
        ));
        assert_eq!(
            p.finish().unwrap(),
            r#"{"a":"\ufffd","b":"\ud83d\ude00\\ud800","c":"\ufffd\ufffd"}"#
        );
        let mut p = Properties::default();
        p.set_sent(Cow::Borrowed("{}"));
        assert_eq!(p.finish(), None);
        let mut p = Properties::default();
        p.add_raw("x", "[1]");
        assert_eq!(p.finish().unwrap(), r#"{"x":[1]}"#);
    }
}
