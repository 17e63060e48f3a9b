"""What the queue, and notifications, ask of profiles."""

import logging
import time

from accounts import emails, services
from accounts.models import Account
from notifications.recipients import EmailChanges, Recipient
from profiles import deletion
from smartbudget.core.tasks import QueueError, current_attempt, task

logger = logging.getLogger(__name__)


@task(name=deletion.TASK)
def delete_account(*, user_id: str, empty_since: str | None = None) -> None:
    """Delete more of a closed account, and hand what is left to the next run.

    Safe to repeat. What SQS does not take is left to the sweep.
    """
    # The batch that is begun last may wait for DynamoDB: it has the other half.
    ends = time.monotonic() + current_attempt().seconds_left / 2
    later = deletion.carry_on(user_id, empty_since, lambda: time.monotonic() < ends)
    if later is None:
        return
    rest = {"user_id": user_id, "empty_since": later.empty_since}
    try:
        delete_account.apply_async(rest, countdown=later.countdown)
    except QueueError:
        logger.warning("left to the sweep user_id=%s", user_id, exc_info=True)


@task
def change_address(*, recipient: Recipient, changes: EmailChanges) -> Account:
    """Change the address of a recipient, or the one it is changing to.

    Applied by notifications, never queued. Raises WriteConflictError if the item is not
    any more as it was read, and ConflictError naming `email` if the address is taken.
    """
    return emails.store(services.account_of(recipient), changes)
