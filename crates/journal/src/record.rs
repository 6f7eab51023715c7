//! One record: the bytes a shop sent and the facts known at the door.

use tradewind_model::{FormatHash, Micros, Offset, RejectCode, StoreId};

/// What a record is to its partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordKind<'a> {
    /// An event in its own partition.
    Original,
    /// The copy of a transaction in its visitor's partition; lake and counts ignore it.
    Copy,
    /// An item that could not become an event, kept with the reason.
    Rejected {
        /// The kind of reason.
        code: RejectCode,
        /// The reason in words.
        message: &'a str,
    },
}

/// A record to append.
#[derive(Debug, Clone, Copy)]
pub struct NewRecord<'a> {
    /// What it is to the partition.
    pub kind: RecordKind<'a>,
    /// The store whose key or file it came with.
    pub store: &'a StoreId,
    /// The front door: `http`, `import:FILE`, `simulate`.
    pub source: &'a str,
    /// Line in the file or index in the request.
    pub position: u64,
    /// How to read the bytes again.
    pub format: FormatHash,
    /// When it came in.
    pub received_at: Micros,
    /// The id given at the door, empty when the bytes carry their own.
    pub event_id: &'a str,
    /// The bytes, exactly as received.
    pub raw: &'a [u8],
}

/// A record read from a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its position in the partition.
    pub offset: Offset,
    /// What it is to the partition.
    pub kind: RecordKind<'a>,
    /// The store whose key or file it came with.
    pub store: &'a StoreId,
    /// The front door.
    pub source: &'a str,
    /// Line in the file or index in the request.
    pub position: u64,
    /// How to read the bytes again.
    pub format: FormatHash,
    /// When it came in.
    pub received_at: Micros,
    /// The id given at the door, empty when the bytes carry their own.
    pub event_id: &'a str,
    /// The bytes, exactly as received.
    pub raw: &'a [u8],
}
