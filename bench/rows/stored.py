"""A data folder with imported events, made once and kept in the cache folder: what the rows that only read share."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import events
from measure import disk, run

EVENTS = 5_000_000


@dataclass
class Imported:
    """What an import into an empty folder took."""

    wall: float
    peak_rss: int
    size: int


def imported(binary: str, count: int, data: Path) -> Imported:
    """Imports so many events into a new folder."""
    source = events.make(binary, count)
    command = [binary, "import", str(source), "--format", "ndjson", "--store", "bench", "--currency", events.currency(binary)]
    done = run([*command, "--data-dir", str(data)])
    return Imported(done.wall, done.peak_rss, disk(data))


def anew(binary: str, count: int) -> tuple[Path, Imported]:
    """The folder of so many events, made now, and what its import took."""
    made = events.FOLDER / f"stored-{count}"
    shutil.rmtree(made, ignore_errors=True)
    took = imported(binary, count, made)
    (made / "bench.stamp").touch()
    return made, took


def folder(binary: str) -> tuple[Path, int]:
    """The folder of the rows that only read, and how many events it holds. Made again when the program is newer."""
    count = events.count(EVENTS)
    made = events.FOLDER / f"stored-{count}"
    stamp = made / "bench.stamp"
    if stamp.exists() and stamp.stat().st_mtime > Path(binary).stat().st_mtime:
        return made, count
    return anew(binary, count)[0], count


def silver(data: Path) -> Path:
    """Where the silver tables stand: the generation that is read now."""
    current = data / "lake" / "CURRENT"
    return data / "lake" / (current.read_text().strip() if current.exists() else "main") / "silver"


def files(data: Path, table: str) -> list[str]:
    """The Parquet files that a silver table consists of now."""
    import deltalake

    return [str(path) for path in deltalake.DeltaTable(str(silver(data) / table)).file_uris()]


def active(data: Path, table: str) -> Path:
    """A folder that has, as links, the files that a silver table consists of now, and no others."""
    folder = data / "active" / table
    shutil.rmtree(folder, ignore_errors=True)
    for name in files(data, table):
        link = folder / Path(name).parent.name / Path(name).name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.hardlink_to(name)
    return folder


def duckdb_over(data: Path):
    """DuckDB with the silver files as views, the columns that stand in the paths included, two threads."""
    import duckdb

    db = duckdb.connect()
    db.execute("SET threads = 2")
    db.execute("SET TimeZone = 'UTC'")
    db.execute("CREATE SCHEMA silver")
    for table in ("events", "line_items", "orders", "sessions", "carts"):
        names = ", ".join(f"'{f}'" for f in files(data, table))
        db.execute(f"CREATE VIEW silver.{table} AS SELECT * FROM read_parquet([{names}], hive_partitioning = true)")
    return db
