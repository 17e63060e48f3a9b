"""Periods for which a list of expenses has links."""

import datetime
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from smartbudget.core.i18n import gettext as _
from smartbudget.core.i18n import short_month
from smartbudget.core.periods import Period, period_of


@dataclass(frozen=True)
class DatePreset:
    """A period with the label of its link."""

    label: str
    period: Period | None  # None: all days


def presets(today: datetime.date) -> list[DatePreset]:
    """Return frequently used periods."""
    month = period_of("monthly", today)
    day = datetime.timedelta(days=1)
    return [
        DatePreset(_("This week"), period_of("weekly", today)),
        DatePreset(_("This month"), month),
        DatePreset(_("Last month"), period_of("monthly", month.start - day)),
        DatePreset(_("Last 90 days"), Period(today - 89 * day, today)),
    ]


def drill_down(
    chosen: Period | None,
    today: datetime.date,
    years: Callable[[], Iterable[int]],
) -> list[DatePreset]:
    """Return the next level of a hierarchy of years and months.

    Days within one year lead to its months and back to all dates. Any others lead to
    the months before last month, within a year, and to the years with expenses.

    years: returns those; called only if they are needed.
    """
    if chosen and chosen.start.year == chosen.end.year < datetime.MAXYEAR:
        year = period_of("yearly", chosen.start)
        months = [
            period_of("monthly", year.start.replace(month=number))
            for number in range(1, 13)
        ]
        return [
            DatePreset(_("All dates"), None),
            DatePreset(f"{year.start:%Y}", year),
            *(DatePreset(short_month(month.start), month) for month in months),
        ]
    with_expenses = list(years())
    recent = [
        DatePreset(_name(month, today), month)
        for month in _months_before_last(today)
        if month.start.year in with_expenses
    ]
    return recent + [
        DatePreset(str(year), period_of("yearly", datetime.date(year, 1, 1)))
        for year in with_expenses
    ]


def _months_before_last(today: datetime.date) -> list[Period]:
    """Return the ten months before last month, newest first."""
    numbers = [today.year * 12 + today.month - 1 - ago for ago in range(2, 12)]
    firsts = [datetime.date(number // 12, number % 12 + 1, 1) for number in numbers]
    return [period_of("monthly", first) for first in firsts]


def _name(month: Period, today: datetime.date) -> str:
    """Return a month's short name, with its year unless it is this one."""
    name = short_month(month.start)
    same_year = month.start.year == today.year
    return name if same_year else f"{name} {month.start.year}"
