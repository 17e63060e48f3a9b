"""Days in the user's time zone; instants are aware and in UTC."""

import datetime
from importlib import resources
from zoneinfo import ZoneInfo

from smartbudget.core.errors import InvalidError
from smartbudget.core.i18n import gettext as _

# From the package, since systems add names such as `localtime`. Older names such as
# Asia/Calcutta are included, since browsers still send them. Factory is no real zone.
TIME_ZONES = frozenset(
    resources.files("tzdata").joinpath("zones").read_text().split()
) - {"Factory"}
DEFAULT_TIME_ZONE = "UTC"


def parse_month(value: str, field: str = "month") -> datetime.date:
    """Parse `YYYY-MM` and return the month's first day.

    Raises InvalidError naming `field`.
    """
    try:
        if len(value) != 7:
            raise ValueError  # noqa: TRY301 - same message for every malformed month
        first = datetime.date.fromisoformat(f"{value}-01")
        if not 1 < first.year < datetime.MAXYEAR:
            raise ValueError  # noqa: TRY301 - callers compute the months around it
        return first
    except ValueError:
        raise InvalidError(_("Enter a month as YYYY-MM."), field) from None


def parse_day(value: object, field: str = "date") -> datetime.date:
    """Return a real day, given as a date or as `YYYY-MM-DD`.

    Raises InvalidError naming `field`.
    """
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value
    # fromisoformat would also accept week dates such as 2026-W12-3.
    if isinstance(value, str) and len(value) == 10 and "W" not in value:
        try:
            return datetime.date.fromisoformat(value)
        except ValueError:
            pass
    raise InvalidError(_("Enter a valid date as YYYY-MM-DD."), field)


def years_later(day: datetime.date, years: int) -> datetime.date:
    """Return the same day some years later; 29 February becomes 28 if needed."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def now() -> datetime.datetime:
    """Return the current instant, aware and in UTC."""
    return datetime.datetime.now(datetime.UTC)


def timestamp(instant: datetime.datetime | None = None) -> str:
    """Format an instant (default: now) as ISO 8601 in UTC, which sorts by time."""
    instant = (instant or now()).astimezone(datetime.UTC)
    return instant.isoformat(timespec="microseconds")


def local_day(
    time_zone: str, instant: datetime.datetime | None = None
) -> datetime.date:
    """Return the day in an IANA time zone at an instant (default: now)."""
    return (instant or now()).astimezone(ZoneInfo(time_zone)).date()
