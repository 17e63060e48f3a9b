"""The list of a user's categories: service, API and page."""

import datetime
import html
import re
from decimal import Decimal

import pytest

from expenses.categories import queries
from expenses.categories.queries import list_categories
from expenses.models import Expense
from expenses.renaming import services as rename
from smartbudget.core.errors import InvalidError
from tests.builders import client_for, make_user
from tests.calls import QUERY, counted
from tests.expenses.categories.test_renaming import stored
from tests.money_builders import ALICE, BOB, TODAY, make_budget, make_expense

pytestmark = pytest.mark.usefixtures("aws")

LIST = "/api/categories"
RENAME = "/api/categories/rename"
MERGE = "/api/categories/merge"
PAGE = "/expenses/categories"
FORM = "/expenses/categories/rename"


def names(**fields) -> list[str]:
    return [use.category for use in list_categories(ALICE, **fields).uses]


def test_each_category_is_listed_with_its_use():
    make_expense(category="food", date="2026-03-01")
    make_expense(category="Food", date="2026-02-01")
    make_expense(category="Food", amount="2.50", date="2026-01-05")
    make_expense(category="FOOD", status="void", date="2026-03-02")
    monthly = make_budget(category="food")
    weekly = make_budget(category="Food", period="weekly")
    make_budget(category="Auto")

    page = list_categories(ALICE)

    auto, food = page.uses
    assert page.complete
    assert food.category == "Food"
    assert food.spellings == ["Food", "FOOD", "food"]
    assert (food.expenses, food.spent) == (4, Decimal("22.50"))
    assert food.last_used == datetime.date(2026, 3, 2)
    assert {budget.budget_id for budget in food.budgets} == {
        monthly.budget_id,
        weekly.budget_id,
    }
    assert (auto.category, auto.expenses, auto.last_used) == ("Auto", 0, None)


def test_categories_are_listed_by_name_for_one_user():
    for category in ("pets", "Auto", "étude"):
        make_expense(category=category)
    make_expense(BOB, category="Secret")
    make_budget(BOB, category="Hidden")

    assert names() == ["Auto", "pets", "étude"]


def test_search_matches_part_of_the_name_in_any_case():
    make_expense(category="Groceries")
    make_expense(category="Rent")
    make_budget(category="Great ideas")
    make_budget(category="Fun")

    assert names(q="GR") == ["Great ideas", "Groceries"]
    assert names(q="nothing") == []


def test_dates_limit_the_expenses_counted():
    make_expense(category="Old", date="2026-01-31")
    make_expense(category="New", date="2026-02-01")
    make_expense(category="Newest", date="2026-03-01")

    first, last = datetime.date(2026, 2, 1), datetime.date(2026, 2, 28)
    assert names(start=first) == ["New", "Newest"]
    assert names(start=first, end=last) == ["New"]
    with pytest.raises(InvalidError):
        names(start=last, end=first)


def test_at_most_ten_spellings_are_listed():
    for number in range(11):
        make_expense(category="a" * number + "A" * (11 - number))

    (use,) = list_categories(ALICE).uses

    assert len(use.spellings) == 10
    assert use.expenses == 11


def test_long_lists_are_truncated_and_say_so(monkeypatch):
    monkeypatch.setattr(queries, "MAX_LISTED", 2)
    make_expense(category="Newer")
    make_expense(category="Old", date="2026-01-01")
    assert list_categories(ALICE).complete
    make_expense(category="Newest", date="2026-03-19")

    page = list_categories(ALICE)

    assert [use.category for use in page.uses] == ["Newer", "Newest"]
    assert not page.complete


@pytest.mark.parametrize(("most", "complete"), [(1, False), (2, True)])
def test_only_the_newest_megabytes_are_read(monkeypatch, most, complete):
    monkeypatch.setattr(queries, "MAX_PAGES", most)
    with Expense.batch_write() as batch:
        for number in range(2400):
            expense = stored(number)
            expense.category = expense.category_key = "late" if number < 5 else "early"
            expense.description = "x" * 500
            batch.save(expense)

    with counted() as calls:
        page = list_categories(ALICE)

    totals_and_budgets = 2
    assert calls.names.count(QUERY) == most + totals_and_budgets
    assert page.complete == complete
    counts = {use.category: use.expenses for use in page.uses}
    assert counts["late"] == 5
    assert (counts["early"] == 2395) == complete

    again = list_categories(ALICE)  # it goes on from the months that were read

    assert again.complete
    assert {use.category: use.expenses for use in again.uses} == {
        "late": 5,
        "early": 2395,
    }


def post(client, path, body):
    return client.post(path, body, content_type="application/json")


def test_the_api_lists_categories(client, alice):
    make_expense(alice, category="Food", amount="12.50")
    budget = make_budget(alice, category="Food", amount="80.00")

    answer = client.get(LIST, {"q": "foo", "start": "2026-01-01"})

    assert answer.status_code == 200
    assert answer.json() == {
        "results": [
            {
                "category": "Food",
                "spellings": ["Food"],
                "expenses": 1,
                "spent": "12.50",
                "last_used": str(TODAY),
                "budgets": [
                    {
                        "budget_id": budget.budget_id,
                        "categories": ["Food"],
                        "period": "monthly",
                        "amount": "80.00",
                    }
                ],
            }
        ],
        "next": None,
        "previous": None,
        "complete": True,
    }


