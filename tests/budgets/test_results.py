"""Finished periods of stored budgets: their results, and what is carried over."""

import copy
import dataclasses
import datetime
from decimal import Decimal

import pytest
import time_machine
from botocore.client import BaseClient

from accounts.models import Account
from budgets import checks, results, services, updates
from budgets.history import recent_periods
from budgets.models import Budget, PeriodResults
from budgets.tasks import recount_budget
from expenses.categories.services import rename_categories
from expenses.services import delete_expense, edit_expense
from profiles.services import update_profile
from reports.summary import summary
from smartbudget.core.periods import Calendar
from tests.money_builders import (
    ALICE,
    BOB,
    alerts,
    make_budget,
    make_earlier_budget,
    make_expense,
)
from tests.quick_moto import dynamo

pytestmark = pytest.mark.usefixtures("aws")

D = Decimal
BOTH = {"mode": "both"}


@pytest.fixture
def on():
    """Return a function that travels to noon of a day of 2026. Alice has an account."""

    def noon(month: int, day: int) -> datetime.datetime:
        return datetime.datetime(2026, month, day, 12, tzinfo=datetime.UTC)

    with time_machine.travel(noon(1, 1)) as clock:
        Account(
            user_id=ALICE.user_id,
            username=ALICE.username,
            email=ALICE.email,
            created_at=noon(1, 1).isoformat(),
            updated_at=noon(1, 1).isoformat(),
        ).save()
        yield lambda month, day: clock.move_to(noon(month, day))


def stored(budget: Budget) -> Budget:
    return Budget.get(budget.budget_id, consistent_read=True)


def history(budget: Budget) -> list:
    """Return the stored results: (first day, limit, spent, carried into the next)."""
    (found,) = [*results.read([stored(budget)]).values()] or [[]]
    return [
        (str(result.period.start), result.limit, result.spent, result.carries_over)
        for result in found
    ]


def later_recount(budget: Budget) -> None:
    """Recount a budget once the index has caught up, as the queued task does."""
    soon = datetime.timedelta(seconds=updates.RECOUNT_SECONDS)
    now = datetime.datetime.now(datetime.UTC)
    with time_machine.travel(now + soon):
        services.recount(ALICE, budget.budget_id)


def october():
    return summary(ALICE, "2026-10")


def test_october_stays_as_it_was_when_the_budget_changes(on):
    on(10, 10)
    budget = make_budget(amount="250")
    make_expense(amount="200")
    on(11, 28)
    services.recount(ALICE, budget.budget_id)
    before = october()

    services.edit_budget(
        ALICE, budget.budget_id, amount="150", alert_threshold=50, rollover=BOTH
    )

    assert october() == before
    (line,) = before.lines
    assert (line.amount, line.level, line.percentage) == (250, "threshold", 80)


def test_october_stays_as_it_was_in_the_edit_that_begins_november(on):
    on(10, 10)
    budget = make_budget(amount="250")
    make_expense(amount="200")
    on(11, 28)

    services.edit_budget(ALICE, budget.budget_id, amount="150")

    (line,) = october().lines
    assert (line.amount, line.spent) == (250, 200)
    assert stored(budget).amount == 150


def test_an_edit_of_a_budget_from_before_results_leaves_october_alone(on):
    on(11, 28)
    budget = make_earlier_budget(amount="250")
    make_expense(amount="200", date="2026-10-10")
    before = october()

    services.edit_budget(ALICE, budget.budget_id, amount="150", alert_threshold=50)

    assert october() == before
    assert before.lines[0].amount == 250


def test_october_does_not_have_a_budget_created_later(on):
    on(11, 28)
    make_expense(amount="200", date="2026-10-10")
    make_budget(amount="250")

    assert october().lines == []
    assert october().unbudgeted == [("Groceries", D(200))]


