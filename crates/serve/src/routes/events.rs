//! `POST /v1/events`: a shop's events in, a verdict on each out, once all of them are durable.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::Json;
use axum::body::{Body, BodyDataStream};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use futures::StreamExt as _;
use metrics::counter;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use tradewind_control::ControlError;
use utoipa::ToSchema;

use crate::app::App;
use crate::decompress::{DecompressError, Encoding};
use crate::door::{BodyKind, DoorError, ItemRejection, Verdicts};
use crate::error::{ErrorBody, Refusal};
use crate::intake::{BodyBudget, IntakeError, Job, kind_of_content_type};
use crate::routes::bad_query;
use crate::seats::{Activity, Waiting};
use crate::seldom::Seldom;
use crate::settings::Settings;
use crate::telemetry;

/// How long the rest of a refused body is read away.
const DRAIN: Duration = Duration::from_secs(2);

/// What became of a body's events. All are durable: the accepted in the journal, the rejected in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct EventVerdicts {
    /// How many became events.
    accepted: u64,
    /// The others, with their place in the body.
    rejected: Vec<EventRejection>,
}

/// Why one event was rejected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct EventRejection {
    /// Its place in the body, from 0.
    index: u64,
    /// A stable word: `malformed`, `unacceptable`, `unknown_type`, `missing_field`, `invalid_field`, `invalid_time`,
    /// `currency_mismatch` or `store_mismatch`.
    code: &'static str,
    /// What was wrong and what is accepted.
    message: String,
}

impl From<Verdicts> for EventVerdicts {
    fn from(verdicts: Verdicts) -> Self {
        let rejection = |r: ItemRejection| EventRejection {
            index: r.index,
            code: r.code.name(),
            message: r.message,
        };
        Self {
            accepted: verdicts.accepted,
            rejected: verdicts.rejected.into_iter().map(rejection).collect(),
        }
    }
}

/// What may stand in the address.
#[derive(Debug, Deserialize)]
pub(crate) struct Address {
    /// A write key, for senders that cannot set headers.
    key: Option<String>,
}

/// The store a sender means its events for.
const STORE: &str = "x-store";

/// Takes events in. Answers 200 once every event is durable: the accepted in the journal, the rejected in quarantine.
#[utoipa::path(
    post,
    path = "/v1/events",
    tag = "ingest",
    operation_id = "post_events",
    description = "NDJSON, a JSON array or one object, at most 10 MiB packed (`Content-Encoding`: gzip, zstd, br) and \
                   unpacked. Needs a write key: as `Authorization: Bearer KEY`, or in the address where a page's `sendBeacon` cannot \
                   set headers. Pages of other origins may send when the key allows theirs.",
    request_body(content(
        (serde_json::Value = "application/x-ndjson"),
        (serde_json::Value = "application/json"),
    )),
    params(("key" = Option<String>, Query, description = "a write key, for senders that cannot set headers; rate-limited"),
           ("x-store" = Option<String>, Header, description = "the store the events are meant for; refused when the key is of another")),
    security(("write_key" = [])),
    responses(
        (status = 200, body = EventVerdicts, description = "durable"),
        (status = 400, body = ErrorBody, description = "the body cannot be cut into events"),
        (status = 401, body = ErrorBody, description = "no write key"),
        (status = 403, body = ErrorBody, description = "the key is of another store than `x-store` names, or takes no events from pages of the sender's origin"),
        (status = 413, body = ErrorBody, description = "more than 10 MiB, or too many events"),
        (status = 415, body = ErrorBody, description = "another content type or encoding"),
        (status = 429, body = ErrorBody, description = "overloaded; see Retry-After"),
        (status = 503, body = ErrorBody, description = "events cannot be stored now; see Retry-After"),
    )
)]
pub(crate) async fn post_events(
    State(app): State<App>,
    headers: HeaderMap,
    address: Result<Query<Address>, QueryRejection>,
    activity: Option<Extension<Arc<Activity>>>,
    body: Body,
) -> Result<Json<EventVerdicts>, Refusal> {
    let mut chunks = body.into_data_stream();
    let activity = activity.map(|Extension(activity)| activity);
    let address = address.map_err(|e| bad_query(&e))?;
    let key = address.key.as_deref();
    let taken = take(&app.0, &headers, key, activity.as_ref(), &mut chunks).await;
    if let Err(refusal) = &taken
        && refusal.status != StatusCode::REQUEST_TIMEOUT
        && !headers.contains_key(header::EXPECT)
    {
        let _waiting = activity.as_ref().map(Waiting::of);
        drain(&mut chunks, app.0.settings.max_body).await;
    }
    let verdicts = taken?;
    counter!(telemetry::HTTP_EVENTS, "verdict" => "accepted").increment(verdicts.accepted);
    counter!(telemetry::HTTP_EVENTS, "verdict" => "rejected")
        .increment(verdicts.rejected.len() as u64);
    Ok(Json(verdicts.into()))
}

