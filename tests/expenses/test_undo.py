"""Deleted expenses can be restored for 30 days, changed ones for ten minutes."""

import datetime
from collections import Counter
from dataclasses import replace
from decimal import Decimal

import pytest
from pynamodb.exceptions import TransactWriteError

from expenses import deletion, month_totals, services
from expenses.bulk_update import change_expenses, delete_expenses
from expenses.history import list_changes
from expenses.models import Expense, History
from expenses.queries import get_expense, list_expenses
from expenses.undo import Undone, undo
from smartbudget.core.errors import ConflictError, NotFoundError
from tests.calls import counted
from tests.expenses.builders import make_expenses, stored, totals_and_levels
from tests.money_builders import ALICE, BOB, alerts, make_budget, make_expense, spent
from tests.notifications import faults

pytestmark = pytest.mark.usefixtures("aws", "clock")

KEPT = 600  # seconds for which a change of several expenses can be undone
KEPT_IN_TRASH = 30 * 24 * 3600


def delete(expense):
    services.delete_expense(ALICE, expense.expense_id)


def restore(expense, user=ALICE):
    return services.restore_expense(user, expense.expense_id)


def attributes_of(expense):
    return get_expense(ALICE, expense.expense_id).attribute_values


def used(user=ALICE, **days):
    """Return the totals of categories by month."""
    start, end = datetime.date(2025, 1, 1), datetime.date(2026, 12, 31)
    months = month_totals.read(user, start, end, max_pages=9).uses
    return {
        month: {use.spelling: (use.expenses, use.spent) for use in uses}
        for month, uses in months.items()
        if uses
    }


def test_a_restored_expense_is_exactly_as_it_was():
    budget = make_budget()
    expense = make_expense(description="Käse, on the way", status="cleared")
    services.edit_expense(ALICE, expense.expense_id, amount="12.00")
    before, changes = attributes_of(expense), list_changes(ALICE, expense.expense_id)

    delete(expense)
    assert spent(budget) == 0
    restored = restore(expense)

    assert attributes_of(expense) == restored.attribute_values == before
    assert list_changes(ALICE, expense.expense_id) == changes
    assert spent(budget) == Decimal(12)
    assert [found.expense_id for found in list_expenses(ALICE, q="kase").items] == [
        expense.expense_id
    ]


def test_a_restored_expense_can_be_edited_and_deleted_again():
    budget = make_budget()
    expense = make_expense()

    for amount in ("12.00", "13.00"):
        delete(expense)
        restore(expense)
        services.edit_expense(ALICE, expense.expense_id, amount=amount)

    assert spent(budget) == Decimal(13)
    assert len(list_changes(ALICE, expense.expense_id)) == 3
    history = History.find(History.id_of(expense.expense_id))
    assert history.expires_at is None


def test_a_deleted_expense_counts_nowhere(clock):
    budget = make_budget()
    old = make_expense(date="2026-01-05", category="Rent")
    expense = make_expense()
    clock.shift(60)
    before = used()

    delete(old)
    delete(expense)

    assert stored_ids() == []
    assert list_expenses(ALICE).items == list_expenses(ALICE, q="gro").items == []
    assert used() == {}
    assert spent(budget) == 0
    clock.shift(60)
    restore(old)
    restore(expense)
    assert used() == before


def stored_ids(user=ALICE):
    return [item.expense_id for item in Expense.by_user.query(user.user_id)]


@pytest.mark.parametrize(("seconds", "undone"), [(KEPT - 1, True), (KEPT, False)])
def test_a_deletion_of_several_can_be_undone_for_ten_minutes(clock, seconds, undone):
    change = delete_expenses(ALICE, make_expenses(2))
    clock.shift(seconds)

    if undone:
        undo(ALICE, change.undo_id)
    else:
        with pytest.raises(NotFoundError, match="can't be undone any more"):
            undo(ALICE, change.undo_id)
    assert len(stored_ids()) == 2 * undone


@pytest.mark.parametrize(("before", "restored"), [(1, True), (0, False)])
def test_a_deleted_expense_can_be_restored_for_30_days(clock, before, restored):
    expense, selected = make_expense(), make_expense()
    delete_expenses(ALICE, [selected.expense_id])
    delete(expense)
    clock.shift(KEPT_IN_TRASH - before)

    for one in (expense, selected):
        if restored:
            restore(one)
        else:
            with pytest.raises(NotFoundError, match="can't be undone any more"):
                restore(one)
    assert len(stored_ids()) == 2 * restored


