"""What happens to every request, whichever view it is for."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

from smartbudget.web import errors, health
from smartbudget.web.requests import is_too_large

# Nothing inline, nothing from elsewhere; data: images are in the API pages' styles.
POLICY = "; ".join(
    [
        "default-src 'none'",
        "base-uri 'none'",
        "connect-src 'self'",
        "font-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "img-src 'self' data:",
        "manifest-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
    ]
)


class HealthMiddleware:
    """Answer /health and /health/ready before the host is checked [E12].

    The load balancer asks an instance by its number, and over plain HTTP. /health
    makes no call to AWS: an outage there is none of this instance's.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        address = request.path_info.removesuffix("/")
        if address == "/health":
            return JsonResponse({"status": "ok"})
        if address == "/health/ready":
            return health.ready(request)
        return self.get_response(request)


class HeadersMiddleware:
    """Set the content policy, and keep what is private out of every cache."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers.setdefault("X-Frame-Options", "DENY")
        if not request.path_info.startswith(settings.STATIC_URL):
            response.headers.setdefault("Cache-Control", "no-store")
        return response


class RequestMiddleware:
    """Take an address with or without its last slash, and refuse huge bodies."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.user = None
        if len(request.path_info) > 1:
            request.path_info = request.path_info.removesuffix("/")
        if is_too_large(request):
            return errors.too_large(request)
        return self.get_response(request)
