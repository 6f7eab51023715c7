"""A Tradewind server for a row: started on a free port of 127.0.0.1 in a folder of its own, ended by its process id."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from measure import clean_environment


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Service:
    def __init__(self, binary: str, data: Path) -> None:
        self.binary, self.data, self.port = binary, data, free_port()
        data.parent.mkdir(parents=True, exist_ok=True)
        self.process: subprocess.Popen | None = None

    def key(self, store: str, kind: str, currency: str = "EUR") -> str:
        command = [self.binary, "key", "create", "--store", store, "--kind", kind, "--currency", currency, "--data-dir", str(self.data)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=clean_environment())
        return done.stdout.strip()

    def start(self) -> float:
        """Starts it; gives the seconds until it is ready."""
        started = time.time()
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [self.binary, "serve", "--listen", f"127.0.0.1:{self.port}", "--pg-listen", "", "--data-dir", str(self.data)],
            stdout=self.log,
            stderr=subprocess.STDOUT,
            env=clean_environment() | {"RUST_LOG": "warn"},
        )
        while time.time() < started + 300:
            try:
                if self.get("/readyz")[0] == 200:
                    return time.time() - started
            except OSError:
                pass
            if self.process.poll() is not None:
                self.log.seek(0)
                raise RuntimeError(f"the server ended: {self.log.read()[-2000:].decode()}")
            time.sleep(0.005)
        raise RuntimeError("the server was not ready within 300 s")

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)

    def get(self, path: str, key: str = "") -> tuple[int, bytes]:
        connection = self.connection()
        connection.request("GET", path, headers={"authorization": f"Bearer {key}"} if key else {})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, body

    def sql(self, key: str, query: str) -> list:
        connection = self.connection()
        connection.request(
            "POST", "/v1/sql", json.dumps({"query": query}), {"authorization": f"Bearer {key}", "content-type": "application/json"}
        )
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        if answer.status != 200:
            raise RuntimeError(f"{query}: {answer.status} {body[:500].decode()}")
        return json.loads(body)

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(90)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def closed(service: Service) -> None:
    service.stop()
    os.sync()
