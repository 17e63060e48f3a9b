"""Changing the e-mail address: the new one is confirmed before the old one ends."""

import pytest
from botocore.exceptions import BotoCoreError

from accounts import passwords, sessions, unique_names
from accounts import services as accounts
from accounts.models import Account
from notifications import delivery, subscriptions
from notifications import sns as sns_transport
from notifications.models import Notification
from profiles import address_change
from smartbudget.core.errors import (
    ConflictError,
    InvalidError,
    ThrottledError,
    UnavailableError,
)
from smartbudget.core.throttling import Limit
from tests.builders import PASSWORD
from tests.notifications import faults
from tests.notifications.builders import (
    leave_unconfirmed,
    mails,
    make_notification,
    sns,
    state,
)
from tests.notifications.test_subscriptions import refusal

OLD, NEW, THIRD = "alice@example.com", "alice+new@example.com", "third@example.com"


pytestmark = pytest.mark.usefixtures("clock", "aws")


@pytest.fixture
def alice():
    """A registered user with a confirmed subscription."""
    user = register("alice")
    subscriptions.subscribe(user)
    return user


@pytest.fixture
def unsubscribed():
    """A registered user without a subscription."""
    return register("alice")


def register(name):
    return accounts.register(
        username=name, email=f"{name}@example.com", password=PASSWORD
    ).user


def change(user, email=NEW) -> Account:
    """Request a change; the new address is not confirmed yet."""
    account = address_change.change_email(user, password=PASSWORD, email=email)
    if account.pending_subscription_arn:
        at_sns(account.pending_subscription_arn)["PendingConfirmation"] = True
    return account


def follow_link(user) -> None:
    at_sns(stored(user).pending_subscription_arn)["PendingConfirmation"] = False


def deliver_notices(user) -> None:
    """Deliver all notices of address changes."""
    for notice in notices(user):
        delivery.deliver(notice.notification_id)


def notices(user) -> list[Notification]:
    notifications = [
        notification
        for notification in Notification.scan()
        if notification.user_id == user.user_id
    ]
    return sorted(notifications, key=lambda notification: notification.created_at)


def stored(user) -> Account:
    return accounts.get_account(user.user_id)


def at_sns(arn) -> dict:
    return sns().subscriptions[arn].attributes


def subscribed() -> set[str]:
    return {subscription.endpoint for subscription in sns().subscriptions.values()}


def owners(*addresses) -> list[str | None]:
    return [
        unique_names.owner_of(unique_names.email_key(address)) for address in addresses
    ]


# ---------------------------------------------------------------- with mails


def test_mails_go_to_the_old_address_until_the_new_one_is_confirmed(alice):
    account = change(alice)
    assert (account.email, account.pending_email) == (OLD, NEW)

    deliver_notices(alice)
    delivery.deliver(make_notification("n1", alice.user_id).notification_id)
    follow_link(alice)
    delivery.deliver(make_notification("n2", alice.user_id).notification_id)

    assert [to for to, _ in mails()] == [OLD, OLD, NEW]
    account = stored(alice)
    assert (account.email, account.pending_email) == (NEW, None)
    assert account.subscription_status == "confirmed"
    assert subscribed() == {NEW}
    assert account.retired_subscriptions is None


def test_the_new_address_gets_only_its_own_mail(alice):
    account = change(alice, "Alice+New@Example.COM")

    policy = at_sns(account.pending_subscription_arn)["FilterPolicy"]
    assert policy == '{"user_email": ["alice+new@example.com"]}'


def test_both_addresses_are_taken_while_pending(alice):
    change(alice)

    assert owners(OLD, NEW) == [alice.user_id] * 2
    with pytest.raises(ConflictError) as caught:
        accounts.register(username="eve", email=NEW, password=PASSWORD)
    assert caught.value.field == "email"


def test_confirming_frees_the_old_address_and_updates_sessions(alice):
    key = sessions.begin_session(stored(alice)).session_key
    change(alice)
    deliver_notices(alice)
    follow_link(alice)

    address_change.get_account(alice)

    assert owners(OLD, NEW) == [None, alice.user_id]
    assert sessions.find_session(key).email == NEW
    assert accounts.log_in(identifier=NEW, password=PASSWORD, address="::1")


def test_the_old_address_is_notified_before_it_is_released(alice):
    """An attacker who follows the link at once cannot suppress the notice."""
    change(alice)
    follow_link(alice)

    assert address_change.get_account(alice).email == OLD
    deliver_notices(alice)

    ((to, subject),) = mails()
    assert (to, subject) == (OLD, "Your e-mail address is being changed")
    (notice,) = notices(alice)
    assert notice.type == "email_changed"
    assert OLD in notice.message
    assert NEW in notice.message
    assert address_change.get_account(alice).email == NEW


