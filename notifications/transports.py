"""The interface to send e-mail, and the choice of SNS or SES.

Why: docs/decisions.md#e-mail-goes-through-sns-or-ses-behind-one-interface
"""

from dataclasses import dataclass
from typing import Protocol

from botocore.exceptions import ClientError

from smartbudget.core import i18n, log
from smartbudget.core.config import config
from smartbudget.core.i18n import gettext_noop

UNANSWERED = gettext_noop("The e-mail service did not answer.")
REFUSED = gettext_noop("The e-mail service rejected it ({code}).")
TOO_FAST = gettext_noop("Too many e-mails are being sent right now.")
TOO_MANY_TODAY = gettext_noop("Too many e-mails were sent today.")

# Error codes of services that take no more requests for now: those for which botocore
# waits, and SNS's own (docs/aws.md#throttled-requests).
THROTTLING_CODES = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "KMSThrottling",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttled",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
TOO_MANY_REQUESTS = 429  # HTTP status


class DeliveryError(Exception):
    """The transport refused the message. The text is a reason for the user.

    It is stored in English, and `status_text.reason_in_words` translates it.
    """


class TransportThrottledError(DeliveryError):
    """The transport takes no more messages for now. It did not send this one.

    is_daily: the daily quota is used up, so a retry within seconds would fail.
    """

    def __init__(self, *, is_daily: bool) -> None:
        super().__init__(TOO_MANY_TODAY if is_daily else TOO_FAST)
        self.is_daily = is_daily


@dataclass(frozen=True)
class OutgoingEmail:
    """A notification to be sent to one user."""

    notification_id: str
    user_id: str
    email: str
    subject: str
    message: str  # paragraphs; a link, if any, is the last one
    subscription: str | None = None  # the transport's id of it
    unsubscribe_key: str | None = None  # the user's; None if there is none yet
    language: str = i18n.DEFAULT  # of the e-mail around the message
    not_me_link: str | None = None  # of the notice of a login with a new device


class Transport(Protocol):
    """A service that sends e-mails and knows subscriptions."""

    def send(self, outgoing: OutgoingEmail) -> None:
        """Send one e-mail. Not idempotent. Raises DeliveryError."""

    def supports(self, arn: str) -> bool:
        """Check whether e-mails can be sent to a subscription with this transport."""

    def status_of(self, arn: str, email: str) -> str:
        """Return the status of a subscription: none, pending or confirmed.

        It is none for an unknown subscription.
        """

    def email_of(self, arn: str) -> str | None:
        """Return the address of a subscription, which another account may share.

        Returns None if it has ended, or can belong to one account only.
        """

    def unsubscribe(self, arn: str) -> bool:
        """End a subscription, and return whether it has ended. Safe to repeat.

        One that was never confirmed may have to expire.
        """

    def check_quota(self) -> None:
        """Log a warning when a quota is nearly used up. Every sweep calls it."""


def has_sender() -> bool:
    """Check whether a sender is configured. Without one, no account mail is sent."""
    return bool(config.email_sender)


def sends_confirmations() -> bool:
    """Check whether the transport itself confirms addresses, as SNS does.

    With SES, subscriptions need an address verified by our own link.
    """
    return config.email_transport == "sns"


def get_transport() -> Transport:
    """Return the transport of the configuration."""
    if config.email_transport == "ses":
        from notifications import ses

        return ses
    from notifications import sns

    return sns


def raise_if_throttled(error: ClientError) -> None:
    """Raise TransportThrottledError if AWS refused a request because of its limits."""
    code = error.response["Error"]["Code"]
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if code in THROTTLING_CODES or status == TOO_MANY_REQUESTS:
        message = error.response["Error"].get("Message", "").lower()
        # A word of SES's message (docs/aws.md#sending-quotas), or the code of a quota.
        is_daily = "daily" in message or code == "LimitExceededException"
        log.count("EmailsThrottled")
        raise TransportThrottledError(is_daily=is_daily) from error
