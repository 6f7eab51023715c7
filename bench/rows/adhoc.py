"""Ten ad hoc questions to the silver tables: POST /v1/sql beside DuckDB over the same Parquet files, two threads each."""

from __future__ import annotations

import math

from measure import quantile
from rows import Row, stored
from rows.dashboard import timed
from rows.service import Service

NAME = "ad hoc SQL on silver"
AIM = "≥ 0.7×"
QUESTIONS = [
    "SELECT count(*) FROM silver.events",
    "SELECT type, count(*) AS n FROM silver.events GROUP BY type ORDER BY n DESC",
    "SELECT date, count(DISTINCT visitor) AS visitors FROM silver.events GROUP BY date ORDER BY date",
    "SELECT hour, avg(price) AS price FROM silver.events WHERE type = 'product_viewed' GROUP BY hour ORDER BY hour",
    "SELECT category, sum(line_total) AS revenue FROM silver.line_items WHERE type = 'order_completed' GROUP BY category ORDER BY revenue DESC LIMIT 10",
    "SELECT city, count(DISTINCT order_id) AS orders, sum(net_revenue) AS revenue FROM silver.orders GROUP BY city ORDER BY revenue DESC LIMIT 20",
    "SELECT count(*) FROM silver.events WHERE user_agent LIKE '%Firefox%' AND country = 'DE'",
    "SELECT s.purchased, count(*) AS n, avg(s.events) AS events FROM silver.sessions s GROUP BY s.purchased",
    "SELECT o.payment_method, count(*) AS n, sum(l.line_total) AS value FROM silver.orders o JOIN silver.line_items l ON l.order_id = o.order_id WHERE l.type = 'order_completed' GROUP BY o.payment_method ORDER BY n DESC",
    "SELECT visitor, count(*) AS n FROM silver.events WHERE visitor IS NOT NULL GROUP BY visitor ORDER BY n DESC, visitor LIMIT 10",
]


def measure(binary: str) -> Row:
    data, count = stored.folder(binary)
    service = Service(binary, data)
    key = service.key("bench", "read")
    db = stored.duckdb_over(data)
    service.start()
    try:
        details, ratios, ours, theirs = [], [], 0.0, 0.0
        for sql in QUESTIONS:
            mine = quantile(timed(lambda: service.sql(key, sql), 5), 0.5)
            duck = quantile(timed(lambda: db.execute(sql).fetchall(), 5), 0.5)
            ours, theirs = ours + mine, theirs + duck
            ratios.append(duck / mine)
            details.append(f"{duck / mine:.2f}×: {mine * 1e3:.0f} ms, DuckDB {duck * 1e3:.0f} ms: {sql}")
    finally:
        service.stop()
    mean = math.exp(sum(math.log(r) for r in ratios) / len(ratios))
    return Row(f"{ours:.2f} s for ten, {count / 1e6:g} M events", f"DuckDB {theirs:.2f} s; geometric mean of the ratios", mean, details)
