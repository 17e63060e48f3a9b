"""Logging in with a passkey, alone and as the second step."""

import dataclasses
import threading

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from accounts import services, sessions
from accounts.devices import Device
from accounts.factors import ceremonies, passkeys, second_step
from accounts.factors.passkeys import RefusedPasskeyError
from accounts.factors.second_step import SecondStep, TicketError
from accounts.models import Account, Challenge, Passkey
from smartbudget.core.errors import AuthenticationError, ConflictError, ThrottledError
from smartbudget.core.throttling import Throttle
from tests.accounts.factors.authenticator import (
    CAN_SYNC,
    PRESENT,
    SYNCED,
    VERIFIED,
    Authenticator,
)
from tests.accounts.factors.builders import with_passkey, with_totp
from tests.builders import PASSWORD, account_of, make_user
from tests.notifications import faults

HERE = "192.0.2.1"

pytestmark = pytest.mark.usefixtures("aws", "clock")


def log_in(device, options=None):
    response = device.use(options or passkeys.login_options())
    return passkeys.log_in(response, address=HERE, device=Device("Firefox on Linux"))


def passkey_of(device) -> Passkey:
    found = Passkey.find(Passkey.item_key(ceremonies.id_of(device.credential_id)))
    assert found
    return found


def test_a_login_with_a_passkey_alone_counts_as_both_factors(bob, phone, clock):
    login = log_in(phone)

    user = sessions.find_session(login.session_key)
    assert user == bob
    assert user.has_second_factor
    assert login.user.has_second_factor
    listed = sessions.list_sessions(bob, login.session_key)
    [session] = [session for session in listed if session.is_current]
    assert session.device == "Firefox on Linux"


@pytest.mark.parametrize(
    "make_key",
    [
        ed25519.Ed25519PrivateKey.generate,
        lambda: rsa.generate_private_key(65537, 2048),
        lambda: ec.generate_private_key(ec.SECP256R1()),
    ],
)
def test_keys_of_all_offered_kinds_log_in(bob, make_key):
    assert log_in(with_passkey(bob, Authenticator(key=make_key()))).user == bob


def test_a_passkey_needs_no_code_of_the_authenticator_app(bob, phone):
    with_totp(bob)

    assert log_in(phone).user == bob


def test_the_use_of_a_passkey_is_recorded(phone, clock):
    assert passkey_of(phone).last_used_at is None

    log_in(phone.but(flags=PRESENT | VERIFIED | CAN_SYNC | SYNCED, sign_count=3))

    used = passkey_of(phone)
    assert used.last_used_at
    assert used.sign_count == 3
    assert used.is_synced


@pytest.mark.parametrize(
    "changes",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://localhost:8001"},
        {"origin": "https://localhost:8000"},
        {"rp_id": "evil.example"},
        {"flags": PRESENT},
        {"flags": VERIFIED},
        {"key": ec.generate_private_key(ec.SECP256R1())},
        {"credential_id": b"unknown"},
        {"user_handle": b"0" * 32},
    ],
)
def test_other_passkeys_sites_and_unverified_users_get_the_same_refusal(phone, changes):
    with pytest.raises(RefusedPasskeyError) as refused:
        log_in(phone.but(**changes))

    assert str(refused.value) == passkeys.REFUSAL


def test_a_passkey_without_a_user_handle_logs_in(bob, phone):
    assert log_in(phone.but(user_handle=None)).user == bob


def test_a_challenge_is_good_once(phone):
    options = passkeys.login_options()
    log_in(phone, options)

    with pytest.raises(RefusedPasskeyError):
        log_in(phone, options)


def test_a_refused_response_does_not_use_up_the_challenge_of_another(bob, phone):
    options = passkeys.login_options()
    with pytest.raises(RefusedPasskeyError):
        log_in(phone.but(flags=PRESENT), options)

    assert log_in(phone, options).user == bob


@pytest.mark.parametrize(("seconds", "is_valid"), [(299, True), (300, False)])
def test_a_challenge_is_good_for_five_minutes(phone, clock, seconds, is_valid):
    options = passkeys.login_options()
    clock.shift(seconds)

    if is_valid:
        log_in(phone, options)
    else:
        with pytest.raises(RefusedPasskeyError):
            log_in(phone, options)


@pytest.mark.parametrize("purpose", ["add", "step-up"])
def test_a_challenge_is_good_for_one_purpose(phone, purpose):
    with pytest.raises(RefusedPasskeyError):
        log_in(phone, ceremonies.request_options(purpose))


def test_a_challenge_of_ones_own_is_refused(phone):
    with pytest.raises(RefusedPasskeyError):
        log_in(phone, {"challenge": "A" * 43})


