//! A server that can be killed and started again on the same port and folder.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use reqwest::Client;
use tokio::process::Child;

use crate::binary::{Binary, kill};
use crate::http;

/// The longest a start may take.
const READY_LIMIT: Duration = Duration::from_secs(60);
/// Bytes of its last words that are told.
const LAST_WORDS: usize = 40_000;
/// The longest a graceful stop may take.
const STOP_LIMIT: Duration = Duration::from_secs(60);

/// `tradewind serve` on a data folder.
pub struct Server {
    binary: Binary,
    data_dir: PathBuf,
    port: u16,
    client: Client,
    environment: Vec<(String, PathBuf)>,
    child: Option<Child>,
}

impl Server {
    /// A server that is not started yet, with a free port of its own.
    ///
    /// # Errors
    /// When no port is free.
    pub fn new(binary: &Binary, data_dir: &Path) -> Result<Self> {
        // Free now; should another process take it before the server does, the start fails and says so.
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .context("no free port")?
            .local_addr()?
            .port();
        Ok(Self {
            binary: binary.clone(),
            data_dir: data_dir.to_owned(),
            port,
            client: http::client(Duration::from_secs(5))?,
            environment: Vec::new(),
            child: None,
        })
    }

    /// The same server with more in its environment.
    #[must_use]
    pub fn with_environment(mut self, environment: Vec<(String, PathBuf)>) -> Self {
        self.environment = environment;
        self
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Starts the process without waiting until it is ready. Its output goes to `serve.log` beside the data folder.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(&mut self) -> Result<()> {
        let path = self.data_dir.with_extension("serve.log");
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .context("cannot open the log")?;
        let listen = format!("127.0.0.1:{}", self.port);
        let child = self
            .binary
            .command(
                &self.data_dir,
                &["serve", "--listen", &listen, "--pg-listen", ""],
            )
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start the server")?;
        self.child = Some(child);
        Ok(())
    }

    /// Starts it with at most so many file handles.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn_with_handles(&mut self, most: u64) -> Result<()> {
        // A process hands its limits on to those it starts; this one needs its own again.
        let own = format!("--nofile={most}:{most}");
        let listen = format!("127.0.0.1:{}", self.port);
        let serve = ["serve", "--listen", &listen, "--pg-listen", ""];
        let program = self.binary.command(&self.data_dir, &serve);
        let mut command = tokio::process::Command::new("prlimit");
        command.arg(own).arg(program.as_std().get_program());
        for (name, value) in program.as_std().get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.data_dir.with_extension("serve.log"))
            .context("cannot open the log")?;
        let child = command
            .args(program.as_std().get_args())
            .stdin(std::process::Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .context("cannot start prlimit (Debian: util-linux)")?;
        self.child = Some(child);
        Ok(())
    }

    /// Waits until `/readyz` answers 200; gives how long that took.
    ///
    /// # Errors
    /// When the process ends before, or takes too long.
    pub async fn ready(&mut self) -> Result<Duration> {
        let started = Instant::now();
        while !self.is_ready().await {
            let child = self.child.as_mut().context("the server was not started")?;
            if let Some(status) = child.try_wait()? {
                bail!(
                    "the server ended with {status} while starting; it said:\n{}",
                    self.said()
                );
            }
            if started.elapsed() > READY_LIMIT {
                bail!(
                    "the server was not ready within {} s; it said:\n{}",
                    READY_LIMIT.as_secs(),
                    self.said()
                );
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(started.elapsed())
    }

    /// Whether `/readyz` answers 200 now.
    pub async fn is_ready(&self) -> bool {
        let answer = self
            .client
            .get(format!("{}/readyz", self.url()))
            .send()
            .await;
        answer.is_ok_and(|a| a.status() == 200)
    }

    /// Kills it with SIGKILL.
    ///
    /// # Errors
    /// When it had ended by itself before: that is a crash nobody asked for.
    pub async fn kill(&mut self) -> Result<()> {
        let mut child = self.child.take().context("the server is not running")?;
        if let Some(status) = child.try_wait()? {
            bail!(
                "the server had ended by itself with {status}; it said:\n{}",
                self.said()
            );
        }
        kill(&mut child).await
    }

    /// Asks it to stop (SIGTERM) and waits; gives how long that took.
    ///
    /// # Errors
    /// When it does not end in time or not with exit code 0.
    pub async fn stop(&mut self) -> Result<Duration> {
        let mut child = self.child.take().context("the server is not running")?;
        let id = child.id().with_context(|| {
            format!("the server had ended by itself; it said:\n{}", self.said())
        })?;
        let started = Instant::now();
        let signalled = tokio::process::Command::new("kill")
            .args(["-TERM", &id.to_string()])
            .status()
            .await?;
        anyhow::ensure!(signalled.success(), "cannot send SIGTERM to process {id}");
        let status = tokio::time::timeout(STOP_LIMIT, child.wait())
            .await
            .with_context(|| {
                format!("the server did not stop within {} s", STOP_LIMIT.as_secs())
            })??;
        anyhow::ensure!(
            status.success(),
            "the server stopped with {status}; it said:\n{}",
            self.said()
        );
        Ok(started.elapsed())
    }

    /// Its process id while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// Whether it has ended by itself; gives its exit code then.
    ///
    /// # Errors
    /// When that cannot be told.
    pub fn ended(&mut self) -> Result<Option<i32>> {
        let Some(child) = self.child.as_mut() else {
            return Ok(None);
        };
        let status = child.try_wait()?;
        if status.is_some() {
            self.child = None;
        }
        Ok(status.map(|s| s.code().unwrap_or(-1)))
    }

    /// Whether it was killed with SIGKILL, by order of a faulty disk.
    ///
    /// # Errors
    /// When it ended in any other way.
    pub fn fell(&mut self) -> Result<bool> {
        use std::os::unix::process::ExitStatusExt as _;
        let child = self.child.as_mut().context("the server is not running")?;
        let Some(status) = child.try_wait()? else {
            return Ok(false);
        };
        self.child = None;
        anyhow::ensure!(
            status.signal() == Some(9),
            "the server had ended by itself with {status}; it said:\n{}",
            self.said()
        );
        Ok(true)
    }

    /// The end of what it printed.
    #[must_use]
    pub fn said(&self) -> String {
        let text = std::fs::read(self.data_dir.with_extension("serve.log")).unwrap_or_default();
        let tail = &text[text.len().saturating_sub(LAST_WORDS)..];
        String::from_utf8_lossy(tail).into_owned()
    }
}
