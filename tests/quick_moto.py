"""Shortcuts through moto, which would be most of the tests' time.

Operations and their effects stay moto's; tests/test_quick_moto.py compares the two.
"""

import base64
import contextlib
import copy
import json
import re
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

from botocore import xform_name
from botocore.signers import RequestSigner
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.exceptions import HTTPException, ServiceException
from moto.core.models import botocore_stubber, responses_mock
from moto.dynamodb.models import DynamoDBBackend, Table
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.responses import DynamoHandler

BINARY = re.compile(rb'"BS?"')
TARGET = "DynamoDB_20120810."
ITEM_OPERATIONS = {
    *("BatchGetItem", "BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query"),
    *("Scan", "TransactGetItems", "TransactWriteItems", "UpdateItem"),
}

# Hosts that were asked, tables' not among them; conftest.py empties what was used.
asked = {"sqs", "sns", "s3", "email"}  # at first all of them

_process_request = BotocoreStubber.process_request
_sign = RequestSigner.sign
_transact_write_items = DynamoDBBackend.transact_write_items


def install() -> None:
    """Prepare moto, which answers while a block of `answering` runs."""
    # At each start moto would add patterns of all addresses, and never drop them.
    mock_aws().start(reset=False)
    _switch(on=False)
    BotocoreStubber.process_request = process_request
    RequestSigner.sign = sign
    DynamoDBBackend.transact_write_items = transact_write_items


@contextlib.contextmanager
def answering() -> Iterator[None]:
    """Let moto answer instead of AWS for the length of a block."""
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
    """Sign what is not for moto's tables, which look at no signature."""
    if "//dynamodb." not in request.url or not botocore_stubber.enabled:
        _sign(signer, operation, request, region, kind, *arguments)


def process_request(stubber: BotocoreStubber, request: Any) -> Any:
    """Answer a call about items without a web server's work around it.

    What has binary values or goes wrong is moto's own to answer.
    """
    target = request.headers.get("X-Amz-Target", "")
    target = target.decode() if isinstance(target, bytes) else target
    operation = target.removeprefix(TARGET)
    if operation in ITEM_OPERATIONS and not BINARY.search(request.body):
        with contextlib.suppress(HTTPException, ServiceException):
            return 200, {}, _do(operation, request)
    asked.add(urlsplit(request.url).hostname)
    return _process_request(stubber, request)


def _do(operation: str, request: Any) -> bytes:
    handler = DynamoHandler()
    handler.current_account = DEFAULT_ACCOUNT_ID
    handler.region = request.url.partition("dynamodb.")[2].partition(".")[0]
    handler.body = json.loads(request.body)
    result = getattr(handler, xform_name(operation))().result
    return json.dumps(result, default=_encode).encode()


def _encode(value: bytes) -> str:
    return base64.b64encode(value).decode()


def transact_write_items(backend: DynamoDBBackend, items: list[dict[str, Any]]) -> None:
    """Keep what a transaction names, to undo it; moto would copy tables for each."""
    before = [kept for item in items if (kept := _keep(backend, item))]
    with patch.object(Table, "__deepcopy__", lambda table, memo: table, create=True):
        try:
            _transact_write_items(backend, items)
        except Exception:
            for place, key, item in before:
                place.pop(key, None)
                if item is not None:
                    place[key] = item
            raise


def _keep(
    backend: DynamoDBBackend, item: dict[str, Any]
) -> tuple[dict[Any, Any], DynamoType, Item | None] | None:
    """Return where an item is, its key there, and a copy of it or None."""
    asked = next(iter(item.values()))
    table = backend.tables.get(asked["TableName"])
    named = asked.get("Key") or asked.get("Item") or {}
    if table is None or table.hash_key_attr not in named:
        return None  # it will be refused
    key = DynamoType(named[table.hash_key_attr])
    assert not table.has_range_key, "No table here has one."
    return table.items, key, copy.deepcopy(table.items.get(key))
