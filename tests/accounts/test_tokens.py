"""API tokens: scopes, expiry and what ends them."""

import datetime
import threading

import boto3
import pytest
import time_machine
from pynamodb.exceptions import TransactWriteError

from accounts import credentials, services, sessions, tokens
from accounts.models import Account, ApiToken
from notifications.models import Notification
from profiles import deletion
from profiles.services import update_profile
from smartbudget.core import dates
from smartbudget.core.dynamodb import Transaction
from smartbudget.core.errors import (
    AuthenticationError,
    ConflictError,
    InvalidError,
    NotFoundError,
    ThrottledError,
)
from staff import users
from tests.builders import (
    PASSWORD,
    account_of,
    make_staff,
    make_token,
    make_user,
    with_factor,
)
from tests.money_builders import NOON
from tests.notifications.builders import queued
from tests.notifications.faults import calls_counted, down, reply_lost

GIVEN = {"password": PASSWORD, "name": "Script", "scopes": ["read"]}
DAY = datetime.timedelta(days=1)


@pytest.fixture
def clock(aws):
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def bob(aws):
    return make_user("bob")


def create(user, **fields):
    return tokens.create_token(user, **{**GIVEN, "expires_in_days": 30, **fields})


def items():
    return [token for token in ApiToken.scan() if token.user_id.startswith("token#")]


def notices(user):
    notifications = Notification.by_user.query(user.user_id)
    return [notice for notice in notifications if notice.type == "api_token_created"]


# ------------------------------------------------------------------- creating


def test_a_token_acts_for_its_user_within_its_scopes(bob):
    token, secret = create(bob, name=" Backup ", scopes=["reports", "read", "read"])

    user, access = tokens.find_token(secret)

    assert user == bob
    assert access == tokens.Access(token.token_id, frozenset({"read", "reports"}))
    assert (token.name, token.scopes) == ("Backup", ("read", "reports"))


def test_a_token_has_a_prefix_is_random_and_is_not_stored(bob):
    secrets = {make_token(bob) for _ in range(3)}

    assert len(secrets) == 3
    for secret in secrets:
        assert secret.startswith("smartbudget_")
        assert len(bytes.fromhex(secret.removeprefix("smartbudget_"))) == 32
        for table in ("users", "notifications"):
            assert secret not in str(boto3.client("dynamodb").scan(TableName=table))


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 51}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["read", "admin"]}, "scopes"),
        ({"expires_in_days": 0}, "expires_in_days"),
        ({"expires_in_days": 367}, "expires_in_days"),
        ({"expires_in_days": True}, "expires_in_days"),
        ({"expires_in_days": 1.5}, "expires_in_days"),
        ({"password": "something else"}, "password"),
    ],
)
def test_an_invalid_value_is_rejected_with_its_field(bob, fields, field):
    with pytest.raises(InvalidError) as refused:
        create(bob, **fields)

    assert refused.value.field == field
    assert (items(), account_of(bob).tokens) == ([], None)


@pytest.mark.parametrize("days", [1, 366])
@pytest.mark.parametrize("name", ["x", "ü" * 50])
def test_values_at_the_limits_are_allowed(bob, days, name):
    token, _ = create(bob, name=name, expires_in_days=days)

    assert tokens.list_tokens(bob) == [token]


def test_a_stolen_session_cannot_be_used_to_guess_the_password(bob):
    for _ in range(services.PASSWORD_CHECKS.tries):
        with pytest.raises(InvalidError):
            create(bob, password="wrong")

    with pytest.raises(ThrottledError):
        create(bob)


def test_the_twenty_first_token_is_rejected_and_none_is_ended(clock):
    bob = make_user()
    create(bob, expires_in_days=1)
    secrets = [make_token(bob) for _ in range(19)]

    with pytest.raises(ConflictError, match="20 API tokens"):
        create(bob)
    assert all(map(tokens.find_token, secrets))

    clock.shift(DAY)  # the first one has expired
    secrets.append(make_token(bob))
    assert all(map(tokens.find_token, secrets))
    assert len(account_of(bob).tokens) == len(items()) == 20


