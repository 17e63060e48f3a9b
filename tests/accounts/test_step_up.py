"""Step-up: dangerous actions need a recent password or passkey."""

import pytest
import time_machine

from accounts import credentials, sessions
from accounts.models import Session
from accounts.step_up import services as step_up
from accounts.step_up.services import WINDOW_SECONDS, StepUpRequiredError
from smartbudget.core.errors import AuthenticationError, InvalidError
from tests.builders import (
    PASSWORD,
    account_of,
    client_for,
    make_token,
    make_user,
    program_with,
    token_of,
)
from tests.money_builders import NOON
from tests.notifications.faults import calls_counted
from tests.problems import messages_of

JSON = "application/json"
TOKEN = {"name": "Script", "scopes": ["read"], "expires_in_days": 30}
ACTIONS = {
    "token": ("post", "/api/tokens", TOKEN, 201),
    "email": ("post", "/api/email", {"email": "new@example.com"}, 200),
    "delete": ("delete", "/api/account", {}, 202),
}
EXPORTS = ("/api/export", "/api/export.json")


@pytest.fixture
def clock(aws):
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def alice(clock):
    return make_user("alice")


@pytest.fixture
def client(alice):
    """A client that logged in just now."""
    return client_for(alice)


@pytest.fixture
def stale(client, clock):
    """A client whose login is ten minutes ago."""
    clock.shift(WINDOW_SECONDS)
    return client


def act(client, action, **fields):
    method, path, body, _ = ACTIONS[action]
    return getattr(client, method)(path, {**body, **fields}, content_type=JSON)


def confirm(client, password=PASSWORD):
    return client.post(
        "/api/account/confirmation", {"password": password}, content_type=JSON
    )


def key_of(client):
    return client.cookies["session"].value


# ------------------------------------------------------------------------- the rule


def test_a_login_is_recent_for_ten_minutes(client, clock):
    clock.shift(WINDOW_SECONDS - 1)
    assert step_up.is_recent(sessions.find_session(key_of(client)))

    clock.shift(1)

    assert not step_up.is_recent(sessions.find_session(key_of(client)))


def test_a_session_of_the_version_before_is_not_recent(client):
    key = Session.item_key(credentials.digest(key_of(client)))
    Session(user_id=key).update([Session.authenticated_at.remove()])

    user = sessions.find_session(key_of(client))

    with pytest.raises(StepUpRequiredError):
        step_up.require(user)


def test_the_authentication_costs_no_read_of_its_own(client):
    with calls_counted() as calls:
        step_up.is_recent(sessions.find_session(key_of(client)))

    assert calls == ["GetItem"]


# -------------------------------------------------------------------------- the API


@pytest.mark.parametrize("action", ACTIONS)
def test_right_after_a_login_no_password_is_needed(client, action):
    assert act(client, action).status_code == ACTIONS[action][3]


@pytest.mark.parametrize("action", ACTIONS)
def test_later_it_is_refused_without_a_password(stale, action):
    answer = act(stale, action)

    assert answer.status_code == 403
    assert answer.json()["code"] == "step_up_required"


@pytest.mark.parametrize("action", ACTIONS)
def test_later_the_password_in_the_request_is_enough(stale, action):
    assert act(stale, action, password=PASSWORD).status_code == ACTIONS[action][3]


@pytest.mark.parametrize("action", ACTIONS)
def test_a_wrong_password_is_refused_even_after_a_login(client, action):
    answer = act(client, action, password="wrong")

    assert answer.status_code == 400
    assert list(messages_of(answer)) == ["password"]


@pytest.mark.parametrize("path", EXPORTS)
def test_all_data_needs_a_recent_login(stale, path):
    assert stale.get(path).json()["code"] == "step_up_required"

    confirm(stale)

    assert stale.get(path).status_code == 200


