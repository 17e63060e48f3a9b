"""Tasks that send account e-mails."""

import logging
from collections.abc import Callable

from accounts import account_mail, not_me, services
from accounts.models import Account
from accounts.password_reset import services as password_reset
from accounts.verification import former_addresses, undo
from accounts.verification import services as verification
from notifications import jobs, subscriptions
from notifications.recipients import Recipient
from notifications.transports import DeliveryError, TransportThrottledError
from smartbudget.core.dynamodb import Transaction
from smartbudget.core.errors import ThrottledError
from smartbudget.core.tasks import RetryLaterError, backoff, current_attempt, task

logger = logging.getLogger(__name__)


@task(name=verification.TASK)
def send_verification(*, user_id: str) -> None:
    """Send the link that verifies the address of a registration."""
    _run_job(verification.TASK, user_id, verification.send_link)


@task(name=former_addresses.TASK)
def send_address_changed(*, user_id: str) -> None:
    """Send a mail to each address that the account had until a moment ago."""
    _run_job(former_addresses.TASK, user_id, undo.send_mails)


@task(name=subscriptions.LAST_MAIL_TASK)
def send_unsubscribed(*, user_id: str) -> None:
    """Send the last e-mail after alerts were turned off."""
    _run_job(subscriptions.LAST_MAIL_TASK, user_id, account_mail.send_unsubscribed)


@task
def send_verification_link(*, recipient: Recipient) -> None:
    """Send the link that verifies a recipient's address.

    Called by notifications, never queued. Raises as `verification.send` does.
    """
    verification.send(services.account_of(recipient))


@task
def create_not_me_link(*, recipient: Recipient, device_id: str) -> str | None:
    """Create the link in the mail about a login with a new device.

    Called by notifications, never queued. Returns None if the address may be a
    stranger's.
    """
    return not_me.create_link(services.account_of(recipient), device_id)


@task(name=password_reset.TASK)
def send_password_reset(*, identifier: str, expires_at: int) -> None:
    """Send a link to reset a password; see password_reset.send_link.

    Retried if it was not sent. After the last attempt it is given up, since dead
    letters would keep what was typed. While SES is busy, it is tried until it expires.
    """
    attempt = current_attempt()
    try:
        password_reset.send_link(identifier, expires_at=expires_at)
    except TransportThrottledError as error:
        seconds = backoff(attempt.number)
        if attempt.may_return:
            raise RetryLaterError(seconds) from error
        # Nothing else stores the request.
        request = {"identifier": identifier, "expires_at": expires_at}
        send_password_reset.apply_async(request, countdown=seconds)
    except DeliveryError:
        if not attempt.is_last:
            raise
        logger.exception("reset link given up")


def _run_job(task_name: str, user_id: str, send: Callable[[Account], None]) -> None:
    """Send a job's e-mail once, unless the job is done.

    Retried like a notification. After the last attempt, it is given up.
    """
    job = jobs.find(task_name, user_id)
    if job is None:
        return
    account = services.find_account(user_id)
    if account and account_mail.is_available():
        try:
            send(account)
        except TransportThrottledError as error:
            jobs.postpone(job, error)
            return
        except (DeliveryError, ThrottledError):
            if not current_attempt().is_last:
                raise
            if job.throttled:  # throttling used up some of the attempts
                jobs.start_over(job)
                return
            logger.exception("mail given up task=%s user_id=%s", task_name, user_id)
    transaction = Transaction()
    jobs.remove(task_name, user_id, transaction)
    transaction.commit()
