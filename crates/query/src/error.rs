//! Failures of queries, worded for the person who wrote them.

use datafusion::arrow::error::ArrowError;
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use tradewind_lake::LakeError;
use tradewind_model::validate::distance;

/// The way out when a file of the lake could not be read.
const DAMAGE: &str = "should it come again, `tradewind verify` on the server's folder tells which file of the lake is damaged or missing, and docs/recovery.md what to do";

/// Whether a file was missing or not what its writer left, which is no fault of the question.
fn is_of_files(error: &DataFusionError) -> bool {
    match error {
        DataFusionError::ParquetError(_) | DataFusionError::ObjectStore(_) => true,
        DataFusionError::ArrowError(arrow, _) => matches!(**arrow, ArrowError::ParquetError(_)),
        DataFusionError::External(error) => error.is::<LakeError>(),
        _ => false,
    }
}

/// What kind of failure it is: what the caller should do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryErrorKind {
    /// The query is wrong: fix it.
    Invalid,
    /// The query would change something: only reading is offered.
    ReadOnly,
    /// The query needs more memory or rows than allowed: ask for less.
    Limit,
    /// The query took longer than allowed.
    Timeout,
    /// Tradewind failed: try again, then look at its log.
    Internal,
}

/// A query that gave no result.
#[derive(Debug, thiserror::Error)]
#[error("{message}{}", .hint.as_deref().map(|h| format!("; {h}")).unwrap_or_default())]
pub struct QueryError {
    kind: QueryErrorKind,
    /// What went wrong, naming the table or column.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl QueryError {
    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> QueryErrorKind {
        self.kind
    }

    /// A failure with its wording.
    #[must_use]
    pub fn new(kind: QueryErrorKind, message: impl Into<String>, hint: Option<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint,
            source: None,
        }
    }

    /// What caused it, which is for the log.
    pub fn take_source(&mut self) -> Option<Box<dyn std::error::Error + Send + Sync>> {
        self.source.take()
    }

    pub(crate) fn internal(
        message: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self {
            kind: QueryErrorKind::Internal,
            message: message.into(),
            hint: None,
            source: Some(source.into()),
        }
    }

    /// Words a failure of DataFusion; `tables` are the names a table may have been meant to be.
    pub(crate) fn from_datafusion(error: DataFusionError, tables: &[String]) -> Self {
        let root = error.find_root();
        let (kind, message, hint) = match root {
            DataFusionError::SchemaError(schema, _) => column_trouble(schema),
            DataFusionError::ResourcesExhausted(text) => (
                QueryErrorKind::Limit,
                format!(
                    "the query needs more memory than it may use: {}",
                    first_sentence(text)
                ),
                Some("ask for fewer days, fewer columns or a coarser grouping".to_owned()),
            ),
            DataFusionError::SQL(parser, _) => (
                QueryErrorKind::Invalid,
                format!("the SQL cannot be read: {parser}"),
                None,
            ),
            DataFusionError::Plan(text) => match unknown_table(text, tables) {
                Some((message, hint)) => (QueryErrorKind::Invalid, message, hint),
                None => (QueryErrorKind::Invalid, text.clone(), None),
            },
            DataFusionError::NotImplemented(text) => (
                QueryErrorKind::Invalid,
                format!("not supported: {text}"),
                None,
            ),
            DataFusionError::Execution(text) => match text.strip_prefix(crate::deadline::TIMEOUT) {
                Some(rest) => return Self::timeout(rest.trim_start_matches(": ")),
                None => (QueryErrorKind::Invalid, text.clone(), None),
            },
            DataFusionError::Configuration(text) => (QueryErrorKind::Invalid, text.clone(), None),
            other if is_of_files(other) => (
                QueryErrorKind::Internal,
                "the query failed".to_owned(),
                Some(DAMAGE.to_owned()),
            ),
            DataFusionError::ArrowError(arrow, _) => {
                (QueryErrorKind::Invalid, arrow.to_string(), None)
            }
            _ => (
                QueryErrorKind::Internal,
                "the query failed".to_owned(),
                None,
            ),
        };
        Self {
            kind,
            message,
            hint,
            source: Some(Box::new(error)),
        }
    }

    pub(crate) fn timeout(limit: impl std::fmt::Display) -> Self {
        Self::new(
            QueryErrorKind::Timeout,
            format!("the query took longer than the {limit} it may"),
            Some("ask for fewer days, or put `date >= …` into its WHERE".to_owned()),
        )
    }
}

