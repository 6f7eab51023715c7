//! Prints how many events a second the operator threads take: decode, de-duplication and all operators, on two threads, without
//! journal, lake and files. Reading and routing the file are not measured.
//!
//! Run: `operators FILE.ndjson [ROUNDS] [THREADS]`; make the file with `tradewind simulate --out FILE.ndjson --events 1000000`.

use std::time::Duration;

use anyhow::{Context as _, Result};
use tradewind_bench::run::{Round, Work, round};
use tradewind_bench::shards::Shards;

/// Partitions a topic: the product's default.
const PARTITIONS: u16 = 8;

fn main() -> Result<()> {
    tradewind_process::set_up_memory();
    let mut arguments = std::env::args().skip(1);
    let path = arguments
        .next()
        .context("name a file: operators FILE.ndjson [ROUNDS] [THREADS]; make one with `tradewind simulate --out FILE.ndjson`")?;
    let rounds: usize = arguments
        .next()
        .map_or(Ok(5), |n| n.parse())
        .context("ROUNDS is a number")?;
    let threads: usize = arguments
        .next()
        .map_or(Ok(2), |n| n.parse())
        .context("THREADS is a number")?;
    let bytes = std::fs::read(&path).with_context(|| format!("cannot read `{path}`"))?;
    let size = bytes.len();
    let input = Shards::route(bytes, PARTITIONS)?;
    println!(
        "{path}: {} events of {:.0} bytes, {} visitors' copies of transactions beside them; {threads} threads, {} partitions a topic, {rounds} rounds",
        input.events,
        size as f64 / input.events.max(1) as f64,
        input.copies,
        PARTITIONS
    );
    let kinds = [
        ("decode alone", Work::Decode),
        ("decode + de-duplication + operators", Work::Operators),
        (
            "the same + state and rows handed out",
            Work::Checkpoints(50_000),
        ),
    ];
    println!(
        "{:38} {:>12} {:>12} {:>12} {:>22}",
        "events/s", "median", "slowest", "fastest", "per CPU-second, median"
    );
    let mut last = Round::default();
    for (name, work) in kinds {
        let (mut times, mut cpu) = (Vec::new(), Vec::new());
        for _ in 0..rounds.max(1) {
            last = round(&input, work, threads)?;
            times.push(last.elapsed);
            cpu.push(last.cpu);
        }
        times.sort_unstable();
        cpu.sort_unstable();
        let speed = |time: Duration| input.events as f64 / time.as_secs_f64();
        println!(
            "{name:38} {:12.0} {:12.0} {:12.0} {:22.0}",
            speed(times[times.len() / 2]),
            speed(times[times.len() - 1]),
            speed(times[0]),
            speed(cpu[cpu.len() / 2])
        );
    }
    let p = last.progress;
    println!(
        "checked: {} read = {} new + {} duplicates; {} late",
        p.received, p.silver, p.duplicates, p.late
    );
    anyhow::ensure!(
        p.received == input.events && p.received == p.silver + p.duplicates,
        "the counters do not add up"
    );
    Ok(())
}
