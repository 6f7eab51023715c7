//! Carts beside their definition: in any order of arrival, repeated, later than allowed, with a restart.

use super::*;

/// A cart as its row tells it: visitor, minutes of its start and last activity, thousandths of units, value, last step, status.
type CartFacts = (String, i64, i64, i64, Amount, String, &'static str);

fn cart_facts(rows: &BTreeMap<String, DerivedRow>) -> BTreeSet<CartFacts> {
    let minutes = |time: Micros| (time.0 - START) / Micros::MINUTE;
    rows.values()
        .map(|row| {
            let DerivedRow::Cart(c) = row else {
                panic!("wrong table")
            };
            (
                c.visitor.clone(),
                minutes(c.started_at),
                minutes(c.last_activity),
                c.items.raw(),
                c.value,
                c.last_step.clone(),
                c.status.name(),
            )
        })
        .collect()
}

fn name(event: &Small) -> String {
    format!("e{}", event.id)
}

/// Carts by their definition: each visitor's cart events, given in the order they act in, one after the other.
fn carts_by_definition(events: &[&Small], watermark: i64) -> BTreeSet<CartFacts> {
    let quiet = 60;
    let mut out = BTreeSet::new();
    for visitor in 0..4 {
        // Start, last activity, thousandths of units by product, whether checkout began.
        let mut open: Option<(i64, i64, BTreeMap<u8, i64>, bool)> = None;
        let mut end = |cart: &(i64, i64, BTreeMap<u8, i64>, bool), step: &str, status| {
            let value = cart.2.iter().map(|(p, n)| i64::from(*p) * 10 * n).sum();
            out.insert((
                format!("v{visitor}"),
                cart.0,
                cart.1,
                cart.2.values().sum(),
                Amount::from_raw(value),
                step.to_owned(),
                status,
            ));
        };
        let step_of = |cart: &(i64, i64, BTreeMap<u8, i64>, bool)| {
            if cart.3 { "checkout" } else { "cart" }
        };
        for e in events.iter().filter(|e| e.visitor == visitor) {
            if e.kind == EventType::ProductAdded {
                open.get_or_insert_with(|| (e.minutes, e.minutes, BTreeMap::new(), false));
            }
            let Some(cart) = &mut open else { continue };
            // What came before a cart began is not of it.
            if e.minutes < cart.0 {
                continue;
            }
            let last = cart.1;
            match e.kind {
                EventType::ProductAdded => {
                    *cart.2.entry(e.product).or_default() += added(e);
                    cart.2.retain(|_, units| *units > 0);
                }
                EventType::ProductRemoved => {
                    cart.2.remove(&e.product);
                }
                EventType::CheckoutStarted => cart.3 = true,
                EventType::OrderCompleted => {}
                _ => continue,
            }
            cart.1 = last.max(e.minutes);
            if cart.2.is_empty() {
                let cart = open.take().unwrap();
                end(&cart, step_of(&cart), "emptied");
            } else if e.kind == EventType::OrderCompleted {
                let cart = open.take().unwrap();
                let quiet_before = e.minutes - last > quiet;
                let status = if quiet_before {
                    "recovered"
                } else {
                    "converted"
                };
                end(&cart, "purchase", status);
            }
        }
        if let Some(cart) = open {
            let left = cart.1 + quiet < watermark;
            let status = if left { "abandoned" } else { "open" };
            end(&cart, step_of(&cart), status);
        }
    }
    out
}

/// The newest moment of what arrived, and what acts on carts of it, in order. Whatever comes again, or is later than allowed,
/// does not; but an order does however late: after all that was settled when it came, for no event on time can come before
/// that any more, and before everything else.
fn acting<'e>(arrived: &[&'e Small], lateness: i64) -> (i64, Vec<&'e Small>) {
    let (mut ids, mut newest) = (BTreeSet::new(), i64::MIN);
    let mut acting = Vec::new();
    for event in arrived {
        if !ids.insert(event.id) {
            continue;
        }
        let settled = newest.saturating_sub(lateness);
        let late = event.minutes < settled;
        newest = newest.max(event.minutes);
        if !late {
            acting.push((event.minutes, true, event.minutes, name(event), *event));
        } else if event.kind == EventType::OrderCompleted {
            acting.push((settled, false, event.minutes, name(event), *event));
        }
    }
    acting.sort_by(|a, b| (a.0, a.1, a.2, &a.3).cmp(&(b.0, b.1, b.2, &b.3)));
    (newest, acting.into_iter().map(|act| act.4).collect())
}

/// Whether every cart has a key of its own: two of a visitor begun at the same instant share it.
fn keys_are_unique(carts: &BTreeSet<CartFacts>) -> bool {
    let keys: BTreeSet<_> = carts.iter().map(|cart| (&cart.0, cart.1)).collect();
    keys.len() == carts.len()
}

fn shuffle(events: &mut [Small], seed: u64) {
    let mut x = seed | 1;
    for i in (1..events.len()).rev() {
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        events.swap(i, (x >> 33) as usize % (i + 1));
    }
}

