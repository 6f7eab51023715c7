//! Encodings of text files: UTF-8; UTF-16, told by its mark or by its zero bytes; any other by name.
//!
//! A file in another encoding is read as UTF-8 from here on: what its records keep as their bytes is the line in UTF-8.

use std::io::{self, Cursor, Read};

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};
use encoding_rs_io::DecodeReaderBytesBuilder;

/// Bytes looked at.
const LOOKED_AT: usize = 64;

/// The encoding of a name such as `windows-1252`, `latin1`, `utf-16le`.
pub(super) fn named(name: &str) -> Option<&'static Encoding> {
    Encoding::for_label(name.trim().as_bytes())
}

/// UTF-16, by its byte order mark or, in text of mostly ASCII, by the zero bytes between.
fn utf_16(start: &[u8]) -> Option<&'static Encoding> {
    if start.starts_with(b"\xff\xfe") {
        return Some(UTF_16LE);
    }
    if start.starts_with(b"\xfe\xff") {
        return Some(UTF_16BE);
    }
    let pairs = start.len() / 2;
    let zeros = |at: usize| (0..pairs).filter(|i| start[2 * i + at] == 0).count();
    // Text has no zero bytes in UTF-8.
    match (zeros(0), zeros(1)) {
        (0, low) if pairs >= 2 && low * 2 > pairs => Some(UTF_16LE),
        (high, 0) if pairs >= 2 && high * 2 > pairs => Some(UTF_16BE),
        _ => None,
    }
}

/// Hands a stream on as UTF-8.
pub(super) fn as_utf8<T>(
    stream: &mut dyn Read,
    named: Option<&'static Encoding>,
    work: impl FnOnce(&mut dyn Read) -> T,
) -> T {
    let mut start = Vec::with_capacity(LOOKED_AT);
    let looked = (&mut *stream)
        .take(LOOKED_AT as u64)
        .read_to_end(&mut start);
    let encoding = utf_16(&start).or(named);
    // What could not be read now is met again at its place.
    let rest: Box<dyn Read + '_> = match looked {
        Ok(_) => Box::new(stream),
        Err(error) => Box::new(Failing(Some(error))),
    };
    let mut whole = Cursor::new(start).chain(rest);
    match encoding {
        None => work(&mut whole),
        Some(encoding) => work(
            &mut DecodeReaderBytesBuilder::new()
                .encoding(Some(encoding))
                .build(whole),
        ),
    }
}

/// Fails once, then has ended.
struct Failing(Option<io::Error>);

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], named: Option<&'static Encoding>) -> String {
        as_utf8(&mut &bytes[..], named, |stream| {
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            text.trim_start_matches('\u{feff}').to_owned()
        })
    }

    #[test]
    fn utf_16_is_told_with_and_without_its_mark() {
        let text = "when,what\r\n2026,M\u{fc}tze \u{1f9e2}\r\n";
        let units: Vec<u16> = text.encode_utf16().collect();
        let little: Vec<u8> = units.iter().flat_map(|u| u.to_le_bytes()).collect();
        let big: Vec<u8> = units.iter().flat_map(|u| u.to_be_bytes()).collect();
        let marked = |mark: &[u8], bytes: &[u8]| [mark, bytes].concat();
        for bytes in [
            text.as_bytes().to_vec(),
            marked(b"\xef\xbb\xbf", text.as_bytes()),
            marked(b"\xff\xfe", &little),
            marked(b"\xfe\xff", &big),
            little,
            big,
        ] {
            assert_eq!(read(&bytes, None), text);
        }
        assert_eq!(
            read(b"J\xf6rg,a,b,c\n", named("latin1")),
            "J\u{f6}rg,a,b,c\n"
        );
        assert_eq!(read(b"", None), "");
        assert_eq!(named("no such"), None);
    }
}
