"""What the application needs of PynamoDB beyond its documented interface.

Nothing else in the application uses names of PynamoDB that begin with an underscore.
tests/core/test_pynamodb_internals.py fails where a new version changes one of these.
"""

import threading
from typing import Any

from pynamodb.connection import Connection, TableConnection
from pynamodb.connection.base import MetaTable
from pynamodb.constants import GLOBAL_SECONDARY_INDEXES
from pynamodb.exceptions import PynamoDBException, VerboseClientError
from pynamodb.indexes import Index
from pynamodb.models import Model

_joining = threading.Lock()


class SharedConnectionModel(Model):
    """A model that uses a connection which exists, instead of making its own."""

    @classmethod
    def shared_connection(cls) -> Connection:
        """Return the connection of all models."""
        raise NotImplementedError

    @classmethod
    def table_connection(cls) -> TableConnection:
        """Return the connection to the model's table, for calls that models lack."""
        return cls._get_connection()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        # A model that inherits the connection of its base would not make its own
        # indexes known.
        cls._connection = None

    @classmethod
    def _get_connection(cls) -> TableConnection:
        with _joining:
            table: TableConnection = super()._get_connection()
            shared = cls.shared_connection()
            if table.connection is not shared:
                _make_known(shared, table.get_meta_table())
                table.connection = shared
        return table


def _make_known(shared: Connection, table: MetaTable) -> None:
    """Register a table's keys and indexes with the connection.

    Several kinds of item live in one table, each with its model, and most of the models
    name no index. Whichever connects first, the one with the indexes stays.
    """
    known = shared._tables.get(table.table_name)
    if known is None or len(_indexes(known)) < len(_indexes(table)):
        shared._tables[table.table_name] = table


def _indexes(table: MetaTable) -> list[Any]:
    found: list[Any] = table.data.get(GLOBAL_SECONDARY_INDEXES, [])
    return found


def model_of(index: Index[Any]) -> type[Any]:
    """Return the model whose items an index lists."""
    model: type[Any] = index._model
    return model


def hash_key_of(model: type[Model]) -> str:
    """Return the name of the attribute that is a model's hash key."""
    name = model._hash_keyname
    assert name is not None  # PynamoDB connects no model without one
    return name


def botocore_error(error: PynamoDBException) -> BaseException | None:
    """Return botocore's error behind PynamoDB's, whose own drops the HTTP status."""
    cause: BaseException | None = error.cause
    return cause.__cause__ if isinstance(cause, VerboseClientError) else cause
