"""Process SES events of bounces and complaints."""

import datetime
import logging
from typing import Any

from notifications import recipients, ses, subscriptions
from notifications.recipients import (
    BOUNCED,
    MARKED_AS_SPAM,
    EmailChanges,
    Recipient,
)
from smartbudget.core import dates

logger = logging.getLogger(__name__)


def process(event: dict[str, Any]) -> None:
    """End the subscription that caused a bounce or complaint, or mark the account.

    event: as SES publishes it. Safe to repeat and in any order: a mail is tagged with
    its subscription or account, and no other is changed.
    """
    problem, addresses = _parse(event)
    mail = event["mail"]
    logger.info(
        "mail event kind=%s permanent=%s message_id=%s",
        event["eventType"],
        problem is not None,
        mail["messageId"],
    )
    if problem is None:
        return
    tags = mail.get("tags", {})
    for email in addresses:
        _deactivate(email, tags.get("subscription", []), problem)
    sent_at = dates.timestamp(datetime.datetime.fromisoformat(mail["timestamp"]))
    for user_id in tags.get("account", []):
        _mark(user_id, addresses, problem, sent_at)


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
    addresses = [recipient["emailAddress"].lower() for recipient in affected]
    return problem if is_permanent else None, addresses


def _deactivate(email: str, tags: list[str], problem: str) -> None:
    recipient = recipients.find_by_email(email, Recipient) if tags else None
    arn = recipient.subscription_arn if recipient else None
    if recipient is None or arn is None or ses.tag_of(arn) not in tags:
        return
    recipient = subscriptions.retry_if_stale(
        recipient, lambda current: subscriptions.deactivate(current, arn, problem)
    )
    subscriptions.retry_if_stale(recipient, subscriptions.end_retired)
    logger.warning("subscription ended user_id=%s", recipient.user_id)


def _mark(user_id: str, addresses: list[str], problem: str, sent_at: str) -> None:
    """Record in an account that its mail bounced or was reported as spam."""

    def store(recipient: Recipient) -> None:
        if problem == BOUNCED:
            known, changes = recipient.bounced_at, EmailChanges(bounced_at=sent_at)
        else:
            known, changes = recipient.reported_at, EmailChanges(reported_at=sent_at)
        if recipient.email in addresses and sent_at > (known or ""):
            recipients.store(recipient, changes)
            logger.warning("account mail came back user_id=%s", user_id)

    recipient = recipients.find(user_id, Recipient)
    if recipient is not None:
        subscriptions.retry_if_stale(recipient, store)
