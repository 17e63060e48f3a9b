"""Read CAMT.052, 053 and 054: statements of ISO 20022 in XML, of any version.

Why: docs/decisions.md#statements-are-read-by-small-readers-of-our-own
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import chain
from typing import Any
from xml.etree.ElementTree import Element

from expenses.imports import limits
from expenses.imports.accounts import Account, statement_of
from expenses.imports.bookings import (
    LeftOut,
    Question,
    Row,
    Statement,
    number_id,
)
from expenses.imports.columns import read_day
from expenses.imports.joining import TextFile, join
from expenses.imports.messages import FileError, Message, message
from expenses.imports.rows import exact_amount, row_of
from expenses.imports.xml import parse_xml

_MESSAGE = re.compile(
    r"<(?:[\w.-]+:)?BkToCstmr(?:Stmt|AcctRpt|DbtCdtNtfctn)[\s>/]", re.ASCII
)
# Entries, and the payments of batches.
_ROW = re.compile(r"<(?:[\w.-]+:)?(Ntry|TxDtls)[\s>/]", re.ASCII)
_STATEMENTS = {"Stmt", "Rpt", "Ntfctn"}
_AMOUNT = re.compile(r"[0-9]{1,15}(?:\.[0-9]{0,10})?")
_PENDING = {"PDNG", "FUTR"}
# Where banks put what a transaction of a batch adds to its entry.
_SHARES = ("Amt", "AmtDtls/TxAmt/Amt", "AmtDtls/InstdAmt/Amt")

# How to read the sign of a reversal. By the standard, CRDT is money in; some banks
# mark the payment that was reversed.
TURNED, KEPT = "turned", "kept"


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry of a statement (Ntry)."""

    account: Account
    element: Element
    number: int  # in the file, from 1

    @property
    def is_debit(self) -> bool:
        return _text(self.element, "CdtDbtInd") == "DBIT"

    @property
    def is_reversal(self) -> bool:
        return _text(self.element, "RvslInd") in ("true", "1")

    @property
    def status(self) -> str:
        """BOOK, PDNG and so on. It has a code of its own since version 8."""
        return _text(self.element, "Sts/Cd") or _text(self.element, "Sts")


def format_of(head: str) -> str:
    """Return "camt" for the beginning of XML, or ""."""
    is_xml = head.startswith(("<?xml", "<!DOCTYPE"))
    return "camt" if is_xml or _MESSAGE.search(head) else ""


def read_files(
    files: Sequence[TextFile],
    *,
    currency: str,
    today: date,
    mapping: Mapping[str, Any],
) -> Statement:
    """Return the statement of files, with the rows of all their accounts.

    mapping: `day` is "booking" or "value", `reversals` TURNED or KEPT.

    Raises FileError for a file that is damaged or has no statement.
    """
    counts = Counter(row[1] for file in files for row in _ROW.finditer(file.text))
    limits.check_rows(max(counts.values(), default=0))
    statements = [_statements(file) for file in files]
    by_file = [list(_entries(some)) for some in statements]
    reversals = mapping.get("reversals") or _find_reversals([*chain(*statements)])
    reading = _Reading(
        currency,
        today,
        days=("ValDt", "BookgDt")
        if mapping.get("day") == "value"
        else ("BookgDt", "ValDt"),
        is_turned=reversals != KEPT,
    )
    questions = []
    asked = [entry for entry in chain(*by_file) if entry.is_reversal]
    if asked and not reversals:
        questions = [_ask(asked[0])]
    rows = [
        [(entry.account, row) for entry in entries for row in reading.rows(entry)]
        for entries in by_file
    ]
    return statement_of(
        "camt",
        join([*zip(files, rows, strict=True)]),
        mapping,
        mapping={"reversals": reversals} if reversals else {},
        questions=questions,
    )


