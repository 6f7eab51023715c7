//! Everything operators know of one store in one partition: watermark, ids seen, names, visitors, and the operators.

use std::sync::Arc;

use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};
use tradewind_journal::{Record, RecordKind};
use tradewind_model::validate::Envelope;
use tradewind_model::{Date, Decoder, Event, EventType, Micros, Store, Topic, TopicPartition};

use crate::completed::CompletedOrders;
use crate::live::{RateBySecond, Snapshot};
use crate::names::{LineNames, Names};
use crate::operators::carts::Carts;
use crate::operators::funnel::{self, FunnelPane};
use crate::operators::performance::{self, PerformancePane};
use crate::operators::sales::Orders;
use crate::operators::sessions::{SessionRules, Sessions};
use crate::operators::traffic::{self, TrafficPane};
use crate::operators::{Facts, Surroundings};
use crate::panes::{PaneRetention, Panes};
use crate::rows::DerivedChange;
use crate::seen::{DedupWindow, SeenIds};
use crate::sink::{LocalTime, Outcome, Tap};
use crate::state::{Changes, StateError, StateTable, decode};
use crate::visitors::Visitors;

/// How the operators work; the same for every store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OperatorConfig {
    /// How far behind the watermark an event may be and still correct views, µs.
    pub lateness: i64,
    /// De-duplication.
    pub dedup: DedupWindow,
    /// When sessions end.
    pub sessions: SessionRules,
    /// How long a cart is left alone before it counts as abandoned, µs.
    pub cart_quiet: i64,
    /// How long panes are kept.
    pub panes: PaneRetention,
}

impl Default for OperatorConfig {
    fn default() -> Self {
        Self {
            lateness: Micros::HOUR,
            dedup: DedupWindow::default(),
            sessions: SessionRules::default(),
            cart_quiet: Micros::HOUR,
            panes: PaneRetention::default(),
        }
    }
}

/// The watermark and the counters of L2.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The newest event time seen, but no later than its arrival.
    pub watermark: Option<Micros>,
    /// The oldest event time seen.
    pub first_event: Option<Micros>,
    /// Originals read.
    pub received: u64,
    /// Of them new events.
    pub silver: u64,
    /// Of them seen before.
    pub duplicates: u64,
    /// Of them rejected.
    pub quarantined: u64,
    /// Of the new events those later than the allowed lateness.
    pub late: u64,
}

/// What a record turned out to be.
#[derive(Debug)]
pub enum Verdict {
    /// New; local time and whether it was too late for the views.
    New(LocalTime, bool),
    /// Its id was seen before.
    Duplicate,
    /// A copy of a transaction; nothing for the lake.
    Copy,
}

/// One store in one partition.
pub struct StorePartition {
    /// The store.
    pub store: Arc<Store>,
    partition: TopicPartition,
    config: OperatorConfig,
    /// Watermark and counters.
    pub progress: Progress,
    progress_dirty: bool,
    seen: SeenIds,
    /// Copies of transactions by themselves: what is a duplicate, and when it is forgotten, must not depend on them (L2), for bronze
    /// does not have them.
    copies: SeenIds,
    completed: CompletedOrders,
    names: Names,
    visitors: Visitors,
    traffic: Panes<TrafficPane>,
    funnel: Panes<FunnelPane>,
    performance: Panes<PerformancePane>,
    sessions: Sessions,
    carts: Carts,
    orders: Orders,
    rate: RateBySecond,
    lines: Vec<LineNames>,
    local: (Micros, Micros, LocalTime),
    advanced: Micros,
    swept: Date,
    changes: Vec<DerivedChange>,
    /// Entries of the checkpoint that stand in another table now, from the restore to the first cut.
    outdated: Vec<(StateTable, Vec<u8>)>,
}

impl StorePartition {
    /// A store nothing is known of yet.
    #[must_use]
    pub fn new(store: Arc<Store>, partition: TopicPartition, config: OperatorConfig) -> Self {
        let zone = store.zone;
        // Minutes must stay open as long as late events may come.
        let retention = PaneRetention {
            minutes: config.panes.minutes.max(Micros::HOUR),
            ..config.panes
        };
        Self {
            partition,
            config,
            progress: Progress::default(),
            progress_dirty: false,
            seen: SeenIds::new(config.dedup),
            copies: SeenIds::new(config.dedup),
            completed: CompletedOrders::default(),
            names: Names::default(),
            visitors: Visitors::default(),
            traffic: Panes::new(StateTable::TrafficPanes, zone, retention),
            funnel: Panes::new(StateTable::FunnelPanes, zone, retention),
            performance: Panes::new(StateTable::PerformancePanes, zone, retention),
            sessions: Sessions::new(
                config.sessions,
                Panes::new(StateTable::SessionPanes, zone, retention),
            ),
            carts: Carts::new(
                config.cart_quiet,
                Panes::new(StateTable::CartPanes, zone, retention),
            ),
            orders: Orders::new(Panes::new(StateTable::SalesPanes, zone, retention)),
            rate: RateBySecond::default(),
            lines: Vec::new(),
            local: (
                Micros(0),
                Micros(0),
                LocalTime {
                    date: Date(0),
                    hour: 0,
                    weekday: 0,
                },
            ),
            advanced: Micros(i64::MIN),
            swept: Date(i32::MIN),
            changes: Vec::new(),
            outdated: Vec::new(),
            store,
        }
    }

