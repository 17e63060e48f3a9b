"""Divide an expense among several categories, in parts that add up to its amount.

A split expense has no category of its own, so nothing can count it beside its parts.
They are stored in its item.

Why: docs/decisions.md#a-split-expense-is-only-its-parts
"""

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING, Any, Protocol

from pynamodb.attributes import Attribute
from pynamodb.constants import STRING

from smartbudget.core import money
from smartbudget.core.errors import InvalidError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.text import casefold_key, validate_text

if TYPE_CHECKING:
    from expenses.models import Expense
    from smartbudget.core.pagination import Item
    from smartbudget.core.user import User

MIN_PARTS, MAX_PARTS = 2, 15
MAX_CATEGORY_LENGTH = 50
MAX_NOTE_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an expense. `amount` is in currency units, above zero unless signed."""

    category: str  # as typed
    amount: Decimal
    note: str = ""


class HasCategory(Protocol):
    """Anything with a category."""

    @property
    def category(self) -> str:
        """The category, as typed."""


class PartsAttribute(Attribute[tuple[Part, ...]]):
    """The parts of a split expense as JSON; not stored if there are none."""

    attr_type = STRING

    def __init__(self) -> None:
        super().__init__(null=True, default=())

    def serialize(self, value: tuple[Part, ...]) -> str | None:
        return dump(value)

    def deserialize(self, value: str) -> tuple[Part, ...]:
        return load(value)


def dump(parts: Sequence[Part]) -> str | None:
    """Return parts as JSON, or None without any."""
    if not parts:
        return None
    rows = [
        [part.category, format(part.amount.normalize(), "f"), part.note]
        for part in parts
    ]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))


@functools.lru_cache(maxsize=1024)
def load(text: str) -> tuple[Part, ...]:
    """Return the parts in JSON of `dump`."""
    rows = json.loads(text)
    return tuple(
        Part(category, Decimal(amount), note) for category, amount, note in rows
    )


def are_valid(parts: Sequence[Part], category: str, amount: Decimal) -> bool:
    """Check whether parts belong to an expense with this category and amount.

    They do not if a release that knows no parts has edited the expense since.
    """
    return not category and sum(part.amount for part in parts) == abs(amount)


def shares_of(item: "Item") -> Sequence[Part]:
    """Return what an expense, in DynamoDB's JSON, adds to each category.

    Its parts, or else one for the whole expense; with the sign of the amount.
    """
    category, amount = item["category"]["S"], Decimal(item["amount"]["N"])
    if "parts" in item:
        parts = load(item["parts"]["S"])
        if are_valid(parts, category, amount):
            return signed(parts, amount)
    return (Part(category, amount),)


def signed(parts: Sequence[Part], amount: Decimal) -> Sequence[Part]:
    """Return parts with the sign of an amount."""
    if amount > 0:
        return parts
    return [replace(part, amount=-part.amount) for part in parts]


def amount_in(shares: Sequence[Part], category_key: str) -> Decimal:
    """Return the total of shares in a category, or in all if the key is empty."""
    return sum(
        (
            share.amount
            for share in shares
            if not category_key or casefold_key(share.category) == category_key
        ),
        Decimal(0),
    )


def validate(user: "User", value: object) -> tuple[Part, ...]:
    """Validate parts: none, or MIN_PARTS to MAX_PARTS mappings.

    Each has `category`, `amount` (currency units, above zero) and optionally `note`.
    Raises InvalidError.
    """
    if value is None or value == "":
        return ()
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise InvalidError(_("Send a list of parts."), "parts")
    parts = tuple(_validate_part(user, part) for part in value)
    if parts and not MIN_PARTS <= len(parts) <= MAX_PARTS:
        message = _("Split an expense into {least} to {most} parts.")
        raise InvalidError(message.format(least=MIN_PARTS, most=MAX_PARTS), "parts")
    return parts


def _validate_part(user: "User", part: object) -> Part:
    if isinstance(part, Part):
        part = {"category": part.category, "amount": part.amount, "note": part.note}
    if not isinstance(part, Mapping):
        raise InvalidError(_("Each part needs a category and an amount."), "parts")
    try:
        category = validate_text(
            part.get("category"), "parts", min_length=1, max_length=MAX_CATEGORY_LENGTH
        )
        amount = money.parse_amount(part.get("amount"), user.currency, "parts")
        note = validate_text(
            part.get("note") or "", "parts", max_length=MAX_NOTE_LENGTH
        )
    except InvalidError as error:
        message = _("Part “{name}”: {problem}")
        name = str(part.get("category") or "")[:MAX_CATEGORY_LENGTH]
        raise InvalidError(message.format(name=name, problem=error), "parts") from error
    return Part(category, amount, note)


def combined(
    attributes: Mapping[str, Any], currency: str, stored: "Expense | None" = None
) -> dict[str, Any]:
    """Return attributes of an expense whose parts and category fit together.

    attributes: those of a new expense, or those that change of `stored`.

    Raises InvalidError if the parts do not add up to the amount, or if the expense
    would have parts and a category, or neither.
    """
    parts = attributes.get("parts", stored.parts if stored else ())
    if not parts:
        is_joined = stored is not None and stored.parts and "category" not in attributes
        if is_joined or (stored is None and not attributes.get("category")):
            raise InvalidError(_("Enter a category."), "category")
        return {**attributes}
    if attributes.get("category"):
        message = _("A split expense has no category of its own: set one in each part.")
        raise InvalidError(message, "category")
    amount = abs(attributes.get("amount", stored and stored.amount))
    if problem := difference_in_words(parts, amount, currency):
        raise InvalidError(problem, "parts")
    if "parts" not in attributes:
        return {**attributes}
    return {**attributes, "category": "", "category_key": ""}


def difference_in_words(
    parts: Sequence[Part], amount: Decimal, currency: str
) -> str | None:
    """Return by how much parts do not add up to an amount, or None if they do."""
    missing = amount - sum((part.amount for part in parts), Decimal(0))
    if not missing:
        return None
    template = _("The parts are {difference} more than the amount.")
    if missing > 0:
        template = _("The parts are {difference} less than the amount.")
    return template.format(difference=money.display(abs(missing), currency))


def rescaled(parts: Sequence[Part], amount: Decimal, currency: str) -> tuple[Part, ...]:
    """Return parts in the same proportions that add up to another amount.

    What rounding down leaves goes to those with the largest remainders. Raises
    InvalidError if a part would be zero.
    """
    unit = Decimal(1).scaleb(-money.CURRENCIES[currency])
    before = sum((part.amount for part in parts), Decimal(0))
    exact = [part.amount * amount / before for part in parts]
    amounts = [share.quantize(unit, ROUND_DOWN) for share in exact]
    left = int((amount - sum(amounts)) / unit)
    by_remainder = sorted(
        range(len(parts)), key=lambda index: amounts[index] - exact[index]
    )
    for index in by_remainder[:left]:
        amounts[index] += unit
    if not all(amounts):
        message = _("The amount is too small for that many parts.")
        raise InvalidError(message, "amount")
    return tuple(
        replace(part, amount=new) for part, new in zip(parts, amounts, strict=True)
    )


def display(
    parts: Sequence[Part],
    currency: str,
    write: Callable[[Decimal, str], str] = money.display,
) -> str:
    """Format parts: `Groceries $60.00, Household $40.00 (Light bulbs)`."""
    rows = []
    for part in parts:
        note = f" ({part.note})" if part.note else ""
        rows.append(f"{part.category} {write(part.amount, currency)}{note}")
    return ", ".join(rows)


def categories_in_words(parts: "Sequence[HasCategory]") -> str:
    """Return the categories of parts, each once."""
    names: dict[str, str] = {}
    for part in parts:
        names.setdefault(casefold_key(part.category), part.category)
    return ", ".join(names.values())
