//! The description of the API, `openapi.json`: what the dashboard's types are generated from.

use std::sync::OnceLock;

use utoipa::OpenApi;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{AnyOf, Schema};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};

use crate::access::SESSION_COOKIE;
use crate::{answers, error, health, routes, views};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Tradewind",
        description = "Real-time analytics of online shops: events in, live views and SQL out.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(
        routes::events::post_events,
        routes::stores::list_stores,
        routes::views::read_view,
        routes::live::live,
        routes::sql::run_sql,
        routes::health::healthz,
        routes::health::readyz,
        routes::health::metrics,
    ),
    components(schemas(
        error::ApiError,
        error::ErrorBody,
        health::HealthCheck,
        health::Readiness,
        views::Money,
        views::Time,
        answers::ViewEnvelope,
        answers::ViewResponse,
        views::ViewData,
        views::LiveStatus,
        answers::StoreList,
        answers::StoreEntry,
    )),
    tags(
        (name = "ingest", description = "Events in"),
        (name = "views", description = "Live figures out"),
        (name = "sql", description = "Questions of any kind"),
        (name = "operation", description = "For those who run the server"),
    ),
    modifiers(&Security, &Unions),
)]
struct Description;

struct Security;

impl utoipa::Modify for Security {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = || SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("read_key", bearer());
        components.add_security_scheme("write_key", bearer());
        components.add_security_scheme(
            "session",
            SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(SESSION_COOKIE))),
        );
    }
}

/// Which member of an untagged union an answer is, the path says and not its form: two members may look alike.
struct Unions;

impl utoipa::Modify for Unions {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        if let Some(RefOr::T(schema)) = components.schemas.get_mut("ViewData")
            && let Schema::OneOf(one) = schema
        {
            let mut any = AnyOf::new();
            any.items = std::mem::take(&mut one.items);
            any.description = one.description.take();
            *schema = Schema::AnyOf(any);
        }
    }
}

/// The description as JSON, the same bytes each time.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn document() -> Result<&'static str, serde_json::Error> {
    static DOCUMENT: OnceLock<String> = OnceLock::new();
    if let Some(document) = DOCUMENT.get() {
        return Ok(document);
    }
    let mut document = Description::openapi().to_pretty_json()?;
    document.push('\n');
    Ok(DOCUMENT.get_or_init(|| document))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The file that web types are generated from is what the server serves. `UPDATE_OPENAPI=1` writes it anew.
    #[test]
    fn the_committed_description_is_the_served_one() {
        // Asked when the test runs, not when it is compiled: several clones may share one target directory.
        let package = std::env::var("CARGO_MANIFEST_DIR")
            .unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
        let path = format!("{package}/openapi.json");
        let served = document().unwrap();
        if std::env::var_os("UPDATE_OPENAPI").is_some() {
            std::fs::write(&path, served).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == served,
            "`{path}` is old; run the tests once with UPDATE_OPENAPI=1"
        );
    }
}
