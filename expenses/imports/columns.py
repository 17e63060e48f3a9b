"""Read columns of amounts and of days. A column is read in one way, never by cell.

What the column's cells do not decide becomes a question.

Why: docs/decisions.md#a-column-of-a-statement-is-read-in-one-way
"""

import calendar
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache

from expenses.imports.bookings import Question
from expenses.imports.messages import Message, message
from smartbudget.core import money
from smartbudget.core.dates import years_later
from smartbudget.core.text import without_invisible
from smartbudget.core.typed_amounts import signs_of

DECIMAL_MARKS = (".", ",")
DAY_ORDERS = ("ymd", "dmy", "mdy")

MAX_AMOUNT_LENGTH = 60  # characters of a cell
MAX_DAY_LENGTH = 60
FIRST_YEAR = 1900
YEARS_AHEAD = 1
RECENT_YEARS = 5  # in which a statement's days are expected
DAYS_AHEAD = 31  # which a statement may contain, such as planned payments


@dataclass(frozen=True, slots=True)
class Number:
    """A cell with an amount, before its decimal mark is known."""

    digits: str  # with points and commas; neither spaces nor apostrophes
    sign: int  # 1, -1, or 0 without one
    currency: str = ""  # code, or sign if its currency is not known
    is_grouped: bool = False  # by spaces or apostrophes


@dataclass(frozen=True, slots=True)
class Amounts:
    """A column of amounts: None for an empty cell, or why it can't be read."""

    values: Sequence[Decimal | Message | None]
    currencies: Sequence[str]  # of each cell, empty if not in it
    decimal: str
    is_open: bool = False  # nothing in the column decides between two decimal marks


@dataclass(frozen=True, slots=True)
class Days:
    """A column of days: None for an empty cell, or why it can't be read."""

    values: Sequence[date | Message | None]
    order: str  # one of DAY_ORDERS
    question: Question | None = None


# --- Amounts ---

_NO_AMOUNT = message("unreadable_amount")
_PLAIN = {
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d"), "-"),
    **dict.fromkeys(map(ord, "`\u00b4\u02bc\u2018\u2019\uff07\u066c"), "'"),
    ord("\u066b"): ".",  # Arabic decimal mark
    **dict(
        zip(map(ord, "\uff08\uff09\uff0b\uff0c\uff0e\uff0f"), "()+,./", strict=True)
    ),
}
# Only digits and marks in the middle; before and after it signs and words.
_CELL = re.compile(
    r"([^0-9]*?)([.,]?[0-9](?:[0-9.,' ]*[0-9])?[.,]?)([^0-9]*)", re.ASCII
)
# Groups are of three digits, or two in lakhs, before the last of three.
_UNITS = re.compile(r"[0-9]*|[0-9]{1,3}([' ])(?:[0-9]{2,3}\1)*[0-9]{3}")
_GROUPED = {
    mark: re.compile(rf"[0-9]{{1,3}}(?:[{mark}][0-9]{{2,3}})*[{mark}][0-9]{{3}}")
    for mark in DECIMAL_MARKS
}
# Signs that are words: debit and credit, Soll and Haben.
_SIGN_WORDS = {"dr": -1, "cr": 1, "s": -1, "h": 1, "soll": -1, "haben": 1}
_LETTER_SIGNS = {
    "kr",
    "zł",
    "kč",
    "ft",
    "lei",
    "fr",
    "sfr",
    "rs",
    "km",
    "rm",
    "rp",
    "s/",
}
# Signs of one currency only.
_UNIQUE_SIGNS = {
    "€": "EUR",
    "₦": "NGN",
    "₹": "INR",
    "₽": "RUB",
    "₺": "TRY",
    "₴": "UAH",
    "₫": "VND",
    "฿": "THB",
    "₱": "PHP",
    "₪": "ILS",
    "₸": "KZT",
    "zł": "PLN",
    "kč": "CZK",
    "ft": "HUF",
}


