"""A user's notifications, listed and read."""

import pytest

from notifications import services
from smartbudget.core.errors import NotFoundError
from tests.notifications.builders import make_account, make_notification


def make_history(clock, count: int, user_id="alice") -> None:
    for number in range(count):
        make_notification(f"{user_id}-{number}", user_id)
        clock.shift(1)


def ids(page) -> list[str]:
    return [item.notification_id for item in page.items]


def test_the_newest_come_first(clock):
    user = make_account(subscribed=False).user
    make_history(clock, 3)

    page = services.list_notifications(user)

    assert ids(page) == ["alice-2", "alice-1", "alice-0"]
    assert (page.next, page.previous) == (None, None)


def test_pages_lead_on_and_back(clock):
    user = make_account(subscribed=False).user
    make_history(clock, 5)

    first = services.list_notifications(user, limit=2)
    second = services.list_notifications(user, limit=2, after=first.next)
    back = services.list_notifications(
        user, limit=2, after=second.previous, backwards=True
    )

    assert ids(second) == ["alice-2", "alice-1"]
    assert ids(back) == ids(first) == ["alice-4", "alice-3"]
    assert back.previous is None


def test_another_users_notifications_are_not_listed(clock):
    bob = make_account("bob", subscribed=False).user
    make_history(clock, 2, "alice")

    assert services.list_notifications(bob).items == []


def test_one_can_be_read():
    user = make_account(subscribed=False).user
    make_notification()

    assert services.get_notification(user, "n1").type == "budget_exceeded"


@pytest.mark.parametrize("notification_id", ["n1", "unknown", "x" * 5000])
def test_another_users_notification_is_not_found(notification_id):
    bob = make_account("bob", subscribed=False).user
    make_notification("n1", "alice")

    with pytest.raises(NotFoundError):
        services.get_notification(bob, notification_id)
