//! Looks at a file before it is read: its header and whether it is of the format at all, and the fingerprint of its content.

use std::io::Read;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};

use tradewind_model::Decoder;
use tradewind_model::mapping::{CsvDecoder, SHIPPED, delimiter_of, without_missing};
use xxhash_rust::xxh3::Xxh3;

use super::split::{MAX_RECORD_BYTES, Shape, Span, Splitter};
use super::{ImportError, ImportFormat, ImportProgress, Input, OnProgress};

/// A file whose format is settled.
pub(crate) struct Source {
    pub(crate) decoder: Decoder,
    pub(crate) shape: Shape,
    /// Whether the first record is a header.
    pub(crate) has_header: bool,
}

impl Source {
    /// Reads the start of the input and binds the format to it.
    pub(crate) fn look(input: &Input, format: &ImportFormat) -> Result<Self, ImportError> {
        let start = input.read(&AtomicU64::new(0), |stream| {
            let mut start = Vec::new();
            // What cannot be read here is found again, and told with its place, when the file is read.
            let whole = stream
                .take(MAX_RECORD_BYTES as u64)
                .read_to_end(&mut start)
                .is_ok_and(|n| n < MAX_RECORD_BYTES);
            (start, whole)
        })?;
        match format {
            ImportFormat::Ndjson => Self::json(input, &start.0, start.1),
            ImportFormat::Csv { name, mapping } => {
                Self::csv(input, name, mapping, &start.0, start.1)
            }
        }
    }

    fn json(input: &Input, start: &[u8], whole: bool) -> Result<Self, ImportError> {
        let shape = Shape::Lines;
        let mut first = Vec::new();
        Splitter::new(shape).split(start, whole, 10, &mut first);
        let content = |s: &Span| start[s.start..s.end].trim_ascii_start();
        let array = first.first().is_some_and(|s| content(s).starts_with(b"["));
        let reason = if array {
            "it is one JSON array; write one object a line, for example with `jq -c '.[]'`"
        } else if !first.is_empty() && !first.iter().any(|s| content(s).starts_with(b"{")) {
            "none of its first lines is a JSON object; for CSV name --format csv and a mapping with --map"
        } else {
            ""
        };
        if !reason.is_empty() {
            return Err(ImportError::NotTheFormat {
                file: input.name().to_owned(),
                format: "ndjson".to_owned(),
                reason: reason.to_owned(),
            });
        }
        Ok(Self {
            decoder: Decoder::Json,
            shape,
            has_header: false,
        })
    }

    fn csv(
        input: &Input,
        name: &str,
        mapping: &str,
        start: &[u8],
        whole: bool,
    ) -> Result<Self, ImportError> {
        let file = || input.name().to_owned();
        let not = |reason: &str| ImportError::NotTheFormat {
            file: file(),
            format: name.to_owned(),
            reason: reason.to_owned(),
        };
        let header_line = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
        let mut first = Vec::new();
        // A name in quotes may span lines.
        let shape = Shape::Csv {
            delimiter: delimiter_of(mapping),
        };
        Splitter::new(shape).split(start, whole, 1, &mut first);
        let Some(span) = first.first() else {
            return Err(not(if header_line.is_empty() {
                "it is empty; a header line with the columns is needed"
            } else {
                "it has no header line"
            }));
        };
        let header = std::str::from_utf8(&start[span.start..span.end]).map_err(|_| {
            not("its header line is not UTF-8; convert the file to UTF-8, or name its encoding with --encoding or in the mapping (encoding = \"windows-1252\")")
        })?;
        let shipped = SHIPPED.iter().find(|shipped| shipped.mapping == mapping);
        let fitting = shipped.map(|s| without_missing(mapping, header, s.optional));
        let mapping = fitting.as_deref().unwrap_or(mapping);
        let decoder = CsvDecoder::new(mapping, header).map_err(|source| ImportError::Mapping {
            file: file(),
            format: name.to_owned(),
            source,
        })?;
        let shape = Shape::Csv {
            delimiter: decoder.delimiter(),
        };
        Ok(Self {
            decoder: Decoder::Csv(Box::new(decoder)),
            shape,
            has_header: true,
        })
    }
}

/// What a whole content is known by.
#[derive(Debug, Clone)]
pub(crate) struct Fingerprint {
    pub(crate) hash: u128,
    /// Bytes of content that could be read.
    pub(crate) bytes: u64,
    /// Why nothing more could be read.
    pub(crate) damage: Option<String>,
    /// Hashes of its beginnings, at the lengths asked for.
    pub(crate) beginnings: Vec<(u64, u128)>,
    /// Its last byte ends a line.
    pub(crate) ends_line: bool,
}

/// Reads the whole content once and hashes it (XXH3-128); of a damaged file, what can be read. `lengths` rise; at each
/// of them the beginning is hashed too. `None` when told to stop.
pub(crate) fn fingerprint(
    input: &Input,
    lengths: &[u64],
    on_progress: &mut OnProgress<'_>,
) -> Result<Option<Fingerprint>, ImportError> {
    let count = AtomicU64::new(0);
    input.read(&count, |stream| {
        let mut hash = Xxh3::new();
        let mut bytes = 0u64;
        let mut buffer = vec![0; 256 << 10];
        let mut told = 0;
        let (mut beginnings, mut due, mut ends_line) = (Vec::new(), lengths, false);
        loop {
            match stream.read(&mut buffer) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Ok(0) => {
                    return Some(Fingerprint {
                        hash: hash.digest128(),
                        bytes,
                        damage: None,
                        beginnings,
                        ends_line,
                    });
                }
                Err(error) => {
                    return Some(Fingerprint {
                        hash: hash.digest128(),
                        bytes,
                        damage: Some(error.to_string()),
                        beginnings,
                        ends_line,
                    });
                }
                Ok(read) => {
                    let mut at = 0;
                    while let Some((length, rest)) = due.split_first()
                        && *length <= bytes + read as u64
                    {
                        due = rest;
                        let to = usize::try_from(length.saturating_sub(bytes)).unwrap_or(read);
                        hash.update(&buffer[at..to]);
                        at = to;
                        beginnings.push((*length, hash.digest128()));
                    }
                    hash.update(&buffer[at..read]);
                    bytes += read as u64;
                    ends_line = buffer[read - 1] == b'\n';
                }
            }
            let bytes_done = count.load(Ordering::Relaxed);
            if bytes_done - told >= 16 << 20 {
                told = bytes_done;
                let bytes_total = input.stored_bytes();
                let progress = ImportProgress {
                    checking: true,
                    bytes_done,
                    bytes_total,
                    ..ImportProgress::default()
                };
                if on_progress(&progress) == ControlFlow::Break(()) {
                    return None;
                }
            }
        }
    })
}
