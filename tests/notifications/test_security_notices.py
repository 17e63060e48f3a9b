"""Security notices go through account mail, to the account's own address."""

import json

import pytest

from accounts import emails, services, tokens
from accounts.models import Account
from notifications import delivery, subscriptions, sweep
from notifications.kinds import EMAIL_KINDS, SECURITY_KINDS
from notifications.recipients import BOUNCED
from notifications.tasks import take_mail_event
from notifications.transports import DeliveryError
from profiles import address_change
from smartbudget.core import dates
from smartbudget.core.config import config
from tests.builders import PASSWORD, client_for, make_token, make_user
from tests.notifications import faults
from tests.notifications.builders import (
    mails,
    make_account,
    make_notification,
    run_queued_tasks,
    state,
    stored,
)
from tests.notifications.mailing import event, follow, using_ses

PROFILE = "/api/profile"


@pytest.fixture(params=["sns", "ses"])
def sent(request, _fixed):
    """Configure a sender beside each transport; return the mails sent through SES."""
    with using_ses(request.param) as mails_sent:
        yield mails_sent


def notice(**fields):
    return make_notification(
        type="password_changed",
        subject="Your password was changed",
        message=f"It was changed.\n\n{config.app_url}/accounts/password\n",
        **fields,
    )


def change(account_id="alice", **values):
    account = Account.get(account_id)
    account.update(
        [getattr(Account, name).set(value) for name, value in values.items()]
    )


# -- a fresh user, who has not subscribed to anything


def test_a_new_token_is_mailed_to_its_user(sent):
    alice = make_user("alice")

    make_token(alice, name="Import")
    run_queued_tasks()

    _confirmation, mail = sent
    assert mail.to == ["alice@example.com"]
    assert mail.subject == "New API token: …"
    assert "can't be turned off" in mail.text
    assert "can't be turned off" in mail.html
    assert "nsubscribe" not in mail.text + mail.html
    assert mail.headers == {}


def test_a_changed_password_is_mailed_to_its_user(sent):
    alice = make_user("alice", language="de")

    services.change_password(alice, old=PASSWORD, new="another good password")
    run_queued_tasks()

    _confirmation, mail = sent
    assert mail.subject == "Dein Passwort wurde geändert"
    assert "Passwort ändern" in mail.html
    assert mail.account_link == "/accounts/password"
    assert mails() == []


@pytest.mark.parametrize("kind", SECURITY_KINDS)
def test_every_security_notice_is_sent(sent, kind):
    make_account(subscribed=False)
    make_notification(type=kind)

    delivery.deliver("n1")

    assert [mail.to for mail in sent] == [["alice@example.com"]]
    assert state() == ("sent", None)


@pytest.mark.parametrize("kind", EMAIL_KINDS)
def test_other_notifications_still_need_a_subscription(sent, kind):
    make_account(subscribed=False, opted_in={"weekly_summary", "monthly_summary"})
    make_notification(type=kind)

    delivery.deliver("n1")

    assert sent == []
    assert state()[0] == "skipped"


# -- once, whatever else is configured


def test_a_subscriber_gets_one_mail_by_either_way(sent):
    make_account()
    before = len(sent)  # the confirmation
    notice()

    delivery.deliver("n1")
    delivery.deliver("n1")

    assert len(sent) - before == 1
    assert mails() == []
    assert stored().attempts == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"locked_at": "2026-03-17T00:00:00+00:00"},
        {"muted": set(EMAIL_KINDS)},
        {"quiet_from": "00:00", "quiet_until": "23:59"},
        {"subscription_status": "none", "email_problem": "It came back."},
    ],
)
def test_neither_a_lock_nor_preferences_stop_it(sent, fields):
    make_account(subscribed=False, **fields)
    notice()

    delivery.deliver("n1")

    assert len(sent) == 1


def test_it_costs_no_call_for_a_subscription(sent):
    make_account(subscribed=False, email_verified_at=dates.timestamp())
    notice(notification_id="warm-up")
    delivery.deliver("warm-up")
    notice()

    with faults.calls_counted() as calls:
        delivery.deliver("n1")

    assert calls == ["UpdateItem", "GetItem", "SendEmail", "UpdateItem"]


def test_a_refused_mail_is_sent_by_the_next_attempt(sent, clock):
    make_account(subscribed=False)
    notice()
    refusal = json.dumps({"__type": "SendingPausedException", "message": "paused"})
    with (
        faults.answered("SendEmail", 400, refusal),
        pytest.raises(DeliveryError),
    ):
        delivery.deliver("n1")
    assert stored().status == "queued"
    refused = len(sent)

    clock.shift(301)
    assert sweep.enqueue_overdue()["requeued"] == 1
    run_queued_tasks()

    assert len(sent) - refused == 1
    assert state() == ("sent", None)


def test_after_the_last_attempt_it_has_failed(sent):
    make_account(subscribed=False)
    notice()

    with faults.down("SendEmail"), pytest.raises(DeliveryError):
        delivery.deliver("n1", last_attempt=True)

    assert stored().status == "failed"


def test_without_a_sender_it_goes_to_subscribers_as_before():
    make_account("alice")
    make_account("bob", subscribed=False)
    notice()
    notice(notification_id="n2", user_id="bob")

    delivery.deliver("n1")
    delivery.deliver("n2")

    assert mails() == [("alice@example.com", "Your password was changed")]
    assert state("n2") == ("skipped", "E-mail alerts are off.")


# -- an address that may be another person's