def test_another_category_of_the_budget_leaves_october_alone(on):
    on(10, 10)
    budget = make_budget(amount="250")
    make_expense(amount="200")
    on(11, 28)

    services.edit_budget(ALICE, budget.budget_id, category="Fun")

    (line,) = october().lines
    assert (line.category, line.spent) == ("Groceries", 200)


def test_a_budget_for_another_category_recounts_october_as_it_was_then(on):
    on(10, 10)
    budget = make_budget(amount="250", rollover=BOTH)
    make_expense(amount="200")
    on(11, 10)
    moved = services.edit_budget(ALICE, budget.budget_id, category="Fun")
    assert moved.limit == 300

    make_expense(amount="10", category="Fun", date="2026-10-12")
    later_recount(moved)

    assert history(moved) == [("2026-10-01", 250, 200, 50)]
    assert (stored(moved).limit, stored(moved).recount_from) == (300, None)


def test_the_past_of_a_monthly_budget_adds_nothing_to_a_one_off_one(on):
    on(9, 10)
    budget = make_budget(amount="100", rollover=BOTH)
    on(11, 10)
    make_expense(amount="30", date="2026-09-20")
    days = {"start": "2026-11-20", "end": "2026-11-25"}

    trip = services.edit_budget(ALICE, budget.budget_id, period="once", **days)
    later_recount(trip)

    assert (stored(trip).limit, stored(trip).recount_from) == (100, None)


def test_results_follow_a_renamed_category(on):
    on(10, 10)
    make_budget(amount="250")
    make_expense(amount="200")
    on(11, 28)
    make_expense(amount="1")

    rename_categories(ALICE, ["Groceries"], "Food")

    (line,) = october().lines
    assert (line.category, line.spent) == ("Food", 200)


@pytest.mark.parametrize("is_written_before", [False, True])
@pytest.mark.parametrize("name", ["Food", "GROCERIES"])
def test_months_before_results_follow_a_renamed_category(on, name, is_written_before):
    on(11, 28)
    make_earlier_budget(amount="250")
    make_expense(amount="200", date="2026-10-10")
    if is_written_before:
        make_expense(amount="1")

    rename_categories(ALICE, ["Groceries"], name)

    (line,) = october().lines
    assert (line.category, line.amount, line.spent) == (name, 250, 200)
    assert october().unbudgeted == []


def test_months_before_results_follow_a_category_renamed_to_the_present_one(on):
    on(11, 28)
    budget = make_earlier_budget(amount="250")
    make_expense(amount="200", date="2026-10-10")
    services.edit_budget(ALICE, budget.budget_id, category="Food")

    rename_categories(ALICE, ["Groceries"], "Food")

    (line,) = october().lines
    assert (line.category, line.spent) == ("Food", 200)


def test_results_follow_a_category_renamed_to_the_present_one(on):
    on(10, 10)
    budget = make_budget(amount="250", rollover=BOTH)
    make_expense(amount="200")
    on(11, 10)
    budget = services.edit_budget(ALICE, budget.budget_id, category="Food")

    rename_categories(ALICE, ["Groceries"], "Food")
    later_recount(budget)

    (line,) = october().lines
    assert (line.category, line.spent) == ("Food", 200)
    assert history(budget) == [("2026-10-01", 250, 200, 50)]


