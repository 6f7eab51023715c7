//! `GET /v1/live`: server-sent events. A snapshot of each asked view, then the views that changed, and a heartbeat.
//!
//! The stream is pulled by the reader's socket: a slow reader skips states, and nothing is queued for it. All streams tick on
//! one grid, so that those of the same store and window share each computation.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use metrics::gauge;
use serde::Deserialize;
use tokio::time::{Instant, sleep_until};
use utoipa::IntoParams;

use crate::access::{Reader, StoreScope};
use crate::app::App;
use crate::desk::{Asked, Rendered};
use crate::error::{ErrorBody, Refusal};
use crate::live::ViewName;
use crate::period::{Window, parse_span};
use crate::routes::bad_query;
use crate::routes::views::{Compare, parse_compare, view_named};
use crate::telemetry;

/// The grid of looks for changes.
const TICK: Duration = Duration::from_millis(100);
/// Ticks between two heartbeats: one second.
const BEAT: u64 = 10;
/// Ticks between two looks at views of a store where nothing happens, whose windows slide on all the same: five seconds.
const SLIDE: u64 = 50;
/// Reading views takes at most this share of a stream's time: after a round of length t it rests 2 t.
const REST: u32 = 2;
const LIMIT: usize = 50;

/// Which views of which store.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LiveQuery {
    /// The store's id. Needed with a session; a read key has its own.
    store: Option<String>,
    /// Names of views, separated by commas.
    views: String,
    /// `5m`, `1h`, `24h` (default), `7d` or `30d`.
    #[param(inline, value_type = Option<Window>)]
    window: Option<String>,
    /// `previous`: also the period before, of the same length.
    #[param(inline, value_type = Option<Compare>)]
    compare: Option<String>,
}

impl LiveQuery {
    /// The views meant, each once, in the order named.
    fn asked(&self) -> Result<Vec<Asked>, Refusal> {
        let span = parse_span(self.window.as_deref(), None, None)?;
        let compare = parse_compare(self.compare.as_deref())?;
        let mut names: Vec<ViewName> = Vec::new();
        for name in self
            .views
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
        {
            let name = view_named(name)?;
            if !names.contains(&name) {
                names.push(name);
            }
        }
        if names.is_empty() {
            return Err(
                Refusal::bad_request("invalid_parameter", "`views` names no view").hint(format!(
                    "views are {}",
                    ViewName::ALL.map(ViewName::name).join(", ")
                )),
            );
        }
        Ok(names
            .into_iter()
            .map(|name| Asked {
                name,
                span,
                interval: None,
                compare,
                limit: LIMIT,
            })
            .collect())
    }
}

/// A stream of views as they change.
#[utoipa::path(
    get,
    path = "/v1/live",
    tag = "views",
    operation_id = "live",
    description = "For each asked view first `event: snapshot`, then `event: change` whenever its figures changed, at most every \
                   200 ms; the data of both is what `GET /v1/views/{name}` answers. `event: status` (LiveStatus) every second. \
                   `event: problem` ({view, error}) when a view cannot be read.",
    params(LiveQuery),
    security(("read_key" = []), ("session" = [])),
    responses(
        (status = 200, body = String, content_type = "text/event-stream", description = "server-sent events"),
        (status = 400, body = ErrorBody, description = "a parameter is wrong"),
        (status = 401, body = ErrorBody, description = "no read key and no session"),
        (status = 403, body = ErrorBody, description = "the key is of another store"),
        (status = 404, body = ErrorBody, description = "no such view or store"),
        (status = 503, body = ErrorBody, description = "too many live streams, or shutting down; see Retry-After"),
    )
)]
pub(crate) async fn live(
    State(app): State<App>,
    headers: HeaderMap,
    query: Result<Query<LiveQuery>, QueryRejection>,
) -> Result<Response, Refusal> {
    let reader = app.0.gate.reader(&headers)?;
    let Query(query) = query.map_err(|e| bad_query(&e))?;
    let scope = app.0.gate.scope(&reader, query.store.as_deref())?;
    let asked = query.asked()?;
    let place = Place::take(&app)?;
    let stream = Stream::new(place, reader, scope, asked);
    let body = Body::from_stream(futures::stream::unfold(stream, |mut stream| async move {
        let bytes = stream.next().await?;
        Some((Ok::<_, Infallible>(bytes), stream))
    }));
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        // Proxies that buffer answers would hold events back.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, body).into_response())
}

/// One of the places for live streams, given back when dropped.
struct Place(App);

impl Place {
    fn take(app: &App) -> Result<Self, Refusal> {
        let (state, most) = (&app.0, app.0.settings.max_live_streams);
        let taken = state
            .live_streams
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| {
                (n < most).then_some(n + 1)
            });
        if taken.is_err() || state.closing.is_cancelled() {
            if taken.is_ok() {
                state.live_streams.fetch_sub(1, Ordering::SeqCst);
            }
            return Err(Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "no_place",
                "no further live stream can be opened now",
            )
            .hint("read GET /v1/views/{name} from time to time instead")
            .retry_after(5));
        }
        gauge!(telemetry::LIVE_STREAMS).increment(1.0);
        Ok(Self(app.clone()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.0.live_streams.fetch_sub(1, Ordering::SeqCst);
        gauge!(telemetry::LIVE_STREAMS).decrement(1.0);
    }
}

