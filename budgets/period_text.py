"""Describe kinds of period, and the current and coming ones, in words."""

from collections.abc import Sequence

from smartbudget.core import i18n
from smartbudget.core.i18n import gettext as _
from smartbudget.core.i18n import gettext_noop, pgettext
from smartbudget.core.periods import (
    DEFAULT_CALENDAR,
    LAST,
    Calendar,
    Period,
    Recurrence,
    name_of,
)

# In the order of their length.
HOW_OFTEN = {
    "weekly": gettext_noop("Every week"),
    "biweekly": gettext_noop("Every two weeks"),
    "four_weekly": gettext_noop("Every four weeks"),
    "semimonthly": gettext_noop("Twice a month"),
    "monthly": gettext_noop("Every month"),
    "quarterly": gettext_noop("Every three months"),
    "yearly": gettext_noop("Every year"),
    "once": gettext_noop("Once"),
}
_FROM = {
    "weekly": gettext_noop("Every week from {weekday}"),
    "biweekly": gettext_noop("Every two weeks from {weekday}"),
    "four_weekly": gettext_noop("Every four weeks from {weekday}"),
}


def describe(rule: Recurrence, calendar: Calendar = DEFAULT_CALENDAR) -> str:
    """Return a rule in words, such as `Every two weeks from Friday`."""
    if rule.kind == "semimonthly":
        first, second = (_month_day(day) for day in rule.month_days)
        template = _("Twice a month, on the {first} and the {second}")
        return template.format(first=first, second=second)
    if rule.only:
        days = i18n.days(rule.only.start, rule.only.end)
        return _("Once, {days}").format(days=days)
    if rule.kind in _FROM:
        number = rule.anchor.weekday() if rule.anchor else calendar.week_start
        return _(_FROM[rule.kind]).format(weekday=i18n.weekday_name(number))
    return _(HOW_OFTEN[rule.kind])


def _month_day(day: int) -> str:
    """Return a day of the month: `25th`, or `last day`."""
    if day == LAST:
        return pgettext("day of the month", "last day")
    return i18n.ordinal(day)


def describe_periods(
    rule: Recurrence, periods: Sequence[Period], calendar: Calendar
) -> str:
    """Return a rule with its current period and the next ones, as a sentence."""
    text = describe(rule, calendar)
    current, *coming = (_name(rule, period) for period in periods)
    if coming:
        text = _("{rule}; now {current}, then {coming}").format(
            rule=text, current=current, coming=i18n.join_list(coming)
        )
    return text if text.endswith(".") else f"{text}."  # of a German month


def _name(rule: Recurrence, period: Period) -> str:
    if rule.kind in ("monthly", "yearly"):
        return name_of(period)
    return i18n.days_of_year(period.start, period.end)
