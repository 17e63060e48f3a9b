"""Decide what becomes of each booking of a statement, by rules without any AWS call.

A booking has two keys. Its *id key* is its source (a bank account), the bank's id and
the amount: banks use an id again, also for a fee. Its *content key* is its source, day,
amount and text. An imported expense keeps both, whatever is edited later. Equal keys
are counted, so that two equal purchases of a day stay two.

Why: docs/decisions.md#duplicates-are-counted-and-expense-ids-come-from-the-booking
"""

import datetime
import hashlib
import itertools
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial

from expenses.imports.bookings import Booking
from expenses.imports.merchant_names import merchant_key
from expenses.imports.messages import NO_MESSAGE, Message, message
from smartbudget.core.text import search_key

# What becomes of a row. `new` and `match` are written; `look` needs a choice.
DECISIONS = (
    "new",
    "duplicate",
    "match",
    "deleted",
    "money_in",
    "transfer",
    "pending",
    "zero",
    "look",
    "wrong",
    "excluded",
    "left_out",
)
WRITTEN = ("new", "match")

MAX_COMPARED = 100_000  # pairs of bookings and expenses of an amount and a day
MATCH_DAYS = 5  # between a booking and an expense that was entered by hand
REFUND_DAYS = 90  # between an expense and its refund


# Less than zero if they are similar, the number of the booking, that of the expense.
_Pair = tuple[float, int, int]


