"""Who may use the API; DRF loads this before its own views."""

from django.http import HttpRequest
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.models import User
from smartbudget.web import sessions


class SessionAuthentication(BaseAuthentication):
    """The browser's session; writes need the CSRF token in X-CSRFToken."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        user = sessions.load_user(request._request)
        if user is None:
            return None
        require_csrf_token(request._request)
        request._request.user = user
        return user, None

    def authenticate_header(self, request: Request) -> str:
        return "Session"  # with it DRF answers 401 and not 403


class IsSignedIn(BasePermission):
    """Only people who are logged in."""

    def has_permission(self, request: Request, view: object) -> bool:
        return request.user is not None


class _CsrfCheck(CsrfViewMiddleware):
    def _reject(self, request: HttpRequest, reason: str) -> str:
        return reason


def require_csrf_token(request: HttpRequest) -> None:
    """Refuse a write without its CSRF token. Raises DRF's PermissionDenied."""
    check = _CsrfCheck(lambda request: None)
    check.process_request(request)
    if check.process_view(request, None, (), {}):
        raise PermissionDenied(
            _("The CSRF token is missing or wrong. Send it in X-CSRFToken.")
        )
