//! `GET /v1/views/{name}`: one view of one store.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::answers::ViewResponse;
use crate::app::App;
use crate::desk::Asked;
use crate::error::{ErrorBody, Refusal};
use crate::live::ViewName;
use crate::period::{Interval, Window, parse_interval, parse_span};
use crate::routes::bad_query;

/// Rows given when `limit` is not.
const DEFAULT_LIMIT: usize = 50;
/// The most rows given.
const MAX_LIMIT: usize = 1_000;

/// Which stretch of time, and how much of it.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ViewQuery {
    /// The store's id. Needed with a session; a read key has its own.
    store: Option<String>,
    /// `5m`, `1h`, `24h` (default), `7d` or `30d`: ends now, or at the newest event of a stale store.
    #[param(inline, value_type = Option<Window>)]
    window: Option<String>,
    /// First moment, RFC 3339; goes with `to`, instead of `window`.
    #[param(format = DateTime)]
    from: Option<String>,
    /// First moment after the period, RFC 3339.
    #[param(format = DateTime)]
    to: Option<String>,
    /// Distance of the points in `traffic` and `sales`: `1m`, `5m`, `1h` or `1d`.
    #[param(inline, value_type = Option<Interval>)]
    interval: Option<String>,
    /// `previous`: also the period before, of the same length.
    #[param(inline, value_type = Option<Compare>)]
    compare: Option<String>,
    /// The most rows of `products`, `categories`, `brands`, `cities`, `orders` and `carts`: 1 to 1000, 50 when not given.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

/// The one thing a view can be compared with.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[allow(dead_code, reason = "describes what `parse_compare` reads")]
pub(crate) enum Compare {
    Previous,
}

/// Reads `compare`.
pub(crate) fn parse_compare(compare: Option<&str>) -> Result<bool, Refusal> {
    match compare {
        None | Some("") => Ok(false),
        Some("previous") => Ok(true),
        Some(_) => Err(Refusal::bad_request(
            "invalid_parameter",
            "`compare` must be `previous`",
        )),
    }
}

impl ViewQuery {
    pub(crate) fn store(&self) -> Option<&str> {
        self.store.as_deref()
    }

    /// The view meant.
    pub(crate) fn asked(&self, name: ViewName) -> Result<Asked, Refusal> {
        let span = parse_span(
            self.window.as_deref(),
            self.from.as_deref(),
            self.to.as_deref(),
        )?;
        let compare = parse_compare(self.compare.as_deref())?;
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(Refusal::bad_request(
                "invalid_parameter",
                format!("`limit` must be 1 to {MAX_LIMIT}"),
            ));
        }
        Ok(Asked {
            name,
            span,
            interval: parse_interval(self.interval.as_deref(), span)?,
            compare,
            limit,
        })
    }
}

/// The view of a name in an address.
pub(crate) fn view_named(name: &str) -> Result<ViewName, Refusal> {
    ViewName::from_name(name).ok_or_else(|| {
        let shown: String = name.chars().take(40).collect();
        Refusal::new(
            StatusCode::NOT_FOUND,
            "unknown_view",
            format!("there is no view `{shown}`"),
        )
        .hint(format!(
            "views are {}",
            ViewName::ALL.map(ViewName::name).join(", ")
        ))
    })
}

/// The figures of one view of one store.
#[utoipa::path(
    get,
    path = "/v1/views/{name}",
    tag = "views",
    operation_id = "read_view",
    params(("name" = inline(ViewName), Path, description = "the view"), ViewQuery),
    security(("read_key" = []), ("session" = [])),
    responses(
        (status = 200, body = ViewResponse, description = "the view"),
        (status = 400, body = ErrorBody, description = "a parameter is wrong"),
        (status = 401, body = ErrorBody, description = "no read key and no session"),
        (status = 403, body = ErrorBody, description = "the key is of another store"),
        (status = 404, body = ErrorBody, description = "no such view or store"),
        (status = 422, body = ErrorBody, description = "the period reaches back further than live views keep"),
        (status = 503, body = ErrorBody, description = "live views are being rebuilt; see Retry-After"),
    )
)]
pub(crate) async fn read_view(
    State(app): State<App>,
    headers: HeaderMap,
    Path(name): Path<String>,
    query: Result<Query<ViewQuery>, QueryRejection>,
) -> Result<Response, Refusal> {
    let state = &*app.0;
    let reader = state.gate.reader(&headers)?;
    let Query(query) = query.map_err(|e| bad_query(&e))?;
    let scope = state.gate.scope(&reader, query.store())?;
    let asked = query.asked(view_named(&name)?)?;
    let rendered = state.desk.read(&scope, asked).await?;
    Ok((
        [(header::CONTENT_TYPE, "application/json")],
        rendered.json.clone(),
    )
        .into_response())
}
