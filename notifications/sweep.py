"""The sweep: queue overdue notifications and jobs again, alerts first.

Why: docs/decisions.md#work-that-must-not-be-lost-waits-in-the-unsent-index
and docs/decisions.md#alerts-do-not-wait-for-planned-work
"""

import functools
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice, zip_longest

from botocore.exceptions import BotoCoreError, ClientError

from notifications import recipients
from notifications.models import (
    JOB_SHARDS,
    OVERDUE_AFTER,
    SUMMARY_SHARDS,
    URGENT_SHARDS,
    Job,
    OutboxItem,
    PlannedSummary,
    unsent_since,
)
from notifications.outbox import to_sqs_payload
from notifications.recipients import Recipient
from smartbudget.core import aws, dates
from smartbudget.core.config import config
from smartbudget.core.dynamodb import Action, conditional_write
from smartbudget.core.errors import NotFoundError
from smartbudget.core.tasks import BATCH, DEFAULT, QueueError, send_tasks

logger = logging.getLogger(__name__)

# Groups of messages, which give way to new alerts (docs/aws.md#fair-queues).
OVERDUE, SUMMARIES = "overdue", "summaries"


def enqueue_overdue(
    keep_going: Callable[[], bool] = lambda: True, *, part: int = 0, parts: int = 1
) -> dict[str, int]:
    """Queue overdue items again: alerts, then jobs, then summaries.

    keep_going: called before every ten; False ends the run. part, parts: the run sweeps
    every `parts`-th shard from number `part` on.

    Jobs and summaries are queued only until the queue has `sweep_limit` messages. The
    others wait in the index, so that few are in front of a new alert.

    Returns {"requeued": n, "refused": n}. Safe to repeat and to run concurrently: only
    one sweep can restart the waiting time of an item.
    """
    counts = {"requeued": 0, "refused": 0}
    cached_email_of = functools.cache(email_of)
    for batch in _batches(part, parts, keep_going):
        waiting_since = {item.notification_id: item.unsent_since for item in batch}
        since = _wait_from(counts["requeued"] * parts)
        ours = [item for item in batch if _take(item, since)]
        refused = enqueue_again(ours, cached_email_of)
        for item in refused:  # SQS is down: make them overdue again for the next sweep
            _restart_wait(item, waiting_since[item.notification_id])
        counts["requeued"] += len(ours) - len(refused)
        counts["refused"] += len(refused)
        if refused:
            break
    logger.info("swept requeued=%(requeued)d refused=%(refused)d", counts)
    return counts


def enqueue_again(
    items: Sequence[OutboxItem], email_of: Callable[[str], str]
) -> list[OutboxItem]:
    """Queue notifications and jobs again, and return those that SQS refused.

    email_of: returns a user's address, "" if there is no account. Safe to repeat.
    """
    groups: dict[tuple[str, str | None], list[OutboxItem]] = defaultdict(list)
    for item in items:
        groups[_group_of(item)].append(item)
    refused: list[OutboxItem] = []
    for (task, group), members in groups.items():
        if refused:  # SQS is down, and each attempt would take seconds
            refused += members
        else:
            calls = [_call(item, email_of) for item in members]
            refused += _queue(task, members, calls, group)
    return refused


def _group_of(item: OutboxItem) -> tuple[str, str | None]:
    """Return the task of an item's messages, and their group in the queue."""
    if isinstance(item, Job):
        return item.task, None
    return DEFAULT, SUMMARIES if item.unsent_shard in SUMMARY_SHARDS else OVERDUE


def _call(item: OutboxItem, email_of: Callable[[str], str]) -> dict[str, str]:
    if isinstance(item, Job):
        return {"user_id": item.user_id}
    return to_sqs_payload(item, email_of(item.user_id))


def _queue(
    task: str,
    items: Sequence[OutboxItem],
    calls: list[dict[str, str]],
    group: str | None,
) -> list[OutboxItem]:
    """Queue a call for each item, and return the items that SQS refused."""
    try:
        send_tasks(task, calls, group=group)
    except QueueError as error:
        logger.warning("not queued count=%d", len(error.refused), exc_info=True)
        pairs = zip(items, calls, strict=True)
        return [item for item, call in pairs if call in error.refused]
    return []


def email_of(user_id: str) -> str:
    """Return a user's address, or "" if there is no account."""
    try:
        return recipients.get(user_id, Recipient).email
    except NotFoundError:
        return ""  # the delivery finds that out and stores it


def _wait_from(ahead: int) -> str:
    """Return when an item's waiting time begins, with `ahead` others queued before it.

    `sweep_limit` of them are sent in the time after which items are overdue. A message
    of a large burst would otherwise be queued again while it is still in the queue.
    """
    wait = OVERDUE_AFTER * (ahead / max(1, config.sweep_limit))
    return dates.timestamp(dates.now() + wait)


def _take(item: OutboxItem, since: str) -> bool:
    """Restart an item's waiting time; return False if it is not to be queued.

    Another sweep may have restarted it first. Summaries and jobs of version 0.1 are
    among the alerts; they are moved, and queued when their own shards are swept.
    """
    if item.unsent_shard in URGENT_SHARDS and isinstance(item, Job | PlannedSummary):
        shard = item.shard_of(item.notification_id)
        _update_waiting(item, OutboxItem.unsent_shard.set(shard))
        return False
    return _restart_wait(item, since)


def _restart_wait(item: OutboxItem, since: str) -> bool:
    """Restart an item's waiting time; return False if another sweep did so first."""
    return _update_waiting(item, OutboxItem.unsent_since.set(since))


def _update_waiting(item: OutboxItem, action: Action) -> bool:
    unchanged = OutboxItem.unsent_since == item.unsent_since
    return conditional_write(lambda: item.update([action], unchanged))


def _batches(
    part: int, parts: int, keep_going: Callable[[], bool]
) -> Iterator[list[OutboxItem]]:
    for overdue in (_query(URGENT_SHARDS[part::parts]), _planned(part, parts)):
        while True:
            if not keep_going():
                return
            batch = list(islice(overdue, BATCH))
            if not batch:
                break
            yield batch


def _planned(part: int, parts: int) -> Iterator[OutboxItem]:
    """Yield overdue jobs and summaries, up to this part's share of the capacity."""
    shards = JOB_SHARDS[part::parts], SUMMARY_SHARDS[part::parts]
    overdue = chain.from_iterable(map(_query, shards))
    if first := next(overdue, None):  # most sweeps find none, and save a call
        yield from islice(chain([first], overdue), _queue_capacity() // parts)


def _queue_capacity() -> int:
    """Return how many more messages of jobs and summaries the queue may have."""
    try:
        return max(0, config.sweep_limit - sum(aws.queue_depth()))
    except (BotoCoreError, ClientError):
        logger.warning("queue depth unknown", exc_info=True)
        return 0


def _query(shards: Sequence[str]) -> Iterator[OutboxItem]:
    before = unsent_since(dates.now())
    queries = [
        OutboxItem.unsent.query(shard, OutboxItem.unsent_since < before, page_size=100)
        for shard in shards
    ]
    # In turn, else a run that ends early would always leave out the same shards.
    for items in zip_longest(*queries):
        yield from filter(None, items)
