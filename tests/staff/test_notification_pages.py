"""The staff page of notifications and its API: for staff only, without private data."""

import datetime

import pytest

from accounts import services as accounts
from notifications import delivery
from notifications.models import Notification, PlannedSummary
from profiles import services
from tests.builders import client_for, with_factor
from tests.notifications import faults
from tests.notifications.builders import make_account, stored
from tests.notifications.test_api import Client, signed_in
from tests.staff.test_dead_letters import (
    add_dead_letters,
    back_on_the_queue,
    make_queues,
)
from tests.staff.test_failed_notifications import make_failed

PAGE = "/admin/notifications"
ONE, TWO = "1" * 32, "2" * 32
ADDRESSES = [
    ("get", PAGE),
    ("post", "/admin/notifications/resend"),
    ("post", "/admin/dead-letters/redrive"),
    ("get", "/api/admin/notifications/failed"),
    ("post", "/api/admin/notifications/resend"),
    ("get", "/api/admin/dead-letters"),
    ("post", "/api/admin/dead-letters/redrive"),
]


@pytest.fixture(autouse=True)
def _everything(monkeypatch):
    make_queues(monkeypatch)
    make_account()


@pytest.fixture
def grace():
    account = make_account("grace", subscribed=False, is_staff=True)
    return client_for(with_factor(account.user))


def text_of(answer) -> str:
    return " ".join(answer.content.decode().split())


@pytest.mark.parametrize(("method", "address"), ADDRESSES)
def test_other_users_get_a_403_page(method, address):
    make_failed(ONE)
    add_dead_letters(1)
    bob = signed_in(make_account("bob", subscribed=False))

    if address.startswith("/api") and method == "post":
        answer = bob.post(address, {"all": True}, content_type="application/json")
    else:
        data = {"all": "true"} if method == "post" else {}
        answer = getattr(bob, method)(address, data)

    assert answer.status_code == 403
    assert "Only staff can do this." in text_of(answer)
    assert ("<nav" in text_of(answer)) is not address.startswith("/api")
    assert stored(ONE).status == "failed"
    assert back_on_the_queue() == []


@pytest.mark.parametrize(("method", "address"), ADDRESSES)
def test_unauthenticated_requests_are_rejected(method, address):
    answer = getattr(Client(), method)(address, {"all": "true"})

    assert answer.status_code == (401 if address.startswith("/api") else 302)


def test_only_staff_see_it_in_the_menu(grace):
    assert 'href="/admin"' in text_of(grace.get("/expenses/add"))
    bob = signed_in(make_account("bob", subscribed=False))
    assert '"/admin"' not in text_of(bob.get("/expenses/add"))


def test_the_page_shows_failures_and_nothing_private(grace):
    make_failed(ONE, subject="Over budget: Debts", message="$12.00")
    add_dead_letters(2)

    page = text_of(grace.get(PAGE))

    assert "Failed notifications: 1" in page
    assert "Dead letters: about 2" in page
    assert "The e-mail service did not answer. " in page
    assert "1 attempt." in page
    assert ONE in page
    for secret in ("Debts", "12.00", "alice@example.com"):
        assert secret not in page


def test_an_unwritten_summary_is_listed_too(grace, clock):
    """It is not in the history, so only staff can see that it failed."""
    alice = accounts.get_account("alice").user
    services.update_profile(alice, email_preferences={"weekly_summary": True})
    (plan,) = PlannedSummary.scan(PlannedSummary.planned_for.exists())
    plan.update([Notification.attempts.set(delivery.MAX_ATTEMPTS)])
    services.update_profile(alice, email_preferences={"weekly_summary": False})
    clock.shift(datetime.timedelta(days=7))

    delivery.deliver(plan.notification_id)

    grace = client_for(with_factor(accounts.get_account("grace").user))
    (failed,) = grace.get("/api/admin/notifications/failed").json()["results"]
    assert failed["notification_id"] == plan.notification_id
    assert failed["created_at"] is None
    assert "Weekly summary" in text_of(grace.get(PAGE))
    grace.post("/admin/notifications/resend", {"id": plan.notification_id})
    delivery.deliver(plan.notification_id)
    assert stored(plan.notification_id).status == "skipped"


def test_a_button_sends_one_again(grace):
    make_failed(ONE)
    make_failed(TWO)

    page = grace.post("/admin/notifications/resend", {"id": ONE}, follow=True)

    assert "1 queued again." in text_of(page)
    assert (stored(ONE).status, stored(TWO).status) == ("queued", "failed")
    page = grace.post("/admin/notifications/resend", {"id": ONE}, follow=True)
    assert "It has already been queued again." in text_of(page)


def test_a_button_sends_all_again(grace):
    make_failed(ONE)
    make_failed(TWO)

    page = grace.post("/admin/notifications/resend", {"all": "true"}, follow=True)

    assert "2 queued again." in text_of(page)
    assert "Failed notifications: 0" in text_of(page)


@pytest.mark.parametrize("data", [{}, {"id": ONE, "all": "true"}, {"id": ONE * 99}])
def test_sending_again_needs_a_selection(grace, data):
    make_failed(ONE)

    assert grace.post("/admin/notifications/resend", data).status_code == 400
    assert stored(ONE).status == "failed"


def test_dead_letters_are_moved(grace):
    add_dead_letters(3)

    page = grace.post("/admin/dead-letters/redrive", follow=True)

    assert "Moved 3, about 0 left." in text_of(page)
    assert len(back_on_the_queue()) == 3


def test_an_outage_is_reported(grace):
    add_dead_letters(1)

    with faults.down("ReceiveMessage"):
        assert grace.post("/admin/dead-letters/redrive").status_code == 503


def test_the_api_has_the_same_actions(grace):
    make_failed(ONE)
    add_dead_letters(2)

    def post(path, body=None) -> dict:
        return grace.post(f"/api/admin/{path}", body, "application/json").json()

    failed = grace.get("/api/admin/notifications/failed").json()
    assert (failed["count"], failed["more"]) == (1, False)
    assert failed["results"] == [
        {
            "notification_id": ONE,
            "user_id": "alice",
            "type": "budget_exceeded",
            "created_at": "2026-03-18T12:00:00.000000+00:00",
            "failed_at": "2026-03-18T12:00:00.000000+00:00",
            "attempts": 1,
            "error": "The e-mail service did not answer.",
        }
    ]
    assert grace.get("/api/admin/dead-letters").json() == {
        "dead_letters": {"waiting": 2, "hidden": 0},
        "failed_events": {"waiting": 0, "hidden": 0},
    }
    assert post("dead-letters/redrive") == {"moved": 2, "refused": 0, "left": 0}
    assert post("notifications/resend", {"ids": [ONE]}) == {
        "resent": 1,
        "waiting": 0,
        "left": 0,
    }


def test_aws_calls_of_the_page(grace):
    grace.get(PAGE)  # looks up the queue URLs, once per process

    with faults.calls_counted() as calls:
        grace.get(PAGE)

    assert calls == ["GetItem", *["Query"] * 4, *["GetQueueAttributes"] * 2]
