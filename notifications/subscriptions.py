"""Subscriptions to e-mails: one confirmed address per user."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from notifications import jobs, opt_ins, outbox, recipients, sns, transports
from notifications.recipients import (
    NO_PENDING_CHANGE,
    EmailChanges,
    R,
    Recipient,
    retired,
    store,
)
from smartbudget.core import dates, tasks, throttling
from smartbudget.core.config import config
from smartbudget.core.dynamodb import (
    Transaction,
    WriteConflictError,
    retry_on_conflict,
)
from smartbudget.core.errors import ConflictError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.i18n import gettext_noop
from smartbudget.core.throttling import Limit

if TYPE_CHECKING:
    from smartbudget.core.user import User

T = TypeVar("T")

logger = logging.getLogger(__name__)

STATES = ("none", "pending", "confirmed")
SUBSCRIPTIONS = Limit("subscription", config.subscription_limit, 3600)
# By address: it may be another person's, and one person can register many accounts.
CONFIRMATIONS = Limit("confirmation", config.subscription_limit, 24 * 3600)

# After this, SNS deletes a subscription that was not confirmed.
LINK_LIFETIME = timedelta(days=2)
# SNS sends no event when a user unsubscribes with the link in its e-mails.
CHECK_INTERVAL = timedelta(days=1)
END_LIMIT = 10  # retired subscriptions per call

UNSUBSCRIBED = gettext_noop("You unsubscribed through a link in an e-mail.")
TRANSPORT_CHANGED = gettext_noop(
    "We changed how we send e-mail. Turn on e-mail alerts again to get them."
)
SUBSCRIBE_AGAIN = gettext_noop(
    "Your e-mail address changed. Turn on e-mail alerts again to get them at the"
    " new one."
)
LINK_EXPIRED = gettext_noop("The confirmation link expired after two days.")

SEND_LINK_TASK = "accounts.tasks.send_verification_link"
LAST_MAIL_TASK = "accounts.tasks.send_unsubscribed"

NO_SUBSCRIPTION = EmailChanges(subscription_arn=None, subscription_status="none")


def subscribe(user: User | Recipient) -> Recipient:
    """Turn on e-mails to the user's address, and return the recipient.

    An address that is not confirmed gets a link first, see `send_confirmation`.
    Safe to repeat: a pending or confirmed subscription stays.

    Raises InvalidError for an address that the transport refuses, UnavailableError if
    no link can be sent or the topic has reached its quota, ThrottledError, and
    ConflictError without an address.
    """
    recipient = sync_from_transport(recipients.get(user.user_id, Recipient))
    if recipient.subscription_status != "none":
        return recipient
    if not recipient.email:
        raise ConflictError(_("Enter an e-mail address first."))
    throttling.count(SUBSCRIPTIONS, user.user_id)
    recipient = retry_if_stale(recipient, send_confirmation)
    return retry_if_stale(recipient, end_retired)


def unsubscribe(user: User | Recipient) -> Recipient:
    """End the user's subscription, and return the recipient.

    Also a change of address that waits for SNS's confirmation. A confirmed address gets
    a last e-mail, since an intruder may have done this.
    Nothing is sent from then on, even if SNS cannot be reached: what is still to be
    ended there is stored. Safe to repeat.
    """
    recipient = retry_if_stale(
        recipients.get(user.user_id, Recipient), _store_unsubscribed
    )
    return retry_if_stale(recipient, end_retired)


def refresh(user: User | Recipient) -> Recipient:
    """Return the recipient with the current status of its subscription.

    If the transport cannot be reached, it is the last known status.
    """
    recipient = recipients.get(user.user_id, Recipient)
    try:
        return retry_if_stale(sync_from_transport(recipient), end_retired)
    except (BotoCoreError, ClientError):
        logger.warning("status unknown user_id=%s", user.user_id, exc_info=True)
        return recipient


def check_email_subscription(recipient: Recipient) -> Recipient:
    """Return the recipient, synced if its subscription may have changed.

    That is while a confirmation is pending, otherwise once a day.
    """
    is_due = _is_due(recipient)
    if not (is_due or recipient.pending_email):
        return recipient
    try:
        if is_due:
            recipient = retry_if_stale(recipient, _sync_subscription)
        recipient = retry_if_stale(recipient, _sync_pending_change)
        return retry_if_stale(recipient, end_retired)
    except (BotoCoreError, ClientError):
        if recipient.subscription_status == "pending":
            raise
        logger.warning("status unknown user_id=%s", recipient.user_id, exc_info=True)
        return recipient


def get_user_subscription_arn(recipient: Recipient) -> str | None:
    """Return the stored ARN of the recipient's subscription, or None."""
    return recipient.subscription_arn


