"""The budget API."""

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from budgets import history, queries, services
from budgets.models import Budget
from budgets.serializers import (
    BudgetInput,
    BudgetOutput,
    BudgetPage,
    BudgetPeriodOutput,
    BudgetPeriodPage,
    BudgetPreview,
    EditedBudgetOutput,
    PeriodOutput,
)
from smartbudget.web import pagination
from smartbudget.web.api import ApiView, DryRun, Preview, url_of
from smartbudget.web.base_serializers import ListQuery, represent_all
from smartbudget.web.etags import if_match


class BudgetListView(ApiView):
    creates_items = True
    shows_item = frozenset({"POST"})  # the response includes what was spent

    @extend_schema(operation_id="list_budgets", responses=BudgetPage)
    def get(self, request: Request) -> Response:
        """List the caller's budgets, by categories and period, on one page."""
        page = services.list_budgets(request.user)
        results = representations(request, page.items)
        return Response(pagination.body(request, request.user, page, results))

    @extend_schema(
        operation_id="create_budget",
        parameters=[DryRun],
        request=BudgetInput,
        responses={200: BudgetPreview, 201: BudgetOutput, 409: None},
    )
    def post(self, request: Request) -> Response:
        """Create a budget. The same categories can have one per period."""
        options = self.parse_query(DryRun)
        data = self.parse(BudgetInput)
        if options["dry_run"]:
            return preview(request, **data)
        budget = services.create_budget(
            request.user, **data, idempotency_key=self.idempotency_key
        )
        return Response(
            representation(request, budget),
            status=201,
            headers={"Location": url_of(request, "budget", budget.budget_id)},
        )


class BudgetView(ApiView):
    takes_if_match = True
    methods_without_body = ("DELETE",)

    @extend_schema(operation_id="get_budget", responses=BudgetOutput)
    def get(self, request: Request, budget_id: str) -> Response:
        """Show one of the caller's budgets."""
        budget = services.get_budget(request.user, budget_id)
        return Response(representation(request, budget))

    @extend_schema(
        operation_id="edit_budget",
        parameters=[DryRun],
        request=BudgetInput,
        responses={200: EditedBudgetOutput, 409: None},
    )
    def patch(self, request: Request, budget_id: str) -> Response:
        """Update a budget. Other categories or another period change its id."""
        options = self.parse_query(DryRun)
        data = self.parse(BudgetInput, partial=True)
        data["precondition"] = if_match(request, representation)
        if options["dry_run"]:
            return preview(request, budget_id=budget_id, **data)
        budget = services.edit_budget(request.user, budget_id, **data)
        return Response(representation(request, budget))

    @extend_schema(operation_id="delete_budget", responses={204: None})
    def delete(self, request: Request, budget_id: str) -> Response:
        """Delete a budget. Its expenses stay."""
        services.delete_budget(
            request.user, budget_id, precondition=if_match(request, representation)
        )
        return Response(status=204)


class BudgetPeriodsView(ApiView):
    query = ListQuery

    @extend_schema(operation_id="list_budget_periods", responses=BudgetPeriodPage)
    def get(self, request: Request, budget_id: str) -> Response:
        """List the finished periods of a budget, newest first.

        They stay as they were when the budget changes. Those that ended before results
        were stored are not listed.
        """
        user = request.user
        position = pagination.position(request, user)
        budget = services.get_budget(user, budget_id)
        periods = history.finished_periods(user, [budget])[budget_id]
        page = history.page_of(periods, **position)
        context = {"currency": user.currency}
        results = represent_all(BudgetPeriodOutput, page.items, context)
        return Response(pagination.body(request, user, page, results))


def preview(request: Request, **values: Any) -> Response:
    """Return what a new or changed budget would be, with its next periods."""
    previewed = services.preview_budget(request.user, **values)
    periods = represent_all(PeriodOutput, previewed.periods)
    return Preview(representation(request, previewed.budget) | {"periods": periods})


def representation(request: Request, budget: Budget) -> dict[str, Any]:
    (data,) = representations(request, [budget])
    return data


def representations(
    request: Request, budgets: Sequence[Budget]
) -> list[dict[str, Any]]:
    lines = queries.current_lines(request.user, budgets)
    context = {"currency": request.user.currency}
    return represent_all(BudgetOutput, lines, context)
