"""The fields of an expense that its owner fills in, each declared once.

Validation, history, exports and CSV files are derived from `FIELDS`. CONTRIBUTING.md
lists what else a new field needs.
"""

import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from expenses import parts
from expenses.models import KIND_WORDS, KINDS, STATUS_WORDS, STATUSES, Expense
from expenses.parts import Part
from smartbudget.core import dates, i18n, money
from smartbudget.core.errors import InvalidError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.i18n import gettext_noop, ngettext
from smartbudget.core.text import validate_choice, validate_text
from smartbudget.core.user import User

YEARS_BACK = 10
YEARS_AHEAD = 1

_ID = re.compile(r"[0-9a-f]{32}")

Value = str | Decimal | tuple[Part, ...] | None  # of a field


@dataclass(frozen=True)
class Field:
    """A field: `name` is that of the attribute, and in the API, forms and exports."""

    name: str
    label: str  # in English
    # Returns the value to store. Raises InvalidError.
    validate: Callable[[User, object], Value]
    default: object = None  # validated if a new expense has no value
    max_length: int = 0  # characters of a text
    # Formats a value for users; the second argument is the currency.
    display: Callable[[Any, str], str] = lambda value, _currency: str(value)
    # Returns the value of an expense as users see it. None: the attribute's.
    read: Callable[[Expense], Value] | None = None

    def value_of(self, expense: Expense) -> Value:
        """Return the value of an expense."""
        value: Value = self.read(expense) if self.read else getattr(expense, self.name)
        return value


def _text_field(
    name: str, label: str, *, max_length: int, default: str | None = None, **rules: Any
) -> Field:
    def validate(_user: User, value: object) -> str:
        return validate_text(value, name, max_length=max_length, **rules)

    return Field(name, label, validate, default, max_length)


def _validate_amount(user: User, value: object) -> Decimal:
    return money.parse_amount(value, user.currency)


def _validate_date(user: User, value: object) -> str:
    today = user.today()
    day = today if value is None else dates.parse_day(value)
    if day < dates.years_later(today, -YEARS_BACK):
        template = ngettext(
            "The date can be at most {years} year ago.",
            "The date can be at most {years} years ago.",
            YEARS_BACK,
        )
        raise InvalidError(template.format(years=YEARS_BACK), "date")
    if day > dates.years_later(today, YEARS_AHEAD):
        template = ngettext(
            "The date can be at most {years} year ahead.",
            "The date can be at most {years} years ahead.",
            YEARS_AHEAD,
        )
        raise InvalidError(template.format(years=YEARS_AHEAD), "date")
    return day.isoformat()


def _display_date(value: str, _currency: str) -> str:
    return i18n.day(datetime.date.fromisoformat(value))


def _validate_status(_user: User, value: object) -> str:
    return validate_choice(value, STATUSES, "status")


def _display_status(value: str, _currency: str) -> str:
    return _(STATUS_WORDS[value])


def _validate_kind(_user: User, value: object) -> str:
    return validate_choice(value, KINDS, "kind")


def _display_kind(value: str, _currency: str) -> str:
    return _(KIND_WORDS[value])


def _validate_refund_of(_user: User, value: object) -> str | None:
    """Validate the id of an expense; None or an empty text is none."""
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise InvalidError(_("Expense not found."), "refund_of")
    return value


AMOUNT = Field(
    "amount",
    gettext_noop("Amount"),
    _validate_amount,
    display=money.display,
    read=lambda expense: abs(expense.amount),
)
CATEGORY = _text_field(
    "category", gettext_noop("Category"), min_length=1, max_length=50
)
DESCRIPTION = _text_field(
    "description", gettext_noop("Description"), max_length=500, default="", lines=True
)
MERCHANT = _text_field("merchant", gettext_noop("Merchant"), max_length=80, default="")
NOTES = _text_field(
    "notes", gettext_noop("Notes"), max_length=2000, default="", lines=True
)
DATE = Field("date", gettext_noop("Date"), _validate_date, display=_display_date)
STATUS = Field(
    "status",
    gettext_noop("Status"),
    _validate_status,
    default="pending",
    display=_display_status,
)
KIND = Field(
    "kind", gettext_noop("Type"), _validate_kind, "expense", display=_display_kind
)
REFUND_OF = Field("refund_of", gettext_noop("Refund of"), _validate_refund_of)

PARTS = Field(
    "parts", gettext_noop("Parts"), parts.validate, default=(), display=parts.display
)

FIELDS = {
    field.name: field
    for field in (
        AMOUNT,
        CATEGORY,
        DESCRIPTION,
        DATE,
        STATUS,
        KIND,
        REFUND_OF,
        MERCHANT,
        NOTES,
        PARTS,
    )
}


def values_of(expense: Expense) -> dict[str, Value]:
    """Return the value of each field of an expense."""
    return {name: field.value_of(expense) for name, field in FIELDS.items()}


def represent(value: Value, currency: str) -> Any:
    """Return a value as the API and exports represent it."""
    if isinstance(value, Decimal):
        return money.format_amount(value, currency)
    if isinstance(value, tuple):
        return [represent_part(part, currency) for part in value]
    return value


def represent_part(part: Part, currency: str) -> dict[str, str]:
    """Return a part as the API and exports represent it."""
    amount = money.format_amount(part.amount, currency)
    return {"category": part.category, "amount": amount, "note": part.note}


def represent_all(expense: Expense, currency: str) -> dict[str, Any]:
    """Return the value of each field as the API and exports represent it."""
    values = {
        name: represent(value, currency) for name, value in values_of(expense).items()
    }
    return values | {"category": expense.category or None}
