//! Computes while events move: operators over partitions, watermarks, exactly-once checkpoints, live snapshots.
//!
//! [`Runtime`] follows the journal with threads that own partitions. Each record is decoded once, de-duplicated, run through the
//! operators of its store and handed to the lake's [`sink::Tap`]. Operators are pure functions of (state, event, watermark)
//! (S3); their answers are panes that [`merge`] combines when read. [`checkpoint`] makes state and offsets durable together.
//!
//! This crate knows nothing of DataFusion, Delta, HTTP or async.

pub mod checkpoint;
mod completed;
pub mod live;
pub mod merge;
pub mod names;
pub mod operators;
pub mod panes;
mod partition_worker;
pub mod replayed;
pub mod rows;
mod rows_v3;
mod runtime;
pub mod seen;
pub mod sink;
pub mod state;
mod store_partition;
pub mod visitors;

/// The version of the rules by which events are counted: raised when the same events come to other figures than before
/// (docs/decisions/0009). 1: before there were versions. 2: refunds on the order's own terms, lines of one order by one, purchases once.
pub const RULES: u32 = 2;

pub use live::LiveHub;
pub use partition_worker::Formats;
pub use runtime::{Runtime, RuntimeConfig, RuntimeError, RuntimeParts, SteppedRuntime};
pub use store_partition::{OperatorConfig, Progress, StorePartition, Verdict};