async fn take(
    state: &crate::app::State,
    headers: &HeaderMap,
    key: Option<&str>,
    activity: Option<&Arc<Activity>>,
    chunks: &mut BodyDataStream,
) -> Result<Verdicts, Refusal> {
    let scope = state.gate.writer(headers, key)?;
    if let Some(key_id) = scope.key_in_address()
        && !state.page_limit.takes(key_id)
    {
        return Err(Refusal::new(
            StatusCode::TOO_MANY_REQUESTS,
            "rate_limited",
            "pages send more requests with this key than it allows",
        )
        .hint("send the same events again after the seconds of `Retry-After`; nothing of this request was kept")
        .retry_after(1));
    }
    let own = scope.store().store_id.as_str();
    if let Some(meant) = headers
        .get(STORE)
        .filter(|meant| meant.as_bytes() != own.as_bytes())
    {
        let meant = String::from_utf8_lossy(meant.as_bytes());
        return Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "wrong_store",
            format!("the key is of store `{own}`, not of `{meant}`; nothing was taken in"),
        )
        .hint("use a write key of the store the events belong to"));
    }
    let (encoding, kind) = (encoding_of(headers)?, body_kind_of(headers)?);
    let limit = state.settings.max_body;
    if content_length(headers).is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    let waiting = activity.map(Waiting::of);
    let held = read_body(chunks, &state.settings, &state.body_budget).await?;
    drop(waiting);
    if encoding == Encoding::Identity
        && let Some(packed) = Encoding::betrayed_by(&held.bytes)
    {
        return Err(Refusal::bad_request(
            "malformed",
            format!("the body is packed with {packed}, and no `Content-Encoding` says so"),
        )
        .hint(format!("send `Content-Encoding: {packed}` with it")));
    }
    if !state.control.is_sealed(&scope.store().store_id) {
        // Before the first append: once events count in a currency and zone, these are fixed.
        state
            .control
            .seal_store(&scope.store().store_id)
            .await
            .map_err(unsealed)?;
    }
    let job = Job {
        scope,
        body: held.bytes,
        budget: held.budget,
        encoding,
        kind,
        limit,
    };
    let taken = state.intake.take(job).await;
    taken.map_err(|error| refuse_intake(error, &state.unstored))
}

