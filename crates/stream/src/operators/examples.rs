//! Single cases of the operators, each with what must come of it.

use super::*;

#[test]
fn a_cart_is_abandoned_after_the_quiet_time_and_recovered_by_an_order() {
    let at = |id: u32, minutes: i64, kind| Small {
        id,
        minutes,
        visitor: 1,
        session: None,
        kind,
        product: 2,
    };
    let clock = |id: u32, minutes: i64| Small {
        id,
        minutes,
        visitor: 9,
        session: None,
        kind: EventType::PageViewed,
        product: 1,
    };
    let mut state = StorePartition::new(store(), USERS, OperatorConfig::default());
    apply(&mut state, &at(1, 0, EventType::ProductAdded));
    apply(&mut state, &clock(2, 62));
    let carts = |s: &StorePartition| {
        merge::carts(
            &[Arc::new(s.snapshot())],
            everything(),
            s.progress.watermark.unwrap(),
        )
    };
    assert_eq!((carts(&state).open, carts(&state).abandoned), (0, 1));
    assert_eq!(carts(&state).abandoned_value, Amount::from_raw(30_000));
    assert_eq!(state.snapshot().latest_carts.len(), 1);
    apply(&mut state, &at(3, 70, EventType::OrderCompleted));
    let after = carts(&state);
    assert_eq!((after.abandoned, after.ended.recovered), (0, 1));
    assert_eq!(after.ended.recovered_value, Amount::from_raw(30_000));
}

/// S1, S2: an order told of twice is one purchase of the visitor, and ends the cart it was of and no later one, whatever a restart does.
#[test]
fn s1_a_completion_sent_again_is_no_second_purchase() {
    let completion = |id: u32, minutes: i64, order: &'static str, visitor: u8| {
        let mut completion = event(&by(visitor, id, minutes, EventType::OrderCompleted, 2));
        completion.order.order_id = Some(Cow::Borrowed(order));
        completion
    };
    let mut state = StorePartition::new(store(), USERS, OperatorConfig::default());
    let (mut saved, mut rows) = (BTreeMap::new(), Vec::new());
    apply(&mut state, &by(1, 1, 0, EventType::ProductAdded, 2));
    let copy = record(RecordKind::Copy, store_id());
    state.apply(&copy, &completion(2, 5, "o", 1));
    save(&mut state, &mut saved, &mut rows);
    state = restored(&saved, USERS, OperatorConfig::default());
    // The thank-you page again on the next day, when another cart has been begun.
    apply(&mut state, &by(1, 3, DAY, EventType::ProductAdded, 2));
    state.apply(&copy, &completion(4, DAY + 5, "o", 1));
    state.apply(&copy, &completion(6, DAY + 6, "o", 2));
    let parts = [Arc::new(state.snapshot())];
    // The store's midnight is ten and a half hours after the start.
    let midnight = |n: i64| Micros(START + (630 + n * DAY) * Micros::MINUTE);
    let day = |n: i64| (midnight(n - 1), midnight(n));
    assert_eq!(merge::buyers(&parts, day(0)), 1);
    assert_eq!(merge::buyers(&parts, day(1)), 1, "only the other visitor");
    assert_eq!(merge::sessions(&parts, everything()).steps[3], 2);
    let carts = merge::carts(&parts, everything(), Micros(START + DAY * Micros::MINUTE));
    assert_eq!((carts.ended.converted, carts.open), (1, 1));
    assert_eq!(merge::traffic(&parts, day(1)).visitors, 2);
}

/// A cart of nothing is none: additions of nothing, removals of more than there is.
#[test]
fn a_cart_of_nothing_has_ended() {
    let mut state = StorePartition::new(store(), USERS, OperatorConfig::default());
    let mut act = |id: usize, visitor: u8, minutes: i64, kind, quantity: Option<i64>| {
        let mut act = event(&by(visitor, u32::try_from(id).unwrap(), minutes, kind, 2));
        act.products[0].quantity = quantity.map(Quantity::from_units);
        state.apply(&record(RecordKind::Original, store_id()), &act);
    };
    let (add, remove) = (EventType::ProductAdded, EventType::ProductRemoved);
    act(1, 1, 0, add, Some(0));
    act(2, 2, 0, add, Some(3));
    act(3, 2, 1, remove, Some(5));
    act(4, 3, 0, add, Some(2));
    act(5, 3, 1, remove, Some(1));
    act(6, 4, 0, add, Some(2));
    act(7, 4, 1, add, Some(0));
    act(8, 4, 2, remove, None);
    act(9, 5, 180, EventType::PageViewed, None);
    let mut changes = Vec::new();
    state.cut_all(&mut changes);
    let carts = table(&changes, DerivedTable::Carts);
    let told: Vec<_> = carts
        .values()
        .map(|row| match row {
            DerivedRow::Cart(c) => (c.visitor.as_str(), c.status.name(), c.items.raw()),
            _ => panic!("wrong table"),
        })
        .collect();
    assert_eq!(
        told,
        [
            ("v1", "emptied", 0),
            ("v2", "emptied", 0),
            ("v3", "abandoned", 1_000),
            ("v4", "emptied", 0)
        ]
    );
    assert_eq!(state.snapshot().latest_carts.len(), 1);
}

