"""What budgets cover: one category, several, or all of them."""

import datetime
import itertools
from decimal import Decimal

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from budgets import checks, lookup, results, services
from budgets.models import Budget, BudgetDirectory, budget_id_for, id_of
from budgets.queries import current_lines
from budgets.services import get_budget, list_budgets
from expenses import services as expenses
from expenses.bulk_create import record_expenses
from expenses.categories.queries import list_categories
from expenses.categories.services import rename_categories
from notifications.models import Notification
from reports.services import build_report
from reports.summary import summary
from smartbudget.core.categories import EVERYTHING, Categories
from smartbudget.core.dynamodb import Transaction, WriteConflictError
from smartbudget.core.errors import ConflictError, InvalidError
from smartbudget.core.i18n import override
from tests.builders import account_of, client_for, make_user
from tests.calls import counted
from tests.money_builders import (
    ALICE,
    BOB,
    TODAY,
    alerts,
    make_budget,
    make_expense,
    spent,
)
from tests.reports.builders import ask

pytestmark = pytest.mark.usefixtures("aws")

SEVERAL = ["Food", "Drinks"]
TRIP = {"period": "once", "start": "2026-03-10", "end": "2026-03-20"}


def make(categories, user=ALICE, **fields) -> Budget:
    return make_budget(user, category=None, categories=categories, **fields)


class TestCategories:
    @pytest.mark.parametrize(
        ("given", "text", "in_words"),
        [
            (["Food"], "Food", "Food"),
            (["Food", "Drinks"], "Food, Drinks", "Food and Drinks"),
            (["a", "B", "A", " b "], "a, B", "a and B"),
            (["Food", "food"], "Food", "Food"),
            ("all", "*", "Everything"),
        ],
    )
    def test_what_a_budget_covers_is_named(self, given, text, in_words):
        budget = make(given)

        assert budget.category == text
        assert budget.categories.in_words == in_words
        assert budget.categories == get_budget(ALICE, budget.budget_id).categories

    def test_it_is_named_in_german(self):
        several, everything = make(SEVERAL), make("all")

        with override("de"):
            assert several.categories.in_words == "Food und Drinks"
            assert everything.categories.in_words == "Alles"

    def test_one_category_is_stored_as_before(self):
        budget = make(["Food"])

        assert budget.more_categories is None
        assert budget.budget_id == budget_id_for("alice", "monthly", "food")

    @pytest.mark.parametrize(
        "wrong", [[], ["Food"] * 21, ["a" * 51], ["Food", ""], ["a\0b"], "Food", 5, {}]
    )
    def test_wrong_categories_are_rejected(self, wrong):
        with pytest.raises(InvalidError) as refused:
            make(wrong)

        assert refused.value.field == "categories"
        assert list_budgets(ALICE).items == []

    def test_there_can_be_twenty(self):
        names = [f"Category {number:02}" for number in range(20)]

        assert make(names).categories.names == tuple(names)
        with pytest.raises(InvalidError):
            make([*names, "One more"])

    def test_a_budget_needs_a_category(self):
        with pytest.raises(InvalidError) as refused:
            make(None)
        assert refused.value.field == "category"

    def test_category_and_categories_must_agree(self):
        with pytest.raises(InvalidError) as refused:
            make_budget(category="Food", categories=SEVERAL)
        assert refused.value.field == "category"
        budget = make_budget(category="Food, Drinks", categories=SEVERAL)
        assert budget.categories.names == ("Food", "Drinks")


names = st.text(
    st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=12
).filter(lambda name: Categories.of([name]).keys[0])
covers = st.one_of(st.just(EVERYTHING), st.lists(names, min_size=1).map(Categories.of))


@given(covers, covers)
def test_budgets_that_cover_the_same_have_one_id_and_no_others(first, second):
    same = (set(first.keys), first.are_all) == (set(second.keys), second.are_all)
    ids = [id_of("alice", "monthly", covered) for covered in (first, second)]

    assert (ids[0] == ids[1]) is same


@given(names, st.sampled_from(["monthly", "weekly", "yearly", "biweekly"]))
def test_the_id_for_one_category_is_that_of_earlier_versions(name, period):
    only = Categories.of([name])

    assert id_of("alice", period, only) == budget_id_for("alice", period, name)


def test_ids_of_stored_budgets_do_not_change():
    assert make(["Food"]).budget_id == "38fe0c7c150a50a3bd627925ba6e98c6"


