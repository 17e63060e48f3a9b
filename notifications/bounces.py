"""Process SES events of bounced mails and complaints."""

import logging
from typing import Any

from notifications import recipients, ses, subscriptions
from notifications.recipients import Recipient
from smartbudget.core.i18n import gettext_noop

logger = logging.getLogger(__name__)

CAME_BACK = gettext_noop("Mail to this address came back.")
WAS_SPAM = gettext_noop("A mail was marked as spam.")


def take(event: dict[str, Any]) -> None:
    """End the subscription that a bounce or a complaint is about.

    event: as SES publishes it. Safe to repeat and in any order: a mail names the
    subscription that it was sent for, and only that one is ended.
    """
    problem, addresses = _read(event)
    mail = event["mail"]
    logger.info(
        "mail event kind=%s lasting=%s message_id=%s",
        event["eventType"],
        problem is not None,
        mail["messageId"],
    )
    tags = mail.get("tags", {}).get("subscription", [])
    for email in addresses if problem else []:
        _give_up(email, tags, problem or "")


def _read(event: dict[str, Any]) -> tuple[str | None, list[str]]:
    """Return (problem, addresses); the problem is None if it is temporary."""
    match event["eventType"]:
        case "Bounce":
            bounce = event["bounce"]
            lasting = bounce["bounceType"] == "Permanent"
            concerned = bounce["bouncedRecipients"]
            problem = CAME_BACK
        case "Complaint":
            complaint = event["complaint"]
            # Some mailboxes report a mail that was taken out of the spam.
            lasting = complaint.get("complaintFeedbackType") != "not-spam"
            concerned = complaint["complainedRecipients"]
            problem = WAS_SPAM
        case _:
            return None, []
    return problem if lasting else None, [one["emailAddress"] for one in concerned]


def _give_up(email: str, tags: list[str], problem: str) -> None:
    recipient = recipients.find_by_email(email, Recipient)
    arn = recipient.subscription_arn if recipient else None
    if recipient is None or arn is None or ses.tag_of(arn) not in tags:
        return
    recipient = subscriptions.past_races(
        recipient, lambda present: subscriptions.deactivate(present, arn, problem)
    )
    subscriptions.past_races(recipient, subscriptions.end_retired)
    logger.warning("address given up user_id=%s", recipient.user_id)
