"""Subscribing to e-mails: none, pending, confirmed."""

import json
from dataclasses import replace

import pytest
from botocore.exceptions import BotoCoreError

from accounts import validators
from accounts.models import Account
from notifications import delivery, subscriptions
from notifications import sns as sns_transport
from smartbudget.core import aws
from smartbudget.core.errors import (
    InvalidError,
    NotFoundError,
    ThrottledError,
    UnavailableError,
)
from smartbudget.core.throttling import Limit
from tests.notifications import faults
from tests.notifications.builders import (
    account_arn,
    confirm,
    leave_unconfirmed,
    mails,
    make_account,
    make_notification,
    sns,
    state,
)


def refusal(code: str, message: str = "") -> str:
    return (
        f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>"
        f"<Message>{message}</Message></Error></ErrorResponse>"
    )


def remembered(user_id="alice") -> tuple[str, str | None]:
    account = Account.get(user_id)
    return account.subscription_status, account.subscription_arn


def status_of(account) -> tuple[str, str | None]:
    return account.subscription_status, account.subscription_arn


def subscribed_arn(user) -> str | None:
    return subscriptions.subscribe(user).subscription_arn


def the_subscription():
    (subscription,) = sns().subscriptions.values()
    return subscription


def test_subscribing_filters_for_the_users_own_messages():
    user = make_account(subscribed=False, email="alice+tag@example.com").user

    with faults.calls_counted() as calls:
        arn = subscribed_arn(user)

    assert the_subscription().arn == arn
    assert the_subscription().protocol == "email"
    assert the_subscription().endpoint == "alice+tag@example.com"
    policy = json.loads(the_subscription().attributes["FilterPolicy"])
    assert policy == {"user_email": ["alice+tag@example.com"]}
    assert "SetSubscriptionAttributes" not in calls  # from the response to Subscribe
    assert not [name for name in calls if name.startswith("List")]


def test_the_filter_has_the_lowercase_address():
    policy = sns_transport._filter_policy("Alice@Example.COM")

    assert json.loads(policy) == {"user_email": ["alice@example.com"]}


def test_each_subscriber_gets_only_their_own_messages():
    make_account("alice")
    make_account("bob")
    make_notification("n1", "alice")

    delivery.deliver("n1")

    policies = {
        subscription.endpoint: subscription._filter_policy_matcher
        for subscription in sns().subscriptions.values()
    }
    ((to, _),) = mails()
    attribute = {"user_email": {"Type": "String", "Value": to}}
    assert policies["alice@example.com"].matches(attribute, "")
    assert not policies["bob@example.com"].matches(attribute, "")


def test_subscribing_is_pending_until_confirmed(clock):
    account = make_account()
    leave_unconfirmed(account)

    assert subscriptions.refresh(account.user).subscription_status == "pending"

    confirm(account)
    assert subscriptions.refresh(account.user).subscription_status == "confirmed"
    assert remembered()[0] == "confirmed"


def test_subscribing_stores_the_arn():
    make_account()

    assert remembered() == ("confirmed", the_subscription().arn)


def test_subscribing_twice_changes_nothing():
    account = make_account()

    with faults.calls_counted() as calls:
        again = subscriptions.subscribe(account.user)

    assert status_of(again) == ("confirmed", the_subscription().arn)
    assert "Subscribe" not in calls


def test_subscribing_again_while_pending_refreshes_the_status():
    account = make_account()
    leave_unconfirmed(account)
    assert subscriptions.subscribe(account.user).subscription_status == "pending"

    confirm(account)

    assert subscriptions.subscribe(account.user).subscription_status == "confirmed"


def test_an_expired_subscription_is_none_again():
    account = make_account()
    leave_unconfirmed(account)
    sns().subscriptions.clear()

    assert status_of(subscriptions.refresh(account.user)) == ("none", None)
    assert remembered() == ("none", None)


def test_an_expired_subscription_can_be_renewed():
    account = make_account()
    leave_unconfirmed(account)
    sns().subscriptions.clear()

    arn = subscribed_arn(account.user)

    assert remembered()[1] == arn == the_subscription().arn


def test_a_response_without_an_arn_is_requested_again():
    user = make_account(subscribed=False).user
    first = (
        "<SubscribeResponse><SubscribeResult><SubscriptionArn>pending confirmation"
        "</SubscriptionArn></SubscribeResult></SubscribeResponse>"
    )
    answers = [faults.AWSResponse("", 200, {}, faults.Body(first))]

    with faults.hooked("Subscribe", lambda *_: answers.pop() if answers else None):
        arn = subscribed_arn(user)

    assert arn == the_subscription().arn


