"""The account API; /register, /login and /logout share their addresses with pages."""

from typing import Any

from django.http import StreamingHttpResponse
from django.middleware.csrf import get_token
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import deletion, export, serializers, services, session_cookie, tokens
from accounts.models import Account
from notifications import address_change
from smartbudget.core.errors import NotFoundError
from smartbudget.web.api import ApiView, address_of
from smartbudget.web.conditions import if_match
from smartbudget.web.downloads import CSV, JSON, ZIP, OneForm, download
from smartbudget.web.requests import client_address, device_of


class EntranceView(ApiView):
    """Where nobody is logged in yet.

    It takes JSON only, which no browser sends across sites without asking first: no
    CSRF token is needed.
    """

    authentication_classes = []
    permission_classes = [AllowAny]
    renderer_classes = [JSONRenderer]


class RegisterView(EntranceView):
    @extend_schema(
        operation_id="register",
        request=serializers.RegisterInput,
        responses={201: serializers.LoginOutput, 409: None},
    )
    def post(self, request: Request) -> Response:
        """Make an account and log in."""
        data = serializers.RegisterInput(data=request.data)
        data.is_valid(raise_exception=True)
        login = services.register(
            **data.validated_data,
            address=client_address(request._request),
            device=device_of(request._request),
        )
        response = answer(request, login, status=201)
        response.headers["Location"] = address_of(request, "profile")
        return response


class LoginView(EntranceView):
    @extend_schema(
        operation_id="log_in",
        request=serializers.LoginInput,
        responses={200: serializers.LoginOutput, 401: None},
    )
    def post(self, request: Request) -> Response:
        """Log in with a username or e-mail address and its password."""
        data = serializers.LoginInput(data=request.data)
        data.is_valid(raise_exception=True)
        login = services.log_in(
            identifier=data.validated_data["username"],
            password=data.validated_data["password"],
            address=client_address(request._request),
            device=device_of(request._request),
        )
        return answer(request, login, status=200)


