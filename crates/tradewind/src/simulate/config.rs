//! What the caller can choose about the simulated world.

/// What to simulate.
#[derive(Clone, Debug)]
pub struct SimulateConfig {
    /// Same seed, same world.
    pub seed: u64,
    /// Number of stores; at least one is played. The first is the busiest.
    pub stores: u32,
    /// When the simulation begins, UTC µs (after 1970).
    pub start: i64,
    /// Mean events per second over all stores, day and week.
    pub rate: f64,
    /// Products in each store's catalogue, at most 100,000; about 400 bytes of memory each.
    pub products: u32,
    /// How much faster than the clock the shops' life goes: with 24 an hour shows the visits of a whole day, and
    /// parcels and refunds come 24 times sooner. Shoppers' own steps and the rate stay as they are.
    pub time_compression: f64,
    /// Send about one event in a thousand twice and one in a thousand up to 30 s late.
    pub faults: bool,
    /// Write `store_id` into each JSON event.
    pub store_ids: bool,
    /// Write `currency` into JSON events; without it amounts are in whatever currency the receiving store has.
    pub currencies: bool,
}

impl Default for SimulateConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            stores: 1,
            // 2026-01-05T00:00:00Z, a Monday.
            start: 1_767_571_200_000_000,
            rate: 300.0,
            products: 2_000,
            time_compression: 1.0,
            faults: true,
            store_ids: false,
            currencies: true,
        }
    }
}

impl SimulateConfig {
    /// The configuration with values nothing can be simulated with replaced by the nearest that can.
    pub(super) fn within_limits(mut self) -> Self {
        self.stores = self.stores.max(1);
        self.products = self.products.min(100_000);
        self.rate = if self.rate.is_finite() {
            self.rate.clamp(1e-3, 1e7)
        } else {
            1e7
        };
        self.time_compression = if self.time_compression.is_finite() {
            self.time_compression.clamp(1e-3, 1e6)
        } else {
            1.0
        };
        self
    }
}
