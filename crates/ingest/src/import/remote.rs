//! Lines of a file as native NDJSON bodies, for sending them to a running server (`import --url`).
//!
//! CSV records become native JSON here; native JSON lines pass as they are. Every event carries an id that depends on
//! the file alone, so a file sent again, whole or in part, adds nothing as far back as the server remembers ids (a week of event
//! time, as configured). What cannot be read is told here and not sent.

use std::borrow::Cow;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;

use memchr::memmem;
use tradewind_model::decode::decode_json;
use tradewind_model::mapping::CsvDecoder;
use tradewind_model::validate::{Envelope, finish};
use tradewind_model::{Clock, Decoder, Micros, RejectCode, Rejection, Store, StoreId};
use xxhash_rust::xxh3::xxh3_128;

use super::batches::{Batch, read_batches};
use super::occurrence::{Occurrences, push_hex};
use super::source::Source;
use super::split::Splitter;
use super::{ImportError, ImportFormat, ImportSummary, Input, LineRejection};
use crate::json::event_to_json;

/// The largest body made, bytes; half of what the door takes.
const MAX_BODY: usize = 5 << 20;

/// One request's worth of lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemoteBatch {
    /// NDJSON, one event a line.
    pub body: Vec<u8>,
    /// The line in the file of each event, for telling the server's verdicts by index.
    pub lines: Vec<u64>,
    /// Lines that are not sent, with the reason.
    pub rejected: Vec<LineRejection>,
    /// Stored bytes read so far.
    pub bytes_done: u64,
    /// Stored bytes in all.
    pub bytes_total: u64,
}

/// Why sending a file ended early.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError<E> {
    /// The file.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The sender.
    #[error("the lines could not be sent: {0}")]
    Send(E),
}

/// Makes bodies of a file's lines.
pub struct RemoteLines {
    store: StoreId,
    format: ImportFormat,
    batch_lines: usize,
    /// See [`super::ImportOptions::encoding`].
    pub encoding: Option<String>,
    clock: Arc<dyn Clock>,
}

impl RemoteLines {
    /// For events of a store; `batch_lines` events at most in one body.
    #[must_use]
    pub fn new(
        store: StoreId,
        format: ImportFormat,
        batch_lines: usize,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            store,
            format,
            batch_lines: batch_lines.max(1),
            encoding: None,
            clock,
        }
    }

    /// Hands the bodies of an input to `send`, in order, until it refuses one.
    ///
    /// # Errors
    /// [`RemoteError`] with the file's or the sender's complaint; what was sent stays, and sending again repeats it under the
    /// same ids.
    pub fn each<E>(
        &self,
        input: &Input,
        mut send: impl FnMut(RemoteBatch) -> Result<(), E>,
    ) -> Result<(), RemoteError<E>> {
        let input = &input.decoded(&self.format, self.encoding.as_deref())?;
        let source = Source::look(input, &self.format)?;
        let (shape, lines) = (source.shape, self.batch_lines);
        let mut writer = Writer {
            header_due: source.has_header,
            decoder: source.decoder,
            file: input.name().to_owned(),
            stub: Store::new(self.store.clone()),
            occurrences: Occurrences::new(),
            id: String::new(),
        };
        let count = AtomicU64::new(0);
        let count = &count;
        let (read, sent) = std::thread::scope(|scope| {
            let (full_sender, full) = mpsc::sync_channel::<Batch>(2);
            let (empty_sender, empty) = mpsc::channel();
            let reader = scope.spawn(move || {
                input.read(count, |stream: &mut dyn Read| {
                    read_batches(
                        stream,
                        Splitter::new(shape),
                        lines,
                        None,
                        &full_sender,
                        &empty,
                    )
                })
            });
            let mut sent = Ok(());
            for batch in full {
                let mut bodies = writer.bodies(&batch, self.clock.now());
                let _ = empty_sender.send(batch);
                sent = bodies.try_for_each(|mut body| {
                    body.bytes_done = count.load(Ordering::Relaxed);
                    body.bytes_total = input.stored_bytes();
                    send(body)
                });
                if sent.is_err() {
                    break;
                }
            }
            (
                reader
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                sent,
            )
        });
        sent.map_err(RemoteError::Send)?;
        read?.map_err(|broken| {
            let file = input.name().to_owned();
            let summary = Box::new(ImportSummary {
                file: file.clone(),
                lines: broken.line,
                ..ImportSummary::default()
            });
            RemoteError::Import(ImportError::Damaged {
                file,
                line: broken.line,
                bytes: broken.bytes,
                reason: broken.reason,
                summary,
            })
        })
    }
}

