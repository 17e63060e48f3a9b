"""Periods of every kind, in the calendar of a person; pure functions.

The periods of a kind tile time: each day is in exactly one, also after a change of the
calendar (see `period_of`).
"""

import calendar as gregorian
import datetime
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from smartbudget.core import dates, i18n
from smartbudget.core.i18n import gettext_noop

PERIOD_WORDS = {
    "monthly": gettext_noop("monthly"),
    "weekly": gettext_noop("weekly"),
    "yearly": gettext_noop("yearly"),
    "biweekly": gettext_noop("every two weeks"),
    "four_weekly": gettext_noop("every four weeks"),
    "semimonthly": gettext_noop("twice a month"),
    "quarterly": gettext_noop("quarterly"),
    "once": gettext_noop("one-off"),
}
PERIODS = (
    "monthly",
    "weekly",
    "yearly",
    "biweekly",
    "four_weekly",
    "semimonthly",
    "quarterly",
    "once",
)
# Those that need nothing but a calendar.
CALENDAR_PERIODS = ("monthly", "weekly", "yearly")
ANCHORED = {"biweekly": 14, "four_weekly": 28}  # days
WEEKDAYS = (
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
)
SHIFTS = ("none", "before", "after")
LAST = 31  # as a day of the month: the last one

_MONTHS = {"monthly": 1, "quarterly": 3, "yearly": 12}
_ONE_DAY = datetime.timedelta(days=1)
_SATURDAY = 5


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

    @classmethod
    def parse(cls, interval: str) -> "Period":
        """Return the period of an ISO 8601 interval: `2026-11-06/2026-11-19`."""
        start, _, end = interval.partition("/")
        return cls(datetime.date.fromisoformat(start), datetime.date.fromisoformat(end))

    @property
    def interval(self) -> str:
        """The ISO 8601 interval, such as `2026-11-06/2026-11-19`."""
        return f"{self.start}/{self.end}"

    @property
    def days(self) -> int:
        """The number of days."""
        return (self.end - self.start).days + 1

    @property
    def is_month(self) -> bool:
        """Check whether it is a month of the Gregorian calendar."""
        return self.start.day == 1 and self.end == next_month(self.start) - _ONE_DAY

    @property
    def is_year(self) -> bool:
        """Check whether it is a year of the Gregorian calendar."""
        start, end = self.start, self.end
        return (
            start.year == end.year
            and (start.month, start.day) == (1, 1)
            and ((end.month, end.day) == (12, 31))
        )

    def days_left(self, today: datetime.date) -> int:
        """Return the number of days after `today`, one of its days."""
        return (self.end - today).days


