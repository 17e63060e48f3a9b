"""The WSGI application."""

import gc
import os
from collections.abc import Iterable
from typing import Any

from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, reset_queries
from django.urls import get_resolver

from expenses.receipts import bounded
from smartbudget.core import dynamodb, log
from smartbudget.core.config import config
from smartbudget.web.body import whole_body

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "smartbudget.settings")
log.set_up(config.log_level)
_django = get_wsgi_application()

# There is no database, so no request has queries to forget or connections to close.
request_started.disconnect(reset_queries)
request_started.disconnect(close_old_connections)
request_finished.disconnect(close_old_connections)

# Created here, so that the first request does not wait for the client
# (docs/aws.md#one-client-for-all-models).
dynamodb.connection()
# Started here, so that the first receipt does not wait for the validating process.
bounded.start()
# Imports all views. What start-up created stays, so the garbage collector need not look
# at it again, which takes a tenth of a page's processor time.
get_resolver().url_patterns  # noqa: B018 - the property imports them
gc.collect()
gc.freeze()


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Handle a request, rejecting a truncated body."""
    with whole_body(environ):
        response: Iterable[bytes] = _django(environ, start_response)
        return response
