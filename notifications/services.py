"""List a user's notifications, and mark them as read or unread."""

import datetime
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from pynamodb.expressions.condition import Condition

from notifications import unread
from notifications.models import STATUSES, TYPES, Notification
from smartbudget.core import dates
from smartbudget.core.concurrency import BULK_WRITES, READS
from smartbudget.core.dynamodb import (
    WriteConflictError,
    conditional_write,
    retry_on_conflict,
)
from smartbudget.core.errors import InvalidError, NotFoundError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.i18n import ngettext
from smartbudget.core.pagination import READ_FIRST, Key, Page, query_page
from smartbudget.core.text import validate_choice
from smartbudget.core.user import User

KEY = ("user_id", "created_at", "notification_id")  # of the history's index
MAX_ID_LENGTH = 200  # characters; every id here is shorter
COUNT_LIMIT = 50  # newest ones counted for the number in the menu
MARK_LIMIT = 100  # per call; each takes a write
MARK_SECONDS = 5  # per call
SEARCH_LIMIT = 10 * READ_FIRST  # newest ones read per call


@dataclass(frozen=True)
class Marked:
    """The numbers of notifications marked, and of unread ones left."""

    marked: int
    left: int


@READS.limited
def list_notifications(
    user: User,
    *,
    types: Collection[str] = (),
    status: str = "",
    unread: bool | None = None,
    limit: int = 25,
    after: Key | None = None,
    backwards: bool = False,
) -> Page[Notification]:
    """Return one page of the user's notifications, newest first, with one Query.

    types: of TYPES; empty for all. status: of STATUSES; empty for all. unread: None for
    read and unread ones. after, backwards: see `query_page`.

    A filtered page may be short and still have a next one. The index is eventually
    consistent: a new notification is listed a moment after it is stored.

    Raises InvalidError.
    """
    if unknown := set(types).difference(TYPES):
        raise InvalidError(
            _("Unknown type: {name}.").format(name=repr(min(unknown))), "type"
        )
    if status:
        validate_choice(status, STATUSES, "status")
    condition = None
    if types:
        condition = Notification.type.is_in(*sorted(set(types)))
    if status:
        condition &= Notification.status == status
    if unread is not None:
        read_at = Notification.read_at
        condition &= read_at.does_not_exist() if unread else read_at.exists()
    return query_page(
        Notification.by_user,
        user.user_id,
        KEY,
        limit=limit,
        after=after,
        backwards=backwards,
        matching=condition,
    )


def all_notifications(user: User) -> Iterator[Notification]:
    """Yield all of the user's notifications, newest first, read a page at a time."""
    notifications: Iterator[Notification] = Notification.by_user.query(
        user.user_id, scan_index_forward=False, page_size=500
    )
    return notifications


def get_notification(user: User, notification_id: str) -> Notification:
    """Return one of the user's notifications. Raises NotFoundError."""
    notification = _find(notification_id)
    if (
        notification is None
        or notification.user_id != user.user_id
        or notification.created_at is None  # a planned summary or a job
    ):
        raise NotFoundError(_("Notification not found."))
    return notification


def count_unread(user: User) -> tuple[int, bool]:
    """Count the unread among the user's COUNT_LIMIT newest, with one Query.

    Returns the number, and whether all of them are unread, so there may be more.
    """
    newest = Notification.by_user.query(
        user.user_id, scan_index_forward=False, page_size=COUNT_LIMIT
    )
    items = next(newest.page_iter)["Items"]
    unread = sum("read_at" not in item for item in items)
    return unread, unread == COUNT_LIMIT


def mark(
    user: User,
    notification_id: str,
    *,
    read: bool | None = True,
    precondition: Callable[[Notification], None] | None = None,
) -> Notification:
    """Mark one of the user's notifications as read or unread and return it.

    read: None changes nothing. precondition: called with the stored notification, which
    is read only for this.

    Attributes that delivery uses stay the same. Safe to repeat: the first `read_at`
    stays.

    Raises NotFoundError, also for another user's notification, and whatever
    `precondition` raises. Never creates a notification.
    """
    if read is None:
        stored = get_notification(user, notification_id)
        if precondition:
            precondition(stored)
        return stored
    unread.mark_changed()
    read_at = Notification.read_at | dates.timestamp() if read else None
    action = Notification.assign("read_at", read_at)
    is_the_users = (Notification.user_id == user.user_id) & (
        Notification.created_at.exists()  # else it is only planned
    )
    if not 0 < len(notification_id) < MAX_ID_LENGTH:
        raise NotFoundError(_("Notification not found."))

    def attempt() -> Notification:
        condition = is_the_users
        if precondition:
            stored = get_notification(user, notification_id)
            precondition(stored)
            condition &= _is_unchanged(stored)
        notification = Notification(notification_id)
        if conditional_write(lambda: notification.update([action], condition)):
            return notification
        if precondition:
            raise WriteConflictError([notification])
        raise NotFoundError(_("Notification not found."))

    return retry_on_conflict(attempt)


def _is_unchanged(stored: Notification) -> Condition:
    """Return the condition that a notification was not changed since it was read."""
    condition = Notification.status == stored.status
    for name in ("updated_at", "error", "read_at"):
        attribute, value = getattr(Notification, name), getattr(stored, name)
        condition &= attribute.does_not_exist() if value is None else attribute == value
    return condition


def mark_read(user: User, notification_ids: Sequence[str]) -> Marked:
    """Mark the given notifications as read, at most MARK_LIMIT. Safe to repeat.

    Raises InvalidError for more, and NotFoundError if one of them is not the user's;
    the others are marked all the same.
    """
    if len(notification_ids) > MARK_LIMIT:
        raise InvalidError(_("Send at most {most} ids.").format(most=MARK_LIMIT), "ids")
    missing = 0
    for notification_id in notification_ids:
        try:
            mark(user, notification_id)
        except NotFoundError:
            missing += 1
    if missing:
        raise NotFoundError(
            ngettext(
                "{number} notification was not found; the others were marked.",
                "{number} notifications were not found; the others were marked.",
                missing,
            ).format(number=missing)
        )
    return Marked(len(notification_ids), 0)


@BULK_WRITES.limited
def mark_all_read(user: User, *, until: datetime.datetime | None = None) -> Marked:
    """Mark the user's notifications up to an instant as read, newest first.

    until: aware; None for now. One call reads the newest SEARCH_LIMIT, and marks at
    most MARK_LIMIT for about MARK_SECONDS. Safe to repeat: call again while some
    are left.
    """
    unread = list(_unread(user, dates.timestamp(until)))
    deadline = time.monotonic() + MARK_SECONDS
    marked = 0
    for notification_id in unread[:MARK_LIMIT]:
        if time.monotonic() > deadline:
            break
        mark(user, notification_id)
        marked += 1
    return Marked(marked, len(unread) - marked)


def _unread(user: User, until: str) -> Iterator[str]:
    history = Notification.by_user.query(
        user.user_id,
        Notification.created_at <= until,
        filter_condition=Notification.read_at.does_not_exist(),
        scan_index_forward=False,
        attributes_to_get=["notification_id"],
        page_size=READ_FIRST,
    )
    for page in islice(history.page_iter, SEARCH_LIMIT // READ_FIRST):
        for item in page["Items"]:
            yield item["notification_id"]["S"]


def _find(notification_id: str) -> Notification | None:
    if len(notification_id) >= MAX_ID_LENGTH:
        return None
    return Notification.find(notification_id)
