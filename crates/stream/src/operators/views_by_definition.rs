//! Views of several partitions beside their definitions, worked out from what arrived: in any order, repeated, later than allowed,
//! with a restart, merged in any order.

use super::*;

/// What a visitor did, or an order of theirs.
#[derive(Debug, Clone)]
struct Act {
    id: usize,
    minutes: i64,
    visitor: u8,
    session: Option<u8>,
    kind: EventType,
    /// The products, by number: price, cost, category and brand follow from it.
    products: Vec<u8>,
    city: Option<u8>,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let kinds = vec![
        EventType::PageViewed,
        EventType::ProductViewed,
        EventType::ProductViewed,
        EventType::ProductAdded,
        EventType::CheckoutStarted,
        EventType::OrderCompleted,
        EventType::OrderCompleted,
    ];
    let act = (
        // Three days: far beyond the allowed lateness.
        0i64..3 * 24 * 60,
        0u8..5,
        proptest::option::of(0u8..2),
        prop::sample::select(kinds),
        proptest::collection::vec(0u8..6, 1..4),
        proptest::option::of(0u8..3),
    );
    proptest::collection::vec(act, 1..60).prop_map(|acts| {
        acts.into_iter()
            .enumerate()
            .map(
                |(id, (minutes, visitor, session, kind, products, city))| Act {
                    id,
                    minutes,
                    visitor,
                    session,
                    kind,
                    products,
                    city,
                },
            )
            .collect()
    })
}

fn price(product: u8) -> i64 {
    i64::from(product) * 12_345 + 100
}

/// Product, category and brand as their dimensions name them; not every product has all.
fn names(product: u8) -> Vec<(Dimension, String)> {
    let mut names = vec![(Dimension::Product, format!("p{product}"))];
    if product != 5 {
        names.push((Dimension::Category, format!("c{}", product % 2)));
    }
    if !product.is_multiple_of(3) {
        names.push((Dimension::Brand, format!("b{}", product % 3)));
    }
    names
}

fn sent(act: &Act) -> Event<'static> {
    let mut event = Event::new(act.kind);
    event.event_id = Cow::Owned(format!("e{}", act.id));
    event.time = Micros(START + act.minutes * Micros::MINUTE);
    event.anonymous_id = Some(Cow::Owned(format!("v{}", act.visitor)));
    event.session_id = act.session.map(|s| Cow::Owned(format!("s{s}")));
    event.context.city = act.city.map(|c| Cow::Owned(format!("city{c}")));
    if act.kind == EventType::OrderCompleted {
        event.order.order_id = Some(Cow::Owned(format!("o{}", act.id)));
    }
    for product in &act.products {
        let mut line = Product {
            product_id: Cow::Owned(format!("p{product}")),
            price: Some(Amount::from_raw(price(*product))),
            cost: Some(Amount::from_raw(price(*product) / 2)),
            quantity: Some(Quantity::from_units(2)),
            ..Product::default()
        };
        for (dimension, name) in names(*product) {
            match dimension {
                Dimension::Category => line.category = Some(Cow::Owned(name)),
                Dimension::Brand => line.brand = Some(Cow::Owned(name)),
                _ => {}
            }
        }
        event.products.push(line);
    }
    event
}

/// Views, carts, orders, units, revenue and cost.
type Counted = (i64, i64, i64, i64, i64, i64);

/// What the views must say.
#[derive(Debug, Default)]
struct Expected {
    events: u64,
    late: u64,
    duplicates: u64,
    visitors: BTreeSet<u8>,
    funnel: [BTreeSet<u8>; 4],
    sessions: Vec<Small>,
    figures: BTreeMap<(Dimension, String), Counted>,
    orders: i64,
    gross: i64,
}

impl Expected {
    /// Takes in what arrived in one partition: an id counts once; late is what is older than the newest moment seen before it
    /// by more than the allowed lateness.
    fn partition(&mut self, arrived: &[&Act], of_orders: bool, lateness: i64) {
        let (mut ids, mut newest) = (BTreeSet::new(), i64::MIN);
        for act in arrived {
            let is_copy = !of_orders && act.kind == EventType::OrderCompleted;
            if !ids.insert(act.id) {
                self.duplicates += u64::from(!is_copy);
                continue;
            }
            let late = act.minutes < newest.saturating_sub(lateness);
            newest = newest.max(act.minutes);
            self.late += u64::from(late && !is_copy);
            self.events += u64::from(!late && !is_copy);
            if of_orders {
                self.order(act);
            } else {
                self.visit(act, is_copy, late);
            }
        }
    }

    /// An order counts however late it comes.
    fn order(&mut self, act: &Act) {
        self.orders += 1;
        let mut of_order: BTreeMap<(Dimension, String), Counted> = BTreeMap::new();
        for product in &act.products {
            let (sold, cost) = (2 * price(*product), 2 * (price(*product) / 2));
            self.gross += sold;
            let city = act.city.map(|c| (Dimension::City, format!("city{c}")));
            for name in names(*product).into_iter().chain(city) {
                let counted = of_order.entry(name).or_default();
                *counted = (0, 0, 1, counted.3 + 2, counted.4 + sold, counted.5 + cost);
            }
        }
        for (name, counted) in of_order {
            let all = self.figures.entry(name).or_default();
            all.2 += counted.2;
            all.3 += counted.3;
            all.4 += counted.4;
            all.5 += counted.5;
        }
    }

