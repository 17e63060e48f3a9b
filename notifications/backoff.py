"""Postpone the delivery of items when the transport takes no more e-mails for now.

Why: docs/decisions.md#a-throttled-e-mail-counts-as-not-tried
"""

import random
from collections.abc import Callable
from datetime import timedelta

from notifications.models import OutboxItem, unsent_since
from notifications.transports import TransportThrottledError
from smartbudget.core import dates, tasks
from smartbudget.core.dynamodb import Action

# Seconds. The quota is of the last 24 hours, so some of it is soon free again.
DAILY_WAIT = (1800, 3600)


def postpone(
    item: OutboxItem,
    error: TransportThrottledError,
    store: Callable[[list[Action]], object],
) -> None:
    """Store when an item is due again, and make its message return then.

    store: writes the actions. The attempt does not count.

    Raises RetryLaterError if the message returns. Otherwise the sweep queues another
    one: after a quota of a day, and before the message's last attempts.
    """
    refusals = int(item.throttled or 0) + 1
    may_return = tasks.current_attempt().may_return and not error.is_daily
    seconds = tasks.backoff(refusals)
    if error.is_daily:
        seconds = random.randint(*DAILY_WAIT)  # noqa: S311 - jitter, no secret
    due = dates.now() + timedelta(seconds=seconds)
    actions: list[Action] = [
        OutboxItem.throttled.set(refusals),
        # The sweep comes in only if the message did not return in time.
        OutboxItem.unsent_since.set(
            dates.timestamp(due) if may_return else unsent_since(due)
        ),
    ]
    store(actions)
    if may_return:
        raise tasks.RetryLaterError(seconds) from error
