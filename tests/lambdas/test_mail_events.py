"""Bounces and complaints from SES, through their queue."""

import json
import logging

import pytest

from accounts.models import Account
from lambdas.notification_processor.handler import handler
from notifications import delivery, subscriptions, transports
from notifications.models import OptIn
from notifications.recipients import BOUNCED, MARKED_AS_SPAM
from notifications.transports import OutgoingEmail
from tests.builders import account_of, client_for, make_user
from tests.lambdas.events import recorded
from tests.notifications import faults
from tests.notifications.builders import make_notification, sns
from tests.notifications.mailing import event, follow, using_ses

API = "/api/notifications/subscribe"
DONE = {"processed": 1, "failed": 0, "errors": [], "batchItemFailures": []}


@pytest.fixture
def ses(aws):
    with using_ses() as sent:
        yield sent


@pytest.fixture
def alice(ses):
    """A confirmed subscriber; `ses[0]` is the mail she got."""
    user = make_user("alice")
    subscribe(user, ses)
    ses.clear()
    notification = make_notification("1" * 32, user_id=user.user_id)
    delivery.deliver(notification.notification_id)
    return user


def subscribe(user, ses) -> None:
    if subscriptions.subscribe(user).subscription_status == "pending":
        follow(ses[-1].account_link)


def state_of(user) -> tuple[str, str | None]:
    account = Account.get(user.user_id, consistent_read=True)
    return account.subscription_status, account.email_problem


@pytest.mark.parametrize(
    ("name", "problem"), [("ses_bounce", BOUNCED), ("ses_complaint", MARKED_AS_SPAM)]
)
def test_a_bounce_or_complaint_ends_the_subscription_with_a_reason(
    context, alice, ses, name, problem
):
    for _ in range(2):
        assert handler(event(name, ses[0]), context) == DONE
        assert state_of(alice) == ("none", problem)

    answer = client_for(alice).get(API).json()
    assert answer["status"] == "none"
    assert problem in answer.values()
    assert problem in client_for(alice).get("/notifications").content.decode()
    assert not [item for item in OptIn.scan() if item.user_id.startswith("opt-in#")]


def test_a_bounced_confirmation_is_reported_too(context, ses):
    bob = make_user("alice")
    subscriptions.subscribe(bob)
    bounce = event(
        "ses_bounce", ses[0], bouncedRecipients=[{"emailAddress": bob.email}]
    )

    handler(bounce, context)

    assert account_of(bob).account_mail_problem == "bounced"


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("ses_bounce", {"bounceType": "Transient", "bounceSubType": "MailboxFull"}),
        ("ses_bounce", {"bounceType": "Undetermined"}),
        ("ses_complaint", {"complaintFeedbackType": "not-spam"}),
    ],
)
def test_transient_bounces_are_only_logged(context, alice, ses, caplog, name, changes):
    caplog.set_level(logging.INFO)

    assert handler(event(name, ses[0], **changes), context) == DONE

    assert state_of(alice) == ("confirmed", None)
    assert "permanent=False message_id=0100017f0a-mail" in caplog.text


def test_other_ses_events_are_ignored(context, alice, ses):
    bounce = event("ses_bounce", ses[0])
    body = json.loads(bounce["Records"][0]["body"])
    bounce["Records"][0]["body"] = json.dumps({**body, "eventType": "Delivery"})

    assert handler(bounce, context) == DONE
    assert state_of(alice) == ("confirmed", None)


def test_subscribing_again_clears_it_and_late_events_are_ignored(context, alice, ses):
    handler(event("ses_bounce", ses[0]), context)
    subscribe(alice, ses)
    assert state_of(alice) == ("confirmed", None)

    for name in ("ses_bounce", "ses_complaint"):
        assert handler(event(name, ses[0]), context) == DONE

    assert state_of(alice) == ("confirmed", None)


def test_only_the_owner_of_the_address_is_unsubscribed(context, alice, ses):
    bob = make_user("bob")
    subscribe(bob, ses)
    someone_else = [{"emailAddress": "bob@example.com"}]
    nobody = [{"emailAddress": "nobody@example.com"}]

    for recipients in (someone_else, nobody):
        bounce = event("ses_bounce", ses[0], bouncedRecipients=recipients)
        assert handler(bounce, context) == DONE

    assert state_of(alice) == ("confirmed", None)
    assert state_of(bob) == ("confirmed", None)


def test_an_event_that_could_not_be_stored_is_retried(context, alice, ses):
    with faults.down("TransactWriteItems"):
        assert handler(event("ses_bounce", ses[0]), context)["failed"] == 1

    assert handler(event("ses_bounce", ses[0]), context) == DONE
    assert state_of(alice) == ("none", BOUNCED)


def test_a_mail_without_a_tag_changes_nothing(context, alice, ses):
    assert handler(recorded("ses_bounce"), context) == DONE

    assert state_of(alice) == ("confirmed", None)


def test_logs_contain_no_addresses(context, alice, ses, caplog):
    caplog.set_level(logging.DEBUG, "notifications")
    handler(event("ses_bounce", ses[0]), context)

    assert alice.user_id in caplog.text
    assert "alice@" not in caplog.text.lower()


def test_an_sns_subscription_is_ended_too(context):
    user = make_user("alice")
    subscriptions.subscribe(user)
    arn = Account.get(user.user_id).subscription_arn

    with using_ses() as sent:
        letter = OutgoingEmail(
            "n1", user.user_id, user.email, "Spent", "All of it.", arn
        )
        transports.get_transport().send(letter)
        assert handler(event("ses_bounce", sent[0]), context) == DONE

    assert state_of(user) == ("none", BOUNCED)
    assert arn not in sns().subscriptions
