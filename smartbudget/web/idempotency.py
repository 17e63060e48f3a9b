"""POSTs with an Idempotency-Key: a retry gets the response of the first attempt.

Two requests are the same if their method, URL and parsed body are. Errors are not
stored: after a 4xx, a corrected request may use the key; after a 5xx, a retry does the
work again, or finds that it was done.

A response with a secret is not stored either; a retry is refused with 409. Only HMACs
of requests are stored, so that a password in a body cannot be guessed from them.
"""

import hashlib
import json
import logging
import zlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.crypto import salted_hmac
from django.utils.datastructures import MultiValueDict
from pynamodb.exceptions import PynamoDBException
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder
from rest_framework.views import APIView

from smartbudget.core import idempotency as records
from smartbudget.core.dynamodb import is_outage
from smartbudget.core.errors import SecretResponseError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.idempotency import NAME as NAME
from smartbudget.core.idempotency import Attempt
from smartbudget.web.errors import KNOWN

logger = logging.getLogger(__name__)

REPLAYED = "Idempotency-Replayed"
STORED_HEADERS = ("ETag", "Location")


def respond_once(
    view: APIView,
    work: Callable[..., Response],
    request: Request,
    *args: Any,
    **kwargs: Any,
) -> Response:
    """Return the response of `work`, or the one stored by an earlier attempt.

    Sets the view's `idempotency_key`, the same for every attempt at the request.
    """
    user_id, key = request.user.user_id, records.parse_key(request.headers[NAME])
    attempt = records.begin(user_id, key, _fingerprints(request, key))
    if isinstance(attempt, bytes):
        return _unpacked(attempt)
    view.idempotency_key = attempt.seed
    response, status = None, 500  # after a bug, or if the process is stopped
    try:
        response = work(request, *args, **kwargs)
        status = response.status_code
    except KNOWN as error:
        response = view.handle_exception(error)
        status = response.status_code
    finally:
        _finish(attempt, status, None if view.holds_secret else response)
    return response


def _finish(attempt: Attempt, status: int, response: Response | None) -> None:
    """Store how an attempt ended; `response` is None if it must not be stored.

    An outage is only logged, since the work is done. The lease then expires.
    """
    try:
        if status < 400:
            records.complete(attempt, _packed(response))
        else:
            records.give_up(attempt, nothing_done=status < 500)
    except PynamoDBException as error:
        if not is_outage(error):
            raise
        logger.warning("attempt not finished record=%s", attempt.record, exc_info=True)


def _fingerprints(request: Request, key: str) -> list[str]:
    """Return HMACs of a request, with the current SECRET_KEY and each older one."""
    body = request.data
    if isinstance(body, MultiValueDict):
        body = dict(body.lists())
    query = sorted(request.query_params.lists())
    content = [key, request.method, request._request.path_info, query, body]
    try:
        text = json.dumps(content, sort_keys=True, default=_as_json)
    except RecursionError as error:
        raise ParseError("The body is not valid JSON.") from error
    return [
        salted_hmac(
            "smartbudget.web.request", text, secret, algorithm="sha256"
        ).hexdigest()
        for secret in _secrets()
    ]


def _as_json(value: Decimal | UploadedFile) -> object:
    """Return a decimal or file as JSON, the file by its hash."""
    if isinstance(value, Decimal):
        return ["number", str(value)]
    digest = hashlib.sha256()
    for chunk in value.chunks():
        digest.update(chunk)
    value.seek(0)
    return ["file", value.name, value.content_type, digest.hexdigest()]


def _secrets() -> list[str]:
    return [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]


def _packed(response: Response | None) -> bytes:
    """Return a response as bytes to store; None stands for one with a secret."""
    content = response and {
        "status": response.status_code,
        "headers": {
            name: response[name] for name in STORED_HEADERS if name in response
        },
        "data": response.data,
    }
    return zlib.compress(json.dumps(content, cls=JSONEncoder).encode())


def _unpacked(packed: bytes) -> Response:
    """Return a stored response. Raises SecretResponseError if it had a secret."""
    content = json.loads(zlib.decompress(packed))
    if content is None:
        raise SecretResponseError(
            _("This request already succeeded. Its secret is shown only once.")
        )
    headers = {**content["headers"], REPLAYED: "true"}
    return Response(content["data"], status=content["status"], headers=headers)
