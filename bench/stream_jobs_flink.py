"""One streaming job in Flink SQL over a folder of JSON files: stream_jobs_flink.py JOB FOLDER, the jobs of stream_jobs_spark.py.

In Flink's favour: the schema names only what the job needs, the source is bounded, the sink is a black hole, parallelism 2, mini
batches and two-phase aggregation are on. The time is from submitting the job to its end; the JVM runs by then. Afterwards the events its
source gives are counted. Prints one line of JSON.
"""

from __future__ import annotations

import json
import sys
import time

import peers

peers.java()
peers.need_apart("apache-flink")

from pyflink.table import EnvironmentSettings, TableEnvironment  # noqa: E402
from pyflink.version import __version__  # noqa: E402

SLIDING = "HOP(TABLE events, DESCRIPTOR(`time`), INTERVAL '1' MINUTE, INTERVAL '5' MINUTE)"
BY_CATEGORY = "window_start STRING, category STRING, events BIGINT"
JOBS = {
    "tumbling": (
        f"{BY_CATEGORY}, price DECIMAL(38,4)",
        "SELECT CAST(window_start AS STRING), product.category, COUNT(*), SUM(CAST(product.price AS DECIMAL(18,4))) "
        "FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(`time`), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end, product.category",
    ),
    "sliding": (
        f"{BY_CATEGORY}, users BIGINT",
        "SELECT CAST(window_start AS STRING), product.category, COUNT(*), COUNT(DISTINCT anonymous_id) "
        f"FROM TABLE({SLIDING}) GROUP BY window_start, window_end, product.category",
    ),
    "sessions": (
        "window_start STRING, who STRING, events BIGINT",
        "SELECT CAST(window_start AS STRING), anonymous_id, COUNT(*) FROM TABLE(SESSION(TABLE events PARTITION BY anonymous_id, "
        "DESCRIPTOR(`time`), INTERVAL '30' MINUTE)) GROUP BY window_start, window_end, anonymous_id",
    ),
    "per_user": (
        "window_start STRING, who STRING, events BIGINT",
        "SELECT CAST(window_start AS STRING), anonymous_id, COUNT(*) FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(`time`), "
        "INTERVAL '10' SECOND)) GROUP BY window_start, window_end, anonymous_id",
    ),
}


def main(job: str, folder: str) -> None:
    table = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    for key, value in {
        "parallelism.default": "2",
        "table.local-time-zone": "UTC",
        "table.exec.mini-batch.enabled": "true",
        "table.exec.mini-batch.allow-latency": "1 s",
        "table.exec.mini-batch.size": "5000",
        "table.optimizer.agg-phase-strategy": "TWO_PHASE",
        "taskmanager.memory.process.size": "4g",
        "rest.bind-address": "127.0.0.1",
    }.items():
        table.get_config().set(key, value)
    product = ", product ROW<category STRING, price STRING>" if job in ("tumbling", "sliding") else ""
    table.execute_sql(
        f"CREATE TABLE events (`time` TIMESTAMP_LTZ(3), anonymous_id STRING{product}, WATERMARK FOR `time` AS `time` - INTERVAL '10' MINUTE) "
        f"WITH ('connector'='filesystem', 'path'='file://{folder}', 'format'='json', 'json.timestamp-format.standard'='ISO-8601')"
    )
    columns, query = JOBS[job]
    table.execute_sql(f"CREATE TABLE answer ({columns}) WITH ('connector'='blackhole')")
    started = time.time()
    table.execute_sql(f"INSERT INTO answer {query}").wait()
    seconds = time.time() - started
    # A job does not tell what it read: its source is counted once more, outside the time.
    with table.execute_sql("SELECT COUNT(*) FROM events").collect() as counts:
        read = max((row[0] for row in counts), default=0)
    print(json.dumps({"version": __version__, "events": read, "seconds": seconds}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
