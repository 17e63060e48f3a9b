"""Expenses that are checked and not stored yet, and their ids."""

import uuid
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from expenses.models import STATUSES, Expense
from smartbudget.core import dates, money
from smartbudget.core.errors import ConflictError, InvalidError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.i18n import ngettext
from smartbudget.core.text import casefold_key, validate_choice, validate_text
from smartbudget.core.user import User

YEARS_BACK = 10
YEARS_AHEAD = 1

_NAMESPACE = uuid.UUID("3c2c9a52-3d8b-5b7e-9a55-7c7d1f9c2e02")
_DEFAULTS = {
    "amount": None,
    "category": None,
    "description": "",
    "date": None,
    "status": "pending",
}


def new_expense(user: User, expense_id: str, given: Mapping[str, object]) -> Expense:
    """Make a new expense of what is given, not stored.

    Raises InvalidError for the first bad value; `find_errors` finds all.
    """
    now = dates.timestamp()
    return Expense(
        expense_id=expense_id,
        user_id=user.user_id,
        **validate(user, {**_DEFAULTS, **given}),
        created_at=now,
        updated_at=now,
    )


def validate(user: User, given: Mapping[str, object]) -> dict[str, Any]:
    """Check values given for an expense; returns its attributes.

    given: any of amount (currency units), category, description, date (None: today)
    and status.

    Raises InvalidError for the first bad one.
    """
    values = {name: _CHECKS[name](user, value) for name, value in given.items()}
    if "category" in values:
        values["category_key"] = casefold_key(values["category"])
    if "description" in values:
        values["description_key"] = casefold_key(values["description"]) or None
    return values


def validate_changes(
    user: User, given: Mapping[str, object], stored: Expense
) -> dict[str, Any]:
    """Check values given for an expense that is there; returns what is to change.

    What is the same as stored is left out: rules are for what somebody enters now.
    An amount may have more decimals than today's currency, a day be too long ago.

    Raises InvalidError for the first bad one.
    """
    changed = {
        name: value
        for name, value in given.items()
        if not _is_same(value, getattr(stored, name))
    }
    return validate(user, changed)


def find_errors(user: User, given: Mapping[str, object]) -> dict[str, list[str]]:
    """Find what is wrong with a new expense: {field: [sentence]}."""
    errors = {}
    for name, value in {**_DEFAULTS, **given}.items():
        try:
            _CHECKS[name](user, value)
        except InvalidError as error:
            errors[name] = [str(error)]
    return errors


def new_id(user: User, idempotency_key: str | None, row: int | None = None) -> str:
    """Make an expense's id: always the same one for the same key and row.

    row: its number in a bulk; its ids are never those of single expenses.

    Raises InvalidError for a key that is no text of 1-255 characters.
    """
    if idempotency_key is None:
        return uuid.uuid4().hex
    key = validate_text(
        idempotency_key, "Idempotency-Key", shortest=1, longest=255, verbatim=True
    )
    name = key if row is None else f"{key}\n{row}"  # a key has one line
    return uuid.uuid5(_NAMESPACE, f"{user.user_id}\n{name}").hex


def refuse_different(stored: Expense, wanted: Expense, *, dated: bool) -> None:
    """Check that what an idempotency key stored before is what is wanted now.

    dated: whether a date was given; without one the day of the first try stands.

    Raises ConflictError.
    """
    for name in (
        "amount",
        "category",
        "description",
        "status",
        *(["date"] if dated else []),
        *(["receipt_sha256"] if wanted.receipt_sha256 else []),
    ):
        if getattr(stored, name) != getattr(wanted, name):
            raise ConflictError(_("This Idempotency-Key was used for another expense."))


def _is_same(value: object, stored: object) -> bool:
    if isinstance(stored, Decimal):
        return money.is_amount(value, stored)
    return str(value) == stored


def _check_amount(user: User, value: object) -> object:
    return money.parse_amount(value, user.currency)


def _check_category(_user: User, value: object) -> str:
    return validate_text(value, "category", shortest=1, longest=50)


def _check_description(_user: User, value: object) -> str:
    return validate_text(value, "description", longest=500, lines=True)


def _check_date(user: User, value: object) -> str:
    today = user.today()
    day = today if value is None else dates.parse_day(value)
    if day < dates.years_later(today, -YEARS_BACK):
        said = ngettext(
            "Not more than {years} year back.",
            "Not more than {years} years back.",
            YEARS_BACK,
        )
        raise InvalidError(said.format(years=YEARS_BACK), "date")
    if day > dates.years_later(today, YEARS_AHEAD):
        said = ngettext(
            "Not more than {years} year ahead.",
            "Not more than {years} years ahead.",
            YEARS_AHEAD,
        )
        raise InvalidError(said.format(years=YEARS_AHEAD), "date")
    return day.isoformat()


def _check_status(_user: User, value: object) -> str:
    return validate_choice(value, STATUSES, "status")


_CHECKS: dict[str, Callable[[User, object], Any]] = {
    "amount": _check_amount,
    "category": _check_category,
    "description": _check_description,
    "date": _check_date,
    "status": _check_status,
}
