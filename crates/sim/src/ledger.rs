//! What was sent and acknowledged, and the comparison with what is there.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::time::Duration;

use anyhow::{Result, ensure};
use sha2::{Digest as _, Sha256};

use crate::steps::Tally;

/// SHA-256 of an event's bytes, in hexadecimal.
#[must_use]
pub fn fingerprint(raw: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(raw)
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// Remembers what was sent, by event id, and what of it was acknowledged.
#[derive(Debug, Default)]
pub struct Ledger {
    sent: HashMap<String, String>,
    acknowledged: HashSet<String>,
}

impl Ledger {
    /// Notes an event before it is sent.
    pub fn sent(&mut self, event_id: &str, raw: &[u8]) {
        self.sent.insert(event_id.to_owned(), fingerprint(raw));
    }

    /// Notes that an event was acknowledged.
    pub fn acknowledged<'i>(&mut self, event_ids: impl IntoIterator<Item = &'i str>) {
        self.acknowledged
            .extend(event_ids.into_iter().map(str::to_owned));
    }

    /// Events acknowledged so far.
    #[must_use]
    pub fn acknowledged_count(&self) -> usize {
        self.acknowledged.len()
    }

    /// Compares with what the lake holds.
    #[must_use]
    pub fn compare(&self, found: &Found) -> Comparison {
        let missing: Vec<String> = self
            .acknowledged
            .iter()
            .filter(|id| !found.silver.contains_key(*id))
            .cloned()
            .collect();
        let altered = self
            .acknowledged
            .iter()
            .filter(|id| {
                self.sent
                    .get(*id)
                    .is_none_or(|print| !found.bronze.contains_key(print))
            })
            .count();
        Comparison {
            sent: self.sent.len(),
            acknowledged: self.acknowledged.len(),
            found: found.silver.len(),
            doubled: found.silver.values().filter(|n| **n != 1).count(),
            unknown: found
                .silver
                .keys()
                .filter(|id| !self.sent.contains_key(*id))
                .count(),
            altered,
            missing,
        }
    }
}

/// What the lake holds of a store.
#[derive(Debug, Default)]
pub struct Found {
    /// Event id → rows in `silver.events`.
    pub silver: HashMap<String, u64>,
    /// Fingerprint of raw bytes → rows in `bronze.events`.
    pub bronze: HashMap<String, u64>,
}

/// What the comparison says.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// Events sent.
    pub sent: usize,
    /// Of them acknowledged.
    pub acknowledged: usize,
    /// Distinct events in silver.
    pub found: usize,
    /// Acknowledged and not in silver.
    pub missing: Vec<String>,
    /// In silver more than once.
    pub doubled: usize,
    /// In silver and never sent.
    pub unknown: usize,
    /// Acknowledged, and their exact bytes are not in bronze.
    pub altered: usize,
}

impl Comparison {
    /// `Ok` when nothing acknowledged is missing or altered, nothing is there twice and nothing came from nowhere.
    ///
    /// # Errors
    /// With the counts and some of the missing ids.
    pub fn clean(&self) -> Result<()> {
        ensure!(
            self.missing.is_empty() && self.doubled == 0 && self.unknown == 0 && self.altered == 0,
            "{self}; among the missing: {:?}",
            self.missing.iter().take(5).collect::<Vec<_>>()
        );
        ensure!(
            self.acknowledged > 0,
            "nothing was acknowledged, so nothing was tested"
        );
        Ok(())
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "sent {}, acknowledged {}, found {}, lost {}, doubled {}, altered {}, never sent {}",
            self.sent,
            self.acknowledged,
            self.found,
            self.missing.len(),
            self.doubled,
            self.altered,
            self.unknown
        )
    }
}

/// One scenario's result in one line.
#[derive(Debug)]
pub struct Summary {
    /// What was done.
    pub scenario: &'static str,
    /// Processes killed.
    pub kills: u32,
    /// The comparison.
    pub comparison: Comparison,
    /// Starts after a kill, each until ready.
    pub restarts: Vec<Duration>,
    /// Which steps the kills fell into.
    pub steps: Tally,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: kills {}, {}, verify clean",
            self.scenario, self.kills, self.comparison
        )?;
        if let Some(slowest) = self.restarts.iter().max() {
            write!(
                f,
                ", slowest restart to ready {:.2} s",
                slowest.as_secs_f64()
            )?;
        }
        write!(f, "; killed at: {}", self.steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_harm_is_seen() {
        let mut ledger = Ledger::default();
        for id in ["a", "b", "c", "d"] {
            ledger.sent(id, id.as_bytes());
        }
        ledger.acknowledged(["a", "b", "c"]);
        let print = |id: &str| fingerprint(id.as_bytes());
        let mut found = Found {
            silver: [("a", 1), ("b", 1), ("c", 1), ("d", 1)]
                .map(|(id, n)| (id.to_owned(), n))
                .into(),
            bronze: ["a", "b", "c"].map(|id| (print(id), 1)).into(),
        };
        ledger.compare(&found).clean().unwrap();
        found.silver.insert("b".to_owned(), 2);
        found.silver.insert("x".to_owned(), 1);
        found.silver.remove("c");
        found.bronze.remove(&print("a"));
        let told = ledger.compare(&found);
        assert_eq!(
            (told.doubled, told.unknown, told.missing.len(), told.altered),
            (1, 1, 1, 1)
        );
        assert!(told.clean().is_err());
    }

    #[test]
    fn the_fingerprint_is_sha_256() {
        assert_eq!(
            fingerprint(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
