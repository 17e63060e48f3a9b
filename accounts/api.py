"""The account API; /register, /login and /logout share their URLs with pages."""

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import (
    login_history,
    serializers,
    services,
    session_cookie,
    sessions,
    tokens,
)
from accounts.device_cookie import device_of
from accounts.factors import passwordless
from accounts.factors.second_step import SecondStep
from accounts.factors.serializers import PasswordConfirmation
from accounts.login_responses import login_response, second_step_response
from smartbudget.core.errors import NotFoundError
from smartbudget.web.api import ApiView, url_of
from smartbudget.web.base_serializers import represent
from smartbudget.web.client_ip import client_address


class UnauthenticatedView(ApiView):
    """Base of the views without authentication.

    Accepts JSON only, which browsers do not send to another site without a preflight
    request, so no CSRF token is needed.
    """

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    renderer_classes = [JSONRenderer]


class RegisterView(UnauthenticatedView):
    @extend_schema(
        operation_id="register",
        request=serializers.RegisterInput,
        responses={201: serializers.LoginOutput, 409: None},
    )
    def post(self, request: Request) -> Response:
        """Create an account and log in."""
        data = self.parse(serializers.RegisterInput)
        login = services.register(
            **data,
            address=client_address(request._request),
            device=device_of(request._request),
        )
        response = login_response(request, login, status=201)
        response.headers["Location"] = url_of(request, "profile")
        return response


class LoginView(UnauthenticatedView):
    @extend_schema(
        operation_id="log_in",
        request=serializers.LoginInput,
        responses={200: serializers.LoginOutput, 401: None},
    )
    def post(self, request: Request) -> Response:
        """Log in with a username or e-mail address and password.

        If the account has a second factor, the response is 401 with the code
        `second_factor_required`, the factors that can complete the login in
        `second_factor`, and a `ticket` for `/login/second`, valid for five minutes.
        """
        data = self.parse(serializers.LoginInput)
        login = services.log_in(
            identifier=data["username"],
            password=data["password"],
            address=client_address(request._request),
            device=device_of(request._request),
        )
        if isinstance(login, SecondStep):
            return second_step_response(login)
        return login_response(request, login, status=200)


class LogoutView(ApiView):
    scope = "session"
    methods_without_body = ("POST",)
    renderer_classes = [JSONRenderer]

    @extend_schema(operation_id="log_out", request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        """Log out."""
        session_cookie.end(request._request)
        return Response(status=204)


class PasswordView(ApiView):
    scope = "session"
    methods_without_body = ("DELETE",)
    holds_secret = True  # the CSRF token

    @extend_schema(
        operation_id="change_password",
        request=serializers.PasswordInput,
        responses={200: serializers.LoginOutput, 409: None},
    )
    def post(self, request: Request) -> Response:
        """Change the password. Ends all other sessions."""
        data = self.parse(serializers.PasswordInput)
        login = services.change_password(
            request.user,
            old=data["old_password"],
            new=data["new_password"],
            device=device_of(request._request),
        )
        return login_response(request, login, status=200)

    @extend_schema(
        operation_id="set_password",
        request=serializers.SetPasswordInput,
        responses={200: serializers.LoginOutput, 409: None},
    )
    def put(self, request: Request) -> Response:
        """Set the password of an account without one. Ends all other sessions."""
        data = self.parse(serializers.SetPasswordInput)
        login = passwordless.set_password(
            request.user, new=data["new_password"], device=device_of(request._request)
        )
        return login_response(request, login, status=200)

    @extend_schema(
        operation_id="remove_password",
        request=PasswordConfirmation,
        responses={204: None, 409: None},
    )
    def delete(self, request: Request) -> Response:
        """Remove the password, so that a login needs a passkey.

        Needs a second passkey or recovery codes.
        """
        passwordless.remove_password(request.user, **self.parse(PasswordConfirmation))
        return Response(status=204)


class SessionsView(ApiView):
    scope = "account"
    methods_without_body = ("DELETE",)

    @extend_schema(
        operation_id="list_sessions",
        responses=serializers.SessionOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        """List the caller's sessions, newest first."""
        live = sessions.list_sessions(request.user, _current_session_key(request))
        return self.represent_all(serializers.SessionOutput, live)

    @extend_schema(operation_id="end_other_sessions", responses={204: None})
    def delete(self, request: Request) -> Response:
        """End all other sessions."""
        sessions.end_other_sessions(request.user, _current_session_key(request))
        return Response(status=204)


class SessionView(ApiView):
    scope = "account"
    methods_without_body = ("DELETE",)

    @extend_schema(operation_id="end_session", responses={204: None})
    def delete(self, request: Request, session_id: str) -> Response:
        """End a session."""
        sessions.end_session(request.user, session_id)
        return Response(status=204)


class LoginHistoryView(ApiView):
    scope = "account"

    @extend_schema(
        operation_id="list_logins",
        responses=serializers.PastLoginOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        """List the caller's last 50 logins of the last year, newest first."""
        history = login_history.list_logins(request.user)
        return self.represent_all(serializers.PastLoginOutput, history)


class TokensView(ApiView):
    scope = {"GET": "account", "POST": "session"}
    holds_secret = True

    @extend_schema(
        operation_id="list_tokens", responses=serializers.TokenOutput(many=True)
    )
    def get(self, request: Request) -> Response:
        """List the caller's API tokens, newest first."""
        live = tokens.list_tokens(request.user)
        return self.represent_all(serializers.TokenOutput, live)

    @extend_schema(
        operation_id="create_token",
        request=serializers.TokenInput,
        responses={201: serializers.MadeTokenOutput},
    )
    def post(self, request: Request) -> Response:
        """Create an API token. It is returned only once."""
        data = self.parse(serializers.TokenInput)
        token, secret = tokens.create_token(request.user, **data)
        body = represent(serializers.TokenOutput, token)
        url = url_of(request, "token", token.token_id)
        return Response(
            {**body, "token": secret}, status=201, headers={"Location": url}
        )


class CurrentTokenView(ApiView):
    scope = "any"

    @extend_schema(
        operation_id="get_current_token",
        responses={200: serializers.TokenOutput, 404: None},
    )
    def get(self, request: Request) -> Response:
        """Get the API token of this request, with its scopes and expiry.

        Returns 404 for a session.
        """
        if request.auth is None:
            raise NotFoundError(_("This request doesn't use an API token."))
        token = tokens.get_token(request.user, request.auth.token_id)
        return self.represent(serializers.TokenOutput, token)


class TokenView(ApiView):
    scope = "account"
    methods_without_body = ("DELETE",)

    @extend_schema(operation_id="get_token", responses=serializers.TokenOutput)
    def get(self, request: Request, token_id: str) -> Response:
        """Get an API token."""
        token = tokens.get_token(request.user, token_id)
        return self.represent(serializers.TokenOutput, token)

    @extend_schema(operation_id="revoke_token", responses={204: None})
    def delete(self, request: Request, token_id: str) -> Response:
        """Revoke an API token, including the current one."""
        tokens.revoke_token(request.user, token_id)
        return Response(status=204)


def _current_session_key(request: Request) -> str | None:
    """Return the key of the request's session, or None for an API token."""
    return None if request.auth else session_cookie.session_key(request._request)
