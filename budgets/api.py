"""The budget API."""

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from budgets import queries, services
from budgets.models import Budget
from budgets.serializers import BudgetInput, BudgetOutput, BudgetPage
from smartbudget.web import pagination
from smartbudget.web.api import ApiView, url_of
from smartbudget.web.base_serializers import represent_all
from smartbudget.web.etags import if_match


class BudgetListView(ApiView):
    creates_items = True
    shows_item = frozenset({"POST"})  # the response includes what was spent

    @extend_schema(operation_id="list_budgets", responses=BudgetPage)
    def get(self, request: Request) -> Response:
        """List the caller's budgets, by category and period, on one page."""
        page = services.list_budgets(request.user)
        results = representations(request, page.items)
        return Response(pagination.body(request, request.user, page, results))

    @extend_schema(
        operation_id="create_budget",
        request=BudgetInput,
        responses={201: BudgetOutput, 409: None},
    )
    def post(self, request: Request) -> Response:
        """Create a budget. Each category can have one per period."""
        data = self.parse(BudgetInput)
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
        request=BudgetInput,
        responses={200: BudgetOutput, 409: None},
    )
    def patch(self, request: Request, budget_id: str) -> Response:
        """Update a budget. A new category or period changes its id."""
        data = self.parse(BudgetInput, partial=True)
        budget = services.edit_budget(
            request.user,
            budget_id,
            **data,
            precondition=if_match(request, representation),
        )
        return Response(representation(request, budget))

    @extend_schema(operation_id="delete_budget", responses={204: None})
    def delete(self, request: Request, budget_id: str) -> Response:
        """Delete a budget. Its expenses stay."""
        services.delete_budget(
            request.user, budget_id, precondition=if_match(request, representation)
        )
        return Response(status=204)


def representation(request: Request, budget: Budget) -> dict[str, Any]:
    (data,) = representations(request, [budget])
    return data


def representations(
    request: Request, budgets: Sequence[Budget]
) -> list[dict[str, Any]]:
    lines = queries.current_lines(request.user, budgets)
    context = {"currency": request.user.currency}
    return represent_all(BudgetOutput, lines, context)
