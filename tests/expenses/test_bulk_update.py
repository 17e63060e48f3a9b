"""Bulk changes: the result of single edits in few calls, with concurrent writers."""

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from unittest.mock import patch

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from expenses import services
from expenses.bulk_update import (
    MAX_SELECTED,
    BulkResult,
    change_expenses,
    delete_expenses,
    read_expenses,
)
from expenses.history import list_changes
from expenses.models import Expense
from expenses.queries import get_expense
from expenses.receipts import services as receipts
from smartbudget.core import tasks
from smartbudget.core.dynamodb import Transaction
from smartbudget.core.errors import InvalidError, NotFoundError, UnavailableError
from tests.budgets.test_random_writes import SETTINGS
from tests.calls import READ, TRANSACTION, counted
from tests.conftest import empty_aws
from tests.expenses.builders import (
    limits,
    make_budgets,
    make_expenses,
    names,
    rows,
    states,
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


def test_setting_a_category_updates_both_budgets():
    old, new = make_budget(), make_budget(category="Fun", amount="1000.00")
    ids = make_expenses(3)
    other = make_expense()

    result = change_expenses(ALICE, ids, category=" fun ")

    assert result == BulkResult(changed=3, unchanged=0, gone=0, alerts=0)
    assert (spent(old), spent(new)) == (Decimal(10), Decimal(30))
    assert {get_expense(ALICE, expense_id).category for expense_id in ids} == {"fun"}
    assert get_expense(ALICE, other.expense_id).category == "Groceries"
    assert [
        (edit.field, edit.before, edit.after)
        for change in list_changes(ALICE, ids[0])
        for edit in change.edits
    ] == [("category", "Groceries", "fun")]


def test_voided_expenses_do_not_count_until_cleared():
    budget = make_budget()
    ids = make_expenses(4)

    change_expenses(ALICE, ids, status="void")
    assert spent(budget) == 0
    change_expenses(ALICE, ids[:2], status="cleared")
    assert spent(budget) == Decimal(20)


def test_deleted_expenses_no_longer_count():
    budget = make_budget()
    ids = make_expenses(3)
    services.edit_expense(ALICE, ids[0], description="tea")
    other = make_expense()

    result = delete_expenses(ALICE, ids)

    assert result == BulkResult(changed=3, unchanged=0, gone=0, alerts=0)
    assert [expense.expense_id for expense in stored()] == [other.expense_id]
    assert spent(budget) == Decimal(10)


def test_repeating_is_harmless_and_reported():
    budget = make_budget()
    ids = make_expenses(3)

    change_expenses(ALICE, ids, status="cleared")
    again = change_expenses(ALICE, ids, status="cleared")
    delete_expenses(ALICE, ids)
    second_delete = delete_expenses(ALICE, ids)

    assert again == BulkResult(changed=0, unchanged=3, gone=0, alerts=0)
    assert second_delete == BulkResult(changed=0, unchanged=0, gone=3, alerts=0)
    assert spent(budget) == 0


def test_an_expense_listed_twice_is_changed_once():
    budget = make_budget()
    (expense_id,) = make_expenses(1)

    assert delete_expenses(ALICE, [expense_id] * 2).changed == 1
    assert spent(budget) == 0


def test_other_users_expenses_are_not_found_and_unchanged():
    theirs = make_expense(BOB)
    (mine,) = make_expenses(1)
    services.edit_expense(BOB, theirs.expense_id, amount="11.00")
    strange = [f"history#{theirs.expense_id}", "", "x" * 3000, "0" * 32]
    ids = [theirs.expense_id, mine, *strange]

    changed = change_expenses(ALICE, ids, category="Mine")
    read = read_expenses(ALICE, ids)
    deleted = delete_expenses(ALICE, ids)

    assert changed == deleted == BulkResult(changed=1, unchanged=0, gone=5, alerts=0)
    assert [expense.expense_id for expense in read] == [mine]
    assert get_expense(BOB, theirs.expense_id).category == "Groceries"
    assert len(list_changes(BOB, theirs.expense_id)) == 2


@pytest.mark.parametrize(
    "ids", [[], [f"{number:032x}" for number in range(MAX_SELECTED + 1)]]
)
def test_no_ids_and_too_many_ids_are_rejected(ids):
    for act in (delete_expenses, read_expenses):
        with pytest.raises(InvalidError):
            act(ALICE, ids)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"category": ""}, "category"),
        ({"category": "x" * 51}, "category"),
        ({"status": "paid"}, "status"),
    ],
)
def test_invalid_values_are_rejected_and_change_nothing(changes, field):
    ids = make_expenses(2)

    with pytest.raises(InvalidError) as refused:
        change_expenses(ALICE, ids, **changes)

    assert refused.value.field == field
    assert {expense.version for expense in stored()} == {1}


def test_changing_a_hundred_costs_two_reads_and_few_transactions():
    make_budget(amount="9000.00")
    make_budget(category="Fun", amount="9000.00")
    ids = make_expenses(100)

    with counted() as setting:
        change_expenses(ALICE, ids, category="Fun")
    with counted() as marking:
        change_expenses(ALICE, ids, status="cleared")
    with counted() as deleting:
        delete_expenses(ALICE, ids)

    # 100 expenses and their 100 histories, two budgets, room for four alerts, and an
    # item that undoes it.
    assert Counter(setting.names) == {READ: 2, TRANSACTION: 3}
    assert Counter(marking.names) == {READ: 1, TRANSACTION: 3}
    # Each is moved to the trash, and its history expires.
    assert Counter(deleting.names) == {READ: 2, TRANSACTION: 4}
    assert stored() == []


