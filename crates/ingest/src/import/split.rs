//! Finds where records end: lines, or CSV records whose quoted fields may hold line ends.
//!
//! The rules for quotes are those of the model's CSV decoder: a quote counts at the start of a field only. A quote that is
//! not closed within the cap makes the one line it is on a fault; reading goes on at the next line, so that one stray
//! quote never swallows the rest of a file. A line longer than the cap is cut there and its rest passed over.

use memchr::memchr;

/// The most bytes of one record.
pub(crate) const MAX_RECORD_BYTES: usize = 1 << 20;
/// The most lines of one record.
pub(crate) const MAX_RECORD_LINES: u64 = 1_000;

/// What kind of records a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A record is a line.
    Lines,
    /// A record may hold line ends inside quotes.
    Csv {
        /// The character between fields.
        delimiter: u8,
    },
}

/// Why a record cannot be read whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A quote opens and is not closed.
    OpenQuote,
    /// Longer than the cap.
    TooLong,
}

impl Fault {
    pub(crate) fn message(self) -> String {
        match self {
            Self::OpenQuote => {
                format!(
                    "a quote is opened and not closed within {MAX_RECORD_LINES} lines or {} MiB",
                    MAX_RECORD_BYTES >> 20
                )
            }
            Self::TooLong => format!(
                "the line is longer than {} MiB; only its start was kept",
                MAX_RECORD_BYTES >> 20
            ),
        }
    }
}

/// A record's place in the bytes, without its line end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// The line it starts on, from 1.
    pub(crate) line: u64,
    pub(crate) fault: Option<Fault>,
}

/// Walks a stream that is given in pieces.
#[derive(Debug, Clone)]
pub(crate) struct Splitter {
    shape: Shape,
    line: u64,
    at_start: bool,
    /// Inside the rest of a line that was too long.
    passing_over: bool,
}

enum Found {
    Record {
        end: usize,
        next: usize,
        lines: u64,
        fault: Option<Fault>,
    },
    NeedsMore,
}

enum Quotes {
    Closed { newline: usize, lines: u64 },
    ClosedAtEnd { lines: u64 },
    NeedsMore,
    Open,
}

impl Splitter {
    pub(crate) fn new(shape: Shape) -> Self {
        Self {
            shape,
            line: 1,
            at_start: true,
            passing_over: false,
        }
    }

    /// The line that the next record starts on.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// Appends the whole records of `bytes` to `out`, at most until it holds `max`; gives the bytes used. `ended` says that
    /// no bytes follow, so that a record without a line end is one.
    pub(crate) fn split(
        &mut self,
        bytes: &[u8],
        ended: bool,
        max: usize,
        out: &mut Vec<Span>,
    ) -> usize {
        let mut at = 0;
        if self.at_start && (bytes.len() >= 3 || ended) {
            at = if bytes.starts_with(b"\xef\xbb\xbf") {
                3
            } else {
                0
            };
            self.at_start = false;
        }
        while at < bytes.len() && out.len() < max && !self.at_start {
            if self.passing_over {
                match memchr(b'\n', &bytes[at..]) {
                    Some(newline) => {
                        at += newline + 1;
                        self.line += 1;
                        self.passing_over = false;
                        continue;
                    }
                    None => return bytes.len(),
                }
            }
            match self.next(&bytes[at..], ended) {
                Found::NeedsMore => return at,
                Found::Record {
                    end,
                    next,
                    lines,
                    fault,
                } => {
                    let content = &bytes[at..at + end];
                    let content = content.strip_suffix(b"\r").unwrap_or(content);
                    if !content.trim_ascii().is_empty() {
                        out.push(Span {
                            start: at,
                            end: at + content.len(),
                            line: self.line,
                            fault,
                        });
                    }
                    self.line += lines;
                    at += next;
                }
            }
        }
        at
    }

    fn next(&mut self, rest: &[u8], ended: bool) -> Found {
        let (end, next) = match memchr(b'\n', &rest[..rest.len().min(MAX_RECORD_BYTES + 1)]) {
            Some(newline) => (newline, newline + 1),
            None if rest.len() > MAX_RECORD_BYTES => {
                self.passing_over = true;
                return Found::Record {
                    end: MAX_RECORD_BYTES,
                    next: MAX_RECORD_BYTES,
                    lines: 0,
                    fault: Some(Fault::TooLong),
                };
            }
            None if ended => (rest.len(), rest.len()),
            None => return Found::NeedsMore,
        };
        let line = Found::Record {
            end,
            next,
            lines: 1,
            fault: None,
        };
        let Shape::Csv { delimiter } = self.shape else {
            return line;
        };
        if memchr(b'"', &rest[..end]).is_none() {
            return line;
        }
        match quotes(rest, delimiter, ended) {
            Quotes::Closed { newline, lines } => Found::Record {
                end: newline,
                next: newline + 1,
                lines,
                fault: None,
            },
            Quotes::ClosedAtEnd { lines } => Found::Record {
                end: rest.len(),
                next: rest.len(),
                lines,
                fault: None,
            },
            Quotes::NeedsMore => Found::NeedsMore,
            Quotes::Open => Found::Record {
                end,
                next,
                lines: 1,
                fault: Some(Fault::OpenQuote),
            },
        }
    }
}

/// Finds the line end that closes the CSV record at the start of `rest`.
fn quotes(rest: &[u8], delimiter: u8, ended: bool) -> Quotes {
    let window = &rest[..rest.len().min(MAX_RECORD_BYTES)];
    let whole = window.len() == rest.len() && ended;
    let missing = if rest.len() < MAX_RECORD_BYTES && !ended {
        Quotes::NeedsMore
    } else {
        Quotes::Open
    };
    let (mut at, mut lines) = (0, 1);
    loop {
        if window.get(at) == Some(&b'"') {
            at += 1;
            loop {
                let Some(found) = memchr::memchr2(b'"', b'\n', &window[at..]) else {
                    return missing;
                };
                at += found + 1;
                if window[at - 1] == b'\n' {
                    lines += 1;
                    if lines > MAX_RECORD_LINES {
                        return Quotes::Open;
                    }
                } else if window.get(at) == Some(&b'"') {
                    at += 1;
                } else if at == window.len() && !whole {
                    // Whether this quote closes the field depends on the next byte.
                    return missing;
                } else {
                    break;
                }
            }
        }
        match memchr::memchr2(delimiter, b'\n', &window[at..]) {
            Some(found) if window[at + found] == b'\n' => {
                return Quotes::Closed {
                    newline: at + found,
                    lines,
                };
            }
            Some(found) => at += found + 1,
            None if whole => return Quotes::ClosedAtEnd { lines },
            None => return missing,
        }
    }
}

#[cfg(test)]
#[path = "split_tests.rs"]
mod tests;
