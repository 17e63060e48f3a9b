"""Split expenses: the parts add up, and nothing counts the whole beside its parts."""

import csv
import json
import re
from decimal import Decimal

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from expenses import bulk_update, export, list_totals, parts, queries
from expenses import undo as undoing
from expenses.categories.queries import list_categories
from expenses.categories.services import rename_categories
from expenses.history import display, list_changes
from expenses.models import Expense
from expenses.parts import Part
from expenses.queries import get_expense
from expenses.services import delete_expense, edit_expense, restore_expense
from smartbudget.core.errors import InvalidError
from smartbudget.core.periods import Period
from tests.builders import client_for, make_user
from tests.calls import TRANSACTION, counted
from tests.money_builders import (
    ALICE,
    TODAY,
    alerts,
    make_budget,
    make_expense,
    spent,
)
from tests.web.test_slow_work import pdf

pytestmark = pytest.mark.usefixtures("aws")

SIXTY_FORTY = [
    {"category": "Groceries", "amount": "60"},
    {"category": "Household", "amount": "40", "note": "Light bulbs"},
]


def make_split(user=ALICE, amount="100", rows=SIXTY_FORTY, **fields) -> Expense:
    return make_expense(user, amount=amount, category=None, parts=rows, **fields)


def amounts_of(expense: Expense) -> list[str]:
    return [str(part.amount) for part in get_expense(ALICE, expense.expense_id).parts]


def rows_of(*amounts: str) -> list[dict]:
    return [{"category": f"C{n}", "amount": text} for n, text in enumerate(amounts)]


def value_of(page: str, name: str) -> str:
    """Return the value of an input."""
    (attributes,) = re.findall(rf'<input([^>]* name="{name}"[^>]*)>', page)
    return re.search(r'value="([^"]*)"', attributes)[1]


@pytest.fixture
def alice():
    return make_user()


@pytest.fixture
def client(alice):
    return client_for(alice)


class TestBudgets:
    def test_each_budget_rises_by_its_part_and_both_alert_at_once(self):
        groceries = make_budget(amount="50")
        household = make_budget(category="Household", amount="30")

        make_split()

        assert (spent(groceries), spent(household)) == (60, 40)
        assert len(alerts()) == 2

    def test_a_void_expense_takes_all_parts_out(self):
        groceries, household = make_budget(), make_budget(category="Household")
        expense = make_split()

        edit_expense(ALICE, expense.expense_id, status="void")

        assert (spent(groceries), spent(household)) == (0, 0)

    def test_a_refund_gives_back_to_each_category(self):
        groceries, household = make_budget(), make_budget(category="Household")

        rows = [SIXTY_FORTY[0] | {"amount": "12"}, SIXTY_FORTY[1] | {"amount": "8"}]
        refund = make_split(amount="20", rows=rows, kind="refund")

        assert (spent(groceries), spent(household)) == (-12, -8)
        assert [share.amount for share in refund.shares] == [-12, -8]

    def test_a_part_that_moves_changes_two_budgets_only(self):
        groceries = make_budget()
        household, fun = make_budget(category="Household"), make_budget(category="Fun")
        expense = make_split()
        before = groceries.version

        moved = [SIXTY_FORTY[0], {"category": "Fun", "amount": "40"}]
        edit_expense(ALICE, expense.expense_id, parts=moved)

        assert (spent(groceries), spent(household), spent(fun)) == (60, 0, 40)
        assert before == groceries.version

    def test_deleting_and_restoring_counts_the_parts_again(self):
        groceries = make_budget()
        expense = make_split()

        delete_expense(ALICE, expense.expense_id)
        assert spent(groceries) == 0
        restore_expense(ALICE, expense.expense_id)

        assert spent(groceries) == 60
        assert amounts_of(expense) == ["60", "40"]

    def test_a_budget_created_later_counts_the_part(self):
        make_split()

        assert spent(make_budget(category="Household")) == 40

    def test_fifteen_parts_with_budgets_are_one_transaction(self):
        budgets = [make_budget(category=f"C{n}", amount="0.50") for n in range(15)]

        with counted() as calls:
            make_split(amount="15", rows=rows_of(*["1"] * 15))

        assert calls.names.count(TRANSACTION) == 1
        assert [spent(budget) for budget in budgets] == [1] * 15
        assert len(alerts()) == 15


