"""AWS in process: our fake of DynamoDB handles items, moto everything else.

Both are called without botocore's transport: building, signing, retrying and receiving
HTTP requests took half of the test time. moto still creates and describes the tables.
tests/dynamodb/ compares the fake with moto.
"""

import base64
import contextlib
import functools
import json
import os
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

import boto3
import moto.core.responses
import moto.sqs.models
from botocore.awsrequest import prepare_request_dict
from botocore.client import BaseClient
from botocore.parsers import ResponseParser, ResponseParserFactory
from botocore.retries.quota import RetryQuota
from botocore.validate import ParamValidationDecorator
from moto import mock_aws
from moto.backend_index import backend_url_patterns
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID as ACCOUNT_ID
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.exceptions import HTTPException
from moto.core.models import botocore_stubber, responses_mock
from moto.core.request import Request

from tests.dynamodb.fake import OPERATIONS, Dynamo

TARGET = "DynamoDB_20120810."
REGION = os.environ["AWS_REGION"]
BINARY = re.compile(rb'"BS?":')  # values that botocore decodes

SERVICES = {name for name, _ in backend_url_patterns}

dynamo = Dynamo()

# Hosts requested, except DynamoDB's; conftest.py resets their services.
asked = {"sqs", "sns", "s3", "email"}  # at first all of them

_lock = threading.RLock()  # neither is thread-safe; moto may call itself
_hooked: Counter[str] = Counter()  # operations that need botocore's transport
_process_request = BotocoreStubber.process_request
_make_api_call = BaseClient._make_api_call
_Answer = tuple[int, dict[str, Any], bytes]


def install() -> None:
    """Prepare moto, which answers within a block of `answering`."""
    # At each start moto would add patterns of all URLs and never remove them.
    mock_aws().start(reset=False)
    _switch(on=False)
    BotocoreStubber.process_request = process_request  # type: ignore[method-assign]
    BaseClient._make_api_call = make_api_call
    # A client retries less after failures, and more only after calls that it sends.
    RetryQuota.acquire = lambda *_: True
    # A new client takes 7 ms, as boto3 reads the service's description.
    boto3.client = functools.cache(boto3.client)
    # moto would list the methods of a service's class for each request, and convert
    # the names of all attributes of a queue.
    for module, name in (
        (moto.core.responses, "method_names_from_class"),
        (moto.core.responses, "camelcase_to_underscores"),
        (moto.sqs.models, "camelcase_to_underscores"),
    ):
        setattr(module, name, functools.cache(getattr(module, name)))


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
def hooked(operation: str = "*") -> Iterator[None]:
    """Send requests through botocore's transport, with its events and retries.

    operation: the one to send so; all by default.
    """
    _hooked[operation] += 1
    try:
        yield
    finally:
        _hooked[operation] -= 1


def make_api_call(client: BaseClient, operation: str, params: dict[str, Any]) -> Any:
    """Return the parsed response to a request, or raise its error."""
    answer = _answer_to(client, operation)
    if not botocore_stubber.enabled or _hooked["*"] or _hooked[operation] or not answer:
        return _make_api_call(client, operation, params)
    status, headers, body = answer(client, operation, params)
    if status < 300 and answer is _of_items and not BINARY.search(body):
        return json.loads(body) | {"ResponseMetadata": {"HTTPStatusCode": status}}
    model = client.meta.service_model.operation_model(operation)
    parser = _parser(model.service_model.resolved_protocol)
    response = {"status_code": status, "headers": headers, "body": body}
    parsed = parser.parse(response, model.output_shape)
    if status < 300:
        return parsed
    client._endpoint._add_modeled_error_fields(response, parsed, model, parser)
    raise client.exceptions.from_code(parsed["Error"]["Code"])(parsed, operation)


def _answer_to(client: BaseClient, operation: str) -> Callable[..., _Answer] | None:
    """Return the function that answers an operation; None: botocore's transport."""
    service = client.meta.service_model
    if not client.meta.endpoint_url.endswith(".amazonaws.com"):
        return None  # a local AWS
    if service.service_name == "dynamodb":
        return _of_items if operation in OPERATIONS else None
    streams = service.operation_model(operation).has_streaming_output
    return None if streams or service.service_name == "s3" else _of_moto


def _of_items(client: BaseClient, operation: str, params: dict[str, Any]) -> _Answer:
    serializer = client._serializer
    if isinstance(serializer, ParamValidationDecorator):  # not PynamoDB's
        model = client.meta.service_model.operation_model(operation)
        request = serializer.serialize_to_request(params, model)["body"]
    else:
        request = json.dumps(params, default=_encoded)
    with _lock:
        status, body = dynamo.answer(operation, request)
    return status, {}, body


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _of_moto(client: BaseClient, operation: str, params: dict[str, Any]) -> _Answer:
    model = client.meta.service_model.operation_model(operation)
    params = client._emit_api_params(params, model, {})
    asking = client._serializer.serialize_to_request(params, model)
    prepare_request_dict(asking, client.meta.endpoint_url, {})
    url, body = asking["url"], asking["body"]
    body = urlencode(body, doseq=True) if isinstance(body, dict) else body
    request = Request.from_primitives(asking["method"], url, asking["headers"], body)
    with _lock:
        asked.add(urlsplit(url).hostname)
        try:
            status, headers, body = _handler(url)(request, url, request.headers)
        except HTTPException as error:
            status, headers, body = error.code, {}, error.get_body()
    return status, headers, body.encode() if isinstance(body, str) else body


@functools.cache
def _handler(url: str) -> Callable[..., Any]:
    """Return moto's function that answers requests to a URL."""
    for service, pattern in backend_url_patterns:
        if pattern.match(url):
            for path, handler in backend(service).urls.items():
                if re.match(path, url):
                    return handler
    raise NotImplementedError(url)


def backend(service: str) -> Any:
    """Return moto's state of a service."""
    regions = get_backend(service)[ACCOUNT_ID]
    return regions[REGION if REGION in regions else "aws"]


@functools.cache
def _parser(protocol: str) -> ResponseParser:
    return ResponseParserFactory().create_parser(protocol)


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
