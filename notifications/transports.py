"""The interface to send e-mail, and the choice of SNS or SES.

Why: docs/decisions.md#e-mail-goes-through-sns-or-ses-behind-one-interface
"""

from dataclasses import dataclass
from typing import Protocol

from smartbudget.core import i18n
from smartbudget.core.config import config
from smartbudget.core.i18n import gettext_noop

# none, pending or confirmed; and by what the transport knows the subscription: with
# SNS its ARN.
Subscription = tuple[str, str | None]


UNANSWERED = gettext_noop("The e-mail service did not answer.")
REFUSED = gettext_noop("The e-mail service refused it ({code}).")


class DeliveryError(Exception):
    """The transport refused the message; the text is a reason for the user.

    In English, since it is stored: `status_text.reason_in_words` translates it.
    """


@dataclass(frozen=True)
class Letter:
    """A notification to be sent to one user."""

    notification_id: str
    user_id: str
    email: str
    subject: str
    message: str  # paragraphs; where there is a link, it is the last one
    subscription: str | None = None  # as `subscribe` returned it
    unsubscribe_key: str | None = None  # the account's; None: it has none yet
    language: str = i18n.DEFAULT  # of what a mail says around the message


class Transport(Protocol):
    """A service that sends mail and keeps subscriptions."""

    def send(self, letter: Letter) -> None:
        """Send one message to a person. Not idempotent. Raises DeliveryError."""

    def subscribe(self, email: str, user_id: str, language: str) -> Subscription:
        """Send a confirmation to an account's address. Safe to repeat.

        language: of the mail that asks, where we write it.

        Returns `pending` or `confirmed`, and what it is known by, never None.

        Raises InvalidError for an address that takes no mail, UnavailableError.
        """

    def supports(self, arn: str) -> bool:
        """Check whether mails can be sent by a subscription."""

    def look_up(self, arn: str, email: str) -> str:
        """Return the status of a subscription: none, pending or confirmed.

        One that the transport does not know is none.
        """

    def address_of(self, arn: str) -> str | None:
        """Return whose mails a subscription takes, if others may come to have it.

        None for one that is gone, or one account's alone.
        """

    def unsubscribe(self, arn: str) -> bool:
        """End a subscription; safe to repeat.

        Returns whether it is gone: one that was never confirmed may have to lapse.
        """

    def check_quota(self) -> None:
        """Log what operators must know before it is too late; called every sweep."""


def get_transport() -> Transport:
    """Return the transport that the configuration names."""
    if config.email_transport == "ses":
        from notifications import ses

        return ses
    from notifications import sns

    return sns