@pytest.mark.parametrize("begins_november", [False, True])
@pytest.mark.parametrize(
    ("target", "strategy", "limit"),
    [
        ("Groceries", "add", 255),
        ("Groceries", "keep", 205),
        ("Food", "add", 255),
        ("Food", "keep", 205),
    ],
)
def test_merged_budgets_keep_what_both_carried_over(
    on, target, strategy, limit, begins_november
):
    on(9, 10)
    budget = make_budget(amount="100", rollover=BOTH)
    make_expense(amount="70")
    fun = make_budget(amount="50", rollover=BOTH, category="Fun")
    make_expense(amount="10", category="Fun")
    on(10, 10)
    make_expense(amount="20")
    make_expense(amount="95", category="Fun")
    on(11, 10)
    if begins_november:
        for begun in (budget, fun):
            services.recount(ALICE, begun.budget_id)

    sources = ["Fun"] if target == "Groceries" else ["Groceries", "Fun"]
    rename_categories(ALICE, sources, target, strategy=strategy)
    (merged,) = services.list_budgets(ALICE).items

    expected = [("2026-09-01", 150, 80, 70), ("2026-10-01", 220, 115, 105)]
    assert (history(merged), merged.limit) == (expected, limit)
    later_recount(merged)
    assert (history(merged), stored(merged).limit) == (expected, limit)


@pytest.mark.parametrize(("rollover", "limit"), [(BOTH, 140), (None, 100)])
def test_a_new_budget_gets_what_an_older_one_that_is_merged_into_it_carried_over(
    on, rollover, limit
):
    on(10, 10)
    make_budget(amount="50", rollover=BOTH, category="Fun")
    make_expense(amount="10", category="Fun")
    on(11, 10)
    budget = make_budget(amount="100", rollover=rollover)

    rename_categories(ALICE, ["Fun"], "Groceries", strategy="keep")
    later_recount(budget)

    assert stored(budget).limit == limit


def test_each_finished_period_has_a_result_after_a_long_time(on):
    on(8, 10)
    budget = make_budget(amount="100", rollover=BOTH)
    make_expense(amount="80")
    make_expense(amount="30", date="2026-09-30")  # in the future
    on(11, 28)

    make_expense(amount="5")

    assert history(budget) == [
        ("2026-08-01", 100, 80, 20),
        ("2026-09-01", 120, 30, 90),
        ("2026-10-01", 190, 0, 190),
    ]
    assert (stored(budget).limit, stored(budget).spent) == (290, 5)


@pytest.mark.parametrize("trigger", ["expense", "check", "recount"])
def test_a_period_ends_in_the_same_way_whatever_ends_it(on, trigger):
    on(10, 10)
    budget = make_budget(amount="100", rollover=BOTH)
    make_expense(amount="130")
    on(11, 28)

    if trigger == "expense":
        make_expense(amount="0.01")
    elif trigger == "check":
        checks.check_all(None, lambda: True)
    else:
        services.recount(ALICE, budget.budget_id)

    assert history(budget) == [("2026-10-01", 100, 130, -30)]
    assert stored(budget).limit == 70


def test_a_page_shows_what_is_carried_over_before_it_is_stored(on):
    on(10, 10)
    make_budget(amount="100", rollover=BOTH)
    make_expense(amount="130")
    on(11, 1)

    (line,) = summary(ALICE).lines

    assert (line.amount, line.carried_over, line.limit, line.spent) == (100, -30, 70, 0)


