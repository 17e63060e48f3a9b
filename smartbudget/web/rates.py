"""The limit of API requests a minute: whose request it is, and how that is said.

The header fields are those of draft-ietf-httpapi-ratelimit-headers-10.
"""

from rest_framework.request import Request

from accounts.rates import WINDOW, Limiter, Standing
from smartbudget.core.config import config
from smartbudget.web.requests import client_address

limiter = Limiter(config.api_rate_limit) if config.api_rate_limit else None


def caller_of(request: Request) -> str:
    """Name who sends a request: a token, else a user, else an address."""
    if request.user is None:
        return anybody_at(request)
    token_id = getattr(request.auth, "token_id", None)
    return f"token {token_id}" if token_id else f"user {request.user.user_id}"


def anybody_at(request: Request) -> str:
    """Name the address that a request came from."""
    return f"address {client_address(request._request)}"


def headers(standing: Standing) -> dict[str, str]:
    """Say what the limit is, and what is left of it for how many seconds."""
    return {
        "RateLimit-Policy": f'"default";q={standing.limit};w={WINDOW}',
        "RateLimit": f'"default";r={standing.remaining};t={standing.reset}',
    }
