"""The history of an expense: its last changes, in an item beside it.

The item is a ring: the change that ends version n of the expense stands in slot n mod
KEPT. A change is so written without reading the ones before, in the transaction that
makes it, which is conditional on that version: no two changes share a slot unmeant, and
none is lost. It holds what was; what it became is what stood before the next change.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pynamodb.expressions.operand import Path

from expenses.fields import FIELDS, Value, values_of
from expenses.models import Expense, History
from expenses.queries import get_expense
from smartbudget.core.dynamodb import Transaction
from smartbudget.core.i18n import gettext_noop
from smartbudget.core.user import User

KEPT = 50  # changes

RawItem = dict[str, Any]  # as DynamoDB writes it

LABELS = {name: field.label for name, field in FIELDS.items()} | {
    "receipt": gettext_noop("Receipt")
}


@dataclass(frozen=True)
class Edit:
    """One attribute's change; None: there was, or is, no such thing."""

    field: str  # one of LABELS; receipt: the name of its file
    before: Value | None
    after: Value | None


@dataclass(frozen=True)
class Change:
    """What one write made of an expense; the first one, `created`, has no edits."""

    at: str  # ISO 8601, UTC
    edits: tuple[Edit, ...] = ()
    created: bool = False


def list_changes(user: User, expense_id: str) -> list[Change]:
    """Return an expense's changes, newest first: the last KEPT, then its creation.

    Raises NotFoundError, also for another user's expense.
    """
    return changes_of(get_expense(user, expense_id))


def changes_of(expense: Expense) -> list[Change]:
    """Read the changes of an expense that was just read; see `list_changes`.

    Costs a call only where there are any.
    """
    item = {}
    if has_changed(expense):
        table = History.table_connection()
        answer = table.get_item(_item(expense).expense_id, consistent_read=True)
        item = answer.get("Item", {})
    return _changes(expense, item)


def changes_of_many(
    expenses: Sequence[Expense],
) -> Iterator[tuple[Expense, list[Change]]]:
    """Read the changes of up to 100 expenses that have any, with one call."""
    changed = {
        History.id_of(each.expense_id): each for each in expenses if has_changed(each)
    }
    keys: list[Any] = [{"expense_id": each} for each in changed]
    while keys:  # a call reads 16 megabytes at most, and names what it left out
        answer = History.table_connection().batch_get_item(keys, consistent_read=True)
        table = History.Meta.table_name
        keys = answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
        for item in answer["Responses"].get(table, []):
            expense = changed[item["expense_id"]["S"]]
            yield expense, _changes(expense, item)


def _changes(expense: Expense, item: RawItem) -> list[Change]:
    state = _state_of(expense)
    changes = []
    for entry in _entries(expense, item):
        was = entry["was"]
        edits = [_edit(field, was[field], state[field]) for field in was]
        changes.append(Change(entry["at"], tuple(edits)))
        state.update(was)
    return [*changes, Change(expense.created_at, created=True)]


def display(name: str, value: Value | None, currency: str) -> str:
    """Format a field's value for users; empty if there was none."""
    if not value or name not in FIELDS:
        return str(value or "")
    return FIELDS[name].display(value, currency)


def note(before: Expense, after: Expense, transaction: Transaction) -> None:
    """Add a change to the transaction that makes it; nothing is read."""
    old, new = _state_of(before), _state_of(after)
    was = {field: old[field] for field in old if old[field] != new[field]}
    if before.receipt_url != after.receipt_url:
        was["receipt"] = old["receipt"]  # two files may have one name
    entry = {"version": _version(before), "at": after.updated_at, "was": was}
    slot = Path(_slot(_version(before)))
    transaction.update(_item(before), [slot.set(json.dumps(entry, ensure_ascii=False))])


def forget(expense: Expense, transaction: Transaction) -> None:
    """Add the end of an expense's history to the transaction that deletes it."""
    if has_changed(expense):
        transaction.delete(_item(expense))


def has_changed(expense: Expense) -> bool:
    """Check whether there were changes, without reading them."""
    return _version(expense) > 1


def _entries(expense: Expense, item: RawItem) -> list[Mapping[str, Any]]:
    """Return an item's entries, newest first; only those that led to this expense."""
    slots = {_slot(number) for number in range(KEPT)}
    entries = [json.loads(value["S"]) for name, value in item.items() if name in slots]
    entries = [each for each in entries if each["version"] < _version(expense)]
    return sorted(entries, key=lambda each: each["version"], reverse=True)


def _state_of(expense: Expense) -> dict[str, str | None]:
    state: dict[str, str | None] = {
        name: _text(value) for name, value in values_of(expense).items()
    }
    return state | {"receipt": expense.receipt_name}


def _text(value: Value) -> str:
    """Return a value as changes hold it: 5 and 5.00 are one amount."""
    return format(value.normalize(), "f") if isinstance(value, Decimal) else value


def _item(expense: Expense) -> History:
    return History(expense_id=History.id_of(expense.expense_id))


def _version(expense: Expense) -> int:
    return int(expense.version)


def _slot(version: int) -> str:
    return f"change_{version % KEPT:02d}"


def _edit(field: str, before: str | None, after: str | None) -> Edit:
    if field == "amount":
        return Edit(field, Decimal(before or 0), Decimal(after or 0))
    return Edit(field, before, after)
