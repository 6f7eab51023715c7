//! `tradewind key`: make, list and take back keys. Works beside a running server, which has seen the change when the command ends.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use tradewind_control::{Control, KeyKind};
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
        KeyCommand::List { .. } | KeyCommand::Revoke { .. } => super::existing_folder(data_dir)?,
    }
    let control = Control::open(data_dir, Arc::new(SystemClock)).await?;
    match command {
        KeyCommand::Create(args) => {
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
                say_line!(
                    "{:36}  {:5}  …{:4}  {works:27}  {}",
                    key.key_id,
                    format!("{:?}", key.kind).to_lowercase(),
                    key.last_four,
                    key.label
                );
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
