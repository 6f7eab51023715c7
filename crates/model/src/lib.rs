//! The words Tradewind is built from: commerce events, ids, money, event time, store time zones, clocks.
//!
//! Pure and synchronous: no I/O, no async, no clock of its own. Bytes that a shop sent become an [`Event`] here (native
//! JSON in [`decode`], mapped CSV in [`mapping`]), are checked in [`validate`], and learn their topic and
//! partition in [`route`]. Everything durable, moving or visible is built in the crates above.

pub mod amount;
mod causes;
mod cell;
pub mod clock;
pub mod decode;
pub mod event;
pub mod format;
pub mod ids;
mod leaf;
pub mod mapping;
mod mapping_apply;
mod properties;
pub mod quantity;
pub mod route;
mod scan;
pub mod store;
pub mod time;
pub mod validate;

pub use amount::Amount;
pub use causes::Causes;
pub use clock::{Clock, IdSource, SystemClock, UuidSource};
pub use event::{Context, Event, EventType, Order, Product, Step, Text};
pub use format::{Decoder, FormatError, FormatHash};
pub use ids::{Offset, StoreId, Topic, TopicPartition};
pub use quantity::Quantity;
pub use store::{Store, StoreDirectory, StoreZone};
pub use time::{Date, Micros};
pub use validate::{RejectCode, Rejection};
