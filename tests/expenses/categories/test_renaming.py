"""Renaming and merging categories: expenses, histories, budgets and alerts."""

import datetime
import threading
from collections import Counter
from decimal import Decimal
from unittest.mock import patch

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from budgets import services as budgets
from budgets.merge import MergeStrategy
from budgets.models import LEVELS, Budget, budget_id_for
from expenses import batch, services
from expenses.categories.services import rename_categories
from expenses.history import list_changes
from expenses.models import Expense
from expenses.queries import get_expense
from expenses.renaming import services as renaming
from expenses.renaming.services import Renamed
from smartbudget.core.dynamodb import Transaction
from smartbudget.core.errors import ConflictError, InvalidError
from smartbudget.core.periods import CALENDAR_PERIODS
from smartbudget.core.text import casefold_key
from tests.budgets.test_index_lag import lagging_index
from tests.budgets.test_random_writes import (
    SETTINGS,
    assert_totals_correct,
    write_in_threads,
    writing,
)
from tests.calls import QUERY, READ, TRANSACTION, counted
from tests.conftest import empty_aws
from tests.expenses.builders import amounts, make_expenses, names, rows
from tests.money_builders import (
    ALICE,
    BOB,
    NOON,
    TODAY,
    alerts,
    make_budget,
    make_expense,
    spent,
)
from tests.notifications import faults

pytestmark = pytest.mark.usefixtures("aws")


def categories(user=ALICE) -> Counter[str]:
    return Counter(expense.category for expense in Expense.by_user.query(user.user_id))


def changes_of_each() -> Counter[int]:
    return Counter(
        len(list_changes(ALICE, expense.expense_id))
        for expense in Expense.by_user.query("alice")
    )


def budgets_of(user=ALICE) -> dict[tuple[str, str], tuple[Decimal, Decimal]]:
    """Return {(category, period): (amount, spent)} of the user's budgets."""
    return {
        (budget.category, budget.period): (budget.amount, budget.spent)
        for budget in budgets.list_budgets(user).items
    }


def rename(source="Groceries", target="Food", **fields) -> Renamed:
    return rename_categories(ALICE, [source], target, **fields)


def test_all_expenses_of_a_category_are_renamed_with_history():
    ids = [
        *make_expenses(2),
        *make_expenses(1, "GROCERIES", status="void"),
        *make_expenses(1, date="2020-01-01"),
    ]
    other = make_expenses(1, "Rent")

    result = rename("groceries", " Food ")

    assert result == Renamed(changed=4, left=False, alerts=0)
    assert categories() == {"Food": 4, "Rent": 1}
    for expense_id in ids:
        newest = list_changes(ALICE, expense_id)[0]
        assert [edit.field for edit in newest.edits] == ["category"]
        assert get_expense(ALICE, expense_id).category_key == "food"
    assert len(list_changes(ALICE, other[0])) == 1


def test_a_different_spelling_is_a_rename():
    budget = make_budget(category="groceries", amount="100.00")
    make_expenses(2, "groceries")
    make_expenses(1, "Groceries")

    result = rename("groceries", "Groceries")

    assert result == Renamed(changed=2, left=False, alerts=0)
    assert categories() == {"Groceries": 3}
    assert Budget.get(budget.budget_id).category == "Groceries"
    assert spent(budget) == Decimal(30)


def test_renaming_again_changes_nothing():
    make_budget(amount="100.00")
    make_expenses(3)
    rename()
    before = budgets_of()

    assert rename() == Renamed(changed=0, left=False, alerts=0)
    assert budgets_of() == before


def test_an_unused_category_is_not_an_error():
    assert rename("Nothing of that name") == Renamed(0, False, 0)


def test_other_users_keep_their_category():
    theirs = make_budget(BOB)
    make_expenses(2, user=BOB)
    make_expenses(1)

    rename()

    assert categories(BOB) == {"Groceries": 2}
    assert spent(theirs) == Decimal(20)
    assert categories() == {"Food": 1}


@pytest.mark.parametrize(
    ("sources", "target", "strategy", "field"),
    [
        ([], "Food", None, "from"),
        (["x"] * 21, "Food", None, "from"),
        ([""], "Food", None, "from"),
        (["x" * 51], "Food", None, "from"),
        (["Groceries"], " ", None, "into"),
        (["Groceries"], "x" * 51, None, "into"),
        (["Groceries"], "a\x00b", None, "into"),
        (["Groceries"], "Food", "drop", "budgets"),
    ],
)
def test_invalid_names_are_rejected_and_nothing_changes(
    sources, target, strategy, field
):
    make_expenses(1)

    with pytest.raises(InvalidError) as refused:
        rename_categories(ALICE, sources, target, strategy=strategy)

    assert refused.value.field == field
    assert categories() == {"Groceries": 1}


