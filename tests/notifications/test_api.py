"""The notification API and pages, over HTTP."""

import html
import re

import pytest
from django.conf import settings
from django.test import Client

from accounts.sessions import begin_session
from notifications import delivery
from notifications.models import TYPES
from notifications.status_text import TYPE_WORDS
from tests.notifications import faults
from tests.notifications.builders import (
    leave_unconfirmed,
    make_account,
    make_notification,
    sns,
    stored,
)
from tests.problems import messages_of

ONE = "1" * 32
SUBSCRIPTION = "/api/notifications/subscribe"


def signed_in(account, **options) -> Client:
    client = Client(**options)
    key = begin_session(account).session_key
    client.cookies[settings.SESSION_COOKIE_NAME] = key
    return client


def value(answer, attributes):
    """Return the value that follows these attributes in a page."""
    (found,) = re.findall(f'{attributes}="([^"]*)"', answer.content.decode())
    return html.unescape(found)


@pytest.fixture
def alice():
    return make_account(subscribed=False)


@pytest.fixture
def client(alice):
    return signed_in(alice)


def test_the_list_has_the_documented_shape(client):
    make_notification()

    body = client.get("/api/notifications").json()

    assert (body["next"], body["previous"]) == (None, None)
    assert body["results"] == [
        {
            "notification_id": "n1",
            "type": "budget_exceeded",
            "subject": "Over budget: Food",
            "message": "You have spent $12.00 of $10.00.",
            "status": "queued",
            "status_text": "Waiting to be sent.",
            "error": None,
            "delivery_method": "email",
            "created_at": "2026-03-18T12:00:00.000000+00:00",
            "updated_at": "2026-03-18T12:00:00.000000+00:00",
            "read_at": None,
        }
    ]


def test_the_list_continues_with_its_cursor(client, clock):
    for number in range(3):
        make_notification(f"n{number}")
        clock.shift(1)

    first = client.get("/api/notifications?page_size=2").json()
    second = client.get(first["next"]).json()

    ids = [item["notification_id"] for item in first["results"] + second["results"]]
    assert ids == ["n2", "n1", "n0"]
    assert client.get(second["previous"]).json()["results"] == first["results"]


def test_another_users_cursor_is_rejected(client, clock):
    for number in range(2):
        make_notification(f"n{number}")
        clock.shift(1)
    link = client.get("/api/notifications?page_size=1").json()["next"]

    answer = signed_in(make_account("bob", subscribed=False)).get(link)

    assert answer.status_code == 400
    assert "cursor" in messages_of(answer)


def test_a_page_of_the_list_costs_two_calls(client):
    make_notification()

    with faults.calls_counted() as calls:
        client.get("/api/notifications")

    assert calls == ["GetItem", "Query"]


def test_a_notification_is_read_by_its_url(client):
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
        ("patch", f"/api/notifications/{ONE}"),
        ("get", "/api/notifications/unread"),
        ("post", "/api/notifications/read"),
        ("get", SUBSCRIPTION),
        ("post", SUBSCRIPTION),
        ("delete", SUBSCRIPTION),
    ],
)
def test_unauthenticated_requests_are_rejected(method, address):
    answer = getattr(Client(), method)(address)

    assert answer.status_code == 401
    assert sns().subscriptions == {}


# ------------------------------------------------------------ filters and reading

TWO = "2" * 32
READ = "/api/notifications/read"
UNREAD = ">Unread</span>"


def listed(client, query: str) -> list[str]:
    body = client.get(f"/api/notifications?{query}").json()
    return [item["notification_id"] for item in body["results"]]


def test_the_list_can_be_filtered(client):
    make_notification(ONE, type="budget_exceeded")
    make_notification(TWO, type="large_expense")
    client.patch(
        f"/api/notifications/{TWO}", {"read": True}, content_type="application/json"
    )

    assert listed(client, "type=budget_exceeded") == [ONE]
    assert len(listed(client, "type=budget_exceeded&type=large_expense")) == 2
    assert listed(client, "unread=true") == [ONE]
    assert listed(client, "unread=false") == [TWO]
    assert listed(client, "status=sent") == []


