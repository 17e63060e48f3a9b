"""Periods for which a list of expenses has links."""

import datetime
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from smartbudget.core import dates
from smartbudget.core.dates import Period
from smartbudget.core.i18n import gettext as _
from smartbudget.core.i18n import month_name


@dataclass(frozen=True)
class DatePreset:
    """A period with the label of its link."""

    label: str
    period: Period | None  # None: all days


def presets(today: datetime.date) -> list[DatePreset]:
    """Return frequently used periods."""
    month, year = dates.period_of("monthly", today), dates.period_of("yearly", today)
    day = datetime.timedelta(days=1)
    return [
        DatePreset(_("This week"), dates.period_of("weekly", today)),
        DatePreset(_("This month"), month),
        DatePreset(_("Last month"), dates.period_of("monthly", month.start - day)),
        DatePreset(_("Last 90 days"), Period(today - 89 * day, today)),
        DatePreset(_("This year"), year),
        DatePreset(_("Last year"), dates.period_of("yearly", year.start - day)),
    ]


def drill_down(
    chosen: Period | None, years: Callable[[], Iterable[int]]
) -> list[DatePreset]:
    """Return the next level of a hierarchy of years and months.

    Days within one year lead to its months and back to all dates. Any others lead to
    the years with expenses.

    years: returns those; called only if they are needed.
    """
    if chosen and chosen.start.year == chosen.end.year < datetime.MAXYEAR:
        year = dates.period_of("yearly", chosen.start)
        months = [
            dates.period_of("monthly", year.start.replace(month=number))
            for number in range(1, 13)
        ]
        return [
            DatePreset(_("All dates"), None),
            DatePreset(f"{year.start:%Y}", year),
            *(DatePreset(month_name(month.start), month) for month in months),
        ]
    return [
        DatePreset(str(year), dates.period_of("yearly", datetime.date(year, 1, 1)))
        for year in years()
    ]
