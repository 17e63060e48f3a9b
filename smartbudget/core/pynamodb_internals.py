"""Wrappers of PynamoDB's private attributes.

No other module uses names of PynamoDB that begin with an underscore.
tests/core/test_pynamodb_internals.py fails if a new version changes one of these.
"""

import threading
from typing import Any, Self

from pynamodb.connection import Connection, TableConnection
from pynamodb.connection.base import MetaTable
from pynamodb.constants import GLOBAL_SECONDARY_INDEXES, NULL
from pynamodb.exceptions import PynamoDBException, VerboseClientError
from pynamodb.indexes import Index
from pynamodb.models import Model

_joining = threading.Lock()


class SharedConnectionModel(Model):
    """Base of models that share one connection instead of creating their own."""

    @classmethod
    def shared_connection(cls) -> Connection:
        """Return the connection of all models."""
        raise NotImplementedError

    @classmethod
    def table_connection(cls) -> TableConnection:
        """Return the connection to the model's table, for calls that Model lacks."""
        return cls._get_connection()

    @classmethod
    def from_raw_data(cls, data: dict[str, Any]) -> Self:
        """Return the item of DynamoDB's JSON, which may be partial.

        PynamoDB's own method takes four times as long: it sets every default twice, and
        each attribute through a descriptor. No model has a discriminator, which is all
        that this leaves out.
        """
        item = cls.__new__(cls)
        values: dict[str, Any] = {}
        item.attribute_values = values
        for name, attribute in cls.get_attributes().items():
            stored = data.get(attribute.attr_name)
            if stored and NULL not in stored:
                values[name] = attribute.deserialize(attribute.get_value(stored))
            elif attribute.default is not None:
                default = attribute.default
                values[name] = default() if callable(default) else default
        return item

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        # A model that inherited its base's connection would never register its own
        # indexes.
        cls._connection = None

    @classmethod
    def _get_connection(cls) -> TableConnection:
        with _joining:
            table: TableConnection = super()._get_connection()
            shared = cls.shared_connection()
            if table.connection is not shared:
                _register(shared, table.get_meta_table())
                table.connection = shared
        return table


def _register(shared: Connection, table: MetaTable) -> None:
    """Register a table's keys and indexes with the connection.

    A table may have several models, most of them without indexes. In any order of
    registration, the description with the most indexes stays.
    """
    known = shared._tables.get(table.table_name)
    if known is None or len(_indexes(known)) < len(_indexes(table)):
        shared._tables[table.table_name] = table


def _indexes(table: MetaTable) -> list[Any]:
    indexes: list[Any] = table.data.get(GLOBAL_SECONDARY_INDEXES, [])
    return indexes


def model_of(index: Index[Any]) -> type[Any]:
    """Return the model whose items an index lists."""
    model: type[Any] = index._model
    return model


def hash_key_of(model: type[Model]) -> str:
    """Return the name of the attribute that is a model's hash key."""
    name = model._hash_keyname
    assert name is not None  # PynamoDB requires one
    return name


def botocore_error(error: PynamoDBException) -> BaseException | None:
    """Return the botocore error behind PynamoDB's, which has no HTTP status."""
    cause: BaseException | None = error.cause
    return cause.__cause__ if isinstance(cause, VerboseClientError) else cause
