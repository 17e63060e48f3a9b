import datetime
import json
import threading
from decimal import Decimal

import boto3
import pytest
import time_machine

from budgets import services
from budgets.models import Budget
from budgets.services import get_budget, list_budgets
from expenses import services as expenses
from notifications.models import Notification
from smartbudget.core.errors import ConflictError, InvalidError, NotFoundError
from tests.money_builders import (
    ALICE,
    BOB,
    alerts,
    make_budget,
    make_expense,
    spent,
)

pytestmark = pytest.mark.usefixtures("aws")


def at(*when: int):
    return time_machine.travel(
        datetime.datetime(*when, 12, tzinfo=datetime.UTC), tick=True
    )


def test_a_new_budget_counts_the_expenses_of_its_period():
    make_expense(amount="10.00", date="2026-03-01")
    make_expense(amount="20.00", date="2026-03-31", category="GROCERIES")
    make_expense(amount="40.00", date="2026-02-28")
    make_expense(amount="80.00", category="Rent")
    make_expense(amount="5.00", status="void")

    assert make_budget().spent == Decimal("30.00")
    assert make_budget(period="yearly").spent == Decimal("70.00")
    assert make_budget(period="weekly").spent == Decimal(0)


def test_a_week_begins_on_monday():
    budget = make_budget(period="weekly")

    make_expense(amount="1.00", date="2026-03-15")
    make_expense(amount="2.00", date="2026-03-16")
    make_expense(amount="4.00", date="2026-03-22")
    make_expense(amount="8.00", date="2026-03-23")

    assert spent(budget) == Decimal("6.00")


def test_a_category_has_one_budget_a_period():
    make_budget(category="Straße")

    with pytest.raises(ConflictError) as refused:
        make_budget(category="STRASSE")

    assert refused.value.field == "category"
    assert make_budget(category="STRASSE", period="weekly").period == "weekly"


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("amount", "0"),
        ("amount", "1.234"),
        ("category", ""),
        ("category", "c" * 51),
        ("alert_threshold", 0),
        ("alert_threshold", 101),
        ("alert_threshold", "80.5"),
        ("alert_threshold", True),
        ("period", "daily"),
    ],
)
def test_each_field_has_its_limits(field, bad):
    with pytest.raises(InvalidError) as refused:
        make_budget(**{field: bad})
    assert refused.value.field == field
    assert list_budgets(ALICE).items == []


@pytest.mark.parametrize("threshold", [1, 100])
def test_thresholds_go_from_one_to_a_hundred(threshold):
    assert make_budget(alert_threshold=threshold).alert_threshold == threshold


def test_another_users_budget_is_not_found():
    budget = make_budget(BOB)

    with pytest.raises(NotFoundError):
        get_budget(ALICE, budget.budget_id)
    with pytest.raises(NotFoundError):
        services.edit_budget(ALICE, budget.budget_id, amount="1.00")
    with pytest.raises(NotFoundError):
        services.delete_budget(ALICE, budget.budget_id)
    assert list_budgets(ALICE).items == []
    assert get_budget(BOB, budget.budget_id).amount == Decimal("100.00")


def test_expenses_do_not_count_in_another_users_budget():
    budget = make_budget(BOB)

    make_expense(ALICE)

    assert spent(budget) == Decimal(0)