class TestEditsOfThePast:
    @pytest.fixture
    def budget(self, on):
        on(9, 10)
        budget = make_budget(amount="100", rollover=BOTH)
        make_expense(amount="80")
        on(10, 10)
        self.october = make_expense(amount="60")
        on(11, 10)
        make_expense(amount="50")
        assert [carried for *_, carried in history(budget)] == [20, 60]
        return budget

    def test_a_back_dated_expense_changes_all_that_follows(self, budget):
        make_expense(amount="30", date="2026-09-20")

        later_recount(budget)

        assert [carried for *_, carried in history(budget)] == [-10, 30]
        assert (stored(budget).limit, stored(budget).recount_from) == (130, None)

    def test_the_results_before_it_stay(self, budget):
        edit_expense(ALICE, self.october.expense_id, amount="20")

        later_recount(budget)

        assert [carried for *_, carried in history(budget)] == [20, 100]

    def test_a_deleted_expense_counts_no_longer(self, budget):
        delete_expense(ALICE, self.october.expense_id)

        later_recount(budget)

        assert [spent for _, _, spent, _ in history(budget)] == [80, 0]
        assert stored(budget).limit == 220

    def test_the_past_causes_no_alert_but_a_smaller_limit_causes_one(self, budget):
        make_expense(amount="150", date="2026-10-20")
        assert alerts() == ["budget_threshold"]  # September's

        later_recount(budget)
        later_recount(budget)

        assert stored(budget).limit == 10
        assert alerts() == ["budget_threshold", "budget_exceeded"]

    def test_the_daily_check_recounts_what_the_task_did_not(self, on, budget):
        make_expense(amount="30", date="2026-09-20")
        on(11, 11)

        checks.check_all(None, lambda: True)

        assert [carried for *_, carried in history(budget)] == [-10, 30]

    def test_nothing_is_recounted_before_the_index_has_caught_up(self, budget):
        make_expense(amount="30", date="2026-09-20")

        assert services.recount(ALICE, budget.budget_id) is None
        assert stored(budget).recount_from == "2026-09-20"

    def test_an_expense_of_another_user_changes_nothing(self, budget):
        make_expense(BOB, amount="30", date="2026-09-20")

        assert stored(budget).recount_from is None


def test_an_overspent_period_can_cause_an_alert_when_the_next_begins(on):
    on(10, 10)
    make_budget(amount="100", rollover=BOTH)
    make_expense(amount="250")
    on(11, 1)

    for _ in range(2):
        checks.check_all(None, lambda: True)

    assert alerts() == ["budget_exceeded", "budget_exceeded"]


def test_nothing_is_carried_into_the_period_in_which_rollover_begins(on):
    on(10, 10)
    budget = make_budget(amount="100")
    make_expense(amount="40")
    on(11, 10)

    services.edit_budget(ALICE, budget.budget_id, rollover=BOTH)
    assert stored(budget).carried_over == 0

    services.edit_budget(
        ALICE, budget.budget_id, rollover={**BOTH, "from_last_period": True}
    )
    assert stored(budget).carried_over == 60
    assert history(budget) == [("2026-10-01", 100, 40, 60)]


def test_what_was_carried_over_stays_until_the_period_ends(on):
    on(10, 10)
    budget = make_budget(amount="100", rollover=BOTH)
    make_expense(amount="40")
    on(11, 10)
    services.edit_budget(ALICE, budget.budget_id, rollover={"mode": "none"})
    assert stored(budget).limit == 160

    on(12, 1)
    services.recount(ALICE, budget.budget_id)

    assert stored(budget).limit == 100


class TestSeveralThresholds:
    def test_each_threshold_causes_one_alert(self, on):
        on(10, 10)
        make_budget(alert_thresholds=[50, 80, 100])

        for amount in ("49", "1", "1", "29", "20", "0.01", "5"):
            make_expense(amount=amount)

        assert alerts() == ["budget_threshold"] * 3 + ["budget_exceeded"]

    def test_an_expense_that_reaches_several_causes_one_alert(self, on):
        on(10, 10)
        budget = make_budget(alert_thresholds=[50, 80])

        make_expense(amount="90")

        assert alerts() == ["budget_threshold"]
        assert stored(budget).reached == 80

    def test_they_cause_alerts_again_after_a_fall(self, on):
        on(10, 10)
        make_budget(alert_thresholds=[50, 80])
        expense = make_expense(amount="90")
        edit_expense(ALICE, expense.expense_id, amount="60")

        make_expense(amount="25")

        assert alerts() == ["budget_threshold"] * 2

    def test_a_client_that_knows_one_leaves_the_others(self, on):
        on(10, 10)
        budget = make_budget(alert_thresholds=[50, 80])

        services.edit_budget(ALICE, budget.budget_id, alert_threshold=50, amount="9")
        assert stored(budget).alert_thresholds == (50, 80)

        services.edit_budget(ALICE, budget.budget_id, alert_threshold=60)
        assert stored(budget).alert_thresholds == (60,)

    def test_a_new_one_below_a_reached_one_causes_no_alert(self, on):
        on(10, 10)
        budget = make_budget(alert_threshold=80)
        make_expense(amount="85")

        services.edit_budget(ALICE, budget.budget_id, alert_thresholds=[50, 70, 83])

        assert alerts() == ["budget_threshold"]


