"""The category API."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from expenses.categories import queries, services
from expenses.categories.serializers import (
    CategoryFilter,
    CategoryPage,
    MergeInput,
    RenameInput,
    UseOutput,
)
from expenses.renaming.serializers import RenamedOutput
from smartbudget.core.pagination import Page
from smartbudget.web import pagination
from smartbudget.web.api import ApiView
from smartbudget.web.base_serializers import represent_all
from smartbudget.web.parsers import JSONParser


class CategoryListView(ApiView):
    query = CategoryFilter

    @extend_schema(
        operation_id="list_categories",
        responses=CategoryPage,
    )
    def get(self, request: Request) -> Response:
        """List the caller's categories and their use, by name, on one page.

        One request reads about 60,000 expenses, newest first. Totals of past months are
        stored, so the next request continues from there. At most the 1,000 most
        recently used categories are listed. For autocompletion, send a recent `start`.
        """
        listing = queries.list_categories(request.user, **self.query_params)
        context = {"currency": request.user.currency}
        results = represent_all(UseOutput, listing.uses, context)
        page = pagination.body(request, request.user, Page(listing.uses), results)
        return Response({**page, "complete": listing.complete})


class RenameView(ApiView):
    parser_classes = (JSONParser,)

    @extend_schema(
        operation_id="rename_category",
        request=RenameInput,
        responses={200: RenamedOutput, 409: None},
    )
    def post(self, request: Request) -> Response:
        """Rename a category in all its expenses and budgets.

        One request changes up to 1,000 expenses and returns whether some are left. Safe
        to repeat. If the name exists, the categories are merged.
        """
        data = self.parse(RenameInput)
        renamed = services.rename_categories(
            request.user,
            [data["from"]],
            data["to"],
            strategy=data.get("budgets"),
        )
        return self.represent(RenamedOutput, renamed)


class MergeView(ApiView):
    parser_classes = (JSONParser,)

    @extend_schema(
        operation_id="merge_categories",
        request=MergeInput,
        responses={200: RenamedOutput, 409: None},
    )
    def post(self, request: Request) -> Response:
        """Merge categories in all their expenses and budgets.

        One request changes up to 1,000 expenses and returns whether some are left. Safe
        to repeat. Resulting alerts are sent in one e-mail.
        """
        data = self.parse(MergeInput)
        renamed = services.rename_categories(
            request.user, data["from"], data["into"], strategy=data.get("budgets")
        )
        return self.represent(RenamedOutput, renamed)
