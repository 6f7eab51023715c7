//! Lets pages of shops send events from their own origin: what browsers ask before (CORS preflight) and need to see in answers.
//!
//! Of all addresses only `/v1/events` is open to other origins, and only for write keys: whoever has one can send and nothing else. Cookies
//! are never accepted from there (`Access-Control-Allow-Credentials` is never sent). A preflight carries no key, so it is answered by what
//! any write key allows; the request itself is held against its own key.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::app::App;
use crate::error::Refusal;

/// Adds what a browser needs to let a page of another origin read the answer, and answers preflights.
pub(crate) async fn allow_pages(State(app): State<App>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let allowed = origin.filter(|origin| {
        origin
            .to_str()
            .is_ok_and(|origin| app.0.control.origin_allowed(origin))
    });
    let is_preflight = request.method() == Method::OPTIONS;
    let mut response = if !is_preflight {
        next.run(request).await
    } else if allowed.is_some() {
        StatusCode::NO_CONTENT.into_response()
    } else {
        refused().into_response()
    };
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = allowed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("retry-after, x-request-id"),
        );
        // Without it a browser keeps the answer from a page that sent without asking, and complains.
        headers.insert(
            HeaderName::from_static("cross-origin-resource-policy"),
            HeaderValue::from_static("cross-origin"),
        );
        if is_preflight {
            preflight(headers);
        }
    }
    response
}

/// Stands for the method: [`allow_pages`] answers before it is asked.
pub(crate) async fn preflight_answered() -> StatusCode {
    StatusCode::NO_CONTENT
}

fn preflight(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST"),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "authorization, content-type, content-encoding, x-store, x-request-id",
        ),
        (header::ACCESS_CONTROL_MAX_AGE, "7200"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

fn refused() -> Refusal {
    Refusal::new(
        StatusCode::FORBIDDEN,
        "foreign_origin",
        "no write key takes events from pages of this origin",
    )
    .hint("`tradewind key origins KEY_ID ORIGIN...` says which pages may send with a key")
}
