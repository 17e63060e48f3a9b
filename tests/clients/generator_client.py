"""Create, read, edit and delete with the client from OpenAPI Generator.

API, TOKEN: where the server is, and an API token with every scope.
"""

import contextlib
import os

import planner
from planner.exceptions import NotFoundException

configuration = planner.Configuration(
    host=os.environ["API"], access_token=os.environ["TOKEN"]
)
client = planner.ApiClient(configuration)


def main() -> None:
    budgets, expenses = planner.BudgetsApi(client), planner.ExpensesApi(client)
    budget = budgets.create_budget(
        planner.BudgetInputRequest(category="Fun", amount="100.00")
    )
    lunch = expenses.record_expense(
        planner.ExpenseInputRequest(category="fun", amount="12.50", description="")
    )
    assert budgets.get_budget(budget.budget_id).spent == "12.50"
    edited = expenses.edit_expense(
        lunch.expense_id,
        patched_expense_input_request=planner.PatchedExpenseInputRequest(amount="85"),
    )
    assert (edited.amount, edited.category) == ("85.00", "fun")
    assert budgets.list_budgets().results[0].level == "threshold"

    expenses.delete_expense(lunch.expense_id)
    with contextlib.suppress(NotFoundException):
        raise AssertionError(expenses.get_expense(lunch.expense_id))
    budgets.delete_budget(budget.budget_id)
    assert budgets.list_budgets().results == []

    reports = planner.ReportsApi(client)
    report = reports.generate_report(
        planner.QuestionInputRequest(report_type=planner.ReportType.MONTHLY)
    )
    assert reports.download_report(report.file_name).startswith(b"%PDF")
    reports.delete_report(report.file_name)
    assert planner.ExportApi(client).export_zip().startswith(b"PK")

    account = planner.AccountApi(client)
    account.end_other_sessions()
    account.revoke_token(account.get_current_token().token_id)


main()
