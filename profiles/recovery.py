"""Copy lost budgets and expenses of a user from restored tables; `manage.py copy_user`.

Only missing ones are copied, so later changes by the user are kept. Notifications are
not copied, since they were sent, nor are closed accounts.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from accounts import services as accounts
from budgets import recovery as budgets
from budgets.models import Budget
from expenses import recovery as expenses
from expenses.models import Expense, History
from expenses.receipts.services import upload_id
from smartbudget.core import aws
from smartbudget.core.bulk_delete import indexed_ids
from smartbudget.core.pagination import Item
from smartbudget.core.user import User


@dataclass(frozen=True)
class Missing:
    """The items of a user that exist only in the backup, in DynamoDB's JSON."""

    budgets: list[Item]
    expenses: list[Item]


class Backup:
    """Tables that were restored under another prefix."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def items_of(self, user: User, table: str) -> Iterator[Item]:
        """Yield the items that a table's index of users lists."""
        pages = aws.client("dynamodb").get_paginator("query")
        for page in pages.paginate(
            TableName=f"{self.prefix}{table}",
            IndexName="user_id-index",
            KeyConditionExpression="user_id = :user",
            ExpressionAttributeValues={":user": {"S": user.user_id}},
        ):
            yield from page["Items"]

    def get(self, table: str, name: str, key: str) -> Item | None:
        """Return an item, or None. name: of the table's key."""
        response = aws.client("dynamodb").get_item(
            TableName=f"{self.prefix}{table}", Key={name: {"S": key}}
        )
        item: Item | None = response.get("Item")
        return item


def find_missing(user: User, backup: Backup) -> Missing:
    """Return what exists only in the backup.

    Indexes lag behind, so some of it may exist by now.
    """
    stored = list(Budget.by_user.query(user.user_id))
    # A budget whose terms changed may have moved to another id, with its history.
    ids = {budget.budget_id for budget in stored}
    histories = {budget.history_id for budget in stored if budget.history_id}
    expense_ids = set(indexed_ids(Expense.by_user, user.user_id))
    return Missing(
        [
            item
            for item in backup.items_of(user, "budgets")
            if item["budget_id"]["S"] not in ids
            and item.get("history_id", {}).get("S") not in histories
        ],
        [
            item
            for item in backup.items_of(user, "expenses")
            if item["expense_id"]["S"] not in expense_ids
        ],
    )


def copy(
    user: User, backup: Backup, missing: Missing, write_line: Callable[[str], None]
) -> None:
    """Store what is missing. Safe to repeat and to interrupt.

    write_line: called once per step. Raises what `budgets.recovery` does.
    """
    copied = sum(_copy_budget(user, backup, item) for item in missing.budgets)
    write_line(f"{copied} budgets copied.")
    # Expenses last, so that the budgets count them. Storing budgets may have changed
    # the account.
    user = accounts.get_account(user.user_id).user
    copied = sum(_copy_expense(user, backup, item) for item in missing.expenses)
    write_line(f"{copied} expenses copied.")


def _copy_budget(user: User, backup: Backup, item: Item) -> bool:
    keys = budgets.result_keys(item)
    results = [backup.get("budgets", "budget_id", key) for key in keys]
    return budgets.copy_budget(user, item, [result for result in results if result])


def _copy_expense(user: User, backup: Backup, item: Item) -> bool:
    ids = [History.id_of(item["expense_id"]["S"])]
    if "receipt_url" in item:
        ids.append(upload_id(item["receipt_url"]["S"]))
    history, *uploads = [backup.get("expenses", "expense_id", key) for key in ids]
    return expenses.copy_expense(user, item, history, uploads[0] if uploads else None)
