"""Builders for reports: entries, budget lines and reports."""

import datetime
from collections.abc import Sequence
from decimal import Decimal

from budgets.queries import BudgetLine
from expenses.queries import Entry
from reports.periods import ReportPeriod, resolve
from reports.services import BudgetStanding, Report, compute
from smartbudget.core.categories import Categories
from smartbudget.core.periods import period_of
from smartbudget.core.text import casefold_key

TODAY = datetime.date(2026, 11, 22)
OCTOBER = {"report_type": "monthly", "year": 2026, "month": 10}  # a past month
NOVEMBER = {"report_type": "monthly", "year": 2026, "month": 11}  # the current month


def ask(today: datetime.date = TODAY, **fields: object) -> ReportPeriod:
    fields = {**OCTOBER, **fields} if "report_type" not in fields else fields
    return resolve(fields.pop("report_type"), today=today, **fields)


def entry(
    day: str, amount: str, category: str = "Groceries", description: str = ""
) -> Entry:
    return Entry(
        datetime.date.fromisoformat(day),
        category,
        casefold_key(category),
        Decimal(amount),
        description,
    )


def line(
    amount: str,
    spent: str,
    category: str = "Groceries",
    period: str = "monthly",
    day: str = "2026-10-31",
) -> BudgetLine:
    return BudgetLine(
        budget_id="b" * 32,
        categories=Categories((category,)),
        period=period,
        amount=Decimal(amount),
        alert_thresholds=(80,),
        spent=Decimal(spent),
        within=period_of(period, datetime.date.fromisoformat(day)),
    )


def report_of(
    *entries: Entry,
    lines: Sequence[BudgetLine] = (),
    periods: int = 0,
    kept: int = 0,
    currency: str = "USD",
    today: datetime.date = TODAY,
    since: datetime.date | None = datetime.date(2000, 1, 1),
    **fields: object,
) -> Report:
    """Return a report about October 2026, or for the given parameters.

    periods, kept: of each budget, within the report; see BudgetStanding.
    since: the date of the first expense; by default early enough for comparisons.
    """
    ordered = sorted(entries, key=lambda expense: expense.day)
    standings = [BudgetStanding(line, periods, kept) for line in lines]
    return compute(
        ask(today, **fields), currency, ordered, standings, today=today, since=since
    )
