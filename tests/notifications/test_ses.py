"""Mails through SES: sending, confirmation links and unsubscribe links."""

import time

import pytest
from django.test import Client

from accounts import credentials, emails
from accounts.models import Account, OneTimeLink
from accounts.verification import services as verification
from notifications import delivery, subscriptions
from notifications import ses as transport
from notifications.models import Notification, OptIn
from notifications.recipients import EmailChanges
from notifications.transports import DeliveryError, OutgoingEmail
from profiles import address_change
from smartbudget.core import dates
from tests.accounts.verification.builders import register
from tests.builders import PASSWORD, account_of, client_for, make_user
from tests.notifications import faults
from tests.notifications.builders import (
    mails,
    make_account,
    make_notification,
    state,
)
from tests.notifications.mailing import SENDER, follow, using_ses

API = "/api/notifications/subscribe"
TWO_DAYS = 2 * 24 * 3600


def status_of(user) -> str:
    return Account.get(user.user_id, consistent_read=True).subscription_status


def anonymous() -> Client:
    return client_for()


@pytest.fixture
def alice():
    return make_user("alice")


@pytest.fixture
def link(alice, ses):
    """Return the path of Alice's confirmation link."""
    subscriptions.subscribe(alice)
    return ses[-1].account_link


@pytest.fixture
def confirmed(alice, link):
    follow(link)
    return alice


@pytest.fixture
def notified(confirmed, ses):
    """Return the mail of a notification that Alice got."""
    make_notification(user_id=confirmed.user_id)
    delivery.deliver("n1")
    return ses[-1]


# ------------------------------------------------------------------- sending


def test_a_notification_goes_out_as_text_and_html(alice, notified):
    assert state() == ("sent", None)
    assert notified.to == ["alice@example.com"]
    assert notified.request["FromEmailAddress"] == SENDER
    assert notified.request["ConfigurationSetName"] == "smart-budget-mail"
    assert notified.subject == "Over budget: Food"
    for body in (notified.text, notified.html):
        assert "You have spent $12.00 of $10.00." in body
    assert mails() == []  # nothing through SNS


def test_the_headers_allow_one_click_unsubscribe(notified):
    target = notified.headers["List-Unsubscribe"]

    assert target == f"<{transport.config.app_url}{notified.link}>"
    assert notified.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_every_mail_has_the_same_unsubscribe_link(confirmed, notified, ses):
    make_notification("n2", user_id=confirmed.user_id)
    delivery.deliver("n2")

    assert ses[-1] is not notified
    assert ses[-1].link == notified.link


@pytest.mark.parametrize("subject", ["Food\r\nBcc: bob@example.com", "F" * 500, "🍕"])
def test_hostile_subjects_add_no_header(confirmed, ses, subject):
    make_notification(user_id=confirmed.user_id, subject=subject)

    delivery.deliver("n1")

    assert len(ses[-1].subject) <= 100
    assert "\n" not in ses[-1].subject
    assert set(ses[-1].headers) == {"List-Unsubscribe", "List-Unsubscribe-Post"}


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("MessageRejected", "does not send to this address"),
        ("SendingPausedException", "paused"),
        ("SomethingNewException", "SomethingNewException"),
    ],
)
def test_an_ses_error_becomes_a_readable_reason(confirmed, code, message):
    make_notification(user_id=confirmed.user_id)
    body = f'{{"__type": "{code}", "message": "alice@example.com is odd"}}'

    with (
        faults.answered("SendEmail", 400, body),
        pytest.raises(DeliveryError, match=message) as raised,
    ):
        delivery.deliver("n1", last_attempt=True)

    assert state() == ("failed", str(raised.value))
    assert "@" not in str(raised.value)


def test_a_lost_reply_does_not_send_a_second_mail(confirmed, ses):
    letter = OutgoingEmail(
        "n1", confirmed.user_id, "alice@example.com", "Spent", "All of it."
    )
    before = len(ses)

    with faults.reply_lost("SendEmail"), pytest.raises(DeliveryError, match="answer"):
        transport.send(letter)

    assert len(ses) - before <= 1


def test_subscribers_confirmed_with_sns_get_mails_through_ses(request):
    account = make_account(subscribed=True)
    sent = request.getfixturevalue("ses")
    make_notification()

    delivery.deliver("n1")

    assert [mail.to for mail in sent] == [["alice@example.com"]]
    assert mails() == []
    subscriptions.unsubscribe(account.user)
    assert status_of(account) == "none"


def test_after_returning_to_sns_ses_subscribers_are_skipped():
    alice = make_user("alice")
    with using_ses() as sent:
        subscriptions.subscribe(alice)
        follow(sent[0].account_link)
    assert status_of(alice) == "confirmed"
    make_notification(user_id=alice.user_id)

    delivery.deliver("n1")

    assert state()[0] == "skipped"
    assert status_of(alice) == "none"
    assert "Turn on e-mail alerts again" in client_for(alice).get(API).json()["detail"]


# --------------------------------------------------------------- subscribing


