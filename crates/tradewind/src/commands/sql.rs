//! `tradewind sql`: a question to the data folder, or to a running server.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use tradewind_model::StoreId;
use tradewind_query::{QueryLimits, ResultFormat, Scope};

use crate::cli::{SqlArgs, SqlFormatName};
use crate::config::Config;
use crate::instance::Instance;
use crate::terminal;

pub async fn run(config: Config, data_dir: &Path, args: &SqlArgs) -> Result<ExitCode> {
    if let (Some(url), Some(key)) = (&args.url, &args.key) {
        return ask_server(url, key, args).await;
    }
    let spinner = terminal::spinner("opening the data folder");
    let instance = Instance::open(config, data_dir).await?;
    instance.drain().await?;
    if let Err(error) = instance.refresh_gold().await {
        eprintln!("warning: gold is not up to date: {error:#}");
    }
    spinner.finish_and_clear();
    let scope = match &args.store {
        Some(store) => Scope::Stores(vec![StoreId::new(store)?]),
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
            Err(anyhow::anyhow!("{}{hint}", error.message))
        }
    };
    instance.close().await?;
    let mut out = std::io::stdout();
    out.write_all(&answer?)?;
    if args.format == SqlFormatName::Json {
        out.write_all(b"\n")?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn ask_server(url: &str, key: &str, args: &SqlArgs) -> Result<ExitCode> {
    let format = match args.format {
        SqlFormatName::Json => "json",
        SqlFormatName::Table | SqlFormatName::Csv => "csv",
    };
    let answer = reqwest::Client::new()
        .post(format!("{url}/v1/sql"))
        .bearer_auth(key)
        .json(&serde_json::json!({ "query": args.query, "format": format }))
        .send()
        .await
        .with_context(|| format!("cannot reach {url}"))?;
    let status = answer.status();
    let text = answer.text().await?;
    if !status.is_success() {
        bail!("the server answered {status}: {text}");
    }
    print!("{text}");
    Ok(ExitCode::SUCCESS)
}
