"""Helpers for DynamoDB models, and what models on one connection share."""

import base64
import json
import zlib
from decimal import Decimal

import pytest
from botocore.awsrequest import AWSResponse
from botocore.parsers import create_parser
from botocore.session import get_session
from hypothesis import given
from hypothesis import strategies as st
from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import GetError
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from accounts.models import UniqueName
from smartbudget.core.config import config
from smartbudget.core.dynamodb import MoneyAttribute, Table, UsersMeta, connection
from tests.notifications import faults
from tests.sampling import sampled


class OwnerIndex(GlobalSecondaryIndex["Thing"]):
    class Meta:
        index_name = "owner-index"
        projection = AllProjection()

    owner = UnicodeAttribute(hash_key=True)


class Thing(Table):
    class Meta:
        table_name = "things"
        region = config.region
        host = None

    thing_id = UnicodeAttribute(hash_key=True)
    by_owner = OwnerIndex()
    owner = UnicodeAttribute()


class Note(Table):
    """Another kind of item in the same table."""

    class Meta(Thing.Meta):
        pass

    thing_id = UnicodeAttribute(hash_key=True)


def test_a_tables_indexes_are_known_regardless_of_which_model_connects_first(aws):
    Note.table_connection()
    Thing.table_connection()
    Note.table_connection()

    table = connection().get_meta_table("things")
    assert table.get_key_names("owner-index") == ["thing_id", "owner"]


def test_a_models_indexes_are_known_even_if_its_base_connected_first(aws):
    class Base(Table):
        class Meta(Thing.Meta):
            table_name = "bases"

        thing_id = UnicodeAttribute(hash_key=True)
        owner = UnicodeAttribute()

    class Derived(Base):
        by_owner = OwnerIndex()

    Base.table_connection()
    Derived.table_connection()

    table = connection().get_meta_table("bases")
    assert table.get_key_names("owner-index") == ["thing_id", "owner"]


@pytest.mark.parametrize(
    ("amount", "stored"),
    [("85.00", "85"), ("0.10", "0.1"), ("100", "100"), ("-3.50", "-3.5"), ("0", "0")],
)
def test_money_is_serialized_as_dynamodb_stores_it(amount, stored):
    """A repeated transaction must send exactly the same request."""
    attribute = MoneyAttribute()

    assert attribute.serialize(Decimal(amount)) == stored
    assert attribute.deserialize(stored) == Decimal(amount)


def test_the_largest_money_keeps_every_digit():
    amount = Decimal("999999999999.9999")

    assert MoneyAttribute().serialize(amount) == "999999999999.9999"


class Box(Table):
    class Meta(UsersMeta):
        pass

    user_id = UnicodeAttribute(hash_key=True)
    label = UnicodeAttribute(null=True)


def test_find_returns_the_item_or_none(aws):
    Box("box#1", label="a").save()

    assert Box.find("box#1").label == "a"
    assert Box.find("box#2") is None


def test_assign_sets_a_value_and_removes_none(aws):
    box = Box("box#1")

    box.update([Box.assign("label", "b")])
    assert Box.find("box#1").label == "b"
    box.update([Box.assign("label", None)])
    assert Box.find("box#1").label is None


def test_requests_have_a_user_agent_and_the_shared_settings(aws):
    agents = []

    def record(request, _):
        agents.append(request.headers["User-Agent"])

    with faults.hooked("GetItem", record):
        UniqueName.find("username#alice")

    settings = connection().client.meta.config
    assert [agent.decode() for agent in agents] == [get_session().user_agent()]
    assert (settings.read_timeout, settings.connect_timeout) == (2, 1)


TEXTS = st.one_of(st.sampled_from(["B", "BS", '"B":', "\n", "é"]), st.text())
BINARY = st.binary().map(lambda value: base64.b64encode(value).decode())
VALUES = st.recursive(
    st.one_of(
        st.fixed_dictionaries({"S": TEXTS}),
        st.fixed_dictionaries({"N": st.integers().map(str)}),
        st.fixed_dictionaries({"BOOL": st.booleans()}),
        st.just({"NULL": True}),
        st.fixed_dictionaries({"SS": st.lists(TEXTS)}),
        st.fixed_dictionaries({"B": BINARY}),
        st.fixed_dictionaries({"BS": st.lists(BINARY)}),
    ),
    lambda values: st.one_of(
        st.fixed_dictionaries({"L": st.lists(values)}),
        st.fixed_dictionaries({"M": st.dictionaries(TEXTS, values)}),
    ),
    max_leaves=5,
)
ITEMS = st.dictionaries(TEXTS, VALUES, max_size=5)
PARAMETERS = {
    "GetItem": {"TableName": "boxes", "Key": {}},
    "Query": {"TableName": "boxes"},
    "BatchGetItem": {"RequestItems": {"boxes": {"Keys": []}}},
}
BODIES = st.one_of(
    st.fixed_dictionaries({}, optional={"Item": ITEMS}).map(lambda x: ("GetItem", x)),
    st.fixed_dictionaries(
        {"Count": st.integers(), "Items": st.lists(ITEMS, max_size=3)},
        optional={"LastEvaluatedKey": ITEMS},
    ).map(lambda x: ("Query", x)),
    st.fixed_dictionaries(
        {
            "Responses": st.dictionaries(st.text(), st.lists(ITEMS, max_size=3)),
            "UnprocessedKeys": st.just({}),
        }
    ).map(lambda x: ("BatchGetItem", x)),
)


def response(request, status, body, checksum=None):
    headers = {"x-amz-crc32": str(checksum or zlib.crc32(body))}
    return AWSResponse(request.url, status, headers, faults.Body(body.decode()))


@pytest.mark.soak
@sampled(25, 1000)
@given(BODIES)
def test_items_are_parsed_as_botocore_parses_them(operation_and_body):
    operation, content = operation_and_body
    body = json.dumps(content).encode()
    client = connection().client
    shape = client.meta.service_model.operation_model(operation).output_shape

    with faults.hooked(operation, lambda request, _: response(request, 200, body)):
        parsed = client._make_api_call(operation, PARAMETERS[operation])

    plain = {"status_code": 200, "headers": {}, "body": body}
    expected = create_parser("json").parse(plain, shape)
    del parsed["ResponseMetadata"], expected["ResponseMetadata"]
    assert parsed == expected


def test_a_damaged_response_is_requested_again(aws):
    answers = [(b'{"Item": {', 1), (b'{"Item": {}}', 1), (b"{}", None)]

    def answer(request, _):
        body, checksum = answers.pop(0)
        return response(request, 200, body, checksum)

    with faults.hooked("GetItem", answer):
        assert Box.find("box#1") is None
    assert not answers


def test_an_error_of_a_read_has_its_code(aws):
    body = b'{"__type": "com.amazonaws.dynamodb.v20120810#ValidationException"}'

    with (
        faults.hooked("GetItem", lambda request, _: response(request, 400, body)),
        pytest.raises(GetError) as caught,
    ):
        Box.find("box#1")
    assert caught.value.cause_response_code == "ValidationException"
