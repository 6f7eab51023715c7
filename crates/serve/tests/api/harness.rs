//! A running server over in-memory doors, and a client for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use metrics_exporter_prometheus::PrometheusHandle;
use parking_lot::Mutex;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tradewind_control::{Control, KeyKind, NewStore};
use tradewind_model::{Clock, Micros, RejectCode, Store, StoreId, UuidSource};
use tradewind_serve::access::SqlScope;
use tradewind_serve::views::{
    LiveStatus, Orders, Overview, Ranking, RankingRow, Throughput, ViewData,
};
use tradewind_serve::{
    App, AppParts, BodyKind, DoorError, EventDoor, Health, HealthCheck, ItemRejection, LiveViews,
    PreviousAnswer, Settings, SqlAnswer, SqlDoor, SqlError, SqlErrorKind, SqlFormat, StoreFacts,
    StoreScope, Verdicts, ViewAnswer, ViewError, ViewName, ViewRequest, serve, start_link,
};

pub const NOW: Micros = Micros(20_000 * Micros::DAY);

pub struct HandClock(pub AtomicI64);

impl Clock for HandClock {
    fn now(&self) -> Micros {
        Micros(self.0.load(Ordering::SeqCst))
    }
}

/// How the event door behaves.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Mood {
    #[default]
    Open,
    Overloaded,
    Full,
    Panics,
    Slow(Duration),
}

/// Counts lines; a line with `bad` in it is rejected.
#[derive(Default)]
pub struct FakeDoor {
    pub mood: Mutex<Mood>,
    pub taken: Mutex<Vec<(StoreId, String, usize, BodyKind)>>,
}

impl EventDoor for FakeDoor {
    fn accept(
        &self,
        store: &Arc<Store>,
        source: &str,
        body: &[u8],
        kind: BodyKind,
    ) -> Result<Verdicts, DoorError> {
        match *self.mood.lock() {
            Mood::Open => {}
            Mood::Overloaded => return Err(DoorError::Overloaded { retry_after: 7 }),
            Mood::Full => return Err(DoorError::Full("no space left".into())),
            Mood::Panics => panic!("the door broke"),
            Mood::Slow(time) => std::thread::sleep(time),
        }
        let text = std::str::from_utf8(body).map_err(|e| DoorError::Malformed(e.to_string()))?;
        if kind == BodyKind::Json && serde_json::from_str::<Value>(text).is_err() {
            return Err(DoorError::Malformed("not JSON".to_owned()));
        }
        self.taken
            .lock()
            .push((store.store_id.clone(), source.to_owned(), body.len(), kind));
        let mut verdicts = Verdicts::default();
        for (index, line) in text.lines().filter(|l| !l.trim().is_empty()).enumerate() {
            if line.contains("bad") {
                let message = "`type` is missing".to_owned();
                verdicts.rejected.push(ItemRejection {
                    index: index as u64,
                    code: RejectCode::MissingField,
                    message,
                });
            } else {
                verdicts.accepted += 1;
            }
        }
        Ok(verdicts)
    }
}

/// Views that tell which store was read and what was asked.
#[derive(Default)]
pub struct FakeLive {
    pub generation: AtomicU64,
    pub events: AtomicU64,
    pub reads: AtomicU64,
    pub newest_event: Mutex<Option<Micros>>,
    pub asked: Mutex<Vec<ViewRequest>>,
    pub broken: Mutex<Option<ViewName>>,
}

impl FakeLive {
    /// Something happens in every store.
    pub fn happen(&self) {
        self.events.fetch_add(1, Ordering::SeqCst);
        self.generation.fetch_add(1, Ordering::SeqCst);
    }
}

impl LiveViews for FakeLive {
    fn facts(&self, _: &StoreScope) -> StoreFacts {
        let newest_event = *self.newest_event.lock();
        StoreFacts {
            first_event: newest_event,
            newest_event,
            events: self.events.load(Ordering::SeqCst),
        }
    }

    fn view(&self, scope: &StoreScope, request: &ViewRequest) -> Result<ViewAnswer, ViewError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.asked.lock().push(request.clone());
        if *self.broken.lock() == Some(request.name) {
            return Err(ViewError::NotReady);
        }
        let (from, to) = request.period.bounds();
        let events = self.events.load(Ordering::SeqCst);
        let data = match request.name {
            ViewName::Overview => ViewData::Overview(Overview {
                events,
                ..Overview::default()
            }),
            ViewName::Throughput => ViewData::Throughput(Throughput::default()),
            ViewName::Orders => ViewData::Orders(Orders::default()),
            _ => ViewData::Ranking(Ranking {
                rows: vec![RankingRow {
                    key: scope.store_id().to_string(),
                    ..RankingRow::default()
                }],
                total_rows: 1,
            }),
        };
        let previous = request.compare.then(|| PreviousAnswer {
            from: from.plus(from.0 - to.0),
            to: from,
            data: data.clone(),
        });
        Ok(ViewAnswer {
            from,
            to,
            watermark: Some(to.plus(-1)),
            data,
            previous,
        })
    }

    fn generation(&self, _: &StoreScope) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    fn status(&self, _: &StoreScope) -> LiveStatus {
        LiveStatus {
            events_per_second: 1.5,
            lag_ms: 20,
        }
    }
}

