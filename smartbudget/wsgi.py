"""What the web server runs."""

import os
from collections.abc import Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application

from expenses.receipts import bounded
from smartbudget.core import dynamodb, log
from smartbudget.core.config import config
from smartbudget.web.body import whole_body

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "smartbudget.settings")
log.set_up(config.log_level)
_django = get_wsgi_application()

# The first request should not wait for the client to be made, nor two threads make it
# at once (docs/aws.md#one-client-for-all-models).
dynamodb.connection()
# Nor should the first receipt wait for what checks it.
bounded.start()


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer a request, of which only a whole body counts."""
    with whole_body(environ):
        answer: Iterable[bytes] = _django(environ, start_response)
        return answer
