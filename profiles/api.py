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
from accounts.step_up import services as step_up
from profiles import address_change, deletion, export, serializers
from profiles.services import preview_profile, update_profile
from smartbudget.web.api import ApiView, DryRun, Preview
from smartbudget.web.base_serializers import represent
from smartbudget.web.downloads import CSV, JSON, ZIP, FixedFormat, download
from smartbudget.web.etags import if_match


class ProfileView(ApiView):
    scope = "account"
    takes_if_match = True

    @extend_schema(operation_id="get_profile", responses=serializers.ProfileOutput)
    def get(self, request: Request) -> Response:
        """Get the profile."""
        account = address_change.get_account(request.user)
        return Response(representation(request, account))

    @extend_schema(
        operation_id="edit_profile",
        parameters=[DryRun],
        request=serializers.ProfileInput,
        responses={200: serializers.ChangedProfileOutput, 409: None},
    )
    def patch(self, request: Request) -> Response:
        """Update the profile. The currency can change until it is used.

        A new calendar takes effect today: earlier periods stay as they are, and the
        current ones end before the next start of the new calendar.
        """
        options = self.parse_query(DryRun)
        data = self.parse(serializers.ProfileInput, partial=True)
        data["precondition"] = if_match(request, representation)
        if options["dry_run"]:
            account, change = preview_profile(request.user, **data)
            preview = represent(serializers.CalendarPreview, change)
            return Preview(representation(request, account) | {"preview": preview})
        return Response(representation(request, update_profile(request.user, **data)))


class EmailView(ApiView):
    scope = {"POST": "session", "DELETE": "account"}

    @extend_schema(
        operation_id="change_email",
        request=serializers.EmailInput,
        responses={200: serializers.ProfileOutput, 409: None},
    )
    def post(self, request: Request) -> Response:
        """Change the e-mail address. `pending_email` is set until it is confirmed.

        The new address gets a confirmation link, and replaces the old one when the link
        is followed. Only where no link can be sent, it changes immediately: a site
        without a sender for account mail, and a user without e-mail alerts.
        """
        data = self.parse(serializers.EmailInput)
        account = address_change.change_email(request.user, **data)
        return self.represent(serializers.ProfileOutput, account)

    @extend_schema(
        operation_id="cancel_email_change", responses={200: serializers.ProfileOutput}
    )
    def delete(self, request: Request) -> Response:
        """Cancel a pending e-mail change."""
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
        """Close the account now and delete all its data within minutes."""
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
        """Download all of the caller's data, including receipts, as a zip.

        The last entry, `manifest.json`, lists the others with their size and SHA-256.
        """
        _require_recent_login(request)
        chunks = export.zip_chunks(request.user)
        return download(chunks, export.file_name(request.user), ZIP)


class JsonExportView(ApiView):
    scope = "export"
    content_negotiation_class = FixedFormat
    own_limit = export.EXPORTS

    @extend_schema(operation_id="export_json", responses=serializers.ExportOutput)
    def get(self, request: Request) -> StreamingHttpResponse:
        """Download all of the caller's data except files, as JSON."""
        _require_recent_login(request)
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
        """Download the caller's expenses as CSV, newest first.

        Cells that a spreadsheet would read as formulas start with an apostrophe.
        """
        chunks = export.csv_chunks(request.user, **self.query_params)
        return download(
            chunks, export.file_name(request.user, "csv"), f"{CSV}; charset=utf-8"
        )


def _require_recent_login(request: Request) -> None:
    """Raise StepUpRequiredError for a session that is not confirmed.

    An API token was created after a step-up, with the permission to export.
    """
    if request.auth is None:
        step_up.require(request.user)


def representation(_request: Request, account: Account) -> dict[str, Any]:
    return represent(serializers.ProfileOutput, account)
