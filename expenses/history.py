"""The history of an expense: its last changes, stored in a second item.

The item is a ring buffer: the change that replaces version n of the expense is in slot
n mod MAX_CHANGES. So a change is written in the transaction that makes it, without
reading earlier ones. That transaction is conditional on version n, so changes cannot
overwrite each other before MAX_CHANGES more. A slot holds the old values; the new ones
are the old values of the next change, or those of the expense. If they are very long, a
slot holds them shortened: all slots together must fit in one item.
"""

import datetime
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from pynamodb.expressions.operand import Path

from expenses import parts
from expenses.fields import AMOUNT, FIELDS, KIND, PARTS, Value, represent
from expenses.models import Expense, History
from expenses.queries import get_expense
from smartbudget.core import dates, money
from smartbudget.core.dynamodb import Action, Transaction
from smartbudget.core.i18n import gettext_noop
from smartbudget.core.pagination import Item
from smartbudget.core.user import User

MAX_CHANGES = 50
# Of a slot: MAX_CHANGES of them are less than the 400 KB of an item.
MAX_BYTES = 8000
_SLOT_BYTES = len("change_00")
_OTHER_BYTES = 100  # the key and the expiry
SHORTENED = 250  # characters of a text in a slot that would be larger
# How long a deleted expense's history is stored: longer than it can be restored.
KEPT = datetime.timedelta(days=31)

# The version before reads these attributes of a change and no others.
_FIRST = {"amount", "category", "description", "date", "status", "receipt"}

LABELS = {name: field.label for name, field in FIELDS.items()} | {
    "receipt": gettext_noop("Receipt")
}


@dataclass(frozen=True)
class Edit:
    """One field's change; a value is None if there was none."""

    field: str  # one of LABELS; the value of `receipt` is its file name
    before: Value
    after: Value


@dataclass(frozen=True)
class Change:
    """The edits of one write; the first, with `created`, has none."""

    at: str  # ISO 8601, UTC
    edits: tuple[Edit, ...] = ()
    created: bool = False


def list_changes(user: User, expense_id: str) -> list[Change]:
    """Return an expense's creation and last MAX_CHANGES changes, newest first.

    Raises NotFoundError, also for another user's expense.
    """
    return changes_of(get_expense(user, expense_id))


def changes_of(expense: Expense) -> list[Change]:
    """Return the changes of an expense that was just read; see `list_changes`.

    Makes an AWS call only if there are any.
    """
    item = {}
    if has_changed(expense):
        table = History.table_connection()
        response = table.get_item(_item(expense).expense_id, consistent_read=True)
        item = response.get("Item", {})
    return _changes(expense, item)


def changes_of_many(
    expenses: Sequence[Expense],
) -> Iterator[tuple[Expense, list[Change]]]:
    """Yield each of up to 100 expenses that has changed, with its changes.

    Makes one AWS call, or more if the histories exceed 16 megabytes.
    """
    changed = {
        History.id_of(expense.expense_id): expense
        for expense in expenses
        if has_changed(expense)
    }
    keys: list[Any] = [{"expense_id": history_id} for history_id in changed]
    while keys:
        response = History.table_connection().batch_get_item(keys, consistent_read=True)
        table = History.Meta.table_name
        keys = response.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
        for item in response["Responses"].get(table, []):
            expense = changed[item["expense_id"]["S"]]
            yield expense, _changes(expense, item)


def _changes(expense: Expense, item: Item) -> list[Change]:
    state = _state_of(expense)
    changes = []
    for entry in _entries(expense, item):
        before = {**entry["was"], **entry.get("more", {})}
        edits = [
            edit for name in before for edit in _edits(name, before[name], state[name])
        ]
        changes.append(Change(entry["at"], tuple(edits)))
        state.update(before)
    return [*changes, Change(expense.created_at, created=True)]


def display(name: str, value: Value, currency: str) -> str:
    """Format a field's value for users; empty if there was none."""
    if not value or name not in FIELDS:
        return str(value or "")
    if name == PARTS.name and isinstance(value, str):
        value = parts.load(value)
    return FIELDS[name].display(value, currency)


def represent_edited(name: str, value: Value, currency: str) -> str | None:
    """Return a field's value before or after an edit as the API represents it.

    Parts are in words.
    """
    if name == PARTS.name and isinstance(value, str):
        return parts.display(parts.load(value), currency, money.format_amount)
    represented: str | None = represent(value, currency)
    return represented