@dataclass(frozen=True)
class Calendar:
    """When a person's weeks, months and years begin."""

    week_start: int = 0  # Monday: 0, Sunday: 6
    # 1-31, and a shorter month's last day if it has no such day. The day as chosen is
    # kept: deriving the next start from the last one would make a 31st a 28th for good.
    month_start_day: int = 1
    # One of SHIFTS: a start on a weekend moves to the Friday or Monday beside it.
    month_start_shift: str = "none"
    year_start_month: int = 1
    since: datetime.date | None = None  # the day on which it replaced `earlier`
    earlier: "Calendar | None" = None

    MAX_CHANGES = 12  # that are kept; see `replaced_by`

    @property
    def is_default(self) -> bool:
        """Check whether it is the default and has never changed."""
        return self == Calendar()

    @property
    def rules(self) -> dict[str, Any]:
        """Its rules without its history, as the API has them."""
        rules = dict(zip(_RULES, _rules(self), strict=True))
        return rules | {"week_start": WEEKDAYS[self.week_start]}

    @property
    def change(self) -> str | None:
        """The text that identifies the change to it, or None without one."""
        if self.since is None:
            return None
        return " ".join(map(str, (self.since, *_rules(self))))

    @property
    def changes(self) -> set[str | None]:
        """The texts that identify the changes to it and to those before."""
        return {calendar.change for calendar in _history(self)}

    @property
    def has_gregorian_months(self) -> bool:
        """Check whether all its months, and those before, are Gregorian ones."""
        return all(
            calendar.month_start_day == 1 and calendar.month_start_shift == "none"
            for calendar in _history(self)
        )

    @property
    def without_history(self) -> "Calendar":
        """The calendar as if it had always held."""
        return _with(self, None, None)

    def replaced_by(self, new: "Calendar", today: datetime.date) -> "Calendar":
        """Return `new` as the calendar from today, after this one.

        A change on the day of the last one replaces that, as does one on an earlier day
        in a time zone further west. Of more than MAX_CHANGES changes, the earliest are
        forgotten.
        """
        earlier = self
        while earlier.earlier and earlier.since and earlier.since >= today:
            earlier = earlier.earlier
        if _rules(new) == _rules(earlier):
            return earlier
        calendars = [*_history(earlier)][: self.MAX_CHANGES - 1]
        kept = None
        for calendar in reversed(calendars):
            since = calendar.since if kept else None
            kept = _with(calendar, since, kept)
        return _with(new, today, kept)

    def to_json(self) -> dict[str, Any] | None:
        """Return the calendar as stored in an account, or None for the default."""
        if self.is_default:
            return None
        stored: dict[str, Any] = dict(zip(_RULES, _rules(self), strict=True))
        if self.since and self.earlier:
            stored["since"] = self.since.isoformat()
            stored["earlier"] = self.earlier.to_json() or {}
        return stored

    @classmethod
    def from_json(cls, stored: dict[str, Any] | None) -> "Calendar":
        """Return the calendar that `to_json` returned."""
        if not stored:
            return cls()
        rules = {name: stored[name] for name in _RULES if name in stored}
        if "since" not in stored:
            return cls(**rules)
        since = datetime.date.fromisoformat(stored["since"])
        return cls(**rules, since=since, earlier=cls.from_json(stored["earlier"]))


_RULES = ("week_start", "month_start_day", "month_start_shift", "year_start_month")


def _rules(calendar: Calendar) -> tuple[Any, ...]:
    return tuple(getattr(calendar, name) for name in _RULES)


def _history(calendar: Calendar | None) -> Iterator[Calendar]:
    """Yield a calendar and those it replaced, newest first."""
    while calendar:
        yield calendar
        calendar = calendar.earlier


def _with(
    calendar: Calendar, since: datetime.date | None, earlier: Calendar | None
) -> Calendar:
    rules = dict(zip(_RULES, _rules(calendar), strict=True))
    return Calendar(**rules, since=since, earlier=earlier)


DEFAULT_CALENDAR = Calendar()


@dataclass(frozen=True)
class Recurrence:
    """The rule by which periods follow each other."""

    kind: str = "monthly"  # one of PERIODS
    anchor: datetime.date | None = None  # a first day, past or future; of ANCHORED
    month_days: tuple[int, int] = (1, 16)  # ascending; of `semimonthly`
    only: Period | None = field(default=None)  # of `once`

    @classmethod
    def of(cls, kind: "str | Recurrence") -> "Recurrence":
        """Return the rule of a kind that needs a calendar only; others as they are."""
        return cls(kind) if isinstance(kind, str) else kind


def period_of(
    kind: str | Recurrence,
    day: datetime.date,
    calendar: Calendar = DEFAULT_CALENDAR,
) -> Period:
    """Return the period that contains a day; of `once`, its only one.

    kind: a rule, or the name of one that needs a calendar only.

    A change of the calendar leaves earlier periods as they were. The current one ends
    the day before the first new start after the change, if that is earlier than
    planned. Otherwise it ends as planned, and a shorter period bridges the days until
    that start.
    """
    rule = Recurrence.of(kind)
    if calendar.earlier is None or calendar.since is None or rule.kind == "once":
        return _regular(rule, day, calendar)
    first = _regular(rule, calendar.since, calendar).end + _ONE_DAY
    if day >= first:
        return _regular(rule, day, calendar)
    running = period_of(rule, calendar.since, calendar.earlier)
    end = min(running.end, first - _ONE_DAY)
    if day > end:
        return Period(end + _ONE_DAY, first - _ONE_DAY)
    if day >= running.start:
        return Period(running.start, end)
    return period_of(rule, day, calendar.earlier)


