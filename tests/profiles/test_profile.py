"""The profile and the password."""

from decimal import Decimal

import pytest
import time_machine
from pynamodb.exceptions import PynamoDBException

from accounts import services, sessions
from budgets.services import delete_budget
from expenses import purge
from expenses.services import delete_expense
from notifications.kinds import EMAIL_KINDS
from notifications.models import Notification
from profiles.services import update_profile
from smartbudget.core.errors import (
    ConflictError,
    InvalidError,
    NotFoundError,
    ThrottledError,
)
from tests.builders import PASSWORD, account_of, make_user
from tests.calls import QUERY, counted
from tests.money_builders import make_budget, make_expense
from tests.notifications.builders import make_notification, queued
from tests.notifications.faults import down, reply_lost

NEW = "another long one"


def begin(user):
    return sessions.begin_session(account_of(user)).session_key


def test_a_change_reaches_every_session_at_once(aws):
    bob = make_user()
    keys = [begin(bob), begin(bob)]

    update_profile(
        bob,
        currency="KWD",
        time_zone="Asia/Kuwait",
        large_expense_threshold=Decimal("10.125"),
    )

    for key in keys:
        session = sessions.find_session(key)
        assert (session.currency, session.time_zone) == ("KWD", "Asia/Kuwait")
        assert session.large_expense_threshold == Decimal("10.125")


def test_fields_not_given_are_unchanged(aws):
    bob = make_user(phone_number="12345", large_expense_threshold=Decimal(50))

    update_profile(bob, time_zone="Europe/Berlin")

    account = account_of(bob)
    assert account.phone_number == "12345"
    assert account.large_expense_threshold == Decimal(50)


def test_none_and_empty_values_clear_fields(aws):
    bob = make_user(phone_number="12345", large_expense_threshold=Decimal(50))

    update_profile(bob, phone_number="", large_expense_threshold=None)

    account = account_of(bob)
    assert account.phone_number is None
    assert account.user.large_expense_threshold is None


def test_changing_one_email_preference_keeps_the_others(aws):
    bob = make_user(email_preferences={"budget_threshold": False})

    account = update_profile(bob, email_preferences={"large_expense": False})

    assert account_of(bob).email_preferences == account.email_preferences
    assert account.email_preferences == {
        "budget_threshold": False,
        "budget_exceeded": True,
        "large_expense": False,
        "report_ready": True,
        "report_failed": True,
        "weekly_summary": False,
        "monthly_summary": False,
    }


def test_all_email_preferences_can_be_turned_on_again(aws):
    bob = make_user(email_preferences=dict.fromkeys(EMAIL_KINDS, False))
    assert not any(account_of(bob).email_preferences.values())

    update_profile(bob, email_preferences=dict.fromkeys(EMAIL_KINDS, True))

    assert all(account_of(bob).email_preferences.values())


def test_summaries_are_off_by_default(aws):
    bob = make_user(email_preferences={"weekly_summary": True})

    assert account_of(bob).wants("weekly_summary")
    assert not account_of(bob).wants("monthly_summary")
    assert not account_of(make_user()).wants("weekly_summary")


def test_summaries_are_opt_in_and_never_muted(aws):
    bob = make_user(email_preferences={"weekly_summary": True, "large_expense": False})
    assert account_of(bob).opted_in == {"weekly_summary"}
    assert account_of(bob).muted == {"large_expense"}

    update_profile(bob, email_preferences={"weekly_summary": False})

    assert account_of(bob).opted_in is None
    assert account_of(bob).muted == {"large_expense"}


@pytest.mark.parametrize("kind", ["password_changed", "email_changed"])
def test_security_notices_cannot_be_turned_off(aws, kind):
    bob = make_user()

    with pytest.raises(InvalidError):
        update_profile(bob, email_preferences={kind: False})

    bob_as_if = account_of(bob)
    bob_as_if.muted = {kind}
    assert bob_as_if.wants(kind)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"currency": "usd"}, "currency"),
        ({"currency": "XXX"}, "currency"),
        ({"currency": ["USD"]}, "currency"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": None}, "time_zone"),
        ({"large_expense_threshold": Decimal(0)}, "large_expense_threshold"),
        ({"large_expense_threshold": Decimal("0.001")}, "large_expense_threshold"),
        ({"large_expense_threshold": Decimal(10) ** 12}, "large_expense_threshold"),
        ({"large_expense_threshold": 1.5}, "large_expense_threshold"),
        ({"email_preferences": {"newsletter": True}}, "email_preferences"),
        ({"phone_number": "1234"}, "phone_number"),
    ],
)
def test_an_invalid_value_names_its_field_and_changes_nothing(aws, changes, field):
    bob = make_user()

    with pytest.raises(InvalidError) as caught:
        update_profile(bob, **changes)

    assert caught.value.field == field
    assert account_of(bob).updated_at == account_of(bob).created_at


@pytest.mark.parametrize(
    "record",
    [
        lambda user: make_expense(user),
        lambda user: make_expense(user, status="void", date="2020-01-01"),
        lambda user: make_budget(user),
        lambda user: delete_expense(user, make_expense(user).expense_id),
    ],
    ids=["an expense", "a void one of years ago", "a budget", "a deleted one"],
)
def test_the_currency_cannot_change_while_anything_is_recorded(aws, record):
    bob, eve = make_user("bob"), make_user("eve")
    record(bob)

    with pytest.raises(ConflictError) as refused:
        update_profile(bob, currency="EUR", time_zone="Asia/Tokyo")

    assert refused.value.field == "currency"
    assert "while you have expenses (even in the trash) or" in str(refused.value)
    assert account_of(bob).time_zone == "UTC"
    update_profile(bob, currency="USD", time_zone="Asia/Tokyo")
    assert account_of(bob).time_zone == "Asia/Tokyo"
    assert update_profile(eve, currency="EUR").currency == "EUR"


