"""What grows with the events: time and peak memory of the import, disk, memory of the server afterwards, its restart."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

import events
from measure import disk, mib, resident
from rows import Row, stored
from rows.service import Service

NAME = "growth"
AIM = "linear time, flat memory per live key"

# Folders of more events than this are kept and shared with the rows that only read: two would fill the disk.
ALONE = 10_000_000


def idle_memory(binary: str) -> int:
    with tempfile.TemporaryDirectory(prefix="growth-", dir=events.FOLDER) as folder:
        service = Service(binary, Path(folder) / "empty")
        service.start()
        time.sleep(10)
        held = resident(service.process.pid)
        service.stop()
    return held


def live_keys(service: Service, key: str) -> int:
    """What the operators hold: ids, visitors, names, open sessions, carts and orders."""
    told = service.sql(key, "SELECT sum(entries) FROM system.operators")
    return int(told["rows"][0][0])


def measure(binary: str) -> Row:
    events.FOLDER.mkdir(parents=True, exist_ok=True)
    # A hundred million need 9 GB for the file, compressed, and 40 GB for the folder: GROWTH=1000000,10000000,100000000 where there
    # is room.
    sizes = [int(n) for n in os.environ.get("GROWTH", "1000000,5000000,10000000").split(",")]
    details, speeds, idle = [], [], idle_memory(binary)
    for count in sizes:
        source = events.make(binary, count)
        room = shutil.disk_usage(events.FOLDER).free
        if room + (disk(events.FOLDER / f"stored-{count}") if count > ALONE else 0) < count * 400:
            details.append(f"{count:,}: not measured, the disk has {mib(room)} free")
            continue
        folder = Path(tempfile.mkdtemp(prefix="growth-", dir=events.FOLDER))
        try:
            if count > ALONE:
                data, took = stored.anew(binary, count)
            else:
                data = folder / "data"
                took = stored.imported(binary, count, data)
            service = Service(binary, data)
            key = service.key("bench", "read", events.currency(binary))
            ready = service.start()
            time.sleep(10)
            held = resident(service.process.pid)
            keys = live_keys(service, key)
            service.stop()
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            if 5_000_000 < count <= ALONE:
                source.unlink()
        speeds.append(count / took.wall)
        details.append(
            f"{count:,}: {took.wall:.0f} s ({count / took.wall:,.0f} events/s), at most {mib(took.peak_rss)}, {took.size / count:.0f} bytes an event on disk, "
            f"ready again after {ready:.2f} s, {mib(held)} then for {keys:,} live keys ({(held - idle) / keys:.0f} bytes each beyond an idle server)"
        )
    return Row("; ".join(details), "", speeds[-1] / speeds[0] if len(speeds) > 1 else None, details)
