"""Simulate a Monday with a million weekly summaries, and 10,000 alerts held until 8:00.

Run `python -m benchmarks.sweep`. The sweep is the real one. Its index, its queue and
the Lambdas that deliver are simulated, with a clock that jumps, at a hundredth of the
size. The queue is first in, first out: with fair queues (docs/aws.md#fair-queues) new
alerts wait less.
"""

import datetime
import itertools
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import time_machine

from benchmarks import in_process  # noqa: F401  first, as it sets up Django
from benchmarks.costs import DELIVERY_SECONDS
from notifications import schedule, sweep
from notifications.models import Notification, OutboxItem, PlannedSummary, unsent_since
from smartbudget.core import aws, dates
from smartbudget.core.periods import Period

SCALE = 100
SUMMARIES, HELD = 1_000_000 // SCALE, 10_000 // SCALE
WEEK = Period(datetime.date(2026, 3, 16), datetime.date(2026, 3, 22))
SEVEN = schedule.due_at(WEEK, "UTC")
EIGHT = SEVEN + datetime.timedelta(hours=1)

# Assumed: two writes and reads of a few milliseconds for each item.
ITEM_SECONDS = 0.012
RUN_SECONDS = 55  # of an invocation
PARTS = 4  # of infra/functions.yaml


@dataclass(frozen=True)
class Setup:
    """The settings of a stage."""

    concurrency: int  # NotificationConcurrency
    limit: int  # SweepLimit
    minutes: int  # of SweepSchedule

    @property
    def mails(self) -> int:
        """Return the e-mails a second."""
        return int(self.concurrency / DELIVERY_SECONDS)


SETUPS = (
    Setup(concurrency=10, limit=2000, minutes=5),  # as installed
    Setup(concurrency=2, limit=3000, minutes=5),  # with 14 a second from SES
    Setup(concurrency=10, limit=3000, minutes=1),
    Setup(concurrency=25, limit=7500, minutes=1),
)


@dataclass
class Outcome:
    """Waiting times in minutes.

    new: the longest of an alert that is queued at once. held: until the last alert that
    was held until eight is sent. summaries: from seven until the last one is sent.
    twice: the part of messages that were queued again before their delivery.
    """

    new: float = 0
    held: float = 0
    summaries: float = 0
    twice: float = 0


@dataclass
class Index:
    """The unsent index: per shard, sorted pairs of `unsent_since` and id."""

    items: dict[str, OutboxItem] = field(default_factory=dict)
    shards: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def add(self, item: OutboxItem, since: str) -> None:
        """Store an item, or store it with another time."""
        self.remove(item)
        item.unsent_since = since
        self.items[item.notification_id] = item
        shard = self.shards.setdefault(item.unsent_shard, [])
        insort(shard, (since, item.notification_id))

    def remove(self, item: OutboxItem) -> None:
        """Remove an item, if it is stored."""
        if self.items.pop(item.notification_id, None):
            shard = self.shards[item.unsent_shard]
            del shard[bisect_left(shard, (item.unsent_since, item.notification_id))]

    def query(self, shards: tuple[str, ...]) -> Iterator[OutboxItem]:
        """Return the overdue items of some shards, the longest waiting first."""
        before = (unsent_since(dates.now()), "")
        overdue = [
            entry
            for name in shards
            for shard in [self.shards.get(name, [])]
            for entry in shard[: bisect_left(shard, before)]
        ]
        return iter(
            [self.items[notification_id] for _, notification_id in sorted(overdue)]
        )

    def restart(self, item: OutboxItem, since: str) -> bool:
        """Restart an item's waiting time."""
        self.add(item, since)
        return True


