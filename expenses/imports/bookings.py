"""The result of reading a bank statement: its rows, and how they were read."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

MAX_TEXT_LENGTH = 500  # characters of a booking's text

FORMATS = ("csv", "ofx", "qif", "camt", "mt940", "own_csv", "own_json")


@dataclass(frozen=True, slots=True)
class Booking:
    """A row of a statement, as the bank gives it."""

    day: date  # the bank's local day, never converted
    amount: Decimal  # negative if paid, positive if received; never zero
    text: str = ""  # in the bank's words, at most MAX_TEXT_LENGTH characters
    merchant: str = ""  # empty if the file has none
    bank_id: str = ""  # empty if the file has none
    currency: str = ""  # code; empty if the file has none
    is_pending: bool = False  # not booked yet
    place: str = ""  # in the file, for people: "line 7"
    also_in: str = ""  # the name of another file of the zip that has it, too
    # Values of a file that this application exported, named like its fields: category,
    # parts, status, kind, merchant, notes, expense_id. None in other files.
    own: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A row that cannot be read. `reason` is a sentence for people."""

    place: str
    reason: str
    cell: str = ""  # the text that cannot be read


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A row that is no booking, such as a total. `reason` is a sentence for people."""

    place: str
    reason: str


Row = Booking | Unreadable | LeftOut


@dataclass(frozen=True, slots=True)
class Question:
    """A question that the file does not decide. Its answer is put into the mapping.

    about: the key of the mapping that the answer sets. choices: its possible values.
    examples: {choice: what it would mean}, for people.
    """

    about: str
    choices: Sequence[str]
    examples: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Statement:
    """A file that was read. Nothing may be imported while it has `questions`."""

    format: str  # one of FORMATS
    rows: Sequence[Row]  # in the order of the file
    account: str = ""  # `account_id`; empty if the file names no account
    account_label: str = ""  # the last 4 characters of its number
    mapping: Mapping[str, Any] = field(default_factory=dict)  # how it was read; JSON
    questions: Sequence[Question] = ()
    header_hash: str = ""  # of the header of a CSV file, to recognise its profile


def account_id(*numbers: str) -> str:
    """Return the hashed id of an account, from a bank's and an account's number."""
    text = "\n".join("".join(number.split()).casefold() for number in numbers)
    return hashlib.sha256(text.encode()).hexdigest()[:32] if text.strip() else ""


def account_label(number: str) -> str:
    """Return the last 4 characters of an account's number."""
    return "".join(number.split())[-4:]


def limit_text(text: str) -> str:
    """Return a booking's text on one line, at most MAX_TEXT_LENGTH characters."""
    return " ".join(text.split())[:MAX_TEXT_LENGTH]
