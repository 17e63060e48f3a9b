"""Copy lost expenses of a user from a backup; called by `profiles.recovery`."""

from pynamodb.expressions.operand import Path

from budgets import updates
from budgets.updates import Outcome
from expenses import missing_bookings, month_totals, side_effects, trash
from expenses.models import Expense, History, Upload
from smartbudget.core.dynamodb import Action, Transaction, retry_on_conflict
from smartbudget.core.pagination import Item
from smartbudget.core.user import User


def copy_expense(
    user: User, item: Item, history: Item | None, upload: Item | None
) -> bool:
    """Store an expense of a backup as it was, and return whether it was missing.

    item, history, upload: from the backup, in DynamoDB's JSON. upload: that of its
    receipt, if it was uploaded directly.

    Its budgets count it, with alerts as for a new expense. Safe to repeat: an
    existing expense is not changed.
    """

    def attempt() -> Outcome | None:
        expense = Expense.from_raw_data(item)
        if Expense.find(expense.expense_id):
            return None
        transaction = Transaction()
        outcome = side_effects.update_budgets(user, None, expense, transaction)
        trash.put_restored(expense, transaction)
        missing_bookings.add_restoration(expense, transaction)
        month_totals.invalidate(user, [(None, expense)], transaction)
        if history:
            key = History(History.id_of(expense.expense_id))
            transaction.update(key, _changes_of(history))
        if upload:
            transaction.put(Upload.from_raw_data(upload))
        transaction.commit()
        return outcome

    outcome = retry_on_conflict(attempt)
    if outcome:
        updates.enqueue_follow_ups(user, outcome)
    return outcome is not None


def _changes_of(history: Item) -> list[Action]:
    """Return the update that stores a history's changes and ends its expiry."""
    slots = [
        Path(name).set(value["S"])
        for name, value in history.items()
        if name != "expense_id" and "S" in value
    ]
    return [*slots, History.expires_at.remove()]
