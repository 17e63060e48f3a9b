"""Digests: the alerts of one bulk write in one e-mail.

Each alert is stored as usual under its own id, but as `skipped`: the digest is queued,
leased and sent. An alert names its digest, so it is in one e-mail only, even after
repetitions.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from notifications import messages, outbox
from notifications.models import DIGEST, Digest, Notification
from smartbudget.core.dynamodb import Transaction
from smartbudget.core.i18n import gettext_noop

if TYPE_CHECKING:
    from notifications.recipients import Recipient
    from smartbudget.core.user import User

# In the order of a digest: what is over before what is near.
_ORDER = ("budget_exceeded", "budget_threshold", "large_expense")

SENT_TOGETHER = gettext_noop("Told in one e-mail with what rose at the same time.")


def gather(
    user: "User",
    digest_id: str,
    alerts: Sequence[Notification],
    gathered: Sequence[Notification],
    transaction: Transaction,
) -> tuple[Digest, list[Notification]]:
    """Add a digest with these alerts and those gathered before to a transaction.

    alerts: composed, in this transaction and not stored yet; they become the digest's,
    so nothing sends them alone. gathered: what is stored in it already; of those, the
    ones of a topic that an alert has now are deleted: a bulk that takes a budget to
    its threshold and then over it is one write, and leads to one alert.

    Returns the digest, and what it has gathered once the transaction is committed.

    The transaction is refused once delivering the digest has begun: then it needs
    another one. The sweep finds a digest that was never queued.
    """
    for alert in alerts:
        alert.digest_id = digest_id
        alert.status = "skipped"
        alert.error = SENT_TOGETHER
        alert.unsent_shard = alert.unsent_since = None
    replaced = {alert.topic for alert in alerts if alert.topic}
    for alert in gathered:
        if alert.topic in replaced:
            transaction.delete(alert, Notification.digest_id == digest_id)
    remaining = [alert for alert in gathered if alert.topic not in replaced]
    members = [*remaining, *alerts]
    subject, message = _text(members, user.language)
    composed = outbox.compose(
        notification_id=digest_id,
        user_id=user.user_id,
        type=DIGEST,
        subject=subject,
        message=message,
    )
    digest = Digest(**composed.attribute_values)
    digest.read_at = digest.created_at  # what there is to read are its alerts
    values = {**digest.attribute_values}
    values.pop("notification_id")
    transaction.update(
        digest,
        [
            *(getattr(Digest, name).set(value) for name, value in values.items()),
            # Added, never set: after a lost reply there may be more than is known here.
            Digest.members.add({alert.notification_id for alert in alerts}),
        ],
        Digest.lease_owner.does_not_exist(),
    )
    return digest, members


def fill(digest: Digest, recipient: "Recipient") -> bool:
    """Set a digest's text from the alerts its recipient wants; it is not stored.

    Returns False if there are none.
    """
    stored = Notification.batch_get(list(digest.members), consistent_read=True)
    members = [
        member
        for member in stored
        if member.digest_id == digest.notification_id and recipient.wants(member.type)
    ]
    if members:
        digest.subject, digest.message = _text(members, recipient.language)
    return bool(members)


def _text(members: Sequence[Notification], language: str) -> tuple[str, str]:
    if len(members) == 1:
        return members[0].subject, members[0].message
    ordered = sorted(
        members, key=lambda alert: (_ORDER.index(alert.type), alert.subject)
    )
    return messages.digest(
        [alert.subject for alert in ordered],
        budgets_only=all(alert.type != _ORDER[-1] for alert in members),
        language=language,
    )
