//! A real PostgreSQL 15 and Tradewind are asked the same questions over the same rows (tests/postgres/questions.sql); results
//! and types must be alike.
//!
//! The server is the machine's: `/usr/lib/postgresql/15/bin`, or the folder in `POSTGRES_BIN`. Without one the test says so and
//! asks nothing.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::pg_client::{Answer, PgClient};
use crate::postgres::Server;

/// What is to come of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Expected {
    Alike,
    Refused,
    Differs,
}

struct Question {
    line: usize,
    zone: String,
    sql: String,
    expected: Expected,
}

fn questions(text: &str) -> Vec<Question> {
    let (mut questions, mut zone) = (Vec::new(), "UTC".to_owned());
    let mut expected = Expected::Alike;
    for (line, text) in text.lines().enumerate() {
        if let Some(name) = text.strip_prefix("-- zone: ") {
            name.clone_into(&mut zone);
        } else if text.starts_with("-- refused: ") {
            expected = Expected::Refused;
        } else if text.starts_with("-- differs: ") {
            expected = Expected::Differs;
        } else if !text.starts_with("--") && !text.is_empty() {
            questions.push(Question {
                line: line + 1,
                zone: zone.clone(),
                sql: text.to_owned(),
                expected: std::mem::replace(&mut expected, Expected::Alike),
            });
        }
    }
    questions
}

/// A PostgreSQL of its own, in a temporary folder, ended when dropped.
struct Postgres {
    bin: PathBuf,
    dir: tempfile::TempDir,
    port: u16,
}

impl Postgres {
    fn start() -> Option<Self> {
        let bin = std::env::var_os("POSTGRES_BIN").map(PathBuf::from);
        let bin = bin.unwrap_or_else(|| PathBuf::from("/usr/lib/postgresql/15/bin"));
        if !bin.join("initdb").exists() {
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let server = Self { bin, dir, port };
        if is_root() {
            server.run(
                "chown",
                &["postgres", &server.dir.path().to_string_lossy()],
                false,
            );
        }
        let data = server
            .dir
            .path()
            .join("data")
            .to_string_lossy()
            .into_owned();
        let initdb = server.bin.join("initdb").to_string_lossy().into_owned();
        server.run(
            &initdb,
            &[
                "-D",
                &data,
                "-A",
                "trust",
                "-U",
                "postgres",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "-N",
            ],
            true,
        );
        server.control("start");
        Some(server)
    }

    fn control(&self, verb: &str) {
        let pg_ctl = self.bin.join("pg_ctl").to_string_lossy().into_owned();
        let (dir, data) = (
            self.dir.path().display().to_string(),
            self.dir.path().join("data"),
        );
        let log = format!("{dir}/log");
        let options = format!(
            "-p {} -k {dir} -c listen_addresses=127.0.0.1 -c timezone=UTC",
            self.port
        );
        let data = data.to_string_lossy().into_owned();
        let mut arguments = vec!["-D", &data, "-w", "-l", &log];
        if verb == "start" {
            arguments.extend(["-o", &options]);
        } else {
            arguments.extend(["-m", "immediate"]);
        }
        arguments.push(verb);
        self.run(&pg_ctl, &arguments, true);
    }

    /// Runs a program, as the user `postgres` when this is root, whom PostgreSQL refuses.
    fn run(&self, program: &str, arguments: &[&str], as_postgres: bool) {
        let mut command = if as_postgres && is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--", program]);
            command
        } else {
            Command::new(program)
        };
        let log = std::fs::File::create(self.dir.path().join("output")).unwrap();
        let status = command
            .args(arguments)
            .current_dir(self.dir.path())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .status()
            .unwrap();
        let said = std::fs::read_to_string(self.dir.path().join("output")).unwrap_or_default();
        assert!(status.success(), "{program} {arguments:?}\n{said}");
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.control("stop");
    }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0)
}