def test_a_pending_change_can_be_cancelled(alice):
    change(alice)
    body = refusal("InvalidParameter", "This subscription is pending confirmation")

    with faults.answered("Unsubscribe", 400, body):
        account = address_change.cancel_change(alice)
    assert (account.email, account.pending_email) == (OLD, None)
    assert owners(OLD, NEW) == [alice.user_id, None]

    # Following the link has no effect.
    (arn,) = account.retired_subscriptions
    at_sns(arn)["PendingConfirmation"] = False
    account = subscriptions.refresh(alice)
    assert (account.email, account.subscription_status) == (OLD, "confirmed")
    assert subscribed() == {OLD}


def test_the_next_owner_of_an_address_keeps_its_subscription(alice):
    """SNS has one ARN per address, for any user."""
    arn = change(alice).pending_subscription_arn
    with faults.down("Unsubscribe"):  # SNS cannot end an unconfirmed subscription
        address_change.cancel_change(alice)
    bob = accounts.register(username="bob", email=NEW, password=PASSWORD).user
    assert subscriptions.subscribe(bob).subscription_arn == arn
    at_sns(arn)["PendingConfirmation"] = False

    account = subscriptions.refresh(alice)

    assert subscriptions.refresh(bob).subscription_status == "confirmed"
    assert account.retired_subscriptions is None


def test_a_subscription_unused_by_the_next_owner_is_ended(alice):
    change(alice)
    with faults.down("Unsubscribe"):
        address_change.cancel_change(alice)
    accounts.register(username="bob", email=NEW, password=PASSWORD)

    subscriptions.refresh(alice)

    assert subscribed() == {OLD}


def test_changing_to_the_current_address_cancels_a_pending_change(alice):
    change(alice)

    account = change(alice, OLD)

    assert (account.email, account.pending_email) == (OLD, None)
    assert owners(NEW) == [None]


def test_an_unused_link_expires(alice, clock):
    account = change(alice)
    del sns().subscriptions[account.pending_subscription_arn]

    account = address_change.get_account(alice)

    assert (account.email, account.pending_email) == (OLD, None)
    assert account.subscription_status == "confirmed"
    assert owners(NEW) == [None]


def test_another_address_replaces_the_pending_one(alice):
    change(alice)

    account = change(alice, THIRD)

    assert account.pending_email == THIRD
    assert owners(OLD, NEW, THIRD) == [alice.user_id, None, alice.user_id]
    assert subscribed() == {OLD, THIRD}
    assert len(notices(alice)) == 2


def test_requesting_the_same_change_twice_has_no_effect(alice):
    first, second = change(alice), change(alice)

    assert first.pending_subscription_arn == second.pending_subscription_arn
    assert len(notices(alice)) == 1
    assert subscribed() == {OLD, NEW}


def test_changing_back_to_the_previous_address(alice):
    change(alice)
    deliver_notices(alice)
    follow_link(alice)
    with faults.down("Unsubscribe"):  # the old subscription still exists
        assert address_change.get_account(alice).email == NEW

    change(alice, OLD)
    deliver_notices(alice)
    follow_link(alice)
    account = address_change.get_account(alice)

    assert (account.email, account.subscription_status) == (OLD, "confirmed")
    assert subscribed() == {OLD}
    assert owners(OLD, NEW) == [alice.user_id, None]


def test_unsubscribing_meanwhile_stops_mail_to_both_addresses(alice):
    change(alice)
    subscriptions.unsubscribe(alice)

    delivery.deliver(make_notification("n1", alice.user_id).notification_id)

    assert mails() == []
    assert (stored(alice).email, stored(alice).pending_email) == (OLD, None)
    assert subscribed() == set()


# ------------------------------------------------------------- without mails


def test_without_mails_the_change_is_immediate(unsubscribed):
    key = sessions.begin_session(stored(unsubscribed)).session_key

    account = change(unsubscribed)

    assert (account.email, account.pending_email) == (NEW, None)
    assert account.email_problem is None
    assert owners(OLD, NEW) == [None, unsubscribed.user_id]
    assert sessions.find_session(key).email == NEW
    assert subscribed() == set()
    assert (
        len(notices(unsubscribed)) == 1
    )  # in the app, as there is no address to send it to