    /// Its copy makes the visitor a buyer however late; everything else of a visitor must be on time.
    fn visit(&mut self, act: &Act, is_copy: bool, late: bool) {
        if late && !is_copy {
            return;
        }
        self.visitors.insert(act.visitor);
        let step = match act.kind {
            EventType::ProductViewed => Some(0),
            EventType::ProductAdded => Some(1),
            EventType::CheckoutStarted => Some(2),
            EventType::OrderCompleted => Some(3),
            _ => None,
        };
        if let Some(step) = step {
            self.funnel[step].insert(act.visitor);
        }
        if !late {
            self.sessions.push(Small {
                id: 0,
                minutes: act.minutes,
                visitor: act.visitor,
                session: act.session,
                kind: act.kind,
                product: 0,
            });
        }
        let counted: Counted = match act.kind {
            EventType::ProductViewed => (1, 0, 0, 0, 0, 0),
            EventType::ProductAdded => (0, 1, 0, 0, 0, 0),
            _ => return,
        };
        let city = act.city.map(|c| (Dimension::City, format!("city{c}")));
        for name in names(act.products[0]).into_iter().chain(city) {
            let all = self.figures.entry(name).or_default();
            all.0 += counted.0;
            all.1 += counted.1;
        }
    }
}

/// Runs what arrived in a partition, restarted from a checkpoint before the `cut`th of them.
fn partition(
    at: TopicPartition,
    arrived: &[&Act],
    cut: usize,
    config: OperatorConfig,
) -> Arc<Snapshot> {
    let mut state = StorePartition::new(store(), at, config);
    let (mut saved, mut rows) = (BTreeMap::new(), Vec::new());
    for (i, act) in arrived.iter().enumerate() {
        if i % 11 == 3 || i == cut {
            save(&mut state, &mut saved, &mut rows);
        }
        if i == cut {
            state = restored(&saved, at, config);
        }
        let is_copy = at.topic == Topic::UserEvents && act.kind == EventType::OrderCompleted;
        let kind = if is_copy {
            RecordKind::Copy
        } else {
            RecordKind::Original
        };
        state.apply(&record(kind, store_id()), &sent(act));
    }
    Arc::new(state.snapshot())
}

proptest! {
    /// S1, S2, S4: traffic, funnel, sessions, sales and performance by product, category, brand and city, merged from partitions
    /// of visitors and of transactions, equal their definitions: whatever the order of arrival, the repetitions, the lateness
    /// (allowed: none to a day), with a restart in each partition.
    #[test]
    fn s2_views_of_all_partitions_equal_their_definitions(
        acts in acts(),
        picks in proptest::collection::vec(any::<prop::sample::Index>(), 1..100),
        lateness in prop::sample::select(vec![0i64, 20, 60, 24 * 60]),
        counts in (1u16..4, 1u16..3),
        cut in any::<prop::sample::Index>(),
        turn in 0usize..8,
    ) {
        // Some acts never arrive, others again and again.
        let arrived: Vec<&Act> = picks.iter().map(|pick| pick.get(&acts)).collect();
        let config = OperatorConfig { lateness: lateness * Micros::MINUTE, ..OperatorConfig::default() };
        let mut expected = Expected::default();
        let mut parts = Vec::new();
        for (topic, count) in [(Topic::UserEvents, counts.0), (Topic::Transactions, counts.1)] {
            for number in 0..count {
                let of_orders = topic == Topic::Transactions;
                let own: Vec<&Act> = arrived.iter().copied().filter(|act| {
                    if of_orders {
                        act.kind == EventType::OrderCompleted && act.id as u16 % count == number
                    } else {
                        u16::from(act.visitor) % count == number
                    }
                }).collect();
                expected.partition(&own, of_orders, lateness);
                let at = TopicPartition::new(topic, number);
                parts.push(partition(at, &own, cut.index(own.len().max(1)), config));
            }
        }
        let count = parts.len();
        parts.rotate_left(turn % count);
        let traffic = merge::traffic(&parts, everything());
        prop_assert_eq!(traffic.events, expected.events);
        prop_assert_eq!(traffic.visitors, expected.visitors.len() as u64);
        let sum = |of: fn(&crate::store_partition::Progress) -> u64| parts.iter().map(|p| of(&p.progress)).sum::<u64>();
        prop_assert_eq!(sum(|p| p.late), expected.late);
        prop_assert_eq!(sum(|p| p.duplicates), expected.duplicates);
        check_funnel(&parts, &expected.funnel);
        let sessions = sessions_by_definition(&expected.sessions);
        let told = merge::sessions(&parts, everything());
        prop_assert_eq!(told.sessions, sessions.len() as i64);
        prop_assert_eq!(told.events, expected.sessions.len() as i64);
        prop_assert_eq!(told.bounces, sessions.iter().filter(|s| s.4 == 1).count() as i64);
        prop_assert_eq!(told.duration, sessions.iter().map(|s| (s.3 - s.2) * Micros::MINUTE).sum::<i64>());
        let sales = merge::sales(&parts, everything());
        prop_assert_eq!((sales.orders, sales.gross.raw()), (expected.orders, expected.gross));
        for dimension in [Dimension::Product, Dimension::Category, Dimension::Brand, Dimension::City] {
            let told: BTreeMap<String, Counted> = merge::ranking(&parts, everything(), dimension)
                .into_iter()
                .map(|r| {
                    let f = r.figures;
                    (r.name.key, (f.views, f.carts, f.orders, f.units.whole().unwrap(), f.revenue.raw(), f.cost.raw()))
                })
                .collect();
            let want: BTreeMap<String, Counted> = expected.figures.iter()
                .filter(|((d, _), _)| *d == dimension)
                .map(|((_, name), counted)| (name.clone(), *counted))
                .collect();
            prop_assert_eq!(told, want, "{:?}", dimension);
        }
    }
}
