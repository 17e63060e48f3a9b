"""Copy lost budgets of a user from a backup; called by `profiles.recovery`."""

from collections.abc import Iterable

from budgets import lookup, results, updates
from budgets.models import Budget, PeriodResults
from smartbudget.core import dates
from smartbudget.core.dynamodb import Transaction, retry_on_conflict
from smartbudget.core.pagination import Item
from smartbudget.core.user import User


def result_keys(item: Item) -> list[str]:
    """Return the keys of the items that may have the results of a budget."""
    return results.keys(Budget.from_raw_data(item))


def copy_budget(user: User, item: Item, stored_results: Iterable[Item]) -> bool:
    """Store a budget of a backup with its results, and return whether it was missing.

    item, stored_results: in DynamoDB's JSON. What is spent in its period is counted
    again. Safe to repeat: an existing budget is not changed.

    Raises ConflictError if the user has too many budgets.
    """
    lookup.add_shapes(user, [Budget.from_raw_data(item)])

    def attempt() -> bool:
        budget = Budget.from_raw_data(item)
        if Budget.find(budget.budget_id):
            return False
        del budget.attribute_values["version"]  # it is a new item
        budget.spent = updates.spent_in(budget, budget.current)
        budget.updated_at = dates.timestamp()
        transaction = Transaction()
        lookup.relist(user, transaction, added=[budget])
        transaction.put(budget, Budget.budget_id.does_not_exist())
        for result in stored_results:
            transaction.put_once(
                PeriodResults.from_raw_data(result),
                PeriodResults.budget_id.does_not_exist(),
            )
        transaction.commit()
        return True

    return retry_on_conflict(attempt)