@pytest.mark.parametrize("kind", TYPES)
def test_every_type_can_be_filtered_by(client, kind):
    others = [type_ for type_ in TYPES if type_ != kind]
    make_notification(ONE, type=kind, subject="Look at this")
    make_notification(TWO, type=others[0], subject="Not at that")

    page = client.get(f"/notifications?type={kind}").content.decode()

    assert listed(client, f"type={kind}") == [ONE]
    assert ("Look at this" in page, "Not at that" in page) == (True, False)
    assert TYPE_WORDS[kind] in page


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("type=nonsense", "type"),
        ("type=budget_exceeded&type=nonsense", "type"),
        ("status=nonsense", "status"),
        ("unread=1", "unread"),
        ("kind=budget_exceeded", "kind"),
    ],
)
def test_an_unknown_filter_is_rejected_by_name(client, query, field):
    answer = client.get(f"/api/notifications?{query}")

    assert answer.status_code == 400
    assert list(messages_of(answer)) == [field]


def test_a_cursor_is_valid_only_for_its_filter(client, clock):
    for number in range(2):
        make_notification(f"n{number}")
        clock.shift(1)
    link = client.get("/api/notifications?unread=true&page_size=1").json()["next"]

    assert listed(client, link.partition("?")[2]) == ["n0"]
    assert client.get(link.replace("unread=true", "unread=false")).status_code == 400


def test_a_notification_is_marked_read_and_unread(client, clock):
    make_notification(ONE)
    clock.shift(60)

    def patch(read):
        return client.patch(
            f"/api/notifications/{ONE}", {"read": read}, content_type="application/json"
        )

    assert patch(True).json()["read_at"] == "2026-03-18T12:01:00.000000+00:00"
    assert patch(False).json()["read_at"] is None
    assert messages_of(patch("perhaps")) == {"read": ["Enter true or false."]}


def test_marking_another_users_notification_is_404_and_changes_nothing():
    make_notification(ONE, "alice")
    bob = signed_in(make_account("bob", subscribed=False))

    answers = [
        bob.patch(
            f"/api/notifications/{ONE}", {"read": True}, content_type="application/json"
        ),
        bob.post(READ, {"ids": [ONE]}, content_type="application/json"),
        bob.get(f"/notifications/{ONE}"),
        bob.post(f"/notifications/{ONE}/read"),
    ]

    assert [answer.status_code for answer in answers] == [404] * 4
    assert stored(ONE).read_at is None


def test_several_or_all_are_marked(client):
    make_notification(ONE)
    make_notification(TWO)

    def post(**body) -> dict:
        return client.post(READ, body, content_type="application/json").json()

    assert post(ids=[ONE]) == {"marked": 1, "left": 0}
    assert client.get("/api/notifications/unread").json() == {
        "unread": 1,
        "more": False,
    }
    assert post(all=True, until="2026-03-18T11:59:59Z") == {"marked": 0, "left": 0}
    assert post(all=True) == {"marked": 1, "left": 0}
    assert client.get("/api/notifications/unread").json()["unread"] == 0


@pytest.mark.parametrize(
    "body", [{}, {"all": False}, {"ids": []}, {"ids": [ONE], "all": True}]
)
def test_marking_needs_ids_or_all(client, body):
    answer = client.post(READ, body, content_type="application/json")

    assert answer.status_code == 400


def test_aws_calls_of_reading(client):
    make_notification(ONE)

    def cost(method, path, body=None) -> list[str]:
        with faults.calls_counted() as calls:
            answer = getattr(client, method)(path, body, "application/json")
        assert answer.status_code == 200
        return calls

    url = f"/api/notifications/{ONE}"
    assert cost("patch", url, {"read": True}) == ["GetItem", "UpdateItem"]
    assert cost("post", READ, {"ids": [ONE]}) == ["GetItem", "UpdateItem"]
    assert cost("post", READ, {"all": True}) == ["GetItem", "Query"]
    with faults.calls_counted() as calls:
        client.get("/api/notifications/unread")
    assert calls == ["GetItem", "Query"]
    with faults.calls_counted() as calls:
        client.get("/expenses/add")  # the count in the menu is loaded later
    assert calls == ["GetItem"]


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
    assert messages_of(answer) == {"email": ["Unknown field."]}
    assert sns().subscriptions == {}


