//! One import: look, fingerprint, then read, decode and deliver at the same time.

use std::io::Read;
use std::ops::ControlFlow;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::time::Instant;

use tradewind_journal::JournalError;

use super::batches::{Batch, Broken, read_batches};
use super::courier::{Delivered, Parcel, complete, deliver};
use super::decode::{Line, LineDecoder};
use super::note::{Counts, Note, load};
use super::parts::{Parts, note_key};
use super::source::{Source, fingerprint};
use super::split::Splitter;
use super::{
    ImportError, ImportOptions, ImportProgress, ImportSummary, Importer, Input, OnProgress,
    SHOWN_REJECTIONS,
};
use crate::delivery::Delivery;

impl Importer {
    /// Imports one input; see [`Importer::import_file`].
    ///
    /// # Errors
    /// [`ImportError`]; what was imported before stays, and importing again goes on from there.
    pub fn import(
        &self,
        input: &Input,
        options: &ImportOptions,
        on_progress: &mut OnProgress<'_>,
    ) -> Result<ImportSummary, ImportError> {
        let started = Instant::now();
        let mut summary = ImportSummary {
            file: input.name().to_owned(),
            ..ImportSummary::default()
        };
        let input = &input.decoded(&options.format, options.encoding.as_deref())?;
        let source = Source::look(input, &options.format)?;
        let journal = self.journal.as_ref();
        let failed = |source, summary: &ImportSummary| ImportError::Journal {
            summary: Box::new(summary.clone()),
            source,
        };
        let begun = journal
            .put_format(&source.decoder.definition())
            .and_then(|format| {
                let family = format!("import/{}/{format}", options.store.store_id);
                Parts::load(journal, &family).map(|parts| (format, family, parts))
            });
        let (format, family, parts) = begun.map_err(|source| failed(source, &summary))?;
        let Some(content) = fingerprint(input, &parts.lengths(), on_progress)? else {
            return Err(ImportError::Stopped(Box::new(summary)));
        };
        let key = note_key(&family, content.hash);
        let known = load(journal, &key).and_then(|own| {
            // Nothing of it yet: perhaps it goes on where a shorter content ended.
            match parts.beginning_of(&content) {
                Some(hash) if own == Note::default() => {
                    let mut begun = load(journal, &note_key(&family, hash))?;
                    begun.complete = false;
                    Ok(begun)
                }
                _ => Ok(own),
            }
        });
        let known = known.map_err(|source| failed(source, &summary))?;
        set_counts(&mut summary, known.done);
        if known.complete {
            summary.already_complete = true;
            summary.elapsed = started.elapsed();
            return Ok(summary);
        }
        let (shape, has_header) = (source.shape, source.has_header);
        let fingerprinted = content.clone();
        let store = options.store.clone();
        let stores = self.stores.clone();
        let mut run = Run {
            importer: self,
            lines: LineDecoder::new(
                source.decoder,
                format,
                input.name(),
                store,
                options.store_by_line,
                stores,
            ),
            known: &known,
            next_record: 0,
            header_due: has_header,
            resuming: known.done.lines > 0 || !known.beyond.is_empty(),
            progress: ImportProgress {
                bytes_total: content.bytes,
                ..ImportProgress::default()
            },
            held: 0,
            summary: &mut summary,
        };
        let batch_lines = options.batch_lines.max(1);
        let (read, delivered, stopped) = std::thread::scope(|scope| {
            let (full_sender, full) = mpsc::sync_channel(2);
            let (empty_sender, empty) = mpsc::channel();
            let (parcel_sender, parcels) = mpsc::sync_channel(1);
            let reader = scope.spawn(move || {
                input.read(&AtomicU64::new(0), |stream| {
                    // What was added to the file after it was fingerprinted belongs to another import.
                    let mut stream = stream.take(content.bytes);
                    let damage = content.damage.as_deref();
                    read_batches(
                        &mut stream,
                        Splitter::new(shape),
                        batch_lines,
                        damage,
                        &full_sender,
                        &empty,
                    )
                })
            });
            let (key, known) = (&key, &known);
            let courier = scope.spawn(move || deliver(journal, key, known, &parcels));
            let stopped = run.decode(full, &empty_sender, parcel_sender, on_progress);
            (join(reader), join(courier), stopped)
        });
        let held = run.held;
        summary.added = delivered.done.lines.saturating_sub(known.done.lines + held);
        let concluded = self.conclude(input, &key, read, delivered, stopped, &mut summary);
        // Of a content that breaks off only whole lines are in; a last line without an end may still grow.
        let may_grow = match &concluded {
            Ok(()) => fingerprinted.ends_line,
            Err(error) => matches!(error, ImportError::Damaged { .. }),
        };
        if may_grow {
            parts
                .remember(journal, &family, &fingerprinted)
                .map_err(|source| failed(source, &summary))?;
        }
        concluded?;
        summary.elapsed = started.elapsed();
        Ok(summary)
    }

