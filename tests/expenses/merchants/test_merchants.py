"""The merchants of a user's expenses: list, rename and merge, by service, API, page."""

import datetime
import html
from decimal import Decimal

import pytest

from expenses import queries as expense_queries
from expenses.history import list_changes
from expenses.merchants import queries
from expenses.merchants.queries import list_merchants
from expenses.merchants.services import rename_merchants
from expenses.models import Expense
from expenses.queries import get_expense
from expenses.renaming import services as rename
from expenses.renaming.services import Renamed
from smartbudget.core.errors import InvalidError
from smartbudget.core.periods import Period
from tests.builders import client_for, make_user
from tests.calls import QUERY, counted
from tests.expenses.builders import make_expenses
from tests.money_builders import ALICE, BOB, TODAY, make_budget, make_expense, spent
from tests.notifications import faults

pytestmark = pytest.mark.usefixtures("aws")

PAGE = "/expenses/merchants"
FORM = "/expenses/merchants/rename"


def names(**filters) -> list[str]:
    return [use.merchant for use in list_merchants(ALICE, **filters).uses]


def merchants_of(user=ALICE) -> list[str]:
    items = Expense.by_user.query(user.user_id)
    return sorted(expense.merchant for expense in items)


@pytest.fixture
def alice():
    return make_user()


@pytest.fixture
def client(alice):
    return client_for(alice)


def test_each_merchant_is_listed_with_its_use():
    make_expense(merchant="rewe", date="2026-03-01", category="Household")
    make_expense(merchant="Rewe", amount="2.50", date="2026-01-05")
    make_expense(merchant="Rewe", date="2026-02-01", amount="3", kind="refund")
    make_expense(merchant="Rewe", date="2026-03-02", status="void")
    make_expense(merchant="Kiosk", date="2026-03-03")
    make_expense()

    page = list_merchants(ALICE)

    kiosk, rewe = page.uses
    assert page.complete
    assert (rewe.merchant, rewe.spellings) == ("Rewe", ["Rewe", "rewe"])
    assert (rewe.expenses, rewe.spent) == (4, Decimal("9.50"))
    assert rewe.category == "Groceries"
    assert rewe.last_used == datetime.date(2026, 3, 2)
    assert (kiosk.merchant, kiosk.expenses) == ("Kiosk", 1)


def test_merchants_are_listed_by_name_for_one_user_and_by_text_and_days():
    for day, merchant in enumerate(("zoo", "Bakery", "étude"), start=1):
        make_expense(merchant=merchant, date=f"2026-03-{day:02d}")
    make_expense(BOB, merchant="Secret")

    assert names() == ["Bakery", "zoo", "étude"]
    assert names(q="Etu") == ["étude"]
    assert names(start=datetime.date(2026, 3, 2)) == ["Bakery", "étude"]
    assert names(end=datetime.date(2026, 3, 1)) == ["zoo"]
    with pytest.raises(InvalidError):
        names(q="x" * 81)


def test_the_most_recently_used_merchants_are_listed(monkeypatch):
    monkeypatch.setattr(queries, "MAX_LISTED", 2)
    for day, merchant in enumerate(("a", "b", "c"), start=1):
        make_expense(merchant=merchant, date=f"2026-03-{day:02d}")

    page = list_merchants(ALICE)

    assert ([use.merchant for use in page.uses], page.complete) == (["b", "c"], False)


def test_a_list_of_merchants_needs_one_query():
    make_expense(merchant="Rewe")

    with counted() as calls:
        list_merchants(ALICE)

    assert calls.names == [QUERY]


def test_a_merchant_is_renamed_in_all_expenses_and_their_histories():
    old = make_expense(merchant="REWE Markt", date="2020-03-01", status="void")
    make_expense(merchant="rewe markt")
    other = make_expense(merchant="Kiosk")
    make_expense(BOB, merchant="Rewe Markt")
    none = make_expense()
    budget = make_budget()
    before = spent(budget)

    renamed = rename_merchants(ALICE, ["Rewe Markt"], "Rewe")

    assert renamed == Renamed(changed=2, left=False, alerts=0)
    assert merchants_of() == ["", "Kiosk", "Rewe", "Rewe"]
    assert merchants_of(BOB) == ["Rewe Markt"]
    assert spent(budget) == before
    (edit,) = list_changes(ALICE, old.expense_id)[0].edits
    assert (edit.field, edit.before, edit.after) == ("merchant", "REWE Markt", "Rewe")
    for expense in (other, none):
        assert len(list_changes(ALICE, expense.expense_id)) == 1
    assert rename_merchants(ALICE, ["Rewe Markt"], "Rewe").changed == 0


def test_a_rename_remembers_the_name_that_undoes_it():
    make_expense(merchant="Rewe Markt")
    make_expense()

    assert rename_merchants(ALICE, ["rewe markt"], "Rewe").previous == "Rewe Markt"
    make_expense(merchant="Kiosk")
    assert rename_merchants(ALICE, ["Kiosk"], "Rewe").previous is None


def test_merchants_are_merged_and_the_search_finds_the_new_name():
    make_expenses(2, merchant="Aldi Nord")
    make_expense(merchant="ALDI SUED")

    assert rename_merchants(ALICE, ["Aldi Nord", "aldi sued"], "Aldi").changed == 3

    assert names() == ["Aldi"]
    assert names(q="nord") == []


