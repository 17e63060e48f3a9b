"""Stored totals of months, compared with a plain walk through all expenses."""

import contextlib
import datetime
import random
from collections import Counter, defaultdict
from dataclasses import replace
from decimal import Decimal
from unittest.mock import patch

import pytest
import time_machine
from botocore.client import BaseClient
from hypothesis import given
from hypothesis import strategies as st

from expenses import bulk_update, month_totals
from expenses import queries as expense_queries
from expenses import services as expenses
from expenses.bulk_create import record_expenses
from expenses.categories import queries as category_queries
from expenses.categories.queries import list_categories
from expenses.categories.services import rename_categories
from expenses.models import Expense, MonthTotals
from reports.trend import MonthTotal, trend
from smartbudget.core import dates
from smartbudget.core.errors import NotFoundError
from smartbudget.core.periods import period_of
from smartbudget.core.text import casefold_key, search_key
from tests.budgets.test_index_lag import lagging_index
from tests.calls import QUERY, counted
from tests.conftest import empty_aws
from tests.dynamodb import fake
from tests.money_builders import ALICE, BOB, make_expense
from tests.notifications import faults
from tests.sampling import sampled

SETTINGS = sampled(10, soak=1000)
START = datetime.datetime(2026, 2, 27, 12, tzinfo=datetime.UTC)
LONGEST_LAG = 8  # seconds
ZONES = ("UTC", "Pacific/Apia", "Pacific/Pago_Pago", "Europe/Berlin")


def all_items(user, start=None, end=None):
    """Return the user's expenses, newest first, as the index has them."""
    pages = Expense.by_user.query(
        user.user_id, expense_queries.between(start, end), scan_index_forward=False
    ).page_iter
    return [item for page in pages for item in page["Items"]]


def walk_categories(user, q="", start=None, end=None):
    """Return the use of each category from a plain walk."""
    uses = {}
    for item in all_items(user, start, end):
        spelling = item["category"]["S"]
        if search_key(q) not in search_key(spelling):
            continue
        key = casefold_key(spelling)
        use = uses.setdefault(key, [Counter(), Decimal(0), item["date"]["S"]])
        use[0][spelling] += 1
        if item["status"]["S"] != "void":
            use[1] += Decimal(item["amount"]["N"])
    return [
        (key, [name for name, _ in names.most_common()][:10], names.total(), spent, day)
        for key, (names, spent, day) in sorted(uses.items())
    ]


def listed_categories(user, **given):
    listing = list_categories(user, **given)
    assert listing.complete
    return [
        (use.key, use.spellings, use.expenses, use.spent, str(use.last_used))
        for use in listing.uses
    ]


def walk_trend(user, month=None, category="", by=""):
    """Return the totals of twelve months from a plain walk."""
    first = dates.parse_month(month) if month else user.today().replace(day=1)
    starts = [first]
    while len(starts) < 12:
        starts.insert(0, (starts[0] - datetime.timedelta(days=1)).replace(day=1))
    items = all_items(user, starts[0], period_of("monthly", first).end)
    result = []
    for start in starts:
        totals, names = defaultdict(Decimal), {}
        for item in items:
            key = casefold_key(item["category"]["S"])
            in_month = item["date"]["S"][:7] == start.isoformat()[:7]
            if item["status"]["S"] == "void" or not in_month:
                continue
            if not category or key == casefold_key(category):
                totals[key] += Decimal(item["amount"]["N"])
                names[key] = item["category"]["S"]
        by_category = expense_queries.largest_first(totals, names)
        spent = sum(totals.values(), Decimal(0))
        categories = by_category if by else None
        result.append(MonthTotal.of(period_of("monthly", start), spent, categories))
    return result


