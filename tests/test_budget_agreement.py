"""Consistency: budgets of every kind have the same numbers wherever they are read.

They are compared with a chain computed here from random expenses: what each period
leaves is carried into the next as its budget's rollover says. Add a test for a new way
of reading them. `make soak` draws more worlds.
"""

import datetime
import html
import io
import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pypdf
import pytest
import time_machine

from budgets import services
from budgets.models import Budget
from expenses.bulk_create import record_expenses
from notifications import messages
from profiles.services import update_profile
from reports import email_summaries, pdf, summary
from reports.services import build_report
from smartbudget.core.i18n import override
from smartbudget.core.money import display, format_amount, write_number
from smartbudget.core.periods import Period, Recurrence, following, period_of
from smartbudget.core.user import User
from tests.builders import account_of, client_for, make_user
from tests.conftest import empty_aws
from tests.money_builders import NOON, TODAY
from tests.reports.builders import ask
from tests.sampling import SOAK
from tests.test_agreement import plain

pytestmark = pytest.mark.soak

ONE_DAY = datetime.timedelta(days=1)
BEGUN = TODAY - datetime.timedelta(days=75)
CATEGORIES = ("Groceries", "Rent", "Fun", "Tea")
CALENDARS: list[dict[str, Any]] = [{}, {"month_start_day": 25, "week_start": "sunday"}]
SEEDS = range(30 if SOAK else 1)
NOTHING = Decimal(0)


@dataclass(frozen=True)
class Finished:
    """A period of a budget as it should be."""

    days: Period
    amount: Decimal
    carried: Decimal
    spent: Decimal

    @property
    def limit(self) -> Decimal:
        return self.amount + self.carried

    @property
    def left(self) -> Decimal:
        return self.limit - self.spent


@dataclass
class World:
    user: User
    rows: list[dict]
    budgets: list[Budget]

    def __post_init__(self) -> None:
        self.client = client_for(self.user)

    def chain(self, budget: Budget) -> list[Finished]:
        """Return the periods of a budget from its first to the current one."""
        carried, periods = NOTHING, []
        for days in self._periods(budget.recurrence):
            spent = self.spent(budget, days)
            period = Finished(days, budget.amount, carried, spent)
            periods.append(period)
            carried = {
                "none": NOTHING,
                "surplus": max(period.left, NOTHING),
                "overspend": min(period.left, NOTHING),
                "both": period.left,
            }[budget.rollover]
            cap = budget.rollover_cap
            carried = carried if cap is None else max(min(carried, cap), -cap)
            carried = NOTHING if budget.paused_at else carried
        return periods

    def _periods(self, rule: Recurrence) -> Iterator[Period]:
        period = period_of(rule, BEGUN, self.user.calendar)
        while period.start <= TODAY:
            yield period
            if rule.kind == "once":
                return
            period = following(period, rule, self.user.calendar)

    def spent(self, budget: Budget, days: Period) -> Decimal:
        names = budget.categories.names
        return sum(
            (
                -row["amount"] if row["kind"] == "refund" else row["amount"]
                for row in self.rows
                if row["date"] in days and (not names or row["category"] in names)
            ),
            NOTHING,
        )

    def current(self, budget: Budget) -> Finished:
        return self.chain(budget)[-1]

    @property
    def counting(self) -> list[Budget]:
        """The budgets that are not paused."""
        return [budget for budget in self.budgets if not budget.paused_at]

    def text(self, amount: Decimal) -> str:
        return format_amount(amount, self.user.currency)

    def shown(self, amount: Decimal) -> str:
        with override(self.user.language):
            return plain(display(amount, self.user.currency))

    def page(self, path: str) -> str:
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.content
        return plain(html.unescape(re.sub(r"<[^>]*>", " ", answer.content.decode())))


def drawn(clock, seed: int, calendar: dict) -> World:
    """Create a user with a budget of each kind, and the expenses of some weeks."""
    some = random.Random(f"{seed} {calendar}")
    clock.move_to(datetime.datetime.combine(BEGUN, NOON.timetz()))
    user = make_user()
    if calendar:
        user = update_profile(user, calendar=calendar).user
        clock.move_to(clock_time(BEGUN))
    kinds: list[dict[str, Any]] = [
        {"period": "weekly"},
        {"period": "biweekly", "anchor": "2026-01-02"},
        {"period": "four_weekly", "anchor": "2027-01-01"},
        {"period": "semimonthly", "month_days": [15, 31]},
        {"period": "monthly"},
        {"period": "quarterly"},
        {"period": "yearly"},
        {"period": "once", "start": str(BEGUN), "end": str(TODAY + 9 * ONE_DAY)},
        {"period": "weekly", "paused": True},
        {"period": "monthly", "categories": ["Groceries", "Tea"]},
        {"period": "monthly", "categories": "all"},
    ]
    for number, kind in enumerate(kinds):
        category = {} if "categories" in kind else {"category": some.choice(CATEGORIES)}
        if kind == {"period": "weekly", "paused": True}:
            category = {"category": "Paused"}
        mode = some.choice(["surplus", "overspend", "both"] if number else ["both"])
        cap = some.choice([None, Decimal(some.randint(20, 90))])
        rollover = {} if kind["period"] == "once" else {"mode": mode, "cap": cap}
        services.create_budget(
            user,
            amount=Decimal(some.randint(1_000, 30_000)) / 100,
            alert_thresholds=[50, 80],
            **({"rollover": rollover} if rollover else {}),
            **category,
            **kind,
        )
    user = account_of(user).user  # which kinds of budget there are is cached with it
    rows: list[dict] = []
    day = BEGUN
    while day <= TODAY:  # as a person records them, every few days
        clock.move_to(clock_time(day))
        new = [row_on(some, day) for _ in range(some.randint(1, 3))]
        record_expenses(user, new)
        rows += new
        day += some.randint(1, 4) * ONE_DAY
    clock.move_to(NOON)
    return World(user, rows, services.list_budgets(user).items)