class TestRules:
    @pytest.mark.parametrize(
        ("rows", "problem"),
        [
            (rows_of("60", "39.99"), "$0.01 less"),
            (rows_of("60", "40.03"), "$0.03 more"),
            (rows_of("100"), "2 to 15"),
            (rows_of(*["6.25"] * 16), "2 to 15"),
            (rows_of("100", "0"), "above zero"),
            (rows_of("120", "-20"), "above zero"),
            (rows_of("60", "40.001"), "decimals"),
            ([{"category": "", "amount": "60"}, *rows_of("40")], "empty"),
            ([{"category": "x" * 51, "amount": "60"}, *rows_of("40")], "at most 50"),
            ([{"amount": "60"}, *rows_of("40")], "text"),
            (["60", "40"], "category and an amount"),
            ("60, 40", "list"),
            (5, "list"),
        ],
    )
    def test_wrong_parts_are_refused_with_the_reason(self, rows, problem):
        with pytest.raises(InvalidError) as refused:
            make_split(rows=rows)

        assert problem in str(refused.value)
        assert refused.value.field == "parts"
        assert [*Expense.scan()] == []

    def test_an_expense_has_parts_or_a_category(self):
        with pytest.raises(InvalidError):
            make_expense(amount="100", category="Fun", parts=SIXTY_FORTY)
        with pytest.raises(InvalidError):
            make_expense(category=None, parts=[])

    def test_a_new_amount_needs_parts_that_add_up(self):
        expense = make_split()

        with pytest.raises(InvalidError, match=r"\$20\.00 less"):
            edit_expense(ALICE, expense.expense_id, amount="120")
        edit_expense(ALICE, expense.expense_id, amount="120", rescale=True)
        assert amounts_of(expense) == ["72", "48"]
        edit_expense(ALICE, expense.expense_id, amount="3", parts=rows_of("1", "2"))
        assert amounts_of(expense) == ["1", "2"]

    @pytest.mark.parametrize(
        ("before", "amount", "after"),
        [
            (["3.33", "3.33", "3.34"], "10.01", ["3.33", "3.33", "3.35"]),
            (["1", "1", "1"], "10", ["3.34", "3.33", "3.33"]),
            (["60", "40"], "0.02", ["0.01", "0.01"]),
        ],
    )
    def test_rescaling_gives_cents_to_the_largest_remainders(
        self, before, amount, after
    ):
        given_parts = [Part("x", Decimal(text)) for text in before]

        rescaled = parts.rescaled(given_parts, Decimal(amount), "USD")

        assert [f"{part.amount:.2f}" for part in rescaled] == [
            f"{Decimal(text):.2f}" for text in after
        ]

    @given(
        st.lists(st.integers(1, 10**9), min_size=2, max_size=15),
        st.integers(1, 10**9),
    )
    def test_rescaled_parts_add_up_and_are_off_by_less_than_a_cent(self, cents, new):
        given_parts = [Part("x", Decimal(n) / 100) for n in cents]
        amount = Decimal(new) / 100
        try:
            rescaled = parts.rescaled(given_parts, amount, "USD")
        except InvalidError:
            return  # a part would be zero

        assert sum(part.amount for part in rescaled) == amount
        for before, after in zip(cents, rescaled, strict=True):
            exact = amount * before / sum(cents)
            assert abs(after.amount - exact) < Decimal("0.01")

    def test_an_amount_too_small_for_its_parts_is_refused(self):
        expense = make_split()

        with pytest.raises(InvalidError, match="too small"):
            edit_expense(ALICE, expense.expense_id, amount="0.01", rescale=True)

    def test_an_expense_is_split_and_joined_again(self):
        groceries, fun = make_budget(), make_budget(category="Fun")
        expense = make_expense(category="Fun", amount="100")

        edit_expense(ALICE, expense.expense_id, parts=SIXTY_FORTY)
        split = get_expense(ALICE, expense.expense_id)
        assert (split.category, len(split.parts)) == ("", 2)
        assert (spent(groceries), spent(fun)) == (60, 0)
        with pytest.raises(InvalidError):
            edit_expense(ALICE, expense.expense_id, category="Fun")
        with pytest.raises(InvalidError):
            edit_expense(ALICE, expense.expense_id, parts=[])
        edit_expense(ALICE, expense.expense_id, category="Fun", parts=[])

        assert (spent(groceries), spent(fun)) == (0, 100)

    def test_other_edits_leave_the_parts(self):
        expense = make_split()

        edit_expense(ALICE, expense.expense_id, description="x", date="2026-03-01")

        assert amounts_of(expense) == ["60", "40"]

    def test_parts_that_an_older_release_outdated_are_ignored(self):
        expense = make_split()
        Expense(expense.expense_id).update(
            [Expense.amount.set(Decimal(7)), Expense.category.set("Fun")],
            add_version_condition=False,
        )

        stored = get_expense(ALICE, expense.expense_id)

        assert (stored.category, stored.parts) == ("Fun", ())
        spendings = queries.spending(ALICE.user_id, Period(TODAY, TODAY))
        assert [(one.category, one.amount) for one in spendings] == [("Fun", 7)]