/// Answers with the scope it was given.
pub struct FakeSql;

#[async_trait]
impl SqlDoor for FakeSql {
    async fn run(
        &self,
        scope: &SqlScope,
        sql: &str,
        format: SqlFormat,
    ) -> Result<SqlAnswer, SqlError> {
        let error = |kind| {
            Err(SqlError {
                kind,
                message: "no".to_owned(),
                hint: Some("say it otherwise".to_owned()),
                source: None,
            })
        };
        match sql {
            "INVALID" => return error(SqlErrorKind::Invalid),
            "DROP" => return error(SqlErrorKind::ReadOnly),
            "BIG" => return error(SqlErrorKind::Limit),
            "LONG" => return error(SqlErrorKind::Timeout),
            "BUSY" => return error(SqlErrorKind::Busy),
            "BROKEN" => return error(SqlErrorKind::Internal),
            _ => {}
        }
        let body = format!(
            "{{\"scope\":\"{}\",\"format\":\"{format:?}\"}}",
            scope.store_id().map_or("*", StoreId::as_str)
        );
        Ok(SqlAnswer {
            body: body.into(),
            truncated: sql == "MANY",
        })
    }
}

#[derive(Default)]
pub struct FakeHealth(pub Mutex<Option<String>>);

impl Health for FakeHealth {
    fn checks(&self) -> Vec<HealthCheck> {
        let message = self.0.lock().clone();
        vec![HealthCheck {
            name: "journal",
            ok: message.is_none(),
            message,
        }]
    }
}

/// A running server with the stores `a` and `b`.
pub struct Server {
    pub address: String,
    pub control: Arc<Control>,
    pub clock: Arc<HandClock>,
    pub door: Arc<FakeDoor>,
    pub live: Arc<FakeLive>,
    pub health: Arc<FakeHealth>,
    pub client: reqwest::Client,
    pub shutdown: CancellationToken,
    pub running: Option<JoinHandle<std::io::Result<()>>>,
    pub folder: TempDir,
}

impl Server {
    pub async fn start() -> Self {
        Self::start_with(Settings::default()).await
    }

    pub async fn start_with(settings: Settings) -> Self {
        Self::start_over(settings, None, None).await
    }

    /// A server over another event door than the one in memory.
    pub async fn start_over(
        settings: Settings,
        metrics: Option<PrometheusHandle>,
        events: Option<Arc<dyn EventDoor>>,
    ) -> Self {
        // Plain HTTP all the same needs a TLS provider to build a client.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(HandClock(AtomicI64::new(NOW.0)));
        let control = Arc::new(
            Control::open(folder.path(), Arc::clone(&clock) as Arc<dyn Clock>)
                .await
                .unwrap(),
        );
        for store in ["a", "b"] {
            control
                .create_store(NewStore::new(StoreId::new(store).unwrap()))
                .await
                .unwrap();
        }
        let (door, live, health) = (
            Arc::new(FakeDoor::default()),
            Arc::new(FakeLive::default()),
            Arc::new(FakeHealth::default()),
        );
        let app = App::new(AppParts {
            control: Arc::clone(&control),
            events: events.unwrap_or_else(|| Arc::clone(&door) as Arc<dyn EventDoor>),
            live: Arc::clone(&live) as Arc<dyn LiveViews>,
            sql: Arc::new(FakeSql),
            health: Arc::clone(&health) as Arc<dyn Health>,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            ids: Arc::new(UuidSource),
            metrics,
            settings,
        })
        .unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let shutdown = CancellationToken::new();
        let running = Some(tokio::spawn(serve(listener, app, shutdown.clone())));
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self {
            address,
            control,
            clock,
            door,
            live,
            health,
            client,
            shutdown,
            running,
            folder,
        }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.address))
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    pub fn post(&self, path: &str) -> RequestBuilder {
        self.request(Method::POST, path)
    }

    /// A new key of a store.
    pub async fn key(&self, store: &str, kind: KeyKind) -> String {
        let made = self
            .control
            .create_key(&StoreId::new(store).unwrap(), kind, "test")
            .await
            .unwrap();
        made.secret.reveal().to_owned()
    }

    /// The cookie that the start-up link gives.
    pub async fn session(&self) -> String {
        let link = start_link(&self.address, &self.control);
        let answer = self.client.get(link).send().await.unwrap();
        assert_eq!(answer.status(), 303);
        let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
        cookie.split(';').next().unwrap().to_owned()
    }

    /// Sends events with a fresh write key of store `a`.
    pub async fn events(&self) -> RequestBuilder {
        self.post("/v1/events")
            .bearer_auth(self.key("a", KeyKind::Write).await)
            .header("content-type", "application/x-ndjson")
    }
}

/// The code of an error answer, whose shape is checked.
pub async fn code(answer: Response) -> String {
    let body: Value = answer.json().await.unwrap();
    assert!(body["error"]["message"].is_string(), "{body}");
    assert!(
        body["error"].as_object().unwrap().contains_key("hint"),
        "{body}"
    );
    body["error"]["code"].as_str().unwrap().to_owned()
}

/// Sends a request; gives its status and, for an error, its code.
pub async fn outcome(request: RequestBuilder) -> (u16, String) {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (
        status,
        if status < 400 {
            String::new()
        } else {
            code(answer).await
        },
    )
}
