//! A shop for one case: a data folder, a server on it when it is needed, and the commands.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tradewind_sim::binary::Binary;
use tradewind_sim::http;
use tradewind_sim::lake::ask;
use tradewind_sim::server::Server;

/// The store of a case that names none.
pub const STORE: &str = "shop";

/// A folder of its own and the program that works on it.
pub struct Shop {
    pub binary: Binary,
    folder: tempfile::TempDir,
}

impl Shop {
    /// A shop without any data yet.
    pub fn new(binary: Binary) -> Result<Self> {
        Ok(Self {
            binary,
            folder: tempfile::tempdir()?,
        })
    }

    /// Its data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Writes a file beside the data folder; gives its path.
    #[allow(dead_code, reason = "not every selection of cases imports files")]
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> Result<String> {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).with_context(|| format!("cannot write `{name}`"))?;
        Ok(path.to_string_lossy().into_owned())
    }

    /// Sends events (NDJSON) to a server that is started for it and stopped again. Gives the answer.
    pub async fn send(&self, events: &str) -> Result<Value> {
        let key = self.binary.create_key(&self.data(), STORE, "write").await?;
        let mut server = Server::new(&self.binary, &self.data())?;
        server.spawn()?;
        server.ready().await?;
        let response = http::client(Duration::from_secs(30))?
            .post(format!("{}/v1/events", server.url()))
            .bearer_auth(&key)
            .header("content-type", "application/x-ndjson")
            .body(events.to_owned())
            .send()
            .await?;
        let (status, text) = (response.status(), response.text().await?);
        server.stop().await?;
        ensure!(status == 200, "POST /v1/events answered {status}: {text}");
        serde_json::from_str(&text).with_context(|| format!("not JSON: {text}"))
    }

    /// Sends events of which none may be refused.
    #[allow(dead_code, reason = "not every selection of cases sends events")]
    pub async fn send_all(&self, events: &str) -> Result<()> {
        let answer = self.send(events).await?;
        ensure!(
            answer["rejected"].as_array().is_some_and(Vec::is_empty),
            "events were refused: {answer}"
        );
        Ok(())
    }

    /// A live view over a window, from a server that is started for it and stopped again.
    #[allow(dead_code, reason = "not every selection of cases looks at views")]
    pub async fn view(&self, name: &str, query: &str) -> Result<Value> {
        let key = self.binary.create_key(&self.data(), STORE, "read").await?;
        let mut server = Server::new(&self.binary, &self.data())?;
        server.spawn()?;
        server.ready().await?;
        let response = http::client(Duration::from_secs(30))?
            .get(format!("{}/v1/views/{name}?{query}", server.url()))
            .bearer_auth(&key)
            .send()
            .await?;
        let (status, text) = (response.status(), response.text().await?);
        server.stop().await?;
        ensure!(
            status == 200,
            "GET /v1/views/{name} answered {status}: {text}"
        );
        let answer: Value = serde_json::from_str(&text)?;
        Ok(answer["data"].clone())
    }

    /// Rows of an answer of `tradewind sql`, which brings everything up to date first.
    pub async fn ask(&self, sql: &str) -> Result<Vec<Vec<String>>> {
        ask(&self.binary, &self.data(), STORE, sql).await
    }

    /// Fails unless a question has just these rows.
    pub async fn expect(&self, sql: &str, rows: &[&[&str]]) -> Result<()> {
        let got = self.ask(sql).await?;
        ensure!(got == rows, "{sql}\nexpected {rows:?}\ngot      {got:?}");
        Ok(())
    }

    /// Runs a command that must succeed; gives what it printed.
    #[allow(dead_code, reason = "not every selection of cases runs commands")]
    pub async fn run(&self, arguments: &[&str]) -> Result<String> {
        self.binary.succeed(&self.data(), arguments).await
    }

    /// `verify`, `replay`, `verify`: all must succeed.
    #[allow(dead_code, reason = "not every case is replayed")]
    pub async fn verify_and_replay(&self) -> Result<()> {
        self.binary.verify(&self.data()).await?;
        self.run(&["replay", "--store", STORE]).await?;
        self.binary.verify(&self.data()).await
    }
}
