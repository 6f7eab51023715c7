//! The endpoints, one file each: read the request, ask the parts, write the answer.

pub(crate) mod assets;
pub(crate) mod events;
pub(crate) mod health;
pub(crate) mod live;
pub(crate) mod session;
pub(crate) mod sql;
pub(crate) mod stores;
pub(crate) mod views;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::error::Refusal;

/// `GET /openapi.json`
pub(crate) async fn openapi_json() -> Result<Response, Refusal> {
    let document = crate::openapi::document()
        .map_err(|e| Refusal::internal("write the API description", &e))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], document).into_response())
}

/// A path that exists, asked with another method.
pub(crate) async fn method_not_allowed() -> Refusal {
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "this address does not take this method",
    )
    .hint("GET /openapi.json lists the addresses and their methods")
}

/// An address that is none.
pub(crate) fn not_found() -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        "not_found",
        "there is nothing at this address",
    )
    .hint("GET /openapi.json lists the addresses")
}

/// A query string that could not be read.
pub(crate) fn bad_query(rejection: &axum::extract::rejection::QueryRejection) -> Refusal {
    Refusal::bad_request("invalid_parameter", rejection.body_text())
        .hint("GET /openapi.json lists the parameters")
}
