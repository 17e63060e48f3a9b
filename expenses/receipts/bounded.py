"""Process uploaded files in a child process with limited time and memory.

A file of a few hundred bytes can make a decoder take minutes or gigabytes, or crash. So
the web server's processes decode nothing: each has a helper
(`expenses.receipts.bounded_worker`), which forks a child for each file. The kernel
kills a child that exceeds its time or memory. The helper ends with its web process.

A child gets the file's descriptor and may change the file. Its reply is JSON, which
cannot run code.

Why: docs/decisions.md#foreign-files-are-decoded-in-a-child-process
"""

import atexit
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from smartbudget.core.errors import UnavailableError
from smartbudget.core.i18n import gettext as _

WALL_SECONDS = 8  # after which a child is killed, even on a busy machine
STARTED = b"!"  # the first byte that a child sends
MAX_REPLY_BYTES = 256 * 1024  # bytes
MAX_QUEUE = 4  # waiting thumbnails, each of which occupies a thread
WAIT_SECONDS = 8  # for a turn; RECEIPTS limits how many wait

_ROOT = Path(__file__).resolve().parents[2]
_CHUNK = 64 * 1024  # bytes

# One file at a time per web process, so a child's memory limit is that of all children.
_turn = threading.Lock()
# Only one thumbnail at a time competes with uploaded files for a turn.
_thumbnail_turn = threading.Lock()
_queue = threading.BoundedSemaphore(MAX_QUEUE + 1)  # of thumbnails


class ExceededError(Exception):
    """The file took too much time or memory, or crashed its decoder."""


def run(
    job: str, file: BinaryIO, *, wait_seconds: float = WAIT_SECONDS, **given: str
) -> Any:
    """Run a job of `bounded_worker.JOBS` on a file and return its reply.

    file: on disk, open for reading, and for writing if the job changes it.
    wait_seconds: for a turn.
    given: arguments of the job.

    Raises ExceededError, and UnavailableError if too many files are being processed.
    """
    with _take_turn(job, wait_seconds):
        reply = _request(job, file, given)
        if not reply:  # no child was forked: the helper died
            _helper.stop()
            reply = _request(job, file, given)
    if not reply:
        raise _busy()
    if not reply.endswith(b"\n"):
        raise ExceededError
    return json.loads(reply.removeprefix(STARTED))


def start() -> None:
    """Start the helper, so that the first file does not wait for it."""
    with _turn:
        _helper.start()


@contextlib.contextmanager
def _take_turn(job: str, wait_seconds: float) -> Iterator[None]:
    with contextlib.ExitStack() as held:
        if job == "thumbnail":
            _hold(held, _queue, 0)
            _hold(held, _thumbnail_turn, wait_seconds)
        _hold(held, _turn, wait_seconds)
        yield


def _hold(
    held: contextlib.ExitStack,
    lock: "threading.Lock | threading.Semaphore",
    seconds: float,
) -> None:
    """Hold a lock until the stack ends. Raises UnavailableError if it isn't free."""
    if not lock.acquire(timeout=seconds):
        raise _busy()
    held.callback(lock.release)


def _busy() -> UnavailableError:
    return UnavailableError(
        _("Too many files are being checked right now. Please try again shortly.")
    )


def _request(job: str, file: BinaryIO, given: dict[str, str]) -> bytes:
    """Return a child's reply: STARTED and a line of JSON, or less if it was killed."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            _helper.send(theirs)
        deadline = time.monotonic() + WALL_SECONDS + 2
        ours.settimeout(WALL_SECONDS + 2)
        request = json.dumps({"job": job, "given": given}).encode()
        reply = b""
        with contextlib.suppress(OSError):  # the child was killed, or did not reply
            socket.send_fds(ours, [request], [file.fileno()])
            while (data := _receive(ours, deadline)) and len(reply) <= MAX_REPLY_BYTES:
                reply += data
    return reply


def _receive(connection: socket.socket, deadline: float) -> bytes:
    connection.settimeout(max(0.01, deadline - time.monotonic()))
    return connection.recv(_CHUNK)


class Helper:
    """The process that forks a child for each file."""

    def __init__(self, module: str = "expenses.receipts.bounded_worker") -> None:
        self._module = module
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None

    @property
    def pid(self) -> int | None:
        """The process id, or None if not started."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the process, unless it is running."""
        if self._process is not None and self._process.poll() is None:
            return
        self.stop()
        self._line, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - no user input
                [sys.executable, "-W", "ignore", "-m", self._module],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                cwd=_ROOT,
                # Without AWS keys and secrets. A single malloc arena keeps the address
                # space, which is limited, close to the memory used.
                env={"MALLOC_ARENA_MAX": "1", "PATH": os.environ.get("PATH", "")},
                start_new_session=True,  # Ctrl-C only reaches the web server
            )

    def send(self, connection: socket.socket) -> None:
        """Pass a connection to the helper, on which a child reads its request."""
        self.start()
        try:
            self._hand_over(connection)
        except OSError:  # it died after the last request
            self.stop()
            self.start()
            self._hand_over(connection)

    def _hand_over(self, connection: socket.socket) -> None:
        if self._line is not None:
            socket.send_fds(self._line, [b"!"], [connection.fileno()])

    def stop(self) -> None:
        """End the process, and with it any child."""
        if self._line is not None:
            self._line.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = self._line = None


_helper = Helper()
atexit.register(_helper.stop)
