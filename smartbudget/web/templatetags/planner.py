"""Template filters that format money, days and times."""

import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django import template

from smartbudget.core import i18n
from smartbudget.core import money as amounts
from smartbudget.core.i18n import gettext as _

register = template.Library()


@register.filter
def money(amount: Decimal, currency: str) -> str:
    """Print an amount: `{{ expense.amount|money:user.currency }}`."""
    return amounts.display(amount, currency)


@register.filter
def day(value: datetime.date | str) -> str:
    """Print a day, given as a date or as YYYY-MM-DD."""
    if isinstance(value, str):
        value = datetime.date.fromisoformat(value)
    return i18n.day(value)


@register.filter
def day_of_month(value: datetime.date) -> str:
    """Print a day without its year."""
    return i18n.day_of_month(value)


@register.filter
def moment(value: str, time_zone: str) -> str:
    """Print an ISO 8601 instant in a time zone: `{{ at|moment:user.time_zone }}`."""
    local = datetime.datetime.fromisoformat(value).astimezone(ZoneInfo(time_zone))
    return i18n.moment(local)


@register.filter
def month(value: datetime.date) -> str:
    """Print a month with its year, by any day of it."""
    return i18n.month(value)


@register.filter
def short_month(value: datetime.date) -> str:
    """Print a month in a few letters, by any day of it."""
    return i18n.short_month(value)


@register.filter
def device(stored: str | None) -> str:
    """Print what a session was begun on, which is stored as `Firefox on Linux`."""
    browser, found, system = (stored or "").partition(" on ")
    if found:
        return _("{browser} on {system}").format(browser=browser, system=system)
    return stored or _("Unknown device")


@register.filter
def percent(value: Decimal | int) -> str:
    """Print percent points; see `i18n.percent`."""
    return i18n.percent(value)