def test_restoring_twice_is_harmless():
    budget = make_budget()
    expense = make_expense()
    delete(expense)

    first, second = restore(expense), restore(expense)

    assert first.attribute_values == second.attribute_values
    assert spent(budget) == Decimal(10)
    services.edit_expense(ALICE, expense.expense_id, amount="12.00")
    assert restore(expense).amount == Decimal("12.00")  # nothing is overwritten


def test_two_restorations_at_once_count_once():
    budget = make_budget()
    expense = make_expense()
    delete(expense)

    with faults.meanwhile(lambda: restore(expense)):
        restore(expense)

    assert spent(budget) == Decimal(10)
    assert stored_ids() == [expense.expense_id]


def test_an_older_deletion_is_not_restored_over_a_newer_one():
    expense = make_expense(amount="1.00")
    delete(expense)

    def change_meanwhile():
        restore(expense)
        services.edit_expense(ALICE, expense.expense_id, amount="2.00")
        delete(expense)

    with faults.meanwhile(change_meanwhile):
        restored = restore(expense)

    assert restored.amount == attributes_of(expense)["amount"] == Decimal("2.00")


def test_another_users_expenses_are_not_restored():
    expense = make_expense()
    change = delete_expenses(ALICE, make_expenses(2))
    status = change_expenses(ALICE, make_expenses(1), status="void")
    delete(expense)

    for act in (
        lambda: restore(expense, BOB),
        lambda: undo(BOB, change.undo_id),
        lambda: undo(BOB, status.undo_id),
    ):
        with pytest.raises(NotFoundError):
            act()
    assert len(stored_ids()) == 1
    assert stored_ids(BOB) == []


def test_a_new_expense_with_the_same_id_is_not_overwritten():
    def add(amount):
        return make_expense(amount=amount, idempotency_key="k")

    delete(add("1.00"))
    second = add("2.00")

    with pytest.raises(ConflictError):
        restore(second)
    assert attributes_of(second)["amount"] == Decimal("2.00")
    services.edit_expense(ALICE, second.expense_id, amount="3.00")
    assert len(list_changes(ALICE, second.expense_id)) == 2


def test_a_restoration_alerts_as_an_addition_does():
    make_budget()
    expense = make_expense(amount="120.00")
    assert alerts() == ["budget_exceeded"]

    delete(expense)
    restored = restore(expense)
    again = restore(expense)

    assert [alert.type for alert in restored.alerts] == ["budget_exceeded"]
    assert again.alerts == []
    assert alerts() == ["budget_exceeded"] * 2


def test_a_large_expense_is_noticed_once():
    user = replace(ALICE, large_expense_threshold=Decimal(60))
    expense = make_expense(user, amount="70.00")

    services.delete_expense(user, expense.expense_id)

    assert services.restore_expense(user, expense.expense_id).alerts == []
    assert alerts() == ["large_expense"]


def test_a_void_expense_comes_back_void():
    budget = make_budget()
    expense = make_expense(status="void")
    delete(expense)

    assert restore(expense).status == "void"
    assert spent(budget) == 0


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("act", [delete, restore])
def test_a_crash_leaves_the_expense_in_one_place(act, done):
    budget = make_budget()
    expense = make_expense()
    if act is restore:
        delete(expense)

    with faults.killed("TransactWriteItems", 1, done=done):
        act(expense)

    is_there = (act is restore) == done
    assert stored_ids() == [expense.expense_id] * is_there
    assert spent(budget) == 10 * is_there
    restore(expense)
    assert spent(budget) == Decimal(10)


def test_with_the_table_down_nothing_is_lost():
    expense = make_expense()
    delete(expense)

    with faults.down("TransactWriteItems"), pytest.raises(TransactWriteError):
        restore(expense)

    assert restore(expense).expense_id == expense.expense_id


def test_the_account_deletion_clears_what_could_be_restored():
    services.edit_expense(ALICE, make_expense().expense_id, amount="2.00")
    delete_expenses(ALICE, stored_ids())
    delete(make_expense())
    theirs = make_expense(BOB)

    list(deletion.delete_all(ALICE.user_id))

    assert [item.expense_id for item in Expense.scan()] == [theirs.expense_id]


def test_a_bulk_deletion_is_undone():
    make_budget(amount="1000.00")
    make_budget(category="Rent")
    ids = [*make_expenses(3), *make_expenses(2, "Rent")]
    services.edit_expense(ALICE, ids[0], description="tea")
    before = totals_and_levels(ALICE), [e.attribute_values for e in by_id()]

    change = delete_expenses(ALICE, ids)
    assert stored_ids() == []
    first, second = undo(ALICE, change.undo_id), undo(ALICE, change.undo_id)

    assert first == Undone(changed=5, unchanged=0, skipped=0, gone=0, alerts=0)
    assert second == Undone(changed=0, unchanged=5, skipped=0, gone=0, alerts=0)
    assert (totals_and_levels(ALICE), [e.attribute_values for e in by_id()]) == before
    assert len(list_changes(ALICE, ids[0])) == 2


