"""Consistency: every way of reading an amount returns the same one, to the cent.

Each way of reading is compared with a simple sum over random recorded data. Add a
test to `TestEveryWay` for a new one; it gets a drawn `World`. All of it runs with
`make soak`.
"""

import csv
import datetime
import html
import io
import itertools
import json
import random
import re
import string
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import pypdf
import pytest
import time_machine

from budgets.models import Budget
from expenses import month_totals
from expenses.bulk_create import record_expenses
from expenses.categories.queries import list_categories
from expenses.services import edit_expense
from notifications import messages
from notifications.models import Notification
from profiles.services import update_profile
from reports import email_summaries, pdf, summary
from reports.services import build_report
from smartbudget.core.i18n import gettext, ngettext, override, percent
from smartbudget.core.money import CURRENCIES, display, format_amount, write_number
from smartbudget.core.periods import (
    CALENDAR_PERIODS,
    Period,
    Recurrence,
    day_shown,
    parse_month,
    period_of,
)
from smartbudget.core.text import casefold_key
from smartbudget.core.user import User
from tests.builders import account_of, client_for, make_user
from tests.conftest import empty_aws
from tests.money_builders import NOON, TODAY, make_budget
from tests.reports.builders import ask
from tests.sampling import SOAK

pytestmark = pytest.mark.soak

# Of budgets for several categories or all of them, and of one category beyond those
# that the version before has.
PERIODS = [
    *({"period": period} for period in (*CALENDAR_PERIODS, "quarterly", "semimonthly")),
    {"period": "biweekly", "anchor": datetime.date(2026, 1, 2)},
    {"period": "four_weekly", "anchor": datetime.date(2027, 1, 1)},
    {
        "period": "once",
        "start": datetime.date(2026, 3, 7),
        "end": datetime.date(2026, 4, 20),
    },
]
ONE_DAY = datetime.timedelta(days=1)
CATEGORIES = ("Groceries", "GROCERIES", "Rent", "Ψώνια", "餐饮")
PAYDAY = {"month_start_day": 25, "month_start_shift": "before"}
# One currency of each exponent (0, 2, 3 and 4), in each language's format. Then the
# calendars of a user: {the day on which it was chosen: its rules}.
CASES = [
    ("JPY", "en", {}),
    ("USD", "de", {"2016-01-01": PAYDAY | {"week_start": "sunday"}}),
    ("KWD", "en", {"2026-02-10": PAYDAY | {"year_start_month": 4}}),
    ("CLF", "de", {"2025-11-28": PAYDAY, "2026-03-05": {"month_start_day": 3}}),
]
SEEDS = range(40 if SOAK else 1)


@dataclass
class World:
    """A user's recorded expenses and budgets, and sums of them."""

    user: User
    language: str
    recorded: list[dict]
    limits: list[dict]

    def __post_init__(self):
        self.client = client_for(self.user)

    def period_of(self, kind: str | Recurrence, day: datetime.date) -> Period:
        """Return the period of a kind that contains a day."""
        return period_of(kind, day, self.user.calendar)

    def limits_on(self, day: datetime.date) -> list[tuple[dict, Period]]:
        """Return the budgets that there were on a day, with their periods."""
        limits = []
        for limit in self.limits:
            rule = rule_of(limit)
            own = self.period_of(rule, day)
            first = datetime.date.min
            if limit.get("is_new"):
                first = self.period_of(rule, TODAY).start
            if day in own and day >= first:
                limits.append((limit, own))
        return limits

    def limit_of(self, categories: list[str] | str, period: str) -> dict:
        (limit,) = [
            limit
            for limit in self.limits
            if (limit["categories"], limit["period"]) == (categories, period)
        ]
        return limit

    def month_of(self, key: str) -> Period:
        return parse_month(key, self.user.calendar)

    def spent(
        self, period: Period, covered: str | Sequence[str] | None = None
    ) -> Decimal:
        """Return the sum of all but void expenses, less refunds.

        covered: a category, a list of them, or "all".
        """
        names = [covered] if isinstance(covered, str) else covered or ()
        keys = set(map(casefold_key, names)) - {"all"}
        return sum(
            (
                amount
                for expense in self.recorded
                if expense["status"] != "void" and expense["date"] in period
                for category, amount in shares(expense)
                if not keys or casefold_key(category) in keys
            ),
            Decimal(0),
        )

    def refunded(self, period: Period) -> Decimal:
        """Return the sum of all but void refunds."""
        return sum(
            (
                expense["amount"]
                for expense in self.recorded
                if expense["status"] != "void"
                and expense["kind"] == "refund"
                and expense["date"] in period
            ),
            Decimal(0),
        )

    def text(self, amount: Decimal) -> str:
        """Format an amount as in the API and files."""
        return format_amount(amount, self.user.currency)

    def shown(self, amount: Decimal) -> str:
        """Format an amount as in pages and mails."""
        with override(self.language):
            return plain(display(amount, self.user.currency))

    def number(self, amount: Decimal) -> str:
        """Format an amount as in a PDF, without the currency."""
        with override(self.language):
            return plain(write_number(amount, self.user.currency))

    def counted(self, count: int, total: Decimal) -> str:
        """Format the totals of a list as its page does; of none, it only says so."""
        with override(self.language):
            if not count:
                return gettext("No matching expenses.")
            text = ngettext(
                "{count} expense, {total}", "{count} expenses, {total}", count
            )
        return f" {text.format(count=count, total=self.shown(total))} "

    def get(self, path: str, **query: str) -> dict:
        answer = self.client.get(path, query)
        assert answer.status_code == 200, answer.content
        return answer.json()

    def page(self, path: str, **query: str) -> str:
        answer = self.client.get(path, query)
        assert answer.status_code == 200, answer.content
        return plain(html.unescape(re.sub(r"<[^>]*>", " ", answer.content.decode())))


