//! State of checkpoints up to format 3, which counted quantities in whole units.

use super::*;
use crate::state::{StateTable, prefix};

/// The state as it was stored then: the same values in tables of other numbers, and each quantity counted in units.
fn as_of_then(
    saved: &BTreeMap<Vec<u8>, Vec<u8>>,
    partition: TopicPartition,
) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let at = prefix(partition, store_id()).len();
    let then = |code: u8| {
        let tables = [
            (StateTable::Orders, StateTable::OrdersOfUnits),
            (StateTable::Carts, StateTable::CartsOfUnits),
            (StateTable::SalesPanes, StateTable::SalesPanesOfUnits),
            (
                StateTable::PerformancePanes,
                StateTable::PerformancePanesOfUnits,
            ),
        ];
        let found = tables.into_iter().find(|(now, _)| *now as u8 == code);
        found.map_or(code, |(_, then)| then as u8)
    };
    saved
        .iter()
        .map(|(key, value)| {
            let mut key = key.clone();
            key[at] = then(key[at]);
            (key, value.clone())
        })
        .collect()
}

fn of(kind: EventType, id: &str, minutes: i64, units: Option<i64>) -> Event<'static> {
    let mut event = Event::new(kind);
    event.event_id = Cow::Owned(id.to_owned());
    event.time = Micros(START + minutes * Micros::MINUTE);
    event.anonymous_id = Some(Cow::Borrowed("v"));
    event.order.order_id = Some(Cow::Borrowed("o"));
    event.products.push(Product {
        product_id: Cow::Borrowed("p"),
        price: Some(Amount::from_raw(100_000)),
        // A thousandth is stored as a unit was.
        quantity: units.map(Quantity::from_raw),
        ..Product::default()
    });
    event
}

/// What a restart makes of a partition's state then, and what another one makes of what that wrote.
fn restarted(
    events: &[Event<'static>],
    partition: TopicPartition,
) -> [(StorePartition, Vec<DerivedChange>); 2] {
    let (mut saved, mut rows) = (BTreeMap::new(), Vec::new());
    let mut state = StorePartition::new(store(), partition, OperatorConfig::default());
    for event in events {
        state.apply(&record(RecordKind::Original, store_id()), event);
    }
    save(&mut state, &mut saved, &mut rows);
    let mut saved = as_of_then(&saved, partition);
    [(); 2].map(|()| {
        let (mut state, mut rows) = (
            restored(&saved, partition, OperatorConfig::default()),
            Vec::new(),
        );
        save(&mut state, &mut saved, &mut rows);
        let outdated = as_of_then(&saved, partition);
        let left = saved
            .keys()
            .filter(|key| outdated.contains_key(*key))
            .count();
        let others = saved.keys().filter(|key| {
            let table = split_key(key).unwrap().2;
            !matches!(
                table,
                StateTable::Orders
                    | StateTable::Carts
                    | StateTable::SalesPanes
                    | StateTable::PerformancePanes
            )
        });
        assert_eq!(left, others.count(), "nothing is left in an old table");
        (state, rows)
    })
}

#[test]
fn s1_orders_stored_in_whole_units_are_read_and_written_anew() {
    let mut back = of(EventType::OrderRefunded, "b", 1, Some(1));
    back.products[0].price = None;
    for (mut state, _) in restarted(
        &[of(EventType::OrderCompleted, "a", 0, Some(3)), back],
        ORDERS,
    ) {
        let parts = [Arc::new(state.snapshot())];
        assert_eq!(
            merge::sales(&parts, everything()).units,
            Quantity::from_units(3)
        );
        let ranked = merge::ranking(&parts, everything(), Dimension::Product);
        assert_eq!(ranked[0].figures.units, Quantity::from_units(3));
        assert_eq!(
            state.snapshot().latest_orders[0].units,
            Quantity::from_units(3)
        );
        // The next event settles it again, with what comes back counted in units, too.
        let mut rows = Vec::new();
        state.apply(
            &record(RecordKind::Original, store_id()),
            &of(EventType::OrderUpdated, "c", 2, Some(4_000)),
        );
        state.cut_all(&mut rows);
        let orders = table(&rows, DerivedTable::Orders);
        let Some(DerivedRow::Order(order)) = orders.into_values().next() else {
            panic!("no order")
        };
        assert_eq!(order.units, Quantity::from_units(4));
        assert_eq!(
            order.refunded,
            Amount::from_raw(100_000),
            "one unit of four at 10.00 each"
        );
        let parts = [Arc::new(state.snapshot())];
        assert_eq!(
            merge::sales(&parts, everything()).units,
            Quantity::from_units(4)
        );
    }
}

#[test]
fn s1_carts_stored_in_whole_units_are_read_and_written_anew() {
    let put = [
        of(EventType::ProductAdded, "a", 0, Some(3)),
        of(EventType::ProductRemoved, "b", 1, Some(1)),
    ];
    for (mut state, _) in restarted(&put, USERS) {
        let mut rows = Vec::new();
        let more = of(EventType::ProductAdded, "c", 2, Some(500));
        state.apply(&record(RecordKind::Original, store_id()), &more);
        state.cut_all(&mut rows);
        let carts = table(&rows, DerivedTable::Carts);
        let Some(DerivedRow::Cart(cart)) = carts.into_values().next() else {
            panic!("no cart")
        };
        assert_eq!(cart.items.to_string(), "2.5");
        assert_eq!(cart.value, Amount::from_raw(250_000));
    }
}
