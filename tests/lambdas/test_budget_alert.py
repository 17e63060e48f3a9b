"""The daily Lambda: it checks every budget, page by page and run by run."""

import json
from decimal import Decimal

import pytest

from budgets import checks
from budgets.checks import CheckResult
from budgets.models import Budget
from lambdas.budget_alert.handler import handler
from smartbudget.core import aws
from tests.lambdas.events import Context, recorded
from tests.money_builders import alerts, make_budget, make_expense
from tests.notifications.builders import make_account


@pytest.fixture
def invoked(monkeypatch):
    """Record the handler's Lambda invocations; moto would need a container."""
    calls = []

    class Lambda:
        def invoke(self, **call):
            calls.append(call)

    def client(service, attempts=2):
        assert (service, attempts) == ("lambda", 1)
        return Lambda()

    monkeypatch.setattr(aws, "client", client)
    return calls


@pytest.fixture
def results(monkeypatch):
    """Replace the check by a list of results that records its calls."""

    class Results(list):
        calls = []

        def check_all(self, position, keep_going, segment):
            self.calls.append((position, keep_going()))
            return self.pop(0)

    stand_in = Results()
    monkeypatch.setattr(checks, "check_all", stand_in.check_all)
    return stand_in


def test_a_wrong_total_is_corrected_and_alerted_once(clock, context):
    make_account()
    budget = make_budget()
    make_expense(amount="90.00")
    reset_total(budget)
    clock.shift(3600)

    first = handler(recorded("schedule_daily"), context)
    second = handler(recorded("schedule_daily"), context)

    assert first["errors"] == second["errors"] == []
    assert second["alerts_sent"] == 0
    assert Budget.get(budget.budget_id).spent == 90
    assert alerts() == ["budget_threshold"]


def test_a_correct_budget_is_not_changed(clock, context):
    make_account()
    make_budget()
    make_expense(amount="90.00")
    clock.shift(3600)

    summary = handler(recorded("schedule_daily"), context)

    assert summary == {"alerts_sent": 0, "errors": []}
    assert alerts() == ["budget_threshold"]


def test_one_users_error_is_logged_and_the_others_are_checked(
    results, invoked, context
):
    results.append(CheckResult(alerts_sent=3, errors=["user bob: ValueError"]))

    assert handler(recorded("schedule_daily"), context) == {
        "alerts_sent": 3,
        "errors": ["user bob: ValueError"],
    }
    assert invoked == []


def test_the_remaining_budgets_are_passed_to_the_next_run(results, invoked, context):
    position = {"budget_id": {"S": "b1"}, "user_id": {"S": "alice"}}
    results += [CheckResult(alerts_sent=1, position=position), CheckResult()]

    handler(recorded("schedule_daily"), context)
    (call,) = invoked
    handler(json.loads(call["Payload"]), context)

    assert call["FunctionName"] == "budget_alert:live"
    assert call["InvocationType"] == "Event"
    assert [start for start, _ in results.calls[-2:]] == [None, position]


@pytest.mark.parametrize(("left", "goes_on"), [(90_001, True), (90_000, False)])
def test_the_handler_stops_before_its_timeout(results, invoked, left, goes_on):
    results.append(CheckResult())

    handler(recorded("schedule_daily"), Context(left))

    assert results.calls[-1] == (None, goes_on)


def reset_total(budget: Budget) -> None:
    stored = Budget.get(budget.budget_id)
    stored.update(actions=[Budget.spent.set(Decimal(0)), Budget.level.set("ok")])
