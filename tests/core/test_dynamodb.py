"""Helpers for DynamoDB models, and what models on one connection share."""

from decimal import Decimal

import pytest
from botocore.session import get_session
from pynamodb.attributes import UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from accounts.models import UniqueName
from smartbudget.core.config import config
from smartbudget.core.dynamodb import MoneyAttribute, Table, UsersMeta, connection
from tests.notifications import faults


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
