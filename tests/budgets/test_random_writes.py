"""Random writes compared with a simple model; all of them run with `make soak`."""

import contextlib
import datetime
import json
import random
import threading
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

import pytest
import time_machine
from botocore.awsrequest import AWSResponse
from hypothesis import given
from hypothesis import strategies as st

from budgets import evaluation
from budgets import services as budgets
from budgets.evaluation import reached
from budgets.models import LEVELS, Budget, level_name
from budgets.services import list_budgets
from expenses import queries
from expenses import services as expenses
from notifications.models import Notification
from smartbudget.core.dynamodb import connection
from smartbudget.core.errors import ConflictError, NotFoundError
from smartbudget.core.periods import Period, period_of
from tests import quick_moto
from tests.conftest import empty_aws
from tests.money_builders import ALICE, NOON, TODAY
from tests.sampling import sampled

pytestmark = pytest.mark.soak
SETTINGS = sampled(12, soak=400)

CATEGORIES = ("Groceries", "Rent")
amounts = st.integers(1, 12_000).map(lambda cents: Decimal(cents) / 100)
days = st.sampled_from(
    [TODAY + datetime.timedelta(days=offset) for offset in (-60, -17, -4, 0, 3, 20)]
)
statuses = st.sampled_from(["pending", "cleared", "void"])
picks = st.integers(0, 50)
categories = st.sampled_from(CATEGORIES)
# What budgets are for.
covers = st.sampled_from([["Groceries"], ["Rent"], ["Groceries", "Rent"], "all"])
PERIODS = (
    {"period": "monthly"},
    {"period": "weekly"},
    {
        "period": "once",
        "start": TODAY - datetime.timedelta(days=10),
        "end": TODAY + datetime.timedelta(days=5),
    },
)

kinds = st.sampled_from(["expense", "expense", "refund"])

adding = st.tuples(st.just("add"), amounts, categories, days, kinds)
writing = st.one_of(
    adding,
    adding,
    st.tuples(st.just("amount"), picks, amounts),
    st.tuples(st.just("kind"), picks, kinds),
    st.tuples(st.just("category"), picks, categories),
    st.tuples(st.just("date"), picks, days),
    st.tuples(st.just("status"), picks, statuses),
    st.tuples(st.just("delete"), picks),
    st.tuples(st.just("budget"), covers, amounts, st.integers(1, 100)),
    st.tuples(st.just("unbudget"), covers),
)


