"""Digests: the alerts of one bulk write in one e-mail.

Each alert is stored as usual under its own id, but as `skipped`: the digest is queued,
leased and sent. An alert stores the id of its digest, so it is in only one e-mail, even
after retries.
"""

import datetime
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from notifications import messages, outbox
from notifications.models import DIGEST, Digest, Notification, unsent_since
from smartbudget.core import dates
from smartbudget.core.dynamodb import Transaction
from smartbudget.core.i18n import gettext_noop

if TYPE_CHECKING:
    from notifications.recipients import Recipient
    from smartbudget.core.user import User

# The order in a digest: exceeded budgets come before those near their limit.
_ORDER = ("budget_exceeded", "budget_threshold", "large_expense")

# Alerts with which a digest gets no more of later calls: its delivery reads all.
MAX_ALERTS = 1000

SENT_TOGETHER = gettext_noop("Sent together with other alerts.")


def put(
    user: "User",
    digest_id: str,
    alerts: Sequence[Notification],
    gathered: Sequence[Notification],
    transaction: Transaction,
    *,
    held_for: datetime.timedelta | None = None,
) -> tuple[Digest, list[Notification]]:
    """Add a digest with new and earlier alerts to a transaction.

    alerts: new ones in the same transaction; they are not sent separately.
    gathered: earlier ones of the digest. Those for a budget's period that has a new
    alert are deleted: if one bulk write takes a budget to its threshold and then over
    its limit, only the last alert stays.
    held_for: for how long the sweep leaves it alone, since more alerts may follow.

    Returns the digest, and its alerts once the transaction is committed.

    The transaction is refused once delivery of the digest has begun; the caller then
    needs a new digest. The sweep finds a digest that was never queued.
    """
    for alert in alerts:
        alert.digest_id = digest_id
        alert.status = "skipped"
        alert.error = SENT_TOGETHER
        alert.unsent_shard = alert.unsent_since = None
    topics = set(filter(None, map(_topic_of, alerts)))
    new = {alert.notification_id for alert in alerts}
    remaining = []
    for alert in gathered:
        if alert.notification_id in new:  # another call stored it meanwhile
            continue
        if _topic_of(alert) in topics:
            transaction.delete(alert, Notification.digest_id == digest_id)
        else:
            remaining.append(alert)
    members = [*remaining, *alerts]
    digest = _compose(user, digest_id, members)
    if held_for:
        digest.unsent_since = unsent_since(dates.now() + held_for)
    values = {**digest.attribute_values}
    del values["notification_id"]
    transaction.update(
        digest,
        [
            *(getattr(Digest, name).set(value) for name, value in values.items()),
            # Added, not set: after a lost reply, more may be stored than is known here.
            Digest.members.add({alert.notification_id for alert in alerts}),
        ],
        Digest.lease_owner.does_not_exist(),
    )
    return digest, members


def find_open(digest_id: str) -> Digest | None:
    """Return a digest to which alerts can be added, or None. Reads consistently.

    None if there is none, or once its delivery has begun.
    """
    digest = Digest.find(digest_id)
    if digest is None or digest.lease_owner or digest.status != "queued":
        return None
    return digest


def alerts_of(digest: Digest) -> list[Notification]:
    """Return the alerts of a digest. Reads consistently, a hundred a call."""
    stored = Notification.batch_get(list(digest.members), consistent_read=True)
    return [member for member in stored if member.digest_id == digest.notification_id]


def _compose(user: "User", digest_id: str, members: Sequence[Notification]) -> Digest:
    """Return the digest of some alerts, without its members."""
    composed = outbox.compose(
        notification_id=digest_id,
        user_id=user.user_id,
        type=DIGEST,
        text=_text(members, user.language),
    )
    digest = Digest(**composed.attribute_values)
    digest.read_at = digest.created_at  # only its alerts are listed as unread
    return digest


def set_text(digest: Digest, recipient: "Recipient") -> bool:
    """Set a digest's text from the alerts that its recipient wants, without storing it.

    Returns False if there are none.
    """
    members = [alert for alert in alerts_of(digest) if recipient.wants(alert.type)]
    if members:
        text = _text(members, recipient.language)
        digest.subject, digest.message, digest.facts = text
    return bool(members)


def _text(members: Sequence[Notification], language: str) -> messages.Text:
    ordered = sorted(
        members, key=lambda alert: (_ORDER.index(alert.type), alert.subject)
    )
    facts = {
        "alerts": [_facts_of(alert) for alert in ordered[: messages.MAX_LINES]],
        "number": len(ordered),
        "budgets_only": all(alert.type != _ORDER[-1] for alert in members),
    }
    return messages.write(DIGEST, facts, language=language)


def _facts_of(alert: Notification) -> dict[str, Any]:
    """Return an alert's type and facts, or its text if it has no facts."""
    if alert.facts:
        return {"type": alert.type, "facts": json.loads(alert.facts)}
    return {"subject": alert.subject, "message": alert.message}


def _topic_of(alert: Notification) -> str | None:
    """Return what a budget's alerts of one period have in common; None for others."""
    if not alert.facts or alert.type == "large_expense":
        return None
    facts = json.loads(alert.facts)
    names = ("category", "categories", "period", "start", "end")
    return json.dumps([facts.get(name) for name in names])
