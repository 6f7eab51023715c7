//! The simulator as its callers see it: same bytes for the same seed, time that runs forward, money that adds up,
//! and shoppers who behave like the ones in the shop next door.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::event::Body;
use super::{SimKind, SimulateConfig, Simulator};

const HOUR: i64 = 3_600_000_000;

fn config() -> SimulateConfig {
    SimulateConfig {
        seed: 42,
        stores: 3,
        rate: 50.0,
        products: 300,
        ..SimulateConfig::default()
    }
}

fn object(simulator: &Simulator, event: &super::SimEvent) -> Value {
    let mut line = Vec::new();
    simulator.render_json(event, &mut line);
    serde_json::from_slice(&line)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&line)))
}

/// Cents of a decimal string with two places.
fn cents(value: &Value) -> i64 {
    let digits = value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is not money"))
        .replace('.', "");
    digits
        .parse()
        .unwrap_or_else(|_| panic!("{value} is not money"))
}

fn fingerprint(config: SimulateConfig, events: usize) -> u64 {
    let mut simulator = Simulator::new(config);
    let (mut line, mut hash) = (Vec::new(), 0xcbf2_9ce4_8422_2325_u64);
    for _ in 0..events {
        line.clear();
        let event = simulator.next();
        simulator.render_json(&event, &mut line);
        line.push(b'\n');
        simulator.render_rees46(&event, &mut line);
        for &byte in &line {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash
}

#[test]
fn the_same_seed_gives_the_same_bytes_on_every_machine() {
    let hash = fingerprint(config(), 200_000);
    assert_eq!(hash, fingerprint(config(), 200_000));
    assert_ne!(
        hash,
        fingerprint(
            SimulateConfig {
                seed: 43,
                ..config()
            },
            200_000
        )
    );
    // Changes with any change to what the simulator does; recorded so that another machine can be compared.
    assert_eq!(hash, 0x9973_0815_3d88_4e54, "{hash:#x}");
}

#[test]
fn sends_run_forward_in_time_and_faults_are_countable() {
    let mut simulator = Simulator::new(config());
    let (mut last, mut late, mut seen, mut duplicates) = (i64::MIN, 0, HashMap::new(), 0);
    let n = 300_000;
    for _ in 0..n {
        let at = simulator.peek_time();
        let event = simulator.next();
        assert_eq!(event.at, at);
        assert!(event.at >= last && event.time <= event.at);
        last = event.at;
        let mut line = Vec::new();
        simulator.render_json(&event, &mut line);
        let id = line[..160]
            .windows(36)
            .position(|w| w[8] == b'-' && w[13] == b'-' && w[14] == b'7')
            .map(|at| line[at..at + 36].to_vec());
        let before = seen.insert(id, line.clone());
        assert_eq!(
            event.duplicate,
            before.is_some(),
            "{}",
            String::from_utf8_lossy(&line)
        );
        if let Some(before) = before {
            // A price may have changed, but not what was said about it.
            assert_eq!(before, line);
            assert!(event.at - event.time <= 60_000_000);
            duplicates += 1;
        } else if event.time < event.at {
            assert!(event.at - event.time <= 30_000_000);
            late += 1;
        }
    }
    let expected = n / 1_000 * 80 / 100..n / 1_000 * 120 / 100;
    assert!(
        expected.contains(&duplicates) && expected.contains(&late),
        "{duplicates} duplicates, {late} late"
    );
    let mut simulator = Simulator::new(SimulateConfig {
        faults: false,
        ..config()
    });
    assert!(
        (0..100_000)
            .map(|_| simulator.next())
            .all(|event| !event.duplicate && event.time == event.at)
    );
}

#[test]
fn every_line_is_an_event_and_all_kinds_occur() {
    let mut simulator = Simulator::new(SimulateConfig {
        time_compression: 50.0,
        store_ids: true,
        ..config()
    });
    let mut kinds = HashSet::new();
    for _ in 0..300_000 {
        let event = simulator.next();
        kinds.insert(event.kind);
        let object = object(&simulator, &event);
        let kind = event.kind.name();
        assert_eq!(object["type"], kind);
        let store = &simulator.stores()[event.store as usize];
        assert_eq!(object["store_id"], store.id.as_str());
        let time = object["time"]
            .as_str()
            .and_then(|t| chrono::DateTime::parse_from_rfc3339(t).ok());
        assert_eq!(time.map(|t| t.timestamp_micros()), Some(event.time));
        if kind.starts_with("product_") && kind != "product_list_viewed" {
            assert!(object["product"]["product_id"].is_string(), "{object}");
        }
        if kind.starts_with("order_")
            || kind.starts_with("payment_") && kind != "payment_info_entered"
        {
            assert!(object["order"]["order_id"].is_string(), "{object}");
        }
        if let Some(ip) = object["context"]["ip"].as_str() {
            let reserved = ["203.0.113.", "198.51.100.", "2001:db8:"]
                .iter()
                .any(|net| ip.starts_with(net));
            assert!(reserved && ip.parse::<std::net::IpAddr>().is_ok(), "{ip}");
        }
        if let Some(currency) = object.get("currency") {
            assert_eq!(currency, store.currency);
        }
    }
    assert_eq!(kinds.len(), 33, "{kinds:?}");
}

#[test]
fn money_adds_up_and_refunds_stay_within_the_order() {
    let mut simulator = Simulator::new(SimulateConfig {
        time_compression: 500.0,
        faults: false,
        rate: 200.0,
        ..config()
    });
    let (mut orders, mut ended, mut named) = (HashMap::new(), HashMap::new(), 0);
    let (mut refunds, mut cancelled) = (0, 0);
    for _ in 0..1_500_000 {
        let event = simulator.next();
        if !matches!(
            event.kind,
            SimKind::OrderCompleted | SimKind::OrderRefunded | SimKind::OrderCancelled
        ) {
            continue;
        }
        let object = object(&simulator, &event);
        let order = &object["order"];
        let id = (event.store, order["order_id"].to_string());
        let lines = |of: &Value| -> i64 {
            of["products"].as_array().map_or(0, |all| {
                all.iter()
                    .map(|p| cents(&p["price"]) * p["quantity"].as_i64().unwrap_or(0))
                    .sum()
            })
        };
        if event.kind == SimKind::OrderCompleted {
            let [total, revenue, subtotal, discount, tax, shipping] = [
                "total", "revenue", "subtotal", "discount", "tax", "shipping",
            ]
            .map(|name| cents(&order[name]));
            assert_eq!(subtotal, lines(&object));
            assert_eq!(revenue, subtotal - discount);
            assert_eq!(total, subtotal - discount + tax + shipping);
            assert!(discount * 5 <= subtotal + 5 && discount >= 0 && tax > 0 && shipping >= 0);
            assert_eq!(discount > 0, order.get("coupon").is_some());
            assert!(
                orders.insert(id, revenue).is_none(),
                "order number used twice"
            );
            continue;
        }
        let revenue = orders[&id];
        let back = if let Some(amount) = order.get("total") {
            cents(amount)
        } else {
            lines(&object)
        };
        assert!((0..=revenue).contains(&back), "{object} of {revenue}");
        assert!(ended.insert(id, ()).is_none(), "an order ends once");
        refunds += u32::from(event.kind == SimKind::OrderRefunded);
        cancelled += u32::from(event.kind == SimKind::OrderCancelled);
        named += u32::from(object.get("anonymous_id").is_some());
    }
    let share = |n: u32| f64::from(n) / orders.len() as f64;
    assert!((0.04..0.06).contains(&share(refunds)), "{}", share(refunds));
    assert!(
        (0.011..0.019).contains(&share(cancelled)),
        "{}",
        share(cancelled)
    );
    assert!((0.4..0.6).contains(&(f64::from(named) / f64::from(refunds + cancelled))));
}

#[test]
fn a_day_has_the_asked_rate_and_believable_shoppers() {
    for (stores, rate) in [(1, 20.0), (5, 40.0)] {
        let start = config().start;
        let mut simulator = Simulator::new(SimulateConfig {
            stores,
            rate,
            start,
            ..config()
        });
        let (mut events, mut sessions, mut carts, mut orders) =
            (0u32, HashSet::new(), HashSet::new(), HashSet::new());
        let (mut ordered, mut campaigns, mut returning, mut most) =
            (HashSet::new(), 0u32, HashMap::new(), 0);
        while simulator.peek_time() < start + 24 * HOUR {
            let event = simulator.next();
            events += u32::from(event.kind != SimKind::ProductUpserted);
            most = most.max(simulator.shoppers.len() + simulator.orders.len());
            let Some(who) = event.who else { continue };
            if sessions.insert(who.session) {
                campaigns += u32::from(
                    super::devices::SOURCES[usize::from(who.source)]
                        .campaign
                        .is_some(),
                );
                *returning.entry((event.store, who.visitor)).or_insert(0u32) += 1;
            }
            match event.body {
                Body::Line { cart, .. } if event.kind == SimKind::ProductAdded => {
                    carts.insert(cart);
                }
                Body::Order { order, cart, .. } => {
                    orders.insert((event.store, order));
                    ordered.insert(cart);
                }
                _ => {}
            }
        }
        let n = sessions.len() as f64;
        let (conversion, abandoned) = (
            orders.len() as f64 / n,
            1.0 - ordered.len() as f64 / carts.len() as f64,
        );
        let asked = rate * 86_400.0;
        println!(
            "{events} events ({:.3} of asked), {n} sessions, {:.3} events each, conversion {conversion:.4}, abandoned \
             {abandoned:.3}, campaigns {:.3}, most held {most}",
            f64::from(events) / asked,
            f64::from(events) / n,
            f64::from(campaigns) / n,
        );
        assert!(
            (0.9..1.1).contains(&(f64::from(events) / asked)),
            "{events} events"
        );
        assert!((0.025..0.035).contains(&conversion), "{conversion}");
        assert!((0.66..0.74).contains(&abandoned), "{abandoned}");
        assert!((0.27..0.33).contains(&(f64::from(campaigns) / n)));
        assert!(most < 40_000, "{most} shoppers and orders held");
    }
}

#[test]
fn rees46_has_a_line_for_each_line_of_an_order() {
    let mut simulator = Simulator::new(config());
    let mut purchases = 0;
    for _ in 0..100_000 {
        let event = simulator.next();
        let mut out = Vec::new();
        let known = simulator.render_rees46(&event, &mut out);
        let out = String::from_utf8(out).unwrap_or_default();
        assert_eq!(known, !out.is_empty());
        for line in out.lines() {
            let columns: Vec<&str> = line.split(',').collect();
            assert_eq!(columns.len(), 9, "{line}");
            assert!(
                columns[0].ends_with(" UTC")
                    && columns[7].parse::<u64>().is_ok()
                    && columns[8].len() == 36,
                "{line}"
            );
        }
        if let Body::Order { lines, .. } = event.body {
            assert_eq!(out.lines().count(), lines.as_slice().len());
            purchases += 1;
        }
    }
    assert!(purchases > 100);
}

#[test]
fn history_begins_before_now() {
    let now = 1_790_000_000_000_000;
    let config = SimulateConfig {
        start: now - 26 * 3_600_000_000,
        ..config()
    };
    assert_eq!(config.start, now - 26 * HOUR);
    assert_eq!(Simulator::new(config).peek_time(), now - 26 * HOUR);
}
