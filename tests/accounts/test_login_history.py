"""The history of logins, in Settings and the API."""

import pytest
from pynamodb.exceptions import TransactWriteError

from accounts import login_history, services
from accounts.devices import Device
from accounts.factors import passkeys
from accounts.models import LoginHistory
from profiles import deletion
from tests.accounts.factors.builders import with_passkey, with_totp
from tests.accounts.test_devices import FIREFOX, log_in, register
from tests.builders import (
    PASSWORD,
    account_of,
    client_for,
    make_token,
    make_user,
    program_with,
)
from tests.notifications import faults
from tests.web.test_form_drafts import fields_of

pytestmark = pytest.mark.usefixtures("clock", "aws")

URL = "/api/account/logins"
YEAR = 365 * 24 * 3600


@pytest.fixture
def bob():
    """Return a user who has registered with a browser."""
    register(client_for())
    return services.get_account_by_username("bob").user


def use(number: int = 0):
    device = Device(name=f"Browser {number}", key=f"{number:043}")
    return services.log_in(
        identifier="bob", password=PASSWORD, address="::1", device=device
    )


def methods(user):
    return [login.method for login in login_history.list_logins(user)]


def test_a_registration_is_the_first(bob):
    (first,) = login_history.list_logins(bob)

    assert (first.method, first.device) == ("registration", "Firefox on Linux")
    assert first.at.startswith("2026-03-18T12:00:00")
    assert not first.is_new_device


def test_every_way_to_log_in_is_listed_newest_first(bob, clock):
    clock.shift(60)
    log_in(client_for())
    app, codes = with_totp(bob)
    for typed in ({"code": app.code(60)}, {"recovery_code": codes[0]}):
        clock.shift(60)
        client = client_for()
        page = log_in(client).text
        ticket = fields_of(page.partition("<details")[0], "/login/second")
        client.post("/login/second", {**ticket, **typed}, headers=FIREFOX)
    clock.shift(60)
    response = with_passkey(bob).use(passkeys.login_options())
    passkeys.log_in(response, address="::1")

    assert methods(bob) == ["passkey", "recovery", "totp", "password", "registration"]


def test_new_devices_are_marked(bob, clock):
    for number in (1, 2, 1):
        clock.shift(1)
        use(number)

    listed = login_history.list_logins(bob)

    assert [(item.device, item.is_new_device) for item in listed] == [
        ("Browser 1", False),
        ("Browser 2", True),
        ("Browser 1", True),
        ("Firefox on Linux", False),
    ]


def test_what_is_no_login_is_not_listed(bob):
    services.change_password(bob, old=PASSWORD, new="another good password")
    log_in(client_for(), password="a wrong password")

    assert methods(bob) == ["registration"]


def test_a_password_alone_is_no_login_with_a_second_factor(bob):
    with_totp(bob)

    log_in(client_for())

    assert methods(bob) == ["registration"]


def test_the_last_fifty_are_kept(bob, clock):
    for number in range(login_history.KEPT - 1):
        clock.shift(1)
        use(number)
    assert len(methods(bob)) == login_history.KEPT
    assert "registration" in methods(bob)
    clock.shift(1)

    use(99)

    listed = login_history.list_logins(bob)
    assert len(listed) == login_history.KEPT
    assert (listed[0].device, listed[-1].device) == ("Browser 99", "Browser 0")


def test_a_login_is_listed_for_a_year(bob, clock):
    clock.shift(YEAR - 1)
    assert methods(bob) == ["registration"]

    clock.shift(1)

    assert methods(bob) == []
    assert LoginHistory.find(f"logins#{bob.user_id}").expires_at


def test_a_full_history_has_less_than_four_kilobytes(bob, clock):
    for number in range(login_history.KEPT):
        clock.shift(1)
        device = Device(name="Samsung Internet on Android", key=f"{number:043}")
        services.log_in(
            identifier="bob", password=PASSWORD, address="::1", device=device
        )

    item = LoginHistory.find(f"logins#{bob.user_id}")

    assert len(str(item.serialize())) < 4096


def test_an_account_of_the_version_before_starts_a_history(bob):
    account = account_of(bob)
    account.update([type(account).login_count.remove()])
    LoginHistory(user_id=f"logins#{bob.user_id}").delete()
    assert methods(bob) == []

    use()

    assert methods(bob) == ["password"]


def test_a_login_is_listed_once_if_the_reply_is_lost(bob):
    with faults.reply_lost("TransactWriteItems"):
        use()

    assert methods(bob).count("password") == 1


def test_a_login_that_fails_is_not_listed(bob):
    with faults.down("TransactWriteItems"), pytest.raises(TransactWriteError):
        use()

    assert methods(bob) == ["registration"]


def test_the_api_lists_the_callers_own_logins(bob):
    alice = make_user("alice")
    use()

    (first, second) = client_for(bob).get(URL).json()

    assert {first["method"], second["method"]} == {"password", "registration"}
    assert first.keys() == {"at", "device", "method", "is_new_device"}
    assert len(client_for(alice).get(URL).json()) == 1
    assert client_for().get(URL).status_code == 401


@pytest.mark.parametrize(("scope", "status"), [("account", 200), ("read", 403)])
def test_a_token_needs_the_scope_account(bob, scope, status):
    program = program_with(make_token(bob, scope))

    assert program.get(URL).status_code == status


def test_the_page_lists_them_beside_the_sessions(bob, clock):
    clock.shift(1)
    use(1)

    page = " ".join(client_for(bob).get("/accounts/sessions").text.split())

    assert "Recent logins" in page
    assert "Browser 1 <span" in page
    assert "New device" in page
    assert "<td>Password</td>" in page
    assert "<td>Registration</td>" in page


def test_the_page_is_german_too(bob):
    client = client_for(bob)
    client.post("/accounts/profile", {"time_zone": "UTC", "language": "de"})

    page = client.get("/accounts/sessions").text

    assert "Letzte Anmeldungen" in page
    assert "Registrierung" in page


def test_the_history_is_deleted_with_the_account(bob):
    deletion.close_account(bob, password=PASSWORD)

    deletion.continue_deletion(bob.user_id)

    assert LoginHistory.find(f"logins#{bob.user_id}") is None
