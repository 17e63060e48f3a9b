"""Process uploaded files in a child process with limited time and memory.

A file of a few hundred bytes can make a decoder take minutes or gigabytes, or crash. So
nothing of a foreign file is decoded in the web server's processes: each has a helper
(`expenses.receipts.bounded_worker`), which forks a child for each file. The kernel ends
a child that takes too long or too much; the helper ends with its web process.

The file is lent by its descriptor, and may be changed. Answers are JSON, which runs
nothing.

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

WALL_SECONDS = 8  # in which a child ends, however busy the machine is
BEGUN = b"!"  # what a child says first
LARGEST_ANSWER = 256 * 1024  # bytes
LONGEST_QUEUE = 4  # thumbnails that wait, each in one of the threads
WAIT_SECONDS = 8  # for a turn; RECEIPTS bounds how many wait

_ROOT = Path(__file__).resolve().parents[2]
_CHUNK = 64 * 1024  # bytes

# One file at a time a web process: what a child may take is then all that all may take.
_turn = threading.Lock()
# One thumbnail at a time competes with the files that people send.
_thumbnail_turn = threading.Lock()
_queue = threading.BoundedSemaphore(LONGEST_QUEUE + 1)  # of thumbnails


class ExceededError(Exception):
    """The file took too much time or memory, or crashed its decoder."""


def run(
    job: str, file: BinaryIO, *, wait_seconds: float = WAIT_SECONDS, **given: str
) -> Any:
    """Run a job of `bounded_worker.JOBS` on a file and return its answer.

    file: on a disk, open for reading, and for writing where the job changes it.
    wait_seconds: for a turn.

    Raises ExceededError, and UnavailableError where too many files are being worked on.
    """
    with _take_turn(job, wait_seconds):
        answer = _ask(job, file, given)
        if not answer:  # no child began: the helper died
            _helper.stop()
            answer = _ask(job, file, given)
    if not answer:
        raise _busy()
    if not answer.endswith(b"\n"):
        raise ExceededError
    return json.loads(answer.removeprefix(BEGUN))


def start() -> None:
    """Start the helper, so that the first file need not wait for it."""
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


def _ask(job: str, file: BinaryIO, given: dict[str, str]) -> bytes:
    """Return a child's answer: BEGUN and a line of JSON, or less if it was killed."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            _helper.send(theirs)
        deadline = time.monotonic() + WALL_SECONDS + 2
        ours.settimeout(WALL_SECONDS + 2)
        question = json.dumps({"job": job, "given": given}).encode()
        answer = b""
        with contextlib.suppress(OSError):  # it ended early, or much too late
            socket.send_fds(ours, [question], [file.fileno()])
            while (data := _receive(ours, deadline)) and len(answer) <= LARGEST_ANSWER:
                answer += data
    return answer


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
        """Its process id, or None before it was started."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start it, unless it runs."""
        if self._process is not None and self._process.poll() is None:
            return
        self.stop()
        self._line, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - all of it is ours
                [sys.executable, "-W", "ignore", "-m", self._module],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                cwd=_ROOT,
                # Neither keys nor secrets; one arena, so that memory is what is used.
                env={"MALLOC_ARENA_MAX": "1", "PATH": os.environ.get("PATH", "")},
                start_new_session=True,  # Ctrl-C is the web server's alone
            )

    def send(self, connection: socket.socket) -> None:
        """Pass a connection to the helper, on which a child reads its request."""
        self.start()
        try:
            self._hand_over(connection)
        except OSError:  # it died since it was last asked
            self.stop()
            self.start()
            self._hand_over(connection)

    def _hand_over(self, connection: socket.socket) -> None:
        if self._line is not None:
            socket.send_fds(self._line, [b"!"], [connection.fileno()])

    def stop(self) -> None:
        """End it and, with it, a child that it has."""
        if self._line is not None:
            self._line.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = self._line = None


_helper = Helper()
atexit.register(_helper.stop)
