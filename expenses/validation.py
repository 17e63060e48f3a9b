"""Validate the values of expenses, and derive their ids."""

import functools
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from expenses.fields import FIELDS
from expenses.models import Expense
from expenses.parts import combined
from expenses.refunds import signed
from smartbudget.core import dates, money
from smartbudget.core.errors import ConflictError, errors_of
from smartbudget.core.i18n import gettext as _
from smartbudget.core.text import casefold_key, validate_text
from smartbudget.core.user import User

_NAMESPACE = uuid.UUID("3c2c9a52-3d8b-5b7e-9a55-7c7d1f9c2e02")
_DEFAULTS = {name: field.default for name, field in FIELDS.items()}


def new_expense(user: User, expense_id: str, given: Mapping[str, object]) -> Expense:
    """Return a new, unsaved expense with validated values.

    Raises InvalidError for the first invalid value; `find_errors` finds all.
    """
    now = dates.timestamp()
    expense = Expense(
        expense_id=expense_id,
        user_id=user.user_id,
        **signed(combined(validate(user, _with_defaults(given)), user.currency)),
        created_at=now,
        updated_at=now,
    )
    expense.index_text(version=1)
    return expense


def validate(user: User, given: Mapping[str, object]) -> dict[str, Any]:
    """Validate values given for an expense and return its attributes.

    given: named as in `FIELDS`. amount: currency units. date: None for today. The kind
    is among the attributes until `refunds.signed` makes it the amount's sign.

    Raises InvalidError for the first invalid value.
    """
    return attributes_of(
        {name: FIELDS[name].validate(user, value) for name, value in given.items()}
    )


def attributes_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return an expense's attributes for validated values of its fields."""
    attributes = {**values}
    if "category" in attributes:
        attributes["category_key"] = casefold_key(attributes["category"])
    return attributes


def validate_changes(
    user: User, given: Mapping[str, object], stored: Expense
) -> dict[str, Any]:
    """Validate values for a stored expense and return the attributes that change.

    Values equal to the stored ones are left out and not validated: a stored amount may
    have more decimals than the current currency, and a stored day may be too old.

    Raises InvalidError for the first invalid value.
    """
    return validate(user, _changed(given, stored))


def find_errors(user: User, given: Mapping[str, object]) -> dict[str, list[str]]:
    """Return all errors in the values of a new expense: {field: [sentence]}."""
    errors = errors_of(
        functools.partial(FIELDS[name].validate, user, value)
        for name, value in _with_defaults(given).items()
    )
    # Only valid values can be compared with each other.
    return errors or errors_of([functools.partial(new_expense, user, "", given)])


def find_errors_of_changes(
    user: User, given: Mapping[str, object], stored: Expense
) -> dict[str, list[str]]:
    """Return all errors in values for a stored expense; see `validate_changes`."""
    return errors_of(
        functools.partial(FIELDS[name].validate, user, value)
        for name, value in _changed(given, stored).items()
    )


def new_id(user: User, idempotency_key: str | None, row: int | None = None) -> str:
    """Return the id of a new expense, which is the same for the same key and row.

    row: the number in a bulk request, or None for a single expense. Their ids never
    coincide.

    Raises InvalidError for a key that is not a text of 1-255 characters.
    """
    if idempotency_key is None:
        return uuid.uuid4().hex
    key = validate_text(
        idempotency_key, "Idempotency-Key", min_length=1, max_length=255, verbatim=True
    )
    name = key if row is None else f"{key}\n{row}"  # a key has one line
    return uuid.uuid5(_NAMESPACE, f"{user.user_id}\n{name}").hex


def raise_if_different(stored: Expense, expected: Expense, *, dated: bool) -> None:
    """Raise ConflictError if an idempotency key was used for a different expense.

    dated: whether a date was given. If not, the stored day is that of the first attempt
    and may differ.
    """
    compared = [FIELDS[name].value_of for name in FIELDS if dated or name != "date"]
    if expected.receipt_sha256:
        compared.append(lambda expense: expense.receipt_sha256)
    if any(value_of(stored) != value_of(expected) for value_of in compared):
        raise ConflictError(
            _("This Idempotency-Key was already used for another expense.")
        )


def _with_defaults(given: Mapping[str, object]) -> dict[str, object]:
    """Return the values of a new expense; with parts, it needs no category."""
    values = {**_DEFAULTS, **given}
    if values["parts"] and not values["category"]:
        del values["category"]
    return values


def _changed(given: Mapping[str, object], stored: Expense) -> dict[str, object]:
    return {
        name: value
        for name, value in given.items()
        if not _is_same(value, FIELDS[name].value_of(stored))
    }


def _is_same(value: object, stored: object) -> bool:
    if isinstance(stored, Decimal):
        return money.is_amount(value, stored)
    return str(value) == stored
