"""Counts of AWS calls, through botocore's events."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from unittest.mock import patch

from botocore.client import BaseClient

READ = "dynamodb.BatchGetItem"
QUERY = "dynamodb.Query"
TRANSACTION = "dynamodb.TransactWriteItems"


@dataclass
class Calls:
    """The AWS calls of a block, in order, and the capacity units they read."""

    names: list[str] = field(default_factory=list)
    read_items: int = 0  # items that queries and scans looked at


@contextlib.contextmanager
def counted() -> Iterator[Calls]:
    """Count every AWS call made within a block, by any client."""
    calls = Calls()
    make_call = BaseClient._make_api_call

    def noted(client, operation, params):
        calls.names.append(f"{client.meta.service_model.service_name}.{operation}")
        answer = make_call(client, operation, params)
        calls.read_items += answer.get("ScannedCount", 0)
        return answer

    with patch.object(BaseClient, "_make_api_call", noted):
        yield calls
