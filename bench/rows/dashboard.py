"""The dashboard's questions: live views and gold over HTTP beside the same questions asked of the silver files by DuckDB and
ClickHouse (chdb). As many events as the machine's disk and patience allow (EVENTS); the design's aim is for a hundred million."""

from __future__ import annotations

import itertools
import time
from datetime import UTC, datetime, timedelta

from measure import quantile
from rows import Row, stored
from rows.service import Service

NAME = "dashboard questions"
AIM = "≥ 20× (over 100 M events)"
ASKED = 200
PEERS_ASKED = 5

QUESTIONS = {
    "revenue and orders by day": (
        "SELECT date, orders, net_revenue FROM gold.daily_metrics ORDER BY date",
        "SELECT date, count(*), sum(net_revenue) FROM {orders} GROUP BY date ORDER BY date",
    ),
    "top products": (
        "SELECT product_id, sum(revenue) AS revenue FROM gold.product_performance GROUP BY product_id ORDER BY revenue DESC LIMIT 10",
        "SELECT product_id, sum(line_total) AS revenue FROM {line_items} WHERE type = 'order_completed' GROUP BY product_id ORDER BY revenue DESC LIMIT 10",
    ),
    "visitors by category and hour": (
        "SELECT hour, category, sum(visitors) FROM gold.category_hourly GROUP BY hour, category",
        "SELECT hour, category, count(DISTINCT visitor) FROM {line_items} WHERE type = 'product_viewed' GROUP BY hour, category",
    ),
    "brands": (
        "SELECT brand, sum(views), sum(revenue) FROM gold.brand_performance GROUP BY brand",
        "SELECT brand, count(*) FILTER (WHERE type = 'product_viewed'), sum(line_total) FILTER (WHERE type = 'order_completed') FROM {line_items} GROUP BY brand",
    ),
}
VIEWS = {
    "overview": "SELECT count(*), count(DISTINCT visitor), count(*) FILTER (WHERE type = 'order_completed') FROM {events} WHERE date > (SELECT max(date) - 7 FROM {events})",
    "funnel": "SELECT count(DISTINCT visitor) FILTER (WHERE type = 'product_viewed'), count(DISTINCT visitor) FILTER (WHERE type = 'product_added'), count(DISTINCT visitor) FILTER (WHERE type = 'checkout_started'), count(DISTINCT visitor) FILTER (WHERE type = 'order_completed') FROM {events} WHERE date > (SELECT max(date) - 7 FROM {events})",
}


def timed(ask, times: int) -> list[float]:
    ask()
    out = []
    for _ in range(times):
        started = time.perf_counter()
        ask()
        out.append(time.perf_counter() - started)
    return out


def measure(binary: str) -> Row:
    import chdb

    data, count = stored.folder(binary)
    service = Service(binary, data)
    key = service.key("bench", "read")
    db = stored.duckdb_over(data)
    # One connection that is already open, as a page has.
    service.start()
    try:
        ours: dict[str, float] = {}
        theirs: dict[str, tuple[float, float]] = {}
        session = chdb.session.Session()
        session.query("SET max_threads = 2")

        folders = {t: stored.active(data, t) for t in ("events", "line_items", "orders")}

        def clickhouse(sql: str) -> None:
            session.query(sql, "Null")

        def beside(name: str, sql: str) -> None:
            tables = ("events", "line_items", "orders")
            duck = sql.format(**{t: f"silver.{t}" for t in tables})
            # The date stands in the path; ClickHouse makes a column of it too.
            house = sql.format(**{t: f"file('{folders[t]}/*/*.parquet', Parquet)" for t in tables})
            a = quantile(timed(lambda: db.execute(duck).fetchall(), PEERS_ASKED), 0.5)
            b = quantile(timed(lambda: clickhouse(house), PEERS_ASKED), 0.5)
            theirs[name] = (a, b)

        for name, (gold, silver) in QUESTIONS.items():
            ours[name] = quantile(timed(lambda: service.sql(key, gold), ASKED), 0.99)
            beside(name, silver)
        # As a number: for a moment with a zone DuckDB wants one more package.
        (newest,) = db.execute("SELECT epoch_us(max(time)) FROM silver.events").fetchone()
        end = datetime.fromtimestamp(newest // 1_000_000 + 1, UTC)
        begin = end - timedelta(days=7)
        for name, silver in VIEWS.items():
            # Another week each time: the server keeps a rendered view for a second.
            weeks = itertools.count()

            def ask() -> None:
                since = begin + timedelta(seconds=next(weeks))
                status, body = service.get(f"/v1/views/{name}?from={since:%Y-%m-%dT%H:%M:%SZ}&to={end:%Y-%m-%dT%H:%M:%SZ}", key)
                if status != 200:
                    raise RuntimeError(body[:300].decode())

            ours[f"view {name}"] = quantile(timed(ask, ASKED), 0.99)
            beside(f"view {name}", silver)
    finally:
        service.stop()
    details = [
        f"{name}: p99 {ours[name] * 1e3:.1f} ms; DuckDB {a * 1e3:.0f} ms ({a / ours[name]:.1f}×), ClickHouse {b * 1e3:.0f} ms ({b / ours[name]:.1f}×)"
        for name, (a, b) in theirs.items()
    ]
    details.insert(0, f"chdb {chdb.__version__}; {count:,} events; ours p99 of {ASKED}, theirs the median of {PEERS_ASKED}")
    worst = min(min(a, b) / ours[name] for name, (a, b) in theirs.items())
    slowest = max(ours.values())
    span = [v for pair in theirs.values() for v in pair]
    return Row(f"p99 {slowest * 1e3:.0f} ms at most, over {count / 1e6:g} M events", f"{min(span) * 1e3:.0f} to {max(span) * 1e3:.0f} ms; least ahead", worst, details)