class TestLists:
    def test_a_filter_by_category_shows_the_part(self, client, alice):
        make_split(alice, description="Market")
        make_expense(alice, category="Household", amount="5")

        page = client.get("/api/expenses?category=household&totals=true").json()

        shares = {row["amount"]: row["amount_in_category"] for row in page["results"]}
        assert shares == {"100.00": "40.00", "5.00": "5.00"}
        assert page["totals"] == {"count": 2, "total": "45.00", "complete": True}
        text = client.get("/expenses?category=Household").content.decode()
        assert "$40.00" in text
        assert "of $100.00" in text
        assert "2 expenses, $45.00" in text

    def test_a_sort_by_amount_uses_the_part(self):
        small = make_split()  # 40 of it
        large = make_expense(category="Household", amount="50")

        listed = queries.list_expenses(
            ALICE, category="Household", sort="largest", start=TODAY, end=TODAY
        )

        ids = [expense.expense_id for expense in listed.items]
        assert ids == [large.expense_id, small.expense_id]
        assert listed.totals == queries.Totals(2, Decimal(90), complete=True)

    @pytest.mark.parametrize(
        ("bounds", "amounts"),
        [
            ({"min_amount": "45"}, [45, 70]),
            ({"max_amount": "50"}, [-15, 5, 40, 45]),
            ({"min_amount": "40", "max_amount": "45"}, [40, 45]),
            ({"min_amount": "10", "max_amount": "20"}, [-15]),
        ],
    )
    def test_bounds_compare_the_part_in_the_category(self, bounds, amounts):
        refund = [SIXTY_FORTY[0] | {"amount": "5"}, SIXTY_FORTY[1] | {"amount": "15"}]
        twice = [{"category": "Household", "amount": text} for text in ("35", "35")]
        make_split()
        make_split(amount="20", rows=refund, kind="refund")
        make_split(amount="70", rows=twice)
        for text in ("5", "45"):
            make_expense(category="Household", amount=text)
        make_expense(category="Fun", amount="45")

        for sort in ("newest", "largest"):
            listed = queries.list_expenses(
                ALICE,
                category="household",
                sort=sort,
                totals=True,
                start=TODAY,
                end=TODAY,
                **bounds,
            )
            found = [expense.amount_in("household") for expense in listed.items]
            assert sorted(found) == amounts
            assert listed.totals.total == sum(amounts)

    def test_without_a_category_bounds_compare_the_whole(self):
        make_split()

        assert queries.list_expenses(ALICE, max_amount="60", q="bulbs").items == []
        assert queries.list_expenses(ALICE, min_amount="90", q="bulbs").items

    def test_a_search_finds_categories_and_notes_of_parts(self):
        expense = make_split()

        for q in ("bulbs", "house", "grocer"):
            listed = queries.list_expenses(ALICE, q=q)
            assert [one.expense_id for one in listed.items] == [expense.expense_id]
        assert queries.list_expenses(ALICE, q="60").items == []

    def test_totals_of_closed_months_count_an_expense_once(self):
        with time_machine.travel("2026-01-10T12:00:00+00:00", tick=True):
            make_split(date="2026-01-09")
            make_split(date="2026-01-08", status="void")
            make_expense(date="2026-01-07", category="Fun")
        for _ in range(2):  # counted, then stored
            page = list_totals.list_expenses(ALICE, limit=1)
            assert page.totals == queries.Totals(3, Decimal(110), complete=True)
            uses = {use.category: use for use in list_categories(ALICE).uses}
            assert uses["Household"].spent == 40
            assert uses["Household"].expenses == 2
            by_category = list_totals.list_expenses(
                ALICE, limit=1, category="household"
            )
            assert by_category.totals == queries.Totals(2, Decimal(40), complete=True)

    def test_stored_totals_follow_an_expense_that_is_joined(self):
        with time_machine.travel("2026-01-10T12:00:00+00:00", tick=True):
            expense = make_split(date="2026-01-09")
            make_expense(date="2026-01-07", category="Fun")
        list_categories(ALICE)
        edit_expense(ALICE, expense.expense_id, category="Fun", parts=[])

        with time_machine.travel("2026-03-19T12:00:00+00:00", tick=True):
            for _ in range(2):
                page = list_totals.list_expenses(ALICE, limit=1)
                assert page.totals == queries.Totals(2, Decimal(110), complete=True)

    def test_the_dashboard_shows_it_once_and_each_category_its_part(
        self, client, alice
    ):
        make_split(alice, merchant="Market")

        summary = client.get("/api/summary").json()
        page = client.get("/").content.decode()

        spent_by = {row["category"]: row["spent"] for row in summary["categories"]}
        assert spent_by == {"Groceries": "60.00", "Household": "40.00"}
        recent = page.split('id="latest"')[1]
        assert recent.count("Market") == 1
        assert "Groceries, Household" in recent