@dataclass(frozen=True, slots=True)
class _Reading:
    """The way in which entries are read."""

    currency: str  # the user's
    today: date
    days: tuple[str, str]  # which day counts, and which if it is missing
    is_turned: bool  # whether reversals turn the sign

    def rows(self, entry: _Entry) -> list[Row]:
        """Return the rows of an entry: one, or one for each payment of its batch."""
        place = message("entry", number=entry.number)
        if entry.status == "INFO":
            return [LeftOut(place, message("information"))]
        details = entry.element.findall("NtryDtls/TxDtls")
        total = _amount(entry, self.currency, is_turned=self.is_turned)
        shares = self._shares(entry, details, total) if len(details) > 1 else []
        if not shares:
            return [self._row(entry, place, total, details)]
        return [
            self._row(
                entry,
                message("payment", number=entry.number, part=part),
                share,
                [detail],
            )
            for part, (detail, share) in enumerate(
                zip(details, shares, strict=True), start=1
            )
        ]

    def _shares(
        self, entry: _Entry, details: Sequence[Element], total: Decimal | Message | None
    ) -> list[Decimal]:
        """Return what each payment of a batch adds to its entry.

        Empty if the payments do not add up to it: the entry is what was booked.
        """
        if not isinstance(total, Decimal):
            return []
        values = [
            _value(_share(entry.element, detail), self.currency) for detail in details
        ]
        shares = [value for value in values if isinstance(value, Decimal)]
        if len(shares) < len(details):
            return []
        own = _text(entry.element, "CdtDbtInd")
        indicators = [_text(detail, "CdtDbtInd") or own for detail in details]
        # Some banks write the payer's side into the payments.
        for signs in (
            [1 if side == own else -1 for side in indicators],
            [1 for _share in shares],
        ):
            signed = [sign * share for sign, share in zip(signs, shares, strict=True)]
            if sum(signed) == abs(total):
                return [-share for share in signed] if total < 0 else signed
        return []

    def _row(
        self,
        entry: _Entry,
        place: Message,
        amount: Decimal | Message | None,
        details: Sequence[Element],
    ) -> Row:
        element = entry.element
        # The names of a reversal are those of the payment that was reversed.
        was_paid = entry.is_debit != (entry.is_reversal and not self.is_turned)
        name = _names(details, "Cdtr" if was_paid else "Dbtr")
        cell = next(filter(None, (_day(element, name) for name in self.days)), "")
        return row_of(
            place,
            read_day(cell[:10], "ymd", self.today),
            amount,
            cells=(cell, _text(element, "Amt")),
            text=_words(element, details) or name,
            merchant=name,
            bank_id=_bank_id(element, details),
            counterparty=_counterparty(details, "Cdtr" if was_paid else "Dbtr"),
            currency=_code(element.find("Amt")),
            is_pending=entry.status in _PENDING,
        )


def _statements(file: TextFile) -> list[Element]:
    with file.named():
        root = parse_xml(file.text)
        statements = [element for element in root.iter() if element.tag in _STATEMENTS]
        if not statements:
            raise FileError("no_statement")
    return statements


def _entries(statements: Sequence[Element]) -> Iterator[_Entry]:
    number = 0
    for statement in statements:
        account = _account(statement)
        for element in statement.findall("Ntry"):
            number += 1
            yield _Entry(account, element, number)


def _account(statement: Element) -> Account:
    return Account(
        _text(statement, "Acct/Id/IBAN") or _text(statement, "Acct/Id/Othr/Id")
    )


def _amount(
    entry: _Entry, currency: str, *, is_turned: bool
) -> Decimal | Message | None:
    """Return the signed amount of an entry."""
    if _text(entry.element, "CdtDbtInd") not in ("CRDT", "DBIT"):
        return message("no_direction")
    value = _value(entry.element.find("Amt"), currency)
    is_paid = entry.is_debit != (entry.is_reversal and is_turned)
    return -value if is_paid and isinstance(value, Decimal) else value


def _value(element: Element | None, currency: str) -> Decimal | Message | None:
    """Return an amount without sign. currency: the user's."""
    cell = ("" if element is None else element.text or "").strip()
    if not cell:
        return None
    if not _AMOUNT.fullmatch(cell):
        return message("unreadable_amount")
    return exact_amount(Decimal(cell), _code(element) or currency)


def _find_reversals(statements: Sequence[Element]) -> str:
    """Return the reading of reversals that fits all balances, "" if unclear."""
    fits = {TURNED, KEPT}
    is_proven = False
    for statement in statements:
        opening = _balance(statement, "OPBD") or _balance(statement, "PRCD")
        closing = _balance(statement, "CLBD")
        entries = list(_entries([statement]))
        if opening and closing and any(entry.is_reversal for entry in entries):
            is_proven = True
            fits &= _fitting(entries, closing[0] - opening[0], opening[1])
    return fits.pop() if is_proven and len(fits) == 1 else ""


