//! Clients that mean harm or are broken (J4): whatever they send, memory stays bounded, other clients are served meanwhile, and
//! what was acknowledged is right afterwards.

use std::future::Future;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tradewind_sim::binary::{Binary, run};
use tradewind_sim::http::{Answer, client, post_events};
use tradewind_sim::lake::numbers;
use tradewind_sim::server::Server;

const STORE: &str = "shop";
/// The most memory the server may ever have had in use, in MiB: it starts with a query engine, a lake and buffers of its own.
const MEMORY_MIB: u64 = 1_500;

struct Scene {
    folder: tempfile::TempDir,
    data: PathBuf,
    server: Server,
    key: String,
    good: u64,
}

impl Scene {
    async fn begin(binary: &Binary) -> Result<Self> {
        Self::with_handles(binary, None).await
    }

    async fn with_handles(binary: &Binary, most: Option<u64>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("data");
        let key = binary.create_key(&data, STORE, "write").await?;
        let mut server = Server::new(binary, &data)?;
        match most {
            None => server.spawn()?,
            Some(most) => server.spawn_with_handles(most)?,
        }
        server.ready().await?;
        Ok(Self {
            folder,
            data,
            server,
            key,
            good: 0,
        })
    }

    fn address(&self) -> String {
        self.server.url().trim_start_matches("http://").to_owned()
    }

    /// A good client is served soon; gives how long it took.
    async fn serves(&mut self, what: &str) -> Result<Duration> {
        self.good += 1;
        let body = format!(
            r#"{{"type":"page_viewed","event_id":"good-{}","anonymous_id":"v"}}"#,
            self.good
        );
        let began = Instant::now();
        let answer = post_events(
            &client(Duration::from_secs(10))?,
            &self.server.url(),
            &self.key,
            &body,
        )
        .await?;
        let taken = began.elapsed();
        ensure!(
            matches!(answer, Answer::Acknowledged { accepted: 1, .. }),
            "{what}: a good client was answered {answer:?}"
        );
        ensure!(
            taken < Duration::from_secs(3),
            "{what}: a good client waited {taken:?}"
        );
        Ok(taken)
    }

    /// Sends a body and gives status and text of the answer.
    async fn post(&self, kind: &str, encoding: &str, body: Vec<u8>) -> Result<(u16, String)> {
        let mut request = client(Duration::from_secs(60))?
            .post(format!("{}/v1/events", self.server.url()))
            .bearer_auth(&self.key)
            .header("content-type", kind)
            .body(body);
        if !encoding.is_empty() {
            request = request.header("content-encoding", encoding);
        }
        let answer = request.send().await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    }

    /// The most memory that was ever in use, in MiB.
    fn peak(&self) -> Result<u64> {
        let id = self.server.id().context("no process")?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let line = status.lines().find(|l| l.starts_with("VmHWM:"));
        let kib: u64 = line
            .and_then(|l| l.split_whitespace().nth(1))
            .context("no VmHWM")?
            .parse()?;
        Ok(kib / 1_024)
    }

    fn bounded(&self, what: &str) -> Result<()> {
        let peak = self.peak()?;
        println!("{what}: at most {peak} MiB");
        ensure!(peak < MEMORY_MIB, "{what}: {peak} MiB");
        Ok(())
    }

    async fn end(mut self, binary: &Binary) -> Result<()> {
        self.server.stop().await?;
        let stored = numbers(
            binary,
            &self.data,
            STORE,
            "SELECT count(*) FROM silver.events WHERE event_id LIKE 'good-%'",
        )
        .await?;
        ensure!(
            stored == [self.good],
            "{stored:?} of {} good events are there",
            self.good
        );
        binary.verify(&self.data).await
    }
}

fn gzip(size: u64) -> Result<Vec<u8>> {
    let mut w = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![b' '; 1 << 20];
    for _ in 0..size >> 20 {
        w.write_all(&zeros)?;
    }
    Ok(w.finish()?)
}

/// Small bodies that unpack to gigabytes, many at once, in every encoding, and packed twice.
#[test]
fn bombs_stop_at_the_limit() {
    run(|binary| async move {
        let mut scene = Scene::begin(&binary).await?;
        let gz = gzip(4 << 30)?;
        let zeros = vec![0_u8; 1 << 28];
        let zs = zstd::encode_all(zeros.as_slice(), 19)?;
        let mut br = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 24);
        br.write_all(&zeros)?;
        let br = br.into_inner();
        drop(zeros);
        for (encoding, body) in [("gzip", &gz), ("zstd", &zs), ("br", &br)] {
            let posts = (0..16).map(|_| scene.post("application/x-ndjson", encoding, body.clone()));
            for answer in futures_all(posts).await {
                let (status, text) = answer?;
                ensure!(
                    status == 413 || status == 503,
                    "{encoding}: {status} {text}"
                );
            }
            scene.serves(encoding).await?;
        }
        let (status, text) = scene.post("application/x-ndjson", "gzip, gzip", gz).await?;
        ensure!(
            status == 415 || status == 400,
            "packed twice: {status} {text}"
        );
        scene.bounded("bombs")?;
        scene.end(&binary).await
    });
}