class TestCounting:
    def test_an_expense_counts_in_every_budget_that_covers_it(self):
        budgets = {
            name: make(categories, **fields)
            for name, categories, fields in (
                ("food", ["Food"], {}),
                ("several", SEVERAL, {}),
                ("all", "all", {}),
                ("week", "all", {"period": "weekly"}),
                ("two weeks", SEVERAL, {"period": "biweekly", "anchor": TODAY}),
                ("rent", ["Rent"], {"period": "quarterly"}),
                ("trip", "all", TRIP),
                ("drinks", ["Drinks"], TRIP),
            )
        }
        lunch = make_expense(category="FOOD", amount="10.00")
        make_expense(category="Drinks", amount="3.00", date="2026-03-12")
        make_expense(category="Rent", amount="50.00", date="2026-03-01")

        def totals():
            return {name: int(spent(budget)) for name, budget in budgets.items()}

        expected = {
            "food": 10,
            "several": 13,
            "all": 63,
            "week": 10,
            "two weeks": 10,
            "rent": 50,
            "trip": 13,
            "drinks": 3,
        }
        assert totals() == expected

        expenses.edit_expense(ALICE, lunch.expense_id, category="drinks")
        assert totals() == expected | {"food": 0, "drinks": 13}
        expenses.delete_expense(ALICE, lunch.expense_id)
        assert totals() == {
            "food": 0,
            "several": 3,
            "all": 53,
            "week": 0,
            "two weeks": 0,
            "rent": 50,
            "trip": 3,
            "drinks": 3,
        }

    def test_a_new_budget_counts_what_was_spent_before(self):
        for category in ("Food", "Drinks", "Rent"):
            make_expense(category=category, amount="10.00")
        make_expense(category="Food", amount="1.00", date="2026-03-21")

        assert make(SEVERAL).spent == Decimal(21)
        assert make("all").spent == Decimal(31)
        assert make("all", **TRIP).spent == Decimal(30)

    def test_each_budget_alerts_once(self):
        for categories in (["Food"], SEVERAL, "all"):
            make(categories)

        make_expense(category="Food", amount="85.00")
        make_expense(category="Food", amount="1.00")
        assert alerts() == ["budget_threshold"] * 3

        make_expense(category="Drinks", amount="20.00")
        assert alerts() == ["budget_threshold"] * 3 + ["budget_exceeded"] * 2

    def test_alerts_name_what_the_budget_covers(self):
        make(SEVERAL)
        make("all")
        make("all", **TRIP)

        make_expense(category="Food", amount="101.00")

        notifications = list(Notification.by_user.query("alice"))
        assert sorted(item.subject for item in notifications) == [
            "Over budget: Everything",
            "Over budget: Everything",
            "Over budget: Food and Drinks",
        ]
        texts = " ".join(item.message for item in notifications)
        assert "your $100.00 Food and Drinks budget for March" in texts
        assert "your $100.00 overall budget for Mar 10" in texts

    def test_moving_an_expense_within_a_budget_does_not_change_it(self):
        budget = make("all")
        lunch = make_expense(category="Food")
        before = get_budget(ALICE, budget.budget_id).version

        expenses.edit_expense(ALICE, lunch.expense_id, category="Drinks")

        assert get_budget(ALICE, budget.budget_id).version == before

    def test_a_bulk_counts_in_every_budget(self):
        budgets = [make(["Food"]), make(SEVERAL), make("all"), make("all", **TRIP)]
        rows = [
            {"category": category, "amount": "1.00", "date": day}
            for category in ("Food", "Drinks", "Rent")
            for day in ("2026-03-01", "2026-03-15")
            for _ in range(40)
        ]

        record_expenses(ALICE, rows)

        assert [int(spent(budget)) for budget in budgets] == [80, 160, 240, 120]
        counts = [alert for alert in alerts() if alert.startswith("budget")]
        assert counts.count("budget_exceeded") == 3
        assert counts.count("budget_threshold") <= 3

    def test_refunds_in_a_bulk_count_before_expenses_of_other_categories(self):
        budget = make("all")
        rows = [{"category": "Food", "amount": "1.20"} for _ in range(100)]
        refund = {"category": "Rent", "amount": "5.00", "kind": "refund"}

        record_expenses(ALICE, [*rows, *[refund] * 10])

        assert spent(budget) == Decimal(70)
        assert alerts() == []

    def test_budgets_without_room_in_a_transaction_are_recounted(self, monkeypatch):
        """An expense is never refused because it counts in too many budgets."""
        budgets = [
            make(["Food", f"Number {number}"], amount="1.00") for number in range(60)
        ]

        make_expense(category="Food", amount="5.00")
        record_expenses(ALICE, [{"category": "Food", "amount": "5.00"}])
        counted_at_once = sum(spent(budget) == 10 for budget in budgets)
        assert 20 < counted_at_once < 60

        with time_machine.travel(
            datetime.datetime(2026, 3, 18, 13, tzinfo=datetime.UTC)
        ):
            for budget in budgets:
                services.recount(ALICE, budget.budget_id)
        assert {spent(budget) for budget in budgets} == {Decimal(10)}
        assert alerts().count("budget_exceeded") == 60

    def test_another_users_expenses_do_not_count(self):
        budgets = [make(SEVERAL), make("all"), make("all", **TRIP)]
        make(SEVERAL, BOB)
        make("all", BOB)

        make_expense(BOB, category="Food")

        assert {spent(budget) for budget in budgets} == {Decimal(0)}