class TestBulk:
    def test_setting_a_category_leaves_split_expenses_and_counts_them(self):
        split, whole = make_split(), make_expense()
        ids = [split.expense_id, whole.expense_id]

        result = bulk_update.change_expenses(ALICE, ids, category="Fun")

        assert (result.changed, result.split, result.unchanged) == (1, 1, 0)
        assert amounts_of(split) == ["60", "40"]
        again = bulk_update.change_expenses(
            ALICE, ids, category="Fun", status="cleared"
        )
        assert (again.changed, again.split) == (2, 0)
        assert get_expense(ALICE, split.expense_id).status == "cleared"
        assert undoing.undo(ALICE, again.undo_id).changed == 2

    def test_split_expenses_are_counted_if_all_matching_are_selected(
        self, client, alice
    ):
        make_split(alice)
        make_split(alice)
        make_expense(alice)
        data = {"action": "category", "category": "Fun", "all": "yes"}
        data |= {"confirmed": "yes", "next": "/expenses"}

        page = client.post("/expenses/selected", data, follow=True).content.decode()
        again = client.post("/expenses/selected", data, follow=True).content.decode()

        sentence = "2 are split across several categories"
        assert "Updated 1 expense" in page
        assert sentence in page
        assert sentence in again

    def test_undoing_leaves_what_was_split_since(self):
        whole = make_expense()
        result = bulk_update.change_expenses(ALICE, [whole.expense_id], category="Fun")
        edit_expense(ALICE, whole.expense_id, parts=rows_of("5", "5"), status="cleared")

        undone = undoing.undo(ALICE, result.undo_id)

        assert (undone.changed, undone.skipped) == (0, 1)

    def test_the_page_says_what_was_left(self, client, alice):
        split, whole = make_split(alice), make_expense(alice)
        chosen = {
            "action": "category",
            "selected": [split.expense_id, whole.expense_id],
            "category": "Fun",
        }

        response = client.post("/expenses/selected", chosen, follow=True)

        assert "1 is split across several categories" in response.content.decode()


