"""The helper of `expenses.receipts.bounded`: forks a child with limits for each file.

It is run as `python -m expenses.receipts.bounded_worker`, with a socket as standard
input. It ends when the other end closes, which happens however the web process ends.
"""

import contextlib
import ctypes
import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

from expenses.receipts import bounded, inspection, thumbnails
from expenses.receipts.structure import RefusedError

MEGABYTE = 1024 * 1024
# Seconds of CPU time, and bytes in addition to the helper's. HEIC and WebP can only be
# decoded as a whole, at 8 and 16 bytes per pixel. Only the objects of a PDF are read,
# and 200,000 of them take 35 MB.
CPU_SECONDS = {"application/pdf": 1, "image/heic": 5, "image/webp": 5}
OTHER_CPU_SECONDS = 2
MEMORY = {
    "application/pdf": 64 * MEGABYTE,
    "image/heic": 288 * MEGABYTE,
    "image/webp": 288 * MEGABYTE,
}
OTHER_MEMORY = 120 * MEGABYTE
MAX_FILE_BYTES = 32 * MEGABYTE  # that a child may write
MAX_REASON_LENGTH = 200  # characters
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG

JOBS: dict[str, Callable[..., Any]] = {
    "inspect": inspection.inspect,
    "thumbnail": thumbnails.draw,
}

_libc = ctypes.CDLL(None)


def main() -> None:
    """Fork a child for each connection, until the web process closes its end."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children are not waited for
    with socket.socket(fileno=os.dup(0)) as line:
        with open(os.devnull, "rb") as nothing:
            os.dup2(nothing.fileno(), 0)  # else each child would inherit the line
        while True:
            message, fds, _, _ = socket.recv_fds(line, 1, 1)
            if not message:
                return
            if os.fork() == 0:
                line.close()
                try:
                    _handle(*fds)
                finally:
                    os._exit(0)
            for fd in fds:
                os.close(fd)


def _handle(fd: int) -> None:
    with socket.socket(fileno=fd) as connection:
        connection.sendall(bounded.STARTED)
        message, fds, _, _ = socket.recv_fds(connection, 4096, 1)
        request = json.loads(message)
        job, given = request["job"], request["given"]
        _limit(given["kind"])
        with os.fdopen(fds[0], "rb" if job == "thumbnail" else "r+b") as file:
            reply = _run(job, file, given)
        connection.sendall(json.dumps(reply).encode() + b"\n")


def _run(job: str, file: BinaryIO, given: dict[str, str]) -> dict[str, Any]:
    file.seek(0)
    try:
        return {"done": JOBS[job](file, **given)}
    except RefusedError as error:
        return {"refused": error.message, "values": error.values, "why": "bounds"}
    except Exception as error:  # noqa: BLE001 - decoders raise errors of any type
        why = " ".join(f"{type(error).__name__}: {error}".split())[:MAX_REASON_LENGTH]
        return {"refused": None, "values": {}, "why": why}


def _limit(kind: str) -> None:
    """Limit this process; the kernel kills it if it exceeds a limit."""
    if sys.platform == "linux":
        _libc.prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        with open("/proc/self/statm") as sizes:
            current = int(sizes.read().split()[0]) * resource.getpagesize()
        maximum = current + MEMORY.get(kind, OTHER_MEMORY)
        resource.setrlimit(resource.RLIMIT_AS, (maximum, maximum))
    seconds = CPU_SECONDS.get(kind, OTHER_CPU_SECONDS)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_FILE_BYTES, MAX_FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.setitimer(signal.ITIMER_REAL, bounded.WALL_SECONDS)
    with contextlib.suppress(OSError):
        os.nice(5)  # requests without a file take precedence


if __name__ == "__main__":
    main()
