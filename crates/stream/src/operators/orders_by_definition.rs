//! Orders and sales beside their definition, worked out from the events alone: whatever the order of arrival, the repetitions and
//! the lateness.

use super::*;

/// An event of one of a few orders: what it is, when, and two numbers that its amounts come from.
type Said = (u8, u8, i64, i64, i64);

fn said() -> impl Strategy<Value = Vec<Said>> {
    // Times up to six days apart: far beyond the allowed lateness, within the time for which ids are remembered.
    let one = (0u8..3, 0u8..9, 0i64..9_000, 0i64..4_000, 0i64..9);
    proptest::collection::vec(one, 1..25)
}

/// What a definition needs of an event, in ten-thousandths, and thousandths of units.
#[derive(Debug, Clone)]
struct Fact {
    order: String,
    id: String,
    time: i64,
    kind: EventType,
    /// Product, price, cost and units.
    lines: Vec<(String, i64, i64, i64)>,
    discount: i64,
    total: Option<i64>,
    tax: Option<i64>,
    shipping: Option<i64>,
    /// Coupon, way of payment, city, country and customer, where it names them.
    details: [Option<String>; 5],
}

fn fact(i: usize, &(order, kind, minutes, amount, more): &Said) -> Fact {
    let kind = match kind {
        0 | 1 => EventType::OrderCompleted,
        2 => EventType::OrderUpdated,
        3 | 4 => EventType::OrderRefunded,
        5 => EventType::OrderFulfilled,
        6 => EventType::PaymentSucceeded,
        7 => EventType::PaymentFailed,
        _ => EventType::OrderCancelled,
    };
    let names = |i: i64| ((amount >> i) % 3 != 0).then(|| format!("d{}", (amount >> i) % 4));
    let line = |p: i64| {
        (
            format!("p{}", (p + more) % 3),
            amount * 7 + p,
            amount * 3,
            250 * (1 + (more + p) % 8) + amount % 7,
        )
    };
    let (mut lines, mut discount, mut total) = (Vec::new(), 0, None);
    let (mut tax, mut shipping) = (None, None);
    match kind {
        EventType::OrderCompleted | EventType::OrderUpdated => {
            lines = (0..1 + more % 3).map(line).collect();
            // Sometimes above the subtotal.
            discount = amount * (more % 5) * 4;
            (tax, shipping) = (Some(amount), (more % 2 == 0).then_some(amount / 3));
        }
        EventType::OrderRefunded => {
            // Every mixture of a total, tax, shipping and products, products of no order included.
            total = (more % 3 != 2).then_some(amount * 5);
            tax = (amount % 3 == 0).then_some(amount);
            shipping = (amount % 5 == 0).then_some(amount * 2);
            lines = match amount % 4 {
                0 => vec![line(0)],
                1 => vec![line(0), line(1)],
                2 => vec![("p9".to_owned(), 1, 1, 1_000)],
                _ => Vec::new(),
            };
        }
        _ => {}
    }
    Fact {
        order: format!("o{order}"),
        id: format!("e{i}"),
        time: START + minutes * Micros::MINUTE,
        kind,
        lines,
        discount,
        total,
        tax,
        shipping,
        details: [0, 2, 4, 6, 8].map(names),
    }
}

fn sent(fact: &Fact) -> Event<'static> {
    let mut event = Event::new(fact.kind);
    event.event_id = Cow::Owned(fact.id.clone());
    event.time = Micros(fact.time);
    event.order.order_id = Some(Cow::Owned(fact.order.clone()));
    event.order.total = fact.total.map(Amount::from_raw);
    event.order.tax = fact.tax.map(Amount::from_raw);
    event.order.shipping = fact.shipping.map(Amount::from_raw);
    if fact.discount > 0 {
        event.order.discount = Some(Amount::from_raw(fact.discount));
    }
    let [coupon, payment, city, country, user] = fact.details.clone().map(|d| d.map(Cow::Owned));
    (event.order.coupon, event.order.payment_method) = (coupon, payment);
    (event.context.city, event.context.country) = (city, country);
    event.user_id = user;
    for (id, price, cost, units) in &fact.lines {
        event.products.push(Product {
            product_id: Cow::Owned(id.clone()),
            price: Some(Amount::from_raw(*price)),
            cost: Some(Amount::from_raw(*cost)),
            quantity: Some(Quantity::from_raw(*units)),
            ..Product::default()
        });
    }
    event
}

