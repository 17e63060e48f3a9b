"""AWS in process: our fake of DynamoDB handles items, moto everything else.

moto's handling of items took half of the test time. moto still creates and describes
the tables. tests/dynamodb/ compares the fake with moto.
"""

import contextlib
import functools
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from botocore.awsrequest import AWSResponse
from botocore.client import BaseClient
from botocore.endpoint import Endpoint
from botocore.signers import RequestSigner
from moto import mock_aws
from moto.core import responses
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.models import botocore_stubber, responses_mock

from tests.dynamodb.fake import OPERATIONS, Dynamo

TARGET = "DynamoDB_20120810."

dynamo = Dynamo()

# Hosts requested, except DynamoDB's; conftest.py resets their services.
asked = {"sqs", "sns", "s3", "email"}  # at first all of them

_lock = threading.RLock()  # neither is thread-safe; moto may call itself
_endpoints: WeakKeyDictionary[BaseClient, Any] = WeakKeyDictionary()
_hooks = 0  # blocks that need botocore's transport
_process_request = BotocoreStubber.process_request
_send_request = Endpoint._send_request
_resolve = BaseClient._resolve_endpoint_ruleset
_sign = RequestSigner.sign


def install() -> None:
    """Prepare moto, which answers within a block of `answering`."""
    # At each start moto would add patterns of all URLs and never remove them.
    mock_aws().start(reset=False)
    _switch(on=False)
    BotocoreStubber.process_request = process_request  # type: ignore[method-assign]
    Endpoint._send_request = send_request
    BaseClient._resolve_endpoint_ruleset = resolve_endpoint
    RequestSigner.sign = sign
    # moto would list the methods of a service's class for each request.
    responses.method_names_from_class = functools.cache(
        responses.method_names_from_class
    )


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


@contextlib.contextmanager
def hooked() -> Iterator[None]:
    """Send all requests through botocore's transport, with its events and retries."""
    global _hooks
    _hooks += 1
    try:
        yield
    finally:
        _hooks -= 1


def send_request(endpoint: Endpoint, request: Any, operation: Any) -> Any:
    """Answer requests for items without botocore's transport, which takes longer."""
    of_items = operation.service_model.service_name == "dynamodb"
    of_items = of_items and operation.name in OPERATIONS
    if _hooks or not (of_items and botocore_stubber.enabled):
        return _send_request(endpoint, request, operation)
    with _lock:
        status, body = dynamo.answer(operation.name, request["body"])
    answer = {"status_code": status, "headers": {}, "body": body}
    protocol = operation.service_model.resolved_protocol
    parser = endpoint._response_parser_factory.create_parser(protocol)
    parsed = parser.parse(answer, operation.output_shape)
    if status >= 300:
        endpoint._add_modeled_error_fields(answer, parsed, operation, parser)
    return AWSResponse(request["url"], status, {}, None), parsed


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


def sign(signer: RequestSigner, *arguments: Any, **more: Any) -> None:
    """Sign requests to S3 only; moto ignores the signatures of other services."""
    if _hooks or not botocore_stubber.enabled or signer._service_id == "S3":
        _sign(signer, *arguments, **more)


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