def _fitting(entries: Sequence[_Entry], change: Decimal, currency: str) -> set[str]:
    """Return the readings of reversals by which entries change the balance so."""
    fits = set()
    for choice in (TURNED, KEPT):
        amounts = [
            _amount(entry, currency, is_turned=choice == TURNED)
            for entry in entries
            if entry.status == "BOOK"
        ]
        known = [amount for amount in amounts if isinstance(amount, Decimal)]
        if len(known) == len(amounts) and sum(known) == change:
            fits.add(choice)
    return fits


def _balance(statement: Element, code: str) -> tuple[Decimal, str] | None:
    """Return a balance and its currency."""
    for balance in statement.findall("Bal"):
        amount = balance.find("Amt")
        if _text(balance, "Tp/CdOrPrtry/Cd") != code or amount is None:
            continue
        if _AMOUNT.fullmatch(cell := (amount.text or "").strip()):
            sign = -1 if _text(balance, "CdtDbtInd") == "DBIT" else 1
            return sign * Decimal(cell), _code(amount)
    return None


def _ask(entry: _Entry) -> Question:
    """Return a question whether reversals are money in or money out."""
    cell = f"{_text(entry.element, 'Amt')} {_code(entry.element.find('Amt'))}".strip()
    paid = message("cell_paid", cell=cell)
    received = message("cell_received", cell=cell)
    examples = {TURNED: received, KEPT: paid}
    if not entry.is_debit:
        examples = {TURNED: paid, KEPT: received}
    return Question("reversals", (TURNED, KEPT), examples)


def _share(entry: Element, detail: Element) -> Element | None:
    """Return the amount of a payment in its entry's currency."""
    currency = _code(entry.find("Amt"))
    amounts = (detail.find(path) for path in _SHARES)
    return next(
        (
            amount
            for amount in amounts
            if amount is not None and _code(amount) == currency
        ),
        None,
    )


def _day(element: Element, name: str) -> str:
    """Return a day, or a time that begins with its day."""
    return _text(element, f"{name}/Dt") or _text(element, f"{name}/DtTm")


def _words(entry: Element, details: Sequence[Element]) -> str:
    """Return the first text there is, from what the payer wrote to what it was."""
    for paths in (
        ("RmtInf/Ustrd",),
        ("RmtInf/Strd/AddtlRmtInf", "RmtInf/Strd/CdtrRefInf/Ref"),
        ("AddtlTxInf",),
    ):
        texts = [
            (element.text or "").strip()
            for detail in details
            for path in paths
            for element in detail.findall(path)
        ]
        if words := " ".join(filter(None, texts)):
            return words
    return _text(entry, "AddtlNtryInf")


def _names(details: Sequence[Element], role: str) -> str:
    """Return the name of a party, if all payments have the same."""
    names = {
        _text(detail, f"RltdPties/Ultmt{role}/Pty/Nm")
        or _text(detail, f"RltdPties/Ultmt{role}/Nm")
        or _text(detail, f"RltdPties/{role}/Pty/Nm")
        or _text(detail, f"RltdPties/{role}/Nm")
        for detail in details
    }
    return names.pop() if len(names) == 1 else ""


def _counterparty(details: Sequence[Element], role: str) -> str:
    """Return the account of a party, if all payments have the same."""
    ids = {
        number_id(
            _text(detail, f"RltdPties/{role}Acct/Id/IBAN")
            or _text(detail, f"RltdPties/{role}Acct/Id/Othr/Id"),
            _text(detail, f"RltdAgts/{role}Agt/FinInstnId/ClrSysMmbId/MmbId"),
        )
        for detail in details
    }
    return ids.pop() if len(ids) == 1 else ""


def _bank_id(entry: Element, details: Sequence[Element]) -> str:
    own = _text(details[0], "Refs/AcctSvcrRef") if len(details) == 1 else ""
    return own or _text(entry, "AcctSvcrRef")


def _code(amount: Element | None) -> str:
    return "" if amount is None else amount.get("Ccy", "").strip().upper()


def _text(element: Element, path: str) -> str:
    return (element.findtext(path) or "").strip()
