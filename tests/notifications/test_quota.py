"""The number of subscribers, counted with each sweep and warned about in time."""

import json
import logging

import pytest

from infra import templates
from lambdas.notification_processor.handler import handler
from notifications import sns as sns_transport
from smartbudget.core import log
from tests.lambdas.events import Context, recorded
from tests.notifications import faults


def sweep() -> dict:
    return handler(recorded("schedule_sweep"), Context())


def topic_with(*, confirmed: int, pending: int):
    entries = {"SubscriptionsConfirmed": confirmed, "SubscriptionsPending": pending}
    listed = "".join(
        f"<entry><key>{name}</key><value>{count}</value></entry>"
        for name, count in entries.items()
    )
    return faults.answered(
        "GetTopicAttributes",
        200,
        "<GetTopicAttributesResponse><GetTopicAttributesResult><Attributes>"
        f"{listed}</Attributes></GetTopicAttributesResult></GetTopicAttributesResponse>",
    )


def metrics(printed: str) -> list[dict]:
    return [json.loads(line) for line in printed.splitlines() if line.startswith("{")]


def test_a_sweep_counts_all_subscribers_with_one_call(capsys):
    with topic_with(confirmed=2, pending=1), faults.calls_counted() as calls:
        sweep()

    (line,) = metrics(capsys.readouterr().err)
    assert line["FilterPolicies"] == 3
    assert calls.count("GetTopicAttributes") == 1


@pytest.mark.parametrize(("pending", "warned"), [(9, False), (10, True)])
def test_a_warning_is_logged_from_150_subscribers(caplog, pending, warned):
    caplog.set_level(logging.WARNING)

    with topic_with(confirmed=140, pending=pending):
        sweep()

    warning = "SES is due: filter policies used=150 quota=200"
    assert (warning in caplog.messages) == warned


def test_the_alarm_uses_the_counted_metric(capsys):
    alarm = templates.read("observability")["Resources"]["FilterPoliciesAlarm"][
        "Properties"
    ]
    with topic_with(confirmed=1, pending=0):
        sweep()
    (line,) = metrics(capsys.readouterr().err)
    (directive,) = line["_aws"]["CloudWatchMetrics"]

    (metric,) = directive["Metrics"]
    (dimension,) = alarm["Dimensions"]
    assert alarm["Namespace"] == directive["Namespace"] == log.METRICS
    assert alarm["MetricName"] == metric["Name"]
    assert [[dimension["Name"]]] == directive["Dimensions"]
    assert line["TopicName"] == "budget-alerts-topic"
    assert alarm["Threshold"] == sns_transport.SES_DUE
    assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"


def test_a_sweep_continues_if_counting_fails(capsys):
    with faults.down("GetTopicAttributes"):
        assert sweep() == {"requeued": 0, "refused": 0}

    assert metrics(capsys.readouterr().err) == []
