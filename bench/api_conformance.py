"""Asks a server everything its OpenAPI description allows, and much that it does not, with schemathesis; exit code 1 on a failure.

Part of `make test`: quick, installs schemathesis into its own environment, skips with one line where the binary or PyPI is
absent. EXAMPLES=1000 makes it longer (default 60 an operation).

The check that every request which fits the description is taken is left out: no schema says what valid SQL is, or that `from`
goes together with `to`. /v1/live never ends and is left to the page tests.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import peers

STORE = "shop"


def ask(binary: str, data: Path, *arguments: str) -> str:
    """Runs a command of the program that must succeed."""
    done = subprocess.run([binary, "--data-dir", str(data), *arguments], capture_output=True, text=True, timeout=300, env=clean())
    if done.returncode != 0:
        sys.exit(f"`tradewind {' '.join(arguments)}` ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def clean() -> dict[str, str]:
    """The environment without settings of the program."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TRADEWIND_")}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_ready(url: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        if server.poll() is not None:
            sys.exit(f"the server ended with {server.returncode}")
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    sys.exit("the server is not ready after 30 s")


def conform(folder: str, url: str, key: str, *paths: str) -> bool:
    """One run of schemathesis with a key; it keeps files of its own in the folder."""
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "run", f"{url}/openapi.json",
        "--header", f"Authorization: Bearer {key}",
        "--exclude-checks", "positive_data_acceptance",
        "--max-examples", os.environ.get("EXAMPLES", "60"),
        "--request-timeout", "30", "--seed", "1", "--suppress-health-check", "all", "--no-color", *paths,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800, cwd=folder)
    lines = done.stdout.splitlines()
    told = [line.strip() for line in lines if re.match(r"\s+[\d,]+ generated", line)]
    if done.returncode != 0:
        start = next((i for i, line in enumerate(lines) if "FAILURES" in line or "ERRORS" in line), 0)
        print("\n".join(lines[start : start + 200]) or done.stderr)
    print(f"{' '.join(paths)}: {'; '.join(told)}", flush=True)
    return done.returncode == 0


def main() -> None:
    binary = peers.tradewind()
    peers.need("schemathesis")
    with tempfile.TemporaryDirectory() as folder:
        data, events = Path(folder) / "data", Path(folder) / "events.ndjson"
        ask(binary, data, "simulate", "--out", str(events), "--events", "3000", "--seed", "1")
        ask(binary, data, "import", str(events), "--store", STORE, "--currency", "EUR")
        write_key = ask(binary, data, "key", "create", "--store", STORE, "--kind", "write").strip()
        read_key = ask(binary, data, "key", "create", "--store", STORE, "--kind", "read").strip()
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        command = [binary, "--data-dir", str(data), "serve", "--listen", f"127.0.0.1:{port}", "--pg-listen", ""]
        with (Path(folder) / "serve.log").open("wb") as log:
            server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=clean())
            try:
                wait_until_ready(url, server)
                ends = [
                    conform(folder, url, read_key, "--exclude-path", "/v1/events", "--exclude-path", "/v1/live"),
                    conform(folder, url, write_key, "--include-path", "/v1/events"),
                ]
                wait_until_ready(url, server)
            finally:
                server.terminate()
                server.wait(timeout=60)
    if not all(ends):
        sys.exit("the API does not keep to its description")
    print("PASS the API keeps to its description")


if __name__ == "__main__":
    main()
