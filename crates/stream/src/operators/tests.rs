//! The operators against brute-force definitions, on arbitrary histories, orders of arrival, duplicates and restarts.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use tradewind_journal::{Record, RecordKind};
use tradewind_model::{
    Amount, Event, EventType, FormatHash, Micros, Product, Quantity, Store, StoreId, StoreZone,
    Topic, TopicPartition,
};

use crate::live::Snapshot;
use crate::merge;
use crate::names::Dimension;
use crate::rows::{DerivedChange, DerivedRow, DerivedTable, OrderStatus};
use crate::state::split_key;
use crate::store_partition::{OperatorConfig, StorePartition};

const START: i64 = 1_800_000_000_000_000;
const USERS: TopicPartition = TopicPartition::new(Topic::UserEvents, 0);
const ORDERS: TopicPartition = TopicPartition::new(Topic::Transactions, 0);

fn store() -> Arc<Store> {
    let mut store = Store::new(StoreId::new("s").unwrap());
    store.zone = StoreZone::new("Asia/Kolkata").unwrap();
    Arc::new(store)
}

fn record(kind: RecordKind<'static>, store: &'static StoreId) -> Record<'static> {
    Record {
        offset: 0,
        kind,
        store,
        source: "test",
        position: 0,
        format: FormatHash(0),
        received_at: Micros(i64::MAX),
        event_id: "",
        raw: b"",
    }
}

fn store_id() -> &'static StoreId {
    static ID: std::sync::OnceLock<StoreId> = std::sync::OnceLock::new();
    ID.get_or_init(|| StoreId::new("s").unwrap())
}

/// A small event of the tests' own making.
#[derive(Debug, Clone, PartialEq)]
struct Small {
    id: u32,
    minutes: i64,
    visitor: u8,
    session: Option<u8>,
    kind: EventType,
    product: u8,
}

fn event(small: &Small) -> Event<'static> {
    let mut event = Event::new(small.kind);
    event.event_id = Cow::Owned(format!("e{}", small.id));
    event.time = Micros(START + small.minutes * Micros::MINUTE);
    event.anonymous_id = Some(Cow::Owned(format!("v{}", small.visitor)));
    event.session_id = small.session.map(|s| Cow::Owned(format!("s{s}")));
    let mut product = Product {
        product_id: Cow::Owned(format!("p{}", small.product)),
        ..Product::default()
    };
    product.category = Some(Cow::Borrowed("c"));
    product.price = Some(Amount::from_raw(i64::from(small.product) * 10_000));
    if small.kind == EventType::ProductAdded {
        product.quantity = Some(Quantity::from_raw(added(small)));
    }
    event.products.push(product);
    if small.kind == EventType::OrderCompleted {
        event.order.order_id = Some(Cow::Owned(format!("o{}", small.id)));
    }
    event
}

/// How many thousandths of a unit an addition puts into the cart; nothing, now and then.
fn added(small: &Small) -> i64 {
    i64::from((small.id + 1) % 3) * 750
}

fn apply(state: &mut StorePartition, small: &Small) {
    let kind = if small.kind == EventType::OrderCompleted {
        RecordKind::Copy
    } else {
        RecordKind::Original
    };
    state.apply(&record(kind, store_id()), &event(small));
}

fn small() -> impl Strategy<Value = Small> {
    let kinds = vec![
        EventType::PageViewed,
        EventType::ProductViewed,
        EventType::ProductAdded,
        EventType::ProductRemoved,
        EventType::CheckoutStarted,
        EventType::OrderCompleted,
    ];
    (
        0i64..600,
        0u8..4,
        proptest::option::of(0u8..3),
        prop::sample::select(kinds),
        1u8..4,
    )
        .prop_map(|(minutes, visitor, session, kind, product)| Small {
            id: 0,
            minutes,
            visitor,
            session,
            kind,
            product,
        })
}

fn histories() -> impl Strategy<Value = Vec<Small>> {
    proptest::collection::vec(small(), 1..80).prop_map(|mut events| {
        for (i, event) in events.iter_mut().enumerate() {
            event.id = u32::try_from(i).unwrap();
        }
        events
    })
}

