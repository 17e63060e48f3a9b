"""Delivering what is queued, and queueing again what was not delivered.

Why: docs/decisions.md#a-notification-is-delivered-under-a-lease
"""

import functools
import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import islice, zip_longest

from pynamodb.exceptions import DoesNotExist, PynamoDBException

from notifications import digests, recipients, schedule, subscriptions, transports
from notifications.kinds import SECURITY_KINDS
from notifications.models import (
    SHARDS,
    Notification,
    failed_shard_of,
    unsent_since,
)
from notifications.outbox import to_sqs_payload
from notifications.recipients import Recipient
from notifications.transports import Letter
from smartbudget.core import dates, log, tasks
from smartbudget.core.dynamodb import Action, conditional_write
from smartbudget.core.errors import ConflictError, NotFoundError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.i18n import gettext_noop
from smartbudget.core.lease import Lease, new_owner
from smartbudget.core.tasks import BATCH, DEFAULT, QueueError, send_tasks

logger = logging.getLogger(__name__)

LEASE = Lease(owner=Notification.lease_owner, until=Notification.lease_until)
SWEEP_LIMIT = 2000  # notifications a run; a run more comes in minutes
# A message that crashes its Lambda never comes to its last attempt; this ends it.
MOST_ATTEMPTS = 20

# Reasons are stored in English; `status_text.reason_in_words` translates them.
TOO_OFTEN = gettext_noop("It could not be delivered, however often it was tried.")
NOT_JUST_THEN = gettext_noop("It could not be delivered just then.")
_DELETED = gettext_noop("The account was deleted.")
_TURNED_OFF = gettext_noop("E-mails of this kind are turned off in the preferences.")
_ALL_TURNED_OFF = gettext_noop(
    "E-mails of these kinds are turned off in the preferences."
)
_OVERTAKEN = gettext_noop("A later summary has taken its place.")
_LOCKED = gettext_noop("The account is locked.")
_OBSTACLES = {
    "none": gettext_noop("Not subscribed to e-mails."),
    "pending": gettext_noop("The e-mail address is not confirmed yet."),
}


def deliver(
    notification_id: str, *, last_attempt: bool = False, lease_seconds: float = 60
) -> None:
    """Send one notification under a lease, and store how it ended. Safe to repeat.

    last_attempt: nobody tries again after this, so failing makes it `failed`.
    lease_seconds: longer than the caller can live.

    Raises NotFoundError for an unknown id, ConflictError while another process delivers
    it, DeliveryError when it was not taken. A crash, or a reply lost, between publish
    and mark repeats that one e-mail: SNS has no way to ask whether it was sent.

    In the user's quiet hours it stays `queued`, until a sweep after their end. A
    planned summary gets its text first.
    """
    notification = _take_lease(notification_id, new_owner(), lease_seconds)
    if notification is None:
        return
    with log.bound(notification.request_id, user_id=notification.user_id):
        _deliver(notification, last_attempt=last_attempt)


def _deliver(notification: Notification, *, last_attempt: bool) -> None:
    if notification.attempts > MOST_ATTEMPTS:
        if notification.planned_for:
            recipient = recipients.find(notification.user_id, Recipient)
            if recipient:
                schedule.give_up(notification, recipient)
        update_notification_status(notification, "failed", TOO_OFTEN)
        return
    held_until = None
    try:
        recipient = recipients.find(notification.user_id, Recipient)
        if recipient and notification.planned_for:
            held_until = schedule.due_later(notification, recipient)
        letter, obstacle = None, None
        if held_until is None:
            letter, obstacle = _letter(notification, recipient)
        if recipient and letter:
            held_until = recipient.quiet_end(notification.type, dates.now())
            if held_until is None:
                transports.chosen().send(letter)
    except Exception as error:
        _release(notification, error, last_attempt=last_attempt)
        raise
    # Not among what may fail the last attempt: what is held up is never lost.
    if held_until:
        _hold(notification, held_until)
        return
    update_notification_status(notification, "sent" if letter else "skipped", obstacle)


