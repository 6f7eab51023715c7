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
        self.sent = Some(raw);
    }

    /// Adds an unknown field by its path (`product.colour`) and its raw JSON value.
    pub(crate) fn add_raw(&mut self, path: &str, raw_json: &str) {
        if !self.added.is_empty() {
            self.added.push(',');
        }
        push_json_string(&mut self.added, path);
        self.added.push(':');
        self.added.push_str(raw_json);
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
        p.set_sent(Cow::Borrowed("{}"));
        assert_eq!(p.finish(), None);
        let mut p = Properties::default();
        p.add_raw("x", "[1]");
        assert_eq!(p.finish().unwrap(), r#"{"x":[1]}"#);
    }
}
