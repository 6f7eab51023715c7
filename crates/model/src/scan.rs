//! Reads JSON text token by token, lending every text that has no escapes and checking everything it passes (RFC 8259).
//!
//! Why not a library: the door and the operators read every event's bytes with it, and a reader that is asked for known fields
//! in place took half the time of the fastest one measured (see docs/performance.md). `serde_json` is the oracle of its tests.

use std::borrow::Cow;

use crate::event::Text;
use crate::validate::MAX_DEPTH;

/// Why a text is not the JSON we take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Not JSON: what was expected, and the byte it was expected at.
    Broken(&'static str, usize),
    /// Nested deeper than [`MAX_DEPTH`].
    TooDeep,
}

type Result<T> = std::result::Result<T, Fault>;

/// A value; of an object or array only its opening bracket has been read.
#[derive(Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Null,
    Bool,
    Text(Text<'a>),
    /// A number as it was written.
    Number(&'a str),
    Object,
    Array,
}

/// A place in a text.
pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    /// Whether the innermost object or array was just opened.
    fresh: bool,
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Marks the first of eight bytes that is a quote, a backslash or a control character; marks above it may be wrong.
/// After "Determine if a word has a byte less than n", S. E. Anderson, Bit Twiddling Hacks.
#[inline]
const fn special(word: u64) -> u64 {
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    ((quote.wrapping_sub(ONES) & !quote)
        | (backslash.wrapping_sub(ONES) & !backslash)
        | (word.wrapping_sub(ONES * 0x20) & !word))
        & HIGHS
}

/// The second half of a surrogate pair, escaped as `\uDC00` to `\uDFFF`.
fn low_half(escape: &[u8; 6]) -> Option<u32> {
    let digits = std::str::from_utf8(escape.strip_prefix(b"\\u")?).ok()?;
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let code = u32::from_str_radix(digits, 16).ok()?;
    (0xdc00..=0xdfff).contains(&code).then_some(code)
}

impl<'a> Scanner<'a> {
    pub(crate) const fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            depth: 0,
            fresh: false,
        }
    }

    #[inline]
    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    #[cold]
    const fn broken<T>(&self, expected: &'static str) -> Result<T> {
        Err(Fault::Broken(expected, self.at))
    }

    /// The next byte that is no white space, not yet taken.
    #[inline]
    fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = self.byte(self.at)?;
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    fn part(&self, from: usize, to: usize) -> &'a str {
        // Both ends lie beside ASCII characters, so they are boundaries.
        self.text.get(from..to).unwrap_or_default()
    }

    fn open(&mut self) -> Result<()> {
        self.at += 1;
        self.depth += 1;
        self.fresh = true;
        if self.depth > MAX_DEPTH {
            return Err(Fault::TooDeep);
        }
        Ok(())
    }

    fn close(&mut self) {
        self.at += 1;
        self.depth -= 1;
        self.fresh = false;
    }

    /// Whether the next value is an object.
    pub(crate) fn is_object(&mut self) -> bool {
        self.peek() == Some(b'{')
    }

    /// The next value.
    #[inline]
    pub(crate) fn value(&mut self) -> Result<Value<'a>> {
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                self.string().map(Value::Text)
            }
            Some(b'{') => self.open().map(|()| Value::Object),
            Some(b'[') => self.open().map(|()| Value::Array),
            Some(b'-' | b'0'..=b'9') => self.number().map(Value::Number),
            Some(b'n') => self.word("null", Value::Null),
            Some(b't') => self.word("true", Value::Bool),
            Some(b'f') => self.word("false", Value::Bool),
            _ => self.broken("a value"),
        }
    }

    fn word(&mut self, word: &'static str, value: Value<'a>) -> Result<Value<'a>> {
        match self.text.as_bytes().get(self.at..self.at + word.len()) {
            Some(found) if found == word.as_bytes() => {
                self.at += word.len();
                Ok(value)
            }
            _ => self.broken("a value"),
        }
    }

    fn digits(&mut self) -> Result<()> {
        if !self.byte(self.at).is_some_and(|b| b.is_ascii_digit()) {
            return self.broken("a digit");
        }
        while self.byte(self.at).is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<&'a str> {
        let start = self.at;
        if self.byte(self.at) == Some(b'-') {
            self.at += 1;
        }
        if self.byte(self.at) == Some(b'0') {
            self.at += 1;
            if self.byte(self.at).is_some_and(|b| b.is_ascii_digit()) {
                return self.broken("no digit after a leading zero");
            }
        } else {
            self.digits()?;
        }
        if self.byte(self.at) == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.byte(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(self.part(start, self.at))
    }

    /// Goes to the next quote, backslash or control character of a string.
    #[inline]
    fn seek_special(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while let Some(chunk) = bytes
            .get(self.at..)
            .and_then(|rest| rest.first_chunk::<8>())
        {
            let marks = special(u64::from_le_bytes(*chunk));
            if marks != 0 {
                self.at += (marks.trailing_zeros() / 8) as usize;
                return self.byte(self.at);
            }
            self.at += 8;
        }
        loop {
            let byte = self.byte(self.at)?;
            if matches!(byte, b'"' | b'\\' | 0..=0x1f) {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    /// The rest of a string whose quote has been taken.
    #[inline]
    fn string(&mut self) -> Result<Text<'a>> {
        let start = self.at;
        match self.seek_special() {
            Some(b'"') => {
                let text = self.part(start, self.at);
                self.at += 1;
                Ok(Cow::Borrowed(text))
            }
            Some(b'\\') => {
                let mut text = self.part(start, self.at).to_owned();
                self.escaped(&mut text)?;
                Ok(Cow::Owned(text))
            }
            Some(_) => self.broken("control characters in text to be escaped"),
            None => self.broken("the end of a text"),
        }
    }

    /// The rest of a string from its first backslash on.
    #[cold]
    fn escaped(&mut self, text: &mut String) -> Result<()> {
        loop {
            let start = self.at;
            match self.seek_special() {
                Some(b'"') => {
                    text.push_str(self.part(start, self.at));
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    text.push_str(self.part(start, self.at));
                    self.at += 1;
                    text.push(self.escape()?);
                }
                Some(_) => return self.broken("control characters in text to be escaped"),
                None => return self.broken("the end of a text"),
            }
        }
    }

    fn escape(&mut self) -> Result<char> {
        let byte = self.byte(self.at);
        self.at += 1;
        Ok(match byte {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let first = self.hex()?;
                // Half a pair alone stands for no character. JavaScript cuts texts between the halves and sends them; what the rest
                // says counts all the same.
                let code = match first {
                    0xd800..=0xdbff => {
                        let rest = self.text.as_bytes().get(self.at..);
                        let second = rest.and_then(|r| r.first_chunk::<6>()).and_then(low_half);
                        match second {
                            Some(second) => {
                                self.at += 6;
                                0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)
                            }
                            None => u32::from(char::REPLACEMENT_CHARACTER),
                        }
                    }
                    0xdc00..=0xdfff => u32::from(char::REPLACEMENT_CHARACTER),
                    code => code,
                };
                match char::from_u32(code) {
                    Some(character) => character,
                    None => return self.broken("an escape that stands for a character"),
                }
            }
            _ => {
                self.at -= 1;
                return self.broken("an escape such as \\n or \\u00e9");
            }
        })
    }

    fn hex(&mut self) -> Result<u32> {
        let mut code = 0;
        for _ in 0..4 {
            match self.byte(self.at).and_then(|b| char::from(b).to_digit(16)) {
                Some(digit) => code = code * 16 + digit,
                None => return self.broken("four hexadecimal digits"),
            }
            self.at += 1;
        }
        Ok(code)
    }

    /// The next field's name of the innermost object; `None` when the object has ended.
    #[inline]
    pub(crate) fn key(&mut self) -> Result<Option<Text<'a>>> {
        let first = std::mem::take(&mut self.fresh);
        match self.peek() {
            Some(b'}') => {
                self.close();
                return Ok(None);
            }
            Some(b'"') if first => {}
            Some(b',') if !first => {
                self.at += 1;
                if self.peek() != Some(b'"') {
                    return self.broken("a field's name");
                }
            }
            _ if first => return self.broken("a field's name or `}`"),
            _ => return self.broken("`,` or `}`"),
        }
        self.at += 1;
        let name = self.string()?;
        if self.peek() != Some(b':') {
            return self.broken("`:`");
        }
        self.at += 1;
        Ok(Some(name))
    }

    /// Whether the innermost array goes on; it stands before the next item then.
    pub(crate) fn item(&mut self) -> Result<bool> {
        let first = std::mem::take(&mut self.fresh);
        match self.peek() {
            Some(b']') => {
                self.close();
                Ok(false)
            }
            Some(b',') if !first => {
                self.at += 1;
                Ok(true)
            }
            Some(_) if first => Ok(true),
            _ => self.broken("`,` or `]`"),
        }
    }

    /// Passes the rest of an opened object or array, if it is one.
    pub(crate) fn pass(&mut self, opened: &Value<'_>) -> Result<()> {
        match opened {
            Value::Object => {
                while self.key()?.is_some() {
                    let value = self.value()?;
                    self.pass(&value)?;
                }
            }
            Value::Array => {
                while self.item()? {
                    let value = self.value()?;
                    self.pass(&value)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Passes a value and gives its text.
    pub(crate) fn raw(&mut self) -> Result<&'a str> {
        self.peek();
        let start = self.at;
        let value = self.value()?;
        self.pass(&value)?;
        Ok(self.part(start, self.at))
    }

    /// Checks that nothing but white space follows.
    pub(crate) fn end(&mut self) -> Result<()> {
        match self.peek() {
            None => Ok(()),
            Some(_) => self.broken("nothing after the object"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The whole text as a value; texts and numbers as they were read.
    fn read<'a>(scanner: &mut Scanner<'a>) -> Result<serde_json::Value> {
        use serde_json::Value as Json;
        Ok(match scanner.value()? {
            Value::Null => Json::Null,
            Value::Bool => Json::Bool(true),
            Value::Text(text) => Json::String(text.into_owned()),
            Value::Number(raw) => Json::String(format!("number {raw}")),
            Value::Object => {
                let mut object = serde_json::Map::new();
                while let Some(key) = scanner.key()? {
                    let value = read(scanner)?;
                    object.insert(key.into_owned(), value);
                }
                Json::Object(object)
            }
            Value::Array => {
                let mut array = Vec::new();
                while scanner.item()? {
                    array.push(read(scanner)?);
                }
                Json::Array(array)
            }
        })
    }

    fn ours(text: &str) -> Result<serde_json::Value> {
        let mut scanner = Scanner::new(text);
        let value = read(&mut scanner)?;
        scanner.end()?;
        Ok(value)
    }

    /// `serde_json`'s reading in the form of [`read`].
    fn theirs(text: &str) -> Option<serde_json::Value> {
        use serde_json::Value as Json;
        fn alike(value: &Json, ours: &Json) -> Option<Json> {
            Some(match (value, ours) {
                (Json::Bool(_), _) => Json::Bool(true),
                (Json::Number(number), Json::String(raw)) => {
                    // Without its feature for it, serde_json rounds the last place of a double in its own way.
                    let (a, b) = (
                        raw.strip_prefix("number ")?.parse::<f64>().ok()?,
                        number.as_f64()?,
                    );
                    let same = (a - b).abs() <= a.abs() * 1e-12;
                    same.then(|| ours.clone())?
                }
                (Json::Array(items), Json::Array(others)) if items.len() == others.len() => {
                    let both = items.iter().zip(others);
                    Json::Array(both.map(|(a, b)| alike(a, b)).collect::<Option<_>>()?)
                }
                (Json::Object(fields), Json::Object(others)) if fields.len() == others.len() => {
                    Json::Object(
                        fields
                            .iter()
                            .map(|(key, value)| {
                                Some((key.clone(), alike(value, others.get(key)?)?))
                            })
                            .collect::<Option<_>>()?,
                    )
                }
                _ => value.clone(),
            })
        }
        let value: Json = serde_json::from_str(text).ok()?;
        alike(&value, &ours(text).unwrap_or(Json::Null))
    }

    #[test]
    fn faults_name_the_place() {
        for (text, expected, at) in [
            (r#"{"a":1,}"#, "a field's name", 7),
            (r#"{"a" 1}"#, "`:`", 5),
            ("[1 2]", "`,` or `]`", 3),
            (r#""\x""#, "an escape such as \\n or \\u00e9", 2),
            (r#""\ud80""#, "four hexadecimal digits", 6),
            ("\"a\nb\"", "control characters in text to be escaped", 2),
            ("01", "no digit after a leading zero", 1),
            ("nul", "a value", 0),
            ("\"open", "the end of a text", 5),
            ("1 2", "nothing after the object", 2),
        ] {
            assert_eq!(ours(text), Err(Fault::Broken(expected, at)), "{text}");
        }
        assert_eq!(ours(&"[".repeat(MAX_DEPTH + 1)), Err(Fault::TooDeep));
    }

    #[test]
    fn the_raw_text_of_a_value_is_what_stands_there() {
        let mut scanner = Scanner::new(r#"{"a": {"b":[1, "x\"}"]} ,"c":-1.5e3}"#);
        assert_eq!(scanner.value(), Ok(Value::Object));
        assert_eq!(scanner.key().unwrap().as_deref(), Some("a"));
        assert_eq!(scanner.raw(), Ok(r#"{"b":[1, "x\"}"]}"#));
        assert_eq!(scanner.key().unwrap().as_deref(), Some("c"));
        assert_eq!(scanner.raw(), Ok("-1.5e3"));
        assert_eq!(scanner.key(), Ok(None));
        assert_eq!(scanner.end(), Ok(()));
    }

    fn json() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            Just("true".to_owned()),
            Just("false".to_owned()),
            "-?(0|[1-9][0-9]{0,6})(\\.[0-9]{1,5})?([eE][+-]?[0-9]{1,2})?",
            any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
            "\"([a-zé漢 ]|\\\\[\"\\\\/bfnrt]|\\\\u00[0-9a-f]{2}|\\\\ud83d\\\\ude00){0,12}\"",
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5)
                    .prop_map(|items| format!("[ {}]", items.join(" ,\t"))),
                proptest::collection::vec(("[a-z\\\\n]{0,9}", inner), 0..5).prop_map(|fields| {
                    let fields: Vec<String> = fields
                        .iter()
                        .map(|(k, v)| format!("{} : {v}", serde_json::to_string(k).unwrap()))
                        .collect();
                    format!("{{{}\n}}", fields.join(","))
                }),
            ]
        })
    }

    /// Both read a text alike or refuse it. A number beyond a double is JSON, but serde_json has no value for it: then only
    /// whether it is JSON is compared.
    /// Half a surrogate pair, which serde_json refuses, is read as U+FFFD.
    fn judged_alike(text: &str) -> std::result::Result<(), TestCaseError> {
        let replaced = crate::properties::with_characters(text);
        prop_assert_eq!(ours(text).ok(), ours(&replaced).ok(), "{}", text);
        let text = replaced.as_ref();
        let beyond = |e: serde_json::Error| e.to_string().starts_with("number out of range");
        if serde_json::from_str::<serde_json::Value>(text).is_err_and(beyond) {
            let is_json = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
            prop_assert_eq!(ours(text).is_ok(), is_json, "{}", text);
        } else {
            prop_assert_eq!(ours(text).ok(), theirs(text), "{}", text);
        }
        Ok(())
    }

    #[test]
    fn half_a_surrogate_pair_is_the_replacement_character() {
        for (text, expected) in [
            (r#""a\ud83d""#, "a\u{fffd}"),
            (r#""\udc00b""#, "\u{fffd}b"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
            (r#""\ud83d\n""#, "\u{fffd}\n"),
        ] {
            let value = Scanner::new(text).value();
            assert_eq!(value, Ok(Value::Text(expected.into())), "{text}");
        }
    }

    #[test]
    fn numbers_beyond_a_double_are_json() {
        for text in ["1e999", "-1e01000", "[1e999,{\"a\":-1e01000}]"] {
            judged_alike(text).unwrap();
            assert!(ours(text).is_ok(), "{text}");
        }
        assert!(ours("1e999x").is_err());
    }

    proptest! {
        /// What serde_json reads, we read alike; and what is one byte away from JSON is judged alike.
        #[test]
        fn texts_are_read_as_serde_json_reads_them(text in json(), at in any::<usize>(), with in prop::sample::select(b" \"\\{}[],:x0e-\n\x01".to_vec())) {
            judged_alike(&text)?;
            let mut bytes = text.into_bytes();
            let place = at % bytes.len().max(1);
            bytes[place] = with;
            if let Ok(text) = String::from_utf8(bytes) {
                judged_alike(&text)?;
            }
        }
    }
}
