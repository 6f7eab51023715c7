"""How long after its acknowledgement an event is seen on /v1/live, while another store's shoppers send 20,000 events a second; and
how long a Spark job with its default trigger takes from a file's arrival to the batch that counts it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import events
import peers
from measure import clean_environment, quantile
from rows import Row
from rows.service import Service

NAME = "freshness: acknowledged → seen on /v1/live at 20,000 events/s"
AIM = "p99 ≤ 150 ms"
PROBES = 150
RATE = 20_000


def probe(service: Service, write: str, read: str) -> list[float]:
    """Seconds from each acknowledgement until the live stream says the new count."""
    seen: dict[int, float] = {}
    arrived = threading.Condition()
    failed: list[str] = []

    def watch() -> None:
        connection = service.connection()
        connection.request("GET", "/v1/live?views=overview&window=24h", headers={"authorization": f"Bearer {read}"})
        answer = connection.getresponse()
        if answer.status != 200:
            failed.append(answer.read()[:300].decode())
            return
        while line := answer.readline():
            if line.startswith(b"data:") and (count := counted(line)) is not None:
                with arrived:
                    now = time.perf_counter()
                    for number in range(max(seen, default=-1) + 1, count + 1):
                        seen[number] = now
                    arrived.notify_all()

    def counted(line: bytes) -> int | None:
        told = json.loads(line[5:])
        data = told.get("data", told)
        return data.get("events") if isinstance(data, dict) else None

    threading.Thread(target=watch, daemon=True).start()
    connection = service.connection()
    out = []
    with arrived:
        if not arrived.wait_for(lambda: 0 in seen or failed, 30) or failed:
            raise RuntimeError(f"the live stream said nothing: {failed}")
    for number in range(1, PROBES + 1):
        body = json.dumps({"type": "page_viewed", "event_id": f"probe-{number}", "anonymous_id": "probe"})
        connection.request("POST", "/v1/events", body, {"authorization": f"Bearer {write}", "content-type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        acknowledged = time.perf_counter()
        if answer.status != 200:
            raise RuntimeError(f"a probe was answered {answer.status}")
        with arrived:
            if not arrived.wait_for(lambda: number in seen, 30):
                raise RuntimeError(f"probe {number} was not seen within 30 s")
            out.append(max(0.0, seen[number] - acknowledged))
        # At any place between two ticks.
        time.sleep(0.02 + (number * 37 % 100) / 1000)
    return out


def spark() -> list[float] | None:
    done = subprocess.run([sys.executable, str(peers.BENCH / "spark_freshness.py")], capture_output=True, text=True, timeout=300, env=clean_environment())
    lines = done.stdout.strip().splitlines()
    return json.loads(lines[-1])["seconds"] if lines and lines[-1].startswith("{") else None


def measure(binary: str) -> Row:
    events.FOLDER.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="freshness-", dir=events.FOLDER))
    service = Service(binary, folder / "data")
    loaded = service.key("loaded", "write")
    write, read = service.key("probe", "write"), service.key("probe", "read")
    service.start()
    load = subprocess.Popen(
        [sys.executable, str(peers.BENCH / "load.py"), str(service.port), loaded, str(RATE), "40"], stdout=subprocess.PIPE, text=True
    )
    try:
        time.sleep(5)
        waits = probe(service, write, read)
        said = load.communicate(timeout=120)[0].strip().splitlines()
    finally:
        load.kill()
        service.stop()
        shutil.rmtree(folder, ignore_errors=True)
    reached = float(said[-1].split()[0].replace(",", ""))
    if reached < 0.98 * RATE:
        raise RuntimeError(f"only {reached:,.0f} of {RATE:,} events/s were acknowledged beside it")
    p50, p99 = quantile(waits, 0.5), quantile(waits, 0.99)
    theirs = spark()
    beside = "not to be had here" if theirs is None else f"Spark p50 {quantile(theirs, 0.5) * 1e3:.0f} ms, p99 {quantile(theirs, 0.99) * 1e3:.0f} ms"
    ratio = None if theirs is None else quantile(theirs, 0.99) / p99
    return Row(f"p50 {p50 * 1e3:.0f} ms, p99 {p99 * 1e3:.0f} ms", beside, ratio, [f"{PROBES} probes", *said[-1:]])
