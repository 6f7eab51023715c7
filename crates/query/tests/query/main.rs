//! SQL and the Postgres wire over a small lake of two shops: behaviour from `.slt` files, scopes (T1), limits, psql.
//!
//! One test binary for the crate: linking a query engine takes longer than these tests.

mod beside_postgres;
mod pg_client;
mod postgres;
mod random;
mod shops;
mod slt;

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use shops::Shops;
use tradewind_query::{
    QueryEngine, QueryErrorKind, QueryLimits, QueryOptions, ResultFormat, Scope,
};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

#[test]
fn sql_behaves_as_the_files_say() {
    let shops = Shops::open();
    for file in ["catalog", "queries", "scope", "readonly"] {
        slt::run(&shops, &format!("tests/slt/{file}.slt"));
    }
}

#[test]
fn t1_no_query_of_one_store_touches_a_row_of_another() {
    let shops = Shops::open();
    let run = |scope: Scope, sql: &str| {
        shops
            .block_on(shops.engine.run(scope, sql, &QueryLimits::default()))
            .unwrap()
    };
    let tables = run(
        Scope::All,
        "SELECT table_schema || '.' || table_name FROM information_schema.tables WHERE table_schema NOT IN ('information_schema', 'pg_catalog')",
    );
    let names: Vec<String> = shops::texts(&tables);
    assert!(names.len() >= 15, "{names:?}");
    for name in names {
        let all = run(Scope::All, &format!("SELECT * FROM {name}"));
        if all.schema.index_of("store_id").is_err() {
            let hidden = shops.block_on(shops.engine.run(
                shops::harbour_scope(),
                &format!("SELECT * FROM {name}"),
                &QueryLimits::default(),
            ));
            assert_eq!(
                hidden.unwrap_err().kind(),
                QueryErrorKind::Invalid,
                "{name} has no store and is for administrators"
            );
            continue;
        }
        let total = |scope: Scope, filter: &str| {
            run(scope, &format!("SELECT 1 FROM {name} {filter}")).rows()
        };
        let (harbour, meadow) = (
            total(shops::harbour_scope(), ""),
            total(shops::meadow_scope(), ""),
        );
        assert!(harbour > 0 && meadow > 0, "{name} has rows of both shops");
        assert_eq!(harbour + meadow, total(Scope::All, ""), "{name}");
        // Whatever is written around it, and when the column is not read at all.
        assert_eq!(
            total(shops::harbour_scope(), "WHERE store_id = 'meadow'"),
            0,
            "{name}"
        );
        assert_eq!(
            total(shops::harbour_scope(), "WHERE store_id = 'harbour' OR true"),
            harbour,
            "{name}"
        );
        assert_eq!(
            run(
                shops::harbour_scope(),
                &format!("SELECT count(*) FROM {name} LIMIT 1")
            )
            .rows(),
            1
        );
        assert_eq!(total(Scope::Stores(vec![]), ""), 0, "{name}");
        let both = Scope::Stores(vec![shops::store_id("harbour"), shops::store_id("meadow")]);
        assert_eq!(total(both, ""), harbour + meadow, "{name}");
    }
}

#[test]
fn t1_another_store_changes_no_answer_and_no_question_writes() {
    let beside = Shops::of(&[("harbour", 2), ("meadow", 3)], 1);
    let alone = Shops::of(&[("harbour", 2)], 1);
    let answer = |shops: &Shops, sql: &str| {
        let files = shops.files();
        let limits = QueryLimits::default();
        let answer = shops.block_on(shops.engine.run(shops::harbour_scope(), sql, &limits));
        assert_eq!(files, shops.files(), "{sql}");
        match answer {
            // Rows come in any order.
            Ok(rows) => {
                let text = String::from_utf8(rows.to_bytes(ResultFormat::Csv).unwrap()).unwrap();
                let mut lines: Vec<&str> = text.lines().collect();
                lines.sort_unstable();
                lines.join("\n")
            }
            Err(error) => error.to_string(),
        }
    };
    let mut questions: Vec<String> = Vec::new();
    let seeds = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds/sql");
    for seed in std::fs::read_dir(seeds).unwrap() {
        let sql = std::fs::read_to_string(seed.unwrap().path()).unwrap();
        // Paths of files and times differ.
        if !sql.contains("EXPLAIN") {
            questions.push(sql);
        }
    }
    assert!(questions.len() > 10);
    let scope = shops::harbour_scope();
    let names = "SELECT table_schema || '.' || table_name FROM information_schema.tables WHERE table_schema NOT IN ('information_schema', 'pg_catalog')";
    let names = beside.block_on(beside.engine.run(scope, names, &QueryLimits::default()));
    for name in shops::texts(&names.unwrap()) {
        questions.push(format!("SELECT * FROM {name}"));
        questions.push(format!(
            "SELECT count(*), min(store_id), max(store_id) FROM {name}"
        ));
        questions.push(format!(
            "SELECT * FROM {name} a FULL JOIN {name} b ON a.store_id <> b.store_id"
        ));
    }
    for sql in questions {
        assert_eq!(answer(&beside, &sql), answer(&alone, &sql), "{sql}");
    }
}

