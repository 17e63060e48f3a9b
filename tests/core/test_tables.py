"""What models on one connection share."""

from pynamodb.attributes import UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from smartbudget.core.config import config
from smartbudget.core.tables import Table, connection


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


def test_a_tables_indexes_are_known_whichever_model_connects_first(aws):
    Note._get_connection()
    Thing._get_connection()
    Note._get_connection()

    table = connection().get_meta_table("things")
    assert table.get_key_names("owner-index") == ["thing_id", "owner"]