class TestOnce:
    def test_the_days_go_from_one_to_366(self):
        assert make("all", **TRIP | {"end": "2026-03-10"}).current.days == 1
        assert make("all", **TRIP | {"end": "2027-03-10"}).current.days == 366
        with pytest.raises(InvalidError) as refused:
            make("all", **TRIP | {"end": "2027-03-11"})
        assert refused.value.field == "end"

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            (TRIP | {"start": None}, "start"),
            (TRIP | {"end": None}, "end"),
            (TRIP | {"end": "2026-03-09"}, "end"),
            (TRIP | {"start": "2026-02-30"}, "start"),
            (TRIP | {"end": "soon"}, "end"),
            (TRIP | {"rollover": {"mode": "both"}}, "rollover"),
            (TRIP | {"anchor": "2026-03-10"}, "anchor"),
            (TRIP | {"month_days": [1, 16]}, "month_days"),
            (TRIP | {"period": "monthly"}, "start"),
            (TRIP | {"period": None}, "start"),
            ({"period": "weekly", "end": "2026-03-10"}, "end"),
        ],
    )
    def test_wrong_terms_are_rejected(self, fields, field):
        with pytest.raises(InvalidError) as refused:
            make("all", **fields)
        assert refused.value.field == field

    def test_budgets_for_other_days_can_exist_beside_each_other(self):
        make(["Food"], **TRIP)
        make(["Food"], **TRIP | {"end": "2026-03-21"})
        make(SEVERAL, **TRIP)

        with pytest.raises(ConflictError) as refused:
            make(["food"], **TRIP)
        assert "on these days" in str(refused.value)
        assert len(list_budgets(ALICE).items) == 3

    def test_its_period_never_moves_on(self):
        budget = make(["Food"], **TRIP)

        with time_machine.travel("2026-05-02T12:00Z"):
            make_expense(category="Food", amount="20.00", date="2026-03-20")
            make_expense(category="Food", amount="40.00", date="2026-03-21")
            services.recount(ALICE, budget.budget_id)
            stored = get_budget(ALICE, budget.budget_id)

        assert stored.current.interval == "2026-03-10/2026-03-20"
        assert stored.spent == Decimal(20)
        assert results.keys(stored) == []

    def test_it_alerts_up_to_its_last_day(self):
        make(["Food"], **TRIP)

        with time_machine.travel("2026-03-20T12:00Z"):
            make_expense(category="Food", amount="85.00")
        assert alerts() == ["budget_threshold"]
        with time_machine.travel("2026-03-21T12:00Z"):
            make_expense(category="Food", amount="85.00", date="2026-03-20")
        assert alerts() == ["budget_threshold"]

    def test_it_alerts_before_its_first_day(self):
        make(["Food"], period="once", start="2026-04-01", end="2026-04-09")

        make_expense(category="Food", amount="85.00", date="2026-04-05")

        assert alerts() == ["budget_threshold"]

    def test_a_summary_has_it_on_its_days_only(self):
        make("all", **TRIP)

        def shown(at):
            with time_machine.travel(at):
                return [line.within.interval for line in summary(ALICE).lines]

        assert shown("2026-03-09T12:00Z") == []
        assert shown("2026-03-10T12:00Z") == ["2026-03-10/2026-03-20"]
        assert shown("2026-03-20T12:00Z") == ["2026-03-10/2026-03-20"]
        assert shown("2026-03-21T12:00Z") == []

    @pytest.mark.parametrize("at", ["2026-03-09", "2026-03-15", "2026-05-01"])
    def test_the_list_of_budgets_always_has_it(self, at):
        make("all", **TRIP)

        with time_machine.travel(f"{at}T12:00Z"):
            (line,) = current_lines(ALICE, list_budgets(ALICE).items)
        assert line.within.interval == "2026-03-10/2026-03-20"

    def test_its_days_can_change(self):
        make_expense(category="Food", amount="7.00", date="2026-03-21")
        trip = make(["Food"], **TRIP)
        assert trip.spent == 0

        longer = services.edit_budget(ALICE, trip.budget_id, end="2026-03-21")

        assert longer.spent == Decimal(7)
        make_expense(category="Food", amount="1.00", date="2026-03-21")
        assert spent(longer) == Decimal(8)

    def test_a_monthly_budget_can_become_one_and_back(self):
        make_expense(category="Food", amount="7.00", date="2026-03-01")
        budget = make(
            SEVERAL, rollover={"mode": "both"}, period="monthly", amount="50.00"
        )

        trip = services.edit_budget(ALICE, budget.budget_id, **TRIP)
        assert (trip.spent, trip.rollover) == (0, "none")
        assert trip.current.interval == "2026-03-10/2026-03-20"

        monthly = services.edit_budget(ALICE, trip.budget_id, period="monthly")
        assert (monthly.spent, monthly.only_period) == (7, None)
        assert monthly.current.interval == "2026-03-01/2026-03-31"
        assert monthly.budget_id == budget.budget_id


