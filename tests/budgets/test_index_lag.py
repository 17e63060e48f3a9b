"""Recounts with an index that lags behind the table.

The indexes of tests/dynamodb/fake.py never lag, so these tests answer queries of the
expenses' index from a copy of the table.
"""

import contextlib
import datetime
import threading
from decimal import Decimal

import pytest
import time_machine
from botocore.client import BaseClient
from hypothesis import given
from hypothesis import strategies as st

from budgets import services as budgets
from budgets import updates
from budgets.services import list_budgets
from expenses.models import Expense
from smartbudget.core import dates
from tests.budgets.test_random_writes import (
    SETTINGS,
    Writer,
    amounts,
    categories,
    covers,
    kinds,
    write_in_threads,
)
from tests.conftest import empty_aws
from tests.money_builders import ALICE, NOON, alerts, make_budget, make_expense, spent
from tests.quick_moto import dynamo

LAG = 5  # seconds
QUIET = datetime.timedelta(seconds=updates.RECOUNT_SECONDS)


WRITES = {"TransactWriteItems", "UpdateItem", "BatchWriteItem"}


@contextlib.contextmanager
def lagging_index(lag_of=lambda parameters: LAG):
    """Answer queries of the expenses' index with the table of some seconds ago.

    lag_of: returns the seconds for the parameters of a Query.
    """
    tables = dynamo.tables
    history = [(dates.now(), tables["expenses"].copy())]
    make_call = BaseClient._make_api_call
    lock = threading.RLock()

    def one_at_a_time(*call):
        with lock:
            return lagging(*call)

    def lagging(client, operation, parameters):
        if operation != "Query" or parameters["TableName"] != "expenses":
            answer = make_call(client, operation, parameters)
            if operation in WRITES:
                history.append((dates.now(), tables["expenses"].copy()))
            return answer
        lag = datetime.timedelta(seconds=lag_of(parameters))
        visible_until = dates.now() - lag
        now = tables["expenses"]
        # The table as it was then, at first its initial state.
        past = [table for at, table in history[:1] + history if at <= visible_until]
        tables["expenses"] = past[-1]
        try:
            return make_call(client, operation, parameters)
        finally:
            tables["expenses"] = now

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", one_at_a_time)
        yield


@pytest.fixture
def clock():
    early = NOON - datetime.timedelta(hours=1)
    frozen = time_machine.travel(early, tick=False)
    with empty_aws(), frozen as traveller, lagging_index():
        traveller.move_to(NOON)
        yield traveller


def test_a_budget_created_just_after_an_expense_counts_it_later(clock):
    make_expense(amount="90.00")
    clock.shift(1)
    budget = make_budget()
    assert spent(budget) == Decimal(0)

    clock.shift(QUIET)
    assert budgets.recount(ALICE, budget.budget_id) is True

    assert spent(budget) == Decimal("90.00")
    assert alerts() == ["budget_threshold"]


def test_a_correct_total_is_not_corrupted_by_an_early_recount(clock):
    budget = make_budget()
    clock.shift(QUIET)
    make_expense(amount="90.00")

    clock.shift(1)
    assert budgets.recount(ALICE, budget.budget_id) is None
    assert spent(budget) == Decimal("90.00")

    clock.shift(QUIET)
    assert budgets.recount(ALICE, budget.budget_id) is False
    assert alerts() == ["budget_threshold"]


def test_a_budget_that_keeps_changing_is_not_recounted(clock):
    budget = make_budget()
    for _ in range(20):
        make_expense(amount="1.00")
        clock.shift(3)
        assert budgets.recount(ALICE, budget.budget_id) is None

    assert spent(budget) == Decimal("20.00")


def correct_total(budget) -> Decimal:
    """Return the correct total of a budget, from the table itself."""
    counted = [
        expense
        for expense in Expense.scan(consistent_read=True)
        if "#" not in expense.expense_id  # no history or deleted expense
        and expense.counts
        and budget.categories.covers(expense.category_key)
        and expense.day in budget.current
    ]
    return sum((expense.amount for expense in counted), Decimal(0))


steps = st.tuples(st.just("wait"), st.integers(0, 12))
writes = st.one_of(
    st.tuples(st.just("add"), amounts, categories, st.just(NOON.date()), kinds),
    st.tuples(st.just("amount"), st.integers(0, 50), amounts),
    st.tuples(st.just("delete"), st.integers(0, 50)),
    st.tuples(st.just("budget"), covers, amounts, st.integers(1, 100)),
    st.tuples(st.just("unbudget"), covers),
)


@pytest.mark.soak
@SETTINGS
@given(st.lists(st.one_of(writes, writes, steps, st.just(("recount",))), min_size=6))
def test_every_recount_is_correct_and_the_final_total_is_correct(actions):
    writer = Writer()
    early = NOON - datetime.timedelta(hours=1)
    with empty_aws(), time_machine.travel(early, tick=False) as clock, lagging_index():
        clock.move_to(NOON)
        for kind, *given_ in actions:
            if kind == "wait":
                clock.shift(given_[0])
            elif kind == "recount":
                for budget in list_budgets(ALICE).items:
                    if budgets.recount(ALICE, budget.budget_id) is not None:
                        assert spent(budget) == correct_total(budget)
            else:
                writer.do((kind, *given_))
        clock.shift(QUIET)
        for budget in list_budgets(ALICE).items:
            budgets.recount(ALICE, budget.budget_id)
            assert spent(budget) == correct_total(budget)


@pytest.mark.soak
@SETTINGS
@given(st.lists(writes, min_size=6, max_size=24))
def test_concurrent_writers_are_counted_correctly_in_the_end(given_):
    early = NOON - datetime.timedelta(hours=1)
    with empty_aws(), time_machine.travel(early, tick=True) as clock, lagging_index():
        clock.move_to(NOON)
        assert write_in_threads(given_) == []
        clock.shift(QUIET)
        for budget in list_budgets(ALICE).items:
            budgets.recount(ALICE, budget.budget_id)
            assert spent(budget) == correct_total(budget)
