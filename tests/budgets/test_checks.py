import datetime
from decimal import Decimal

import pytest
import time_machine

from accounts.models import Account
from budgets import checks, updates
from budgets.models import Budget
from notifications.models import Notification
from tests.calls import counted
from tests.money_builders import ALICE, BOB, NOON, alerts, make_budget, make_expense

pytestmark = pytest.mark.usefixtures("aws", "people")


@pytest.fixture
def people():
    with time_machine.travel(NOON, tick=True):
        for user in (ALICE, BOB):
            Account(
                user_id=user.user_id,
                username=user.username,
                email=user.email,
                password_hash="none",
                created_at=NOON.isoformat(),
                updated_at=NOON.isoformat(),
            ).save()
        yield


def check(*when: int, position=None, keep_going=lambda: True):
    with time_machine.travel(datetime.datetime(*when, tzinfo=datetime.UTC), tick=True):
        return checks.check_all(position, keep_going)


def reset_total(budget: Budget) -> None:
    """Set a budget's stored total to zero."""
    Budget(budget.budget_id).update(
        [
            Budget.spent.set(Decimal(0)),
            Budget.level.set("ok"),
            Budget.rearm_count.set(9),
        ],
        add_version_condition=False,
    )


def test_correct_totals_cause_no_writes():
    budget = make_budget()
    make_expense(amount="90.00")

    result = check(2026, 3, 19, 6)

    assert (result.alerts_sent, result.errors, result.position) == (0, [], None)
    assert Budget.get(budget.budget_id).version == 2


def test_a_new_period_starts_with_its_expenses_and_alerts():
    budget = make_budget()
    make_expense(amount="500.00")
    make_expense(amount="101.00", date="2026-04-01")

    result = check(2026, 4, 1, 6)

    assert result.alerts_sent == 1
    assert Budget.get(budget.budget_id).spent == Decimal("101.00")
    assert alerts() == ["budget_exceeded", "budget_exceeded"]


def test_a_period_starts_in_the_users_time_zone():
    Account("alice").update(
        [Account.time_zone.set("America/Los_Angeles")], add_version_condition=False
    )
    budget = make_budget()

    check(2026, 4, 1, 6)
    assert Budget.get(budget.budget_id).period_start == "2026-03-01"

    check(2026, 4, 1, 8)
    assert Budget.get(budget.budget_id).period_start == "2026-04-01"


def test_a_wrong_total_is_corrected_alerted_and_logged(caplog):
    budget = make_budget()
    make_expense(amount="90.00")
    reset_total(budget)

    result = check(2026, 3, 19, 6)

    assert result.alerts_sent == 1
    assert Budget.get(budget.budget_id).spent == Decimal("90.00")
    assert f"budget total was wrong budget_id={budget.budget_id}" in caplog.text


def test_running_twice_alerts_once():
    make_budget()
    make_expense(amount="101.00", date="2026-04-01")

    first, second = check(2026, 4, 1, 6), check(2026, 4, 1, 6)

    assert (first.alerts_sent, second.alerts_sent) == (1, 0)


def test_one_users_bad_data_does_not_stop_the_others():
    make_budget(BOB)
    make_expense(BOB, amount="101.00", date="2026-04-01")
    bad = make_budget()
    Budget.table_connection().connection.client.update_item(
        TableName="budgets",
        Key={"budget_id": {"S": bad.budget_id}},
        UpdateExpression="SET current_period = :v",
        ExpressionAttributeValues={":v": {"S": "not a day"}},
    )

    result = check(2026, 4, 1, 6)

    assert result.alerts_sent == 1
    assert result.errors == ["user alice: ValueError"]


def test_the_check_stops_in_time_and_resumes_where_it_stopped(monkeypatch):
    monkeypatch.setattr(checks, "PAGE_SIZE", 1)
    for category in ("A", "B", "C"):
        make_budget(category=category)
        make_expense(category=category, amount="90.00", date="2026-04-01")

    results = [check(2026, 4, 1, 6, keep_going=lambda: False)]
    while results[-1].position:
        results.append(
            check(
                2026, 4, 1, 6, position=results[-1].position, keep_going=lambda: False
            )
        )

    assert [result.alerts_sent for result in results if result.alerts_sent] == [1, 1, 1]
    assert len(list(Notification.by_user.query("alice"))) == 3


def test_what_follows_for_a_user_is_queued_at_once():
    """On the first of a month, all budgets begin a new period."""
    for category in ("Groceries", "Rent", "Fun"):
        make_budget(category=category)

    with counted() as calls:
        result = check(2026, 4, 1, 6)

    assert result.errors == []
    assert calls.names.count("sqs.SendMessageBatch") == 1
    assert calls.names.count("dynamodb.TransactWriteItems") == 3


def test_an_error_keeps_what_follows_for_earlier_budgets(monkeypatch):
    budgets = [make_budget(category=category) for category in ("Groceries", "Rent")]
    for category in ("Groceries", "Rent"):
        make_expense(category=category, amount="90.00")
    for budget in budgets:
        reset_total(budget)
    for notification in Notification.scan():
        notification.delete()
    correct, corrected = updates.correct, []

    def failing(user, budget, *more):
        if corrected:
            raise ValueError
        corrected.append(budget)
        return correct(user, budget, *more)

    monkeypatch.setattr(updates, "correct", failing)
    with counted() as calls:
        result = check(2026, 3, 19, 6)

    assert (result.alerts_sent, result.errors) == (1, ["user alice: ValueError"])
    assert calls.names.count("sqs.SendMessageBatch") == 1