class TestAlerts:
    def test_the_threshold_is_reached_at_exactly_its_percentage(self):
        make_budget()

        make_expense(amount="79.99")
        assert alerts() == []

        make_expense(amount="0.01")
        assert alerts() == ["budget_threshold"]

    def test_the_budget_is_exceeded_only_above_it(self):
        make_budget()

        make_expense(amount="100.00")
        assert alerts() == ["budget_threshold"]

        make_expense(amount="0.01")
        assert alerts() == ["budget_threshold", "budget_exceeded"]

    def test_an_expense_that_passes_both_levels_sends_only_the_higher_alert(self):
        make_budget()

        make_expense(amount="100.01")

        assert alerts() == ["budget_exceeded"]

    def test_a_skipped_level_can_alert_once_spending_falls_below_it(self):
        make_budget()
        lunch = make_expense(amount="100.01")

        expenses.edit_expense(ALICE, lunch.expense_id, amount="90.00")
        assert alerts() == ["budget_exceeded"]
        expenses.edit_expense(ALICE, lunch.expense_id, amount="10.00")
        expenses.edit_expense(ALICE, lunch.expense_id, amount="90.00")

        assert alerts() == ["budget_exceeded", "budget_threshold"]

    def test_staying_above_a_level_does_not_alert_again(self):
        make_budget()

        for _ in range(5):
            make_expense(amount="90.00")

        assert alerts() == ["budget_threshold", "budget_exceeded"]

    def test_falling_below_a_level_rearms_its_alert(self):
        make_budget()
        lunch = make_expense(amount="80.00")

        expenses.edit_expense(ALICE, lunch.expense_id, amount="79.00")
        expenses.edit_expense(ALICE, lunch.expense_id, amount="80.00")
        expenses.delete_expense(ALICE, lunch.expense_id)
        make_expense(amount="80.00")

        assert alerts() == ["budget_threshold"] * 3

    def test_falling_to_the_threshold_rearms_only_the_higher_level(self):
        make_budget()
        lunch = make_expense(amount="101.00")

        expenses.edit_expense(ALICE, lunch.expense_id, amount="90.00")
        expenses.edit_expense(ALICE, lunch.expense_id, amount="101.00")

        assert alerts() == ["budget_exceeded", "budget_exceeded"]

    @pytest.mark.parametrize(
        "change",
        [
            {"amount": "80.00"},
            {"category": "groceries"},
            {"date": "2026-03-01"},
            {"status": "cleared"},
        ],
    )
    def test_every_kind_of_edit_can_trigger_an_alert(self, change):
        make_budget()
        first = {
            "amount": "80.00",
            "category": "Groceries",
            "date": "2026-03-18",
            "status": "pending",
        }
        other = {
            "amount": "1.00",
            "category": "Rent",
            "date": "2026-02-01",
            "status": "void",
        }
        (field,) = change
        lunch = make_expense(**{**first, field: other[field]})
        assert alerts() == []

        expenses.edit_expense(ALICE, lunch.expense_id, **change)

        assert alerts() == ["budget_threshold"]

    def test_moving_an_expense_changes_both_budgets(self):
        groceries, rent = make_budget(), make_budget(category="Rent")
        lunch = make_expense(amount="80.00")

        expenses.edit_expense(ALICE, lunch.expense_id, category="Rent")

        assert (spent(groceries), spent(rent)) == (Decimal(0), Decimal("80.00"))
        assert alerts() == ["budget_threshold", "budget_threshold"]

    def test_a_backdated_expense_in_a_past_period_never_alerts(self):
        budget = make_budget()

        make_expense(amount="500.00", date="2026-02-28")

        assert alerts() == []
        assert spent(budget) == Decimal(0)

    def test_an_expense_counts_in_weekly_monthly_and_yearly_budgets(self):
        budgets = [
            make_budget(period=period) for period in ("monthly", "weekly", "yearly")
        ]

        make_expense(amount="5.00")

        assert [spent(budget) for budget in budgets] == [Decimal("5.00")] * 3

    def test_a_budget_created_below_current_spending_alerts_at_once(self):
        make_expense(amount="101.00")

        make_budget()

        assert alerts() == ["budget_exceeded"]

    def test_lowering_the_amount_or_the_threshold_can_trigger_an_alert(self):
        budget = make_budget()
        make_expense(amount="50.00")

        services.edit_budget(ALICE, budget.budget_id, alert_threshold=50)
        assert alerts() == ["budget_threshold"]

        services.edit_budget(ALICE, budget.budget_id, amount="49.99")
        assert alerts() == ["budget_threshold", "budget_exceeded"]

    def test_raising_the_amount_rearms_alerts(self):
        budget = make_budget()
        make_expense(amount="80.00")

        services.edit_budget(ALICE, budget.budget_id, amount="200.00")
        services.edit_budget(ALICE, budget.budget_id, amount="100.00")

        assert alerts() == ["budget_threshold", "budget_threshold"]

    def test_a_budget_deleted_and_created_again_alerts_again(self):
        budget = make_budget()
        make_expense(amount="80.00")

        services.delete_budget(ALICE, budget.budget_id)
        make_budget()

        assert alerts() == ["budget_threshold", "budget_threshold"]

    def test_each_alert_is_queued_in_the_required_message_format(self):
        make_budget(category="Eating\u202eout")

        make_expense(category="Eating\u202eout", amount="80.00")

        sqs = boto3.client("sqs")
        url = sqs.get_queue_url(QueueName="notification-queue")["QueueUrl"]
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
        (body,) = [
            json.loads(message["Body"])
            for message in messages
            if "notification_id" in message["Body"]
        ]
        assert sorted(body) == [
            "message",
            "notification_id",
            "notification_type",
            "subject",
            "timestamp",
            "user_email",
            "user_id",
        ]
        assert body["user_email"] == "alice@example.com"
        assert body["notification_type"] == "budget_threshold"


