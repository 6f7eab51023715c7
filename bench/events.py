"""The benchmarks' input: simulated events, made once by `tradewind simulate --out` and kept in the cache folder, outside git."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import peers

FOLDER = Path(os.environ.get("BENCH_FOLDER", peers.CACHE / "bench"))
SEED = 1


def count(default: int = 5_000_000) -> int:
    """Events to measure with: $EVENTS, else `default`."""
    return int(os.environ.get("EVENTS", str(default)).replace("_", ""))


# Files of more events than this are compressed: 9 bytes of disk for 80 of text.
PLAIN = 10_000_000


def make(binary: str, events: int) -> Path:
    """An NDJSON file of so many events, compressed when it is large; made when it is not there."""
    packed = ".zst" if events > PLAIN else ""
    path = FOLDER / f"events-{events}-seed{SEED}.ndjson{packed}"
    if not path.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        part = FOLDER / f"part-{path.name}"
        subprocess.run(
            [binary, "simulate", "--out", str(part), "--events", str(events), "--seed", str(SEED)], check=True, timeout=1800
        )
        part.rename(path)
    return path


def currency(binary: str) -> str:
    """The currency that the events name, whatever their number."""
    with make(binary, 1_000).open() as lines:
        for line in lines:
            if found := re.search(r'"currency":"([A-Z]{3})"', line):
                return found[1]
    return "USD"


def split(path: Path, part_bytes: int = 48 << 20) -> Path:
    """The same lines as several files in a folder of their own, which Spark reads in parallel."""
    if path.suffix == ".zst":
        sys.exit(f"rows with Spark or Flink take at most {PLAIN:,} events; files of more are compressed")
    folder = path.with_suffix(".parts")
    done = folder / "_SUCCESS"
    if done.exists():
        return folder
    folder.mkdir(exist_ok=True)
    with path.open("rb") as lines:
        number = 0
        while chunk := lines.read(part_bytes):
            chunk += lines.readline()
            (folder / f"part-{number:05}.json").write_bytes(chunk)
            number += 1
    done.touch()
    return folder


if __name__ == "__main__":
    # For other benchmarks: prints the path of the file, or with --parts of the folder of its parts.
    made = make(peers.tradewind(), count())
    print(split(made) if "--parts" in sys.argv else made)
