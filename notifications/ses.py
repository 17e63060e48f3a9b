"""SES: e-mails with HTML and headers, to verified addresses.

Subscriptions that were confirmed with SNS before the transport was changed stay valid:
they keep their ARN and their status comes from SNS.
"""

import hashlib
import logging
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from notifications import mails, opt_ins, recipients, sns
from notifications.mails import Mail
from notifications.transports import (
    REFUSED,
    UNANSWERED,
    DeliveryError,
    OutgoingEmail,
    raise_if_throttled,
)
from smartbudget.core import aws
from smartbudget.core.config import config
from smartbudget.core.i18n import gettext_noop

logger = logging.getLogger(__name__)

_REASONS = {
    "AccountSuspendedException": gettext_noop("E-mails are suspended at the moment."),
    "MailFromDomainNotVerifiedException": gettext_noop("The sender is not set up yet."),
    "MessageRejected": gettext_noop(
        "The e-mail service does not send to this address."
    ),
    "SendingPausedException": gettext_noop("E-mails are paused at the moment."),
}


def send(outgoing: OutgoingEmail) -> None:
    """Send one e-mail. Not idempotent. Raises DeliveryError."""
    key = outgoing.unsubscribe_key or recipients.ensure_unsubscribe_key(
        outgoing.user_id
    )
    link = f"{config.app_url}/notifications/unsubscribe/{outgoing.user_id}/{key}"
    message_id = _send(
        outgoing.email,
        mails.notification(outgoing.subject, outgoing.message, link, outgoing.language),
        tags={"subscription": tag_of(outgoing.subscription)},
        headers={
            "List-Unsubscribe": f"<{link}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",  # RFC 8058
        },
    )
    logger.info(
        "mail accepted notification_id=%s message_id=%s",
        outgoing.notification_id,
        message_id,
    )


def send_account_mail(email: str, mail: Mail, user_id: str) -> None:
    """Send an e-mail about an account to an address. Not idempotent.

    Its events name the account instead of a subscription.

    Raises DeliveryError.
    """
    message_id = _send(email, mail, tags={"account": user_id})
    logger.info("account mail accepted user_id=%s message_id=%s", user_id, message_id)


def send_security_notice(outgoing: OutgoingEmail) -> None:
    """Send the notification of a security event as account mail. Not idempotent.

    Raises DeliveryError.
    """
    mail = mails.security_notice(
        outgoing.subject, outgoing.message, outgoing.language, outgoing.not_me_link
    )
    send_account_mail(outgoing.email, mail, outgoing.user_id)


def supports(arn: str) -> bool:
    """Return True: subscriptions confirmed with SNS are valid too."""
    return True


def status_of(arn: str, email: str) -> str:
    """Return the status of a subscription: none, pending or confirmed."""
    return (
        sns.status_of(arn, email) if sns.supports(arn) else opt_ins.status(arn, email)
    )


def email_of(arn: str) -> str | None:
    """Return the address of a subscription of SNS, or None for a record of the app."""
    return sns.email_of(arn) if sns.supports(arn) else None


def unsubscribe(arn: str) -> bool:
    """End a subscription, and return whether it has ended. Safe to repeat."""
    if sns.supports(arn):
        return sns.unsubscribe(arn)
    opt_ins.end(arn)
    return True


def check_quota() -> None:
    """Do nothing: SES has no quota of subscriptions."""


def tag_of(subscription: str | None) -> str:
    """Return the tag of a subscription, which SES includes in its events."""
    return hashlib.sha256((subscription or "").encode()).hexdigest()[:32]


def _send(
    email: str,
    mail: Mail,
    *,
    tags: dict[str, str],
    headers: dict[str, str] | None = None,
) -> str:
    """Send one e-mail, and return its message id.

    Makes one attempt: after a lost reply, a retry would send a second e-mail.
    """
    request: dict[str, Any] = {
        "FromEmailAddress": config.email_sender,
        "Destination": {"ToAddresses": [email]},
        "Content": {
            "Simple": {
                "Subject": _utf8(mail.subject),
                "Body": {"Text": _utf8(mail.text), "Html": _utf8(mail.html)},
                "Headers": _pairs(headers or {}),
            }
        },
        "EmailTags": _pairs(tags),
    }
    if config.ses_configuration_set:
        request["ConfigurationSetName"] = config.ses_configuration_set
    try:
        response = aws.client("sesv2", attempts=1).send_email(**request)
    except ClientError as error:
        raise_if_throttled(error)
        code = error.response["Error"]["Code"]
        reason = _REASONS.get(code, REFUSED.format(code=code))
        raise DeliveryError(reason) from error
    except BotoCoreError as error:
        raise DeliveryError(UNANSWERED) from error
    message_id: str = response["MessageId"]
    return message_id


def _utf8(text: str) -> dict[str, str]:
    return {"Data": text, "Charset": "UTF-8"}


def _pairs(values: dict[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in values.items()]