def test_all_alerts_of_one_change_are_one_digest():
    user = replace(ALICE, large_expense_threshold=Decimal(60))
    make_budget(user, category="Fun", amount="100.00")
    void = make_expenses(2, "Fun", user, amount="70.00", status="void")

    result = change_expenses(user, void, status="pending")
    again = change_expenses(user, void, status="cleared")

    assert (result.alerts, again.alerts) == (3, 0)
    assert Counter(alerts(user)) == {
        "budget_exceeded": 1,
        "large_expense": 2,
        "alert_digest": 1,
    }


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("act", ["set", "delete"])
def test_repeating_after_a_crash_counts_each_expense_once(act, nth, done):
    old, new = make_budget(amount="9999.00"), make_budget(category="Fun", amount="9999")
    count = 16 if act == "set" else 45
    ids = make_expenses(count)

    def run():
        if act == "set":
            return change_expenses(ALICE, ids, category="Fun")
        return delete_expenses(ALICE, ids)

    with faults.killed("TransactWriteItems", nth, done=done):
        run()
    in_groceries = sum(expense.category == "Groceries" for expense in stored())
    assert spent(old) == in_groceries * 10
    assert spent(new) == (len(stored()) - in_groceries) * 10
    run()

    assert spent(old) == 0
    assert spent(new) == (160 if act == "set" else 0)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("nth", [1, 2])
def test_a_lost_reply_counts_nothing_twice(nth):
    budget = make_budget(amount="9999.00")
    ids = make_expenses(16)

    with faults.reply_lost("TransactWriteItems", nth):
        result = change_expenses(ALICE, ids, status="void")

    # Without DynamoDB's idempotency, the changes of the lost reply look done already.
    assert (result.changed + result.unchanged, result.gone) == (16, 0)
    assert spent(budget) == 0
    assert [len(list_changes(ALICE, expense_id)) for expense_id in ids] == [2] * 16


@pytest.mark.usefixtures("small")
def test_concurrent_changes_are_kept():
    """One expense is edited, one deleted, one already set, and the budget changed."""
    old, new = make_budget(amount="9999.00"), make_budget(category="Fun", amount="9999")
    ids = make_expenses(12)

    with faults.meanwhile(
        lambda: services.edit_expense(ALICE, ids[0], amount="1.00"),
        lambda: services.edit_expense(ALICE, ids[1], category="Rent"),
        lambda: services.delete_expense(ALICE, ids[2]),
        lambda: services.edit_expense(ALICE, ids[3], category="Fun"),
        lambda: make_expense(amount="5.00"),
    ):
        result = change_expenses(ALICE, ids, category="Fun")

    assert result.changed + result.unchanged == 11
    assert result.gone == 1
    assert spent(old) == Decimal(5)
    assert spent(new) == Decimal(101)
    assert {expense.category for expense in stored() if expense.amount != 5} == {"Fun"}


def with_receipts(count: int) -> list[str]:
    ids = make_expenses(count)
    for expense_id in ids:
        expense = Expense.get(expense_id)
        expense.update(
            [
                Expense.receipt_url.set(f"receipts/alice/{expense_id}.pdf"),
                Expense.receipt_object_id.set("m"),
            ]
        )
    return ids


def test_receipt_checks_are_queued_ten_to_a_request():
    ids = with_receipts(12) + make_expenses(3)

    with counted() as calls:
        delete_expenses(ALICE, ids)

    assert Counter(calls.names) == {
        READ: 2,  # the expenses and possible budgets
        "sqs.SendMessageBatch": 2,
        TRANSACTION: 1,
    } | {name: 1 for name in calls.names if name == "sqs.GetQueueUrl"}


def test_with_the_queue_down_expenses_with_receipts_are_kept():
    ids = with_receipts(2)
    refuse = patch.object(receipts, "send_tasks", side_effect=tasks.QueueError([{}]))

    with refuse, pytest.raises(UnavailableError):
        delete_expenses(ALICE, ids)

    assert len(stored()) == 2


actions = st.one_of(
    st.fixed_dictionaries({"category": names}),
    st.fixed_dictionaries({"status": states}),
    st.fixed_dictionaries({"category": names, "status": states}),
    st.none(),  # delete
)


@pytest.mark.soak
@SETTINGS
@given(
    st.lists(st.tuples(rows, st.booleans()), min_size=1, max_size=20),
    st.lists(actions, min_size=1, max_size=3),
    limits,
    st.integers(1, 100),
)
def test_a_bulk_update_gives_the_same_totals_and_levels_as_single_edits(
    drawn, acts, limits, threshold
):
    small = patch.object(Transaction, "MAX_ITEMS", 22)
    with empty_aws(), small, time_machine.travel(NOON, tick=True):
        chosen = {}
        for user in (ALICE, BOB):
            make_budgets(user, limits, threshold)
            expenses = [services.record_expense(user, **row) for row, _ in drawn]
            chosen[user.user_id] = [
                expense.expense_id
                for expense, (_, wanted) in zip(expenses, drawn, strict=True)
                if wanted
            ]
        if not chosen["alice"]:
            return
        for act in acts:
            if act is None:
                delete_expenses(ALICE, chosen["alice"])
            else:
                change_expenses(ALICE, chosen["alice"], **act)
            for expense_id in chosen["bob"]:
                with suppress(NotFoundError):
                    if act is None:
                        services.delete_expense(BOB, expense_id)
                    else:
                        services.edit_expense(BOB, expense_id, **act)

        def expenses(user):
            return sorted(
                (
                    expense.date,
                    expense.amount,
                    expense.category,
                    expense.status,
                    expense.version,
                )
                for expense in Expense.by_user.query(user.user_id)
            )

        assert totals_and_levels(ALICE) == totals_and_levels(BOB)
        assert expenses(ALICE) == expenses(BOB)
