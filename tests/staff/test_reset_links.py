"""Links to reset a password that staff hand over."""

import re

import pytest
import time_machine

from accounts.step_up.services import WINDOW_SECONDS
from smartbudget.core.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
)
from staff import reset_links, users
from tests.builders import PASSWORD, client_for, make_staff, make_user
from tests.money_builders import NOON
from tests.notifications.builders import queued

NEW = "a longer sentence of mine"
JSON = "application/json"
FIELD = 'name="password"'


@pytest.fixture
def grace(aws):
    return make_staff(make_user("grace"))


@pytest.fixture
def bob(aws):
    return make_user("bob")


def page_of(user):
    return f"/admin/users/{user.user_id}/reset-link"


def test_a_link_is_shown_once_and_sets_the_password(grace, bob):
    client = client_for(grace)
    assert page_of(bob) in client.get(f"/admin/users/{bob.user_id}").content.decode()

    page = client.post(page_of(bob), {"password": PASSWORD})

    text = page.content.decode()
    (link,) = re.findall(r"http://[^<\s]+/accounts/reset/[\w-]{43}", text)
    assert page.headers["Cache-Control"] == "no-store"
    assert "/accounts/reset/" not in client.get(page_of(bob)).content.decode()
    visitor = client_for()
    visitor.get(link.partition("8000")[2])
    assert visitor.post("/accounts/reset/new", {"new_password": NEW}).url == "/login"
    login = {"username": "bob", "password": NEW}
    assert visitor.post("/login", login, JSON).status_code == 200


def test_the_user_gets_a_notice_and_the_log_a_line(grace, bob, caplog):
    link = reset_links.create(grace, bob.user_id, password=PASSWORD)

    assert queued()[-1]["notification_type"] == "reset_link_created"
    line = f"reset link created by staff user_id={grace.user_id} target={bob.user_id}"
    assert line in caplog.text
    assert link.rpartition("/")[2] not in caplog.text + str(queued())


def test_the_api_creates_a_link_too(grace, bob):
    url = f"/api/admin/users/{bob.user_id}/reset-link"

    answer = client_for(grace).post(url, {"password": PASSWORD}, JSON)

    assert answer.status_code == 200
    assert "/accounts/reset/" in answer.json()["link"]


def test_only_staff_create_links(grace, bob):
    with pytest.raises(ForbiddenError):
        reset_links.create(bob, grace.user_id, password=PASSWORD)
    with pytest.raises(ForbiddenError):
        reset_links.create(bob, bob.user_id, password=PASSWORD)
    for method in ("get", "post"):
        assert getattr(client_for(bob), method)(page_of(bob)).status_code == 403


def test_the_password_of_the_staff_user_is_needed(grace, bob):
    with pytest.raises(InvalidError) as refused:
        reset_links.create(grace, bob.user_id, password="wrong password")

    assert refused.value.field == "password"
    page = client_for(grace).post(page_of(bob), {"password": "wrong password"})
    assert page.status_code == 400
    assert "/accounts/reset/" not in page.content.decode()


def test_shortly_after_a_login_no_password_is_needed(grace, bob):
    with time_machine.travel(NOON, tick=False) as clock:
        client = client_for(grace)
        url = f"/api/admin/users/{bob.user_id}/reset-link"
        assert FIELD not in client.get(page_of(bob)).content.decode()
        assert "/accounts/reset/" in client.post(page_of(bob)).content.decode()

        clock.shift(WINDOW_SECONDS)

        assert FIELD in client.get(page_of(bob)).content.decode()
        assert client.post(page_of(bob)).status_code == 400
        answer = client.post(url, {}, JSON)
        assert (answer.status_code, answer.json()["code"]) == (403, "step_up_required")
        assert client.post(url, {"password": PASSWORD}, JSON).status_code == 200


def test_staff_get_no_links_from_each_other(grace, aws):
    ada = make_staff(make_user("ada"))

    for target in (ada, grace):
        with pytest.raises(ConflictError, match="Staff can't get a link"):
            reset_links.create(grace, target.user_id, password=PASSWORD)
    assert (
        page_of(ada)
        not in client_for(grace).get(f"/admin/users/{ada.user_id}").content.decode()
    )


def test_a_locked_user_must_be_unlocked_first(grace, bob):
    users.lock(grace, bob.user_id, reason="Spam")

    with pytest.raises(ConflictError, match="Unlock"):
        reset_links.create(grace, bob.user_id, password=PASSWORD)


def test_an_unknown_user_is_not_found(grace):
    with pytest.raises(NotFoundError):
        reset_links.create(grace, "0" * 32, password=PASSWORD)
