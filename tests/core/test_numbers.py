"""Business metrics: each event counts once, and the dashboard shows each metric."""

import json
import re

import pytest

from expenses.bulk_create import record_expenses
from infra import templates
from lambdas.report_generator.handler import handler
from notifications import delivery
from smartbudget.core import log
from smartbudget.core.tasks import RetryLaterError
from tests.lambdas.events import Context, recorded
from tests.money_builders import ALICE, make_budget, make_expense
from tests.notifications import faults
from tests.notifications.builders import make_account, make_notification

pytestmark = pytest.mark.usefixtures("aws")


@pytest.fixture
def counted(capsys):
    """Return a function that takes the new metrics: [(name, value, dimensions)]."""

    def take() -> list[tuple[str, float, dict[str, str]]]:
        metrics = []
        for line in capsys.readouterr().err.splitlines():
            if not line.startswith('{"_aws"'):
                continue
            record = json.loads(line)
            (directive,) = record["_aws"]["CloudWatchMetrics"]
            assert directive["Namespace"] == log.METRICS
            (metric,) = directive["Metrics"]
            (names,) = directive["Dimensions"]
            dimensions = {name: record[name] for name in names}
            assert dimensions.pop("Stage") == "smart-budget"
            metrics.append((metric["Name"], record[metric["Name"]], dimensions))
        return metrics

    return take


def test_a_repeated_expense_counts_once(counted):
    for _ in range(2):
        make_expense(idempotency_key="k1")

    assert counted() == [("ExpensesRecorded", 1, {})]


def test_expenses_of_a_bulk_that_exist_already_do_not_count(counted):
    rows = [{"amount": "1.00", "category": "Food"}] * 3
    record_expenses(ALICE, rows, idempotency_key="k1")
    assert counted() == [("ExpensesRecorded", 3, {})]

    record_expenses(ALICE, rows, idempotency_key="k1")

    assert counted() == []


def test_alerts_are_counted_by_level(counted):
    make_budget(amount="100.00")

    make_expense(amount="90.00")
    make_expense(amount="30.00")

    assert sorted(counted(), key=str) == [
        ("AlertsQueued", 1, {"Level": "exceeded"}),
        ("AlertsQueued", 1, {"Level": "threshold"}),
        ("ExpensesRecorded", 1, {}),
        ("ExpensesRecorded", 1, {}),
    ]


def test_deliveries_are_counted_by_outcome(counted):
    make_account("alice")
    make_account("bob", subscribed=False)
    for number, name in enumerate(["alice", "bob"]):
        make_notification(f"n{number}", name)
        for _ in range(2):  # the second has no effect
            delivery.deliver(f"n{number}")

    assert counted() == [
        ("NotificationsDelivered", 1, {"Status": "sent"}),
        ("NotificationsDelivered", 1, {"Status": "skipped"}),
    ]


def test_throttled_emails_are_counted(counted):
    make_account("alice")
    make_notification("n1", "alice")
    refusal = "<ErrorResponse><Error><Code>Throttled</Code></Error></ErrorResponse>"

    with faults.answered("Publish", 429, refusal), pytest.raises(RetryLaterError):
        delivery.deliver("n1")

    assert counted() == [("EmailsThrottled", 1, {})]


def test_a_generated_report_counts_and_a_reused_one_does_not(counted):
    make_account(user_id="a" * 32)
    event = {**recorded("report_monthly"), "user_id": "a" * 32}
    first = handler(event, Context())
    assert counted() == [("ReportsMade", 1, {})]

    handler({**event, "known": first}, Context())

    assert counted() == []


@pytest.mark.parametrize(
    ("metric", "dimension"),
    [
        ("ExpensesRecorded", None),
        ("AlertsQueued", "Level"),
        ("NotificationsDelivered", "Status"),
        ("ReportsMade", None),
    ],
)
def test_the_dashboard_shows_each_metric(metric, dimension):
    dashboard = templates.read("observability")["Resources"]["Dashboard"]
    body, _ = dashboard["Properties"]["DashboardBody"]["Sub"]
    (widget,) = [
        widget
        for widget in json.loads(body)["widgets"]
        if re.search(rf"\b{metric}\b", json.dumps(widget))
    ]
    plotted = widget["properties"]["metrics"]

    stage = "${ResourcePrefix}smart-budget"
    if dimension:
        ((search,),) = plotted
        assert f"{{SmartBudget,Stage,{dimension}}}" in search["expression"]
        assert f'Stage="{stage}"' in search["expression"]
    else:
        assert plotted == [["SmartBudget", metric, "Stage", stage]]