@pytest.mark.parametrize(
    "query",
    ["q=" + "x" * 51, "start=yesterday", "start=2026-02-01&end=2026-01-01", "a"],
)
def test_invalid_parameters_are_rejected(client, query):
    assert client.get(f"{LIST}?{query}").status_code == 400


def test_the_api_renames_and_merges_categories(client, alice):
    make_expense(alice, category="a")
    make_expense(alice, category="b")

    renamed = post(client, RENAME, {"from": "a", "to": "A"})
    merged = post(client, MERGE, {"from": ["A", "b"], "into": "C"})

    assert renamed.status_code == merged.status_code == 200
    assert renamed.json() == {"changed": 1, "left": False, "alerts": 0}
    assert merged.json() == {"changed": 2, "left": False, "alerts": 0}
    assert [use["category"] for use in client.get(LIST).json()["results"]] == ["C"]


def test_conflicting_budgets_need_a_strategy(client, alice):
    make_budget(alice, category="a", amount="1.00")
    make_budget(alice, category="b", amount="2.00")

    refused = post(client, RENAME, {"from": "a", "to": "b"})
    merged = post(client, RENAME, {"from": "a", "to": "b", "budgets": "add"})

    assert refused.status_code == 409
    assert "b and a each have a budget" in refused.content.decode()
    assert merged.status_code == 200
    (budget,) = client.get("/api/budgets").json()["results"]
    assert (budget["category"], budget["amount"]) == ("b", "3.00")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (RENAME, {"to": "b"}, "from"),
        (RENAME, {"from": "a"}, "to"),
        (RENAME, {"from": ["a"], "to": "b"}, "from"),
        (RENAME, {"from": "a", "to": ""}, "to"),
        (RENAME, {"from": "a", "to": "x" * 51}, "to"),
        (RENAME, {"from": "a", "to": "b", "budgets": "drop"}, "budgets"),
        (RENAME, {"from": "a", "to": "b", "into": "c"}, "into"),
        (MERGE, {"from": [], "into": "b"}, "from"),
        (MERGE, {"from": "a", "into": "b"}, "from"),
        (MERGE, {"from": ["x"] * 21, "into": "b"}, "from"),
        (MERGE, {"from": ["x" * 51], "into": "b"}, "from"),
        (MERGE, {"from": ["a"], "into": "b\u0007"}, "into"),
    ],
)
def test_invalid_bodies_are_rejected_with_their_field(client, path, body, field):
    answer = post(client, path, body)

    assert answer.status_code == 400
    assert field in answer.content.decode()


def test_other_users_are_neither_admitted_nor_affected(client, alice):
    make_expense(alice, category="a")
    make_budget(alice, category="a")
    bob = client_for(make_user("bob"))

    assert client_for().get(LIST).status_code == 401
    assert post(client_for(), RENAME, {"from": "a", "to": "b"}).status_code == 401
    assert client_for().get(PAGE).status_code == 302
    assert client_for().post(FORM).status_code == 401  # with a link to the login form
    assert bob.get(LIST).json()["results"] == []
    answer = post(bob, RENAME, {"from": "a", "to": "b"})
    assert answer.json() == {"changed": 0, "left": False, "alerts": 0}
    assert [use["category"] for use in client.get(LIST).json()["results"]] == ["a"]


def page(response) -> str:
    return html.unescape(response.content.decode())


def test_the_page_lists_categories_with_links(client, alice):
    for category in ("Food & drink", "Food & drink", "food & drink"):
        make_expense(alice, category=category)
    budget = make_budget(alice, category="Food & drink")

    html = page(client.get(PAGE))

    assert 'href="/expenses?category=Food%20%26%20drink"' in html
    assert f'href="{FORM}?from=Food%20%26%20drink&next={PAGE}"' in html
    assert f'href="/budgets/{budget.budget_id}/edit"' in html
    assert "Also written: food & drink" in html
    assert "1 category, $30.00" in html
    assert f'href="{PAGE}"' in page(client.get("/expenses"))


def test_the_page_filters_and_shows_errors(client, alice, monkeypatch):
    make_expense(alice, category="Food")
    make_expense(alice, category="Rent")

    assert "Rent" not in page(client.get(PAGE, {"q": "foo"}))
    assert "No matching categories." in page(client.get(PAGE, {"q": "zoo"}))
    assert "No expenses yet" in page(client_for(make_user("bob")).get(PAGE))
    wrong = client.get(PAGE, {"start": "2026-02-01", "end": "2026-01-01"})
    assert wrong.status_code == 400
    assert "The end date is before the start date." in page(wrong)
    monkeypatch.setattr(queries, "MAX_LISTED", 1)
    assert "There are too many categories" in page(client.get(PAGE))