def following(
    period: Period, kind: str | Recurrence, calendar: Calendar = DEFAULT_CALENDAR
) -> Period:
    """Return the period after another, which may have followed another rule.

    It begins the day after, and ends where the rule's period does.
    """
    start = period.end + _ONE_DAY
    return Period(start, period_of(kind, start, calendar).end)


def cut_short(
    period: Period,
    changed: datetime.date | None,
    kind: str | Recurrence,
    calendar: Calendar = DEFAULT_CALENDAR,
) -> Period:
    """Return a period as a new rule or calendar leaves it: it may end earlier.

    changed: the day of the change, which has no effect on a period without that day.
    Safe to repeat.
    """
    if changed is None or changed not in period:
        return period
    return Period(period.start, min(period.end, period_of(kind, changed, calendar).end))


def _regular(rule: Recurrence, day: datetime.date, calendar: Calendar) -> Period:
    """Return the period that contains a day, as if the calendar had always held."""
    if rule.kind == "weekly":
        monday = day - datetime.timedelta(days=day.weekday())
        return _cycle(day, monday + datetime.timedelta(days=calendar.week_start), 7)
    if rule.kind in ANCHORED:
        return _cycle(day, rule.anchor or DEFAULT_ANCHOR, ANCHORED[rule.kind])
    if rule.kind == "semimonthly":
        return _semimonthly(day, rule.month_days)
    if rule.kind == "once":
        if rule.only is None:
            raise ValueError("a period that does not recur needs its days")
        return rule.only
    return _months(day, calendar, _MONTHS[rule.kind])


DEFAULT_ANCHOR = datetime.date(2024, 1, 1)  # a Monday


def _cycle(day: datetime.date, anchor: datetime.date, length: int) -> Period:
    start = day - datetime.timedelta(days=(day - anchor).days % length)
    return Period(start, start + datetime.timedelta(days=length - 1))


def _semimonthly(day: datetime.date, month_days: tuple[int, int]) -> Period:
    month = _month_number(day)
    starts = [
        _day_in(number, month_day)
        for number in (month - 1, month, month + 1)
        for month_day in month_days
    ]
    start = max(start for start in starts if start <= day)
    return Period(start, min(start for start in starts if start > day) - _ONE_DAY)


def _months(day: datetime.date, calendar: Calendar, step: int) -> Period:
    """Return the period of so many months that contains a day."""
    # A start may be moved to the month before or after, so the nearest three are tried.
    number = _month_number(day) + 1
    number -= (number - (calendar.year_start_month - 1)) % step
    while _start_of(number, calendar) > day:
        number -= step
    end = _start_of(number + step, calendar) - _ONE_DAY
    return Period(_start_of(number, calendar), end)


def _start_of(number: int, calendar: Calendar) -> datetime.date:
    """Return the start of a month in a calendar; number: see `_month_number`."""
    start = _day_in(number, calendar.month_start_day)
    after_friday = start.weekday() - _SATURDAY + 1
    if after_friday > 0 and calendar.month_start_shift == "before":
        return start - datetime.timedelta(days=after_friday)
    if after_friday > 0 and calendar.month_start_shift == "after":
        return start + datetime.timedelta(days=3 - after_friday)
    return start


def _month_number(day: datetime.date) -> int:
    """Return the number of a day's month, counted from January of the year 0."""
    return day.year * 12 + day.month - 1


def _day_in(number: int, month_day: int) -> datetime.date:
    """Return a day of a month, or its last day if it has fewer."""
    year, month = number // 12, number % 12 + 1
    return datetime.date(
        year, month, min(month_day, gregorian.monthrange(year, month)[1])
    )