#[test]
fn s4_what_is_later_than_the_lateness_is_counted_and_left_out_of_views() {
    let mut state = StorePartition::new(store(), USERS, OperatorConfig::default());
    let view = |id: u32, minutes: i64| Small {
        id,
        minutes,
        visitor: 1,
        session: None,
        kind: EventType::PageViewed,
        product: 1,
    };
    apply(&mut state, &view(1, 300));
    apply(&mut state, &view(2, 241));
    apply(&mut state, &view(3, 100));
    assert_eq!((state.progress.silver, state.progress.late), (3, 1));
    assert_eq!(
        merge::traffic(&[Arc::new(state.snapshot())], everything()).events,
        2
    );
}

#[test]
fn s4_orders_are_settled_however_late_and_remembered_from_then_on() {
    let mut state = StorePartition::new(store(), ORDERS, OperatorConfig::default());
    let mut order = |id: usize, order_id: &'static str, kind: u8, day: i64| {
        let mut event = order_event(id, kind, day * 24 * 60, 300);
        event.order.order_id = Some(Cow::Borrowed(order_id));
        state.apply(&record(RecordKind::Original, store_id()), &event);
        merge::sales(&[Arc::new(state.snapshot())], everything()).orders
    };
    assert_eq!(order(1, "now", 0, 8), 1);
    assert_eq!(order(2, "late", 0, 2), 2);
    // Completed a year ago, but heard of only now: still known when it is paid back.
    order(3, "ancient", 0, -365);
    order(4, "ancient", 3, 9);
    assert_eq!(state.progress.late, 2);
    let mut changes = Vec::new();
    state.cut_all(&mut changes);
    let rows = table(&changes, DerivedTable::Orders);
    let Some(DerivedRow::Order(ancient)) = rows.get("ancient") else {
        panic!("the order is not there")
    };
    assert!(ancient.refunded > Amount::ZERO);
}

fn by(visitor: u8, id: u32, minutes: i64, kind: EventType, product: u8) -> Small {
    Small {
        id,
        minutes,
        visitor,
        session: None,
        kind,
        product,
    }
}

const DAY: i64 = 24 * 60;

#[test]
fn s4_a_late_order_says_nothing_of_a_cart_begun_after_it() {
    let mut state = StorePartition::new(store(), USERS, OperatorConfig::default());
    apply(&mut state, &by(1, 1, 600, EventType::ProductAdded, 2));
    apply(&mut state, &by(9, 2, 800, EventType::PageViewed, 1));
    // Sent in the evening, of the morning.
    apply(&mut state, &by(1, 3, 300, EventType::OrderCompleted, 2));
    let mut changes = Vec::new();
    state.cut_all(&mut changes);
    let carts = table(&changes, DerivedTable::Carts);
    let [DerivedRow::Cart(cart)] = carts.values().collect::<Vec<_>>()[..] else {
        panic!("one cart: {carts:?}")
    };
    assert_eq!(cart.converted_at, None);
    assert_eq!(cart.last_activity, cart.started_at);
    // A late order of the cart itself still ends it.
    apply(&mut state, &by(1, 4, 601, EventType::OrderCompleted, 2));
    let mut changes = Vec::new();
    state.cut_all(&mut changes);
    let carts = table(&changes, DerivedTable::Carts);
    let Some(DerivedRow::Cart(cart)) = carts.values().next() else {
        panic!("the cart changed")
    };
    assert!(cart.converted_at >= Some(cart.started_at));
}

#[test]
fn s3_carts_left_alone_are_forgotten_without_a_restart() {
    let mut state = StorePartition::new(store(), USERS, OperatorConfig::default());
    apply(&mut state, &by(1, 1, 0, EventType::ProductAdded, 2));
    for half_hour in 1..(62 * 48) {
        let clock = u32::try_from(half_hour).unwrap() + 1;
        apply(
            &mut state,
            &by(9, clock, half_hour * 30, EventType::PageViewed, 1),
        );
    }
    assert_eq!(held(&state, "carts"), 0);
}

