"""Read OFX and QFX, in SGML or XML: statements of bank accounts and cards.

Banks close tags or not, in both versions, so that neither an SGML nor an XML parser
reads all files. A value is the text after a tag.
"""

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import chain, islice, pairwise
from typing import Any

from expenses.imports import limits
from expenses.imports.accounts import Account, statement_of
from expenses.imports.bookings import LeftOut, Row, Statement, limit_text
from expenses.imports.columns import read_amounts, read_day
from expenses.imports.joining import TextFile, join
from expenses.imports.messages import FileError, Message, message
from expenses.imports.rows import (
    NEGATIVE_IS_PAID,
    POSITIVE_IS_PAID,
    all_positive,
    decimal_question,
    line,
    negated,
    row_of,
    sign_question,
)

_HEAD = re.compile(r"OFXHEADER|<OFX[\s>]", re.IGNORECASE)
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9._]*)(?:\s[^<>]*|/)?>", re.ASCII)
_ROW = re.compile(r"<(?:STMTTRNP?|INVTRAN)[\s>]", re.IGNORECASE)
_REFERENCE = re.compile(r"&(?:#[0-9]{1,7}|#x[0-9a-f]{1,6}|[a-z]{2,8});", re.IGNORECASE)
_DECLARATION = re.compile(r"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)

_STATEMENTS = {"STMTRS", "CCSTMTRS"}
_ROWS = {"STMTTRN", "STMTTRNP", "INVTRAN"}  # the last one in INVSTMTRS
# TRNTYPE of money that was paid. The amount's sign counts; some banks leave it out.
_PAID = {"DEBIT", "POS", "ATM", "CHECK", "PAYMENT", "DIRECTDEBIT", "FEE", "SRVCHG"}
_MAX_TAGS = 500_000  # 50 for each row of the largest file
_MAX_MESSAGE_LENGTH = 200


@dataclass(slots=True)
class _Transaction:
    """A row of a statement, by its tags."""

    number: int  # of its line
    is_pending: bool
    account: dict[str, str]  # by tags, of the statement
    is_investment: bool
    values: dict[str, str] = field(default_factory=dict)

    @property
    def day(self) -> str:
        names = ("DTPOSTED", "DTTRAN", "DTUSER")
        return next(filter(None, map(self.values.get, names)), "")

    @property
    def currency(self) -> str:
        """The code of the amount's currency. ORIGCURRENCY is only what it was."""
        code = self.values.get("CURRENCY") or self.account.get("CURDEF") or ""
        return code.upper() if len(code) == 3 else ""

    @property
    def text(self) -> str:
        name, memo = self.values.get("NAME", ""), self.values.get("MEMO", "")
        return memo if name in memo else f"{name} {memo}".strip()


@dataclass(slots=True)
class _File:
    """The contents of a file."""

    transactions: list[_Transaction] = field(default_factory=list)
    has_statement: bool = False
    has_investments: bool = False
    has_end: bool = False
    error: str = ""  # a bank's message instead of a statement


def format_of(head: str) -> str:
    """Return "ofx" for the beginning of such a file, or ""."""
    return "ofx" if _HEAD.search(head) else ""


def read_files(
    files: Sequence[TextFile],
    *,
    currency: str,
    today: date,
    mapping: Mapping[str, Any],
) -> Statement:
    """Return the statement of files, with the rows of all their accounts.

    mapping: `decimal` and `sign`, if the user chose them.

    Raises FileError for a file that ends too early or has no bookings.
    """
    limits.check_rows(sum(1 for file in files for _row in _ROW.finditer(file.text)))
    by_file = [_transactions(file) for file in files]
    transactions = [*chain(*by_file)]
    cells = [row.values.get("TRNAMT", "") for row in transactions]
    codes = [row.currency for row in transactions]
    decimal = str(mapping.get("decimal", ""))
    amounts = read_amounts(cells, currency, decimal=decimal, currencies=codes)
    values = amounts.values
    sign = str(mapping.get("sign", ""))
    if sign == POSITIVE_IS_PAID:
        values = [negated(value) for value in values]
    days = [read_day(row.day[:8], "ymd", today) for row in transactions]
    rows = [
        (_account(transaction), _row(transaction, day, amount, code))
        for transaction, day, amount, code in zip(
            transactions, days, values, amounts.currencies, strict=True
        )
    ]
    questions = []
    how = {"sign": sign or NEGATIVE_IS_PAID}
    kinds = {row.values.get("TRNTYPE", "").upper() for row in transactions}
    if not sign and kinds & _PAID and all_positive(values):
        questions.append(sign_question([row for _a, row in rows], currency))
        del how["sign"]
    question = decimal_question(
        amounts,
        cells,
        days,
        lambda mark: (
            read_amounts(cells, currency, decimal=mark, currencies=codes).values
        ),
        currency,
    )
    if question:
        questions.append(question)
    else:
        how["decimal"] = amounts.decimal
    rest = iter(rows)
    joined = join(
        [
            (file, [*islice(rest, len(some))])
            for file, some in zip(files, by_file, strict=True)
        ]
    )
    return statement_of("ofx", joined, mapping, mapping=how, questions=questions)


def _transactions(file: TextFile) -> list[_Transaction]:
    with file.named():
        if _DECLARATION.search(file.text):
            raise FileError("xml_entities")
        parsed = _parse("".join(_without_cdata(file.text)))
        _check(parsed, file.text)
    return parsed.transactions


def _without_cdata(text: str) -> Iterator[str]:
    """Yield a text whose CDATA sections are escaped."""
    first, *sections = text.split("<![CDATA[")
    yield first
    for section in sections:
        value, _end, rest = section.partition("]]>")
        yield html.escape(value) + rest


def _parse(text: str) -> _File:
    file = _File()
    account: dict[str, str] = {}
    row: _Transaction | None = None
    currency_tag, severity = "CURRENCY", ""
    is_investment = False
    counted, number = 0, 1  # the line of a position, counted once
    tags = islice(_TAG.finditer(text), _MAX_TAGS)
    for tag, following in pairwise(chain(tags, (None,))):
        if tag is None:
            break
        is_end, name = bool(tag[1]), tag[2].upper()
        end = following.start() if following else len(text)
        value = "" if is_end else _value(text[tag.end() : end])
        if name == "OFX" and is_end:
            file.has_end = True
        elif name in _ROWS:
            row = None
            if not is_end:
                number += text.count("\n", counted, tag.start())
                counted = tag.start()
                row = _Transaction(number, name == "STMTTRNP", account, is_investment)
                file.transactions.append(row)
        elif name in ("CURRENCY", "ORIGCURRENCY"):
            currency_tag = "CURRENCY" if is_end else name
        elif name in _STATEMENTS and not is_end:
            file.has_statement, account, row = True, {}, None
        elif name == "INVSTMTRS":
            is_investment, account, row = not is_end, {}, None
            file.has_investments = True
        elif name in ("BANKTRANLIST", "BANKTRANLISTP"):
            row = None
        elif name == "SEVERITY" and value:
            severity = value.upper()
        elif name == "MESSAGE" and value and severity == "ERROR":
            file.error = limit_text(value)[:_MAX_MESSAGE_LENGTH]
        elif value and row:
            key = currency_tag if name == "CURSYM" else name
            row.values.setdefault(key, value)
        elif value:
            account.setdefault(name, value)
    return file


def _check(file: _File, text: str) -> None:
    """Raise FileError for a file without bookings of a bank account or card."""
    if file.has_investments and not file.has_statement:
        raise FileError("investments_only")
    if not file.has_end:
        raise FileError("ends_early", line=text.rstrip().count("\n") + 1)
    if not file.has_statement:
        if file.error:
            raise FileError("bank_error", message=file.error)
        raise FileError("no_statement")


def _value(text: str) -> str:
    plain = _REFERENCE.sub(lambda reference: html.unescape(reference[0]), text)
    return plain.strip()


def _account(transaction: _Transaction) -> Account:
    return _account_of(transaction.account)


def _account_of(values: Mapping[str, str]) -> Account:
    """Return an account: of a statement, or in a row the one of BANKACCTTO."""
    bank = f"{values.get('BANKID', '')} {values.get('BRANCHID', '')}".strip()
    return Account(values.get("ACCTID", ""), bank)


def _row(
    transaction: _Transaction,
    day: date | Message | None,
    amount: Decimal | Message | None,
    code: str,
) -> Row:
    place = line(transaction.number)
    if transaction.is_investment:
        return LeftOut(place, message("investment"))
    return row_of(
        place,
        day,
        amount,
        cells=(transaction.day, transaction.values.get("TRNAMT", "")),
        text=transaction.text,
        merchant=transaction.values.get("NAME", ""),
        bank_id=transaction.values.get("FITID", ""),
        currency=code,
        is_pending=transaction.is_pending,
        counterparty=_account_of(transaction.values).number_id,
    )
