//! `POST /v1/sql`: forms of the answer and kinds of refusal.

use serde_json::Value;
use tradewind_control::KeyKind;

use crate::harness::{Server, outcome};

#[tokio::test]
async fn the_form_follows_the_body_then_the_accept_header() {
    let server = Server::start().await;
    let key = server.key("a", KeyKind::Read).await;
    for (body, accept, kind) in [
        (r#"{"query":"SELECT 1"}"#, "*/*", "application/json"),
        (
            r#"{"query":"SELECT 1"}"#,
            "text/csv",
            "text/csv; charset=utf-8",
        ),
        (
            r#"{"query":"SELECT 1"}"#,
            "application/vnd.apache.arrow.stream",
            "application/vnd.apache.arrow.stream",
        ),
        (
            r#"{"query":"SELECT 1","format":"csv"}"#,
            "application/json",
            "text/csv; charset=utf-8",
        ),
    ] {
        let answer = server
            .post("/v1/sql")
            .bearer_auth(&key)
            .header("accept", accept)
            .body(body)
            .send()
            .await
            .unwrap();
        assert_eq!(
            (
                answer.status().as_u16(),
                answer.headers()["content-type"].to_str().unwrap()
            ),
            (200, kind),
            "{body} {accept}"
        );
        assert!(!answer.headers().contains_key("x-truncated"));
    }
    let many = server
        .post("/v1/sql")
        .bearer_auth(&key)
        .body(r#"{"query":"MANY"}"#)
        .send()
        .await
        .unwrap();
    assert_eq!(many.headers()["x-truncated"], "true");
    let none = server
        .post("/v1/sql")
        .bearer_auth(&key)
        .header("accept", "image/png")
        .body(r#"{"query":"SELECT 1"}"#);
    assert_eq!(outcome(none).await, (406, "not_acceptable".into()));
}

#[tokio::test]
async fn each_kind_of_failure_has_its_answer() {
    let server = Server::start().await;
    let key = server.key("a", KeyKind::Read).await;
    let ask = |body: String| server.post("/v1/sql").bearer_auth(&key).body(body);
    for (sql, status, code) in [
        ("INVALID", 400, "invalid_sql"),
        ("DROP", 400, "read_only"),
        ("BIG", 413, "over_limit"),
        ("LONG", 504, "timeout"),
        ("BUSY", 429, "overloaded"),
    ] {
        let answer = ask(format!("{{\"query\":\"{sql}\"}}"))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), status, "{sql}");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(
            (&body["error"]["code"], &body["error"]["hint"]),
            (&code.into(), &"say it otherwise".into()),
            "{sql}"
        );
    }
    assert_eq!(
        outcome(ask(r#"{"query":"BROKEN"}"#.to_owned())).await,
        (500, "internal".into())
    );
    for body in ["", "SELECT 1", r#"{"sql":"SELECT 1"}"#, r#"{"query":1}"#] {
        assert_eq!(
            outcome(ask(body.to_owned())).await,
            (400, "malformed".into()),
            "{body}"
        );
    }
    assert_eq!(
        outcome(ask(r#"{"query":"S","format":"xml"}"#.to_owned())).await,
        (400, "invalid_parameter".into())
    );
    let long = format!("{{\"query\":\"{}\"}}", "x".repeat(1 << 20));
    assert_eq!(outcome(ask(long)).await, (413, "too_large".into()));
}
