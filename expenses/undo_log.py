"""Record what changes of several expenses replace, so that they can be undone.

Each transaction of such a change adds its part to one item. So after a crash the item
has exactly what was changed. `undo.py` reads it.
"""

import datetime
import json
import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from expenses.models import BulkChange
from smartbudget.core import dates
from smartbudget.core.dynamodb import Action, Transaction
from smartbudget.core.user import User

if TYPE_CHECKING:
    from expenses.batch import Change

KEPT = datetime.timedelta(minutes=10)  # time to undo a change

FIELDS = ("category", "status")  # that a change of several expenses can set


@dataclass(frozen=True)
class Entry:
    """One expense's change."""

    expense_id: str
    version: int = 0  # after the change; 0 if the expense was deleted
    replaced: dict[str, str] = field(default_factory=dict)  # earlier values, by field


class UndoLog:
    """The entries of one change, as they are being written."""

    ITEMS = 1  # in each transaction

    def __init__(self, user: User) -> None:
        self.user_id = user.user_id
        self.undo_id = uuid.uuid4().hex

    def add(self, changes: "Iterable[Change]", transaction: Transaction) -> None:
        """Add the entries of changes to the transaction that makes them."""
        now = dates.now()
        entries = {
            json.dumps(asdict(_entry(change)), ensure_ascii=False) for change in changes
        }
        actions: list[Action] = [
            BulkChange.index_key.set(BulkChange.index_key_of(self.user_id)),
            BulkChange.changed_on.set(now.date().isoformat()),
            BulkChange.expires_at.set(now + KEPT),
            BulkChange.entries.add(entries),
        ]
        transaction.update(BulkChange(BulkChange.id_of(self.undo_id)), actions)


def read(user: User, undo_id: str) -> dict[str, Entry]:
    """Return the entries of a change that can be undone, by expense id.

    Empty if it is too late, or for another user's change. Reads consistently.
    """
    stored = BulkChange.find(BulkChange.id_of(undo_id))
    if (
        stored is None
        or stored.index_key != BulkChange.index_key_of(user.user_id)
        or stored.expires_at <= dates.now()
    ):
        return {}
    entries = [Entry(**json.loads(text)) for text in stored.entries]
    return {entry.expense_id: entry for entry in entries}


def _entry(change: "Change") -> Entry:
    before, after = change.before, change.after
    if before is None or after is None:
        return Entry(change.expense.expense_id)
    replaced = {
        name: getattr(before, name)
        for name in FIELDS
        if getattr(before, name) != getattr(after, name)
    }
    return Entry(before.expense_id, int(before.version) + 1, replaced)