def read_amounts(
    cells: Sequence[str],
    currency: str,
    *,
    decimal: str = "",
    currencies: Sequence[str] = (),
) -> Amounts:
    """Read a column of amounts.

    currency: the user's code. decimal: the decimal mark, if the user chose one.
    currencies: the code of each row, where the file has a column of them.
    """
    numbers = [split_number(cell, currency) for cell in cells]
    known = [number for number in numbers if isinstance(number, Number)]
    mark, is_open = (
        (decimal, False) if decimal in DECIMAL_MARKS else _decide_mark(known, currency)
    )
    codes = currencies or [""] * len(cells)
    own = [
        (number.currency if isinstance(number, Number) else "") or code
        for number, code in zip(numbers, codes, strict=True)
    ]
    return Amounts(
        values=[
            amount_of(number, mark, code or currency)
            if isinstance(number, Number)
            else number
            for number, code in zip(numbers, own, strict=True)
        ],
        currencies=own,
        decimal=mark,
        is_open=is_open,
    )


def is_amount(cell: str) -> bool:
    """Check whether a cell is an amount in any notation."""
    number = split_number(cell, "")
    return isinstance(number, Number) and any(
        _value(number, mark) is not None for mark in DECIMAL_MARKS
    )


def split_number(cell: str, currency: str) -> Number | Message | None:
    """Return the sign, digits and currency of a cell, or None if it is empty.

    currency: the user's code, whose sign is not returned as another currency.
    """
    if len(cell) > MAX_AMOUNT_LENGTH:
        return _NO_AMOUNT
    return _split_number(cell, currency)


@lru_cache(maxsize=4096)
def _split_number(cell: str, currency: str) -> Number | Message | None:
    text = _plain(cell)
    if not text:
        return None
    match = _CELL.fullmatch(text)
    if not match:
        return _NO_AMOUNT
    before, digits, after = match.groups()
    if before[-1:].isalpha() and digits.startswith("."):
        digits = digits[1:]  # the dot of an abbreviation: Rs.500
        if before.split()[-1].upper() in money.CURRENCIES:
            return _NO_AMOUNT
    if digits[-1] in DECIMAL_MARKS and after.startswith("-"):
        return _NO_AMOUNT  # 12.- may mean 12.00
    signs, names = _affixes(before, after)
    codes = {code_of(name, currency) for name in names}
    if len(signs) > 1 or None in codes or len(codes - {""}) > 1:
        return _NO_AMOUNT
    units, mark, rest = _first_mark(digits)
    if not _UNITS.fullmatch(units) or not re.fullmatch("[0-9.,]*", rest):
        return _NO_AMOUNT
    plain = re.sub("[ ']", "", units)
    return Number(
        digits=f"{plain}{mark}{rest}",
        sign=max(signs, default=0),
        currency=max((code for code in codes if code), default=""),
        is_grouped=plain != units,
    )


def _first_mark(digits: str) -> tuple[str, str, str]:
    """Split digits at the first point or comma."""
    match = re.search("[.,]", digits)
    if not match:
        return digits, "", ""
    return digits[: match.start()], match[0], digits[match.end() :]


def _affixes(before: str, after: str) -> tuple[set[int], list[str]]:
    """Return the signs, and the names of currencies, around digits.

    Two signs if there is more than one mark, as in `-12.50-`.
    """
    marks = re.sub("[^-+()]", "", before + after)
    words = re.sub("[-+()]", " ", f"{before} {after}").split()
    signs = {_SIGN_WORDS.get(word.strip(".").casefold(), 0) for word in words} - {0}
    if marks == "-" or (marks == "()" and "(" in before and ")" in after):
        signs.add(-1)
    elif marks == "+":
        signs.add(1)
    elif marks:
        signs = {1, -1}
    names = [word for word in words if word.strip(".").casefold() not in _SIGN_WORDS]
    return signs, names