spellings = st.sampled_from(["Tea", "tea", "TEA", "Rent", "Équipe", "équipe"])
amounts = st.integers(1, 4_000).map(lambda cents: Decimal(cents) / 100)
statuses = st.sampled_from(["pending", "cleared", "void"])
picks = st.integers(0, 50)
days = st.one_of(
    st.sampled_from(["2017-12-31", "2019-12-31", "2024-02-29", "2026-12-31"]),
    st.sampled_from(["2025-12-31", "2026-01-01", "2026-01-31", "2026-02-28"]),
    st.integers(-420, 60).map(lambda number: START.date() + number * ONE_DAY).map(str),
    st.sampled_from(["2025-12-02", "2025-12-09", "2025-12-30", "2026-03-01"]),
    st.sampled_from(["2026-01-05", "2026-01-19", "2026-02-01", "2026-04-15"]),
)
ONE_DAY = datetime.timedelta(days=1)
rows = st.fixed_dictionaries(
    {"amount": amounts, "category": spellings, "date": days, "status": statuses}
)
users = st.sampled_from([ALICE, ALICE, ALICE, BOB])
changes = st.one_of(
    st.fixed_dictionaries({"amount": amounts}),
    st.fixed_dictionaries({"category": spellings}),
    st.fixed_dictionaries({"date": days}),
    st.fixed_dictionaries({"status": statuses}),
    st.fixed_dictionaries({"description": st.sampled_from(["", "Oolong"])}),
    rows,
)
selections = st.lists(picks, min_size=1, max_size=8)
writes = st.one_of(
    st.tuples(st.just("add"), users, rows),
    st.tuples(st.just("add"), users, rows),
    st.tuples(st.just("edit"), picks, changes),
    st.tuples(st.just("edit"), picks, changes),
    st.tuples(st.just("delete"), picks),
    st.tuples(st.just("bulk"), users, st.lists(rows, min_size=1, max_size=12)),
    st.tuples(st.just("update"), selections, st.sampled_from(["category", "status"])),
    st.tuples(st.just("remove"), selections),
    st.tuples(st.just("rename"), spellings, spellings),
)
months = st.sampled_from([None, None, "2026-02", "2025-12", "2026-05", "0002-01"])
bounds = st.one_of(
    st.none(),
    st.dates(datetime.date(2024, 12, 1), datetime.date(2026, 6, 1)),
    st.sampled_from(["2025-12-01", "2026-01-31", "2026-02-28"]).map(
        datetime.date.fromisoformat
    ),
)
reads = st.one_of(
    st.tuples(st.just("trend"), months, st.sampled_from(["", "TEA"])),
    st.tuples(st.just("categories"), st.sampled_from(["", "e", "qu"]), bounds, bounds),
    st.tuples(st.just("categories"), st.just(""), st.none(), st.none()),
)
waits = st.tuples(
    st.just("wait"),
    st.one_of(
        st.integers(0, 90),
        st.just(month_totals.SETTLED_SECONDS),
        st.integers(1, 3).map(lambda number: number * 86_400),
        st.sampled_from([15, 28, 31, 100]).map(lambda number: number * 86_400),
    ),
)
actions = st.one_of(
    writes,
    writes,
    reads,
    waits,
    st.tuples(st.just("move"), st.sampled_from(ZONES)),
    # The second action happens during the first, before its AWS call of this number.
    st.tuples(st.just("during"), reads, st.integers(1, 6), writes),
    st.tuples(st.just("during"), writes, st.integers(1, 4), reads),
    st.tuples(st.just("during"), reads, st.integers(1, 6), reads),
)