class Monday:
    """One simulated Monday, from seven until everything is sent."""

    def __init__(self, setup: Setup, summaries: int = SUMMARIES) -> None:
        self.setup = setup
        self.summaries = summaries
        self.index = Index()
        self.queue: deque[str] = deque()
        self.depth = 0  # of the queue before a sweep, since AWS counts with a delay
        self.new: dict[str, datetime.datetime] = {}  # when each was queued
        self.sent: set[str] = set()
        self.sends = 0
        self.outcome = Outcome()

    def run(self) -> Outcome:
        """Return the waiting times."""
        self._store()
        settings = type("Settings", (), {"sweep_limit": self.setup.limit // SCALE})
        with ExitStack() as stack:
            for module, name, fake in (
                (sweep, "_query", self.index.query),
                (sweep, "_restart_wait", self.index.restart),
                (sweep, "email_of", lambda user_id: ""),
                (sweep, "send_tasks", self._send_tasks),
                (sweep, "config", settings),
                (aws, "queue_depth", lambda: (self.depth, 0)),
            ):
                stack.enter_context(patch.object(module, name, fake))
            clock = stack.enter_context(time_machine.travel(SEVEN, tick=False))
            for second in itertools.count():
                clock.move_to(SEVEN + datetime.timedelta(seconds=second))
                self._second(second)
                if len(self.sent) - len(self.new) == self.summaries + HELD:
                    break
        self.outcome.twice = self.sends / len(self.sent) - 1
        return self.outcome

    def _store(self) -> None:
        for number in range(self.summaries):
            user_id, name = f"user{number}", f"summary{number}"
            swept = schedule.swept_at(user_id, WEEK, "UTC")
            self._add(PlannedSummary(name, user_id=user_id), swept)
        for number in range(HELD):
            self._add(Notification(f"held{number}", user_id=f"user{number}"), EIGHT)

    def _add(self, item: OutboxItem, due: datetime.datetime) -> None:
        item.unsent_shard = item.shard_of(item.notification_id)
        item.subject = item.message = item.type = ""
        self.index.add(item, unsent_since(due))

    def _second(self, second: int) -> None:
        if second % SCALE == 0 and second < 4 * 3600:  # a new alert every second
            self.new[f"new{second}"] = dates.now()
            self.queue.append(f"new{second}")
        if second % (60 * self.setup.minutes) == 30:
            self.depth = len(self.queue)
            for part in range(PARTS):
                batches = iter(range(int(RUN_SECONDS / ITEM_SECONDS / SCALE / 10)))
                sweep.enqueue_overdue(
                    lambda left=batches: next(left, None) is not None,
                    part=part,
                    parts=PARTS,
                )
        mails = self.setup.mails
        for _ in range((second + 1) * mails // SCALE - second * mails // SCALE):
            if self.queue:
                self._deliver(self.queue.popleft())

    def _send_tasks(self, name: str, calls: list[dict[str, Any]], **_: Any) -> None:
        self.queue += [call["notification_id"] for call in calls]

    def _deliver(self, notification_id: str) -> None:
        self.sends += 1
        self.sent.add(notification_id)
        if item := self.index.items.get(notification_id):
            self.index.remove(item)
        now, outcome = dates.now(), self.outcome
        if queued_at := self.new.get(notification_id):
            outcome.new = max(outcome.new, _minutes(now - queued_at))
        elif notification_id.startswith("held"):
            outcome.held = _minutes(now - EIGHT)
        else:
            outcome.summaries = _minutes(now - SEVEN)


def _minutes(time: datetime.timedelta) -> float:
    return time.total_seconds() / 60


def table() -> str:
    """Return the table of docs/operations.md."""
    lines = [
        "| `NotificationConcurrency` | e-mails a second | `SweepLimit`"
        " | `SweepSchedule` | a new alert waits at most"
        " | alerts held until 8:00 are sent by"
        " | the last summary is sent after |",
        "| ---: | ---: | ---: | --- | ---: | ---: | ---: |",
    ]
    for setup in SETUPS:
        outcome = Monday(setup).run()
        unit = "minute" if setup.minutes == 1 else "minutes"
        lines.append(
            f"| {setup.concurrency} | {setup.mails} | {setup.limit:,}"
            f" | `rate({setup.minutes} {unit})`"
            f" | {outcome.new:.1f} min"
            f" | {EIGHT + datetime.timedelta(minutes=outcome.held):%H:%M}"
            f" | {outcome.summaries / 60:.1f} h |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
