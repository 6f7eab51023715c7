//! The application: its parts, and the router over them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use axum::{Router, middleware};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tradewind_control::Control;
use tradewind_model::{Clock, IdSource};

use crate::access::Gate;
use crate::desk::ViewDesk;
use crate::door::EventDoor;
use crate::health::Health;
use crate::intake::Intake;
use crate::live::LiveViews;
use crate::page_limit::PageLimit;
use crate::seldom::Seldom;
use crate::settings::Settings;
use crate::sql::SqlDoor;
use crate::{cross_origin, envelope, routes};

/// What the server is made of.
pub struct AppParts {
    /// Stores, keys, sessions.
    pub control: Arc<Control>,
    /// Where events go in.
    pub events: Arc<dyn EventDoor>,
    /// Where views are read.
    pub live: Arc<dyn LiveViews>,
    /// Where SQL is answered.
    pub sql: Arc<dyn SqlDoor>,
    /// What `/readyz` asks.
    pub health: Arc<dyn Health>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Request ids.
    pub ids: Arc<dyn IdSource>,
    /// What `/metrics` renders; it answers 404 without.
    pub metrics: Option<PrometheusHandle>,
    /// Limits and timeouts.
    pub settings: Settings,
}

/// The running application. Cheap to clone.
#[derive(Clone)]
pub struct App(pub(crate) Arc<State>);

pub(crate) struct State {
    pub(crate) control: Arc<Control>,
    pub(crate) gate: Gate,
    pub(crate) intake: Intake,
    /// One permit a KiB of event bodies.
    pub(crate) body_budget: Arc<Semaphore>,
    /// Requests that could not be stored.
    pub(crate) unstored: Seldom,
    /// Requests with a key in their address.
    pub(crate) page_limit: PageLimit,
    pub(crate) desk: ViewDesk,
    pub(crate) sql: Arc<dyn SqlDoor>,
    pub(crate) health: Arc<dyn Health>,
    pub(crate) ids: Arc<dyn IdSource>,
    pub(crate) metrics: Option<PrometheusHandle>,
    pub(crate) settings: Settings,
    pub(crate) live_streams: AtomicUsize,
    /// Where the shared grid of live ticks begins.
    pub(crate) started: Instant,
    /// Ends live streams.
    pub(crate) closing: CancellationToken,
}

impl App {
    /// Puts the parts together and starts the intake threads.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn new(parts: AppParts) -> io::Result<Self> {
        let settings = parts.settings;
        Ok(Self(Arc::new(State {
            gate: Gate::new(Arc::clone(&parts.control)),
            control: parts.control,
            intake: Intake::start(parts.events, settings.intake_threads, settings.intake_queue)?,
            unstored: Seldom::default(),
            body_budget: Arc::new(Semaphore::new(settings.max_bodies >> 10)),
            page_limit: PageLimit::new(settings.page_requests),
            desk: ViewDesk::new(parts.live, parts.clock),
            sql: parts.sql,
            health: parts.health,
            ids: parts.ids,
            metrics: parts.metrics,
            settings,
            live_streams: AtomicUsize::new(0),
            started: Instant::now(),
            closing: CancellationToken::new(),
        })))
    }

    /// Ends every live stream; new ones are refused. [`crate::serve`] calls it when it is told to stop.
    pub fn close(&self) {
        self.0.closing.cancel();
    }
}

/// All endpoints and what surrounds them: request ids, access log, security headers, compression, a time limit.
pub fn router(app: App) -> Router {
    let compression = CompressionLayer::new().quality(CompressionLevel::Fastest);
    Router::new()
        .route(
            "/v1/events",
            post(routes::events::post_events)
                .options(cross_origin::preflight_answered)
                .layer(middleware::from_fn_with_state(
                    app.clone(),
                    cross_origin::allow_pages,
                )),
        )
        .route("/v1/stores", get(routes::stores::list_stores))
        .route("/v1/views/{name}", get(routes::views::read_view))
        .route("/v1/live", get(routes::live::live))
        .route(
            "/v1/sql",
            post(routes::sql::run_sql).layer(DefaultBodyLimit::max(routes::sql::MAX_BODY)),
        )
        .route("/healthz", get(routes::health::healthz))
        .route("/readyz", get(routes::health::readyz))
        .route("/metrics", get(routes::health::metrics))
        .route("/openapi.json", get(routes::openapi_json))
        .route("/", get(routes::session::home))
        .fallback(get(routes::assets::asset))
        .method_not_allowed_fallback(routes::method_not_allowed)
        .layer(compression)
        .layer(middleware::from_fn_with_state(
            app.clone(),
            envelope::surround,
        ))
        .with_state(app)
}

/// The link that opens the dashboard as administrator, for a base address such as `http://127.0.0.1:8080`.
#[must_use]
pub fn start_link(base_url: &str, control: &Control) -> String {
    format!(
        "{}/?token={}",
        base_url.trim_end_matches('/'),
        control.admin_token().reveal()
    )
}