class TestRename:
    def test_merging_categories_works_on_parts(self):
        budget = make_budget(amount="200")
        expense = make_split()

        rename_categories(ALICE, ["Household"], "Groceries")

        stored = get_expense(ALICE, expense.expense_id)
        assert [part.category for part in stored.parts] == ["Groceries"] * 2
        assert amounts_of(expense) == ["60", "40"]
        assert spent(budget) == 100

    def test_a_rename_of_a_part_is_undone_by_renaming_back(self):
        expense = make_split()

        renamed = rename_categories(ALICE, ["household"], "Home")

        assert renamed.previous == "Household"
        rename_categories(ALICE, ["Home"], renamed.previous)
        stored = get_expense(ALICE, expense.expense_id)
        assert [part.category for part in stored.parts] == ["Groceries", "Household"]

    def test_a_rename_onto_another_part_cannot_be_undone(self):
        make_split()

        assert rename_categories(ALICE, ["Household"], "Groceries").previous is None


class TestFiles:
    def test_csv_has_a_row_for_each_part(self):
        make_split(merchant="Market")
        make_expense(amount="2.50", kind="refund")
        listed = list_totals.list_expenses(ALICE, sort="oldest")

        lines = export.selection_lines(listed.items, "USD")
        rows = [*csv.DictReader(line.removeprefix("\ufeff") for line in lines)]

        assert sorted(
            (row["Part"], row["Category"], row["Amount"]) for row in rows
        ) == [
            ("", "Groceries", "2.50"),
            ("1", "Groceries", "60.00"),
            ("2", "Household", "40.00"),
        ]
        assert {row["Part note"] for row in rows} == {"", "Light bulbs"}
        total = sum(Decimal(row["Signed amount"]) for row in rows)
        assert total == listed.totals.total == Decimal("97.50")

    def test_the_json_export_has_the_parts(self, client, alice):
        make_split(alice)

        content = b"".join(client.get("/api/export.json").streaming_content)

        (expense,) = json.loads(content)["expenses"]
        assert expense["category"] is None
        assert expense["parts"][1] == {
            "category": "Household",
            "amount": "40.00",
            "note": "Light bulbs",
        }

    def test_the_history_shows_the_parts_in_words(self, client, alice):
        expense = make_split(alice)
        edit_expense(alice, expense.expense_id, amount="120", rescale=True)

        path = f"/api/expenses/{expense.expense_id}/history"
        edits = client.get(path).json()["results"][0]["edits"]

        assert {edit["field"]: edit["after"] for edit in edits} == {
            "amount": "120.00",
            "parts": "Groceries 72.00, Household 48.00 (Light bulbs)",
        }
        (edit,) = [
            edit
            for edit in list_changes(alice, expense.expense_id)[0].edits
            if edit.field == "parts"
        ]
        shown = display(edit.field, edit.before, "USD")
        assert shown == "Groceries $60.00, Household $40.00 (Light bulbs)"

    def test_the_history_shows_a_changed_note(self, client, alice):
        expense = make_split(alice)
        rows = [SIXTY_FORTY[0], SIXTY_FORTY[1] | {"note": "Lamp"}]
        edit_expense(alice, expense.expense_id, parts=rows)

        page = client.get(f"/expenses/{expense.expense_id}/edit").content.decode()

        assert "Household $40.00 (Light bulbs)" in page
        assert "Household $40.00 (Lamp)" in page


