"""The notification API and pages, over HTTP."""

import pytest
from django.conf import settings
from django.test import Client

from accounts.services import begin_session
from notifications import delivery
from tests.notifications import faults
from tests.notifications.builders import (
    leave_unconfirmed,
    make_account,
    make_notification,
    sns,
)

ONE = "1" * 32
SUBSCRIPTION = "/api/notifications/subscribe"


def signed_in(account, **options) -> Client:
    client = Client(**options)
    key = begin_session(account).session_key
    client.cookies[settings.SESSION_COOKIE_NAME] = key
    return client


@pytest.fixture
def alice():
    return make_account(subscribed=False)


@pytest.fixture
def client(alice):
    return signed_in(alice)


def test_the_list_has_the_shape_that_others_rely_on(client):
    make_notification()

    body = client.get("/api/notifications").json()

    assert (body["next"], body["previous"]) == (None, None)
    assert body["results"] == [
        {
            "notification_id": "n1",
            "type": "budget_exceeded",
            "subject": "Budget exceeded: Food",
            "message": "You have spent 12.00 USD of 10.00 USD.",
            "status": "queued",
            "error": None,
            "delivery_method": "email",
            "created_at": "2026-03-18T12:00:00.000000+00:00",
            "updated_at": "2026-03-18T12:00:00.000000+00:00",
        }
    ]


def test_the_list_goes_on_with_its_cursor(client, clock):
    for number in range(3):
        make_notification(f"n{number}")
        clock.shift(1)

    first = client.get("/api/notifications?page_size=2").json()
    second = client.get(first["next"]).json()

    ids = [item["notification_id"] for item in first["results"] + second["results"]]
    assert ids == ["n2", "n1", "n0"]
    assert client.get(second["previous"]).json()["results"] == first["results"]


def test_another_users_cursor_is_refused(client, clock):
    for number in range(2):
        make_notification(f"n{number}")
        clock.shift(1)
    link = client.get("/api/notifications?page_size=1").json()["next"]

    answer = signed_in(make_account("bob", subscribed=False)).get(link)

    assert answer.status_code == 400
    assert "cursor" in answer.json()


def test_a_page_of_the_list_costs_two_calls(client):
    make_notification()

    with faults.calls_counted() as calls:
        client.get("/api/notifications")

    assert calls == ["GetItem", "Query"]


def test_one_is_read_by_its_address(client):
    make_notification(ONE)

    assert client.get(f"/api/notifications/{ONE}").json()["notification_id"] == ONE


@pytest.mark.parametrize("notification_id", [ONE, "unknown", "x" * 3000])
def test_another_users_notification_is_404(notification_id):
    make_notification(ONE, "alice")
    bob = signed_in(make_account("bob", subscribed=False))

    answer = bob.get(f"/api/notifications/{notification_id}")

    assert answer.status_code == 404
    assert answer.json()["detail"]


@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("get", "/api/notifications"),
        ("get", f"/api/notifications/{ONE}"),
        ("get", SUBSCRIPTION),
        ("post", SUBSCRIPTION),
        ("delete", SUBSCRIPTION),
    ],
)
def test_nobody_is_refused(method, address):
    answer = getattr(Client(), method)(address)

    assert answer.status_code == 401
    assert sns().subscriptions == {}


# -------------------------------------------------------------------- subscribing


def test_the_states_of_a_subscription(client, alice):
    none = {"status": "none", "subscription_arn": None, "detail": None}
    assert client.get(SUBSCRIPTION).json() == none

    subscribed = client.post(SUBSCRIPTION, content_type="application/json").json()
    (arn,) = sns().subscriptions
    assert subscribed == {**none, "status": "confirmed", "subscription_arn": arn}

    leave_unconfirmed(alice)
    assert client.get(SUBSCRIPTION).json()["status"] == "pending"

    ended = client.delete(SUBSCRIPTION)
    assert ended.status_code == 200
    assert ended.json() == none


def test_subscribing_takes_no_fields(client):
    answer = client.post(
        SUBSCRIPTION, {"email": "eve@example.com"}, content_type="application/json"
    )

    assert answer.status_code == 400
    assert answer.json() == {"email": ["Unknown field."]}
    assert sns().subscriptions == {}


def test_subscribing_needs_the_csrf_token(alice):
    client = signed_in(alice, enforce_csrf_checks=True)

    assert client.post(SUBSCRIPTION).status_code == 403
    assert sns().subscriptions == {}


def test_an_outage_of_sns_is_503_and_says_when_to_come_back(client):
    with faults.down("Subscribe"):
        answer = client.post(SUBSCRIPTION, content_type="application/json")

    assert answer.status_code == 503
    assert answer.headers["Retry-After"]


# -------------------------------------------------------------------------- pages


def test_the_page_tells_what_became_of_each(client):
    make_notification(ONE)
    delivery.deliver(ONE)

    answer = client.get("/notifications/")

    assert answer.status_code == 200
    assert "notifications/list.html" in [each.name for each in answer.templates]
    page = " ".join(answer.content.decode().split())
    assert "Budget exceeded: Food" in page
    assert ">Not sent by e-mail<" in page
    assert "· Not subscribed to e-mails." in page


def test_the_page_escapes_what_people_typed(client):
    make_notification(subject="<script>", message="<b>")

    page = client.get("/notifications").content.decode()

    assert "&lt;script&gt;" in page
    assert "<b>" not in page


def test_the_empty_page_says_so(client):
    assert "Nothing here yet." in client.get("/notifications").content.decode()


def test_the_page_has_a_pager(client, clock):
    for number in range(2):
        make_notification(f"n{number}")
        clock.shift(1)

    page = client.get("/notifications?page_size=1").content.decode()

    assert 'rel="next"' in page
    assert 'rel="prev"' not in page


@pytest.mark.parametrize(
    ("state", "said", "button"),
    [
        ("none", "Not subscribed", "Subscribe"),
        ("pending", "Not confirmed yet", "Cancel"),
        ("confirmed", "Subscribed: notifications also go", "Unsubscribe"),
    ],
)
def test_the_page_shows_the_subscription(client, alice, state, said, button):
    if state != "none":
        client.post("/notifications/subscribe")
    if state == "pending":
        leave_unconfirmed(alice)

    page = client.get("/notifications").content.decode()

    assert said in page
    assert f">{button}</button>" in page


def test_the_buttons_lead_back_to_the_page(client):
    answer = client.post("/notifications/subscribe", follow=True)
    assert "E-mails go to alice@example.com." in answer.content.decode()
    assert len(sns().subscriptions) == 1

    answer = client.post("/notifications/unsubscribe", follow=True)
    assert "not sent by e-mail." in answer.content.decode()
    assert sns().subscriptions == {}


def test_another_users_notifications_are_not_on_the_page():
    make_notification(user_id="alice")
    bob = signed_in(make_account("bob", subscribed=False))

    assert "Budget exceeded" not in bob.get("/notifications").content.decode()


def test_the_page_needs_a_login():
    answer = Client().get("/notifications")

    assert answer.status_code == 302
    assert answer.headers["Location"] == "/login?next=%2Fnotifications"
