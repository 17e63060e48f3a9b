"""A table for the tests, on the fake (and moto) and on the local AWS."""

import boto3
import pytest

from tests import quick_moto
from tests.conftest import empty_aws
from tests.dynamodb.fake import Table
from tests.dynamodb.requests import DESCRIPTION, TABLE, outside


@pytest.fixture(scope="module")
def fake():
    """Return a client of the fake with the test table."""
    with empty_aws():
        client = boto3.client("dynamodb")
        description = client.create_table(**DESCRIPTION)["TableDescription"]
        quick_moto.dynamo.tables[TABLE] = Table.described(description)
        yield client
        del quick_moto.dynamo.tables[TABLE]
        client.delete_table(TableName=TABLE)


@pytest.fixture(scope="module")
def ministack(stack):
    client = stack.admin_session().client("dynamodb")
    with outside():
        client.create_table(**DESCRIPTION)
    yield client
    with outside():
        client.delete_table(TableName=TABLE)