class TestApi:
    def test_a_split_expense_is_created_and_edited(self, client):
        body = {"amount": "100", "parts": SIXTY_FORTY}

        created = client.post("/api/expenses", body, "application/json")
        expense = created.json()
        path = f"/api/expenses/{expense['expense_id']}"
        scaled = client.patch(
            path, {"amount": "50", "rescale": True}, "application/json"
        ).json()
        joined = client.patch(
            path, {"category": "Fun", "parts": []}, "application/json"
        ).json()

        assert created.status_code == 201
        assert expense["category"] is None
        assert [part["amount"] for part in expense["parts"]] == ["60.00", "40.00"]
        assert [part["amount"] for part in scaled["parts"]] == ["30.00", "20.00"]
        assert (joined["category"], joined["parts"]) == ("Fun", [])

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({"amount": "100", "parts": rows_of("60", "39.99")}, "/parts"),
            ({"amount": "100", "parts": [{"category": "x"}]}, "/parts/0/amount"),
            ({"amount": "100", "parts": []}, "/category"),
            ({"amount": "100"}, "/category"),
            ({"amount": "100", "category": None}, "/category"),
            ({"amount": "100", "category": None, "parts": []}, "/category"),
            ({"amount": "1", "category": "x", "parts": SIXTY_FORTY}, "/category"),
        ],
    )
    def test_an_error_points_at_its_place(self, client, body, pointer):
        answer = client.post("/api/expenses", body, "application/json")

        assert answer.status_code == 400
        assert pointer in [error["pointer"] for error in answer.json()["errors"]]

    def test_values_that_were_read_can_be_sent_again(self, client):
        body = {"amount": "100", "parts": SIXTY_FORTY}
        created = client.post("/api/expenses", body, "application/json").json()
        again = {name: created[name] for name in ("amount", "category", "parts")}
        path = f"/api/expenses/{created['expense_id']}"

        copy = client.post("/api/expenses", again, "application/json")
        in_bulk = client.post(
            "/api/expenses/bulk", {"expenses": [again]}, "application/json"
        )
        edited = client.patch(path, again, "application/json")
        joined = client.patch(path, {"category": None, "parts": []}, "application/json")

        assert (copy.status_code, in_bulk.status_code) == (201, 201)
        assert copy.json()["parts"] == created["parts"]
        assert edited.json() == created
        assert joined.status_code == 400
        client.patch(path, {"category": "Fun", "parts": []}, "application/json")
        alone = client.patch(path, {"category": None}, "application/json")
        assert alone.status_code == 400

    def test_errors_of_bulk_rows_point_at_their_places(self, client):
        rows = [
            {"amount": "100", "parts": SIXTY_FORTY},
            {"amount": "100", "parts": rows_of("60", "39.99")},
            {"amount": "100", "category": "x", "parts": SIXTY_FORTY},
            {"amount": "2", "parts": rows_of("1", "1"), "date": "1900-01-01"},
        ]

        answer = client.post(
            "/api/expenses/bulk", {"expenses": rows}, "application/json"
        )

        assert answer.status_code == 400
        errors = {one["pointer"]: one["detail"] for one in answer.json()["errors"]}
        assert errors.keys() == {
            "/expenses/1/parts",
            "/expenses/2/category",
            "/expenses/3/date",
        }
        assert "$0.01 less" in errors["/expenses/1/parts"]
        assert [*Expense.scan()] == []

    def test_bulk_rows_may_be_split(self, client, alice):
        household = make_budget(alice, category="Household")
        rows = [{"amount": "100", "parts": SIXTY_FORTY}] * 120
        headers = {"Idempotency-Key": "k"}

        first, second = (
            client.post(
                "/api/expenses/bulk",
                {"expenses": rows},
                "application/json",
                headers=headers,
            )
            for _ in range(2)
        )

        assert first.status_code == 201
        assert first.json()["results"] == second.json()["results"]
        assert spent(household) == 120 * 40

    def test_a_form_has_the_parts_as_json(self, client):
        path = "/api/expenses"
        form = {"amount": "100", "parts": json.dumps(SIXTY_FORTY), "file": pdf()}

        created = client.post(path, form)
        wrong = client.post(path, {**form, "parts": "[" * 100_000, "file": pdf()})

        assert [part["amount"] for part in created.json()["parts"]] == [
            "60.00",
            "40.00",
        ]
        assert wrong.status_code == 400
        assert wrong.json()["errors"][0]["pointer"] == "/parts"

    def test_the_same_key_returns_the_same_expense(self, client):
        body = {"amount": "100", "parts": SIXTY_FORTY}
        headers = {"Idempotency-Key": "k"}

        first, second = (
            client.post("/api/expenses", body, "application/json", headers=headers)
            for _ in range(2)
        )

        assert first.json() == second.json()