@dataclass(frozen=True, slots=True)
class Stored:
    """The values of an expense that the decisions need."""

    expense_id: str
    day: datetime.date
    amount: Decimal  # negative for a refund, unlike in a booking
    source_key: str = ""  # empty if it was entered by hand
    source_text: str = ""
    merchant: str = ""
    description: str = ""
    counts: bool = True


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision on a booking. `of`: the expense that it is about."""

    decision: str
    reason: Message = NO_MESSAGE
    of: str = ""


def source_key(source: str, booking: Booking) -> str:
    """Return both keys of a booking, as an imported expense keeps them."""
    keys = [content_key(source, booking.day, booking.amount, _text_of(booking))]
    if booking.bank_id:
        keys.append(_id_key(source, booking))
    return ":".join(keys)


def content_key(source: str, day: datetime.date, amount: Decimal, text: str) -> str:
    """Return the content key of a booking."""
    return _digest(source, "content", day.isoformat(), _plain(amount), search_key(text))


def decide(
    bookings: Sequence[Booking],
    *,
    source: str,
    stored: Iterable[Stored],
    gone: Iterable[str] = (),
    former: Iterable[str] = (),
    own_accounts: Mapping[str, str] | None = None,
) -> list[Decision]:
    """Return the decision on each booking of a file.

    stored: the user's expenses of the file's days and around them, for refunds of
    REFUND_DAYS before, and those whose bookings had these days. gone: the source keys
    of deleted expenses. former: other sources under which the same bookings may have
    been imported. own_accounts: the names of the user's other accounts, by
    `bookings.number_id`.
    """
    deciding = _Deciding(bookings, [source, *former], list(stored))
    deciding.leave_out()
    deciding.find_own()
    for one in deciding.sources:
        for kind in (deciding.both_keys, deciding.id_key, deciding.content_key):
            key_of = partial(kind, one)
            deciding.find_duplicates(key_of)
            deciding.find_deleted(key_of, gone)
    deciding.find_changed_texts()
    deciding.find_transfers(own_accounts or {})
    deciding.find_matches()
    deciding.find_refunds()
    return deciding.result()


class _Deciding:
    """Decisions being made; each expense belongs to at most one booking."""

    def __init__(
        self,
        bookings: Sequence[Booking],
        sources: Sequence[str],
        stored: list[Stored],
    ) -> None:
        self.bookings = bookings
        self.sources = sources
        self.stored = {expense.expense_id: expense for expense in stored}
        self.free = dict(self.stored)
        self.decisions: dict[int, Decision] = {}
        self.remarks: dict[int, Decision] = {}  # of bookings that are new
        self._keys = {
            source: [source_key(source, booking).split(":") for booking in bookings]
            for source in sources
        }
        self._forgotten: set[int] = set()  # positions in `gone`

    def open(self) -> list[int]:
        """Return the bookings that are not decided yet, in the file's order."""
        return [n for n in range(len(self.bookings)) if n not in self.decisions]

    def both_keys(self, source: str, number: int) -> str:
        return _both(":".join(self._keys[source][number]))

    def content_key(self, source: str, number: int) -> str:
        return self._keys[source][number][0]

    def id_key(self, source: str, number: int) -> str:
        keys = self._keys[source][number]
        return keys[1] if len(keys) > 1 else ""

    def leave_out(self) -> None:
        """Decide on bookings that are pending, zero, or in an earlier file of a zip."""
        for number, booking in enumerate(self.bookings):
            if booking.is_pending:
                self.decisions[number] = Decision("pending", message("pending"))
            elif not booking.amount:
                self.decisions[number] = Decision("zero", message("zero"))
            elif booking.also_in:
                reason = message("also_in", file=booking.also_in)
                self.decisions[number] = Decision("duplicate", reason)

    def find_own(self) -> None:
        """Find expenses that this application exported and that still exist."""
        for number in self.open():
            own = self.bookings[number].own or {}
            if expense := self.free.get(str(own.get("expense_id", ""))):
                self._pair(number, expense, Decision("duplicate", message("exists")))

    def find_duplicates(self, key_of: Callable[[int], str]) -> None:
        """Pair bookings with as many stored expenses of the same key."""
        by_key: dict[str, list[Stored]] = defaultdict(list)
        for expense in self.free.values():
            for key in _keys_of(expense.source_key):
                by_key[key].append(expense)
        for expenses in by_key.values():
            expenses.sort(key=_order, reverse=True)
        for number in self.open():
            if same := by_key.get(key_of(number)):
                expense = same.pop()
                reason = message("imported")
                if expense.day != self.bookings[number].day:
                    reason = message("other_day", day=expense.day.isoformat())
                self._pair(number, expense, Decision("duplicate", reason))

    def find_deleted(self, key_of: Callable[[int], str], gone: Iterable[str]) -> None:
        """Pair bookings with as many deleted expenses of the same key."""
        by_key = defaultdict(list)
        for position, keys in enumerate(gone):
            if position not in self._forgotten:
                for key in _keys_of(keys):
                    by_key[key].append(position)
        for number in self.open():
            if positions := by_key.get(key_of(number)):
                self._forgotten.add(positions.pop())
                self.decisions[number] = Decision("deleted", message("deleted"))

    def find_changed_texts(self) -> None:
        """Find bookings whose text the bank may have changed: the user decides."""
        by_place: dict[tuple[str, str, str], list[Stored]] = defaultdict(list)
        for expense in self.free.values():
            if self._is_of_source(expense):
                by_place[_place(expense.day, -expense.amount, expense.source_text)] += [
                    expense
                ]
        for number in self.open():
            booking = self.bookings[number]
            place = _place(booking.day, booking.amount, _text_of(booking))
            if expenses := by_place.get(place):
                expense = expenses.pop()
                reason = message("other_text", text=expense.source_text)
                self._pair(number, expense, Decision("look", reason))

    def find_transfers(self, own_accounts: Mapping[str, str]) -> None:
        """Leave out bookings between two accounts of the user.

        Why: docs/decisions.md#a-transfer-is-recognized-by-both-accounts
        """
        for number in self.open():
            if name := own_accounts.get(self.bookings[number].counterparty):
                reason = message("transfer", account=name)
                self.decisions[number] = Decision("transfer", reason)

    def find_matches(self) -> None:
        """Pair bookings with expenses that were entered by hand, nearest day first."""
        by_amount = defaultdict(list)
        for expense in self.free.values():
            if not expense.source_key and expense.counts:
                by_amount[-expense.amount].append(expense)
        rows = defaultdict(list)
        for number in self.open():
            if not self.bookings[number].is_own:
                rows[self.bookings[number].amount].append(number)
        for amount in rows.keys() & by_amount.keys():
            for days in range(MATCH_DAYS + 1):
                for numbers, expenses in self._groups(
                    rows[amount], by_amount[amount], days
                ):
                    self._match(numbers, expenses)

    def find_refunds(self) -> None:
        """Leave out money that was received, and suggest what it refunds."""
        paid = defaultdict(list)
        for expense in sorted(self.stored.values(), key=_order):
            if expense.amount > 0 and expense.counts:
                text = expense.source_text or expense.description
                key = merchant_key(expense.merchant, text)
                paid[key, expense.amount].append(expense)
        for number in self.open():
            booking = self.bookings[number]
            if booking.amount < 0 or booking.is_own:
                continue
            key = merchant_key(booking.merchant, booking.text)
            same = paid.get((key, booking.amount), [])
            last = bisect_right(same, booking.day, key=lambda expense: expense.day) - 1
            if last >= 0 and (booking.day - same[last].day).days <= REFUND_DAYS:
                refunded = same.pop(last)
                reason = message("refund", day=refunded.day.isoformat())
                decision = Decision("money_in", reason, refunded.expense_id)
            else:
                decision = Decision("money_in", message("money_in"))
            self.decisions[number] = decision

    def result(self) -> list[Decision]:
        """Return the decisions; bookings that nothing was found for are new."""
        new = Decision("new")
        return [
            self.decisions.get(number) or self.remarks.get(number, new)
            for number in range(len(self.bookings))
        ]

    def _pair(self, number: int, expense: Stored, decision: Decision) -> None:
        del self.free[expense.expense_id]
        self.decisions[number] = replace(decision, of=expense.expense_id)

    def _is_of_source(self, expense: Stored) -> bool:
        """Check whether an expense came from the source, and kept day and amount."""
        stored = expense.source_key.split(":")[0]
        return any(
            stored
            == content_key(source, expense.day, -expense.amount, expense.source_text)
            for source in self.sources
        )

    def _groups(
        self, numbers: list[int], expenses: list[Stored], days: int
    ) -> list[tuple[list[int], list[Stored]]]:
        """Return the bookings and expenses this number of days apart, if connected.

        All have the same amount.
        """
        by_day = defaultdict(list)
        for expense in expenses:
            if expense.expense_id in self.free:
                by_day[expense.day].append(expense)
        groups: list[tuple[list[int], list[Stored]]] = []
        for day, rows in itertools.groupby(
            sorted(
                (number for number in numbers if number not in self.decisions),
                key=lambda number: self.bookings[number].day,
            ),
            key=lambda number: self.bookings[number].day,
        ):
            apart = datetime.timedelta(days)
            near = [
                expense
                for other in sorted({day - apart, day + apart})
                for expense in by_day.get(other, ())
            ]
            if near:
                groups.append((list(rows), near))
        return groups

    def _pairs(self, numbers: list[int], expenses: list[Stored]) -> list[_Pair]:
        """Return all pairs of bookings and expenses, the most similar ones first.

        Too many to compare are paired in their order.
        """
        if len(numbers) * len(expenses) > MAX_COMPARED:
            order = enumerate(numbers) if len(numbers) >= len(expenses) else ()
            return [(0.0, number, place) for place, number in order][: len(expenses)]
        return sorted(
            (-_similarity(self.bookings[number], expense), number, position)
            for number in numbers
            for position, expense in enumerate(expenses)
        )

    def _match(self, numbers: list[int], expenses: list[Stored]) -> None:
        """Pair bookings with expenses that are equally near, by their texts.

        With as many bookings as expenses, each expense is one of them. With fewer, it
        must be clear which expense it is.
        """
        expenses = [one for one in expenses if one.expense_id in self.free]
        pairs = self._pairs(numbers, expenses)
        if len(expenses) > len(numbers):
            pairs = _clear(pairs)
            clear = {number for _, number, _ in pairs}
            for number in numbers:
                if number not in clear:
                    reason = message("several", count=len(expenses))
                    self.remarks[number] = Decision("new", reason)
        for _, number, position in pairs:
            expense = expenses[position]
            if number not in self.decisions and expense.expense_id in self.free:
                reason = message("by_hand", day=expense.day.isoformat())
                self._pair(number, expense, Decision("match", reason))


