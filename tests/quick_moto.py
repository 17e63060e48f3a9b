"""AWS in process: our fake of DynamoDB handles items, moto everything else.

moto's handling of items took half of the test time. moto still creates and describes
the tables. tests/dynamodb/ compares the fake with moto.
"""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from botocore.client import BaseClient
from botocore.signers import RequestSigner
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.models import botocore_stubber, responses_mock

from tests.dynamodb.fake import OPERATIONS, Dynamo

TARGET = "DynamoDB_20120810."

dynamo = Dynamo()

# Hosts requested, except DynamoDB's; conftest.py resets their services.
asked = {"sqs", "sns", "s3", "email"}  # at first all of them

_lock = threading.RLock()  # neither is thread-safe; moto may call itself
_endpoints: WeakKeyDictionary[BaseClient, Any] = WeakKeyDictionary()
_process_request = BotocoreStubber.process_request
_sign = RequestSigner.sign
_resolve = BaseClient._resolve_endpoint_ruleset


def install() -> None:
    """Prepare moto, which answers within a block of `answering`."""
    # At each start moto would add patterns of all URLs and never remove them.
    mock_aws().start(reset=False)
    _switch(on=False)
    BotocoreStubber.process_request = process_request  # type: ignore[method-assign]
    RequestSigner.sign = sign
    BaseClient._resolve_endpoint_ruleset = resolve_endpoint


@contextlib.contextmanager
def answering() -> Iterator[None]:
    """Answer instead of AWS during a block."""
    _switch(on=True)
    try:
        yield
    finally:
        _switch(on=False)


def _switch(*, on: bool) -> None:
    botocore_stubber.enabled = on
    if on:
        responses_mock.start()
    else:
        responses_mock.stop()


def sign(
    signer: RequestSigner,
    operation: str,
    request: Any,
    region: str | None = None,
    kind: str = "standard",
    *arguments: Any,
) -> None:
    """Sign requests except those to DynamoDB, whose signatures are not checked."""
    if "//dynamodb." not in request.url or not botocore_stubber.enabled:
        _sign(signer, operation, request, region, kind, *arguments)


def resolve_endpoint(
    client: BaseClient, operation: Any, *arguments: Any, **more: Any
) -> Any:
    """Resolve the endpoint of a DynamoDB client once, as it never changes."""
    of_tables = client.meta.service_model.service_name == "dynamodb"
    if not (of_tables and botocore_stubber.enabled):
        return _resolve(client, operation, *arguments, **more)
    if client not in _endpoints:
        _endpoints[client] = _resolve(client, operation, *arguments, **more)
    return _endpoints[client]


def process_request(self: BotocoreStubber, request: Any) -> Any:
    """Return the response to a request: HTTP status, headers and body."""
    target = request.headers.get("X-Amz-Target", "")
    target = target.decode() if isinstance(target, bytes) else target
    operation = target.removeprefix(TARGET)
    with _lock:
        if operation in OPERATIONS:
            status, body = dynamo.answer(operation, request.body)
            return status, {}, body
        asked.add(urlsplit(request.url).hostname)
        return _process_request(self, request)
