"""Measure the memory of the web server's workers over many requests of all kinds.

`python -m benchmarks` starts it with the web role. Eight clients, each a user with a
token, repeat a round of requests, which deletes what it stores, so that the tables stay
small. API_BENCH_REQUESTS is the number of requests.
"""

import operator
import os
import sys
import uuid
from collections.abc import Mapping
from contextlib import closing
from email.message import Message
from types import MappingProxyType
from urllib.parse import urlsplit

from benchmarks.actions import Bench
from benchmarks.aims import Aims
from benchmarks.api import token_of
from benchmarks.load import (
    Connection,
    ExpectedRequest,
    in_threads,
    memory_of,
    server,
)

REQUESTS = int(os.environ.get("API_BENCH_REQUESTS", "20000"))
CLIENTS = 8
STEPS = 10
MEGABYTES_AIM = 2  # that a worker grows in the second half of the requests
ROW = {"category": "Groceries", "amount": "1.50", "description": "Bread and butter"}
BAD_ROW = {"category": "", "amount": "-1", "color": "red"}


def main() -> int:
    """Print each worker's memory after each step; return 1 if it keeps growing."""
    clients = [_Client(Bench(30)) for _ in range(CLIENTS)]
    with server("smartbudget.wsgi:application") as (port, workers):
        print(f"\nMB of each worker over {REQUESTS:,} requests of {CLIENTS} clients\n")
        print(f"{'requests':>9}" + "".join(f"{pid:>9}" for pid in workers))
        steps = []
        for _ in range(STEPS):
            in_threads(lambda number: clients[number].run_step(port), CLIENTS)
            done = sum(client.done for client in clients)
            steps.append([memory_of(pid) / 1024 for pid in workers])
            held = "".join(f"{megabytes:>9.1f}" for megabytes in steps[-1])
            print(f"{done:>9,}{held}", flush=True)
    grown = max(map(operator.sub, steps[-1], steps[STEPS // 2 - 1]))
    aims = Aims()
    print()
    aims.check("MB that a worker grew in the second half", grown, MEGABYTES_AIM)
    return aims.exit_code


class _Client:
    """An API client with a token, and its requests."""

    def __init__(self, bench: Bench) -> None:
        self.expense = f"/api/expenses/{bench.ids[0]}"
        self.headers = {
            "Authorization": f"Bearer {token_of(bench)}",
            "Content-Type": "application/json",
        }
        self.done = 0

    def run_step(self, port: int) -> None:
        """Send this client's part of a step, in complete rounds."""
        target = self.done + REQUESTS // CLIENTS // STEPS
        while self.done < target:
            # A new connection each time, or one worker might get all requests.
            with closing(Connection(port)) as self._connection:
                self._round()

    def _round(self) -> None:
        """Read, revalidate, send invalid requests, write and delete."""
        self._send("GET", "/api/expenses?page_size=25")
        self._send("GET", "/api/summary")
        tag = self._send("GET", self.expense)["ETag"]
        self._send("GET", self.expense, status=304, headers={"If-None-Match": tag})
        self._send("HEAD", self.expense)
        self._send("POST", "/api/expenses", BAD_ROW, status=400)
        self._send("GET", self.expense, status=401, headers={"Authorization": "Bearer"})
        key = {"Idempotency-Key": uuid.uuid4().hex}
        created = self._send("POST", "/api/expenses", ROW, status=201, headers=key)
        path = urlsplit(created["Location"]).path
        self._send("PATCH", path, {"amount": "2.50"})
        self._send("DELETE", path, status=204)

    def _send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        status: int = 200,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> Message:
        """Send a request and return the headers of the response."""
        sent_headers = {**self.headers, **headers}
        request = ExpectedRequest(method, path, body, sent_headers, status)
        response, _ = self._connection.send(request)
        self.done += 1
        return response.headers


if __name__ == "__main__":
    sys.exit(main())
