"""Sessions begun before an account got its second factor, perhaps by an intruder.

They stay logged in, but even with the password they cannot change what protects the
account.
"""

import pytest

from accounts import services as accounts
from accounts import sessions
from accounts.factors import passkey_setup, services
from accounts.models import Session
from smartbudget.core.errors import ForbiddenError, GoneError
from tests.accounts.factors.authenticator import Authenticator
from tests.accounts.factors.builders import STEP, App, with_passkey, with_totp
from tests.builders import PASSWORD, account_of, client_for, with_factor

NEW = "another good password"
ACTIONS = {
    "token": (
        "post",
        "/api/tokens",
        {"name": "x", "scopes": ["read"], "expires_in_days": 9, "password": PASSWORD},
    ),
    "email": (
        "post",
        "/api/email",
        {"email": "new@example.com", "password": PASSWORD},
    ),
    "account": ("delete", "/api/account", {"password": PASSWORD}),
    "password": (
        "post",
        "/api/password",
        {"old_password": PASSWORD, "new_password": NEW},
    ),
    "confirmation": ("post", "/api/account/confirmation", {"password": PASSWORD}),
    "totp": ("post", "/api/account/factors/totp", {"password": PASSWORD}),
}

pytestmark = pytest.mark.usefixtures("aws", "clock")


@pytest.mark.parametrize("factor", [with_totp, with_passkey])
@pytest.mark.parametrize("action", ACTIONS)
def test_the_password_and_a_session_of_before_change_nothing(bob, action, factor):
    client = client_for(bob)
    factor(bob)
    before = account_of(bob).attribute_values
    method, path, body = ACTIONS[action]

    answer = getattr(client, method)(path, body, content_type="application/json")

    assert answer.status_code == 403, answer.json()
    assert "with your second factor" in answer.json()["detail"]
    assert account_of(bob).attribute_values == before
    assert client.get("/api/expenses").status_code == 200


@pytest.mark.parametrize("action", ACTIONS)
def test_a_session_with_the_factor_may(bob, action):
    with_passkey(bob)
    client = client_for(with_factor(bob))
    method, path, body = ACTIONS[action]

    answer = getattr(client, method)(path, body, content_type="application/json")

    assert answer.status_code < 300, answer.json()


def test_an_app_that_was_being_set_up_is_not_turned_on_after_a_passkey_was_added(bob):
    """Its session would count as one with a second factor."""
    key = sessions.begin_session(account_of(bob)).session_key
    setup = services.begin_totp(bob, password=PASSWORD)
    app = App(setup.secret)
    with_passkey(bob)

    with pytest.raises(GoneError):
        services.confirm_totp(
            bob,
            setup=setup.setup,
            codes=[app.code(), app.code(STEP)],
            recovery_codes_saved=True,
            session_key=key,
        )

    assert account_of(bob).totp is None
    assert not sessions.find_session(key).has_second_factor


def test_a_passkey_whose_options_are_older_than_the_app_is_not_added(bob):
    key = sessions.begin_session(account_of(bob)).session_key
    options = passkey_setup.begin_adding(bob, password=PASSWORD)
    with_totp(bob)

    with pytest.raises(GoneError):
        passkey_setup.add(
            bob,
            passkey=Authenticator().create(options),
            name="Phone",
            session_key=key,
        )

    assert account_of(bob).passkeys is None
    assert not sessions.find_session(key).has_second_factor


def test_a_new_password_needs_the_factor_and_ends_the_older_session(bob):
    older = client_for(bob)
    with_totp(bob)
    with pytest.raises(ForbiddenError):
        accounts.change_password(bob, old=PASSWORD, new=NEW)

    accounts.change_password(with_factor(bob), old=PASSWORD, new=NEW)

    assert older.get("/api/expenses").status_code == 401
    assert all(
        item.has_second_factor
        for item in Session.scan(Session.user_id.startswith("session#"))
    )
