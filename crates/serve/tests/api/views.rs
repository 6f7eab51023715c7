//! `GET /v1/views/{name}`: the envelope, the period, the parameters.

use std::sync::atomic::Ordering;

use serde_json::Value;
use tradewind_control::KeyKind;
use tradewind_model::Micros;
use tradewind_serve::{Interval, Period, Window};

use crate::harness::{NOW, Server, outcome};

async fn read(server: &Server, path: &str) -> Value {
    let key = server.key("a", KeyKind::Read).await;
    let answer = server.get(path).bearer_auth(key).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    answer.json().await.unwrap()
}

#[tokio::test]
async fn a_view_tells_its_period_currency_and_zone() {
    let server = Server::start().await;
    *server.live.newest_event.lock() = Some(NOW.plus(-Micros::HOUR));
    let view = read(&server, "/v1/views/overview?window=1h&compare=previous").await;
    assert_eq!(
        (&view["view"], &view["store"]),
        (&"overview".into(), &"a".into())
    );
    assert_eq!(view["to"], NOW.to_rfc3339());
    assert_eq!(view["from"], NOW.plus(-Micros::HOUR).to_rfc3339());
    assert_eq!(
        view["previous_from"],
        NOW.plus(-2 * Micros::HOUR).to_rfc3339()
    );
    assert_eq!(view["previous_to"], view["from"]);
    assert_eq!(
        (&view["currency"], &view["timezone"], &view["stale"]),
        (&"USD".into(), &"UTC".into(), &false.into())
    );
    assert_eq!(view["data"]["net_revenue"], "0.0000");
    assert_eq!(view["previous"]["net_revenue"], "0.0000");
    let alone = read(&server, "/v1/views/overview").await;
    assert!(
        alone["previous"].is_null()
            && alone["previous_from"].is_null()
            && alone["previous_to"].is_null()
    );
}

#[tokio::test]
async fn windows_of_a_store_filled_from_a_file_end_at_its_newest_event() {
    let server = Server::start().await;
    let newest = NOW.plus(-50 * Micros::DAY);
    *server.live.newest_event.lock() = Some(newest);
    let view = read(&server, "/v1/views/overview?window=24h").await;
    assert_eq!(
        (&view["stale"], &view["to"]),
        (&true.into(), &newest.plus(1).to_rfc3339().into())
    );
    let stores = read(&server, "/v1/stores").await;
    assert_eq!(stores["stores"][0]["newest_event"], newest.to_rfc3339());
}

#[tokio::test]
async fn what_is_asked_reaches_the_views() {
    let server = Server::start().await;
    read(&server, "/v1/views/sales?window=7d&interval=1h&limit=7").await;
    let asked = server.live.asked.lock().pop().unwrap();
    assert_eq!(
        asked.period,
        Period::Last {
            window: Window::Week,
            end: NOW
        }
    );
    assert_eq!(
        (asked.interval, asked.compare, asked.limit),
        (Some(Interval::Hour), false, 7)
    );
    read(
        &server,
        "/v1/views/sales?from=2024-10-01T00:00:00Z&to=2024-10-02T00:00:00%2B02:00",
    )
    .await;
    let asked = server.live.asked.lock().pop().unwrap();
    let (from, to) = asked.period.bounds();
    assert_eq!(to.0 - from.0, 22 * Micros::HOUR);
}

#[tokio::test]
async fn parameters_that_mean_nothing_are_refused() {
    let server = Server::start().await;
    let key = server.key("a", KeyKind::Read).await;
    for (query, status, code) in [
        ("overview?window=2h", 400, "invalid_parameter"),
        (
            "overview?from=2024-10-01T00:00:00Z",
            400,
            "invalid_parameter",
        ),
        ("overview?from=yesterday&to=today", 400, "invalid_parameter"),
        ("overview?compare=next", 400, "invalid_parameter"),
        ("overview?windw=1h", 400, "invalid_parameter"),
        ("products?limit=0", 400, "invalid_parameter"),
        ("products?limit=1001", 400, "invalid_parameter"),
        ("products?limit=many", 400, "invalid_parameter"),
        ("sales?window=30d&interval=1m", 400, "invalid_parameter"),
        ("profits", 404, "unknown_view"),
    ] {
        let request = server.get(&format!("/v1/views/{query}")).bearer_auth(&key);
        assert_eq!(outcome(request).await, (status, code.into()), "{query}");
    }
}

#[tokio::test]
async fn readers_of_the_same_moment_share_a_computation() {
    let server = Server::start().await;
    for _ in 0..5 {
        read(&server, "/v1/views/products").await;
    }
    assert_eq!(server.live.reads.load(Ordering::SeqCst), 1);
    server.live.happen();
    read(&server, "/v1/views/products").await;
    assert_eq!(server.live.reads.load(Ordering::SeqCst), 2);
    server.clock.0.fetch_add(Micros::SECOND, Ordering::SeqCst);
    read(&server, "/v1/views/products").await;
    assert_eq!(server.live.reads.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn views_being_rebuilt_say_when_to_come_again() {
    let server = Server::start().await;
    *server.live.broken.lock() = Some(tradewind_serve::ViewName::Orders);
    let key = server.key("a", KeyKind::Read).await;
    let answer = server
        .get("/v1/views/orders")
        .bearer_auth(key)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 503);
    assert!(answer.headers().contains_key("retry-after"));
}
