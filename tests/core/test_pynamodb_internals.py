"""The undocumented parts of PynamoDB that we use."""

import inspect

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from pynamodb.attributes import UnicodeAttribute
from pynamodb.connection import Connection, TableConnection
from pynamodb.exceptions import (
    AttributeDeserializationError,
    TransactWriteError,
    VerboseClientError,
)
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

import smartbudget.urls  # noqa: F401 - imports all models
from smartbudget.core.config import config
from smartbudget.core.dynamodb import Table, connection
from smartbudget.core.pynamodb_internals import (
    SharedConnectionModel,
    botocore_error,
    hash_key_of,
    model_of,
)
from tests import quick_moto


def models_below(base):
    """Return the program's models, not those of tests."""
    derived = [
        model for child in base.__subclasses__() for model in models_below(child)
    ]
    return [base, *derived]


MODELS = sorted(
    (
        model
        for model in models_below(Table)
        if not model.__module__.startswith("tests")
    ),
    key=lambda model: (model.__module__, model.__name__),
)
VALUES = {
    "B": b"1",
    "BOOL": True,
    "L": [{"S": "1"}],
    "N": "12",  # PynamoDB drops the fraction of a TTL, which never has one
    "NULL": True,
    "S": "[]",  # also without parts
    "SS": {"1", "2"},
}


class OwnerIndex(GlobalSecondaryIndex["Toy"]):
    class Meta:
        index_name = "user_id-index"
        projection = AllProjection()

    owner = UnicodeAttribute(hash_key=True, attr_name="user_id")
    date = UnicodeAttribute(range_key=True)


class Toy(Table):
    """An item in the expenses table, which has an index."""

    class Meta:
        table_name = f"{config.resource_prefix}expenses"
        region = config.region
        host = config.aws_endpoint

    toy_id = UnicodeAttribute(hash_key=True, attr_name="expense_id")
    by_owner = OwnerIndex()
    owner = UnicodeAttribute(attr_name="user_id")
    date = UnicodeAttribute(default="2026-03-18")


class Ball(Toy):
    """A model derived from one that is already connected."""


@pytest.fixture
def toys(aws):
    return [Toy(f"toy{number}", owner="alice") for number in range(3)]


@pytest.fixture
def sent():
    """Return the operations sent through the shared connection."""
    operations = []

    def note(model, **_):
        operations.append(model.name)

    events = connection().client.meta.events
    events.register("before-call.dynamodb", note)
    with quick_moto.hooked():
        yield operations
    events.unregister("before-call.dynamodb", note)


def test_the_hook_for_a_models_connection_exists():
    assert isinstance(inspect.getattr_static(Model, "_get_connection"), classmethod)
    assert Model._connection is None
    assert Connection()._tables == {}
    assert isinstance(TableConnection("expenses").connection, Connection)


def test_every_call_goes_through_the_shared_connection(toys, sent):
    first, second, third = toys
    first.save()
    first.refresh()
    first.update([Toy.owner.set("bob")])
    Toy.get("toy0")
    with Toy.batch_write() as batch:
        batch.save(second)
    list(Toy.batch_get(["toy0", "toy1"]))
    with TransactWrite(connection=connection()) as transaction:
        transaction.save(third)
    list(Toy.by_owner.query("alice"))
    list(Toy.query("toy0"))
    list(Toy.scan())
    first.delete()

    assert sent == [
        "PutItem",
        "GetItem",
        "UpdateItem",
        "GetItem",
        "BatchWriteItem",
        "BatchGetItem",
        "TransactWriteItems",
        "Query",
        "Query",
        "Scan",
        "DeleteItem",
    ]


def test_a_derived_model_has_its_own_connection_with_the_shared_client(aws):
    table = Toy.table_connection()

    assert Ball.table_connection() is not table
    assert Ball.table_connection().connection is table.connection is connection()
    assert Toy.table_connection() is table  # created once


def test_an_index_knows_its_model_and_a_model_its_hash_key(aws):
    assert model_of(Toy.by_owner) is Toy
    assert hash_key_of(Toy) == "toy_id"


def test_results_come_in_pages_as_dynamodb_json(toys):
    for toy in toys:
        toy.save()

    first, *others = Toy.by_owner.query("alice", page_size=2).page_iter

    assert first["Items"][0]["user_id"] == {"S": "alice"}
    assert "LastEvaluatedKey" in first
    assert sum(len(page["Items"]) for page in others) == 1


def test_a_transaction_that_fails_in_its_block_is_not_sent(toys, sent):
    def fail():
        with TransactWrite(connection=connection()) as transaction:
            transaction.save(toys[0])
            raise KeyError

    with pytest.raises(KeyError):
        fail()

    assert sent == []


def test_botocores_error_with_its_status_is_behind_pynamodbs(toys):
    toys[0].save()
    with (
        pytest.raises(TransactWriteError) as caught,
        TransactWrite(connection=connection()) as transaction,
    ):
        transaction.save(toys[0], Toy.toy_id.does_not_exist())

    assert isinstance(caught.value.cause, VerboseClientError)
    error = botocore_error(caught.value)
    assert isinstance(error, ClientError)
    assert not isinstance(error, VerboseClientError)
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert [reason.code for reason in caught.value.cancellation_reasons] == [
        "ConditionalCheckFailed"
    ]


def test_botocore_error_returns_other_errors_unchanged():
    silence = TimeoutError()

    assert botocore_error(TransactWriteError("Failed", silence)) is silence


@given(st.data())
def test_items_are_read_as_pynamodb_reads_them(data):
    """Partial items, too; a value of another type is an error in both."""
    model = data.draw(st.sampled_from(MODELS), label="model")
    item = {
        attribute.attr_name: {
            kind: VALUES[kind] for kind in (attribute.attr_type, *others)
        }
        for attribute in model.get_attributes().values()
        if (others := data.draw(st.sampled_from([(), ("NULL",), None]))) is not None
    }
    item |= data.draw(st.sampled_from([{}, {"created_at": {"B": b""}}, {"new": {}}]))

    assert outcome(SharedConnectionModel, model, item) == outcome(Model, model, item)


def outcome(base, model, item):
    """Return the attributes that a base class's method reads, or its error."""
    try:
        read = base.from_raw_data.__func__(model, item)
    except AttributeDeserializationError as error:
        return str(error)
    return type(read), vars(read)
