//! The listening socket: accepts connections up to a limit, ends those that stall or keep others out, and stops in order.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use metrics::gauge;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::{App, router};
use crate::seats::{Seat, Seats};
use crate::stall::StallGuard;
use crate::telemetry;

/// Serves HTTP/1.1 until `shutdown`, then takes no new connections, ends live streams, lets requests under way finish within
/// the grace of [`crate::Settings`], and returns.
///
/// # Errors
/// When the socket fails as a whole; a failed connection is none.
pub async fn serve(listener: TcpListener, app: App, shutdown: CancellationToken) -> io::Result<()> {
    let settings = &app.0.settings;
    let service = router(app.clone());
    let seats = Seats::new(settings.max_connections);
    let connections = TaskTracker::new();
    let housekeeping = tokio::spawn(keep_house(app.clone(), shutdown.clone()));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(settings.header_read)
        // Of each of many connections at most so much of an unfinished head is held.
        .max_header_size(16 * 1024)
        .max_buf_size(64 * 1024);

    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &seats) => accepted,
            () = shutdown.cancelled() => break,
        };
        let (stream, seat) = match accepted {
            Ok(accepted) => accepted,
            Err(e) if is_of_one_connection(&e) => continue,
            Err(e) => {
                // Out of file handles or memory: others may free some.
                tracing::warn!(error = %e, "could not accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let activity = Arc::clone(&seat.activity);
        let io = TokioIo::new(StallGuard::new(
            stream,
            settings.write_stall,
            Arc::clone(&activity),
        ));
        let service = TowerToHyperService::new(service.clone());
        let connection = http.serve_connection(
            io,
            service_fn(move |mut request: Request<Incoming>| {
                let answering = activity.answering();
                request.extensions_mut().insert(Arc::clone(&activity));
                let answer = service.call(request);
                async move {
                    let answer = answer.await;
                    drop(answering);
                    answer
                }
            }),
        );
        let shutdown = shutdown.clone();
        connections.spawn(async move {
            gauge!(telemetry::HTTP_CONNECTIONS).increment(1.0);
            let mut connection = std::pin::pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = shutdown.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
                () = seat.activity.leave.cancelled() => Ok(()),
            };
            if let Err(e) = ended {
                tracing::debug!(error = %e, "a connection ended early");
            }
            gauge!(telemetry::HTTP_CONNECTIONS).decrement(1.0);
            drop(seat);
        });
    }

    drop(listener);
    app.close();
    connections.close();
    if tokio::time::timeout(settings.grace, connections.wait())
        .await
        .is_err()
    {
        tracing::warn!(
            connections = connections.len(),
            "requests under way at shutdown were cut off"
        );
    }
    housekeeping.await.map_err(io::Error::other)
}

/// Once a second: lets in keys that other processes made, and folds metrics that nobody fetched.
async fn keep_house(app: App, shutdown: CancellationToken) {
    let mut beat = tokio::time::interval(Duration::from_secs(1));
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        tokio::select! {
            _ = beat.tick() => {}
            () = shutdown.cancelled() => return,
        }
        let refreshed = app.0.control.refresh_if_changed().await;
        if let Err(e) = &refreshed
            && !failing
        {
            tracing::warn!(error = %tradewind_model::Causes(e), "keys made by other processes cannot be read for now");
        }
        failing = refreshed.is_err();
        if let Some(metrics) = &app.0.metrics {
            metrics.run_upkeep();
        }
    }
}

/// A connection and its place.
async fn accept(listener: &TcpListener, seats: &Seats) -> io::Result<(TcpStream, Seat)> {
    let (stream, _) = listener.accept().await?;
    let seat = seats.take().await;
    let seat = seat.ok_or_else(|| io::Error::other("the places are closed"))?;
    Ok((stream, seat))
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    )
}
