"""The browser's copy of the unread number is deleted once it is wrong."""

import pytest
from django.conf import settings

from tests.builders import PASSWORD, client_for, make_user
from tests.money_builders import make_budget
from tests.notifications.builders import make_notification

COOKIE = "unread"
ONE = "1" * 32


@pytest.fixture
def browser(client):
    """Return Alice's browser, which knows that nothing is unread."""
    client.cookies[COOKIE] = "0.1773835200000"
    return client


def forgets(response):
    """Check whether a response deletes the cookie."""
    cookie = response.cookies.get(COOKIE)
    return cookie is not None and cookie.value == "" and cookie["max-age"] == 0


def spend(browser, amount):
    return browser.post("/api/expenses", {"category": "Fun", "amount": amount})


def test_an_expense_that_alerts_deletes_the_cookie(alice, browser):
    make_budget(alice, category="Fun", amount="10.00")

    assert not forgets(spend(browser, "1.00"))
    assert forgets(spend(browser, "9.00"))


def test_a_form_that_alerts_deletes_the_cookie(alice, browser):
    make_budget(alice, category="Fun", amount="10.00")
    form = {"amount": "11", "category": "Fun", "date": "2026-03-18"}

    response = browser.post("/expenses/add", form)

    assert response.status_code == 302
    assert forgets(response)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("get", f"/notifications/{ONE}", None),
        ("post", f"/notifications/{ONE}/read", {}),
        ("post", f"/notifications/{ONE}/unread", {}),
        ("post", "/notifications/act", {"action": "read", "selected": [ONE]}),
        ("post", "/api/notifications/read", {"all": True}),
        ("patch", f"/api/notifications/{ONE}", {"read": True}),
    ],
)
def test_marking_notifications_deletes_the_cookie(alice, browser, method, path, body):
    make_notification(ONE, user_id=alice.user_id)
    options = {"content_type": "application/json"} if "/api/" in path else {}

    response = getattr(browser, method)(path, body, **options)

    assert response.status_code in {200, 302}
    assert forgets(response)


@pytest.mark.parametrize(
    "path", ["/", "/expenses", "/notifications", "/api/notifications/unread"]
)
def test_reading_pages_keeps_the_cookie(browser, path):
    assert COOKIE not in browser.get(path).cookies


def test_another_users_alert_keeps_the_cookie(alice, browser):
    bob = make_user("bob")
    make_budget(bob, category="Fun", amount="10.00")
    spend(client_for(bob), "11.00")

    assert COOKIE not in browser.get("/").cookies


def test_login_and_logout_delete_the_cookie(alice, browser):
    make_user("bob")
    form = {"username": "bob", "password": PASSWORD}

    assert forgets(browser.post("/login", form))
    browser.cookies[COOKIE] = "3.1773835200000"
    assert forgets(browser.post("/logout"))


def test_the_end_of_a_session_deletes_the_cookie(browser):
    browser.cookies[settings.SESSION_COOKIE_NAME] = "x" * 43
    response = browser.get("/")

    assert response.status_code == 302
    assert forgets(response)


def test_browsers_without_the_cookie_get_none(alice, client):
    make_budget(alice, category="Fun", amount="10.00")

    assert COOKIE not in spend(client, "11.00").cookies
