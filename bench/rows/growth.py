"""What grows with the events: time and peak memory of the import, disk, memory of the server afterwards, its restart."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

import events
from measure import disk, mib, resident, run
from rows import Row
from rows.service import Service

NAME = "growth"
AIM = "linear time, flat memory per live key"


def measure(binary: str) -> Row:
    # A hundred million need 80 GB for the file and 40 GB for the folder: GROWTH=1000000,10000000,100000000 where there is room.
    sizes = [int(n) for n in os.environ.get("GROWTH", "1000000,5000000,10000000").split(",")]
    details, speeds = [], []
    for count in sizes:
        source = events.make(binary, count)
        room = shutil.disk_usage(events.FOLDER).free
        if room < count * 600:
            details.append(f"{count:,}: not measured, the disk has {mib(room)} free")
            continue
        folder = Path(tempfile.mkdtemp(prefix="growth-", dir=events.FOLDER))
        try:
            data = folder / "data"
            done = run([binary, "import", str(source), "--format", "ndjson", "--store", "bench", "--currency", events.currency(source), "--data-dir", str(data)])
            size = disk(data)
            service = Service(binary, data)
            ready = service.start()
            time.sleep(10)
            held = resident(service.process.pid)
            service.stop()
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            if count > 5_000_000:
                source.unlink()
        speeds.append(count / done.wall)
        details.append(
            f"{count:,}: {done.wall:.0f} s ({count / done.wall:,.0f} events/s), at most {mib(done.peak_rss)}, {size / count:.0f} bytes an event on disk, "
            f"ready again after {ready:.2f} s, {mib(held)} then"
        )
    return Row("; ".join(details), "", speeds[-1] / speeds[0] if len(speeds) > 1 else None, details)
