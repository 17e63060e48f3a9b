"""Staff members: rights, and the command that adds and removes them."""

import pytest
from django.core.management import CommandError, call_command

from accounts import sessions
from smartbudget.core.errors import ForbiddenError, NotFoundError
from staff import users
from tests.accounts.factors.builders import with_passkey, with_totp
from tests.builders import account_of, make_staff, make_user


def test_other_users_are_rejected(aws):
    with pytest.raises(ForbiddenError):
        users.require_staff(make_user())


def test_becoming_staff_applies_to_live_sessions_at_once(aws):
    user = make_user("Grace")
    key = sessions.begin_session(account_of(user)).session_key

    for is_staff in (True, True, False):
        users.set_staff("grace", is_staff=is_staff)

        assert sessions.find_session(key).is_staff is is_staff
        assert account_of(user).is_staff is is_staff


def test_an_unknown_user_cannot_become_staff(aws):
    with pytest.raises(NotFoundError):
        users.set_staff("nobody", is_staff=True)


def test_the_command_adds_and_removes(aws, capsys):
    user = make_user("grace")
    with_totp(user)

    call_command("staff", "add", "grace")
    assert account_of(user).is_staff
    call_command("staff", "remove", "grace")
    assert not account_of(user).is_staff

    output = capsys.readouterr().out
    assert output == "grace is now staff.\ngrace is not staff now.\n"


def test_a_user_without_a_second_factor_is_not_added(aws):
    """Else the first person with the password sets one up, and is staff."""
    user = make_user("grace")

    with pytest.raises(CommandError, match="grace has no second factor"):
        call_command("staff", "add", "grace")
    assert not account_of(user).is_staff

    with_passkey(user)
    call_command("staff", "add", "grace")
    assert account_of(user).is_staff


def test_rights_can_be_removed_without_a_second_factor(aws):
    user = make_staff()

    call_command("staff", "remove", user.username)

    assert not account_of(user).is_staff


def test_the_command_names_an_unknown_user(aws):
    with pytest.raises(CommandError, match="nobody"):
        call_command("staff", "add", "nobody")
