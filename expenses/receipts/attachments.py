"""Attach a receipt to an expense: steps around the transaction that stores both."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from expenses.models import Expense, Upload
from expenses.receipts import direct_uploads
from expenses.receipts import services as receipts
from expenses.receipts.services import (
    ConfirmedUpload,
    StoredReceipt,
)
from smartbudget.core.dynamodb import (
    Transaction,
    WriteConflictError,
)
from smartbudget.core.errors import ConflictError, DomainError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.user import User

if TYPE_CHECKING:  # it needs Pillow, which the Lambdas do without
    from expenses.receipts.validation import Receipt


def store(
    user: User,
    expense_id: str,
    receipt: "Receipt | ConfirmedUpload | None",
    replaced: str | None = None,
) -> StoredReceipt | None:
    """Store a receipt for an expense to refer to, or return None if there is none.

    receipt: a checked file or a confirmed direct upload. replaced: the key that the
    expense refers to now.
    """
    if receipt is None:
        return None
    if isinstance(receipt, ConfirmedUpload):
        kept = direct_uploads.choose_upload(user.user_id, receipt.key)
        direct_uploads.make_permanent(expense_id, kept)
        return kept
    return receipts.store(user.user_id, expense_id, receipt, replaced)


def claim_upload(
    user: User, expense: Expense, kept: StoredReceipt | None, transaction: Transaction
) -> None:
    """Add to a transaction that a direct upload is this expense's, and no other's."""
    if kept and kept.upload:
        transaction.update(
            kept.upload,
            [
                Upload.attached_to.set(expense.expense_id),
                Upload.expires_at.remove(),
            ],
            (Upload.owner_id == user.user_id) & Upload.attached_to.does_not_exist(),
        )


def refuse_taken(kept: StoredReceipt | None, conflict: WriteConflictError) -> None:
    """Raise ConflictError if the upload was attached to another expense meanwhile."""
    if kept and kept.upload and any(kept.upload is each for each in conflict.refused):
        message = _("This upload is the receipt of another expense.")
        raise ConflictError(message, "receipt_url") from conflict


@contextmanager
def removed_unless_attached(kept: StoredReceipt | None) -> Iterator[None]:
    """Remove a stored file if the block is refused, so that nothing refers to it.

    After an outage the write may have succeeded; `delete_if_orphaned` checks later.
    """
    try:
        yield
    except DomainError:
        if kept and kept.mark:
            receipts.remove(kept)
        raise