class TestForm:
    VALUES = {
        "amount": "100",
        "category": "",
        "date": "2026-03-18",
        "parts-1-category": "Groceries",
        "parts-1-amount": "60",
        "parts-3-category": "Household",
        "parts-3-amount": "40.00",
        "parts-3-note": "Light bulbs",
    }

    def test_rows_that_are_filled_in_become_parts(self, client, alice):
        answer = client.post("/expenses/add", self.VALUES, follow=True)

        assert "Added $100.00 to Groceries, Household." in answer.content.decode()
        (expense,) = Expense.by_user.query(alice.user_id)
        assert expense.parts == (
            Part("Groceries", Decimal(60)),
            Part("Household", Decimal(40), "Light bulbs"),
        )

    def test_parts_replace_the_category(self, client, alice):
        client.post("/expenses/add", {**self.VALUES, "category": "Fun"})

        (expense,) = Expense.by_user.query(alice.user_id)
        assert expense.category == ""

    def test_a_difference_is_shown_and_loses_nothing(self, client):
        values = {**self.VALUES, "parts-1-amount": "59.98"}

        answer = client.post("/expenses/add", values)

        page = answer.content.decode()
        assert answer.status_code == 400
        assert "The parts are $0.02 less than the amount." in page
        assert "Enter some text." not in page
        assert value_of(page, "parts-2-category") == "Household"
        assert 'name="parts-4-category"' in page
        assert 'details class="split" open' in page

    def test_an_unreadable_amount_of_a_part_is_the_only_error(self, client, alice):
        values = {**self.VALUES, "parts-1-amount": "sixty", "status": "pending"}
        edit = f"/expenses/{make_expense(alice).expense_id}/edit"

        for path in ("/expenses/add", edit):
            page = client.post(path, values).content.decode()
            assert "Enter an amount as a number." in page
            assert "Enter some text." not in page

    def test_an_expense_without_category_and_parts_is_refused(self, client):
        values = {"amount": "5", "category": "", "date": "2026-03-18"}

        assert client.post("/expenses/add", values).status_code == 400
        assert [*Expense.scan()] == []

    def test_the_form_of_a_split_expense_changes_it(self, client, alice):
        expense = make_split(alice)
        path = f"/expenses/{expense.expense_id}/edit"
        page = client.get(path).content.decode()
        assert value_of(page, "parts-2-amount") == "40.00"

        values = {**self.VALUES, "parts-1-amount": "70", "parts-3-amount": "30"}
        client.post(path, {**values, "status": "pending"})
        changed = get_expense(alice, expense.expense_id)
        assert [part.amount for part in changed.parts] == [70, 30]
        joined = {name: text for name, text in values.items() if "parts" not in name}
        client.post(path, {**joined, "category": "Fun", "status": "pending"})

        stored = get_expense(alice, expense.expense_id)
        assert (stored.category, stored.parts) == ("Fun", ())

    def test_a_comma_is_read_as_in_the_language_of_the_page(self):
        user = make_user("hans", currency="EUR", language="de")
        values = {**self.VALUES, "amount": "100,00", "parts-3-amount": "40,00"}

        client_for(user).post("/expenses/add", values)

        (expense,) = Expense.by_user.query(user.user_id)
        assert [part.amount for part in expense.parts] == [60, 40]
