//! The start-up link, the page, health, and what every answer carries.

use serde_json::Value;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tradewind_serve::{Settings, start_link};

use crate::harness::{Server, outcome};

#[tokio::test]
async fn the_start_link_becomes_a_session_and_leaves_the_address() {
    let server = Server::start().await;
    let answer = server
        .client
        .get(start_link(&server.address, &server.control))
        .send()
        .await
        .unwrap();
    assert_eq!(
        (
            answer.status().as_u16(),
            answer.headers()["location"].to_str().unwrap()
        ),
        (303, "/")
    );
    let cookie = answer.headers()["set-cookie"].to_str().unwrap();
    for part in [
        "tradewind_session=tw_session_",
        "HttpOnly",
        "SameSite=Strict",
        "Path=/",
    ] {
        assert!(cookie.contains(part), "{part}");
    }
    let old = server.get("/?token=tw_admin_old").send().await.unwrap();
    assert_eq!(old.status(), 401);
    assert!(!old.headers().contains_key("set-cookie"));
    assert!(old.text().await.unwrap().contains("open the latest one"));
}

#[tokio::test]
async fn the_page_is_served_and_known_pages_are_not_sent_again() {
    let server = Server::start().await;
    let page = server.get("/").send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(
        page.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
    let tag = page.headers()["etag"].to_str().unwrap().to_owned();
    let again = server
        .get("/")
        .header("if-none-match", tag)
        .send()
        .await
        .unwrap();
    assert_eq!(again.status(), 304);
    assert_eq!(
        outcome(server.get("/no/such/page")).await,
        (404, "not_found".into())
    );
    assert_eq!(
        outcome(server.get("/../Cargo.toml")).await,
        (404, "not_found".into())
    );
    assert_eq!(
        outcome(server.get("/v1/events")).await,
        (405, "method_not_allowed".into())
    );
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let server = Server::start().await;
    for path in ["/", "/v1/stores", "/openapi.json", "/no/such/page"] {
        let answer = server
            .get(path)
            .header("x-request-id", "mine-1")
            .send()
            .await
            .unwrap();
        let header = |name: &str| {
            answer
                .headers()
                .get(name)
                .map_or("", |v| v.to_str().unwrap())
                .to_owned()
        };
        assert!(
            header("content-security-policy").contains("script-src 'self';"),
            "{path}"
        );
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("x-frame-options"), "DENY", "{path}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(header("x-request-id"), "mine-1", "{path}");
    }
}

#[tokio::test]
async fn answers_are_compressed_for_those_who_can_read_it() {
    let server = Server::start().await;
    for encoding in ["gzip", "br"] {
        let answer = server
            .get("/openapi.json")
            .header("accept-encoding", encoding)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.headers()["content-encoding"], encoding);
    }
    let plain: Value = server
        .get("/openapi.json")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert!(plain["paths"]["/v1/views/{name}"]["get"].is_object());
}

#[tokio::test]
async fn readiness_tells_what_is_missing() {
    let server = Server::start().await;
    assert_eq!(
        server
            .get("/healthz")
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap(),
        "ok\n"
    );
    assert_eq!(server.get("/readyz").send().await.unwrap().status(), 200);
    *server.health.0.lock() = Some("replaying".to_owned());
    let answer = server.get("/readyz").send().await.unwrap();
    assert_eq!(answer.status(), 503);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(
        (&body["ready"], &body["checks"][0]["message"]),
        (&false.into(), &"replaying".into())
    );
    assert_eq!(
        outcome(server.get("/metrics")).await,
        (404, "not_found".into())
    );
}

/// A client that sends its headers one byte at a time.
#[tokio::test]
async fn a_slow_sender_of_headers_is_cut_off() {
    let settings = Settings {
        header_read: Duration::from_millis(300),
        ..Settings::default()
    };
    let server = Server::start_with(settings).await;
    let address = server.address.trim_start_matches("http://");
    let mut slow = tokio::net::TcpStream::connect(address).await.unwrap();
    let begun = Instant::now();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-")
        .await
        .unwrap();
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(5), slow.read_to_end(&mut answer))
        .await
        .expect("never cut off");
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
    assert!(!String::from_utf8_lossy(&answer).contains("200 OK"));
}

#[tokio::test]
async fn a_quiet_connection_gives_its_place_to_another() {
    let settings = Settings {
        max_connections: 1,
        ..Settings::default()
    };
    let server = Server::start_with(settings).await;
    let address = server.address.trim_start_matches("http://");
    let mut first = tokio::net::TcpStream::connect(address).await.unwrap();
    // A client that has begun a request and does not go on.
    first.write_all(b"GET /healthz HTTP/1.1\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(server.get("/healthz").send().await.unwrap().status(), 200);
    let mut rest = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(2), first.read_to_end(&mut rest));
    assert!(read.await.is_ok(), "the quiet connection is still open");
    assert!(rest.is_empty());
}
