"""Periods for which a list of expenses has links."""

import datetime
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from smartbudget.core.i18n import gettext as _
from smartbudget.core.i18n import short_month
from smartbudget.core.periods import (
    DEFAULT_CALENDAR,
    Calendar,
    Period,
    months_in,
    months_to,
    name_month,
    name_of,
    name_year,
    period_of,
)


@dataclass(frozen=True)
class DatePreset:
    """A period with the label of its link."""

    label: str
    period: Period | None  # None: all days


def presets(
    today: datetime.date, calendar: Calendar = DEFAULT_CALENDAR
) -> list[DatePreset]:
    """Return frequently used periods."""
    last_month, month = months_to(today, 2, calendar)
    days_before = datetime.timedelta(days=89)
    return [
        DatePreset(_("This week"), period_of("weekly", today, calendar)),
        DatePreset(_("This month"), month),
        DatePreset(_("Last month"), last_month),
        DatePreset(_("Last 90 days"), Period(today - days_before, today)),
    ]


def drill_down(
    chosen: Period | None,
    today: datetime.date,
    years: Callable[[], Iterable[int]],
    calendar: Calendar = DEFAULT_CALENDAR,
) -> list[DatePreset]:
    """Return the next level of a hierarchy of years and months.

    Days within one year lead to its months and back to all dates. Any others lead to
    the months before last month, within a year, and to the years with expenses.

    years: returns those of the Gregorian calendar, newest first; called only if they
    are needed.
    """
    # Years of other calendars begin or end in the neighboring ones.
    if chosen and chosen.start.year > 2 and chosen.end.year < datetime.MAXYEAR - 1:
        year = period_of("yearly", chosen.start, calendar)
        if chosen.end in year:
            return [
                DatePreset(_("All dates"), None),
                DatePreset(_year_label(year, calendar), year),
                *(
                    DatePreset(_month_label(month, calendar), month)
                    for month in months_in(year, calendar)
                ),
            ]
    with_expenses = list(years())
    recent = [
        DatePreset(_month_label(month, calendar, today), month)
        for month in reversed(months_to(today, 12, calendar)[:10])
        if not {month.start.year, month.end.year}.isdisjoint(with_expenses)
    ]
    return recent + [
        DatePreset(_year_label(year, calendar), year)
        for year in _years_with_days_in(with_expenses, calendar)
    ]


def _years_with_days_in(years: Iterable[int], calendar: Calendar) -> list[Period]:
    """Return the calendar's years that have days in Gregorian years, newest first."""
    days = [
        day
        for year in years
        for day in (datetime.date(year, 12, 31), datetime.date(year, 1, 1))
    ]
    return [*dict.fromkeys(period_of("yearly", day, calendar) for day in days)]


def _year_label(year: Period, calendar: Calendar) -> str:
    """Return a year as `2026`, as `2026/27` if it begins after January, or its days."""
    named = name_year(year, calendar)
    if named is None:
        return name_of(year)
    # In a year from January 1, the start may be moved to December.
    begins_in_january = (year.start + datetime.timedelta(days=2)).month == 1
    return str(named) if begins_in_january else f"{named}/{(named + 1) % 100:02}"


def _month_label(
    month: Period, calendar: Calendar, today: datetime.date | None = None
) -> str:
    """Return a month's short name.

    today: adds the year unless it is this one.
    """
    first = name_month(month, calendar) or month.start
    name = short_month(first)
    return name if today is None or first.year == today.year else f"{name} {first.year}"