class TestPause:
    def test_it_counts_expenses_without_alerts(self, on):
        on(10, 10)
        budget = make_budget(paused=True)

        make_expense(amount="90")

        assert (stored(budget).spent, alerts()) == (90, [])

    def test_levels_reached_in_a_pause_cause_no_alert_after_it(self, on):
        on(10, 10)
        budget = make_budget(paused=True)
        make_expense(amount="90")

        services.edit_budget(ALICE, budget.budget_id, paused=False)
        make_expense(amount="5")
        assert alerts() == []

        make_expense(amount="6")
        assert alerts() == ["budget_exceeded"]

    def test_it_is_left_out_of_totals_and_carries_nothing_over(self, on):
        on(10, 10)
        budget = make_budget(rollover=BOTH)
        services.edit_budget(ALICE, budget.budget_id, paused=True)
        assert summary(ALICE).total_budget == 0

        on(11, 10)
        make_expense(amount="5")

        assert stored(budget).limit == 100


KIND_CHANGES = [
    # The month ends before the first Monday, or is followed by days that bridge it.
    ((11, 10), {"period": "weekly"}, ["11-01/11-15", "11-16/11-22"]),
    (
        (11, 28),
        {"period": "biweekly", "anchor": "2026-12-04"},
        ["11-01/11-30", "12-01/12-03", "12-04/12-17"],
    ),
    ((11, 10), {"period": "semimonthly"}, ["11-01/11-15", "11-16/11-30"]),
]


@pytest.mark.parametrize(("changed", "terms", "expected"), KIND_CHANGES)
def test_another_kind_of_period_goes_on_from_the_running_one(
    on, changed, terms, expected
):
    on(11, 1)
    budget = make_budget(amount="100")
    make_expense(amount="90")
    on(*changed)

    budget = services.edit_budget(ALICE, budget.budget_id, **terms)

    shown = [budget.current]
    while len(shown) < len(expected):
        after = shown[-1].end + datetime.timedelta(days=1)
        on(after.month, after.day)
        services.recount(ALICE, budget.budget_id)
        shown.append(stored(budget).current)
    assert [period.interval.replace("2026-", "") for period in shown] == expected
    assert alerts() == ["budget_threshold"]  # it stays sent


def test_another_anchor_ends_the_period_earlier(on):
    on(11, 6)
    budget = make_budget(period="biweekly", anchor="2026-11-06")
    make_expense(amount="20", date="2026-11-18")

    budget = services.edit_budget(ALICE, budget.budget_id, anchor="2026-11-13")

    assert budget.current.interval == "2026-11-06/2026-11-12"
    assert budget.spent == 0


def test_a_period_that_another_anchor_ends_earlier_is_recounted(on, monkeypatch):
    """The index may not have had the newest expense."""
    queued = []
    on(11, 6)
    budget = make_budget(period="biweekly", anchor="2026-11-06")
    monkeypatch.setattr(
        "budgets.updates.send_tasks", lambda _task, calls, **_: queued.extend(calls)
    )

    services.edit_budget(ALICE, budget.budget_id, anchor="2026-11-20")
    assert queued == []
    services.edit_budget(ALICE, budget.budget_id, anchor="2026-11-13")

    assert queued == [{"user_id": "alice", "budget_id": budget.budget_id}]


