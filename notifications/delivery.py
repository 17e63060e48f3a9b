"""Deliver queued notifications, each under a lease.

Why: docs/decisions.md#a-notification-is-delivered-under-a-lease
"""

import dataclasses
import json
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError
from pynamodb.exceptions import PynamoDBException

from notifications import (
    backoff,
    digests,
    messages,
    recipients,
    schedule,
    subscriptions,
    transports,
)
from notifications.kinds import SECURITY_KINDS
from notifications.models import (
    Digest,
    Job,
    Notification,
    OutboxItem,
    PlannedSummary,
    failed_shard_of,
    unsent_since,
)
from notifications.recipients import BOUNCED, Recipient
from notifications.transports import (
    DeliveryError,
    OutgoingEmail,
    TransportThrottledError,
    raise_if_throttled,
)
from smartbudget.core import dates, log, tasks, throttling
from smartbudget.core.dynamodb import Action, conditional_write
from smartbudget.core.errors import ConflictError, NotFoundError, ThrottledError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.i18n import gettext_noop
from smartbudget.core.lease import Lease, new_owner
from smartbudget.core.throttling import Counted, Limit

logger = logging.getLogger(__name__)

LEASE = Lease(owner=OutboxItem.lease_owner, until=OutboxItem.lease_until)
# A message that crashes its Lambda never reaches its last attempt, so attempts are
# limited here too.
MAX_ATTEMPTS = 20
# By address: until it is confirmed, it may be another person's.
TO_UNVERIFIED = Limit("unverified-mail", 10, 24 * 3600)

NOT_ME_TASK = "accounts.tasks.create_not_me_link"

NOT_FOUND = gettext_noop("Notification not found.")
# Reasons are stored in English; `status_text.reason_in_words` translates them.
ATTEMPTS_EXHAUSTED = gettext_noop("Every delivery attempt failed.")
ATTEMPT_FAILED = gettext_noop("Delivery failed.")
_DELETED = gettext_noop("The account was deleted.")
_TURNED_OFF = gettext_noop("This type of e-mail is turned off in your settings.")
_ALL_TURNED_OFF = gettext_noop("These types of e-mail are turned off in your settings.")
_SUPERSEDED = gettext_noop("Replaced by a later summary.")
_LOCKED = gettext_noop("The account is locked.")
_NOT_VERIFIED = gettext_noop("Too many e-mails for an address that isn't confirmed.")
_NOT_CONFIRMED = {
    "none": gettext_noop("E-mail alerts are off."),
    "pending": gettext_noop("The e-mail address is not confirmed yet."),
}


@dataclass(frozen=True)
class Send:
    """The decision to send a notification as this e-mail.

    is_account_mail: goes through SES to the account's own address, subscribed or not.
    counted: the attempt by the address, to be given back if nothing was sent.
    """

    email: OutgoingEmail
    is_account_mail: bool = False
    counted: Counted | None = None


@dataclass(frozen=True)
class Skip:
    """The decision never to send a notification, with the reason."""

    reason: str


@dataclass(frozen=True)
class Hold:
    """The decision to delay a notification until a time."""

    until: datetime


Decision = Send | Skip | Hold


def deliver(
    notification_id: str, *, last_attempt: bool = False, lease_seconds: float = 60
) -> None:
    """Send one notification under a lease, and store the result. Safe to repeat.

    last_attempt: no retry follows, so a failure makes it `failed`.
    lease_seconds: longer than the caller can run.

    In the user's quiet hours it stays `queued`, and a sweep sends it after their end. A
    planned summary gets its text first. After a crash or a lost reply between sending
    and storing the status, the e-mail is sent again: SNS has no record of it to check.

    While the transport is busy it stays `queued`, and the attempt does not count.

    Raises NotFoundError for an unknown id, ConflictError while another process delivers
    it, DeliveryError if the transport refused it, and RetryLaterError if it is busy and
    the message should return.
    """
    item = _take_lease(notification_id, new_owner(), lease_seconds)
    if item is None:
        return
    if isinstance(item, Job):  # jobs are run, not mailed
        raise NotFoundError(_(NOT_FOUND))
    with log.bound(item.request_id, user_id=item.user_id):
        if item.attempts > MAX_ATTEMPTS:
            _fail(item)
        else:
            _deliver(item, last_attempt=last_attempt)


