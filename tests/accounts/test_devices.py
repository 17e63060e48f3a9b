"""The notice of a login with a new device, and the cookie that makes one known."""

import pytest
from django.conf import settings
from django.test import override_settings

from accounts import devices, services
from accounts.devices import MAX_DEVICES, Device
from accounts.factors import passkeys
from accounts.models import Account
from notifications.models import Notification
from tests.accounts.factors.builders import with_passkey, with_totp
from tests.builders import PASSWORD, account_of, client_for, make_user
from tests.calls import counted
from tests.notifications.builders import run_queued_tasks
from tests.notifications.faults import reply_lost
from tests.notifications.mailing import using_ses
from tests.web.test_form_drafts import fields_of

pytestmark = pytest.mark.usefixtures("aws")

FIREFOX = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Firefox/145.0"}
CURL = {"User-Agent": "curl/8.5.0"}
BOB = {"username": "bob", "email": "bob@example.com", "password": PASSWORD}


@pytest.fixture
def bob():
    """Return a user who has registered with a browser."""
    register(client_for())
    return services.get_account_by_username("bob").user


@pytest.fixture
def sent():
    with using_ses() as mails:
        yield mails


def register(client):
    return client.post("/register", BOB, headers=FIREFOX)


def log_in(client, headers=FIREFOX, **changes):
    data = {"username": "bob", "password": PASSWORD, **changes}
    return client.post("/login", data, headers=headers)


def log_in_by_api(client, headers=CURL):
    data = {"username": "bob", "password": PASSWORD}
    return client.post("/login", data, content_type="application/json", headers=headers)


def notices(user) -> list[Notification]:
    stored = Notification.scan(Notification.user_id == user.user_id)
    return [item for item in stored if item.type == "new_device"]


def use(user, number: int):
    """Log in with one of several devices."""
    device = Device(name="Firefox on Linux", key=f"{number:043}")
    return services.log_in(
        identifier=user.username, password=PASSWORD, address="::1", device=device
    )


# -- new and known


def test_registration_makes_its_browser_known(sent):
    browser = client_for()
    register(browser)
    bob = services.get_account_by_username("bob").user

    log_in(browser)

    assert notices(bob) == []


def test_a_login_with_another_browser_sends_a_notice_once(bob, sent):
    other = client_for()

    log_in(other)
    log_in(other)
    run_queued_tasks()

    (notice,) = notices(bob)
    assert notice.subject == "New login: Firefox on Linux"
    assert "on March 18, 2026 at 12:00" in notice.message
    (mail,) = [mail for mail in sent if mail.subject == notice.subject]
    assert mail.to == ["bob@example.com"]


def test_the_first_login_of_an_account_of_the_version_before_sends_none(bob):
    account_of(bob).update([Account.devices.remove()])

    log_in(client_for())
    assert notices(bob) == []

    log_in(client_for())
    assert len(notices(bob)) == 1


def test_a_login_on_the_command_line_is_no_device(bob):
    services.log_in(identifier="bob", password=PASSWORD, address="::1")

    assert notices(bob) == []


def test_a_wrong_password_neither_sends_a_notice_nor_makes_a_device_known(bob):
    other = client_for()
    known = account_of(bob).devices

    log_in(other, password="a wrong password")

    assert notices(bob) == []
    assert account_of(bob).devices == known
    assert settings.DEVICE_COOKIE_NAME not in other.cookies


def test_a_login_with_a_second_factor_sends_a_notice_after_the_second_step(bob):
    app, _codes = with_totp(bob)
    other = client_for()

    page = log_in(other).text
    assert notices(bob) == []
    ticket = fields_of(page.partition("<details")[0], "/login/second")
    other.post("/login/second", {**ticket, "code": app.code()}, headers=FIREFOX)
    assert len(notices(bob)) == 1
    log_in(other)

    assert len(notices(bob)) == 1


def test_a_recovery_code_on_a_new_device_queues_both_notices_at_once(bob):
    _app, codes = with_totp(bob)
    other = client_for()
    page = log_in(other).text
    ticket = fields_of(page.partition("<details")[0], "/login/second")

    with counted() as calls:
        other.post("/login/second", {**ticket, "recovery_code": codes[0]})

    assert calls.names.count("sqs.SendMessageBatch") == 1
    types = {item.type for item in Notification.scan()}
    assert types >= {"new_device", "recovery_code_used"}


def test_a_login_with_a_passkey_on_a_new_device_sends_a_notice(bob):
    phone = with_passkey(bob)
    response = phone.use(passkeys.login_options())

    login = passkeys.log_in(response, address="::1", device=Device(name="Safari"))

    assert [notice.subject for notice in notices(bob)] == ["New login: Safari"]
    assert login.device_key


