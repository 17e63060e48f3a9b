"""The period of a report and the period it is compared with."""

import datetime
from dataclasses import dataclass

from smartbudget.core import dates
from smartbudget.core.errors import InvalidError
from smartbudget.core.i18n import (
    day,
    days,
    gettext_noop,
    month_name,
    ngettext,
    weekday,
)
from smartbudget.core.i18n import gettext as _
from smartbudget.core.periods import (
    DEFAULT_CALENDAR,
    Calendar,
    Period,
    month_named,
    name_of,
    period_of,
    year_named,
)
from smartbudget.core.text import validate_choice

TITLES = {
    "monthly": gettext_noop("Monthly report"),
    "weekly": gettext_noop("Weekly report"),
    "custom": gettext_noop("Custom report"),
    "yearly": gettext_noop("Yearly report"),
}
TYPES = tuple(TITLES)
MAX_DAYS = 366  # days of a custom report: any year, leap or not

# Python's years are 1 to 9999, and neighboring periods must exist.
FIRST_YEAR, LAST_YEAR = 3, 9998

ONE_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class ReportPeriod:
    """The type and period of a report, and the period before."""

    report_type: str  # one of TYPES
    current: Period
    previous: Period  # the month, week or year before, or as many days

    @property
    def days(self) -> int:
        """The number of days in the period."""
        return (self.current.end - self.current.start).days + 1

    @property
    def field(self) -> str:
        """The input field that selects the period."""
        return {"monthly": "month", "yearly": "year"}.get(
            self.report_type, "start_date"
        )

    @property
    def title(self) -> str:
        """The name of this type of report."""
        return _(TITLES[self.report_type])

    @property
    def name(self) -> str:
        """The period in words, as in `November 2026`."""
        return name_of(self.current)

    @property
    def previous_name(self) -> str:
        """The period before in words."""
        return name_of(self.previous)

    @property
    def previous_briefly(self) -> str:
        """The period before, as `October` if the year is clear."""
        return self._month_alone or self.previous_name

    @property
    def in_previous(self) -> str:
        """The period before as a part of a sentence, such as `in October 2026`."""
        start, end = self.previous.start, self.previous.end
        if self.previous.is_month:
            return _("in {month}").format(month=self.previous_name)
        if self.previous.is_year:
            return _("in {year}").format(year=self.previous_name)
        if self.report_type == "weekly":
            return _("in the week of {days}").format(days=days(start, end))
        if start == end:
            return _("on {day}").format(day=day(start))
        return _("in the period {days}").format(days=days(start, end))

    @property
    def in_previous_briefly(self) -> str:
        """The same, as `in October` if the year is clear."""
        if month := self._month_alone:
            return _("in {month}").format(month=month)
        return self.in_previous

    @property
    def _month_alone(self) -> str:
        """The name of the month before if it is in the same year, or empty."""
        start = self.previous.start
        if self.report_type != "monthly" or not self.previous.is_month:
            return ""
        if start.year != self.current.start.year:
            return ""
        return month_name(start)


_TOO_MANY = {
    "monthly": gettext_noop(
        "This month has too many expenses for a report. Choose a week."
    ),
    "weekly": gettext_noop(
        "This week has too many expenses for a report. Choose a single day."
    ),
    "custom": gettext_noop(
        "These days have too many expenses for a report. Choose fewer days."
    ),
    "yearly": gettext_noop(
        "This year has too many expenses for a report. Choose a month."
    ),
}


class TooManyExpensesError(InvalidError):
    """A report has too many expenses to be created in time."""


def too_many_expenses(period: ReportPeriod) -> TooManyExpensesError:
    """Return the error of a report that cannot be created in time."""
    return TooManyExpensesError(_(_TOO_MANY[period.report_type]), period.field)