impl From<LakeError> for QueryError {
    fn from(error: LakeError) -> Self {
        let mut told = Self::internal("the lake cannot be read", error);
        told.hint = Some(DAMAGE.to_owned());
        told
    }
}

fn first_sentence(text: &str) -> &str {
    text.split(" with top memory consumers")
        .next()
        .unwrap_or(text)
        .split('\n')
        .next()
        .unwrap_or(text)
}

fn column_trouble(error: &SchemaError) -> (QueryErrorKind, String, Option<String>) {
    let (message, hint) = match error {
        SchemaError::FieldNotFound {
            field,
            valid_fields,
        } => {
            let names: Vec<String> = valid_fields.iter().map(|f| f.name().to_owned()).collect();
            let hint = nearest(field.name(), &names).map_or_else(
                || {
                    let mut shown: Vec<&str> = names.iter().map(String::as_str).take(12).collect();
                    shown.dedup();
                    (!shown.is_empty()).then(|| {
                        format!(
                            "there are: {}{}",
                            shown.join(", "),
                            if names.len() > 12 { " …" } else { "" }
                        )
                    })
                },
                |name| Some(format!("did you mean `{name}`?")),
            );
            (format!("there is no column `{}`", field.flat_name()), hint)
        }
        SchemaError::AmbiguousReference { field } => (
            format!(
                "column `{}` is in more than one of the tables",
                field.name()
            ),
            Some("put the table's name before it".to_owned()),
        ),
        other => (other.to_string(), None),
    };
    (QueryErrorKind::Invalid, message, hint)
}

/// Rewords "table 'tradewind.silver.ordres' not found".
fn unknown_table(text: &str, tables: &[String]) -> Option<(String, Option<String>)> {
    let rest = text.strip_prefix("table '")?;
    let (full, _) = rest.split_once("' not found")?;
    let name = full.strip_prefix("tradewind.").unwrap_or(full);
    let name = name.strip_prefix("$search_path.").unwrap_or(name);
    let bare = name.rsplit('.').next().unwrap_or(name);
    let near = nearest(name, tables).or_else(|| {
        let bares: Vec<String> = tables
            .iter()
            .filter_map(|t| t.rsplit('.').next().map(str::to_owned))
            .collect();
        let found = nearest(bare, &bares)?;
        tables
            .iter()
            .find(|t| t.rsplit('.').next() == Some(found.as_str()))
            .cloned()
    });
    let hint = near.map_or_else(
        || "`SHOW TABLES` lists them".to_owned(),
        |t| format!("did you mean `{t}`?"),
    );
    Some((format!("there is no table `{name}`"), Some(hint)))
}

fn nearest(word: &str, names: &[String]) -> Option<String> {
    let allowed = (word.chars().count() / 3).clamp(1, 4);
    names
        .iter()
        .map(|n| (distance(n, word), n))
        .filter(|(d, _)| *d <= allowed)
        .min()
        .map(|(_, n)| n.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_table_gets_a_suggestion() {
        let tables = ["silver.orders".to_owned(), "gold.daily_metrics".to_owned()];
        let (message, hint) =
            unknown_table("table 'tradewind.silver.ordres' not found", &tables).unwrap();
        assert_eq!(message, "there is no table `silver.ordres`");
        assert_eq!(hint.unwrap(), "did you mean `silver.orders`?");
        let (_, hint) =
            unknown_table("table 'tradewind.silver.daily_metrics' not found", &tables).unwrap();
        assert_eq!(hint.unwrap(), "did you mean `gold.daily_metrics`?");
        let (_, hint) = unknown_table("table 'tradewind.silver.zebra' not found", &tables).unwrap();
        assert_eq!(hint.unwrap(), "`SHOW TABLES` lists them");
    }
}
