"""The sweep: queue overdue notifications and jobs again.

Why: docs/decisions.md#work-that-must-not-be-lost-waits-in-the-unsent-index
"""

import functools
import logging
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, zip_longest

from notifications import recipients
from notifications.models import SHARDS, Job, OutboxItem, unsent_since
from notifications.outbox import to_sqs_payload
from notifications.recipients import Recipient
from smartbudget.core import dates
from smartbudget.core.dynamodb import Action, conditional_write
from smartbudget.core.errors import NotFoundError
from smartbudget.core.tasks import BATCH, DEFAULT, QueueError, send_tasks

logger = logging.getLogger(__name__)

SWEEP_LIMIT = 2000  # items per run; the next run is minutes later


def enqueue_overdue(
    keep_going: Callable[[], bool] = lambda: True,
) -> dict[str, int]:
    """Queue overdue items again, at most SWEEP_LIMIT.

    keep_going: called before every ten; False ends the run.

    This includes planned summaries. If many users share a time zone, thousands are due
    in the same minute and take several runs, in which other overdue items wait too.

    Returns {"requeued": n, "refused": n}. Safe to repeat and to run concurrently: only
    one sweep can restart the waiting time of an item.
    """
    counts = {"requeued": 0, "refused": 0}
    cached_email_of = functools.cache(email_of)
    overdue = _overdue()
    while keep_going() and (batch := list(islice(overdue, BATCH))):
        waiting_since = {item.notification_id: item.unsent_since for item in batch}
        ours = [item for item in batch if _restart_wait(item, dates.timestamp())]
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
    jobs = [item for item in items if isinstance(item, Job)]
    notifications = [item for item in items if not isinstance(item, Job)]
    refused = _queue(
        DEFAULT,
        notifications,
        [to_sqs_payload(item, email_of(item.user_id)) for item in notifications],
    )
    for job in jobs:
        refused += _queue(job.task, [job], [{"user_id": job.user_id}])
    return refused


def _queue(
    task: str, items: Sequence[OutboxItem], calls: list[dict[str, str]]
) -> list[OutboxItem]:
    """Queue a call for each item, and return the items that SQS refused."""
    try:
        send_tasks(task, calls)
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


def _restart_wait(item: OutboxItem, since: str) -> bool:
    """Restart an item's waiting time; return False if another sweep did so first."""
    unchanged = OutboxItem.unsent_since == item.unsent_since
    actions: list[Action] = [OutboxItem.unsent_since.set(since)]
    return conditional_write(lambda: item.update(actions, unchanged))


def _overdue() -> Iterator[OutboxItem]:
    before = unsent_since(dates.now())
    queries = [
        OutboxItem.unsent.query(
            shard,
            OutboxItem.unsent_since < before,
            limit=SWEEP_LIMIT // len(SHARDS),
            page_size=100,
        )
        for shard in SHARDS
    ]
    # In turn, else a run that ends early would always leave out the same shards.
    for items in zip_longest(*queries):
        yield from filter(None, items)
