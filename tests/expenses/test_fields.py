"""Every declared field of an expense is in all inputs and outputs."""

import csv

import pytest

from expenses import export, history
from expenses.fields import FIELDS
from expenses.forms import EditExpenseForm
from expenses.models import Expense
from expenses.serializers import EditOutput, ExpenseInput, ExpenseOutput, RowInput
from profiles import records
from tests.money_builders import make_expense

KEY = {"S": "receipts/a.png"}


def headings(lines):
    return next(csv.reader([next(lines).removeprefix("\ufeff")]))


# The sign of the amount is the kind. A link needs the id of another expense, so it is
# not in a bulk request, and users have a button for it.
NOT_STORED = {"kind"}
LINKS = {"refund_of"}
# A split expense has a line for each part, with its number.
COLUMNS = {"parts": "part"}


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_is_stored_accepted_shown_exported_and_in_the_history(name):
    assert name in {*Expense.get_attributes()} | NOT_STORED
    assert name in ExpenseInput().fields
    assert name in ExpenseOutput().fields
    column = COLUMNS.get(name, name)
    if name not in LINKS:
        assert name in RowInput().fields
        assert name in EditExpenseForm.base_fields
        label = FIELDS[name].label if column == name else column.capitalize()
        assert label in headings(export.selection_lines([], "USD"))
    assert column in headings(records.csv_lines([], "USD"))
    assert name in history.LABELS
    assert name in EditOutput().fields["field"].choices


def test_the_columns_of_a_csv_file_stay_in_their_places():
    selected = headings(export.selection_lines([], "USD"))
    exported = headings(records.csv_lines([], "USD"))

    assert ",".join(selected).startswith(
        "Date,Category,Description,Amount,Currency,Status,Receipt"
    )
    assert ",".join(exported).startswith(
        "date,amount,currency,category,description,status,receipt,"
        "expense_id,created_at,updated_at"
    )


def test_an_expense_is_represented_as_by_its_fields(aws):
    writer = ExpenseOutput(context={"currency": "KWD"})
    made = make_expense(amount="12.5", description="Tea", status="void")
    expenses = [made, Expense.get(made.expense_id)]
    expenses.append(Expense.from_raw_data({**made.serialize(), "receipt_url": KEY}))

    for expense in expenses:
        by_fields = super(ExpenseOutput, writer).to_representation(expense)
        assert writer.to_representation(expense) == by_fields
        assert by_fields["amount"] == "12.500"


def test_a_refund_is_represented_by_its_kind(aws):
    writer = ExpenseOutput(context={"currency": "USD"})

    shown = writer.to_representation(make_expense(amount="12.5", kind="refund"))

    assert (shown["amount"], shown["kind"]) == ("12.50", "refund")
    assert shown.keys() == writer.fields.keys()