fn all_late_allowed() -> OperatorConfig {
    OperatorConfig {
        lateness: 30 * Micros::DAY,
        ..OperatorConfig::default()
    }
}

fn run(events: &[Small], config: OperatorConfig) -> (StorePartition, Vec<DerivedChange>) {
    let mut state = StorePartition::new(store(), USERS, config);
    let mut changes = Vec::new();
    for (i, event) in events.iter().enumerate() {
        apply(&mut state, event);
        if i % 7 == 0 {
            state.cut_all(&mut changes);
        }
    }
    state.cut_all(&mut changes);
    (state, changes)
}

fn everything() -> merge::Range {
    (Micros(0), Micros(START + 10 * Micros::DAY))
}

/// The upserted table as the lake would have it.
fn table(changes: &[DerivedChange], table: DerivedTable) -> BTreeMap<String, DerivedRow> {
    let mut rows = BTreeMap::new();
    for change in changes.iter().filter(|c| c.table == table) {
        match &change.row {
            Some(row) => rows.insert((change.date, change.key.clone()), row.clone()),
            None => rows.remove(&(change.date, change.key.clone())),
        };
    }
    let count = rows.len();
    let by_key: BTreeMap<String, DerivedRow> =
        rows.into_iter().map(|((_, key), row)| (key, row)).collect();
    assert_eq!(by_key.len(), count, "a key is in one date only");
    by_key
}

/// Sessions by their definition: sort, then cut at pauses.
fn sessions_by_definition(events: &[Small]) -> BTreeSet<(u8, Option<u8>, i64, i64, usize)> {
    let mut groups: BTreeMap<(u8, Option<u8>), Vec<i64>> = BTreeMap::new();
    for e in events {
        groups
            .entry((e.visitor, e.session))
            .or_default()
            .push(e.minutes);
    }
    let mut out = BTreeSet::new();
    for ((visitor, session), mut times) in groups {
        times.sort_unstable();
        let gap = if session.is_some() { 24 * 60 } else { 30 };
        let mut current: Option<(i64, i64, usize)> = None;
        for t in times {
            current = match current {
                Some((start, end, n)) if t - end < gap => Some((start, t, n + 1)),
                other => {
                    if let Some((start, end, n)) = other {
                        out.insert((visitor, session, start, end, n));
                    }
                    Some((t, t, 1))
                }
            };
        }
        if let Some((start, end, n)) = current {
            out.insert((visitor, session, start, end, n));
        }
    }
    out
}

fn check_views(snapshot: Snapshot, events: &[Small]) {
    check_views_of(&[Arc::new(snapshot)], events);
}

fn check_views_of(parts: &[Arc<Snapshot>], events: &[Small]) {
    let traffic = merge::traffic(parts, everything());
    let originals = events
        .iter()
        .filter(|e| e.kind != EventType::OrderCompleted)
        .count();
    assert_eq!(traffic.events, originals as u64);
    let visitors: BTreeSet<u8> = events.iter().map(|e| e.visitor).collect();
    assert_eq!(traffic.visitors, visitors.len() as u64);
    let reached = [
        EventType::ProductViewed,
        EventType::ProductAdded,
        EventType::CheckoutStarted,
        EventType::OrderCompleted,
    ]
    .map(|kind| {
        let of_kind = events.iter().filter(|e| e.kind == kind);
        of_kind.map(|e| e.visitor).collect::<BTreeSet<u8>>()
    });
    check_funnel(parts, &reached);
    let expected = sessions_by_definition(events);
    let sessions = merge::sessions(parts, everything());
    assert_eq!(sessions.sessions, expected.len() as i64);
    assert_eq!(sessions.events, events.len() as i64);
    let duration: i64 = expected.iter().map(|s| (s.3 - s.2) * Micros::MINUTE).sum();
    assert_eq!(sessions.duration, duration);
    let views: i64 = merge::ranking(parts, everything(), Dimension::Product)
        .iter()
        .map(|r| r.figures.views)
        .sum();
    assert_eq!(
        views,
        events
            .iter()
            .filter(|e| e.kind == EventType::ProductViewed)
            .count() as i64
    );
    let mut by_product: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for e in events {
        let (views, carts) = match e.kind {
            EventType::ProductViewed => (1, 0),
            EventType::ProductAdded => (0, 1),
            _ => continue,
        };
        let figures = by_product.entry(format!("p{}", e.product)).or_default();
        *figures = (figures.0 + views, figures.1 + carts);
    }
    let ranked: BTreeMap<String, (i64, i64)> =
        merge::ranking(parts, everything(), Dimension::Product)
            .into_iter()
            .map(|r| (r.name.key, (r.figures.views, r.figures.carts)))
            .filter(|(_, figures)| *figures != (0, 0))
            .collect();
    assert_eq!(ranked, by_product);
}