class Actor:
    """Performs drawn writes and reads for two users."""

    def __init__(self) -> None:
        self.ids = []  # of Alice's expenses
        self.alice = ALICE

    def user(self, user):
        return self.alice if user.user_id == ALICE.user_id else user

    def do(self, action) -> None:
        kind, *given_ = action
        getattr(self, kind)(*given_)

    def add(self, user, row):
        stored = expenses.record_expense(self.user(user), **row)
        if user == ALICE:
            self.ids.append(stored.expense_id)

    def edit(self, pick, values):
        for expense_id in self.picked([pick]):
            expenses.edit_expense(self.alice, expense_id, **values)

    def delete(self, pick):
        for expense_id in self.picked([pick]):
            self.ids.remove(expense_id)
            with contextlib.suppress(NotFoundError):
                expenses.delete_expense(self.alice, expense_id)

    def bulk(self, user, new):
        stored = record_expenses(self.user(user), new).expenses
        if user == ALICE:
            self.ids += [expense.expense_id for expense in stored]

    def update(self, selection, name):
        if ids := self.picked(selection):
            values = {"category": "tea"} if name == "category" else {"status": "void"}
            bulk_update.change_expenses(self.alice, ids, **values)

    def remove(self, selection):
        if ids := self.picked(selection):
            self.ids = [one for one in self.ids if one not in ids]
            bulk_update.delete_expenses(self.alice, ids)

    def rename(self, source, target):
        rename_categories(self.alice, [source], target, strategy="keep")

    def picked(self, picks):
        return list({self.ids[pick % len(self.ids)]: 1 for pick in picks if self.ids})

    def move(self, time_zone):
        self.alice = replace(ALICE, time_zone=time_zone)

    def trend(self, month, category):
        trend(self.alice, month=month, category=category, by="category")

    def categories(self, q, start, end):
        if not (start and end and start > end):
            list_categories(self.alice, q=q, start=start, end=end)

    def during(self, outer, number, inner):
        """Perform `inner` between two AWS calls of `outer`."""
        make_call = BaseClient._make_api_call
        calls = 0

        def interrupted(*call):
            nonlocal calls
            calls += 1
            if calls == number:
                with contextlib.suppress(NotFoundError):
                    self.do(inner)
            return make_call(*call)

        with (
            patch.object(BaseClient, "_make_api_call", interrupted),
            contextlib.suppress(NotFoundError),
        ):
            self.do(outer)


def assert_agrees(user, reading) -> None:
    kind, *given_ = reading
    if kind == "trend":
        month, category = given_
        asked = {"month": month, "category": category}
        for by in ("", "category"):
            assert trend(user, by=by, **asked) == walk_trend(user, by=by, **asked)
        return
    q, start, end = given_
    if not (start and end and start > end):
        asked = {"q": q, "start": start, "end": end}
        assert listed_categories(user, **asked) == walk_categories(user, **asked)


def set_limits(monkey, max_bytes, max_queries):
    """Read small pages, and allow enough of them."""
    monkey.setattr(month_totals, "MAX_BYTES", max_bytes)
    monkey.setattr(month_totals, "MAX_QUERIES", max_queries)
    monkey.setattr(category_queries, "MAX_PAGES", 10_000)
    monkey.setattr(expense_queries, "TREND_PAGES", 10_000)
    monkey.setattr(fake, "PAGE_BYTES", 1500)


limits = st.sampled_from([(8192, 5), (8192, 2), (60, 5), (100, 1)])
LAST_READS = [
    ("trend", None, ""),
    ("categories", "", None, None),
    ("categories", "", datetime.date(2025, 12, 31), datetime.date(2026, 3, 31)),
]


@pytest.mark.soak
@SETTINGS
@given(
    st.lists(st.tuples(actions, reads), min_size=6, max_size=30),
    limits,
    st.integers(0, 1000),
)
def test_stored_totals_always_equal_a_plain_walk(steps, sizes, seed):
    """Compared whenever the indexes have caught up with the last write."""
    lags = random.Random(seed)
    with (
        pytest.MonkeyPatch.context() as monkey,
        empty_aws(),
        time_machine.travel(START - ONE_DAY, tick=False) as clock,
        lagging_index(lambda query: lags.randint(0, LONGEST_LAG)),
    ):
        set_limits(monkey, *sizes)
        clock.move_to(START)
        actor = Actor()
        for action, reading in steps:
            if action[0] == "wait":
                clock.shift(action[1])
            else:
                with contextlib.suppress(NotFoundError):
                    actor.do(action)
            passed = lags.choice([0, 1, LONGEST_LAG, month_totals.SETTLED_SECONDS])
            clock.shift(passed)
            if passed >= LONGEST_LAG:
                assert_agrees(actor.alice, reading)
        for shift in (LONGEST_LAG, 90, 86_400 * 40):
            clock.shift(shift)
            for reading in LAST_READS:
                assert_agrees(actor.alice, reading)
        assert_agrees(BOB, LAST_READS[1])


SETTLED = month_totals.SETTLED_SECONDS


@pytest.fixture
def clock(aws, clock):
    return clock


@pytest.fixture
def committed():
    """The keys that each transaction writes, in order."""
    written = []
    make_call = BaseClient._make_api_call

    def noted(client, operation, parameters):
        if operation == "TransactWriteItems":
            written.append([key_of(item) for item in parameters["TransactItems"]])
        return make_call(client, operation, parameters)

    with patch.object(BaseClient, "_make_api_call", noted):
        yield written


