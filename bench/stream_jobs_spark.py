"""One streaming job in PySpark Structured Streaming over a folder of JSON files: stream_jobs_spark.py JOB FOLDER.

Jobs: `tumbling` (events and prices by category each minute), `sliding` (events and distinct users by category, 5 minutes sliding by
1), `sessions` (by user, 30 minutes of inactivity), `per_user` (events of each user each 10 seconds). In Spark's favour: the schema
is given and names only what the job needs, one availableNow batch, nothing is written (noop sink), two threads, four shuffle
partitions, and distinct users are estimated: Spark refuses to count them exactly on a stream. Prints one line of JSON.
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

import spark_session  # noqa: E402
from pyspark.sql import functions as f  # noqa: E402
from pyspark.sql.types import StringType, StructType, TimestampType  # noqa: E402

from spark_streaming import process_figures  # noqa: E402

USER = StructType().add("time", TimestampType()).add("anonymous_id", StringType())
PRODUCT = StructType().add("category", StringType()).add("price", StringType())
WITH_PRODUCT = StructType().add("time", TimestampType()).add("anonymous_id", StringType()).add("product", PRODUCT)


def tumbling(events):
    price = f.col("product.price").cast("decimal(18,4)")
    return events.groupBy(f.window("time", "1 minute"), f.col("product.category")).agg(f.count("*"), f.sum(price))


def sliding(events):
    return events.groupBy(f.window("time", "5 minutes", "1 minute"), f.col("product.category")).agg(
        f.count("*"), f.approx_count_distinct("anonymous_id")
    )


def sessions(events):
    return events.groupBy(f.session_window("time", "30 minutes"), f.col("anonymous_id")).agg(f.count("*"))


def per_user(events):
    return events.groupBy(f.window("time", "10 seconds"), f.col("anonymous_id")).agg(f.count("*"))


JOBS = {"tumbling": (tumbling, "update"), "sliding": (sliding, "update"), "sessions": (sessions, "append"), "per_user": (per_user, "update")}


def main(job: str, folder: str) -> None:
    work = tempfile.mkdtemp(prefix="tradewind-spark-")
    spark = spark_session.local(job, work)
    make, mode = JOBS[job]
    schema = WITH_PRODUCT if job in ("tumbling", "sliding") else USER
    answer = make(spark.readStream.schema(schema).json(folder).withWatermark("time", "10 minutes"))
    started = time.time()
    query = (
        answer.writeStream.format("noop").outputMode(mode).option("checkpointLocation", f"{work}/checkpoint").trigger(availableNow=True).start()
    )
    query.awaitTermination()
    seconds = time.time() - started
    user, system, peak = process_figures(spark.sparkContext._gateway.proc.pid)
    rows = sum(p["numInputRows"] for p in query.recentProgress)
    print(json.dumps({"version": spark.version, "events": rows, "seconds": seconds, "cpu": user + system, "peak_rss": peak}), flush=True)
    spark.stop()
    shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