/// Copies our tables into PostgreSQL: the same columns, the same rows.
fn copy_tables(ours: &mut PgClient, theirs: &mut PgClient) {
    theirs.ask("CREATE SCHEMA silver").unwrap();
    theirs.ask("SET search_path TO silver").unwrap();
    for table in ["events", "orders", "line_items"] {
        let columns = ours
            .ask(&format!(
                "SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull \
                 FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid \
                 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                 WHERE n.nspname = 'silver' AND c.relname = '{table}' AND a.attnum > 0 ORDER BY a.attnum"
            ))
            .unwrap();
        let described: Vec<String> = columns
            .rows
            .iter()
            .map(|row| {
                let of = |at: usize| row[at].clone().unwrap();
                let not_null = if of(2) == "t" { " NOT NULL" } else { "" };
                format!("\"{}\" {}{not_null}", of(0), of(1))
            })
            .collect();
        theirs
            .ask(&format!(
                "CREATE TABLE silver.{table} ({})",
                described.join(", ")
            ))
            .unwrap();
        let rows = ours
            .ask(&format!("SELECT * FROM silver.{table}"))
            .unwrap()
            .rows;
        assert!(!rows.is_empty(), "{table} has rows");
        for row in rows {
            let values: Vec<String> = row
                .iter()
                .map(|value| match value {
                    Some(value) => format!("'{}'", value.replace('\'', "''")),
                    None => "NULL".to_owned(),
                })
                .collect();
            theirs
                .ask(&format!(
                    "INSERT INTO silver.{table} VALUES ({})",
                    values.join(", ")
                ))
                .unwrap();
        }
    }
}

const INTEGERS: [u32; 3] = [20, 21, 23];
const TEXTS: [u32; 6] = [18, 19, 25, 705, 1042, 1043];
const TEXT_LISTS: [u32; 4] = [1002, 1003, 1009, 1015];
const INTEGER_LISTS: [u32; 3] = [1005, 1007, 1016];
const FLOATS: [u32; 2] = [700, 701];

/// Whether two types are alike. An integer's width is not compared: a literal is a bigint here (docs/sql-functions.md); nor is
/// which of the types of text it is.
fn same_type(theirs: u32, ours: u32) -> bool {
    let both = |kinds: &[u32]| kinds.contains(&theirs) && kinds.contains(&ours);
    // regtype and its kind are shown as the names they stand for.
    let shown = [2205, 2206].contains(&theirs) && ours == 25;
    theirs == ours
        || both(&INTEGERS)
        || both(&TEXTS)
        || both(&TEXT_LISTS)
        || both(&INTEGER_LISTS)
        || both(&FLOATS)
        || shown
}

/// Decimal texts with the same count of places, rounded; the count of places of a quotient is documented as our own.
fn same_numeric(a: &str, b: &str) -> bool {
    let places = |text: &str| text.split_once('.').map_or(0, |(_, places)| places.len());
    let fewer = places(a).min(places(b));
    if places(a) != places(b) && fewer < 6 && !exact(a, b) {
        return false;
    }
    rounded(a, fewer) == rounded(b, fewer)
}

/// Whether they are the same number but for zeros at the end.
fn exact(a: &str, b: &str) -> bool {
    let bare = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    bare(a) == bare(b)
}

fn rounded(text: &str, places: usize) -> Option<i128> {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let kept: String = format!("{whole}{:0<places$}", &rest[..places.min(rest.len())]);
    let up = rest
        .as_bytes()
        .get(places)
        .is_some_and(|digit| *digit >= b'5');
    kept.parse::<i128>()
        .ok()
        .map(|value| sign * (value + i128::from(up)))
}

fn same_float(a: &str, b: &str) -> bool {
    match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => {
            a.to_bits() == b.to_bits()
                || a.is_nan() && b.is_nan()
                || (a - b).abs() <= 1e-12 * a.abs().max(b.abs()).max(1.0)
        }
        _ => a == b,
    }
}

fn same_value(kind: u32, theirs: Option<&String>, ours: Option<&String>) -> bool {
    match (theirs, ours) {
        (Some(theirs), Some(ours)) if theirs == ours => true,
        (Some(theirs), Some(ours)) => match kind {
            1700 => same_numeric(theirs, ours),
            700 | 701 => same_float(theirs, ours),
            _ => false,
        },
        (None, None) => true,
        _ => false,
    }
}

