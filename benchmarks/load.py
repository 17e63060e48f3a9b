"""Servers and clients to measure the API over HTTP."""

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from smartbudget.local.settings import ROOT
from tests.stack import free_ports, wait_until

CLIENTS = 2  # processes that send requests
WORKERS = 2
UNLIMITED = dict.fromkeys(("API_RATE_LIMIT", "PAGE_RATE_LIMIT", "READS_PER_USER"), "0")


@dataclass(frozen=True)
class ExpectedRequest:
    """A request, and the status it should get."""

    method: str
    path: str
    body: object = None
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200


@dataclass
class Load:
    """The requests completed by some connections."""

    seconds: float = 0
    times: list[float] = field(default_factory=list)  # seconds of each request
    processor_seconds: float = 0  # of the server's workers

    @property
    def rate(self) -> float:
        """The requests per second."""
        return len(self.times) / self.seconds

    @property
    def processor_time(self) -> float:
        """The processor time of a request in the server, in milliseconds."""
        return self.processor_seconds / len(self.times) * 1000

    def percentile(self, percent: int) -> float:
        """Return a percentile of the requests' times, in milliseconds."""
        return sorted(self.times)[len(self.times) * percent // 100] * 1000

    def add(self, other: "Load") -> None:
        """Add another measurement of the same request."""
        self.seconds += other.seconds
        self.times += other.times
        self.processor_seconds += other.processor_seconds


class Connection:
    """A client's persistent connection."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def send(self, request: ExpectedRequest) -> tuple[http.client.HTTPResponse, bytes]:
        """Send a request; raise AssertionError for an unexpected status."""
        content = None if request.body is None else json.dumps(request.body).encode()
        self._connection.request(request.method, request.path, content, request.headers)
        response = self._connection.getresponse()
        body = response.read()
        assert response.status == request.status, (request, response.status, body)
        return response, body

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def repeat(
    port: int, connections: int, request: ExpectedRequest, seconds: float
) -> Load:
    """Repeat a request over some connections for a number of seconds."""
    processes = min(CLIENTS, connections)
    arguments = (port, connections // processes, request, seconds)
    with get_context("fork").Pool(processes) as pool:
        parts: list[Load] = pool.map(_repeat, [arguments] * processes, chunksize=1)
    load = Load(max(part.seconds for part in parts))
    for part in parts:
        load.times += part.times
    return load


def _repeat(arguments: tuple[int, int, ExpectedRequest, float]) -> Load:
    port, connections, request, seconds = arguments
    load = Load()
    load_start = time.perf_counter()

    def send(_: int) -> None:
        with contextlib.closing(Connection(port)) as connection:
            while (start := time.perf_counter()) - load_start < seconds:
                connection.send(request)
                load.times.append(time.perf_counter() - start)

    in_threads(send, connections)
    load.seconds = time.perf_counter() - load_start
    return load


def in_threads(work: Callable[[int], Any], count: int) -> list[Any]:
    """Call `work` in `count` threads, each with its number; raise what they raise."""
    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(work, range(count)))


@contextlib.contextmanager
def server(application: str, **environment: str) -> Iterator[tuple[int, list[int]]]:
    """Run gunicorn as the local stack does; yield its port and its workers' pids."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "gunicorn", application]
    command += ["--config", str(ROOT / "smartbudget/local/gunicorn_conf.py")]
    command += ["--bind", f"127.0.0.1:{port}", "--access-logfile", "/dev/null"]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **UNLIMITED, "LOG_LEVEL": "ERROR", **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: _listens(port), 30)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        wait_until(lambda: len(children.read_text().split()) == WORKERS)
        yield port, [int(pid) for pid in children.read_text().split()]
    finally:
        process.terminate()
        process.wait(30)


def memory_of(pid: int, name: str = "VmRSS") -> int:
    """Return the memory of a process in kilobytes, or its peak with `VmHWM`."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise LookupError(name)


def processor_seconds_of(pids: list[int]) -> float:
    """Return the processor time that processes have taken."""
    stats = [Path(f"/proc/{pid}/stat").read_text() for pid in pids]
    # After the name, which may contain spaces: the 12th and 13th of proc(5)'s fields.
    ticks = [map(int, stat.rpartition(")")[2].split()[11:13]) for stat in stats]
    return sum(map(sum, ticks)) / os.sysconf("SC_CLK_TCK")


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False