/// The funnel by its definition: of a step nobody sent, nothing; of the others who reached it and every earlier one that was sent.
fn check_funnel(parts: &[Arc<Snapshot>], reached: &[BTreeSet<u8>; 4]) {
    let orders = merge::sales(parts, everything()).orders;
    let mut so_far: Option<BTreeSet<u8>> = None;
    for (i, totals) in merge::funnel(parts, everything()).iter().enumerate() {
        let is_kept = if i == 3 {
            assert_eq!(totals.events, u64::try_from(orders).unwrap());
            orders > 0
        } else {
            !reached[i].is_empty()
        };
        assert_eq!(totals.is_kept(), is_kept, "{:?}", totals.step);
        if !is_kept {
            assert_eq!(totals.visitors, 0, "{:?}", totals.step);
            continue;
        }
        let both: BTreeSet<u8> = match &so_far {
            Some(earlier) => earlier & &reached[i],
            None => reached[i].clone(),
        };
        assert_eq!(totals.visitors, both.len() as u64, "{:?}", totals.step);
        so_far = Some(both);
    }
    let buyers = merge::buyers(parts, everything());
    assert_eq!(buyers, reached[3].len() as u64);
    assert!(buyers <= merge::traffic(parts, everything()).visitors);
}

/// Takes a checkpoint into what was saved before.
fn save(
    state: &mut StorePartition,
    saved: &mut BTreeMap<Vec<u8>, Vec<u8>>,
    rows: &mut Vec<DerivedChange>,
) {
    for (key, value) in state.cut_all(rows).entries {
        match value {
            Some(value) => saved.insert(key, value),
            None => saved.remove(&key),
        };
    }
}

/// A partition as a restart finds it.
fn restored(
    saved: &BTreeMap<Vec<u8>, Vec<u8>>,
    partition: TopicPartition,
    config: OperatorConfig,
) -> StorePartition {
    let mut state = StorePartition::new(store(), partition, config);
    for (key, value) in saved {
        let (_, _, table, key) = split_key(key).expect("a state key");
        state.restore(table, key, value).expect("restored");
    }
    state.restored();
    state
}

fn held(state: &StorePartition, what: &str) -> usize {
    let snapshot = state.snapshot();
    let found = snapshot.state.iter().find(|(name, _)| *name == what);
    found.expect("a kind of state").1
}