/// What is not alike in two answers; empty when nothing.
fn difference(sql: &str, theirs: &Answer, ours: &Answer) -> String {
    let mut told = String::new();
    if theirs.columns.len() != ours.columns.len() {
        return format!(
            "{} columns, not {}",
            ours.columns.len(),
            theirs.columns.len()
        );
    }
    for (at, (theirs, ours)) in theirs.columns.iter().zip(&ours.columns).enumerate() {
        if !same_type(theirs.1, ours.1) {
            let _ = writeln!(
                told,
                "  column {}: type {}, not {}",
                at + 1,
                ours.1,
                theirs.1
            );
        }
    }
    let (mut left, mut right) = (theirs.rows.clone(), ours.rows.clone());
    if !sql.to_uppercase().contains("ORDER BY") {
        left.sort();
        right.sort();
    }
    if left.len() != right.len() {
        let _ = writeln!(told, "  {} rows, not {}", right.len(), left.len());
    }
    for (row, (left, right)) in left.iter().zip(&right).enumerate() {
        for (at, (a, b)) in left.iter().zip(right).enumerate() {
            if !same_value(theirs.columns[at].1, a.as_ref(), b.as_ref()) {
                let _ = writeln!(
                    told,
                    "  row {}, column {}: {b:?}, not {a:?}",
                    row + 1,
                    at + 1
                );
            }
        }
        if told.len() > 1_500 {
            break;
        }
    }
    told
}

#[test]
fn postgresql_15_and_tradewind_answer_alike() {
    let Some(postgres) = Postgres::start() else {
        println!("skipped: there is no PostgreSQL 15 (set POSTGRES_BIN to its bin folder)");
        return;
    };
    let server = Server::start();
    let mut theirs = PgClient::connect(postgres.port, "postgres", "postgres", "");
    let mut ours = PgClient::connect(server.port(), "postgres", "tradewind", "key-of-admin");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/postgres/questions.sql");
    let questions = questions(&std::fs::read_to_string(&path).unwrap());
    copy_tables(&mut ours, &mut theirs);
    let (mut wrong, mut alike, mut refused, mut differing) = (Vec::new(), 0, 0, 0);
    let mut zone = String::new();
    for question in &questions {
        if question.zone != zone {
            let set = format!("SET TIME ZONE '{}'", question.zone);
            theirs.ask(&set).unwrap();
            ours.ask(&set).unwrap();
            question.zone.clone_into(&mut zone);
        }
        let place = format!("{}:{}\n{}", path.display(), question.line, question.sql);
        let (right, got) = (theirs.ask(&question.sql), ours.ask(&question.sql));
        match (&question.expected, right, got) {
            // Both refuse: the words are each one's own.
            (Expected::Alike, Err(_), Err(_)) => alike += 1,
            (Expected::Refused, Ok(_), Err(words)) => {
                assert!(!words.is_empty(), "{place}");
                refused += 1;
            }
            (Expected::Alike, Ok(right), Ok(got)) => {
                let told = difference(&question.sql, &right, &got);
                if told.is_empty() {
                    alike += 1;
                } else {
                    wrong.push(format!("{place}\n{told}"));
                }
            }
            (Expected::Differs, Ok(right), Ok(got))
                if !difference(&question.sql, &right, &got).is_empty() =>
            {
                differing += 1;
            }
            (Expected::Differs, Err(_), Ok(_)) => differing += 1,
            (expected, right, got) => {
                let shown = |answer: Result<Answer, String>| match answer {
                    Ok(answer) => format!("{:?}", answer.rows),
                    Err(words) => format!("error: {words}"),
                };
                wrong.push(format!(
                    "{place}\n  expected {expected:?}\n  PostgreSQL: {}\n  Tradewind: {}",
                    shown(right),
                    shown(got)
                ));
            }
        }
    }
    drop(ours);
    server.stop();
    println!("{alike} alike, {refused} refused, {differing} documented differences");
    assert!(
        wrong.is_empty(),
        "{} of {} questions:\n\n{}",
        wrong.len(),
        questions.len(),
        wrong.join("\n\n")
    );
}
