"""The notifications table: notifications, and work for the sweep.

It has four kinds of item, each with a model: a notification, a digest of several, a
planned summary, and a job. The kind follows from an attribute that only this kind has.
"""

import datetime
import zlib
from typing import Any, ClassVar, Self, cast

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
TYPES = (*EMAIL_KINDS, *SECURITY_KINDS, DIGEST)

# The keys of the unsent index, by class of item. A hot key would throttle the table's
# writes at 1,000 units a second (docs/aws.md#index-keys). An alert takes about 5 there
# until it is sent, and a summary, with its text and its successor, about 12: so the
# keys carry 800 alerts and 1,300 summaries a second.
# Why classes: docs/decisions.md#alerts-do-not-wait-for-planned-work
URGENT_SHARDS = tuple(str(number) for number in range(4))  # named as in version 0.1
JOB_SHARDS = tuple(f"job#{number}" for number in range(4))
SUMMARY_SHARDS = tuple(f"summary#{number}" for number in range(16))
# The sweep does not read those that failed, and the staff page needs no scan.
FAILED_SHARDS = tuple(f"failed#{shard}" for shard in URGENT_SHARDS)

OVERDUE_AFTER = datetime.timedelta(minutes=5)  # then the sweep queues it again


def unsent_since(due: datetime.datetime) -> str:
    """Return the `unsent_since` with which the sweep queues an item from `due` on."""
    return dates.timestamp(due - OVERDUE_AFTER)


def failed_shard_of(notification_id: str) -> str:
    """Return the key of a failed notification in the unsent index."""
    return _choose(FAILED_SHARDS, notification_id)


def _choose(shards: tuple[str, ...], notification_id: str) -> str:
    return shards[zlib.crc32(notification_id.encode()) % len(shards)]


class ByUserIndex(GlobalSecondaryIndex["Notification"]):
    """The notifications of a user, in time order; eventually consistent."""

    class Meta:
        index_name = "user_id-index"
        projection = AllProjection()

    user_id = UnicodeAttribute(hash_key=True)
    created_at = UnicodeAttribute(range_key=True)


class UnsentIndex(GlobalSecondaryIndex["OutboxItem"]):
    """Only queued items, the longest waiting first, and failed ones."""

    class Meta:
        index_name = "unsent-index"
        projection = AllProjection()

    unsent_shard = UnicodeAttribute(hash_key=True)
    unsent_since = UnicodeAttribute(range_key=True)


class OutboxItem(Table):
    """The base class of items that a delivery leases: notifications, summaries, jobs.

    Items that are read with this model are returned as their own kind.
    """

    class Meta:
        table_name = f"{config.resource_prefix}notifications"
        region = config.region
        host = config.aws_endpoint

    SHARDS: ClassVar[tuple[str, ...]] = URGENT_SHARDS

    notification_id = UnicodeAttribute(hash_key=True)  # derived from the cause
    user_id = UnicodeAttribute()
    type = UnicodeAttribute()  # budget_threshold, budget_exceeded, large_expense, ...
    # The text as sent. The subject is ready for SNS: under 100 characters, one line.
    subject = UnicodeAttribute()
    message = UnicodeAttribute()
    status = UnicodeAttribute(default="queued")  # one of STATUSES
    delivery_method = UnicodeAttribute(default="email")
    updated_at = UnicodeAttribute()
    attempts = NumberAttribute(default=0)  # deliveries started
    # Attempts that do not count, since the transport was busy. They used up receives of
    # the message. None: none since the last failure.
    throttled = NumberAttribute(null=True)
    error = UnicodeAttribute(null=True)  # why it failed or was skipped, in English
    lease_owner = UnicodeAttribute(attr_name="claim", null=True)  # of the delivery
    # ISO 8601, UTC.
    lease_until = UnicodeAttribute(attr_name="claimed_until", null=True)
    held_until = UnicodeAttribute(null=True)  # ISO 8601, UTC; the end of quiet hours
    request_id = UnicodeAttribute(null=True)  # of the cause, for the log; None if none
    # Both are set only while `queued` or `failed`.
    unsent_shard = UnicodeAttribute(null=True)
    unsent_since = UnicodeAttribute(null=True)  # ISO 8601, UTC; of queuing or failure

    unsent = UnsentIndex()

    @classmethod
    def shard_of(cls, notification_id: str) -> str:
        """Return the key of a queued item of this kind in the unsent index."""
        return _choose(cls.SHARDS, notification_id)

    @classmethod
    def from_raw_data(cls, data: dict[str, Any]) -> Self:
        """Return an item as its own kind, or as the model this is called on."""
        model = _kind_of(data) if cls is OutboxItem else cls
        return cast("Self", super(OutboxItem, model).from_raw_data(data))


class Notification(OutboxItem):
    """One message to one user, listed in the app."""

    created_at = UnicodeAttribute()  # ISO 8601, UTC
    read_at = UnicodeAttribute(null=True)  # ISO 8601, UTC; None: unread
    digest_id = UnicodeAttribute(null=True)  # its digest; None: sent separately
    # What the text is written from, as JSON (`messages`). None: in earlier versions.
    facts = UnicodeAttribute(null=True)

    by_user = ByUserIndex()


class Digest(Notification):
    """One e-mail about several notifications."""

    members = UnicodeSetAttribute()  # their notification_ids


class PlannedSummary(OutboxItem):
    """A summary that is not written or listed yet; it becomes a notification."""

    SHARDS: ClassVar[tuple[str, ...]] = SUMMARY_SHARDS

    planned_for = UnicodeAttribute()  # first day of its period, YYYY-MM-DD


class Job(OutboxItem):
    """Work for the sweep; it is neither sent nor listed."""

    SHARDS: ClassVar[tuple[str, ...]] = JOB_SHARDS

    task = UnicodeAttribute()  # name of the task that the sweep queues


def _kind_of(data: dict[str, Any]) -> type[OutboxItem]:
    if "task" in data:
        return Job
    if "planned_for" in data:
        return PlannedSummary
    return Digest if "members" in data else Notification


class OptIn(Table):
    """A subscription: `opt-in#<sha256 of the link's token>` in the users table."""

    class Meta(UsersMeta):
        pass

    user_id = UnicodeAttribute(hash_key=True)  # the record's own key
    owner = UnicodeAttribute()  # user_id of the account
    email = UnicodeAttribute()  # lower-cased
    expires_at = NumberAttribute(null=True)  # epoch seconds; TTL. None: confirmed
