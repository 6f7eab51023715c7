//! The Postgres wire with the real `psql`.

use std::process::Command;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tradewind_query::{Authenticator, Scope, serve_postgres};

use crate::shops::{Shops, harbour_scope, meadow_scope};

/// Keys of the two shops; that of the harbour can be revoked.
#[derive(Default)]
struct Keys {
    revoked: std::sync::atomic::AtomicBool,
}

impl Authenticator for Keys {
    fn authenticate(&self, _user: &str, password: &str) -> Option<Scope> {
        match password {
            "key-of-harbour" if self.revoked.load(std::sync::atomic::Ordering::SeqCst) => None,
            "key-of-harbour" => Some(harbour_scope()),
            "key-of-meadow" => Some(meadow_scope()),
            "key-of-admin" => Some(Scope::All),
            _ => None,
        }
    }
}

pub struct Server {
    shops: Shops,
    keys: Arc<Keys>,
    port: u16,
    shutdown: CancellationToken,
    task: tokio::task::JoinHandle<Result<(), tradewind_query::QueryError>>,
}

impl Server {
    pub fn start() -> Self {
        let shops = Shops::open();
        let listener = shops
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let port = listener.local_addr().unwrap().port();
        let keys = Arc::new(Keys::default());
        let shutdown = CancellationToken::new();
        let task = shops.handle().spawn(serve_postgres(
            listener,
            Arc::clone(&shops.engine),
            Arc::clone(&keys) as Arc<dyn Authenticator>,
            shutdown.clone(),
        ));
        Self {
            shops,
            keys,
            port,
            shutdown,
            task,
        }
    }

    /// psql's standard output, or its standard error when it failed.
    fn psql(&self, key: &str, arguments: &[&str]) -> Result<String, String> {
        let output = Command::new("psql")
            .args([
                "-X",
                "-h",
                "127.0.0.1",
                "-U",
                "anybody",
                "-d",
                "tradewind",
                "-p",
                &self.port.to_string(),
            ])
            .args(arguments)
            .env("PGPASSWORD", key)
            .env("PGCONNECT_TIMEOUT", "10")
            .output()
            .expect("psql is installed");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() {
            Ok(text(&output.stdout))
        } else {
            Err(text(&output.stderr))
        }
    }

    fn rows(&self, key: &str, sql: &str) -> String {
        self.psql(key, &["-v", "ON_ERROR_STOP=1", "-At", "-c", sql])
            .unwrap_or_else(|e| panic!("{sql}\n{e}"))
    }
}

#[test]
fn psql_lists_describes_and_asks() {
    let server = Server::start();
    let list = server.psql("key-of-harbour", &["-c", "\\dt *.*"]).unwrap();
    for table in ["orders", "line_items", "daily_metrics", "quarantine"] {
        assert!(list.contains(table), "\\dt *.*\n{list}");
    }
    let list = server.psql("key-of-harbour", &["-c", "\\dt"]).unwrap();
    assert!(list.contains("orders"), "\\dt\n{list}");
    for table in ["silver.orders", "gold.daily_metrics"] {
        let described = server
            .psql("key-of-harbour", &["-c", &format!("\\d {table}")])
            .unwrap();
        assert!(
            described.contains("store_id") && described.contains("net_revenue"),
            "\\d {table}\n{described}"
        );
    }
    assert_eq!(
        server.rows(
            "key-of-harbour",
            "SELECT order_id, net_revenue, date FROM silver.orders ORDER BY order_id"
        ),
        "harbour-o0|19.9900|2026-11-10\nharbour-o1|19.9900|2026-11-11"
    );
    let version = server.rows("key-of-harbour", "SELECT version()");
    assert!(!version.is_empty());
    assert_eq!(
        server.rows("key-of-harbour", "SELECT current_database()"),
        "tradewind"
    );

    // Several statements at once, a transaction, settings that drivers send.
    let script = "BEGIN; SET extra_float_digits = 3; SELECT count(*) FROM silver.events; COMMIT;";
    assert!(server.rows("key-of-harbour", script).contains('8'));
    // Described without being run, and fetched through a cursor.
    let script = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(script.path(), "SELECT order_id, net_revenue FROM silver.orders \\gdesc\n\\set FETCH_COUNT 1\nSELECT order_id FROM silver.orders ORDER BY 1;\n").unwrap();
    let output = server
        .psql(
            "key-of-harbour",
            &[
                "-At",
                "-v",
                "ON_ERROR_STOP=1",
                "-f",
                script.path().to_str().unwrap(),
            ],
        )
        .unwrap();
    assert_eq!(
        output,
        "order_id|text\nnet_revenue|numeric\nharbour-o0\nharbour-o1"
    );
    // Prepared with a parameter, as JDBC does.
    let bound = wire::ask(
        server.port,
        "key-of-harbour",
        "SELECT count(*) FROM silver.events WHERE type = $1",
        &["product_viewed"],
    );
    assert_eq!(bound, ["2"]);
    let by_date = wire::ask(
        server.port,
        "key-of-meadow",
        "SELECT order_id FROM silver.orders WHERE date = $1::date",
        &["2026-11-11"],
    );
    assert_eq!(by_date, ["meadow-o1"]);
    server.stop();
}