def test_locally_the_mailbox_is_subscribed_over_http(monkeypatch):
    user = make_account(subscribed=False, email="a+b@example.com").user
    local = replace(sns_transport.config, mailbox_url="http://127.0.0.1:8025")
    monkeypatch.setattr(sns_transport, "config", local)

    subscriptions.subscribe(user)

    assert the_subscription().protocol == "http"
    endpoint = "http://127.0.0.1:8025/inbox/a%2Bb%40example.com"
    assert the_subscription().endpoint == endpoint


def test_without_sns_the_last_known_status_is_shown():
    account = make_account()
    leave_unconfirmed(account)

    with faults.down("GetSubscriptionAttributes"):
        status, _ = status_of(subscriptions.refresh(account.user))

    assert status == "pending"


# ------------------------------------------------- older subscriptions


def test_an_old_subscription_without_a_filter_gets_one():
    user = make_account(subscribed=False).user
    aws.client("sns").subscribe(
        TopicArn=aws.topic_arn(), Protocol="email", Endpoint=user.email
    )

    subscriptions.subscribe(user)

    policy = json.loads(the_subscription().attributes["FilterPolicy"])
    assert policy == {"user_email": [user.email]}


def test_an_old_subscription_with_other_attributes_is_corrected():
    user = make_account(subscribed=False).user
    aws.client("sns").subscribe(
        TopicArn=aws.topic_arn(),
        Protocol="email",
        Endpoint=user.email,
        Attributes={"FilterPolicy": '{"user_email": ["somebody@else.example"]}'},
    )
    message = "Invalid parameter: Attributes Reason: Subscription already exists with"
    body = refusal("InvalidParameter", f"{message} different attributes")

    def refuse(request, operation):
        if "FilterPolicy" in request.body:
            return faults.AWSResponse(request.url, 400, {}, faults.Body(body))
        return None

    with faults.hooked("Subscribe", refuse):
        arn = subscribed_arn(user)

    policy = json.loads(the_subscription().attributes["FilterPolicy"])
    assert (arn, policy) == (the_subscription().arn, {"user_email": [user.email]})


# ------------------------------------------------------------------ unsubscribing


def test_unsubscribing_ends_the_mails():
    account = make_account()
    make_notification()

    assert status_of(subscriptions.unsubscribe(account.user)) == ("none", None)

    delivery.deliver("n1")
    assert sns().subscriptions == {}
    assert remembered() == ("none", None)
    assert state() == ("skipped", "E-mail alerts are off.")


def test_unsubscribing_twice_changes_nothing():
    account = make_account()

    subscriptions.unsubscribe(account.user)

    assert status_of(subscriptions.unsubscribe(account.user)) == ("none", None)


def test_a_pending_subscription_is_left_to_expire():
    account = make_account()
    body = refusal("InvalidParameter", "This subscription is pending confirmation")

    with faults.answered("Unsubscribe", 400, body):
        assert status_of(subscriptions.unsubscribe(account.user)) == ("none", None)


def test_an_unsubscribe_rejected_by_sns_is_stored_and_retried_later():
    account = make_account()
    body = refusal("AuthorizationError")

    with faults.answered("Unsubscribe", 403, body):
        assert status_of(subscriptions.unsubscribe(account.user)) == ("none", None)
    assert len(sns().subscriptions) == 1

    subscriptions.refresh(account.user)
    assert sns().subscriptions == {}


# ------------------------------------------------------------------------- faults


@pytest.mark.parametrize(
    "code", ["FilterPolicyLimitExceeded", "SubscriptionLimitExceeded"]
)
def test_a_full_topic_is_reported_with_a_message(code):
    user = make_account(subscribed=False).user

    full = faults.answered("Subscribe", 403, refusal(code))
    with full, pytest.raises(UnavailableError, match="be turned on right now"):
        subscriptions.subscribe(user)

    assert remembered() == ("none", None)


def test_an_address_rejected_by_sns_is_reported_on_its_field():
    user = make_account(subscribed=False).user
    body = refusal("InvalidParameter", "Invalid parameter: Email address")

    refused = faults.answered("Subscribe", 400, body)
    with refused, pytest.raises(InvalidError) as caught:
        subscriptions.subscribe(user)

    assert caught.value.field == "email"


def test_an_sns_outage_stays_an_outage():
    user = make_account(subscribed=False).user

    with faults.down("Subscribe"), pytest.raises(BotoCoreError):
        subscriptions.subscribe(user)

    assert remembered() == ("none", None)


def test_a_lost_reply_of_the_subscribe_does_not_subscribe_twice():
    user = make_account(subscribed=False).user

    with faults.reply_lost("Subscribe"):
        subscriptions.subscribe(user)

    assert remembered()[1] == the_subscription().arn


