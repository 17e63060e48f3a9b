"""Add each expense of a program only once, by the id that the program sends.

The id of such an expense is derived from the `source`, the `external_id` and the
amount; see `identify`. So DynamoDB refuses to store it twice, even if it was edited.
A deleted one leaves a `MissingBooking`, so that it is refused too.

Why: docs/decisions.md#duplicates-are-counted-and-expense-ids-come-from-the-booking
"""

import uuid

from expenses.models import Expense
from smartbudget.core.errors import DeletedError, InvalidError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.text import validate_text
from smartbudget.core.user import User

MAX_SOURCE_LENGTH = 50
MAX_ID_LENGTH = 100

_NAMESPACE = uuid.UUID("c5b5b4f0-7a0e-5f0b-9d63-0f2f4c1b7e15")


def validate(source: object, external_id: object) -> tuple[str, str]:
    """Return the validated source and external id of a new expense, or two empty texts.

    Raises InvalidError.
    """
    source = _text(source, "source", MAX_SOURCE_LENGTH)
    external_id = _text(external_id, "external_id", MAX_ID_LENGTH)
    if external_id and not source:
        message = _("Enter the source of this external_id.")
        raise InvalidError(message, "source")
    if source and not external_id:
        message = _("Enter an external_id, or leave out the source.")
        raise InvalidError(message, "external_id")
    return source, external_id


def identify(user: User, expense: Expense, source: str, external_id: str) -> None:
    """Set the source, the external id and the id derived from them, unless empty.

    The derived id contains the signed amount, since banks use an id again for a fee. A
    refund's amount is negative.
    """
    if not external_id:
        return
    amount = format(expense.amount.normalize(), "f")
    name = "\n".join([user.user_id, source, external_id, amount])
    expense.expense_id = uuid.uuid5(_NAMESPACE, name).hex
    expense.source, expense.external_id = source, external_id


def deleted_error() -> DeletedError:
    """Return the error for an expense that the user deleted."""
    message = _(
        "You deleted this expense. Restore it from the trash if it's still there, or"
        " send another external_id."
    )
    return DeletedError(message, "external_id")


def _text(value: object, field: str, max_length: int) -> str:
    given = "" if value is None else value
    return validate_text(given, field, max_length=max_length)
