"""The lock of a report being created with its last file, and queued reports."""

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from smartbudget.core.dynamodb import Table, UsersMeta
from smartbudget.core.lease import Lease


class ReportLock(Table):
    """The lease on one report and its last result; an item of the users table."""

    class Meta(UsersMeta):
        pass

    # Not a user's id: `report#<sha256 of user, type and period>`.
    user_id = UnicodeAttribute(hash_key=True)
    lease_owner = UnicodeAttribute(attr_name="claim", null=True)
    # Epoch seconds.
    lease_until = NumberAttribute(attr_name="claimed_until", null=True)
    fingerprint = UnicodeAttribute(null=True)  # of the last report's content
    file_name = UnicodeAttribute(null=True)  # of the last report, without user id
    expires_at = NumberAttribute()  # epoch seconds; TTL


class QueuedReports(Table):
    """A user's queued reports, and the lease to create them; in the users table."""

    class Meta(UsersMeta):
        pass

    # Not a user's id: `queued-reports#<user_id>`.
    user_id = UnicodeAttribute(hash_key=True)
    reports = UnicodeAttribute()  # JSON: {id: fields of queued.QueuedReport}
    lease_owner = UnicodeAttribute(null=True)
    lease_until = NumberAttribute(null=True)  # epoch seconds
    expires_at = NumberAttribute()  # epoch seconds; TTL


QUEUED_LEASE = Lease(owner=QueuedReports.lease_owner, until=QueuedReports.lease_until)
LEASE = Lease(owner=ReportLock.lease_owner, until=ReportLock.lease_until)