def test_a_deleted_user_cannot_subscribe():
    account = make_account(subscribed=False)
    account.delete()

    with pytest.raises(NotFoundError):
        subscriptions.subscribe(account.user)


def test_the_stored_arn_belongs_to_the_account():
    account = make_account()
    account.refresh()

    arn = subscriptions.get_user_subscription_arn(account)

    assert arn == account_arn(account)


# ------------------------------------------------- changes at SNS are detected


def detail(user_id="alice") -> str | None:
    return Account.get(user_id).email_problem


def test_unsubscribing_by_mail_link_is_shown_and_can_be_undone():
    account = make_account()
    sns().subscriptions.clear()

    assert status_of(subscriptions.refresh(account.user)) == ("none", None)
    assert detail() == "You unsubscribed through a link in an e-mail."

    subscriptions.subscribe(account.user)
    assert remembered() == ("confirmed", the_subscription().arn)
    assert detail() is None


def test_subscribing_right_after_unsubscribing_by_link_works():
    account = make_account()
    sns().subscriptions.clear()

    arn = subscribed_arn(account.user)

    assert remembered() == ("confirmed", arn) == ("confirmed", the_subscription().arn)


@pytest.mark.parametrize(
    ("hours", "reason"),
    [(47, subscriptions.UNSUBSCRIBED), (48, subscriptions.LINK_EXPIRED)],
)
def test_an_expired_link_is_reported(clock, hours, reason):
    account = make_account()
    leave_unconfirmed(account)
    clock.shift(hours * 3600)
    sns().subscriptions.clear()

    subscriptions.refresh(account.user)

    assert (*remembered(), detail()) == ("none", None, reason)


def test_refreshing_a_confirmed_subscription_writes_nothing():
    account = make_account()
    subscriptions.refresh(account.user)

    with faults.calls_counted() as calls:
        subscriptions.refresh(account.user)

    assert calls == ["GetItem", "GetSubscriptionAttributes"]


def test_a_delivery_notices_an_unsubscribe_within_a_day(clock):
    account = make_account()
    delivery.deliver(make_notification("n0").notification_id)
    sns().subscriptions.clear()

    clock.shift(24 * 3600 - 1)
    delivery.deliver(make_notification("n1").notification_id)
    assert state("n1")[0] == "sent"  # SNS accepts it without a subscriber

    clock.shift(1)
    delivery.deliver(make_notification("n2").notification_id)
    assert state("n2") == ("skipped", "You unsubscribed through a link in an e-mail.")
    assert status_of(subscriptions.refresh(account.user)) == ("none", None)


def test_the_daily_lookup_does_not_delay_a_mail(clock):
    make_account()
    clock.shift(25 * 3600)
    make_notification()

    with faults.down("GetSubscriptionAttributes"):
        delivery.deliver("n1")

    assert state()[0] == "sent"


def test_a_subscription_suspended_by_sns_is_pending_again(clock):
    account = make_account()
    sns().subscriptions[account_arn(account)].attributes["PendingConfirmation"] = True

    assert subscriptions.refresh(account.user).subscription_status == "pending"

    clock.shift(48 * 3600)
    sns().subscriptions.clear()
    assert (
        subscriptions.refresh(account.user).email_problem == subscriptions.LINK_EXPIRED
    )


def test_a_lost_filter_is_restored_on_refresh():
    account = make_account()
    the_subscription().attributes["FilterPolicy"] = "{}"

    subscriptions.refresh(account.user)

    policy = json.loads(the_subscription().attributes["FilterPolicy"])
    assert policy == {"user_email": [account.email]}


# ------------------------------------------------------------ old links


def cancel_while_pending(account) -> None:
    """Cancel as on AWS, where SNS cannot end an unconfirmed subscription."""
    leave_unconfirmed(account)
    body = refusal("InvalidParameter", "This subscription is pending confirmation")
    with faults.answered("Unsubscribe", 400, body):
        subscriptions.unsubscribe(account.user)


def test_an_old_link_does_not_subscribe_after_cancelling():
    account = make_account()
    cancel_while_pending(account)
    the_subscription().attributes["PendingConfirmation"] = False

    delivery.deliver(make_notification().notification_id)
    assert mails() == []
    assert status_of(subscriptions.refresh(account.user)) == ("none", None)
    assert sns().subscriptions == {}
    assert Account.get("alice").retired_subscriptions is None


def test_subscribing_again_after_cancelling_reuses_the_subscription():
    account = make_account()
    cancel_while_pending(account)
    old = the_subscription().arn
    the_subscription().attributes["FilterPolicy"] = "{}"

    again = subscriptions.subscribe(account.user)

    assert status_of(again) == ("pending", old) == ("pending", the_subscription().arn)
    policy = json.loads(the_subscription().attributes["FilterPolicy"])
    assert policy == {"user_email": [account.email]}
    confirm(account)
    assert subscriptions.refresh(account.user).subscription_status == "confirmed"
    assert len(sns().subscriptions) == 1  # it is not ended as an orphan


