//! Where events go in: the [`EventDoor`] trait, which the ingest crate stands behind.

use std::sync::Arc;

use tradewind_model::{RejectCode, Store};

/// How a body is cut into events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyKind {
    /// One event a line.
    Ndjson,
    /// One JSON array of events, or one event.
    Json,
    /// Not said: the body decides.
    Sniff,
}

/// What became of the items of a body. All of them are durable when this is known (J1), rejected ones in quarantine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdicts {
    /// How many became events.
    pub accepted: u64,
    /// The others.
    pub rejected: Vec<ItemRejection>,
}

/// Why one item was rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemRejection {
    /// Its place in the body, from 0.
    pub index: u64,
    /// The kind of reason.
    pub code: RejectCode,
    /// The reason in words.
    pub message: String,
}

/// Why a whole body was refused. Nothing of it was kept.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// More comes in than can be worked off (J4).
    #[error("more events come in than can be worked off")]
    Overloaded {
        /// Seconds after which it may be tried again.
        retry_after: u64,
    },
    /// There is no room for more on the disk (J4).
    #[error("the server's disk is full")]
    Full(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The journal takes nothing now: its storage fails, or it is closing.
    #[error("the server's journal cannot be written")]
    Unwritable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// More items than one body may hold.
    #[error("the body holds more than {limit} events")]
    TooManyItems {
        /// The most that are accepted.
        limit: u64,
    },
    /// The body cannot be cut into items.
    #[error("{0}")]
    Malformed(String),
    /// Something failed inside.
    #[error("events could not be taken in")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Takes events in. Called on threads of its own; blocks until durable.
pub trait EventDoor: Send + Sync + 'static {
    /// Takes a decompressed body of one store in.
    ///
    /// # Errors
    /// [`DoorError`]; nothing of the body was kept then.
    fn accept(
        &self,
        store: &Arc<Store>,
        source: &str,
        body: &[u8],
        kind: BodyKind,
    ) -> Result<Verdicts, DoorError>;
}
