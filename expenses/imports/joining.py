"""Join the files of a zip into one statement, such as one for each day.

Why: docs/decisions.md#the-files-of-a-zip-are-one-statement
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date

from expenses.imports.accounts import Account
from expenses.imports.bookings import Booking, Row
from expenses.imports.messages import FileError, message
from smartbudget.core.text import search_key


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file as text. `name`: in a zip of several, else empty."""

    text: str
    name: str = ""

    @contextmanager
    def named(self) -> Iterator[None]:
        """Add the name to the reason of a FileError."""
        try:
            yield
        except FileError as error:
            if not self.name:
                raise
            raise FileError(
                "file_problem", error.field, file=self.name, problem=error.reason
            ) from error


_AccountRow = tuple[Account, Row]


def join(files: Sequence[tuple[TextFile, Sequence[_AccountRow]]]) -> list[_AccountRow]:
    """Return the rows of files in the order of their days.

    If the days of files overlap, a booking that an earlier file has as well names that
    file. Equal bookings are counted: if one file has two of them and another has three,
    they are three.
    """
    if len(files) == 1:
        return [*files[0][1]]
    earlier = _Earlier()
    result: list[_AccountRow] = []
    for file, rows in sorted(files, key=_order):
        repeated = earlier.find(rows)
        for number, (account, row) in enumerate(rows):
            place = message("place_in_file", file=file.name, place=row.place)
            placed = replace(row, place=place)
            if isinstance(placed, Booking):
                placed = replace(placed, also_in=repeated.get(number, ""))
            result.append((account, placed))
        earlier.add(file.name, result[-len(rows) :] if rows else [])
    return result


def _order(file: tuple[TextFile, Sequence[_AccountRow]]) -> tuple[date, str]:
    """Return the first day of a file, and its name."""
    days = [row.day for _account, row in file[1] if isinstance(row, Booking)]
    return min(days, default=date.min), file[0].name


class _Earlier:
    """The bookings of earlier files, each with a number and the name of its file."""

    def __init__(self) -> None:
        self._count = 0
        self._by_key: dict[Hashable, list[tuple[int, str]]] = defaultdict(list)

    def add(self, name: str, rows: Sequence[_AccountRow]) -> None:
        """Add the bookings of a file that no earlier one has."""
        for account, row in rows:
            if isinstance(row, Booking) and not row.is_pending and not row.also_in:
                self._count += 1
                for key in filter(None, (key(account, row) for key in _KEYS)):
                    self._by_key[key].append((self._count, name))

    def find(self, rows: Sequence[_AccountRow]) -> dict[int, str]:
        """Return the rows that an earlier file has: its name, by the row's position.

        As for stored expenses, the bank's ids and texts are compared together first,
        then the ids, then the texts.
        """
        result: dict[int, str] = {}
        used: set[int] = set()
        for key_of in _KEYS:
            same: dict[Hashable, Iterator[tuple[int, str]]] = {}
            for number, (account, row) in enumerate(rows):
                if not isinstance(row, Booking) or row.is_pending or number in result:
                    continue
                key = key_of(account, row)
                if key not in self._by_key:
                    continue
                booking = next(
                    (
                        one
                        for one in same.setdefault(key, iter(self._by_key[key]))
                        if one[0] not in used
                    ),
                    None,
                )
                if booking:
                    used.add(booking[0])
                    result[number] = booking[1]
        return result


def _id_key(account: Account, booking: Booking) -> Hashable:
    """Return a key of the bank's id, or None without one."""
    if not booking.bank_id:
        return None
    return account.account_id, booking.day, booking.amount, "id", booking.bank_id


def _content_key(account: Account, booking: Booking) -> Hashable:
    text = search_key(booking.text or booking.merchant)
    return account.account_id, booking.day, booking.amount, "text", text


def _both_keys(account: Account, booking: Booking) -> Hashable:
    return "both", _id_key(account, booking), _content_key(account, booking)


_KEYS: tuple[Callable[[Account, Booking], Hashable], ...] = (
    _both_keys,
    _id_key,
    _content_key,
)
