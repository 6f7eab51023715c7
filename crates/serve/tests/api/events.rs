//! `POST /v1/events`: verdicts, encodings, bombs, limits, overload.

use std::io::Write as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tradewind_control::KeyKind;
use tradewind_model::StoreId;
use tradewind_serve::{BodyKind, Settings};

use crate::harness::{Mood, Server, code, outcome};

const TWO_GOOD_ONE_BAD: &str = "{\"n\":1}\n{\"bad\":1}\n{\"n\":2}\n";

#[tokio::test]
async fn every_item_gets_a_verdict() {
    let server = Server::start().await;
    let answer = server
        .events()
        .await
        .body(TWO_GOOD_ONE_BAD)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.headers().contains_key("x-request-id"));
    let verdicts: Value = answer.json().await.unwrap();
    let rejected = json!([{"index": 1, "code": "missing_field", "message": "`type` is missing"}]);
    assert_eq!(verdicts, json!({"accepted": 2, "rejected": rejected}));
    let taken = server.door.taken.lock();
    assert_eq!(taken[0].0.as_str(), "a");
    assert!(
        taken[0].1.starts_with("http:key_"),
        "the source names the key's id, not the key"
    );
    assert_eq!(taken[0].3, BodyKind::Ndjson);
}

#[tokio::test]
async fn the_first_events_fix_currency_and_zone() {
    let server = Server::start().await;
    let store = StoreId::new("a").unwrap();
    assert!(!server.control.is_sealed(&store));
    assert_eq!(
        server
            .events()
            .await
            .body("{}")
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    assert!(server.control.is_sealed(&store));
    assert!(server.control.set_currency(&store, "EUR").await.is_err());
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut w = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    w.write_all(plain).unwrap();
    w.finish().unwrap()
}

fn brotli(plain: &[u8]) -> Vec<u8> {
    let mut w = brotli::CompressorWriter::new(Vec::new(), 4096, 1, 20);
    w.write_all(plain).unwrap();
    w.into_inner()
}

#[tokio::test]
async fn packed_bodies_are_unpacked() {
    let server = Server::start().await;
    let plain = TWO_GOOD_ONE_BAD.as_bytes();
    let packed = [
        ("gzip", gzip(plain)),
        ("zstd", zstd::encode_all(plain, 1).unwrap()),
        ("br", brotli(plain)),
        ("identity", plain.to_vec()),
    ];
    for (encoding, body) in packed {
        let answer = server
            .events()
            .await
            .header("content-encoding", encoding)
            .body(body)
            .send()
            .await
            .unwrap();
        assert_eq!(
            answer.json::<Value>().await.unwrap()["accepted"],
            2,
            "{encoding}"
        );
    }
}

/// Packed zeros, made without ever holding them.
fn bomb(encoding: &str, mebibytes: usize) -> Vec<u8> {
    let chunk = vec![0_u8; 1 << 20];
    let fill =
        |w: &mut dyn std::io::Write| (0..mebibytes).for_each(|_| w.write_all(&chunk).unwrap());
    match encoding {
        "gzip" => {
            let mut w = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            fill(&mut w);
            w.finish().unwrap()
        }
        "zstd" => {
            let mut w = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
            fill(&mut w);
            w.finish().unwrap()
        }
        _ => {
            let mut w = brotli::CompressorWriter::new(Vec::new(), 4096, 1, 20);
            fill(&mut w);
            w.into_inner()
        }
    }
}

/// The most memory this process ever held, in KiB.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find(|l| l.starts_with("VmHWM:"))
        .unwrap_or("");
    line.split_whitespace()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .unwrap_or(0)
}

#[tokio::test]
async fn bombs_stop_early_and_small() {
    let server = Server::start().await;
    for encoding in ["gzip", "zstd", "br"] {
        let body = bomb(encoding, 512);
        assert!(body.len() < 10 << 20, "{encoding} packs to {}", body.len());
        let (before, begun) = (peak_memory(), Instant::now());
        let request = server
            .events()
            .await
            .header("content-encoding", encoding)
            .body(body);
        assert_eq!(
            outcome(request).await,
            (413, "too_large".into()),
            "{encoding}"
        );
        assert!(
            begun.elapsed() < Duration::from_secs(3),
            "{encoding} took {:?}",
            begun.elapsed()
        );
        let grown = peak_memory().saturating_sub(before);
        assert!(grown < 128 << 10, "{encoding} took {grown} KiB more memory");
    }
    assert!(server.door.taken.lock().is_empty());
}