def test_subscribing_mails_one_link_and_is_pending(alice, ses):
    answer = client_for(alice).post(API, {}, "application/json")

    assert answer.json()["status"] == "pending"
    assert [mail.to for mail in ses] == [["alice@example.com"]]
    assert ses[0].account_link.startswith("/accounts/verify/")


def test_a_verified_address_is_subscribed_at_once(alice, link, ses):
    follow(link)
    subscriptions.unsubscribe(alice)
    ses.clear()

    answer = client_for(alice).post(API, {}, "application/json")

    assert answer.json()["status"] == "confirmed"
    assert ses == []
    make_notification(user_id=alice.user_id)
    delivery.deliver("n1")
    assert state()[0] == "sent"


def test_pages_say_where_alerts_go_before_they_are_turned_on(alice, ses):
    client = client_for(alice)
    sentence = "Turn on, and we'll send a confirmation link to alice@example.com."
    assert sentence in client.get("/accounts/profile").text

    verification.send_again(alice)
    follow(ses[-1].account_link)

    page = client.get("/accounts/profile").text
    assert "Turn on, and alerts go to alice@example.com." in page
    page = client.post("/notifications/subscribe", follow=True).text
    assert "E-mail alerts are on. They go to alice@example.com." in page


def test_a_link_of_the_registration_confirms_the_subscription_too(ses):
    alice = register()
    link = ses[0].account_link
    account_of(alice).update(
        actions=[
            Account.subscription_status.set("pending"),
            Account.subscription_checked_at.set(dates.timestamp()),
        ]
    )

    follow(link)

    assert status_of(alice) == "confirmed"


def test_verifying_without_subscribing_sends_no_alerts(ses):
    alice = register()

    follow(ses[0].account_link)

    assert status_of(alice) == "none"


def test_the_token_is_not_stored(alice, link):
    token = link.rpartition("/")[2]

    stored = [str(item.attribute_values) for item in OneTimeLink.scan()]

    assert stored
    assert not [item for item in stored if token in item]


def test_subscribing_again_sends_no_second_link(alice, link, ses):
    subscriptions.subscribe(alice)

    assert len(ses) == 1


def test_the_link_confirms_and_subscribes(alice, link):
    page = follow(link)

    assert b"alice@example.com is confirmed" in page.content
    assert status_of(alice) == "confirmed"
    assert account_of(alice).email_verified_at


def test_a_link_and_its_subscription_wait_for_two_days(alice, link, clock):
    clock.shift(TWO_DAYS - 1)
    assert client_for(alice).get(API).json()["status"] == "pending"
    clock.shift(1)

    assert follow(link).status_code == 410
    answer = client_for(alice).get(API).json()
    assert answer["status"] == "none"
    assert "expired after two days" in answer["detail"]


def test_sending_the_link_again_lets_the_subscription_wait_longer(
    alice, link, ses, clock
):
    clock.shift(TWO_DAYS - 1)
    verification.send_again(alice)
    clock.shift(TWO_DAYS - 1)

    assert client_for(alice).get(API).json()["status"] == "pending"
    follow(ses[-1].account_link)
    assert status_of(alice) == "confirmed"


def test_a_confirmed_subscription_does_not_expire(confirmed, clock):
    clock.shift(10 * TWO_DAYS)

    assert client_for(confirmed).get(API).json()["status"] == "confirmed"
    (record,) = OptIn.scan(OptIn.user_id.startswith("opt-in#"))
    assert record.expires_at is None


def test_after_cancelling_the_link_only_verifies(alice, link):
    subscriptions.unsubscribe(alice)

    assert follow(link).status_code == 200
    assert status_of(alice) == "none"
    assert account_of(alice).is_verified


def test_a_new_address_is_confirmed_by_its_own_link(confirmed, ses):
    address_change.change_email(confirmed, password=PASSWORD, email="new@example.com")
    notice = Notification.by_user.query(
        confirmed.user_id, filter_condition=Notification.type == "email_changed"
    )
    delivery.deliver(next(notice).notification_id)
    confirmation, mail = ses[-2:]
    assert (confirmation.to, mail.to) == (["new@example.com"], ["alice@example.com"])

    follow(confirmation.account_link)

    account = account_of(confirmed)
    assert (account.email, account.subscription_status) == (
        "new@example.com",
        "confirmed",
    )
    subscriptions.refresh(confirmed)  # ends the old one
    assert [record.email for record in records()] == ["new@example.com"]


def test_unsubscribe_links_of_the_old_address_do_not_affect_the_new_one(
    confirmed, notified, ses
):
    address_change.change_email(confirmed, password=PASSWORD, email="new@example.com")
    follow(ses[-1].account_link)

    assert anonymous().post(notified.link).status_code == 404

    make_notification("n2", user_id=confirmed.user_id)
    delivery.deliver("n2")
    assert ses[-1].to == ["new@example.com"]
    assert anonymous().post(ses[-1].link).status_code == 200


def test_an_unmailable_address_is_reported_and_nothing_is_pending(alice, ses):
    with faults.down("SendEmail"):
        answer = client_for(alice).post(API, {}, "application/json")

    assert answer.status_code == 503
    assert "try again" in answer.json()["detail"]
    assert status_of(alice) == "none"


