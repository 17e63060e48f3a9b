"""What a request is: its size, its sender, what it speaks."""

import codecs
import ipaddress
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from django.conf import settings
from django.http import HttpRequest

from smartbudget.core.config import config
from smartbudget.web.problems import PROBLEM_JSON

JSON = "application/json"


# The addresses that take files.
UPLOADS = re.compile(
    r"/api/(receipts/upload|expenses(/with-receipt)?)|/expenses/(add|[0-9a-f]{32}/(edit|duplicate))"
)


def is_too_large(request: HttpRequest) -> bool:
    """Tell whether the body is over the limit, which is higher where files go."""
    try:
        size_bytes = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return False
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if request.content_type == "multipart/form-data" and UPLOADS.fullmatch(
        request.path_info
    ):
        limit = settings.UPLOAD_MAX_SIZE
    return size_bytes > limit


# What marks a browser, or a system, in its User-Agent. Many claim to be others too,
# so the first that fits counts.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
    ("python-requests/", "Python"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
)


class WholeBody:
    """A request's body that fails when the sender goes away halfway.

    Otherwise what arrived is taken for the whole. As with any file, less than was
    asked for means that there is no more.
    """

    def __init__(self, source: Any, size_bytes: int) -> None:
        self._source = source
        self._missing = size_bytes

    def read(self, size: int = -1) -> bytes:
        """Read like a file."""
        data: bytes = self._source.read(size)
        return self._counted(data, is_last=not 0 <= size <= len(data))

    def readline(self, size: int = -1) -> bytes:
        """Read like a file."""
        data: bytes = self._source.readline(size)
        is_whole = data.endswith(b"\n") or 0 <= size <= len(data)
        return self._counted(data, is_last=not is_whole)

    def _counted(self, data: bytes, *, is_last: bool) -> bytes:
        self._missing -= len(data)
        if is_last and self._missing > 0:
            raise ConnectionResetError("the request ended early")
        return data


@contextmanager
def whole_body(environ: dict[str, Any]) -> Iterator[None]:
    """Have a request's body be all that was sent or an error, in chunks or not."""
    is_chunked = "HTTP_TRANSFER_ENCODING" in environ
    has_body = is_chunked or environ.get("CONTENT_LENGTH") not in {None, "", "0"}
    with (
        SpooledTemporaryFile(settings.DATA_UPLOAD_MAX_MEMORY_SIZE) as spool,
        _in_time(environ.get("gunicorn.socket") if has_body else None),
    ):
        if is_chunked and environ.get("wsgi.input_terminated"):
            size_bytes = _measure(environ["wsgi.input"], spool)
            environ["wsgi.input"], environ["CONTENT_LENGTH"] = spool, str(size_bytes)
        length = environ.get("CONTENT_LENGTH") or "0"
        if length.isdigit():
            environ["wsgi.input"] = WholeBody(environ["wsgi.input"], int(length))
        yield


@contextmanager
def _in_time(line: socket.socket | None) -> Iterator[None]:
    """Read no longer from a line on which a body did not come in time.

    What is missing then is as if its sender had gone. Each waiting for a piece could
    be short and all of them for ever, while they hold one of the few threads.
    """
    if line is None:
        yield
        return

    def hang_up() -> None:
        with suppress(OSError):  # it is closed already
            line.shutdown(socket.SHUT_RD)

    timer = threading.Timer(config.body_seconds, hang_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _measure(chunks: Any, spool: IO[bytes]) -> int:
    """Read chunks and return their length: not past the largest limit, then it is over.

    What ends early is said to be longer than it is.
    """
    size_bytes = 0
    try:
        while size_bytes <= settings.UPLOAD_MAX_SIZE:
            data = chunks.read(64 * 1024)
            if not data:
                break
            size_bytes += spool.write(data)
    except OSError:
        size_bytes += 1
    spool.seek(0)
    return size_bytes


def is_utf8(request: HttpRequest) -> bool:
    """Tell whether a body's text is UTF-8, as far as it says what it is.

    Python knows encodings that are none of text, and fails when asked for one.
    """
    charset = request.content_params.get("charset", "utf-8")
    try:
        return codecs.lookup(charset).name in {"utf-8", "ascii"}
    except (LookupError, ValueError):
        return False


def sends_json(request: HttpRequest) -> bool:
    """Tell whether the body says that it is JSON."""
    return request.content_type == JSON


def wants_json(request: HttpRequest) -> bool:
    """Tell whether the answer should be JSON: API, JSON sent, or JSON preferred."""
    return (
        request.path_info == "/api"
        or request.path_info.startswith("/api/")
        or sends_json(request)
        or request.get_preferred_type(["text/html", JSON, PROBLEM_JSON])
        in {JSON, PROBLEM_JSON}
    )


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


def device_of(request: HttpRequest) -> str | None:
    """Say what a browser calls itself, as in `Firefox on Linux`; None: nothing known.

    Only for the eyes of its user: anybody can call themselves anything.
    """
    said = request.headers.get("User-Agent", "")[:500]
    browser = next((name for mark, name in _BROWSERS if mark in said), None)
    system = next((name for mark, name in _SYSTEMS if mark in said), None)
    return " on ".join(filter(None, [browser, system])) or None


def for_seconds(seconds: float) -> Callable[[], bool]:
    """Return what tells, when asked, whether so much time has not passed yet."""
    deadline = time.monotonic() + seconds
    return lambda: time.monotonic() < deadline
