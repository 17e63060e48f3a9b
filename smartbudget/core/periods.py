"""Periods: weeks, months and years, as ranges of days."""

import datetime
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from smartbudget.core import i18n
from smartbudget.core.i18n import gettext_noop

PERIOD_WORDS = {
    "monthly": gettext_noop("monthly"),
    "weekly": gettext_noop("weekly"),
    "yearly": gettext_noop("yearly"),
}
PERIODS = tuple(PERIOD_WORDS)


@dataclass(frozen=True)
class Period:
    """A range of days, both ends included."""

    start: datetime.date
    end: datetime.date

    def __contains__(self, day: datetime.date) -> bool:
        return self.start <= day <= self.end

    @classmethod
    def spanning(cls, periods: "Iterable[Period]") -> "Period":
        """Return the period from the earliest start to the latest end."""
        periods = list(periods)
        return cls(
            min(period.start for period in periods),
            max(period.end for period in periods),
        )

    def days_left(self, today: datetime.date) -> int:
        """Return the number of days after `today`, one of its days."""
        return (self.end - today).days


def period_of(kind: str, day: datetime.date) -> Period:
    """Return the period that contains a day.

    kind: `monthly`, `weekly` (weeks begin on Monday) or `yearly`.
    """
    if kind == "weekly":
        start = day - datetime.timedelta(days=day.weekday())
        return Period(start, start + datetime.timedelta(days=6))
    if kind == "yearly":
        return Period(datetime.date(day.year, 1, 1), datetime.date(day.year, 12, 31))
    start = day.replace(day=1)
    return Period(start, next_month(start) - datetime.timedelta(days=1))


def day_shown(period: Period, today: datetime.date) -> datetime.date:
    """Return the day whose budget periods are shown with a period: today, or its end.

    Summary, dashboard, mails and reports share this rule: in the current month, a
    weekly budget shows the current week.
    """
    return today if today in period else period.end


def periods_within(kind: str, outer: Period) -> Iterator[Period]:
    """Yield the whole periods of a kind within another period, earliest first."""
    period = period_of(kind, outer.start)
    while period.end <= outer.end:
        if period.start >= outer.start:
            yield period
        period = period_of(kind, period.end + datetime.timedelta(days=1))


def name_of(kind: str, period: Period) -> str:
    """Return a period's name in the current language: `November 2026`, `2026`, days.

    kind: one of PERIODS. Weeks and any other kind are named by their days.
    """
    if kind == "monthly":
        return i18n.month(period.start)
    if kind == "yearly":
        return str(period.start.year)
    return i18n.days(period.start, period.end)


def months_to(day: datetime.date, number: int) -> list[Period]:
    """Return so many months, up to the one that contains a day; oldest first."""
    months = [period_of("monthly", day)]
    while len(months) < number:
        before = months[0].start - datetime.timedelta(days=1)
        months.insert(0, period_of("monthly", before))
    return months


def next_month(first: datetime.date) -> datetime.date:
    """Return the first day of the month after the one that begins on `first`."""
    return (first + datetime.timedelta(days=31)).replace(day=1)