def sync_from_transport(recipient: R) -> R:
    """Get the status of the recipient's addresses, and store what has changed.

    Ended and expired subscriptions are removed, and a confirmed change of address is
    completed. Returns the recipient. Safe to repeat.
    """
    recipient = retry_if_stale(recipient, _sync_subscription)
    return retry_if_stale(recipient, _sync_pending_change)


def retry_if_stale(recipient: R, change: Callable[[R], T]) -> T:
    """Change a recipient; if another writer was first, reread and retry."""
    try:
        return change(recipient)
    except WriteConflictError:
        user_id, model = recipient.user_id, type(recipient)
        return retry_on_conflict(lambda: change(recipients.get(user_id, model)))


def send_confirmation(recipient: R) -> R:
    """Subscribe the current address: at once, or once a link was followed.

    With SES, a verified address needs no confirmation. With SNS, each subscription
    does.
    """
    if recipient.subscription_status != "none":
        return recipient
    if not transports.sends_confirmations():
        return _subscribe_with_ses(recipient)
    status, arn = _subscribe_with_sns(recipient.email)
    # If it is confirmed already, it is an old one that may be about to disappear or to
    # lose its filter. If it was retired, its link was sent earlier. The next delivery
    # checks both.
    is_new = status == "pending" and arn not in (recipient.retired_subscriptions or ())
    checked_at = dates.timestamp() if is_new else None
    changes = EmailChanges(
        subscription_status=status,
        subscription_arn=arn,
        subscription_checked_at=checked_at,
        email_problem=None,
        retired_subscriptions=retired(recipient, used=arn),
    )
    return store(recipient, changes)


def send_pending_confirmation(recipient: R) -> R:
    """Send SNS's confirmation to the pending address, unless one was sent."""
    if recipient.pending_email is None or recipient.pending_subscription_arn:
        return recipient
    _, arn = _subscribe_with_sns(recipient.pending_email)
    changes = EmailChanges(
        pending_subscription_arn=arn,
        retired_subscriptions=retired(recipient, used=arn),
    )
    return store(recipient, changes)


def after_verification(
    recipient: Recipient, email: str, transaction: Transaction
) -> EmailChanges:
    """Return the changes of a recipient whose address was verified by a link.

    email: the verified one, current or new. With SES, a subscription that waited for it
    is confirmed. With SNS, alerts must be turned on again for a new address.
    """
    is_new = email != recipient.email
    status = recipient.subscription_status
    changes = EmailChanges()
    arns: list[str | None] = []
    if is_new:
        changes = EmailChanges(**NO_PENDING_CHANGE, email=email, email_problem=None)
        arns = [recipient.subscription_arn, recipient.pending_subscription_arn]
    if status == "none" or (status == "confirmed" and not is_new):
        pass
    elif not transports.sends_confirmations():
        arns.append(recipient.subscription_arn)
        changes |= _subscription_with_ses(recipient, email, transaction)
    elif is_new:
        changes |= EmailChanges(**NO_SUBSCRIPTION, email_problem=SUBSCRIBE_AGAIN)
    if arns:
        changes["retired_subscriptions"] = retired(recipient, *arns)
    return changes


