"""The result of reading a bank statement: its rows, and how they were read."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from expenses.imports.messages import NO_MESSAGE, Message

MAX_TEXT_LENGTH = 500  # characters of a booking's text
LABEL_LENGTH = 4  # characters of an account's number that are shown

FORMATS = ("csv", "ofx", "qif", "camt", "mt940", "own_csv", "own_json")


_MAX_NUMBER_LENGTH = 60
_CARD_LENGTH = 12  # characters of a number that needs no bank to be unique
_NO_SEPARATOR = re.compile("[A-Z0-9/]")
_WITH_CODE = re.compile("([0-9]{8})/([0-9]{1,10})(?:[A-Z]{3})?")
_CURRENCY = re.compile("[A-Z]{3}$")  # that banks put behind a number
_IBAN = re.compile("[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_GERMAN_CODE = re.compile("[0-9]{8}")
_GERMAN_NUMBER = re.compile("[0-9]{1,10}")


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
    counterparty: str = ""  # `number_id` of the other account; empty if unknown
    place: Message = NO_MESSAGE  # in the file
    also_in: str = ""  # the name of another file of the zip that has it, too
    # What a program knows of a payment, named like the fields of an expense: category,
    # parts, merchant, notes; in a file that this application exported also status, kind
    # and expense_id. None in files of banks.
    own: Mapping[str, Any] | None = None

    @property
    def is_own(self) -> bool:
        """Check whether this application exported it."""
        return is_own(self.own)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A row that cannot be read."""

    place: Message
    reason: Message
    cell: str = ""  # the text that cannot be read


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A row that is no booking, such as a total."""

    place: Message
    reason: Message


Row = Booking | Unreadable | LeftOut


@dataclass(frozen=True, slots=True)
class Question:
    """A question that the file does not decide. Its answer is put into the mapping.

    about: the key of the mapping that the answer sets. choices: its possible values.
    examples: {choice: what it would mean}; a text that needs no translation, or a
    message.
    """

    about: str
    choices: Sequence[str]
    examples: Mapping[str, str | Message] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Statement:
    """A file that was read. Nothing may be imported while it has `questions`."""

    format: str  # one of FORMATS
    rows: Sequence[Row]  # in the order of the file
    account: str = ""  # `account_id`; empty if the file names no account
    account_label: str = ""  # the last 4 characters of its number
    number_id: str = ""  # of the account; empty if the file names none
    mapping: Mapping[str, Any] = field(default_factory=dict)  # how it was read; JSON
    questions: Sequence[Question] = ()
    header_hash: str = ""  # of the header of a CSV file, to recognize its profile


def is_own(values: Mapping[str, Any] | None) -> bool:
    """Check whether `Booking.own` is of a file that this application exported."""
    return values is not None and not {"expense_id", "kind"}.isdisjoint(values)


def account_id(*numbers: str) -> str:
    """Return the hashed id of an account, from a bank's and an account's number."""
    text = "\n".join("".join(number.split()).casefold() for number in numbers)
    return hashlib.sha256(text.encode()).hexdigest()[:32] if text.strip() else ""


def number_id(number: str, bank: str = "") -> str:
    """Return the hash by which an account is compared, the same in all formats.

    number: an IBAN, a number, or a German bank code and a number, with a slash between
    them. bank: the code of the bank, if the file has it. Empty if the account can't be
    told apart from those of other banks.
    """
    text, code = (
        "".join(_NO_SEPARATOR.findall(part[:_MAX_NUMBER_LENGTH].upper()))
        for part in (number, bank)
    )
    if not code and (match := _WITH_CODE.fullmatch(text)):
        code, text = match.groups()
    last = text.rpartition("/")[2]  # behind the bank's BIC
    code, text = code.replace("/", ""), text.replace("/", "")
    if not any(map(str.isdigit, text)):
        return ""
    texts = (text, last, _CURRENCY.sub("", text), _CURRENCY.sub("", last))
    iban = next(filter(is_iban, texts), "")
    if not iban and _GERMAN_CODE.fullmatch(code) and _GERMAN_NUMBER.fullmatch(text):
        iban = _german_iban(code, text)
    if not (iban or code or len(text) >= _CARD_LENGTH):
        return ""
    named = iban or f"{code}/{text.lstrip('0')}"
    return hashlib.sha256(f"number\n{named}".encode()).hexdigest()[:32]


def is_iban(text: str) -> bool:
    """Check whether a text without spaces is an IBAN, by its check digits."""
    return bool(_IBAN.fullmatch(text)) and _remainder(text[4:] + text[:4]) == 1


def _german_iban(code: str, number: str) -> str:
    account = f"{code}{int(number):010}"
    return f"DE{98 - _remainder(f'{account}DE00'):02}{account}"


def _remainder(text: str) -> int:
    """Return the remainder by 97 of a text in which A is 10, and Z 35."""
    return int("".join(str(int(character, 36)) for character in text)) % 97


def account_label(number: str) -> str:
    """Return the last LABEL_LENGTH characters of an account's number."""
    return "".join(number.split())[-LABEL_LENGTH:]


def shown_label(label: str) -> str:
    """Return the label of an account for users: a name, or the end of a number."""
    is_number = len(label) <= LABEL_LENGTH and any(map(str.isdigit, label))
    return f"…{label}" if is_number else label


def limit_text(text: str) -> str:
    """Return a booking's text on one line, at most MAX_TEXT_LENGTH characters."""
    return " ".join(text.split())[:MAX_TEXT_LENGTH]
