"""The largest files that an import reads, checked before a file is parsed."""

from expenses.imports.messages import FileError

MAX_BYTES = 5 * 1024 * 1024
MAX_ROWS = 10_000  # of a statement, without its header
MAX_COLUMNS = 100
MAX_CELL_LENGTH = 10_000  # characters
MAX_DEPTH = 40  # of nested elements


def check_bytes(size: int) -> None:
    """Reject a file that is too large. Raises FileError."""
    if size > MAX_BYTES:
        raise FileError("too_many_bytes", most=MAX_BYTES // 1024**2)


def check_rows(count: int) -> None:
    """Reject a statement with too many rows. Raises FileError."""
    if count > MAX_ROWS:
        raise FileError("too_many_rows", most=MAX_ROWS)