def signed(row: dict) -> Decimal:
    """Return the amount that a recorded or exported expense adds to a total."""
    return Decimal(row["amount"]) * (-1 if row["kind"] == "refund" else 1)


def shares(row: dict) -> list[tuple[str, Decimal]]:
    """Return what a recorded or exported expense adds to each category."""
    if not row.get("parts"):
        return [(row["category"], signed(row))]
    return [
        (part["category"], signed({**part, "kind": row["kind"]}))
        for part in row["parts"]
    ]


def split(some: random.Random, row: dict, unit: Decimal) -> dict:
    """Return an expense in parts of random categories, if it can be divided."""
    units = int(row["amount"] / unit)
    number = min(some.randint(2, 4), units)
    if number < 2:
        return row
    ends = [0, *sorted(some.sample(range(1, units), number - 1)), units]
    return {
        **{name: value for name, value in row.items() if name != "category"},
        "parts": [
            {"category": some.choice(CATEGORIES), "amount": (end - start) * unit}
            for start, end in itertools.pairwise(ends)
        ],
    }


def plain(text: str) -> str:
    """Return a text on one line, with plain spaces."""
    return " ".join(text.split())


def drawn(clock, seed: int, currency: str, language: str, calendars: dict) -> World:
    """Create a user with random expenses and budgets, of today and other dates.

    Totals of past months are stored before and after some expenses are edited.
    """
    some = random.Random(f"{seed} {currency}")
    unit = Decimal(1).scaleb(-CURRENCIES[currency])
    # Ids and sessions are not drawn, so usernames differ to keep worlds apart.
    name = "".join(some.choices(string.ascii_lowercase, k=12))
    user = make_user(name, currency=currency, language=language)
    for day, rules in calendars.items():
        clock.move_to(f"{day}T12:00:00+00:00")
        user = update_profile(user, calendar=rules).user
    clock.move_to(NOON)
    limits = [
        {
            "categories": [category],
            "period": period,
            "amount": some.randint(1, 400_000) * unit,
        }
        for category in ("Groceries", "Rent", "餐饮")
        for period in CALENDAR_PERIODS
        if some.random() < 0.6
    ]
    for limit in limits[::2]:
        make_old_budget(user, **limit)
    new = [
        {"categories": categories, "amount": some.randint(1, 400_000) * unit, **fields}
        for categories in (
            ["Groceries"],
            ["Groceries", "餐饮"],
            ["Rent", "ψώνια"],
            "all",
        )
        for fields in PERIODS
        if categories != ["Groceries"] or fields["period"] not in CALENDAR_PERIODS
        if some.random() < 0.3
    ]
    for limit in new[::2]:
        make_new_budget(user, **limit)
    user = account_of(user).user  # knows the shapes of its budgets
    days = [datetime.date(2025, 1, 1) + n * ONE_DAY for n in range(500)]
    recorded = [
        {
            "amount": some.randint(1, 99_999) * unit,
            "kind": some.choice(["expense", "expense", "refund"]),
            "category": some.choice(CATEGORIES),
            "date": some.choice(days if some.random() < 0.4 else days[420:475]),
            "status": some.choice(["pending", "cleared", "void"]),
            "description": some.choice(["", "Bread"]),
        }
        for _ in range(60)
    ]
    recorded[::4] = [split(some, row, unit) for row in recorded[::4]]
    stored = record_expenses(user, recorded).expenses
    store_totals(clock, user)
    for row, expense in some.sample(list(zip(recorded, stored, strict=True)), 6):
        row["status"] = some.choice(["cleared", "void"])
        row["amount"] = some.randint(1, 99_999) * unit
        row["kind"] = some.choice(["expense", "refund"])
        changes = {name: row[name] for name in ("status", "amount", "kind")}
        if "parts" in row:
            row |= split(some, row, unit)
            changes["parts"] = row["parts"]
        edit_expense(user, expense.expense_id, **changes)
    for limit in limits[1::2]:  # these count existing expenses
        make_old_budget(user, **limit)
    for limit in new[1::2]:
        make_new_budget(user, **limit)
    limits += [{**limit, "is_new": True} for limit in new]
    store_totals(clock, user)
    return World(account_of(user).user, language, recorded, limits)


