"""Account e-mails: links to confirm an address or reset a password, security notices.

They go through SES whatever carries the notifications, to the account's own address,
subscribed or not: a topic of SNS only reaches confirmed subscribers, and is a poor
carrier for secrets.
"""

from collections.abc import Sequence

from notifications import mails, ses, transports


def is_available() -> bool:
    """Check whether a sender is configured. Without one, no account mail is sent."""
    return transports.has_sender()


def send(
    email: str,
    *,
    user_id: str,
    language: str,
    subject: str,
    paragraphs: Sequence[str],
    link: str | None = None,
    button: str | None = None,
) -> None:
    """Send an e-mail about an account. Not idempotent: each call sends one.

    The texts are in `language` already. link: a URL of this site, for the button.

    Raises DeliveryError.
    """
    mail = mails.account(subject, paragraphs, language, link=link, button=button)
    ses.send_account_mail(email, mail, user_id)