def update_notification_status(
    notification: Notification, status: str, error: str | None = None
) -> None:
    """End a delivery under our lease: `sent`, `skipped` or `failed`, and why.

    What failed is kept where the staff page finds it. The lease still names its owner,
    so that a repetition after a lost reply is taken for ours.
    """
    actions: list[Action] = [
        Notification.status.set(status),
        *LEASE.release(),
        Notification.held_until.remove(),
    ]
    if notification.members:  # its text was written for sending
        actions += [
            Notification.subject.set(notification.subject),
            Notification.message.set(notification.message),
        ]
    if status == "failed":
        shard = failed_shard_of(notification.notification_id)
        actions += [
            Notification.unsent_shard.set(shard),
            Notification.unsent_since.set(dates.timestamp()),
        ]
    else:
        actions += [
            Notification.unsent_shard.remove(),
            Notification.unsent_since.remove(),
        ]
    if not _update_leased(notification, actions, error):
        logger.warning(
            "lease was lost notification_id=%s", notification.notification_id
        )
        return
    logger.info(
        "delivery ended notification_id=%s status=%s",
        notification.notification_id,
        status,
    )
    log.count("NotificationsDelivered", Status=status)


def sweep(keep_going: Callable[[], bool] = lambda: True) -> dict[str, int]:
    """Queue again what has waited too long; work is bounded.

    keep_going: asked before every ten; False ends the run.

    Planned summaries are found here too, and thousands may be due in the same minute
    where many people share a time zone: at SWEEP_LIMIT a run they take a while, and
    what is overdue waits with them.

    Returns {"requeued": n, "refused": n}. Safe to repeat and to run twice at once: the
    time a notification waits from is moved on by one sweep only.
    """
    counts = {"requeued": 0, "refused": 0}
    known_emails = functools.cache(email_of)
    overdue = _overdue()
    while keep_going() and (found := list(islice(overdue, BATCH))):
        waiting_since = {item.notification_id: item.unsent_since for item in found}
        taken = [item for item in found if _restart_wait(item, dates.timestamp())]
        refused = enqueue_again(taken, known_emails)
        for item in refused:  # SQS is down: the next sweep need not wait for them
            _restart_wait(item, waiting_since[item.notification_id])
        counts["requeued"] += len(taken) - len(refused)
        counts["refused"] += len(refused)
        if refused:
            break
    logger.info("swept requeued=%(requeued)d refused=%(refused)d", counts)
    return counts


def enqueue_again(
    notifications: list[Notification], email_of: Callable[[str], str]
) -> list[Notification]:
    """Queue notifications and jobs again; return what SQS did not take.

    email_of: tells a user's address, "" where there is no account. Safe to repeat.
    """
    jobs = [item for item in notifications if item.task]
    letters = [item for item in notifications if not item.task]
    refused = _queue(
        DEFAULT,
        letters,
        [to_sqs_payload(item, email_of(item.user_id)) for item in letters],
    )
    for job in jobs:
        refused += _queue(job.task, [job], [{"user_id": job.user_id}])
    return refused


def _queue(
    task: str, items: list[Notification], calls: list[dict[str, str]]
) -> list[Notification]:
    """Queue a call for each item; return the items that SQS did not take."""
    try:
        send_tasks(task, calls)
    except QueueError as error:
        logger.warning("not queued count=%d", len(error.refused), exc_info=True)
        pairs = zip(items, calls, strict=True)
        return [item for item, call in pairs if call in error.refused]
    return []


def email_of(user_id: str) -> str:
    """Return a user's address; "" where there is no account."""
    try:
        return recipients.get(user_id, Recipient).email
    except NotFoundError:
        return ""  # delivering finds it out, and says so


def _find(notification_id: str) -> Notification | None:
    try:
        return Notification.get(notification_id, consistent_read=True)
    except DoesNotExist:
        return None


def _take_lease(
    notification_id: str, owner: str, lease_seconds: float
) -> Notification | None:
    """Acquire the lease on a notification; None if there is nothing left to do."""
    now = dates.now()
    until = now + timedelta(seconds=lease_seconds)
    notification = Notification(notification_id)
    actions: list[Action] = [
        *LEASE.take(owner, dates.timestamp(until)),
        Notification.attempts.add(1),
    ]
    # Not `available_to`: a repetition after a lost reply would count two attempts.
    free = LEASE.free_at(dates.timestamp(now)) & (Notification.status == "queued")
    if conditional_write(lambda: notification.update(actions, free)):
        return notification
    return _read_refused(notification_id, owner)


