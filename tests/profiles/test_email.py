"""Changing the e-mail address over HTTP; test_address_change.py tests the rules."""

from datetime import timedelta

import pytest

from notifications import subscriptions
from notifications.models import Notification
from smartbudget.core import dates
from smartbudget.core.throttling import Limit
from tests.builders import PASSWORD, account_of, client_for, make_user, token_of
from tests.notifications.builders import sns
from tests.notifications.faults import calls_counted, down
from tests.problems import messages_of

OLD, NEW = "alice@example.com", "alice.new@example.com"
CHANGE = {"password": PASSWORD, "email": NEW}


@pytest.fixture
def subscribed(alice):
    subscriptions.subscribe(alice)
    return alice


def ask(client, **fields):
    return client.post(
        "/api/email", {**CHANGE, **fields}, content_type="application/json"
    )


def leave_new_address_unconfirmed(user) -> None:
    arn = account_of(user).pending_subscription_arn
    sns().subscriptions[arn].attributes["PendingConfirmation"] = True


def email_state(answer) -> tuple[int, str, str | None]:
    profile = answer.json()
    return answer.status_code, profile["email"], profile["pending_email"]


def test_without_mails_the_api_changes_the_address_at_once(alice):
    client = client_for(alice)

    assert email_state(ask(client)) == (200, NEW, None)
    # As after a lost reply.
    assert email_state(ask(client)) == (200, NEW, None)
    assert email_state(client.get("/api/profile")) == (200, NEW, None)


def test_the_api_shows_and_cancels_a_pending_change(subscribed):
    client = client_for(subscribed)

    assert email_state(ask(client)) == (200, OLD, NEW)
    leave_new_address_unconfirmed(subscribed)
    assert email_state(client.get("/api/profile")) == (200, OLD, NEW)

    assert email_state(client.delete("/api/email")) == (200, OLD, None)
    assert email_state(client.delete("/api/email")) == (200, OLD, None)


def test_the_profile_detects_a_confirmed_change(subscribed):
    client = client_for(subscribed)
    ask(client)
    (notice,) = Notification.scan()
    notice.update(actions=[Notification.status.set("sent")])

    assert email_state(client.get("/api/profile")) == (200, NEW, None)


def test_a_profile_without_a_pending_change_costs_no_lookup(subscribed):
    client = client_for(subscribed)

    with calls_counted() as calls:
        client.get("/api/profile")

    assert calls == ["GetItem", "GetItem"]


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"email": "nobody"}, 400, "email"),
        ({"email": ["a@example.com"]}, 400, "email"),
        ({"email": "bob@example.com"}, 409, "email"),
        ({"email": "Bob@Example.com"}, 409, "email"),
        ({"password": "wrong password"}, 400, "password"),
        ({"password": 12345678}, 400, "password"),
        ({"user_id": "bob"}, 400, "user_id"),
    ],
)
def test_the_api_names_the_invalid_field(alice, body, status, field):
    make_user("bob")

    answer = ask(client_for(alice), **body)

    assert answer.status_code == status
    assert list(messages_of(answer)) == [field]
    assert account_of(alice).email == OLD


def test_too_many_changes_are_429_with_retry_after(alice, monkeypatch):
    limit = Limit("subscription", 1, 3600)
    monkeypatch.setattr(subscriptions, "SUBSCRIPTIONS", limit)
    client = client_for(alice)
    ask(client)

    answer = ask(client, email="third@example.com")

    assert answer.status_code == 429
    assert 0 < answer.json()["retry_after"] <= 3600


def test_an_sns_outage_is_503_and_changes_nothing(subscribed):
    with down("Subscribe"):
        answer = ask(client_for(subscribed))

    assert answer.status_code == 503
    assert account_of(subscribed).pending_email is None


@pytest.mark.parametrize("method", ["post", "delete"])
def test_unauthenticated_requests_are_rejected(aws, method):
    assert getattr(client_for(), method)("/api/email").status_code == 401


@pytest.mark.parametrize("path", ["/accounts/email", "/accounts/email/cancel"])
def test_the_pages_require_login_and_the_csrf_token(alice, path):
    assert client_for().post(path, CHANGE).status_code == 302
    assert client_for(alice, csrf=True).post(path, CHANGE).status_code == 403
    assert account_of(alice).email == OLD


def test_the_page_changes_the_address_and_confirms(alice):
    client = client_for(alice)

    answer = client.post("/accounts/email", CHANGE, follow=True)

    assert answer.redirect_chain == [("/accounts/profile", 302)]
    assert f"Your e-mail address is now {NEW}." in answer.content.decode()


def test_the_pages_show_and_cancel_a_pending_change(subscribed):
    client = client_for(subscribed)

    answer = client.post("/accounts/email", CHANGE)
    leave_new_address_unconfirmed(subscribed)
    page = client.get(answer.headers["Location"]).content.decode()
    assert f"We sent a confirmation link to {NEW}." in page
    assert f"Once you follow the link we sent to {NEW}" in " ".join(page.split())

    answer = client.post("/accounts/email/cancel", follow=True)
    assert f"Your e-mail address is still {OLD}." in answer.content.decode()
    assert NEW not in client.get("/accounts/profile").content.decode()


def test_the_page_shows_errors_and_keeps_the_input(alice):
    client = client_for(alice, csrf=True)

    answer = client.post(
        "/accounts/email", {**CHANGE, "password": "wrong"}, headers=token_of(client)
    )

    page = answer.content.decode()
    assert answer.status_code == 400
    assert "Wrong password." in page
    assert f'value="{NEW}"' in page
    assert 'value="wrong"' not in page


@pytest.mark.parametrize(
    ("status", "hours", "text"),
    [
        ("confirmed", 0, "You unsubscribed through a link in an e-mail."),
        ("pending", 49, "The confirmation link expired after two days"),
    ],
)
def test_the_notifications_page_says_why_no_mails_come(subscribed, status, hours, text):
    since = dates.timestamp(dates.now() - timedelta(hours=hours))
    account = account_of(subscribed)
    account.subscription_status, account.subscription_checked_at = status, since
    account.save()
    sns().subscriptions.clear()
    client = client_for(subscribed)

    page = client.get("/notifications").content.decode()

    assert text in page
    assert "/accounts/profile#alerts" in page
    answer = client.get("/api/notifications/subscribe").json()
    assert (answer["status"], answer["subscription_arn"]) == ("none", None)
    assert text in answer["detail"]
