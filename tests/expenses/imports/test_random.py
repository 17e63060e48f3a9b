"""Random files, faults and callers: each row is imported once, and undone to the byte.

All of it runs with `make soak`.
"""

import contextlib
import datetime
import json
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from decimal import Decimal
from unittest.mock import patch

import pytest
import time_machine
from botocore.client import BaseClient
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from budgets.models import LEVELS
from budgets.services import list_budgets
from expenses.imports import commit, services
from expenses.imports.bookings import Booking
from expenses.imports.decisions import source_key
from expenses.imports.preview import Choice
from expenses.queries import all_expenses
from notifications.models import Notification
from profiles import records
from smartbudget.core.dynamodb import Transaction, is_outage
from smartbudget.core.errors import ConflictError, UnavailableError
from tests.budgets.test_random_writes import assert_totals_correct
from tests.conftest import empty_aws
from tests.expenses.imports.builders import csv
from tests.money_builders import ALICE, BOB, NOON, make_budget, make_expense
from tests.notifications.faults import KilledError
from tests.sampling import sampled

pytestmark = pytest.mark.soak
SETTINGS = sampled(12, soak=400)

DAYS = st.integers(1, 17).map(lambda day: datetime.date(2026, 3, day))
CENTS = st.sampled_from([-450, -450, -1200, -99, -7000, 450, 2000])
TEXTS = st.sampled_from(["CAFE XY", "SHOP 4711", "REWE SAGT DANKE", "REWE", "ACME"])
ROWS = st.lists(st.tuples(DAYS, CENTS, TEXTS), min_size=1, max_size=25)
TYPED = st.lists(st.tuples(DAYS, CENTS.filter(lambda cents: cents < 0)), max_size=4)
PARTS = st.lists(st.integers(1, 900), min_size=2, max_size=4)
OWN = st.lists(
    st.tuples(
        DAYS,
        st.integers(1, 9000) | PARTS,
        st.sampled_from(["expense", "expense", "refund"]),
        st.sampled_from(["pending", "cleared", "void"]),
    ),
    min_size=1,
    max_size=12,
)
FAULTS = st.lists(
    st.sampled_from(
        [
            *["calm"] * 4,
            *(
                "conflict",
                "down",
                "reply lost",
                "no reply",
                "dies before",
                "dies after",
            ),
        ]
    ),
    max_size=25,
)
CALLERS = st.integers(1, 2)  # a user may have two bulk writes at once

WRITES = {"TransactWriteItems", "UpdateItem"}


class Faults:
    """Faults of the next writes, each of one; safe to use from many threads."""

    def __init__(self, coming: list[str]) -> None:
        self._coming = deque(coming)
        self._thread = threading.local()
        self._call = BaseClient._make_api_call

    @contextlib.contextmanager
    def injected(self) -> Iterator[None]:
        """Inject the faults into the calls of a block."""

        def call(client, operation, parameters):
            return self._answer(client, operation, parameters)

        with patch.object(BaseClient, "_make_api_call", call):
            yield

    def attempt(self, action: Callable[[], int]) -> int:
        """Return how many rows a call leaves, in a process that may die of it."""
        self._thread.is_dead = False
        try:
            return action()
        except KilledError:
            return 1
        except (ConflictError, UnavailableError):  # the other caller was first
            return 1
        except Exception as error:
            if not is_outage(error):
                raise
            return 1

    def _answer(self, client, operation, parameters):
        def call():
            return self._call(client, operation, parameters)

        if getattr(self._thread, "is_dead", False):  # it runs no `finally` either
            raise EndpointConnectionError(endpoint_url="")
        time.sleep(0.001)  # the other caller's turn
        fault = self._next(operation)
        if fault == "conflict":
            raise _conflict(client, operation, parameters)
        if fault == "down":
            raise EndpointConnectionError(endpoint_url="")
        if fault == "reply lost":  # botocore sends the same request again
            with contextlib.suppress(client.exceptions.ClientError):
                call()
        if fault == "no reply":
            call()
            raise ConnectionClosedError(endpoint_url="")
        if fault == "dies after":
            call()
        if fault.startswith("dies"):
            self._thread.is_dead = True
            raise KilledError
        return call()

    def _next(self, operation: str) -> str:
        if operation in WRITES and self._coming:
            with contextlib.suppress(IndexError):  # another thread was first
                return self._coming.popleft()
        return "calm"