def code_of(name: str, currency: str) -> str | None:
    """Return the code of a currency's name, "" for the user's, None if it is none."""
    plain = name.strip(".").casefold()
    if plain.upper() in money.CURRENCIES:
        return plain.upper()
    if currency and plain in signs_of(currency):
        return ""
    if plain in _UNIQUE_SIGNS:
        return _UNIQUE_SIGNS[plain]
    letters = "".join(sign for sign in plain if unicodedata.category(sign) != "Sc")
    is_sign = len(plain) - len(letters) == 1 and len(letters) <= 3
    return name if is_sign or plain in _LETTER_SIGNS else None


@lru_cache(maxsize=4096)
def _plain(cell: str) -> str:
    """Return a cell with ASCII digits, marks and spaces.

    Not by compatibility (NFKC), which makes 122 of 12².
    """
    text = without_invisible(cell).translate(_PLAIN)
    if not text.isascii():
        text = "".join(
            str(unicodedata.decimal(sign)) if sign.isdecimal() else sign
            for sign in text
        )
    return " ".join(text.split())


def _decide_mark(numbers: Iterable[Number], currency: str) -> tuple[str, bool]:
    """Return a column's decimal mark, and whether the user must be asked for it."""
    votes = dict.fromkeys(DECIMAL_MARKS, 0)
    unclear = set()
    for number in numbers:
        mark, is_evidence = _evidence(number)
        if is_evidence:
            votes[mark] += 1
        elif mark:
            unclear.add((mark, number.currency or currency))
    if votes["."] != votes[","]:
        return max(votes, key=lambda mark: votes[mark]), False
    if votes["."]:  # as many cells with one as with the other
        return ".", True
    if not unclear:
        return ".", False
    # 1.000 is grouped if the currency has no third decimal.
    mark, code = min(unclear)
    is_decimal = money.CURRENCIES.get(code, 2) > 2
    return (mark if is_decimal else _other(mark)), True


def _evidence(number: Number) -> tuple[str, bool]:
    """Return the decimal mark of a number, and whether no other is possible.

    Returns its only mark and False if that may be either, "" if there is none.
    """
    marks = [sign for sign in number.digits if sign in DECIMAL_MARKS]
    if not marks:
        return "", False
    if len({*marks}) == 2:
        return marks[-1], True
    mark = marks[0]
    if len(marks) > 1:
        return _other(mark), True
    units, _mark, decimals = number.digits.partition(mark)
    may_group = re.fullmatch("[1-9][0-9]{0,2}", units) and len(decimals) == 3
    return mark, not may_group or number.is_grouped


def _other(mark: str) -> str:
    return "," if mark == "." else "."


def amount_of(number: Number, decimal: str, currency: str) -> Decimal | Message:
    """Return a number with a decimal mark as an amount of a currency, signed."""
    amount = _value(number, decimal)
    if amount is None:
        return message("odd_amount")
    if amount >= money.LIMIT:
        return message("too_large", limit=int(money.LIMIT))
    places = money.CURRENCIES.get(currency, 2)
    exact = amount.quantize(Decimal(1).scaleb(-places))
    if exact != amount:
        return message("too_many_decimals", currency=currency, places=places)
    return -exact if number.sign < 0 and exact else exact


def _value(number: Number, decimal: str) -> Decimal | None:
    """Return a number without its sign, or None if its groups have odd lengths."""
    group = _other(decimal)
    units, _mark, decimals = number.digits.partition(decimal)
    if _GROUPED[group].fullmatch(units):
        units = units.replace(group, "")
    if not re.fullmatch("[0-9]*", units + decimals):
        return None
    return Decimal(f"{units or 0}.{decimals or 0}")


# --- Days ---

