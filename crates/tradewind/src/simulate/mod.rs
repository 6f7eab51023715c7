//! A simulated world of online shops: stores with catalogues, shoppers who browse, buy, return and complain, and
//! the stock behind them.
//!
//! The simulator is a pull-based discrete-event simulation. It holds only what is going on (shoppers in a shop,
//! orders not yet closed) in a queue ordered by time, and depends on its configuration alone: the same seed and
//! configuration give the same bytes on every machine. Time is whatever its events say; the caller does the pacing:
//!
//! ```ignore
//! let mut simulator = Simulator::new(SimulateConfig { seed: 7, rate: 300.0, ..SimulateConfig::default() });
//! let mut line = Vec::new();
//! while simulator.peek_time() <= now {
//!     let event = simulator.next();
//!     simulator.render_json(&event, &mut line);
//! }
//! ```

mod catalogue;
mod checkout;
mod config;
mod context;
mod devices;
mod event;
mod orders;
mod queue;
mod rees46;
mod render;
mod rng;
mod shopper;
mod store;
#[cfg(test)]
mod tests;
mod text;
mod trades;
mod world;

use std::collections::HashSet;

pub use config::SimulateConfig;
pub use event::{SimEvent, SimKind};
pub use store::SimStore;

use event::{Body, Who};
use orders::Order;
use queue::{Action, Queue, Slots};
use rng::{Rng, mix};
use shopper::{Next, Shopper};
use store::Terms;

/// Mean events of a session, with its share of orders, refunds and stock movements (measured; a test holds it).
const EVENTS_PER_SESSION: f64 = 6.8;
/// Mean pieces sold per session, for stocking up.
const UNITS_PER_SESSION: f64 = 0.06;
/// Share of events sent twice, and of events sent late, when faults are on.
const FAULTS: f64 = 0.001;

/// The running simulation; it never ends.
#[derive(Debug)]
pub struct Simulator {
    config: SimulateConfig,
    stores: Vec<SimStore>,
    rng: Rng,
    queue: Queue,
    shoppers: Slots<Shopper>,
    orders: Slots<Order>,
    /// Events waiting to be sent late or again.
    held: Slots<SimEvent>,
    /// Store and visitor of every shopper. Only asked for membership: its order never shows.
    here: HashSet<(u32, u64)>,
    sessions: u64,
    events: u64,
    /// Bits that tell this run's ids from another's.
    key: u64,
    /// Ready JSON of each device and of each source of visits.
    devices: Vec<String>,
    sources: Vec<String>,
    /// The next event, computed ahead so that its time can be seen.
    ready: Option<SimEvent>,
}

impl Simulator {
    /// Builds the stores and queues their catalogues and first shoppers.
    pub fn new(config: SimulateConfig) -> Self {
        let config = config.within_limits();
        let sessions = config.rate / EVENTS_PER_SESSION;
        let weights: Vec<f64> = (0..config.stores)
            .map(|i| 1.0 / f64::from(i + 1).sqrt())
            .collect();
        let sum: f64 = weights.iter().sum();
        let terms = Terms {
            seed: config.seed,
            start: config.start,
            compression: config.time_compression,
            products: config.products,
        };
        let mut simulator = Self {
            stores: Vec::with_capacity(weights.len()),
            rng: Rng::new(mix(config.seed) ^ 0x7472_6164_6577_696e),
            queue: Queue::default(),
            shoppers: Slots::default(),
            orders: Slots::default(),
            held: Slots::default(),
            here: HashSet::new(),
            sessions: 0,
            events: 0,
            key: mix(mix(config.seed) ^ config.start as u64),
            devices: context::devices(),
            sources: context::sources(),
            ready: None,
            config,
        };
        for (index, weight) in (0..).zip(&weights) {
            let sessions = sessions * weight / sum;
            let mut store = SimStore::new(index, &terms, sessions, sessions * UNITS_PER_SESSION);
            store.names_currency = simulator.config.currencies;
            let start = simulator.config.start;
            simulator.queue.push(
                start,
                Action::Upsert {
                    store: index,
                    product: 0,
                },
            );
            let first = store.next_arrival(start + 1, &mut simulator.rng);
            simulator.queue.push(first, Action::Arrival(index));
            let change = price_change_pause(&store, &mut simulator.rng);
            simulator.queue.push(start + change, Action::Price(index));
            simulator.stores.push(store);
        }
        simulator.ready = Some(simulator.produce());
        simulator
    }

