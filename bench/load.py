"""Sends events of now at a steady rate: load.py PORT KEY RATE SECONDS. Prints the rate that was acknowledged."""

from __future__ import annotations

import http.client
import sys
import threading
import time

BATCH = 500
CONNECTIONS = 4


def body(number: int) -> bytes:
    now = int(time.time() * 1000)
    return "".join(
        f'{{"type":"{"product_added" if n % 11 == 0 else "product_viewed"}","event_id":"load-{n}","time":{now},"anonymous_id":"v{n * 2654435761 % 50_000}",'
        f'"session_id":"s{n * 2654435761 % 50_000}","product":{{"product_id":"p{n % 3000}","category":"c{n % 40}","brand":"b{n % 60}","price":"19.90"}}}}\n'
        for n in range(number * BATCH, (number + 1) * BATCH)
    ).encode()


def main(port: int, key: str, rate: float, seconds: float) -> None:
    taken = [0] * CONNECTIONS
    started = time.time()

    def client(mine: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        number = mine
        while (now := time.time()) < started + seconds:
            due = started + number * BATCH / rate
            if due > now:
                time.sleep(due - now)
            connection.request("POST", "/v1/events", body(number), {"authorization": f"Bearer {key}", "content-type": "application/x-ndjson"})
            answer = connection.getresponse()
            answer.read()
            if answer.status == 200:
                taken[mine] += BATCH
            number += CONNECTIONS

    threads = [threading.Thread(target=client, args=(n,)) for n in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"{sum(taken) / (time.time() - started):,.0f} events/s were acknowledged beside it")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]), float(sys.argv[4]))
