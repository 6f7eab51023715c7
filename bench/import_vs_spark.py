"""Imports simulated events with everything on, then gives the same events to one Spark job; prints one table.

Ours: `tradewind import` into a new folder: journal with fsync, all operators, checkpoints, bronze, silver and gold written.
Spark: the one job of spark_streaming.py, nothing written. Both on this machine, one after the other, the input in the page cache.

EVENTS=1000000 makes it smaller (default 5,000,000), BENCH_FOLDER moves the files, KEEP=1 keeps the data folder.
"""

from __future__ import annotations

import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import events
import peers

LIMIT_S = 3600


@dataclass
class Run:
    """What a process took."""

    wall: float
    user: float
    system: float
    peak_rss: int
    output: str


def run(command: list[str]) -> Run:
    """Runs a command to its end and reads its resource use from the kernel (the figures of /usr/bin/time -v)."""
    print(f"$ {shlex.join(command)}", flush=True)
    with tempfile.TemporaryFile("w+") as output:
        started = time.time()
        child = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=clean_environment())
        watchdog = started + LIMIT_S
        while True:
            pid, status, used = os.wait4(child.pid, os.WNOHANG)
            if pid:
                break
            if time.time() > watchdog:
                child.kill()
                sys.exit(f"it did not end within {LIMIT_S} s")
            time.sleep(0.02)
        wall = time.time() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if child.returncode != 0:
        sys.exit(f"it ended with {child.returncode}:\n{text[-4000:]}")
    return Run(wall, used.ru_utime, used.ru_stime, used.ru_maxrss * 1024, text)


def clean_environment() -> dict[str, str]:
    """Settings of the caller must not decide what is measured."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TRADEWIND_")}


def disk(folder: Path) -> int:
    """Bytes that a folder's files take on disk."""
    return sum(f.stat().st_blocks * 512 for f in folder.rglob("*") if f.is_file())


def mib(size: float) -> str:
    return f"{size / (1 << 20):,.0f} MiB"


def main() -> None:
    binary = peers.tradewind()
    java = peers.java()
    wanted = events.count()
    source = events.make(binary, wanted)
    parts = events.split(source)
    with source.open("rb") as warm:
        while warm.read(16 << 20):
            pass
    data = Path(tempfile.mkdtemp(prefix="import-", dir=events.FOLDER))
    try:
        ours = run(
            [binary, "import", str(source), "--format", "ndjson", "--store", "bench", "--currency", events.currency(source), "--data-dir", str(data)]
        )
        print(ours.output.strip(), flush=True)
        parts_on_disk = [(name, disk(data / name)) for name in ("journal", "state")]
        lakes = sorted(p for p in (data / "lake").glob("*/*") if p.is_dir())
        parts_on_disk += [(f"lake {p.name}", disk(p)) for p in lakes]
        total = disk(data)
    finally:
        if os.environ.get("KEEP") != "1":
            shutil.rmtree(data, ignore_errors=True)
    spark_run = run([sys.executable, str(peers.BENCH / "spark_streaming.py"), str(parts)])
    last = spark_run.output.strip().splitlines()[-1]
    if not last.startswith("{"):
        peers.skip(f"Spark did not run: {last}")
    spark = json.loads(last)

    version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    print(f"\n{version} · PySpark {spark['version']}, {java}")
    print(f"{os.cpu_count()} cores, {platform.platform()}; {wanted:,} events, {source.stat().st_size / wanted:.0f} bytes each, NDJSON\n")
    ours_speed, spark_speed = wanted / ours.wall, spark["events"] / spark["seconds"]
    rows = [
        ("", "Tradewind import", "one Spark job"),
        ("what it does", "all of it, durable", "one window, no sink"),
        ("events", f"{wanted:,}", f"{spark['events']:,}"),
        ("wall", f"{ours.wall:.1f} s", f"{spark['seconds']:.1f} s (with JVM start {spark['seconds_with_start']:.1f} s)"),
        ("user + system", f"{ours.user:.1f} + {ours.system:.1f} s", f"{spark['user']:.1f} + {spark['system']:.1f} s (with JVM start)"),
        ("peak memory", mib(ours.peak_rss), mib(spark["peak_rss"])),
        ("events/s", f"{ours_speed:,.0f}", f"{spark_speed:,.0f}"),
        ("ratio", f"{ours_speed / spark_speed:.1f}", "1.0"),
    ]
    for row in rows:
        print(f"{row[0]:16} {row[1]:>24}   {row[2]}")
    print("\non disk after the import")
    for name, size in [*parts_on_disk, ("all", total)]:
        print(f"{name:16} {mib(size):>24}   {size / wanted:.0f} bytes an event")
    print(f"\nTradewind's wall time counts starting the process and closing the folder; Spark's leaves the JVM's start out.")
    if spark["events"] != wanted:
        sys.exit(f"Spark read {spark['events']:,} events, not {wanted:,}: the comparison does not hold")


if __name__ == "__main__":
    peers.need("pyspark")
    main()
