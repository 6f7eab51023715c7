//! `GET /`: the dashboard's page; with `?token=T` the start-up link, exchanged for a session cookie.

use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;
use tradewind_control::SESSION_LENGTH;
use tradewind_model::Micros;

use crate::access::SESSION_COOKIE;
use crate::app::App;
use crate::error::Refusal;
use crate::routes::assets;

#[derive(Deserialize)]
pub(crate) struct HomeQuery {
    token: Option<String>,
}

/// What a link with an old token shows. Links are opened by people, so this is a page, not JSON.
const OLD_LINK: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Tradewind</title>\
    <h1>This link has ended</h1><p>Each start of <code>tradewind serve</code> prints a new link. \
    Please open the latest one.</p></html>";

/// `GET /`
pub(crate) async fn home(
    State(app): State<App>,
    query: Query<HomeQuery>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let Some(token) = &query.0.token else {
        return Ok(assets::serve("index.html", &headers));
    };
    let opened = app
        .0
        .control
        .open_session(token)
        .await
        .map_err(|e| Refusal::internal("open a session", &e))?;
    let Some(session) = opened else {
        return Ok((StatusCode::UNAUTHORIZED, Html(OLD_LINK)).into_response());
    };
    let cookie = cookie(session.secret.reveal(), app.0.settings.secure_cookies);
    let mut cookie =
        HeaderValue::from_str(&cookie).map_err(|e| Refusal::internal("open a session", &e))?;
    cookie.set_sensitive(true);
    let location = [(header::LOCATION, HeaderValue::from_static("/"))];
    Ok((
        StatusCode::SEE_OTHER,
        location,
        [(header::SET_COOKIE, cookie)],
    )
        .into_response())
}

fn cookie(session: &str, secure: bool) -> String {
    let secure = if secure { "; Secure" } else { "" };
    let seconds = SESSION_LENGTH / Micros::SECOND;
    format!(
        "{SESSION_COOKIE}={session}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_out_of_reach_for_scripts_and_other_sites() {
        assert_eq!(
            cookie("s", true),
            "tradewind_session=s; Path=/; Max-Age=604800; HttpOnly; SameSite=Strict; Secure"
        );
        assert!(!cookie("s", false).contains("Secure"));
    }
}