def test_subscribing_needs_the_csrf_token(alice):
    client = signed_in(alice, enforce_csrf_checks=True)

    assert client.post(SUBSCRIPTION).status_code == 403
    assert sns().subscriptions == {}


def test_an_sns_outage_is_503_with_retry_after(client):
    with faults.down("Subscribe"):
        answer = client.post(SUBSCRIPTION, content_type="application/json")

    assert answer.status_code == 503
    assert answer.headers["Retry-After"]


# -------------------------------------------------------------------------- pages


def test_the_page_shows_each_delivery_status(client):
    make_notification(ONE)
    delivery.deliver(ONE)

    answer = client.get("/notifications/")

    assert answer.status_code == 200
    page = " ".join(answer.content.decode().split())
    assert "Over budget: Food" in page
    assert 'title="Not sent by e-mail. E-mail alerts are off."' in page


def test_the_page_escapes_user_input(client):
    make_notification(ONE, subject="<script>", message="<b>")

    for address in ("/notifications", f"/notifications/{ONE}"):
        page = client.get(address).content.decode()

        assert "&lt;script&gt;" in page
        assert "<b>" not in page


def test_an_empty_page_says_so(client):
    assert "No notifications yet." in client.get("/notifications").content.decode()


def test_the_page_has_a_pager(client, clock):
    for number in range(2):
        make_notification(f"{number:032x}")
        clock.shift(1)

    page = client.get("/notifications?page_size=1").content.decode()

    assert 'rel="next"' in page
    assert 'rel="prev"' not in page


@pytest.mark.parametrize(
    ("state", "text", "button"),
    [
        ("none", "send a confirmation link to", "Turn on e-mail alerts"),
        ("pending", "Not confirmed yet", "Cancel confirmation"),
        ("confirmed", "Alerts go to alice@example.com.", "Turn off e-mail alerts"),
    ],
)
def test_the_settings_show_the_subscription(client, alice, state, text, button):
    if state != "none":
        client.post("/notifications/subscribe")
    if state == "pending":
        leave_unconfirmed(alice)

    page = client.get("/accounts/profile").content.decode()

    assert text in page
    assert f">{button}</button>" in page
    link = "/accounts/profile#alerts"
    assert (link in client.get("/notifications").text) == (state != "confirmed")


def test_the_buttons_return_to_the_page(client):
    answer = client.post("/notifications/subscribe", follow=True)
    assert "They go to alice@example.com." in answer.content.decode()
    assert len(sns().subscriptions) == 1

    answer = client.post("/notifications/unsubscribe", follow=True)
    assert "E-mail alerts are off." in answer.content.decode()
    assert sns().subscriptions == {}


def test_another_users_notifications_are_not_on_the_page():
    make_notification(ONE, "alice")
    bob = signed_in(make_account("bob", subscribed=False))

    assert "Over budget: Food" not in bob.get("/notifications").content.decode()


def test_the_page_requires_login():
    answer = Client().get("/notifications")

    assert answer.status_code == 302
    assert answer.headers["Location"] == "/login?next=%2Fnotifications"


def test_the_filter_is_kept_across_pages(client, clock):
    for number in range(4):
        kind = "large_expense" if number % 2 else "budget_exceeded"
        make_notification(f"{number:032x}", type=kind, subject=f"No. {number}")
        clock.shift(1)

    answer = client.get("/notifications?type=large_expense&page_size=1")
    following = client.get(value(answer, 'rel="next" href')).content.decode()

    assert "No. 3" in answer.content.decode()
    assert "No. 1" in following
    assert 'value="large_expense" id="id_type_2" checked' in following.replace("\n", "")


def test_the_page_names_an_unknown_filter(client):
    answer = client.get("/notifications?status=nonsense")

    assert answer.status_code == 400
    assert "Choose one of the options." in answer.content.decode()


def test_a_filter_that_finds_nothing_says_so(client):
    make_notification(ONE)

    assert "No matches." in client.get("/notifications?status=sent").content.decode()


