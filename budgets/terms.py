"""Validate the terms of budgets: what a person chooses, named as in the API."""

import functools
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from budgets.models import ROLLOVERS, Budget, stored_categories
from smartbudget.core import dates, money
from smartbudget.core.categories import ALL, EVERYTHING, Categories
from smartbudget.core.errors import InvalidError, errors_of
from smartbudget.core.i18n import gettext as _
from smartbudget.core.periods import ANCHORED, LAST, PERIODS, Period, Recurrence
from smartbudget.core.text import validate_choice, validate_text
from smartbudget.core.user import User

Terms = Mapping[str, Any]

MAX_THRESHOLDS = 5
MAX_NOTE = 200  # characters
MAX_CATEGORIES = 20
MAX_DAYS = 366  # of `once`
DEFAULT_THRESHOLD = 80

# Values that hold for some kinds of period only.
OF_KIND = {
    "anchor": tuple(ANCHORED),
    "month_days": ("semimonthly",),
    "start": ("once",),
    "end": ("once",),
}
# The attributes of a budget that store them.
ATTRIBUTES_OF_KIND = ("anchor", "month_days", "only_period")


def validate(
    user: User, values: Mapping[str, Any], stored: Budget | None = None
) -> dict[str, Any]:
    """Return the attributes of a budget for values as in the API: {attribute: value}.

    values: None means not given. stored: the budget that they change; amounts equal to
    its own are not validated again, since the currency may have been another one. All
    attributes are returned for a new budget, and those that change for a stored one.

    Raises InvalidError naming the field.
    """
    checked: dict[str, Any] = {}
    for check in _checks(user, values, stored):
        checked |= check()
    return checked


def find_errors(
    user: User, values: Mapping[str, Any], stored: Budget | None = None
) -> dict[str, list[str]]:
    """Return all errors in values: {field: [sentence]}; see `validate`."""
    return errors_of(_checks(user, values, stored))


def _checks(
    user: User, values: Mapping[str, Any], stored: Budget | None
) -> list[Callable[[], Terms]]:
    given = {name: value for name, value in values.items() if value is not None}
    return [
        functools.partial(_categories, given, stored),
        functools.partial(_amounts, user, given, stored),
        functools.partial(_thresholds, given, stored),
        functools.partial(_period, given, stored),
        functools.partial(_rollover, user, given, stored),
        functools.partial(_note, given),
        functools.partial(_pause, given, stored),
        functools.partial(_everyday, given),
    ]


def _categories(given: Terms, stored: Budget | None) -> Terms:
    """Return `category` and `more_categories`, if one of their values is given."""
    if "categories" in given:
        categories = _several(given["categories"])
        if given.get("category", categories.text) != categories.text:
            message = _("Leave this out if you enter categories.")
            raise InvalidError(message, "category")
    elif "category" in given:
        # A client that knows one category only sends back the text of several.
        if stored and given["category"] == stored.categories.text:
            return {}
        categories = Categories((_name(given["category"], "category"),))
    else:
        return {}
    return stored_categories(categories)


def _several(value: object) -> Categories:
    """Return the categories of a list of names, or all."""
    if value == ALL:
        return EVERYTHING
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= MAX_CATEGORIES:
        template = _('Enter 1 to {number} categories, or "all".')
        raise InvalidError(template.format(number=MAX_CATEGORIES), "categories")
    return Categories.of(_name(name, "categories") for name in value)


def _name(value: object, field: str) -> str:
    return validate_text(value, field, min_length=1, max_length=50)


def _amounts(user: User, given: Terms, stored: Budget | None) -> Terms:
    if "amount" not in given:
        return {}
    before = stored.amount if stored else None
    return {"amount": _amount(user, given["amount"], before, "amount")}


def _thresholds(given: Terms, stored: Budget | None) -> Terms:
    """Return `alert_threshold` and `more_thresholds`, if one of them is given."""
    if "alert_thresholds" in given:
        thresholds = [
            _percentage(value, "alert_thresholds")
            for value in given["alert_thresholds"]
        ]
        if not 1 <= len(thresholds) <= MAX_THRESHOLDS:
            template = _("Enter 1 to {number} percentages.")
            raise InvalidError(
                template.format(number=MAX_THRESHOLDS), "alert_thresholds"
            )
        if thresholds != sorted(set(thresholds)):
            message = _("Enter the percentages in ascending order, each once.")
            raise InvalidError(message, "alert_thresholds")
        first = given.get("alert_threshold")
        if first is not None and _percentage(first, "alert_threshold") != thresholds[0]:
            message = _("Enter the first of the alert_thresholds, or leave this out.")
            raise InvalidError(message, "alert_threshold")
    elif "alert_threshold" in given:
        thresholds = [_percentage(given["alert_threshold"], "alert_threshold")]
        # A client that knows one threshold only sends back the first of several.
        if stored and stored.alert_thresholds[0] == thresholds[0]:
            return {}
    elif stored is None:
        thresholds = [DEFAULT_THRESHOLD]
    else:
        return {}
    several = thresholds if len(thresholds) > 1 else None
    return {"alert_threshold": thresholds[0], "more_thresholds": several}


