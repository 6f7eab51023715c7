use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::AsArray;
use tradewind_model::validate::Envelope;
use tradewind_model::{Amount, Date, Decoder, Micros};
use tradewind_stream::names::Names;
use tradewind_stream::operators::orders::{OrderFacts, Sales, settle};
use tradewind_stream::rows::{DerivedChange, DerivedRow, DerivedTable, SessionRow};
use tradewind_stream::sink::Sink as _;

use super::*;
use crate::gold_rows::dates_of;
use crate::testing::{TRADES, TestLake, USERS, store, view};

/// A small generator of numbers, the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

fn time(dice: &mut Dice) -> String {
    format!(
        "2026-11-{:02}T{:02}:{:02}:00Z",
        10 + dice.below(4),
        dice.below(24),
        dice.below(60)
    )
}

/// The events of an order: completed, perhaps changed, paid back in every way there is, cancelled; in no order.
fn history(order: u64, dice: &mut Dice) -> Vec<String> {
    let line = |dice: &mut Dice| {
        let p = dice.below(5);
        let cost = if dice.below(3) == 0 {
            String::new()
        } else {
            format!(r#","cost":"{}.3333""#, dice.below(9))
        };
        format!(
            r#"{{"product_id":"p{p}","category":"c{}","brand":"b{}","price":"{}.{:02}","quantity":{}.{:03}{cost}}}"#,
            p % 2,
            p % 3,
            1 + dice.below(90),
            dice.below(100),
            dice.below(4),
            1 + dice.below(4) * 249,
        )
    };
    let terms = |kind: &str, dice: &mut Dice| {
        let lines: Vec<String> = (0..1 + dice.below(4)).map(|_| line(dice)).collect();
        format!(
            r#"{{"type":"{kind}","time":"{}","anonymous_id":"v{}","order":{{"order_id":"o{order}","discount":"{}.{:02}","tax":"{}.{:02}","shipping":"{}"}},"products":[{}],"context":{{"city":"Ulm"}}}}"#,
            time(dice),
            order % 7,
            dice.below(9),
            dice.below(100),
            dice.below(20),
            dice.below(100),
            dice.below(6),
            lines.join(",")
        )
    };
    let mut events = vec![terms("order_completed", dice)];
    for _ in 0..dice.below(3) {
        events.push(terms("order_updated", dice));
    }
    for _ in 0..dice.below(4) {
        let at = time(dice);
        if dice.below(5) == 0 {
            events.push(format!(
                r#"{{"type":"order_cancelled","time":"{at}","order":{{"order_id":"o{order}"}}}}"#
            ));
            continue;
        }
        // Every mixture of what a refund may say of money, with products of the order, of none, or without any.
        let mut says = String::new();
        for name in ["total", "tax", "shipping", "subtotal", "revenue"] {
            let seldom = if name == "total" { 2 } else { 5 };
            if dice.below(seldom) == 0 {
                says.push_str(&format!(
                    r#","{name}":"{}.{:02}""#,
                    dice.below(60),
                    dice.below(100)
                ));
            }
        }
        let product = |dice: &mut Dice| {
            let (p, units, part) = (dice.below(7), dice.below(3), dice.below(4) * 250);
            format!(r#"{{"product_id":"p{p}","quantity":{units}.{part:03}}}"#)
        };
        let products = match dice.below(4) {
            0 => format!(r#","products":[{}]"#, product(dice)),
            1 => format!(r#","products":[{},{}]"#, product(dice), product(dice)),
            _ => String::new(),
        };
        let rest = format!(r#""order":{{"order_id":"o{order}"{says}}}{products}"#);
        events.push(format!(
            r#"{{"type":"order_refunded","time":"{at}",{rest}}}"#
        ));
    }
    // Out of order as they may arrive.
    for i in (1..events.len()).rev() {
        let j = usize::try_from(dice.below(i as u64 + 1)).unwrap();
        events.swap(i, j);
    }
    events
}

/// Settles events as the stream's operator does, and says what the lake should be told.
fn settled(events: &[(u64, String)]) -> Vec<tradewind_stream::operators::orders::Settlement> {
    let store = store();
    let mut names = Names::default();
    let mut facts: BTreeMap<String, OrderFacts> = BTreeMap::new();
    for (offset, text) in events {
        let given = format!("e{offset}");
        let envelope = Envelope {
            received_at: Micros::parse_rfc3339("2026-11-21T23:30:00Z").unwrap(),
            event_id: &given,
        };
        let event = Decoder::Json
            .decode(text.as_bytes(), &envelope, &store)
            .unwrap();
        let lines: Vec<_> = event.products.iter().map(|p| names.line(p)).collect();
        let id = event.order.order_id.as_deref().unwrap().to_owned();
        facts
            .entry(id.clone())
            .or_insert_with(|| OrderFacts::new(&id))
            .learn(&event, &lines, None);
    }
    facts.values().filter_map(|f| settle(f, &store)).collect()
}

fn upserts(settled: &[tradewind_stream::operators::orders::Settlement]) -> Vec<DerivedChange> {
    settled
        .iter()
        .map(|s| DerivedChange {
            store: store().store_id.clone(),
            partition: TRADES,
            table: DerivedTable::Orders,
            key: s.row.order_id.clone(),
            date: s.row.date,
            row: Some(DerivedRow::Order(Box::new(s.row.clone()))),
        })
        .collect()
}

fn refresh(test: &TestLake) -> GoldProgress {
    test.runtime
        .block_on(test.lake.refresh_gold(1_000))
        .unwrap()
}

fn money(batches: &[RecordBatch], column: &str) -> Vec<Amount> {
    batches
        .iter()
        .flat_map(|b| {
            let c = b.column_by_name(column).unwrap();
            c.as_primitive::<arrow::datatypes::Decimal128Type>()
                .iter()
                .flatten()
                .map(|v| Amount::from_raw(v as i64))
                .collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn s2_m2_daily_sales_equal_what_the_orders_operator_booked() {
    let test = TestLake::new();
    let zone = store().zone;
    let mut dice = Dice(7);
    let mut sent: Vec<(u64, String)> = Vec::new();
    for order in 0..60 {
        for event in history(order, &mut dice) {
            sent.push((sent.len() as u64, event));
        }
    }
    // In three instalments with a refresh after each: later events change earlier days.
    let cuts = [sent.len() / 3, sent.len() * 2 / 3, sent.len()];
    let mut from = 0;
    for cut in cuts {
        let texts: Vec<&str> = sent[from..cut].iter().map(|(_, t)| t.as_str()).collect();
        test.send(TRADES, from as u64, &texts);
        from = cut;
        let orders = settled(&sent[..cut]);
        let rows = upserts(&orders);
        test.sink.upsert(&rows.iter().collect::<Vec<_>>()).unwrap();
        refresh(&test);

        let mut expected: BTreeMap<Date, Sales> = BTreeMap::new();
        for (at, sales) in orders.iter().flat_map(|o| &o.bookings) {
            expected.entry(zone.date(*at)).or_default().add(sales, 1);
        }
        let rows = test.sql(
            "SELECT date, orders, units, gross, discounts, refunds, net_revenue, cost, profit FROM gold.daily_metrics ORDER BY date",
        );
        let dates: Vec<Date> = rows
            .iter()
            .flat_map(|b| dates_of(b).unwrap().values().to_vec())
            .map(Date)
            .collect();
        let gold: Vec<_> = (0..dates.len())
            .map(|i| {
                [
                    "gross",
                    "discounts",
                    "refunds",
                    "net_revenue",
                    "cost",
                    "profit",
                ]
                .map(|c| money(&rows, c)[i])
            })
            .collect();
        let want: Vec<_> = dates
            .iter()
            .map(|d| {
                let s = expected.get(d).copied().unwrap_or_default();
                [
                    s.gross,
                    s.discounts,
                    s.refunds,
                    s.net_revenue(),
                    s.cost,
                    s.profit(),
                ]
            })
            .collect();
        assert_eq!(gold, want, "after {cut} events, dates {dates:?}");
        let units: Vec<i128> = rows
            .iter()
            .flat_map(|b| {
                let units = b.column_by_name("units").unwrap();
                let units = units.as_primitive::<arrow::datatypes::Decimal128Type>();
                units.values().to_vec()
            })
            .collect();
        let sold = dates
            .iter()
            .map(|d| expected.get(d).map_or(0, |s| s.units.raw()));
        assert_eq!(units, sold.map(i128::from).collect::<Vec<_>>());
        assert!(expected.keys().all(|d| dates.contains(d)));

        let revenue: Amount = money(
            &test.sql("SELECT revenue FROM gold.product_performance"),
            "revenue",
        )
        .into_iter()
        .sum();
        let lines: Amount = orders
            .iter()
            .flat_map(|o| &o.lines)
            .map(tradewind_stream::operators::orders::Line::net)
            .sum();
        assert_eq!(
            revenue, lines,
            "product revenue adds up to the lines of all orders"
        );
        let cost: Amount = money(&test.sql("SELECT cost FROM gold.brand_performance"), "cost")
            .into_iter()
            .sum();
        assert_eq!(
            cost,
            orders.iter().flat_map(|o| &o.lines).map(|l| l.cost).sum()
        );
    }
    assert_eq!(
        refresh(&test),
        GoldProgress::default(),
        "nothing is left to do"
    );
}

#[test]
fn funnel_and_traffic_count_distinct_visitors_by_the_stores_days() {
    let test = TestLake::new();
    // 23:30 UTC is the next day in Berlin.
    let events = [
        view("a", "p1", "2026-11-10T12:00:00Z"),
        view("a", "p2", "2026-11-10T13:00:00Z"),
        view("b", "p1", "2026-11-10T23:30:00Z"),
        r#"{"type":"product_added","anonymous_id":"a","time":"2026-11-10T14:00:00Z","product":{"product_id":"p1"}}"#.to_owned(),
        r#"{"type":"page_viewed","anonymous_id":"c","time":"2026-11-10T14:00:00Z"}"#.to_owned(),
    ];
    test.send(
        USERS,
        0,
        &events.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    let date = Date::parse("2026-11-10").unwrap();
    let session = SessionRow {
        session_key: "k".to_owned(),
        date,
        visitor: "a".to_owned(),
        session_id: None,
        started_at: Micros(0),
        ended_at: Micros(0),
        events: 3,
        views: 2,
        viewed: true,
        carted: true,
        checked_out: false,
        purchased: false,
    };
    test.sink
        .upsert(&[&DerivedChange {
            store: store().store_id.clone(),
            partition: USERS,
            table: DerivedTable::Sessions,
            key: "k".to_owned(),
            date,
            row: Some(DerivedRow::Session(session)),
        }])
        .unwrap();
    refresh(&test);
    assert_eq!(
        test.table("SELECT date, step, sessions, visitors, events FROM gold.funnel_daily WHERE events > 0 ORDER BY date, step_number"),
        "\
+------------+------+----------+----------+--------+
| date       | step | sessions | visitors | events |
+------------+------+----------+----------+--------+
| 2026-11-10 | view | 1        | 1        | 2      |
| 2026-11-10 | cart | 1        | 1        | 1      |
| 2026-11-11 | view | 0        | 1        | 1      |
+------------+------+----------+----------+--------+"
    );
    assert_eq!(
        test.table(
            "SELECT date, events, views, visitors, sessions FROM gold.daily_metrics ORDER BY date"
        ),
        "\
+------------+--------+-------+----------+----------+
| date       | events | views | visitors | sessions |
+------------+--------+-------+----------+----------+
| 2026-11-10 | 4      | 3     | 2        | 1        |
| 2026-11-11 | 1      | 1     | 1        | 0        |
+------------+--------+-------+----------+----------+"
    );
    assert_eq!(
        test.table(
            "SELECT hour, weekday, category, views FROM gold.category_hourly ORDER BY date, hour"
        ),
        "\
+------+---------+----------+-------+
| hour | weekday | category | views |
+------+---------+----------+-------+
| 13   | 2       | a.b      | 1     |
| 14   | 2       | a.b      | 1     |
| 0    | 3       | a.b      | 1     |
+------+---------+----------+-------+"
    );
}

#[test]
fn s1_a_refresh_that_stopped_half_way_goes_on_after_a_restart() {
    let test = TestLake::new();
    let events: Vec<String> = (10..20)
        .map(|d| view("a", "p1", &format!("2026-11-{d}T12:00:00Z")))
        .collect();
    test.send(
        USERS,
        0,
        &events.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    let progress = test.runtime.block_on(test.lake.refresh_gold(4)).unwrap();
    assert_eq!(progress.materialised, 4);
    assert!(progress.remaining > 0);
    let test = test.reopened();
    assert!(refresh(&test).remaining == 0);
    assert_eq!(test.count("gold.daily_metrics"), 10);
    assert_eq!(test.count("gold.product_performance"), 10);
    // Compaction of silver makes nothing dirty.
    let policy = crate::MaintenancePolicy {
        join_at: 2,
        ..crate::MaintenancePolicy::default()
    };
    test.send(USERS, 10, &[&view("b", "p1", "2026-11-10T12:00:00Z")]);
    refresh(&test);
    test.runtime
        .block_on(test.lake.maintain(&policy, Micros(i64::MAX / 2)))
        .unwrap();
    assert_eq!(refresh(&test), GoldProgress::default());
    assert_eq!(test.count("gold.daily_metrics"), 10);
    let _ = Arc::strong_count(&test.lake);
}