def _conflict(client, operation, parameters):
    """Return the error of an item that another transaction is writing."""
    code, more = "TransactionConflictException", {}
    if operation == "TransactWriteItems":
        reasons = [{"Code": "None"} for _ in parameters["TransactItems"]]
        reasons[-1] = {"Code": "TransactionConflict", "Message": "in the way"}
        code, more = "TransactionCanceledException", {"CancellationReasons": reasons}
    error = {"Error": {"Code": code, "Message": "in the way"}, **more}
    error["ResponseMetadata"] = {"HTTPStatusCode": 400}
    return client.exceptions.from_code(code)(error, operation)


@contextlib.contextmanager
def world():
    """Run an empty AWS in which calls and transactions are small."""
    with (
        empty_aws(),
        time_machine.travel(NOON, tick=True),
        patch.object(Transaction, "MAX_ITEMS", 24),
        patch.object(commit, "MAX_ROWS", 8),
        patch.object(commit, "_READ", 5),
    ):
        make_budget(category=None, categories="all", amount="60")
        make_budget(category="Uncategorized", amount="40")
        yield


def run(action: Callable[[], int], faults: Faults, callers: int) -> None:
    """Repeat a call until no rows are left, from several threads at once."""
    trouble = []

    def work():
        try:
            for _ in range(60):
                if not faults.attempt(action):
                    return
            trouble.append("rows are left after sixty calls")
        except BaseException as error:  # noqa: BLE001 - shown by the assertion
            trouble.append(error)

    with faults.injected():
        threads = [threading.Thread(target=work) for _ in range(callers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert trouble == []


def decide(record, *, refunds: bool):
    """Choose `new` for rows to look at and, if wanted, for money that was received."""
    wanted = {"look", "money_in"} if refunds else {"look"}
    choices = {
        row.number: Choice("new")
        for row in services.rows_of(ALICE, record)
        if row.decision in wanted
    }
    if choices:
        services.change_rows(ALICE, record.import_id, choices)


def upload(rows, *, refunds: bool):
    lines = [f"{day},{text},{cents / 100:.2f}" for day, cents, text in rows]
    record = services.create_import(ALICE, csv(*lines), "bank.csv", profile="Giro")
    for question in services.questions_of(record):
        mapping = {question.about: {"sign": "negative_is_paid"}[question.about]}
        record = services.change_mapping(ALICE, record.import_id, mapping=mapping)
    decide(record, refunds=refunds)
    return record


def commit_all(record, faults=(), callers=1) -> None:
    def action():
        return commit.commit(ALICE, record.import_id).left

    run(action, Faults([*faults]), callers)
    assert services.get_import(ALICE, record.import_id).state == "committed"


def undo_all(record, faults=(), callers=1) -> None:
    def action():
        undone = commit.undo(ALICE, record.import_id)
        assert undone.changed == []
        return undone.left

    run(action, Faults([*faults]), callers)
    assert services.get_import(ALICE, record.import_id).state == "undone"


def exported(user=ALICE) -> str:
    """Return the user's expenses as CSV and as JSON."""
    rows = [records.of_expense(expense, user) for expense in all_expenses(user)]
    parts = [*records.csv_lines(rows, user.currency), *records.json_list(rows)]
    return "".join(parts)


def imported_keys() -> Counter[str]:
    """Count the content keys of imported expenses."""
    keys = (expense.source_key or "" for expense in all_expenses(ALICE))
    return Counter(key.partition(":")[0] for key in keys if key)


def keys_of(record, *files, refunds: bool) -> Counter[str]:
    """Count the content keys of files that overlap, whose rows are each imported."""
    expected: Counter[str] = Counter()
    for rows in files:
        expected |= Counter(
            source_key(record.source, Booking(day, Decimal(cents).scaleb(-2), text))
            for day, cents, text in rows
            if cents < 0 or refunds
        )
    return expected


def alerts() -> Counter[str]:
    """Count the alerts by their level and budget."""
    return Counter(
        f"{notification.type} {json.loads(notification.facts)['category']}"
        for notification in Notification.by_user.query(ALICE.user_id)
        if notification.type.startswith("budget_")
    )


@contextlib.contextmanager
def alerting_once() -> Iterator[None]:
    """Check that the level that a budget rises to is alerted, and none twice."""
    before, budgets = alerts(), list_budgets(ALICE).items
    levels = {budget.budget_id: LEVELS.index(budget.level) for budget in budgets}
    yield
    new = alerts() - before
    assert max(new.values(), default=1) == 1, new
    for budget in list_budgets(ALICE).items:
        if LEVELS.index(budget.level) > levels[budget.budget_id]:
            assert f"budget_{budget.level} {budget.categories.text}" in new


@SETTINGS
@given(ROWS, ROWS, TYPED, st.booleans(), st.lists(FAULTS, min_size=4), CALLERS)
def test_rows_of_overlapping_files_are_imported_once_and_undone(
    rows, more, typed, refunds, faults, callers
):
    with world():
        for day, cents in typed:
            make_expense(amount=f"{-cents / 100:.2f}", date=day, category="Fun")
        before = exported()

        first = upload(rows, refunds=refunds)
        with alerting_once():
            commit_all(first, faults[0], callers)
        assert imported_keys() == keys_of(first, rows, refunds=refunds)
        assert_totals_correct()
        between = exported()

        second = upload(rows + more, refunds=refunds)
        with alerting_once():
            commit_all(second, faults[1], callers)
        both = keys_of(first, rows, rows + more, refunds=refunds)
        assert imported_keys() == both
        assert_totals_correct()

        undo_all(second, faults[2], callers)
        assert exported() == between
        undo_all(first, faults[3], callers)
        assert exported() == before
        assert_totals_correct()


@SETTINGS
@given(OWN, st.sampled_from(["csv", "json"]), FAULTS, FAULTS, CALLERS)
def test_random_own_expenses_are_imported_once_and_undone(
    own, kind, faults, undo_faults, callers
):
    with world():
        for day, amount, refund, status in own:
            record_for_bob(day, amount, refund, status)
        rows = [records.of_expense(expense, BOB) for expense in all_expenses(BOB)]
        lines = (
            records.csv_lines(rows, BOB.currency)
            if kind == "csv"
            else records.json_list(rows)
        )
        content = "".join(lines).encode()
        record = services.create_import(ALICE, content, "expenses")
        decide(record, refunds=True)
        with alerting_once():
            commit_all(record, faults, callers)

        assert facts(ALICE) == facts(BOB)
        assert_totals_correct()
        again = services.create_import(ALICE, content, "expenses")
        assert json.loads(again.counts)["duplicate"] == len(rows)
        undo_all(record, undo_faults, callers)
        assert [*all_expenses(ALICE)] == []
        assert_totals_correct()


def record_for_bob(day, amount, kind, status) -> None:
    if isinstance(amount, int):
        values = {"amount": Decimal(amount).scaleb(-2), "category": "Uncategorized"}
    else:
        cents = [Decimal(part).scaleb(-2) for part in amount]
        parts = [
            {"category": f"Part {number}", "amount": str(part)}
            for number, part in enumerate(cents)
        ]
        values = {"amount": sum(cents), "category": None, "parts": parts}
    make_expense(BOB, date=day, kind=kind, status=status, **values)


def facts(user) -> Counter:
    return Counter(
        (e.date, e.amount, e.category, e.description, e.status, e.kind, str(e.parts))
        for e in all_expenses(user)
    )