#[test]
fn orders_that_begin_with_a_failed_payment_are_forgotten_too() {
    let mut state = StorePartition::new(store(), ORDERS, OperatorConfig::default());
    let mut failed = Event::new(EventType::PaymentFailed);
    failed.event_id = Cow::Borrowed("x");
    failed.time = Micros(START);
    failed.order.order_id = Some(Cow::Borrowed("o"));
    state.apply(&record(RecordKind::Original, store_id()), &failed);
    assert_eq!(held(&state, "orders"), 1);
    for day in [100, 200, 300] {
        let event = order_event(day, 0, i64::try_from(day).unwrap() * DAY, 300);
        state.apply(&record(RecordKind::Original, store_id()), &event);
    }
    assert!(held(&state, "orders") < 4);
}

#[test]
fn names_are_forgotten_when_no_pane_cart_or_order_speaks_of_them() {
    let mut state = StorePartition::new(store(), USERS, OperatorConfig::default());
    apply(&mut state, &by(1, 1, 0, EventType::ProductAdded, 7));
    for i in 0..50u8 {
        let id = 2 + u32::from(i);
        apply(&mut state, &by(2, id, 1, EventType::ProductViewed, 100 + i));
    }
    assert!(held(&state, "names") > 50);
    // A cart speaks of its product for sixty days, panes of theirs for longer.
    for day in 1..80u32 {
        let id = 1_000 + day;
        let minutes = i64::from(day) * DAY;
        apply(&mut state, &by(9, id, minutes, EventType::ProductViewed, 1));
    }
    assert!(held(&state, "names") <= 3, "{}", held(&state, "names"));
    apply(
        &mut state,
        &by(9, 5_000, 81 * DAY, EventType::ProductViewed, 3),
    );
    let ranked = merge::ranking(
        &[Arc::new(state.snapshot())],
        (Micros(START), Micros(START + 100 * DAY * Micros::MINUTE)),
        Dimension::Product,
    );
    let names: BTreeSet<&str> = ranked.iter().map(|r| r.name.key.as_str()).collect();
    assert_eq!(names, BTreeSet::from(["p1", "p3"]));
}

/// A cart that was handed out as abandoned is not handed out again at every start, and is forgotten all the same.
#[test]
fn a_restart_marks_no_cart_again() {
    let mut state = StorePartition::new(store(), USERS, OperatorConfig::default());
    apply(&mut state, &by(1, 1, 0, EventType::ProductAdded, 1));
    apply(&mut state, &by(2, 2, 300, EventType::PageViewed, 1));
    let mut rows = Vec::new();
    let saved = state.cut_all(&mut rows).entries;
    assert_eq!(table(&rows, DerivedTable::Carts).len(), 1);
    let mut again = StorePartition::new(store(), USERS, OperatorConfig::default());
    let saved: BTreeMap<Vec<u8>, Vec<u8>> = saved
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
        .collect();
    for (key, value) in &saved {
        let (_, _, table, key) = split_key(key).unwrap();
        again.restore(table, key, value).unwrap();
    }
    again.restored();
    let mut rows = Vec::new();
    let changes = again.cut_all(&mut rows);
    assert!(rows.is_empty(), "{rows:?}");
    assert!(changes.entries.is_empty(), "{}", changes.entries.len());
    assert_eq!(held(&again, "carts"), 1);
    apply(
        &mut again,
        &by(2, 3, 62 * 24 * 60, EventType::PageViewed, 1),
    );
    assert_eq!(held(&again, "carts"), 0);
}

#[test]
fn an_order_that_cost_nothing_is_refunded_when_it_is_returned() {
    for (discount, pays_back) in [(0, 100), (60, 40), (100, 0), (130, 0)] {
        let bought = |kind| {
            let mut event = order_event(0, 0, 0, 0);
            event.event_type = kind;
            event.event_id = Cow::Borrowed(kind.name());
            event
        };
        let mut completed = bought(EventType::OrderCompleted);
        completed.products.truncate(1);
        completed.products[0].price = Some(Amount::from_raw(100));
        completed.order.discount = Some(Amount::from_raw(discount));
        let mut refunded = bought(EventType::OrderRefunded);
        refunded.products.clear();
        refunded.order.discount = None;
        let mut state = StorePartition::new(store(), ORDERS, all_late_allowed());
        let mut statuses = Vec::new();
        for event in [completed, refunded] {
            state.apply(&record(RecordKind::Original, store_id()), &event);
            let mut changes = Vec::new();
            state.cut_all(&mut changes);
            for row in table(&changes, DerivedTable::Orders).into_values() {
                let DerivedRow::Order(order) = row else {
                    panic!("wrong table")
                };
                statuses.push((order.status, order.refunded.raw()));
            }
        }
        let expected = [
            (OrderStatus::Completed, 0),
            (OrderStatus::Refunded, pays_back),
        ];
        assert_eq!(statuses, expected, "discount {discount}");
    }
}
