"""Imports simulated events with everything on, then gives the same events to one Spark job; prints one table.

Ours: `tradewind import` into a new folder: journal with fsync, all operators, checkpoints, bronze, silver and gold written.
Spark: the one job of spark_streaming.py, nothing written. Both on this machine, one after the other, the input in the page cache.

EVENTS=1000000 makes it smaller (default 5,000,000), BENCH_FOLDER moves the files, KEEP=1 keeps the data folder.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import events
import peers
from measure import disk, mib, run, warm

def main() -> None:
    binary = peers.tradewind()
    java = peers.java()
    wanted = events.count()
    source = events.make(binary, wanted)
    parts = events.split(source)
    warm(source)
    data = Path(tempfile.mkdtemp(prefix="import-", dir=events.FOLDER))
    try:
        ours = run(
            [binary, "import", str(source), "--format", "ndjson", "--store", "bench", "--currency", events.currency(binary), "--data-dir", str(data)]
        )
        print(ours.output.strip(), flush=True)
        parts_on_disk = [(name, disk(data / name)) for name in ("journal", "state")]
        lakes = sorted(p for p in (data / "lake").glob("*/*") if p.is_dir())
        parts_on_disk += [(f"lake {p.name}", disk(p)) for p in lakes]
        total = disk(data)
    finally:
        if os.environ.get("KEEP") != "1":
            shutil.rmtree(data, ignore_errors=True)
    warm(parts)
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
