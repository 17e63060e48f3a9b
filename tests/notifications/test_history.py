"""A user's notifications, listed and read."""

import json

import pytest

from notifications import services
from notifications.models import Notification
from notifications.services import Marked
from smartbudget.core import pagination
from smartbudget.core.errors import InvalidError, NotFoundError
from tests.notifications import faults
from tests.notifications.builders import make_account, make_notification, stored


def make_history(clock, count: int, user_id="alice") -> None:
    for number in range(count):
        make_notification(f"{user_id}-{number}", user_id)
        clock.shift(1)


def ids(page) -> list[str]:
    return [item.notification_id for item in page.items]


def test_notifications_are_listed_newest_first(clock):
    user = make_account(subscribed=False).user
    make_history(clock, 3)

    page = services.list_notifications(user)

    assert ids(page) == ["alice-2", "alice-1", "alice-0"]
    assert (page.next, page.previous) == (None, None)


def test_pages_link_forward_and_back(clock):
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


def test_a_notification_can_be_read():
    user = make_account(subscribed=False).user
    make_notification()

    assert services.get_notification(user, "n1").type == "budget_exceeded"


@pytest.mark.parametrize("notification_id", ["n1", "unknown", "x" * 5000])
def test_another_users_notification_is_not_found(notification_id):
    bob = make_account("bob", subscribed=False).user
    make_notification("n1", "alice")

    with pytest.raises(NotFoundError):
        services.get_notification(bob, notification_id)


def test_a_filtered_page_reads_a_limited_part_and_continues(clock, monkeypatch):
    monkeypatch.setattr(pagination, "READ_FIRST", 3)
    monkeypatch.setattr(pagination, "MAX_PAGES", 0)
    user = make_account(subscribed=False).user
    make_notification("old", type="large_expense")
    clock.shift(1)
    make_history(clock, 5)

    first = services.list_notifications(user, types=["large_expense"], limit=1)
    second = services.list_notifications(
        user, types=["large_expense"], limit=1, after=first.next
    )

    assert (ids(first), ids(second)) == ([], ["old"])


def test_a_repeated_type_counts_once():
    user = make_account(subscribed=False).user
    make_notification("one", type="large_expense")
    requests = []

    def note(request, operation):
        requests.append(json.loads(request.body))

    with faults.hooked("Query", note):
        page = services.list_notifications(user, types=["large_expense"] * 101)

    assert ids(page) == ["one"]
    # moto accepts any number of operands of IN; DynamoDB at most a hundred.
    assert len(requests[0]["ExpressionAttributeValues"]) == 2


@pytest.mark.parametrize("chosen", [{"types": ["x"]}, {"status": "x"}])
def test_unknown_filters_are_rejected(chosen):
    user = make_account(subscribed=False).user

    with pytest.raises(InvalidError):
        services.list_notifications(user, **chosen)


# ------------------------------------------------------------------------ reading


def test_the_unread_count_covers_the_newest_fifty(clock):
    user = make_account(subscribed=False).user
    make_history(clock, 51)
    assert services.count_unread(user) == (50, True)

    services.mark(user, "alice-50")

    assert services.count_unread(user) == (49, False)
    services.mark(user, "alice-0")  # the oldest one is not counted
    assert services.count_unread(user) == (49, False)


def test_marking_does_not_affect_delivery(clock):
    user = make_account(subscribed=False).user
    before = make_notification().attribute_values
    clock.shift(60)

    services.mark(user, "n1")

    after = stored().attribute_values
    assert after.pop("read_at")
    assert after == before


def test_the_first_read_time_is_kept(clock):
    user = make_account(subscribed=False).user
    make_notification()
    first = services.mark(user, "n1").read_at
    clock.shift(60)

    assert services.mark(user, "n1").read_at == first
    assert services.mark(user, "n1", read=False).read_at is None


@pytest.mark.parametrize("notification_id", ["n1", "gone", "", "x" * 5000])
@pytest.mark.parametrize("read", [True, False])
def test_marking_a_missing_notification_creates_nothing(notification_id, read):
    bob = make_account("bob", subscribed=False).user
    make_notification("n1", "alice")

    with pytest.raises(NotFoundError):
        services.mark(bob, notification_id, read=read)

    assert [item.notification_id for item in Notification.scan()] == ["n1"]
    assert stored().read_at is None


def test_a_lost_reply_of_marking_does_no_harm():
    user = make_account(subscribed=False).user
    make_notification()

    with faults.reply_lost("UpdateItem"):
        services.mark(user, "n1")

    assert stored().read_at


def test_a_missing_notification_does_not_keep_others_unread():
    user = make_account(subscribed=False).user
    make_notification("n1")
    make_notification("n2")

    with pytest.raises(NotFoundError, match="1 notification was not found"):
        services.mark_read(user, ["n1", "gone", "n2"])

    assert stored("n1").read_at
    assert stored("n2").read_at


def test_at_most_a_hundred_ids_are_accepted():
    user = make_account(subscribed=False).user

    with pytest.raises(InvalidError):
        services.mark_read(user, ["x"] * 101)


def test_marking_all_works_in_several_batches(clock, monkeypatch):
    monkeypatch.setattr(services, "MARK_LIMIT", 3)
    user = make_account(subscribed=False).user
    make_history(clock, 5)
    make_notification("bobs", "bob")

    assert services.mark_all_read(user) == Marked(3, 2)
    assert services.mark_all_read(user) == Marked(2, 0)
    assert services.mark_all_read(user) == Marked(0, 0)
    assert stored("bobs").read_at is None


def test_marking_all_stops_at_its_deadline(clock, monkeypatch):
    monkeypatch.setattr(services, "MARK_SECONDS", -1)
    user = make_account(subscribed=False).user
    make_history(clock, 2)

    assert services.mark_all_read(user) == Marked(0, 2)


def test_a_planned_summary_cannot_be_marked():
    user = make_account(subscribed=False).user
    make_notification().update(actions=[Notification.created_at.remove()])

    with pytest.raises(NotFoundError):
        services.mark(user, "n1")
