"""What a request is: its size, its sender, what it speaks."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest

from smartbudget.core.config import config

JSON = "application/json"


def is_too_large(request: HttpRequest) -> bool:
    """Tell whether the body is over the limit; files have limits of their own."""
    if request.content_type == "multipart/form-data":
        return False
    try:
        size_bytes = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return False
    return size_bytes > settings.DATA_UPLOAD_MAX_MEMORY_SIZE


def sends_json(request: HttpRequest) -> bool:
    """Tell whether the body says that it is JSON."""
    return request.content_type == JSON


def wants_json(request: HttpRequest) -> bool:
    """Tell whether the answer should be JSON: API, JSON sent, or JSON preferred."""
    return (
        request.path_info == "/api"
        or request.path_info.startswith("/api/")
        or sends_json(request)
        or request.get_preferred_type(["text/html", JSON]) == JSON
    )


def client_address(request: HttpRequest) -> str:
    """Return the network address that a throttle counts under.

    Entries of X-Forwarded-For left of our own proxies' are the client's claims [E13].
    An IPv6 customer has a whole /64, so that is what counts.
    """
    sender = request.META.get("REMOTE_ADDR", "")
    if config.proxy_count:
        entries = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        sender = entries[-config.proxy_count :][0].strip() or sender
    try:
        address = ipaddress.ip_address(sender)
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