def test_a_long_rename_continues(monkeypatch):
    monkeypatch.setattr(rename, "MAX_EXPENSES", 2)
    make_expenses(3, merchant="a")

    assert rename_merchants(ALICE, ["a"], "b") == Renamed(2, True, 0)
    assert rename_merchants(ALICE, ["a"], "b") == Renamed(1, False, 0)
    assert merchants_of() == ["b"] * 3


@pytest.mark.parametrize("done", [False, True])
def test_a_rename_that_was_killed_is_repeated(done):
    make_expenses(60, merchant="a")

    with faults.killed("TransactWriteItems", 2, done=done):
        rename_merchants(ALICE, ["a"], "b")
    assert {*merchants_of()} == ({"b"} if done else {"a", "b"})
    rename_merchants(ALICE, ["a"], "b")

    assert merchants_of() == ["b"] * 60


def test_a_rename_with_a_lost_response_changes_each_expense_once():
    expense = make_expense(merchant="a")

    with faults.reply_lost("TransactWriteItems"):
        rename_merchants(ALICE, ["a"], "b")

    assert len(list_changes(ALICE, expense.expense_id)) == 2


@pytest.mark.parametrize(
    ("sources", "target"),
    [([], "x"), (["a"] * 21, "x"), (["a"], ""), ([""], "x"), (["a"], "x" * 81)],
)
def test_wrong_names_are_refused(sources, target):
    make_expense(merchant="a")

    with pytest.raises(InvalidError):
        rename_merchants(ALICE, sources, target)

    assert merchants_of() == ["a"]


def test_the_api_lists_renames_and_merges(client, alice):
    for name in ("Rewe Markt", "Rewe City", "Kiosk"):
        make_expense(alice, merchant=name, date=TODAY)

    body = {"from": "rewe markt", "to": "Rewe"}
    renamed = client.post("/api/merchants/rename", body, "application/json")
    body = {"from": ["Rewe City", "Kiosk"], "into": "Rewe"}
    merged = client.post("/api/merchants/merge", body, "application/json")

    assert renamed.json() == {"changed": 1, "left": False, "alerts": 0}
    assert merged.json() == {"changed": 2, "left": False, "alerts": 0}
    assert client.get("/api/merchants").json() == {
        "results": [
            {
                "merchant": "Rewe",
                "spellings": ["Rewe"],
                "category": "Groceries",
                "expenses": 3,
                "spent": "30.00",
                "last_used": TODAY.isoformat(),
            }
        ],
        "next": None,
        "previous": None,
        "complete": True,
    }


def test_the_page_renames_and_undoes(client, alice):
    expense = make_expense(alice, merchant="Rewe & Markt")

    listed = html.unescape(client.get(PAGE).content.decode())
    question = client.get(FORM, {"from": "Rewe & Markt"}).content.decode()
    renamed = client.post(FORM, {"selected": ["Rewe & Markt"], "into": "Rewe"})

    assert "Rewe & Markt" in listed
    assert "Rename Rewe &amp; Markt" in question
    assert "categories" not in question.split("<main")[1]
    assert renamed.status_code == 302
    assert get_expense(alice, expense.expense_id).merchant == "Rewe"
    client.post(f"{FORM}?from=Rewe&into=Rewe+%26+Markt")
    assert get_expense(alice, expense.expense_id).merchant == "Rewe & Markt"


def test_the_page_without_merchants_explains_how_to_add_one(client, alice):
    make_expense(alice)

    assert "Add one to an expense" in client.get(PAGE).content.decode()


def test_the_form_stores_a_merchant_and_notes_and_the_list_shows_them(client, alice):
    values = {
        "amount": "5",
        "category": "Food",
        "merchant": " Corner  shop ",
        "notes": "Shared with Sam\r\nhalf each",
        "date": "2026-03-18",
    }

    client.post("/expenses/add", values)

    (expense,) = Expense.by_user.query(alice.user_id)
    assert expense.merchant == "Corner shop"
    assert expense.notes == "Shared with Sam\nhalf each"
    page = client.get("/expenses", {"merchant": "corner SHOP"}).content.decode()
    assert "Corner shop" in page
    assert "Has notes" in page
    assert "Merchant: corner SHOP" in html.unescape(page)


def test_an_empty_merchant_is_not_stored():
    expense = make_expense(merchant="", notes="")

    stored = Expense.get(expense.expense_id)

    assert (stored.merchant, stored.notes) == ("", "")
    assert not {"merchant", "notes"} & stored.serialize().keys()


def test_a_merchant_and_notes_are_removed_by_an_empty_text(client, alice):
    expense = make_expense(alice, merchant="Kiosk", notes="x")

    path = f"/api/expenses/{expense.expense_id}"
    body = {"merchant": "", "notes": ""}
    changed = client.patch(path, body, "application/json").json()

    assert (changed["merchant"], changed["notes"]) == ("", "")
    edits = list_changes(alice, expense.expense_id)[0].edits
    assert {edit.field for edit in edits} == {"merchant", "notes"}


@pytest.mark.parametrize(
    ("merchant", "description", "details"),
    [
        ("Kiosk", "Milk", "Kiosk · Milk"),
        ("Kiosk", "", "Kiosk"),
        ("", "Milk", "Milk"),
        ("", "", ""),
    ],
)
def test_lists_show_the_merchant_before_the_description(merchant, description, details):
    expense = make_expense(merchant=merchant, description=description)
    entries = expense_queries.entries(
        ALICE.user_id, Period(TODAY, TODAY), described=Period(TODAY, TODAY)
    )

    assert expense.details == details
    assert [entry.details for entry in entries] == [details]
