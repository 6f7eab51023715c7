//! The HTTP client: plain connections to 127.0.0.1.

use std::time::Duration;

use anyhow::{Context as _, Result};
use reqwest::Client;

/// A client of its own connections.
///
/// # Errors
/// When it cannot be made.
pub fn client(limit: Duration) -> Result<Client> {
    // Needed to make a client even when it never speaks TLS; a second install only says that there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .timeout(limit)
        .no_proxy()
        .build()
        .context("cannot make an HTTP client")
}

/// What the server said to a batch of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// 200: everything in it is durable, so many were accepted and so many rejected.
    Acknowledged {
        /// Accepted.
        accepted: u64,
        /// Rejected.
        rejected: u64,
    },
    /// 429 or 503: nothing of it was kept.
    Refused,
    /// No answer, or not a whole one: nobody knows.
    Unknown,
}

/// Sends a batch of events.
///
/// # Errors
/// When the server answers something that must not happen, such as 400 or 500.
pub async fn post_events(client: &Client, url: &str, key: &str, body: &str) -> Result<Answer> {
    let sent = client
        .post(format!("{url}/v1/events"))
        .bearer_auth(key)
        .header("content-type", "application/x-ndjson")
        .body(body.to_owned())
        .send()
        .await;
    let Ok(response) = sent else {
        return Ok(Answer::Unknown);
    };
    let status = response.status();
    let Ok(text) = response.text().await else {
        return Ok(Answer::Unknown);
    };
    if status == 429 || status == 503 {
        return Ok(Answer::Refused);
    }
    anyhow::ensure!(status == 200, "POST /v1/events answered {status}: {text}");
    let verdicts: serde_json::Value =
        serde_json::from_str(&text).with_context(|| format!("not JSON: {text}"))?;
    Ok(Answer::Acknowledged {
        accepted: verdicts["accepted"]
            .as_u64()
            .with_context(|| format!("no `accepted` in {text}"))?,
        rejected: verdicts["rejected"].as_array().map_or(0, Vec::len) as u64,
    })
}

/// The data of a live view over the last 24 hours.
///
/// # Errors
/// When the server does not answer 200.
pub async fn view(client: &Client, url: &str, key: &str, name: &str) -> Result<serde_json::Value> {
    let response = client
        .get(format!("{url}/v1/views/{name}?window=24h"))
        .bearer_auth(key)
        .send()
        .await?;
    let status = response.status();
    let text = response.text().await?;
    anyhow::ensure!(
        status == 200,
        "GET /v1/views/{name} answered {status}: {text}"
    );
    let answer: serde_json::Value = serde_json::from_str(&text)?;
    Ok(answer["data"].clone())
}