proptest! {

    /// S2: views equal their definitions, in whatever order the events came, duplicates and all.
    #[test]
    fn s2_views_equal_their_definitions(mut events in histories(), seed in any::<u64>(), doubled in 0usize..10) {
        let expected = events.clone();
        let n = events.len();
        // A cheap deterministic shuffle.
        let mut x = seed | 1;
        for i in (1..n).rev() {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            events.swap(i, (x >> 33) as usize % (i + 1));
        }
        events.extend(expected.iter().take(doubled).cloned());
        let (state, changes) = run(&events, all_late_allowed());
        check_views(state.snapshot(), &expected);
        let rows = table(&changes, DerivedTable::Sessions);
        let got: BTreeSet<(String, i64, i64, usize)> = rows.values().map(|row| {
            let DerivedRow::Session(s) = row else { panic!("wrong table") };
            (s.visitor.clone(), (s.started_at.0 - START) / Micros::MINUTE, (s.ended_at.0 - START) / Micros::MINUTE, s.events as usize)
        }).collect();
        let want: BTreeSet<(String, i64, i64, usize)> = sessions_by_definition(&expected)
            .into_iter().map(|(v, _, start, end, n)| (format!("v{v}"), start, end, n)).collect();
        prop_assert_eq!(got, want);
    }

    /// Readers merge partitions: however many there are and in whatever order they come, views equal their definitions.
    #[test]
    fn s2_the_merge_of_partitions_is_order_free(events in histories(), count in 1usize..5, turn in 0usize..5, backwards in any::<bool>()) {
        let mut parts: Vec<Arc<Snapshot>> = (0..count).map(|partition| {
            let own: Vec<Small> = events.iter().filter(|e| usize::from(e.visitor) % count == partition).cloned().collect();
            Arc::new(run(&own, all_late_allowed()).0.snapshot())
        }).collect();
        parts.rotate_left(turn % count);
        if backwards {
            parts.reverse();
        }
        check_views_of(&parts, &events);
    }

    /// Rows that are handed out a few at a time are the rows handed out at once.
    #[test]
    fn rows_handed_out_bit_by_bit_are_the_same(events in histories(), some in 1usize..4) {
        let (_, at_once) = run(&events, OperatorConfig::default());
        let mut state = StorePartition::new(store(), USERS, OperatorConfig::default());
        let mut bit_by_bit = Vec::new();
        for event in &events {
            apply(&mut state, event);
            state.cut(&mut bit_by_bit, &mut some.clone());
        }
        for _ in 0..=events.len() {
            state.cut(&mut bit_by_bit, &mut some.clone());
        }
        prop_assert_eq!(state.owed(), 0);
        for kind in [DerivedTable::Sessions, DerivedTable::Carts] {
            prop_assert_eq!(table(&bit_by_bit, kind), table(&at_once, kind));
        }
    }

    /// S1: a restart from any checkpoint changes nothing: neither views nor rows, nor what is kept for later.
    #[test]
    fn s1_restoring_a_checkpoint_changes_nothing(events in histories(), cut in any::<prop::sample::Index>(), in_order in any::<bool>()) {
        let mut events = events;
        if in_order {
            events.sort_by_key(|e| e.minutes);
        }
        let cut = cut.index(events.len());
        let config = OperatorConfig::default();
        let (mut whole, whole_rows) = run(&events, config);
        let mut state = StorePartition::new(store(), USERS, config);
        let mut saved: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        let mut rows = Vec::new();
        for (i, event) in events.iter().enumerate() {
            if i % 5 == 0 || i == cut {
                save(&mut state, &mut saved, &mut rows);
            }
            if i == cut {
                state = restored(&saved, USERS, config);
            }
            apply(&mut state, event);
        }
        state.cut_all(&mut rows);
        for kind in [DerivedTable::Sessions, DerivedTable::Carts] {
            prop_assert_eq!(table(&rows, kind), table(&whole_rows, kind));
        }
        let figures = |s: &StorePartition| {
            let parts = [Arc::new(s.snapshot())];
            let as_of = s.progress.watermark.unwrap();
            (
                merge::traffic(&parts, everything()),
                merge::funnel(&parts, everything()),
                merge::sessions(&parts, everything()),
                merge::carts(&parts, everything(), as_of),
                s.progress,
            )
        };
        prop_assert_eq!(figures(&whole), figures(&state));
        // Two days later everything is settled, and forgotten alike.
        let later = Small {
            id: 1_000,
            minutes: 4 * 24 * 60,
            visitor: 0,
            session: None,
            kind: EventType::PageViewed,
            product: 1,
        };
        let mut whole_rows = whole_rows;
        for (state, rows) in [(&mut whole, &mut whole_rows), (&mut state, &mut rows)] {
            apply(state, &later);
            state.cut_all(rows);
        }
        for kind in [DerivedTable::Sessions, DerivedTable::Carts] {
            prop_assert_eq!(table(&rows, kind), table(&whole_rows, kind));
        }
        prop_assert_eq!(figures(&whole), figures(&state));
        for what in ["seen_ids", "visitors", "names", "open_sessions", "carts", "orders"] {
            prop_assert_eq!(held(&whole, what), held(&state, what), "{}", what);
        }
    }

    /// M2: whatever the order and repetition of an order's events, it settles to the same numbers, and never pays back more
    /// than it took.
    #[test]
    fn m2_orders_settle_the_same_in_any_order(
        facts in proptest::collection::vec((0u8..6, 0i64..100, 1i64..5_000), 1..12),
        seed in any::<u64>(),
    ) {
        let events: Vec<Event<'static>> = facts.iter().enumerate().map(|(i, (kind, minutes, amount))| order_event(i, *kind, *minutes, *amount)).collect();
        let mut shuffled: Vec<Event<'static>> = events.clone();
        let mut x = seed | 1;
        for i in (1..shuffled.len()).rev() {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            shuffled.swap(i, (x >> 33) as usize % (i + 1));
        }
        let run = |events: &[Event<'static>]| {
            let mut state = StorePartition::new(store(), ORDERS, all_late_allowed());
            for event in events {
                state.apply(&record(RecordKind::Original, store_id()), event);
            }
            let mut changes = Vec::new();
            state.cut_all(&mut changes);
            let parts = [Arc::new(state.snapshot())];
            (merge::sales(&parts, everything()), table(&changes, DerivedTable::Orders), merge::ranking(&parts, everything(), Dimension::Product).into_iter().map(|r| (r.name.key, r.figures)).collect::<Vec<_>>())
        };
        let (sales, rows, products) = run(&events);
        prop_assert_eq!((sales, rows.clone(), products), run(&shuffled));
        prop_assert!(sales.refunds <= sales.gross - sales.discounts);
        for row in rows.values() {
            let DerivedRow::Order(order) = row else { panic!("wrong table") };
            prop_assert_eq!(order.net_revenue, sales.net_revenue());
            prop_assert_eq!(order.profit, sales.profit());
            if order.status == OrderStatus::Cancelled {
                prop_assert_eq!(order.net_revenue, Amount::ZERO);
            }
        }
    }
}

