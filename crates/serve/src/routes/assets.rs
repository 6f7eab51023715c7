//! The dashboard's files, embedded from `web/dist`.

use axum::http::StatusCode;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

use crate::error::Refusal;
use crate::routes::not_found;

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
struct Dist;

/// Files whose names hold a hash of their content, so that they never change.
const HASHED: &str = "assets/";

/// Any address that is no endpoint.
pub(crate) async fn asset(uri: Uri, headers: HeaderMap) -> Response {
    serve(uri.path().trim_start_matches('/'), &headers)
}

/// A file, or 304 when the browser has it already.
pub(crate) fn serve(path: &str, headers: &HeaderMap) -> Response {
    let Some(file) = Dist::get(path) else {
        return not_found().into_response();
    };
    let digest: String = file
        .metadata
        .sha256_hash()
        .iter()
        .take(16)
        .map(|b| format!("{b:02x}"))
        .collect();
    // Weak: what is sent may be compressed.
    let tag = format!("W/\"{digest}\"");
    let caching = if path.starts_with(HASHED) {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let tag_value = match HeaderValue::from_str(&tag) {
        Ok(value) => value,
        Err(e) => return Refusal::internal("serve a file", &e).into_response(),
    };
    let common = [
        (header::CACHE_CONTROL, HeaderValue::from_static(caching)),
        (header::ETAG, tag_value),
    ];
    let known = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|v| v.to_str().ok());
    if known.is_some_and(|tags| tags.split(',').any(|t| t.trim() == tag)) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    (
        common,
        [(header::CONTENT_TYPE, media_type(path))],
        file.data.into_owned(),
    )
        .into_response()
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or("") {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
