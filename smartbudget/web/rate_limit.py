"""Limit requests per minute, separately for the API and pages.

The response headers are those of draft-ietf-httpapi-ratelimit-headers-10.
"""

from django.http import HttpRequest
from django.utils.translation import gettext as _
from rest_framework.request import Request

from smartbudget.core import log
from smartbudget.core.config import config
from smartbudget.core.errors import ThrottledError
from smartbudget.core.rate_limit import WINDOW, Limiter, Usage
from smartbudget.core.throttling import Limit
from smartbudget.core.user import AnonymousUser, User
from smartbudget.web.client_ip import client_address

limiter = Limiter(config.api_rate_limit) if config.api_rate_limit else None
page_limiter = Limiter(config.page_rate_limit) if config.page_rate_limit else None


def caller_key(request: Request) -> str:
    """Return the key to count a request by: its token, user or address."""
    if not request.user.is_authenticated:
        return address_key(request)
    token_id = getattr(request.auth, "token_id", None)
    return f"token {token_id}" if token_id else f"user {request.user.user_id}"


def address_key(request: Request) -> str:
    """Return the key of a request's network address."""
    return f"address {client_address(request._request)}"


def headers(usage: Usage, own: Limit | None = None) -> dict[str, str]:
    """Return the RateLimit headers: the limit, the remaining requests, the reset time.

    own: another limit of the same URL.
    """
    policies = [f'"default";q={usage.limit};w={WINDOW}']
    if own:
        policies.append(f'"{own.action}";q={own.tries};w={own.seconds}')
    return {
        "RateLimit-Policy": ", ".join(policies),
        "RateLimit": f'"default";r={usage.remaining};t={usage.reset}',
    }


def count_page(request: HttpRequest, user: User | AnonymousUser) -> None:
    """Count a request for a page by its user, or by its address without a login.

    Raises ThrottledError over the limit.
    """
    if page_limiter is not None:
        name = f"address {client_address(request)}"
        if isinstance(user, User):
            name = f"user {user.user_id}"
        require_within(page_limiter.count(f"page {name}"), request)


def require_within(usage: Usage, request: HttpRequest) -> None:
    """Raise ThrottledError if the caller is over the limit."""
    if usage.is_over:
        log.bind_more(source=client_address(request))
        raise ThrottledError(_("Too many requests. Please wait."), usage.reset)
