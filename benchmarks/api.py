"""Requests a second of the API beside the bare AWS calls, on the same gunicorn.

`python -m benchmarks` starts it under the web role. Two gunicorns with two workers of
eight threads are asked over HTTP: the program, and `benchmarks.bare`, which makes the
calls that were recorded of the program and answers a constant. API_BENCH_SECONDS is how
long each figure is measured, API_BENCH_REQUESTS over how many memory is watched.
Expenses are in a category without a budget, so writers are not in each other's way.
"""

import contextlib
import http.client
import json
import os
import pickle
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from accounts import tokens
from benchmarks.actions import Bench, measure
from benchmarks.receipts import _status
from smartbudget.local.settings import ROOT
from tests.stack import free_ports, wait_until

Asked = tuple[str, str, object, dict[str, str]]  # method, path, body, headers
Load = tuple[float, list[float]]  # requests a second, seconds of each, sorted

SECONDS = float(os.environ.get("API_BENCH_SECONDS", "5"))
REQUESTS = int(os.environ.get("API_BENCH_REQUESTS", "20000"))
CONNECTIONS = (1, 8, 32)
CLIENTS = 2  # processes that ask
RATIO_AIM = 0.6
ROW = {"category": "Lunch", "amount": "1.50"}
ASKED = {  # name: method, path, body
    "list": ("GET", "expenses?page_size=25", None),
    "summary": ("GET", "summary", None),
    "create": ("POST", "expenses", ROW),
    "bulk of 100": ("POST", "expenses/bulk", {"expenses": [ROW] * 100}),
}


def main() -> None:
    """Print the figures of both servers, and what the program's workers hold."""
    bench = Bench(100)
    recorded = {}
    for name, (method, path, body) in ASKED.items():
        calls, _, _ = measure(lambda _, m=method, p=path, b=body: bench.send(m, p, b))
        recorded[name.replace(" ", "-")] = calls[-1]
    _, secret = tokens.create_token(
        bench.user,
        password=bench.password,
        name="Benchmark",
        scopes=["read", "write"],
        expires_in_days=1,
    )
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "calls")
        path.write_bytes(pickle.dumps(recorded))
        with _server("smartbudget.wsgi:application") as (ours, workers):
            with _server("benchmarks.bare:application", BARE_CALLS=str(path)) as bare:
                _compare(ours, bare[0], headers)
            _watch(ours, workers, headers)


def _compare(ours: int, bare: int, headers: dict[str, str]) -> None:
    print(f"\nThe API on gunicorn, two workers, {SECONDS:g} s each; aim {RATIO_AIM}\n")
    print(
        f"{'action':<14}{'connections':>12}{'a second':>10}{'p50 ms':>8}{'p99 ms':>8}"
        f"{'bare':>8}{'ratio':>8}"
    )
    for name, (method, path, body) in ASKED.items():
        for count in CONNECTIONS:
            api = (method, f"/api/{path}", body, headers)
            rate, times = _load(ours, count, api)
            plain = ("GET", f"/?{name.replace(' ', '-')}", None, {})
            bare_rate, _ = _load(bare, count, plain)
            half, most = times[len(times) // 2], times[len(times) * 99 // 100]
            print(
                f"{name:<14}{count:>12}{rate:>10.1f}{half * 1000:>8.1f}"
                f"{most * 1000:>8.1f}{bare_rate:>8.1f}{rate / bare_rate:>8.2f}"
            )


def _watch(port: int, workers: list[int], headers: dict[str, str]) -> None:
    """Print what the workers hold before and after many requests."""
    held = []
    asked = ("GET", "/api/budgets", None, headers)
    for _ in range(2):
        _load(port, 8, asked, requests=REQUESTS // 2)
        held.append([round(_status(pid, "VmRSS") / 1024, 1) for pid in workers])
    print(
        f"\nMB of each worker after {REQUESTS // 2:,} requests: {held[0]},"
        f" after {REQUESTS:,}: {held[1]}"
    )


def _load(port: int, connections: int, asked: Asked, requests: int = 0) -> Load:
    """Ask over some connections; return requests a second and sorted times."""
    processes = min(CLIENTS, connections)
    each = (port, connections // processes, asked, requests // processes)
    with get_context("fork").Pool(processes) as pool:
        found = pool.map(ask, [each] * processes, chunksize=1)
    return sum(rate for rate, _ in found), sorted(
        t for _, times in found for t in times
    )


def ask(given: tuple[int, int, Asked, int]) -> Load:
    """Ask from threads of this process; so many requests, or for SECONDS."""
    port, connections, (method, path, body, headers), requests = given
    content = None if body is None else json.dumps(body).encode()
    times: list[float] = []
    begun = time.perf_counter()

    def one() -> None:
        http_to = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        with contextlib.closing(http_to):
            while (
                len(times) < requests
                if requests
                else time.perf_counter() - begun < SECONDS
            ):
                start = time.perf_counter()
                http_to.request(method, path, content, headers)
                answer = http_to.getresponse()
                answer.read()
                assert answer.status < 300, answer.status
                times.append(time.perf_counter() - start)

    with ThreadPoolExecutor(connections) as threads:
        for each in [threads.submit(one) for _ in range(connections)]:
            each.result()
    return len(times) / (time.perf_counter() - begun), times


@contextlib.contextmanager
def _server(application: str, **environment: str) -> Iterator[tuple[int, list[int]]]:
    """Run gunicorn as the local stack does; give its port and its workers."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "gunicorn", application]
    command += ["--config", str(ROOT / "smartbudget/local/gunicorn_conf.py")]
    command += ["--bind", f"127.0.0.1:{port}", "--access-logfile", "/dev/null"]
    env = {**os.environ, "API_RATE_LIMIT": "0", "LOG_LEVEL": "ERROR", **environment}
    server = subprocess.Popen(
        command, cwd=ROOT, env=env, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        wait_until(lambda: _listens(port), 30)
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children")
        wait_until(lambda: len(children.read_text().split()) == 2)
        yield port, [int(pid) for pid in children.read_text().split()]
    finally:
        server.terminate()
        server.wait(30)


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


if __name__ == "__main__":
    main()