#[test]
fn t1_a_key_reads_its_own_store_only() {
    let server = Server::start();
    for table in [
        "bronze.events",
        "bronze.quarantine",
        "silver.events",
        "silver.line_items",
        "silver.orders",
        "silver.sessions",
        "silver.carts",
        "gold.daily_metrics",
        "gold.funnel_daily",
        "gold.product_performance",
        "gold.category_hourly",
        "gold.brand_performance",
        "gold.carts_abandoned",
        "gold.city_sales",
        "live.overview",
    ] {
        let stores = |key: &str| {
            server.rows(
                key,
                &format!("SELECT DISTINCT store_id FROM {table} ORDER BY 1"),
            )
        };
        assert_eq!(stores("key-of-harbour"), "harbour", "{table}");
        assert_eq!(stores("key-of-meadow"), "meadow", "{table}");
        assert_eq!(stores("key-of-admin"), "harbour\nmeadow", "{table}");
    }
    let refused = server.psql("wrong", &["-c", "SELECT 1"]).unwrap_err();
    assert!(
        refused.to_lowercase().contains("password")
            || refused.to_lowercase().contains("authentication"),
        "{refused}"
    );
    let hidden = server.psql(
        "key-of-harbour",
        &[
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            "SELECT * FROM system.partitions",
        ],
    );
    assert!(hidden.unwrap_err().contains("there is no table"));
    server.stop();
}

#[test]
fn psql_cannot_change_anything() {
    let server = Server::start();
    for sql in [
        "CREATE TABLE silver.mine (a INT)",
        "CREATE TABLE mine AS SELECT 1",
        "INSERT INTO silver.orders (order_id) VALUES ('x')",
        "DROP TABLE silver.orders",
        "COPY (SELECT 1) TO '/tmp/tradewind-psql.csv'",
        "SET datafusion.runtime.memory_limit = '100G'",
        "EXPLAIN ANALYZE INSERT INTO silver.orders (order_id) VALUES ('x')",
        "DECLARE c CURSOR FOR SELECT * INTO x FROM generate_series(1, 10)",
    ] {
        let error = server
            .psql("key-of-admin", &["-v", "ON_ERROR_STOP=1", "-c", sql])
            .expect_err(sql);
        assert!(
            error.contains("SQL only reads")
                || error.contains("syntax")
                || error.contains("cannot be read")
                || error.contains("unrecognized configuration parameter"),
            "{sql}\n{error}"
        );
    }
    assert!(!std::path::Path::new("/tmp/tradewind-psql.csv").exists());
    assert_eq!(
        server.rows("key-of-admin", "SELECT count(*) FROM silver.orders"),
        "5"
    );
    let error = server
        .psql(
            "key-of-harbour",
            &[
                "-v",
                "ON_ERROR_STOP=1",
                "-c",
                "SELECT vistor FROM silver.events",
            ],
        )
        .unwrap_err();
    assert!(error.contains("did you mean `visitor`"), "{error}");
    server.stop();
}

#[test]
fn t1_a_revoked_key_ends_open_connections() {
    use std::io::{BufRead as _, BufReader, Write as _};
    let server = Server::start();
    let mut psql = Command::new("psql")
        .args(["-X", "-At", "-h", "127.0.0.1", "-U", "x", "-p"])
        .args([&server.port.to_string(), "tradewind"])
        .env("PGPASSWORD", "key-of-harbour")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("psql is installed");
    let mut input = psql.stdin.take().unwrap();
    writeln!(input, "SELECT 'first';").unwrap();
    let mut answer = String::new();
    let mut output = BufReader::new(psql.stdout.take().unwrap());
    output.read_line(&mut answer).unwrap();
    assert_eq!(answer.trim(), "first");
    server
        .keys
        .revoked
        .store(true, std::sync::atomic::Ordering::SeqCst);
    writeln!(input, "SELECT count(*) FROM silver.events;").unwrap();
    drop(input);
    let mut rest = String::new();
    output.read_line(&mut rest).unwrap();
    assert_eq!(rest, "", "no row after the key was revoked");
    let left = psql.wait_with_output().unwrap();
    let error = String::from_utf8_lossy(&left.stderr).into_owned();
    assert!(error.contains("the key no longer works"), "{error}");
    server.stop();
}

