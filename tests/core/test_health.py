"""Health checks: one message per part, within the deadline, never an exception."""

import dataclasses
import threading

import pytest
from botocore.exceptions import ReadTimeoutError

from smartbudget.core import aws, health
from smartbudget.core.config import config
from tests.notifications import faults
from tests.staff.test_dead_letters import make_queues

NAMES = [
    "Table users",
    "Table expenses",
    "Table budgets",
    "Table notifications",
    "Bucket",
    "Queue",
    "Dead letters",
    "Failed scheduled runs",
    "Topic",
    "Report Lambda",
]


@pytest.fixture(autouse=True)
def _parts(aws, monkeypatch):
    make_queues(monkeypatch)
    # moto would run it in Docker.
    monkeypatch.setattr(health, "_reports", lambda: "Ready.")


def ill() -> dict[str, str]:
    return {part.name: part.said for part in health.check() if not part.ok}


def test_all_parts_are_healthy():
    parts = health.check()

    assert [part.name for part in parts] == NAMES
    assert [part for part in parts if not part.ok] == []


def test_each_part_is_checked_once():
    health.check()  # looks up queue URLs and topic, once per process

    with faults.calls_counted() as calls:
        health.check()

    assert sorted(calls) == [
        *["DescribeTable"] * 4,
        *["GetQueueAttributes"] * 3,
        "GetTopicAttributes",
        "HeadBucket",
    ]


def test_the_queue_reports_its_depth():
    where = {"QueueUrl": aws.queue_url()}
    for _ in range(3):
        aws.client("sqs").send_message(**where, MessageBody="x")
    aws.client("sqs").receive_message(**where)

    messages = {part.name: part.said for part in health.check()}

    assert messages["Queue"] == "2 queued, 1 in progress."
    assert messages["Dead letters"] == "0 queued, 0 in progress."


@pytest.mark.parametrize(
    ("operation", "names"),
    [
        ("DescribeTable", NAMES[:4]),
        ("HeadBucket", ["Bucket"]),
        ("GetQueueAttributes", NAMES[5:8]),
        ("GetTopicAttributes", ["Topic"]),
    ],
)
def test_an_unreachable_part_is_named_and_the_others_are_healthy(operation, names):
    with faults.down(operation):
        problems = ill()

    assert problems == dict.fromkeys(names, "Unreachable (EndpointConnectionError).")


def test_missing_and_denied_are_reported_differently(monkeypatch):
    elsewhere = dataclasses.replace(config, receipts_bucket="no-such-bucket")
    monkeypatch.setattr(health, "config", elsewhere)
    body = '{"__type": "x#AccessDeniedException", "message": "no"}'

    with faults.answered("DescribeTable", 400, body):
        problems = ill()

    assert problems.pop("Bucket") == "Not found (404)."
    assert set(problems.values()) == {"Access denied (AccessDeniedException)."}


def test_a_table_being_created_is_not_healthy():
    body = '{"Table": {"TableStatus": "CREATING"}}'

    with faults.answered("DescribeTable", 200, body):
        assert ill()["Table users"] == "Status: CREATING."


def test_a_silent_part_takes_no_longer_than_the_deadline():
    reported, in_time = threading.Event(), []

    def hang(request, operation):
        in_time.append(reported.wait(60))
        raise ReadTimeoutError(endpoint_url=request.url)

    with faults.hooked("GetTopicAttributes", hang):
        parts = health.check(deadline_seconds=0.5)
        reported.set()
        for thread in threading.enumerate():
            if thread.name.startswith("health"):
                thread.join()

    assert in_time == [True]
    (topic,) = [part for part in parts if part.name == "Topic"]
    assert topic.said == "Timed out."


def test_an_exception_in_a_check_is_reported(monkeypatch):
    def broken():
        raise KeyError("what")

    monkeypatch.setattr(health, "_bucket", broken)

    assert ill() == {"Bucket": "The check failed (KeyError)."}


def test_ses_is_checked_only_if_it_is_the_transport(monkeypatch):
    through_ses = dataclasses.replace(config, ses_configuration_set="mail")
    monkeypatch.setattr(health, "config", through_ses)

    assert ill() == {"SES": "Not found (NotFoundException)."}
    body = '{"SendingOptions": {"SendingEnabled": false}}'
    with faults.answered("GetConfigurationSet", 200, body):
        assert ill() == {"SES": "Sending is paused."}