    fn watermark(&self) -> Micros {
        self.progress.watermark.unwrap_or(Micros(i64::MIN))
    }

    fn horizon(&self) -> Micros {
        self.watermark().plus(-self.config.lateness)
    }

    /// Decodes a record, runs it through the operators and tells the tap what became of it.
    pub fn take(&mut self, record: &Record<'_>, decoder: &Decoder, tap: &mut dyn Tap) {
        let store = Arc::clone(&self.store);
        if let RecordKind::Rejected { code, message } = record.kind {
            self.quarantine();
            tap.record(&store, record, &Outcome::Quarantined { code, message });
            return;
        }
        let envelope = Envelope {
            received_at: record.received_at,
            event_id: record.event_id,
        };
        match decoder.decode(record.raw, &envelope, &store) {
            Ok(event) => match self.apply(record, &event) {
                Verdict::New(local, late) => {
                    let event = &event;
                    tap.record(&store, record, &Outcome::Silver { event, local, late });
                }
                Verdict::Duplicate => {
                    tap.record(&store, record, &Outcome::Duplicate { event: &event });
                }
                Verdict::Copy => {}
            },
            // It was valid at the door; the store's settings or the rules have changed since.
            Err(rejection) if record.kind == RecordKind::Original => {
                self.quarantine();
                let outcome = Outcome::Quarantined {
                    code: rejection.code,
                    message: &rejection.message,
                };
                tap.record(&store, record, &outcome);
            }
            Err(_) => {}
        }
    }

    /// Notes a record that could not become an event.
    pub fn quarantine(&mut self) {
        self.progress.received += 1;
        self.progress.quarantined += 1;
        self.progress_dirty = true;
    }

    /// Takes a decoded event through de-duplication, watermark and operators.
    pub fn apply(&mut self, record: &Record<'_>, event: &Event<'_>) -> Verdict {
        let is_copy = record.kind == RecordKind::Copy;
        self.progress_dirty = true;
        self.progress.received += u64::from(!is_copy);
        let seen = if is_copy {
            &mut self.copies
        } else {
            &mut self.seen
        };
        if !seen.insert(&event.event_id, event.time) {
            self.progress.duplicates += u64::from(!is_copy);
            return if is_copy {
                Verdict::Copy
            } else {
                Verdict::Duplicate
            };
        }
        let late = event.time < self.horizon();
        if !is_copy {
            self.progress.silver += 1;
            self.progress.late += u64::from(late);
            self.rate.count(record.received_at);
        }
        self.progress.first_event = Some(
            self.progress
                .first_event
                .map_or(event.time, |t| t.min(event.time)),
        );
        self.run(event, is_copy, late);
        // A sender whose clock runs ahead must not make everybody else late.
        let seen_until = event.time.min(record.received_at);
        let seen = if is_copy {
            &mut self.copies
        } else {
            &mut self.seen
        };
        seen.advance(seen_until);
        if seen_until > self.watermark() {
            self.progress.watermark = Some(seen_until);
            self.advance();
        }
        if is_copy {
            Verdict::Copy
        } else {
            Verdict::New(self.local_time(event.time), late)
        }
    }