class TestDirectory:
    def entries(self):
        directory = BudgetDirectory.find(BudgetDirectory.key("alice"))
        return [entry["budget_id"] for entry in directory.entries] if directory else []

    def test_it_lists_the_budgets_whose_ids_do_not_follow(self):
        make(["Food"])
        make("all")
        make(["Food"], period="biweekly", anchor=TODAY)
        assert self.entries() == []

        listed = [make(SEVERAL), make(SEVERAL, period="weekly"), make("all", **TRIP)]

        assert self.entries() == [budget.budget_id for budget in listed]
        services.delete_budget(ALICE, listed[0].budget_id)
        assert self.entries() == [budget.budget_id for budget in listed[1:]]

    def test_it_follows_edits(self):
        budget = make(SEVERAL)

        one = services.edit_budget(ALICE, budget.budget_id, categories=["Food"])
        assert self.entries() == []
        more = services.edit_budget(ALICE, one.budget_id, categories=["Food", "Fun"])
        assert self.entries() == [more.budget_id]
        spelled = services.edit_budget(
            ALICE, more.budget_id, categories=["FUN", "FOOD"], amount="5.00"
        )
        assert spelled.budget_id == more.budget_id
        assert spelled.categories.names == ("FUN", "FOOD")
        assert self.entries() == [more.budget_id]
        services.edit_budget(ALICE, more.budget_id, categories="all")
        assert self.entries() == []

    def test_it_has_room_for_a_hundred(self):
        first = make(SEVERAL)
        directory = BudgetDirectory.find(BudgetDirectory.key("alice"))
        entries = [{**directory.entries[0], "budget_id": f"{n:032}"} for n in range(98)]
        directory.update([BudgetDirectory.entries.set([*directory.entries, *entries])])

        make("all", **TRIP)
        with pytest.raises(ConflictError) as refused:
            make(["Food", "Fun"])
        assert "at most 100 budgets" in str(refused.value)
        make("all")  # is not in it
        services.edit_budget(ALICE, first.budget_id, categories=["Food", "Fun"])
        assert len(self.entries()) == 100

    def test_a_hundred_budgets_of_twenty_long_names_fit(self):
        long = [f"{'😀' * 47}{number:03}" for number in range(20)]
        budget = Budget(user_id="alice", period="monthly", category="")
        budget.more_categories = long
        budget.budget_id = "0" * 32

        entry = lookup._entry_of(budget)

        assert len(str([entry] * 100)) < 100_000

    def test_two_budgets_created_at_once_are_both_listed(self):
        find = BudgetDirectory.find
        others = iter([["Food", "Fun"]])

        def overtaken(key):
            directory = find(key)
            for categories in others:
                make(categories)
            return directory

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(BudgetDirectory, "find", overtaken)
            make(SEVERAL)

        assert len(self.entries()) == 2