def test_a_category_is_renamed_on_its_page(client, alice):
    make_expense(alice, category="Food")

    form = client.get(FORM, {"from": "Food"})
    data = {"selected": ["Food"], "into": "Eating", "budgets": ""}
    response = client.post(FORM, data, follow=True)

    assert 'value="Food"' in page(form)
    assert "Moved 1 expense to Eating." in page(response)
    assert [use["category"] for use in client.get(LIST).json()["results"]] == ["Eating"]


def undo_of(response) -> str | None:
    """Return the path of the Undo button of a page, or None."""
    button = re.search(
        r'<form class="undo" method="post" action="([^"]+)"', page(response)
    )
    return button[1] if button else None


def test_a_rename_is_undone_in_one_click(client, alice):
    make_expense(alice, category="Tea & more")
    data = {"selected": ["Tea & more"], "into": "Café?", "next": f"{PAGE}?q=a"}

    undo = undo_of(client.post(FORM, data, follow=True))
    undone = client.post(undo, {"next": f"{PAGE}?q=a"}, follow=True)

    assert undone.redirect_chain == [(f"{PAGE}?q=a", 302)]
    assert "Moved 1 expense to Tea & more." in page(undone)
    assert [use.category for use in list_categories(alice).uses] == ["Tea & more"]


def test_a_merge_says_before_that_it_has_no_undo(client, alice):
    for category in ("a", "b"):
        make_expense(alice, category=category)

    form = client.get(FORM, {"from": "a"})
    merged = client.post(FORM, {"selected": ["a"], "into": "b"}, follow=True)

    assert "the categories are merged. That can't be undone." in html.unescape(
        page(form)
    )
    assert "Moved 1 expense to b." in page(merged)
    assert undo_of(merged) is None


def test_an_undo_that_would_merge_budgets_asks_how(client, alice):
    make_budget(alice, category="a")
    undo = undo_of(client.post(FORM, {"selected": ["a"], "into": "b"}, follow=True))
    make_budget(alice, category="a")

    question = client.post(undo)

    assert question.status_code == 409
    assert "a and b each have a budget (monthly)." in page(question)


@pytest.mark.parametrize("letter", ["a", "é", "茶", "🍵"])
def test_the_message_of_a_rename_fits_its_cookie(client, alice, letter):
    old, new = letter * 50, letter * 49 + "b"
    make_expense(alice, category=old)

    renamed = client.post(FORM, {"selected": [old], "into": new}, follow=True)

    assert f"Moved 1 expense to {new}." in page(renamed)


def test_another_users_category_is_not_renamed_by_undo(client, alice):
    make_expense(alice, category="a")
    undo = undo_of(client.post(FORM, {"selected": ["a"], "into": "b"}, follow=True))

    client_for(make_user("bob")).post(undo)

    assert [use.category for use in list_categories(alice).uses] == ["b"]


def test_a_link_with_a_new_name_renames_nothing(client, alice):
    make_expense(alice, category="a")

    assert client.get(FORM, {"from": "a", "into": "b"}).status_code == 200
    assert [use.category for use in list_categories(alice).uses] == ["a"]


def test_selected_categories_are_merged(client, alice):
    for category in ("a", "b"):
        make_expense(alice, category=category)

    form = client.post(FORM, {"action": "rename", "selected": ["a", "b"]})
    empty = client.post(FORM, {"selected": ["a", "b"], "into": "", "budgets": ""})
    response = client.post(FORM, {"selected": ["a", "b"], "into": "c"}, follow=True)

    assert "Rename 2 categories" in page(form)
    assert page(form).count('name="selected"') == 2
    assert "Merging categories can't be undone." in page(form)
    assert empty.status_code == 400
    assert page(empty).count('name="selected"') == 2
    assert "Moved 2 expenses to c." in page(response)


@pytest.mark.parametrize(
    ("count", "message"),
    [(0, "Select at least one category."), (21, "Select at most 20 categories.")],
)
def test_selecting_none_or_too_many_returns_to_the_list(client, count, message):
    chosen = [f"c{number}" for number in range(count)]

    answer = client.post(FORM, {"action": "rename", "selected": chosen}, follow=True)

    assert answer.redirect_chain == [(PAGE, 302)]
    assert message in page(answer)
    assert client.get(FORM)["Location"] == PAGE


def test_the_page_asks_how_to_merge_two_budgets(client, alice):
    make_budget(alice, category="a")
    make_budget(alice, category="b")

    question = client.post(FORM, {"selected": ["a"], "into": "b"})
    merged = client.post(FORM, {"selected": ["a"], "into": "b", "budgets": "keep"})

    assert question.status_code == 409
    assert "b and a each have a budget (monthly)." in page(question)
    assert merged.status_code == 302


def test_the_page_continues_until_all_are_renamed(client, alice, monkeypatch):
    monkeypatch.setattr(rename, "MAX_EXPENSES", 2)
    for _ in range(3):
        make_expense(alice, category="a")
    data = {"selected": ["a"], "into": "b", "budgets": "keep"}

    first = client.post(FORM, data)
    second = client.post(FORM, data, follow=True)

    assert "Moved 2 expenses so far." in page(first)
    assert ">Continue<" in page(first)
    assert 'value="b"' in page(first)
    assert '<option value="keep" selected>' in page(first)
    assert "Moved 1 expense to b." in page(second)