def test_an_unconfirmed_subscription_is_confirmed_at_the_new_address(unsubscribed):
    """SNS's confirmation of the new address then confirms both."""
    subscriptions.subscribe(unsubscribed)
    leave_unconfirmed(stored(unsubscribed))

    account = change(unsubscribed)
    assert (account.email, account.pending_email) == (OLD, NEW)
    assert subscribed() == {OLD, NEW}
    deliver_notices(unsubscribed)
    follow_link(unsubscribed)

    account = address_change.get_account(unsubscribed)
    assert (account.email, account.subscription_status) == (NEW, "confirmed")
    assert account.email_verified_at
    assert account.email_problem is None


def test_changing_to_the_current_address_changes_nothing(unsubscribed):
    before = stored(unsubscribed).version

    assert change(unsubscribed, OLD.upper()).email == OLD

    assert stored(unsubscribed).version == before
    assert notices(unsubscribed) == []


# ------------------------------------------------------------------ rejections


def test_a_taken_address_is_rejected_as_in_registration(alice):
    register("bob")

    with pytest.raises(ConflictError, match="is taken") as caught:
        change(alice, "bob@example.com")

    assert caught.value.field == "email"
    assert (stored(alice).email, stored(alice).pending_email) == (OLD, None)
    assert subscribed() == {OLD}  # no mail to another user's address
    assert notices(alice) == []


def test_another_users_pending_address_is_taken(alice):
    change(alice)
    bob = register("bob")

    with pytest.raises(ConflictError):
        change(bob, NEW)

    assert stored(bob).email == "bob@example.com"


def test_a_wrong_password_changes_nothing_and_is_counted(alice):
    def guess(password):
        address_change.change_email(alice, password=password, email=NEW)

    for _ in range(10):
        with pytest.raises(InvalidError) as caught:
            guess("wrong password")
        assert caught.value.field == "password"

    with pytest.raises(ThrottledError):
        guess(PASSWORD)
    assert owners(NEW) == [None]


@pytest.mark.parametrize("email", ["", "nobody", "a@b", "ålice@example.com", "a" * 260])
def test_an_invalid_address_is_rejected_before_the_password_is_checked(alice, email):
    with pytest.raises(InvalidError) as caught:
        address_change.change_email(alice, password="wrong", email=email)

    assert caught.value.field == "email"


def test_changes_are_rate_limited(alice, monkeypatch):
    limit = Limit("subscription", 3, 3600)  # with the first subscription
    monkeypatch.setattr(subscriptions, "SUBSCRIPTIONS", limit)
    change(alice, "one@example.com")

    change(alice, "two@example.com")

    change(alice, "two@example.com")  # a repetition does not count
    change(alice, OLD)
    with pytest.raises(ThrottledError):
        change(alice, "three@example.com")


# -------------------------------------------------------------------- faults


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("InvalidParameter", InvalidError),
        ("FilterPolicyLimitExceeded", UnavailableError),
    ],
)
def test_an_address_rejected_by_sns_changes_nothing(alice, code, error):
    refused = faults.answered("Subscribe", 400, refusal(code))

    with refused, pytest.raises(error):
        change(alice)

    assert (stored(alice).email, stored(alice).pending_email) == (OLD, None)
    assert owners(OLD, NEW) == [alice.user_id, None]


def test_an_sns_outage_changes_nothing(alice):
    with faults.down("Subscribe"), pytest.raises(BotoCoreError):
        change(alice)

    assert stored(alice).pending_email is None
    assert change(alice).pending_email == NEW


def test_a_lost_reply_of_subscribe_sends_one_confirmation(alice):
    with faults.reply_lost("Subscribe"):
        change(alice)

    assert subscribed() == {OLD, NEW}
    assert stored(alice).pending_subscription_arn in sns().subscriptions


def test_a_lost_reply_of_the_transaction_changes_the_address_once(unsubscribed):
    with faults.reply_lost("TransactWriteItems"):
        change(unsubscribed)

    assert stored(unsubscribed).email == NEW
    assert len(notices(unsubscribed)) == 1


def test_a_crash_before_the_link_is_sent_is_completed_by_a_retry(alice, monkeypatch):
    crash_in(monkeypatch, "subscribe")
    with pytest.raises(KeyboardInterrupt):
        change(alice)
    assert stored(alice).pending_email == NEW
    monkeypatch.undo()

    account = change(alice)

    assert account.pending_subscription_arn in sns().subscriptions
    assert len(notices(alice)) == 1