class TestShapes:
    @pytest.fixture
    def carol(self):
        return make_user("carol")

    def shapes(self, user):
        return account_of(user).user.budget_shapes

    def test_usual_budgets_have_none(self, carol):
        for period in ("monthly", "weekly", "yearly"):
            make_budget(carol, period=period)

        assert self.shapes(carol) == ()

    def test_others_are_in_the_account_and_its_sessions(self, carol):
        client = client_for(carol)
        body = {"categories": SEVERAL, "amount": "100.00"}
        assert client.post("/api/budgets", body, content_type="application/json")
        make("all", carol, period="weekly")
        make(["Food"], carol, period="quarterly")

        assert self.shapes(carol) == ("all:weekly", "listed", "quarterly")
        expense = {"category": "Food", "amount": "85.00"}
        client.post("/api/expenses", expense, content_type="application/json")
        listing = client.get("/api/budgets").json()["results"]
        assert [budget["spent"] for budget in listing] == ["85.00"] * 3
        assert alerts(carol) == ["budget_threshold"] * 3

    def test_they_stay(self, carol):
        budget = make("all", carol)
        services.delete_budget(carol, budget.budget_id)

        assert self.shapes(carol) == ("all:monthly",)

    def test_a_request_with_an_older_user_is_counted_a_little_later(self, carol):
        budget = make(SEVERAL, carol)
        make_expense(carol, category="Food")  # `carol` has no shapes
        assert spent(budget) == 0

        with time_machine.travel(
            datetime.datetime(2026, 3, 18, 13, tzinfo=datetime.UTC)
        ):
            assert services.recount(carol, budget.budget_id)
        assert spent(budget) == Decimal(10)

    def test_only_what_the_user_has_is_read(self, carol):
        def keys_read():
            asked = []
            get = lookup._StoredItem.batch_get.__func__

            def batch_get(cls, ids, **options):
                asked.extend(ids)
                return get(cls, ids, **options)

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(lookup._StoredItem, "batch_get", classmethod(batch_get))
                with counted() as calls:
                    make_expense(account_of(carol).user, category="Food")
            return len(asked), calls.names.count("dynamodb.BatchGetItem")

        assert keys_read() == (3, 1)
        make("all", carol)
        assert keys_read() == (4, 1)
        make(["Rent", "Fun"], carol)
        assert keys_read() == (5, 1)
        make(SEVERAL, carol)
        assert keys_read() == (5, 2)


class TestEditing:
    def test_taken_categories_are_a_conflict(self):
        make(SEVERAL)
        other = make("all")

        for again in (SEVERAL, ["drinks", "FOOD", "food"]):
            with pytest.raises(ConflictError) as refused:
                make(again)
            assert refused.value.field == "category"
        with pytest.raises(ConflictError) as refused:
            make("all")
        assert "for everything" in str(refused.value)
        with pytest.raises(ConflictError):
            services.edit_budget(ALICE, other.budget_id, categories=SEVERAL)
        assert make(SEVERAL, period="weekly").period == "weekly"

    def test_a_client_that_knows_one_category_can_send_back_the_text(self):
        for categories in (SEVERAL, "all"):
            budget = make(categories)

            edited = services.edit_budget(
                ALICE, budget.budget_id, category=budget.category, amount="7.00"
            )

            assert edited.categories == budget.categories
            assert (edited.budget_id, edited.amount) == (budget.budget_id, 7)

    @pytest.mark.parametrize(
        ("before", "after"),
        list(itertools.permutations([["Food"], SEVERAL, ["Food", "Rent"], "all"], 2)),
    )
    def test_a_budget_counts_what_it_covers_now(self, before, after):
        for category, amount in (("Food", 1), ("Drinks", 2), ("Rent", 4), ("Fun", 8)):
            make_expense(category=category, amount=amount)
        budget = make(before)

        edited = services.edit_budget(ALICE, budget.budget_id, categories=after)

        covered = Categories() if after == "all" else Categories.of(after)
        amounts = {"food": 1, "drinks": 2, "rent": 4, "fun": 8}
        expected = sum(amounts[key] for key in amounts if covered.covers(key))
        assert edited.spent == expected
        make_expense(category="Food", amount="10.00")
        assert spent(edited) == expected + 10
        assert len(list_budgets(ALICE).items) == 1


