"""The stored attributes of each kind of item, and reading them.

Releases that run side by side share the table, so none of this may change.
"""

import pytest

from notifications import digests, jobs, outbox, schedule
from notifications.messages import Text
from notifications.models import (
    Digest,
    Job,
    Notification,
    OutboxItem,
    PlannedSummary,
)
from notifications.recipients import Recipient
from smartbudget.core import dates, log
from smartbudget.core.dynamodb import Transaction, connection
from smartbudget.core.periods import period_of
from smartbudget.core.user import User

ALICE = User(user_id="alice", username="alice", email="alice@example.com")
NOON = {"S": "2026-03-18T12:00:00.000000+00:00"}
EVERY_KIND = {
    "user_id": {"S": "alice"},
    "status": {"S": "queued"},
    "delivery_method": {"S": "email"},
    "attempts": {"N": "0"},
    "updated_at": NOON,
}


def compose(notification_id="n1", **fields) -> Notification:
    return outbox.compose(
        **{
            "notification_id": notification_id,
            "user_id": "alice",
            "type": "budget_exceeded",
            "text": Text("Over budget: Food", "Text."),
            **fields,
        }
    )


def store(add) -> list[dict]:
    """Commit a transaction built by `add`; return the table's items."""
    writes = Transaction()
    with log.bound("request-1"):
        add(writes)
    writes.commit()
    table = Notification.Meta.table_name
    items = connection().client.scan(TableName=table)["Items"]
    return sorted(items, key=lambda item: item["notification_id"]["S"])


def gather(writes) -> None:
    digests.put(ALICE, "d1", [compose()], [], writes)


def plan(writes) -> None:
    recipient = Recipient(user_id="alice", language="en", time_zone="Europe/Berlin")
    week = period_of("weekly", dates.local_day("UTC"))
    schedule.put(recipient, "weekly_summary", week, writes)


def note_job(writes) -> None:
    jobs.put("profiles.tasks.x", "alice", writes)


def test_stored_attributes_of_a_notification():
    assert store(lambda writes: outbox.put(compose(), writes)) == [
        {
            **EVERY_KIND,
            "notification_id": {"S": "n1"},
            "type": {"S": "budget_exceeded"},
            "subject": {"S": "Over budget: Food"},
            "message": {"S": "Text."},
            "created_at": NOON,
            "request_id": {"S": "request-1"},
            "unsent_shard": {"S": "0"},
            "unsent_since": NOON,
        }
    ]


def test_stored_attributes_of_a_digest_and_its_alert():
    def both(writes):
        alert = compose()
        digests.put(ALICE, "d1", [alert], [], writes)
        outbox.put(alert, writes)

    assert store(both) == [
        {
            **EVERY_KIND,
            "notification_id": {"S": "d1"},
            "type": {"S": "alert_digest"},
            "subject": {"S": "Over budget: Food"},
            "message": {"S": "Text."},
            "members": {"SS": ["n1"]},
            "facts": {
                "S": '{"alerts":[{"subject":"Over budget: Food","message":"Text."}],'
                '"number":1,"budgets_only":true}'
            },
            "created_at": NOON,
            "request_id": {"S": "request-1"},
            "read_at": NOON,
            "unsent_shard": {"S": "2"},
            "unsent_since": NOON,
        },
        {
            **EVERY_KIND,
            "notification_id": {"S": "n1"},
            "type": {"S": "budget_exceeded"},
            "subject": {"S": "Over budget: Food"},
            "message": {"S": "Text."},
            "status": {"S": "skipped"},
            "error": {"S": "Sent together with other alerts."},
            "digest_id": {"S": "d1"},
            "created_at": NOON,
            "request_id": {"S": "request-1"},
        },
    ]


def test_stored_attributes_of_a_planned_summary():
    assert store(plan) == [
        {
            **EVERY_KIND,
            "notification_id": {"S": "7e7be9e22028505490b0c817c8b18328"},
            "type": {"S": "weekly_summary"},
            "subject": {"S": "Your weekly summary"},
            "message": {"S": "This summary is not available."},
            "planned_for": {"S": "2026-03-16"},
            "unsent_shard": {"S": "summary#11"},
            # Seven in Berlin, her share of the two hours from then, less the age at
            # which the sweep takes items.
            "unsent_since": {"S": "2026-03-23T07:30:35.000000+00:00"},
        }
    ]


def test_stored_attributes_of_a_job():
    assert store(note_job) == [
        {
            **EVERY_KIND,
            "notification_id": {"S": "93bec332f14854f0b85b3addcd81f9ea"},
            "type": {"S": "job"},
            "task": {"S": "profiles.tasks.x"},
            "subject": {"S": "profiles.tasks.x"},
            "message": {"S": "Work for the sweep."},
            "unsent_shard": {"S": "job#3"},
            "unsent_since": NOON,
        }
    ]


@pytest.mark.parametrize(
    ("add", "kind"),
    [
        (lambda writes: outbox.put(compose(), writes), Notification),
        (gather, Digest),
        (plan, PlannedSummary),
        (note_job, Job),
    ],
)
def test_an_item_is_read_as_its_own_class(add, kind):
    (raw,) = store(add)

    (scanned,) = OutboxItem.scan()
    (unsent,) = OutboxItem.unsent.query(raw["unsent_shard"]["S"])
    read = OutboxItem.get(raw["notification_id"]["S"])

    assert {type(item) for item in (scanned, unsent, read)} == {kind}
    for item in (scanned, unsent, read):
        assert item.to_dynamodb_dict() == raw


def test_the_history_returns_every_item_as_a_notification():
    store(gather)

    (listed,) = Notification.by_user.query("alice")

    assert type(listed) is Notification
