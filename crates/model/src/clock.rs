//! Time and fresh ids are injected: the same inputs then give the same bytes.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::time::Micros;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now, in µs since the Unix epoch.
    fn now(&self) -> Micros;
}

/// Gives ids that nothing else has.
pub trait IdSource: Send + Sync {
    /// A new id, at most 64 ASCII characters.
    fn next_id(&self) -> String;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(
        clippy::disallowed_methods,
        reason = "the one place that reads the machine's clock"
    )]
    fn now(&self) -> Micros {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

/// Random version 7 UUIDs (RFC 9562): unique, and rising with time.
#[derive(Debug, Clone, Copy, Default)]
pub struct UuidSource;

impl IdSource for UuidSource {
    fn next_id(&self) -> String {
        uuid::Uuid::now_v7().simple().to_string()
    }
}
