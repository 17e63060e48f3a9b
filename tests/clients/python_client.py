"""Create, read, edit and delete with the client from openapi-python-client.

API, TOKEN: where the server is, and an API token with every scope.
"""

import os

from planner import AuthenticatedClient
from planner.api.budgets import create_budget, delete_budget, get_budget
from planner.api.expenses import delete_expense, edit_expense, record_expense
from planner.api.reports import delete_report, generate_report
from planner.models import (
    BudgetInputRequest,
    BudgetOutput,
    ExpenseInputRequest,
    ExpenseOutput,
    MadeOutput,
    PatchedExpenseInputRequest,
    QuestionInputRequest,
    ReportType,
)


def main() -> None:
    with AuthenticatedClient(
        base_url=os.environ["API"], token=os.environ["TOKEN"]
    ) as client:
        budget = create_budget.sync(
            client=client, body=BudgetInputRequest(category="Fun", amount="100.00")
        )
        assert isinstance(budget, BudgetOutput), budget
        lunch = record_expense.sync(
            client=client, body=ExpenseInputRequest(category="Fun", amount="12.50")
        )
        assert isinstance(lunch, ExpenseOutput), lunch
        edited = edit_expense.sync(
            lunch.expense_id,
            client=client,
            body=PatchedExpenseInputRequest(amount="101", description=""),
        )
        assert isinstance(edited, ExpenseOutput), edited
        stored = get_budget.sync(budget.budget_id, client=client)
        assert isinstance(stored, BudgetOutput), stored
        assert (stored.spent, stored.remaining) == ("101.00", "-1.00")

        report = generate_report.sync(
            client=client, body=QuestionInputRequest(report_type=ReportType.MONTHLY)
        )
        assert isinstance(report, MadeOutput), report
        for deleted in (
            delete_report.sync_detailed(report.file_name, client=client),
            delete_expense.sync_detailed(lunch.expense_id, client=client),
            delete_budget.sync_detailed(budget.budget_id, client=client),
        ):
            assert deleted.status_code == 204, deleted


main()
