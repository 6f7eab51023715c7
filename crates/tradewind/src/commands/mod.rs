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
use tradewind_model::{Store, StoreDirectory as _, StoreId, StoreZone};

/// Makes a store unless it is there; in USD and UTC where nothing else is given. An existing one keeps its settings, and other
/// ones given for it are refused: money and days that were counted do not change after the fact.
async fn ensure_store(
    control: &Control,
    id: &str,
    name: Option<&str>,
    currency: Option<&str>,
    zone: Option<&str>,
) -> Result<std::sync::Arc<Store>> {
    let mut new = NewStore::new(StoreId::new(id)?);
    if let Some(store) = control.store(&new.store_id) {
        let wanted = zone.map(StoreZone::new).transpose()?;
        let currency = currency.map(str::to_uppercase);
        anyhow::ensure!(
            currency.is_none_or(|c| c == store.currency) && wanted.is_none_or(|z| z == store.zone),
            "store `{id}` is kept in {} and {}; leave --currency and --timezone out, or import into another store",
            store.currency,
            store.zone.name()
        );
        return Ok(store);
    }
    if let Some(name) = name {
        new.name = name.to_owned();
    }
    new.currency = currency.unwrap_or("USD").to_uppercase();
    new.zone = StoreZone::new(zone.unwrap_or("UTC"))?;
    control
        .ensure_store(new)
        .await
        .with_context(|| format!("store `{id}` cannot be made"))
}

/// A store that is there.
fn known_store(control: &Control, id: &str) -> Result<std::sync::Arc<Store>> {
    let id = StoreId::new(id)?;
    control.store(&id).with_context(|| {
        let known = control.stores();
        let known: Vec<&str> = known.iter().map(|s| s.store_id.as_str()).collect();
        match known.is_empty() {
            true => format!("there is no store `{id}`; the data folder holds none yet"),
            false => format!("there is no store `{id}`; there are: {}", known.join(", ")),
        }
    })
}

/// Refuses a data folder that is not there: a command that only reads must not make one where a name was mistyped.
fn existing_folder(data_dir: &std::path::Path) -> Result<()> {
    anyhow::ensure!(
        data_dir.join("control.db").exists(),
        "there is no data of Tradewind in `{}`; name the folder with --data-dir",
        data_dir.display()
    );
    Ok(())
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
