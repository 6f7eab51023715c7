//! `POST /v1/sql`: a read-only question, answered as JSON, CSV or an Arrow stream.

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::error::{ErrorBody, Refusal};
use crate::routes::bad_query;
use crate::sql::{SqlError, SqlErrorKind, SqlFormat};

/// The longest request body, in bytes.
pub(crate) const MAX_BODY: usize = 1 << 20;

/// A question.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SqlRequest {
    /// One read-only statement over `bronze`, `silver`, `gold`, `live` and `system`.
    query: String,
    /// `json`, `csv` or `arrow`; by the `Accept` header when not given.
    #[serde(default)]
    format: Option<String>,
}

/// Which store.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SqlQuery {
    /// The store's id. A read key has its own; a session that names none sees every store.
    store: Option<String>,
}

/// The JSON form of an answer.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes what the query engine writes")]
pub(crate) struct SqlRows {
    columns: Vec<SqlColumn>,
    /// One array a row, in the order of the columns. Decimals are text.
    rows: Vec<Vec<serde_json::Value>>,
    /// Whether rows were left out because there were more than the limit.
    truncated: bool,
}

/// A column of an answer.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes what the query engine writes")]
pub(crate) struct SqlColumn {
    name: String,
    /// The Arrow type.
    r#type: String,
}

/// Answers a read-only SQL question within the reader's stores.
#[utoipa::path(
    post,
    path = "/v1/sql",
    tag = "sql",
    operation_id = "run_sql",
    params(SqlQuery),
    request_body = SqlRequest,
    security(("read_key" = []), ("session" = [])),
    responses(
        (status = 200, description = "the rows; header `x-truncated: true` when some were left out", content(
            (SqlRows = "application/json"),
            (String = "text/csv"),
            (Vec<u8> = "application/vnd.apache.arrow.stream"),
        )),
        (status = 400, body = ErrorBody, description = "the SQL is wrong, or would change something"),
        (status = 401, body = ErrorBody, description = "no read key and no session"),
        (status = 403, body = ErrorBody, description = "the key is of another store, or another site's page asks"),
        (status = 406, body = ErrorBody, description = "none of the accepted forms can be given"),
        (status = 413, body = ErrorBody, description = "the question needs more than it may"),
        (status = 429, body = ErrorBody, description = "too many questions run; see Retry-After"),
        (status = 504, body = ErrorBody, description = "the question takes too long"),
    )
)]
pub(crate) async fn run_sql(
    State(app): State<App>,
    headers: HeaderMap,
    query: Result<Query<SqlQuery>, QueryRejection>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let state = &*app.0;
    let reader = state.gate.acting_reader(&headers)?;
    let Query(query) = query.map_err(|e| bad_query(&e))?;
    let scope = state.gate.sql_scope(&reader, query.store.as_deref())?;
    let body = body.map_err(|e| match e.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Refusal::new(
            e.status(),
            "too_large",
            format!("the body is larger than {MAX_BODY} bytes"),
        ),
        _ => Refusal::bad_request("malformed", "the body ended early"),
    })?;
    let request: SqlRequest = serde_json::from_slice(&body).map_err(|e| {
        Refusal::bad_request("malformed", format!("the body is not a question: {e}"))
            .hint(r#"send {"query":"SELECT …"}"#)
    })?;
    let format = format_of(&request, &headers)?;
    let answer = state
        .sql
        .run(&scope, &request.query, format)
        .await
        .map_err(refuse_sql)?;
    let mut response =
        ([(header::CONTENT_TYPE, format.content_type())], answer.body).into_response();
    if answer.truncated {
        response
            .headers_mut()
            .insert("x-truncated", HeaderValue::from_static("true"));
    }
    Ok(response)
}

fn format_of(request: &SqlRequest, headers: &HeaderMap) -> Result<SqlFormat, Refusal> {
    let accept = headers
        .get(header::ACCEPT)
        .map_or("*/*", |value| value.to_str().unwrap_or(""));
    match &request.format {
        Some(name) => SqlFormat::from_name(name).ok_or_else(|| {
            Refusal::bad_request("invalid_parameter", "`format` must be json, csv or arrow")
        }),
        None => SqlFormat::from_accept(accept).ok_or_else(|| {
            Refusal::new(
                StatusCode::NOT_ACCEPTABLE,
                "not_acceptable",
                "none of the accepted forms can be given",
            )
            .hint("accept application/json, text/csv or application/vnd.apache.arrow.stream")
        }),
    }
}

fn refuse_sql(error: SqlError) -> Refusal {
    let (status, code) = match error.kind {
        SqlErrorKind::Invalid => (StatusCode::BAD_REQUEST, "invalid_sql"),
        SqlErrorKind::ReadOnly => (StatusCode::BAD_REQUEST, "read_only"),
        SqlErrorKind::Limit => (StatusCode::PAYLOAD_TOO_LARGE, "over_limit"),
        SqlErrorKind::Timeout => (StatusCode::GATEWAY_TIMEOUT, "timeout"),
        SqlErrorKind::Busy => (StatusCode::TOO_MANY_REQUESTS, "overloaded"),
        SqlErrorKind::Internal => return Refusal::internal("answer SQL", &error),
    };
    let mut refusal = Refusal::new(status, code, error.message);
    refusal.error.hint = error.hint;
    if error.kind == SqlErrorKind::Busy {
        refusal = refusal.retry_after(2);
    }
    refusal
}
