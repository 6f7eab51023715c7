//! Connections that send numbered events as fast as a busy shop, and note what was acknowledged.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, ensure};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::chance::Chance;
use crate::http::{self, Answer};
use crate::ledger::Ledger;

/// Price of the one product of each order, in cents.
const PRICE_CENTS: u64 = 1_250;

/// Where the shoppers of one connection send to.
#[derive(Debug, Clone)]
pub struct Target {
    /// The server.
    pub url: String,
    /// The store's write key.
    pub key: String,
}

/// Connections at work.
pub struct Shoppers {
    stop: Arc<AtomicBool>,
    ledger: Arc<Mutex<Ledger>>,
    tasks: JoinSet<Result<()>>,
}

impl Shoppers {
    /// Starts the connections.
    #[must_use]
    pub fn start(target: &Target, connections: u64, seed: u64) -> Self {
        let (stop, ledger) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(Mutex::new(Ledger::default())),
        );
        let mut tasks = JoinSet::new();
        for connection in 0..connections {
            let chance = Chance::new(seed, 1_000 + connection);
            tasks.spawn(send(
                target.clone(),
                connection,
                chance,
                Arc::clone(&ledger),
                Arc::clone(&stop),
            ));
        }
        Self {
            stop,
            ledger,
            tasks,
        }
    }

    /// Events acknowledged so far.
    pub async fn acknowledged(&self) -> usize {
        self.ledger.lock().await.acknowledged_count()
    }

    /// Lets each connection finish its batch; gives what was sent and acknowledged.
    ///
    /// # Errors
    /// When a connection was given an answer that must not happen.
    pub async fn stop(mut self) -> Result<Ledger> {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended.context("a connection's task failed")??;
        }
        Ok(std::mem::take(&mut *self.ledger.lock().await))
    }
}

async fn send(
    target: Target,
    connection: u64,
    mut chance: Chance,
    ledger: Arc<Mutex<Ledger>>,
    stop: Arc<AtomicBool>,
) -> Result<()> {
    let client = http::client(Duration::from_secs(20))?;
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        let batch: Vec<(String, String)> = (0..chance.between(20, 120))
            .map(|_| {
                number += 1;
                event(connection, number, &mut chance)
            })
            .collect();
        let body: String = batch
            .iter()
            .flat_map(|(_, raw)| [raw.as_str(), "\n"])
            .collect();
        {
            let mut ledger = ledger.lock().await;
            for (id, raw) in &batch {
                ledger.sent(id, raw.as_bytes());
            }
        }
        loop {
            match http::post_events(&client, &target.url, &target.key, &body).await? {
                Answer::Acknowledged { accepted, rejected } => {
                    ensure!(
                        rejected == 0 && accepted == batch.len() as u64,
                        "{accepted} accepted and {rejected} rejected of {}",
                        batch.len()
                    );
                    ledger
                        .lock()
                        .await
                        .acknowledged(batch.iter().map(|(id, _)| id.as_str()));
                    break;
                }
                Answer::Refused => tokio::time::sleep(Duration::from_millis(100)).await,
                // The server is gone, and perhaps it had the batch. Most shops send it again; some never do.
                Answer::Unknown => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    if chance.once_in(4) || stop.load(Ordering::Relaxed) {
                        break;
                    }
                }
            }
        }
        tokio::time::sleep(chance.millis(5, 30)).await;
    }
    Ok(())
}

/// Event `number` of a connection: its id and bytes. One in ten is an order of its own.
fn event(connection: u64, number: u64, chance: &mut Chance) -> (String, String) {
    let id = format!("c{connection}-{number}");
    let now = wall_clock_millis();
    let (visitor, product) = (number % 97, chance.between(1, 200));
    let kind = match number % 10 {
        0..=6 => "product_viewed",
        7 | 8 => "product_added",
        _ => "order_completed",
    };
    let (units, cents) = (PRICE_CENTS / 100, PRICE_CENTS % 100);
    let mut raw = format!(
        "{{\"type\":\"{kind}\",\"event_id\":\"{id}\",\"time\":{now},\"anonymous_id\":\"v{connection}-{visitor}\","
    );
    let _ = write!(
        raw,
        "\"product\":{{\"product_id\":\"p{product}\",\"category\":\"c{}\",\"price\":\"{units}.{cents:02}\",\"quantity\":1}}",
        product % 9
    );
    if kind == "order_completed" {
        let _ = write!(raw, ",\"order\":{{\"order_id\":\"o-{id}\"}}");
    }
    raw.push('}');
    (id, raw)
}

#[allow(
    clippy::disallowed_methods,
    reason = "a shop has a clock of its own, and sim links nothing of Tradewind"
)]
fn wall_clock_millis() -> u128 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |d| d.as_millis())
}

/// Whether an event of [`event`] is an order.
#[must_use]
pub fn is_order(event_id: &str) -> bool {
    event_id.ends_with('9')
}

/// What so many orders must sum up to, in cents.
#[must_use]
pub fn worth_cents(orders: u64) -> u64 {
    orders * PRICE_CENTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_json_with_their_number_as_id() {
        let mut chance = Chance::new(1, 1);
        for number in 1..40 {
            let (id, raw) = event(3, number, &mut chance);
            let json: serde_json::Value = serde_json::from_str(&raw).unwrap();
            assert_eq!(json["event_id"], id);
            assert_eq!(json["type"] == "order_completed", is_order(&id));
        }
    }
}