@pytest.mark.parametrize("path", EXPORTS)
def test_a_token_with_the_permission_still_downloads_all_data(alice, path, clock):
    program = program_with(make_token(alice, "export"))
    clock.shift(WINDOW_SECONDS)

    assert program.get(path).status_code == 200


def test_a_confirmation_lasts_ten_minutes(stale, clock):
    assert confirm(stale).status_code == 204
    clock.shift(WINDOW_SECONDS - 1)
    assert act(stale, "token").status_code == 201

    clock.shift(1)

    assert act(stale, "token").status_code == 403


def test_a_wrong_password_confirms_nothing(stale):
    assert confirm(stale, "wrong").status_code == 400
    assert act(stale, "token").status_code == 403


def test_guessing_the_password_is_throttled(stale):
    statuses = [confirm(stale, f"guess {number}").status_code for number in range(11)]

    assert statuses == [400] * 10 + [429]
    assert confirm(stale).status_code == 429


def test_a_confirmation_is_of_one_session(alice, stale):
    other = client_for(alice)
    Session(user_id=Session.item_key(credentials.digest(key_of(other)))).update(
        [Session.authenticated_at.set(0)]
    )

    confirm(stale)

    assert act(other, "token").status_code == 403


def test_a_token_cannot_confirm(alice):
    program = program_with(make_token(alice, "account"))

    assert confirm(program).status_code == 403


def test_an_ended_session_is_not_recreated(client, alice):
    key = key_of(client)
    sessions.log_out(key)

    with pytest.raises(AuthenticationError):
        step_up.record(key)
    assert sessions.find_session(key) is None


def test_another_users_password_confirms_nothing(alice):
    bob = make_user("bob")
    key = sessions.begin_session(account_of(bob)).session_key

    with pytest.raises(InvalidError, match="Wrong password"):
        step_up.confirm(bob, key, password=f"{PASSWORD} of alice")


# ------------------------------------------------------------------------ the pages

FORMS = {
    "/accounts/tokens": {"name": "Script", "scopes": "read", "expires_in_days": "30"},
    "/accounts/email": {"email": "new@example.com"},
    "/accounts/delete": {"username": "alice"},
}
FIELD = 'name="password"'


@pytest.mark.parametrize("path", FORMS)
def test_a_form_asks_for_the_password_only_if_the_login_is_old(client, clock, path):
    assert FIELD not in client.get(path).text

    clock.shift(WINDOW_SECONDS)

    assert FIELD in client.get(path).text


@pytest.mark.parametrize("path", FORMS)
def test_a_form_sent_too_late_keeps_its_values_and_asks(client, clock, path):
    clock.shift(WINDOW_SECONDS)

    answer = client.post(path, FORMS[path])

    assert answer.status_code == 400
    assert FIELD in answer.text
    assert all(value in answer.text for value in FORMS[path].values())
    assert client.post(path, {**FORMS[path], "password": PASSWORD}).status_code < 400


@pytest.mark.parametrize("method", ["get", "post"])
def test_the_download_page_leads_to_the_confirmation_and_back(stale, method):
    answer = getattr(stale, method)("/accounts/export")

    assert answer.status_code == 302
    assert answer.url == "/accounts/confirm?next=/accounts/export"
    page = stale.get(answer.url)
    assert 'value="/accounts/export"' in page.text
    sent = {"password": PASSWORD, "next": "/accounts/export"}
    assert stale.post("/accounts/confirm", sent).url == "/accounts/export"
    assert stale.post("/accounts/export").status_code == 200


def test_the_confirmation_does_not_lead_to_other_sites(stale):
    sent = {"password": PASSWORD, "next": "https://evil.example/"}

    assert stale.post("/accounts/confirm", sent).url == "/"


def test_the_confirmation_needs_a_csrf_token(alice):
    client = client_for(alice, csrf=True)

    assert client.post("/accounts/confirm", {"password": PASSWORD}).status_code == 403
    sent = {"password": PASSWORD}
    headers = token_of(client)
    assert client.post("/accounts/confirm", sent, headers=headers).status_code == 302
