//! `GET /v1/live`: snapshots, changes, the heartbeat, and the ends of a stream.

use std::time::{Duration, Instant};

use futures::StreamExt as _;
use serde_json::Value;
use tokio::time::timeout;
use tradewind_control::KeyKind;
use tradewind_model::StoreId;
use tradewind_serve::Settings;

use crate::harness::{Server, outcome};

const PATIENCE: Duration = Duration::from_secs(5);

struct Events {
    bytes: futures::stream::BoxStream<'static, reqwest::Result<bytes::Bytes>>,
    text: String,
}

impl Events {
    async fn open(server: &Server, path: &str) -> Self {
        let key = server.key("a", KeyKind::Read).await;
        Self::open_with(server, path, &key).await
    }

    async fn open_with(server: &Server, path: &str, key: &str) -> Self {
        let answer = server
            .get(path)
            .bearer_auth(key)
            .header("accept-encoding", "gzip, br")
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        assert!(
            !answer.headers().contains_key("content-encoding"),
            "a compressor would hold events back"
        );
        Self {
            bytes: answer.bytes_stream().boxed(),
            text: String::new(),
        }
    }

    /// The next event's name and data; `None` when the stream has ended.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let line = |name: &str| {
                    event
                        .lines()
                        .find_map(|l| l.strip_prefix(name))
                        .map(str::to_owned)
                };
                let found = line("event: ").zip(line("data: "));
                self.text = rest.to_owned();
                if let Some((name, data)) = found {
                    return Some((name, serde_json::from_str(&data).unwrap()));
                }
                continue;
            }
            let chunk = timeout(PATIENCE, self.bytes.next())
                .await
                .expect("the stream went silent")?;
            self.text
                .push_str(std::str::from_utf8(&chunk.ok()?).unwrap());
        }
    }

    /// The next event that is no heartbeat.
    async fn next_view(&mut self) -> (String, Value) {
        loop {
            match self.next().await.expect("the stream ended") {
                (name, _) if name == "status" => {}
                other => return other,
            }
        }
    }
}

#[tokio::test]
async fn first_snapshots_then_only_what_changed() {
    let server = Server::start().await;
    let mut events = Events::open(
        &server,
        "/v1/live?views=overview,products&window=1h&compare=previous",
    )
    .await;
    let (name, status) = events.next().await.unwrap();
    assert_eq!((name.as_str(), &status["lag_ms"]), ("status", &20.into()));
    for view in ["overview", "products"] {
        let (name, data) = events.next_view().await;
        assert_eq!(
            (name.as_str(), &data["view"], &data["store"]),
            ("snapshot", &view.into(), &"a".into())
        );
        assert!(data["previous"].is_object());
    }
    let begun = Instant::now();
    server.live.happen();
    let (name, data) = events.next_view().await;
    assert_eq!(
        (name.as_str(), &data["view"], &data["data"]["events"]),
        ("change", &"overview".into(), &1.into())
    );
    assert!(
        begun.elapsed() < Duration::from_millis(450),
        "{:?}",
        begun.elapsed()
    );
    // `products` did not change: the next one is the overview again.
    server.live.happen();
    let (name, data) = events.next_view().await;
    assert_eq!(
        (name.as_str(), &data["view"], &data["data"]["events"]),
        ("change", &"overview".into(), &2.into())
    );
}

