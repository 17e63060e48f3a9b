"""Close an account at once, then delete it with all its data.

Closing is one transaction: it ends the sessions and API tokens, prevents logins, and
stores a job that the sweep queues until the account is deleted. The account and its
unique names are deleted last: until then, a retry after a crash finds the account, and
no new account can take the names.

Why: docs/decisions.md#deleting-an-account-goes-from-the-outside-in
"""

import datetime
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from accounts import credentials, login_history, one_time_links, services, unique_names
from accounts.models import Account, Passkey
from accounts.step_up import services as step_up
from budgets import services as budgets
from expenses import deletion as expenses
from expenses.imports import background
from notifications import deletion as notifications
from notifications import jobs
from reports import archive as reports
from reports import queued
from smartbudget.core import dates
from smartbudget.core.dynamodb import Action, Transaction, retry_on_conflict
from smartbudget.core.errors import ConflictError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.i18n import gettext_noop
from smartbudget.core.tasks import QueueError, send_task
from smartbudget.core.user import User

logger = logging.getLogger(__name__)

TASK = "accounts.tasks.delete_account"  # its name on the queue and in stored jobs

CLOSED = gettext_noop(
    "Your account has been closed. Your data will be gone within minutes."
)

# A request that was running when the account was closed may still write, and the
# indexes are eventually consistent. So two searches this far apart must find nothing.
RECHECK_SECONDS = 60


@dataclass(frozen=True)
class NextRun:
    """The next run of a deletion."""

    countdown: int  # seconds
    # ISO 8601, UTC: the first search in a row that found nothing, or None.
    empty_since: str | None


def close_account(user: User, *, password: str | None = None) -> None:
    """Close the account, which prevents logins, and queue its deletion.

    password: needed unless the user's login is recent.

    Raises InvalidError naming `password`, ThrottledError, StepUpRequiredError and
    ConflictError. If SQS cannot be reached, the sweep queues the deletion.
    """
    account = services.get_account(user.user_id)
    step_up.verify(user, account, password)
    close(account)


def close(account: Account) -> None:
    """Close an account as `close_account` does, without its owner's password.

    For operators, since restored tables contain accounts that were closed since.
    """
    retry_on_conflict(lambda: _close(account))
    logger.info("account closed user_id=%s", account.user_id)
    try:
        send_task(TASK, {"user_id": account.user_id})
    except QueueError:
        logger.warning("left to the sweep user_id=%s", account.user_id, exc_info=True)


def continue_deletion(
    user_id: str,
    empty_since: str | None = None,
    keep_going: Callable[[], bool] = lambda: True,
) -> NextRun | None:
    """Delete more of a closed account; return the next run, or None if none is needed.

    empty_since: from the previous run's result. keep_going: called after every batch;
    False ends this run.

    Safe to repeat, to stop anywhere, and to run concurrently. Outages are not caught.
    """
    account = _find_closed(user_id)
    if account is None:
        return None
    jobs.touch(TASK, user_id)
    deleted = 0
    for count in _delete_everything(account):
        deleted += count
        if not keep_going():
            return NextRun(0, None)
    now = dates.now()
    if deleted:
        logger.info("account emptied user_id=%s count=%d", user_id, deleted)
        return NextRun(RECHECK_SECONDS, None)
    if empty_since is None:
        return NextRun(RECHECK_SECONDS, dates.timestamp(now))
    ready = datetime.datetime.fromisoformat(empty_since) + datetime.timedelta(
        seconds=RECHECK_SECONDS
    )
    if now < ready:
        return NextRun((ready - now).seconds + 1, empty_since)
    notifications.end_subscriptions(account)
    retry_on_conflict(lambda: _delete(user_id))
    logger.info("account deleted user_id=%s", user_id)
    return None


def _close(checked: Account) -> None:
    account = services.find_account(checked.user_id)
    if account is None:
        return  # an earlier attempt succeeded, but its reply was lost
    if account.password_hash != checked.password_hash:
        raise ConflictError(_("Your password was changed in the meantime."), "password")
    now = dates.timestamp()
    transaction = Transaction()
    credentials.delete_all(account, transaction)
    actions: list[Action] = [
        Account.closed_at.set(now),
        Account.updated_at.set(now),
        Account.sessions.remove(),
        Account.tokens.remove(),
    ]
    transaction.update(account, actions)
    jobs.put(TASK, account.user_id, transaction)
    transaction.commit()


def _delete_everything(account: Account) -> Iterator[int]:
    yield from expenses.delete_all(account.user_id)
    yield from budgets.delete_all(account.user_id)
    yield from notifications.delete_all(account)
    yield from reports.delete_all(account.user_id)
    yield from one_time_links.delete_all(account.user_id)
    yield from login_history.delete_all(account.user_id)


def _delete(user_id: str) -> None:
    """Delete the account, its passkeys and names, and the job in one transaction."""
    account = _find_closed(user_id)
    if account is None:
        return
    transaction = Transaction()
    for passkey_id in account.passkeys or ():
        transaction.delete(Passkey.of_id(passkey_id))
    unique_names.release(transaction, account)
    jobs.remove(TASK, user_id, transaction)
    jobs.remove(queued.TASK, user_id, transaction)
    jobs.remove(background.TASK, user_id, transaction)
    transaction.delete(account)
    transaction.commit()


def _find_closed(user_id: str) -> Account | None:
    account = Account.find(user_id)
    return account if account and account.closed_at else None