#[test]
fn limits_end_a_query_with_words() {
    let shops = Shops::open();
    let heavy =
        "SELECT count(*) FROM generate_series(1, 20000000) a CROSS JOIN generate_series(1, 1000) b";
    let limits = QueryLimits {
        timeout: Duration::from_millis(300),
        max_rows: None,
    };
    let clock = std::time::Instant::now();
    let error = shops
        .block_on(shops.engine.run(Scope::All, heavy, &limits))
        .unwrap_err();
    assert_eq!(error.kind(), QueryErrorKind::Timeout, "{error}");
    assert!(
        clock.elapsed() < Duration::from_secs(5),
        "{:?}",
        clock.elapsed()
    );

    let limits = QueryLimits {
        timeout: Duration::from_secs(60),
        max_rows: Some(3),
    };
    let result = shops
        .block_on(
            shops
                .engine
                .run(Scope::All, "SELECT * FROM generate_series(1, 10)", &limits),
        )
        .unwrap();
    assert_eq!((result.rows(), result.truncated), (3, true));
    let result = shops
        .block_on(
            shops
                .engine
                .run(Scope::All, "SELECT * FROM generate_series(1, 3)", &limits),
        )
        .unwrap();
    assert_eq!((result.rows(), result.truncated), (3, false));

    // Whatever the kind of text: views too hold on to every byte.
    for kind in ["Utf8", "Utf8View"] {
        let large = format!(
            "SELECT arrow_cast(repeat('x', 1000000), '{kind}') || CAST(value AS VARCHAR) FROM generate_series(1, 400) AS v(value)"
        );
        let error = shops
            .block_on(
                shops
                    .engine
                    .run(Scope::All, &large, &QueryLimits::default()),
            )
            .unwrap_err();
        assert_eq!(error.kind(), QueryErrorKind::Limit, "{error}");
    }

    let options = QueryOptions {
        memory: 1 << 20,
        threads: 1,
        ..QueryOptions::default()
    };
    let small = QueryEngine::new(
        Arc::clone(&shops.lake),
        Arc::new(shops::Views(vec!["harbour", "meadow"])),
        options,
    )
    .unwrap();
    let hungry = "SELECT array_agg(value) FROM generate_series(1, 5000000) AS v(value)";
    let error = shops
        .block_on(small.run(Scope::All, hungry, &QueryLimits::default()))
        .unwrap_err();
    assert_eq!(error.kind(), QueryErrorKind::Limit, "{error}");
    // A join that does not fit says so: run a second time, what it gathers from gives nothing, and the answer was 0.
    let joins = "SELECT count(*) FROM (SELECT a AS v FROM generate_series(1, 2000) a, generate_series(1, 2000) b WHERE a < b) x,
                 generate_series(1, 3) c WHERE c + x.v > 1";
    let error = shops
        .block_on(small.run(Scope::All, joins, &QueryLimits::default()))
        .unwrap_err();
    assert_eq!(error.kind(), QueryErrorKind::Limit, "{error}");
    let whole = shops
        .block_on(shops.engine.run(Scope::All, joins, &QueryLimits::default()))
        .unwrap();
    let answer = String::from_utf8(whole.to_bytes(ResultFormat::Csv).unwrap()).unwrap();
    assert_eq!(answer.lines().last(), Some("5997000"), "{answer}");
}

#[test]
fn a_dropped_stream_stops_the_work() {
    let shops = Shops::open();
    shops.block_on(async {
        let session = shops.engine.session(Scope::All).await.unwrap();
        let sql =
            "SELECT a FROM generate_series(1, 100000) a CROSS JOIN generate_series(1, 100000) b";
        let mut stream = session
            .query(
                sql,
                &QueryLimits {
                    timeout: Duration::from_secs(60),
                    max_rows: None,
                },
            )
            .await
            .unwrap();
        assert!(stream.next().await.unwrap().is_ok());
        drop(stream);
        // The runtime ends at once: no task of the query goes on.
    });
    let clock = std::time::Instant::now();
    drop(shops);
    assert!(clock.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_session_sees_rows_that_come_after_it_began() {
    let shops = Shops::open();
    let session = shops
        .block_on(shops.engine.session(shops::harbour_scope()))
        .unwrap();
    let count = || {
        let rows = shops.block_on(async {
            session
                .query(
                    "SELECT event_id FROM silver.events",
                    &QueryLimits::default(),
                )
                .await
                .unwrap()
                .collect()
                .await
                .unwrap()
        });
        rows.rows()
    };
    let before = count();
    shops.add_view("harbour", "late-comer");
    assert_eq!(count(), before + 1);
}
