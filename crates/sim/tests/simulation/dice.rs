//! All chance of a run, from one seed, and the fate it decides for each call to a storage.

use std::sync::Arc;

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// What unwinding carries when the process dies.
pub struct Death;

/// What becomes of a call to a storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Works,
    Fails,
}

struct Inner {
    rng: StdRng,
    /// Whether storages fail and processes die.
    armed: bool,
    faults: u64,
    deaths: u64,
}

/// A source of chance shared by everything of one run.
#[derive(Clone)]
pub struct Dice(Arc<Mutex<Inner>>);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            rng: StdRng::seed_from_u64(seed),
            armed: false,
            faults: 0,
            deaths: 0,
        })))
    }

    pub fn below(&self, n: u64) -> u64 {
        self.0.lock().rng.random_range(0..n.max(1))
    }

    pub fn between(&self, least: i64, most: i64) -> i64 {
        self.0.lock().rng.random_range(least..=most)
    }

    pub fn once_in(&self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub fn arm(&self, armed: bool) {
        self.0.lock().armed = armed;
    }

    /// How many storage calls failed and how often the process died.
    pub fn harm(&self) -> (u64, u64) {
        let inner = self.0.lock();
        (inner.faults, inner.deaths)
    }

    /// The fate of a call that fails once in `fails` and is the process's last once in `dies`. A death unwinds.
    pub fn fate(&self, fails: u64, dies: u64) -> Fate {
        let mut inner = self.0.lock();
        if !inner.armed {
            return Fate::Works;
        }
        if inner.rng.random_range(0..dies) == 0 {
            inner.deaths += 1;
            drop(inner);
            // Unlike a panic this tells nobody; whoever owns the process catches it.
            std::panic::resume_unwind(Box::new(Death));
        }
        if inner.rng.random_range(0..fails) == 0 {
            inner.faults += 1;
            return Fate::Fails;
        }
        Fate::Works
    }

    /// A moment at which the process may die.
    pub fn may_die(&self, dies: u64) {
        self.fate(u64::MAX, dies);
    }
}
