"""Queueing of notifications, and the sweep of those left behind."""

import pytest

from notifications import delivery, outbox, schedule, sweep
from notifications.kinds import OPT_IN_KINDS
from notifications.messages import Text
from notifications.models import (
    OVERDUE_AFTER,
    SHARDS,
    TYPES,
    Notification,
    shard_of,
)
from notifications.tasks import deliver_notification
from smartbudget.core import aws
from tests.notifications import faults
from tests.notifications.builders import (
    NOON,
    mails,
    make_account,
    make_notification,
    queued,
    stored,
)

MINUTES = 60


def make_overdue(clock, *ids: str) -> None:
    for notification_id in ids:
        make_notification(notification_id)
    clock.shift(OVERDUE_AFTER.total_seconds() + 1)


def queued_ids() -> list[str]:
    return sorted(body["notification_id"] for body in queued())


def test_the_message_has_the_required_format():
    user = make_account().user
    notification = make_notification()

    outbox.enqueue(user, [notification])

    assert queued() == [
        {
            "user_id": "alice",
            "user_email": "alice@example.com",
            "message": notification.message,
            "subject": notification.subject,
            "notification_type": "budget_exceeded",
            "notification_id": "n1",
            "timestamp": "2026-03-18T12:00:00.000000+00:00",
        }
    ]


@pytest.mark.parametrize(("count", "requests"), [(0, 0), (1, 1), (10, 1), (11, 2)])
def test_ten_messages_are_queued_in_one_request(count, requests):
    user = make_account(subscribed=False).user
    notifications = [make_notification(f"n{number}") for number in range(count)]
    aws.queue_url()

    with faults.calls_counted() as calls:
        outbox.enqueue(user, notifications)

    assert calls == ["SendMessageBatch"] * requests
    assert len(queued()) == count


def test_hostile_text_survives_the_queue():
    user = make_account(subscribed=False).user
    message = "Ünïcode 🎉 \ud800 \uffff <&>"
    notification = outbox.compose(
        notification_id="n1",
        user_id="alice",
        type="large_expense",
        text=Text("s", message),
    )

    outbox.enqueue(user, [notification])

    assert queued()[0]["message"] == "Ünïcode 🎉  \uffff <&>"


@pytest.mark.parametrize("operation", ["GetQueueUrl", "SendMessageBatch"])
def test_the_request_succeeds_without_sqs_and_the_sweep_sends_it(clock, operation):
    user = make_account().user
    notification = make_notification()

    with faults.down(operation):
        outbox.enqueue(user, [notification])

    assert queued() == []
    assert stored().status == "queued"
    clock.shift(5 * MINUTES + 1)
    assert sweep.enqueue_overdue() == {"requeued": 1, "refused": 0}
    assert queued_ids() == ["n1"]


def test_without_sqs_a_request_tries_one_batch_only():
    user = make_account(subscribed=False).user
    notifications = [make_notification(f"n{number}") for number in range(30)]
    aws.queue_url()
    tries = []

    with (
        faults.down("SendMessageBatch"),
        faults.hooked("*", lambda *_: tries.append(1)),
    ):
        outbox.enqueue(user, notifications)

    assert len(tries) == 2  # the client retries once


def test_messages_rejected_by_a_batch_are_left_to_the_sweep(clock, caplog):
    user = make_account(subscribed=False).user
    answer = (
        '{"Successful": [{"Id": "0", "MessageId": "m", "MD5OfMessageBody": "x"}],'
        ' "Failed": [{"Id": "1", "SenderFault": false, "Code": "InternalError"}]}'
    )
    notifications = [make_notification("n0"), make_notification("n1")]

    with faults.answered("SendMessageBatch", 200, answer):
        outbox.enqueue(user, notifications)

    assert "InternalError" in caplog.text
    assert "left to the sweep count=1" in caplog.text
    assert "alice@example.com" not in caplog.text


# -------------------------------------------------------------------- the sweep