def test_two_tokens_created_at_once_are_both_listed(bob):
    together, created = threading.Barrier(2), []

    def make():
        together.wait(5)
        created.append(create(bob)[0])

    threads = [threading.Thread(target=make) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert {token.token_id for token in tokens.list_tokens(bob)} == {
        token.token_id for token in created
    }
    assert len(created) == len(notices(bob)) == 2


# ------------------------------------------------------------------- the notice


def test_a_notice_is_stored_with_the_token_and_queued(bob):
    create(bob, name="Backup")

    (notice,) = notices(bob)
    assert notice.subject == "New API token: Backup"
    assert [body["notification_id"] for body in queued()] == [notice.notification_id]


def test_no_token_is_stored_without_its_notice(bob):
    with down("TransactWriteItems"), pytest.raises(TransactWriteError):
        create(bob)
    assert (items(), account_of(bob).tokens, notices(bob)) == ([], None, [])

    with down("SendMessageBatch"):
        create(bob)
    assert [notice.status for notice in notices(bob)] == [
        "queued"
    ]  # the sweep sends it


def test_a_lost_reply_creates_one_token_and_one_notice(bob):
    with reply_lost("TransactWriteItems"):
        token, secret = create(bob)

    assert tokens.list_tokens(bob) == [token]
    assert tokens.find_token(secret)
    assert len(notices(bob)) == 1


def test_a_token_whose_response_was_lost_is_listed_and_can_be_revoked(bob, monkeypatch):
    commit = Transaction.commit

    def die(writes):
        commit(writes)
        raise KeyboardInterrupt

    monkeypatch.setattr(Transaction, "commit", die)
    with pytest.raises(KeyboardInterrupt):
        create(bob)
    monkeypatch.undo()

    (lost,) = tokens.list_tokens(bob)
    tokens.revoke_token(bob, lost.token_id)
    assert items() == []
    assert len(notices(bob)) == 1


# -------------------------------------------------------------------- using


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "smartbudget_",
        "smartbudget_" + "0" * 64,
        "0" * 64,
        "ü",
        "\ud800",
        "x" * 9999,
    ],
)
def test_a_forged_token_is_rejected(bob, secret):
    make_token(bob)

    with calls_counted() as calls:
        assert tokens.find_token(secret) is None

    assert len(calls) <= 1


def test_session_keys_and_tokens_are_not_interchangeable(bob):
    key = sessions.begin_session(account_of(bob)).session_key

    assert tokens.find_token(key) is None
    assert sessions.find_session(make_token(bob)) is None


def test_a_token_expires_on_its_date(clock):
    bob = make_user()
    secret = make_token(bob, days=7)

    clock.shift(7 * DAY - datetime.timedelta(seconds=1))
    assert tokens.find_token(secret)

    clock.shift(1)
    assert tokens.find_token(secret) is None
    assert tokens.list_tokens(bob) == []


def test_last_use_is_stored_once_a_minute(clock):
    bob = make_user()
    secret = make_token(bob)

    def calls():
        with calls_counted() as seen:
            assert tokens.find_token(secret)
        return seen

    assert tokens.list_tokens(bob)[0].last_used_at is None
    assert calls() == ["GetItem", "UpdateItem"]
    assert tokens.list_tokens(bob)[0].last_used_at == dates.timestamp(NOON)
    clock.shift(59)
    assert calls() == ["GetItem"]
    clock.shift(1)
    assert calls() == ["GetItem", "UpdateItem"]
    assert tokens.list_tokens(bob)[0].last_used_at == dates.timestamp()


def test_concurrent_uses_store_last_use_once(clock, monkeypatch):
    bob = make_user()
    secret = make_token(bob)
    stale = credentials.find(ApiToken, secret)
    tokens.find_token(secret)
    clock.shift(5)

    monkeypatch.setattr(credentials, "find", lambda *_: stale)
    assert tokens.find_token(secret)  # read before the other write

    assert tokens.list_tokens(bob)[0].last_used_at == dates.timestamp(NOON)


@pytest.mark.parametrize("fault", [down, reply_lost])
def test_a_failure_to_store_last_use_does_not_fail_the_request(bob, fault, caplog):
    secret = make_token(bob)

    with fault("UpdateItem"):
        user, _ = tokens.find_token(secret)

    assert user == bob
    assert secret not in caplog.text
    assert (fault is down) == ("not stored" in caplog.text)


def test_storing_last_use_does_not_restore_a_revoked_token(bob, monkeypatch):
    token, secret = create(bob)
    read = credentials.find(ApiToken, secret)
    tokens.revoke_token(bob, token.token_id)

    monkeypatch.setattr(credentials, "find", lambda *_: read)
    tokens.find_token(secret)

    assert items() == []


def test_a_profile_change_reaches_tokens_at_once(bob):
    secret = make_token(bob)

    update_profile(bob, currency="KWD", time_zone="Asia/Kuwait")

    user, _ = tokens.find_token(secret)
    assert (user.currency, user.time_zone) == ("KWD", "Asia/Kuwait")


def test_all_copies_of_a_full_account_change_in_one_transaction(bob):
    for _ in range(20):
        sessions.begin_session(account_of(bob))
    secrets = [make_token(bob) for _ in range(20)]

    with calls_counted() as calls:
        update_profile(
            bob,
            time_zone="Asia/Kuwait",
            email_preferences={"weekly_summary": True, "monthly_summary": True},
        )

    assert calls == ["GetItem", "TransactWriteItems"]
    zones = {tokens.find_token(token_secret)[0].time_zone for token_secret in secrets}
    assert zones == {"Asia/Kuwait"}


