"""Locking accounts: login is blocked, sessions end, and staff see no private data."""

import dataclasses
import threading

import pytest
import time_machine

from accounts import credentials, services, sessions
from accounts.models import Account, UniqueName
from notifications import delivery, subscriptions
from smartbudget.core.config import config
from smartbudget.core.errors import (
    AuthenticationError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
)
from staff import users
from tests.builders import (
    PASSWORD,
    account_of,
    client_for,
    make_staff,
    make_token,
    make_user,
    program_with,
)
from tests.money_builders import NOON
from tests.notifications import faults
from tests.notifications.builders import mails, make_notification, state

HERE = "192.0.2.1"
REASON = "Sends spam"


@pytest.fixture
def grace(aws):
    return make_staff(make_user("grace"))


@pytest.fixture
def bob(aws):
    return make_user("bob")


def log_in(password=PASSWORD, name="bob"):
    return services.log_in(identifier=name, password=password, address=HERE)


@pytest.mark.parametrize(
    "identifier", ["bob", " BOB ", "bob@example.com", "Bob@Example.com"]
)
def test_staff_find_users_by_exact_username_or_e_mail(grace, bob, identifier):
    assert users.find_user(grace, identifier).user_id == bob.user_id
    assert users.find_user(grace, bob.user_id).username == "bob"


@pytest.mark.parametrize(
    "identifier",
    ["bo", "bob@example", "0" * 32, "", "\ud800", "b" * 5000, "username#bob", "böb"],
)
def test_partial_and_invalid_identifiers_find_no_user(grace, bob, identifier):
    with pytest.raises(NotFoundError):
        users.find_user(grace, identifier)


def test_fields_staff_see_of_a_user(grace):
    with time_machine.travel(NOON, tick=False):
        bob = make_user("bob")
        sessions.begin_session(account_of(bob))
        seen = users.get_user(grace, bob.user_id)

    assert dataclasses.asdict(seen) == {
        "user_id": bob.user_id,
        "username": "bob",
        "is_staff": False,
        "created_at": account_of(bob).created_at,
        "last_login_at": account_of(bob).created_at,
        "live_sessions": 2,
        "subscription_status": "none",
        "locked_at": None,
        "locked_reason": None,
    }


def test_aws_calls_of_finding_a_user(grace, bob):
    with faults.calls_counted() as calls:
        users.find_user(grace, "bob@example.com")

    assert calls == ["GetItem", "GetItem"]


@pytest.mark.parametrize(
    "ask",
    [
        lambda user, user_id: users.find_user(user, "bob"),
        users.get_user,
        lambda user, user_id: users.lock(user, user_id, reason=REASON),
        users.unlock,
    ],
)
def test_other_users_are_rejected(bob, ask):
    with pytest.raises(ForbiddenError):
        ask(make_user("mallory"), bob.user_id)
    assert account_of(bob).locked_at is None


def test_locking_ends_all_sessions_and_tokens_at_once(grace, bob):
    keys = [log_in().session_key for _ in range(19)]

    with faults.calls_counted() as calls:
        person = users.lock(grace, bob.user_id, reason=f" {REASON} ")

    assert calls == ["GetItem", "TransactWriteItems"]
    assert [sessions.find_session(key) for key in keys] == [None] * 19
    account = account_of(bob)
    assert (account.sessions, account.locked_reason) == (None, REASON)
    assert (person.live_sessions, person.locked_at) == (0, account.locked_at)
    assert users.get_user(grace, bob.user_id) == person


def test_the_lock_is_revealed_only_with_the_correct_password(grace, bob, monkeypatch):
    monkeypatch.setattr(
        credentials,
        "config",
        dataclasses.replace(config, support_email="help@example.com"),
    )
    users.lock(grace, bob.user_id, reason=REASON)

    with pytest.raises(AuthenticationError, match="Wrong username or password"):
        log_in("wrong password")
    with pytest.raises(AuthenticationError) as error:
        log_in()
    assert str(error.value) == ("This account is locked. Contact help@example.com.")


def test_a_wrong_password_costs_the_same_as_before(grace, bob):
    def costs():
        with faults.calls_counted() as calls, pytest.raises(AuthenticationError):
            log_in("wrong password")
        return calls

    before = costs()
    users.lock(grace, bob.user_id, reason=REASON)

    assert costs() == before


def test_a_concurrent_login_does_not_succeed(grace, bob):
    checked = account_of(bob)
    users.lock(grace, bob.user_id, reason=REASON)

    with pytest.raises(AuthenticationError, match="locked"):
        sessions.begin_session(checked)
    with pytest.raises(AuthenticationError, match="locked"):
        services.change_password(bob, old=PASSWORD, new="another good password")
    assert account_of(bob).sessions is None


