"""The network address of a request's sender."""

import ipaddress

from django.http import HttpRequest

from smartbudget.core.config import config


def client_address(request: HttpRequest) -> str:
    """Return the network address that limits count by, or "unknown".

    Only the entries of X-Forwarded-For that the trusted proxies added are used; a
    client can send others. For IPv6 it is the /64 network, which one customer has.
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
