//! Where SQL goes in: the [`SqlDoor`] trait, which the query crate stands behind.

use async_trait::async_trait;
use bytes::Bytes;

use crate::access::SqlScope;

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SqlFormat {
    /// `application/json`
    Json,
    /// `text/csv`
    Csv,
    /// `application/vnd.apache.arrow.stream`
    Arrow,
}

impl SqlFormat {
    /// The media type.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Arrow => "application/vnd.apache.arrow.stream",
        }
    }

    /// The format of a word in the body's `format`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "json" => Some(Self::Json),
            "csv" => Some(Self::Csv),
            "arrow" => Some(Self::Arrow),
            _ => None,
        }
    }

    /// The first acceptable format of an `Accept` header, JSON for `*/*`; `None` when nothing in it can be given.
    #[must_use]
    pub fn from_accept(accept: &str) -> Option<Self> {
        accept.split(',').find_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next().unwrap_or("").to_ascii_lowercase();
            if parts.any(|p| matches!(p, "q=0" | "q=0.0" | "q=0.00" | "q=0.000")) {
                return None;
            }
            match media.as_str() {
                "*/*" | "application/*" | "application/json" => Some(Self::Json),
                "text/csv" | "text/*" => Some(Self::Csv),
                "application/vnd.apache.arrow.stream" => Some(Self::Arrow),
                _ => None,
            }
        })
    }
}

/// A whole answer in the asked form.
#[derive(Debug, Clone)]
pub struct SqlAnswer {
    /// The bytes.
    pub body: Bytes,
    /// Whether rows were left out because there were more than the limit.
    pub truncated: bool,
}

/// The kind of a failed question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SqlErrorKind {
    /// The SQL is wrong: 400.
    Invalid,
    /// It would change something: 400.
    ReadOnly,
    /// It needs more memory than allowed: 413.
    Limit,
    /// It took too long: 504.
    Timeout,
    /// Too many questions run already: 429.
    Busy,
    /// Anything else: 500.
    Internal,
}

/// Why a question was not answered.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct SqlError {
    /// The kind.
    pub kind: SqlErrorKind,
    /// What was wrong.
    pub message: String,
    /// The way out.
    pub hint: Option<String>,
}

/// Answers read-only SQL within a scope.
#[async_trait]
pub trait SqlDoor: Send + Sync + 'static {
    /// Runs a question. Dropping the future stops the work.
    ///
    /// # Errors
    /// [`SqlError`].
    async fn run(
        &self,
        scope: &SqlScope,
        sql: &str,
        format: SqlFormat,
    ) -> Result<SqlAnswer, SqlError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accept_header_chooses_the_form() {
        for (accept, format) in [
            ("*/*", Some(SqlFormat::Json)),
            ("text/csv", Some(SqlFormat::Csv)),
            (
                "application/vnd.apache.arrow.stream, application/json;q=0.5",
                Some(SqlFormat::Arrow),
            ),
            ("image/png, text/csv;q=0, */*;q=0.1", Some(SqlFormat::Json)),
            ("image/png", None),
        ] {
            assert_eq!(SqlFormat::from_accept(accept), format, "{accept}");
        }
    }
}
