"""Resident memory: an idle server on an empty folder; after a million and five million visitors in one day."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

import events
from measure import mib, resident, run
from rows import Row
from rows.service import Service

NAME = "memory: idle; 1 M and 5 M visitors in a day"
AIM = "≤ 100 MB idle; stated bytes per visitor"
SETTLE_S = 15


def visitors_file(count: int) -> Path:
    """One event of each of so many visitors, spread over a day."""
    path = events.FOLDER / f"visitors-{count}.ndjson"
    if not path.exists():
        part = path.with_suffix(".part")
        with part.open("w") as out:
            for n in range(count):
                second = n * 86_000 // count
                out.write(
                    f'{{"type":"product_viewed","event_id":"e{n}","time":"2026-01-05T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}Z",'
                    f'"anonymous_id":"visitor-{n * 2654435761 % 4294967296:08x}","product":{{"product_id":"p{n % 5000}","price":"9.90"}}}}\n'
                )
        part.rename(path)
    return path


def served(binary: str, data: Path) -> int:
    service = Service(binary, data)
    service.start()
    try:
        time.sleep(SETTLE_S)
        return resident(service.process.pid)
    finally:
        service.stop()


def measure(binary: str) -> Row:
    events.FOLDER.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="memory-", dir=events.FOLDER))
    sizes = [int(n) for n in os.environ.get("VISITORS", "1000000,5000000").split(",")]
    try:
        idle = served(binary, folder / "empty")
        details, held = [f"idle, empty folder: {mib(idle)}"], []
        for count in sizes:
            data = folder / f"v{count}"
            source = visitors_file(count)
            done = run([binary, "import", str(source), "--format", "ndjson", "--store", "bench", "--currency", "EUR", "--data-dir", str(data)])
            now = served(binary, data)
            held.append(now)
            details.append(
                f"{count:,} visitors: import at most {mib(done.peak_rss)}, server after a restart {mib(now)}, "
                f"{(now - idle) / count:.0f} bytes a visitor"
            )
            shutil.rmtree(data, ignore_errors=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    per_visitor = (held[-1] - idle) / sizes[-1]
    rest = ", ".join(f"{count / 1e6:g} M: {mib(now)}" for count, now in zip(sizes, held))
    return Row(f"idle {mib(idle)}; {rest}; {per_visitor:.0f} bytes a visitor", "", None, details)
