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

    /// The media type of the form.
    const fn media(self) -> (&'static str, &'static str) {
        match self {
            Self::Json => ("application", "json"),
            Self::Csv => ("text", "csv"),
            Self::Arrow => ("application", "vnd.apache.arrow.stream"),
        }
    }

    /// The form that an `Accept` header likes best (RFC 9110, 12.5.1): of the ranges that name a form the most precise one gives
    /// its quality; of equally good ones the first in the header, and JSON for `*/*`. `None` when nothing in it can be given.
    #[must_use]
    pub fn from_accept(accept: &str) -> Option<Self> {
        let ranges: Vec<(String, f32)> = accept
            .split(',')
            .map(|range| {
                let mut parts = range.split(';').map(str::trim);
                let media = parts.next().unwrap_or("").to_ascii_lowercase();
                let quality = parts
                    .filter_map(|part| part.split_once('='))
                    .find(|(name, _)| name.trim().eq_ignore_ascii_case("q"))
                    .map_or(1.0, |(_, q)| q.trim().parse().unwrap_or(0.0));
                (media, quality)
            })
            .collect();
        let quality = |form: Self| {
            let (kind, name) = form.media();
            let names = [
                format!("{kind}/{name}"),
                format!("{kind}/*"),
                "*/*".to_owned(),
            ];
            let at = names
                .iter()
                .find_map(|name| ranges.iter().position(|(media, _)| media == name))?;
            Some((form, at, ranges[at].1)).filter(|(_, _, q)| *q > 0.0)
        };
        [Self::Json, Self::Csv, Self::Arrow]
            .into_iter()
            .filter_map(quality)
            .min_by(|(_, at, q), (_, other_at, other)| other.total_cmp(q).then(at.cmp(other_at)))
            .map(|(form, _, _)| form)
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
    /// What caused it: for the log, never told.
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
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
            (
                "application/json;q=0.5, text/csv;Q=0.9",
                Some(SqlFormat::Csv),
            ),
            ("*/*;q=0.8, text/csv ; q=0.2", Some(SqlFormat::Json)),
            (
                "application/*, application/json;q=0",
                Some(SqlFormat::Arrow),
            ),
            ("text/*", Some(SqlFormat::Csv)),
            ("text/csv, application/json", Some(SqlFormat::Csv)),
            ("text/csv;q=much", None),
            ("", None),
            ("image/png", None),
        ] {
            assert_eq!(SqlFormat::from_accept(accept), format, "{accept}");
        }
    }
}
