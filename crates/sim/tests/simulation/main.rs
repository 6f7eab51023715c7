//! The whole pipeline on seeded chance, clock and storage faults (J1, J2, S1, S2, S4, L1).
//!
//! Everything that decides anything is drawn from one seed: what shoppers do and when, what is sent again, which partition
//! reads next, when barriers are cut, which storage call fails, and after or before which one the process dies. The real door
//! ([`tradewind_ingest::Ingest`]), the real operators and the real coordinator run on one thread; log, checkpoint and lake are
//! in memory and survive the process. Then everything is counted, computed again without a fault, and compared. The same seed
//! gives the same bytes.
//!
//! `SIM_SEEDS` says how many seeds run (400, about a minute), `SIM_SEED` with which one they begin (1).

mod checkpoints;
mod dice;
mod lake;
mod shops;
mod world;

use world::World;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a whole number"))
}

#[test]
fn s1_whatever_fails_and_dies_everything_counts_once() {
    let first = number("SIM_SEED", 1);
    let mut total = world::Report::default();
    for seed in first..first + number("SIM_SEEDS", 400) {
        match World::new(seed).run() {
            Ok(report) => total.add(&report),
            Err(what) => panic!("seed {seed}: {what}\nagain: SIM_SEED={seed} SIM_SEEDS=1"),
        }
    }
    println!("{total}");
    let tried = [total.deaths, total.faults, total.acknowledged];
    assert!(tried.iter().all(|n| *n > 0), "nothing was tried");
    if total.runs >= 100 {
        assert!(
            total.compared > 0 && total.trimmed > 0,
            "nothing was compared or trimmed"
        );
    }
}

#[test]
fn s2_the_same_seed_gives_the_same_bytes() {
    for seed in [7, 8, 9, 10] {
        let first = World::new(seed).run().expect("a run");
        let second = World::new(seed).run().expect("a run");
        assert_eq!(first, second, "seed {seed}");
    }
}