@pytest.mark.parametrize(("waited", "requeued"), [(300, 0), (301, 1)])
def test_only_notifications_older_than_five_minutes_are_swept(clock, waited, requeued):
    make_account()
    make_notification()
    clock.shift(waited)

    assert sweep.enqueue_overdue()["requeued"] == requeued


def test_a_swept_notification_waits_again(clock):
    make_account()
    make_overdue(clock, "n1")

    sweep.enqueue_overdue()
    sweep.enqueue_overdue()

    assert queued_ids() == ["n1"]
    assert stored().unsent_since > NOON.isoformat()


def test_concurrent_sweeps_queue_each_notification_once(clock):
    make_account()
    make_overdue(clock, "n1", "n2")
    both_read = [list(sweep._overdue()), list(sweep._overdue())]

    now = delivery.dates.timestamp()
    restarted = [
        sweep._restart_wait(item, now) for items in both_read for item in items
    ]

    assert restarted == [True, True, False, False]


def test_a_notification_sent_meanwhile_is_not_swept_from_a_stale_index(clock):
    make_account()
    make_overdue(clock, "n1")
    (late,) = sweep._overdue()
    delivery.deliver("n1")

    assert not sweep._restart_wait(late, delivery.dates.timestamp())


def test_sent_failed_and_skipped_notifications_are_not_swept(clock):
    make_account()
    make_notification("sent")
    delivery.deliver("sent")
    make_notification("skipped", user_id="nobody")
    delivery.deliver("skipped")
    clock.shift(10 * MINUTES)

    assert sweep.enqueue_overdue() == {"requeued": 0, "refused": 0}


def test_every_shard_is_swept(clock):
    make_account()
    ids = [f"n{number}" for number in range(25)]
    make_overdue(clock, *ids)

    assert sweep.enqueue_overdue()["requeued"] == 25
    assert queued_ids() == sorted(ids)
    assert len({item.unsent_shard for item in Notification.scan()}) == 4


def test_a_sweep_stops_if_sqs_is_down_and_the_next_one_retries_at_once(clock):
    make_account()
    make_overdue(clock, *(f"n{number}" for number in range(25)))

    with faults.down("SendMessageBatch"):
        assert sweep.enqueue_overdue() == {"requeued": 0, "refused": 10}

    assert sweep.enqueue_overdue() == {"requeued": 25, "refused": 0}


def test_a_sweep_stops_at_its_deadline(clock):
    make_account()
    make_overdue(clock, *(f"n{number}" for number in range(25)))
    answers = iter([True, True, False])

    assert sweep.enqueue_overdue(lambda: next(answers))["requeued"] == 20


def test_a_short_sweep_takes_from_every_shard(clock):
    make_account()
    make_overdue(clock, *(f"n{number}" for number in range(60)))
    answers = iter([True, False])

    sweep.enqueue_overdue(lambda: next(answers))

    assert {shard_of(notification_id) for notification_id in queued_ids()} == set(
        SHARDS
    )


def test_the_notification_of_a_deleted_user_is_swept_too(clock):
    make_overdue(clock, "n1")

    assert sweep.enqueue_overdue()["requeued"] == 1
    assert queued()[0]["user_email"] == ""


# --------------------------------------------------------------------- the task


def test_the_task_delivers_and_ignores_other_fields():
    make_account()
    make_notification(subject="Stored")
    outbox.enqueue(make_account("bob").user, [stored()])
    body = queued()[0] | {"subject": "Forged", "user_email": "eve@example.com"}

    deliver_notification(**body)

    assert mails() == [("alice@example.com", "Stored")]


def test_an_unknown_type_is_rejected():
    with pytest.raises(ValueError, match="'gossip' is not among TYPES"):
        make_notification(type="gossip")


def test_types_of_planned_summaries_can_be_filtered_by():
    assert set(schedule.PERIODS) == set(OPT_IN_KINDS) <= set(TYPES)
