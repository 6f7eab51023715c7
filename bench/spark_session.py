"""The Spark that every comparison uses: two threads, this machine only, nothing of its pages and logs."""

from __future__ import annotations


def local(name: str, work: str, memory: str = "4g", **more: str):
    """A session that keeps its files in `work`."""
    from pyspark.sql import SparkSession

    settings = {
        "spark.driver.memory": memory,
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.shuffle.partitions": "4",
        "spark.sql.session.timeZone": "UTC",
        "spark.local.dir": work,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
    }
    builder = SparkSession.builder.master("local[2]").appName(name)
    for key, value in (settings | {key.replace("_", "."): value for key, value in more.items()}).items():
        builder = builder.config(key, value)
    return builder.getOrCreate()