def make_new_budget(user: User, **fields: object) -> None:
    make_budget(user, category=None, **fields)


def rule_of(limit: dict) -> Recurrence:
    """Return the rule of a budget's periods."""
    only = Period(limit["start"], limit["end"]) if "start" in limit else None
    return Recurrence(limit["period"], limit.get("anchor"), only=only)


def make_old_budget(user: User, **fields: object) -> None:
    """Create a budget that held in all periods before, in any calendar."""
    budget = make_budget(user, category=None, **fields)
    terms = {"category": budget.category, "period": budget.period}
    terms |= {"amount": str(budget.amount), "alert_threshold": 80}
    Budget(budget.budget_id).update(
        [
            Budget.created_at.set("2000-01-01T00:00:00+00:00"),
            Budget.earlier_terms.set(terms),
        ],
        add_version_condition=False,
    )


def store_totals(clock, user: User) -> None:
    """Store the totals of all past months, once the index holds all expenses."""
    clock.shift(month_totals.SETTLED_SECONDS)
    list_categories(user)


@pytest.fixture(scope="module", params=[(s, *case) for s in SEEDS for case in CASES])
def world(request):
    """Return a world drawn once for all tests, as creating it is slow."""
    with empty_aws(), time_machine.travel(NOON, tick=False) as clock:
        yield drawn(clock, *request.param)


MONTHS = ["2026-03", "2026-02", "2025-12", "2026-05"]


def test_there_is_a_currency_of_every_exponent():
    assert {CURRENCIES[code] for code, *_ in CASES} == set(CURRENCIES.values())


