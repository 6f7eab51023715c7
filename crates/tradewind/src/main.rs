//! The `tradewind` binary: commands, configuration, wiring, telemetry, shutdown.

mod cli;
mod commands;
mod config;
mod doors;
mod instance;
mod live_tables;
mod live_views;
mod reprocess;
mod simulate;
mod terminal;

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser as _;

use cli::{Cli, Command};
use config::Config;

fn main() -> ExitCode {
    tradewind_process::set_up_memory();
    let cli = Cli::parse();
    // One TLS implementation for every client in the process; a second install only says that there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            // Nobody may be there to hear it; the exit code says it too.
            let _ = std::io::Write::write_fmt(
                &mut std::io::stderr(),
                format_args!("error: {error:#}\n"),
            );
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode> {
    let config = Config::load(&cli.data_dir, cli.config.as_deref(), &Config::environment())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("async")
        .build()
        .context("cannot start the async runtime")?;
    // The demo's terminal belongs to its living line.
    let serves = matches!(cli.command, Command::Serve(_));
    terminal::start_logging(&config.log, serves)?;
    runtime.block_on(async move {
        let dir = cli.data_dir;
        match cli.command {
            Command::Serve(args) => commands::serve::run(config, &dir, &args).await,
            Command::Demo(args) => commands::demo::run(config, &dir, &args).await,
            Command::Simulate(args) => commands::simulate::run(&args).await,
            Command::Import(args) => commands::import::run(config, &dir, &args).await,
            Command::Sql(args) => commands::sql::run(config, &dir, &args).await,
            Command::Key(command) => commands::key::run(&dir, &command).await,
            Command::Replay(args) => commands::replay::run(config, &dir, &args).await,
            Command::Verify(args) => commands::verify::run(config, &dir, &args).await,
            Command::Defaults => {
                terminal::answer(config::DEFAULTS.as_bytes())?;
                Ok(ExitCode::SUCCESS)
            }
        }
    })
}
