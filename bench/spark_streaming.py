"""One PySpark Structured Streaming job over a folder of JSON files, the yardstick of `make bench-import`.

Counts events and sums prices by category in 5-minute windows that slide by a minute. Set up in Spark's favour: the schema is
given and names only the fields the job needs, everything is read in one availableNow batch, nothing is written (noop sink), two
threads as Tradewind has, four shuffle partitions. Prints one line of JSON; `seconds` is from the start of the query to its end,
`seconds_with_start` also counts starting Python and the JVM.

Run: spark_streaming.py FOLDER
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

BORN = time.time()

import peers  # noqa: E402  (the clock starts before anything else)

peers.java()
peers.need("pyspark")

import spark_session  # noqa: E402
from pyspark.sql.functions import col, count, sum as total, window  # noqa: E402
from pyspark.sql.types import StringType, StructType, TimestampType  # noqa: E402

SCHEMA = (
    StructType()
    .add("time", TimestampType())
    .add("product", StructType().add("category", StringType()).add("price", StringType()))
)


def process_figures(pid: int) -> tuple[float, float, int]:
    """User and system seconds and the peak of resident memory (bytes) of a process, from /proc."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    tick = os.sysconf("SC_CLK_TCK")
    peak = next(l for l in Path(f"/proc/{pid}/status").read_text().splitlines() if l.startswith("VmHWM"))
    return int(after_name[11]) / tick, int(after_name[12]) / tick, int(peak.split()[1]) * 1024


def main(folder: str) -> None:
    work = tempfile.mkdtemp(prefix="tradewind-spark-")
    spark = spark_session.local("tradewind-yardstick", work)
    events = spark.readStream.schema(SCHEMA).json(folder)
    by_category = (
        events.withWatermark("time", "10 minutes")
        .groupBy(window("time", "5 minutes", "1 minute"), col("product.category").alias("category"))
        .agg(count("*").alias("events"), total(col("product.price").cast("decimal(18,4)")).alias("price"))
    )
    started = time.time()
    query = (
        by_category.writeStream.format("noop")
        .outputMode("update")
        .option("checkpointLocation", f"{work}/checkpoint")
        .trigger(availableNow=True)
        .start()
    )
    query.awaitTermination()
    ended = time.time()
    user, system, peak = process_figures(spark.sparkContext._gateway.proc.pid)
    rows = sum(p["numInputRows"] for p in query.recentProgress)
    print(
        json.dumps(
            {
                "version": spark.version,
                "events": rows,
                "seconds": ended - started,
                "seconds_with_start": ended - BORN,
                "user": user,
                "system": system,
                "peak_rss": peak,
            }
        ),
        flush=True,
    )
    spark.stop()
    shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: spark_streaming.py FOLDER")
    main(sys.argv[1])
