"""Import with everything on beside a Spark batch that writes the same silver as Parquet and answers the four gold questions."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

import events
import peers
from measure import disk, mib, run, warm
from rows import Row

NAME = "everything on, to bronze + silver + gold"
AIM = "≥ 5×"
EVENTS = 5_000_000


def measure(binary: str) -> Row:
    count = events.count(EVENTS)
    source = events.make(binary, count)
    parts = events.split(source)
    warm(source)
    folder = Path(tempfile.mkdtemp(prefix="everything-", dir=events.FOLDER))
    try:
        command = [binary, "import", str(source), "--format", "ndjson", "--store", "bench", "--currency", events.currency(binary)]
        ours = run([*command, "--data-dir", str(folder / "data")])
        size = disk(folder / "data")
        warm(parts)
        spark = run([sys.executable, str(peers.BENCH / "spark_lake.py"), str(parts), str(folder / "spark")])
        their_size = disk(folder / "spark")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if f"{count:,} lines" not in ours.output and f"{count:,} events" not in ours.output:
        raise RuntimeError(f"the import said: {ours.output[-500:]}")
    told = json.loads(spark.output.strip().splitlines()[-1])
    if told["events"] != count:
        raise RuntimeError(f"Spark wrote {told['events']} of {count} events")
    details = [
        f"Tradewind: {ours.wall:.1f} s, {ours.user + ours.system:.1f} s CPU, {mib(ours.peak_rss)}, {mib(size)} on disk",
        f"Spark {told['version']}: {told['seconds']:.1f} s without the JVM's start, {told['cpu']:.1f} s CPU, {mib(told['peak_rss'])}, {mib(their_size)} on disk",
    ]
    speed, theirs = count / ours.wall, count / told["seconds"]
    return Row(f"{speed:,.0f} events/s, durable", f"Spark {theirs:,.0f} events/s, silver and gold only", speed / theirs, details)
