"""Middleware for every request."""

import re
import uuid
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.gzip import GZipMiddleware
from django.middleware.security import SecurityMiddleware
from django.utils.cache import patch_vary_headers

from smartbudget.core import log
from smartbudget.core.errors import ForbiddenError
from smartbudget.web import errors
from smartbudget.web.body import is_too_large, is_utf8, sends_json

# Nothing inline or from other hosts, except data: images in the styles of API pages.
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
        "object-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
    ]
)


class RequestIdMiddleware:
    """Set the id of each request: the client's X-Request-Id if valid, or a new one."""

    VALID = re.compile(r"[A-Za-z0-9._-]{1,64}")

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        sent = request.headers.get("X-Request-Id", "")
        request_id = sent if self.VALID.fullmatch(sent) else uuid.uuid4().hex
        # Not reset afterwards: Django logs the response, and downloads are streamed,
        # after this returns.
        log.bind(request_id)
        response = self.get_response(request)
        response.headers["X-Request-Id"] = request_id
        return response


class HeadersMiddleware:
    """Set the content security policy, and prevent caching of private responses."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers.setdefault("X-Frame-Options", "DENY")
        if not request.path_info.startswith(settings.STATIC_URL):
            response.headers.setdefault("Cache-Control", "no-store")
        return response


class CompressionMiddleware(GZipMiddleware):
    """Django's gzip middleware, with the strong tag `"...-gzip"` if compressed.

    Django would change the tag to a weak one, but If-Match needs strong ones. Views
    only see tags without the suffix.
    """

    SUFFIX = '-gzip"'

    def process_request(self, request: HttpRequest) -> None:
        for name in ("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH"):
            if self.SUFFIX in request.META.get(name, ""):
                request.META[name] = request.META[name].replace(self.SUFFIX, '"')
                request.has_compressed = True

    def process_response(
        self, request: HttpRequest, response: HttpResponse
    ) -> HttpResponse:
        tag = response.get("ETag")
        response = super().process_response(request, response)
        if tag:  # even if the response is too short to compress
            patch_vary_headers(response, ["Accept-Encoding"])
        is_its_304 = response.status_code == 304 and hasattr(request, "has_compressed")
        if tag and (is_its_304 or response.get("ETag") != tag):
            response.headers["ETag"] = tag[:-1] + self.SUFFIX
        return response


class HttpsMiddleware(SecurityMiddleware):
    """Redirect pages to HTTPS, and refuse API requests over plain HTTP.

    A program would follow the redirect unnoticed, and send its password or token
    unencrypted each time. It runs before the language is set.
    """

    API = re.compile(r"/api(/|$)")

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        """Return a refusal or a redirect, or None if the request is secure."""
        is_for_api = sends_json(request) or self.API.match(request.path_info)
        if self.redirect and is_for_api and not request.is_secure():
            error = ForbiddenError("Use HTTPS. What was sent was readable on its way.")
            return errors.response_or_raise(request, error)
        return super().process_request(request)


class RequestMiddleware:
    """Remove a trailing slash from the path; reject bodies too large or not UTF-8."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if len(request.path_info) > 1:
            request.path_info = request.path_info.removesuffix("/")
        if is_too_large(request):
            return errors.too_large(request)
        if not is_utf8(request):
            return errors.response_of(request, errors.problem_of_status(415))
        return self.get_response(request)
