//! What readers see: immutable snapshots of each partition, merged when read. Readers never block an operator.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;
use tradewind_model::{Micros, Store, StoreId, TopicPartition};

use crate::names::Name;
use crate::operators::carts::CartPane;
use crate::operators::funnel::FunnelPane;
use crate::operators::performance::PerformancePane;
use crate::operators::sales::SalesPane;
use crate::operators::sessions::SessionPane;
use crate::operators::traffic::TrafficPane;
use crate::panes::PaneSnapshot;
use crate::rows::{CartRow, OrderRow};
use crate::store_partition::Progress;

/// Seconds of received time that the rate covers.
const RATE_SECONDS: i64 = 130;

/// New events by second of reception, for the last two minutes. Not part of the checkpoint: it is about now.
#[derive(Debug, Clone, Default)]
pub struct RateBySecond {
    seconds: BTreeMap<i64, u64>,
}

impl RateBySecond {
    pub(crate) fn count(&mut self, received_at: Micros) {
        let second = received_at.0.div_euclid(Micros::SECOND);
        *self.seconds.entry(second).or_default() += 1;
        if let Some((newest, _)) = self.seconds.last_key_value() {
            let from = newest - RATE_SECONDS;
            while self
                .seconds
                .first_key_value()
                .is_some_and(|(s, _)| *s < from)
            {
                self.seconds.pop_first();
            }
        }
    }

    /// (second since 1970, events), rising.
    pub fn seconds(&self) -> impl Iterator<Item = (i64, u64)> {
        self.seconds.iter().map(|(s, n)| (*s, *n))
    }
}

/// One store in one partition at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The store.
    pub store: Arc<Store>,
    /// The partition.
    pub partition: TopicPartition,
    /// Watermark and counters.
    pub progress: Progress,
    /// When a cart counts as abandoned, µs.
    pub cart_quiet: i64,
    /// Traffic.
    pub traffic: PaneSnapshot<TrafficPane>,
    /// Funnel by visitors and events.
    pub funnel: PaneSnapshot<FunnelPane>,
    /// By name.
    pub performance: PaneSnapshot<PerformancePane>,
    /// Sessions.
    pub sessions: PaneSnapshot<SessionPane>,
    /// Carts.
    pub carts: PaneSnapshot<CartPane>,
    /// Sales.
    pub sales: PaneSnapshot<SalesPane>,
    /// Names by number.
    pub names: Arc<Vec<Arc<Name>>>,
    /// Latest orders, newest first.
    pub latest_orders: Vec<OrderRow>,
    /// Latest abandoned carts, newest first.
    pub latest_carts: Vec<CartRow>,
    /// Events by second of reception.
    pub rate: RateBySecond,
    /// Sizes of the state, by what it holds.
    pub state: [(&'static str, usize); 6],
}

#[derive(Debug)]
struct StoreSlot {
    generation: AtomicU64,
    partitions: RwLock<BTreeMap<TopicPartition, Arc<Snapshot>>>,
}

/// The published snapshots of every store.
#[derive(Debug, Default)]
pub struct LiveHub {
    stores: RwLock<BTreeMap<StoreId, Arc<StoreSlot>>>,
}

impl LiveHub {
    fn slot(&self, store: &StoreId) -> Option<Arc<StoreSlot>> {
        self.stores.read().get(store).cloned()
    }

    /// Replaces a partition's snapshot.
    pub fn publish(&self, snapshot: Snapshot) {
        let id = snapshot.store.store_id.clone();
        let slot = self.slot(&id).unwrap_or_else(|| {
            Arc::clone(self.stores.write().entry(id).or_insert_with(|| {
                Arc::new(StoreSlot {
                    generation: AtomicU64::new(0),
                    partitions: RwLock::new(BTreeMap::new()),
                })
            }))
        });
        slot.partitions
            .write()
            .insert(snapshot.partition, Arc::new(snapshot));
        slot.generation.fetch_add(1, Ordering::Release);
    }

    /// Rises with every publication of the store.
    #[must_use]
    pub fn generation(&self, store: &StoreId) -> u64 {
        self.slot(store)
            .map_or(0, |s| s.generation.load(Ordering::Acquire))
    }

    /// The store's partitions as they are now.
    #[must_use]
    pub fn read(&self, store: &StoreId) -> Vec<Arc<Snapshot>> {
        self.slot(store).map_or_else(Vec::new, |s| {
            s.partitions.read().values().cloned().collect()
        })
    }

    /// Stores that have published.
    #[must_use]
    pub fn stores(&self) -> Vec<StoreId> {
        self.stores.read().keys().cloned().collect()
    }
}
