"""Bulk creation: validated as a whole, and every row counts once."""

import datetime
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from unittest.mock import patch

import pytest
import time_machine
from hypothesis import example, given
from hypothesis import strategies as st

from budgets.models import Budget
from expenses import services
from expenses.bulk_create import MAX_ROWS, record_expenses
from expenses.models import Expense
from notifications.models import DIGEST, Notification
from smartbudget.core.dynamodb import Transaction
from smartbudget.core.errors import ConflictError, InvalidError, InvalidRowsError
from tests.budgets.test_random_writes import SETTINGS
from tests.calls import QUERY, READ, TRANSACTION, counted
from tests.conftest import empty_aws
from tests.expenses.builders import (
    limits,
    make_budgets,
    rows,
    stored,
    totals_and_levels,
)
from tests.money_builders import (
    ALICE,
    BOB,
    NOON,
    alerts,
    make_budget,
    make_expense,
    spent,
)
from tests.notifications import faults

pytestmark = pytest.mark.usefixtures("aws")


def rows_of(count: int, category: str = "Groceries", **fields) -> list[dict]:
    return [
        {"amount": "1.00", "category": category, "description": str(number), **fields}
        for number in range(count)
    ]


def test_rows_are_stored_like_single_expenses_and_returned_in_order():
    row = {"amount": "12.50", "category": " Eating out ", "description": "早餐"}

    recorded = record_expenses(
        ALICE,
        [row, {"amount": 3, "category": "Auto", "date": "2026-03-01"}],
    )

    first, second = recorded.expenses
    single = make_expense(**row)
    different = {"expense_id", "created_at", "updated_at"}
    assert {
        name: value
        for name, value in Expense.get(first.expense_id).attribute_values.items()
        if name not in different
    } == {
        name: value
        for name, value in Expense.get(single.expense_id).attribute_values.items()
        if name not in different
    }
    assert (second.date, second.amount) == ("2026-03-01", Decimal(3))


def test_equal_rows_are_two_expenses():
    row = {"amount": "5.00", "category": "Bus"}
    budget = make_budget(category="Bus")

    record_expenses(ALICE, [row, row])

    assert len(stored()) == 2
    assert spent(budget) == Decimal(10)


def test_every_invalid_row_is_named_and_nothing_is_stored():
    rows = rows_of(120)
    rows[3] = {"amount": "0", "category": ""}
    rows[110] = {**rows[110], "date": "1999-01-01", "status": "paid"}

    with pytest.raises(InvalidRowsError) as refused:
        record_expenses(ALICE, rows)

    assert refused.value.rows == {
        3: {
            "amount": ["Amount must be above zero."],
            "category": ["This field may not be empty."],
        },
        110: {
            "date": ["The date can be at most 10 years ago."],
            "status": ["Choose one of pending, cleared, void."],
        },
    }
    assert stored() == []


@pytest.mark.parametrize("missing", ["amount", "category"])
def test_required_fields_are_required(missing):
    row = {"amount": "1.00", "category": "Bus"}
    del row[missing]

    with pytest.raises(InvalidRowsError) as refused:
        record_expenses(ALICE, [row])

    assert list(refused.value.rows[0]) == [missing]


@pytest.mark.parametrize("count", [0, MAX_ROWS + 1])
def test_no_rows_and_too_many_rows_are_rejected(count):
    with pytest.raises(InvalidError) as refused:
        record_expenses(ALICE, rows_of(count))

    assert refused.value.field == "expenses"
    assert stored() == []


def test_void_rows_are_stored_but_not_counted():
    """Even if a transaction contains only void rows of a category."""
    budget = make_budget(amount="1000.00")

    record_expenses(ALICE, rows_of(150, status="void") + rows_of(100))

    assert len(stored()) == 250
    assert spent(budget) == Decimal(100)


def test_each_budget_is_updated_once_per_transaction():
    monthly = make_budget(amount="10000.00")
    weekly = make_budget(amount="10000.00", period="weekly")
    last_month = rows_of(50, date="2026-02-10")

    with counted() as calls:
        record_expenses(ALICE, rows_of(200, "GROCERIES") + last_month)

    # 250 rows, two budgets a transaction, and room for their two alerts each.
    assert Counter(calls.names) == {READ: 1, TRANSACTION: 3}
    assert spent(monthly) == spent(weekly) == Decimal(200)
    assert Budget.get(monthly.budget_id).version == 4


def test_rows_of_many_categories_update_few_budgets_per_transaction():
    budgets = [make_budget(category=f"C{number:02d}") for number in range(30)]
    mixed = [
        {"amount": "1.00", "category": f"c{number % 30:02d}"} for number in range(300)
    ]

    with counted() as calls:
        record_expenses(replace(ALICE, budget_shapes=()), mixed)

    assert Counter(calls.names) == {READ: 1, TRANSACTION: 4}
    assert [spent(budget) for budget in budgets] == [Decimal(10)] * 30


def test_budgets_and_large_expenses_alert_once_each():
    user = replace(ALICE, large_expense_threshold=Decimal(60))
    make_budget(user, amount="100.00")

    recorded = record_expenses(
        user, [{"amount": "70.00", "category": "Groceries"}] * 2 + rows_of(200)
    )

    assert Counter(alerts()) == {
        "budget_exceeded": 1,
        "large_expense": 2,
        "alert_digest": 1,
    }
    assert recorded.alerts == 3
    assert all(expense.large_noticed for expense in recorded.expenses[:2])
    assert not any(expense.large_noticed for expense in recorded.expenses[2:])


def test_a_bulk_of_only_large_expenses_fits_its_transactions():
    user = replace(ALICE, large_expense_threshold=Decimal(1))

    recorded = record_expenses(user, rows_of(120))

    assert recorded.alerts == len(stored()) == 120


