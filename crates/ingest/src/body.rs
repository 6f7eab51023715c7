//! Cuts a request body into its items, as slices of the body: no value is built and no byte changed (J3).
//!
//! Decided: a body that is not what it claims to be as a whole (an array cut short, text after its end, a broken single
//! object) is refused whole, because where its items end cannot be known. In NDJSON every line stands alone, so a bad
//! line is a rejected item and the others are kept.

use memchr::{memchr_iter, memchr2};
use sonic_rs::LazyValue;

use crate::error::IngestError;

/// What the sender says the body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyKind {
    /// One JSON object a line.
    Ndjson,
    /// One JSON object, or an array of them.
    Json,
    /// Not said: an array when it starts with `[`, one object when it is one as a whole, lines otherwise.
    Sniff,
}

/// The items of a body, in order.
///
/// # Errors
/// [`IngestError::Malformed`] when the body as a whole is not of its kind, [`IngestError::TooManyItems`] beyond `max`.
pub(crate) fn items(body: &[u8], kind: BodyKind, max: usize) -> Result<Vec<&[u8]>, IngestError> {
    let start = body.iter().position(|b| !b.is_ascii_whitespace());
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let Some(first) = body
        .iter()
        .find(|b| !b.is_ascii_whitespace())
        .filter(|_| start.is_some())
    else {
        return Err(IngestError::Malformed(
            "the body is empty; send at least one event".to_owned(),
        ));
    };
    match kind {
        BodyKind::Ndjson => lines(body, max),
        BodyKind::Json if *first == b'[' => array(body, max),
        BodyKind::Json => {
            whole(body).map_err(|why| {
                IngestError::Malformed(format!(
                    "the body is not one JSON value: {why}; send one object, an array, or lines as application/x-ndjson"
                ))
            })?;
            Ok(vec![body.trim_ascii()])
        }
        BodyKind::Sniff if *first == b'[' => array(body, max),
        BodyKind::Sniff if whole(body).is_ok() => Ok(vec![body.trim_ascii()]),
        BodyKind::Sniff => lines(body, max),
    }
}

/// The deepest nesting of a whole body. The JSON reader calls itself for every level, so deeper ones must not reach it; an item
/// far shallower than this is already rejected by itself.
const MAX_BODY_DEPTH: usize = 128;

fn too_deep() -> String {
    format!("it is nested deeper than {MAX_BODY_DEPTH} levels")
}

/// Whether the first value of the body nests no deeper than [`MAX_BODY_DEPTH`].
fn is_shallow(body: &[u8]) -> bool {
    let (mut depth, mut at) = (0usize, 0usize);
    while let Some(byte) = body.get(at) {
        at += 1;
        match byte {
            b'"' => loop {
                let Some(found) = memchr2(b'"', b'\\', &body[at..]) else {
                    return true;
                };
                at += found + 1;
                if body[at - 1] == b'"' {
                    break;
                }
                // The character after a backslash is part of the text whatever it is.
                at = (at + 1).min(body.len());
            },
            b'{' | b'[' => {
                depth += 1;
                if depth > MAX_BODY_DEPTH {
                    return false;
                }
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return true;
                }
            }
            _ => {}
        }
    }
    true
}

fn whole(body: &[u8]) -> Result<(), String> {
    // The JSON reader takes the bytes of a text for UTF-8 unseen.
    std::str::from_utf8(body).map_err(|e| format!("invalid UTF-8 at byte {}", e.valid_up_to()))?;
    if !is_shallow(body) {
        return Err(too_deep());
    }
    sonic_rs::from_slice::<LazyValue<'_>>(body)
        .map(drop)
        .map_err(|e| first_line(&e))
}

fn first_line(error: &sonic_rs::Error) -> String {
    error
        .to_string()
        .lines()
        .next()
        .unwrap_or("invalid JSON")
        .trim_end()
        .to_owned()
}

fn lines(body: &[u8], max: usize) -> Result<Vec<&[u8]>, IngestError> {
    let mut out = Vec::new();
    let mut from = 0;
    for end in memchr_iter(b'\n', body).chain(std::iter::once(body.len())) {
        let line = &body[from..end];
        from = end + 1;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if !line.trim_ascii().is_empty() {
            push(&mut out, line, max)?;
        }
    }
    Ok(out)
}

