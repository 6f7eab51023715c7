use super::*;
use crate::testing::{TRADES, TestLake, USERS, chunk, store, tap_events, view};
use tradewind_model::{Amount, Date, Micros, Quantity};
use tradewind_stream::rows::{CartRow, CartStatus, DerivedRow, DerivedTable};

fn views(range: std::ops::Range<u64>) -> Vec<String> {
    range
        .map(|i| {
            view(
                &format!("v{}", i % 3),
                "p1",
                &format!("2026-11-{:02}T12:00:00Z", 10 + i % 2),
            )
        })
        .collect()
}

fn refs(events: &[String]) -> Vec<&str> {
    events.iter().map(String::as_str).collect()
}

#[test]
fn j3_l2_every_record_is_in_bronze_and_once_further_on() {
    let test = TestLake::new();
    let view = view("v1", "p1", "2026-11-20T23:30:00Z");
    let dup = format!("dup:{view}");
    test.send(USERS, 0, &[&view, "bad:{\"x\":", &dup]);
    assert_eq!(test.count("bronze.events"), 3);
    assert_eq!(test.count("bronze.quarantine"), 1);
    assert_eq!(test.count("silver.events"), 1);
    assert_eq!(test.count("silver.line_items"), 1);
    // Days are the store's: 23:30 UTC is the next day in Berlin.
    assert_eq!(
        test.count("silver.events WHERE date = DATE '2026-11-21' AND hour = 0 AND weekday = 6"),
        1
    );
    assert_eq!(
        test.count("bronze.events WHERE date = DATE '2026-11-22' AND raw = '{\"x\":'"),
        1
    );
    assert_eq!(test.sink.covered(USERS), 3);
    assert_eq!(test.sink.covered(TRADES), 0);
}

#[test]
fn l1_what_comes_again_after_a_crash_is_dropped() {
    let test = TestLake::new();
    let events = views(0..20);
    test.send(USERS, 0, &refs(&events[..10]));
    // The checkpoint was not written: the runtime starts from 4 again and goes on to 20.
    let test = test.reopened();
    assert_eq!(test.sink.covered(USERS), 10);
    test.send(USERS, 4, &refs(&events[4..]));
    assert_eq!(test.count("bronze.events"), 20);
    assert_eq!(test.count("silver.events"), 20);
    assert_eq!(
        test.count("(SELECT DISTINCT partition, \"offset\" FROM silver.events) x"),
        20
    );
}

#[test]
fn s1_a_crash_between_the_commits_of_two_tables_neither_doubles_nor_loses() {
    for done in 0..APPEND_TABLES.len() {
        let test = TestLake::new();
        let events = views(0..6);
        test.send(USERS, 0, &refs(&events[..2]));
        let pending = {
            let mut tap = test.sink.tap(USERS);
            let chunk = chunk(&mut *tap, USERS, 2, &refs(&events[2..]));
            let rows = *chunk.rows.downcast::<Result<ChunkRows>>().unwrap();
            vec![Pending {
                partition: USERS,
                next: chunk.next,
                rows: rows.unwrap(),
            }]
        };
        // Only the first tables commit, then the process dies.
        test.runtime
            .block_on(test.sink.commit_pending(&pending, &APPEND_TABLES[..done]))
            .unwrap();
        let test = test.reopened();
        test.send(USERS, 2, &refs(&events[2..]));
        for table in ["bronze.events", "silver.events", "silver.line_items"] {
            assert_eq!(test.count(table), 6, "{done} tables had committed, {table}");
        }
        // In one process the same chunk given again is dropped as well.
        test.sink.commit(vec![]).unwrap();
        test.runtime
            .block_on(test.sink.commit_pending(&pending, &APPEND_TABLES))
            .unwrap();
        assert_eq!(test.count("silver.events"), 6);
    }
}

#[test]
fn a_chunk_of_copies_alone_still_moves_the_offset() {
    let test = TestLake::new();
    let mut tap = test.sink.tap(USERS);
    let rows = tap.take();
    test.sink
        .commit(vec![Chunk {
            partition: USERS,
            next: 7,
            rows,
        }])
        .unwrap();
    let test = test.reopened();
    assert_eq!(test.sink.covered(USERS), 7);
}

#[test]
fn transactions_lie_in_files_of_their_own() {
    let test = TestLake::new();
    let view = view("v1", "p1", "2026-11-20T12:00:00Z");
    let order = r#"{"type":"order_completed","time":"2026-11-20T12:00:00Z","order":{"order_id":"o1","total":"5"},"anonymous_id":"v1"}"#;
    let (mut a, mut b) = (test.sink.tap(USERS), test.sink.tap(TRADES));
    let chunks = vec![
        chunk(&mut *a, USERS, 0, &[&view]),
        chunk(&mut *b, TRADES, 0, &[order]),
    ];
    test.sink.commit(chunks).unwrap();
    let table = test
        .runtime
        .block_on(test.lake.table(&TableName::SilverEvents))
        .unwrap()
        .unwrap();
    assert_eq!(table.snapshot().unwrap().log_data().num_files(), 2);
    assert_eq!(
        test.count("silver.events WHERE topic = 'transactions' AND order_total = 5"),
        1
    );
}

fn cart(key: &str, date: i32, value: i64) -> DerivedChange {
    let row = CartRow {
        cart_key: key.to_owned(),
        date: Date(date),
        visitor: "v".to_owned(),
        cart_id: None,
        started_at: Micros(0),
        last_activity: Micros(0),
        items: Quantity::ONE,
        value: Amount::from_units(value).unwrap(),
        last_step: "cart".to_owned(),
        status: CartStatus::Open,
        converted_at: None,
    };
    DerivedChange {
        store: store().store_id.clone(),
        partition: USERS,
        table: DerivedTable::Carts,
        key: key.to_owned(),
        date: Date(date),
        row: Some(DerivedRow::Cart(row)),
    }
}

#[test]
fn s1_upserts_replace_by_key_and_may_be_repeated() {
    let test = TestLake::new();
    test.sink
        .upsert(&[&cart("a", 1, 5), &cart("b", 1, 6), &cart("c", 2, 7)])
        .unwrap();
    let removal = DerivedChange {
        row: None,
        ..cart("c", 2, 7)
    };
    let changes = [cart("a", 1, 9), removal, cart("c", 1, 7)];
    for _ in 0..2 {
        test.sink
            .upsert(&changes.iter().collect::<Vec<_>>())
            .unwrap();
        assert_eq!(
            test.table("SELECT cart_key, date, value FROM silver.carts ORDER BY cart_key"),
            "\
+----------+------------+--------+
| cart_key | date       | value  |
+----------+------------+--------+
| a        | 1970-01-02 | 9.0000 |
| b        | 1970-01-02 | 6.0000 |
| c        | 1970-01-02 | 7.0000 |
+----------+------------+--------+"
        );
    }
}

#[test]
fn buffered_bytes_grow_with_the_rows_and_are_given_back() {
    let test = TestLake::new();
    let mut tap = test.sink.tap(USERS);
    let events = views(0..100);
    tap_events(&mut *tap, 0, &refs(&events));
    let raw: usize = events.iter().map(String::len).sum();
    assert!(
        tap.buffered_bytes() > raw && tap.buffered_bytes() < 8 * raw,
        "{} of {raw}",
        tap.buffered_bytes()
    );
    drop(tap.take());
    assert_eq!(tap.buffered_bytes(), 0);
}
