"""Category and status are changed in the list, which keeps its place."""

import re
from html import unescape

import pytest

from expenses.queries import get_expense
from expenses.services import delete_expense
from tests.money_builders import TODAY, make_expense

pytestmark = pytest.mark.usefixtures("aws")

HERE = "/expenses?category=groceries&page_size=2"


def form_in(client, path) -> tuple[str, dict[str, str]]:
    """Return the action and the fields of the only row's form."""
    html = client.get(path).text
    form = re.search(r'<form class="inline-change".*?</form>', html, re.DOTALL)[0]
    fields = dict(re.findall(r'<input[^>]* name="(\w+)" value="([^"]*)"', form))
    fields |= dict(re.findall(r'<input name="(\w+)" value="([^"]*)"', form))
    offered = re.findall(r'name="action" value="(\w+)"', form)
    assert offered == ["category", "cleared", "void"]  # Enter sets the category
    action = re.search(r'action="([^"]+)"', form)[1]
    return action, {name: unescape(value) for name, value in fields.items()}


@pytest.mark.parametrize(
    ("change", "stored"),
    [
        ({"action": "category", "category": "Fun"}, ("Fun", "pending")),
        ({"action": "cleared"}, ("Groceries", "cleared")),
        ({"action": "void"}, ("Groceries", "void")),
    ],
)
def test_a_row_is_changed_in_place(client, alice, change, stored):
    expense = make_expense(alice)
    path, fields = form_in(client, HERE)

    answer = client.post(path, {**fields, **change})

    assert answer["Location"] == f"{HERE}#expense-{expense.expense_id}"
    changed = get_expense(alice, expense.expense_id)
    assert (changed.category, changed.status) == stored
    assert 'class="undo"' in client.get(HERE).text


def test_an_empty_category_changes_nothing(client, alice):
    expense = make_expense(alice)
    path, fields = form_in(client, HERE)

    answer = client.post(path, {**fields, "action": "category", "category": ""})

    assert answer.status_code == 400
    assert get_expense(alice, expense.expense_id).category == "Groceries"


def test_a_row_that_was_deleted_meanwhile_is_reported(client, alice):
    expense = make_expense(alice)
    path, fields = form_in(client, HERE)
    delete_expense(alice, expense.expense_id)

    answer = client.post(path, {**fields, "action": "void"}, follow=True)

    assert "1 had already been deleted." in answer.text


def test_the_quick_add_has_a_description(client, alice):
    values = {"amount": "5", "category": "Fun", "date": str(TODAY)}

    client.post("/", {**values, "description": "tea"})
    assert "tea" in client.get("/expenses").text
    refused = client.post("/", {**values, "description": "x" * 501})

    assert refused.status_code == 400
    assert 'name="description"' in client.get("/").text