def _deliver(item: OutboxItem, *, last_attempt: bool) -> None:
    failure: str | None = ATTEMPT_FAILED
    decision: Decision | None = None
    try:
        recipient = recipients.find(item.user_id, Recipient)
        decision = _decide_before_text(item, recipient)
        if recipient and decision is None:
            item = _with_text(item, recipient)
            decision = _decide(item, recipient)
        if isinstance(decision, Send):
            _send(decision)
        failure = None
    except TransportThrottledError as error:
        failure = None
        _postpone(item, error, decision)
        return
    except DeliveryError as error:
        failure = str(error)
        if last_attempt and item.throttled:
            logger.warning("left to the sweep: %s", failure)
            return
        raise
    finally:
        if failure:
            _release(item, failure, last_attempt=last_attempt)
    # After the `finally`: an error here must not make a notification `failed`. The next
    # attempt or the sweep repeats it.
    match decision:
        case Hold(until):
            _hold(item, until)
        case Skip(reason):
            update_notification_status(item, "skipped", reason)
        case Send():
            update_notification_status(item, "sent")


def _fail(item: OutboxItem) -> None:
    """Mark an item as failed after a crash in every attempt."""
    if isinstance(item, PlannedSummary):
        recipient = recipients.find(item.user_id, Recipient)
        if recipient:
            schedule.abandon(item, recipient)
    update_notification_status(item, "failed", ATTEMPTS_EXHAUSTED)


def _decide_before_text(
    item: OutboxItem, recipient: Recipient | None
) -> Skip | Hold | None:
    """Return a decision that does not need the text, or None if the text is needed."""
    if recipient is None:
        return Skip(_DELETED)
    summary = item if isinstance(item, PlannedSummary) else None
    if summary and (due := schedule.future_due_time(summary, recipient)):
        return Hold(due)
    if not recipient.wants(item.type):
        return Skip(_TURNED_OFF)
    if summary and schedule.is_superseded(summary, recipient):
        schedule.plan_next(summary, recipient)
        return Skip(_SUPERSEDED)
    return None


def _with_text(item: OutboxItem, recipient: Recipient) -> OutboxItem:
    """Write the text of a planned summary; return any other item unchanged."""
    if not isinstance(item, PlannedSummary):
        return item
    arguments = {"planned": item, "recipient": recipient}
    notification: Notification = tasks.apply(schedule.WRITE_TASK, arguments)
    return notification


def _decide(item: OutboxItem, recipient: Recipient) -> Decision:
    """Return the decision for a notification that has its text."""
    if isinstance(item, Digest) and not digests.set_text(item, recipient):
        return Skip(_ALL_TURNED_OFF)
    if item.type in SECURITY_KINDS:
        if transports.has_sender():
            return _decide_account_mail(item, recipient)
    elif recipient.locked_at:
        return Skip(_LOCKED)
    try:
        recipient = subscriptions.check_email_subscription(recipient)
    except ClientError as error:
        raise_if_throttled(error)
        raise
    status = recipient.subscription_status
    if status != "confirmed":
        return Skip(recipient.email_problem or _NOT_CONFIRMED[status])
    if until := recipient.quiet_end(item.type, dates.now()):
        return Hold(until)
    return Send(_email(item, recipient))


def _decide_account_mail(item: OutboxItem, recipient: Recipient) -> Decision:
    """Return the decision for a security notice, where a sender is configured."""
    if not recipient.email:  # another account has proved it
        return Skip(recipient.email_problem or _NOT_CONFIRMED["none"])
    if recipient.is_bouncing:
        return Skip(BOUNCED)
    counted = None
    if not recipient.is_verified:
        counted = (TO_UNVERIFIED, recipient.email)
        try:
            throttling.count(*counted)
        except ThrottledError:
            return Skip(_NOT_VERIFIED)
        item = messages.hide_typed_text(item, language=recipient.language)
    link = _not_me_link(item, recipient)
    email = dataclasses.replace(_email(item, recipient), not_me_link=link)
    return Send(email, is_account_mail=True, counted=counted)


def _not_me_link(item: OutboxItem, recipient: Recipient) -> str | None:
    """Create the link in the mail about a new device; return None for other mails.

    Created only now, since secrets are neither stored with a text nor queued.
    """
    if not (isinstance(item, Notification) and item.type == "new_device"):
        return None
    device_id = json.loads(item.facts or "{}").get("device_id", "")
    arguments = {"recipient": recipient, "device_id": device_id}
    link: str | None = tasks.apply(NOT_ME_TASK, arguments)
    return link


def _email(item: OutboxItem, recipient: Recipient) -> OutgoingEmail:
    return OutgoingEmail(
        notification_id=item.notification_id,
        user_id=recipient.user_id,
        email=recipient.email,
        subject=item.subject,
        message=item.message,
        subscription=recipient.subscription_arn,
        unsubscribe_key=recipient.unsubscribe_key,
        language=recipient.language,
    )


def _send(decision: Send) -> None:
    if not decision.is_account_mail:
        transports.get_transport().send(decision.email)
        return
    # Imported here, since SNS does not need the code for SES.
    from notifications import ses

    ses.send_security_notice(decision.email)