def resolve(
    report_type: object,
    *,
    today: datetime.date,
    calendar: Calendar = DEFAULT_CALENDAR,
    year: object = None,
    month: object = None,
    start_date: object = None,
    end_date: object = None,
) -> ReportPeriod:
    """Return the type and period of a report from a user's input.

    calendar: of the months, weeks and years.
    report_type: one of TYPES. monthly: `year` and `month` (1-12), both or neither, see
    `month_named`; weekly: the week that contains `start_date`; yearly: `year`, see
    `year_named`; custom: from `start_date` to `end_date` inclusive, at most 366 days.
    Without values, the month, week or year that contains `today`. Values that a type
    does not use must be None.

    Raises InvalidError naming the field, also for a period that has not begun.
    """
    kind = validate_choice(report_type, TYPES, "report_type")
    values = {
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
    }[kind]
    for field, value in values.items():
        if field not in used and value is not None:
            template = _("A {kind} report doesn't take {field}.")
            raise InvalidError(template.format(kind=kind, field=field), field)
    if kind == "monthly":
        current = _month(year, month, today, calendar)
    elif kind == "yearly" and year is None:
        current = period_of("yearly", today, calendar)
    elif kind == "yearly":
        current = year_named(_year(year), calendar)
    elif kind == "weekly":
        current = _week(start_date, end_date, today, calendar)
    else:
        current = _range(start_date, end_date)
    period = ReportPeriod(kind, current, _before(kind, current, calendar))
    if current.start > today:
        raise InvalidError(_("This period hasn't started yet."), period.field)
    return period


def _month(
    year: object, month: object, today: datetime.date, calendar: Calendar
) -> Period:
    if year is None and month is None:
        return period_of("monthly", today, calendar)
    for field, value in (("year", year), ("month", month)):
        if value is None:
            raise InvalidError(_("Enter both a year and a month."), field)
    number = _whole(month, "month", 1, 12, _("Enter a month from 1 to 12."))
    return month_named(datetime.date(_year(year), number, 1), calendar)


def _year(year: object) -> int:
    message = _("Enter a year as four digits.")
    return _whole(year, "year", FIRST_YEAR, LAST_YEAR, message)


def _whole(value: object, field: str, low: int, high: int, message: str) -> int:
    """Return a whole number, given as an int or in digits. Raises InvalidError."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:6])
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidError(message, field)
    if not low <= value <= high:
        raise InvalidError(message, field)
    return value


def _week(
    start: object, end: object, today: datetime.date, calendar: Calendar
) -> Period:
    if start is None and end is None:
        return period_of("weekly", today, calendar)
    first = _day(start, "start_date")
    week = period_of("weekly", first, calendar)
    if end is not None:
        last = _day(end, "end_date")
        if last < first:
            raise InvalidError(_("The end date is before the start date."), "end_date")
        if last not in week:
            template = _(
                "This week ends on {weekday}. For other days, create a custom report."
            )
            raise InvalidError(template.format(weekday=weekday(week.end)), "end_date")
    return week


def _range(start: object, end: object) -> Period:
    first = _day(start, "start_date")
    last = _day(end, "end_date")
    if last < first:
        raise InvalidError(_("The end date is before the start date."), "end_date")
    if (last - first).days >= MAX_DAYS:
        template = ngettext(
            "A report can cover at most {number} day.",
            "A report can cover at most {number} days.",
            MAX_DAYS,
        )
        raise InvalidError(template.format(number=MAX_DAYS), "end_date")
    return Period(first, last)


def _day(value: object, field: str) -> datetime.date:
    if value is None:
        raise InvalidError(_("Enter a date."), field)
    day = dates.parse_day(value, field)
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise InvalidError(_("Enter a valid date as YYYY-MM-DD."), field)
    return day


def _before(report_type: str, period: Period, calendar: Calendar) -> Period:
    day_before = period.start - ONE_DAY
    if report_type != "custom":
        return period_of(report_type, day_before, calendar)
    return Period(day_before - (period.end - period.start), day_before)
