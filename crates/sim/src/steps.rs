//! The steps of the program's work that a kill can fall into, each told from outside by the files it touches.

use std::collections::BTreeMap;
use std::fmt;

use crate::chance::Chance;
use crate::faulty_disk::Call::{Rename, Sync, Unlink, Write};
use crate::faulty_disk::{Call, Instant};

/// A step.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// What it is.
    pub name: &'static str,
    calls: &'static [Call],
    part: &'static str,
    content: &'static str,
    /// The kill falls on one of the first so many calls.
    most: u64,
}

const fn step(
    name: &'static str,
    calls: &'static [Call],
    part: &'static str,
    content: &'static str,
    most: u64,
) -> Step {
    Step {
        name,
        calls,
        part,
        content,
        most,
    }
}

/// The step that seldom comes.
pub const SELDOM: &str = "log's old files dropped";

/// Any file, from the first instruction on.
pub const START_UP: Step = step("start", &[Write, Sync, Rename, Unlink], "", "", 120);

/// The steps of a running server. Retention in the log is a write of it; its old files are dropped only after much more was written
/// than a short life of the server writes, so that step seldom comes.
pub const RUNNING: [Step; 11] = [
    step("log write", &[Write], "/journal/", "", 200),
    step("log fsync", &[Sync], "/journal/", "", 60),
    step(SELDOM, &[Unlink], "/journal/", "", 3),
    step(
        "operators' checkpoint",
        &[Write, Sync, Rename],
        "/state/",
        "",
        40,
    ),
    step("data file", &[Write, Sync, Rename], ".parquet", "", 30),
    step(
        "lake commit",
        &[Write, Sync, Rename],
        "_delta_log/0",
        "",
        30,
    ),
    step(
        "compaction",
        &[Rename],
        "_delta_log/0",
        "\"operation\":\"OPTIMIZE\"",
        3,
    ),
    step(
        "checkpoint of a table's log",
        &[Write, Sync, Rename],
        "checkpoint",
        "",
        6,
    ),
    step("vacuum", &[Unlink], "/date=", "", 20),
    step("vacuum's note", &[Rename], "_delta_log/0", "VACUUM", 3),
    step("gold", &[Write, Sync, Rename], "/gold/", "", 30),
];

impl Step {
    /// An instant of this step.
    pub fn instant(&self, chance: &mut Chance) -> Instant<'static> {
        Instant {
            calls: self.calls,
            part: self.part,
            content: self.content,
            nth: chance.between(1, self.most),
            after: chance.once_in(2),
        }
    }
}

/// How many kills fell into which step.
#[derive(Debug, Clone, Default)]
pub struct Tally(BTreeMap<&'static str, u32>);

impl Tally {
    /// Counts a kill.
    pub fn count(&mut self, step: &'static str) {
        *self.0.entry(step).or_insert(0) += 1;
    }

    /// Kills that fell into these steps.
    #[must_use]
    pub fn of(&self, steps: &[&str]) -> u32 {
        steps.iter().filter_map(|step| self.0.get(step)).sum()
    }

    /// Kills in all.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.0.values().sum()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (step, kills)) in self.0.iter().enumerate() {
            write!(f, "{}{step} {kills}", if i == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}
