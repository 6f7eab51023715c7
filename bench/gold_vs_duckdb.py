"""Imports a REES46 file with the binary and asks gold tables and DuckDB the same questions; equal, or exit code 1.

DuckDB reads the raw CSV and knows nothing of Tradewind. Four questions: unique visitors a day, category by hour and weekday, carts
not bought, brand performance. Part of `make test`: quick, installs duckdb into its own environment, skips with one line where the
data, the binary or PyPI is absent.

Run: gold_vs_duckdb.py [FILE.csv]; without FILE the REES46 file of ../shared/data.
"""

from __future__ import annotations

import csv
import io
import os
import re
import subprocess
import sys
import tempfile
from decimal import Decimal
from pathlib import Path

import peers

STORE = "rees46"
DEFAULT = peers.ROOT.parent / "shared" / "data" / "rees46_multicat_2019-10-01_head17k.csv"

# Rows that are whole: a file may end in the middle of a line.
RAW = """
CREATE TABLE raw AS
SELECT strptime(event_time, '%Y-%m-%d %H:%M:%S UTC') AS time, event_type, product_id, category_code, brand,
       CAST(price AS DECIMAL(18, 4)) AS price, user_id
FROM read_csv(?, header = true, all_varchar = true, null_padding = true, delim = ',', quote = '"')
WHERE user_session IS NOT NULL
"""

# A visitor's cart begins with the first addition while none is open and ends with the visitor's next purchase. So all additions
# between two purchases are one cart, numbered by the purchases before it. It is bought when a purchase follows, and recovered
# when that purchase comes more than an hour after the last addition.
CARTS = """
WITH acts AS (
    SELECT user_id, time, event_type,
           count(*) FILTER (WHERE event_type = 'purchase')
               OVER (PARTITION BY user_id ORDER BY time, event_type ROWS UNBOUNDED PRECEDING)
           - CASE WHEN event_type = 'purchase' THEN 1 ELSE 0 END AS purchases_before
    FROM raw
    WHERE event_type IN ('cart', 'purchase')
),
carts AS (
    SELECT user_id, purchases_before,
           min(time) FILTER (WHERE event_type = 'cart') AS begun,
           max(time) FILTER (WHERE event_type = 'cart') AS last_added,
           min(time) FILTER (WHERE event_type = 'purchase') AS bought
    FROM acts
    GROUP BY ALL
    HAVING begun IS NOT NULL
)
SELECT CAST(begun AS DATE) AS date, count(*) AS carts,
       count(*) FILTER (WHERE bought IS NULL) AS not_bought,
       count(*) FILTER (WHERE bought <= last_added + INTERVAL 1 HOUR) AS converted,
       count(*) FILTER (WHERE bought > last_added + INTERVAL 1 HOUR) AS recovered
FROM carts
GROUP BY date ORDER BY date
"""

QUESTIONS = [
    (
        "unique visitors a day",
        "SELECT date, events, visitors FROM gold.daily_metrics ORDER BY date",
        "SELECT CAST(time AS DATE) AS date, count(*), count(DISTINCT user_id) FROM raw GROUP BY date ORDER BY date",
    ),
    (
        "category by hour and weekday",
        "SELECT weekday, hour, category, sum(views) AS views, sum(carts) AS carts, sum(orders) AS purchases FROM gold.category_hourly "
        "GROUP BY weekday, hour, category ORDER BY weekday, hour, category",
        """SELECT isodow(time) AS weekday, hour(time) AS hour, category_code,
                  count(*) FILTER (WHERE event_type = 'view'), count(*) FILTER (WHERE event_type = 'cart'),
                  count(*) FILTER (WHERE event_type = 'purchase')
           FROM raw WHERE category_code IS NOT NULL AND event_type <> 'remove_from_cart'
           GROUP BY ALL ORDER BY weekday, hour, category_code""",
    ),
    (
        "carts not bought",
        "SELECT date, carts, not_bought, converted, recovered FROM gold.carts_abandoned ORDER BY date",
        CARTS,
    ),
    (
        "brand performance",
        "SELECT brand, sum(views) AS views, sum(carts) AS carts, sum(orders) AS purchases, sum(revenue) AS revenue "
        "FROM gold.brand_performance GROUP BY brand ORDER BY brand",
        """SELECT brand, count(*) FILTER (WHERE event_type = 'view'), count(*) FILTER (WHERE event_type = 'cart'),
                  count(*) FILTER (WHERE event_type = 'purchase'),
                  coalesce(sum(price) FILTER (WHERE event_type = 'purchase'), 0)
           FROM raw WHERE brand IS NOT NULL AND event_type <> 'remove_from_cart'
           GROUP BY brand ORDER BY brand""",
    ),
]


def cell(value: object) -> object:
    """A value that compares whatever it was written as: numbers as decimals, all else as text."""
    text = "" if value is None else str(value)
    return Decimal(text) if re.fullmatch(r"-?\d+(\.\d+)?", text) else text


def carts_can_be_asked(raw: object) -> bool:
    """Whether the file holds nothing that the cart question cannot follow: removals, or an addition and a purchase at once."""
    removals, at_once = raw.execute(
        """SELECT count(*) FILTER (WHERE event_type = 'remove_from_cart'),
                  (SELECT count(*) FROM (SELECT 1 FROM raw WHERE event_type IN ('cart', 'purchase')
                                         GROUP BY user_id, time HAVING count(DISTINCT event_type) > 1))
           FROM raw"""
    ).fetchone()
    if removals or at_once:
        print(
            f"SKIP carts not bought: {removals} lines take something out of a cart and {at_once} visitors add and buy within one "
            "second; DuckDB cannot tell their order"
        )
    return not (removals or at_once)


def run(binary: str, data: Path, *arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TRADEWIND_")}
    command = [binary, *arguments, "--data-dir", str(data)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    if done.returncode != 0:
        sys.exit(f"`{' '.join(command)}` ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def main() -> int:
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT
    if not file.exists():
        peers.skip(f"{file} is not there")
    binary = peers.tradewind()
    peers.need("duckdb")
    import duckdb

    raw = duckdb.connect()
    raw.execute(RAW, [str(file)])
    questions = QUESTIONS if carts_can_be_asked(raw) else [q for q in QUESTIONS if q[2] is not CARTS]
    failed = False
    with tempfile.TemporaryDirectory(prefix="tradewind-gold-") as folder:
        data = Path(folder) / "data"
        print(run(binary, data, "import", str(file), "--format", "rees46", "--store", STORE).strip())
        for name, gold_sql, raw_sql in questions:
            answer = run(binary, data, "sql", gold_sql, "--store", STORE, "--format", "csv")
            gold = [tuple(cell(v) for v in row) for row in list(csv.reader(io.StringIO(answer)))[1:]]
            asked = [tuple(cell(v) for v in row) for row in raw.execute(raw_sql).fetchall()]
            # Text sorts by bytes in both, yet neither promises it.
            gold.sort(key=str)
            asked.sort(key=str)
            if gold == asked and asked:
                print(f"PASS {name}: {len(gold)} rows equal, such as {', '.join(str(v) for v in gold[len(gold) // 2])}")
                continue
            failed = True
            print(f"FAIL {name}: gold has {len(gold)} rows, DuckDB {len(asked)}")
            for label, rows in (("only gold", set(gold) - set(asked)), ("only DuckDB", set(asked) - set(gold))):
                for row in sorted(rows, key=str)[:10]:
                    print(f"  {label:12} {', '.join(str(v) for v in row)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
