"""Deleting all expenses of somebody who goes, with histories, receipts and uploads."""

from collections.abc import Iterator
from itertools import islice

from expenses.models import Expense, History, Upload
from smartbudget.core import files
from smartbudget.core.erasure import BATCH, erase_indexed, erase_items, erase_objects


def erase(user_id: str) -> Iterator[int]:
    """Delete a batch at a time and yield how many each held. Safe to repeat."""
    yield from _erase_expenses(user_id)
    yield from erase_indexed(Expense.by_user, Upload.index_key_of(user_id))
    yield from erase_objects(f"{files.RECEIPTS}/{user_id}/")


def _erase_expenses(user_id: str) -> Iterator[int]:
    """Delete the histories first: only their expenses tell which there are."""
    found = Expense.by_user.query(user_id, attributes_to_get=["expense_id"])
    left = (expense.expense_id for expense in found)
    while ids := list(islice(left, BATCH)):
        for _ in erase_items(History, [History.id_of(each) for each in ids]):
            pass
        yield from erase_items(Expense, ids)