def test_the_currency_can_change_once_nothing_is_recorded(aws):
    bob = make_user()
    lunch, budget = make_expense(bob), make_budget(bob)
    delete_expense(bob, lunch.expense_id)
    delete_budget(bob, budget.budget_id)
    purge.empty(bob)

    assert update_profile(bob, currency="KWD").currency == "KWD"


def test_only_a_currency_change_reads_recorded_items(aws):
    bob = make_user()

    def cost(**changes):
        with counted() as calls:
            update_profile(bob, **changes)
        return sorted(calls.names)

    usual = cost(time_zone="Asia/Tokyo")
    assert cost(currency="USD") == usual
    assert cost(currency="EUR") == sorted([*usual, QUERY, QUERY, QUERY])


def test_the_threshold_must_fit_a_new_currency(aws):
    bob = make_user(large_expense_threshold=Decimal("12.50"))

    with pytest.raises(InvalidError, match="JPY amounts have at most 0 decimals"):
        update_profile(bob, currency="JPY")

    update_profile(bob, currency="JPY", large_expense_threshold=Decimal(12))


def test_an_unknown_users_profile_is_not_found(aws):
    bob = make_user()
    services.find_account(bob.user_id).delete()

    with pytest.raises(NotFoundError):
        update_profile(bob, time_zone="UTC")


def test_a_new_password_ends_all_sessions_and_starts_one(aws):
    bob = make_user()
    old_keys = [begin(bob), begin(bob)]

    login = services.change_password(bob, old=PASSWORD, new=NEW)

    assert [sessions.find_session(key) for key in old_keys] == [None, None]
    assert sessions.find_session(login.session_key) == bob
    assert len(account_of(bob).sessions) == 1
    assert services.log_in(identifier=bob.username, password=NEW, address="::1")


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("wrong password", NEW, "old_password"),
        (PASSWORD, "short", "new_password"),
        (PASSWORD, "password1", "new_password"),
        (PASSWORD, "longname@example.com", "new_password"),
    ],
)
def test_a_rejected_change_keeps_password_and_sessions(aws, old, new, field):
    bob = make_user("longname")
    key = begin(bob)

    with pytest.raises(InvalidError) as caught:
        services.change_password(bob, old=old, new=new)

    assert caught.value.field == field
    assert sessions.find_session(key)


def test_a_stolen_session_cannot_guess_the_password(aws):
    bob = make_user()
    for _ in range(10):
        with pytest.raises(InvalidError):
            services.change_password(bob, old="wrong password", new=NEW)

    with pytest.raises(ThrottledError):
        services.change_password(bob, old=PASSWORD, new=NEW)

    assert services.log_in(identifier=bob.username, password=PASSWORD, address="::1")


def test_of_two_concurrent_changes_one_is_rejected(aws):
    bob = make_user()
    checked = account_of(bob)
    services.change_password(bob, old=PASSWORD, new=NEW)

    with pytest.raises(ConflictError):
        services.store_password(
            checked,
            "$argon2id$...",
            make_notification(),
            None,
            has_second_factor=False,
        )


# --------------------------------------------------------------- security notices


def notices(user) -> list[Notification]:
    return list(Notification.by_user.query(user.user_id))


def test_a_password_change_sends_a_notice(aws):
    bob = make_user(time_zone="Asia/Tokyo")

    with time_machine.travel("2026-03-18T12:00:00+00:00", tick=False):
        services.change_password(bob, old=PASSWORD, new=NEW)

    (notice,) = notices(bob)
    assert (notice.type, notice.status) == ("password_changed", "queued")
    assert "on March 18, 2026 at 9:00\u202fPM (Asia/Tokyo)." in notice.message
    assert NEW not in notice.message
    assert [body["notification_id"] for body in queued()] == [notice.notification_id]


def test_every_password_change_sends_its_own_notice(aws):
    bob = make_user()
    services.change_password(bob, old=PASSWORD, new=NEW)
    services.change_password(bob, old=NEW, new=PASSWORD)

    assert len(notices(bob)) == 2


def test_a_lost_reply_of_a_password_change_sends_one_notice(aws):
    bob = make_user()

    with reply_lost("TransactWriteItems"):
        login = services.change_password(bob, old=PASSWORD, new=NEW)

    assert len(notices(bob)) == 1
    assert len(queued()) == 1
    assert sessions.find_session(login.session_key) == bob


def test_with_sqs_down_the_password_notice_is_sent_later(aws):
    bob = make_user()

    with down("SendMessageBatch"):
        services.change_password(bob, old=PASSWORD, new=NEW)

    (notice,) = notices(bob)
    assert notice.unsent_since  # found by the sweep


def test_a_failed_password_change_sends_no_notice(aws):
    bob = make_user()

    with down("TransactWriteItems"), pytest.raises(PynamoDBException):
        services.change_password(bob, old=PASSWORD, new=NEW)

    assert notices(bob) == []
    assert services.log_in(identifier=bob.username, password=PASSWORD, address="::1")