/// A view of this stream: what its reader saw last, and the problem it was told of, if that still stands.
struct Watched {
    asked: Asked,
    shown: Option<Arc<Rendered>>,
    problem: Option<&'static str>,
}

struct Stream {
    place: Place,
    reader: Reader,
    scope: StoreScope,
    views: Vec<Watched>,
    ready: VecDeque<Bytes>,
    generation: Option<u64>,
    tick: u64,
    looked_at: u64,
}

impl Stream {
    fn new(place: Place, reader: Reader, scope: StoreScope, asked: Vec<Asked>) -> Self {
        let views = asked
            .into_iter()
            .map(|asked| Watched {
                asked,
                shown: None,
                problem: None,
            })
            .collect();
        let tick = tick_of(place.0.0.started.elapsed());
        let ready = VecDeque::from([Bytes::from_static(b"retry: 2000\n\n")]);
        Self {
            place,
            reader,
            scope,
            views,
            ready,
            generation: None,
            tick,
            looked_at: tick,
        }
    }

    /// The next bytes; `None` ends the stream.
    async fn next(&mut self) -> Option<Bytes> {
        let app = self.place.0.clone();
        loop {
            if app.0.closing.is_cancelled() {
                return None;
            }
            if let Some(bytes) = self.ready.pop_front() {
                return Some(bytes);
            }
            if self.generation.is_some() {
                let due = app.0.started + TICK * u32::try_from(self.tick + 1).unwrap_or(u32::MAX);
                tokio::select! {
                    () = sleep_until(due) => {}
                    () = app.0.closing.cancelled() => return None,
                }
            }
            let before = self.tick;
            // A reader that fell behind goes on from now.
            self.tick = tick_of(app.0.started.elapsed()).max(before);
            let first = self.generation.is_none();
            if first || self.tick / BEAT != before / BEAT {
                if !app.0.gate.still_works(&self.reader) {
                    return None;
                }
                let status = app.0.desk.live().status(&self.scope);
                self.push(
                    "status",
                    &serde_json::to_string(&status).unwrap_or_default(),
                );
            }
            self.look(&app).await;
        }
    }

    /// Reads the views when something may have changed, and makes events of those that did.
    async fn look(&mut self, app: &App) {
        let generation = app.0.desk.live().generation(&self.scope);
        let moved = self.generation != Some(generation);
        let slid = self.tick.saturating_sub(self.looked_at) >= SLIDE;
        let second = self.tick.saturating_sub(self.looked_at) >= BEAT;
        let due = |name| moved || slid || (second && name == ViewName::Throughput);
        if !self.views.iter().any(|view| due(view.asked.name)) {
            return;
        }
        let begun = Instant::now();
        for i in 0..self.views.len() {
            let asked = self.views[i].asked;
            if due(asked.name) {
                let read = app.0.desk.read(&self.scope, asked).await;
                if let Some((event, data)) = self.views[i].news(read) {
                    self.push(event, &data);
                }
            }
        }
        self.generation = Some(generation);
        self.looked_at = self.tick;
        let rest = begun.elapsed() * REST;
        self.tick = self
            .tick
            .max(tick_of(app.0.started.elapsed() + rest.saturating_sub(TICK)));
    }

    fn push(&mut self, event: &str, data: &str) {
        self.ready
            .push_back(Bytes::from(format!("event: {event}\ndata: {data}\n\n")));
    }
}

impl Watched {
    /// What the reader is to be told, if anything.
    fn news(&mut self, read: Result<Arc<Rendered>, Refusal>) -> Option<(&'static str, String)> {
        let view = match read {
            Ok(view) => view,
            Err(refusal) if self.problem == Some(refusal.error.code) => return None,
            Err(refusal) => {
                self.problem = Some(refusal.error.code);
                let problem =
                    serde_json::json!({"view": self.asked.name.name(), "error": refusal.error});
                return Some(("problem", problem.to_string()));
            }
        };
        let healed = self.problem.take().is_some();
        let event = match &self.shown {
            None => "snapshot",
            Some(shown) if !healed && shown.figures() == view.figures() => return None,
            Some(_) => "change",
        };
        let data = view.json.clone();
        self.shown = Some(view);
        Some((event, data))
    }
}

/// The number of the grid's tick at a distance from its beginning.
fn tick_of(elapsed: Duration) -> u64 {
    u64::try_from(elapsed.as_millis() / TICK.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_numbered_from_the_start() {
        assert_eq!(tick_of(Duration::ZERO), 0);
        assert_eq!(tick_of(TICK - Duration::from_millis(1)), 0);
        assert_eq!(tick_of(TICK), 1);
        assert_eq!(tick_of(Duration::from_millis(1_000)), BEAT);
    }

    #[test]
    fn asked_views_are_named_once_each() {
        let query = |views: &str| LiveQuery {
            store: None,
            views: views.to_owned(),
            window: None,
            compare: None,
        };
        let names: Vec<_> = query("overview, funnel,overview")
            .asked()
            .unwrap()
            .iter()
            .map(|a| a.name)
            .collect();
        assert_eq!(names, [ViewName::Overview, ViewName::Funnel]);
        assert_eq!(
            query("").asked().unwrap_err().status,
            StatusCode::BAD_REQUEST
        );
        assert_eq!(
            query("overview,secrets").asked().unwrap_err().status,
            StatusCode::NOT_FOUND
        );
    }
}
