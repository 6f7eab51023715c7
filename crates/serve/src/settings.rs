//! The limits and timeouts of the HTTP side, with the defaults of `tradewind.toml`.

use std::time::Duration;

/// Limits and timeouts. Each protects the server from one kind of misuse; none changes an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Largest body of `POST /v1/events`, packed and unpacked, in bytes.
    pub max_body: usize,
    /// Bytes of event bodies held at once, over all requests; beyond it 429.
    pub max_bodies: usize,
    /// Bodies that may wait for an intake thread; beyond it 429.
    pub intake_queue: usize,
    /// Threads that take bodies in. Most of their time they wait for a shared fsync, so more than cores pays.
    pub intake_threads: usize,
    /// Longest wait for the next bytes of a request body.
    pub body_idle: Duration,
    /// Longest time to receive a whole request body.
    pub body_total: Duration,
    /// Longest time to receive the headers of a request, which is also how long an idle connection is kept.
    pub header_read: Duration,
    /// Longest time a reader may leave a full socket unread before its connection is closed.
    pub write_stall: Duration,
    /// Longest time until the headers of an answer.
    pub request: Duration,
    /// Most connections at once; for one more, the one that has been quiet longest is closed.
    pub max_connections: usize,
    /// Most live streams at once; beyond it 503.
    pub max_live_streams: usize,
    /// How long shutdown waits for requests under way.
    pub grace: Duration,
    /// Requests a second with one write key in their address, as pages send them; twice as many at once, beyond it 429.
    pub page_requests: u32,
    /// Whether the session cookie is sent over HTTPS only: when a proxy ends TLS in front.
    pub secure_cookies: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_body: 10 << 20,
            max_bodies: 256 << 20,
            intake_queue: 256,
            intake_threads: 16,
            body_idle: Duration::from_secs(10),
            body_total: Duration::from_secs(60),
            header_read: Duration::from_secs(30),
            write_stall: Duration::from_secs(30),
            request: Duration::from_secs(90),
            max_connections: 20_000,
            max_live_streams: 256,
            grace: Duration::from_secs(5),
            page_requests: 500,
            secure_cookies: false,
        }
    }
}
