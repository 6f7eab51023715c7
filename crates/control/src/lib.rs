//! Who owns what: organisations, stores, keys, admin sessions and the import ledger, in one small database.
//!
//! [`Control`] keeps `<data-dir>/control.db` and an in-memory snapshot of it, so that what every request asks (which store is
//! this key's, what are this store's settings) is a map lookup that never waits. Secrets are kept as SHA-256 and shown once.
//! It promises: a change is durable when its call returns, and seen by the next lookup in this process; changes of other
//! processes are seen after [`Control::refresh_if_changed`]. It holds no lock on the data folder: that is the journal's.
//!
//! It does not know events, views, HTTP or SQL of the lake, and no type of its database driver leaves it: PostgreSQL can
//! stand behind the same calls.

mod cache;
mod control;
mod database;
mod error;
mod imports;
mod keys;
mod organisations;
mod origins;
mod secret;
mod sessions;
mod stores;
#[cfg(test)]
mod tests;

pub use control::Control;
pub use error::ControlError;
pub use imports::{ImportRecord, Recorded};
pub use keys::{KeyGrant, KeyInfo, KeyKind, NewKey};
pub use organisations::{Organisation, OrganisationId};
pub use origins::Origins;
pub use secret::Secret;
pub use sessions::{NewSession, SESSION_LENGTH};
pub use stores::{NewStore, StoreInfo};
