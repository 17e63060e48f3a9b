"""What the web server runs."""

import os
from collections.abc import Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application

from smartbudget.core import log, tables
from smartbudget.core.config import config
from smartbudget.web.requests import WholeBody, take_chunks

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "smartbudget.settings")
log.set_up(config.log_level)
_django = get_wsgi_application()

# The first request should not wait for the client to be made, nor two threads make it
# at once [P13].
tables.connection()


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer a request, of which only a whole body counts."""
    if environ.get("wsgi.input_terminated") and "HTTP_TRANSFER_ENCODING" in environ:
        take_chunks(environ)
    length = environ.get("CONTENT_LENGTH") or "0"
    if length.isdigit():
        environ["wsgi.input"] = WholeBody(environ["wsgi.input"], int(length))
    answer: Iterable[bytes] = _django(environ, start_response)
    return answer
