//! The program under test: where it is, and running its commands.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::process::{Child, Command};

/// How the program is set up for crash tests: checkpoints, commits, compactions and retention so often that kills fall into them.
const SETTINGS: [(&str, &str); 4] = [
    ("TRADEWIND_STREAM_CHECKPOINT_INTERVAL", "400ms"),
    ("TRADEWIND_LAKE_GOLD_INTERVAL", "1s"),
    ("TRADEWIND_LAKE_MAINTENANCE_INTERVAL", "500ms"),
    ("TRADEWIND_JOURNAL_RETENTION", "1s"),
];

/// The longest any one command may run: `verify` of ten million events replays them all, and took more than a quarter of an hour beside
/// a build.
const COMMAND_LIMIT: Duration = Duration::from_secs(2_700);

/// The `tradewind` binary.
#[derive(Debug, Clone)]
pub struct Binary(PathBuf);

impl Binary {
    /// `$TRADEWIND_BIN`, else the binary built beside this test; `None` when there is none.
    #[must_use]
    pub fn find() -> Option<Self> {
        let path = match std::env::var_os("TRADEWIND_BIN") {
            Some(named) => PathBuf::from(named),
            // target/release/deps/crash-… → target/release/tradewind
            None => std::env::current_exe()
                .ok()?
                .parent()?
                .parent()?
                .join("tradewind"),
        };
        path.is_file().then_some(Self(path))
    }

    /// A command on a data folder, killed when dropped.
    #[must_use]
    pub fn command(&self, data_dir: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.0);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("TRADEWIND_") {
                command.env_remove(name);
            }
        }
        command
            .envs(SETTINGS)
            .arg("--data-dir")
            .arg(data_dir)
            .args(arguments)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Runs a command to its end, whatever its exit code.
    ///
    /// # Errors
    /// When it cannot be started or takes too long.
    pub async fn run(&self, data_dir: &Path, arguments: &[&str]) -> Result<Output> {
        let told = || format!("`tradewind {}`", arguments.join(" "));
        tokio::time::timeout(COMMAND_LIMIT, self.command(data_dir, arguments).output())
            .await
            .with_context(|| {
                format!(
                    "{} did not end within {} s",
                    told(),
                    COMMAND_LIMIT.as_secs()
                )
            })?
            .with_context(|| format!("{} cannot be started", told()))
    }

    /// Runs a command that must succeed; gives its standard output.
    ///
    /// # Errors
    /// With all it said, when it failed.
    pub async fn succeed(&self, data_dir: &Path, arguments: &[&str]) -> Result<String> {
        let output = self.run(data_dir, arguments).await?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            bail!(
                "`tradewind {}` ended with {}\n{said}{}",
                arguments.join(" "),
                output.status,
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(said)
    }

    /// Writes so many simulated events into a file of a folder; gives its path.
    ///
    /// # Errors
    /// When the command fails.
    pub async fn simulated(&self, folder: &Path, events: &str) -> Result<String> {
        let file = folder.join("events.ndjson").to_string_lossy().into_owned();
        let write = [
            "simulate", "--out", &file, "--events", events, "--seed", "5",
        ];
        self.succeed(folder, &write).await?;
        Ok(file)
    }

    /// Makes a key, and its store when it is new.
    ///
    /// # Errors
    /// When the command fails.
    pub async fn create_key(&self, data_dir: &Path, store: &str, kind: &str) -> Result<String> {
        let said = self
            .succeed(
                data_dir,
                &[
                    "key",
                    "create",
                    "--store",
                    store,
                    "--kind",
                    kind,
                    "--currency",
                    "EUR",
                ],
            )
            .await?;
        Ok(said.trim().to_owned())
    }

    /// Runs `verify`: `Ok` when live views, silver, gold and bronze agree.
    ///
    /// # Errors
    /// With all it said, when it found a difference.
    pub async fn verify(&self, data_dir: &Path) -> Result<()> {
        self.succeed(data_dir, &["verify"]).await.map(drop)
    }
}

/// Runs a scenario on the built binary, on a runtime of its own; panics with what went wrong, for tests.
///
/// # Panics
/// When there is no binary, or the scenario fails.
pub fn run<T, F: Future<Output = Result<T>>>(scenario: impl FnOnce(Binary) -> F) -> T {
    let binary = Binary::find()
        .expect("the tradewind binary: run `make build`, or name it with TRADEWIND_BIN");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    match runtime.block_on(scenario(binary)) {
        Ok(value) => value,
        Err(error) => panic!("{error:?}"),
    }
}

/// Kills a process at once, without a chance to clean up, and waits until it is gone.
///
/// # Errors
/// When it cannot be signalled.
pub async fn kill(child: &mut Child) -> Result<()> {
    child.kill().await.context("cannot kill the process")
}