def clock_time(day: datetime.date) -> datetime.datetime:
    return datetime.datetime.combine(day, NOON.timetz())


def row_on(some: random.Random, day: datetime.date) -> dict:
    return {
        "amount": Decimal(some.randint(100, 9_999)) / 100,
        "kind": some.choice(["expense"] * 5 + ["refund"]),
        "category": some.choice((*CATEGORIES, "Paused")),
        "date": day,
    }


@pytest.fixture(
    scope="module",
    params=[(seed, calendar) for seed in SEEDS for calendar in CALENDARS],
)
def world(request):
    with empty_aws(), time_machine.travel(NOON, tick=False) as clock:
        yield drawn(clock, *request.param)


def test_something_is_carried_over_in_both_directions(world):
    carried = [
        period.carried
        for budget in world.budgets
        for period in world.chain(budget)
        if period.carried
    ]

    assert min(carried) < 0 < max(carried)


class TestEveryWay:
    @pytest.mark.parametrize("path", ["budgets", "summary"])
    def test_the_api(self, world, path):
        body = world.client.get(f"/api/{path}").json()
        lines = {
            line["budget_id"]: line for line in body.get("budgets") or body["results"]
        }

        assert len(lines) == len(world.budgets)
        for budget in world.budgets:
            line, period = lines[budget.budget_id], world.current(budget)
            days = (str(period.days.start), str(period.days.end))
            assert (line["start"], line["end"]) == days, budget.period
            assert numbers_of(line) == expected(world, period), budget.period
            assert line["paused"] == bool(budget.paused_at)
            assert line["alert_thresholds"] == [50, 80]

    def test_the_finished_periods(self, world):
        for budget in world.budgets:
            path = f"/api/budgets/{budget.budget_id}/periods?page_size=100"
            results = world.client.get(path).json()["results"]
            finished = world.chain(budget)[:-1][::-1]
            assert [numbers_of(result) for result in results] == [
                expected(world, period) for period in finished
            ], budget.period
            page = world.page(f"/budgets/{budget.budget_id}?page_size=100")
            for period in finished:
                assert world.shown(period.spent) in page
                assert world.shown(period.limit) in page

    def test_the_export(self, world):
        answer = world.client.get("/api/export.json")
        data = json.loads(b"".join(answer.streaming_content))

        for budget in world.budgets:
            rows = [
                numbers_of(row)
                for row in data["budget_periods"]
                if row["budget_id"] == budget.budget_id
            ]
            finished = world.chain(budget)[:-1]
            assert rows == [expected(world, period) for period in finished]

    @pytest.mark.parametrize("path", ["/", "/budgets"])
    def test_the_cards(self, world, path):
        page = world.page(path)

        for budget in world.budgets:
            period = world.current(budget)
            assert f"{world.shown(period.spent)} of {world.shown(period.limit)}" in page
            assert world.shown(abs(period.left)) in page
            if period.carried > 0:
                carried = f"{world.shown(period.carried)} carried over"
                assert f"{carried} = {world.shown(period.limit)}" in page
            elif period.carried < 0:
                before = f"{world.shown(-period.carried)} overspent before"
                assert f"{before} = {world.shown(period.limit)}" in page

    @pytest.mark.parametrize("kind", ["weekly", "monthly"])
    def test_the_summary_by_mail(self, world, kind):
        current = period_of(kind, TODAY, world.user.calendar)
        facts = email_summaries.facts_of(summary.review(world.user, kind, current))
        message = plain(messages.write(f"{kind}_summary", facts, language="en").message)

        assert facts["budgets_number"] == len(world.counting)
        assert "Paused" not in message
        for budget in world.counting[: messages.MAX_BUDGETS]:
            period = world.current(budget)
            spent, limit = world.shown(period.spent), world.shown(period.limit)
            assert f"{spent} of {limit} spent" in message
            if period.carried:
                assert f"({world.shown(abs(period.carried))}" in message

    def test_the_report(self, world):
        calendar = world.user.calendar
        key = summary.summary(world.user).shown
        period = ask(TODAY, calendar=calendar, report_type="monthly")
        report = build_report(world.user, period, today=TODAY)
        assert report.period.current == key
        content = pdf.draw(report, username="alice", app_url="http://x")
        pages = pypdf.PdfReader(io.BytesIO(content)).pages
        text = plain("\n".join(page.extract_text() for page in pages))

        assert len(report.budgets) == len(world.counting)
        for budget in world.counting:
            period = world.current(budget)
            for amount in (period.spent, period.limit, period.left):
                assert plain(write_number(amount, "USD")) in text
            if period.carried:
                assert plain(write_number(abs(period.carried), "USD")) in text


def numbers_of(line: dict) -> dict[str, str]:
    names = ("amount", "carried_over", "limit", "spent", "remaining")
    return {name: line[name] for name in names}


def expected(world: World, period: Finished) -> dict[str, str]:
    values = (period.amount, period.carried, period.limit, period.spent, period.left)
    names = ("amount", "carried_over", "limit", "spent", "remaining")
    return dict(zip(names, map(world.text, values), strict=True))