def test_twenty_long_names_are_merged():
    names = [f"{number:02d}" + "x" * 48 for number in range(20)]
    for name in names:
        make_expenses(1, name)
        make_budget(category=name, amount="5.00")

    result = rename_categories(ALICE, names, "y" * 50, strategy="add")

    assert result.changed == 20
    assert categories() == {"y" * 50: 20}
    assert budgets_of() == {("y" * 50, "monthly"): (Decimal(100), Decimal(200))}


def test_budgets_are_renamed_with_their_totals():
    make_budget(amount="100.00")
    make_budget(amount="900.00", period="yearly")
    make_budget(category="Food", amount="50.00", period="weekly")
    make_expenses(2)
    make_expenses(1, date="2026-01-15")
    make_expenses(1, "Food")

    rename()

    assert budgets_of() == {
        ("Food", "monthly"): (Decimal(100), Decimal(30)),
        ("Food", "yearly"): (Decimal(900), Decimal(40)),
        ("Food", "weekly"): (Decimal(50), Decimal(30)),
    }


def test_two_budgets_for_one_period_are_rejected_and_named():
    make_budget(amount="100.00")
    make_budget(category="Food", amount="50.00")
    make_expenses(2)

    with pytest.raises(ConflictError, match="Food and Groceries each have a budget"):
        rename()

    assert categories() == {"Groceries": 2}
    assert len(budgets_of()) == 2


@pytest.mark.parametrize(("strategy", "amount"), [("keep", 50), ("add", 150)])
def test_two_budgets_are_merged_by_the_chosen_strategy(strategy, amount):
    make_budget(amount="100.00")
    make_budget(category="Food", amount="50.00")
    make_expenses(2)

    rename(strategy=strategy)
    rename(strategy=strategy)

    assert budgets_of() == {("Food", "monthly"): (Decimal(amount), Decimal(20))}


def test_the_first_budget_is_kept_if_the_new_name_has_none():
    make_budget(category="Rent", amount="100.00")
    make_budget(category="Fun", amount="7.00", alert_threshold=50)

    rename_categories(ALICE, ["Fun", "Rent"], "Life", strategy="keep")

    (budget,) = budgets.list_budgets(ALICE).items
    assert (budget.category, budget.amount) == ("Life", Decimal(7))
    assert budget.alert_threshold == 50


def test_merged_amounts_above_the_limit_are_rejected():
    make_budget(amount="999999999999.00")
    make_budget(category="Food", amount="1.00")

    with pytest.raises(InvalidError):
        rename(strategy="add")

    assert len(budgets_of()) == 2


def alert_counts() -> Counter[str]:
    return Counter(alert for alert in alerts() if alert != "alert_digest")


@pytest.mark.parametrize(
    ("source", "target", "previous"),
    [
        ("groceries", "Food", "Groceries"),  # by its spelling
        ("Groceries", "groceries", "Groceries"),
        ("Groceries", "Rent", None),  # has expenses
        ("Groceries", "RENT", None),
        ("Groceries", "Trips", None),  # has a budget
        ("Groceries", "trips", None),
        ("Mixed", "Food", None),  # spelled in two ways
        ("Trips", "Travel", "Trips"),  # only a budget
        ("Trips", "Rent", None),
        ("Unused", "Food", None),
    ],
)
def test_a_rename_names_what_renaming_back_restores(source, target, previous):
    for category in ("Groceries", "Groceries", "Rent", "Mixed", "mixed"):
        make_expense(category=category)
    make_expense(BOB, category="Food")
    make_budget(amount="100.00", period="weekly")
    make_budget(category="Trips", amount="50.00")
    before = categories(), budgets_of()

    result = rename(source, target)

    assert result.previous == previous
    if previous:
        assert (categories(), budgets_of()) != before
        rename(target, previous)
        assert (categories(), budgets_of()) == before


def test_a_rename_in_several_calls_has_no_name_to_go_back_to(monkeypatch):
    monkeypatch.setattr(renaming, "MAX_EXPENSES", 2)
    make_expenses(3)

    assert [rename().previous, rename().previous] == [None, None]