def _keys_of(keys: str) -> set[str]:
    """Return what bookings compare with a source key: both keys, and each of them."""
    return {_both(keys), *keys.split(":")} if keys else set()


def _both(keys: str) -> str:
    """Return a source key as a whole, which no part of another one equals."""
    return f"{keys}="


def _clear(pairs: Iterable[_Pair]) -> list[_Pair]:
    """Return the pairs of bookings that are more similar to it than any other one.

    pairs: the most similar ones first.
    """
    best: dict[int, list[_Pair]] = defaultdict(list)
    for pair in pairs:
        best[pair[1]].append(pair)
    return [
        first
        for first, *others in best.values()
        if not others or first[0] < others[0][0]
    ]


def _similarity(booking: Booking, expense: Stored) -> float:
    """Return how many words the texts have in common, from 0 to 1."""
    words = set(search_key(_text_of(booking)).split())
    others = set(search_key(f"{expense.merchant} {expense.description}").split())
    common = words & others
    return len(common) / len(words | others) if common else 0.0


def _text_of(booking: Booking) -> str:
    return booking.text or booking.merchant


def _place(day: datetime.date, amount: Decimal, text: str) -> tuple[str, str, str]:
    words = search_key(text).split()
    return day.isoformat(), _plain(amount), words[0] if words else ""


def _order(expense: Stored) -> tuple[datetime.date, str]:
    return expense.day, expense.expense_id


def _id_key(source: str, booking: Booking) -> str:
    return _digest(source, "id", booking.bank_id, _plain(booking.amount))


def _plain(amount: Decimal) -> str:
    return format(amount.normalize(), "f")


def _digest(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:32]
