"""Transactions of many expenses stay below 4 MB, whatever they contain.

The fake of DynamoDB refuses larger ones.
"""

import json
from contextlib import contextmanager
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pynamodb.exceptions import TransactWriteError

from budgets.models import Budget
from expenses import deletion, history, purge, trash
from expenses.batch import MAX_EXPENSE_BYTES
from expenses.bulk_create import record_expenses
from expenses.bulk_update import change_expenses, delete_expenses
from expenses.fields import CATEGORY, DESCRIPTION, MERCHANT, NOTES
from expenses.imports import services as imports
from expenses.imports.bookings import MAX_TEXT_LENGTH
from expenses.models import Expense, History
from expenses.parts import MAX_NOTE_LENGTH, MAX_PARTS, Part
from expenses.queries import all_expenses
from expenses.refunds import MAX_REFUNDS
from expenses.undo import undo
from profiles import records
from smartbudget.core.dynamodb import Transaction, size_of
from tests.calls import TRANSACTION, counted
from tests.dynamodb.values import size_of_item
from tests.expenses.imports.builders import commit_all, undo_all
from tests.money_builders import ALICE, BOB, make_budget, make_expense
from tests.notifications import faults

pytestmark = pytest.mark.usefixtures("aws")

# The character whose form in searches is longest, one of four bytes, and one that JSON
# escapes.
LONGEST = ("\ufdfa", "\U0001f600", '"')
ID = "0" * 32


def texts(character, **lengths):
    return {name: character * length for name, length in lengths.items()}


def longest(character):
    """Return the texts of an expense that is as long as it can be."""
    return texts(
        character,
        description=DESCRIPTION.max_length,
        notes=NOTES.max_length,
        merchant=MERCHANT.max_length,
    )


def parts(character):
    """Return as many parts as possible, which add up to 15.00."""
    return [
        {
            "category": character * (CATEGORY.max_length - 2) + f"{number:02}",
            "amount": "1.00",
            "note": character * MAX_NOTE_LENGTH,
        }
        for number in range(MAX_PARTS)
    ]


def row(character):
    return {**longest(character), "amount": "15.00", "parts": parts(character)}


def transactions(calls):
    return calls.names.count(TRANSACTION)


def fill_history(expense):
    """Give an expense as many changes as are kept, each as large as possible."""
    slots = {
        f"change_{number:02}": {"S": f'{{"version": {number + 1}, "at": "", "was": {{'}
        for number in range(history.MAX_CHANGES)
    }
    for slot in slots.values():
        padding = history.MAX_BYTES - len(slot["S"]) - len('"notes": ""}}')
        slot["S"] += f'"notes": "{"x" * padding}"}}}}'
    key = {"expense_id": {"S": History.id_of(expense.expense_id)}}
    connection = Expense._get_connection().connection
    connection.client.put_item(TableName=History.Meta.table_name, Item=key | slots)
    connection.client.update_item(
        TableName=Expense.Meta.table_name,
        Key={"expense_id": {"S": expense.expense_id}},
        UpdateExpression="SET version = :v",
        ExpressionAttributeValues={":v": {"N": str(history.MAX_CHANGES + 10)}},
    )


@pytest.mark.parametrize("character", LONGEST)
def test_the_largest_expense(character):
    made = make_expense(
        ALICE, **longest(character), amount="15.00", category=None, parts=parts("x")
    )
    expense = Expense(
        **{
            **made.attribute_values,
            "parts": tuple(
                Part(part["category"], Decimal(1), part["note"])
                for part in parts(character)
            ),
            **texts(character, source_text=MAX_TEXT_LENGTH, receipt_name=255),
            "before_import": '"' * 4 * (2 * MAX_TEXT_LENGTH + MERCHANT.max_length + 99),
            "source_key": ":".join([ID, ID]),
            "refunds": {f"{number:032}" for number in range(MAX_REFUNDS)},
        }
    )
    expense.index_text(2)

    size = size_of_item(expense.serialize())

    assert size <= size_of(expense) < MAX_EXPENSE_BYTES
    assert size_of(expense) < size + 600


TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=80)


@given(TEXT, TEXT, st.decimals("0.01", "999999", places=2), st.sets(TEXT, min_size=1))
def test_the_size_of_an_item_is_never_underestimated(text, other, amount, several):
    expense = Expense(
        ID,
        user_id=ID,
        date="2026-03-01",
        amount=amount,
        category=text,
        description=other,
        parts=(Part(text, amount), Part(other, amount)),
        refunds=several,
        large_noticed=True,
        version=12,
    )
    budget = Budget(ID, category=text, more_categories=[text, other], amount=amount)

    for item in (expense, budget):
        size = size_of_item(item.serialize(null_check=False))
        assert size <= size_of(item)