/// `a · b / c` to the nearest, halves up; none of them is negative here.
fn nearest(a: i64, b: i64, c: i64) -> i64 {
    let (a, b, c) = (i128::from(a), i128::from(b), i128::from(c));
    if c == 0 {
        0
    } else {
        i64::try_from((2 * a * b + c) / (2 * c)).unwrap()
    }
}

/// An order: status, gross, discount, paid back, cost, units, and when it was completed.
type Settled = (OrderStatus, i64, i64, i64, i64, i64, i64);

/// The details of an order: each as the newest completion or change says that names it, the way of payment else as the newest
/// payment says. Of one moment the event with the greater hash of its id counts.
fn details_by_definition(facts: &[&Fact]) -> [Option<String>; 5] {
    [0, 1, 2, 3, 4].map(|detail| {
        let rank = |f: &Fact| match f.kind {
            EventType::OrderCompleted | EventType::OrderUpdated => 2,
            EventType::PaymentSucceeded | EventType::PaymentFailed if detail == 1 => 1,
            _ => 0,
        };
        let hash = |f: &Fact| xxhash_rust::xxh3::xxh3_64(f.id.as_bytes());
        facts
            .iter()
            .filter(|f| rank(f) > 0 && f.details[detail].is_some())
            .max_by_key(|f| (rank(f), f.time, hash(f)))
            .and_then(|f| f.details[detail].clone())
    })
}

/// Its definition. The terms are those of the newest completion or change; refunds follow each other in event time, and together
/// they never exceed what was paid; a product comes back at the price it has after its share of the discount; of a cancelled
/// order the goods come back too.
fn by_definition(facts: &[&Fact]) -> Option<Settled> {
    let completed = facts
        .iter()
        .filter(|f| f.kind == EventType::OrderCompleted)
        .map(|f| f.time)
        .min()?;
    let is_terms =
        |f: &&&Fact| matches!(f.kind, EventType::OrderCompleted | EventType::OrderUpdated);
    let terms = facts
        .iter()
        .filter(is_terms)
        .max_by_key(|f| (f.time, &f.id))?;
    let gross: i64 = terms
        .lines
        .iter()
        .map(|(_, price, _, units)| nearest(*price, *units, 1_000))
        .sum();
    let discount = terms.discount.min(gross);
    let cost: i64 = terms
        .lines
        .iter()
        .map(|(_, _, cost, units)| nearest(*cost, *units, 1_000))
        .sum();
    let units: i64 = terms.lines.iter().map(|(_, _, _, units)| units).sum();
    let paid = gross - discount;
    let upto = |n: usize| -> i64 {
        terms.lines[..n]
            .iter()
            .map(|l| nearest(l.1, l.3, 1_000))
            .sum()
    };
    let net = |n: usize| {
        let share = nearest(discount, upto(n + 1), gross) - nearest(discount, upto(n), gross);
        nearest(terms.lines[n].1, terms.lines[n].3, 1_000) - share
    };
    let mut back: Vec<&&Fact> = facts
        .iter()
        .filter(|f| matches!(f.kind, EventType::OrderRefunded | EventType::OrderCancelled))
        .collect();
    back.sort_by_key(|f| (f.time, &f.id));
    let whole = paid + terms.tax.unwrap_or(0) + terms.shipping.unwrap_or(0);
    // What so many units of a product cost, line after line.
    let net_of = |product: &str, mut units: i64| {
        let of_product = |n: &usize| terms.lines[*n].0 == product;
        let each = (0..terms.lines.len()).filter(of_product).map(|n| {
            let taken = units.min(terms.lines[n].3);
            units -= taken;
            nearest(net(n), taken, terms.lines[n].3)
        });
        each.sum::<i64>()
    };
    let (mut refunded, mut cancelled, mut returned) = (0, false, false);
    let (mut shared, mut given): (i64, BTreeMap<&str, i64>) = (0, BTreeMap::new());
    for f in back {
        cancelled |= f.kind == EventType::OrderCancelled;
        let names_extras = f.tax.is_some() || f.shipping.is_some();
        let everything = f.kind == EventType::OrderCancelled
            || f.total.is_none() && f.lines.is_empty() && !names_extras;
        returned |= everything;
        let known = f
            .lines
            .iter()
            .any(|l| terms.lines.iter().any(|t| t.0 == l.0));
        let mut wanted = 0;
        if known {
            for (product, _, _, units) in &f.lines {
                let before = given.entry(product).or_default();
                wanted += net_of(product, *before + units) - net_of(product, *before);
                *before += units;
            }
        } else if let Some(total) = f.total {
            wanted = if names_extras {
                (total - f.tax.unwrap_or(0) - f.shipping.unwrap_or(0)).max(0)
            } else if whole == 0 {
                total
            } else {
                nearest(paid, shared + total, whole) - nearest(paid, shared, whole)
            };
            shared += if names_extras || whole == 0 { 0 } else { total };
        }
        refunded += if everything {
            paid - refunded
        } else {
            wanted.min(paid - refunded)
        };
    }
    let fulfilled = facts.iter().any(|f| f.kind == EventType::OrderFulfilled);
    let status = match () {
        () if cancelled => OrderStatus::Cancelled,
        () if refunded == paid && (refunded > 0 || returned) => OrderStatus::Refunded,
        () if refunded > 0 => OrderStatus::PartiallyRefunded,
        () if fulfilled => OrderStatus::Fulfilled,
        () => OrderStatus::Completed,
    };
    let cost = if cancelled { 0 } else { cost };
    Some((status, gross, discount, refunded, cost, units, completed))
}

