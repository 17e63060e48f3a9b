"""Check from outside that a deployed stage responds correctly.

python -m infra.smoke https://budget.example.com
"""

import http.client
import re
import socket
import ssl
import sys
import urllib.error
import urllib.request
from email.message import Message
from typing import Any
from urllib.parse import urlsplit

TIMEOUT = 20  # seconds


class SmokeError(RuntimeError):
    """The stage does not respond correctly; the message is the reason."""


def check(url: str, endpoint: str | None = None) -> None:
    """Request health, a page and its stylesheets. Raises SmokeError.

    endpoint: name of the load balancer, to which connections are made as long as the
    host of `url` has no DNS record. Needs no account and changes nothing.
    """
    url = url.rstrip("/")
    opener = urllib.request.build_opener()
    if endpoint and not has_dns_record(url):
        print(f"{url} has no DNS record yet; it must lead to {endpoint}")  # noqa: T201
        opener = urllib.request.build_opener(_EndpointHandler(endpoint))
    _get(opener, f"{url}/health")
    _get(opener, f"{url}/health/ready")
    page, headers = _get(opener, f"{url}/login")
    if "frame-ancestors 'none'" not in headers.get("Content-Security-Policy", ""):
        raise SmokeError("/login has no content security policy.")
    if url.startswith("https:") and "Strict-Transport-Security" not in headers:
        raise SmokeError("/login does not send Strict-Transport-Security.")
    styles = re.findall(r'href="(/static/[^"]+\.css)"', page)
    if not styles:
        raise SmokeError("/login has no stylesheet.")
    for path in styles:
        _get(opener, url + path)


def has_dns_record(url: str) -> bool:
    """Check whether the host of a URL resolves."""
    try:
        socket.getaddrinfo(urlsplit(url).hostname, None)
    except socket.gaierror:
        return False
    return True


class _EndpointHandler(urllib.request.HTTPSHandler):
    """Connect to one server for every host; its certificate must be the host's."""

    def __init__(self, endpoint: str) -> None:
        super().__init__()
        self.endpoint = endpoint

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._connection, req)

    def _connection(self, host: str, **options: Any) -> http.client.HTTPConnection:
        connection = http.client.HTTPSConnection(host, **options)
        raw = socket.create_connection((self.endpoint, connection.port), TIMEOUT)
        connection.sock = ssl.create_default_context().wrap_socket(
            raw, server_hostname=connection.host
        )
        return connection


def _get(opener: urllib.request.OpenerDirector, address: str) -> tuple[str, Message]:
    try:
        with opener.open(address, timeout=TIMEOUT) as response:
            return response.read().decode(), response.headers
    except (OSError, UnicodeDecodeError) as exc:  # HTTPError is one
        raise SmokeError(f"{address}: {exc}") from exc


def main() -> None:
    """Check the URL given on the command line, or exit with the reason."""
    try:
        check(sys.argv[1])
    except SmokeError as exc:
        sys.exit(str(exc))


if __name__ == "__main__":
    main()