def test_levels_already_notified_are_not_alerted_again():
    make_budget(amount="100.00")
    make_expenses(9)
    assert alert_counts() == {"budget_threshold": 1}

    assert rename().alerts == 0

    assert alert_counts() == {"budget_threshold": 1}
    make_expense(category="Food", amount="11.00")
    assert alert_counts() == {"budget_threshold": 1, "budget_exceeded": 1}


def test_a_level_reached_by_a_merge_causes_one_alert():
    make_budget(amount="100.00")
    make_expenses(6)
    make_expenses(6, "Food")

    result = rename()

    assert result.alerts == 1
    assert alerts() == ["budget_exceeded"]


def test_only_levels_not_notified_before_are_alerted():
    make_budget(amount="100.00")
    make_expenses(9)
    make_expenses(3, "Food")

    assert rename().alerts == 1

    assert alert_counts() == {"budget_threshold": 1, "budget_exceeded": 1}


def test_added_amounts_do_not_alert_if_the_level_stays():
    make_budget(category="Food", amount="100.00")
    make_budget(amount="100.00")
    make_expenses(9)
    make_expenses(9, "Food")

    rename(strategy="add")

    assert alert_counts() == {"budget_threshold": 2}


def test_a_level_that_fell_by_the_merge_alerts_when_reached_again():
    """Both after a move and after amounts were added up."""
    make_budget(category="Food", amount="100.00")
    make_budget(amount="100.00")
    make_expenses(9, "Food")

    rename(strategy="add")
    (budget,) = budgets.list_budgets(ALICE).items
    assert (budget.level, budget.notified_level) == ("ok", None)
    make_expense(category="Food", amount="80.00")

    assert alert_counts() == {"budget_threshold": 2}


def test_renaming_back_alerts_only_for_new_levels():
    make_budget(amount="100.00")
    ids = make_expenses(9)
    rename("Groceries", "Food")
    rename("Food", "Groceries")
    assert alert_counts() == {"budget_threshold": 1}

    services.edit_expense(ALICE, ids[0], amount="1.00")
    services.edit_expense(ALICE, ids[1], amount="1.00")
    services.edit_expense(ALICE, ids[0], amount="10.00")

    assert alert_counts() == {"budget_threshold": 2}


@pytest.mark.usefixtures("small")
def test_notified_levels_are_kept_in_between_and_dropped_with_the_period():
    make_budget(amount="100.00")
    make_expenses(9)
    with faults.killed("TransactWriteItems", 2, done=False):
        rename()
    (budget,) = budgets.list_budgets(ALICE).items
    assert (budget.category, budget.spent) == ("Food", 0)
    assert budget.notified_level == "threshold"

    with time_machine.travel(NOON + datetime.timedelta(days=20)):
        make_expense(category="Food", amount="85.00")

    (budget,) = budgets.list_budgets(ALICE).items
    assert budget.notified_level is None
    assert alert_counts() == {"budget_threshold": 2}


def test_notified_levels_of_a_past_period_are_ignored():
    make_budget(amount="100.00")
    make_expenses(9)
    with time_machine.travel(NOON + datetime.timedelta(days=20)):
        make_expenses(9)  # the budget enters a new period and alerts again
        rename()
        assert alert_counts() == {"budget_threshold": 2}
    with time_machine.travel(NOON + datetime.timedelta(days=50)):
        assert rename("Food", "Groceries").alerts == 0
        make_expenses(9)
    assert alert_counts() == {"budget_threshold": 3}


def test_one_call_changes_a_limited_number_and_reports_the_rest(monkeypatch):
    monkeypatch.setattr(renaming, "MAX_EXPENSES", 5)
    budget = make_budget(amount="100.00")
    make_expenses(11)

    results = [rename() for _ in range(4)]

    assert [(result.changed, result.left) for result in results] == [
        (5, True),
        (5, True),
        (1, False),
        (0, False),
    ]
    assert budget.budget_id not in {stored.budget_id for stored in Budget.scan()}
    assert alert_counts() == {"budget_threshold": 1, "budget_exceeded": 1}


def test_exactly_the_limit_of_one_call_leaves_nothing(monkeypatch):
    monkeypatch.setattr(renaming, "MAX_EXPENSES", 5)
    make_expenses(5)

    assert rename() == Renamed(5, False, 0)


@pytest.mark.usefixtures("small")
def test_at_least_one_transaction_runs_before_the_deadline(monkeypatch):
    monkeypatch.setattr(batch, "MAX_SECONDS", 0)
    make_expenses(23)

    result = rename()

    assert result == Renamed(10, True, 0)
    assert rename() == Renamed(10, True, 0)
    assert rename() == Renamed(3, False, 0)
    assert categories() == {"Food": 23}


