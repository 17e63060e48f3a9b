"""Dead letters: counted, and moved back to the queue without loss."""

import dataclasses
import json
import logging

import pytest
from botocore.exceptions import EndpointConnectionError
from moto.core.models import botocore_stubber

from smartbudget.core import aws
from smartbudget.core.errors import ForbiddenError
from staff import dead_letters
from staff.dead_letters import DEAD_LETTERS, FAILED_EVENTS, Depth, Redriven
from tests.builders import with_factor
from tests.notifications import faults
from tests.notifications.builders import make_account

TASK = "budgets.tasks.recount_budget"


@pytest.fixture
def grace():
    return with_factor(make_account("grace", subscribed=False, is_staff=True).user)


@pytest.fixture(autouse=True)
def _queues(monkeypatch):
    make_queues(monkeypatch)


def make_queues(monkeypatch) -> None:
    """Create the queues; with a fixed clock, moto would wait forever."""
    monkeypatch.setattr(dead_letters, "WAIT_SECONDS", 0)
    for name in (DEAD_LETTERS, FAILED_EVENTS):
        aws.client("sqs").create_queue(QueueName=name)


def add_dead_letters(count: int, task: str | None = None) -> None:
    """Add messages to the dead-letter queue."""
    value = {"task": {"DataType": "String", "StringValue": task}} if task else {}
    for number in range(count):
        aws.client("sqs").send_message(
            QueueUrl=aws.queue_url(DEAD_LETTERS),
            MessageBody=json.dumps({"number": number}),
            MessageAttributes=value,
        )


def back_on_the_queue() -> list[dict]:
    bodies = []
    while messages := (
        aws.client("sqs")
        .receive_message(
            QueueUrl=aws.queue_url(),
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
        )
        .get("Messages")
    ):
        bodies += messages
    return bodies


def keep_going_for(count: int):
    """Return a function that returns True for the first `count` calls."""
    left = iter(range(count))
    return lambda: next(left, None) is not None


def always() -> bool:
    return True


def test_dead_letters_are_counted(grace):
    add_dead_letters(3)
    url = aws.queue_url(DEAD_LETTERS)
    aws.client("sqs").receive_message(QueueUrl=url, VisibilityTimeout=30)

    assert dead_letters.depth(grace) == Depth(2, 1)
    assert dead_letters.depth(grace).total == 3
    assert dead_letters.failed_events(grace) == Depth(0, 0)


def test_all_messages_move_with_body_and_task(grace):
    add_dead_letters(12, TASK)

    assert dead_letters.redrive(grace, always) == Redriven(12, 0, 0)

    back = back_on_the_queue()
    assert sorted(json.loads(message["Body"])["number"] for message in back) == [
        *range(12)
    ]
    tasks = {message["MessageAttributes"]["task"]["StringValue"] for message in back}
    assert tasks == {TASK}


def test_a_message_keeps_its_attributes_and_its_group(grace):
    """They are its task, the request that caused it, and what it waits behind."""
    attributes = {
        name: {"DataType": "String", "StringValue": value}
        for name, value in {"task": TASK, "request_id": "5e6c2b00"}.items()
    }
    aws.client("sqs").send_message(
        QueueUrl=aws.queue_url(DEAD_LETTERS),
        MessageBody="{}",
        MessageAttributes=attributes,
        MessageGroupId="summaries",
    )

    assert dead_letters.redrive(grace, always) == Redriven(1, 0, 0)

    (message,) = aws.client("sqs").receive_message(
        QueueUrl=aws.queue_url(),
        MessageAttributeNames=["All"],
        MessageSystemAttributeNames=["MessageGroupId"],
    )["Messages"]
    assert message["MessageAttributes"] == attributes
    assert message["Attributes"] == {"MessageGroupId": "summaries"}


def test_a_message_without_a_task_moves_unchanged(grace):
    add_dead_letters(1)

    dead_letters.redrive(grace, always)

    (message,) = back_on_the_queue()
    assert "MessageAttributes" not in message


def test_messages_left_at_the_deadline_stay(grace):
    add_dead_letters(15)

    result = dead_letters.redrive(grace, keep_going_for(1 + 4))

    assert result == Redriven(4, 0, 11)
    assert len(back_on_the_queue()) == 4


def test_messages_rejected_by_the_queue_stay(grace):
    """Messages are moved one at a time, so that one cannot block a batch."""
    add_dead_letters(3)
    refusal = '{"__type": "com.amazonaws.sqs#InvalidMessageContents"}'
    refused = []

    def refuse_the_first(request, operation):
        if not refused:
            refused.append(operation)
            return faults.AWSResponse(request.url, 400, {}, faults.Body(refusal))
        return None

    with faults.hooked("SendMessage", refuse_the_first):
        result = dead_letters.redrive(grace, always)

    assert result == Redriven(2, 1, 1)
    assert dead_letters.depth(grace) == Depth(0, 1)


def test_without_the_queue_nothing_is_lost(grace):
    add_dead_letters(2)

    with faults.down("SendMessage"), pytest.raises(EndpointConnectionError):
        dead_letters.redrive(grace, always)

    assert dead_letters.depth(grace).total == 2
    assert back_on_the_queue() == []


def test_an_outage_midway_reports_what_was_moved(grace):
    add_dead_letters(3)
    sent = []

    def down_after_one(request, operation):
        sent.append(operation)
        if len(sent) > 1:
            raise EndpointConnectionError(endpoint_url=request.url)

    with faults.hooked("SendMessage", down_after_one):
        assert dead_letters.redrive(grace, always) == Redriven(1, 0, 2)


def test_a_crash_before_the_delete_leaves_it_in_both(grace):
    def killed(request, operation):
        raise SystemExit

    add_dead_letters(1)
    with faults.hooked("DeleteMessage", killed), pytest.raises(SystemExit):
        dead_letters.redrive(grace, always)
    botocore_stubber.enabled = True

    assert dead_letters.depth(grace).total == 1
    assert len(back_on_the_queue()) == 1


def test_aws_calls_of_a_redrive(grace):
    """Two calls per message, one per ten, one that finds none, and one that counts."""
    add_dead_letters(11)
    aws.queue_url()

    with faults.calls_counted() as calls:
        dead_letters.redrive(grace, always)

    assert calls.count("SendMessage") == calls.count("DeleteMessage") == 11
    assert calls.count("ReceiveMessage") == 3
    assert calls.count("GetQueueAttributes") == 1
    assert len(calls) == 26


def test_the_log_names_the_staff_member_and_messages(grace, caplog):
    caplog.set_level(logging.INFO, "staff")
    add_dead_letters(1)

    dead_letters.redrive(grace, always)

    assert "redriven by staff user_id=grace moved=" in caplog.text
    assert '"number"' not in caplog.text


@pytest.mark.parametrize(
    "action",
    [
        dead_letters.depth,
        dead_letters.failed_events,
        lambda user: dead_letters.redrive(user, always),
    ],
)
def test_other_users_are_rejected(grace, action):
    add_dead_letters(1)
    outsider = dataclasses.replace(grace, is_staff=False)

    with pytest.raises(ForbiddenError):
        action(outsider)

    assert back_on_the_queue() == []
