//! The one shape of every error answer: `{"error":{"code","message","hint"}}`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tradewind_model::Causes;
use utoipa::ToSchema;

use crate::access::AccessError;
use crate::live::ViewError;
use crate::period::PeriodError;

/// What went wrong, for programs (`code`) and people (`message`, `hint`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ApiError {
    /// A stable word that programs may match.
    pub code: &'static str,
    /// What went wrong.
    pub message: String,
    /// The way out.
    pub hint: Option<String>,
}

/// The body of every error answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ErrorBody {
    /// The error.
    pub error: ApiError,
}

/// An error answer: its status, body and, where asking again later helps, after how many seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) error: ApiError,
    pub(crate) retry_after: Option<u64>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            error: ApiError {
                code,
                message: message.into(),
                hint: None,
            },
            retry_after: None,
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.error.hint = Some(hint.into());
        self
    }

    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds.max(1));
        self
    }

    /// 400 with the reason.
    pub(crate) fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// 500. The reason is logged here, once, and not told.
    pub(crate) fn internal(
        doing: &'static str,
        reason: &(dyn std::error::Error + 'static),
    ) -> Self {
        tracing::error!(doing, error = %Causes(reason), "request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "something went wrong inside Tradewind",
        )
        .hint("the server's log says more, under the id in the `x-request-id` header")
    }

    /// The body.
    pub(crate) fn body(&self) -> ErrorBody {
        ErrorBody {
            error: self.error.clone(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body())).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"tradewind\""),
            );
        }
        response
    }
}

impl From<PeriodError> for Refusal {
    fn from(error: PeriodError) -> Self {
        Self::bad_request("invalid_parameter", error.to_string())
    }
}

impl From<AccessError> for Refusal {
    fn from(error: AccessError) -> Self {
        let (status, code) = match error {
            AccessError::Missing => (StatusCode::UNAUTHORIZED, "unauthorized"),
            AccessError::Unknown => (StatusCode::UNAUTHORIZED, "unauthorized"),
            AccessError::ReadKeyWrites | AccessError::WriteKeyReads => {
                (StatusCode::UNAUTHORIZED, "wrong_key_kind")
            }
            AccessError::SessionWrites => (StatusCode::UNAUTHORIZED, "unauthorized"),
            AccessError::OtherStore { .. } => (StatusCode::FORBIDDEN, "wrong_store"),
            AccessError::StoreMissing => (StatusCode::BAD_REQUEST, "store_missing"),
            AccessError::UnknownStore(_) => (StatusCode::NOT_FOUND, "unknown_store"),
            AccessError::ForeignOrigin | AccessError::PageNotAllowed(_) => {
                (StatusCode::FORBIDDEN, "foreign_origin")
            }
        };
        Self::new(status, code, error.to_string()).hint(error.hint())
    }
}

impl From<ViewError> for Refusal {
    fn from(error: ViewError) -> Self {
        match error {
            ViewError::OutOfReach(reason) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "out_of_reach", reason)
                    .hint("ask POST /v1/sql: the gold and silver tables keep everything")
            }
            ViewError::NotReady => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "not_ready",
                "live views are being rebuilt",
            )
            .hint("ask again in a few seconds")
            .retry_after(2),
            ViewError::Failed(ref reason) => Self::internal("read a view", &**reason),
        }
    }
}