class Writer:
    """Drawn writes for Alice, on expenses that this writer created."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    def do(self, write: tuple) -> None:
        kind, *arguments = write
        if kind == "add":
            names = ("amount", "category", "date", "kind")
            values = dict(zip(names, arguments, strict=True))
            stored = expenses.record_expense(ALICE, **values)
            self.ids.append(stored.expense_id)
        elif kind == "budget":
            self.budget(*arguments)
        elif kind == "unbudget":
            for budget in self.budgets(arguments[0]):
                budgets.delete_budget(ALICE, budget.budget_id)
        elif self.ids and kind == "delete":
            expenses.delete_expense(ALICE, self.ids.pop(arguments[0] % len(self.ids)))
        elif self.ids:
            picked = self.ids[arguments[0] % len(self.ids)]
            expenses.edit_expense(ALICE, picked, **{kind: arguments[1]})

    def budget(self, covered: list[str] | str, amount: Decimal, threshold: int) -> None:
        new = {"amount": amount, "alert_threshold": threshold}
        for period in PERIODS:
            try:
                budgets.create_budget(ALICE, categories=covered, **period, **new)
            except ConflictError:
                for budget in self.budgets(covered):
                    budgets.edit_budget(ALICE, budget.budget_id, **new)

    @staticmethod
    def budgets(covered: list[str] | str) -> list[Budget]:
        return [
            budget
            for budget in list_budgets(ALICE).items
            if budget.categories.to_json() == covered
        ]


def level_of(budget: Budget, spent: Decimal) -> str:
    return level_name(reached(spent, budget.limit, budget.alert_thresholds))


def assert_totals_correct() -> None:
    everything = queries.spending("alice", Period(datetime.date.min, datetime.date.max))
    for budget in list_budgets(ALICE).items:
        counted = queries.total(everything, budget.current, budget.categories)
        assert budget.spent == counted
        assert budget.level == level_of(budget, counted)


class Conflicts:
    """A fault that cancels some transactions, as DynamoDB does on conflicts."""

    EVENT = "before-call.dynamodb.TransactWriteItems"

    def __init__(self, share: float) -> None:
        self.random = random.Random(7)
        self.share = share
        self.injected = 0

    def __call__(self, params, **_) -> tuple[AWSResponse, dict] | None:
        """Return the error in place of the call, which is then not made."""
        if self.random.random() >= self.share:
            return None
        self.injected += 1
        writes = json.loads(params["body"])["TransactItems"]
        reasons = [{"Code": "None"} for _ in writes]
        reasons[-1] = {"Code": "TransactionConflict", "Message": "in the way"}
        error = {"Code": "TransactionCanceledException", "Message": "cancelled"}
        parsed = {
            "Error": error,
            "CancellationReasons": reasons,
            "ResponseMetadata": {"HTTPStatusCode": 400},
        }
        return AWSResponse(params["url"], 400, {}, None), parsed

    @contextlib.contextmanager
    def injected_into_calls(self) -> Iterator[None]:
        """Inject the fault into all transactions."""
        events = connection().client.meta.events
        events.register_first(self.EVENT, self)
        try:
            with quick_moto.hooked():
                yield
        finally:
            events.unregister(self.EVENT, self)


def write_in_threads(writes: list[tuple]) -> list[Exception]:
    """Distribute writes to three concurrent writers; return their exceptions."""
    trouble = []

    def work(mine):
        writer = Writer()
        for write in mine:
            try:
                writer.do(write)
            except NotFoundError:
                pass  # another thread deleted the budget first
            except Exception as error:  # noqa: BLE001 - shown by the assertion
                trouble.append(error)

    threads = [
        threading.Thread(target=work, args=(writes[first::3],)) for first in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return trouble


@SETTINGS
@given(st.lists(writing, min_size=4, max_size=24))
def test_a_recount_finds_no_difference_after_concurrent_writes(writes):
    conflicts = Conflicts(share=0.3)
    with empty_aws(), time_machine.travel(NOON, tick=True):
        with conflicts.injected_into_calls():
            trouble = write_in_threads(writes)
        assert trouble == []
        # The recount corrects what a new budget missed of a concurrent write.
        with time_machine.travel(NOON + datetime.timedelta(minutes=1)):
            for budget in list_budgets(ALICE).items:
                budgets.recount(ALICE, budget.budget_id)
        assert_totals_correct()


class Model:
    """The expected alerts, computed from scratch after every write."""

    def __init__(self) -> None:
        self.levels: dict[tuple[str, datetime.date], str] = {}
        self.alerts: Counter[str] = Counter()

    def look(self) -> None:
        everything = queries.spending(
            "alice", Period(datetime.date.min, datetime.date.max)
        )
        now = {}
        for budget in list_budgets(ALICE).items:
            period = period_of(budget.recurrence, ALICE.today())
            spent = queries.total(everything, period, budget.categories)
            new = level_of(budget, spent)
            old = self.levels.get((budget.budget_id, period.start), "ok")
            is_silent = evaluation.is_silent(budget, ALICE.today())
            if LEVELS.index(new) > LEVELS.index(old) and not is_silent:
                self.alerts[f"budget_{new}"] += 1  # only of the highest level
            now[budget.budget_id, period.start] = new
        self.levels = now


@SETTINGS
@given(st.lists(writing, min_size=4, max_size=24))
def test_every_level_reached_is_alerted_exactly_once(writes):
    writer, model = Writer(), Model()
    with empty_aws(), time_machine.travel(NOON, tick=True):
        for write in writes:
            if write[0] == "budget":  # two writes; check in between
                category = write[1]
                writer.do(("unbudget", category))
                model.look()
            writer.do(write)
            model.look()
            assert_totals_correct()

        counts = Counter(
            notification.type for notification in Notification.by_user.query("alice")
        )
        assert counts == +model.alerts