    /// Windows and sessions that are closed stay closed to late events; an order is never closed, so what is said of it
    /// late still settles it (S4). Its copy converts the visitor's cart and counts the visitor as a buyer however late: the
    /// original's partition and the visitor's have watermarks of their own, and only the original's verdict is the event's.
    fn run(&mut self, event: &Event<'_>, is_copy: bool, late: bool) {
        if late && !is_copy && self.partition.topic != Topic::Transactions {
            return;
        }
        self.lines.clear();
        for product in &event.products {
            self.lines.push(self.names.line(product));
        }
        let in_visitors_partition = self.partition.topic == Topic::UserEvents;
        let repeats = in_visitors_partition
            && event.event_type == EventType::OrderCompleted
            && match (event.order.order_id.as_deref(), event.visitor()) {
                (Some(order), Some(visitor)) => self.completed.repeats(order, visitor, event.time),
                _ => false,
            };
        let facts = Facts {
            event,
            is_copy,
            repeats,
            visitor: if in_visitors_partition && event.event_type.is_by_visitor() {
                event.visitor().map(|v| self.visitors.number(v))
            } else {
                None
            },
            lines: &self.lines,
            city: self.names.city(&event.context),
        };
        let watermark = self.progress.watermark.unwrap_or(event.time);
        let advanced = self.advanced;
        let mut around = Surroundings {
            store: &self.store,
            partition: self.partition,
            changes: &mut self.changes,
        };
        if !late || is_copy {
            traffic::apply(&mut self.traffic, &facts);
            funnel::apply(&mut self.funnel, &facts);
        }
        match self.partition.topic {
            Topic::UserEvents => {
                if !late {
                    self.sessions.apply(&facts, &mut around);
                }
                self.carts.apply(&facts, advanced, &mut around);
                if !is_copy {
                    performance::apply(&mut self.performance, &facts);
                }
            }
            Topic::Transactions => {
                self.orders
                    .apply(&facts, watermark, &mut self.performance, &mut around)
            }
            Topic::InventoryUpdates => {}
        }
    }

    /// Local time of an event; the last quarter of an hour is remembered, in which it cannot change.
    pub fn local_time(&mut self, time: Micros) -> LocalTime {
        let (from, to, local) = self.local;
        if time >= from && time < to {
            return local;
        }
        let zone = &self.store.zone;
        let local = LocalTime {
            date: zone.date(time),
            hour: zone.hour(time),
            weekday: zone.weekday(time),
        };
        let from = time.floor_to(15 * Micros::MINUTE);
        self.local = (from, from.plus(15 * Micros::MINUTE), local);
        local
    }

    /// Lets operators close, fold and forget, at whole seconds of event time: after a restart it happens again at the same one.
    fn advance(&mut self) {
        let watermark = self.watermark().floor_to(Micros::SECOND);
        if watermark <= self.advanced {
            return;
        }
        self.advanced = watermark;
        let horizon = watermark.plus(-self.config.lateness);
        let mut around = Surroundings {
            store: &self.store,
            partition: self.partition,
            changes: &mut self.changes,
        };
        self.sessions.advance(horizon, &mut around);
        self.carts.advance(watermark, horizon, &mut around);
        self.orders.advance(horizon);
        self.completed.advance(horizon);
        self.traffic.advance(horizon);
        self.funnel.advance(horizon);
        self.performance.advance(horizon);
        let today = self.local_time(watermark).date;
        if today > self.swept {
            self.swept = today;
            let mut named = RoaringBitmap::new();
            for pane in self.performance.iter() {
                named.extend(pane.0.keys());
            }
            self.carts.named(&mut named);
            self.orders.named(&mut named);
            self.names.keep_only(&named);
            if self.partition.topic == Topic::UserEvents {
                let mut live = RoaringBitmap::new();
                for pane in self.traffic.iter() {
                    live |= &pane.visitors.0;
                }
                for pane in self.funnel.iter() {
                    for step in &pane.visitors {
                        live |= &step.0;
                    }
                }
                self.visitors.keep_only(&live);
            }
        }
    }