def test_the_api_shows_no_subscription_arn(alice, link):
    answer = client_for(alice).get(API).json()

    assert answer["subscription_arn"] is None


# --------------------------------------------- links of versions up to 0.1


@pytest.fixture
def old_link(alice, ses, clock):
    """A link to confirm alerts as an earlier version sent it: a record per token."""
    return opt_in(alice, "alice@example.com")


def opt_in(user, email, *, pending=False) -> str:
    """Store what an earlier version stored when it sent a link; return its path."""
    token = ("p" if pending else "s") * 43
    record = OptIn(
        user_id=f"opt-in#{credentials.digest(token)}",
        owner=user.user_id,
        email=email,
        expires_at=int(time.time()) + TWO_DAYS,
    )
    record.save()
    if pending:
        changes = EmailChanges(
            pending_email=email,
            pending_since=dates.timestamp(),
            pending_subscription_arn=record.user_id,
        )
    else:
        changes = EmailChanges(
            subscription_status="pending", subscription_arn=record.user_id
        )
    emails.store(account_of(user), changes)
    return f"/notifications/confirm/{token}"


def records() -> list[OptIn]:
    return list(OptIn.scan(OptIn.user_id.startswith("opt-in#")))


def test_an_old_link_still_confirms_and_subscribes(alice, old_link):
    page = anonymous().get(old_link)
    assert b"alice@example.com" in page.content
    assert status_of(alice) == "pending"

    page = anonymous().post(old_link)

    assert b"alice@example.com is confirmed" in page.content
    assert status_of(alice) == "confirmed"
    assert account_of(alice).email_verified_at
    assert client_for(alice).get(API).json()["status"] == "confirmed"
    assert [record.expires_at for record in records()] == [None]


def test_an_old_link_still_changes_the_address(alice, old_link):
    anonymous().post(old_link)
    link = opt_in(alice, "new@example.com", pending=True)

    assert anonymous().post(link).status_code == 200

    account = account_of(alice)
    assert (account.email, account.pending_email) == ("new@example.com", None)
    assert account.subscription_status == "confirmed"
    assert client_for(alice).get(API).json()["status"] == "confirmed"


def test_an_old_subscription_stays_confirmed_and_verified(alice, old_link):
    (record,) = records()
    record.update(actions=[OptIn.expires_at.remove()])

    assert client_for(alice).get(API).json()["status"] == "confirmed"
    assert client_for(alice).get("/api/profile").json()["email_verified"] is True


def test_an_old_link_needs_the_csrf_token(alice, old_link):
    assert client_for(csrf=True).post(old_link).status_code == 403
    assert status_of(alice) == "pending"


def test_an_old_link_works_for_two_days(alice, old_link, clock):
    clock.shift(TWO_DAYS - 1)
    assert anonymous().get(old_link).status_code == 200
    clock.shift(1)

    for method in (anonymous().get, anonymous().post):
        page = method(old_link)
        assert page.status_code == 410
        assert b"This link has expired." in page.content
    assert client_for(alice).get(API).json()["status"] == "none"


def test_an_old_link_that_was_cancelled_does_nothing(alice, old_link):
    subscriptions.unsubscribe(alice)

    assert anonymous().post(old_link).status_code == 410
    assert status_of(alice) == "none"


@pytest.mark.parametrize(
    ("token", "status"), [("A" * 43, 410), ("short", 404), ("é" * 43, 404)]
)
def test_an_unknown_link_is_refused(token, status):
    for method in (anonymous().get, anonymous().post):
        assert method(f"/notifications/confirm/{token}").status_code == status


# -------------------------------------------------------------- unsubscribing


def test_opening_the_unsubscribe_link_changes_nothing(alice, notified):
    page = anonymous().get(notified.link)

    assert b"Unsubscribe</button>" in page.content
    assert status_of(alice) == "confirmed"


@pytest.mark.parametrize("form", [{}, {"List-Unsubscribe": "One-Click"}])
def test_button_and_one_click_both_unsubscribe(alice, notified, form):
    browser = client_for(csrf=True)  # a mail program has no token

    for _ in range(2):
        assert browser.post(notified.link, form).status_code == 200
        assert status_of(alice) == "none"


def test_after_one_click_nothing_is_sent(alice, notified, ses):
    anonymous().post(notified.link)
    make_notification("n2", user_id=alice.user_id)
    before = len(ses)

    delivery.deliver("n2")

    assert state("n2")[0] == "skipped"
    assert len(ses) == before


def test_another_users_key_is_rejected(alice, notified):
    bob = make_user("bob")
    key = notified.link.rpartition("/")[2]

    for user_id in (bob.user_id, "0" * 32):
        link = f"/notifications/unsubscribe/{user_id}/{key}"
        for method in (anonymous().get, anonymous().post):
            assert method(link).status_code == 404


def test_without_a_mail_there_is_no_unsubscribe_link(alice, ses):
    for key in ("", "None", "A" * 43):
        link = f"/notifications/unsubscribe/{alice.user_id}/{key}"
        assert anonymous().post(link).status_code == 404