    fn conclude(
        &self,
        input: &Input,
        key: &str,
        read: Result<Result<(), Broken>, ImportError>,
        delivered: Delivered,
        stopped: bool,
        summary: &mut ImportSummary,
    ) -> Result<(), ImportError> {
        set_counts(summary, delivered.done);
        let failed = |source: JournalError, summary: &ImportSummary| ImportError::Journal {
            summary: Box::new(summary.clone()),
            source,
        };
        if let Some(source) = delivered.failed {
            return Err(failed(source, summary));
        }
        if let Err(broken) = read? {
            return Err(ImportError::Damaged {
                file: input.name().to_owned(),
                line: broken.line,
                bytes: broken.bytes,
                reason: broken.reason,
                summary: Box::new(summary.clone()),
            });
        }
        if stopped {
            return Err(ImportError::Stopped(Box::new(summary.clone())));
        }
        complete(self.journal.as_ref(), key, &delivered).map_err(|source| failed(source, summary))
    }
}

fn join<T>(thread: std::thread::ScopedJoinHandle<'_, T>) -> T {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn set_counts(summary: &mut ImportSummary, counts: Counts) {
    (summary.lines, summary.accepted, summary.rejected) =
        (counts.lines, counts.accepted, counts.rejected);
}

/// The deciding stage, on the caller's thread.
struct Run<'a> {
    importer: &'a Importer,
    lines: LineDecoder,
    known: &'a Note,
    next_record: u64,
    header_due: bool,
    resuming: bool,
    progress: ImportProgress,
    /// Records met that an earlier run had made durable beyond its gaps.
    held: u64,
    summary: &'a mut ImportSummary,
}

impl Run<'_> {
    /// Decodes batches into parcels until there are no more; true when it was told to stop.
    fn decode(
        &mut self,
        full: Receiver<Batch>,
        empty: &mpsc::Sender<Batch>,
        parcels: SyncSender<Parcel>,
        on_progress: &mut OnProgress<'_>,
    ) -> bool {
        for batch in full {
            if let Some(parcel) = self.batch(&batch)
                && parcels.send(parcel).is_err()
            {
                return false;
            }
            self.progress.bytes_done = batch.bytes_done;
            let _ = empty.send(batch);
            if on_progress(&self.progress) == ControlFlow::Break(()) {
                return true;
            }
        }
        false
    }

    /// The records of a batch that are beyond the durable ones, as one parcel.
    fn batch(&mut self, batch: &Batch) -> Option<Parcel> {
        let mut delivery = Delivery::new(self.importer.journal.partitions());
        let received_at = self.importer.clock.now();
        let done = self.known.done.lines;
        let mut parcel: Option<(u64, Counts)> = None;
        for span in &batch.records {
            if std::mem::take(&mut self.header_due) {
                continue;
            }
            let raw = &batch.bytes[span.start..span.end];
            let record = self.next_record;
            self.next_record += 1;
            if record < done {
                if self.known.gave_ids {
                    self.lines.occurrences.count(raw);
                }
                continue;
            }
            let held = self.resuming && self.known.holds(record);
            if self.resuming && !held && self.summary.resumed_at_line.is_none() {
                self.summary.resumed_at_line = Some(span.line);
            }
            self.held += u64::from(held);
            let line = Line {
                raw,
                number: span.line,
                fault: span.fault,
                received_at,
            };
            let counts = &mut parcel.get_or_insert((record, Counts::default())).1;
            counts.lines += 1;
            match self.lines.take(line, (!held).then_some(&mut delivery)) {
                Ok(()) => counts.accepted += 1,
                Err(rejection) => {
                    counts.rejected += 1;
                    let reason = rejection.code.name();
                    *self.summary.reasons.entry(reason).or_default() += 1;
                    if self.summary.rejections.len() < SHOWN_REJECTIONS {
                        self.summary.rejections.push(rejection);
                    }
                }
            }
        }
        let (first, counts) = parcel?;
        let before = Counts {
            lines: self.progress.lines,
            accepted: self.progress.accepted,
            rejected: self.progress.rejected,
        };
        let mut now = if before == Counts::default() {
            self.known.done
        } else {
            before
        };
        now.add(counts);
        (
            self.progress.lines,
            self.progress.accepted,
            self.progress.rejected,
        ) = (now.lines, now.accepted, now.rejected);
        Some(Parcel {
            first,
            counts,
            gave_ids: self.lines.occurrences.used(),
            blocks: delivery.into_blocks(),
        })
    }
}