def test_an_unverified_address_gets_ten_a_day(sent, clock):
    make_account(subscribed=False)
    for number in range(11):
        notice(notification_id=f"n{number}")
        delivery.deliver(f"n{number}")
    assert len(sent) == 10
    assert state("n10")[0] == "skipped"

    clock.shift(24 * 3600 + 1)
    notice(notification_id="later")
    delivery.deliver("later")

    assert len(sent) == 11


@pytest.mark.parametrize("language", ["en", "de"])
def test_an_unverified_address_gets_nothing_that_the_user_typed(sent, language):
    """Else anyone could register with a stranger's address to have us mail a text."""
    mallory = make_user("www.prize.example", language=language)
    run_queued_tasks()

    make_token(mallory, name="You won! www.evil.example")
    address_change.change_email(mallory, email="prize@evil.example", password=PASSWORD)
    run_queued_tasks()

    received = [mail for mail in sent if mail.to == [mallory.email]]
    assert len(received) == 3
    texts = "".join(mail.subject + mail.text + mail.html for mail in received)
    for typed in ("evil", "You won"):
        assert typed not in texts
    assert "www.prize" not in texts.replace(mallory.email, "")
    assert any(mail.subject.endswith(": …") for mail in received)


def test_a_verified_address_gets_the_names(sent):
    alice = make_user("alice")
    change(alice.user_id, email_verified_at=dates.timestamp())

    make_token(alice, name="Import")
    run_queued_tasks()

    assert sent[-1].subject == "New API token: Import"


def test_a_verified_address_gets_them_all(sent):
    make_account(subscribed=False, email_verified_at=dates.timestamp())

    for number in range(12):
        notice(notification_id=f"n{number}")
        delivery.deliver(f"n{number}")

    assert len(sent) == 12


# -- bounces and complaints


def process(name, mail, **changes):
    (record,) = event(name, mail, **changes)["Records"]
    take_mail_event(**json.loads(record["body"]))


@pytest.fixture
def bounced(sent):
    """An account whose last notice bounced; the clock stands at the bounce."""
    make_account(subscribed=False)
    notice()
    delivery.deliver("n1")
    for _ in range(2):
        process("ses_bounce", sent[0])
    return Account.get("alice")


def test_a_bounce_stops_account_mail(bounced, sent):
    notice(notification_id="n2")

    delivery.deliver("n2")

    assert len(sent) == 1
    assert state("n2") == ("skipped", BOUNCED)


def test_confirming_the_address_again_resumes_it(bounced, sent):
    change(email_verified_at=dates.timestamp())
    notice(notification_id="n2")

    delivery.deliver("n2")

    assert len(sent) == 2


def test_a_late_event_of_an_earlier_mail_changes_nothing(bounced, sent):
    change(email_verified_at=dates.timestamp())

    process("ses_bounce", sent[0])

    assert not Account.get("alice").is_bouncing


def test_a_changed_address_starts_without_problems(sent):
    alice = make_user("alice")
    services.change_password(alice, old=PASSWORD, new="another good password")
    run_queued_tasks()
    process("ses_bounce", sent[0])
    assert Account.get(alice.user_id).is_bouncing

    account = services.get_account(alice.user_id)
    emails.store(account, {"email": "new@example.com"})

    assert not Account.get(alice.user_id).is_bouncing


def test_a_complaint_is_recorded_but_stops_nothing(sent):
    make_account(subscribed=False)
    notice()
    delivery.deliver("n1")

    process("ses_complaint", sent[0])
    notice(notification_id="n2")
    delivery.deliver("n2")

    account = Account.get("alice")
    assert (account.is_reported, account.is_bouncing) == (True, False)
    assert len(sent) == 2


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("ses_bounce", {"bounceType": "Transient"}),
        ("ses_bounce", {"bouncedRecipients": [{"emailAddress": "bob@example.com"}]}),
        ("ses_complaint", {"complaintFeedbackType": "not-spam"}),
    ],
)
def test_other_events_leave_the_account_alone(sent, name, changes):
    make_account(subscribed=False)
    make_account("bob", subscribed=False)
    notice()
    delivery.deliver("n1")

    process(name, sent[0], **changes)

    for account in map(Account.get, ("alice", "bob")):
        assert account.account_mail_problem is None


def test_an_event_after_the_account_was_deleted_is_no_error(sent):
    account = make_account(subscribed=False)
    notice()
    delivery.deliver("n1")
    account.delete()

    process("ses_bounce", sent[0])

    assert not list(Account.scan(Account.bounced_at.exists()))


def test_a_bounced_account_mail_leaves_the_subscription_alone(ses, alice_subscribed):
    notice(user_id=alice_subscribed.user_id)
    delivery.deliver("n1")

    process("ses_bounce", ses[-1])

    assert Account.get(alice_subscribed.user_id).subscription_status == "confirmed"


@pytest.fixture
def alice_subscribed(ses):
    user = make_user("alice")
    subscriptions.subscribe(user)
    follow(ses[0].account_link)
    return user


@pytest.mark.parametrize(
    ("name", "problem", "sentence"),
    [
        ("ses_bounce", "bounced", "e-mails have stopped"),
        ("ses_complaint", "reported_as_spam", "reported as spam"),
    ],
)
def test_settings_show_the_problem(sent, name, problem, sentence):
    alice = make_user("alice")
    client = client_for(alice)
    assert client.get(PROFILE).json()["email_problem"] is None
    tokens.create_token(
        alice, password=PASSWORD, name="x", scopes=["read"], expires_in_days=1
    )
    run_queued_tasks()

    process(name, sent[0])

    assert client.get(PROFILE).json()["email_problem"] == problem
    assert sentence in client.get("/accounts/profile").content.decode()