class TestSummary:
    def test_the_overall_budget_is_the_total(self):
        make(["Food"], amount="30.00")
        make(SEVERAL, amount="90.00")
        make(["Rent"], amount="70.00", period="weekly")
        make_expense(category="Food", amount="10.00")
        make("all", amount="1.00", **TRIP)
        before = summary(ALICE)
        overall = make("all", amount="500.00")

        assert (before.total_budget, before.left_to_spend) == (30, 90)
        after = summary(ALICE)
        assert (after.total_budget, after.left_to_spend) == (500, 490)
        assert after.left_by_period == [("monthly", Decimal(490))]
        services.edit_budget(ALICE, overall.budget_id, paused=True)
        assert summary(ALICE).total_budget == 30

    def test_an_overall_budget_leaves_categories_not_budgeted(self):
        for category in ("Food", "Drinks", "Rent"):
            make_expense(category=category)
        make("all")
        make(["Drinks", "Rent"])

        assert summary(ALICE).unbudgeted == [("Food", Decimal(10))]

    @pytest.mark.parametrize("covered", [SEVERAL, "all"])
    def test_the_forecast_is_of_all_that_a_budget_covers(self, covered):
        for day in range(1, 19):
            category = SEVERAL[day % 2]
            make_expense(category=category, amount="5.00", date=f"2026-03-{day:02}")
        make(covered)

        (line,) = summary(ALICE).lines

        assert line.projected_overspend_date == datetime.date(2026, 3, 21)

    def test_names_are_those_of_all_categories(self):
        make(SEVERAL)
        make("all")
        make_expense(category="Rent")

        assert summary(ALICE).names == ["Drinks", "Food", "Rent"]


def test_results_keep_what_was_covered_then():
    make_expense(category="Food", amount="1.00")
    make_expense(category="Rent", amount="2.00")
    budget = make(SEVERAL)
    with time_machine.travel("2026-04-05T12:00Z"):
        make_expense(category="Rent", amount="4.00")
        edited = services.edit_budget(ALICE, budget.budget_id, categories="all")

        march = summary(ALICE, "2026-03").lines
        april = summary(ALICE).lines

    assert [(line.category, line.spent) for line in march] == [("Food and Drinks", 1)]
    assert [(line.category, line.spent) for line in april] == [("Everything", 4)]
    assert results.read([edited])[edited.budget_id][0].categories.names == (
        "Food",
        "Drinks",
    )


class TestRenaming:
    def listed(self):
        return {
            (budget.categories.names, budget.period): (
                int(budget.amount),
                int(budget.spent),
            )
            for budget in list_budgets(ALICE).items
        }

    def test_a_list_is_renamed(self):
        make_expense(category="Drinks", amount="3.00")
        make_expense(category="Food", amount="4.00")
        before = make(SEVERAL)
        make("all")
        make(SEVERAL, **TRIP)

        renamed = rename_categories(ALICE, ["drinks"], "Wine")

        assert self.listed() == {
            (("Food", "Wine"), "monthly"): (100, 7),
            (("Food", "Wine"), "once"): (100, 7),
            ((), "monthly"): (100, 7),
        }
        assert renamed.previous == "Drinks"
        make_expense(category="Wine", amount="2.00")
        assert {total for _, total in self.listed().values()} == {9}
        rename_categories(ALICE, ["Wine"], "Drinks")
        assert before.budget_id in {b.budget_id for b in list_budgets(ALICE).items}

    def test_a_list_can_become_one_category(self):
        make_expense(category="Drinks", amount="3.00")
        make_expense(category="Food", amount="4.00")
        make(SEVERAL, period="biweekly", anchor=TODAY)

        rename_categories(ALICE, ["Drinks"], "Food")

        assert self.listed() == {(("Food",), "biweekly"): (100, 7)}
        assert BudgetDirectory.find(BudgetDirectory.key("alice")).entries == []
        make_expense(category="Food", amount="2.00")
        assert self.listed() == {(("Food",), "biweekly"): (100, 9)}

    @pytest.mark.parametrize(("strategy", "amount"), [("keep", 30), ("add", 100)])
    def test_lists_that_come_to_cover_the_same_are_merged(self, strategy, amount):
        make_expense(category="Drinks", amount="3.00")
        make_expense(category="Wine", amount="4.00")
        make(["Wine", "Food"], amount="30.00")
        make(["Food", "Drinks"], amount="70.00")

        with pytest.raises(ConflictError) as refused:
            rename_categories(ALICE, ["Drinks"], "Wine")
        assert "Food and Drinks" in str(refused.value)
        assert len(list_budgets(ALICE).items) == 2
        rename_categories(ALICE, ["Drinks"], "Wine", strategy=strategy)

        assert self.listed() == {(("Wine", "Food"), "monthly"): (amount, 7)}
        directory = BudgetDirectory.find(BudgetDirectory.key("alice"))
        assert len(directory.entries) == 1

    def test_a_list_is_merged_into_the_budget_of_its_last_category(self):
        make(SEVERAL, amount="30.00")
        make(["Food"], amount="70.00")

        rename_categories(ALICE, ["Drinks"], "Food", strategy="add")

        assert self.listed() == {(("Food",), "monthly"): (100, 0)}

    def test_a_rename_causes_no_second_alert(self):
        make_expense(category="Drinks", amount="50.00")
        make_expense(category="Food", amount="40.00")
        make(SEVERAL)
        make("all")
        assert alerts() == ["budget_threshold"] * 2

        rename_categories(ALICE, ["Drinks"], "Wine")
        rename_categories(ALICE, ["Wine"], "Food")

        assert alerts() == ["budget_threshold"] * 2
        make_expense(category="Food", amount="11.00")
        assert alerts() == ["budget_threshold"] * 2 + ["budget_exceeded"] * 2

    def test_results_are_renamed(self):
        make_expense(category="Drinks", amount="3.00")
        make(SEVERAL)
        with time_machine.travel("2026-04-05T12:00Z"):
            make_expense(category="Food", amount="4.00")
            rename_categories(ALICE, ["Drinks"], "Wine")

            (line,) = summary(ALICE, "2026-03").lines
            assert (line.category, line.spent) == ("Food and Wine", 3)

    def test_a_category_of_a_hundred_budgets_is_renamed(self):
        """In several transactions, which a repeated call continues."""
        for number in range(60):
            make(["Food", f"Number {number}"], amount="1.00")
        make_expense(category="Food", amount="5.00")

        conflicts = iter([WriteConflictError([])])
        commit = Transaction.commit
        committed = []

        def failing(transaction, token=None):
            if len(committed) == 1:
                for conflict in conflicts:
                    raise conflict
            commit(transaction, token)
            committed.append(len(transaction))

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Transaction, "commit", failing)
            rename_categories(ALICE, ["Food"], "Groceries")

        assert max(committed) <= Transaction.MAX_ITEMS
        covered = [budget.categories.names[0] for budget in list_budgets(ALICE).items]
        assert covered == ["Groceries"] * 60
        directory = BudgetDirectory.find(BudgetDirectory.key("alice"))
        ids = {budget.budget_id for budget in list_budgets(ALICE).items}
        assert {entry["budget_id"] for entry in directory.entries} == ids

    def test_the_list_of_categories_has_those_of_budgets(self):
        make(SEVERAL)
        make("all")

        uses = list_categories(ALICE).uses

        assert [(use.category, len(use.budgets)) for use in uses] == [
            ("Drinks", 1),
            ("Food", 1),
        ]