def key_of(item):
    [action] = item.values()
    return action.get("Key", action.get("Item"))["expense_id"]["S"]


def stored_months(user=ALICE) -> list[str]:
    """Return the months whose totals are stored, and the first year as month 00."""
    pages = Expense.by_user.query(MonthTotals.index_key_of(user.user_id)).page_iter
    return [
        f"{item['date']['S']}-{name[-2:]}"
        for page in pages
        for item in page["Items"]
        for name in sorted(item)
        if name.startswith("month_")
    ]


def read_everything(user=ALICE):
    return month_totals.read(user, None, None, max_pages=20)


def spent(month, user=ALICE):
    uses = read_everything(user).uses.get(month, ())
    return sum((use.spent for use in uses), Decimal(0))


def test_a_read_stores_closed_months_for_the_next_one(clock):
    make_expense(date="2025-11-30", amount="1.00")
    make_expense(date="2026-02-28", amount="2.00")
    make_expense(date="2026-03-01", amount="4.00")
    clock.shift(SETTLED)
    first = read_everything()

    with counted() as calls:
        again = read_everything()

    stored = stored_months()
    assert (stored[0], stored[-1]) == ("2025-00", "2026-02")
    assert [month for month in again.uses if first.uses.get(month)] == [*first.uses]
    assert {month: again.uses[month] for month in first.uses} == first.uses
    assert calls.names == [QUERY, QUERY]
    assert calls.read_items == 2 + 1  # two years of totals, the expense of March


def test_a_month_is_closed_two_days_after_its_end_and_stored_after_three(aws):
    for moment, closed_before, last_stored in [
        ("2026-03-01T00:00:00", "2026-02", "2026-01"),
        ("2026-03-02T23:59:59", "2026-02", "2026-01"),
        ("2026-03-03T00:00:00", "2026-03", "2026-01"),
        ("2026-03-03T23:59:59", "2026-03", "2026-01"),
        ("2026-03-04T00:00:00", "2026-03", "2026-02"),
    ]:
        with time_machine.travel(f"{moment}+00:00", tick=False):
            assert month_totals.closed_before() == closed_before
            read_everything()
            assert stored_months()[-1] == last_stored


