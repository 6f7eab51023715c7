//! Chance with a seed: the same seed gives the same delays and choices.

use std::time::Duration;

use anyhow::{Context as _, Result};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// How often a scenario kills, and the seed of everything random in it.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Processes killed with SIGKILL.
    pub kills: u32,
    /// The seed.
    pub seed: u64,
}

impl Plan {
    /// From `SIM_KILLS` (2 when not set) and `SIM_SEED` (1 when not set).
    ///
    /// # Errors
    /// When one of them is no number.
    pub fn from_environment() -> Result<Self> {
        Ok(Self {
            kills: number("SIM_KILLS", 2)?,
            seed: number("SIM_SEED", 1)?,
        })
    }
}

/// A number from the environment.
///
/// # Errors
/// When the variable is no number.
pub fn number<T: std::str::FromStr<Err = std::num::ParseIntError>>(
    name: &str,
    default: T,
) -> Result<T> {
    std::env::var(name).map_or(Ok(default), |text| {
        text.parse()
            .with_context(|| format!("{name}=`{text}` is not a whole number"))
    })
}

/// A source of chance.
#[derive(Debug)]
pub struct Chance(StdRng);

impl Chance {
    /// A stream of its own for each seed and purpose.
    #[must_use]
    pub fn new(seed: u64, purpose: u64) -> Self {
        Self(StdRng::seed_from_u64(
            seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)
                .wrapping_add(purpose),
        ))
    }

    /// A number of milliseconds from `least` to `most`.
    pub fn millis(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(self.0.random_range(least..=most))
    }

    /// A number from `least` to `most`.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        self.0.random_range(least..=most)
    }

    /// True once in `n` times.
    pub fn once_in(&mut self, n: u64) -> bool {
        self.0.random_range(0..n.max(1)) == 0
    }
}