proptest! {
    /// M2, S4: orders and sales equal their definition, in whatever order their events come, however often and however late, with
    /// the allowed lateness of an hour, and with a restart in between.
    #[test]
    fn m2_orders_equal_their_definition(
        said in said(),
        seed in any::<u64>(),
        again in proptest::collection::vec(any::<prop::sample::Index>(), 0..6),
        restart in any::<prop::sample::Index>(),
    ) {
        let facts: Vec<Fact> = said.iter().enumerate().map(|(i, s)| fact(i, s)).collect();
        let mut arrived: Vec<&Fact> = facts.iter().collect();
        arrived.extend(again.iter().map(|at| at.get(&facts)));
        let mut x = seed | 1;
        for i in (1..arrived.len()).rev() {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            arrived.swap(i, (x >> 33) as usize % (i + 1));
        }
        let mut state = StorePartition::new(store(), ORDERS, OperatorConfig::default());
        let (mut stored, mut changes) = (BTreeMap::new(), Vec::new());
        let restart = restart.index(arrived.len());
        for (i, fact) in arrived.iter().enumerate() {
            if i == restart {
                save(&mut state, &mut stored, &mut changes);
                state = restored(&stored, ORDERS, OperatorConfig::default());
            }
            state.apply(&record(RecordKind::Original, store_id()), &sent(fact));
        }
        state.cut_all(&mut changes);
        let mut expected = BTreeMap::new();
        for order in ["o0", "o1", "o2"] {
            let of: Vec<&Fact> = facts.iter().filter(|f| f.order == order).collect();
            if let Some(settled) = by_definition(&of) {
                expected.insert(order.to_owned(), (settled, details_by_definition(&of)));
            }
        }
        let settled: BTreeMap<String, (Settled, [Option<String>; 5])> = table(&changes, DerivedTable::Orders)
            .into_values()
            .map(|row| {
                let DerivedRow::Order(o) = row else { panic!("wrong table") };
                let settled = (o.status, o.gross.raw(), o.discount.raw(), o.refunded.raw(), o.cost.raw(), o.units.raw(), o.completed_at.0);
                (o.order_id, (settled, [o.coupon, o.payment_method, o.city, o.country, o.user_id]))
            })
            .collect();
        prop_assert_eq!(&settled, &expected);
        let sales = merge::sales(&[Arc::new(state.snapshot())], (Micros(0), Micros(i64::MAX)));
        let sum = |of: fn(&Settled) -> i64| expected.values().map(|(settled, _)| of(settled)).sum::<i64>();
        prop_assert_eq!(sales.orders, i64::try_from(expected.len()).unwrap());
        prop_assert_eq!(sales.gross.raw(), sum(|s| s.1));
        prop_assert_eq!(sales.discounts.raw(), sum(|s| s.2));
        prop_assert_eq!(sales.refunds.raw(), sum(|s| s.3));
        prop_assert_eq!(sales.cost.raw(), sum(|s| s.4));
        prop_assert_eq!(sales.units.raw(), sum(|s| s.5));
    }
}