def test_each_chosen_type_is_a_chip_that_removes_it(client):
    make_notification(ONE)

    html = client.get(
        "/notifications?type=budget_exceeded&type=weekly_summary"
    ).content.decode()

    assert set(re.findall(r'<li><a href="([^"]+)"><span', html)) == {
        "/notifications?type=budget_exceeded",
        "/notifications?type=weekly_summary",
    }


def test_opening_a_notification_marks_it_read_and_shows_it_in_full(client):
    make_notification(ONE, message="A fact.\n\nIts end.\n\nhttps://x.example/budgets/")
    assert UNREAD in client.get("/notifications").content.decode()

    page = client.get(f"/notifications/{ONE}").content.decode()

    assert "Its end." in page
    assert 'href="https://x.example/budgets/"' in page
    assert UNREAD not in client.get("/notifications").content.decode()


def test_a_head_request_marks_nothing_read(client):
    make_notification(ONE)

    assert client.head(f"/notifications/{ONE}").status_code == 200
    assert stored(ONE).read_at is None


def test_buttons_mark_notifications_without_scripts(client):
    make_notification(ONE)
    back = "/notifications?status=queued"

    answer = client.post(f"/notifications/{ONE}/read", {"next": back})
    assert (answer.status_code, answer.headers["Location"]) == (302, back)
    assert stored(ONE).read_at
    client.post(f"/notifications/{ONE}/unread", {"next": "https://evil.example/"})
    assert stored(ONE).read_at is None


def test_an_action_applies_to_the_selected_notifications(client):
    make_notification(ONE)
    make_notification(TWO)
    back = "/notifications?unread=true"
    ticked = {"action": "read", "selected": [ONE], "next": back}

    assert f'value="{ONE}" form="changelist-form"' in client.get(back).text
    for _ in range(2):  # repeating is harmless
        answer = client.post("/notifications/act", ticked)

    assert (answer.status_code, answer.headers["Location"]) == (302, back)
    assert stored(ONE).read_at
    assert stored(TWO).read_at is None


@pytest.mark.parametrize(
    ("data", "status", "message"),
    [
        ({"action": "read"}, 200, "Select at least one notification."),
        ({"action": "burn", "selected": [ONE]}, 400, "Choose an action."),
        ({"selected": [ONE]}, 400, "Choose an action."),
        ({"action": "read", "selected": ["f" * 32]}, 404, "was not found"),
        ({"action": "read", "selected": [ONE] * 101}, 400, "at most 100 ids"),
    ],
)
def test_an_invalid_action_changes_nothing(client, data, status, message):
    make_notification(ONE)

    answer = client.post("/notifications/act", data, follow=True)

    assert answer.status_code == status
    assert message in answer.text
    assert stored(ONE).read_at is None


def test_an_action_does_not_change_another_users_notifications(client):
    make_notification(ONE)
    bob = signed_in(make_account("bob", subscribed=False))

    answer = bob.post("/notifications/act", {"action": "read", "selected": [ONE]})

    assert answer.status_code == 404
    assert stored(ONE).read_at is None


def test_mark_all_skips_notifications_newer_than_the_page(client, clock):
    make_notification(ONE)
    until = value(client.get("/notifications"), 'name="until" value')
    clock.shift(1)
    make_notification(TWO)

    page = client.post("/notifications/read", {"until": until}, follow=True)

    assert "1 marked as read." in page.content.decode()
    assert stored(ONE).read_at
    assert stored(TWO).read_at is None


@pytest.mark.parametrize("until", ["yesterday", "0001-01-01T00:00:00+14:00"])
def test_mark_all_rejects_an_invalid_time(client, until):
    make_notification(ONE)

    assert client.post("/notifications/read", {"until": until}).status_code == 400
    assert stored(ONE).read_at is None


def test_every_signed_in_page_loads_the_unread_count(client):
    page = client.get("/expenses/add").content.decode()

    assert 'data-unread="/api/notifications/unread"' in page
    assert "/static/app." in page
    assert "unread" not in Client().get("/login").content.decode()
