//! One module a command.

pub mod demo;
pub mod import;
pub mod key;
pub mod replay;
pub mod serve;
pub mod simulate;
pub mod sql;
pub mod verify;

use anyhow::{Context as _, Result};
use tradewind_control::{Control, NewStore};
use tradewind_model::{Store, StoreId, StoreZone};

/// Makes a store unless it is there; an existing one keeps its settings.
async fn ensure_store(
    control: &Control,
    id: &str,
    name: Option<&str>,
    currency: &str,
    zone: &str,
) -> Result<std::sync::Arc<Store>> {
    let mut new = NewStore::new(StoreId::new(id)?);
    if let Some(name) = name {
        new.name = name.to_owned();
    }
    new.currency = currency.to_uppercase();
    new.zone = StoreZone::new(zone)?;
    control
        .ensure_store(new)
        .await
        .with_context(|| format!("store `{id}` cannot be made"))
}

/// Waits for Ctrl-C or a termination signal.
async fn stop_signal() {
    let interrupt = tokio::signal::ctrl_c();
    let Ok(mut terminate) =
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
    else {
        let _ = interrupt.await;
        return;
    };
    tokio::select! {
        _ = interrupt => {}
        _ = terminate.recv() => {}
    }
}
