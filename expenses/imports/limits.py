"""The largest files that an import reads, checked before a file is parsed."""

from smartbudget.core import i18n
from smartbudget.core.errors import InvalidError
from smartbudget.core.i18n import gettext as _

MAX_BYTES = 5 * 1024 * 1024
MAX_ROWS = 10_000  # of a statement, without its header
MAX_COLUMNS = 100
MAX_CELL_LENGTH = 10_000  # characters
MAX_DEPTH = 40  # of nested elements


def check_bytes(size: int) -> None:
    """Reject a file that is too large. Raises InvalidError."""
    if size > MAX_BYTES:
        message = _("The file is larger than {most} MB. Export a shorter period.")
        raise InvalidError(message.format(most=MAX_BYTES // 1024**2), "file")


def check_rows(count: int) -> None:
    """Reject a statement with too many rows. Raises InvalidError."""
    if count > MAX_ROWS:
        message = _("The file has more than {most} rows. Export a shorter period.")
        raise InvalidError(message.format(most=i18n.number(MAX_ROWS)), "file")
