"""Check the size, completeness and encoding of request bodies."""

import codecs
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from django.conf import settings
from django.http import HttpRequest

from smartbudget.core.config import config

JSON = "application/json"

# Paths that accept files.
UPLOADS = re.compile(
    r"/api/(receipts/upload|expenses(/with-receipt)?|imports)"
    r"|/expenses/(add|import|[0-9a-f]{32}/(edit|duplicate))"
    r"|/expenses/(add|import|[0-9a-f]{32}/(edit|duplicate))"
)


def is_too_large(request: HttpRequest) -> bool:
    """Check whether the body is over the limit, which is higher for uploads."""
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
    """A request's body that raises if the client disconnects before its end.

    Without it, a truncated body would be accepted as complete.
    """

    def __init__(self, source: Any, size_bytes: int) -> None:
        self._source = source
        self._missing = size_bytes

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes, as a file does."""
        data: bytes = self._source.read(size)
        return self._counted(data, is_last=not 0 <= size <= len(data))

    def readline(self, size: int = -1) -> bytes:
        """Read a line of up to `size` bytes, as a file does."""
        data: bytes = self._source.readline(size)
        is_complete = data.endswith(b"\n") or 0 <= size <= len(data)
        return self._counted(data, is_last=not is_complete)

    def _counted(self, data: bytes, *, is_last: bool) -> bytes:
        self._missing -= len(data)
        if is_last and self._missing > 0:
            raise ConnectionResetError("the request ended early")
        return data


@contextmanager
def whole_body(environ: dict[str, Any]) -> Iterator[None]:
    """Reject a truncated body, chunked or not."""
    is_chunked = "HTTP_TRANSFER_ENCODING" in environ
    has_body = is_chunked or environ.get("CONTENT_LENGTH") not in {None, "", "0"}
    connection = environ.get("gunicorn.socket") if has_body else None
    with (
        SpooledTemporaryFile(settings.DATA_UPLOAD_MAX_MEMORY_SIZE) as spool,
        _deadlines.watch(connection) if connection else nullcontext(),
    ):
        if is_chunked and environ.get("wsgi.input_terminated"):
            size_bytes = _measure(environ["wsgi.input"], spool)
            environ["wsgi.input"], environ["CONTENT_LENGTH"] = spool, str(size_bytes)
        length = environ.get("CONTENT_LENGTH") or "0"
        if length.isdigit():
            environ["wsgi.input"] = WholeBody(environ["wsgi.input"], int(length))
        yield


class _Deadlines:
    """Stops reading bodies that do not arrive in time, as if the client disconnected.

    Without it, a slow client could occupy one of the few threads forever by sending a
    few bytes at a time. One thread watches all requests of a process: a timer for each
    would take a tenth of a short request's processor time.
    """

    SECONDS = 1  # between two checks

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._deadlines: dict[socket.socket, float] = {}
        self._thread: threading.Thread | None = None

    @contextmanager
    def watch(self, connection: socket.socket) -> Iterator[None]:
        """Disconnect if the block takes longer than a body may."""
        with self._lock:
            self._deadlines[connection] = time.monotonic() + config.body_seconds
            if self._thread is None:  # not before the fork
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                self._deadlines.pop(connection, None)

    def _run(self) -> None:
        while True:
            time.sleep(self.SECONDS)
            # Under the lock, so that no later request of a connection is hit.
            with self._lock:
                self._disconnect_late()

    def _disconnect_late(self) -> None:
        now = time.monotonic()
        for connection, deadline in [*self._deadlines.items()]:
            if deadline <= now:
                del self._deadlines[connection]
                with suppress(OSError):  # already closed
                    connection.shutdown(socket.SHUT_RD)


_deadlines = _Deadlines()


def _measure(chunks: Any, spool: IO[bytes]) -> int:
    """Copy a chunked body to `spool` and return its length.

    Stops above the largest limit. For a truncated body, returns more than was read.
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
    """Check whether the declared charset of a body is UTF-8, or absent.

    Python's other codecs include some that are not text encodings.
    """
    charset = request.content_params.get("charset", "utf-8")
    try:
        return codecs.lookup(charset).name in {"utf-8", "ascii"}
    except (LookupError, ValueError):
        return False


def sends_json(request: HttpRequest) -> bool:
    """Check whether the body is declared as JSON."""
    return request.content_type == JSON