/// S2: within a second of its turn a cart's row says the same whether it was handed out before or is only now, and the list of
/// abandoned carts what the rows say.
#[test]
fn s2_when_rows_are_handed_out_changes_no_cart() {
    let at = |id, millis: i64, kind| {
        let small = Small {
            id,
            minutes: 0,
            visitor: 1,
            session: None,
            kind,
            product: 1,
        };
        let mut event = event(&small);
        event.time = Micros(START + millis * 1_000);
        event
    };
    let events = [
        at(1, 120, EventType::ProductAdded),
        at(2, 3_600_500, EventType::PageViewed),
    ];
    let next_second = at(3, 3_601_000, EventType::PageViewed);
    let [often, once] = [true, false].map(|often| {
        let mut state = StorePartition::new(store(), USERS, OperatorConfig::default());
        let mut rows = Vec::new();
        for event in &events {
            state.apply(&record(RecordKind::Original, store_id()), event);
            if often {
                state.cut_all(&mut rows);
            }
        }
        state.cut_all(&mut rows);
        assert_eq!(state.snapshot().latest_carts, []);
        let then = cart_facts(&table(&rows, DerivedTable::Carts));
        state.apply(&record(RecordKind::Original, store_id()), &next_second);
        state.cut_all(&mut rows);
        assert_eq!(state.snapshot().latest_carts.len(), 1);
        (then, cart_facts(&table(&rows, DerivedTable::Carts)))
    });
    assert_eq!(often, once);
    assert_ne!(often.0, often.1, "the next second makes it abandoned");
}

proptest! {
    /// The order of arrival does not matter: carts settle to the same rows and figures.
    #[test]
    fn s2_carts_do_not_depend_on_the_order_of_arrival(mut events in histories(), seed in any::<u64>()) {
        let mut sorted = events.clone();
        sorted.sort_by_key(|e| (e.minutes, name(e)));
        shuffle(&mut events, seed);
        let (a, changes_a) = run(&sorted, all_late_allowed());
        let (b, changes_b) = run(&events, all_late_allowed());
        let names = |rows: BTreeMap<String, DerivedRow>| rows.into_iter().map(|(k, row)| {
            let DerivedRow::Cart(c) = row else { panic!("wrong table") };
            (k, c.items, c.value, c.last_activity, c.status.name(), c.last_step)
        }).collect::<Vec<_>>();
        prop_assert_eq!(names(table(&changes_a, DerivedTable::Carts)), names(table(&changes_b, DerivedTable::Carts)));
        let as_of = Micros(START + 20 * Micros::HOUR);
        let carts = |s: &StorePartition| merge::carts(&[Arc::new(s.snapshot())], everything(), as_of);
        prop_assert_eq!(carts(&a), carts(&b));
    }

    /// S2: carts are what their definition says, whatever the order of arrival, and also when they are settled on the way.
    #[test]
    fn s2_carts_equal_their_definition(mut events in histories(), seed in any::<u64>()) {
        events.sort_by_key(|e| (e.minutes, name(e)));
        let in_order: Vec<&Small> = events.iter().collect();
        let expected = carts_by_definition(&in_order, events.last().unwrap().minutes);
        prop_assume!(keys_are_unique(&expected));
        let (_, in_order) = run(&events, OperatorConfig::default());
        prop_assert_eq!(&cart_facts(&table(&in_order, DerivedTable::Carts)), &expected);
        shuffle(&mut events, seed);
        let (_, shuffled) = run(&events, all_late_allowed());
        prop_assert_eq!(&cart_facts(&table(&shuffled, DerivedTable::Carts)), &expected);
    }

    /// S1, S2, S4: the same of what is repeated and later than allowed, with a restart.
    #[test]
    fn s2_carts_equal_their_definition_whatever_is_late(
        events in histories(),
        picks in proptest::collection::vec(any::<prop::sample::Index>(), 1..120),
        lateness in prop::sample::select(vec![0i64, 5, 60, 300]),
        cut in any::<prop::sample::Index>(),
    ) {
        let arrived: Vec<&Small> = picks.iter().map(|pick| pick.get(&events)).collect();
        let (newest, acting) = acting(&arrived, lateness);
        let expected = carts_by_definition(&acting, newest);
        prop_assume!(keys_are_unique(&expected));
        let config = OperatorConfig { lateness: lateness * Micros::MINUTE, ..OperatorConfig::default() };
        let mut state = StorePartition::new(store(), USERS, config);
        let (mut saved, mut rows) = (BTreeMap::new(), Vec::new());
        let cut = cut.index(arrived.len());
        for (i, event) in arrived.iter().enumerate() {
            if i % 7 == 3 || i == cut {
                save(&mut state, &mut saved, &mut rows);
            }
            if i == cut {
                state = restored(&saved, USERS, config);
            }
            apply(&mut state, event);
        }
        save(&mut state, &mut saved, &mut rows);
        prop_assert_eq!(&cart_facts(&table(&rows, DerivedTable::Carts)), &expected);
    }
}
