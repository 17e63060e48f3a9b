"""The items that imports store in the expenses table, under keys of their own."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pynamodb.attributes import NumberAttribute, TTLAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from expenses.imports.messages import sentence
from expenses.models import ExpensesMeta
from smartbudget.core.dynamodb import Table

if TYPE_CHECKING:
    from expenses.imports.preview import ImportRow

# preview: not begun. reading: by a task, which makes it a preview, or `refused`.
# committing, undoing: begun, but rows may be left.
STATES = (
    "preview",
    "reading",
    "refused",
    "committing",
    "committed",
    "undoing",
    "undone",
)


class ByUserIndex(GlobalSecondaryIndex["Import"]):
    """One user's imports by the day of the upload; eventually consistent."""

    class Meta:
        index_name = "user_id-index"
        projection = AllProjection()

    user_id = UnicodeAttribute(hash_key=True)
    date = UnicodeAttribute(range_key=True)


class Import(Table):
    """A file that was uploaded, and what became of it.

    Stored in the expenses table but never listed with them: in the indexes, it has a
    separate key. The rows are in the bucket; see `files.py`.
    """

    class Meta(ExpensesMeta):
        pass

    expense_id = UnicodeAttribute(hash_key=True)  # see id_of
    # The keys of the indexes: see index_key_of, and a day in UTC.
    index_key = UnicodeAttribute(attr_name="user_id")
    uploaded_on = UnicodeAttribute(attr_name="date")
    file_name = UnicodeAttribute()
    sha256 = UnicodeAttribute()  # of the file, hexadecimal
    format = UnicodeAttribute()  # one of bookings.FORMATS
    source = UnicodeAttribute()  # see profiles.source_of
    profile = UnicodeAttribute()  # its name
    account_label = UnicodeAttribute(default="")
    number_id = UnicodeAttribute(default="")  # see bookings.number_id
    header_hash = UnicodeAttribute(default="")  # of a CSV file
    base = UnicodeAttribute()  # see profiles.base_of; empty if it was never read
    mapping = UnicodeAttribute()  # JSON, how the file was read
    questions = UnicodeAttribute()  # JSON
    counts = UnicodeAttribute()  # JSON: {decision: rows}
    state = UnicodeAttribute(default="preview")  # one of STATES
    # Names the object with the rows. A change writes a new one.
    revision = UnicodeAttribute()
    # The rows whose expenses this import has written: hexadecimal, bit n is row n. An
    # undo clears them.
    written = UnicodeAttribute(default="0")
    # The rows that the import has finished: written, or found to be there already.
    finished = UnicodeAttribute(default="0")
    writable = NumberAttribute(default=0)  # rows that it writes in all
    # How a task is to read the file, JSON; only while `reading`.
    wanted = UnicodeAttribute(null=True)
    attempts = NumberAttribute(default=0)  # to read it
    # Why the file was refused, or could not be read again: see `reason`.
    problem = UnicodeAttribute(null=True)
    problem_values = UnicodeAttribute(null=True)  # JSON
    # The user's when the file was read; older imports don't have it.
    currency = UnicodeAttribute(null=True)
    created_at = UnicodeAttribute()  # ISO 8601, UTC, as is the following
    committed_at = UnicodeAttribute(null=True)  # when it began
    # Of the alerts of all calls. None: they have caused none.
    digest_id = UnicodeAttribute(null=True)
    expires_at = TTLAttribute()

    by_user = ByUserIndex()

    # Not stored: the rows of `revision`, if they are known.
    rows: "Sequence[ImportRow] | None" = None

    @staticmethod
    def id_of(import_id: str) -> str:
        """Return the id of an import's item."""
        return f"import#{import_id}"

    @staticmethod
    def index_key_of(user_id: str) -> str:
        """Return the index key of one user's imports."""
        return f"imports#{user_id}"

    @property
    def import_id(self) -> str:
        """Its id, 32 hexadecimal digits."""
        return str(self.expense_id).removeprefix("import#")

    @property
    def reason(self) -> str | None:
        """The problem in the current language, or None."""
        if not self.problem:
            return None
        return sentence(self.problem, json.loads(self.problem_values or "{}"))

    @property
    def was_read(self) -> bool:
        """Check whether its file was read once."""
        return bool(self.base)

    @property
    def was_begun(self) -> bool:
        """Check whether a row of it was written once."""
        return bool(self.committed_at)

    # The keys of the index, by their names.

    @property
    def user_id(self) -> str:
        """See `index_key`."""
        return str(self.index_key)

    @property
    def date(self) -> str:
        """See `uploaded_on`."""
        return str(self.uploaded_on)


class ImportSettings(Table):
    """The profiles and rules of one user, and files that wait. In no index."""

    class Meta(ExpensesMeta):
        pass

    expense_id = UnicodeAttribute(hash_key=True)  # see id_of
    profiles = UnicodeAttribute(null=True)  # JSON
    deleted = UnicodeAttribute(null=True)  # JSON: profiles.Deleted
    rules = UnicodeAttribute(null=True)  # JSON
    reading = UnicodeAttribute(null=True)  # JSON; see background.py
    version = NumberAttribute(default=0)  # of the first two

    @staticmethod
    def id_of(user_id: str) -> str:
        """Return the id of one user's settings."""
        return f"importing#{user_id}"
