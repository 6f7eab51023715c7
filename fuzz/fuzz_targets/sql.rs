//! SQL in the scope of one store (T1): whatever is asked, the answer is the same as in an installation that has no other store, so
//! not even a count tells of it. It comes in time, and nothing is written. A panic inside the engine must end as an answer too.
#![no_main]

#[path = "../../crates/query/tests/query/shops.rs"]
#[allow(dead_code)]
mod shops;

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use shops::Shops;
use tradewind_query::{QueryLimits, ResultFormat};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime")
}

/// A store beside another, and the same store alone. One thread each, so that a limit without an order takes the same rows.
fn worlds() -> &'static [Shops; 2] {
    static WORLDS: OnceLock<[Shops; 2]> = OnceLock::new();
    WORLDS.get_or_init(|| {
        // The fuzzer ends at any panic; the server answers those of its SQL threads with an error, and so must this.
        let ends = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if std::thread::current().name() != Some("sql") {
                ends(info);
            }
        }));
        [
            Shops::of(&[("harbour", 2), ("meadow", 3)], 1),
            Shops::of(&[("harbour", 2)], 1),
        ]
    })
}

/// Words with which two answers may differ though nothing came out: the time, chance, names of files.
const VARIES: [&str; 8] = [
    "now",
    "current",
    "today",
    "random",
    "uuid",
    "explain",
    "localtime",
    "version",
];

fn answer(shops: &Shops, sql: &str) -> String {
    let limits = QueryLimits {
        timeout: Duration::from_millis(500),
        max_rows: Some(1_000),
    };
    let files = shops.files();
    let began = Instant::now();
    let answer = shops.block_on(shops.engine.run(shops::harbour_scope(), sql, &limits));
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "no answer in time"
    );
    assert_eq!(files, shops.files(), "something was written");
    let text = match answer {
        Ok(result) => result
            .to_bytes(ResultFormat::Csv)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default(),
        Err(error) => format!("error: {error}"),
    };
    text.to_ascii_lowercase()
}

/// Lines in one order, for rows come in any; of equally near names the engine proposes any.
fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with("did you mean"))
        .collect();
    lines.sort_unstable();
    lines
}

fuzz_target!(|sql: &str| {
    let asked = sql.to_ascii_lowercase();
    if asked.contains("meadow") {
        return;
    }
    let [beside, alone] = worlds();
    let answers = [answer(beside, sql), answer(alone, sql)];
    assert!(
        !answers[0].contains("meadow"),
        "the other store came out: {}",
        answers[0]
    );
    // Names of tables come in any order, of which a limit takes some.
    let some = (asked.contains("information_schema") || asked.contains("show"))
        && (asked.contains("limit") || asked.contains("offset") || asked.contains("fetch"));
    let late = answers
        .iter()
        .any(|text| text.starts_with("error:") && text.contains("longer than"));
    if !late && !some && !VARIES.iter().any(|word| asked.contains(word)) {
        let [beside, alone] = [sorted(&answers[0]), sorted(&answers[1])];
        assert_eq!(beside, alone, "the other store changes the answer");
    }
});