_NO_DAY = message("unreadable_date")
_MONTHS: dict[str, int] = {
    name: number
    for number, names in enumerate(
        (
            "jan january januar jän jänner",
            "feb february februar feber",
            "mar march mär märz maerz mrz",
            "apr april",
            "may mai",
            "jun june juni",
            "jul july juli",
            "aug august",
            "sep sept september",
            "oct october okt oktober",
            "nov november",
            "dec december dez dezember",
        ),
        start=1,
    )
    for name in names.split()
}
_WEEKDAYS = (
    "mon tue wed thu fri sat sun mo tu we th fr sa su tues thur thurs "
    "monday tuesday wednesday thursday friday saturday sunday "
    "di mi do so montag dienstag mittwoch donnerstag freitag samstag sonnabend sonntag"
)
_WEEKDAY = re.compile(rf"^(?:{'|'.join(_WEEKDAYS.split())})\b[.,]* *", re.IGNORECASE)
# A time and zone are cut off, never converted: the bank's day counts.
_TIME = (
    r"(?:(?:T|,? )[0-9]{1,2}[:.h][0-9]{2}(?:[:.][0-9]{2}(?:[.,][0-9]+)?)?"
    r" ?(?:[ap]\.?m\.?|Uhr)?"
    r" ?(?:Z|[a-z]{3,5}|(?:UTC|GMT)?[+-][0-9]{1,2}:?(?:[0-9]{2})?)?)?"
)
_FLAGS = re.ASCII | re.IGNORECASE
_SEPARATED = re.compile(
    r"([0-9]{1,4}) ?([-./ ]) ?([0-9]{1,2}) ?(?:\2|') ?([0-9]{1,4})\.?" + _TIME, _FLAGS
)
# With or without a time and zone as in OFX: 20261103233000.000[-8:PST].
_DIGITS = re.compile(
    r"([0-9]{8})(?:[0-9]{4}(?:[0-9]{2}(?:\.[0-9]+)?)?)?(?: ?\[[^\]]*\])?"
    r"|([0-9]{8})" + _TIME,
    _FLAGS,
)
_NAMED = re.compile(
    r"([0-9]{1,4})[-./ ]*([^\W\d_]{3,9})\.?[-/, ]*([0-9]{2,4})" + _TIME, re.IGNORECASE
)
_NAME_FIRST = re.compile(
    r"([^\W\d_]{3,9})\.?[-/ ]*([0-9]{1,2})(?:st|nd|rd|th)?[-/, ]+([0-9]{2,4})" + _TIME,
    re.IGNORECASE,
)


def read_days(cells: Sequence[str], today: date, *, order: str = "") -> Days:
    """Read a column of days.

    order: of day, month and year, one of DAY_ORDERS, if the user chose one.
    """
    if order in DAY_ORDERS:
        return Days(_days(cells, order, today), order)
    columns = {order: _days(cells, order, today) for order in DAY_ORDERS}
    orders = _not_worse(columns)
    for is_likely in (_recent(today), _in_order):
        orders = [order for order in orders if is_likely(columns[order])] or orders
    # Orders under which all days are the same need no question.
    distinct = {tuple(columns[order]): order for order in reversed(orders)}
    orders = [order for order in orders if order in distinct.values()]
    question = _ask_order(cells, columns, orders) if len(orders) > 1 else None
    return Days(columns[orders[0]], orders[0], question)


def is_day(cell: str, today: date) -> bool:
    """Check whether a cell is a day in any notation."""
    return any(isinstance(read_day(cell, order, today), date) for order in DAY_ORDERS)


def read_day(cell: str, order: str, today: date) -> date | Message | None:
    """Return the day of a cell, without its time; None if the cell is empty."""
    if len(cell) > MAX_DAY_LENGTH:
        return _NO_DAY
    return _read_day(cell, order, today)


