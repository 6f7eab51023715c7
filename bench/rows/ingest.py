"""Durable ingest: batches of 500 events, each acknowledged after fsync, by eight connections; client and server share the cores.

Tradewind checks, de-duplicates, routes and runs its operators on what it takes; the others only keep bytes. Every client sends
bytes prepared before, so that it costs about the same beside each server.
"""

from __future__ import annotations

import multiprocessing
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import events
import kafka
import peers
from rows import Row
from rows.service import Service, free_port

NAME = "durable HTTP ingest, acknowledged after fsync, 500 per request"
AIM = "≥ 3× Redis and PostgreSQL; ≥ 1.5× Kafka"
BATCH = 500
CONNECTIONS = 8
SECONDS = 10.0
EVENTS = 5_000_000
# More than ten seconds take, so that no event comes twice.
BATCHES = 8_000


def batches(binary: str) -> list[list[bytes]]:
    source = events.make(binary, max(events.count(EVENTS), BATCH * BATCHES))
    out, lines = [], []
    with source.open("rb") as file:
        for line in file:
            lines.append(line.rstrip(b"\n"))
            if len(lines) == BATCH:
                out.append(lines)
                lines = []
                if len(out) == BATCHES:
                    break
    return out


def pour(connect, send, bodies: list[bytes], seconds: float) -> float:
    """Events/s acknowledged by `CONNECTIONS` clients; each body goes once, round after round."""
    counts = [0] * CONNECTIONS
    failed: list[Exception] = []
    begin = threading.Barrier(CONNECTIONS + 1)
    stop = threading.Event()

    def client(number: int) -> None:
        try:
            connection = connect()
            begin.wait()
            at = number
            while not stop.is_set():
                send(connection, bodies[at % len(bodies)], at // len(bodies))
                counts[number] += BATCH
                at += CONNECTIONS
        except Exception as error:  # noqa: BLE001 (told to the caller)
            failed.append(error)
            stop.set()

    threads = [threading.Thread(target=client, args=(n,)) for n in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    begin.wait(30)
    started = time.time()
    stop.wait(seconds)
    taken, elapsed = sum(counts), time.time() - started
    stop.set()
    for thread in threads:
        thread.join()
    if failed:
        raise RuntimeError(f"a client failed: {failed[0]}")
    return taken / elapsed


def read_until(connection: socket.socket, end, buffer: bytearray) -> None:
    while not end(buffer):
        chunk = connection.recv(1 << 16)
        if not chunk:
            raise RuntimeError("the server closed the connection")
        buffer.extend(chunk)


def tradewind(binary: str, lines: list[list[bytes]], folder: Path) -> float:
    service = Service(binary, folder / "data")
    key = service.key("bench", "write")
    service.start()
    try:
        bodies = [b"\n".join(batch) for batch in lines]
        head = (
            b"POST /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer "
            + key.encode()
            + b"\r\ncontent-type: application/x-ndjson\r\ncontent-length: %d\r\n\r\n"
        )
        packets = [head % len(body) + body for body in bodies]

        def connect() -> socket.socket:
            connection = socket.create_connection(("127.0.0.1", service.port))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection

        def send(connection: socket.socket, packet: bytes, round_: int) -> None:
            if round_:
                raise RuntimeError("the events are used up: raise BATCHES")
            while True:
                connection.sendall(packet)
                answer = bytearray()
                read_until(connection, lambda b: b"\r\n\r\n" in b and b.endswith(b"}"), answer)
                if answer.startswith(b"HTTP/1.1 200"):
                    if b'"rejected":[]' not in answer:
                        raise RuntimeError(answer[-300:].decode())
                    return
                if not answer.startswith((b"HTTP/1.1 429", b"HTTP/1.1 503")):
                    raise RuntimeError(answer[:300].decode())
                time.sleep(0.05)

        return pour(connect, send, packets, SECONDS)
    finally:
        service.stop()


def redis(lines: list[list[bytes]], folder: Path) -> float | None:
    if shutil.which("redis-server") is None:
        return None
    port = free_port()
    server = subprocess.Popen(
        ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--appendonly", "yes", "--appendfsync", "always", "--save", ""],
        stdout=subprocess.DEVNULL,
    )
    try:
        packets = [
            b"".join(b"*5\r\n$4\r\nXADD\r\n$6\r\nevents\r\n$1\r\n*\r\n$1\r\ne\r\n$%d\r\n%s\r\n" % (len(line), line) for line in batch) for batch in lines
        ]
        time.sleep(0.5)

        def send(connection: socket.socket, packet: bytes, _: int) -> None:
            connection.sendall(packet)
            # Each of the 500 answers is a bulk string of two lines.
            answer = bytearray()
            read_until(connection, lambda b: b.count(b"\r\n") >= 2 * BATCH, answer)
            if b"-ERR" in answer:
                raise RuntimeError(answer[:300].decode())

        return pour(lambda: socket.create_connection(("127.0.0.1", port)), send, packets, SECONDS)
    finally:
        server.terminate()
        server.wait()


def postgres(lines: list[list[bytes]], folder: Path) -> float | None:
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not programs:
        return None
    import psycopg

    bin_ = programs[-1].parent
    # Its user must be able to walk to the folder, which is on the same disk.
    home = Path(tempfile.mkdtemp(prefix="tradewind-pg-"))
    home.chmod(0o755)
    data, port = home / "pg", free_port()
    data.mkdir()
    shutil.chown(data, "postgres")
    as_postgres = ["runuser", "-u", "postgres", "--"]
    subprocess.run([*as_postgres, str(bin_ / "initdb"), "-D", str(data), "-A", "trust"], check=True, capture_output=True)
    options = f"-p {port} -k {data} -c listen_addresses=127.0.0.1 -c max_wal_size=4GB -c wal_compression=off"
    subprocess.run([*as_postgres, str(bin_ / "pg_ctl"), "-D", str(data), "-o", options, "-w", "-l", str(data / "log"), "start"], check=True, capture_output=True)
    try:
        with psycopg.connect(host="127.0.0.1", port=port, user="postgres", autocommit=True) as admin:
            admin.execute("CREATE TABLE events (raw text)")
        packets = [b"".join(line.replace(b"\\", b"\\\\") + b"\n" for line in batch) for batch in lines]

        def send(connection, packet: bytes, _: int) -> None:
            with connection.cursor().copy("COPY events FROM STDIN") as copy:
                copy.write(packet)
            connection.commit()

        return pour(lambda: psycopg.connect(host="127.0.0.1", port=port, user="postgres"), send, packets, SECONDS)
    finally:
        subprocess.run([*as_postgres, str(bin_ / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop"], capture_output=True)
        shutil.rmtree(home, ignore_errors=True)


def measure(binary: str) -> Row:
    # Millions of prepared events would be counted as memory of whatever is started and measured afterwards: the kernel
    # hands the greatest size of the starting process on to what it becomes.
    with multiprocessing.get_context("spawn").Pool(1) as apart:
        return apart.apply(beside, (binary,))


def beside(binary: str) -> Row:
    peers.need("psycopg", "psycopg-binary")
    lines = batches(binary)
    folder = Path(tempfile.mkdtemp(prefix="ingest-", dir=events.FOLDER))
    try:
        ours = tradewind(binary, lines, folder)
        others = {
            "Redis Streams appendfsync always": redis(lines, folder),
            "PostgreSQL COPY": postgres(lines, folder),
            "Kafka acks=all, a flush each batch": kafka.produce(lines, folder, flush=True),
            "Kafka acks=all, page cache only": kafka.produce(lines, folder, flush=False),
        }
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    had = {name: speed for name, speed in others.items() if speed}
    details = [f"{name}: {speed:,.0f} events/s, ratio {ours / speed:.2f}" for name, speed in had.items()]
    details += [f"{name}: not to be had here" for name, speed in others.items() if not speed]
    best = max(had.values()) if had else None
    return Row(f"{ours:,.0f} events/s", "; ".join(f"{n} {s:,.0f}" for n, s in had.items()), ours / best if best else None, details)
