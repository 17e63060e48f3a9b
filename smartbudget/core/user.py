"""The acting user, passed to every service."""

import datetime
from dataclasses import dataclass, field
from decimal import Decimal

from smartbudget.core import dates, i18n
from smartbudget.core.periods import DEFAULT_CALENDAR, Calendar


@dataclass(frozen=True)
class User:
    """The account data that every request needs, cached in sessions and tokens."""

    user_id: str
    username: str
    email: str
    currency: str = "USD"  # ISO 4217
    time_zone: str = "UTC"  # IANA
    language: str = i18n.DEFAULT  # of i18n.LANGUAGES
    large_expense_threshold: Decimal | None = None  # None: off
    calendar: Calendar = DEFAULT_CALENDAR  # of all periods that the user sees
    budget_shapes: tuple[str, ...] = ()  # of lookup.SHAPES, by name: those used
    is_staff: bool = False
    has_password: bool = True
    # Whether the login of the current session used a second factor. Of the session and
    # not of the account, so it is not cached with the other fields.
    has_second_factor: bool = field(default=False, compare=False)
    # Epoch seconds when a password or passkey was last verified in the session; None
    # for API tokens. Not cached either.
    authenticated_at: int | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return self.username

    @property
    def is_authenticated(self) -> bool:
        """Always true; false for AnonymousUser."""
        return True

    def today(self, instant: datetime.datetime | None = None) -> datetime.date:
        """Return the current day in the user's time zone."""
        return dates.local_day(self.time_zone, instant)


class AnonymousUser:
    """The user of a request without a login."""

    is_authenticated = False
    is_staff = False
