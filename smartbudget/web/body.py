"""Request bodies: their size, their end, their encoding."""

import codecs
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from django.conf import settings
from django.http import HttpRequest

from smartbudget.core.config import config

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
