"""Compare the API's requests per second with those of its bare AWS calls.

`python -m benchmarks` starts it with the web role. Two gunicorns, with two workers of
eight threads each, get the same requests over HTTP in turns: the application, and
`benchmarks.bare`, which makes the recorded AWS calls of the application, including that
for authentication, and sends the same response. API_BENCH_SECONDS is the time of each
measurement.

Expenses are in a category without a budget, so that writers do not conflict.
"""

import json
import os
import pickle
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

from botocore.client import BaseClient
from django.test import Client

from accounts import tokens
from benchmarks.actions import Bench
from benchmarks.aims import Aims
from benchmarks.load import (
    ExpectedRequest,
    Load,
    processor_seconds_of,
    repeat,
    server,
)
from expenses.bulk_create import MAX_ROWS

SECONDS = float(os.environ.get("API_BENCH_SECONDS", "5"))
CONNECTIONS = (1, 2, 8, 32)
BULK_CONNECTIONS = (1, 2)  # a user may have two bulk changes at once in a process
OURS_AND_BARE = ("ours", "bare", "bare", "ours")  # so that drift affects both
SLOWER_AIM = 1 / 0.85  # times as many requests that the bare server answers
SLOWER_BULK_AIM = 1 / 0.7
BULK_AIM = 0.1  # of the time of a single create that a row of a bulk takes
PROCESSOR_AIM = 1.25  # times the bare server's; steadier than requests a second
NOISE = 0.15  # between two runs on a quiet machine
ROW = {"category": "Lunch", "amount": "1.50"}
BULK = f"bulk of {MAX_ROWS:,}"
REQUESTS: dict[str, tuple[str, str, object]] = {
    "list": ("GET", "expenses?page_size=25", None),
    "summary": ("GET", "summary", None),
    "create": ("POST", "expenses", ROW),
    "bulk of 100": ("POST", "expenses/bulk", {"expenses": [ROW] * 100}),
    BULK: ("POST", "expenses/bulk", {"expenses": [ROW] * MAX_ROWS}),
}

Servers = Mapping[str, tuple[int, list[int]]]  # port and workers' pids, by name
# Those of ours and the bare server, by action and connections.
Loads = dict[tuple[str, int], tuple[Load, Load]]


def main() -> int:
    """Print the figures of both servers; return 1 if one misses its aim."""
    secret = token_of(Bench(100))
    with (
        tempfile.TemporaryDirectory() as folder,
        server("smartbudget.wsgi:application") as our_server,
        server("benchmarks.bare:application", RECORDINGS=folder) as bare_server,
    ):
        servers = {"ours": our_server, "bare": bare_server}
        loads = _compare(servers, secret, Path(folder))
    aims = Aims()
    print("\nTimes as many requests as ours that the bare server answers\n")
    for (name, count), (ours, bare) in loads.items():
        ratio = bare.rate / ours.rate
        aim = SLOWER_BULK_AIM if "bulk" in name else SLOWER_AIM
        aims.check(f"{name}, {count} at once", ratio, aim, noise=NOISE)
    print("\nProcessor time of a request, beside that of the bare server\n")
    for (name, count), (ours, bare) in loads.items():
        if "bulk" not in name:
            ratio = ours.processor_time / bare.processor_time
            aims.check(f"{name}, {count} at once", ratio, PROCESSOR_AIM, noise=NOISE)
    print("\nA row of a bulk, as a part of a single create's time\n")
    for count in BULK_CONNECTIONS:
        bulk, _ = loads[BULK, count]
        single, _ = loads["create", count]
        ratio = single.rate / (bulk.rate * MAX_ROWS)
        aims.check(f"{BULK}, {count} at once", ratio, BULK_AIM, noise=NOISE)
    return aims.exit_code


def token_of(bench: Bench) -> str:
    """Return a new API token of the user that may read and write."""
    _, secret = tokens.create_token(
        bench.user,
        password=bench.password,
        name="Benchmark",
        scopes=["read", "write"],
        expires_in_days=1,
    )
    return secret


def _compare(servers: Servers, secret: str, recordings: Path) -> Loads:
    print(f"\nThe API on gunicorn, two workers, {SECONDS:g} s each\n")
    print(f"{'':<24}{'a second':>16}{'p50 ms':>16}{'p99 ms':>16}{'processor ms':>16}")
    print(f"{'action':<14}{'at once':>10}" + f"{'ours':>8}{'bare':>8}" * 4 + "   ratio")
    loads: Loads = {}
    for name in REQUESTS:
        request = _request(name, secret)
        (recordings / name).write_bytes(pickle.dumps(_record(request)))
        counts = BULK_CONNECTIONS if "bulk" in name else CONNECTIONS
        for count in counts:
            ours, bare = _take_turns(servers, count, request, max(counts))
            _print(name, count, ours, bare)
            loads[name, count] = ours, bare
    return loads


def _request(name: str, secret: str) -> ExpectedRequest:
    method, path, body = REQUESTS[name]
    headers = {
        "Authorization": f"Bearer {secret}",
        "Content-Type": "application/json",
        "X-Action": name,  # for the bare server
    }
    status = 201 if body else 200
    return ExpectedRequest(method, f"/api/{path}", body, headers, status)


def _record(request: ExpectedRequest) -> tuple[list[tuple[str, Any]], str, bytes]:
    """Send a request in this process; return its AWS calls, status line and body."""
    calls = []
    make_call = BaseClient._make_api_call

    def recording(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        calls.append((operation, parameters))
        return make_call(client, operation, parameters)

    client = Client(HTTP_HOST="127.0.0.1", headers=request.headers)
    client.get("/api/budgets")  # stores the token's time of use, once a minute
    content = b"" if request.body is None else json.dumps(request.body)
    with patch.object(BaseClient, "_make_api_call", recording):
        response = client.generic(
            request.method, request.path, content, content_type="application/json"
        )
    assert response.status_code == request.status, response.content
    status_line = f"{response.status_code} {response.reason_phrase}"
    return calls, status_line, response.content


def _take_turns(
    servers: Servers, count: int, request: ExpectedRequest, warm_up: int
) -> tuple[Load, Load]:
    loads = {name: Load() for name in servers}
    for port, _ in servers.values():  # opens each thread's connection to AWS
        repeat(port, warm_up, request, 1)
    for name in OURS_AND_BARE:
        port, workers = servers[name]
        before = processor_seconds_of(workers)
        load = repeat(port, count, request, SECONDS / OURS_AND_BARE.count(name))
        load.processor_seconds = processor_seconds_of(workers) - before
        loads[name].add(load)
    return loads["ours"], loads["bare"]


def _print(name: str, count: int, ours: Load, bare: Load) -> None:
    print(
        f"{name:<14}{count:>10}{ours.rate:>8.1f}{bare.rate:>8.1f}"
        f"{ours.percentile(50):>8.0f}{bare.percentile(50):>8.0f}"
        f"{ours.percentile(99):>8.0f}{bare.percentile(99):>8.0f}"
        f"{ours.processor_time:>8.1f}{bare.processor_time:>8.1f}"
        f"{ours.rate / bare.rate:>8.2f}"
    )


if __name__ == "__main__":
    sys.exit(main())
