"""The notifications table."""

import datetime
import zlib

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
    """One user's history in time order; lags behind writes."""

    class Meta:
        index_name = "user_id-index"
        projection = AllProjection()

    user_id = UnicodeAttribute(hash_key=True)
    created_at = UnicodeAttribute(range_key=True)


class UnsentIndex(GlobalSecondaryIndex["Notification"]):
    """What is queued, longest waiting first, and what failed; holds nothing else."""

    class Meta:
        index_name = "unsent-index"
        projection = AllProjection()

    unsent_shard = UnicodeAttribute(hash_key=True)
    unsent_since = UnicodeAttribute(range_key=True)


class Notification(Table):
    """One message to one user."""

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
    # ISO 8601, UTC; None while it is planned, which keeps it out of the history.
    created_at = UnicodeAttribute(null=True)
    # A summary still to be written: the first day that it is about, YYYY-MM-DD.
    planned_for = UnicodeAttribute(null=True)
    # Of a job, which is no notification: the task that the sweep queues for it.
    task = UnicodeAttribute(null=True)
    updated_at = UnicodeAttribute()
    attempts = NumberAttribute(default=0)  # deliveries begun
    error = UnicodeAttribute(null=True)  # why it failed or was skipped, in words
    lease_owner = UnicodeAttribute(attr_name="claim", null=True)  # of the delivery
    # ISO 8601, UTC.
    lease_until = UnicodeAttribute(attr_name="claimed_until", null=True)
    read_at = UnicodeAttribute(null=True)  # ISO 8601, UTC; None: unread
    held_until = UnicodeAttribute(null=True)  # ISO 8601, UTC; quiet hours, then sent
    digest_id = UnicodeAttribute(null=True)  # whose e-mail tells it; None: its own
    members = UnicodeSetAttribute(null=True)  # a digest's alerts, by notification_id
    request_id = UnicodeAttribute(null=True)  # what led to it, for the log; None: none
    unsent_shard = UnicodeAttribute(null=True)  # both only while `queued` or `failed`
    unsent_since = UnicodeAttribute(null=True)  # ISO 8601, UTC; when queued, or failed

    by_user = ByUserIndex()
    unsent = UnsentIndex()

    # Not stored. What a bulk tells once only: its later alert replaces the earlier one.
    topic: str | None = None


class OptIn(Table):
    """`opt-in#<sha256 of the link's token>`, in the users table: one subscription."""

    class Meta(UsersMeta):
        pass

    user_id = UnicodeAttribute(hash_key=True)  # the record's own key
    owner = UnicodeAttribute()  # user_id of the account
    email = UnicodeAttribute()  # lower-cased
    expires_at = NumberAttribute(null=True)  # epoch seconds; TTL. None: confirmed