def test_renaming_a_thousand_costs_one_read_and_few_transactions():
    with Expense.batch_write() as batch:
        for number in range(1000):
            batch.save(stored(number))
    make_budget(amount="9999.00")

    # Nothing is written: moto copies its tables for every transaction.
    with faults.answered("TransactWriteItems", 200, "{}"), counted() as calls:
        result = rename()

    assert result == Renamed(1000, False, 0)
    # 1,000 expenses and their 1,000 histories beside a budget and its alerts and, for
    # past months, the totals of a year or two: 47 or 48 to a transaction. Before them
    # the budget moves, which recounts it; afterwards one query checks that nothing is
    # left.
    assert Counter(calls.names) == {
        READ: 3,
        QUERY: 2,
        TRANSACTION: 1 + 22,
        "sqs.SendMessageBatch": 1,
        **{name: 1 for name in calls.names if name == "sqs.GetQueueUrl"},
    }


def stored(number: int) -> Expense:
    return Expense(
        expense_id=f"{number:032x}",
        user_id="alice",
        date=str(TODAY - datetime.timedelta(days=number)),
        amount=Decimal("1.00"),
        category="Groceries",
        category_key="groceries",
        created_at="2026-01-01T00:00:00.000000+00:00",
        updated_at="2026-01-01T00:00:00.000000+00:00",
        version=1,
    )


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("strategy", [None, "keep", "add"])
def test_repeating_after_a_crash_counts_each_expense_once(strategy, nth, done):
    make_budget(amount="100.00")
    if strategy:
        make_budget(category="Food", amount="100.00")
    make_expenses(16)

    with faults.killed("TransactWriteItems", nth, done=done):
        rename(strategy=strategy)
    assert_totals_correct()
    rename(strategy=strategy)

    assert categories() == {"Food": 16}
    amount = 200 if strategy == "add" else 100
    assert budgets_of() == {("Food", "monthly"): (Decimal(amount), Decimal(160))}
    # The crashed call alerted the threshold, the repeated one the level above.
    halfway = (nth, done) in {(2, True), (3, False)}
    expected = {None: (1, 1), "keep": (1 + halfway, 2), "add": (2, 1)}[strategy]
    alerts_sent = alert_counts()
    assert (alerts_sent["budget_threshold"], alerts_sent["budget_exceeded"]) == expected


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_lost_reply_counts_nothing_twice(nth):
    make_budget(amount="100.00")
    make_expenses(16)

    with faults.reply_lost("TransactWriteItems", nth):
        rename()

    assert categories() == {"Food": 16}
    assert budgets_of() == {("Food", "monthly"): (Decimal(100), Decimal(160))}
    assert alert_counts() == {"budget_threshold": 1, "budget_exceeded": 1}
    assert changes_of_each() == {2: 16}


@pytest.mark.usefixtures("small")
def test_concurrent_changes_are_kept():
    make_budget(amount="9999.00")
    ids = make_expenses(12)

    with faults.meanwhile(
        lambda: make_expense(amount="3.00"),  # in the old category, where it stays
        lambda: make_expense(category="Food", amount="5.00"),
        lambda: services.edit_expense(ALICE, ids[0], amount="1.00"),
        lambda: services.edit_expense(ALICE, ids[1], category="Rent"),
        lambda: services.delete_expense(ALICE, ids[2]),
    ):
        result = rename()

    assert result.changed == 10
    assert categories() == {"Food": 11, "Rent": 1, "Groceries": 1}
    assert budgets_of() == {("Food", "monthly"): (Decimal(9999), Decimal(96))}
    assert rename().changed == 1
    assert categories() == {"Food": 12, "Rent": 1}
    assert_totals_correct()


def test_a_budget_created_meanwhile_for_the_new_name_is_a_conflict():
    make_budget(amount="100.00")
    make_expenses(2)
    rival = faults.meanwhile(lambda: make_budget(category="Food", amount="50.00"))

    with rival, pytest.raises(ConflictError):
        rename()

    assert categories() == {"Groceries": 2}
    assert len(budgets_of()) == 2


def test_a_lagging_index_causes_no_repeated_change():
    with lagging_index():
        with time_machine.travel(NOON + datetime.timedelta(minutes=1)):
            make_budget(amount="9999.00")
            make_expenses(4)
        with time_machine.travel(NOON + datetime.timedelta(minutes=1, seconds=9)):
            first = rename()
            again = rename()  # the index still shows the old state

    assert (first.changed, again.changed) == (4, 0)
    assert budgets_of() == {("Food", "monthly"): (Decimal(9999), Decimal(40))}
    assert changes_of_each() == {2: 4}