def deactivate(recipient: R, arn: str, problem: str) -> R:
    """End a subscription if it is still the recipient's.

    problem: the reason, in English.
    """
    if recipient.subscription_arn != arn:
        return recipient
    changes = EmailChanges(
        **NO_SUBSCRIPTION,
        email_problem=problem,
        retired_subscriptions=retired(recipient, arn),
    )
    return store(recipient, changes)


def end_retired(recipient: R) -> R:
    """End retired subscriptions as far as possible, and return the recipient.

    At most END_LIMIT, since each takes calls and a user may be waiting.
    """
    arns = islice(recipient.retired_subscriptions or (), END_LIMIT)
    ended = {arn for arn in arns if _try_to_end(arn, recipient.user_id)}
    if not ended:
        return recipient
    remaining = set(recipient.retired_subscriptions or ()) - ended
    return store(recipient, EmailChanges(retired_subscriptions=remaining or None))


def _subscribe_with_sns(email: str) -> tuple[str, str]:
    throttling.count(CONFIRMATIONS, email)
    return sns.subscribe(email)


def _subscribe_with_ses(recipient: R) -> R:
    if not recipient.is_verified:
        tasks.apply(SEND_LINK_TASK, {"recipient": recipient})
        waiting = EmailChanges(
            subscription_status="pending",
            subscription_checked_at=dates.timestamp(),
            email_problem=None,
        )
        return store(recipient, waiting)
    transaction = Transaction()
    changes = _subscription_with_ses(recipient, recipient.email, transaction)
    return store(recipient, changes, transaction)


def _subscription_with_ses(
    recipient: Recipient, email: str, transaction: Transaction
) -> EmailChanges:
    return EmailChanges(
        subscription_status="confirmed",
        subscription_arn=opt_ins.create(email, recipient.user_id, transaction),
        subscription_checked_at=dates.timestamp(),
        email_problem=None,
    )


def _store_unsubscribed(recipient: R) -> R:
    by_subscription = recipient.pending_email and not recipient.pending_by_link
    if recipient.subscription_status == "none" and not by_subscription:
        return recipient
    arns = (recipient.subscription_arn, recipient.pending_subscription_arn)
    change = NO_PENDING_CHANGE if by_subscription else EmailChanges()
    changes = EmailChanges(
        **NO_SUBSCRIPTION,
        **change,
        subscription_checked_at=dates.timestamp(),
        email_problem=None,
        retired_subscriptions=retired(recipient, *arns),
    )
    return _store_end(recipient, changes)


def _store_end(recipient: R, changes: EmailChanges) -> R:
    """Store that a user ended a subscription, and queue a last e-mail about it."""
    transaction = Transaction()
    is_mailed = recipient.subscription_status == "confirmed" and transports.has_sender()
    if is_mailed:
        jobs.put(LAST_MAIL_TASK, recipient.user_id, transaction)
    recipient = store(recipient, changes, transaction)
    if is_mailed:
        try:
            tasks.send_task(LAST_MAIL_TASK, {"user_id": recipient.user_id})
        except tasks.QueueError:
            logger.warning("left to the sweep user_id=%s", recipient.user_id)
    return recipient


def _sync_subscription(recipient: R) -> R:
    arn, known = get_user_subscription_arn(recipient), recipient.subscription_status
    if arn is None:
        if known == "pending" and _is_past(
            recipient.subscription_checked_at, LINK_LIFETIME
        ):
            return store(
                recipient,
                EmailChanges(**NO_SUBSCRIPTION, email_problem=LINK_EXPIRED),
            )
        return recipient
    status = transports.get_transport().status_of(arn, recipient.email)
    if status == "none":
        problem = _reason_for_end(recipient)
        changes = EmailChanges(**NO_SUBSCRIPTION, email_problem=problem)
        end = _store_end if problem == UNSUBSCRIBED else store
        return end(recipient, changes)
    checked_lately = not _is_past(recipient.subscription_checked_at, CHECK_INTERVAL)
    if status == known and (status == "pending" or checked_lately):
        return recipient
    now = dates.timestamp()
    changes = EmailChanges(subscription_status=status, subscription_checked_at=now)
    if status == "confirmed" and known == "pending":  # SNS's link was followed
        changes["email_verified_at"] = now
    return store(recipient, changes)