def test_without_a_key_the_same_rows_are_stored_again():
    record_expenses(ALICE, rows_of(2))
    record_expenses(ALICE, rows_of(2))

    assert len(stored()) == 4


def test_the_same_key_returns_the_stored_expenses():
    budget = make_budget(amount="1000.00")
    first = record_expenses(ALICE, rows_of(250), idempotency_key="k")

    with time_machine.travel(NOON + datetime.timedelta(days=1)):
        again = record_expenses(ALICE, rows_of(250), idempotency_key="k")

    assert [expense.attribute_values for expense in again.expenses] == [
        expense.attribute_values for expense in stored_in_order(first.expenses)
    ]
    assert again.alerts == 0
    assert spent(budget) == Decimal(250)


def stored_in_order(expenses):
    return [Expense.get(expense.expense_id) for expense in expenses]


def test_the_same_key_for_other_rows_is_rejected_and_stores_nothing():
    record_expenses(ALICE, rows_of(150), idempotency_key="k")
    other = rows_of(250)
    other[120]["amount"] = "2.00"

    with pytest.raises(ConflictError):
        record_expenses(ALICE, other, idempotency_key="k")

    assert len(stored()) == 150


def test_keys_are_per_user_and_separate_from_single_expenses():
    record_expenses(ALICE, rows_of(2), idempotency_key="k")
    record_expenses(BOB, rows_of(2), idempotency_key="k")
    make_expense(idempotency_key="k")

    owners = Counter(expense.user_id for expense in stored())
    assert owners == {"alice": 3, "bob": 2}


def test_a_bulk_does_not_change_other_users_budgets():
    theirs = make_budget(BOB)

    record_expenses(ALICE, rows_of(5))

    assert spent(theirs) == Decimal(0)


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_repeating_after_a_crash_counts_each_row_once(nth, done):
    budget = make_budget(amount="1000.00")
    with faults.killed("TransactWriteItems", nth, done=done):
        record_expenses(ALICE, rows_of(48), idempotency_key="k")
    assert len(stored()) < 48 or (nth, done) == (3, True)
    assert spent(budget) == len(stored())

    again = record_expenses(ALICE, rows_of(48), idempotency_key="k")

    assert spent(budget) == len(stored()) == 48
    described = [expense.description for expense in again.expenses]
    assert described == [row["description"] for row in rows_of(48)]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_lost_reply_counts_nothing_twice(nth):
    budget = make_budget(amount="1000.00")

    with faults.reply_lost("TransactWriteItems", nth):
        record_expenses(ALICE, rows_of(48))

    assert spent(budget) == len(stored()) == 48


@pytest.mark.usefixtures("small")
def test_a_concurrently_changed_budget_is_read_again():
    budget = make_budget(amount="1000.00")
    other = make_budget(amount="1000.00", category="Rent")
    others = [lambda: make_expense(amount="7.00")] * 2

    with faults.meanwhile(*others):
        record_expenses(ALICE, rows_of(30) + rows_of(20, "Rent"))

    assert spent(budget) == Decimal(30 + 14)
    assert spent(other) == Decimal(20)


def test_a_row_deleted_after_the_first_try_is_restored_without_a_second_alert():
    """As with a single expense; its first alert still exists."""
    user = replace(ALICE, large_expense_threshold=Decimal(50))
    row = {"amount": "60.00", "category": "Fun"}
    first = record_expenses(user, [row], idempotency_key="k")
    services.delete_expense(user, first.expenses[0].expense_id)

    record_expenses(user, [row], idempotency_key="k")

    assert len(stored()) == 1
    assert alerts().count("large_expense") == 1


def test_a_new_period_is_counted_and_recounted_once():
    budget = make_budget(amount="10000.00")
    next_month = NOON + datetime.timedelta(days=20)

    with time_machine.travel(next_month), counted() as calls:
        record_expenses(ALICE, rows_of(250))

    assert spent(budget) == Decimal(250)
    assert Counter(calls.names) == {
        READ: 1,
        QUERY: 1,
        TRANSACTION: 3,
        "sqs.SendMessageBatch": 1,
    }


@pytest.mark.soak
@SETTINGS
@given(st.lists(rows, min_size=1, max_size=40), limits, st.integers(1, 100))
@example(2 * [{"amount": "60", "category": "Groceries"}], 3 * [Decimal(10)], 50)
def test_a_bulk_gives_the_same_totals_and_levels_as_single_expenses(
    drawn, limits, threshold
):
    """And at most the same alerts: one transaction gives a budget one alert.

    Refunds are stored first, so none of the alerts is about less than the new level.
    """
    small = patch.object(Transaction, "MAX_ITEMS", 15)
    with empty_aws(), small, time_machine.travel(NOON, tick=True):
        for user in (ALICE, BOB):
            make_budgets(user, limits, threshold)

        record_expenses(ALICE, drawn)
        for row in drawn:
            services.record_expense(BOB, **row)

        def alerts_of(user):
            notifications = Notification.by_user.query(user.user_id)
            return Counter(
                notification.type
                for notification in notifications
                if notification.type != DIGEST
            )

        assert totals_and_levels(ALICE) == totals_and_levels(BOB)
        bulk, single = alerts_of(ALICE), alerts_of(BOB)
        levels = [level for *_, level in totals_and_levels(ALICE)]
        assert bulk["budget_exceeded"] == levels.count("exceeded")
        if any(row.get("kind") == "refund" for row in drawn):
            return  # single expenses may rise above a level several times
        assert single["budget_exceeded"] == bulk["budget_exceeded"]
        skipped = single - bulk  # thresholds reached by a transaction that exceeds
        assert bulk <= single
        assert skipped.keys() <= {"budget_threshold"}
        assert skipped.total() <= bulk["budget_exceeded"]
