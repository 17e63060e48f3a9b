"""The acting user: what every request and every service needs of an account."""

import datetime
from dataclasses import dataclass
from decimal import Decimal

from smartbudget.core import dates, i18n


@dataclass(frozen=True)
class User:
    """What every request needs of its account; sessions and API tokens carry it.

    The acting user that services take as their first argument.
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
        """Return True; AnonymousUser has False."""
        return True

    def today(self, instant: datetime.datetime | None = None) -> datetime.date:
        """Return the day it is where the user lives."""
        return dates.local_day(self.time_zone, instant)


class AnonymousUser:
    """The user of a request that is not logged in."""

    is_authenticated = False
    is_staff = False