def test_a_new_calendar_ends_the_running_period_earlier(on):
    on(11, 1)
    budget = make_budget(rollover=BOTH)
    make_expense(amount="40")
    on(11, 10)
    calendar = Calendar().replaced_by(Calendar(month_start_day=25), ALICE.today())
    user = dataclasses.replace(ALICE, calendar=calendar)

    make_expense(user, amount="1")
    assert stored(budget).current.interval == "2026-11-01/2026-11-24"

    on(11, 25)
    make_expense(user, amount="2")
    assert history(budget) == [("2026-11-01", 100, 41, 59)]
    assert stored(budget).current.interval == "2026-11-25/2026-12-24"


def test_levels_stay_told_in_a_period_that_ends_earlier(on):
    on(11, 6)
    monthly = make_budget(amount="100")
    make_budget(amount="100", period="biweekly", anchor="2026-11-06")
    fortnightly = services.list_budgets(ALICE).items[0]
    assert fortnightly.period == "biweekly"
    make_expense(amount="45", date="2026-11-19")
    make_expense(amount="45", date="2026-11-07")
    assert alerts() == ["budget_threshold"] * 2
    calendar = Calendar().replaced_by(Calendar(month_start_day=15), ALICE.today())
    user = dataclasses.replace(ALICE, calendar=calendar)

    services.edit_budget(user, fortnightly.budget_id, anchor="2026-11-13")
    make_expense(user, amount="1", date="2026-11-08")
    assert (stored(monthly).spent, stored(fortnightly).spent) == (46, 46)
    make_expense(user, amount="40", date="2026-11-08")
    assert alerts() == ["budget_threshold"] * 2

    make_expense(user, amount="40", date="2026-11-09")
    assert alerts() == ["budget_threshold"] * 2 + ["budget_exceeded"] * 2


def test_an_earlier_change_of_the_calendar_does_not_cut_a_period_again(on):
    on(11, 1)
    budget = make_budget()
    on(11, 10)
    calendar = Calendar().replaced_by(Calendar(week_start=6), ALICE.today())
    user = dataclasses.replace(ALICE, calendar=calendar)
    on(11, 20)

    weekly = services.edit_budget(user, budget.budget_id, period="weekly")
    make_expense(user, amount="1")

    assert stored(weekly).current.interval == "2026-11-01/2026-11-21"


@pytest.mark.parametrize(
    ("again", "expected"),
    [
        (Calendar(), ("2026-11-01/2026-11-30", 42)),
        (Calendar(month_start_day=20), ("2026-11-01/2026-11-19", 2)),
        (Calendar(month_start_day=28), ("2026-11-01/2026-11-27", 42)),
    ],
)
def test_a_calendar_changed_twice_in_a_day_is_as_if_changed_once(on, again, expected):
    on(11, 1)
    budget = make_budget(amount="100")
    make_expense(amount="40", date="2026-11-26")
    on(11, 10)
    user = ALICE
    for calendar in (Calendar(month_start_day=25), again):
        changed = user.calendar.replaced_by(calendar, user.today())
        user = dataclasses.replace(user, calendar=changed)
        make_expense(user, amount="1")

    changed = stored(budget)
    assert (changed.current.interval, changed.spent) == expected


def test_a_new_calendar_ends_periods_without_an_expense(on, monkeypatch):
    queued = []
    on(11, 1)
    budget = make_budget()
    make_budget(period="weekly")
    on(11, 10)
    monkeypatch.setattr(
        "budgets.updates.send_tasks", lambda _task, calls, **_: queued.extend(calls)
    )

    update_profile(ALICE, calendar={"month_start_day": 25})
    assert queued == [{"user_id": "alice", "budget_id": budget.budget_id}]
    recount_budget(**queued[0])

    assert stored(budget).current.interval == "2026-11-01/2026-11-24"


