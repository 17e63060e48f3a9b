"""Accounts whose only way in is a passkey."""

import pytest

from accounts import credentials, services, sessions
from accounts.factors import passkey_setup, passkeys, passwordless
from accounts.factors.ceremonies import id_of
from accounts.models import Account
from accounts.step_up.services import StepUpRequiredError
from notifications.models import Notification
from profiles import deletion
from smartbudget.core.errors import (
    AuthenticationError,
    ConflictError,
    ForbiddenError,
    InvalidError,
)
from tests.accounts.factors.builders import with_passkey, with_totp
from tests.builders import (
    PASSWORD,
    account_of,
    client_for,
    make_token,
    make_user,
    program_with,
    with_factor,
)

HERE = "192.0.2.1"
NEW = "another good password"
JSON = "application/json"

pytestmark = pytest.mark.usefixtures("aws", "clock")


@pytest.fixture
def bob():
    """Return Bob with two passkeys, as in a session that used one."""
    user = make_user("bob")
    with_passkey(user)
    with_passkey(user)
    return with_factor(user)


@pytest.fixture
def client(bob):
    """Return a client of Bob's account, which has no password any more."""
    client = client_for(bob)
    assert client.delete("/api/password", {}, content_type=JSON).status_code == 204
    return client


def kinds():
    return sorted(notice.type for notice in Notification.scan())


def log_in(password=PASSWORD):
    return services.log_in(identifier="bob", password=password, address=HERE)


def test_without_a_password_only_passkeys_log_in(bob):
    phone = with_passkey(bob)

    passwordless.remove_password(bob)

    assert account_of(bob).password_hash is None
    assert kinds() == ["password_removed"]
    for password in (PASSWORD, "", "None"):
        with pytest.raises(AuthenticationError, match="Wrong username or password"):
            log_in(password)
    login = passkeys.log_in(phone.use(passkeys.login_options()), address=HERE)
    assert login.user.user_id == bob.user_id
    assert not login.user.has_password


def test_removing_it_again_changes_nothing(bob):
    for _ in range(2):
        passwordless.remove_password(bob)

    assert kinds() == ["password_removed"]


def test_live_sessions_know_that_there_is_no_password(bob):
    key = sessions.begin_session(account_of(bob)).session_key
    assert sessions.find_session(key).has_password

    passwordless.remove_password(bob)

    assert not sessions.find_session(key).has_password


def test_a_session_cached_before_costs_no_further_read(bob):
    cached = credentials.cached_user(bob)
    del cached["has_password"]

    assert not credentials.lacks_new_fields(cached)
    assert credentials.user_from(cached).has_password


def test_one_passkey_needs_recovery_codes_beside_it():
    carol = with_factor(make_user("carol"))
    with pytest.raises(ConflictError, match="Add a second passkey"):
        passwordless.remove_password(carol)
    with_passkey(carol)
    with pytest.raises(ConflictError, match="Add a second passkey"):
        passwordless.remove_password(carol)

    with_totp(carol)  # with recovery codes

    passwordless.remove_password(carol)
    assert account_of(carol).password_hash is None


def test_removing_the_password_needs_a_recent_login_with_a_factor(bob, clock):
    user = make_user("dora")
    with_passkey(user)
    with_passkey(user)
    with pytest.raises(ForbiddenError, match="second factor"):
        passwordless.remove_password(user)
    clock.shift(600)
    with pytest.raises(StepUpRequiredError):
        passwordless.remove_password(bob)
    with pytest.raises(InvalidError, match="Wrong password"):
        passwordless.remove_password(bob, password="wrong password")


def test_the_last_passkey_of_an_account_without_a_password_stays(bob):
    passwordless.remove_password(bob)
    first, last = (passkey.passkey_id for passkey in passkey_setup.list_passkeys(bob))
    passkey_setup.remove(bob, first)

    with pytest.raises(ConflictError, match="only way to log in"):
        passkey_setup.remove(bob, last)

    assert account_of(bob).passkeys == {last}


def test_a_password_can_be_set_again_and_ends_other_sessions(bob):
    other = sessions.begin_session(account_of(bob)).session_key
    passwordless.remove_password(bob)

    login = passwordless.set_password(bob, new=NEW)

    assert login.user.has_password
    assert sessions.find_session(login.session_key).has_password
    assert sessions.find_session(login.session_key).has_second_factor
    assert sessions.find_session(other) is None
    assert kinds() == ["password_changed", "password_removed"]
    assert log_in(NEW).factors == ("passkey",)


def test_a_password_is_set_only_where_there_is_none_and_by_the_rules(bob, clock):
    with pytest.raises(ConflictError, match="already has a password"):
        passwordless.set_password(bob, new=NEW)
    passwordless.remove_password(bob)
    with pytest.raises(InvalidError):
        passwordless.set_password(bob, new="short")
    clock.shift(600)
    with pytest.raises(StepUpRequiredError):
        passwordless.set_password(bob, new=NEW)


def test_a_passkey_confirms_what_else_needs_the_password(bob):
    passwordless.remove_password(bob)
    with pytest.raises(InvalidError, match="Wrong password"):
        deletion.close_account(bob, password=PASSWORD)

    deletion.close_account(bob)

    assert Account.get(bob.user_id).closed_at


def test_the_api_sets_a_password(client):
    answer = client.put("/api/password", {"new_password": NEW}, content_type=JSON)

    assert answer.status_code == 200
    assert client.get("/api/profile").status_code == 200
    again = client.put("/api/password", {"new_password": NEW}, content_type=JSON)
    assert again.status_code == 409


def test_a_token_neither_removes_nor_sets_a_password(bob):
    program = program_with(make_token(bob))

    assert program.delete("/api/password").status_code == 403
    answer = program.put("/api/password", {"new_password": NEW}, content_type=JSON)
    assert answer.status_code == 403


def test_the_pages_remove_the_password_and_set_one(bob):
    client = client_for(bob)
    assert "/accounts/password/remove" in client.get("/accounts/factors").text

    answer = client.post("/accounts/password/remove", {})

    assert answer.headers["Location"] == "/accounts/factors"
    assert "Your account has no password." in client.get("/accounts/factors").text
    assert "Set a password" in client.get("/accounts/profile").text
    answer = client.get("/accounts/password")
    assert answer.headers["Location"] == "/accounts/password/set"
    client.post("/accounts/password/set", {"new_password": NEW})
    assert "Change password" in client.get("/accounts/profile").text
    assert log_in(NEW).factors == ("passkey",)


PAGES = [
    "/accounts/tokens",
    "/accounts/email",
    "/accounts/delete",
    "/accounts/export",
    "/accounts/password/set",
    "/accounts/password/remove",
    "/accounts/factors/totp",
    "/accounts/factors/passkeys/add",
]


@pytest.mark.parametrize("path", PAGES)
def test_pages_that_would_ask_for_the_password_lead_to_the_passkey(client, clock, path):
    assert client.get(path).status_code == 200
    clock.shift(600)

    answer = client.get(path)

    assert answer.headers["Location"] == f"/accounts/confirm?next={path}"
    page = client.get(answer.headers["Location"]).text
    assert "Use your passkey to continue." in page
    assert '<form class="card" method="post" novalidate hidden>' in page


def test_the_page_of_a_single_passkey_does_not_offer_to_remove_the_password():
    carol = make_user("carol")
    device = with_passkey(carol)

    page = client_for(with_factor(carol)).get("/accounts/factors").text

    assert id_of(device.credential_id) in page
    assert "/accounts/password/remove" not in page
