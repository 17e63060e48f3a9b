"""Account e-mails: links to confirm an address or reset a password, security notices.

They go through SES whatever carries the notifications, to the account's own address,
subscribed or not: a topic of SNS only reaches confirmed subscribers, and is a poor
carrier for secrets.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from notifications import mails, ses, transports
from smartbudget.core import i18n
from smartbudget.core.config import config
from smartbudget.core.i18n import gettext as _

if TYPE_CHECKING:
    from accounts.models import Account


def is_available() -> bool:
    """Check whether a sender is configured. Without one, no account mail is sent."""
    return transports.has_sender()


def send(
    account: "Account",
    *,
    subject: str,
    paragraphs: Sequence[str],
    link: str | None = None,
    button: str | None = None,
    email: str | None = None,
) -> None:
    """Send an e-mail about an account. Not idempotent: each call sends one.

    The texts are in the account's language already. link: a URL of this site, for the
    button. email: the address, if it is not the account's current one.

    Raises DeliveryError.
    """
    mail = mails.account(
        subject, paragraphs, account.language, link=link, button=button
    )
    ses.send_account_mail(email or account.email, mail, account.user_id)


def send_unsubscribed(account: "Account") -> None:
    """Send the last e-mail after alerts were turned off, unless they are on again.

    Raises DeliveryError.
    """
    if account.subscription_status != "none" or not account.email:
        return
    with i18n.override(account.language):
        send(
            account,
            subject=_("E-mail alerts are off"),
            paragraphs=[
                _(
                    "You won't get any more e-mail alerts from your account {username}."
                    " They are still listed in the app."
                ).format(username=account.username),
                _(
                    "If you didn't turn them off, turn them on again and change your"
                    " password."
                ),
            ],
            link=f"{config.app_url}/accounts/profile#alerts",
            button=_("Turn them on again"),
        )
