"""A CSV file in the REES46 shape: imported with everything on beside DuckDB, which writes it as zstd Parquet by date."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import events
import peers
from measure import run, warm
from rows import Row

NAME = "file to silver (CSV)"
AIM = "≥ 1×"
EVENTS = 2_000_000


def measure(binary: str) -> Row:
    import duckdb

    count = events.count(EVENTS)
    source = events.FOLDER / f"events-{count}-seed{events.SEED}.csv"
    if not source.exists():
        part = source.with_suffix(".part.csv")
        subprocess.run([binary, "simulate", "--out", str(part), "--events", str(count), "--seed", str(events.SEED)], check=True, timeout=1800)
        part.rename(source)
    warm(source)
    folder = Path(tempfile.mkdtemp(prefix="silver-", dir=events.FOLDER))
    try:
        command = [binary, "import", str(source), "--format", "rees46", "--store", "bench", "--currency", "EUR", "--data-dir", str(folder / "data")]
        ours = run(command)
        started = time.time()
        with duckdb.connect() as db:
            db.execute("SET threads = 2")
            db.execute(
                f"COPY (SELECT *, CAST(event_time[1:10] AS DATE) AS date FROM read_csv('{source}', types={{'event_time': 'VARCHAR'}})) "
                f"TO '{folder}/duckdb' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (date))"
            )
        theirs = time.time() - started
        rows = duckdb.sql(f"SELECT count(*) FROM '{folder}/duckdb/*/*.parquet'").fetchall()[0][0]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    details = [
        f"Tradewind: {ours.wall:.1f} s, {ours.user + ours.system:.1f} s CPU, with log, operators, bronze, gold",
        f"DuckDB {duckdb.__version__}: {theirs:.1f} s, {rows:,} rows, Parquet only",
    ]
    return Row(f"{rows / ours.wall:,.0f} events/s, everything on", f"DuckDB {rows / theirs:,.0f} rows/s, Parquet only", theirs / ours.wall, details)
