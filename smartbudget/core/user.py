"""The acting user, passed to every service."""

import datetime
from dataclasses import dataclass
from decimal import Decimal

from smartbudget.core import dates, i18n


@dataclass(frozen=True)
class User:
    """The part of an account that every request needs, cached in sessions and tokens.

    Services take the acting user as their first argument.
    """

    user_id: str
    username: str
    email: str
    currency: str = "USD"  # ISO 4217
    time_zone: str = "UTC"  # IANA
    language: str = i18n.DEFAULT  # of i18n.LANGUAGES
    large_expense_threshold: Decimal | None = None  # None: off
    is_staff: bool = False

    def __str__(self) -> str:
        return self.username

    @property
    def is_authenticated(self) -> bool:
        """True; False for AnonymousUser."""
        return True

    def today(self, instant: datetime.datetime | None = None) -> datetime.date:
        """Return the current day in the user's time zone."""
        return dates.local_day(self.time_zone, instant)


class AnonymousUser:
    """The user of a request that is not logged in."""

    is_authenticated = False
    is_staff = False