def _sync_pending_change(recipient: R) -> R:
    if recipient.pending_email is None:
        return recipient
    status = "pending"
    if recipient.pending_subscription_arn:
        status = transports.get_transport().status_of(
            recipient.pending_subscription_arn, recipient.pending_email
        )
    elif _is_past(recipient.pending_since, LINK_LIFETIME):
        status = "none"  # the link has expired, or the process died before sending it
    if status == "none":
        return store(recipient, NO_PENDING_CHANGE)
    # The notice must reach the old address first: the change may be an intruder's.
    notice_id = recipient.pending_notice
    if status == "pending" or (notice_id and outbox.is_queued(notice_id)):
        return recipient
    return _complete_change(recipient, recipient.pending_email)


def _complete_change(recipient: R, email: str) -> R:
    arn = recipient.pending_subscription_arn
    recipient = store(
        recipient,
        EmailChanges(
            **NO_PENDING_CHANGE,
            email=email,
            email_verified_at=dates.timestamp(),
            subscription_arn=arn,
            subscription_status="confirmed",
            subscription_checked_at=None,
            email_problem=None,
            retired_subscriptions=retired(
                recipient, recipient.subscription_arn, used=arn
            ),
        ),
    )
    logger.info("address changed user_id=%s", recipient.user_id)
    return recipient


def end(arn: str, user_id: str) -> bool:
    """End a user's subscription, and return whether nothing is left to end.

    One that was never confirmed may have to expire. Safe to repeat. Outages are not
    caught.
    """
    transport = transports.get_transport()
    email = transport.email_of(arn)
    if email and _belongs_to_another(arn, email, user_id):
        return True
    return transport.unsubscribe(arn)


def _try_to_end(arn: str, user_id: str) -> bool:
    try:
        return end(arn, user_id)
    except (BotoCoreError, ClientError):
        logger.warning("subscription not ended arn=%s", arn, exc_info=True)
        return False


def _belongs_to_another(arn: str, email: str, user_id: str) -> bool:
    """Check whether another user now has this subscription.

    SNS returns the same ARN whenever an address is subscribed again.
    """
    owner = recipients.owner_of_address(email)
    other = None
    if owner and owner != user_id:
        other = recipients.find(owner, Recipient)
    return other is not None and arn in {
        other.subscription_arn,
        other.pending_subscription_arn,
    }


def _is_due(recipient: Recipient) -> bool:
    if recipient.subscription_status == "pending" or not _is_supported(recipient):
        return True
    arns = recipient.subscription_arn or recipient.retired_subscriptions
    return bool(arns) and _is_past(recipient.subscription_checked_at, CHECK_INTERVAL)


def _is_supported(recipient: Recipient) -> bool:
    arn = recipient.subscription_arn
    return arn is None or transports.get_transport().supports(arn)


def _reason_for_end(recipient: Recipient) -> str:
    if not _is_supported(recipient):
        return TRANSPORT_CHANGED
    pending = recipient.subscription_status == "pending"
    expired = pending and _is_past(recipient.subscription_checked_at, LINK_LIFETIME)
    return LINK_EXPIRED if expired else UNSUBSCRIBED


def _is_past(since: str | None, length: timedelta) -> bool:
    """Check whether some time has passed since a stored instant; None is long ago."""
    return since is None or datetime.fromisoformat(since) <= dates.now() - length
