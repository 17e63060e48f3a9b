"""Respond to /health/ready with the health of AWS; /health checks only the process."""

import hmac
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from pynamodb.exceptions import PynamoDBException

from smartbudget.core import health
from smartbudget.core.config import config
from smartbudget.core.dynamodb import is_outage

KEY_HEADER = "X-Health-Key"


def ready(request: HttpRequest) -> JsonResponse:
    """Return 200 if every part of AWS is healthy, else 503.

    It can be public, since the result is cached for some seconds. Only staff and
    requests with the health key get the details.
    """
    parts = health.recent()
    well = all(part.ok for part in parts)
    body: dict[str, object] = {"status": "ok" if well else "unavailable"}
    if _has_key(request) or _is_staff(request):
        body["parts"] = [vars(part) for part in parts]
    headers = {"Cache-Control": "no-store"}
    return JsonResponse(body, status=200 if well else 503, headers=headers)


def _has_key(request: HttpRequest) -> bool:
    sent = request.headers.get(KEY_HEADER, "")
    key = config.health_key
    return key is not None and hmac.compare_digest(sent.encode(), key.encode())


def _is_staff(request: HttpRequest) -> bool:
    try:
        return bool(request.user.is_staff and request.user.has_second_factor)
    except PynamoDBException as error:
        if not is_outage(error):
            raise
        return False  # the outage may be that of the sessions' table


class HealthMiddleware:
    """Respond to /health and /health/ready before the host is checked.

    The load balancer uses the instance's IP address and plain HTTP. /health does not
    call AWS, since replacing the instance would not end an outage of AWS.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        path = request.path_info.removesuffix("/")
        if path == "/health":
            return JsonResponse({"status": "ok"})
        if path == "/health/ready":
            return ready(request)
        return self.get_response(request)
