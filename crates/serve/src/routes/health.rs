//! `GET /healthz`, `/readyz` and `/metrics`: for those who run the server. Open to all, so they tell nothing of any store.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::error::{ErrorBody, Refusal};
use crate::health::{Readiness, readiness};
use crate::routes::not_found;

/// The process is alive.
#[utoipa::path(get, path = "/healthz", tag = "operation", operation_id = "healthz",
    responses((status = 200, body = String, content_type = "text/plain", description = "`ok`")))]
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// Requests are welcome: every part behind the API is in order.
#[utoipa::path(get, path = "/readyz", tag = "operation", operation_id = "readyz",
    responses(
        (status = 200, body = Readiness, description = "ready"),
        (status = 503, body = Readiness, description = "not ready, and why"),
    ))]
pub(crate) async fn readyz(State(app): State<App>) -> Response {
    let found = readiness(app.0.health.checks());
    let status = if found.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(found)).into_response()
}

/// Metrics in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", tag = "operation", operation_id = "metrics",
    responses(
        (status = 200, body = String, content_type = "text/plain", description = "metrics"),
        (status = 404, body = ErrorBody, description = "metrics are switched off"),
    ))]
pub(crate) async fn metrics(State(app): State<App>) -> Result<Response, Refusal> {
    let handle = app.0.metrics.as_ref().ok_or_else(not_found)?;
    Ok((
        [(
            header::CONTENT_TYPE,
            "text/plain; version=0.0.4; charset=utf-8",
        )],
        handle.render(),
    )
        .into_response())
}