def test_a_session_started_while_locking_ends_too(grace, bob, monkeypatch):
    commit, late = users.Transaction.commit, []

    def begin_first(writes, *args):
        if not late:
            late.append(None)
            late[0] = sessions.begin_session(account_of(bob)).session_key
        commit(writes, *args)

    monkeypatch.setattr(users.Transaction, "commit", begin_first)
    users.lock(grace, bob.user_id, reason=REASON)

    assert sessions.find_session(late[0]) is None
    assert account_of(bob).sessions is None


def test_locking_twice_keeps_the_first_reason(grace, bob):
    first = users.lock(grace, bob.user_id, reason=REASON)

    assert users.lock(grace, bob.user_id, reason="Another") == first


def test_concurrent_locks_lock_once(grace, bob):
    together, results = threading.Barrier(2), []

    def lock(reason):
        together.wait(5)
        results.append(users.lock(grace, bob.user_id, reason=reason))

    threads = [threading.Thread(target=lock, args=[name]) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(results) == 2
    assert results[0] == results[1] == users.get_user(grace, bob.user_id)


@pytest.mark.parametrize("act", ["lock", "unlock"])
def test_a_lost_reply_is_harmless(grace, bob, act):
    acts = {
        "lock": lambda: users.lock(grace, bob.user_id, reason=REASON),
        "unlock": lambda: users.unlock(grace, bob.user_id),
    }
    if act == "unlock":
        acts["lock"]()

    with faults.reply_lost("TransactWriteItems"):
        acts[act]()

    assert bool(account_of(bob).locked_at) is (act == "lock")


def test_an_unlocked_user_can_log_in(grace, bob):
    users.lock(grace, bob.user_id, reason=REASON)

    for _ in range(2):
        person = users.unlock(grace, bob.user_id)

    assert (person.locked_at, person.locked_reason) == (None, None)
    assert log_in().user == bob


def test_staff_cannot_be_locked(grace):
    heidi = make_user("heidi")
    users.set_staff("heidi", is_staff=True)

    with pytest.raises(ConflictError, match="yourself"):
        users.lock(grace, grace.user_id, reason=REASON)
    with pytest.raises(ConflictError, match="Staff"):
        users.lock(grace, heidi.user_id, reason=REASON)
    users.set_staff("heidi", is_staff=False)
    assert users.lock(grace, heidi.user_id, reason=REASON).locked_at


@pytest.mark.parametrize("reason", ["", "  ", "x" * 201, "a\nb", "\ud800"])
def test_a_reason_is_a_short_line(grace, bob, reason):
    with pytest.raises(InvalidError) as refused:
        users.lock(grace, bob.user_id, reason=reason)

    assert refused.value.field == "reason"
    assert account_of(bob).locked_at is None


def test_a_pending_address_change_is_cancelled(grace, bob):
    account_of(bob).update([Account.pending_email.set("thief@example.com")])
    UniqueName(user_id="email#thief@example.com", owner=bob.user_id).save()

    users.lock(grace, bob.user_id, reason=REASON)

    assert account_of(bob).pending_email is None
    with pytest.raises(UniqueName.DoesNotExist):
        UniqueName.get("email#thief@example.com")


def test_a_locked_account_gets_only_security_notices(grace, bob):
    subscriptions.subscribe(bob)
    users.lock(grace, bob.user_id, reason=REASON)
    make_notification("n1", bob.user_id)
    make_notification("n2", bob.user_id, type="password_changed", subject="Changed")

    for name in ("n1", "n2"):
        delivery.deliver(name)

    assert state("n1") == ("skipped", "The account is locked.")
    assert state("n2") == ("sent", None)
    assert mails() == [("bob@example.com", "Changed")]


def test_each_action_is_logged_with_ids_only(grace, bob, caplog):
    caplog.set_level("INFO")

    users.find_user(grace, "bob")
    users.lock(grace, bob.user_id, reason=REASON)
    users.unlock(grace, bob.user_id)

    log_lines = [line for line in caplog.messages if "by staff" in line]
    by = f"by staff user_id={grace.user_id} target={bob.user_id}"
    assert log_lines == [f"{act} {by}" for act in ("seen", "locked", "unlocked")]
    assert REASON not in caplog.text


def test_an_unknown_user_cannot_be_locked(grace):
    with pytest.raises(NotFoundError):
        users.lock(grace, "0" * 32, reason=REASON)
    with pytest.raises(NotFoundError):
        users.unlock(grace, "0" * 32)


def test_a_locked_user_is_redirected_to_login_which_explains_the_lock(grace, bob):
    client, program = client_for(bob), program_with(make_token(bob))
    users.lock(grace, bob.user_id, reason=REASON)

    assert program.get("/api/expenses").status_code == 401
    assert client.get("/expenses").status_code == 302
    assert client.get("/api/expenses").status_code == 401
    answer = client.post("/login", {"username": "bob", "password": PASSWORD})
    assert answer.status_code == 401
    assert "This account is locked. Contact" in answer.content.decode()
    assert REASON not in answer.content.decode()
