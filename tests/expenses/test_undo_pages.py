"""The Undo button in messages: after additions, deletions and bulk actions."""

import re
from html import unescape

import pytest

from expenses.models import Expense
from expenses.queries import list_expenses
from tests.builders import client_for, make_user
from tests.expenses.builders import stored
from tests.money_builders import TODAY, make_budget, make_expense, spent

pytestmark = pytest.mark.usefixtures("aws", "clock")

LIST = "/expenses"
ACT = "/expenses/selected"


def undo_form(html):
    """Return the action and the fields of the page's Undo form."""
    form = re.search(r'<form class="undo".*?</form>', html, re.DOTALL)[0]
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
    return re.search(r'action="([^"]+)"', form)[1], {
        name: unescape(value) for name, value in fields.items()
    }


def after(client, response) -> str:
    assert response.status_code == 302, response.content
    return client.get(response["Location"]).content.decode()


def undone(client, html) -> str:
    """Press Undo, and return the page that follows."""
    path, fields = undo_form(html)
    return after(client, client.post(path, fields))


def test_a_deletion_is_undone_in_one_click(client, alice):
    budget = make_budget(alice)
    expense = make_expense(alice)
    here = "/expenses?category=groceries"

    deleted = after(
        client,
        client.post(f"/expenses/{expense.expense_id}/delete", {"next": here}),
    )
    path, fields = undo_form(deleted)
    answer = client.post(path, fields)

    assert "Deleted Groceries, $10.00." in deleted
    assert answer["Location"] == here
    assert "Restored Groceries, $10.00." in after(client, answer)
    assert spent(budget) == 10


@pytest.mark.parametrize(
    ("action", "more", "sentence"),
    [
        ("delete", {"confirmed": "yes"}, "Deleted 3 expenses."),
        ("category", {"category": "Fun"}, "Moved 3 expenses to Fun."),
        ("void", {}, "Updated 3 expenses."),
    ],
)
def test_a_bulk_action_is_undone_in_one_click(client, alice, action, more, sentence):
    budget = make_budget(alice)
    ids = [make_expense(alice).expense_id for _ in range(3)]
    before = [(e.expense_id, e.category, e.status) for e in list_expenses(alice).items]

    html = after(client, client.post(ACT, {"action": action, "selected": ids, **more}))
    assert sentence in html
    assert spent(budget) == 0

    assert "Restored 3 expenses." in undone(client, html)
    after_undo = [
        (e.expense_id, e.category, e.status) for e in list_expenses(alice).items
    ]
    assert sorted(after_undo) == sorted(before)
    assert spent(budget) == 30
    assert "Restored 3 expenses." in undone(client, html)  # pressed twice


def test_the_message_counts_what_was_changed_since(client, alice):
    ids = [make_expense(alice).expense_id for _ in range(3)]
    html = after(client, client.post(ACT, {"action": "void", "selected": ids}))
    Expense.get(ids[0]).update([Expense.description.set("tea")])
    client.post(f"/expenses/{ids[1]}/delete")
    client.get(LIST)

    assert (
        "Restored 1 expense. 1 has changed since and was left as it is. 1 has been"
        " deleted." in undone(client, html)
    )


@pytest.mark.parametrize("path", ["/", "/expenses/add"])
def test_an_addition_is_undone_or_edited_from_its_message(client, alice, path):
    values = {"amount": "240", "category": "Groceries", "date": str(TODAY)}

    html = after(client, client.post(path, values))
    (expense,) = stored()

    assert "Added $240.00 to Groceries." in html
    assert f'href="/expenses/{expense.expense_id}/edit?next=' in html
    assert "Deleted Groceries, $240.00." in undone(client, html)
    assert stored() == []


def test_too_late_is_said(client, alice, clock):
    expense = make_expense(alice)
    one = after(client, client.post(f"/expenses/{expense.expense_id}/delete"))
    ids = [make_expense(alice).expense_id]
    data = {"action": "void", "selected": ids}
    two = after(client, client.post(ACT, data))
    clock.shift(600)
    assert "This can&#39;t be undone any more." in undone(client, two)

    clock.shift(30 * 24 * 3600)
    client = client_for(alice)
    assert "This can&#39;t be undone any more." in undone(client, one)


def test_another_user_cannot_undo(client, alice):
    bob = client_for(make_user("bob"))
    expense = make_expense(alice)
    html = after(client, client.post(f"/expenses/{expense.expense_id}/delete"))

    assert "can&#39;t be undone any more" in undone(bob, html)
    assert stored() == []


def test_a_result_without_a_change_has_no_undo(client, alice):
    data = {"action": "pending", "selected": make_expense(alice).expense_id}

    assert 'class="undo"' not in after(client, client.post(ACT, data))


def test_undo_needs_a_post(client, alice):
    expense = make_expense(alice)

    for path in (
        f"/expenses/{expense.expense_id}/restore",
        f"/expenses/undo/{'0' * 32}",
    ):
        assert client.get(path).status_code == 405