class TestApi:
    @pytest.fixture
    def carol(self):
        return make_user("carol")

    @pytest.fixture
    def client(self, carol):
        return client_for(carol)

    def post(self, client, **body):
        body = {"amount": "100.00", **body}
        return client.post("/api/budgets", body, content_type="application/json")

    @pytest.mark.parametrize(
        ("given", "category", "categories"),
        [
            ({"category": "Food"}, "Food", ["Food"]),
            ({"categories": ["Food"]}, "Food", ["Food"]),
            ({"categories": SEVERAL}, "Food, Drinks", SEVERAL),
            ({"categories": "all"}, "*", "all"),
        ],
    )
    def test_what_a_budget_covers_is_returned(
        self, client, given, category, categories
    ):
        answer = self.post(client, **given)

        assert answer.status_code == 201, answer.content
        body = answer.json()
        (line,) = client.get("/api/summary").json()["budgets"]
        for shown in (body, client.get(answer["Location"]).json(), line):
            assert (shown["category"], shown["categories"]) == (category, categories)

    @pytest.mark.parametrize(
        "categories",
        [[], "Food", "ALL", "", None, 5, {}, [5], [None], ["a" * 51], ["a"] * 21, [""]],
    )
    def test_wrong_categories_are_rejected(self, client, categories):
        answer = self.post(client, categories=categories)

        assert answer.status_code == 400
        (error,) = answer.json()["errors"]
        assert error["pointer"].startswith("/categories")

    def test_the_days_of_a_one_off_budget_are_returned(self, client):
        body = self.post(client, categories="all", **TRIP).json()

        assert (body["period"], body["start"], body["end"]) == (
            "once",
            "2026-03-10",
            "2026-03-20",
        )
        assert self.post(client, categories="all", **TRIP).status_code == 409
        answer = self.post(client, categories="all", start="2026-03-10")
        assert answer.status_code == 400
        assert [error["pointer"] for error in answer.json()["errors"]] == ["/start"]

    def test_dry_runs_store_nothing(self, client, carol):
        body = {"categories": SEVERAL, "amount": "100.00", **TRIP}
        json = {"content_type": "application/json"}
        new = client.post("/api/budgets?dry_run=true", body, **json).json()
        assert new["categories"] == SEVERAL
        assert new["periods"] == [{"start": TRIP["start"], "end": TRIP["end"]}]
        assert account_of(carol).budget_shapes is None
        assert BudgetDirectory.find(BudgetDirectory.key(carol.user_id)) is None

        stored = client.post("/api/budgets", body, **json).json()
        path = f"/api/budgets/{stored['budget_id']}?dry_run=true"
        moved = client.patch(path, {"end": "2026-03-21", "categories": "all"}, **json)
        assert moved.json()["end"] == "2026-03-21"
        assert moved.json()["categories"] == "all"
        (listed,) = client.get("/api/budgets").json()["results"]
        assert listed == stored

    def test_other_users_have_no_access(self, client):
        path = self.post(client, categories=SEVERAL).json()["budget_id"]
        other = client_for(make_user("dave"))

        for method in ("get", "patch", "delete"):
            answer = getattr(other, method)(
                f"/api/budgets/{path}",
                {"categories": "all"} if method == "patch" else None,
                content_type="application/json",
            )
            assert answer.status_code == 404


