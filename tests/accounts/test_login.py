"""Login by username or e-mail: throttled, and revealing nothing about accounts."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st
from pynamodb.exceptions import TransactWriteError

from accounts import passwords, services, sessions
from accounts.models import Account
from smartbudget.core import dates
from smartbudget.core.errors import (
    AuthenticationError,
    ThrottledError,
    UnavailableError,
)
from smartbudget.core.throttling import Limit, Throttle
from tests.builders import PASSWORD, account_of, make_user
from tests.conftest import empty_aws
from tests.notifications import faults

HERE = "192.0.2.1"


def log_in(identifier="bob", password=PASSWORD, address=HERE):
    return services.log_in(identifier=identifier, password=password, address=address)


def fail(times, identifier="bob", address=HERE):
    for _ in range(times):
        with pytest.raises(AuthenticationError):
            log_in(identifier, "wrong password", address)


@pytest.mark.parametrize(
    "identifier", ["bob", " BOB ", "bob@example.com", "Bob@Example.com"]
)
def test_login_accepts_username_or_e_mail_in_any_case(aws, identifier):
    bob = make_user("bob")

    assert log_in(identifier).user == bob


@pytest.mark.parametrize(
    ("identifier", "password"),
    [
        ("bob", "wrong password"),
        ("bob", PASSWORD.upper()),
        ("bob", "x" * 1000),
        ("bob", "\ud800" * 8),
        ("nobody", PASSWORD),
        ("nobody@example.com", PASSWORD),
        ("\ud800", PASSWORD),
        ("b" * 5000, PASSWORD),
        ("", PASSWORD),
    ],
)
def test_every_failure_gets_the_same_answer(aws, identifier, password):
    make_user("bob")

    with pytest.raises(AuthenticationError, match="Wrong username or password"):
        log_in(identifier, password)


def test_an_unknown_username_costs_the_same_calls_and_one_hash(aws, monkeypatch):
    make_user("bob")
    hashed = []
    verify = passwords._hasher().verify

    def count(_, *args):
        hashed.append(args)
        return verify(*args)

    monkeypatch.setattr(type(passwords._hasher()), "verify", count)

    with faults.calls_counted() as known:
        fail(1, "bob", "192.0.2.1")
    assert len(hashed) == 1
    with faults.calls_counted() as unknown:
        fail(1, "nobody", "192.0.2.2")

    assert len(hashed) == 2
    assert known == unknown


def test_unicode_forms_of_a_password_are_equivalent(aws):
    services.register(
        username="bob", email="bob@example.com", password="caf\u00e9 noir"
    )

    assert log_in(password="cafe\u0301 noir")


def test_ten_failures_lock_a_username_temporarily(aws):
    make_user("bob")
    fail(10)

    with pytest.raises(ThrottledError) as caught:
        log_in()

    assert 890 < caught.value.retry_after <= 900


def test_case_variants_of_a_username_share_a_counter(aws):
    make_user("bob")
    fail(5, "bob")
    fail(5, " BOB ")

    with pytest.raises(ThrottledError):
        log_in("Bob")


def test_throttling_a_username_does_not_reveal_its_e_mail_address(aws):
    """The owner can log in by e-mail, and others learn nothing about the address."""
    make_user("bob")
    make_user("carol")
    fail(10, "bob")

    fail(1, "bob@example.com")
    fail(1, "carol@example.com")
    assert log_in("bob@example.com")


ATTEMPTS = st.lists(
    st.sampled_from(["bob", "Bob", "bob@example.com", "carol@example.com", "nobody"]),
    max_size=60,
)


@given(attempts=ATTEMPTS)
@settings(max_examples=15, deadline=None)
def test_failures_do_not_reveal_which_names_share_an_account(attempts):
    """Names of one account and of two accounts get the same responses."""

    def answers(address_of_bob):
        with empty_aws():
            make_user("bob" if address_of_bob else "somebody")
            make_user("carol")
            return [outcome(attempt) for attempt in attempts]

    def outcome(identifier):
        try:
            log_in(identifier, "wrong password")
        except (AuthenticationError, ThrottledError) as error:
            return type(error), str(error)

    assert answers(address_of_bob=True) == answers(address_of_bob=False)


def test_other_accounts_are_not_throttled(aws):
    make_user("bob")
    alice = make_user("alice")
    fail(10, "bob")

    assert log_in("alice").user == alice


def test_unknown_usernames_are_throttled_too(aws):
    fail(10, "nobody")

    with pytest.raises(ThrottledError):
        log_in("Nobody")


def test_the_throttle_expires_after_fifteen_minutes(aws):
    make_user("bob")
    with time_machine.travel(dates.now(), tick=False) as clock:
        fail(10)
        clock.shift(899)
        with pytest.raises(ThrottledError):
            log_in()

        clock.shift(1)

        assert log_in()
        fail(10)
        with pytest.raises(ThrottledError):
            log_in()


def test_successes_and_throttled_attempts_are_not_counted(aws):
    make_user("bob")
    fail(9)
    for _ in range(3):
        log_in()

    fail(1)
    for _ in range(3):
        with pytest.raises(ThrottledError):
            log_in()

    assert sorted(item.tries for item in counters()) == [10, 10]


def test_failures_from_one_ip_address_are_limited_across_accounts(aws, monkeypatch):
    monkeypatch.setattr(services, "ADDRESS_LOGINS", Limit("login-from", 3, 900))
    make_user("bob")
    fail(2, "nobody")
    fail(1, "no.one")

    with pytest.raises(ThrottledError):
        log_in("bob")

    assert log_in("bob", address="192.0.2.2")


def test_parallel_guesses_do_not_exceed_the_limit(aws):
    make_user("bob")
    outcomes = []

    def guess():
        try:
            log_in(password="wrong password")
        except (AuthenticationError, ThrottledError) as error:
            outcomes.append(type(error))

    threads = [threading.Thread(target=guess) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert outcomes.count(AuthenticationError) == 10
    assert outcomes.count(ThrottledError) == 20


def test_too_many_hashes_at_once_are_rejected_without_counting(aws, monkeypatch):
    make_user("bob")
    monkeypatch.setattr(passwords, "_slots", threading.BoundedSemaphore(1))
    monkeypatch.setattr(passwords, "MAX_WAIT_SECONDS", 0)

    with passwords._slot(), pytest.raises(UnavailableError):
        log_in()

    assert [item.tries for item in counters()] == [0, 0]


def test_a_right_password_of_a_locked_account_is_not_counted(aws):
    bob = account_of(make_user("bob"))
    bob.update([Account.locked_at.set(dates.timestamp())])

    with pytest.raises(AuthenticationError, match="locked"):
        log_in()

    assert [item.tries for item in counters()] == [0, 0]


def test_a_right_password_is_not_counted_if_the_session_cannot_be_stored(aws):
    make_user("bob")

    with faults.down("TransactWriteItems"), pytest.raises(TransactWriteError):
        log_in()

    assert [item.tries for item in counters()] == [0, 0]


@pytest.mark.parametrize(
    ("operation", "nth"), [("UpdateItem", 2), ("TransactWriteItems", 1)]
)
def test_a_lost_reply_does_not_lock_the_username(aws, operation, nth):
    make_user("bob")

    with faults.reply_lost(operation, nth):
        assert log_in()

    assert all(item.tries <= 1 for item in counters())


def test_a_login_retries_if_the_account_changes_meanwhile(aws):
    """It reads the account once more, and only then."""
    bob = make_user("bob")

    def log_in_elsewhere():
        sessions.begin_session(account_of(bob))

    with faults.calls_counted() as calls, faults.meanwhile(log_in_elsewhere):
        login = log_in()

    assert sessions.find_session(login.session_key) == bob
    assert len(account_of(bob).sessions) == 3  # with the one of the registration
    assert [item.tries for item in counters()] == [0, 0]
    assert calls.count("GetItem") == 2 + 1 + 1  # the retry, and the other login


def test_a_counter_deleted_by_its_ttl_during_a_login_starts_over(aws, monkeypatch):
    """Otherwise subtracting would leave a counter that never expires."""
    make_user("bob")
    verify = passwords.verify

    def verify_and_expire(*args):
        for item in counters():
            item.delete()
        return verify(*args)

    with time_machine.travel(dates.now(), tick=False) as clock:
        monkeypatch.setattr(passwords, "verify", verify_and_expire)
        assert log_in()
        monkeypatch.undo()
        clock.shift(1)

        fail(10)
        with pytest.raises(ThrottledError):
            log_in()


def test_parallel_logins_from_one_ip_address_are_not_counted(aws):
    for number in range(8):
        make_user(f"user{number}")

    with ThreadPoolExecutor(8) as threads:
        logins = list(threads.map(log_in, (f"user{number}" for number in range(8))))

    assert len({login.session_key for login in logins}) == 8
    assert {item.tries for item in counters()} == {0}


def counters():
    return [
        item for item in Throttle.scan() if item.user_id.startswith("throttle#login")
    ]
