"""All of Tradewind's streaming (log with fsync, de-duplication, every operator, checkpoints; no lake) beside single streaming jobs
of Spark and Flink over the same JSON files."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

import events
import peers
from measure import run, warm
from rows import Row

NAME = "all streaming jobs at once, from JSON files (no lake)"
AIM = "≥ 10× each"
JOBS = ("tumbling", "sliding", "sessions", "per_user")
EVENTS = 1_000_000


def measure(binary: str) -> Row:
    count = events.count(EVENTS)
    source = events.make(binary, count)
    parts = events.split(source)
    warm(source)
    folder = Path(tempfile.mkdtemp(prefix="streaming-", dir=events.FOLDER))
    try:
        program = str(Path(binary).with_name("streaming"))
        ours = run([program, str(source), str(folder), events.currency(binary)])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    told = json.loads(ours.output.strip().splitlines()[-1])
    if told["events"] != count:
        raise RuntimeError(f"ours read {told['events']:,} of {count:,} events")
    speed = told["events"] / told["seconds"]
    details = [f"Tradewind: {told['seconds']:.1f} s, {ours.user + ours.system:.1f} s CPU, {ours.peak_rss >> 20} MiB"]
    speeds: dict[str, float] = {}
    for engine in ("spark", "flink"):
        for job in JOBS:
            warm(parts)
            done = run([sys.executable, str(peers.BENCH / f"stream_jobs_{engine}.py"), job, str(parts)])
            last = done.output.strip().splitlines()[-1]
            if not last.startswith("{"):
                details.append(f"{engine} {job}: {last}")
                continue
            peer = json.loads(last)
            if peer["events"] != count:
                raise RuntimeError(f"{engine} {job} read {peer['events']:,} of {count:,} events")
            speeds[f"{engine} {job}"] = count / peer["seconds"]
            details.append(f"{engine} {peer['version']} {job}: {peer['seconds']:.1f} s without the JVM's start, {count / peer['seconds']:,.0f} events/s")
    if not speeds:
        return Row(f"{speed:,.0f} events/s", "none could run", None, details)
    best, fastest = max(speeds.items(), key=lambda s: s[1])
    beside = "; ".join(f"{name} {value:,.0f}" for name, value in speeds.items())
    return Row(f"{speed:,.0f} events/s, all jobs", f"{beside} events/s, each alone; fastest {best}", speed / fastest, details)