@pytest.mark.parametrize("time_zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
@pytest.mark.parametrize(
    "moment", ["2026-03-01T11:00", "2026-03-31T10:30", "2026-04-01T10:30"]
)
def test_an_expense_of_today_is_stored_alone(aws, committed, time_zone, moment):
    user = replace(ALICE, time_zone=time_zone)
    with time_machine.travel(f"{moment}+00:00"):
        expense = make_expense(user)

    assert committed == [[expense.expense_id]]


def test_an_expense_of_a_closed_month_writes_one_item_more(clock, committed):
    expense = make_expense(date="2025-06-01")

    assert committed == [[expense.expense_id, MonthTotals.id_of("alice", "2025")]]


def test_a_new_description_invalidates_nothing(clock, committed):
    expense = make_expense(date="2025-06-01")
    committed.clear()

    expenses.edit_expense(ALICE, expense.expense_id, description="Oolong")

    [written] = committed
    assert MonthTotals.id_of("alice", "2025") not in written


def test_an_expense_moved_between_years_invalidates_both(clock, committed):
    expense = make_expense(date="2025-06-01")
    committed.clear()

    expenses.edit_expense(ALICE, expense.expense_id, date="2024-06-01")

    [written] = committed
    assert {MonthTotals.id_of("alice", year) for year in ("2024", "2025")} < {*written}


def test_a_write_invalidates_only_its_month(clock):
    make_expense(date="2025-06-01")
    clock.shift(SETTLED)
    read_everything()
    before = stored_months()

    make_expense(date="2025-07-01")

    assert [month for month in before if month not in stored_months()] == ["2025-07"]


EDITS = {
    "amount": lambda one: expenses.edit_expense(ALICE, one, amount="2.00"),
    "category": lambda one: expenses.edit_expense(ALICE, one, category="Rent"),
    "spelling": lambda one: expenses.edit_expense(ALICE, one, category="FOOD"),
    "day": lambda one: expenses.edit_expense(ALICE, one, date="2026-01-09"),
    "month": lambda one: expenses.edit_expense(ALICE, one, date="2026-02-09"),
    "into this month": lambda one: expenses.edit_expense(ALICE, one, date="2026-03-09"),
    "status": lambda one: expenses.edit_expense(ALICE, one, status="void"),
    "deletion": lambda one: expenses.delete_expense(ALICE, one),
    "addition": lambda _: make_expense(category="Food", date="2026-01-02"),
    "bulk creation": lambda _: record_expenses(
        ALICE, [{"amount": "3.00", "category": "Food", "date": "2026-01-02"}]
    ),
    "bulk status": lambda one: bulk_update.change_expenses(ALICE, [one], status="void"),
    "bulk category": lambda one: bulk_update.change_expenses(
        ALICE, [one], category="Rent"
    ),
    "bulk deletion": lambda one: bulk_update.delete_expenses(ALICE, [one]),
    "rename": lambda _: rename_categories(ALICE, ["food"], "Eating"),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_every_write_of_a_closed_month_invalidates_it(clock, edit):
    make_expense(category="Food", date="2026-01-06")
    expense = make_expense(category="Food", date="2026-01-05")
    clock.shift(SETTLED)
    assert listed_categories(ALICE) == (before := walk_categories(ALICE))
    assert "2026-01" in stored_months()

    edit(expense.expense_id)

    assert listed_categories(ALICE) == walk_categories(ALICE) != before
    clock.shift(SETTLED)
    listed_categories(ALICE)
    assert listed_categories(ALICE) == walk_categories(ALICE)
    assert "2026-01" in stored_months()


def test_a_month_names_a_category_as_its_earliest_expense_does(clock):
    for spelling, day, status in [
        ("Tea", "2026-01-02", "void"),
        ("tea", "2026-01-03", "cleared"),
        ("TEA", "2026-01-04", "cleared"),
        ("tea", "2026-01-05", "cleared"),
    ]:
        make_expense(category=spelling, date=day, status=status)
    clock.shift(SETTLED)

    for _ in range(2):
        january = trend(ALICE, by="category")[-3]
        assert january.categories == [("tea", Decimal(30))]
    assert "2026-01" in stored_months()


@pytest.mark.usefixtures("small")
def test_a_bulk_leaves_room_for_the_totals_of_each_year(clock, committed):
    rows = [
        {"amount": "1.00", "category": "Fun", "date": f"{2017 + number // 5}-06-01"}
        for number in range(45)
    ]

    record_expenses(ALICE, rows)

    assert [len(written) for written in committed] == [20, 20, 16]


def test_totals_counted_while_a_write_commits_are_not_stored(clock):
    make_expense(date="2026-01-05", amount="1.00")
    clock.shift(SETTLED)
    count = month_totals._count

    def count_slowly(*given_):
        counted_before = count(*given_)
        make_expense(date="2026-01-06", amount="2.00")
        return counted_before

    with patch.object(month_totals, "_count", count_slowly):
        spent("2026-01")

    assert "2026-01" not in stored_months()
    assert spent("2026-01") == 3


@pytest.mark.parametrize(
    ("seconds", "is_stored"), [(SETTLED - 1, False), (SETTLED, True)]
)
def test_totals_are_not_stored_while_the_index_may_lag(clock, seconds, is_stored):
    make_expense(date="2026-01-05")
    clock.shift(seconds)

    read_everything()

    assert ("2026-01" in stored_months()) is is_stored


def test_an_expense_before_the_first_year_is_counted(clock):
    make_expense(date="2024-06-01", amount="1.00")
    clock.shift(SETTLED)
    read_everything()

    make_expense(date="2019-06-01", amount="2.00")

    assert spent("2019-06") == 2
    clock.shift(SETTLED)
    read_everything()
    with counted() as calls:
        assert spent("2019-06") == 2
    assert calls.names == [QUERY, QUERY]


def test_a_read_up_to_a_day_does_not_store_that_later_years_are_empty(clock):
    store("2022-06-01")

    month_totals.read(ALICE, None, datetime.date(2020, 6, 1), max_pages=20)

    assert spent("2022-06") == 1


@pytest.mark.parametrize(
    ("date", "is_stored"),
    [("2006-01-01", True), ("2005-12-31", False), ("0001-01-01", False)],
)
def test_twenty_years_are_stored_and_older_ones_read(clock, date, is_stored):
    store(date)

    for _ in range(2):
        assert spent(date[:7]) == 1
        assert spent("2025-12") == 0
    assert (date[:7] in stored_months()) is is_stored
    assert "2006-01" in stored_months()


def store(date):
    """Store an expense as a version without month totals does."""
    with Expense.batch_write() as batch:
        batch.save(
            Expense(
                expense_id=f"{date:>032}",
                user_id="alice",
                date=date,
                amount=Decimal(1),
                category="Fun",
                category_key="fun",
                created_at="2026-01-01T00:00:00.000000+00:00",
                updated_at="2026-01-01T00:00:00.000000+00:00",
                version=1,
            )
        )


def test_months_are_counted_again_after_weeks_and_differences_logged(clock, caplog):
    make_expense(date="2025-12-05", amount="1.00")
    make_expense(date="2026-01-05", amount="1.00")
    clock.shift(SETTLED)
    read_everything()
    store("2026-01-06")

    kept = month_totals.KEPT_DAYS - 2026 % 10
    clock.shift(datetime.timedelta(days=kept - 1))
    assert spent("2026-01") == 1
    assert "wrong" not in caplog.text
    clock.shift(datetime.timedelta(days=1))

    assert spent("2026-01") == 2
    assert "month totals were wrong user_id=alice months=2026-01" in caplog.text
    caplog.clear()
    assert spent("2026-01") == 2
    assert caplog.text == ""


def test_years_are_counted_again_on_different_days(clock):
    for year in range(2018, 2026):
        make_expense(date=f"{year}-06-01")
    clock.shift(SETTLED)
    read_everything()

    costs = []
    for _ in range(month_totals.KEPT_DAYS):
        clock.shift(datetime.timedelta(days=1))
        with counted() as calls:
            read_everything()
        costs.append(calls.names.count("dynamodb.UpdateItem"))

    assert max(costs) == 1


def test_a_month_with_very_many_categories_is_read_each_time(clock):
    rows = [
        {"amount": "1.00", "category": f"Number {number}", "date": "2026-01-05"}
        for number in range(400)
    ]
    record_expenses(ALICE, rows)
    clock.shift(SETTLED)

    for _ in range(2):
        assert spent("2026-01") == 400
    assert "2026-01" not in stored_months()
    assert "2025-12" in stored_months()


def test_many_gaps_are_read_at_once(clock):
    for number in range(1, 12):
        make_expense(date=f"2025-{number:02d}-05")
    clock.shift(SETTLED)
    read_everything()
    for number in range(1, 12, 2):
        make_expense(date=f"2025-{number:02d}-06")

    with counted() as calls:
        listed = listed_categories(ALICE)

    assert listed == walk_categories(ALICE)
    totals_and_budgets = 2
    assert calls.names.count(QUERY) == totals_and_budgets + month_totals.MAX_QUERIES


@pytest.mark.parametrize("fault", [faults.down, faults.reply_lost])
def test_an_outage_while_storing_does_not_fail_the_read(clock, fault):
    make_expense(date="2026-01-05")
    clock.shift(SETTLED)

    with fault("UpdateItem"):
        assert spent("2026-01") == 10

    assert spent("2026-01") == 10


def test_totals_of_another_user_are_not_used(clock):
    for user, amount in ((ALICE, "1.00"), (BOB, "2.00")):
        make_expense(user, date="2026-01-05", amount=amount)
    clock.shift(SETTLED)

    for _ in range(2):
        assert spent("2026-01", ALICE) == 1
        assert spent("2026-01", BOB) == 2
    make_expense(BOB, date="2026-01-06", amount="2.00")

    assert "2026-01" in stored_months(ALICE)
    assert "2026-01" not in stored_months(BOB)


def test_the_current_month_alone_needs_no_stored_totals(clock):
    with counted() as calls:
        month_totals.read(ALICE, datetime.date(2026, 3, 1), None, max_pages=20)

    assert calls.names == [QUERY]
