"""Account mails go through SES, whatever carries the notifications."""

import pytest

from accounts import account_mail
from accounts.models import Account
from notifications.transports import DeliveryError
from smartbudget.core.config import config
from tests.notifications import faults
from tests.notifications.mailing import using_ses

LINK = f"{config.app_url}/accounts/reset/abc"


def send():
    account_mail.send(
        Account(user_id="u1", email="alice@example.com"),
        subject="Reset your password",
        paragraphs=["Someone asked for a new password.", "The link works once."],
        link=LINK,
        button="Choose a new password",
    )


@pytest.mark.parametrize("transport", ["sns", "ses"])
def test_a_mail_goes_to_the_address_with_its_link(aws, transport):
    with using_ses(transport) as sent:
        send()

    (mail,) = sent
    assert mail.to == ["alice@example.com"]
    assert mail.subject == "Reset your password"
    assert mail.account_link == "/accounts/reset/abc"
    assert LINK in mail.html
    assert "Choose a new password" in mail.html
    assert "can't be turned off" in mail.text
    assert mail.headers == {}


def test_a_lost_reply_sends_no_second_mail(aws):
    with (
        using_ses("sns") as sent,
        faults.reply_lost("SendEmail"),
        pytest.raises(DeliveryError),
    ):
        send()

    assert len(sent) <= 1


def test_without_a_sender_account_mail_is_not_available(aws):
    assert not account_mail.is_available()

    with using_ses("sns"):
        assert account_mail.is_available()
