"""Count the requests of each caller per minute, across all processes.

Minutes are clock minutes. After each tenth of the limit, a process adds its count
to an item shared by all processes and reads the total. So most callers cost no AWS
call, and a heavy one costs a write per tenth of the limit and nothing once over it.
Each process may allow up to a tenth of the limit more. Best effort: if DynamoDB is
down, each process enforces the limit alone.

Why: docs/decisions.md#requests-are-counted-in-memory-and-shared-rarely
"""

import hashlib
import logging
import math
import threading
import time
from dataclasses import dataclass

from pynamodb.exceptions import UpdateError

from smartbudget.core.dynamodb import is_outage
from smartbudget.core.throttling import Throttle

logger = logging.getLogger(__name__)

WINDOW = 60  # seconds
MAX_CALLERS = 10_000  # kept in memory; about 2 MB


@dataclass(frozen=True)
class Usage:
    """A caller's use of the limit after a request."""

    limit: int  # requests a window
    remaining: int  # as known to this process
    reset: int  # seconds until the window ends, at least 1
    is_over: bool


@dataclass(slots=True)
class _Count:
    total: int = 0  # of this process, and the shared total as last read
    unshared: int = 0  # of this process, not yet added to the shared item


class Limiter:
    """The counters of one process. Safe to use from many threads."""

    def __init__(self, limit: int) -> None:
        """limit: requests per caller and window, above zero."""
        self.limit = limit
        self.share = max(1, limit // 10)
        self._window = 0
        self._counts: dict[str, _Count] = {}
        self._lock = threading.Lock()

    def count(self, caller: str) -> Usage:
        """Count a request, unless it is over the limit, and return the caller's usage.

        caller: any identifier; stored only as a hash.
        """
        now = time.time()
        window = int(now // WINDOW)
        with self._lock:
            count = self._find(caller, window)
            is_over = count.total >= self.limit
            if not is_over:
                count.total += 1
                count.unshared += 1
            shared = count.unshared if count.unshared >= self.share else 0
            count.unshared -= shared
        if shared:
            shared_total = _share(caller, window, shared)
            with self._lock:
                count.total = max(count.total, shared_total + count.unshared)
                is_over = count.total > self.limit
        remaining = max(0, self.limit - count.total)
        reset = math.ceil((window + 1) * WINDOW - now)
        return Usage(self.limit, remaining, max(1, reset), is_over)

    def _find(self, caller: str, window: int) -> _Count:
        if window != self._window:
            self._window = window
            self._counts = {}
        if caller not in self._counts:
            if len(self._counts) >= MAX_CALLERS:
                del self._counts[next(iter(self._counts))]  # the oldest
            self._counts[caller] = _Count()
        return self._counts[caller]


def _share(caller: str, window: int, count: int) -> int:
    """Add to the shared count of all processes; return it, or 0 during an outage.

    After a lost reply the retry counts twice (docs/aws.md#lost-replies), which is
    harmless here.
    """
    digest = hashlib.sha256(caller.encode()).hexdigest()
    counter = Throttle(user_id=f"rate#{window}#{digest}")
    try:
        counter.update(
            actions=[
                Throttle.tries.add(count),
                Throttle.expires_at.set((window + 2) * WINDOW),
            ]
        )
    except UpdateError as error:
        if not is_outage(error):
            raise
        logger.warning("requests counted by this process alone", exc_info=True)
        return 0
    return int(counter.tries)
