"""The queue's Lambda: messages in, e-mails and a summary out."""

import json
import logging

import pytest

from lambdas.notification_processor.handler import handler
from smartbudget.core.config import config
from tests.lambdas.events import Context, recorded
from tests.notifications import faults
from tests.notifications.builders import (
    mails,
    make_account,
    make_notification,
    queued,
    state,
    stored,
)

ONE_DONE = {"processed": 1, "failed": 0, "errors": [], "batchItemFailures": []}


@pytest.fixture(autouse=True)
def _one_waits():
    make_account()
    make_notification()


def received(event: dict, times: int) -> dict:
    """Return the same event at its nth attempt."""
    for record in event["Records"]:
        record["attributes"]["ApproximateReceiveCount"] = str(times)
    return event


@pytest.mark.parametrize(
    "name",
    [
        "sqs_notification",
        "sqs_notification_without_task",
        "direct_notification",
        "records_without_body",
    ],
)
def test_an_event_handled_twice_sends_one_mail(context, name):
    assert handler(recorded(name), context) == ONE_DONE
    assert handler(recorded(name), context) == ONE_DONE

    assert mails() == [("alice@example.com", "Over budget: Food")]
    assert state() == ("sent", None)


def test_poison_messages_are_returned_and_do_not_block_others(context):
    summary = handler(recorded("sqs_poison"), context)

    failed = [failure["itemIdentifier"] for failure in summary["batchItemFailures"]]
    assert failed == [
        "poison-not-json",
        "poison-not-object",
        "poison-unknown-notification",
        "poison-no-id",
        "poison-odd-id",
        "poison-unknown-task",  # after the notifications
    ]
    assert (summary["processed"], summary["failed"]) == (1, 6)
    assert len(mails()) == 1


def test_errors_are_logged_with_message_id_and_cause(context):
    summary = handler(recorded("sqs_poison"), context)

    assert summary["errors"][0] == "poison-not-json: JSONDecodeError"
    assert summary["errors"][2] == "poison-unknown-notification: NotFoundError"
    assert json.dumps(summary)


def test_a_failed_direct_notification_returns_no_empty_id(context):
    event = recorded("direct_notification") | {"notification_id": "unknown"}

    summary = handler(event, context)

    assert (summary["failed"], summary["batchItemFailures"]) == (1, [])


def test_a_failed_attempt_is_returned_and_the_next_one_sends(context):
    with faults.down("Publish"):
        summary = handler(recorded("sqs_notification"), context)

    assert len(summary["batchItemFailures"]) == 1
    assert stored().status == "queued"
    assert handler(received(recorded("sqs_notification"), 2), context) == ONE_DONE
    assert len(mails()) == 1


@pytest.mark.parametrize(("short_of_last", "status"), [(1, "queued"), (0, "failed")])
def test_the_last_attempt_marks_the_notification_failed(context, short_of_last, status):
    tries = config.max_receive_count - short_of_last

    with faults.down("Publish"):
        summary = handler(received(recorded("sqs_notification"), tries), context)

    assert stored().status == status
    assert summary["failed"] == 1  # so that it is dead-lettered


def test_a_redriven_dead_letter_sends_nothing(context):
    with faults.down("Publish"):
        handler(received(recorded("sqs_notification"), 5), context)
    redriven = recorded("sqs_notification")
    redriven["Records"][0]["messageId"] = "new"

    assert handler(redriven, context) == ONE_DONE
    assert mails() == []


def test_the_lease_of_a_crashed_run_lasts_for_its_remaining_time(clock):
    with faults.killed("GetItem", 1, done=False):
        handler(recorded("sqs_notification"), Context(30_000))

    clock.shift(29)
    assert handler(recorded("sqs_notification"), Context(30_000))["failed"] == 1
    clock.shift(1)
    assert handler(recorded("sqs_notification"), Context(30_000)) == ONE_DONE
    assert len(mails()) == 1


def test_a_crash_between_publish_and_update_repeats_that_one_mail(clock, context):
    seen = []

    def killed_at_the_mark(request, operation):
        seen.append(operation)
        if len(seen) == 2:
            raise SystemExit

    with faults.hooked("UpdateItem", killed_at_the_mark), pytest.raises(SystemExit):
        handler(recorded("sqs_notification"), context)

    clock.shift(61)
    assert handler(recorded("sqs_notification"), context) == ONE_DONE
    assert handler(recorded("sqs_notification"), context) == ONE_DONE
    assert len(mails()) == 2


def test_nothing_starts_without_enough_time():
    summary = handler(recorded("sqs_notification"), Context(5_999))

    assert summary["errors"] == ["059f36b4-87a3-44ab-83d2-661975830a7d: TimeoutError"]
    assert len(summary["batchItemFailures"]) == 1
    assert stored().attempts == 0


def test_other_tasks_run_too(context):
    event = recorded("sqs_notification")
    (record,) = event["Records"]
    record["messageAttributes"]["task"]["stringValue"] = "budgets.tasks.recount_budget"
    record["body"] = json.dumps({"user_id": "nobody", "budget_id": "none"})

    assert handler(event, context) == ONE_DONE


def test_the_schedule_runs_the_sweep(clock, context):
    clock.shift(301)

    assert handler(recorded("schedule_sweep"), context) == {
        "requeued": 1,
        "refused": 0,
    }
    assert handler(recorded("schedule_sweep"), context)["requeued"] == 0
    assert [body["notification_id"] for body in queued()] == ["n1"]


def test_the_schedule_sweeps_a_part_of_the_shards(clock, context):
    clock.shift(301)

    counts = [
        handler({"task": "sweep", "part": part, "parts": 4}, context)["requeued"]
        for part in range(4)
    ]

    assert sorted(counts) == [0, 0, 0, 1]


def test_in_a_batch_notifications_go_before_jobs(context, caplog):
    caplog.set_level(logging.INFO)
    event = recorded("sqs_notification")
    (job,) = recorded("sqs_notification")["Records"]
    job["messageAttributes"]["task"]["stringValue"] = "no.such.job"
    event["Records"].insert(0, job)

    assert handler(event, context)["failed"] == 1

    ends = [record.getMessage().split()[1] for record in caplog.records]
    assert [end for end in ends if end in {"ended", "failed"}] == ["ended", "failed"]


def test_a_sweep_ends_before_its_deadline(clock):
    clock.shift(301)

    assert handler(recorded("schedule_sweep"), Context(5_000))["requeued"] == 0


def test_swept_notifications_are_sent(clock, context):
    clock.shift(301)
    handler(recorded("schedule_sweep"), context)
    event = recorded("sqs_notification")
    event["Records"][0]["body"] = json.dumps(queued()[0])

    assert handler(event, context) == ONE_DONE
    assert len(mails()) == 1


def test_logs_contain_ids_and_nothing_personal(context, caplog):
    caplog.set_level(logging.DEBUG, "notifications")
    with faults.down("Publish"):
        handler(recorded("sqs_notification"), context)

    assert "059f36b4-87a3-44ab-83d2-661975830a7d" in caplog.text
    assert "alice@example.com" not in caplog.text
    assert "12.00" not in caplog.text
