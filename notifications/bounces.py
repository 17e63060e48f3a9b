"""Process SES events of bounces and complaints."""

import logging
from typing import Any

from notifications import recipients, ses, subscriptions
from notifications.recipients import Recipient
from smartbudget.core.i18n import gettext_noop

logger = logging.getLogger(__name__)

BOUNCED = gettext_noop("E-mail to this address bounced.")
MARKED_AS_SPAM = gettext_noop("An e-mail was reported as spam.")


def process(event: dict[str, Any]) -> None:
    """End the subscription that caused a bounce or complaint.

    event: as SES publishes it. Safe to repeat and in any order: a mail is tagged with
    its subscription, and no other subscription is ended.
    """
    problem, addresses = _parse(event)
    mail = event["mail"]
    logger.info(
        "mail event kind=%s permanent=%s message_id=%s",
        event["eventType"],
        problem is not None,
        mail["messageId"],
    )
    tags = mail.get("tags", {}).get("subscription", [])
    for email in addresses if problem else []:
        _deactivate(email, tags, problem or "")


def _parse(event: dict[str, Any]) -> tuple[str | None, list[str]]:
    """Return (problem, addresses); a temporary problem is None."""
    match event["eventType"]:
        case "Bounce":
            bounce = event["bounce"]
            is_permanent = bounce["bounceType"] == "Permanent"
            affected = bounce["bouncedRecipients"]
            problem = BOUNCED
        case "Complaint":
            complaint = event["complaint"]
            # Some mailboxes also report mails that are moved out of the spam folder.
            is_permanent = complaint.get("complaintFeedbackType") != "not-spam"
            affected = complaint["complainedRecipients"]
            problem = MARKED_AS_SPAM
        case _:
            return None, []
    addresses = [recipient["emailAddress"] for recipient in affected]
    return problem if is_permanent else None, addresses


def _deactivate(email: str, tags: list[str], problem: str) -> None:
    recipient = recipients.find_by_email(email, Recipient)
    arn = recipient.subscription_arn if recipient else None
    if recipient is None or arn is None or ses.tag_of(arn) not in tags:
        return
    recipient = subscriptions.retry_if_stale(
        recipient, lambda current: subscriptions.deactivate(current, arn, problem)
    )
    subscriptions.retry_if_stale(recipient, subscriptions.end_retired)
    logger.warning("subscription ended user_id=%s", recipient.user_id)
