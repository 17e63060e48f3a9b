"""The notifications table: what was, is or will be sent, and work for the sweep.

Its items are of four kinds, each with a model: a notification, a digest of several, a
summary that is planned, and a job. Which one an item is shows in an attribute that
only this kind has.
"""

import datetime
import zlib
from typing import Any, Self, cast

from pynamodb.attributes import (
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from notifications.kinds import EMAIL_KINDS, SECURITY_KINDS
from smartbudget.core import dates
from smartbudget.core.config import config
from smartbudget.core.dynamodb import Table, UsersMeta

STATUSES = ("queued", "sent", "failed", "skipped")
DIGEST = "alert_digest"
TYPES = (*EMAIL_KINDS, *SECURITY_KINDS, DIGEST)  # what they are about

# Unsent notifications spread over a few keys, since one hot key would throttle the
# table's writes (docs/aws.md#index-keys).
SHARDS = tuple(str(number) for number in range(4))
# The failed ones are in the same index under keys of their own: the sweep never sees
# them, and the staff page needs no scan.
FAILED_SHARDS = tuple(f"failed#{shard}" for shard in SHARDS)


OVERDUE_AFTER = datetime.timedelta(minutes=5)  # then the sweep queues it (again)


def unsent_since(due: datetime.datetime) -> str:
    """Return since when something must wait for the sweep to take it from `due` on."""
    return dates.timestamp(due - OVERDUE_AFTER)


def shard_of(notification_id: str) -> str:
    """Return the unsent-index key a notification waits under."""
    return SHARDS[_number_of(notification_id)]


def failed_shard_of(notification_id: str) -> str:
    """Return the unsent-index key a notification is listed under once it failed."""
    return FAILED_SHARDS[_number_of(notification_id)]


def _number_of(notification_id: str) -> int:
    return zlib.crc32(notification_id.encode()) % len(SHARDS)


class ByUserIndex(GlobalSecondaryIndex["Notification"]):
    """One user's history in time order; eventually consistent."""

    class Meta:
        index_name = "user_id-index"
        projection = AllProjection()

    user_id = UnicodeAttribute(hash_key=True)
    created_at = UnicodeAttribute(range_key=True)


class UnsentIndex(GlobalSecondaryIndex["OutboxItem"]):
    """What is queued, longest waiting first, and what failed; holds nothing else."""

    class Meta:
        index_name = "unsent-index"
        projection = AllProjection()

    unsent_shard = UnicodeAttribute(hash_key=True)
    unsent_since = UnicodeAttribute(range_key=True)


class OutboxItem(Table):
    """What every kind has: who it is for, its lease, and since when it is unsent.

    What is read by this model comes as the kind that it is.
    """

    class Meta:
        table_name = f"{config.resource_prefix}notifications"
        region = config.region
        host = config.aws_endpoint

    notification_id = UnicodeAttribute(hash_key=True)  # derived from what it is about
    user_id = UnicodeAttribute()
    type = UnicodeAttribute()  # budget_threshold, budget_exceeded, large_expense, ...
    subject = UnicodeAttribute()  # ready for SNS: under 100 characters, one line
    message = UnicodeAttribute()
    status = UnicodeAttribute(default="queued")  # one of STATUSES
    delivery_method = UnicodeAttribute(default="email")
    updated_at = UnicodeAttribute()
    attempts = NumberAttribute(default=0)  # deliveries begun
    error = UnicodeAttribute(null=True)  # why it failed or was skipped, in words
    lease_owner = UnicodeAttribute(attr_name="claim", null=True)  # of the delivery
    # ISO 8601, UTC.
    lease_until = UnicodeAttribute(attr_name="claimed_until", null=True)
    held_until = UnicodeAttribute(null=True)  # ISO 8601, UTC; quiet hours, then sent
    request_id = UnicodeAttribute(null=True)  # what led to it, for the log; None: none
    unsent_shard = UnicodeAttribute(null=True)  # both only while `queued` or `failed`
    unsent_since = UnicodeAttribute(null=True)  # ISO 8601, UTC; when queued, or failed

    unsent = UnsentIndex()

    @classmethod
    def from_raw_data(cls, data: dict[str, Any]) -> Self:
        """Return an item as the kind that it is, or as the model it was asked of."""
        model = _kind_of(data) if cls is OutboxItem else cls
        return cast("Self", super(OutboxItem, model).from_raw_data(data))


class Notification(OutboxItem):
    """One message to one user, listed in the history."""

    created_at = UnicodeAttribute()  # ISO 8601, UTC
    read_at = UnicodeAttribute(null=True)  # ISO 8601, UTC; None: unread
    digest_id = UnicodeAttribute(null=True)  # whose e-mail tells it; None: its own

    by_user = ByUserIndex()

    # Not stored. What a bulk tells once only: its later alert replaces the earlier one.
    topic: str | None = None


class Digest(Notification):
    """The one e-mail about several notifications."""

    members = UnicodeSetAttribute()  # their notification_ids


class PlannedSummary(OutboxItem):
    """A summary still to be written, in no history: it becomes a notification."""

    planned_for = UnicodeAttribute()  # the first day that it is about, YYYY-MM-DD


class Job(OutboxItem):
    """Work for the sweep, which is nothing to send and in no history."""

    task = UnicodeAttribute()  # the name of what the sweep queues


def _kind_of(data: dict[str, Any]) -> type[OutboxItem]:
    if "task" in data:
        return Job
    if "planned_for" in data:
        return PlannedSummary
    return Digest if "members" in data else Notification


class OptIn(Table):
    """`opt-in#<sha256 of the link's token>`, in the users table: one subscription."""

    class Meta(UsersMeta):
        pass

    user_id = UnicodeAttribute(hash_key=True)  # the record's own key
    owner = UnicodeAttribute()  # user_id of the account
    email = UnicodeAttribute()  # lower-cased
    expires_at = NumberAttribute(null=True)  # epoch seconds; TTL. None: confirmed