/// Polls all futures to their ends, together.
async fn futures_all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut all: Vec<_> = futures.map(|f| (Box::pin(f), None)).collect();
    std::future::poll_fn(|cx| {
        let mut pending = false;
        for (future, output) in &mut all {
            if output.is_none() {
                match future.as_mut().poll(cx) {
                    std::task::Poll::Ready(value) => *output = Some(value),
                    std::task::Poll::Pending => pending = true,
                }
            }
        }
        if pending {
            std::task::Poll::Pending
        } else {
            std::task::Poll::Ready(())
        }
    })
    .await;
    all.into_iter().filter_map(|(_, output)| output).collect()
}

/// A line of a gigabyte: refused at the door, in a file one quarantined line among good ones.
#[test]
fn a_line_of_a_gigabyte_costs_itself_only() {
    run(|binary| async move {
        let mut scene = Scene::begin(&binary).await?;
        let mut stream = TcpStream::connect(scene.address()).await?;
        let head = format!(
            "POST /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n",
            scene.key
        );
        stream.write_all(head.as_bytes()).await?;
        let chunk = [b"100000\r\n".as_slice(), &vec![b'a'; 1 << 20], b"\r\n"].concat();
        let mut sent = 0;
        while sent < 1_024 && stream.write_all(&chunk).await.is_ok() {
            sent += 1;
        }
        let mut answer = vec![0; 4_096];
        let got = stream.read(&mut answer).await.unwrap_or(0);
        let answer = String::from_utf8_lossy(&answer[..got]).into_owned();
        ensure!(
            sent < 1_024 && (got == 0 || answer.contains(" 413 ")),
            "{sent} MiB were taken: {answer}"
        );
        scene.serves("a long line").await?;
        scene.bounded("a long line at the door")?;
        scene.server.stop().await?;

        // As it is, and packed: a megabyte that unpacks to a gigabyte.
        for name in ["long.ndjson", "long.ndjson.gz"] {
            let file = scene.folder.path().join(name);
            let out = std::fs::File::create(&file)?;
            let mut out: Box<dyn std::io::Write> = if name.ends_with("gz") {
                Box::new(flate2::write::GzEncoder::new(
                    out,
                    flate2::Compression::fast(),
                ))
            } else {
                Box::new(out)
            };
            let good = |when: &str| {
                format!(
                    r#"{{"type":"page_viewed","event_id":"good-{name}-{when}","anonymous_id":"v"}}"#
                )
            };
            writeln!(out, "{}", good("before"))?;
            for _ in 0..1_024 {
                out.write_all(&chunk[8..8 + (1 << 20)])?;
            }
            writeln!(out, "\n{}", good("after"))?;
            drop(out);
            scene.good += 2;
            let text = file.to_string_lossy().into_owned();
            let limited = format!(
                "ulimit -v 2600000; exec \"$@\" import {text} --store {STORE} --format ndjson --data-dir {}",
                scene.data.display()
            );
            let program = binary.command(&scene.data, &[]);
            let program = program.as_std().get_program().to_owned();
            let output = tokio::process::Command::new("bash")
                .args(["-c", &limited, "bash"])
                .arg(program)
                .output()
                .await?;
            let said = format!(
                "{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
            ensure!(output.status.success(), "the import said: {said}");
            ensure!(
                said.contains("line 2") && said.contains("longer than 1 MiB"),
                "the import said: {said}"
            );
            std::fs::remove_file(&file)?;
        }
        scene.server.spawn()?;
        scene.server.ready().await?;
        scene.end(&binary).await
    });
}

/// Items that are no events: each is rejected by itself with words, those beside it are kept.
#[test]
fn absurd_items_are_rejected_one_by_one() {
    run(|binary| async move {
        let mut scene = Scene::begin(&binary).await?;
        let deep = format!(
            r#"{{"type":"page_viewed","anonymous_id":"v","properties":{}{}}}"#,
            r#"{"a":"#.repeat(100_000),
            "}".repeat(100_000)
        );
        let product = |field: &str| {
            format!(
                r#"{{"type":"product_viewed","anonymous_id":"v","product":{{"product_id":"p",{field}}}}}"#
            )
        };
        let at =
            |time: &str| format!(r#"{{"type":"page_viewed","anonymous_id":"v","time":{time}}}"#);
        let items: Vec<Vec<u8>> = [
            deep,
            "[".repeat(200_000),
            product(r#""price":NaN"#),
            product(r#""price":1e999"#),
            product(r#""price":"1e999""#),
            product(r#""price":-1"#),
            product(r#""price":"99999999999999999999999""#),
            product(r#""price":Infinity"#),
            product(r#""quantity":1e300"#),
            product(r#""quantity":-9223372036854775809"#),
            product(r#""quantity":"0,5""#),
            at(r#""0001-01-01T00:00:00Z""#),
            at(r#""9999-12-31T23:59:59Z""#),
            at(r#""10000-01-01T00:00:00Z""#),
            at(r#""2026-02-30T00:00:00Z""#),
            at("-62135596800000"),
            at("9223372036854775807"),
            at("1e400"),
            at("[]"),
        ]
        .into_iter()
        .map(String::into_bytes)
        .chain([
            b"{\"type\":\"page_viewed\",\"anonymous_id\":\"\xff\xfe\"}".to_vec(),
            b"{\"type\":\"page_viewed\",\"anonymous_id\":\"\xed\xa0\x80\"}".to_vec(),
            b"\0\0\0\0".to_vec(),
        ])
        .collect();
        let mut body = Vec::new();
        for item in &items {
            scene.good += 1;
            body.extend_from_slice(item);
            body.push(b'\n');
            body.extend_from_slice(
                format!(
                    "{{\"type\":\"page_viewed\",\"event_id\":\"good-{}\",\"anonymous_id\":\"v\"}}\n",
                    scene.good
                )
                .as_bytes(),
            );
        }
        let (status, text) = scene.post("application/x-ndjson", "", body).await?;
        ensure!(status == 200, "{status} {text}");
        let verdicts: serde_json::Value = serde_json::from_str(&text)?;
        let rejected = |index: u64| {
            let all = verdicts["rejected"].as_array();
            all.is_some_and(|all| all.iter().any(|r| r["index"] == index))
        };
        for (item, index) in items.iter().zip((0..).step_by(2)) {
            let head = String::from_utf8_lossy(&item[..item.len().min(120)]).into_owned();
            ensure!(rejected(index), "`{head}` was taken for an event");
            ensure!(
                !rejected(index + 1),
                "the good one after `{head}` was rejected"
            );
        }
        for rejected in verdicts["rejected"].as_array().context("a list")? {
            let index = rejected["index"].as_u64().context("an index")?;
            let message = rejected["message"].as_str().context("a message")?;
            ensure!(
                message.len() > 10 && message.len() < 400,
                "what was wrong with item {}: `{message}`",
                index / 2
            );
        }
        // As a whole: what cannot be cut into items is refused, with words.
        for (kind, body) in [
            ("application/json", "[".repeat(5_000_000)),
            ("application/json", format!("[{}", "{},".repeat(100))),
            ("application/json", "\u{0}".repeat(1_000)),
        ] {
            let (status, text) = scene.post(kind, "", body.into_bytes()).await?;
            ensure!(status == 400, "{status} {text}");
        }
        scene.serves("absurd items").await?;
        let view = client(Duration::from_secs(10))?
            .get(format!(
                "{}/v1/views/overview?window=24h",
                scene.server.url()
            ))
            .bearer_auth(&binary_read_key(&binary, &scene).await?)
            .send()
            .await?;
        ensure!(
            view.status() == 200,
            "the page's figures: {}",
            view.status()
        );
        scene.bounded("absurd items")?;
        scene.end(&binary).await
    });
}

async fn binary_read_key(binary: &Binary, scene: &Scene) -> Result<String> {
    let key = binary.create_key(&scene.data, STORE, "read").await?;
    // A server reads keys that other processes made once a second.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    Ok(key)
}

/// Clients that send a byte now and then, and ten thousand that send nothing or half a head, to a server that has places for
/// three thousand.
#[test]
fn slow_and_idle_clients_keep_nobody_out() {
    run(|binary| async move {
        let mut scene = Scene::with_handles(&binary, Some(6_000)).await?;
        let own = rlimit::increase_nofile_limit(16_000)?;
        let idle = usize::try_from(own.saturating_sub(1_000))
            .unwrap_or(0)
            .min(10_000);
        ensure!(idle > 500, "this process may only have {own} file handles");
        let head = format!(
            "POST /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/x-ndjson\r\ncontent-length: 1000000\r\n\r\n",
            scene.key
        );
        let mut slow = Vec::new();
        // More than there are places: whole heads, bodies that never come.
        let own_share = usize::try_from(own / 4).unwrap_or(0).min(4_000);
        for _ in 0..own_share {
            let mut stream = TcpStream::connect(scene.address()).await?;
            stream.write_all(head.as_bytes()).await?;
            slow.push(stream);
        }
        for _ in 0..3 {
            for stream in &mut slow {
                let _ = stream.write_all(b" ").await;
            }
            scene.serves("slow bodies").await?;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let half_a_head = [b"GET /healthz HTTP/1.1\r\nx: ".as_slice(), &[b'x'; 15_000]].concat();
        let mut connections = Vec::with_capacity(idle);
        for number in 0..idle {
            let mut stream =
                tokio::time::timeout(Duration::from_secs(20), TcpStream::connect(scene.address()))
                    .await
                    .with_context(|| format!("connection {number} was not let in"))??;
            if number % 2 == 0 {
                let _ = stream.write_all(&half_a_head).await;
            }
            connections.push(stream);
            if number % 2_000 == 1_999 {
                let waited = scene.serves("idle connections").await?;
                println!(
                    "{} idle connections: a good client waited {waited:?}",
                    number + 1
                );
            }
        }
        scene.serves("idle connections").await?;
        scene.bounded(&format!("{idle} idle connections"))?;
        drop((slow, connections));
        scene.end(&binary).await
    });
}