@pytest.mark.parametrize("character", LONGEST)
def test_the_longest_expenses_are_recorded_changed_deleted_and_restored(character):
    made = record_expenses(ALICE, [row(character)] * 60).expenses
    ids = [expense.expense_id for expense in made]
    assert len(ids) == 60

    assert change_expenses(ALICE, ids, status="cleared").changed == 60
    deleted = delete_expenses(ALICE, ids)
    assert deleted.changed == 60
    assert undo(ALICE, deleted.undo_id).changed == 60

    assert {expense.status for expense in all_expenses(ALICE)} == {"cleared"}


def test_expenses_with_the_longest_histories_are_changed_deleted_and_restored():
    made = record_expenses(ALICE, [{"amount": "1", "category": "Food"}] * 25).expenses
    for expense in made:
        fill_history(expense)
    ids = [expense.expense_id for expense in made]

    changed = change_expenses(ALICE, ids, status="cleared")
    assert changed.changed == 25
    assert undo(ALICE, changed.undo_id).changed == 25
    deleted = delete_expenses(ALICE, ids)
    assert deleted.changed == 25
    assert undo(ALICE, deleted.undo_id).changed == 25


@pytest.mark.parametrize("character", LONGEST[:2])
def test_the_longest_expenses_are_imported_and_undone(character):
    record_expenses(BOB, [row(character)] * 60)
    rows = [records.of_expense(expense, BOB) for expense in all_expenses(BOB)]
    content = "".join(records.json_list(rows)).encode()
    record = imports.create_import(ALICE, content, "expenses.json")

    assert commit_all(ALICE, record).done == 60
    assert undo_all(ALICE, record).done == 60

    assert [*all_expenses(ALICE)] == []


def test_many_budgets_with_long_names_leave_room():
    names = [("\U0001f600" * 46) + f"{number:02}" for number in range(20)]
    for number in range(30):
        make_budget(
            ALICE,
            category=None,
            categories=[*names[number % 19 : number % 19 + 2], f"Other {number}"],
            note="\U0001f600" * 200,
        )

    record_expenses(
        ALICE,
        [{**longest("\U0001f600"), "amount": "90", "category": name} for name in names]
        * 4,
    )

    assert len([*all_expenses(ALICE)]) == 80


def test_usual_expenses_are_as_many_in_a_transaction_as_before():
    usual = {
        "amount": "12.50",
        "category": "Groceries",
        "merchant": "Rewe",
        "description": "Milk, bread and cheese for the weekend",
    }

    with counted() as calls:
        made = record_expenses(ALICE, [usual] * 1000).expenses
    assert transactions(calls) == 1000 // Transaction.MAX_ITEMS

    with counted() as calls:
        change_expenses(ALICE, [one.expense_id for one in made[:100]], status="cleared")
    assert transactions(calls) == 3


@contextmanager
def small_transactions(most):
    """Refuse transactions of more items, as if their items were too large together."""

    def refuse(request, operation):
        if len(json.loads(request.body)["TransactItems"]) > most:
            body = {"__type": "ValidationException", "message": "over 4 MB"}
            return faults.answer(request, 400, json.dumps(body))
        return None

    with faults.hooked("TransactWriteItems", refuse):
        yield


@pytest.mark.parametrize("most", [2, 7, 99])
def test_an_account_of_the_largest_expenses_is_deleted(most):
    for _number in range(6):
        make_expense(ALICE)
    delete_expenses(ALICE, [make_expense(ALICE).expense_id for _number in range(5)])

    with small_transactions(most):
        assert sum(deletion.delete_all(ALICE.user_id)) >= 11

    assert [*all_expenses(ALICE), *trash.all_trashed(ALICE.user_id)] == []


def test_a_deletion_that_is_refused_for_another_reason_fails():
    make_expense(ALICE)

    with small_transactions(0), pytest.raises(TransactWriteError):
        sum(deletion.delete_all(ALICE.user_id))


def test_the_trash_of_the_largest_expenses_is_emptied():
    delete_expenses(ALICE, [make_expense(ALICE).expense_id for _number in range(9)])

    with small_transactions(2):
        assert purge.empty(ALICE) == purge.Emptied(9, left=False)

    assert [*trash.all_trashed(ALICE.user_id)] == []
