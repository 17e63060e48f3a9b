"""Days and periods, in the user's own time zone; instants are aware UTC."""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from zoneinfo import ZoneInfo

from smartbudget.core import i18n
from smartbudget.core.errors import InvalidError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.i18n import gettext_noop

PERIOD_WORDS = {
    "monthly": gettext_noop("monthly"),
    "weekly": gettext_noop("weekly"),
    "yearly": gettext_noop("yearly"),
}
PERIODS = tuple(PERIOD_WORDS)
# By the package, the same on every machine: systems add `localtime` and others. Older
# names such as Asia/Calcutta stay: browsers still send them. Factory is no place.
TIME_ZONES = frozenset(
    resources.files("tzdata").joinpath("zones").read_text().split()
) - {"Factory"}


@dataclass(frozen=True)
class Period:
    """A stretch of whole days, both ends included."""

    start: datetime.date
    end: datetime.date

    def __contains__(self, day: datetime.date) -> bool:
        return self.start <= day <= self.end


def period_of(kind: str, day: datetime.date) -> Period:
    """Find the period that holds a day.

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

    The one rule of summary, dashboard, mails and reports: while a month runs, a weekly
    budget shows the week that holds today.
    """
    return today if today in period else period.end


def periods_within(kind: str, outer: Period) -> Iterator[Period]:
    """Yield the whole periods of a kind that lie in another period, earliest first."""
    period = period_of(kind, outer.start)
    while period.end <= outer.end:
        if period.start >= outer.start:
            yield period
        period = period_of(kind, period.end + datetime.timedelta(days=1))


def name_of(kind: str, period: Period) -> str:
    """Name a period for people: `November 2026`, `2026`, or its days.

    kind: one of PERIODS; any other is named by its days, as weeks are.
    """
    if kind == "monthly":
        return i18n.month(period.start)
    if kind == "yearly":
        return str(period.start.year)
    return i18n.days(period.start, period.end)


def next_month(first: datetime.date) -> datetime.date:
    """Return the first day of the month after the one that begins on `first`."""
    return (first + datetime.timedelta(days=31)).replace(day=1)


def parse_month(value: str, field: str = "month") -> datetime.date:
    """Read `YYYY-MM` and return the month's first day.

    Raises InvalidError naming `field`.
    """
    try:
        if len(value) != 7:
            raise ValueError  # noqa: TRY301 - one sentence for every malformed month
        first = datetime.date.fromisoformat(f"{value}-01")
        if not 1 < first.year < datetime.MAXYEAR:
            raise ValueError  # noqa: TRY301 - there are months before and after it
        return first
    except ValueError:
        raise InvalidError(_("Enter a month as YYYY-MM."), field) from None


def parse_day(value: object, field: str = "date") -> datetime.date:
    """Read a real day, given as a date or as `YYYY-MM-DD`.

    Raises InvalidError naming `field`.
    """
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value
    # fromisoformat reads week dates such as 2026-W12-3 too.
    if isinstance(value, str) and len(value) == 10 and "W" not in value:
        try:
            return datetime.date.fromisoformat(value)
        except ValueError:
            pass
    raise InvalidError(_("Enter a real day as YYYY-MM-DD."), field)


def years_later(day: datetime.date, years: int) -> datetime.date:
    """Return the same day some years on; 29 February becomes 28 where need be."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def now() -> datetime.datetime:
    """Return this instant, aware UTC."""
    return datetime.datetime.now(datetime.UTC)


def timestamp(instant: datetime.datetime | None = None) -> str:
    """Write an instant (default: now) as ISO 8601 in UTC; such texts sort by time."""
    instant = (instant or now()).astimezone(datetime.UTC)
    return instant.isoformat(timespec="microseconds")


def local_day(
    time_zone: str, instant: datetime.datetime | None = None
) -> datetime.date:
    """Return the day it is (or was at `instant`) in an IANA time zone."""
    return (instant or now()).astimezone(ZoneInfo(time_zone)).date()


def quiet_end(
    instant: datetime.datetime, time_zone: str, start: str, end: str
) -> datetime.datetime | None:
    """Return when the quiet hours that an instant lies in end; None outside them.

    time_zone: IANA. start, end: `HH:MM` on the clocks there, the first quiet minute and
    the first that is not; the hours may span midnight, and equal ones are none. Where
    clocks jump, the hours are what the clocks show: an end that is jumped over comes
    with the jump, and an hour that comes twice is quiet twice.
    """
    zone = ZoneInfo(time_zone)
    first, last = datetime.time.fromisoformat(start), datetime.time.fromisoformat(end)

    def is_quiet(minute: datetime.datetime) -> bool:
        clock = minute.astimezone(zone).time()
        if first <= last:
            return first <= clock < last
        return clock >= first or clock < last

    # Minute by minute: a millisecond for a whole night, and right over every jump.
    minute = instant.astimezone(datetime.UTC).replace(second=0, microsecond=0)
    if not is_quiet(minute):
        return None
    while is_quiet(minute):
        minute += datetime.timedelta(minutes=1)
    return minute
