"""Spark as the lakehouse's writer: JSON files → silver as Parquet by date (events, line items, orders, sessions) and four gold
questions (days, funnel, categories by hour, brands), in one batch job. spark_lake.py FOLDER OUT. Prints one line of JSON.

In Spark's favour: no bronze, no log, no de-duplication, orders without refunds, sessions by the client's id only, zstd as ours.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time

import peers

peers.java()
peers.need("pyspark")

from pyspark import StorageLevel  # noqa: E402
import spark_session  # noqa: E402
from pyspark.sql import functions as f  # noqa: E402

from spark_streaming import process_figures  # noqa: E402

PRODUCT = "STRUCT<product_id STRING, sku STRING, name STRING, category STRING, brand STRING, variant STRING, price STRING, cost STRING, quantity BIGINT, coupon STRING, position BIGINT>"
SCHEMA = (
    "type STRING, event_id STRING, time TIMESTAMP, user_id STRING, anonymous_id STRING, session_id STRING, cart_id STRING, currency STRING, stock BIGINT,"
    "customer STRUCT<age_group STRING, gender STRING>, search STRUCT<query STRING>, properties STRING,"
    f"product {PRODUCT}, products ARRAY<{PRODUCT}>,"
    "order STRUCT<order_id STRING, total STRING, revenue STRING, subtotal STRING, discount STRING, tax STRING, shipping STRING, coupon STRING, payment_method STRING, status STRING>,"
    "context STRUCT<ip STRING, user_agent STRING, locale STRING, country STRING, region STRING, city STRING, lat DOUBLE, lon DOUBLE,"
    "device STRUCT<type STRING, os STRING, browser STRING>, page STRUCT<url STRING, path STRING, title STRING, referrer STRING>,"
    "campaign STRUCT<source STRING, medium STRING, name STRING, term STRING, content STRING>>"
)
GOLD = {
    "daily_metrics": "SELECT e.date, count(*) events, count(DISTINCT visitor) visitors, count(DISTINCT session_id) sessions, any_value(o.orders) orders, any_value(o.revenue) revenue FROM events e LEFT JOIN (SELECT date, count(*) orders, sum(net) revenue FROM orders GROUP BY date) o ON o.date = e.date GROUP BY e.date",
    "funnel_daily": "SELECT date, count(DISTINCT CASE WHEN type='product_viewed' THEN visitor END) v, count(DISTINCT CASE WHEN type='product_added' THEN visitor END) c, count(DISTINCT CASE WHEN type='checkout_started' THEN visitor END) k, count(DISTINCT CASE WHEN type='order_completed' THEN visitor END) p FROM events GROUP BY date",
    "category_hourly": "SELECT date, hour, weekday, category, count(CASE WHEN type='product_viewed' THEN 1 END) views, count(DISTINCT visitor) visitors, sum(CASE WHEN type='order_completed' THEN line_total END) revenue FROM line_items GROUP BY date, hour, weekday, category",
    "brand_performance": "SELECT date, brand, count(CASE WHEN type='product_viewed' THEN 1 END) views, count(DISTINCT visitor) visitors, sum(CASE WHEN type='order_completed' THEN line_total END) revenue FROM line_items GROUP BY date, brand",
}


def main(folder: str, out: str) -> None:
    work = tempfile.mkdtemp(prefix="tradewind-spark-")
    spark = spark_session.local("lake", work, "6g", spark_sql_parquet_compression_codec="zstd")
    started = time.time()
    raw = spark.read.schema(SCHEMA).json(folder)
    money = "decimal(18,4)"
    # Read once for both tables.
    events = raw.select(
        "*",
        f.to_date("time").alias("date"),
        f.hour("time").alias("hour"),
        f.weekday("time").alias("weekday"),
        f.coalesce("user_id", "anonymous_id").alias("visitor"),
    ).persist(StorageLevel.MEMORY_AND_DISK)
    flat = events.select(
        "date", "hour", "weekday", "type", "event_id", "time", "visitor", "user_id", "anonymous_id", "session_id", "cart_id", "currency", "stock",
        "customer.*", f.col("search.query").alias("search_query"), "properties",
        *[f.col(f"product.{c}").alias(f"product_{c}") for c in ("product_id", "sku", "name", "category", "brand", "variant", "quantity", "coupon", "position")],
        *[f.col(f"product.{c}").cast(money).alias(c) for c in ("price", "cost")],
        f.col("order.order_id").alias("order_id"), f.col("order.coupon").alias("order_coupon"), f.col("order.payment_method").alias("payment_method"),
        *[f.col(f"order.{c}").cast(money).alias(f"order_{c}") for c in ("total", "revenue", "subtotal", "discount", "tax", "shipping")],
        *[f.col(f"context.{c}").alias(c) for c in ("ip", "user_agent", "locale", "country", "region", "city", "lat", "lon")],
        *[f.col(f"context.device.{c}").alias(f"device_{c}") for c in ("type", "os", "browser")],
        *[f.col(f"context.page.{c}").alias(f"page_{c}") for c in ("url", "path", "title", "referrer")],
        *[f.col(f"context.campaign.{c}").alias(f"campaign_{c}") for c in ("source", "medium", "name", "term", "content")],
    )
    flat.write.partitionBy("date").parquet(f"{out}/events")
    lines = events.select(
        "date", "hour", "weekday", "type", "event_id", "time", "visitor", "session_id", f.col("order.order_id").alias("order_id"),
        f.explode(f.when(f.col("product").isNotNull(), f.array("product")).otherwise(f.col("products"))).alias("p"),
    ).select(
        "date", "hour", "weekday", "type", "event_id", "time", "visitor", "session_id", "order_id", "p.*",
        (f.col("p.price").cast(money) * f.coalesce("p.quantity", f.lit(1))).alias("line_total"),
    )
    lines.write.partitionBy("date").parquet(f"{out}/line_items")
    events.unpersist()
    spark.read.parquet(f"{out}/events").createOrReplaceTempView("events")
    spark.read.parquet(f"{out}/line_items").createOrReplaceTempView("line_items")
    spark.sql(
        "SELECT order_id, max(date) date, max(visitor) visitor, max(order_total) total, max(order_subtotal) - coalesce(max(order_discount), 0) net "
        "FROM events WHERE type = 'order_completed' GROUP BY order_id"
    ).write.partitionBy("date").parquet(f"{out}/orders")
    spark.sql(
        "SELECT visitor, session_id, min(date) date, min(time) started_at, max(time) ended_at, count(*) events FROM events "
        "WHERE session_id IS NOT NULL GROUP BY visitor, session_id"
    ).write.partitionBy("date").parquet(f"{out}/sessions")
    spark.read.parquet(f"{out}/orders").createOrReplaceTempView("orders")
    for name, sql in GOLD.items():
        spark.sql(sql).write.parquet(f"{out}/gold_{name}")
    seconds = time.time() - started
    rows = spark.read.parquet(f"{out}/events").count()
    user, system, peak = process_figures(spark.sparkContext._gateway.proc.pid)
    print(json.dumps({"version": spark.version, "events": rows, "seconds": seconds, "cpu": user + system, "peak_rss": peak}), flush=True)
    spark.stop()
    shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