    /// A picture for readers.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            store: Arc::clone(&self.store),
            partition: self.partition,
            progress: self.progress,
            cart_quiet: self.config.cart_quiet,
            traffic: self.traffic.snapshot(),
            funnel: self.funnel.snapshot(),
            performance: self.performance.snapshot(),
            sessions: self.sessions.panes.snapshot(),
            carts: self.carts.panes.snapshot(),
            sales: self.orders.panes.snapshot(),
            names: Arc::clone(self.names.all()),
            latest_orders: self.orders.latest(&self.store),
            latest_carts: self.carts.latest_abandoned(self.advanced, &self.store),
            rate: self.rate.clone(),
            state: [
                (
                    "seen_ids",
                    self.seen.len() + self.copies.len() + self.completed.len(),
                ),
                ("visitors", self.visitors.len()),
                ("names", self.names.len()),
                ("open_sessions", self.sessions.open()),
                ("carts", self.carts.len()),
                ("orders", self.orders.len()),
            ],
        }
    }

    /// Keys of open sessions and carts whose rows wait to be handed out, at most; none when it is zero.
    #[must_use]
    pub fn owed(&self) -> usize {
        self.sessions.owed() + self.carts.owed()
    }

    /// Hands out rows and state changes since the last cut. The rows of open sessions and carts change with every event: they
    /// are handed out only when the lake takes rows, `open_rows` of them at most; the state remembers which it owes.
    pub fn cut(&mut self, rows: &mut Vec<DerivedChange>, open_rows: &mut usize) -> Changes {
        // What became abandoned is found as of the last advance: a row must not say more because it is handed out later.
        let advanced = self.advanced;
        let mut around = Surroundings {
            store: &self.store,
            partition: self.partition,
            changes: &mut self.changes,
        };
        // Carts have half of it to themselves: a flood of sessions must not hide what was abandoned.
        let mut half = *open_rows / 2;
        *open_rows -= half;
        self.carts.hand_out(advanced, &mut half, &mut around);
        *open_rows += half;
        self.sessions.hand_out(open_rows, &mut around);
        self.carts.hand_out(advanced, open_rows, &mut around);
        rows.append(&mut self.changes);
        let mut changes = Changes::new(self.partition, &self.store.store_id);
        for (table, key) in self.outdated.drain(..) {
            changes.remove(table, &key);
        }
        if std::mem::take(&mut self.progress_dirty) {
            changes.put(StateTable::Progress, &[], &self.progress);
        }
        self.seen.save(StateTable::SeenIds, &mut changes);
        self.copies.save(StateTable::SeenCopies, &mut changes);
        self.completed.save(&mut changes);
        self.names.save(&mut changes);
        self.visitors.save(&mut changes);
        self.traffic.save(&mut changes);
        self.funnel.save(&mut changes);
        self.performance.save(&mut changes);
        self.sessions.save(&mut changes);
        self.carts.save(&mut changes);
        self.orders.save(&mut changes);
        changes
    }

    /// [`Self::cut`] with every row that waits.
    pub fn cut_all(&mut self, rows: &mut Vec<DerivedChange>) -> Changes {
        let mut all = usize::MAX;
        self.cut(rows, &mut all)
    }

    /// Takes an entry of a checkpoint; entries come in the order of their keys.
    ///
    /// # Errors
    /// [`StateError`] when it cannot be read.
    pub fn restore(
        &mut self,
        table: StateTable,
        key: &[u8],
        value: &[u8],
    ) -> Result<(), StateError> {
        match table {
            StateTable::Progress => {
                self.progress = decode(table, value)?;
                Ok(())
            }
            StateTable::SeenIds => self.seen.restore(table, key, value),
            StateTable::SeenCopies => self.copies.restore(table, key, value),
            StateTable::CompletedOrders => self.completed.restore(key, value),
            StateTable::Names => self.names.restore(key, value),
            StateTable::Visitors => self.visitors.restore(key, value),
            StateTable::TrafficPanes => self.traffic.restore(key, value),
            StateTable::FunnelPanes => self.funnel.restore(key, value),
            StateTable::SalesPanes => self.orders.panes.restore(key, value),
            StateTable::PerformancePanes => self.performance.restore(key, value),
            StateTable::SalesPanesOfUnits => {
                self.outdated.push((table, key.to_vec()));
                self.orders.panes.restore_of_units(key, value)
            }
            StateTable::PerformancePanesOfUnits => {
                self.outdated.push((table, key.to_vec()));
                self.performance.restore_of_units(key, value)
            }
            StateTable::SessionPanes => self.sessions.panes.restore(key, value),
            StateTable::CartPanes => self.carts.panes.restore(key, value),
            StateTable::Sessions => self.sessions.restore(key, value),
            StateTable::Orders => self.orders.restore(table, key, value, &self.store),
            StateTable::OrdersOfUnits => {
                self.outdated.push((table, key.to_vec()));
                self.orders.restore(table, key, value, &self.store)
            }
            StateTable::Carts | StateTable::CartsOfUnits => {
                if table == StateTable::CartsOfUnits {
                    self.outdated.push((table, key.to_vec()));
                }
                // The progress comes first, by its table's number.
                let advanced = self.watermark().floor_to(Micros::SECOND);
                self.carts
                    .restore(table, key, value, advanced, self.config.lateness)
            }
        }
    }

    /// Ends a restore: ids read are remembered, and new events find panes folded as far as they were. What is due waits for the watermark to move on, as it
    /// did before the restart, so that both go on alike.
    pub fn restored(&mut self) {
        self.seen.restored();
        self.copies.restored();
        if self.progress.watermark.is_none() {
            return;
        }
        self.advanced = self.watermark().floor_to(Micros::SECOND);
        self.swept = self.local_time(self.advanced).date;
        let horizon = self.advanced.plus(-self.config.lateness);
        self.traffic.advance(horizon);
        self.funnel.advance(horizon);
        self.performance.advance(horizon);
        self.sessions.panes.advance(horizon);
        self.carts.panes.advance(horizon);
        self.orders.panes.advance(horizon);
    }
}
