//! The ingest crate behind the event door.

use std::sync::Arc;

use tradewind_ingest::{Ingest, IngestError};
use tradewind_model::Store;

use crate::door::{BodyKind, DoorError, EventDoor, ItemRejection, Verdicts};

impl EventDoor for Ingest {
    fn accept(
        &self,
        store: &Arc<Store>,
        source: &str,
        body: &[u8],
        kind: BodyKind,
    ) -> Result<Verdicts, DoorError> {
        let kind = match kind {
            BodyKind::Ndjson => tradewind_ingest::BodyKind::Ndjson,
            BodyKind::Json => tradewind_ingest::BodyKind::Json,
            BodyKind::Sniff => tradewind_ingest::BodyKind::Sniff,
        };
        let verdicts = Self::accept(self, store, source, body, kind).map_err(door_error)?;
        let rejection = |r: tradewind_ingest::ItemRejection| ItemRejection {
            index: r.index as u64,
            code: r.code,
            message: r.message,
        };
        Ok(Verdicts {
            accepted: verdicts.accepted as u64,
            rejected: verdicts.rejected.into_iter().map(rejection).collect(),
        })
    }
}

/// The kinds of refusal, by what the sender should do.
fn door_error(error: IngestError) -> DoorError {
    match error {
        IngestError::Overloaded { retry_after_s } => DoorError::Overloaded {
            retry_after: u64::from(retry_after_s),
        },
        IngestError::TooManyItems { max } => DoorError::TooManyItems { limit: max as u64 },
        IngestError::Malformed(reason) => DoorError::Malformed(reason),
        IngestError::Full(reason) => DoorError::Full(Box::new(reason)),
        IngestError::Journal(reason) => DoorError::Unwritable(Box::new(reason)),
    }
}