/// Reads the rest of a refused body away, for a moment: a connection closed with bytes unread is reset, and the sender
/// would see that instead of the refusal.
async fn drain(chunks: &mut BodyDataStream, limit: usize) {
    let rest = async {
        let mut seen = 0;
        while let Some(Ok(chunk)) = chunks.next().await {
            seen += chunk.len();
            if seen > limit {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(DRAIN, rest).await;
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

fn content_length(headers: &HeaderMap) -> Option<usize> {
    text(headers, header::CONTENT_LENGTH)?.parse().ok()
}

fn encoding_of(headers: &HeaderMap) -> Result<Encoding, Refusal> {
    let several = headers.get_all(header::CONTENT_ENCODING).iter().count() > 1;
    Encoding::from_header(text(headers, header::CONTENT_ENCODING).unwrap_or(""))
        .filter(|_| !several)
        .ok_or_else(|| {
            unsupported(
                "this `Content-Encoding` is not supported",
                "use one of gzip, zstd, br, or none",
            )
        })
}

fn body_kind_of(headers: &HeaderMap) -> Result<BodyKind, Refusal> {
    kind_of_content_type(text(headers, header::CONTENT_TYPE)).map_err(|()| {
        let hint = "send `Content-Type: application/x-ndjson` (one event a line) or `application/json` (an array or one event); \
                    with curl: -H 'content-type: application/json'";
        unsupported("this `Content-Type` is not supported", hint)
    })
}

fn unsupported(message: &str, hint: &str) -> Refusal {
    Refusal::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        message,
    )
    .hint(hint)
}

fn too_large(limit: usize) -> Refusal {
    Refusal::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "too_large",
        format!("the body is larger than {limit} bytes, packed or unpacked"),
    )
    .hint("send fewer events a request")
}

fn overloaded(retry_after: u64) -> Refusal {
    Refusal::new(StatusCode::TOO_MANY_REQUESTS, "overloaded", "more events come in than can be worked off")
        .hint("send the same events again after the seconds of `Retry-After`; nothing of this request was kept")
        .retry_after(retry_after)
}

fn unsealed(error: ControlError) -> Refusal {
    tracing::error!(error = %tradewind_model::Causes(&error), "could not fix a store's settings");
    not_storable("the server's list of stores cannot be written")
}

fn not_storable(why: &str) -> Refusal {
    Refusal::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "not_storable",
        format!("events cannot be stored now: {why}"),
    )
    .hint("send the same events again later; nothing of this request was kept")
    .retry_after(5)
}

fn refuse_intake(error: IntakeError, unstored: &Seldom) -> Refusal {
    match error {
        IntakeError::QueueFull => overloaded(1),
        IntakeError::Decompress(DecompressError::TooLarge { limit }) => too_large(limit),
        IntakeError::Decompress(corrupt) => Refusal::bad_request("malformed", corrupt.to_string()),
        IntakeError::Door(DoorError::Overloaded { retry_after }) => overloaded(retry_after),
        IntakeError::Door(DoorError::TooManyItems { limit }) => Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_many_events",
            format!("the body holds more than {limit} events"),
        )
        .hint("send fewer events a request"),
        IntakeError::Door(DoorError::Malformed(reason)) => {
            Refusal::bad_request("malformed", reason)
        }
        IntakeError::Door(unkept @ (DoorError::Full(_) | DoorError::Unwritable(_))) => {
            if let Some(requests) = unstored.happened() {
                tracing::error!(requests, error = %tradewind_model::Causes(&unkept), "events cannot be stored; their senders were told to send them again");
            }
            not_storable(&unkept.to_string())
        }
        IntakeError::Door(DoorError::Failed(reason)) => {
            Refusal::internal("take events in", &*reason)
        }
        stopped @ IntakeError::Stopped => Refusal::internal("take events in", &stopped),
    }
}

/// A body and its share of the memory set aside for bodies.
struct Held {
    bytes: Vec<u8>,
    budget: BodyBudget,
}

/// Reads a body to its end, within the limits of size, memory and time.
async fn read_body(
    chunks: &mut BodyDataStream,
    settings: &Settings,
    memory: &Arc<Semaphore>,
) -> Result<Held, Refusal> {
    let mut held = Held {
        bytes: Vec::new(),
        budget: BodyBudget::default(),
    };
    let last_moment = Instant::now() + settings.body_total;
    loop {
        let patience = last_moment.min(Instant::now() + settings.body_idle);
        let chunk = match timeout_at(patience, chunks.next()).await {
            Err(_) => return Err(too_slow(settings.body_idle)),
            Ok(None) => return Ok(held),
            Ok(Some(Err(_))) => {
                return Err(Refusal::bad_request("malformed", "the body ended early"));
            }
            Ok(Some(Ok(chunk))) => chunk,
        };
        if held.bytes.len() + chunk.len() > settings.max_body {
            return Err(too_large(settings.max_body));
        }
        held.budget
            .grow(memory, chunk.len())
            .ok_or_else(|| overloaded(1))?;
        held.bytes.extend_from_slice(&chunk);
    }
}

fn too_slow(idle: Duration) -> Refusal {
    Refusal::new(
        StatusCode::REQUEST_TIMEOUT,
        "too_slow",
        format!("the body stopped coming for {} s", idle.as_secs()),
    )
    .hint("nothing of this request was kept; send it again")
}
