"""Subscribing to e-mails: none, pending, confirmed."""

import json
from dataclasses import replace

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from accounts.models import Account
from notifications import delivery, subscriptions
from notifications import sns as sns_transport
from smartbudget.core import aws
from smartbudget.core.errors import InvalidError, NotFoundError, UnavailableError
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


def the_subscription():
    (subscription,) = sns().subscriptions.values()
    return subscription


def test_subscribing_asks_sns_for_the_users_own_messages_only():
    user = make_account(subscribed=False, email="alice+tag@example.com").user

    with faults.calls_counted() as calls:
        _, arn = subscriptions.subscribe(user)

    assert the_subscription().arn == arn
    assert the_subscription().protocol == "email"
    assert the_subscription().endpoint == "alice+tag@example.com"
    policy = json.loads(the_subscription().attributes["FilterPolicy"])
    assert policy == {"user_email": ["alice+tag@example.com"]}
    assert "SetSubscriptionAttributes" not in calls  # it came with the Subscribe [S4]
    assert not [name for name in calls if name.startswith("List")]


def test_the_filter_names_the_lower_cased_address():
    policy = sns_transport._filter_policy("Alice@Example.COM")

    assert json.loads(policy) == {"user_email": ["alice@example.com"]}


def test_each_gets_only_what_is_theirs():
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

    assert subscriptions.subscription_status(account.user)[0] == "pending"

    confirm(account)
    assert subscriptions.subscription_status(account.user)[0] == "confirmed"
    assert remembered()[0] == "confirmed"


def test_subscribing_is_remembered_with_its_arn():
    make_account()

    assert remembered() == ("confirmed", the_subscription().arn)


def test_subscribing_twice_changes_nothing():
    account = make_account()

    with faults.calls_counted() as calls:
        status, arn = subscriptions.subscribe(account.user)

    assert (status, arn) == ("confirmed", the_subscription().arn)
    assert calls == ["GetItem"]


def test_subscribing_again_while_pending_tells_the_state_afresh():
    account = make_account()
    leave_unconfirmed(account)
    assert subscriptions.subscribe(account.user)[0] == "pending"

    confirm(account)

    assert subscriptions.subscribe(account.user)[0] == "confirmed"


def test_a_subscription_that_lapsed_is_none_again():
    account = make_account()
    leave_unconfirmed(account)
    sns().subscriptions.clear()

    assert subscriptions.subscription_status(account.user) == ("none", None)
    assert remembered() == ("none", None)


def test_who_lapsed_can_subscribe_again():
    account = make_account()
    leave_unconfirmed(account)
    sns().subscriptions.clear()

    _, arn = subscriptions.subscribe(account.user)

    assert remembered()[1] == arn == the_subscription().arn


def test_a_first_answer_without_an_arn_is_asked_again():
    user = make_account(subscribed=False).user
    first = (
        "<SubscribeResponse><SubscribeResult><SubscriptionArn>pending confirmation"
        "</SubscriptionArn></SubscribeResult></SubscribeResponse>"
    )
    answers = [faults.AWSResponse("", 200, {}, faults._Body(first))]

    with faults.hooked("Subscribe", lambda *_: answers.pop() if answers else None):
        _, arn = subscriptions.subscribe(user)

    assert arn == the_subscription().arn


def test_locally_the_mailbox_is_subscribed_over_http(monkeypatch):
    user = make_account(subscribed=False, email="a+b@example.com").user
    local = replace(sns_transport.config, mailbox_url="http://127.0.0.1:8025")
    monkeypatch.setattr(sns_transport, "config", local)

    subscriptions.subscribe(user)

    assert the_subscription().protocol == "http"
    endpoint = "http://127.0.0.1:8025/inbox/a%2Bb%40example.com"
    assert the_subscription().endpoint == endpoint


def test_without_sns_the_status_is_what_was_last_known():
    account = make_account()
    leave_unconfirmed(account)

    with faults.down("GetSubscriptionAttributes"):
        status, _ = subscriptions.subscription_status(account.user)

    assert status == "pending"


# ------------------------------------------------- what was there before [S7] [S8]


def test_an_old_subscription_without_a_filter_gets_ours():
    user = make_account(subscribed=False).user
    aws.client("sns").subscribe(
        TopicArn=aws.topic_arn(), Protocol="email", Endpoint=user.email
    )

    subscriptions.subscribe(user)

    policy = json.loads(the_subscription().attributes["FilterPolicy"])
    assert policy == {"user_email": [user.email]}


def test_an_old_subscription_with_other_attributes_is_put_right():
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
            return faults.AWSResponse(request.url, 400, {}, faults._Body(body))
        return None

    with faults.hooked("Subscribe", refuse):
        _, arn = subscriptions.subscribe(user)

    policy = json.loads(the_subscription().attributes["FilterPolicy"])
    assert (arn, policy) == (the_subscription().arn, {"user_email": [user.email]})


# ------------------------------------------------------------------ unsubscribing


def test_unsubscribing_ends_the_mails():
    account = make_account()
    make_notification()

    assert subscriptions.unsubscribe(account.user) == ("none", None)

    delivery.deliver("n1")
    assert sns().subscriptions == {}
    assert remembered() == ("none", None)
    assert state() == ("skipped", "Not subscribed to e-mails.")


def test_unsubscribing_twice_changes_nothing():
    account = make_account()

    subscriptions.unsubscribe(account.user)

    assert subscriptions.unsubscribe(account.user) == ("none", None)


def test_a_pending_subscription_is_left_to_lapse():
    account = make_account()
    body = refusal("InvalidParameter", "This subscription is pending confirmation")

    with faults.answered("Unsubscribe", 400, body):
        assert subscriptions.unsubscribe(account.user) == ("none", None)


def test_an_unsubscribing_that_sns_refuses_is_not_forgotten():
    account = make_account()
    body = refusal("AuthorizationError")

    with faults.answered("Unsubscribe", 403, body), pytest.raises(ClientError):
        subscriptions.unsubscribe(account.user)

    assert remembered()[0] == "confirmed"


# ------------------------------------------------------------------------- faults


@pytest.mark.parametrize(
    "code", ["FilterPolicyLimitExceeded", "SubscriptionLimitExceeded"]
)
def test_a_full_topic_is_told_in_words(code):
    user = make_account(subscribed=False).user

    full = faults.answered("Subscribe", 403, refusal(code))
    with full, pytest.raises(UnavailableError, match="No more people can be"):
        subscriptions.subscribe(user)

    assert remembered() == ("none", None)


def test_an_address_that_sns_does_not_take_is_told_by_its_field():
    user = make_account(subscribed=False).user
    body = refusal("InvalidParameter", "Invalid parameter: Email address")

    refused = faults.answered("Subscribe", 400, body)
    with refused, pytest.raises(InvalidError) as caught:
        subscriptions.subscribe(user)

    assert caught.value.field == "email"


def test_an_outage_of_sns_stays_an_outage():
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


def test_the_stored_arn_is_the_accounts():
    account = make_account()
    account.refresh()

    arn = subscriptions.get_user_subscription_arn(account)

    assert arn == account_arn(account)