fn order_event(i: usize, kind: u8, minutes: i64, amount: i64) -> Event<'static> {
    let kind = match kind {
        0 | 1 => EventType::OrderCompleted,
        2 => EventType::OrderUpdated,
        3 | 4 => EventType::OrderRefunded,
        _ => EventType::OrderCancelled,
    };
    let mut event = Event::new(kind);
    event.event_id = Cow::Owned(format!("e{i}"));
    event.time = Micros(START + minutes * Micros::MINUTE);
    event.order.order_id = Some(Cow::Borrowed("o1"));
    match kind {
        EventType::OrderCompleted | EventType::OrderUpdated => {
            for p in 0..2 {
                let mut product = Product {
                    product_id: Cow::Owned(format!("p{p}")),
                    ..Product::default()
                };
                product.price = Some(Amount::from_raw(amount * 100 + p));
                product.cost = Some(Amount::from_raw(amount * 50));
                product.quantity = Some(Quantity::from_raw(1_000 + p * 250));
                event.products.push(product);
            }
            event.order.discount = Some(Amount::from_raw(amount * 7));
        }
        EventType::OrderRefunded if amount % 3 == 0 => {
            event.order.total = Some(Amount::from_raw(amount * 40))
        }
        EventType::OrderRefunded if amount % 3 == 1 => {
            event.products.push(Product {
                product_id: Cow::Borrowed("p1"),
                quantity: Some(Quantity::ONE),
                ..Product::default()
            });
        }
        _ => {}
    }
    event
}

#[path = "carts_by_definition.rs"]
mod carts_by_definition;
#[path = "examples.rs"]
mod examples;
#[path = "of_units.rs"]
mod of_units;
#[path = "orders_by_definition.rs"]
mod orders_by_definition;
#[path = "views_by_definition.rs"]
mod views_by_definition;
