"""Authentication and permission classes of the API, and their part of the schema.

`rest_framework.views` imports this module, so this module must not import views.
"""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, CSRFCheck
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts import session_cookie, tokens
from accounts.tokens import Access
from smartbudget.core import log
from smartbudget.core.user import AnonymousUser, User
from smartbudget.web.problems import CHALLENGE


class TokenAuthentication(BaseAuthentication):
    """Authentication by API token; sets `request.auth` to the token's Access.

    Browsers never send one automatically, so no CSRF token is needed. A request with an
    invalid token is refused, even if its session cookie is valid.
    """

    def authenticate(self, request: Request) -> tuple[User, Access] | None:
        secret = _bearer(request)
        if secret is None:
            return None
        user_and_access = tokens.find_token(secret)
        if user_and_access is None:
            sentence = _("This API token is unknown, expired or revoked.")
            raise AuthenticationFailed(sentence)
        log.bind_more(user_id=user_and_access[0].user_id)
        return user_and_access

    def authenticate_header(self, request: Request) -> str:
        # DRF sends the first class's header with every 401 (RFC 6750, section 3).
        if _bearer(request) is None:
            return CHALLENGE
        return 'Bearer error="invalid_token"'


def _bearer(request: Request) -> str | None:
    """Return the bearer token of the request, valid or not, or None if it has none."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else None


class SessionAuthentication(BaseAuthentication):
    """Authentication by session cookie; writes need the CSRF token in X-CSRFToken."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        user = session_cookie.get_user(request._request)
        if isinstance(user, AnonymousUser):
            return None
        require_csrf_token(request._request)
        return user, None


class HasScope(BasePermission):
    """Permission by scope: a token needs one of the view's scopes, a session none."""

    def has_permission(self, request: Request, view: Any) -> bool:
        # OPTIONS returns no user data, and an unknown method is answered with 405.
        if request.auth is None or request.method == "OPTIONS":
            return True
        if request.method not in view.allowed_methods:
            return True
        accepted_scopes = view.scopes_for(request.method)
        if not request.auth.scopes.intersection(accepted_scopes):
            raise InsufficientScope(accepted_scopes)
        return True


class InsufficientScope(PermissionDenied):
    """The token is valid but lacks a required scope."""

    default_code = "insufficient_scope"

    def __init__(self, accepted_scopes: Sequence[str]) -> None:
        # DRF sends this as WWW-Authenticate (RFC 6750, section 3.1).
        self.auth_header = 'Bearer error="insufficient_scope"'
        if not accepted_scopes:
            super().__init__(_("API tokens can't do this. Log in with your password."))
            return
        self.auth_header += f', scope="{accepted_scopes[0]}"'
        sentence = _("This needs an API token with one of these scopes: {scopes}.")
        super().__init__(sentence.format(scopes=", ".join(accepted_scopes)))


def require_csrf_token(request: HttpRequest) -> None:
    """Raise DRF's PermissionDenied for a write without a valid CSRF token."""
    check = CSRFCheck(lambda request: None)
    check.process_request(request)
    if check.process_view(request, None, (), {}):
        raise PermissionDenied(
            _("The CSRF token is missing or wrong. Send it in X-CSRFToken.")
        )


class TokenScheme(OpenApiAuthenticationExtension):
    """Describe API tokens in the schema, and the scopes that each operation needs."""

    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": (
                "An API token, created in the profile. Each operation"
                " names its scope; if there are several, any one is"
                " enough."
            ),
        }

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[str]]]:
        accepted_scopes = auto_schema.view.scopes_for(auto_schema.method)
        return [{self.name: [scope]} for scope in accepted_scopes]


class SessionScheme(OpenApiAuthenticationExtension):
    """Describe the session cookie in the schema."""

    target_class = SessionAuthentication
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": (
                "The cookie set by /login and /register. Writes also"
                " need the CSRF token from their response, in"
                " X-CSRFToken."
            ),
        }
