"""Deleting all expenses of somebody who goes, with their receipts and uploads."""

from collections.abc import Iterator

from expenses.models import Expense, Upload
from smartbudget.core import files
from smartbudget.core.erasure import erase_indexed, erase_objects


def erase(user_id: str) -> Iterator[int]:
    """Delete a batch at a time and yield how many each held. Safe to repeat."""
    yield from erase_indexed(Expense.by_user, user_id)
    yield from erase_indexed(Expense.by_user, Upload.index_key_of(user_id))
    yield from erase_objects(f"{files.RECEIPTS}/{user_id}/")
