"""Split a CSV file into records: its delimiter, its quotes and its header."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from expenses.imports import limits
from expenses.imports.columns import is_amount, is_day
from expenses.imports.headings import count_known
from expenses.imports.messages import FileError

DELIMITERS = (";", ",", "\t", "|")
MAX_LINES = 3 * limits.MAX_ROWS  # also blank ones, and those in cells
MAX_LINE_LENGTH = 20_000  # characters
MAX_RECORD_LINES = 20  # of a record with line breaks in cells
MAX_OTHER_ROWS = 100  # above the header, and sums

# How a file keeps a spreadsheet from reading a number.
_AS_TEXT = re.compile('^="([^"]*)"$')
_SAMPLE = 200  # bookings that decide the delimiter
_MAX_PREAMBLE = 1000  # records above the first booking


@dataclass(frozen=True, slots=True)
class Record:
    """A row of a file. `line`: the number of its first line, from 1."""

    line: int
    cells: Sequence[str]

    def cell(self, column: int | None) -> str:
        """Return a cell; empty if the row has no such column."""
        if column is None or column >= len(self.cells):
            return ""
        return self.cells[column]

    @property
    def width(self) -> int:
        """Return the number of cells without empty ones at the end."""
        return max(
            (number for number, cell in enumerate(self.cells, 1) if cell), default=0
        )


@dataclass(frozen=True, slots=True)
class Table:
    """A file's records. The rows of `body` are those below the header."""

    delimiter: str
    preamble: Sequence[Record]
    header: Record | None
    body: Sequence[Record]

    @property
    def width(self) -> int:
        """Return the number of columns."""
        if self.header:
            return len(self.header.cells)
        return _common_width(self.body)


def read_table(text: str, today: date, *, delimiter: str = "") -> Table:
    """Return the records of a CSV file.

    delimiter: one of DELIMITERS, if the user chose one.

    Raises FileError if the file is too large or has no bookings.
    """
    lines = _lines(text)
    choices = [delimiter] if delimiter in DELIMITERS else DELIMITERS
    scores = {choice: _score(lines, choice, today) for choice in choices}
    best = max(scores, key=lambda choice: scores[choice])
    if not any(scores[best]):
        raise FileError("no_rows")
    records = list(_records(lines, best, today))
    first = next(row for row, record in enumerate(records) if _is_data(record, today))
    width = _common_width(records[first:])
    header = _find_header(records[:first], width)
    start = first if header is None else header + 1
    return Table(
        best,
        records[: start if header is None else header],
        None if header is None else records[header],
        records[start:],
    )


def _lines(text: str) -> list[str]:
    """Return a file's lines, if they are within the limits."""
    if text.count("\n") + text.count("\r") > 2 * MAX_LINES:
        limits.check_rows(MAX_LINES)
    lines = [*io.StringIO(text, newline=None)]
    if len(lines) > MAX_LINES:
        limits.check_rows(MAX_LINES)
    for number, line in enumerate(lines, 1):
        if len(line.rstrip("\n")) > MAX_LINE_LENGTH:
            raise FileError("long_line", line=number, most=MAX_LINE_LENGTH)
    return lines


def _score(lines: Sequence[str], delimiter: str, today: date) -> tuple[int, int]:
    """Return how many rows are bookings of the same width, and the width."""
    widths: Counter[int] = Counter()
    for count, record in enumerate(_records(lines, delimiter, today)):
        if count >= (_SAMPLE if widths else _MAX_PREAMBLE):
            break
        if _is_data(record, today):
            widths[len(record.cells)] += 1
    if not widths:
        return 0, 0
    width, count = widths.most_common(1)[0]
    return count, width


def _records(lines: Sequence[str], delimiter: str, today: date) -> Iterator[Record]:
    """Yield the records of a file, without blank ones.

    Raises FileError for too many rows or columns.
    """
    row, rows = 0, 0
    while row < len(lines):
        cells, used = _record(lines, row, delimiter, today)
        if len(cells) > limits.MAX_COLUMNS:
            raise FileError("wide_line", line=row + 1, most=limits.MAX_COLUMNS)
        if any(cells):
            rows += 1
            limits.check_rows(rows - MAX_OTHER_ROWS)
            yield Record(row + 1, cells)
        row += used


def _record(
    lines: Sequence[str], row: int, delimiter: str, today: date
) -> tuple[list[str], int]:
    """Return the cells of a record, and how many lines it has."""
    line = lines[row]
    if '"' not in line:
        return _trimmed(line.split(delimiter, limits.MAX_COLUMNS + 1)), 1
    for end in (row + 1, row + MAX_RECORD_LINES):
        reader = _reader(lines[row:end], delimiter, strict=True)
        try:
            cells = _trimmed(next(reader))
            break
        except csv.Error:
            continue
    else:  # a quotation mark in a text, or one that is never closed
        return _single_line(line, delimiter), 1
    # A lone quotation mark would swallow the bookings up to the next one.
    if any(
        _is_data(Record(0, _single_line(text, delimiter)), today)
        for text in lines[row + 1 : row + reader.line_num]
    ):
        return _single_line(line, delimiter), 1
    return cells, reader.line_num


def _single_line(line: str, delimiter: str) -> list[str]:
    """Return the cells of a line, in which quotation marks may be part of a text."""
    if line.count('"') % 2:
        return _trimmed(line.split(delimiter, limits.MAX_COLUMNS + 1))
    return _trimmed(next(_reader([line], delimiter, strict=False), []))


def _reader(lines: Sequence[str], delimiter: str, *, strict: bool) -> Any:
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=strict)


def _trimmed(cells: Sequence[str]) -> list[str]:
    """Return cells without white space around them, and as texts: not ="0012"."""
    return [_AS_TEXT.sub(r"\1", cell.strip()) for cell in cells]


def _is_data(record: Record, today: date) -> bool:
    """Check whether a record has a day and, in another cell, an amount."""
    numeric = [cell for cell in record.cells if any(map(str.isdecimal, cell[:60]))]
    days = [cell for cell in numeric if is_day(cell, today)]
    return bool(days) and any(
        is_amount(cell) for cell in numeric if cell is not days[0]
    )


def _find_header(records: Sequence[Record], width: int) -> int | None:
    """Return the index of the header among the records above the bookings, or None.

    The last columns may be empty, in the header or below.
    """
    scores = {
        row: (min(2, count_known(record.cells)), len(record.cells) == width, -row)
        for row, record in enumerate(records)
        if width - 1 <= len(record.cells) <= width + 1
        and record.width >= 2
        and not any(map(is_amount, record.cells))
    }
    return max(scores, key=lambda row: scores[row], default=None)


def _common_width(records: Sequence[Record]) -> int:
    widths = Counter(len(record.cells) for record in records[:_SAMPLE])
    return widths.most_common(1)[0][0]
