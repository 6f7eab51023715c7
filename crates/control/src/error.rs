//! What can go wrong with the control database, by what the caller can do about it.

use std::error::Error as StdError;

/// A failed read or change of the control database.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// A value is not acceptable; the message says which and what is.
    #[error("{0}")]
    Invalid(String),
    /// The thing named is not there.
    #[error("there is no {what} `{id}`")]
    NotFound {
        /// The kind of thing.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// The thing is there already.
    #[error("{what} `{id}` exists already")]
    Exists {
        /// The kind of thing.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// A setting that figures depend on can no longer be changed.
    #[error(
        "the {setting} of store `{store}` is fixed, because events have been counted with it; \
         make another store for another {setting}"
    )]
    Fixed {
        /// `currency` or `time zone`.
        setting: &'static str,
        /// The store.
        store: String,
    },
    /// The system gave no randomness to make a secret from.
    #[error("no randomness from the operating system for a new secret")]
    Randomness(#[source] Box<dyn StdError + Send + Sync>),
    /// The database could not be read or written.
    #[error("could not {doing} in the control database")]
    Storage {
        /// What was being done.
        doing: String,
        /// What the database said.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
}

impl ControlError {
    /// Wraps a database error with what was being done.
    pub(crate) fn storage<E: StdError + Send + Sync + 'static>(
        doing: impl Into<String>,
    ) -> impl FnOnce(E) -> Self {
        let doing = doing.into();
        move |source| Self::Storage {
            doing,
            source: Box::new(source),
        }
    }
}