def test_one_of_two_racing_requests_with_one_challenge_wins(bob, phone):
    response = phone.use(passkeys.login_options())
    before = len(account_of(bob).sessions)
    outcomes: list[str] = []

    def attempt():
        try:
            passkeys.log_in(response, address=HERE)
            outcomes.append("in")
        except RefusedPasskeyError:
            outcomes.append("refused")

    threads = [threading.Thread(target=attempt) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["in", "refused"]
    assert len(account_of(bob).sessions) == before + 1


def test_a_change_of_the_account_meanwhile_does_not_end_the_login(bob, phone):
    with faults.meanwhile(
        lambda: account_of(bob).update([Account.currency.set("EUR")])
    ):
        assert log_in(phone).user.currency == "EUR"


def test_a_sign_count_that_goes_back_only_warns(bob, phone, caplog):
    log_in(phone.but(sign_count=7))
    assert "sign count" not in caplog.text

    assert log_in(phone.but(sign_count=7)).user == bob

    assert f"passkey's sign count went back user_id={bob.user_id}" in caplog.text


def test_a_passkey_that_does_not_count_does_not_warn(phone, caplog):
    for _ in range(2):
        log_in(phone)

    assert "sign count" not in caplog.text


def test_a_removed_passkey_is_refused(bob, phone):
    passkey_of(phone).delete()

    with pytest.raises(RefusedPasskeyError):
        log_in(phone)


def test_a_passkey_that_the_account_does_not_list_is_refused(bob, phone):
    account_of(bob).update([Account.passkeys.remove()])

    with pytest.raises(RefusedPasskeyError):
        log_in(phone)


def test_a_passkey_removed_meanwhile_is_refused(phone):
    with (
        faults.meanwhile(passkey_of(phone).delete),
        pytest.raises(RefusedPasskeyError),
    ):
        log_in(phone)

    assert Passkey.find(Passkey.item_key(ceremonies.id_of(phone.credential_id))) is None


def test_a_locked_account_is_refused_with_its_own_sentence(bob, phone):
    account_of(bob).update([Account.locked_at.set("2026-03-01T00:00:00Z")])

    with pytest.raises(AuthenticationError, match="This account is locked"):
        log_in(phone)


def test_a_closed_account_is_refused_as_an_unknown_passkey(bob, phone):
    account_of(bob).update([Account.closed_at.set("2026-03-01T00:00:00Z")])

    with pytest.raises(RefusedPasskeyError):
        log_in(phone)


def test_failures_are_throttled_by_network_address(phone, monkeypatch):
    limit = dataclasses.replace(passkeys.LOGINS, tries=2)
    monkeypatch.setattr(passkeys, "LOGINS", limit)
    log_in(phone)  # does not count
    for _ in range(2):
        with pytest.raises(RefusedPasskeyError):
            log_in(Authenticator())

    with pytest.raises(ThrottledError):
        log_in(phone)
    other = phone.use(passkeys.login_options())
    passkeys.log_in(other, address="192.0.2.2")


def test_a_login_leaves_no_challenge(phone):
    log_in(phone)

    challenges = [i for i in Challenge.scan() if i.user_id.startswith("challenge#")]
    assert [challenge.purpose for challenge in challenges] == ["test"]
    counters = [i for i in Throttle.scan() if "throttle#passkey" in i.user_id]
    assert [counter.tries for counter in counters] == [0]


@pytest.mark.parametrize(
    ("app_url", "expected"),
    [
        ("http://localhost:8000", ("localhost", "http://localhost:8000")),
        ("https://Budget.Example.com", ("budget.example.com",) * 2),
        ("https://budget.example.com:443", ("budget.example.com",) * 2),
        ("https://budget.example.com:8443/app", ("budget.example.com",) * 2),
        ("http://127.0.0.1:8000", None),
        ("https://192.0.2.1", None),
        ("https://[2001:db8::1]", None),
        ("http://budget.example.com", None),
        ("", None),
    ],
)
def test_passkeys_need_a_host_name_with_https(monkeypatch, app_url, expected):
    config = dataclasses.replace(ceremonies.config, app_url=app_url)
    monkeypatch.setattr(ceremonies, "config", config)

    party = ceremonies.find_relying_party()

    assert (party and party.id) == (expected and expected[0])
    if expected is None:
        with pytest.raises(ConflictError, match="not an IP address"):
            passkeys.login_options()
    elif party.id == "budget.example.com":
        port = ":8443" if "8443" in app_url else ""
        assert party.origin == f"https://budget.example.com{port}"


def test_the_options_name_no_passkey_and_require_verification():
    options = passkeys.login_options()

    assert options["rpId"] == "localhost"
    assert options["userVerification"] == "required"
    assert options["allowCredentials"] == []
    assert len(options["challenge"]) == 43


# The second step.


def ticket_of(name="bob") -> str:
    step = services.log_in(identifier=name, password=PASSWORD, address=HERE)
    assert isinstance(step, SecondStep)
    return step.ticket


def complete(ticket, device, options=None):
    response = device.use(options or passkeys.login_options())
    proof = second_step.proof_of(passkey=response)
    return second_step.complete(ticket, proof, address=HERE)


def test_the_password_leads_to_a_second_step_with_the_passkey(bob, phone):
    step = services.log_in(identifier="bob", password=PASSWORD, address=HERE)

    assert step.factors == ("passkey",)
    login = complete(step.ticket, phone)
    assert sessions.find_session(login.session_key).has_second_factor


def test_another_accounts_passkey_does_not_complete_a_login(bob, phone):
    tablet = with_passkey(make_user("carol"))

    with pytest.raises(RefusedPasskeyError):
        complete(ticket_of("bob"), tablet)


def test_wrong_passkeys_count_as_attempts_at_the_second_factor(bob, phone):
    ticket = ticket_of()
    for _ in range(10):
        with pytest.raises(RefusedPasskeyError):
            complete(ticket, Authenticator())

    with pytest.raises(ThrottledError):
        complete(ticket, phone)
    assert log_in(phone).user == bob  # alone it is no guess of a second factor


def test_a_challenge_completes_one_login(phone):
    options = passkeys.login_options()
    complete(ticket_of(), phone, options)

    with pytest.raises(RefusedPasskeyError):
        complete(ticket_of(), phone, options)


def test_a_ticket_begins_one_session_with_a_passkey_too(phone):
    ticket = ticket_of()
    complete(ticket, phone)

    with pytest.raises(TicketError):
        complete(ticket, phone)
