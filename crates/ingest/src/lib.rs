//! The front doors: bytes that shops send become durable, routed journal records.
//!
//! What it promises: every item of a request or line of a file ends as exactly one original record or one quarantined
//! record with its reason, with the bytes as received (J3), durable before the sender is told (J1); overload is told before
//! anything is written, clickstream first (J4); a file imported again, after a crash or whole, adds nothing twice.
//! What it leaves to others: HTTP, keys and decompression of request bodies (the server), and everything after the journal.
//!
//! [`Ingest`] takes requests, [`Importer`] takes files.

mod accept;
mod admission;
mod body;
mod delivery;
mod error;
pub mod import;
mod json;
#[cfg(test)]
mod testing;

pub use accept::{Ingest, ItemRejection, Verdicts};
pub use admission::{Admission, Limits, admit};
pub use body::BodyKind;
pub use error::IngestError;
pub use import::{
    ImportError, ImportFormat, ImportOptions, ImportProgress, ImportSummary, Importer, Input,
};
pub use json::event_to_json;
