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
    """Format an amount: `{{ expense.amount|money:user.currency }}`."""
    return amounts.display(amount, currency)


@register.filter
def day(value: datetime.date | str) -> str:
    """Format a day, given as a date or as YYYY-MM-DD."""
    if isinstance(value, str):
        value = datetime.date.fromisoformat(value)
    return i18n.day(value)


@register.filter
def day_of_month(value: datetime.date) -> str:
    """Format a day without its year."""
    return i18n.day_of_month(value)


@register.filter
def moment(value: str, time_zone: str) -> str:
    """Format an ISO 8601 instant in a time zone: `{{ at|moment:user.time_zone }}`."""
    local = datetime.datetime.fromisoformat(value).astimezone(ZoneInfo(time_zone))
    return i18n.moment(local)


@register.filter
def month(value: datetime.date) -> str:
    """Format the month of a day, with its year."""
    return i18n.month(value)


@register.filter
def short_month(value: datetime.date) -> str:
    """Format the month of a day, abbreviated."""
    return i18n.short_month(value)


@register.filter
def device(stored: str | None) -> str:
    """Translate the device of a session, which is stored as `Firefox on Linux`."""
    browser, separator, system = (stored or "").partition(" on ")
    if separator:
        return _("{browser} on {system}").format(browser=browser, system=system)
    return stored or _("Unknown device")


@register.filter
def percent(value: Decimal | int) -> str:
    """Format percent points; see `i18n.percent`."""
    return i18n.percent(value)
