"""The merchant API."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from expenses.merchants import queries, services
from expenses.merchants.serializers import (
    MerchantFilter,
    MerchantOutput,
    MerchantPage,
    MergeMerchantsInput,
    RenameMerchantInput,
)
from expenses.renaming.serializers import RenamedOutput
from smartbudget.core.pagination import Page
from smartbudget.web import pagination
from smartbudget.web.api import ApiView
from smartbudget.web.base_serializers import represent_all
from smartbudget.web.parsers import JSONParser


class MerchantListView(ApiView):
    query = MerchantFilter

    @extend_schema(operation_id="list_merchants", responses=MerchantPage)
    def get(self, request: Request) -> Response:
        """List the caller's merchants and their use, by name, on one page.

        One request reads about 60,000 expenses, newest first, and lists at most the
        1,000 most recently used merchants. For autocompletion, send a recent `start`.
        """
        listing = queries.list_merchants(request.user, **self.query_params)
        context = {"currency": request.user.currency}
        results = represent_all(MerchantOutput, listing.uses, context)
        page = pagination.body(request, request.user, Page(listing.uses), results)
        return Response({**page, "complete": listing.complete})


class RenameMerchantView(ApiView):
    parser_classes = (JSONParser,)

    @extend_schema(
        operation_id="rename_merchant",
        request=RenameMerchantInput,
        responses=RenamedOutput,
    )
    def post(self, request: Request) -> Response:
        """Rename a merchant in all its expenses.

        One request changes up to 1,000 expenses and returns whether some are left. Safe
        to repeat. If the name exists, the merchants are merged.
        """
        data = self.parse(RenameMerchantInput)
        renamed = services.rename_merchants(request.user, [data["from"]], data["to"])
        return self.represent(RenamedOutput, renamed)


class MergeMerchantsView(ApiView):
    parser_classes = (JSONParser,)

    @extend_schema(
        operation_id="merge_merchants",
        request=MergeMerchantsInput,
        responses=RenamedOutput,
    )
    def post(self, request: Request) -> Response:
        """Merge merchants in all their expenses.

        One request changes up to 1,000 expenses and returns whether some are left. Safe
        to repeat.
        """
        data = self.parse(MergeMerchantsInput)
        renamed = services.rename_merchants(request.user, data["from"], data["into"])
        return self.represent(RenamedOutput, renamed)
