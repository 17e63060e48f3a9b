"""Random expenses, edits of the past and passing months, with what is carried over.

A simple model adds up from the beginning after each step. All of it runs with
`make soak`.
"""

import datetime
from collections import Counter
from decimal import Decimal

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from budgets import results, services, updates
from budgets.evaluation import carried_over, reached
from budgets.models import Budget, level_name
from expenses import services as expenses
from notifications.models import Notification
from smartbudget.core.periods import Period, following
from tests.budgets.test_random_writes import Conflicts
from tests.conftest import empty_aws
from tests.money_builders import ALICE, NOON
from tests.sampling import sampled

pytestmark = pytest.mark.soak
SETTINGS = sampled(10, soak=200)

SOON = datetime.timedelta(seconds=updates.RECOUNT_SECONDS)
amounts = st.integers(1, 20_000).map(lambda cents: Decimal(cents) / 100)
picks = st.integers(0, 50)
steps = st.one_of(
    st.tuples(st.just("add"), amounts, st.integers(0, 75)),  # days ago
    st.tuples(st.just("add"), amounts, st.just(0)),
    st.tuples(st.just("amount"), amounts, picks),
    st.tuples(st.just("delete"), picks),
    st.tuples(st.just("budget"), amounts),
    st.tuples(st.just("wait"), st.integers(1, 40)),  # days
)
kinds = st.sampled_from(
    [
        {"period": "monthly"},
        {"period": "weekly"},
        {"period": "biweekly", "anchor": "2026-03-06"},
    ]
)
rollovers = st.fixed_dictionaries(
    {
        "mode": st.sampled_from(["surplus", "overspend", "both"]),
        "cap": st.one_of(st.none(), amounts),
    }
)


class Model:
    """The budget's periods and expenses, added up from scratch."""

    def __init__(self, budget: Budget) -> None:
        self.budget_id = budget.budget_id
        self.rule = budget.recurrence
        self.thresholds = budget.alert_thresholds
        self.rollover, self.cap = budget.rollover, budget.rollover_cap
        self.amounts = {budget.current: budget.amount}  # by period
        self.expenses: dict[str, tuple[datetime.date, Decimal]] = {}
        self.known: dict[Period, int] = {}
        self.alerts: Counter[str] = Counter()

    @property
    def current(self) -> Period:
        return [*self.amounts][-1]

    def spent(self, period: Period) -> Decimal:
        days = self.expenses.values()
        return sum((amount for day, amount in days if day in period), Decimal(0))

    def limits(self) -> list[Decimal]:
        carried, limits = Decimal(0), []
        for period, amount in self.amounts.items():
            limits.append(amount + carried)
            left = limits[-1] - self.spent(period)
            carried = carried_over(left, self.rollover, self.cap)
        return limits

    def begin_periods(self, today: datetime.date) -> None:
        while today > self.current.end:
            amount = self.amounts[self.current]
            self.amounts[following(self.current, self.rule)] = amount

    def look(self) -> None:
        """Expect an alert if the level of the current period rose."""
        spent = self.spent(self.current)
        level = reached(spent, self.limits()[-1], self.thresholds)
        if level > self.known.get(self.current, 0):
            self.alerts[f"budget_{level_name(level)}"] += 1
        self.known[self.current] = level


def do(step: tuple, model: Model, clock) -> None:
    kind, *values = step
    today = ALICE.today()
    if kind == "add":
        day = today - datetime.timedelta(days=values[1])
        stored = expenses.record_expense(
            ALICE, amount=values[0], category="Fun", date=day
        )
        model.expenses[stored.expense_id] = (day, values[0])
    elif kind == "budget":
        services.edit_budget(ALICE, model.budget_id, amount=values[0])
        model.amounts[model.current] = values[0]
    elif kind == "wait":
        clock.shift(datetime.timedelta(days=values[0]))
        model.begin_periods(ALICE.today())
    elif model.expenses:
        picked = [*model.expenses][values[-1] % len(model.expenses)]
        day, _ = model.expenses[picked]
        if kind == "delete":
            expenses.delete_expense(ALICE, picked)
            del model.expenses[picked]
        else:
            expenses.edit_expense(ALICE, picked, amount=values[0])
            model.expenses[picked] = (day, values[0])


@SETTINGS
@given(kinds, rollovers, st.lists(steps, min_size=4, max_size=16))
def test_amounts_are_exact_and_each_level_causes_one_alert(kind, rollover, drawn):
    conflicts = Conflicts(share=0.2)
    with empty_aws(), time_machine.travel(NOON, tick=False) as clock:
        budget = services.create_budget(
            ALICE,
            category="Fun",
            amount="100",
            alert_thresholds=[50, 80],
            rollover=rollover,
            **kind,
        )
        model = Model(budget)
        with conflicts.injected_into_calls():
            for step in drawn:
                do(step, model, clock)
                clock.shift(SOON)
                model.begin_periods(ALICE.today())
                services.recount(ALICE, budget.budget_id)
                model.look()
                assert_stored(model)
        counts = Counter(
            notification.type for notification in Notification.by_user.query("alice")
        )
        assert counts == +model.alerts


def assert_stored(model: Model) -> None:
    budget = Budget.get(model.budget_id)
    finished = results.read([budget]).get(model.budget_id, [])
    numbers = [(r.period, r.limit, r.spent) for r in finished]
    numbers.append((budget.current, budget.limit, budget.spent))
    assert numbers == [
        (period, limit, model.spent(period))
        for period, limit in zip(model.amounts, model.limits(), strict=True)
    ]
