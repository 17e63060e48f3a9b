"""How mail reaches people: the port, and the choice of what stands behind it.

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
    """The message was not taken; the text says why, for the person who waits.

    In English, since it is stored: `status_text.reason_in_words` translates it.
    """


@dataclass(frozen=True)
class Letter:
    """One notification on its way to one person."""

    notification_id: str
    user_id: str
    email: str
    subject: str
    message: str  # paragraphs; where there is a link, it is the last one
    subscription: str | None = None  # as `subscribe` returned it
    unsubscribe_key: str | None = None  # the account's; None: it has none yet
    language: str = i18n.DEFAULT  # of what a mail says around the message


class Transport(Protocol):
    """What sends mail, and knows who wants any."""

    def send(self, letter: Letter) -> None:
        """Send one message to a person. Not idempotent. Raises DeliveryError."""

    def subscribe(self, email: str, user_id: str, language: str) -> Subscription:
        """Ask an address to confirm, for an account. Safe to repeat.

        language: of the mail that asks, where we write it.

        Returns `pending` or `confirmed`, and what it is known by, never None.

        Raises InvalidError for an address that takes no mail, UnavailableError.
        """

    def knows(self, arn: str) -> bool:
        """Tell whether a subscription is one that mails can be sent by."""

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

    def watch(self) -> None:
        """Log what operators must know before it is too late; called every sweep."""


def chosen() -> Transport:
    """Return the transport that the configuration names."""
    if config.email_transport == "ses":
        from notifications import ses

        return ses
    from notifications import sns

    return sns
