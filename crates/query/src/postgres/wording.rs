//! Failures as the Postgres protocol tells them.

use pgwire::api::{ClientInfo, ErrorHandler};
use pgwire::error::{ErrorInfo, PgWireError};
use tradewind_model::Causes;

use crate::error::{QueryError, QueryErrorKind};

/// Words DataFusion's failures for people before they are sent.
pub(super) struct Wording;

impl ErrorHandler for Wording {
    fn on_error<C>(&self, _client: &C, error: &mut PgWireError)
    where
        C: ClientInfo,
    {
        if let PgWireError::ApiError(source) = error {
            let source = std::mem::replace(source, Box::new(std::fmt::Error));
            *error = match source.downcast::<datafusion::error::DataFusionError>() {
                Ok(source) => to_pg(&QueryError::from_datafusion(*source, &[])),
                Err(source) => PgWireError::ApiError(source),
            };
        }
    }
}

/// A failure as the protocol tells it. What went wrong inside is logged and not told.
pub(super) fn to_pg(error: &QueryError) -> PgWireError {
    if error.kind() == QueryErrorKind::Internal {
        tracing::error!(error = %Causes(error), "a question over the Postgres wire failed");
    }
    let code = match error.kind() {
        QueryErrorKind::Invalid => "42000",
        QueryErrorKind::ReadOnly => "25006",
        QueryErrorKind::Limit => "53200",
        QueryErrorKind::Timeout => "57014",
        QueryErrorKind::Internal => "XX000",
    };
    let mut info = ErrorInfo::new("ERROR".to_owned(), code.to_owned(), error.message.clone());
    info.hint = error.hint.clone();
    PgWireError::UserError(Box::new(info))
}
