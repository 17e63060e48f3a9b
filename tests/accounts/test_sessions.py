"""Sessions: lookup by key, expiry and what ends them."""

import datetime

import pytest
import time_machine
from django.core.management import call_command

from accounts import credentials, services, sessions, tokens
from accounts.models import Session
from profiles.services import update_profile
from smartbudget.core import dates
from smartbudget.core.errors import AuthenticationError
from tests.builders import PASSWORD, account_of, make_user
from tests.notifications.faults import calls_counted, down

DAY = 24 * 3600
FORTNIGHT = 14 * DAY


def begin(user):
    return sessions.begin_session(account_of(user)).session_key


def test_finding_a_session_is_one_consistent_read(aws):
    bob = make_user("bob", large_expense_threshold="99.90", time_zone="Asia/Tokyo")
    key = begin(bob)

    with calls_counted() as calls:
        session = sessions.find_session(key)

    assert session == bob
    assert calls == ["GetItem"]


@pytest.mark.parametrize("key", ["", "x" * 43, "ünïcode"])
def test_a_forged_key_finds_no_session(aws, key):
    make_user()

    assert sessions.find_session(key) is None


def test_the_key_itself_is_not_stored(aws):
    key = begin(make_user())

    assert not [item for item in Session.scan() if key in str(item.to_simple_dict())]


def test_a_session_expires_two_weeks_after_login(aws):
    bob = make_user()
    with time_machine.travel(dates.now(), tick=False) as clock:
        key = begin(bob)
        for _day in range(13):
            clock.shift(DAY)
            assert sessions.find_session(key)
        clock.shift(DAY - 1)
        assert sessions.find_session(key)

        clock.shift(1)

        assert sessions.find_session(key) is None


def test_a_session_that_is_not_used_for_three_days_ends(aws):
    bob = make_user()
    with time_machine.travel(dates.now(), tick=False) as clock:
        key = begin(bob)
        clock.shift(3 * DAY - 1)
        assert sessions.find_session(key)
        clock.shift(3 * DAY - 1)
        assert sessions.find_session(key)

        clock.shift(3 * DAY)

        assert sessions.find_session(key) is None
        assert sessions.find_session(key) is None
        assert sessions.list_sessions(bob) == []


def test_without_an_idle_time_out_a_session_lasts_two_weeks(aws, monkeypatch):
    monkeypatch.setattr(sessions, "IDLE", datetime.timedelta(0))
    bob = make_user()
    with time_machine.travel(dates.now(), tick=False) as clock:
        key = begin(bob)

        clock.shift(FORTNIGHT - 1)

        assert sessions.find_session(key)


def test_the_last_use_is_stored_at_most_once_in_five_minutes(aws):
    bob = make_user()
    written = []
    with time_machine.travel(dates.now(), tick=False) as clock:
        key = begin(bob)
        for seconds in (299, 1, 299, 1):
            clock.shift(seconds)
            with calls_counted() as calls:
                assert sessions.find_session(key)
            written.append(calls == ["GetItem", "UpdateItem"])
        (listed, *_registration) = sessions.list_sessions(bob)

        assert written == [False, True, False, True]
        assert listed.last_used_at == dates.timestamp()


def test_a_session_of_the_version_before_works_and_can_become_idle(aws):
    bob = make_user()
    with time_machine.travel(dates.now(), tick=False) as clock:
        key = begin(bob)
        item = credentials.find(Session, key)
        item.update([Session.last_used_at.remove()])
        clock.shift(4 * DAY)
        assert sessions.find_session(key)

        clock.shift(3 * DAY)

        assert sessions.find_session(key) is None


def test_a_request_succeeds_if_its_time_cannot_be_stored(aws):
    bob = make_user()
    with time_machine.travel(dates.now(), tick=False) as clock:
        key = begin(bob)
        clock.shift(300)

        with down("UpdateItem"):
            assert sessions.find_session(key)


def test_a_session_that_ends_during_a_request_is_not_stored_again(aws, monkeypatch):
    bob = make_user()
    with time_machine.travel(dates.now(), tick=False) as clock:
        key = begin(bob)
        clock.shift(300)
        read = sessions.user_of

        def log_out_meanwhile(session):
            sessions.log_out(key)
            return read(session)

        monkeypatch.setattr(sessions, "user_of", log_out_meanwhile)
        assert sessions.find_session(key)

        assert credentials.find(Session, key) is None


def test_logging_out_ends_one_session_and_is_idempotent(aws):
    bob = make_user()
    first, second = begin(bob), begin(bob)

    sessions.log_out(first)
    sessions.log_out(first)

    assert sessions.find_session(first) is None
    assert sessions.find_session(second) == bob


def test_an_account_lists_only_live_sessions(aws):
    bob = make_user()
    with time_machine.travel(dates.now(), tick=False) as clock:
        begin(bob)
        clock.shift(FORTNIGHT + 1)
        key = begin(bob)

    (entry,) = account_of(bob).sessions
    assert entry.endswith(credentials.digest(key))


def test_the_twenty_first_session_ends_the_oldest(aws):
    with time_machine.travel(dates.now(), tick=False) as clock:
        bob = make_user()  # the first session
        clock.shift(1)
        second = begin(bob)
        keys = []
        for _ in range(18):
            clock.shift(1)
            keys.append(begin(bob))
        assert sessions.find_session(second)
        assert len(account_of(bob).sessions) == 20

        newest = begin(bob)
        clock.shift(1)
        begin(bob)

    assert sessions.find_session(second) is None
    assert all(sessions.find_session(key) for key in [*keys, newest])
    assert len(account_of(bob).sessions) == 20


def test_a_session_cannot_start_with_a_password_that_was_just_changed(aws):
    bob = make_user()
    checked = account_of(bob)
    services.change_password(bob, old=PASSWORD, new="another long one")

    with pytest.raises(AuthenticationError):
        sessions.begin_session(checked)


def test_a_session_written_by_a_newer_release_is_readable(aws):
    bob = make_user()
    key = begin(bob)
    session = credentials.find(Session, key)
    session.update(actions=[Session.user.set({**session.user, "theme": "dark"})])

    assert sessions.find_session(key) == bob


def test_fields_missing_from_an_older_session_are_read_from_the_account(aws):
    alice = make_user("alice", language="de")
    key = begin(alice)
    credentials.find(Session, key).update(
        [Session.user.set({"user_id": alice.user_id, "username": "alice"})]
    )

    assert sessions.find_session(key) == alice


def test_an_administrator_ends_all_sessions(aws, capsys):
    bob, carol = make_user("bob"), make_user("carol")
    keys = [begin(bob), begin(carol)]
    _, secret = tokens.create_token(
        carol, password=PASSWORD, name="script", scopes=["read"], expires_in_days=30
    )

    call_command("end_sessions")
    call_command("end_sessions")

    assert [sessions.find_session(key) for key in keys] == [None, None]
    assert tokens.find_token(secret) is None
    # Registering started one session for each.
    assert capsys.readouterr().out == (
        "5 sessions and API tokens ended.\n0 sessions and API tokens ended.\n"
    )
    update_profile(carol, currency="EUR")  # a missing cached copy is not an error