#[tokio::test]
async fn too_large_bodies_are_refused_by_their_length_or_as_they_come() {
    let server = Server::start().await;
    let large = vec![b' '; (10 << 20) + 1];
    assert_eq!(
        outcome(server.events().await.body(large.clone())).await,
        (413, "too_large".into())
    );
    let chunks = large
        .chunks(1 << 20)
        .map(|c| Ok::<_, std::io::Error>(c.to_vec()))
        .collect::<Vec<_>>();
    let streamed = reqwest::Body::wrap_stream(futures::stream::iter(chunks));
    assert_eq!(
        outcome(server.events().await.body(streamed)).await,
        (413, "too_large".into())
    );
    let most = vec![b' '; 10 << 20];
    assert_eq!(
        server
            .events()
            .await
            .body(most)
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
}

#[tokio::test]
async fn bodies_that_are_not_what_they_say_are_refused() {
    let server = Server::start().await;
    for encoding in ["gzip", "zstd", "br"] {
        let request = server
            .events()
            .await
            .header("content-encoding", encoding)
            .body("{\"not\":\"packed\"}");
        assert_eq!(
            outcome(request).await,
            (400, "malformed".into()),
            "{encoding}"
        );
    }
    for (packed, word) in [
        (gzip(b"{}"), "gzip"),
        (zstd::encode_all(&b"{}"[..], 1).unwrap(), "zstd"),
    ] {
        let answer = server.events().await.body(packed).send().await.unwrap();
        assert_eq!(answer.status(), 400);
        let said = answer.text().await.unwrap();
        assert!(
            said.contains(&format!("Content-Encoding: {word}")),
            "{said}"
        );
    }
    for encoding in ["deflate", "gzip, br", "secret"] {
        let request = server
            .events()
            .await
            .header("content-encoding", encoding)
            .body("{}");
        assert_eq!(
            outcome(request).await,
            (415, "unsupported_media_type".into()),
            "{encoding}"
        );
    }
    let key = server.key("a", KeyKind::Write).await;
    for kind in ["multipart/form-data; boundary=x", "text/xml"] {
        let request = server
            .post("/v1/events")
            .bearer_auth(&key)
            .header("content-type", kind)
            .body("{}");
        assert_eq!(
            outcome(request).await,
            (415, "unsupported_media_type".into()),
            "{kind}"
        );
    }
    let json = server
        .post("/v1/events")
        .bearer_auth(&key)
        .header("content-type", "application/json")
        .body("{\"a\":");
    assert_eq!(outcome(json).await, (400, "malformed".into()));
    let bytes = server
        .post("/v1/events")
        .bearer_auth(&key)
        .body(vec![0xff, 0xfe, 0x00]);
    assert_eq!(outcome(bytes).await, (400, "malformed".into()));
}

#[tokio::test]
async fn j4_overload_is_told_with_the_time_to_wait() {
    let server = Server::start().await;
    *server.door.mood.lock() = Mood::Overloaded;
    let answer = server.events().await.body("{}").send().await.unwrap();
    assert_eq!(
        (
            answer.status().as_u16(),
            answer.headers()["retry-after"].to_str().unwrap()
        ),
        (429, "7")
    );
    assert_eq!(code(answer).await, "overloaded");
    *server.door.mood.lock() = Mood::Full;
    let answer = server.events().await.body("{}").send().await.unwrap();
    assert_eq!(answer.status(), 503);
    assert!(answer.headers().contains_key("retry-after"));
    let said = answer.text().await.unwrap();
    assert!(said.contains("the server's disk is full"), "{said}");
    assert!(!said.contains("no space left"), "{said}");
    *server.door.mood.lock() = Mood::Panics;
    assert_eq!(
        outcome(server.events().await.body("{}")).await,
        (500, "internal".into())
    );
    *server.door.mood.lock() = Mood::Open;
    assert_eq!(
        server
            .events()
            .await
            .body("{}")
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
}

#[tokio::test]
async fn j4_a_full_queue_refuses_instead_of_growing() {
    let settings = Settings {
        intake_threads: 1,
        intake_queue: 1,
        ..Settings::default()
    };
    let server = Server::start_with(settings).await;
    *server.door.mood.lock() = Mood::Slow(Duration::from_millis(400));
    let key = server.key("a", KeyKind::Write).await;
    // Seal first, so that all five arrive at the queue together.
    server
        .control
        .seal_store(&StoreId::new("a").unwrap())
        .await
        .unwrap();
    let send = || {
        server
            .post("/v1/events")
            .bearer_auth(&key)
            .body("{}")
            .send()
    };
    let answers = futures::future::join_all((0..5).map(|_| send())).await;
    let statuses: Vec<u16> = answers
        .into_iter()
        .map(|a| a.unwrap().status().as_u16())
        .collect();
    let refused = statuses.iter().filter(|s| **s == 429).count();
    assert!(
        (2..=4).contains(&refused) && statuses.iter().all(|s| matches!(s, 200 | 429)),
        "{statuses:?}"
    );
}

#[tokio::test]
async fn bodies_held_at_once_have_a_limit() {
    let settings = Settings {
        max_bodies: 1 << 20,
        ..Settings::default()
    };
    let server = Server::start_with(settings).await;
    assert_eq!(
        outcome(server.events().await.body(vec![b' '; 1 << 20])).await,
        (429, "overloaded".into())
    );
    for _ in 0..3 {
        assert_eq!(
            server
                .events()
                .await
                .body(vec![b' '; 400 << 10])
                .send()
                .await
                .unwrap()
                .status(),
            200,
            "memory is given back"
        );
    }
}

#[tokio::test]
async fn a_refusal_is_read_even_by_those_who_send_on() {
    let server = Server::start().await;
    for _ in 0..20 {
        let request = server
            .post("/v1/events")
            .bearer_auth("tw_write_guess")
            .body(vec![b' '; 8 << 20]);
        assert_eq!(outcome(request).await, (401, "unauthorized".into()));
    }
}

#[tokio::test]
async fn a_body_that_stops_coming_is_given_up() {
    let settings = Settings {
        body_idle: Duration::from_millis(100),
        ..Settings::default()
    };
    let server = Server::start_with(settings).await;
    let first = futures::stream::iter([Ok::<_, std::io::Error>("{}\n")]);
    let stuck = futures::StreamExt::chain(first, futures::stream::pending());
    let request = server
        .events()
        .await
        .body(reqwest::Body::wrap_stream(stuck));
    assert_eq!(outcome(request).await, (408, "too_slow".into()));
}
