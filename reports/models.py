"""The lock of a report being created, and its last file."""

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from smartbudget.core.dynamodb import Table, UsersMeta
from smartbudget.core.lease import Lease


class ReportLock(Table):
    """`report#<sha256 of user, type and period>` in the users table: one at a time."""

    class Meta(UsersMeta):
        pass

    user_id = UnicodeAttribute(hash_key=True)  # the record's own key
    lease_owner = UnicodeAttribute(attr_name="claim", null=True)
    # Epoch seconds.
    lease_until = NumberAttribute(attr_name="claimed_until", null=True)
    fingerprint = UnicodeAttribute(null=True)  # of the numbers in the last file
    file_name = UnicodeAttribute(null=True)  # of that file, without its owner's id
    expires_at = NumberAttribute()  # epoch seconds; TTL


LEASE = Lease(owner=ReportLock.lease_owner, until=ReportLock.lease_until)