def test_a_crash_before_the_link_is_sent_expires_like_a_link(alice, monkeypatch, clock):
    crash_in(monkeypatch, "subscribe")
    with pytest.raises(KeyboardInterrupt):
        change(alice)
    monkeypatch.undo()

    clock.shift(48 * 3600 - 1)
    assert address_change.get_account(alice).pending_email == NEW
    clock.shift(1)
    assert address_change.get_account(alice).pending_email is None
    assert owners(NEW) == [None]


def test_a_crash_after_the_swap_loses_no_mail_and_is_cleaned_up(alice, monkeypatch):
    change(alice)
    deliver_notices(alice)
    follow_link(alice)
    crash_in(monkeypatch, "unsubscribe")
    with pytest.raises(KeyboardInterrupt):
        address_change.get_account(alice)
    monkeypatch.undo()
    assert subscribed() == {OLD, NEW}

    delivery.deliver(make_notification("n1", alice.user_id).notification_id)

    assert state("n1")[0] == "sent"
    assert mails()[-1][0] == NEW
    assert subscribed() == {NEW}


def crash_in(monkeypatch, function):
    def die(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(sns_transport, function, die)


def test_of_two_concurrent_changes_the_last_wins_and_the_other_is_released(
    alice, monkeypatch
):
    real = passwords.verify
    between = [THIRD]

    def verify(*args):
        if between:
            change(alice, between.pop())
        return real(*args)

    monkeypatch.setattr(passwords, "verify", verify)
    account = change(alice)

    assert account.pending_email == NEW
    assert owners(OLD, NEW, THIRD) == [alice.user_id, alice.user_id, None]


def test_a_new_password_cancels_a_pending_change(alice):
    change(alice)
    deliver_notices(alice)
    account = stored(alice)

    accounts.change_password(alice, old=PASSWORD, new="correct horse battery")
    at_sns(account.pending_subscription_arn)["PendingConfirmation"] = False
    delivery.deliver(make_notification("n1", alice.user_id).notification_id)

    assert mails()[-1][0] == OLD
    assert owners(OLD, NEW) == [alice.user_id, None]
    # The link can still be followed; the subscription is ended then.
    assert address_change.cancel_change(alice).retired_subscriptions is None
    assert subscribed() == {OLD}


def test_a_password_that_has_just_been_changed_changes_no_address(alice, monkeypatch):
    real = subscriptions.sync_from_transport

    def look_up(account):
        monkeypatch.setattr(subscriptions, "sync_from_transport", real)
        accounts.change_password(alice, old=PASSWORD, new="correct horse battery")
        return real(account)

    monkeypatch.setattr(subscriptions, "sync_from_transport", look_up)
    with pytest.raises(ConflictError) as caught:
        change(alice)

    assert caught.value.field == "password"
    assert owners(OLD, NEW) == [alice.user_id, None]


def test_a_failed_lookup_sends_to_the_last_known_address(alice):
    change(alice)
    deliver_notices(alice)
    follow_link(alice)

    with faults.down("GetSubscriptionAttributes"):
        delivery.deliver(make_notification("n1", alice.user_id).notification_id)

    assert mails()[-1][0] == OLD


def test_a_delivery_during_a_pending_change_costs_one_lookup(alice):
    change(alice)
    deliver_notices(alice)
    make_notification("n1", alice.user_id)

    with faults.calls_counted() as calls:
        delivery.deliver("n1")

    assert calls == [
        "UpdateItem",
        "GetItem",
        "GetSubscriptionAttributes",
        "Publish",
        "UpdateItem",
    ]


def test_a_delivery_that_completes_a_change_costs_no_second_read_of_the_account(alice):
    change(alice)
    deliver_notices(alice)
    follow_link(alice)
    make_notification("n1", alice.user_id)

    with faults.calls_counted() as calls:
        delivery.deliver("n1")

    swap = ["TransactWriteItems"]
    end_the_old_one = ["GetSubscriptionAttributes", "GetItem", "Unsubscribe", *swap]
    assert calls == [
        "UpdateItem",
        "GetItem",
        "GetSubscriptionAttributes",
        "GetItem",  # the notice that must be sent first
        *swap,
        *end_the_old_one,
        "Publish",
        "UpdateItem",
    ]
    assert mails()[-1][0] == NEW


def test_unsubscribing_cancels_a_change_in_the_same_transaction(alice):
    change(alice)

    with faults.calls_counted() as calls:
        subscriptions.unsubscribe(alice)

    assert calls[:2] == ["GetItem", "TransactWriteItems"]
    assert (stored(alice).email, stored(alice).pending_email) == (OLD, None)
    assert owners(OLD, NEW) == [alice.user_id, None]
