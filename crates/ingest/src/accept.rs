//! Takes one request: decode, validate, route, append; returns once everything of it is durable (J1).

use std::sync::{Arc, OnceLock};

use metrics::counter;
use serde::Serialize;
use tradewind_journal::{Append, Journal};
use tradewind_model::validate::Envelope;
use tradewind_model::{Clock, Decoder, FormatHash, IdSource, RejectCode, Rejection, Store};

use crate::admission::{Admission, Limits, admit};
use crate::body::{BodyKind, items};
use crate::delivery::{Delivery, Facts};
use crate::error::IngestError;

/// The verdicts on a request's items, given once all of them are durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdicts {
    /// Items that became events.
    pub accepted: usize,
    /// Items that went into the quarantine.
    pub rejected: Vec<ItemRejection>,
}

/// Why one item did not become an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ItemRejection {
    /// Its place in the request, from 0, blank lines not counted.
    pub index: usize,
    /// The kind of reason.
    pub code: RejectCode,
    /// The field, what was wrong and what is accepted.
    pub message: String,
}

/// The door for requests.
pub struct Ingest {
    journal: Arc<dyn Journal>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    limits: Limits,
    format: OnceLock<FormatHash>,
}

impl Ingest {
    /// A door into `journal`.
    #[must_use]
    pub fn new(
        journal: Arc<dyn Journal>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
        limits: Limits,
    ) -> Self {
        Self {
            journal,
            clock,
            ids,
            limits,
            format: OnceLock::new(),
        }
    }

    /// Takes the items of an uncompressed body for a store. Blocks until all are durable, the rejected ones in the quarantine
    /// with their bytes and reason; then tells the verdict on each. The caller limits the size of the body.
    ///
    /// # Errors
    /// [`IngestError`] when the request was refused as a whole; then nothing of it was kept.
    pub fn accept(
        &self,
        store: &Arc<Store>,
        source: &str,
        body: &[u8],
        kind: BodyKind,
    ) -> Result<Verdicts, IngestError> {
        // Beyond the mark for everything there is no need to look inside.
        self.admit(true)?;
        let items = items(body, kind, self.limits.max_items)?;
        let format = self.format()?;
        let received_at = self.clock.now();
        let decoder = Decoder::Json;
        let envelope = Envelope {
            received_at,
            event_id: "",
        };
        let mut delivery = Delivery::new(self.journal.partitions());
        let mut verdicts = Verdicts {
            accepted: 0,
            rejected: Vec::new(),
        };
        for (index, raw) in items.into_iter().enumerate() {
            let facts = Facts {
                store: &store.store_id,
                source,
                position: index as u64,
                format,
                received_at,
                raw,
            };
            let decoded = self
                .fits(raw)
                .and_then(|()| decoder.decode(raw, &envelope, store));
            match decoded {
                Ok(event) => {
                    let given = if event.event_id.is_empty() {
                        self.ids.next_id()
                    } else {
                        String::new()
                    };
                    delivery.event(&event, &given, &facts);
                    verdicts.accepted += 1;
                }
                Err(rejection) => {
                    delivery.rejected(&rejection, &rejection.message, &facts);
                    verdicts.rejected.push(ItemRejection {
                        index,
                        code: rejection.code,
                        message: rejection.message,
                    });
                }
            }
        }
        self.admit(delivery.has_transactions())?;
        let blocks = delivery.into_blocks();
        if !blocks.is_empty() {
            self.journal.append(Append {
                blocks,
                progress: None,
            })?;
        }
        counter!("tradewind_ingest_accepted_events_total").increment(verdicts.accepted as u64);
        counter!("tradewind_ingest_rejected_events_total")
            .increment(verdicts.rejected.len() as u64);
        Ok(verdicts)
    }

    fn admit(&self, has_transactions: bool) -> Result<(), IngestError> {
        match admit(self.journal.pending_bytes(), &self.limits, has_transactions) {
            Admission::Accept => Ok(()),
            Admission::Shed { retry_after_s } => {
                counter!("tradewind_ingest_shed_requests_total").increment(1);
                Err(IngestError::Overloaded { retry_after_s })
            }
        }
    }

    fn fits(&self, raw: &[u8]) -> Result<(), Rejection> {
        if raw.len() <= self.limits.max_item_bytes {
            return Ok(());
        }
        Err(Rejection::new(
            RejectCode::Unacceptable,
            "",
            format!(
                "the item has {} bytes; at most {} are accepted",
                raw.len(),
                self.limits.max_item_bytes
            ),
        ))
    }

    fn format(&self) -> Result<FormatHash, IngestError> {
        if let Some(known) = self.format.get() {
            return Ok(*known);
        }
        let hash = self.journal.put_format(Decoder::JSON)?;
        Ok(*self.format.get_or_init(|| hash))
    }
}

#[cfg(test)]
#[path = "accept_tests.rs"]
mod tests;
