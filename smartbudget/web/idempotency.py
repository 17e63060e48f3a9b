"""POSTs with an Idempotency-Key: sent again, they get the first answer again.

What counts as the same request is its method, address and what its body says, however
that was written. A refusal (4xx) is not kept, so that a corrected request may use the
key; nor is a failure (5xx): the repetition does the work again, or finds it.

An answer that holds a secret is not stored: sent again, the request is refused, since
it was done. Requests are compared by HMAC, so that a password in a body cannot be
guessed from what is stored.
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
from smartbudget.core.errors import SecretAnswerError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.idempotency import NAME as NAME
from smartbudget.core.idempotency import Attempt

logger = logging.getLogger(__name__)

REPLAYED = "Idempotency-Replayed"
KEPT_HEADERS = ("ETag", "Location")


def answer_once(
    view: APIView,
    work: Callable[..., Response],
    request: Request,
    *args: Any,
    **kwargs: Any,
) -> Response:
    """Answer a request as `work` does, or as it did the first time.

    Sets the view's `idempotency_key`, the same for every attempt at the request.
    """
    user_id, key = request.user.user_id, records.parse_key(request.headers[NAME])
    begun = records.begin(user_id, key, _fingerprints(request, key))
    if isinstance(begun, bytes):
        return _unpacked(begun)
    view.idempotency_key = begun.seed
    response = None
    try:
        response = _answer(view, work, request, *args, **kwargs)
    finally:
        _settle(begun, response, is_kept=not view.holds_secret)
    return response


def _answer(
    view: APIView,
    work: Callable[..., Response],
    request: Request,
    *args: Any,
    **kwargs: Any,
) -> Response:
    try:
        return work(request, *args, **kwargs)
    except Exception as error:  # noqa: BLE001 - bugs are raised again there
        return view.handle_exception(error)


def _settle(attempt: Attempt, response: Response | None, *, is_kept: bool) -> None:
    """Store how an attempt ended; `response` is None after a bug.

    is_kept: whether to store the answer, or only that there was one.

    The work stands even where that cannot be stored: its lease expires.
    """
    status = 500 if response is None else response.status_code
    try:
        if status < 400:
            records.complete(attempt, _packed(response if is_kept else None))
        else:
            records.give_up(attempt, nothing_done=status < 500)
    except PynamoDBException as error:
        if not is_outage(error):
            raise
        logger.warning("attempt not settled record=%s", attempt.record, exc_info=True)


def _fingerprints(request: Request, key: str) -> list[str]:
    """Return HMACs of a request, with the current SECRET_KEY and each older one."""
    body = request.data
    if isinstance(body, MultiValueDict):
        body = dict(body.lists())
    query = sorted(request.query_params.lists())
    said = [key, request.method, request._request.path_info, query, body]
    try:
        text = json.dumps(said, sort_keys=True, default=_described)
    except RecursionError as error:
        raise ParseError("The body is not valid JSON.") from error
    return [
        salted_hmac(
            "smartbudget.web.request", text, secret, algorithm="sha256"
        ).hexdigest()
        for secret in _secrets()
    ]


def _described(value: Decimal | UploadedFile) -> object:
    """Return a JSON form of a decimal or file."""
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
    """Return an answer to store; None: only that there was one."""
    answer = response and {
        "status": response.status_code,
        "headers": {n: response[n] for n in KEPT_HEADERS if n in response},
        "data": response.data,
    }
    return zlib.compress(json.dumps(answer, cls=JSONEncoder).encode())


def _unpacked(packed: bytes) -> Response:
    """Return a stored answer. Raises SecretAnswerError if it held a secret."""
    answer = json.loads(zlib.decompress(packed))
    if answer is None:
        raise SecretAnswerError(
            _("This request already succeeded. Its secret is shown only once.")
        )
    headers = {**answer["headers"], REPLAYED: "true"}
    return Response(answer["data"], status=answer["status"], headers=headers)
