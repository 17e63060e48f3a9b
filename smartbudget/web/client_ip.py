"""The network address of a request's sender."""

import ipaddress

from django.http import HttpRequest

from smartbudget.core.config import config


def client_address(request: HttpRequest) -> str:
    """Return the network address that a throttle counts under.

    Entries of X-Forwarded-For left of our own proxies' are the client's claims.
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