def by_id():
    expenses = [get_expense(ALICE, expense_id) for expense_id in stored_ids()]
    return sorted(expenses, key=lambda expense: expense.expense_id)


def test_an_undo_restores_each_expenses_own_values():
    groceries, rent = make_expenses(2), make_expenses(1, "rent", status="cleared")
    make_budget()
    make_budget(category="Rent")
    before = totals_and_levels(ALICE)

    category = change_expenses(ALICE, [*groceries, *rent], category="Fun")
    status = change_expenses(ALICE, [*groceries, *rent], status="void")
    undo(ALICE, status.undo_id)
    result = undo(ALICE, category.undo_id)

    # The first undo changed them since the category was set.
    assert result == Undone(changed=0, unchanged=0, skipped=3, gone=0, alerts=0)
    assert {e.status for e in by_id()} == {"pending", "cleared"}
    again = change_expenses(ALICE, [*groceries, *rent], category="Rent")
    assert undo(ALICE, again.undo_id).changed == 3
    assert before != totals_and_levels(ALICE)


def test_an_undo_leaves_what_was_changed_or_deleted_since():
    budget = make_budget()
    ids = make_expenses(4)
    change = change_expenses(ALICE, ids, category="Fun")
    services.edit_expense(ALICE, ids[0], amount="99.00")
    services.edit_expense(ALICE, ids[1], category="Groceries")
    services.delete_expense(ALICE, ids[2])

    result = undo(ALICE, change.undo_id)
    again = undo(ALICE, change.undo_id)

    assert result == Undone(changed=1, unchanged=1, skipped=1, gone=1, alerts=0)
    assert again == Undone(changed=0, unchanged=2, skipped=1, gone=1, alerts=0)
    assert get_expense(ALICE, ids[0]).category == "Fun"
    assert spent(budget) == Decimal(20)


def test_an_undo_keeps_the_exact_spelling():
    ids = make_expenses(1, "groceries")
    change = change_expenses(ALICE, ids, category="Groceries")

    undo(ALICE, change.undo_id)

    assert get_expense(ALICE, ids[0]).category == "groceries"
    assert list_expenses(ALICE, category="GROCERIES").items


def test_a_change_of_nothing_cannot_be_undone():
    ids = make_expenses(1)

    assert change_expenses(ALICE, ids, status="pending").undo_id is None
    assert delete_expenses(ALICE, ["0" * 32]).undo_id is None


def test_alerts_of_an_undo_are_one_digest():
    for category in ("Groceries", "Rent"):
        make_budget(category=category, amount="5.00")
    ids = [*make_expenses(1), *make_expenses(1, "Rent")]
    result = undo(ALICE, delete_expenses(ALICE, ids).undo_id)

    assert result.alerts == 2
    assert Counter(alerts()) == {"budget_exceeded": 4, "alert_digest": 1}


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("nth", [1, 2])
def test_an_undo_after_a_crash_restores_the_rest(nth, done, monkeypatch):
    budget = make_budget(amount="9999.00")
    ids = make_expenses(12)
    monkeypatch.setattr("smartbudget.core.dynamodb.Transaction.MAX_ITEMS", 20)
    change = delete_expenses(ALICE, ids)

    with faults.killed("TransactWriteItems", nth, done=done):
        undo(ALICE, change.undo_id)
    assert spent(budget) == len(stored()) * 10
    result = undo(ALICE, change.undo_id)

    assert result.changed + result.unchanged == 12
    assert spent(budget) == Decimal(120)


def test_an_undo_meets_a_concurrent_restoration():
    budget = make_budget()
    ids = make_expenses(3)
    change = delete_expenses(ALICE, ids)

    with faults.meanwhile(lambda: services.restore_expense(ALICE, ids[0])):
        result = undo(ALICE, change.undo_id)

    assert (result.changed, result.unchanged) == (2, 1)
    assert spent(budget) == Decimal(30)


def test_a_restoration_costs_a_call_more_than_an_addition():
    make_budget()
    expense = make_expense()
    delete(expense)

    with counted() as calls:
        restore(expense)

    assert calls.names == [
        "dynamodb.BatchGetItem",
        "dynamodb.BatchGetItem",
        "dynamodb.TransactWriteItems",
    ]
