//! `tradewind simulate`: simulated shoppers to a server over HTTP, or to a file.

use std::io::{BufWriter, IsTerminal as _, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tradewind_model::{Clock as _, SystemClock};

use crate::cli::SimulateArgs;
use crate::simulate::{SimulateConfig, Simulator};
use crate::terminal::{grouped, say_line};

/// Events in one request.
const BATCH: usize = 500;
/// Requests under way for each shop; the next batch waits until one is answered.
const IN_FLIGHT: usize = 3;

/// Where a shop's events go.
#[derive(Debug, Clone)]
pub struct Target {
    pub url: String,
    pub key: String,
}

/// When events are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// At their own time; those of the past at once.
    RealTime,
    /// As fast as they are taken.
    Max,
}

/// What was sent and what came of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sent {
    pub accepted: u64,
    pub rejected: u64,
}

pub async fn run(args: &SimulateArgs) -> Result<ExitCode> {
    let pace = if args.rate.is_finite() {
        Pace::RealTime
    } else {
        Pace::Max
    };
    let rate = if args.rate.is_finite() {
        args.rate
    } else {
        2_000.0
    };
    let config = SimulateConfig {
        seed: args.seed,
        rate,
        ..SimulateConfig::default()
    };
    if let Some(out) = &args.out {
        let config = SimulateConfig {
            stores: args.stores,
            store_ids: args.stores > 1,
            ..config
        };
        let limit = args
            .events
            .or_else(|| args.duration.map(|d| (d.as_secs_f64() * rate) as u64));
        let limit = limit.context("say how much to write: --events N, or --duration 60s")?;
        return write_file(config, out, limit);
    }
    let url = args.url.clone().context(
        "say where the events go: --out FILE, or --url http://127.0.0.1:8080 with --key",
    )?;
    if args.key.is_empty() {
        bail!(
            "--key is needed with --url; make one with: tradewind key create --store STORE --kind write"
        );
    }
    let config = SimulateConfig {
        stores: u32::try_from(args.key.len())?,
        // The receiving store has a currency of its own.
        currencies: false,
        start: SystemClock.now().0,
        ..config
    };
    let targets = args
        .key
        .iter()
        .map(|key| Target {
            url: url.clone(),
            key: key.clone(),
        })
        .collect();
    let stop = CancellationToken::new();
    let on_signal = stop.clone();
    tokio::spawn(async move {
        super::stop_signal().await;
        on_signal.cancel();
    });
    let started = Instant::now();
    let sent = send(
        Simulator::new(config),
        targets,
        pace,
        args.duration,
        args.events,
        stop,
    )
    .await?;
    let seconds = started.elapsed().as_secs_f64().max(0.001);
    say_line!(
        "{} events accepted, {} rejected in {:.1} s ({} events/s)",
        grouped(sent.accepted),
        grouped(sent.rejected),
        seconds,
        grouped((sent.accepted as f64 / seconds) as u64)
    );
    Ok(if sent.rejected == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Sends the simulator's events, each shop's to its target, in batches. Refused batches are sent again until they are taken:
/// ids make that safe.
pub async fn send(
    mut simulator: Simulator,
    targets: Vec<Target>,
    pace: Pace,
    duration: Option<Duration>,
    events: Option<u64>,
    stop: CancellationToken,
) -> Result<Sent> {
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(60))
        .build()?;
    let mut queues = Vec::new();
    let mut senders = tokio::task::JoinSet::new();
    for target in targets {
        let (queue, batches) = mpsc::channel::<Vec<u8>>(1);
        queues.push(queue);
        let batches = std::sync::Arc::new(tokio::sync::Mutex::new(batches));
        for _ in 0..IN_FLIGHT {
            senders.spawn(post_all(
                client.clone(),
                target.clone(),
                std::sync::Arc::clone(&batches),
                stop.clone(),
            ));
        }
    }
    let mut buffers: Vec<(Vec<u8>, usize)> = queues.iter().map(|_| (Vec::new(), 0)).collect();
    let deadline = duration.map(|d| Instant::now() + d);
    let mut produced = 0u64;
    'run: while !stop.is_cancelled()
        && deadline.is_none_or(|d| Instant::now() < d)
        && events.is_none_or(|n| produced < n)
    {
        if pace == Pace::RealTime {
            let ahead = simulator.peek_time() - SystemClock.now().0;
            if ahead > 0 {
                // Nothing is due: what has gathered goes out, so that the dashboard is as live as the shoppers.
                for ((buffer, count), queue) in buffers.iter_mut().zip(&queues) {
                    if *count > 0 {
                        *count = 0;
                        if queue.send(std::mem::take(buffer)).await.is_err() {
                            break 'run;
                        }
                    }
                }
                let wait = Duration::from_micros(u64::try_from(ahead).unwrap_or(0))
                    .clamp(Duration::from_millis(20), Duration::from_millis(100));
                tokio::time::sleep(wait).await;
                continue;
            }
        }
        let event = simulator.next();
        let shop = event.store as usize;
        let (buffer, count) = &mut buffers[shop];
        simulator.render_json(&event, buffer);
        buffer.push(b'\n');
        *count += 1;
        produced += 1;
        if *count == BATCH {
            *count = 0;
            if queues[shop].send(std::mem::take(buffer)).await.is_err() {
                break;
            }
        }
    }
    for ((buffer, _), queue) in buffers.into_iter().zip(queues) {
        if !buffer.is_empty() {
            let _ = queue.send(buffer).await;
        }
    }
    let mut sent = Sent::default();
    while let Some(result) = senders.join_next().await {
        let part = result.context("a sender failed")??;
        sent.accepted += part.accepted;
        sent.rejected += part.rejected;
    }
    Ok(sent)
}

async fn post_all(
    client: reqwest::Client,
    target: Target,
    batches: std::sync::Arc<tokio::sync::Mutex<mpsc::Receiver<Vec<u8>>>>,
    stop: CancellationToken,
) -> Result<Sent> {
    let mut sent = Sent::default();
    loop {
        let next = batches.lock().await.recv().await;
        let Some(body) = next else { return Ok(sent) };
        let body = bytes::Bytes::from(body);
        let mut wait = Duration::from_millis(200);
        loop {
            let answer = client
                .post(format!("{}/v1/events", target.url))
                .bearer_auth(&target.key)
                .header("content-type", "application/x-ndjson")
                .body(body.clone())
                .send()
                .await;
            match answer {
                Ok(answer) if answer.status().is_success() => {
                    // An answer that breaks off says nothing: ids make sending again safe.
                    if let Ok(verdict) = answer.json::<serde_json::Value>().await {
                        sent.accepted += verdict["accepted"].as_u64().unwrap_or(0);
                        let rejected = verdict["rejected"]
                            .as_array()
                            .map_or(&[][..], Vec::as_slice);
                        sent.rejected += rejected.len() as u64;
                        if let Some(first) = rejected.first() {
                            tracing::warn!(count = rejected.len(), first = %first["message"], "events were rejected");
                        }
                        break;
                    }
                }
                Ok(answer) if answer.status() == 429 || answer.status() == 503 => {}
                Ok(answer) => {
                    let status = answer.status();
                    let text = answer.text().await.unwrap_or_default();
                    bail!("the server answered {status}: {text}");
                }
                Err(error) if stop.is_cancelled() => {
                    tracing::debug!(%error, "stopped while the server was away");
                    return Ok(sent);
                }
                Err(error) => tracing::debug!(%error, "the server is away; trying again"),
            }
            if stop.is_cancelled() {
                return Ok(sent);
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(Duration::from_secs(5));
        }
    }
}

fn write_file(config: SimulateConfig, path: &Path, events: u64) -> Result<ExitCode> {
    let name = path.to_string_lossy().to_string();
    let file = std::fs::File::create(path).with_context(|| format!("cannot write `{name}`"))?;
    let plain = BufWriter::with_capacity(1 << 20, file);
    let (mut out, inner): (Box<dyn Write>, &str) = if let Some(inner) = name.strip_suffix(".gz") {
        (
            Box::new(flate2::write::GzEncoder::new(
                plain,
                flate2::Compression::fast(),
            )),
            inner,
        )
    } else if let Some(inner) = name.strip_suffix(".zst") {
        (Box::new(zstd::Encoder::new(plain, 1)?.auto_finish()), inner)
    } else {
        (Box::new(plain), &name)
    };
    let rees46 = inner.ends_with(".csv");
    let mut simulator = Simulator::new(config);
    let mut buffer = Vec::with_capacity(1 << 20);
    if rees46 {
        buffer.extend_from_slice(
            b"event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\n",
        );
    }
    let started = Instant::now();
    let bar = crate::terminal::bytes_bar("events".to_owned());
    let mut written = 0u64;
    let mut late = 0u64;
    let mut doubled = 0u64;
    while written < events {
        let event = simulator.next();
        if rees46 {
            if !simulator.render_rees46(&event, &mut buffer) {
                continue;
            }
        } else {
            simulator.render_json(&event, &mut buffer);
        }
        buffer.push(b'\n');
        written += 1;
        doubled += u64::from(event.duplicate);
        late += u64::from(!event.duplicate && event.time < event.at);
        if buffer.len() > 1 << 20 {
            out.write_all(&buffer)
                .with_context(|| format!("cannot write `{name}`"))?;
            bar.inc(buffer.len() as u64);
            buffer.clear();
        }
    }
    out.write_all(&buffer)
        .with_context(|| format!("cannot write `{name}`"))?;
    out.flush()
        .with_context(|| format!("cannot write `{name}`"))?;
    drop(out);
    bar.finish_and_clear();
    if std::io::stdout().is_terminal() || !rees46 {
        say_line!(
            "{} events written to {name} in {:.1} s ({} of them sent twice, {} sent late)",
            grouped(written),
            started.elapsed().as_secs_f64(),
            grouped(doubled),
            grouped(late)
        );
    }
    Ok(ExitCode::SUCCESS)
}
