//! `tradewind key`: make, list and take back keys. Works beside a running server, which has seen the change when the command ends.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use tradewind_control::{Control, KeyKind, Origins};
use tradewind_model::SystemClock;

use crate::cli::{KeyCommand, KeyKindName};
use crate::terminal::{remark, say_line};

/// Within this a running server has seen a change: a script may use a new key with its next line.
const SEEN_WITHIN: std::time::Duration =
    std::time::Duration::from_millis(2 * crate::instance::CONTROL_POLL.as_millis() as u64);

pub async fn run(data_dir: &Path, command: &KeyCommand) -> Result<ExitCode> {
    match command {
        // The only one that makes something.
        KeyCommand::Create(_) => std::fs::create_dir_all(data_dir)?,
        KeyCommand::List { .. } | KeyCommand::Origins { .. } | KeyCommand::Revoke { .. } => {
            super::existing_folder(data_dir)?
        }
    }
    let control = Control::open(data_dir, Arc::new(SystemClock)).await?;
    match command {
        KeyCommand::Create(args) => {
            // Before anything is made.
            let origins = Origins::new(&args.origins)?;
            anyhow::ensure!(
                origins.is_any() || args.kind == KeyKindName::Write,
                "--origin is of write keys: pages never read"
            );
            let store = super::ensure_store(
                &control,
                &args.store,
                args.name.as_deref(),
                args.currency.as_deref(),
                args.timezone.as_deref(),
            )
            .await?;
            let kind = match args.kind {
                KeyKindName::Write => KeyKind::Write,
                KeyKindName::Read => KeyKind::Read,
            };
            let key = control
                .create_key(&store.store_id, kind, &args.label)
                .await?;
            if !origins.is_any() {
                control.set_origins(&key.info.key_id, &origins).await?;
            }
            tokio::time::sleep(SEEN_WITHIN).await;
            // The key alone on standard output, so that scripts can take it.
            writeln!(std::io::stdout(), "{}", key.secret.reveal()).with_context(|| {
                format!(
                    "the key was made, but nobody took it: `tradewind key revoke {}`, then make another",
                    key.info.key_id
                )
            })?;
            remark!(
                "the {:?} key of store `{}`; it is shown only now",
                args.kind,
                store.store_id
            );
        }
        KeyCommand::List { store } => {
            let store = super::known_store(&control, store)?;
            let keys = control.keys(&store.store_id).await?;
            say_line!(
                "{:36}  {:5}  {:5}  {:27}  label",
                "id",
                "kind",
                "ends",
                "works"
            );
            for key in keys {
                let works = match key.revoked_at {
                    Some(at) => format!("until {}", at.to_rfc3339()),
                    None => format!("since {}", key.created_at.to_rfc3339()),
                };
                let pages = match key.origins.iter().collect::<Vec<_>>().join(" ") {
                    named if named.is_empty() => String::new(),
                    named => format!("  (pages of {named})"),
                };
                say_line!(
                    "{:36}  {:5}  …{:4}  {works:27}  {}{pages}",
                    key.key_id,
                    format!("{:?}", key.kind).to_lowercase(),
                    key.last_four,
                    key.label
                );
            }
        }
        KeyCommand::Origins { id, origins } => {
            let origins = Origins::new(origins)?;
            control.set_origins(id, &origins).await?;
            tokio::time::sleep(SEEN_WITHIN).await;
            if origins.is_any() {
                remark!("pages of every origin may send with key {id}");
            } else {
                let named: Vec<&str> = origins.iter().collect();
                remark!("pages of {} may send with key {id}", named.join(", "));
            }
        }
        KeyCommand::Revoke { id } => {
            control.revoke_key(id).await?;
            tokio::time::sleep(SEEN_WITHIN).await;
            remark!("key {id} works no more");
        }
    }
    control.close().await;
    Ok(ExitCode::SUCCESS)
}