class TestPeriods:
    def test_a_new_period_starts_from_its_expenses_with_alerts_rearmed(self):
        budget = make_budget()
        make_expense(amount="101.00")
        make_expense(amount="30.00", date="2026-04-02")  # dated in the future

        with at(2026, 4, 1):
            make_expense(amount="50.00")

        assert spent(budget) == Decimal("80.00")
        assert Budget.get(budget.budget_id).period_start == "2026-04-01"
        assert alerts() == ["budget_exceeded", "budget_threshold"]

    def test_backdated_expenses_do_not_count_in_later_periods(self):
        budget = make_budget()

        with at(2026, 4, 1):
            make_expense(date="2026-03-31", amount="90.00")

        assert alerts() == []
        assert spent(budget) == Decimal(0)

    def test_a_slow_clock_does_not_return_to_the_previous_period(self):
        budget = make_budget()
        with at(2026, 4, 1):
            make_expense(amount="5.00")

        make_expense(amount="7.00")
        make_expense(amount="2.00", date="2026-04-03")

        assert spent(budget) == Decimal("7.00")
        assert Budget.get(budget.budget_id).period_start == "2026-04-01"

    def test_editing_a_budget_moves_it_to_the_current_period(self):
        budget = make_budget()
        make_expense(amount="101.00")

        with at(2026, 4, 1):
            edited = services.edit_budget(ALICE, budget.budget_id, amount="90.00")

        assert (edited.period_start, edited.spent) == ("2026-04-01", Decimal(0))
        assert edited.level == "ok"


class TestMoves:
    def test_changing_the_category_replaces_the_budget_atomically(self):
        make_expense(category="Rent", amount="90.00")
        old = make_budget()

        new = services.edit_budget(ALICE, old.budget_id, category="Rent")

        assert new.budget_id != old.budget_id
        assert (new.spent, new.created_at) == (Decimal("90.00"), old.created_at)
        assert alerts() == ["budget_threshold"]
        with pytest.raises(NotFoundError):
            get_budget(ALICE, old.budget_id)

    def test_changing_to_a_taken_category_changes_nothing(self):
        make_budget(category="Rent")
        old = make_budget()

        with pytest.raises(ConflictError):
            services.edit_budget(ALICE, old.budget_id, category="Rent")

        assert get_budget(ALICE, old.budget_id).category == "Groceries"

    def test_changing_the_category_back_and_forth_alerts_each_time(self):
        make_expense(amount="90.00")
        make_expense(category="Rent", amount="90.00")
        budget = make_budget()

        budget = services.edit_budget(ALICE, budget.budget_id, category="Rent")
        services.edit_budget(ALICE, budget.budget_id, category="Groceries")

        assert alerts() == ["budget_threshold"] * 3

    def test_an_alert_is_not_lost_after_changing_the_period_and_back(self):
        budget = make_budget()
        lunch = make_expense(amount="80.00")
        expenses.edit_expense(ALICE, lunch.expense_id, amount="1.00")
        expenses.edit_expense(ALICE, lunch.expense_id, amount="80.00")
        expenses.edit_expense(ALICE, lunch.expense_id, amount="1.00")
        assert len(alerts()) == 2

        weekly = services.edit_budget(ALICE, budget.budget_id, period="weekly")
        with at(2026, 3, 23):
            dinner = make_expense(amount="1.00")
            services.edit_budget(ALICE, weekly.budget_id, period="monthly")
            expenses.edit_expense(ALICE, dinner.expense_id, amount="90.00")

        assert len(alerts()) == 3

    def test_a_different_spelling_of_the_category_keeps_the_budget(self):
        old = make_budget()

        new = services.edit_budget(ALICE, old.budget_id, category="GROCERIES")

        assert (new.budget_id, new.category) == (old.budget_id, "GROCERIES")


class TestRecount:
    def test_a_wrong_total_is_corrected_and_alerted(self):
        budget = make_budget()
        make_expense(amount="80.00")
        Budget(budget.budget_id).update(
            [Budget.spent.set(Decimal("1")), Budget.level.set("ok")],
            add_version_condition=False,
        )

        with at(2026, 3, 19):
            assert services.recount(ALICE, budget.budget_id) is True

        assert spent(budget) == Decimal("80.00")

    def test_a_correct_total_is_not_changed(self):
        budget = make_budget()
        make_expense(amount="80.00")

        with at(2026, 3, 19):
            assert services.recount(ALICE, budget.budget_id) is False

        assert alerts() == ["budget_threshold"]

    def test_a_recently_changed_budget_is_recounted_later(self):
        budget = make_budget()

        assert services.recount(ALICE, budget.budget_id) is None

    def test_recounting_a_deleted_budget_is_not_an_error(self):
        assert services.recount(ALICE, "gone") is False


def test_concurrent_expenses_alert_once_per_level():
    budget = make_budget()
    errors = []

    def spend():
        try:
            make_expense(amount="10.00")
        except Exception as error:  # noqa: BLE001 - shown by the assertion
            errors.append(error)

    threads = [threading.Thread(target=spend) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert spent(budget) == Decimal("120.00")
    assert sorted(alerts()) == ["budget_exceeded", "budget_threshold"]


def test_an_alert_describes_what_happened():
    make_budget(alert_threshold=50)

    make_expense(amount="60.00")

    (alert,) = Notification.by_user.query("alice")
    assert alert.status == "queued"
    assert "Groceries" in alert.subject
    assert "$60.00" in alert.message
    assert "$40.00" in alert.message
