"""Queueing of notifications, and the task that delivers them."""

import pytest

from notifications import outbox, schedule, sweep
from notifications.kinds import OPT_IN_KINDS
from notifications.messages import Text
from notifications.models import TYPES
from notifications.tasks import deliver_notification
from smartbudget.core import aws
from tests.notifications import faults
from tests.notifications.builders import (
    mails,
    make_account,
    make_notification,
    queued,
    stored,
)

MINUTES = 60


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
