"""The last mail after alerts by e-mail were turned off."""

import pytest

from accounts.tasks import send_unsubscribed
from notifications import delivery, subscriptions
from tests.accounts.verification.builders import stored
from tests.builders import client_for, make_token, make_user, program_with
from tests.notifications import faults
from tests.notifications.builders import (
    leave_unconfirmed,
    make_notification,
    run_queued_tasks,
    sns,
)
from tests.notifications.mailing import follow, using_ses

API = "/api/notifications/subscribe"
SUBJECT = "E-mail alerts are off"


@pytest.fixture(params=["ses", "sns"])
def sent(request):
    with using_ses(request.param) as mails:
        yield mails


@pytest.fixture
def alice(sent):
    """A subscriber."""
    user = make_user("alice")
    if subscriptions.subscribe(user).subscription_status == "pending":
        follow(sent[-1].account_link)
    run_queued_tasks()
    sent.clear()
    return user


def by_page(user):
    client_for(user).post("/notifications/unsubscribe")


def by_session(user):
    client_for(user).delete(API)


def by_token(user):
    program_with(make_token(user, "write")).delete(API)


def last_mails(sent):
    run_queued_tasks()
    return [mail for mail in sent if mail.subject == SUBJECT]


@pytest.mark.parametrize("unsubscribe", [by_page, by_session, by_token])
def test_each_way_to_unsubscribe_sends_one(alice, sent, unsubscribe):
    for _ in range(2):
        unsubscribe(alice)

    (mail,) = last_mails(sent)
    assert mail.to == ["alice@example.com"]
    assert "any more e-mail alerts" in mail.text
    assert mail.account_link == "/accounts/profile#alerts"


def test_the_link_in_a_mail_sends_one():
    with using_ses() as sent:
        alice = make_user("alice")
        subscriptions.subscribe(alice)
        follow(sent[-1].account_link)
        make_notification(user_id=alice.user_id)
        delivery.deliver("n1")

        client_for().post(sent[-1].link)

        assert len(last_mails(sent)) == 1


def test_sns_own_link_sends_one_once_it_is_known():
    with using_ses("sns") as sent:
        alice = make_user("alice")
        subscriptions.subscribe(alice)
        sns().subscriptions.clear()

        subscriptions.refresh(alice)

        assert len(last_mails(sent)) == 1


def test_a_subscription_that_was_never_confirmed_ends_without_one(sent):
    alice = make_user("alice")
    subscriptions.subscribe(alice)
    if stored(alice).subscription_status == "confirmed":
        leave_unconfirmed(stored(alice))

    subscriptions.unsubscribe(alice)

    assert last_mails(sent) == []


def test_it_is_made_good_by_the_sweep(alice, sent):
    with faults.down("SendMessageBatch"):
        subscriptions.unsubscribe(alice)
    assert last_mails(sent) == []

    for _ in range(2):
        send_unsubscribed(user_id=alice.user_id)

    assert len(last_mails(sent)) == 1


def test_alerts_that_are_on_again_meanwhile_send_none():
    with using_ses() as sent:
        alice = make_user("alice")
        subscriptions.subscribe(alice)
        follow(sent[-1].account_link)
        subscriptions.unsubscribe(alice)
        subscriptions.subscribe(alice)

        assert last_mails(sent) == []


def test_without_a_sender_nothing_is_queued():
    alice = make_user("alice")
    subscriptions.subscribe(alice)

    with faults.calls_counted() as calls:
        subscriptions.unsubscribe(alice)

    assert "SendMessageBatch" not in calls