def test_a_reused_link_expires_two_days_after_it_was_sent(clock):
    account = make_account()
    cancel_while_pending(account)
    clock.shift(40 * 3600)
    subscriptions.subscribe(account.user)

    clock.shift(8 * 3600)
    sns().subscriptions.clear()

    assert (
        subscriptions.refresh(account.user).email_problem == subscriptions.LINK_EXPIRED
    )


def test_a_link_followed_after_cancelling_confirms_the_next_subscription():
    account = make_account()
    cancel_while_pending(account)
    the_subscription().attributes["PendingConfirmation"] = False

    subscriptions.subscribe(account.user)

    assert remembered() == ("confirmed", the_subscription().arn)


def test_a_reused_subscription_that_vanishes_is_requested_again():
    account = make_account(subscribed=False)
    answers = [refusal("NotFound")]

    def vanished(request, operation):
        body = answers.pop() if answers else None
        return body and faults.AWSResponse(request.url, 404, {}, faults.Body(body))

    with faults.hooked("GetSubscriptionAttributes", vanished):
        subscriptions.subscribe(account.user)

    assert remembered() == ("confirmed", the_subscription().arn)


def test_a_reused_confirmed_subscription_is_checked_before_use():
    account = make_account()
    subscriptions.unsubscribe(account.user)
    subscriptions.subscribe(account.user)
    sns().subscriptions.clear()  # it was the old one, which was about to expire

    delivery.deliver(make_notification().notification_id)

    assert state()[0] == "skipped"


def test_concurrent_requests_create_one_subscription(monkeypatch):
    account = make_account(subscribed=False)
    subscribe_first = [True]
    real = sns_transport.subscribe

    def subscribe(*args):
        if subscribe_first:
            subscribe_first.clear()
            subscriptions.subscribe(account.user)
        return real(*args)

    monkeypatch.setattr(sns_transport, "subscribe", subscribe)
    subscriptions.subscribe(account.user)

    assert remembered() == ("confirmed", the_subscription().arn)


# ------------------------------------------------------------- limits and input


def test_subscribing_is_rate_limited_and_unsubscribing_is_not(monkeypatch):
    user = make_account(subscribed=False).user
    limit = Limit("subscription", 2, 3600)
    monkeypatch.setattr(subscriptions, "SUBSCRIPTIONS", limit)
    for _ in range(2):
        subscriptions.subscribe(user)
        subscriptions.unsubscribe(user)

    with pytest.raises(ThrottledError) as caught:
        subscriptions.subscribe(user)

    assert 0 < caught.value.retry_after <= 3600
    assert status_of(subscriptions.unsubscribe(user)) == ("none", None)


def test_subscribing_while_subscribed_is_not_counted(monkeypatch):
    user = make_account(subscribed=False).user
    limit = Limit("subscription", 1, 3600)
    monkeypatch.setattr(subscriptions, "SUBSCRIPTIONS", limit)

    for _ in range(3):
        subscriptions.subscribe(user)

    assert remembered()[0] == "confirmed"


@pytest.mark.parametrize("transport", ["sns", "ses"])
def test_an_address_gets_at_most_ten_confirmations_a_day(transport, clock, request):
    """The address may belong to someone else."""
    if transport == "ses":
        request.getfixturevalue("ses")
    user = make_account(subscribed=False).user
    for _ in range(10):
        subscriptions.subscribe(user)
        subscriptions.unsubscribe(user)
        clock.shift(3600)

    with pytest.raises(ThrottledError):
        subscriptions.subscribe(user)

    clock.shift(24 * 3600)
    subscriptions.subscribe(user)


@pytest.mark.parametrize(
    "typed",
    [
        "Alice+Budget@Example.COM",
        "a!#$%&'*+/=?^_`{|}~-@example.com",
        f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 58}.DE",
    ],
)
def test_filter_and_published_address_always_match(typed):
    address = validators.email(typed)
    make_account(email=address)

    delivery.deliver(make_notification().notification_id)

    policy = json.loads(the_subscription().attributes["FilterPolicy"])
    assert policy == {"user_email": [typed.lower()]}
    assert [to for to, _ in mails()] == [typed.lower()]


@pytest.mark.parametrize(
    "typed", ["ålice@example.com", "alice@exämple.com", "\u212a@example.com"]
)
def test_addresses_with_ambiguous_lowercase_or_encoding_are_rejected(typed):
    with pytest.raises(InvalidError):
        validators.email(typed)
