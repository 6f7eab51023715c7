//! SQL in the scope of one store: whatever is asked, no text of the other store comes out (T1), and the answer comes in time. A panic inside the engine must end as an answer too.
#![no_main]

#[path = "../../crates/query/tests/query/shops.rs"]
#[allow(dead_code)]
mod shops;

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use tradewind_query::{QueryLimits, ResultFormat};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime")
}

fn shops() -> &'static shops::Shops {
    static SHOPS: OnceLock<shops::Shops> = OnceLock::new();
    SHOPS.get_or_init(|| {
        // The fuzzer ends at any panic; the server answers those of its SQL threads with an error, and so must this.
        let ends = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if std::thread::current().name() != Some("sql") {
                ends(info);
            }
        }));
        shops::Shops::open()
    })
}

fuzz_target!(|sql: &str| {
    if sql.to_ascii_lowercase().contains("meadow") {
        return;
    }
    let shops = shops();
    let limits = QueryLimits {
        timeout: Duration::from_millis(500),
        max_rows: Some(1_000),
    };
    let began = Instant::now();
    let answer = shops.block_on(shops.engine.run(shops::harbour_scope(), sql, &limits));
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "no answer in time"
    );
    let text = match answer {
        Ok(result) => result
            .to_bytes(ResultFormat::Csv)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default(),
        Err(error) => error.to_string(),
    };
    let text = text.to_ascii_lowercase();
    assert!(!text.contains("meadow"), "the other store came out: {text}");
});
