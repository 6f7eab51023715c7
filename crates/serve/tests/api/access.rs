//! Who may do what: the matrix of credentials and endpoints (T1).

use std::sync::atomic::Ordering;

use serde_json::Value;
use tradewind_control::{KeyKind, SESSION_LENGTH};

use crate::harness::{Server, outcome};

const READS: [&str; 3] = [
    "/v1/stores",
    "/v1/views/overview?store=a",
    "/v1/live?store=a&views=overview",
];

#[tokio::test]
async fn t1_nothing_is_read_without_a_read_key_or_session() {
    let server = Server::start().await;
    let write_key = server.key("a", KeyKind::Write).await;
    for path in READS {
        assert_eq!(
            outcome(server.get(path)).await,
            (401, "unauthorized".into()),
            "{path}"
        );
        assert_eq!(
            outcome(server.get(path).bearer_auth("tw_read_guess")).await,
            (401, "unauthorized".into()),
            "{path}"
        );
        assert_eq!(
            outcome(server.get(path).basic_auth("admin", Some("x"))).await,
            (401, "unauthorized".into()),
            "{path}"
        );
        assert_eq!(
            outcome(server.get(path).header("cookie", "tradewind_session=x")).await,
            (401, "unauthorized".into()),
            "{path}"
        );
        assert_eq!(
            outcome(server.get(path).bearer_auth(&write_key)).await,
            (401, "wrong_key_kind".into()),
            "{path}"
        );
    }
    let sql = || server.post("/v1/sql").body(r#"{"query":"SELECT 1"}"#);
    assert_eq!(outcome(sql()).await, (401, "unauthorized".into()));
    assert_eq!(
        outcome(sql().bearer_auth(&write_key)).await,
        (401, "wrong_key_kind".into())
    );
}

#[tokio::test]
async fn t1_a_read_key_reads_its_store_and_no_other() {
    let server = Server::start().await;
    let key = server.key("a", KeyKind::Read).await;
    let read = |path: &str| server.get(path).bearer_auth(&key);
    let found: Value = read("/v1/views/products")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        (&found["store"], &found["data"]["rows"][0]["key"]),
        (&"a".into(), &"a".into())
    );
    assert_eq!(
        read("/v1/views/products?store=a")
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    for path in [
        "/v1/views/products?store=b",
        "/v1/live?views=orders&store=b",
        "/v1/views/products?store=none",
    ] {
        assert_eq!(
            outcome(read(path)).await,
            (403, "wrong_store".into()),
            "{path}"
        );
    }
    let stores: Value = read("/v1/stores")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(stores["stores"].as_array().unwrap().len(), 1);
    assert_eq!(stores["stores"][0]["store_id"], "a");

    let sql = |path: &str| {
        server
            .post(path)
            .bearer_auth(&key)
            .body(r#"{"query":"SELECT 1"}"#)
    };
    let answer: Value = sql("/v1/sql").send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["scope"], "a");
    assert_eq!(
        outcome(sql("/v1/sql?store=b")).await,
        (403, "wrong_store".into())
    );
}

#[tokio::test]
async fn a_session_reads_every_store_but_names_one() {
    let server = Server::start().await;
    let cookie = server.session().await;
    let read = |path: &str| server.get(path).header("cookie", &cookie);
    let stores: Value = read("/v1/stores")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(stores["stores"].as_array().unwrap().len(), 2);
    for store in ["a", "b"] {
        let found: Value = read(&format!("/v1/views/products?store={store}"))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        assert_eq!(found["store"], store);
    }
    assert_eq!(
        outcome(read("/v1/views/products")).await,
        (400, "store_missing".into())
    );
    assert_eq!(
        outcome(read("/v1/views/products?store=c")).await,
        (404, "unknown_store".into())
    );
    assert_eq!(
        outcome(read("/v1/views/products?store=a%2F..")).await,
        (404, "unknown_store".into())
    );

    server.clock.0.fetch_add(SESSION_LENGTH, Ordering::SeqCst);
    assert_eq!(
        outcome(read("/v1/stores")).await,
        (401, "unauthorized".into())
    );
}

#[tokio::test]
async fn a_session_asks_sql_from_our_own_page_only() {
    let server = Server::start().await;
    let cookie = server.session().await;
    let sql = || {
        server
            .post("/v1/sql")
            .header("cookie", &cookie)
            .body(r#"{"query":"SELECT 1"}"#)
    };
    assert_eq!(outcome(sql()).await, (403, "foreign_origin".into()));
    assert_eq!(
        outcome(sql().header("origin", "http://evil.example")).await,
        (403, "foreign_origin".into())
    );
    let own = sql()
        .header("origin", &server.address)
        .send()
        .await
        .unwrap();
    assert_eq!(own.json::<Value>().await.unwrap()["scope"], "*");
    // A read key is nothing a browser sends by itself, so it needs no origin.
    let key = server.key("b", KeyKind::Read).await;
    let keyed = server
        .post("/v1/sql")
        .bearer_auth(key)
        .body(r#"{"query":"SELECT 1"}"#)
        .send()
        .await
        .unwrap();
    assert_eq!(keyed.status(), 200);
}

#[tokio::test]
async fn only_a_write_key_sends_events() {
    let server = Server::start().await;
    let send = || {
        server
            .post("/v1/events")
            .header("content-type", "application/json")
            .body("{}")
    };
    assert_eq!(outcome(send()).await, (401, "unauthorized".into()));
    assert_eq!(
        outcome(send().bearer_auth("tw_write_guess")).await,
        (401, "unauthorized".into())
    );
    let read_key = server.key("a", KeyKind::Read).await;
    assert_eq!(
        outcome(send().bearer_auth(read_key)).await,
        (401, "wrong_key_kind".into())
    );
    let cookie = server.session().await;
    assert_eq!(
        outcome(
            send()
                .header("cookie", cookie)
                .header("origin", &server.address)
        )
        .await,
        (401, "unauthorized".into())
    );
    assert!(server.door.taken.lock().is_empty());
}

#[tokio::test]
async fn a_key_made_by_another_process_works_within_two_seconds() {
    let server = Server::start().await;
    let clock = std::sync::Arc::new(tradewind_model::SystemClock);
    let other = tradewind_control::Control::open(server.folder.path(), clock)
        .await
        .unwrap();
    let store = tradewind_model::StoreId::new("b").unwrap();
    let made = other
        .create_key(&store, KeyKind::Read, "from the command line")
        .await
        .unwrap();
    let begun = std::time::Instant::now();
    while server
        .get("/v1/stores")
        .bearer_auth(made.secret.reveal())
        .send()
        .await
        .unwrap()
        .status()
        != 200
    {
        assert!(
            begun.elapsed() < std::time::Duration::from_secs(2),
            "the key is not let in"
        );
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_revoked_key_ends_at_once() {
    let server = Server::start().await;
    let store = tradewind_model::StoreId::new("a").unwrap();
    let made = server
        .control
        .create_key(&store, KeyKind::Read, "report")
        .await
        .unwrap();
    let read = || server.get("/v1/stores").bearer_auth(made.secret.reveal());
    assert_eq!(read().send().await.unwrap().status(), 200);
    server.control.revoke_key(&made.info.key_id).await.unwrap();
    assert_eq!(outcome(read()).await, (401, "unauthorized".into()));
}
