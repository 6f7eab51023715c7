"""How long a Spark job with its default trigger takes from a file's arrival to the end of the batch that counts it: 20 files of 2,000
small events a second for 20 seconds, counted in 1-minute windows. Prints one line of JSON with the seconds of each file."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from pathlib import Path

import peers

peers.java()
peers.need("pyspark")

import spark_session  # noqa: E402
from pyspark.sql import functions as f  # noqa: E402

FILES, EVENTS, PAUSE = 200, 2_000, 0.1


def main() -> None:
    work = Path(tempfile.mkdtemp(prefix="tradewind-spark-"))
    inbox, outbox = work / "in", work / "out"
    inbox.mkdir()
    spark = spark_session.local("freshness", str(work / "spark"), spark_sql_shuffle_partitions="2")
    events = spark.readStream.schema("time TIMESTAMP, file INT, user STRING").json(str(inbox))
    # Which files a batch holds is told by the batch itself.
    seen: dict[int, float] = {}

    def note(batch, _) -> None:
        files = [row.file for row in batch.select("file").distinct().collect()]
        now = time.time()
        for file in files:
            seen.setdefault(file, now)

    counted = events.groupBy(f.window("time", "1 minute"), "file").agg(f.count("*"))
    query = counted.writeStream.outputMode("update").foreachBatch(note).option("checkpointLocation", str(outbox)).start()
    arrived: dict[int, float] = {}
    for number in range(FILES):
        lines = "".join(
            json.dumps({"time": "2026-01-01T00:00:00Z", "file": number, "user": f"u{i}"}) + "\n" for i in range(EVENTS)
        )
        (work / "part").write_text(lines)
        (work / "part").rename(inbox / f"{number:05}.json")
        arrived[number] = time.time()
        time.sleep(PAUSE)
    until = time.time() + 60
    while len(seen) < FILES and time.time() < until:
        time.sleep(0.1)
    query.stop()
    # The first batches also warm the JVM up.
    waits = [seen[n] - arrived[n] for n in range(FILES // 4, FILES) if n in seen]
    print(json.dumps({"version": spark.version, "seconds": waits}), flush=True)
    spark.stop()
    shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