struct Writer {
    decoder: Decoder,
    header_due: bool,
    file: String,
    /// Stands in for the store, whose settings only the server knows; the server checks again.
    stub: Store,
    occurrences: Occurrences,
    id: String,
}

impl Writer {
    fn bodies(&mut self, batch: &Batch, received_at: Micros) -> std::vec::IntoIter<RemoteBatch> {
        let mut out = vec![RemoteBatch::default()];
        for span in &batch.records {
            if std::mem::take(&mut self.header_due) {
                continue;
            }
            let raw = &batch.bytes[span.start..span.end];
            if out.last().is_some_and(|body| {
                !body.lines.is_empty() && body.body.len() + 2 * raw.len() > MAX_BODY
            }) {
                out.push(RemoteBatch::default());
            }
            let Some(body) = out.last_mut() else { continue };
            let start = body.body.len();
            let written = match (span.fault, &self.decoder) {
                (Some(fault), _) => Err(Rejection::new(RejectCode::Malformed, "", fault.message())),
                (None, Decoder::Json) => {
                    pass(raw, &mut self.occurrences, &mut self.id, &mut body.body);
                    Ok(())
                }
                (None, Decoder::Csv(csv)) => {
                    let id = (&mut self.occurrences, &mut self.id);
                    convert(csv, raw, received_at, &mut self.stub, id, &mut body.body)
                }
            };
            match written {
                Ok(()) => {
                    body.body.push(b'\n');
                    body.lines.push(span.line);
                }
                Err(rejection) => {
                    body.body.truncate(start);
                    let message =
                        format!("{} line {}: {}", self.file, span.line, rejection.message);
                    body.rejected.push(LineRejection {
                        line: span.line,
                        code: rejection.code,
                        message,
                    });
                }
            }
        }
        out.retain(|body| !body.lines.is_empty() || !body.rejected.is_empty());
        out.into_iter()
    }
}

/// A native JSON line as it is; one without an id gets the id of its bytes put in front.
fn pass(raw: &[u8], occurrences: &mut Occurrences, id: &mut String, out: &mut Vec<u8>) {
    // The name may stand in `properties`, or with nothing behind it: only decoding tells.
    let has_id = || {
        memmem::find(raw, b"\"event_id\"").is_some()
            && decode_json(raw).is_ok_and(|draft| !draft.event.event_id.is_empty())
    };
    let Some(fields) = raw
        .trim_ascii_start()
        .strip_prefix(b"{")
        .filter(|_| !has_id())
    else {
        out.extend_from_slice(raw);
        return;
    };
    occurrences.id_of(raw, id);
    out.extend_from_slice(b"{\"event_id\":\"");
    out.extend_from_slice(id.as_bytes());
    out.push(b'"');
    if !fields.trim_ascii_start().starts_with(b"}") {
        out.push(b',');
    }
    out.extend_from_slice(fields);
}

/// A CSV record as native JSON.
fn convert(
    csv: &CsvDecoder,
    raw: &[u8],
    received_at: Micros,
    stub: &mut Store,
    (occurrences, id): (&mut Occurrences, &mut String),
    out: &mut Vec<u8>,
) -> Result<(), Rejection> {
    match csv.dedup_key(raw) {
        Some(key) => {
            id.clear();
            push_hex(id, xxh3_128(&key));
        }
        None => occurrences.id_of(raw, id),
    }
    let draft = csv.draft(raw, id)?;
    if let Some(currency) = draft
        .event
        .currency
        .as_deref()
        .filter(|c| *c != stub.currency)
    {
        stub.currency = currency.to_owned();
    }
    let mut event = finish(
        draft,
        &Envelope {
            received_at,
            event_id: id,
        },
        stub,
    )?;
    if event.store_id.is_none() {
        event.store_id = csv
            .store_of(raw)
            .filter(|named| !named.is_empty())
            .map(Cow::Owned);
    }
    event_to_json(&event, out);
    Ok(())
}
