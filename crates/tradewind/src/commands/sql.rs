//! `tradewind sql`: a question to the data folder, or to a running server.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use tradewind_query::{QueryErrorKind, QueryLimits, QueryResult, ResultFormat, Scope};

use crate::cli::{SqlArgs, SqlFormatName};
use crate::config::Config;
use crate::instance::Instance;
use crate::terminal;

pub async fn run(config: Config, data_dir: &Path, args: &SqlArgs) -> Result<ExitCode> {
    if let (Some(url), Some(key)) = (&args.url, &args.key) {
        return ask_server(url, key, args).await;
    }
    super::existing_folder(data_dir)?;
    let spinner = terminal::spinner("opening the data folder");
    let instance = Instance::open(config, data_dir).await?;
    instance.drain().await?;
    if let Err(error) = instance.refresh_gold().await {
        terminal::remark!("warning: gold is not up to date: {error:#}");
    }
    spinner.finish_and_clear();
    let scope = match &args.store {
        Some(store) => Scope::Stores(vec![
            super::known_store(&instance.control, store)?
                .store_id
                .clone(),
        ]),
        None => Scope::All,
    };
    let limits = QueryLimits {
        timeout: instance.config.sql.timeout.0,
        max_rows: None,
    };
    let format = match args.format {
        SqlFormatName::Table => ResultFormat::Table,
        SqlFormatName::Csv => ResultFormat::Csv,
        SqlFormatName::Json => ResultFormat::Json,
    };
    let answer = match instance.query.run(scope, &args.query, &limits).await {
        Ok(result) => result.to_bytes(format).map_err(anyhow::Error::from),
        Err(error) => {
            let hint = error
                .hint
                .as_ref()
                .map_or_else(String::new, |h| format!("\nhint: {h}"));
            // What went wrong inside is for whoever has the folder, and for nobody else.
            let inside = match error.kind() {
                QueryErrorKind::Internal => std::error::Error::source(&error)
                    .map_or_else(String::new, |cause| format!(": {cause}")),
                _ => String::new(),
            };
            Err(anyhow::anyhow!("{}{inside}{hint}", error.message))
        }
    };
    instance.close().await?;
    let mut answer = answer?;
    if args.format == SqlFormatName::Json {
        answer.push(b'\n');
    }
    terminal::answer(&answer)?;
    Ok(ExitCode::SUCCESS)
}

async fn ask_server(url: &str, key: &str, args: &SqlArgs) -> Result<ExitCode> {
    let format = match args.format {
        SqlFormatName::Json => "json",
        SqlFormatName::Csv => "csv",
        SqlFormatName::Table => "arrow",
    };
    let store: Vec<(&str, &str)> = args.store.iter().map(|s| ("store", s.as_str())).collect();
    let answer = reqwest::Client::new()
        .post(format!("{url}/v1/sql"))
        .query(&store)
        .bearer_auth(key)
        .json(&serde_json::json!({ "query": args.query, "format": format }))
        .send()
        .await
        .with_context(|| format!("cannot reach {url}"))?;
    let status = answer.status();
    let truncated = answer.headers().contains_key("x-truncated");
    let mut bytes = answer.bytes().await?.to_vec();
    if !status.is_success() {
        bail!("the server answered {status}: {}", words(&bytes));
    }
    if args.format == SqlFormatName::Table {
        bytes = QueryResult::from_arrow(&bytes, truncated)?.to_bytes(ResultFormat::Table)?;
    }
    terminal::answer(&bytes)?;
    Ok(ExitCode::SUCCESS)
}

/// An error's message and hint, or the body as it is.
fn words(body: &[u8]) -> String {
    let error: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let text = |name: &str| {
        error
            .as_ref()
            .and_then(|e| e["error"].get(name).or_else(|| e.get(name)))
            .and_then(serde_json::Value::as_str)
            .map(str::to_owned)
    };
    match (text("message"), text("hint")) {
        (Some(message), Some(hint)) => format!("{message}\nhint: {hint}"),
        (Some(message), None) => message,
        _ => String::from_utf8_lossy(body).into_owned(),
    }
}
