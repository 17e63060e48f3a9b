"""Attach receipts to expenses: steps before and after the expense's transaction."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from expenses.models import Expense, Upload
from expenses.receipts import direct_uploads
from expenses.receipts import services as receipts
from expenses.receipts.services import ConfirmedUpload, StoredReceipt
from smartbudget.core.dynamodb import Transaction, WriteConflictError
from smartbudget.core.errors import ConflictError, DomainError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.user import User

if TYPE_CHECKING:  # needs Pillow, which the Lambdas do not have
    from expenses.receipts.validation import Receipt


def store(
    user: User,
    expense_id: str,
    receipt: "Receipt | ConfirmedUpload | None",
    replaced: str | None = None,
) -> StoredReceipt | None:
    """Store a receipt that an expense will refer to, or return None without one.

    receipt: a checked file or a confirmed direct upload. replaced: the key that the
    expense refers to now.
    """
    if receipt is None:
        return None
    if isinstance(receipt, ConfirmedUpload):
        stored_receipt = direct_uploads.choose_upload(user.user_id, receipt.key)
        direct_uploads.make_permanent(expense_id, stored_receipt)
        return stored_receipt
    return receipts.store(user.user_id, expense_id, receipt, replaced)


def claim_upload(
    user: User,
    expense: Expense,
    receipt: StoredReceipt | None,
    transaction: Transaction,
) -> None:
    """Add to a transaction that a direct upload belongs to this expense alone."""
    if receipt and receipt.upload:
        transaction.update(
            receipt.upload,
            [
                Upload.attached_to.set(expense.expense_id),
                Upload.expires_at.remove(),
            ],
            (Upload.owner_id == user.user_id) & Upload.attached_to.does_not_exist(),
        )


def raise_if_taken(receipt: StoredReceipt | None, conflict: WriteConflictError) -> None:
    """Raise ConflictError if the upload was attached to another expense meanwhile."""
    upload = receipt and receipt.upload
    if upload and any(item is upload for item in conflict.refused):
        message = _("This upload is already the receipt of another expense.")
        raise ConflictError(message, "receipt_url") from conflict


@contextmanager
def removed_unless_attached(receipt: StoredReceipt | None) -> Iterator[None]:
    """Remove a stored file if the block raises a DomainError: no expense refers to it.

    After an outage the write may have succeeded; `delete_if_orphaned` checks later.
    """
    try:
        yield
    except DomainError:
        if receipt and receipt.object_id:
            receipts.remove(receipt)
        raise
