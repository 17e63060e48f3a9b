"""Wrappers of PynamoDB's private attributes.

No other module uses names of PynamoDB that begin with an underscore.
tests/core/test_pynamodb_internals.py fails if a new version changes one of these.
"""

import functools
import threading
from typing import Any, Self

from pynamodb.attributes import Attribute
from pynamodb.connection import Connection, TableConnection
from pynamodb.connection.base import MetaTable
from pynamodb.constants import GLOBAL_SECONDARY_INDEXES, NULL
from pynamodb.exceptions import PynamoDBException, VerboseClientError
from pynamodb.indexes import Index
from pynamodb.models import Model

_Named = tuple[str, Attribute[Any]]  # an attribute by its name in Python
_Default = tuple[str, Any]  # its default, which may be a function

_registering = threading.Lock()


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
        each attribute through its descriptor. This leaves out what no model has:
        discriminators, fractions of a TTL.
        """
        item = cls.__new__(cls)
        known, defaults = _attributes_of(cls)
        values = {
            name: default() if callable(default) else default
            for name, default in defaults
        }
        for stored_name, stored in data.items():
            if stored_name in known and stored and NULL not in stored:
                name, attribute = known[stored_name]
                values[name] = attribute.deserialize(attribute.get_value(stored))
        item.attribute_values = values
        return item

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        # A model that inherited its base's connection would never register its own
        # indexes.
        cls._connection = None

    @classmethod
    def _get_connection(cls) -> TableConnection:
        with _registering:
            table: TableConnection = super()._get_connection()
            shared = cls.shared_connection()
            if table.connection is not shared:
                _register(shared, table.get_meta_table())
                table.connection = shared
        return table


@functools.cache
def _attributes_of(model: type[Model]) -> tuple[dict[str, _Named], list[_Default]]:
    """Return a model's attributes by their stored names, and their defaults."""
    named = [*model.get_attributes().items()]
    return (
        {attribute.attr_name: (name, attribute) for name, attribute in named},
        [
            (name, attribute.default)
            for name, attribute in named
            if attribute.default is not None
        ],
    )


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
