"""Confirming a session with a passkey."""

import json

import pytest

from accounts import sessions
from accounts.factors import passkeys
from accounts.factors.passkeys import RefusedPasskeyError
from accounts.step_up import services as step_up
from smartbudget.core.errors import AuthenticationError
from tests.accounts.factors.authenticator import Authenticator
from tests.accounts.factors.builders import with_passkey
from tests.builders import account_of, client_for, make_user
from tests.notifications import faults

JSON = "application/json"
PATH = "/api/account/confirmation"

pytestmark = pytest.mark.usefixtures("aws", "clock")


@pytest.fixture
def session_key(bob, phone, clock):
    """Return the key of a session that was begun an hour ago."""
    key = sessions.begin_session(account_of(bob)).session_key
    clock.shift(3600)
    return key


def user_of(session_key):
    user = sessions.find_session(session_key)
    assert user
    return user


def confirm(user, session_key, device, options=None):
    response = device.use(options or step_up.passkey_options(user))
    step_up.confirm_with_passkey(user, session_key, passkey=response)


def test_a_passkey_makes_the_authentication_recent_with_both_factors(bob, session_key):
    assert not step_up.is_recent(user_of(session_key))

    confirm(bob, session_key, with_passkey(bob))

    user = user_of(session_key)
    assert step_up.is_recent(user)
    assert user.has_second_factor


def test_passkeys_of_others_and_unknown_ones_are_refused(bob, session_key):
    for device in (with_passkey(make_user("carol")), Authenticator()):
        with pytest.raises(RefusedPasskeyError):
            confirm(bob, session_key, device)

    assert not step_up.is_recent(user_of(session_key))


def test_a_challenge_of_a_login_or_of_another_user_is_refused(bob, phone, session_key):
    carol = make_user("carol")
    for options in (passkeys.login_options(), step_up.passkey_options(carol)):
        with pytest.raises(RefusedPasskeyError):
            confirm(bob, session_key, phone, options)


def test_a_challenge_confirms_once(bob, phone, session_key):
    options = step_up.passkey_options(bob)
    confirm(bob, session_key, phone, options)

    with pytest.raises(RefusedPasskeyError):
        confirm(bob, session_key, phone, options)


@pytest.mark.parametrize("of", ["nobody", "another user"])
def test_a_session_that_ended_or_is_not_ones_own_is_not_confirmed(bob, phone, of):
    carol = make_user("carol")
    key = sessions.begin_session(account_of(carol)).session_key
    if of == "nobody":
        sessions.log_out(key)

    with pytest.raises(AuthenticationError, match="logged out"):
        confirm(bob, key, phone)

    assert sessions.find_session(key) == (carol if of == "another user" else None)


def test_a_session_that_ends_meanwhile_is_not_recreated(bob, phone, session_key):
    with (
        faults.meanwhile(lambda: sessions.log_out(session_key)),
        pytest.raises(AuthenticationError, match="logged out"),
    ):
        confirm(bob, session_key, phone)

    assert sessions.find_session(session_key) is None


@pytest.fixture
def client(session_key):
    client = client_for()
    client.cookies["session"] = session_key
    return client


def response_of(client, device):
    answer = client.post(f"{PATH}/passkey/options")
    return device.use(answer.json()["options"])


def test_the_api_confirms_with_a_passkey(client, phone):
    body = {"passkey": response_of(client, phone)}

    assert client.post(PATH, body, content_type=JSON).status_code == 204

    added = client.post("/api/account/passkeys/options", {}, content_type=JSON)
    assert added.status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 400), ({"passkey": {}, "password": "x"}, 400), ({"passkey": {}}, 401)],
)
def test_the_api_refuses_other_bodies(client, body, status):
    assert client.post(PATH, body, content_type=JSON).status_code == status


def test_the_page_offers_a_passkey_and_leads_back(client, phone):
    page = client.get("/accounts/confirm?next=/accounts/factors").text
    assert "Use a passkey" in page
    assert "/passkeys." in page
    response = json.dumps(response_of(client, phone))

    answer = client.post(
        "/accounts/confirm", {"passkey": response, "next": "/accounts/factors"}
    )

    assert answer.headers["Location"] == "/accounts/factors"
    assert client.get("/accounts/factors/passkeys/add").status_code == 200


@pytest.mark.parametrize("text", ["", "{", '{"id": "x"}'])
def test_the_page_shows_a_refused_passkey(client, text):
    data = {"passkey": text, "next": "/accounts/factors"}

    answer = client.post("/accounts/confirm", data)

    assert answer.headers["Location"] == "/accounts/confirm?next=/accounts/factors"
    assert 'class="messages"' in client.get("/accounts/confirm").text


def test_the_page_offers_no_passkey_to_users_without_one(clock):
    client = client_for(make_user("carol"))

    page = client.get("/accounts/confirm").text

    assert "passkey" not in page.lower()
