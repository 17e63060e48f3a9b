"""Every declared field of an expense is in all inputs and outputs."""

import csv

import pytest

from expenses import export, history
from expenses.fields import FIELDS
from expenses.forms import EditExpenseForm
from expenses.models import Expense
from expenses.serializers import EditOutput, ExpenseOutput, RowInput
from profiles import records


def headings(lines):
    return next(csv.reader([next(lines).removeprefix("\ufeff")]))


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_is_stored_accepted_shown_exported_and_in_the_history(name):
    assert name in Expense.get_attributes()
    assert name in RowInput().fields
    assert name in ExpenseOutput().fields
    assert name in EditExpenseForm.base_fields
    assert FIELDS[name].label in headings(export.selection_lines([], "USD"))
    assert name in headings(records.csv_lines([], "USD"))
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