    /// The stores, in the order of [`SimEvent::store`].
    pub fn stores(&self) -> &[SimStore] {
        &self.stores
    }

    /// When the next event is sent, UTC µs.
    pub fn peek_time(&self) -> i64 {
        self.ready.map_or(i64::MAX, |event| event.at)
    }

    /// The next event.
    #[allow(
        clippy::should_implement_trait,
        reason = "it never ends, so an Option would only be in the way"
    )]
    pub fn next(&mut self) -> SimEvent {
        let following = self.produce();
        // `ready` is filled from `new` on; the first arm cannot be missing.
        self.ready.replace(following).unwrap_or(following)
    }

    /// Runs the queue until something is sent.
    fn produce(&mut self) -> SimEvent {
        loop {
            let (now, action) = self.queue.head();
            let event = match action {
                Action::Shopper(slot) => Some(self.shopper(now, slot)),
                Action::Order(slot) => self.order(now, slot),
                Action::Arrival(store) => {
                    self.arrival(now, store);
                    None
                }
                Action::Held(slot) => {
                    self.queue.pop();
                    return SimEvent {
                        at: now,
                        ..self.held.take(slot)
                    };
                }
                Action::Upsert { store, product } => return self.upsert(now, store, product),
                Action::Shipment { store, product } => Some(self.shipment(now, store, product)),
                Action::Price(store) => self.price(now, store),
            };
            if let Some(event) = event
                && let Some(event) = self.maybe_faulty(event)
            {
                return event;
            }
        }
    }

    fn event(
        &mut self,
        at: i64,
        store: u32,
        kind: SimKind,
        who: Option<Who>,
        body: Body,
    ) -> SimEvent {
        self.events += 1;
        SimEvent {
            at,
            time: at,
            store,
            kind,
            duplicate: false,
            number: self.events,
            who,
            landing: false,
            body,
        }
    }

    /// Lets a few events be sent late (then there is nothing to send now) or twice.
    fn maybe_faulty(&mut self, event: SimEvent) -> Option<SimEvent> {
        if !self.config.faults {
            return Some(event);
        }
        let roll = self.rng.unit();
        if roll < FAULTS {
            let slot = self.held.put(SimEvent {
                duplicate: true,
                ..event
            });
            let at = event.at + self.rng.between(50_000, 60_000_000);
            self.queue.push(at, Action::Held(slot));
        } else if roll < 2.0 * FAULTS {
            let slot = self.held.put(event);
            let at = event.at + self.rng.between(500_000, 30_000_000);
            self.queue.push(at, Action::Held(slot));
            return None;
        }
        Some(event)
    }

    fn arrival(&mut self, now: i64, index: u32) {
        let store = &mut self.stores[index as usize];
        self.sessions += 1;
        let here = &self.here;
        let visit = store.visit(self.sessions, &mut self.rng, |visitor| {
            here.contains(&(index, visitor))
        });
        let shopper = Shopper::new(index, &visit, store, &mut self.rng);
        let next = store.next_arrival(now + 1, &mut self.rng);
        self.here.insert((index, visit.who.visitor));
        let slot = self.shoppers.put(shopper);
        self.queue.replace_head(next, Action::Arrival(index));
        self.queue.push(now, Action::Shopper(slot));
    }

    fn shopper(&mut self, now: i64, slot: u32) -> SimEvent {
        let shopper = self.shoppers.get(slot);
        let index = shopper.store;
        let step = shopper.step(&mut self.stores[index as usize], &mut self.rng);
        let landing = std::mem::take(&mut shopper.landing);
        let who = shopper.who;
        match step.next {
            Next::After(pause) => self.queue.replace_head(now + pause, Action::Shopper(slot)),
            Next::Return(pause) => {
                self.sessions += 1;
                shopper.come_back(self.sessions, &mut self.rng);
                self.queue.replace_head(now + pause, Action::Shopper(slot));
            }
            Next::Leave => {
                self.queue.pop();
                self.shoppers.take(slot);
                self.here.remove(&(index, who.visitor));
            }
        }
        if step.kind == SimKind::OrderCompleted
            && let Some((order, pause)) = Order::new(index, who, &step.body, &mut self.rng)
        {
            let slot = self.orders.put(order);
            self.queue.push(now + pause, Action::Order(slot));
        }
        SimEvent {
            landing,
            ..self.event(now, index, step.kind, Some(who), step.body)
        }
    }

    fn order(&mut self, now: i64, slot: u32) -> Option<SimEvent> {
        let order = self.orders.get(slot);
        let (index, who) = (order.store, order.who);
        let store = &mut self.stores[index as usize];
        let step = order.step(store, &mut self.rng);
        match step.next {
            Some(pause) => self.queue.replace_head(now + pause, Action::Order(slot)),
            None => {
                self.queue.pop();
                self.orders.take(slot);
            }
        }
        if let Some(product) = step.ordered {
            let at = now + store.slow(self.rng.log_normal(14.0, 0.5).clamp(4.0, 48.0));
            self.queue.push(
                at,
                Action::Shipment {
                    store: index,
                    product,
                },
            );
        }
        Some(self.event(now, index, step.kind, step.named.then_some(who), step.body))
    }

    fn upsert(&mut self, now: i64, index: u32, product: u32) -> SimEvent {
        let products = &self.stores[index as usize].catalogue.products;
        let goods = &products[product as usize];
        let body = Body::Upsert {
            product,
            price: goods.price,
            stock: goods.stock,
        };
        if product as usize + 1 < products.len() {
            self.queue.replace_head(
                now,
                Action::Upsert {
                    store: index,
                    product: product + 1,
                },
            );
        } else {
            self.queue.pop();
        }
        self.event(now, index, SimKind::ProductUpserted, None, body)
    }

    fn shipment(&mut self, now: i64, index: u32, product: u32) -> SimEvent {
        self.queue.pop();
        let goods = &mut self.stores[index as usize].catalogue.products[product as usize];
        let delta = goods.reorder;
        goods.stock += delta;
        goods.ordered = false;
        self.event(
            now,
            index,
            SimKind::ShipmentReceived,
            None,
            Body::Stock { product, delta },
        )
    }

    /// A promotion begins or ends.
    fn price(&mut self, now: i64, index: u32) -> Option<SimEvent> {
        let store = &mut self.stores[index as usize];
        let product = self.rng.below(store.catalogue.products.len() as u32);
        let goods = &mut store.catalogue.products[product as usize];
        let percent = self.rng.between(80, 95) as u64;
        let price = match goods.price == goods.list_price {
            true => catalogue::charm((u64::from(goods.list_price) * percent / 100) as u32)
                .max(goods.cost),
            false => goods.list_price,
        };
        let changed = std::mem::replace(&mut goods.price, price) != price;
        let pause = price_change_pause(store, &mut self.rng);
        self.queue.replace_head(now + pause, Action::Price(index));
        changed.then(|| {
            self.event(
                now,
                index,
                SimKind::PriceChanged,
                None,
                Body::Price { product, price },
            )
        })
    }
}

/// µs until a price changes in the store: about every two weeks for each product.
fn price_change_pause(store: &SimStore, rng: &mut Rng) -> i64 {
    store.slow(14.0 * 24.0 / store.catalogue.products.len() as f64 * rng.exponential())
}
