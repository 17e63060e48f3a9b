"""Recipients: the part of an account's item that notifications use."""

import pytest

from accounts import services as accounts
from accounts import sessions
from accounts.models import Account
from notifications import recipients
from notifications.recipients import EmailChanges, Recipient
from profiles.services import update_profile
from smartbudget.core.dynamodb import WriteConflictError, connection
from smartbudget.core.errors import NotFoundError
from tests.builders import make_user
from tests.notifications import faults


@pytest.fixture
def alice():
    return make_user("alice", large_expense_threshold="12.50", currency="EUR")


def raw(user_id) -> dict:
    """Return the item as stored."""
    key = {"user_id": {"S": user_id}}
    return connection().client.get_item(TableName=Account.Meta.table_name, Key=key)[
        "Item"
    ]


def read(user) -> Recipient:
    return recipients.get(user.user_id, Recipient)


def test_storing_a_recipient_keeps_other_attributes(alice):
    before = raw(alice.user_id)

    recipients.store(read(alice), EmailChanges(email_problem="It came back."))

    after = raw(alice.user_id)
    assert after.pop("email_problem") == {"S": "It came back."}
    assert int(after["version"]["N"]) == int(before["version"]["N"]) + 1
    changing = {"version", "updated_at"}
    assert {n: v for n, v in after.items() if n not in changing} == {
        n: v for n, v in before.items() if n not in changing
    }


def test_an_attribute_that_becomes_none_is_removed(alice):
    recipient = recipients.store(read(alice), EmailChanges(email_problem="Bad luck."))

    recipients.store(recipient, EmailChanges(email_problem=None))

    assert "email_problem" not in raw(alice.user_id)


def test_an_account_and_its_recipient_change_under_one_version(alice):
    recipient = read(alice)
    update_profile(alice, time_zone="Asia/Tokyo")

    with pytest.raises(WriteConflictError):
        recipients.store(recipient, EmailChanges(subscription_status="pending"))

    recipient = read(alice)
    account = accounts.get_account(alice.user_id)
    recipients.store(recipient, EmailChanges(subscription_status="pending"))
    with pytest.raises(WriteConflictError):
        accounts.change_account(account, {"phone_number": "12345"})


def test_an_address_changes_with_its_unique_name_and_cached_users(alice):
    login = sessions.begin_session(accounts.get_account(alice.user_id))

    changed = recipients.store(read(alice), EmailChanges(email="new@example.com"))

    assert changed.email == "new@example.com"
    assert sessions.find_session(login.session_key).email == "new@example.com"
    assert recipients.owner_of_address("new@example.com") == alice.user_id
    assert recipients.owner_of_address("alice@example.com") is None


def test_an_account_from_a_recipient_costs_no_read(alice):
    recipient = read(alice)
    recipients.store(recipient, EmailChanges(email_problem="Bad luck."))

    with faults.calls_counted() as calls:
        account = accounts.account_of(recipient)

    assert calls == []
    stored = accounts.get_account(alice.user_id)
    assert account.attribute_values == stored.attribute_values
    assert account.user == stored.user
    accounts.change_account(account, {"phone_number": "12345"})
    assert accounts.get_account(alice.user_id).phone_number == "12345"


def test_a_closed_account_is_not_a_recipient(alice):
    accounts.get_account(alice.user_id).update(
        actions=[Account.closed_at.set("2026-03-18T12:00:00.000000+00:00")]
    )

    assert recipients.find(alice.user_id, Recipient) is None
    assert recipients.find_by_email("alice@example.com", Recipient) is None
    with pytest.raises(NotFoundError):
        recipients.get(alice.user_id, Recipient)


@pytest.mark.parametrize(
    ("email", "is_found"),
    [
        (" Alice@Example.com ", True),
        ("bob@example.com", False),
        ("älice@example.com", False),
        ("a" * 250 + "@example.com", False),
        ("", False),
    ],
)
def test_a_recipient_is_found_by_the_whole_address(alice, email, is_found):
    recipient = recipients.find_by_email(email, Recipient)

    assert (recipient is not None) is is_found


def test_a_pending_address_finds_no_recipient(alice):
    changes = EmailChanges(pending_email="next@example.com")
    recipients.store(read(alice), changes)

    assert recipients.owner_of_address("next@example.com") == alice.user_id
    assert recipients.find_by_email("next@example.com", Recipient) is None
