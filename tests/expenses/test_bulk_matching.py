"""Select all matching: bounded, repeatable, undone per call, and with one digest."""

import re
from collections import Counter
from decimal import Decimal

import pytest

from expenses import bulk_matching
from expenses.bulk_matching import change_matching, delete_matching
from expenses.undo import undo
from tests.expenses.builders import make_expenses, stored
from tests.money_builders import ALICE, BOB, alerts, make_budget, make_expense, spent
from tests.notifications import faults

pytestmark = pytest.mark.usefixtures("aws")

ACT = "/expenses/selected"
HERE = "/expenses?category=groceries&page_size=2"


def categories(user=ALICE):
    return Counter(e.category for e in stored() if e.user_id == user.user_id)


def test_all_matching_expenses_are_changed():
    make_budget(category="Fun", amount="15.00")
    make_expenses(3)
    make_expenses(2, "Rent")
    make_expense(BOB)

    done = change_matching(ALICE, {"category": "groceries"}, category="Fun")
    again = change_matching(ALICE, {"category": "groceries"}, category="Fun")

    assert (done.result.changed, done.left) == (3, False)
    assert (again.result.changed, again.result.undo_id) == (0, None)
    assert categories() == {"Fun": 3, "Rent": 2}
    assert categories(BOB) == {"Groceries": 1}
    assert alerts() == ["budget_exceeded"]


def test_a_call_is_bounded_and_a_repetition_changes_the_rest(monkeypatch):
    monkeypatch.setattr(bulk_matching, "MAX_EXPENSES", 4)
    budget = make_budget(amount="9999.00")
    make_expenses(10)

    lefts = []
    while not lefts or lefts[-1]:
        done = change_matching(ALICE, {}, status="void")
        assert done.result.changed <= 4
        lefts.append(done.left)

    assert lefts == [True, True, False]
    assert spent(budget) == 0
    undo(ALICE, done.result.undo_id)
    assert spent(budget) == Decimal(20)  # those of the last call


def test_all_matching_expenses_are_deleted_and_restored():
    make_expenses(3)
    make_expenses(1, "Rent")

    done = delete_matching(ALICE, {"q": "groc"})
    assert categories() == {"Rent": 1}
    undo(ALICE, done.result.undo_id)

    assert categories() == {"Groceries": 3, "Rent": 1}


@pytest.mark.parametrize("done", [False, True])
def test_a_repetition_after_a_crash_changes_the_rest(monkeypatch, done):
    monkeypatch.setattr("smartbudget.core.dynamodb.Transaction.MAX_ITEMS", 20)
    budget = make_budget(amount="9999.00")
    make_expenses(12)

    with faults.killed("TransactWriteItems", 2, done=done):
        change_matching(ALICE, {}, status="void")
    change_matching(ALICE, {}, status="void")

    assert spent(budget) == 0


def fields_of(html):
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', html))


@pytest.mark.parametrize(
    ("action", "more", "sentence"),
    [
        ("delete", {}, "Deleted 3 expenses."),
        ("void", {}, "Updated 3 expenses."),
        ("category", {"category": "Fun"}, "Updated 3 expenses."),
    ],
)
def test_the_page_asks_with_the_number_and_can_be_undone(
    client, alice, action, more, sentence
):
    budget = make_budget(alice)
    make_expenses(3, user=alice)
    make_expenses(1, "Rent", alice)
    data = {"action": action, "all": "yes", "next": HERE}

    assert "Select all 3 matching expenses" in client.get(HERE).text
    asked = client.post(ACT, data)
    assert "3 expenses?" in asked.text
    assert "3 expenses, $30.00" in asked.text
    assert spent(budget) == 30
    answer = client.post(ACT, {**data, "confirmed": "yes", **more})
    html = client.get(HERE).text

    assert answer["Location"] == HERE
    assert sentence in html
    assert spent(budget) == 0
    client.post(re.search(r'action="(/expenses/undo/\w+)"', html)[1])
    assert spent(budget) == 30


def test_the_page_keeps_a_category_that_was_typed_in_the_list(client, alice):
    make_expenses(3, user=alice)
    data = {"action": "category", "category": "Cafés", "all": "yes", "next": HERE}

    assert 'value="Cafés"' in client.post(ACT, data).text


@pytest.mark.parametrize(
    "target", ["", "/", "/budgets?category=x", "/expenses?status=x", "//evil.example"]
)
def test_without_a_valid_list_nothing_is_changed(client, alice, target):
    make_expenses(3, user=alice)
    data = {"action": "delete", "all": "yes", "confirmed": "yes", "next": target}

    client.post(ACT, data)

    assert len(stored()) == 3


def test_a_list_that_fits_on_its_page_offers_no_more(client, alice):
    make_expenses(2, user=alice)

    assert "matching expenses" not in client.get(HERE).text