def test_a_token_written_by_a_newer_release_is_readable(bob):
    secret = make_token(bob)
    token = credentials.find(ApiToken, secret)
    token.update(actions=[ApiToken.user.set({**token.user, "theme": "dark"})])

    assert tokens.find_token(secret)[0] == bob


# ------------------------------------------------------------------ listing


def test_tokens_are_listed_newest_first_without_secrets(clock):
    bob = make_user()
    created = []
    for name in ("first", "second"):
        created.insert(0, create(bob, name=name))
        clock.shift(1)

    with calls_counted() as calls:
        listing = tokens.list_tokens(bob)

    assert listing == [token for token, _ in created]
    assert calls == ["GetItem", "BatchGetItem"]
    assert not [secret for _, secret in created if secret in str(listing)]


def test_listing_no_tokens_reads_only_the_account(bob):
    with calls_counted() as calls:
        assert tokens.list_tokens(bob) == []

    assert calls == ["GetItem"]


def test_a_token_is_shown_until_it_expires(clock):
    bob = make_user()
    token, _ = create(bob, expires_in_days=1)

    assert tokens.get_token(bob, token.token_id) == token
    clock.shift(DAY)
    with pytest.raises(NotFoundError):
        tokens.get_token(bob, token.token_id)


@pytest.mark.parametrize("ask", [tokens.get_token, tokens.revoke_token])
def test_another_users_token_is_not_found(bob, ask):
    token, secret = create(bob)

    for odd in (token.token_id, "", "#", "0" * 64):
        with pytest.raises(NotFoundError):
            ask(make_user(), odd)
    with pytest.raises(NotFoundError):
        ask(bob, secret)
    assert tokens.list_tokens(bob) == [token]


# ------------------------------------------------------------------ ending


def test_revoking_a_token_is_immediate_and_keeps_the_others(bob):
    token, secret = create(bob)
    other = make_token(bob)

    with calls_counted() as calls:
        tokens.revoke_token(bob, token.token_id)

    assert calls == ["GetItem", "TransactWriteItems"]
    assert tokens.find_token(secret) is None
    assert tokens.find_token(other)
    with pytest.raises(NotFoundError):
        tokens.revoke_token(bob, token.token_id)


def test_revoking_again_after_a_lost_reply_succeeds(bob):
    token, secret = create(bob)

    with reply_lost("TransactWriteItems"):
        tokens.revoke_token(bob, token.token_id)

    assert tokens.find_token(secret) is None
    assert account_of(bob).tokens is None


def end_by_password(bob):
    services.change_password(bob, old=PASSWORD, new="another good password")


def end_by_lock(bob):
    users.lock(make_staff(make_user("grace")), bob.user_id, reason="Sends spam")


def end_by_closing(bob):
    deletion.close_account(bob, password=PASSWORD)


ENDS = [end_by_password, end_by_lock, end_by_closing]


@pytest.mark.parametrize("end", ENDS)
def test_all_tokens_end_at_once_with(bob, end):
    secrets = [make_token(bob) for _ in range(20)]
    others = make_token(make_user())

    end(bob)

    assert [tokens.find_token(secret) for secret in secrets] == [None] * 20
    assert tokens.find_token(others)
    assert len(items()) == 1
    assert Account.get(bob.user_id).tokens is None


@pytest.mark.parametrize("end", ENDS)
def test_a_token_being_created_meanwhile_is_rejected(bob, end, monkeypatch):
    checked = account_of(bob)  # after the password was verified
    get_account, late = services.get_account, [checked]
    end(bob)
    monkeypatch.setattr(services, "verify_password", lambda *_: None)
    monkeypatch.setattr(
        services,
        "get_account",
        lambda user_id: late.pop() if late else get_account(user_id),
    )

    with pytest.raises((ConflictError, AuthenticationError, NotFoundError)):
        create(bob)

    assert items() == []


@pytest.mark.parametrize("end", ENDS)
def test_a_token_created_while_all_are_revoked_is_revoked_too(bob, end, monkeypatch):
    commit, late = Transaction.commit, []

    def make_first(writes, *args, **options):
        if not late:
            late.append(None)
            late[0] = make_token(bob)
        commit(writes, *args, **options)

    monkeypatch.setattr(Transaction, "commit", make_first)
    end(bob)

    assert tokens.find_token(late[0]) is None
    assert items() == []


def test_unlocking_does_not_restore_tokens(bob):
    secret = make_token(bob)
    end_by_lock(bob)

    grace = with_factor(services.get_account_by_username("grace").user)
    users.unlock(grace, bob.user_id)

    assert tokens.find_token(secret) is None
    assert tokens.find_token(make_token(bob))


def test_tokens_survive_logging_out(bob):
    secret = make_token(bob)
    sessions.end_other_sessions(bob, None)

    assert account_of(bob).sessions is None
    assert tokens.find_token(secret)
    assert account_of(bob).tokens == {
        credentials.entry_of(token) for token in items() if token.owner == bob.user_id
    }
