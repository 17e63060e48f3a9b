"""Limit how much slow work runs at once, per process and per user.

Work over a limit is refused immediately. If it waited, it would hold one of the few
threads that also serve all other requests and the health check.

Why: docs/decisions.md#slow-work-over-a-limit-is-refused-never-queued
"""

import contextlib
import functools
import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from smartbudget.core.config import config
from smartbudget.core.errors import ThrottledError, UnavailableError
from smartbudget.core.i18n import gettext as _

RETRY_AFTER = 5  # seconds; most slow work is done by then


class HasUserId(Protocol):
    """The part of a user that the limits need."""

    @property
    def user_id(self) -> str:
        """The user's id."""


U = TypeVar("U", bound=HasUserId)
P = ParamSpec("P")
T = TypeVar("T")


class ConcurrencyLimit:
    """A limit on one kind of work in this process. Safe to use from many threads."""

    def __init__(
        self,
        *,
        per_user: int,
        per_process: int = 0,
        within: "ConcurrencyLimit | None" = None,
    ) -> None:
        """per_user, per_process: number of slots; 0: unlimited.

        within: another limit that this work counts towards as well.
        """
        self.per_user = per_user
        self.per_process = per_process
        self._within = within
        self._running: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def slot(self, user_id: str) -> Iterator[None]:
        """Hold a slot of a user for a block.

        Raises ThrottledError if the user's slots are all taken, UnavailableError if
        those of the process are.
        """
        release = self.acquire(user_id)
        try:
            yield
        finally:
            release()

    def acquire(self, user_id: str) -> Callable[[], None]:
        """Acquire a slot as `slot` does, and return the function that releases it.

        Releasing it twice is safe.
        """
        self._enter(user_id)
        try:
            release_outer = self._within.acquire(user_id) if self._within else None
        except (ThrottledError, UnavailableError):
            self._leave(user_id)
            raise
        once = threading.Lock()

        def release() -> None:
            if once.acquire(blocking=False):
                self._leave(user_id)
                if release_outer:
                    release_outer()

        return release

    def limited(
        self, service: Callable[Concatenate[U, P], T]
    ) -> Callable[Concatenate[U, P], T]:
        """Decorate a service to hold a slot of the acting user, its first argument."""

        @functools.wraps(service)
        def run(user: U, /, *args: P.args, **kwargs: P.kwargs) -> T:
            with self.slot(user.user_id):
                return service(user, *args, **kwargs)

        return run

    def held_while_sent(
        self, user_id: str, start: Callable[[], Generator[bytes, None, None]]
    ) -> "HeldChunks":
        """Acquire a slot; hold it until the chunks of `start()` are sent or closed."""
        with contextlib.ExitStack() as held:
            release = self.acquire(user_id)
            held.callback(release)
            chunks = HeldChunks(start(), release)
            held.pop_all()  # the chunks release it from now on
        return chunks

    def _enter(self, user_id: str) -> None:
        with self._lock:
            if self.per_user and self._running[user_id] >= self.per_user:
                message = _(
                    "You have too many requests running. Wait for one to finish."
                )
                raise ThrottledError(message, RETRY_AFTER)
            if self.per_process and self._running.total() >= self.per_process:
                raise UnavailableError(
                    _("The server is busy. Please try again shortly.")
                )
            self._running[user_id] += 1

    def _leave(self, user_id: str) -> None:
        with self._lock:
            self._running[user_id] -= 1
            self._running = +self._running  # removes users with a count of zero


class HeldChunks(Iterator[bytes]):
    """The chunks of a download, which hold a slot until the last one or `close`."""

    def __init__(
        self, chunks: Generator[bytes, None, None], release: Callable[[], None]
    ) -> None:
        self._chunks = chunks
        self._release = release

    def __next__(self) -> bytes:
        with contextlib.ExitStack() as held:
            held.callback(self._release)
            chunk = next(self._chunks)
            held.pop_all()
        return chunk

    def close(self) -> None:
        """Stop early, as a server does when the client disconnects."""
        try:
            self._chunks.close()
        finally:
            self._release()

    def __del__(self) -> None:
        self.close()  # Django never closes a response that an error replaced


# The other threads stay free for quick requests.
ALL = ConcurrencyLimit(per_user=3, per_process=max(1, config.web_threads - 2))
REPORTS = ConcurrencyLimit(per_user=1, per_process=3, within=ALL)
EXPORTS = ConcurrencyLimit(per_user=1, per_process=2, within=ALL)
RECEIPTS = ConcurrencyLimit(per_user=2, per_process=3, within=ALL)
BULK_WRITES = ConcurrencyLimit(per_user=2, per_process=3, within=ALL)
# Not within ALL: the thumbnails of a list must not block a report or an upload.
THUMBNAILS = ConcurrencyLimit(per_user=4, per_process=max(1, config.web_threads - 3))
# Reads of months or years of expenses. They are usually quick, so there is no limit per
# process, but a single user with many expenses must not occupy all threads.
READS = ConcurrencyLimit(per_user=config.reads_per_user)
