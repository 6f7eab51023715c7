//! `GET /v1/stores`: the stores a reader may see.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;

use crate::access::StoreScope;
use crate::answers::{StoreEntry, StoreList};
use crate::app::App;
use crate::error::{ErrorBody, Refusal};
use crate::live::StoreFacts;
use crate::views::Time;

/// The stores the reader may see.
#[utoipa::path(
    get,
    path = "/v1/stores",
    tag = "views",
    operation_id = "list_stores",
    security(("read_key" = []), ("session" = [])),
    responses(
        (status = 200, body = StoreList, description = "every store of a session, the one of a read key"),
        (status = 401, body = ErrorBody, description = "no read key and no session"),
    )
)]
pub(crate) async fn list_stores(
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Json<StoreList>, Refusal> {
    let state = &*app.0;
    let reader = state.gate.reader(&headers)?;
    let stores = state
        .gate
        .scopes(&reader)
        .iter()
        .map(|scope| entry(scope, state.desk.live().facts(scope)))
        .collect();
    Ok(Json(StoreList { stores }))
}

fn entry(scope: &StoreScope, facts: StoreFacts) -> StoreEntry {
    let store = scope.store();
    StoreEntry {
        store_id: store.store_id.to_string(),
        name: store.name.clone(),
        timezone: store.zone.name().to_owned(),
        currency: store.currency.clone(),
        first_event: facts.first_event.map(Time),
        newest_event: facts.newest_event.map(Time),
        events: facts.events,
    }
}