/// Ctrl-C in psql ends a question that is at work.
#[test]
fn a_question_can_be_cancelled() {
    let server = Server::start();
    let psql = Command::new("psql")
        .args(["-X", "-At", "-h", "127.0.0.1", "-U", "x", "-p"])
        .args([&server.port.to_string(), "tradewind", "-c"])
        .arg("SELECT count(*) FROM generate_series(1, 10000000) a CROSS JOIN generate_series(1, 100000) b")
        .env("PGPASSWORD", "key-of-harbour")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("psql is installed");
    std::thread::sleep(std::time::Duration::from_secs(1));
    let clock = std::time::Instant::now();
    let interrupted = Command::new("kill")
        .args(["-INT", &psql.id().to_string()])
        .status();
    assert!(interrupted.unwrap().success());
    let left = psql.wait_with_output().unwrap();
    let error = String::from_utf8_lossy(&left.stderr).into_owned();
    assert!(error.to_lowercase().contains("cancel"), "{error}");
    assert!(
        clock.elapsed() < std::time::Duration::from_secs(10),
        "{:?}",
        clock.elapsed()
    );
    assert_eq!(server.rows("key-of-harbour", "SELECT 1"), "1");
    server.stop();
}

/// Clients that never show a key keep nobody out, and those that are too many are told so.
#[test]
fn silent_connections_keep_nobody_out() {
    let server = Server::start();
    let silent: Vec<std::net::TcpStream> = (0..256)
        .map(|_| std::net::TcpStream::connect(("127.0.0.1", server.port)).unwrap())
        .collect();
    std::thread::sleep(std::time::Duration::from_millis(400));
    for _ in 0..3 {
        assert_eq!(server.rows("key-of-harbour", "SELECT 1"), "1");
    }
    drop(silent);
    // Those with a key stay, and the next one is told in words.
    let open: Vec<_> = (0..256)
        .map(|_| wire::open(server.port, "key-of-harbour"))
        .collect();
    std::thread::sleep(std::time::Duration::from_millis(400));
    let told = server.psql("key-of-harbour", &["-c", "SELECT 1"]);
    let told = told.expect_err("there is no place");
    assert!(told.contains("all 256 connections are taken"), "{told}");
    drop(open);
    std::thread::sleep(std::time::Duration::from_millis(400));
    assert_eq!(server.rows("key-of-harbour", "SELECT 1"), "1");
    server.stop();
}

impl Server {
    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn stop(self) {
        self.shutdown.cancel();
        self.shops.block_on(self.task).unwrap().unwrap();
    }
}

/// The extended protocol spoken by hand: Parse, Bind, Execute, Sync, with text parameters.
mod wire {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    fn message(kind: Option<u8>, body: &[u8]) -> Vec<u8> {
        let mut out: Vec<u8> = kind.into_iter().collect();
        out.extend_from_slice(&u32::try_from(body.len() + 4).unwrap().to_be_bytes());
        out.extend_from_slice(body);
        out
    }

    fn text(value: &str) -> Vec<u8> {
        [value.as_bytes(), b"\0"].concat()
    }

    fn read(stream: &mut TcpStream) -> (u8, Vec<u8>) {
        let mut head = [0; 5];
        stream.read_exact(&mut head).unwrap();
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        let mut body = vec![0; length - 4];
        stream.read_exact(&mut body).unwrap();
        (head[0], body)
    }

    /// A connection that showed its key.
    pub fn open(port: u16, key: &str) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let startup = [
            &196_608u32.to_be_bytes()[..],
            &text("user"),
            &text("jdbc"),
            &text("database"),
            &text("tradewind"),
            b"\0",
        ]
        .concat();
        stream.write_all(&message(None, &startup)).unwrap();
        stream.write_all(&message(Some(b'p'), &text(key))).unwrap();
        while read(&mut stream).0 != b'Z' {}
        stream
    }

    /// The first column of each row.
    pub fn ask(port: u16, key: &str, sql: &str, parameters: &[&str]) -> Vec<String> {
        let mut stream = open(port, key);
        let parse = [text(""), text(sql), vec![0, 0]].concat();
        let count = u16::try_from(parameters.len()).unwrap().to_be_bytes();
        let mut bind = [text(""), text(""), vec![0, 0], count.to_vec()].concat();
        for value in parameters {
            bind.extend_from_slice(&u32::try_from(value.len()).unwrap().to_be_bytes());
            bind.extend_from_slice(value.as_bytes());
        }
        bind.extend_from_slice(&[0, 0]);
        let describe = [&b"P"[..], &text("")].concat();
        let execute = [text(""), vec![0; 4]].concat();
        for (kind, body) in [
            (b'P', &parse),
            (b'B', &bind),
            (b'D', &describe),
            (b'E', &execute),
            (b'S', &Vec::new()),
        ] {
            stream.write_all(&message(Some(kind), body)).unwrap();
        }
        let mut rows = Vec::new();
        loop {
            match read(&mut stream) {
                (b'Z', _) => return rows,
                (b'D', body) => {
                    let length = u32::from_be_bytes([body[2], body[3], body[4], body[5]]) as usize;
                    rows.push(String::from_utf8_lossy(&body[6..6 + length]).into_owned());
                }
                (b'E', body) => panic!("{}", String::from_utf8_lossy(&body)),
                _ => {}
            }
        }
    }
}
