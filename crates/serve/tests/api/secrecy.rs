//! What the server tells its operators: metrics and logs, neither of which may hold a secret, a payload or an address.

use std::fmt::Write as _;
use std::sync::Arc;

use parking_lot::Mutex;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use tradewind_control::KeyKind;
use tradewind_serve::{Settings, telemetry};

use crate::harness::{Mood, Server};

/// Writes every span and event of ours down, of every level. (The client in this very process logs addresses of its own.)
#[derive(Clone, Default)]
struct Listener(Arc<Mutex<String>>);

struct Words<'w>(&'w mut String);

impl Visit for Words<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("tradewind")
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut Words(&mut self.0.lock()));
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut Words(&mut self.0.lock()));
    }
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut said = self.0.lock();
        let _ = write!(said, "\n{}", event.metadata().target());
        event.record(&mut Words(&mut said));
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn logs_and_metrics_hold_no_secret_payload_or_address() {
    let listener = Listener::default();
    tracing::subscriber::set_global_default(listener.clone()).unwrap();
    let metrics = telemetry::install().unwrap();
    let server = Server::start_over(Settings::default(), Some(metrics), None).await;

    let session = server.session().await;
    let read_key = server.key("a", KeyKind::Read).await;
    let write_key = server.key("a", KeyKind::Write).await;
    server
        .get("/v1/stores")
        .header("cookie", &session)
        .send()
        .await
        .unwrap();
    server
        .get("/v1/views/overview?store=a&window=1h")
        .bearer_auth(&read_key)
        .send()
        .await
        .unwrap();
    server
        .post("/v1/sql")
        .bearer_auth(&read_key)
        .body(r#"{"query":"SELECT 'confidential'"}"#)
        .send()
        .await
        .unwrap();
    for mood in [Mood::Open, Mood::Full, Mood::Panics] {
        *server.door.mood.lock() = mood;
        server
            .post("/v1/events")
            .bearer_auth(&write_key)
            .body("{\"confidential\":1}")
            .send()
            .await
            .unwrap();
    }
    server.get("/?token=tw_admin_guessed").send().await.unwrap();
    server
        .get("/confidential/path?x=confidential")
        .send()
        .await
        .unwrap();
    let told = server
        .get("/metrics")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(
        told.contains(
            "tradewind_http_requests_total{route=\"/v1/stores\",method=\"GET\",status=\"200\"}"
        ),
        "{told}"
    );
    assert!(told.contains("tradewind_http_request_seconds_bucket"));

    let said = listener.0.lock().clone();
    assert!(
        said.contains("tradewind::access") && said.contains("/v1/views/{name}"),
        "{said}"
    );
    for text in [said, told] {
        for secret in [
            "tw_admin",
            "tw_session",
            "tw_read",
            "tw_write",
            "confidential",
            "127.0.0.1",
            "window=1h",
        ] {
            assert!(!text.contains(secret), "`{secret}` is told in:\n{text}");
        }
    }
}