def test_deleting_an_account_deletes_its_directory():
    make(SEVERAL)
    make(SEVERAL, BOB)

    deleted = sum(services.delete_all("alice"))

    assert deleted == 2
    assert sum(services.delete_all("alice")) == 0
    assert BudgetDirectory.find(BudgetDirectory.key("alice")) is None
    assert BudgetDirectory.find(BudgetDirectory.key("bob")) is not None
    assert len(list_budgets(BOB).items) == 1


def test_a_report_has_a_one_off_budget_of_its_days():
    make("all", **TRIP)
    make_expense(amount="20.00", date="2026-03-12")

    def lines(**asked):
        period = ask(TODAY, report_type="monthly", **asked)
        report = build_report(ALICE, period, today=TODAY)
        return [standing.line.spent for standing in report.budgets]

    assert lines(year=2026, month=3) == [Decimal(20)]
    assert lines(year=2026, month=2) == []
    year = ask(TODAY, report_type="yearly", year=2026)
    (standing,) = build_report(ALICE, year, today=TODAY).budgets
    assert (standing.line.spent, standing.line.periods) == (20, 1)


class TestDailyCheck:
    def checked(self, at):
        with time_machine.travel(at), counted() as calls:
            result = checks.check_all(None, lambda: True)
        assert result.errors == []
        return calls.names

    def test_totals_of_all_kinds_are_corrected(self):
        carol = make_user("carol")
        covers = ((SEVERAL, {}), ("all", {}), ("all", TRIP))
        budgets = [make(covered, carol, **fields) for covered, fields in covers]
        for budget in budgets:
            Budget(budget.budget_id).update(
                [Budget.spent.set(Decimal(7))], add_version_condition=False
            )
        make_expense(BOB)

        names = self.checked("2026-03-19T12:00Z")

        assert names.count("dynamodb.Query") == 1
        assert {spent(budget) for budget in budgets} == {Decimal(0)}

    def test_a_one_off_budget_that_is_over_costs_nothing_more(self):
        make(SEVERAL, **TRIP)

        assert self.checked("2026-04-19T12:00Z") == ["dynamodb.Scan", "dynamodb.Query"]
        assert self.checked("2026-04-21T12:00Z") == ["dynamodb.Scan"]


class TestPages:
    def test_the_dashboard_adds_up_no_budgets_that_may_overlap(self):
        carol = make_user("carol")
        make(SEVERAL, carol)
        make("all", carol, **TRIP)
        client = client_for(carol)
        assert "Left to spend" not in client.get("/").text

        make(["Food"], carol)
        assert "Left to spend" in client.get("/").text

    @pytest.mark.parametrize(
        ("covered", "fields", "name"),
        [
            (SEVERAL, {}, "Food and Drinks"),
            ("all", {}, "Everything"),
            ("all", TRIP, "Everything"),
            (["Food"], TRIP, "Food"),
        ],
    )
    def test_every_budget_is_named(self, covered, fields, name):
        carol = make_user("carol")
        budget = make(covered, carol, **fields)
        make_expense(account_of(carol).user, category="Food")
        client = client_for(carol)

        path = f"/budgets/{budget.budget_id}"
        for address in ("/", "/budgets/", path, f"{path}/edit", f"{path}/delete"):
            page = client.get(address)
            assert page.status_code == 200, address
            if not address.endswith("edit"):
                assert name in page.text, address
        assert client.get("/expenses/categories").status_code == 200