class LogoutView(ApiView):
    scope = "session"
    methods_without_body = ("POST",)
    renderer_classes = [JSONRenderer]

    @extend_schema(operation_id="log_out", request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        """End the session."""
        session_cookie.end(request._request)
        return Response(status=204)


class ProfileView(ApiView):
    scope = "account"
    takes_if_match = True

    @extend_schema(operation_id="get_profile", responses=serializers.ProfileOutput)
    def get(self, request: Request) -> Response:
        """Show the caller's profile."""
        account = address_change.get_account(request.user)
        return Response(represent(request, account))

    @extend_schema(
        operation_id="edit_profile",
        request=serializers.ProfileInput,
        responses={200: serializers.ProfileOutput, 409: None},
    )
    def patch(self, request: Request) -> Response:
        """Change the given parts of the profile; its currency while it is unused."""
        data = serializers.ProfileInput(data=request.data, partial=True)
        data.is_valid(raise_exception=True)
        account = services.update_profile(
            request.user, **data.validated_data, check=if_match(request, represent)
        )
        return Response(represent(request, account))


class PasswordView(ApiView):
    scope = "session"
    holds_secret = True  # the CSRF token

    @extend_schema(
        operation_id="change_password",
        request=serializers.PasswordInput,
        responses={200: serializers.LoginOutput, 409: None},
    )
    def post(self, request: Request) -> Response:
        """Change the password; every other session ends."""
        data = serializers.PasswordInput(data=request.data)
        data.is_valid(raise_exception=True)
        login = services.change_password(
            request.user,
            old=data.validated_data["old_password"],
            new=data.validated_data["new_password"],
            device=device_of(request._request),
        )
        return answer(request, login, status=200)


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
        data = serializers.EmailInput(data=request.data)
        data.is_valid(raise_exception=True)
        account = address_change.change_email(request.user, **data.validated_data)
        return Response(serializers.ProfileOutput(account).data)

    @extend_schema(
        operation_id="cancel_email_change", responses={200: serializers.ProfileOutput}
    )
    def delete(self, request: Request) -> Response:
        """Take back a change that is not confirmed yet."""
        account = address_change.cancel_change(request.user)
        return Response(serializers.ProfileOutput(account).data)


class AccountView(ApiView):
    scope = "session"

    @extend_schema(
        operation_id="delete_account",
        request=serializers.DeletionInput,
        responses={202: serializers.DeletionOutput, 409: None},
    )
    def delete(self, request: Request) -> Response:
        """Close the account at once, and have it deleted with all that it has."""
        data = serializers.DeletionInput(data=request.data)
        data.is_valid(raise_exception=True)
        deletion.close_account(request.user, **data.validated_data)
        session_cookie.forget(request._request)
        return Response({"detail": _(deletion.CLOSED)}, status=202)


class ExportView(ApiView):
    scope = "export"
    content_negotiation_class = OneForm
    own_limit = export.EXPORTS

    @extend_schema(
        operation_id="export_zip",
        responses={(200, ZIP): OpenApiTypes.BINARY},
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """Download everything the caller has here, receipts included, as a zip.

        Its last entry, `manifest.json`, lists the others with their size and SHA-256.
        """
        chunks = export.begin(request.user)
        return download(chunks, export.name(request.user), ZIP)


class JsonExportView(ApiView):
    scope = "export"
    content_negotiation_class = OneForm
    own_limit = export.EXPORTS

    @extend_schema(operation_id="export_json", responses=serializers.ExportOutput)
    def get(self, request: Request) -> StreamingHttpResponse:
        """Download everything but the files as one JSON object."""
        chunks = export.begin_json(request.user)
        return download(chunks, export.name(request.user, "json"), JSON)


class CsvExportView(ApiView):
    query = serializers.ExportFilter
    scope = "table"
    content_negotiation_class = OneForm
    own_limit = export.EXPORTS

    @extend_schema(
        operation_id="export_expenses",
        responses={(200, CSV): str},
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """Download the caller's expenses as a table (CSV), newest day first.

        What a spreadsheet would take for a formula has an apostrophe before it.
        """
        chunks = export.begin_csv(request.user, **self.asked)
        return download(
            chunks, export.name(request.user, "csv"), f"{CSV}; charset=utf-8"
        )


class SessionsView(ApiView):
    scope = "account"
    methods_without_body = ("DELETE",)

    @extend_schema(
        operation_id="list_sessions",
        responses=serializers.SessionOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        """List where the caller is logged in, newest first."""
        found = services.list_sessions(request.user, _asking_session(request))
        return Response(serializers.SessionOutput(found, many=True).data)

    @extend_schema(operation_id="end_other_sessions", responses={204: None})
    def delete(self, request: Request) -> Response:
        """End every session but the one that asks."""
        services.end_other_sessions(request.user, _asking_session(request))
        return Response(status=204)


class SessionView(ApiView):
    scope = "account"
    methods_without_body = ("DELETE",)

    @extend_schema(operation_id="end_session", responses={204: None})
    def delete(self, request: Request, session_id: str) -> Response:
        """End one session."""
        services.end_session(request.user, session_id)
        return Response(status=204)


class TokensView(ApiView):
    scope = {"GET": "account", "POST": "session"}
    holds_secret = True

    @extend_schema(
        operation_id="list_tokens", responses=serializers.TokenOutput(many=True)
    )
    def get(self, request: Request) -> Response:
        """List the caller's API tokens, newest first."""
        found = tokens.list_tokens(request.user)
        return Response(serializers.TokenOutput(found, many=True).data)

    @extend_schema(
        operation_id="create_token",
        request=serializers.TokenInput,
        responses={201: serializers.MadeTokenOutput},
    )
    def post(self, request: Request) -> Response:
        """Make an API token; this answer alone tells it."""
        data = serializers.TokenInput(data=request.data)
        data.is_valid(raise_exception=True)
        made, secret = tokens.create_token(request.user, **data.validated_data)
        shown = serializers.TokenOutput(made).data
        address = address_of(request, "token", made.token_id)
        return Response(
            {**shown, "token": secret}, status=201, headers={"Location": address}
        )


class CurrentTokenView(ApiView):
    scope = "any"

    @extend_schema(
        operation_id="get_current_token",
        responses={200: serializers.TokenOutput, 404: None},
    )
    def get(self, request: Request) -> Response:
        """Show the API token that the request uses: its scopes and when it expires.

        A session uses none: 404.
        """
        if request.auth is None:
            raise NotFoundError(_("This request doesn't use an API token."))
        found = tokens.get_token(request.user, request.auth.token_id)
        return Response(serializers.TokenOutput(found).data)


class TokenView(ApiView):
    scope = "account"
    methods_without_body = ("DELETE",)

    @extend_schema(operation_id="get_token", responses=serializers.TokenOutput)
    def get(self, request: Request, token_id: str) -> Response:
        """Show one of the caller's API tokens."""
        found = tokens.get_token(request.user, token_id)
        return Response(serializers.TokenOutput(found).data)

    @extend_schema(operation_id="revoke_token", responses={204: None})
    def delete(self, request: Request, token_id: str) -> Response:
        """Revoke one API token, be it the one that asks."""
        tokens.revoke_token(request.user, token_id)
        return Response(status=204)


def represent(_request: Request, account: Account) -> dict[str, Any]:
    return serializers.ProfileOutput(account).data


def _asking_session(request: Request) -> str | None:
    """Return the key of the session that asks; a token asks for none."""
    return None if request.auth else session_cookie.session_key(request._request)


def answer(request: Request, login: services.Login, *, status: int) -> Response:
    """Say who is logged in now, with the session's cookie and the CSRF token."""
    response = Response(status=status)
    session_cookie.begin(request._request, response, login)
    user = login.user
    response.data = {
        "user_id": user.user_id,
        "username": user.username,
        "email": user.email,
        "csrf_token": get_token(request._request),
    }
    return response