#[tokio::test]
async fn many_changes_between_two_looks_are_one() {
    let server = Server::start().await;
    let mut events = Events::open(&server, "/v1/live?views=overview").await;
    events.next_view().await;
    for _ in 0..1_000 {
        server.live.happen();
    }
    let begun = Instant::now();
    let mut changes = 0;
    loop {
        let (_, data) = events.next_view().await;
        changes += 1;
        if data["data"]["events"] == 1_000 {
            break;
        }
    }
    assert!(
        changes <= 2 && begun.elapsed() < Duration::from_secs(1),
        "{changes} in {:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn the_heartbeat_goes_on_when_nothing_happens() {
    let server = Server::start().await;
    let mut events = Events::open(&server, "/v1/live?views=overview").await;
    events.next_view().await;
    let begun = Instant::now();
    for _ in 0..2 {
        assert_eq!(events.next().await.unwrap().0, "status");
    }
    assert!(
        begun.elapsed() < Duration::from_millis(2_600),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn a_view_that_cannot_be_read_is_told_once_and_comes_back() {
    let server = Server::start().await;
    *server.live.broken.lock() = Some(tradewind_serve::ViewName::Overview);
    let mut events = Events::open(&server, "/v1/live?views=overview").await;
    let (name, data) = events.next_view().await;
    assert_eq!(
        (name.as_str(), &data["view"], &data["error"]["code"]),
        ("problem", &"overview".into(), &"not_ready".into())
    );
    *server.live.broken.lock() = None;
    server.live.happen();
    assert_eq!(events.next_view().await.0, "snapshot");
}

#[tokio::test]
async fn a_reader_that_does_not_read_holds_nobody_up() {
    let server = Server::start().await;
    let key = server.key("a", KeyKind::Read).await;
    let mut stuck = Vec::new();
    for _ in 0..20 {
        let mut socket =
            tokio::net::TcpStream::connect(server.address.trim_start_matches("http://"))
                .await
                .unwrap();
        let request = format!(
            "GET /v1/live?views=overview,orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n"
        );
        tokio::io::AsyncWriteExt::write_all(&mut socket, request.as_bytes())
            .await
            .unwrap();
        stuck.push(socket);
    }
    let mut events = Events::open(&server, "/v1/live?views=overview").await;
    events.next_view().await;
    for _ in 0..5 {
        let begun = Instant::now();
        server.live.happen();
        assert_eq!(events.next_view().await.0, "change");
        assert!(
            begun.elapsed() < Duration::from_millis(450),
            "{:?}",
            begun.elapsed()
        );
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_key() {
    let server = Server::start().await;
    let made = server
        .control
        .create_key(&StoreId::new("a").unwrap(), KeyKind::Read, "wall")
        .await
        .unwrap();
    let mut events =
        Events::open_with(&server, "/v1/live?views=overview", made.secret.reveal()).await;
    events.next_view().await;
    server.control.revoke_key(&made.info.key_id).await.unwrap();
    let mut left = 3;
    while events.next().await.is_some() {
        left -= 1;
        assert!(left > 0, "the stream outlives its key");
    }
}

#[tokio::test]
async fn streams_end_when_the_server_stops() {
    let mut server = Server::start().await;
    let mut events = Events::open(&server, "/v1/live?views=overview").await;
    events.next_view().await;
    server.shutdown.cancel();
    let begun = Instant::now();
    while events.next().await.is_some() {}
    server.running.take().unwrap().await.unwrap().unwrap();
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
    assert!(
        server.get("/healthz").send().await.is_err(),
        "the socket is closed"
    );
}

#[tokio::test]
async fn places_for_streams_are_limited_and_given_back() {
    let server = Server::start_with(Settings {
        max_live_streams: 1,
        ..Settings::default()
    })
    .await;
    let first = Events::open(&server, "/v1/live?views=overview").await;
    let key = server.key("a", KeyKind::Read).await;
    let second = || server.get("/v1/live?views=overview").bearer_auth(&key);
    assert_eq!(outcome(second()).await, (503, "no_place".into()));
    drop(first);
    let begun = Instant::now();
    while second().send().await.unwrap().status() != 200 {
        assert!(begun.elapsed() < PATIENCE, "the place was not given back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(
        outcome(server.get("/v1/live?views=profits").bearer_auth(&key)).await,
        (404, "unknown_view".into())
    );
    assert_eq!(
        outcome(server.get("/v1/live").bearer_auth(&key)).await,
        (400, "invalid_parameter".into())
    );
}
