//! Runs `.slt` files (the sqllogictest format): `statement ok`, `statement error TEXT`, `query` with expected rows, and
//! `connection NAME` (harbour, meadow, all) before a record for the scope it runs in.
//!
//! Written here rather than taken from the `sqllogictest` crate: that one turns on features of `getrandom` and `md-5` which
//! change the build of `ring` and everything above it, so `make run` and `make test` could not share one set of dependencies.

use tradewind_query::{QueryLimits, QueryResult, ResultFormat, Scope};

use crate::shops::{Shops, harbour_scope, meadow_scope};

#[derive(Debug)]
enum Expected {
    Ok,
    Error(String),
    Rows(Vec<String>, bool),
}

struct Case {
    line: usize,
    scope: Scope,
    sql: String,
    expected: Expected,
}

fn parse(text: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut scope = Scope::All;
    let mut lines = text.lines().enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [] => {}
            [first, ..] if first.starts_with('#') => {}
            ["connection", name] => {
                scope = match *name {
                    "harbour" => harbour_scope(),
                    "meadow" => meadow_scope(),
                    "all" => Scope::All,
                    other => panic!("line {}: no connection `{other}`", number + 1),
                };
            }
            ["statement" | "query", rest @ ..] => {
                let mut sql = Vec::new();
                let mut rows = None;
                while let Some((_, line)) = lines.next_if(|(_, l)| !l.trim().is_empty()) {
                    match (&mut rows, line) {
                        (None, "----") => rows = Some(Vec::new()),
                        (None, line) => sql.push(line),
                        (Some(rows), line) => rows.push(line.to_owned()),
                    }
                }
                let expected = match rest {
                    ["ok"] => Expected::Ok,
                    ["error", ..] => Expected::Error(
                        line.split_once("error")
                            .map_or("", |(_, t)| t)
                            .trim()
                            .to_owned(),
                    ),
                    more => Expected::Rows(rows.unwrap_or_default(), more.contains(&"rowsort")),
                };
                cases.push(Case {
                    line: number + 1,
                    scope: scope.clone(),
                    sql: sql.join("\n"),
                    expected,
                });
            }
            other => panic!(
                "line {}: `{}` is not understood",
                number + 1,
                other.join(" ")
            ),
        }
    }
    cases
}

/// Cells by blanks, missing values as NULL, empty texts as (empty).
fn rows(result: &QueryResult) -> Vec<String> {
    let json: serde_json::Value =
        serde_json::from_slice(&result.to_bytes(ResultFormat::Json).unwrap()).unwrap();
    let cell = |value: &serde_json::Value| match value {
        serde_json::Value::Null => "NULL".to_owned(),
        serde_json::Value::String(text) if text.is_empty() => "(empty)".to_owned(),
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    json["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            row.as_array()
                .unwrap()
                .iter()
                .map(cell)
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect()
}

pub fn run(shops: &Shops, path: &str) {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let cases = parse(&text);
    assert!(!cases.is_empty(), "{path} holds no case");
    let mut wrong = Vec::new();
    for case in &cases {
        let got = shops.block_on(shops.engine.run(
            case.scope.clone(),
            &case.sql,
            &QueryLimits::default(),
        ));
        let place = format!("{path}:{}\n{}", case.line, case.sql);
        match (&case.expected, got) {
            (Expected::Ok, Ok(_)) => {}
            (Expected::Error(part), Err(error)) if error.to_string().contains(part) => {}
            (Expected::Rows(want, sorted), Ok(result)) => {
                let (mut want, mut got) = (want.clone(), rows(&result));
                if *sorted {
                    want.sort();
                    got.sort();
                }
                if want != got {
                    wrong.push(format!(
                        "{place}\nexpected:\n{}\ngot:\n{}",
                        want.join("\n"),
                        got.join("\n")
                    ));
                }
            }
            (expected, got) => wrong.push(format!(
                "{place}\nexpected {expected:?}\ngot {:?}",
                got.map(|r| rows(&r)).map_err(|e| e.to_string())
            )),
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} cases:\n\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n\n")
    );
}
