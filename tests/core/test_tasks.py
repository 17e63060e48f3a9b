"""Tasks: queued as JSON, looked up by name, run with the message's arguments."""

import json

import boto3
import pytest

from budgets import updates
from budgets.tasks import recount_budget
from expenses.receipts import services as receipts
from notifications import recipients, schedule
from notifications.tasks import deliver_notification
from profiles import deletion
from smartbudget.core import aws, tasks
from smartbudget.core.tasks import Attempt, QueueError, UnknownTaskError, task
from tests.notifications import faults

calls = []


@task
def note(**kwargs):
    calls.append((kwargs, tasks.current_attempt()))
    return "noted"


@task
def fail():
    raise ZeroDivisionError


@pytest.fixture(autouse=True)
def _forget():
    calls.clear()
    yield
    tasks.eager = False


@pytest.fixture
def queue(aws):
    """Return the queue, for receiving from it."""
    return boto3.resource("sqs").get_queue_by_name(QueueName="notification-queue")


def received(queue) -> list[tuple[str, dict]]:
    messages = queue.receive_messages(
        MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    )
    return [
        (message.message_attributes["task"]["StringValue"], json.loads(message.body))
        for message in messages
    ]


def test_a_task_can_be_called_as_a_function():
    note(a=1)

    assert calls == [({"a": 1}, Attempt())]


def test_delay_queues_the_arguments_under_the_tasks_name(queue):
    note.delay(a=1, b="ü")

    assert received(queue) == [("tests.core.test_tasks.note", {"a": 1, "b": "ü"})]
    assert calls == []


def test_a_task_is_sent_by_name_without_its_module(queue):
    tasks.send_task("nowhere.tasks.later", {"a": 1})

    assert received(queue) == [("nowhere.tasks.later", {"a": 1})]


def test_apply_runs_a_task_by_name_in_this_process():
    argument = object()  # not serializable as JSON

    assert tasks.apply("tests.core.test_tasks.note", {"a": argument}) == "noted"

    assert calls == [({"a": argument}, Attempt())]


def test_apply_raises_the_tasks_exception():
    with pytest.raises(UnknownTaskError):
        tasks.apply("os.tasks.system", {})
    with pytest.raises(ZeroDivisionError):
        tasks.apply(fail.name, {})


@pytest.mark.parametrize(
    "name",
    [
        updates.RECOUNT_TASK,
        deletion.TASK,
        receipts.ORPHAN_CHECK_TASK,
        tasks.DEFAULT,
        recipients.CHANGE_ADDRESS_TASK,
        schedule.WRITE_TASK,
    ],
)
def test_every_name_passed_to_send_or_apply_is_a_task(name):
    assert tasks.find(name).name == name


def test_tasks_are_queued_ten_to_a_request(queue):
    aws.queue_url()

    with faults.calls_counted() as calls:
        note.delay_many([{"n": number} for number in range(21)])

    assert calls == ["SendMessageBatch"] * 3


@pytest.mark.parametrize("countdown", [0, 900])
def test_a_countdown_delays_the_message(queue, countdown):
    sent = []

    with faults.hooked("SendMessageBatch", lambda request, _: sent.append(request)):
        note.apply_async({"a": 1}, countdown=countdown)

    (entry,) = json.loads(sent[0].body)["Entries"]
    assert entry["DelaySeconds"] == countdown


@pytest.mark.parametrize("countdown", [-1, 901])
def test_a_countdown_beyond_the_sqs_limit_is_rejected(countdown):
    with pytest.raises(ValueError, match="0-900"):
        note.apply_async({}, countdown=countdown)


@pytest.mark.parametrize("operation", ["GetQueueUrl", "SendMessageBatch"])
def test_without_sqs_all_tasks_are_reported_as_failed(queue, operation):
    calls = [{"n": number} for number in range(12)]

    with faults.down(operation), pytest.raises(QueueError) as caught:
        note.delay_many(calls)

    assert caught.value.refused == calls


def test_only_the_tasks_a_batch_rejected_are_reported(queue):
    failed = {"Id": "1", "Code": "InternalError", "SenderFault": False}
    answers = [json.dumps({"Successful": [], "Failed": [failed]})]

    def refuse_one(request, operation):
        if answers:
            return faults.AWSResponse("", 200, {}, faults.Body(answers.pop()))
        return None

    hooked = faults.hooked("SendMessageBatch", refuse_one)
    with hooked, pytest.raises(QueueError) as caught:
        note.delay_many([{"n": number} for number in range(12)])

    assert caught.value.refused == [{"n": 1}]
    assert sorted(body["n"] for _, body in received(queue)) == [10, 11]


def test_arguments_that_are_not_json_raise(queue):
    with pytest.raises(TypeError):
        note.delay(a=object())


# ------------------------------------------------------------------------ running


def test_a_message_runs_its_task():
    tasks.run('{"a": 1}', note.name)

    assert calls == [({"a": 1}, Attempt())]


def test_the_attempt_applies_only_to_its_task():
    last = Attempt(5, seconds_left=9.5)

    tasks.run("{}", note.name, last)

    assert calls == [({}, last)]
    assert tasks.current_attempt() == Attempt()


def test_the_attempt_is_reset_after_a_task_raises():
    with pytest.raises(TypeError):
        tasks.run('{"unknown": 1}', recount_budget.name, Attempt(5))

    assert tasks.current_attempt() == Attempt()


def test_a_message_without_a_name_is_a_notification():
    assert tasks.find(None) is deliver_notification


@pytest.mark.parametrize(
    "name",
    ["os.system", "notifications.tasks.services", "budgets.tasks", "x", "tests.x.y"],
)
def test_only_registered_tasks_can_run(name):
    with pytest.raises(UnknownTaskError):
        tasks.run("{}", name)


@pytest.mark.parametrize("body", ["", "{", "[]", '"text"', "null"])
def test_a_body_other_than_an_object_is_rejected(body):
    with pytest.raises((ValueError, TypeError)):
        tasks.run(body, note.name)


def test_eager_tasks_run_at_once_with_json_arguments():
    tasks.eager = True

    note.delay(pair=(1, 2))

    assert calls == [({"pair": [1, 2]}, Attempt())]


# ---------------------------------------------------------------- busy services


@pytest.mark.parametrize(
    ("refusals", "shortest", "longest"),
    [(1, 30, 60), (2, 60, 120), (4, 240, 480), (5, 300, 600), (1000, 300, 600)],
)
def test_waits_double_up_to_ten_minutes_with_jitter(refusals, shortest, longest):
    waits = {tasks.backoff(refusals) for _ in range(2000)}

    assert shortest <= min(waits) < max(waits) <= longest
    assert len(waits) > (longest - shortest) / 2


@pytest.mark.parametrize(
    ("number", "limit", "may_return", "is_last"),
    [
        (3, 5, True, False),
        (4, 5, False, False),
        (5, 5, False, True),
        (1, 3, True, False),
        (1, 2, False, False),
    ],
)
def test_a_message_returns_unless_its_next_attempt_is_the_last(
    number, limit, may_return, is_last
):
    attempt = Attempt(number, limit)

    assert (attempt.may_return, attempt.is_last) == (may_return, is_last)