fn array(body: &[u8], max: usize) -> Result<Vec<&[u8]>, IngestError> {
    let malformed = |why: String| {
        IngestError::Malformed(format!(
            "the body is not one JSON array: {why}; nothing of it was kept"
        ))
    };
    let text = std::str::from_utf8(body)
        .map_err(|e| malformed(format!("invalid UTF-8 at byte {}", e.valid_up_to())))?;
    if !is_shallow(body) {
        return Err(malformed(too_deep()));
    }
    let mut out = Vec::new();
    let mut end = text.find('[').map_or(0, |at| at + 1);
    for element in sonic_rs::to_array_iter(text) {
        let element = element.map_err(|e| malformed(first_line(&e)))?;
        // The lazy value is a slice of the body; its place gives back the sender's own bytes.
        let raw = element.as_raw_str();
        let at = (raw.as_ptr() as usize)
            .checked_sub(text.as_ptr() as usize)
            .filter(|at| at + raw.len() <= text.len())
            .ok_or_else(|| malformed("an element is out of place".to_owned()))?;
        end = at + raw.len();
        push(&mut out, &body[at..end], max)?;
    }
    if text[end..].trim() != "]" {
        return Err(malformed("there is text after its end".to_owned()));
    }
    Ok(out)
}

fn push<'a>(out: &mut Vec<&'a [u8]>, item: &'a [u8], max: usize) -> Result<(), IngestError> {
    if out.len() == max {
        return Err(IngestError::TooManyItems { max });
    }
    out.push(item);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(body: &str, kind: BodyKind) -> Result<Vec<String>, String> {
        items(body.as_bytes(), kind, 10)
            .map(|all| {
                all.into_iter()
                    .map(|i| String::from_utf8_lossy(i).into_owned())
                    .collect()
            })
            .map_err(|e| e.to_string())
    }

    #[test]
    fn j3_elements_keep_their_bytes() {
        let found = cut(
            "\u{feff} [ {\"a\" : 1 } ,{\"b\":\"]\\\"\"},3, [1] ]\n",
            BodyKind::Sniff,
        )
        .unwrap();
        assert_eq!(found, ["{\"a\" : 1 }", "{\"b\":\"]\\\"\"}", "3", "[1]"]);
        assert_eq!(cut("[]", BodyKind::Json).unwrap(), Vec::<String>::new());
        assert_eq!(cut(" [ ] ", BodyKind::Json).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn lines_stand_alone() {
        let found = cut("{\"a\":1}\r\n\n  \n{broken\n{\"b\":2}", BodyKind::Ndjson).unwrap();
        assert_eq!(found, ["{\"a\":1}", "{broken", "{\"b\":2}"]);
        assert_eq!(
            cut("{\"a\":1}\n{\"b\":2}\n", BodyKind::Sniff)
                .unwrap()
                .len(),
            2
        );
        assert_eq!(
            cut("{\n\"a\":\n1}\n", BodyKind::Sniff).unwrap(),
            ["{\n\"a\":\n1}"]
        );
    }

    #[test]
    fn a_body_that_is_no_json_is_refused_whole() {
        for body in [
            "",
            " \n",
            "[{\"a\":1}",
            "[{\"a\":1},]",
            "[{\"a\":1}] x",
            "[1 2]",
            "[",
            "[{\"a\":1}]]",
        ] {
            assert!(cut(body, BodyKind::Json).is_err(), "{body}");
            assert!(cut(body, BodyKind::Sniff).is_err(), "{body}");
        }
        assert!(
            cut("{\"a\":1}\n{\"b\":2}", BodyKind::Json)
                .unwrap_err()
                .contains("application/x-ndjson")
        );
        for body in [b"[\"\xff\"]".as_slice(), b"{\"a\":\"\xff\"}"] {
            let told = items(body, BodyKind::Json, 10).unwrap_err().to_string();
            assert!(told.contains("invalid UTF-8 at byte"), "{told}");
        }
        // Not said what it is: a line, whose verdict names the place.
        let line = b"{\"a\":\"\xff\"}".as_slice();
        assert_eq!(items(line, BodyKind::Sniff, 10).unwrap(), [line]);
    }

    #[test]
    fn items_are_counted() {
        assert!(matches!(
            items(b"[1,2,3]", BodyKind::Json, 2),
            Err(IngestError::TooManyItems { max: 2 })
        ));
        assert!(matches!(
            items(b"1\n2\n3", BodyKind::Ndjson, 2),
            Err(IngestError::TooManyItems { max: 2 })
        ));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            for kind in [BodyKind::Ndjson, BodyKind::Json, BodyKind::Sniff] {
                let _ = items(&body, kind, 50);
            }
        }
    }
}
