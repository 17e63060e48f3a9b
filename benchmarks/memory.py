"""Measure the memory of the web server's workers over many requests of all kinds.

`python -m benchmarks` starts it under the web role. Eight clients, each a user with a
token, do one round of requests after another; what a round stores it deletes, so the
tables stay small. API_BENCH_REQUESTS is how many requests there are.
"""

import os
import uuid
from collections.abc import Mapping
from contextlib import closing
from email.message import Message
from types import MappingProxyType
from urllib.parse import urlsplit

from benchmarks.actions import Bench
from benchmarks.api import token_of
from benchmarks.load import Asked, Connection, in_threads, memory_of, server

REQUESTS = int(os.environ.get("API_BENCH_REQUESTS", "20000"))
CLIENTS = 8
STRETCHES = 10
ROW = {"category": "Groceries", "amount": "1.50", "description": "Bread and butter"}
BAD_ROW = {"category": "", "amount": "-1", "colour": "red"}


def main() -> None:
    """Print each worker's memory after each stretch of requests."""
    clients = [_Client(Bench(30)) for _ in range(CLIENTS)]
    with server("smartbudget.wsgi:application") as (port, workers):
        print(f"\nMB of each worker over {REQUESTS:,} requests of {CLIENTS} clients\n")
        print(f"{'requests':>9}" + "".join(f"{pid:>9}" for pid in workers))
        for _ in range(STRETCHES):
            in_threads(lambda number: clients[number].go_on(port), CLIENTS)
            done = sum(client.done for client in clients)
            held = "".join(f"{memory_of(pid) / 1024:>9.1f}" for pid in workers)
            print(f"{done:>9,}{held}", flush=True)


class _Client:
    """An API client with a token, and its requests."""

    def __init__(self, bench: Bench) -> None:
        self.known = f"/api/expenses/{bench.ids[0]}"
        self.headers = {
            "Authorization": f"Bearer {token_of(bench)}",
            "Content-Type": "application/json",
        }
        self.done = 0

    def go_on(self, port: int) -> None:
        """Do this client's part of a stretch, in whole rounds."""
        enough = self.done + REQUESTS // CLIENTS // STRETCHES
        while self.done < enough:
            # A new connection each time, or one worker might get all requests.
            with closing(Connection(port)) as self._connection:
                self._round()

    def _round(self) -> None:
        """Read, look whether it is known already, be refused, write and delete."""
        self._ask("GET", "/api/expenses?page_size=25")
        self._ask("GET", "/api/summary")
        tag = self._ask("GET", self.known)["ETag"]
        self._ask("GET", self.known, status=304, headers={"If-None-Match": tag})
        self._ask("HEAD", self.known)
        self._ask("POST", "/api/expenses", BAD_ROW, status=400)
        self._ask("GET", self.known, status=401, headers={"Authorization": "Bearer"})
        key = {"Idempotency-Key": uuid.uuid4().hex}
        made = self._ask("POST", "/api/expenses", ROW, status=201, headers=key)
        path = urlsplit(made["Location"]).path
        self._ask("PATCH", path, {"amount": "2.50"})
        self._ask("DELETE", path, status=204)

    def _ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        status: int = 200,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> Message:
        """Return the headers of the answer."""
        asked = Asked(method, path, body, {**self.headers, **headers}, status)
        answer, _ = self._connection.ask(asked)
        self.done += 1
        return answer.headers


if __name__ == "__main__":
    main()
