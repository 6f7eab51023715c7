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

/// Returns memory to the system readily and is faster than the system's allocator with many threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// mimalloc's option `purge_delay`; the crate that wraps it names only some of the options.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// Lets freed memory wait a minute for its next use before the system gets it back. With the default of one second a fifth of
/// an import went into the kernel clearing pages that had been given away between two commits, with ten seconds a tenth.
fn keep_freed_memory_a_while() {
    #[allow(
        unsafe_code,
        reason = "the only way to set the allocator's options at run time"
    )]
    // SAFETY: a plain store to an option of the allocator, which is allowed at any time.
    unsafe {
        libmimalloc_sys::mi_option_set_default(PURGE_DELAY, 60_000);
    }
}

fn main() -> ExitCode {
    keep_freed_memory_a_while();
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
                print!("{}", config::DEFAULTS);
                Ok(ExitCode::SUCCESS)
            }
        }
    })
}
