"""A Kafka broker (KRaft, one node) from Maven Central's jars, and its own producer benchmark on the same batches."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import time
import uuid
from pathlib import Path

import peers
from rows.service import free_port

VERSION = "4.1.0"
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>bench</groupId><artifactId>kafka</artifactId><version>1</version><dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{version}</version></dependency>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>{version}</version></dependency>
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
</dependencies></project>"""


def jars() -> Path | None:
    """The folder of jars; brought once."""
    if shutil.which("java") is None or shutil.which("mvn") is None:
        return None
    folder = peers.CACHE / f"kafka-{VERSION}"
    if not (folder / "done").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "pom.xml").write_text(POM.format(version=VERSION))
        done = subprocess.run(
            ["mvn", "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={folder}/libs"], cwd=folder, capture_output=True, timeout=600
        )
        if done.returncode != 0:
            return None
        (folder / "done").touch()
    return folder / "libs"


def produce(lines: list[list[bytes]], folder: Path, flush: bool) -> float | None:
    """Events/s of Kafka's ProducerPerformance with the same events as payloads, acks=all; with `flush` the broker flushes the log
    after each batch, which is what acknowledged after fsync means."""
    libs = jars()
    if libs is None:
        return None
    port, controller = free_port(), free_port()
    home = folder / f"kafka-{flush}"
    home.mkdir()
    settings = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": home / "logs",
        "num.partitions": 8,
        "offsets.topic.replication.factor": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
    }
    if flush:
        settings["log.flush.interval.messages"] = 1
    properties = home / "server.properties"
    properties.write_text("".join(f"{k}={v}\n" for k, v in settings.items()))
    payloads = home / "payloads"
    # It keeps all payloads in memory, and takes them in any order.
    lines = lines[:800]
    payloads.write_bytes(b"\n".join(line for batch in lines for line in batch))
    java = ["java", "-cp", f"{libs}/*", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"]
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    subprocess.run([*java, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(properties)], check=True, capture_output=True, timeout=60)
    broker = subprocess.Popen([*java, "-Xmx1g", "kafka.Kafka", str(properties)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(6)
        topic = ["org.apache.kafka.tools.TopicCommand", "--bootstrap-server", f"127.0.0.1:{port}", "--create", "--topic", "events", "--partitions", "8"]
        subprocess.run([*java, *topic], check=True, capture_output=True, timeout=60)
        size = sum(len(line) for batch in lines for line in batch) // sum(len(batch) for batch in lines)
        done = subprocess.run(
            [
                *java,
                "-Xmx1g",
                "org.apache.kafka.tools.ProducerPerformance",
                *("--topic", "events", "--num-records", "1000000", "--throughput", "-1", "--payload-file", str(payloads)),
                *("--producer-props", f"bootstrap.servers=127.0.0.1:{port}", "acks=all", f"batch.size={500 * size}", "linger.ms=20"),
                "max.in.flight.requests.per.connection=5",
                f"buffer.memory={64 << 20}",
            ],
            capture_output=True,
            text=True,
            timeout=300,
        )
        found = re.findall(r"([\d.,]+) records/sec", done.stdout)
        return float(found[-1].replace(",", "")) if found else None
    finally:
        broker.terminate()
        try:
            broker.wait(30)
        except subprocess.TimeoutExpired:
            broker.kill()
