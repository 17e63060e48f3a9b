"""Tasks of profiles, run from SQS or called by notifications."""

import logging
import time

from accounts import emails, services
from accounts.models import Account
from notifications.recipients import EmailChanges, Recipient
from profiles import deletion
from smartbudget.core.dynamodb import Transaction
from smartbudget.core.tasks import QueueError, current_attempt, task

logger = logging.getLogger(__name__)


@task(name=deletion.TASK)
def delete_account(*, user_id: str, empty_since: str | None = None) -> None:
    """Delete more of a closed account, and queue the next run if one is needed.

    Safe to repeat. If SQS cannot be reached, the sweep queues the next run.
    """
    # Half of the time is reserved, since the last batch may wait for DynamoDB.
    deadline = time.monotonic() + current_attempt().seconds_left / 2
    next_run = deletion.continue_deletion(
        user_id, empty_since, lambda: time.monotonic() < deadline
    )
    if next_run is None:
        return
    arguments = {"user_id": user_id, "empty_since": next_run.empty_since}
    try:
        delete_account.apply_async(arguments, countdown=next_run.countdown)
    except QueueError:
        logger.warning("left to the sweep user_id=%s", user_id, exc_info=True)


@task
def change_address(
    *,
    recipient: Recipient,
    changes: EmailChanges,
    transaction: Transaction | None = None,
) -> Account:
    """Change a recipient's address or pending address.

    Called by notifications, never queued. Raises WriteConflictError if the item was
    changed meanwhile, and ConflictError naming `email` if the address is taken.
    """
    return emails.store(services.account_of(recipient), changes, transaction)