limited = st.tuples(
    st.sampled_from(["Groceries", "Rent", "Bus"]),
    st.sampled_from(CALENDAR_PERIODS),
    amounts.map(lambda amount: amount * 3),
)
renames = st.tuples(
    st.lists(names, min_size=1, max_size=3),
    st.sampled_from(["groceries", "Rent", "New"]),
    st.sampled_from(tuple(MergeStrategy)),
)


@pytest.mark.soak
@SETTINGS
@given(
    st.lists(rows, min_size=1, max_size=20),
    st.lists(limited, max_size=5, unique_by=lambda row: row[:2]),
    st.lists(renames, min_size=1, max_size=3),
    st.sampled_from([1000, 4]),
)
def test_totals_are_always_correct_and_only_risen_levels_alert(
    drawn, limits, acts, most
):
    """With any number of transactions and calls."""

    def look(request, operation):
        assert_totals_correct()

    small = (
        patch.object(Transaction, "MAX_ITEMS", 22),
        patch.object(renaming, "MAX_EXPENSES", most),
    )
    with empty_aws(), small[0], small[1], time_machine.travel(NOON, tick=True):
        for category, period, amount in limits:
            make_budget(category=category, period=period, amount=amount)
        for row in drawn:
            services.record_expense(ALICE, **row)
        for sources, target, strategy in acts:
            before = alert_counts()
            expected = levels_before(sources, target)
            with faults.hooked("TransactWriteItems", look):
                while rename_categories(ALICE, sources, target, strategy=strategy).left:
                    pass
            assert_totals_correct()
            after = {
                budget.budget_id: budget for budget in budgets.list_budgets(ALICE).items
            }
            assert not any(budget.notified_level for budget in after.values())
            keys = set(map(casefold_key, sources)) - {casefold_key(target)}
            assert keys.isdisjoint(map(casefold_key, categories()))
            rose = Counter()
            for budget_id, was in expected.items():
                now = after[budget_id].level
                rose[f"budget_{now}"] += LEVELS.index(now) > LEVELS.index(was)
            if any(row["kind"] == "refund" for row in drawn):
                continue  # the total may rise and fall again between transactions
            new = alert_counts() - before
            over, near = rose["budget_exceeded"], rose["budget_threshold"]
            assert new["budget_exceeded"] == over
            # One call may reach the threshold and another one the limit.
            assert near <= new["budget_threshold"] <= near + over


def levels_before(sources: list[str], target: str) -> dict[str, str]:
    """Return {id of the new budget: level before the rename}."""
    keys = list(dict.fromkeys(map(casefold_key, [target, *sources])))
    levels = {}
    for period in CALENDAR_PERIODS:
        held = [
            budget
            for key in keys
            for budget in budgets.list_budgets(ALICE).items
            if (budget.categories.keys, budget.period) == ((key,), period)
        ]
        if held:
            levels[budget_id_for("alice", period, target)] = held[0].level
    return levels


@pytest.mark.soak
@SETTINGS
@given(
    st.lists(writing, min_size=4, max_size=18), st.sampled_from(tuple(MergeStrategy))
)
def test_a_recount_finds_no_difference_after_concurrent_renames(writes, strategy):
    trouble = []

    def go_back_and_forth():
        for source, target in [("Groceries", "Rent"), ("Rent", "Groceries")] * 2:
            try:
                rename_categories(ALICE, [source], target, strategy=strategy)
            except Exception as error:  # noqa: BLE001 - shown by the assertion
                trouble.append(error)

    with empty_aws(), time_machine.travel(NOON, tick=True):
        make_budget(amount="100.00")
        make_expenses(5)
        renaming_thread = threading.Thread(target=go_back_and_forth)
        renaming_thread.start()
        trouble += write_in_threads(writes)
        renaming_thread.join()
        assert trouble == []
        # The recount corrects what a moved budget missed of a concurrent write.
        with time_machine.travel(NOON + datetime.timedelta(minutes=1)):
            for budget in budgets.list_budgets(ALICE).items:
                budgets.recount(ALICE, budget.budget_id)
        assert_totals_correct()
        while rename_categories(ALICE, ["Groceries"], "Rent", strategy=strategy).left:
            pass
        assert set(categories()) <= {"Rent"}