def _period(given: Terms, stored: Budget | None) -> Terms:
    """Return the kind of period with what it needs, as far as it is given."""
    before = stored.period if stored else "monthly"
    kind = validate_choice(given.get("period", before), PERIODS, "period")
    for name, kinds in OF_KIND.items():
        if name in given and kind not in kinds:
            message = _("This doesn't apply to the chosen period.")
            raise InvalidError(message, name)
    checked: dict[str, Any] = {}
    if "anchor" in given:
        checked["anchor"] = dates.parse_day(given["anchor"], "anchor").isoformat()
    if "month_days" in given:
        checked["month_days"] = _month_days(given["month_days"])
    if kind == "once":
        checked["only_period"] = _only_period(given, stored)
    if stored is None or kind != stored.period:
        terms = dict.fromkeys(ATTRIBUTES_OF_KIND) | {"period": kind}
        checked = terms | checked
        if kind in ANCHORED and not checked["anchor"]:
            message = _("Enter the first day of a period, past or future.")
            raise InvalidError(message, "anchor")
    return checked


def _only_period(given: Terms, stored: Budget | None) -> str:
    """Return the days of `once`; those not given stay."""
    before = stored.recurrence.only if stored else None
    if before is None and "start" not in given:
        raise InvalidError(_("Enter the first day."), "start")
    if before is None and "end" not in given:
        raise InvalidError(_("Enter the last day."), "end")
    start = dates.parse_day(given.get("start", before and before.start), "start")
    end = dates.parse_day(given.get("end", before and before.end), "end")
    if end < start:
        raise InvalidError(_("The end date is before the start date."), "end")
    only = Period(start, end)
    if only.days > MAX_DAYS:
        message = _("Choose at most {number} days.").format(number=MAX_DAYS)
        raise InvalidError(message, "end")
    return only.interval


def _month_days(values: Sequence[int]) -> list[int] | None:
    """Return two days of the month, or None for the usual ones."""
    first, last = values if len(values) == 2 else (0, 0)
    if not 1 <= first < last <= LAST:
        message = _("Enter two days of the month in ascending order, from 1 to 31.")
        raise InvalidError(message, "month_days")
    usual = Recurrence("semimonthly").month_days
    return None if (first, last) == usual else [first, last]


def _rollover(user: User, given: Terms, stored: Budget | None) -> Terms:
    """Return what is carried over, if it is given; values: see `services`."""
    is_once = given.get("period", stored and stored.period) == "once"
    if "rollover" not in given:
        keeps = stored and not is_once
        return {} if keeps else {"rollover": "none", "rollover_cap": None}
    rollover: Mapping[str, Any] = given["rollover"]
    mode = validate_choice(rollover.get("mode") or "none", ROLLOVERS, "rollover")
    if is_once and mode != "none":
        message = _("A one-off budget can't carry anything over.")
        raise InvalidError(message, "rollover")
    cap = rollover.get("cap")
    if cap is not None:
        if mode == "none":
            message = _("Choose what to carry over, or leave out the maximum.")
            raise InvalidError(message, "rollover")
        cap = _amount(user, cap, stored.rollover_cap if stored else None, "rollover")
    return {"rollover": mode, "rollover_cap": cap}


def _note(given: Terms) -> Terms:
    if "note" not in given:
        return {}
    note = validate_text(given["note"], "note", max_length=MAX_NOTE)
    return {"note": note or None}


def _pause(given: Terms, stored: Budget | None) -> Terms:
    if "paused" not in given:
        return {}
    if not given["paused"]:
        return {"paused_at": None}
    return {"paused_at": (stored and stored.paused_at) or dates.timestamp()}


def _everyday(given: Terms) -> Terms:
    names = ("everyday", "keep_for_tomorrow")
    return {name: given[name] or None for name in names if name in given}


def _amount(user: User, value: object, stored: Decimal | None, field: str) -> Decimal:
    """Validate an amount, but accept the stored one, even of another currency."""
    if stored is not None and money.is_amount(value, stored):
        return stored
    return money.parse_amount(value, user.currency, field)


def _percentage(value: object, field: str) -> int:
    try:
        percent = int(str(value))
    except ValueError:
        percent = 0
    if not 1 <= percent <= 100:
        raise InvalidError(_("Enter a whole percentage from 1 to 100."), field)
    return percent