@lru_cache(maxsize=8192)
def _read_day(cell: str, order: str, today: date) -> date | Message | None:
    text = _plain(cell)
    if not text:
        return None
    parts = _parts(_WEEKDAY.sub("", text, count=1), order)
    if parts is None:
        return _NO_DAY
    year, month, day = parts
    if year < 100:
        year += today.year // 100 * 100
        year -= 100 if year > today.year + YEARS_AHEAD else 0
    if not (1 <= month <= 12 and year >= 1):
        return _NO_DAY
    if not 1 <= day <= calendar.monthrange(year, month)[1]:
        return _NO_DAY
    if year < FIRST_YEAR:
        return message("before_year", year=FIRST_YEAR)
    if date(year, month, day) > years_later(today, YEARS_AHEAD):
        return message("too_far_ahead")
    return date(year, month, day)


def _parts(text: str, order: str) -> tuple[int, int, int] | None:
    """Return year, month and day of a text, or None if it is none in this order."""
    if match := _SEPARATED.fullmatch(text):
        return _arrange((match[1], match[3], match[4]), match[2], order)
    if match := _DIGITS.fullmatch(text):
        digits = match[1] or match[2]
        if order == "ymd":
            return _arrange((digits[:4], digits[4:6], digits[6:]), "", order)
        return _arrange((digits[:2], digits[2:4], digits[4:]), "", order)
    if (match := _NAME_FIRST.fullmatch(text)) and order == "mdy":
        return _arrange_named(match[3], match[1], match[2])
    if (match := _NAMED.fullmatch(text)) and order == "dmy":
        return _arrange_named(match[3], match[2], match[1])
    if match and order == "ymd" and len(match[1]) == 4:
        return _arrange_named(match[1], match[2], match[3])
    return None


def _arrange(
    numbers: tuple[str, str, str], mark: str, order: str
) -> tuple[int, int, int] | None:
    year, month, day = (numbers[order.index(letter)] for letter in "ymd")
    if len(year) not in (2, 4) or len(month) > 2 or len(day) > 2:
        return None
    # Dots are for days first, or for a whole year first.
    if mark == "." and (order == "mdy" or (order == "ymd" and len(year) == 2)):
        return None
    return int(year), int(month), int(day)


def _arrange_named(year: str, name: str, day: str) -> tuple[int, int, int] | None:
    month = _MONTHS.get(name.casefold())
    if month is None or len(year) not in (2, 4) or len(day) > 2:
        return None
    return int(year), month, int(day)


def _days(cells: Sequence[str], order: str, today: date) -> list[date | Message | None]:
    return [read_day(cell, order, today) for cell in cells]


def _not_worse(columns: Mapping[str, Sequence[date | Message | None]]) -> list[str]:
    """Return the orders that no other order beats: reading the same cells, and more."""
    read = {
        order: {
            row for row, value in enumerate(values) if not isinstance(value, Message)
        }
        for order, values in columns.items()
    }
    return [
        order
        for order in columns
        if not any(read[order] < read[other] for other in columns)
    ]


def _recent(today: date) -> Callable[[Sequence[date | Message | None]], bool]:
    first, last = years_later(today, -RECENT_YEARS), today + timedelta(DAYS_AHEAD)
    return lambda values: all(
        first <= value <= last for value in values if isinstance(value, date)
    )


def _in_order(values: Sequence[date | Message | None]) -> bool:
    days = [value for value in values if isinstance(value, date)]
    return days in (sorted(days), sorted(days, reverse=True))


def _ask_order(
    cells: Sequence[str],
    columns: Mapping[str, Sequence[date | Message | None]],
    orders: Sequence[str],
) -> Question:
    """Return a question, with the first cell whose day depends on the order."""
    row = next(
        row
        for row in range(len(cells))
        if len({columns[order][row] for order in orders}) > 1
    )
    examples = {
        order: _day_example(cells[row].strip(), columns[order][row]) for order in orders
    }
    return Question("date_format", tuple(orders), examples)


def _day_example(cell: str, value: date | Message | None) -> Message:
    if isinstance(value, date):
        return message("cell_day", cell=cell, long_day=value.isoformat())
    return message("unreadable_cell", cell=cell)