def _read_refused(notification_id: str, owner: str) -> Notification | None:
    """Return a notification whose lease was refused only because a reply was lost.

    None if it needs no delivery. Raises NotFoundError, or ConflictError if another
    process holds the lease.
    """
    stored = _find(notification_id)
    if stored is None:
        raise NotFoundError(_("There is no such notification."))
    if stored.status != "queued":
        return None
    if stored.lease_owner != owner:
        raise ConflictError(_("The notification is being delivered by somebody else."))
    return stored


def _letter(
    notification: Notification, recipient: Recipient | None
) -> tuple[Letter | None, str | None]:
    """Return what to send to whom, or None and why it is not sent."""
    if recipient is None:
        return None, _DELETED
    if not recipient.wants(notification.type):
        return None, _TURNED_OFF
    if notification.members and not digests.fill(notification, recipient):
        return None, _ALL_TURNED_OFF
    if notification.planned_for:
        if schedule.is_overtaken(notification, recipient):
            schedule.plan_next(notification, recipient)
            return None, _OVERTAKEN
        planned = {"planned": notification, "recipient": recipient}
        tasks.apply(schedule.WRITE_TASK, planned)
    if recipient.locked_at and notification.type not in SECURITY_KINDS:
        return None, _LOCKED
    recipient = subscriptions.check_email_subscription(recipient)
    status = recipient.subscription_status
    if status != "confirmed":
        return None, recipient.email_problem or _OBSTACLES[status]
    letter = Letter(
        notification_id=notification.notification_id,
        user_id=recipient.user_id,
        email=recipient.email,
        subject=notification.subject,
        message=notification.message,
        subscription=recipient.subscription_arn,
        unsubscribe_key=recipient.unsubscribe_key,
        language=recipient.language,
    )
    return letter, None


def _hold(notification: Notification, until: datetime) -> None:
    """Release the lease until a time; nothing was tried, so no attempt counts."""
    actions: list[Action] = [
        *LEASE.release(),
        Notification.attempts.set(notification.attempts - 1),
        Notification.held_until.set(dates.timestamp(until)),
        Notification.unsent_since.set(unsent_since(until)),
    ]
    _update_leased(notification, actions, None)


def _release(
    notification: Notification, error: Exception, *, last_attempt: bool
) -> None:
    """Release the lease for the next attempt; after the last one mark as failed."""
    known = isinstance(error, transports.DeliveryError)
    reason = str(error) if known else NOT_JUST_THEN
    try:
        # A summary still to be written must go on to plan the one after it.
        if last_attempt and not notification.planned_for:
            update_notification_status(notification, "failed", reason)
        else:
            _update_leased(notification, LEASE.release(), reason)
    except PynamoDBException:
        logger.exception(
            "lease not released notification_id=%s", notification.notification_id
        )


def _update_leased(
    notification: Notification, actions: list[Action], error: str | None
) -> bool:
    """Update a notification; False, and no change, if the lease is not ours."""
    actions = [
        *actions,
        Notification.updated_at.set(dates.timestamp()),
        Notification.error.set(error) if error else Notification.error.remove(),
    ]
    ours = LEASE.held_by(notification.lease_owner)
    return conditional_write(lambda: notification.update(actions, ours))


def _restart_wait(notification: Notification, since: str) -> bool:
    """Let the overdue time begin anew; tell whether nobody did so before."""
    unchanged = Notification.unsent_since == notification.unsent_since
    actions: list[Action] = [Notification.unsent_since.set(since)]
    return conditional_write(lambda: notification.update(actions, unchanged))


def _overdue() -> Iterator[Notification]:
    before = unsent_since(dates.now())
    queries = [
        Notification.unsent.query(
            shard,
            Notification.unsent_since < before,
            limit=SWEEP_LIMIT // len(SHARDS),
            page_size=100,
        )
        for shard in SHARDS
    ]
    # In turn: a run that ends early would always leave out the same ones.
    for found in zip_longest(*queries):
        yield from filter(None, found)
