"""The expense API."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from django.http import QueryDict
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from expenses import (
    bulk_create,
    bulk_update,
    history,
    purge,
    queries,
    refunds,
    services,
    trash,
    undo,
)
from expenses.models import Expense
from expenses.serializers import (
    BulkInput,
    BulkOutput,
    DoneOutput,
    EditExpenseInput,
    EmptiedOutput,
    ExpenseFilter,
    ExpenseInput,
    ExpenseOutput,
    ExpensePage,
    ExpenseWithReceiptInput,
    HistoryOutput,
    ListedExpenseOutput,
    NewExpenseInput,
    RefundsOutput,
    SelectedInput,
    TotalsOutput,
    TrashedOutput,
    TrashPage,
    UndoneOutput,
    ValuesInput,
)
from smartbudget.core.concurrency import RECEIPTS
from smartbudget.core.text import casefold_key
from smartbudget.web import pagination
from smartbudget.web.api import ApiView, url_of
from smartbudget.web.base_serializers import ListQuery, represent, represent_all
from smartbudget.web.etags import if_match
from smartbudget.web.parsers import JSONParser


class ExpenseListView(ApiView):
    query = ExpenseFilter
    creates_items = True
    shows_item = frozenset({"POST"})
    # Not 201: a new expense has only what was sent.
    hidden_statuses = frozenset({200})
    parser_classes = (JSONParser, MultiPartParser)

    @extend_schema(
        operation_id="list_expenses",
        responses=ExpensePage,
    )
    def get(self, request: Request) -> Response:
        """List the caller's expenses, sorted by date or amount.

        If filters exclude many expenses, a page may be short and still have a `next`.
        Sorting by amount requires `start` and `end`, and always returns `totals`. If
        they are not `complete`, only the newest expenses were read and sorted.
        """
        position = pagination.position(request, request.user)
        page = queries.list_expenses(request.user, **self.query_params, **position)
        context = {
            "currency": request.user.currency,
            "category_key": casefold_key(self.query_params.get("category", "")),
        }
        results = represent_all(ListedExpenseOutput, page.items, context)
        body = pagination.body(request, request.user, page, results)
        if page.totals:
            body["totals"] = represent(TotalsOutput, page.totals, context)
        return Response(body)

    @extend_schema(
        operation_id="record_expense",
        request=ExpenseInput,
        responses={
            200: OpenApiResponse(ExpenseOutput, "Added before."),
            201: ExpenseOutput,
            404: None,
            409: None,
        },
    )
    def post(self, request: Request) -> Response:
        """Add an expense.

        Also accepts a multipart form, with or without a `file`; see
        `record_expense_with_receipt`. With `source` and `external_id`, the expense is
        added only once. If it was added before, the response is 200 with the stored
        expense, even if it was edited since. If the user deleted it, the response is
        409 with the code `deleted`.
        """
        is_form = isinstance(request.data, QueryDict)
        with RECEIPTS.slot(request.user.user_id) if is_form else nullcontext():
            return _record(self, request, NewExpenseInput)


class ExpenseWithReceiptView(ApiView):
    creates_items = True
    parser_classes = (MultiPartParser,)
    form_input = ExpenseWithReceiptInput

    @extend_schema(
        operation_id="record_expense_with_receipt",
        request={"multipart/form-data": ExpenseWithReceiptInput},
        responses={201: ExpenseOutput},
    )
    def post(self, request: Request) -> Response:
        """Add an expense and its receipt, or neither."""
        with RECEIPTS.slot(request.user.user_id):
            return _record(self, request, ExpenseWithReceiptInput)


class BulkView(ApiView):
    parser_classes = (JSONParser,)

    @extend_schema(
        operation_id="record_expenses",
        request=BulkInput,
        responses={201: BulkOutput, 409: None},
    )
    def post(self, request: Request) -> Response:
        """Add many expenses, or none if one is invalid. Alerts are sent in one e-mail.

        Errors name the row, counted from 0, such as `/expenses/3/amount`. The body can
        have up to 2.5 MB. After a 5xx, some rows may be stored: the same request with
        the same Idempotency-Key stores the rest.
        Rows with an `external_id` are added only once, as by `record_expense`. Each row
        is in one of `results`, `duplicates` and `deleted`.
        """
        data = self.parse(BulkInput)
        recorded = bulk_create.record_expenses(
            request.user,
            data["expenses"],
            idempotency_key=self.idempotency_key,
            is_same_request=True,
        )
        context = {"currency": request.user.currency}
        return Response(
            represent(BulkOutput, recorded, context),
            status=201,
            headers={"Location": url_of(request, "expenses")},
        )


class SelectedView(ApiView):
    parser_classes = (JSONParser,)

    @extend_schema(
        operation_id="change_selected_expenses",
        request=SelectedInput,
        responses=DoneOutput,
    )
    def post(self, request: Request) -> Response:
        """Set the category or status of up to 100 expenses, or delete them.

        Safe to repeat. Alerts are sent in one e-mail. After a 5xx, some expenses may
        be changed. `undo_change` undoes it for ten minutes.
        """
        data = self.parse(SelectedInput)
        expense_ids = data.pop("expense_ids")
        if data.pop("delete", False):
            result = bulk_update.delete_expenses(request.user, expense_ids)
        else:
            result = bulk_update.change_expenses(request.user, expense_ids, **data)
        return self.represent(DoneOutput, result)


class ExpenseView(ApiView):
    takes_if_match = True
    methods_without_body = ("DELETE",)

    @extend_schema(operation_id="get_expense", responses=ExpenseOutput)
    def get(self, request: Request, expense_id: str) -> Response:
        """Get an expense."""
        expense = queries.get_expense(request.user, expense_id)
        return Response(representation(request, expense))

    @extend_schema(
        operation_id="edit_expense",
        request=EditExpenseInput,
        responses={200: ExpenseOutput, 409: None},
    )
    def patch(self, request: Request, expense_id: str) -> Response:
        """Update an expense."""
        data = self.parse(EditExpenseInput, partial=True)
        expense = services.edit_expense(
            request.user,
            expense_id,
            **data,
            precondition=if_match(request, representation),
        )
        return Response(representation(request, expense))

    @extend_schema(operation_id="delete_expense", responses={204: None})
    def delete(self, request: Request, expense_id: str) -> Response:
        """Delete an expense. Budgets no longer count it.

        `restore_expense` restores it for 30 days.
        """
        services.delete_expense(
            request.user, expense_id, precondition=if_match(request, representation)
        )
        return Response(status=204)


class RestoreView(ApiView):
    methods_without_body = ("POST",)

    @extend_schema(
        operation_id="restore_expense", request=None, responses={204: None, 409: None}
    )
    def post(self, request: Request, expense_id: str) -> Response:
        """Restore an expense that was deleted in the last 30 days.

        Safe to repeat. Budgets count it again, and it may cause alerts.
        """
        services.restore_expense(request.user, expense_id)
        return Response(status=204)


class TrashView(ApiView):
    query = ListQuery

    @extend_schema(operation_id="list_trash", responses=TrashPage)
    def get(self, request: Request) -> Response:
        """List the expenses that were deleted in the last 30 days, by date.

        They are not included in budgets or totals. `restore_expense` restores one.
        """
        position = pagination.position(request, request.user)
        page = trash.list_trash(request.user, **position)
        context = {"currency": request.user.currency}
        results = represent_all(TrashedOutput, page.items, context)
        return Response(pagination.body(request, request.user, page, results))


class EmptyTrashView(ApiView):
    @extend_schema(operation_id="empty_trash", request=None, responses=EmptiedOutput)
    def post(self, request: Request) -> Response:
        """Delete all expenses in the trash for good, with their receipts.

        Safe to repeat. Returns whether some are left, if there are very many.
        """
        return self.represent(EmptiedOutput, purge.empty(request.user))


class UndoView(ApiView):
    @extend_schema(operation_id="undo_change", request=None, responses=UndoneOutput)
    def post(self, request: Request, undo_id: str) -> Response:
        """Undo a change or deletion of selected expenses of the last ten minutes.

        An expense that was changed since stays as it is. Safe to repeat.
        """
        return self.represent(UndoneOutput, undo.undo(request.user, undo_id))


class RefundsView(ApiView):
    @extend_schema(operation_id="list_refunds", responses=RefundsOutput)
    def get(self, request: Request, expense_id: str) -> Response:
        """List the refunds that are linked to an expense, by date."""
        results = refunds.list_refunds(request.user, expense_id)
        return Response({"results": representations(request, results)})


class HistoryView(ApiView):
    @extend_schema(operation_id="list_expense_changes", responses=HistoryOutput)
    def get(self, request: Request, expense_id: str) -> Response:
        """List an expense's last 50 changes, newest first, and its creation."""
        changes = history.list_changes(request.user, expense_id)
        context = {"currency": request.user.currency}
        return self.represent(HistoryOutput, {"results": changes}, context)


def _record(view: ApiView, request: Request, form: type[ValuesInput]) -> Response:
    expense = services.record_expense(
        request.user,
        **view.parse(form),
        idempotency_key=view.idempotency_key,
        is_same_request=True,
    )
    return Response(
        representation(request, expense),
        status=200 if expense.external_id and expense.was_stored else 201,
        headers={"Location": url_of(request, "expense", expense.expense_id)},
    )


def representation(request: Request, expense: Expense) -> dict[str, Any]:
    context = {"currency": request.user.currency}
    return represent(ExpenseOutput, expense, context)


def representations(
    request: Request, expenses: Sequence[Expense]
) -> list[dict[str, Any]]:
    context = {"currency": request.user.currency}
    return represent_all(ExpenseOutput, expenses, context)
