//! Hands the parcels of an import to the journal, several in flight, and keeps its notes true.

use std::collections::VecDeque;
use std::sync::mpsc::Receiver;

use tradewind_journal::{Append, BlockBuilder, Journal, JournalError, Ticket};
use tradewind_model::TopicPartition;

use super::note::{Counts, Note, SLOTS, slot_key};

/// Consecutive records and the blocks made of them.
pub(crate) struct Parcel {
    pub(crate) first: u64,
    pub(crate) counts: Counts,
    pub(crate) gave_ids: bool,
    pub(crate) blocks: Vec<(TopicPartition, BlockBuilder)>,
}

/// What became durable, and why it ended early if it did.
pub(crate) struct Delivered {
    pub(crate) done: Counts,
    pub(crate) gave_ids: bool,
    pub(crate) failed: Option<JournalError>,
}

/// Delivers parcels, which follow each other from `known.done` on, until there are no more or one fails.
pub(crate) fn deliver(
    journal: &dyn Journal,
    key: &str,
    known: &Note,
    parcels: &Receiver<Parcel>,
) -> Delivered {
    let mut run = Delivered {
        done: known.done,
        gave_ids: known.gave_ids,
        failed: None,
    };
    let mut in_flight: VecDeque<(Counts, Ticket)> = VecDeque::new();
    for (append_number, parcel) in (0..).zip(parcels) {
        if in_flight.len() as u64 == SLOTS && !settle(&mut in_flight, &mut run) {
            break;
        }
        run.gave_ids |= parcel.gave_ids;
        let note = Note {
            done: run.done,
            // What an earlier run left beyond its gaps stays known until this run has passed it.
            beyond: known
                .beyond
                .iter()
                .filter(|(first, count)| first + count > run.done.lines)
                .copied()
                .chain([(parcel.first, parcel.counts.lines)])
                .collect(),
            gave_ids: run.gave_ids,
            complete: false,
        };
        let progress = Some((slot_key(key, append_number), note.to_bytes()));
        match journal.submit(Append {
            blocks: parcel.blocks,
            progress,
        }) {
            Ok(ticket) => in_flight.push_back((parcel.counts, ticket)),
            Err(error) => {
                run.failed = Some(error);
                break;
            }
        }
    }
    while settle(&mut in_flight, &mut run) {}
    run
}

/// Waits for the oldest append in flight; false when there is none or it failed.
fn settle(in_flight: &mut VecDeque<(Counts, Ticket)>, run: &mut Delivered) -> bool {
    let Some((counts, ticket)) = in_flight.pop_front() else {
        return false;
    };
    match ticket.wait() {
        Ok(_) => {
            run.done.add(counts);
            true
        }
        Err(error) => {
            run.failed = Some(error);
            // The rest may become durable or not; its notes will tell the next run.
            for (_, ticket) in in_flight.drain(..) {
                let _ = ticket.wait();
            }
            false
        }
    }
}

/// Notes that the whole file is in.
pub(crate) fn complete(
    journal: &dyn Journal,
    key: &str,
    run: &Delivered,
) -> Result<(), JournalError> {
    let note = Note {
        done: run.done,
        beyond: Vec::new(),
        gave_ids: run.gave_ids,
        complete: true,
    };
    journal
        .append(Append {
            blocks: Vec::new(),
            progress: Some((key.to_owned(), note.to_bytes())),
        })
        .map(drop)
}