class TestEveryWay:
    @pytest.mark.parametrize("month", MONTHS)
    def test_the_summary(self, world, month):
        period = world.month_of(month)
        body = world.get("/api/summary", month=month)

        if TODAY in period:
            assert body == world.get("/api/summary")
        assert body["total_spent"] == world.text(world.spent(period))
        assert body["refunded"] == world.text(world.refunded(period))
        before = world.period_of("monthly", period.start - ONE_DAY)
        assert body["previous_spent"] == world.text(world.spent(before))
        day = day_shown(period, TODAY)
        self.check_lines(world, body["budgets"], day)
        self.check_totals(world, body, day)
        assert sum(map(spent_of, body["categories"])) == world.spent(period)
        budgeted = {
            casefold_key(name)
            for limit, _ in world.limits_on(day)
            for name in limit["categories"]
            if limit["categories"] != "all"
        }
        unbudgeted = sum(
            (
                world.spent(period, category)
                for category in {casefold_key(name) for name in CATEGORIES} - budgeted
            ),
            Decimal(0),
        )
        assert body["unbudgeted_spent"] == world.text(unbudgeted)
        assert sum(map(spent_of, body["unbudgeted"])) == unbudgeted

    def check_totals(self, world, body, day):
        """The monthly budget for all, or else the recurring ones for one category."""
        limits = world.limits_on(day)
        added = [
            (limit, own)
            for limit, own in limits
            if (limit["categories"], limit["period"]) == ("all", "monthly")
        ] or [
            (limit, own)
            for limit, own in limits
            if len(limit["categories"]) == 1 and limit["period"] != "once"
        ]
        left = [
            limit["amount"] - world.spent(own, limit["categories"])
            for limit, own in added
        ]
        assert body["left_to_spend"] == world.text(sum(left, Decimal(0)))
        monthly = [
            limit["amount"] for limit, _ in added if limit["period"] == "monthly"
        ]
        assert body["total_budget"] == world.text(sum(monthly, Decimal(0)))

    def check_lines(self, world, lines, day):
        periods = {
            (str(limit["categories"]), limit["period"]): own
            for limit, own in world.limits_on(day)
        }
        assert len(lines) == len(periods)
        for line in lines:
            limit = world.limit_of(line["categories"], line["period"])
            own = periods[str(line["categories"]), line["period"]]
            spent = world.spent(own, line["categories"])
            assert (line["start"], line["end"]) == (str(own.start), str(own.end))
            assert line["amount"] == world.text(limit["amount"])
            assert line["spent"] == world.text(spent)
            assert line["remaining"] == world.text(limit["amount"] - spent)
            percentage = Decimal(line["percentage"])
            share = max(spent, 0) * 100 / limit["amount"]
            assert 0 <= share - percentage < Decimal("0.01")
            assert line["level"] == (
                "exceeded"
                if spent > limit["amount"]
                else "threshold"
                if share >= 80
                else "ok"
            )

    @pytest.mark.parametrize("month", MONTHS)
    def test_the_dashboard(self, world, month):
        report = world.get("/api/summary", month=month)
        page = world.page("/", month=month)

        for name in ("total_spent", "previous_spent", "unbudgeted_spent"):
            assert world.shown(Decimal(report[name])) in page, name
        assert world.shown(Decimal(report["left_to_spend"])) in page
        assert_lines_on_page(world, report["budgets"], page)
        if Decimal(report["refunded"]):
            assert world.shown(Decimal(report["refunded"])) in page
        for row in report["categories"]:
            assert world.shown(Decimal(row["spent"])).removeprefix("\u2212") in page

    def test_the_list_of_budgets(self, world):
        lines = world.get("/api/summary")["budgets"]

        assert_lines_on_page(world, lines, world.page("/budgets"))

    def test_the_trend(self, world):
        months = world.get("/api/trends")["months"]
        page = world.page("/trend")

        assert len(months) == 12
        for row in months:
            spent = world.spent(world.month_of(row["month"]))
            assert row["spent"] == world.text(spent)
            assert world.shown(spent) in page

    @pytest.mark.parametrize("category", CATEGORIES)
    def test_the_trend_of_a_category(self, world, category):
        for row in world.get("/api/trends", category=category)["months"]:
            spent = world.spent(world.month_of(row["month"]), category)
            assert row["spent"] == world.text(spent)

    @pytest.mark.parametrize("month", MONTHS[:3])
    def test_the_categories_of_each_month(self, world, month):
        months = world.get("/api/trends", by="category", month=month)["months"]

        assert len(months) == 12
        assert (
            months[-1]["categories"]
            == (world.get("/api/summary", month=month)["categories"])
        )
        for row in months:
            within = world.month_of(row["month"])
            assert sum(map(spent_of, row["categories"])) == world.spent(within)
            for line in row["categories"]:
                spent = world.spent(within, line["category"])
                assert line["spent"] == world.text(spent)

    @pytest.mark.parametrize("month", ["", *MONTHS])
    def test_the_list_of_categories(self, world, month):
        always = Period(datetime.date.min, datetime.date.max)
        period = world.month_of(month) if month else always
        query = {"start": str(period.start), "end": str(period.end)} if month else {}
        page = world.page("/expenses/categories", **query)

        for row in world.get("/api/categories", **query)["results"]:
            expenses = [
                expense
                for expense in world.recorded
                if expense["date"] in period
                and casefold_key(row["category"])
                in [casefold_key(name) for name, _ in shares(expense)]
            ]
            spent = world.spent(period, row["category"])
            assert row["expenses"] == len(expenses)
            assert row["spent"] == world.text(spent)
            assert world.shown(spent) in page
            last = max((expense["date"] for expense in expenses), default=None)
            assert row["last_used"] == (str(last) if last else None)

    def test_the_list_of_expenses(self, world):
        assert_all_recorded(world, listed(world))

    @pytest.mark.parametrize("ordering", ["amount", "-amount"])
    def test_the_list_by_amount(self, world, ordering):
        year = world.period_of("yearly", TODAY)
        days = {"start": str(year.start), "end": str(year.end)}
        rows = listed(world, ordering=ordering, **days)

        amounts = [Decimal(expense["amount"]) for expense in rows]
        assert amounts == sorted(amounts, reverse=ordering == "-amount")
        counted = [expense for expense in rows if expense["status"] != "void"]
        total = sum(map(signed, counted), Decimal(0))
        assert total == world.spent(year)
        page = world.get("/api/expenses", ordering=ordering, **days)
        assert page["totals"]["total"] == world.text(total)

    @pytest.mark.parametrize("month", MONTHS)
    @pytest.mark.parametrize("category", ["", "groceries", "餐饮"])
    def test_the_totals_of_a_filtered_list(self, world, month, category):
        period = world.month_of(month)
        query = {"start": str(period.start), "end": str(period.end)}
        if category:
            query["category"] = category
        spent = world.spent(period, category or None)
        totals = world.get("/api/expenses", totals="true", **query)["totals"]

        assert totals == {
            "count": len(listed(world, **query)),
            "total": world.text(spent),
            "complete": True,
        }
        for sort in ("newest", "largest"):
            page = world.page("/expenses", sort=sort, **query)
            assert world.counted(totals["count"], spent) in page

    def test_the_csv(self, world):
        answer = world.client.get("/api/export/expenses.csv")
        text = b"".join(answer.streaming_content).decode("utf-8-sig")

        rows = list(csv.DictReader(io.StringIO(text)))
        assert_all_recorded(world, rows, is_by_part=True)
        assert [Decimal(row["signed_amount"]) for row in rows] == [*map(signed, rows)]

    def test_the_json(self, world):
        answer = world.client.get("/api/export.json")
        data = json.loads(b"".join(answer.streaming_content))

        assert_all_recorded(world, data["expenses"])
        assert sorted(budget["amount"] for budget in data["budgets"]) == sorted(
            world.text(limit["amount"]) for limit in world.limits
        )

    @pytest.mark.parametrize("month", MONTHS[:3])
    def test_the_report_of_a_month(self, world, month):
        year, number = map(int, month.split("-"))
        period = ask(
            TODAY,
            calendar=world.user.calendar,
            report_type="monthly",
            year=year,
            month=number,
        )
        body = world.get("/api/summary", month=month)
        report, text = read_report(world, period)

        assert world.text(report.total) == body["total_spent"]
        assert world.text(report.previous_total) == body["previous_spent"]
        lines = summary.summary(world.user, month).lines
        known = [
            replace(budget_line, projected_overspend_date=None) for budget_line in lines
        ]
        assert [standing.line for standing in report.budgets] == known
        assert_report_says(world, report, text)

    def test_the_report_of_a_year(self, world):
        calendar = world.user.calendar
        period = ask(TODAY, calendar=calendar, report_type="yearly")
        report, text = read_report(world, period)

        assert report.total == world.spent(period.current)
        for budget_line in (standing.line for standing in report.budgets):
            categories = budget_line.categories.to_json()
            limit = world.limit_of(categories, budget_line.period)
            assert budget_line.spent == world.spent(budget_line.within, categories)
            assert budget_line.amount == limit["amount"] * budget_line.periods
        assert_report_says(world, report, text)

    @pytest.mark.parametrize("kind", ["weekly", "monthly"])
    def test_the_summary_by_mail(self, world, kind):
        start = world.period_of(kind, TODAY).start
        period = world.period_of(kind, start - ONE_DAY)
        report = summary.review(world.user, kind, period)
        facts = email_summaries.facts_of(report)
        text = messages.write(f"{kind}_summary", facts, language=world.language)
        subject, message = map(plain, (text.subject, text.message))

        before = world.period_of(kind, period.start - ONE_DAY)
        for days, text in ((period, subject), (before, message)):
            spent = world.spent(days)
            assert not spent or world.shown(spent).removeprefix("\u2212") in text
        refunded = world.refunded(period)
        assert not refunded or world.shown(refunded) in message
        for limit, own in world.limits_on(period.end):
            spent = world.spent(own, limit["categories"])
            for amount in (spent, limit["amount"], abs(limit["amount"] - spent)):
                assert world.shown(amount) in message

    def test_the_alerts(self, world):
        """Each has the budget's amount, or the amount when it was written."""
        amounts = [world.shown(limit["amount"]) for limit in world.limits]
        notifications = Notification.by_user.query(world.user.user_id)

        for notification in notifications:
            if notification.type.startswith("budget_"):
                message = plain(notification.message)
                assert any(amount in message for amount in amounts)

    def test_the_last_alert_matches_the_summary(self, world):
        limit = {"categories": ["Alerted"], "amount": world.limits[0]["amount"]}
        row = {
            "category": "Alerted",
            "amount": limit["amount"],
            "kind": "expense",
            "date": TODAY,
            "status": "cleared",
            "description": "",
        }
        record_expenses(world.user, [row])
        world.recorded.append(row)
        make_old_budget(world.user, **limit)
        world.limits.append({**limit, "period": "monthly"})

        (line,) = [
            budget
            for budget in world.get("/api/summary")["budgets"]
            if budget["category"] == "Alerted"
        ]
        (alert,) = [
            alert
            for alert in Notification.by_user.query(world.user.user_id)
            if "Alerted" in alert.subject
        ]
        assert line["percentage"] == "100.00"
        assert plain(alert.subject).count("100") == 1
        assert world.shown(Decimal(line["spent"])) in plain(alert.message)
        assert world.shown(Decimal(0)) in plain(alert.message)


