//! Stands between a sender and the server, passes requests on and notes which events were acknowledged.
//!
//! So the sender's own count need not be believed, and a sender keeps one address while the server comes and goes. It speaks as
//! much HTTP/1.1 as event senders use: requests with a Content-Length, connections kept open.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::task::AbortHandle;

use crate::http::{self, Answer};
use crate::ledger::Ledger;

/// The most bytes of a request's body.
const MAX_BODY: usize = 16 << 20;

/// A running recorder; it ends when dropped.
pub struct Recorder {
    url: String,
    ledger: Arc<Mutex<Ledger>>,
    wrong: Arc<Mutex<Option<anyhow::Error>>>,
    accepting: AbortHandle,
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Recorder {
    /// Listens on a free port and passes requests on to `server`.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(server: String) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("no free port")?;
        let url = format!("http://{}", listener.local_addr()?);
        let ledger = Arc::new(Mutex::new(Ledger::default()));
        let wrong = Arc::new(Mutex::new(None));
        let (client, noted) = (http::client(Duration::from_secs(30))?, Arc::clone(&ledger));
        let kept = Arc::clone(&wrong);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let served = serve(stream, server.clone(), client.clone(), Arc::clone(&noted));
                let kept = Arc::clone(&kept);
                tokio::spawn(async move {
                    // A connection that breaks is one more thing the sender must live with; any other error is not.
                    if let Err(error) = served.await
                        && !error.is::<std::io::Error>()
                    {
                        kept.lock().await.get_or_insert(error);
                    }
                });
            }
        });
        Ok(Self {
            url,
            ledger,
            wrong,
            accepting: accepting.abort_handle(),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it saw sent and acknowledged.
    ///
    /// # Errors
    /// When events were rejected, or requests answered as none may be.
    pub async fn take(self) -> Result<Ledger> {
        if let Some(error) = self.wrong.lock().await.take() {
            return Err(error);
        }
        Ok(std::mem::take(&mut *self.ledger.lock().await))
    }
}

/// A request as far as it matters here.
struct Request {
    key: String,
    body: String,
}

async fn serve(
    stream: TcpStream,
    server: String,
    client: reqwest::Client,
    ledger: Arc<Mutex<Ledger>>,
) -> Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut reading = BufReader::new(reading);
    while let Some(request) = read(&mut reading).await? {
        let ids = note(&request.body, &ledger).await?;
        let answer = http::post_events(&client, &server, &request.key, &request.body).await?;
        let (status, body) = match answer {
            Answer::Acknowledged {
                accepted,
                rejected: 0,
            } => {
                ledger
                    .lock()
                    .await
                    .acknowledged(ids.iter().map(String::as_str));
                (
                    "200 OK",
                    format!("{{\"accepted\":{accepted},\"rejected\":[]}}"),
                )
            }
            Answer::Acknowledged { rejected, .. } => bail!("{rejected} events were rejected"),
            Answer::Refused => ("503 Service Unavailable", "{}".to_owned()),
            // The server broke off, so the connection to the sender breaks off.
            Answer::Unknown => return Ok(()),
        };
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        writing
            .write_all(format!("{head}{body}").as_bytes())
            .await?;
    }
    Ok(())
}

/// The next request of a connection; `None` at its end.
async fn read(reading: &mut BufReader<tokio::net::tcp::OwnedReadHalf>) -> Result<Option<Request>> {
    let (mut length, mut key) = (0, String::new());
    let mut line = String::new();
    if reading.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    loop {
        line.clear();
        if reading.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let header = line.trim_end();
        if header.is_empty() {
            break;
        }
        let Some((name, value)) = header.split_once(':') else {
            bail!("`{header}` is no header")
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse()?,
            "authorization" => value
                .trim()
                .trim_start_matches("Bearer ")
                .clone_into(&mut key),
            "transfer-encoding" => bail!("chunked bodies are not understood here"),
            _ => {}
        }
    }
    anyhow::ensure!(length <= MAX_BODY, "a body of {length} bytes");
    let mut body = vec![0; length];
    reading.read_exact(&mut body).await?;
    Ok(Some(Request {
        key,
        body: String::from_utf8(body)?,
    }))
}

/// Notes the events of a body as sent; gives their ids.
async fn note(body: &str, ledger: &Mutex<Ledger>) -> Result<Vec<String>> {
    let mut ids = Vec::new();
    let mut ledger = ledger.lock().await;
    for line in body.lines() {
        let event: serde_json::Value = serde_json::from_str(line)?;
        let id = event["event_id"]
            .as_str()
            .context("an event without an id")?;
        ledger.sent(id, line.as_bytes());
        ids.push(id.to_owned());
    }
    Ok(ids)
}