def add_change(before: Expense, after: Expense, transaction: Transaction) -> None:
    """Add a change to the transaction that makes it, without reading anything."""
    old, new = _state_of(before), _state_of(after)
    changed = {name: old[name] for name in old if old[name] != new[name]}
    if before.receipt_url != after.receipt_url:
        changed["receipt"] = old["receipt"]  # two files may have the same name
    was = {name: value for name, value in changed.items() if name in _FIRST}
    entry = {"version": _version(before), "at": after.updated_at, "was": was}
    if more := {name: changed[name] for name in changed.keys() - _FIRST}:
        entry["more"] = more
    slot = Path(_slot(_version(before)))
    # A history expires if an expense with the same id was deleted before.
    actions: list[Action] = [slot.set(_write(entry)), History.expires_at.remove()]
    transaction.update(_item(before), actions)


def add_deletion(expense: Expense, transaction: Transaction) -> None:
    """Add the end of an expense's history to the transaction that deletes the expense.

    It stays long enough for the expense to be restored.
    """
    if has_changed(expense):
        expires_at = History.expires_at.set(dates.now() + KEPT)
        transaction.update(_item(expense), [expires_at])


def add_restoration(expense: Expense, transaction: Transaction) -> None:
    """Add that a history stays to the transaction that restores its expense."""
    if has_changed(expense):
        transaction.update(_item(expense), [History.expires_at.remove()])


def max_bytes(expense: Expense, more: int = 0) -> int:
    """Return the most bytes of an expense's history, after some more changes."""
    changes = min(_version(expense) - 1 + more, MAX_CHANGES)
    return changes * (MAX_BYTES + _SLOT_BYTES) + _OTHER_BYTES


def has_changed(expense: Expense) -> bool:
    """Check whether an expense has changed, without reading its history."""
    return _version(expense) > 1


def _entries(expense: Expense, item: Item) -> list[Mapping[str, Any]]:
    """Return an item's entries, newest first, without any newer than the expense."""
    slots = {_slot(number) for number in range(MAX_CHANGES)}
    entries = [json.loads(value["S"]) for name, value in item.items() if name in slots]
    entries = [entry for entry in entries if entry["version"] < _version(expense)]
    return sorted(entries, key=lambda entry: entry["version"], reverse=True)


def _write(entry: Mapping[str, Any]) -> str:
    """Return a change as JSON of at most MAX_BYTES."""
    text = json.dumps(entry, ensure_ascii=False)
    if len(text.encode()) <= MAX_BYTES:
        return text
    short = {
        group: {name: _shorten(name, value) for name, value in entry[group].items()}
        for group in ("was", "more")
        if group in entry
    }
    return json.dumps({**entry, **short}, ensure_ascii=False)


def _shorten(name: str, value: str | None) -> str | None:
    """Return the start of a long text, or parts without their notes."""
    if value and name == PARTS.name:
        return parts.dump([replace(part, note="") for part in parts.load(value)])
    if value and len(value) > SHORTENED:
        return f"{value[:SHORTENED]}…"
    return value


def _state_of(expense: Expense) -> dict[str, str | None]:
    """Return the attributes of an expense's fields, with the amount's sign."""
    state = {name: _text(getattr(expense, name)) for name in FIELDS if name != "kind"}
    return state | {"receipt": expense.receipt_name}


def _text(value: Value) -> str | None:
    """Return a value as stored in a change; 5 and 5.00 are the same amount."""
    if isinstance(value, tuple):
        return parts.dump(value)
    return format(value.normalize(), "f") if isinstance(value, Decimal) else value


def _item(expense: Expense) -> History:
    return History(expense_id=History.id_of(expense.expense_id))


def _version(expense: Expense) -> int:
    return int(expense.version)


def _slot(version: int) -> str:
    return f"change_{version % MAX_CHANGES:02d}"


def _edits(name: str, before: str | None, after: str | None) -> Iterator[Edit]:
    """Yield the edits of an attribute: of an amount and its sign, up to two."""
    if name != "amount":
        yield Edit(name, before, after)
        return
    old, new = (Expense(amount=Decimal(text or 0)) for text in (before, after))
    for field in (KIND, AMOUNT):
        values = field.value_of(old), field.value_of(new)
        if values[0] != values[1]:
            yield Edit(field.name, *values)