def month_named(first: datetime.date, calendar: Calendar = DEFAULT_CALENDAR) -> Period:
    """Return the month of a calendar that is named after a month, such as November.

    first: a day of November. Months that begin on the 16th or later are named after the
    next one, in which most of their days are: 25 Oct - 24 Nov is November. A month that
    bridges a change of the calendar may have no name of its own; see `month_key`.

    Why: docs/decisions.md#a-month-is-named-by-its-nominal-start
    """
    number = _month_number(first) - (calendar.month_start_day > LAST // 2)
    start = _start_of(number, calendar)
    month = period_of("monthly", start, calendar)
    if calendar.earlier is None or month.start == start:
        return month
    start = month_named(first, calendar.earlier).start
    return period_of("monthly", start, calendar)


def name_month(
    month: Period, calendar: Calendar = DEFAULT_CALENDAR
) -> datetime.date | None:
    """Return the first day of the month that a month is named after, or None.

    None if it bridges a change of the calendar and has no name; see `month_named`.
    """
    for day in (month.start, month.end):
        first = day.replace(day=1)
        if month_named(first, calendar) == month:
            return first
    return None


def month_key(month: Period, calendar: Calendar = DEFAULT_CALENDAR) -> str:
    """Return the text that identifies a month in addresses; see `parse_month`.

    `YYYY-MM`, or its first day if it has no name of its own.
    """
    first = name_month(month, calendar)
    return f"{first:%Y-%m}" if first else month.start.isoformat()


def parse_month(
    key: str, calendar: Calendar = DEFAULT_CALENDAR, field: str = "month"
) -> Period:
    """Return the month that `YYYY-MM` names, or that contains the day `YYYY-MM-DD`.

    Raises InvalidError naming `field`.
    """
    if len(key) == len("YYYY-MM-DD"):
        dates.parse_month(key[:7], field)  # whose bounds hold for days too
        return period_of("monthly", dates.parse_day(key, field), calendar)
    return month_named(dates.parse_month(key, field), calendar)


def year_named(year: int, calendar: Calendar = DEFAULT_CALENDAR) -> Period:
    """Return the year of a calendar whose first month, as chosen, is in `year`.

    A year that bridges a change of the calendar may have no such name.
    """
    start = _start_of(year * 12 + calendar.year_start_month - 1, calendar)
    period = period_of("yearly", start, calendar)
    if calendar.earlier is None or period.start == start:
        return period
    return period_of("yearly", year_named(year, calendar.earlier).start, calendar)


def name_year(period: Period, calendar: Calendar = DEFAULT_CALENDAR) -> int | None:
    """Return the year that a year is named by, or None; see `year_named`."""
    for year in (period.start.year, period.start.year + 1):
        if year_named(year, calendar) == period:
            return year
    return None


def day_shown(period: Period, today: datetime.date) -> datetime.date:
    """Return the day whose budget periods are shown with a period: today, or its end.

    Summary, dashboard, mails and reports share this rule: in the current month, a
    weekly budget shows the current week.
    """
    return today if today in period else period.end


def name_of(period: Period) -> str:
    """Return a period's name in the current language: `November 2026`, `2026`, days."""
    if period.is_month:
        return i18n.month(period.start)
    if period.is_year:
        return str(period.start.year)
    return i18n.days(period.start, period.end)


def months_to(
    day: datetime.date, number: int, calendar: Calendar = DEFAULT_CALENDAR
) -> list[Period]:
    """Return so many months, up to the one that contains a day; oldest first."""
    months = [period_of("monthly", day, calendar)]
    while len(months) < number:
        before = months[0].start - _ONE_DAY
        months.insert(0, period_of("monthly", before, calendar))
    return months


def months_in(outer: Period, calendar: Calendar = DEFAULT_CALENDAR) -> list[Period]:
    """Return the months that have days within another period, oldest first."""
    months = [period_of("monthly", outer.start, calendar)]
    while months[-1].end < outer.end:
        months.append(following(months[-1], "monthly", calendar))
    return months


def next_month(first: datetime.date) -> datetime.date:
    """Return the first day of the month after the one that begins on `first`."""
    return (first + datetime.timedelta(days=31)).replace(day=1)
