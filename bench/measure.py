"""Running a process to its end and reading what it took; shared by the comparisons."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

LIMIT_S = 3600


@dataclass
class Run:
    """What a process took."""

    wall: float
    user: float
    system: float
    peak_rss: int
    output: str


def run(command: list[str], environment: dict[str, str] | None = None) -> Run:
    """Runs a command to its end and reads its resource use from the kernel (the figures of /usr/bin/time -v)."""
    print(f"$ {shlex.join(command)}", flush=True)
    with tempfile.TemporaryFile("w+") as output:
        started = time.time()
        child = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=clean_environment() | (environment or {}))
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


def warm(path: Path) -> None:
    """Brings a file, or the files of a folder, into the page cache, so that no run pays for the disk alone."""
    for part in sorted(path.iterdir()) if path.is_dir() else [path]:
        with part.open("rb") as file:
            while file.read(16 << 20):
                pass


def resident(pid: int) -> int:
    """Bytes of memory that a process holds now."""
    line = next(l for l in Path(f"/proc/{pid}/status").read_text().splitlines() if l.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


def quantile(values: list[float], share: float) -> float:
    """The value that so large a share of them does not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered) + 0.5) - 1))]
