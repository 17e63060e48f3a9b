"""Tasks of expenses, run from SQS."""

from expenses import purge
from expenses.receipts import services as receipts
from smartbudget.core.tasks import task


@task
def settle_receipt(*, expense_id: str, key: str, mark: str | None) -> None:
    """Remove a receipt's object unless the expense refers to it."""
    receipts.delete_if_orphaned(expense_id, key, mark)


@task
def purge_trash(*, user_id: str) -> None:
    """Delete the receipts in a user's trash that are no longer kept."""
    purge.purge(user_id)
