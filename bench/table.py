"""`make bench`: measures every row and prints one table. ROWS=ingest,memory picks rows; EVENTS=200000 makes most of them smaller.

Each row is measured in one run: ours and what stands beside it, one after the other on the same input, which is in the page cache
before. What cannot be had on a machine is told in the row. README.md says how to repeat a single one.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
import traceback

import events
import peers
from rows import Row, Skipped

ROWS = ["streaming", "everything", "file_to_silver", "dashboard", "adhoc", "ingest", "freshness", "memory", "growth"]


def main() -> None:
    binary = peers.tradewind()
    peers.need("duckdb", "pyspark", "chdb", "deltalake", "psycopg", "psycopg-binary")
    wanted = [name for name in os.environ.get("ROWS", ",".join(ROWS)).split(",") if name]
    if unknown := set(wanted) - set(ROWS):
        sys.exit(f"no row is called {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
    events.FOLDER.mkdir(parents=True, exist_ok=True)
    version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    lines, notes, failed = [], [], False
    for name in wanted:
        module = importlib.import_module(f"rows.{name}")
        print(f"\n== {module.NAME}", flush=True)
        started = time.time()
        try:
            row = module.measure(binary)
        except Skipped as why:
            row = Row("skipped", str(why))
        except (Exception, SystemExit):  # noqa: BLE001 (one row must not cost the others)
            traceback.print_exc()
            row, failed = Row("FAILED", "see above"), True
        print(f"   {time.time() - started:.0f} s", flush=True)
        for detail in row.details:
            print(f"   {detail}", flush=True)
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}×"
        lines.append(f"| {module.NAME} | {row.ours} | {row.beside} | {ratio} | {module.AIM} |")
        notes.append({"row": name, "ours": row.ours, "beside": row.beside, "ratio": row.ratio, "aim": module.AIM, "details": row.details})
    java = peers.java() if shutil.which("java") else "no Java"
    print(f"\n{version}, {java}, {os.cpu_count()} cores, {platform.platform()}")
    print("\n| row | Tradewind | beside it | ratio | aim |\n|---|---|---|---|---|")
    print("\n".join(lines))
    (events.FOLDER / "table.json").write_text(json.dumps(notes, indent=1))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
