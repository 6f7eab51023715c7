//! Names of metrics and log fields, in one place. Labels and fields never hold secrets, payloads, queries or addresses.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

/// Requests answered, by `route`, `method` and `status`.
pub const HTTP_REQUESTS: &str = "tradewind_http_requests_total";
/// Seconds until an answer's headers, by `route`.
pub const HTTP_SECONDS: &str = "tradewind_http_request_seconds";
/// Connections open now.
pub const HTTP_CONNECTIONS: &str = "tradewind_http_connections";
/// Live streams open now.
pub const LIVE_STREAMS: &str = "tradewind_http_live_streams";
/// Bytes of event bodies held now.
pub const BODY_BYTES: &str = "tradewind_http_event_body_bytes";
/// Events answered for, by `verdict`: `accepted` or `rejected`.
pub const HTTP_EVENTS: &str = "tradewind_http_events_total";

const SECONDS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

/// Installs the process's metrics recorder. To be called once.
///
/// # Errors
/// [`BuildError`] when a recorder is installed already.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .install_recorder()?;
    describe_counter!(HTTP_REQUESTS, "Requests answered");
    describe_histogram!(
        HTTP_SECONDS,
        Unit::Seconds,
        "Time until an answer's headers"
    );
    describe_gauge!(HTTP_CONNECTIONS, "Connections open now");
    describe_gauge!(LIVE_STREAMS, "Live streams open now");
    describe_gauge!(BODY_BYTES, Unit::Bytes, "Event bodies held now");
    describe_counter!(HTTP_EVENTS, "Events answered for");
    Ok(handle)
}
