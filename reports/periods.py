"""Which days a report is about, and which it is compared with."""

import datetime
from dataclasses import dataclass

from smartbudget.core import dates
from smartbudget.core.errors import InvalidError

TYPES = ("monthly", "weekly", "custom", "yearly")
LONGEST = 366  # days of a custom report: a year, whichever it is

ONE_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Question:
    """What a report is to answer: its kind, its days, and those before them."""

    report_type: str  # one of TYPES
    period: dates.Period
    previous: dates.Period  # the one before, as long: a month before a month

    @property
    def days(self) -> int:
        """How many days the period has."""
        return (self.period.end - self.period.start).days + 1

    @property
    def name(self) -> str:
        """The period in words, as in `November 2026`."""
        return name_of(self.report_type, self.period)

    @property
    def previous_name(self) -> str:
        """The period before in words."""
        return name_of(self.report_type, self.previous)

    @property
    def in_previous(self) -> str:
        """When the period before was, as in `in October 2026` or `from ... to ...`."""
        if self.report_type in {"monthly", "yearly"}:
            return f"in {self.previous_name}"
        word = "on" if self.days == 1 else "from"
        return f"{word} {self.previous_name}"


def resolve(
    report_type: object,
    *,
    today: datetime.date,
    year: object = None,
    month: object = None,
    start_date: object = None,
    end_date: object = None,
) -> Question:
    """Find the days that are asked for.

    report_type: one of TYPES. monthly: `year` and `month` (1-12), together or not at
    all; weekly: the week, from Monday, that holds `start_date`; yearly: `year`; custom:
    from `start_date` to `end_date`, both included, 366 days at most. Without its
    values a report is about the month, week or year that holds `today`. Values that a
    kind does not use must be None.

    Raises InvalidError naming the field, also for days that have not begun yet.
    """
    if report_type not in TYPES:
        raise InvalidError(f"Choose one of {', '.join(TYPES)}.", "report_type")
    given = {
        "year": year,
        "month": month,
        "start_date": start_date,
        "end_date": end_date,
    }
    used = {
        "monthly": {"year", "month"},
        "weekly": {"start_date", "end_date"},
        "custom": {"start_date", "end_date"},
        "yearly": {"year"},
    }[str(report_type)]
    for field, value in given.items():
        if field not in used and value is not None:
            raise InvalidError(f"A {report_type} report takes no {field}.", field)
    if report_type == "monthly":
        period, field = _month(year, month, today)
    elif report_type == "yearly":
        first = datetime.date(_year(year, today), 1, 1)
        period, field = dates.period_of("yearly", first), "year"
    elif report_type == "weekly":
        period, field = _week(start_date, end_date, today), "start_date"
    else:
        period, field = _range(start_date, end_date), "start_date"
    if period.start > today:
        raise InvalidError("This period has not begun yet.", field)
    return Question(str(report_type), period, _before(str(report_type), period))


def name_of(report_type: str, period: dates.Period) -> str:
    """Name a period: `November 2026`, `2026`, or its days."""
    if report_type == "monthly":
        return f"{period.start:%B %Y}"
    if report_type == "yearly":
        return f"{period.start.year}"
    return days_of(period)


def days_of(period: dates.Period) -> str:
    """Write a period by its days, as in `9 Nov to 15 Nov 2026`."""
    start, end = period.start, period.end
    if start == end:
        return day_of(end)
    if start.year == end.year:
        return f"{start.day} {start:%b} to {day_of(end)}"
    return f"{day_of(start)} to {day_of(end)}"


def day_of(day: datetime.date) -> str:
    """Write a day as the pages do, as in `9 Nov 2026`."""
    return f"{day.day} {day:%b} {day.year}"


def _month(
    year: object, month: object, today: datetime.date
) -> tuple[dates.Period, str]:
    if year is None and month is None:
        return dates.period_of("monthly", today), "month"
    for field, value in (("year", year), ("month", month)):
        if value is None:
            raise InvalidError("Give both a year and a month.", field)
    number = _whole(month, "month", 1, 12, "Enter a month from 1 to 12.")
    first = datetime.date(_year(year, today), number, 1)
    return dates.period_of("monthly", first), "month"


def _year(year: object, today: datetime.date) -> int:
    if year is None:
        return today.year
    # The year before is read too, and there must be one after.
    return _whole(year, "year", 3, 9998, "Enter a year as four digits.")


def _whole(value: object, field: str, least: int, most: int, sentence: str) -> int:
    """Read a whole number, given as one or in digits."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:6])
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidError(sentence, field)
    if not least <= value <= most:
        raise InvalidError(sentence, field)
    return value


def _week(start: object, end: object, today: datetime.date) -> dates.Period:
    if start is None and end is None:
        return dates.period_of("weekly", today)
    first = _day(start, "start_date")
    week = dates.period_of("weekly", first)
    if end is not None:
        last = _day(end, "end_date")
        if last < first:
            raise InvalidError("The end is before the start.", "end_date")
        if last not in week:
            raise InvalidError(
                "A week ends on its Sunday; ask for a custom report.", "end_date"
            )
    return week


def _range(start: object, end: object) -> dates.Period:
    first = _day(start, "start_date")
    last = _day(end, "end_date")
    if last < first:
        raise InvalidError("The end is before the start.", "end_date")
    if (last - first).days >= LONGEST:
        raise InvalidError(f"A report is about {LONGEST} days at most.", "end_date")
    return dates.Period(first, last)


def _day(value: object, field: str) -> datetime.date:
    if value is None:
        raise InvalidError("Enter a day.", field)
    day = dates.parse_day(value, field)
    if not 2 < day.year < datetime.MAXYEAR:  # a year before and one after are read
        raise InvalidError("Enter a real day as YYYY-MM-DD.", field)
    return day


def _before(report_type: str, period: dates.Period) -> dates.Period:
    eve = period.start - ONE_DAY
    if report_type != "custom":
        return dates.period_of(report_type, eve)
    return dates.Period(eve - (period.end - period.start), eve)
