//! `tradewind demo`: the server with shops and simulated shoppers, who send their events over HTTP like any shop.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio_util::sync::CancellationToken;
use tradewind_control::KeyKind;
use tradewind_model::{Micros, Store, StoreId};

use crate::cli::DemoArgs;
use crate::commands::serve::{self, Server};
use crate::commands::simulate::{Pace, Target, send};
use crate::config::Config;
use crate::live_views;
use crate::simulate::{SimulateConfig, Simulator};
use crate::terminal::{grouped, say, say_line};

pub async fn run(config: Config, data_dir: &Path, args: &DemoArgs) -> Result<ExitCode> {
    let server = serve::start(config, data_dir, &args.serve).await?;
    let now = server.instance.clock.now();
    let plan = SimulateConfig {
        seed: args.seed,
        stores: args.stores,
        rate: if args.rate.is_finite() {
            args.rate
        } else {
            2_000.0
        },
        ..SimulateConfig::default()
    };
    // The same shops every time; their history is made up only as far as the folder does not hold it yet.
    let probe = Simulator::new(plan.clone());
    let mut stores = Vec::new();
    let mut targets = Vec::new();
    for sim in probe.stores() {
        let store = super::ensure_store(
            &server.instance.control,
            &sim.id,
            Some(&sim.name),
            Some(sim.currency),
            Some(sim.timezone),
        )
        .await?;
        let key = server
            .instance
            .control
            .create_key(&store.store_id, KeyKind::Write, "demo")
            .await?;
        targets.push(Target {
            url: server.url.clone(),
            key: key.secret.reveal().to_owned(),
        });
        stores.push(store);
    }
    let start = history_start(&server, &stores, now, args.history);
    say_line!(
        "Tradewind demo: {} shops with simulated shoppers\n",
        stores.len()
    );
    say_line!("  Open        {}\n", server.link);
    let stop = CancellationToken::new();
    let simulator = Simulator::new(SimulateConfig {
        start: start.0,
        ..plan
    });
    let shoppers = tokio::spawn(send(
        simulator,
        targets,
        Pace::RealTime,
        None,
        None,
        stop.clone(),
    ));
    let line = tokio::spawn(living_line(
        Arc::clone(&server.instance.hub),
        server.instance.watch(),
        stores,
        Arc::clone(&server.instance.clock),
        stop.clone(),
    ));
    super::stop_signal().await;
    stop.cancel();
    let _ = line.await;
    say_line!("\nstopping: finishing requests, then the last checkpoint");
    if let Ok(Err(error)) = shoppers.await {
        tracing::warn!(%error, "the simulated shoppers ended early");
    }
    server.stop().await?;
    Ok(ExitCode::SUCCESS)
}

/// History begins `hours` ago, or where the folder's newest event is.
fn history_start(server: &Server, stores: &[Arc<Store>], now: Micros, hours: u32) -> Micros {
    let newest = stores
        .iter()
        .filter_map(|s| tradewind_stream::merge::watermark(&server.instance.hub.read(&s.store_id)))
        .max();
    let earliest = now.plus(-i64::from(hours) * Micros::HOUR);
    newest.map_or(earliest, |n| n.plus(1).max(earliest))
}

/// More events waiting than this are not those of a moment.
const PAST_COMES_IN: u64 = 50_000;

/// One line that lives: events a second, visitors, revenue, lag.
async fn living_line(
    hub: Arc<tradewind_stream::LiveHub>,
    watch: crate::instance::RuntimeWatch,
    stores: Vec<Arc<Store>>,
    clock: Arc<dyn tradewind_model::Clock>,
    stop: CancellationToken,
) {
    let terminal = std::io::stdout().is_terminal();
    let mut before: Option<u64> = None;
    let mut tick = tokio::time::interval(if terminal {
        Duration::from_secs(1)
    } else {
        Duration::from_secs(30)
    });
    let step = tick.period().as_secs().max(1);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        let now = clock.now();
        let ids: Vec<&StoreId> = stores.iter().map(|s| &s.store_id).collect();
        let events: u64 = ids
            .iter()
            .flat_map(|id| hub.read(id))
            .map(|p| p.progress.received)
            .sum();
        let rate = before.map_or(0, |b| events.saturating_sub(b) / step);
        before = Some(events);
        let visitors: u64 = ids
            .iter()
            .map(|id| {
                tradewind_stream::merge::traffic(
                    &hub.read(id),
                    (now.plus(-5 * Micros::MINUTE), now.plus(Micros::MINUTE)),
                )
                .visitors
            })
            .sum();
        let revenue: Vec<String> = stores
            .iter()
            .map(|s| {
                let amount =
                    live_views::net_revenue(&hub, s, now).raw() / tradewind_model::Amount::SCALE;
                format!(
                    "{} {}",
                    s.currency,
                    grouped(u64::try_from(amount).unwrap_or(0))
                )
            })
            .collect();
        let behind = watch.ask(tradewind_stream::Runtime::behind).unwrap_or(0);
        // Until the made-up past has come in, figures of now would only puzzle.
        let text = if behind > PAST_COMES_IN {
            format!(
                "  taking in the shops' made-up past: {} events to go · {} events/s · {} events in all",
                grouped(behind),
                grouped(rate),
                grouped(events),
            )
        } else {
            format!(
                "  {} events/s · {} visitors now · revenue 24 h {} · {} events in all · {} behind",
                grouped(rate),
                grouped(visitors),
                revenue.join(", "),
                grouped(events),
                grouped(behind),
            )
        };
        if terminal {
            say!("\r\x1b[2K{text}");
        } else {
            say_line!("{text}");
        }
        let _ = std::io::stdout().flush().context("standard output is gone");
    }
}