def update_notification_status(
    item: OutboxItem, status: str, error: str | None = None
) -> None:
    """Store the result of a delivery: `sent`, `skipped` or `failed`, and the reason.

    Does nothing if the lease was lost. Failed items stay in the index for the staff
    page. The owner of the lease stays stored, so a retry after a lost reply succeeds.
    """
    actions: list[Action] = [
        OutboxItem.status.set(status),
        *LEASE.release(),
        OutboxItem.held_until.remove(),
    ]
    if isinstance(item, Digest):  # its text was written just before it was sent
        actions += [
            OutboxItem.subject.set(item.subject),
            OutboxItem.message.set(item.message),
            Digest.assign("facts", item.facts),
        ]
    if status == "failed":
        shard = failed_shard_of(item.notification_id)
        actions += [
            OutboxItem.unsent_shard.set(shard),
            OutboxItem.unsent_since.set(dates.timestamp()),
        ]
    else:
        actions += [
            OutboxItem.unsent_shard.remove(),
            OutboxItem.unsent_since.remove(),
        ]
    if not _update_leased(item, actions, error):
        logger.warning("lease was lost notification_id=%s", item.notification_id)
        return
    logger.info(
        "delivery ended notification_id=%s status=%s",
        item.notification_id,
        status,
    )
    log.count("NotificationsDelivered", Status=status)


def _take_lease(
    notification_id: str, owner: str, lease_seconds: float
) -> OutboxItem | None:
    """Acquire the lease on an item, or return None if nothing is left to do."""
    now = dates.now()
    until = now + timedelta(seconds=lease_seconds)
    response: dict[str, Any] = {}

    def take() -> None:
        response.update(OutboxItem(notification_id).update(actions, is_free))

    actions: list[Action] = [
        *LEASE.take(owner, dates.timestamp(until)),
        OutboxItem.attempts.add(1),
    ]
    # Not `available_to`: a retry after a lost reply would count the attempt twice.
    is_free = LEASE.free_at(dates.timestamp(now)) & (OutboxItem.status == "queued")
    if conditional_write(take):
        return OutboxItem.from_raw_data(response["Attributes"])
    return _read_refused(notification_id, owner)


def _read_refused(notification_id: str, owner: str) -> OutboxItem | None:
    """Return an item if its lease was refused only because a reply was lost.

    Returns None if it needs no delivery. Raises NotFoundError, or ConflictError if
    another process holds the lease.
    """
    stored = OutboxItem.find(notification_id)
    if stored is None:
        raise NotFoundError(_(NOT_FOUND))
    if stored.status != "queued":
        return None
    if stored.lease_owner != owner:
        raise ConflictError(_("The notification is already being delivered."))
    return stored


def _hold(item: OutboxItem, until: datetime) -> None:
    """Release the lease and delay the item, without counting an attempt."""
    actions: list[Action] = [
        *LEASE.release(),
        OutboxItem.attempts.set(item.attempts - 1),
        OutboxItem.held_until.set(dates.timestamp(until)),
        OutboxItem.unsent_since.set(unsent_since(until)),
    ]
    _update_leased(item, actions, None)


def _postpone(
    item: OutboxItem, error: TransportThrottledError, decision: Decision | None
) -> None:
    """Release the lease and postpone the item, without counting an attempt.

    Raises RetryLaterError if its message returns.
    """
    if isinstance(decision, Send) and decision.counted:
        throttling.give_back(*decision.counted)
    uncounted = OutboxItem.attempts.set(item.attempts - 1)

    def store(actions: list[Action]) -> None:
        _update_leased(item, [*LEASE.release(), uncounted, *actions], item.error)

    backoff.postpone(item, error, store)


def _release(item: OutboxItem, reason: str, *, last_attempt: bool) -> None:
    """Release the lease for the next attempt, or mark the item as failed.

    If the transport was busy in other attempts, the last one is not final: the sweep
    queues the item once more.
    """
    # A summary that is not written yet must still plan the next one.
    is_final = last_attempt and not (item.throttled or isinstance(item, PlannedSummary))
    actions = LEASE.release()
    if last_attempt:
        actions.append(OutboxItem.throttled.remove())
    try:
        if is_final:
            update_notification_status(item, "failed", reason)
        else:
            _update_leased(item, actions, reason)
    except PynamoDBException:
        logger.exception("lease not released notification_id=%s", item.notification_id)


def _update_leased(item: OutboxItem, actions: list[Action], error: str | None) -> bool:
    """Update an item, or return False if its lease was lost."""
    actions = [
        *actions,
        OutboxItem.updated_at.set(dates.timestamp()),
        OutboxItem.assign("error", error or None),
    ]
    is_held = LEASE.held_by(item.lease_owner)
    return conditional_write(lambda: item.update(actions, is_held))