def test_a_new_password_does_not_make_the_browser_unknown(sent):
    browser = client_for()
    register(browser)
    bob = services.get_account_by_username("bob").user
    passwords = {"old_password": PASSWORD, "new_password": "another good password"}
    assert browser.post("/accounts/password", passwords).status_code == 302

    log_in(browser, password="another good password")

    assert notices(bob) == []


def test_a_device_whose_cookie_another_account_used_is_new(bob):
    make_user("alice")
    shared = client_for()
    shared.post("/login", {"username": "alice", "password": PASSWORD})
    before = shared.cookies[settings.DEVICE_COOKIE_NAME].value

    log_in(shared)

    assert len(notices(bob)) == 1
    assert shared.cookies[settings.DEVICE_COOKIE_NAME].value == before
    entries = [
        {entry.partition("#")[2] for entry in account_of(user).devices}
        for user in (bob, services.get_account_by_username("alice").user)
    ]
    assert entries[0].isdisjoint(entries[1])


@pytest.mark.parametrize("key", ["", "x" * 42, "x" * 44, "ü" * 43, "../../../"])
def test_a_malformed_cookie_is_replaced(bob, key):
    other = client_for()
    other.cookies[settings.DEVICE_COOKIE_NAME] = key

    log_in(other)

    assert len(notices(bob)) == 1
    assert len(other.cookies[settings.DEVICE_COOKIE_NAME].value) == 43


# -- the cookie


def test_the_cookie_lasts_a_year_and_only_its_digest_is_stored(bob):
    client = client_for()
    log_in(client)

    cookie = client.cookies[settings.DEVICE_COOKIE_NAME]
    assert cookie["max-age"] == 365 * 24 * 3600
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (
        True,
        "Lax",
        "/",
    )
    assert cookie["domain"] == ""
    assert cookie.value not in str(account_of(bob).attribute_values)


def test_over_https_the_cookie_is_bound_to_the_host(bob):
    names = {"DEVICE_COOKIE_NAME": "__Host-device", "SESSION_COOKIE_SECURE": True}
    client = client_for()

    with override_settings(**names):
        log_in(client)

    assert client.cookies["__Host-device"]["secure"]


def test_logging_out_keeps_the_cookie(bob):
    client = client_for()
    log_in(client)
    client.post("/logout")

    log_in(client)

    assert len(notices(bob)) == 1


# -- programs


def test_a_program_without_cookies_sends_one_notice(bob):
    for _night in range(3):
        log_in_by_api(client_for())

    (notice,) = notices(bob)
    assert notice.subject == "New login: curl"


def test_another_program_is_new(bob):
    log_in_by_api(client_for())

    log_in_by_api(client_for(), {"User-Agent": "curl/8.6.0"})

    assert len(notices(bob)) == 2


def test_a_program_with_the_user_agent_of_a_known_browser_is_new(bob):
    log_in_by_api(client_for(), FIREFOX)

    assert len(notices(bob)) == 1


def test_a_browser_with_the_user_agent_of_a_known_program_is_new(bob):
    log_in_by_api(client_for())

    log_in(client_for(), CURL)

    assert len(notices(bob)) == 2


# -- limits, faults, races


def test_the_account_knows_twenty_devices(bob, clock):
    for number in range(MAX_DEVICES):
        clock.shift(1)
        use(bob, number)
    assert len(account_of(bob).devices) == MAX_DEVICES
    sent = len(notices(bob))

    use(bob, 0)

    assert len(notices(bob)) == sent


def test_the_device_not_used_for_longest_is_forgotten(bob, clock):
    for number in range(MAX_DEVICES):
        clock.shift(1)
        use(bob, number)
    clock.shift(1)
    use(bob, 0)
    clock.shift(1)
    use(bob, 99)
    sent = len(notices(bob))

    use(bob, 0)
    assert len(notices(bob)) == sent
    use(bob, 1)

    assert len(notices(bob)) == sent + 1


def test_a_notice_is_stored_once_if_the_reply_is_lost(bob):
    with reply_lost("TransactWriteItems"):
        log_in(client_for())

    assert len(notices(bob)) == 1


def test_a_notice_is_stored_for_each_account_only(bob):
    alice = make_user("alice")

    log_in(client_for())

    assert notices(alice) == []


def test_an_unknown_device_is_described(bob):
    with_program = Device(program="unknown")

    known = devices.recognize(account_of(bob), with_program)

    assert (known.is_new, known.key) == (True, None)
