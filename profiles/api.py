"""The API of profile, e-mail address, deletion and export."""

from typing import Any

from django.http import StreamingHttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import session_cookie
from accounts.models import Account
from profiles import address_change, deletion, export, serializers
from profiles.services import update_profile
from smartbudget.web.api import ApiView
from smartbudget.web.base_serializers import represent
from smartbudget.web.downloads import CSV, JSON, ZIP, FixedFormat, download
from smartbudget.web.etags import if_match


class ProfileView(ApiView):
    scope = "account"
    takes_if_match = True

    @extend_schema(operation_id="get_profile", responses=serializers.ProfileOutput)
    def get(self, request: Request) -> Response:
        """Show the caller's profile."""
        account = address_change.get_account(request.user)
        return Response(representation(request, account))

    @extend_schema(
        operation_id="edit_profile",
        request=serializers.ProfileInput,
        responses={200: serializers.ProfileOutput, 409: None},
    )
    def patch(self, request: Request) -> Response:
        """Change the given parts of the profile; its currency while it is unused."""
        data = self.parse(serializers.ProfileInput, partial=True)
        account = update_profile(
            request.user,
            **data,
            precondition=if_match(request, representation),
        )
        return Response(representation(request, account))


class EmailView(ApiView):
    scope = {"POST": "session", "DELETE": "account"}

    @extend_schema(
        operation_id="change_email",
        request=serializers.EmailInput,
        responses={200: serializers.ProfileOutput, 409: None},
    )
    def post(self, request: Request) -> Response:
        """Change the e-mail address; `pending_email` is set while it is unconfirmed.

        It is while mails go to the old one. The new one is sent a link; once that is
        followed it takes the old one's place.
        """
        data = self.parse(serializers.EmailInput)
        account = address_change.change_email(request.user, **data)
        return self.represent(serializers.ProfileOutput, account)

    @extend_schema(
        operation_id="cancel_email_change", responses={200: serializers.ProfileOutput}
    )
    def delete(self, request: Request) -> Response:
        """Take back a change that is not confirmed yet."""
        account = address_change.cancel_change(request.user)
        return self.represent(serializers.ProfileOutput, account)


class AccountView(ApiView):
    scope = "session"

    @extend_schema(
        operation_id="delete_account",
        request=serializers.DeletionInput,
        responses={202: serializers.DeletionOutput, 409: None},
    )
    def delete(self, request: Request) -> Response:
        """Close the account at once, and have it deleted with all that it has."""
        data = self.parse(serializers.DeletionInput)
        deletion.close_account(request.user, **data)
        session_cookie.forget(request._request)
        return Response({"detail": _(deletion.CLOSED)}, status=202)


class ExportView(ApiView):
    scope = "export"
    content_negotiation_class = FixedFormat
    own_limit = export.EXPORTS

    @extend_schema(
        operation_id="export_zip",
        responses={(200, ZIP): OpenApiTypes.BINARY},
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """Download everything the caller has here, receipts included, as a zip.

        Its last entry, `manifest.json`, lists the others with their size and SHA-256.
        """
        chunks = export.zip_chunks(request.user)
        return download(chunks, export.file_name(request.user), ZIP)


class JsonExportView(ApiView):
    scope = "export"
    content_negotiation_class = FixedFormat
    own_limit = export.EXPORTS

    @extend_schema(operation_id="export_json", responses=serializers.ExportOutput)
    def get(self, request: Request) -> StreamingHttpResponse:
        """Download everything but the files as one JSON object."""
        chunks = export.json_chunks(request.user)
        return download(chunks, export.file_name(request.user, "json"), JSON)


class CsvExportView(ApiView):
    query = serializers.ExportFilter
    scope = "table"
    content_negotiation_class = FixedFormat
    own_limit = export.EXPORTS

    @extend_schema(
        operation_id="export_expenses",
        responses={(200, CSV): str},
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """Download the caller's expenses as a table (CSV), newest day first.

        What a spreadsheet would take for a formula has an apostrophe before it.
        """
        chunks = export.csv_chunks(request.user, **self.query_params)
        return download(
            chunks, export.file_name(request.user, "csv"), f"{CSV}; charset=utf-8"
        )


def representation(_request: Request, account: Account) -> dict[str, Any]:
    return represent(serializers.ProfileOutput, account)
