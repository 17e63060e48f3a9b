"""What people see of their notifications."""

from pynamodb.exceptions import DoesNotExist

from accounts.models import User
from notifications.models import Notification
from smartbudget.core.errors import NotFoundError
from smartbudget.core.pages import Key, Page, read_page

KEY = ("user_id", "created_at", "notification_id")  # of the history's index


def list_notifications(
    user: User, *, limit: int = 25, after: Key | None = None, backwards: bool = False
) -> Page[Notification]:
    """Read one page of the user's history, newest first, with one Query.

    after, backwards: see `read_page`. A new one shows up a moment after it is stored:
    the index lags [D11].
    """
    return read_page(
        Notification.by_user,
        user.user_id,
        KEY,
        limit=limit,
        after=after,
        backwards=backwards,
    )


def get_notification(user: User, notification_id: str) -> Notification:
    """Return one of the user's notifications. Raises NotFoundError."""
    # DynamoDB takes no longer key, and ids here are short.
    notification = _find(notification_id) if len(notification_id) < 200 else None
    if (
        notification is None
        or notification.user_id != user.user_id
        or notification.created_at is None  # only planned
    ):
        raise NotFoundError("There is no such notification.")
    return notification


def _find(notification_id: str) -> Notification | None:
    try:
        return Notification.get(notification_id, consistent_read=True)
    except DoesNotExist:
        return None