@pytest.mark.parametrize(
    "write",
    [
        lambda budget: services.edit_budget(
            ALICE, budget.budget_id, rollover=BOTH | {"from_last_period": True}
        ),
        lambda budget: rename_categories(ALICE, ["Groceries"], "Food"),
        lambda budget: rename_categories(ALICE, ["Groceries"], "groceries"),
    ],
    ids=["carry over", "rename", "respell"],
)
def test_a_write_just_after_a_period_began_keeps_the_result_before(
    on, monkeypatch, write
):
    """Reads that are not consistent may not have that result yet."""
    on(9, 10)
    budget = make_budget()
    on(10, 10)
    make_expense(amount="1")
    on(11, 10)
    before = copy.deepcopy(dynamo.tables["budgets"])
    make_expense(amount="2")
    make_call = BaseClient._make_api_call

    def lagging(client, operation, parameters):
        request = parameters.get("RequestItems", {}).get("budgets", {})
        if operation != "BatchGetItem" or request.get("ConsistentRead", not request):
            return make_call(client, operation, parameters)
        with monkeypatch.context() as patch:
            patch.setitem(dynamo.tables, "budgets", before)
            return make_call(client, operation, parameters)

    with monkeypatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", lagging)
        write(budget)

    stored_results = [
        str(result.period.start)
        for budget in services.list_budgets(ALICE).items
        for result in results.read([budget])[budget.budget_id]
    ]
    assert stored_results == ["2026-09-01", "2026-10-01"]


def test_a_deleted_budget_leaves_no_results(on):
    on(10, 10)
    budget = make_budget()
    on(11, 10)
    make_expense()
    assert [*PeriodResults.scan(PeriodResults.budget_id.startswith("results#"))]

    services.delete_budget(ALICE, budget.budget_id)

    assert not [*PeriodResults.scan(PeriodResults.budget_id.startswith("results#"))]


def test_a_one_off_budget_in_the_past_has_the_results_of_before(on):
    on(10, 10)
    budget = make_budget()
    make_expense()
    on(11, 10)
    days = {"start": "2026-01-01", "end": "2026-01-02"}
    trip = services.edit_budget(ALICE, budget.budget_id, period="once", **days)

    monthly = services.edit_budget(ALICE, trip.budget_id, period="monthly")
    assert len(history(monthly)) == 1
    trip = services.edit_budget(ALICE, monthly.budget_id, period="once", **days)
    services.delete_budget(ALICE, trip.budget_id)

    assert not [*PeriodResults.scan(PeriodResults.budget_id.startswith("results#"))]


@pytest.mark.parametrize("start", ["0001-01-01", "1500-12-31", "9999-12-31"])
def test_a_budget_that_was_one_off_long_ago_can_be_shown_and_deleted(on, start):
    on(11, 10)
    trip = make_budget(period="once", start=start, end=start)
    assert recent_periods(ALICE, [trip]) == {}

    monthly = services.edit_budget(ALICE, trip.budget_id, period="monthly")
    services.delete_budget(ALICE, monthly.budget_id)

    assert services.list_budgets(ALICE).items == []


def test_a_budget_with_the_id_of_a_renamed_one_has_its_own_results(on):
    on(10, 10)
    budget = make_budget(amount="250")
    on(11, 10)
    moved = services.edit_budget(ALICE, budget.budget_id, category="Fun")

    again = make_budget(amount="99")

    assert again.budget_id == budget.budget_id
    assert history(moved)[0][1] == 250
    assert history(again) == []


def test_the_version_before_may_begin_a_period_during_a_deploy(on):
    """It writes the first day and the total, and knows no results."""
    on(10, 10)
    budget = make_budget(rollover=BOTH)
    make_expense(amount="70")
    on(11, 2)
    make_expense(amount="4", category="Rent")
    Budget(budget.budget_id).update(
        [Budget.period_start.set("2026-11-01"), Budget.spent.set(D(0))],
        add_version_condition=False,
    )

    make_expense(amount="5")

    assert history(budget) == [("2026-10-01", 100, 70, 30)]
    assert (stored(budget).limit, stored(budget).spent) == (130, 5)