def listed(world: World, **query: str) -> list[dict]:
    """Return all pages of a list of expenses."""
    page = world.get("/api/expenses", page_size="50", **query)
    results = page["results"]
    while page["next"]:
        page = world.client.get(page["next"]).json()
        results += page["results"]
    return results


def spent_of(line: dict) -> Decimal:
    return Decimal(line["spent"])


def assert_lines_on_page(world: World, lines: list[dict], page: str) -> None:
    for line in lines:
        for name in ("spent", "amount"):
            assert world.shown(Decimal(line[name])) in page, name
        assert world.shown(abs(Decimal(line["remaining"]))) in page
        with override(world.language):
            assert plain(percent(Decimal(line["percentage"]))) in page


def assert_all_recorded(
    world: World, rows: list[dict], *, is_by_part: bool = False
) -> None:
    """Compare rows, in any case and order, with the recorded expenses.

    is_by_part: there is a row for each part of a split expense.
    """
    totals = defaultdict(Decimal)
    for row in rows:
        row = {name.lower(): value for name, value in row.items()}
        assert row["amount"] == world.text(Decimal(row["amount"]))
        for category, amount in shares(row):
            totals[row["date"], category, row["status"]] += amount
    expected = defaultdict(Decimal)
    for expense in world.recorded:
        for category, amount in shares(expense):
            expected[str(expense["date"]), category, expense["status"]] += amount
    number = sum(len(shares(row)) if is_by_part else 1 for row in world.recorded)
    assert len(rows) == number
    assert totals == expected


def read_report(world: World, period):
    with override(world.language):
        report = build_report(world.user, period, today=TODAY)
        content = pdf.draw(report, username="alice", app_url="http://x")
    pages = pypdf.PdfReader(io.BytesIO(content)).pages
    return report, plain("\n".join(page.extract_text() for page in pages))


def assert_report_says(world: World, report, text: str) -> None:
    assert not report.count or world.shown(report.total) in text
    for line in (standing.line for standing in report.budgets):
        for amount in (line.spent, line.amount, line.remaining):
            assert world.number(amount) in text
    for total in report.categories:
        assert world.number(total.spent) in text
    assert report.refunded == world.refunded(report.period.current)
    assert not report.refunded or world.number(report.refunded) in text
    for expense in world.recorded:
        if expense["status"] != "void" and expense["date"] in report.period.current:
            for _, amount in shares(expense):
                assert world.number(abs(amount)) in text
    months = {month.month: month.spent for month in report.trend}
    for month, spent in months.items():
        assert spent == world.spent(world.month_of(month))
