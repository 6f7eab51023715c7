//! What surrounds every request: an id, a time limit, the access log, metrics and the security headers of the answer.
//!
//! The log names the route's template, never the address: queries hold tokens, and payloads, keys and client addresses
//! are nobody's business.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use metrics::{counter, histogram};

use crate::app::App;
use crate::error::Refusal;
use crate::telemetry;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Scripts only from this server; styles may be inline, because ECharts' tooltips set style attributes.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'";

const SECURITY_HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// Handles one request within its surroundings.
pub(crate) async fn surround(State(app): State<App>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let id = request_id(request.headers()).unwrap_or_else(|| app.0.ids.next_id());
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "asset".to_owned(), |path| path.as_str().to_owned());
    let span = tracing::info_span!("request", request_id = %id);
    let answer = {
        use tracing::Instrument as _;
        tokio::time::timeout(app.0.settings.request, next.run(request))
            .instrument(span)
            .await
    };
    let mut response = answer.unwrap_or_else(|_| timed_out().into_response());

    let status = response.status();
    let seconds = begun.elapsed().as_secs_f64();
    counter!(telemetry::HTTP_REQUESTS, "route" => route.clone(), "method" => method_label(&method), "status" => status.as_u16().to_string())
        .increment(1);
    histogram!(telemetry::HTTP_SECONDS, "route" => route.clone()).record(seconds);
    tracing::info!(target: "tradewind::access", request_id = %id, method = method_label(&method), route, status = status.as_u16(), seconds, "answered");

    let headers = response.headers_mut();
    // Figures of shops stay out of caches; files of the page say for themselves how long they are good.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    for (name, value) in SECURITY_HEADERS {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, value);
    }
    response
}

fn timed_out() -> Refusal {
    Refusal::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "timeout",
        "the answer took too long",
    )
    .hint("ask for a shorter period or fewer rows")
    .retry_after(5)
}

/// The sender's id of the request, when it is one that may stand in a log: 1 to 64 letters, digits, `-` and `_`.
fn request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let plain = id
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    (plain && (1..=64).contains(&id.len())).then(|| id.to_owned())
}

/// Methods are the client's to invent; labels are not.
fn method_label(method: &axum::http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_request_ids_are_taken_over() {
        let with = |id: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, id.parse().unwrap());
            request_id(&headers)
        };
        assert_eq!(with("abc-1_2"), Some("abc-1_2".to_owned()));
        assert_eq!(with("a b"), None);
        assert_eq!(with(&"a".repeat(65)), None);
    }

    #[test]
    fn scripts_are_never_inline() {
        let scripts = CONTENT_SECURITY_POLICY
            .split(';')
            .find(|d| d.trim().starts_with("script-src"))
            .unwrap();
        assert_eq!(scripts.trim(), "script-src 'self'");
    }
}
