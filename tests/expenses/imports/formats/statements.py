"""Statements of banks, and reading them."""

import datetime
from pathlib import Path

import pytest

from expenses.imports import reading
from expenses.imports.bookings import Booking, LeftOut, Statement, Unreadable

TODAY = datetime.date(2026, 11, 30)
# Files of other projects, which are not in this repository.
SAMPLES = Path(__file__).parents[4].parent / "shared" / "samples" / "import"
needs_samples = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="the samples are not beside the repository"
)


def read(content: bytes | str, currency="EUR", **mapping) -> Statement:
    content = content.encode() if isinstance(content, str) else content
    return reading.read(content, currency=currency, today=TODAY, mapping=mapping)


def rows(content: bytes | str, **mapping):
    return [row_of(row) for row in read(content, **mapping).rows]


def row_of(row):
    """Return what matters of a row: its day and amount, or why it has none."""
    if isinstance(row, Booking):
        return row.day.isoformat(), str(row.amount)
    assert isinstance(row, Unreadable | LeftOut)
    return str(row.place), str(row.reason)


def bookings(statement: Statement):
    return [row for row in statement.rows if isinstance(row, Booking)]


def ofx_file(*transactions: str, currency="USD", account="1111", end="</OFX>") -> str:
    """Return a file of one statement in SGML."""
    rows = "".join(f"<STMTTRN>{row}</STMTTRN>\n" for row in transactions)
    return (
        "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\nENCODING:USASCII\nCHARSET:1252\n\n"
        f"<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>{currency}"
        f"<BANKACCTFROM><BANKID>99<ACCTID>{account}</BANKACCTFROM>"
        f"<BANKTRANLIST>\n{rows}</BANKTRANLIST></STMTRS></STMTTRNRS></BANKMSGSRSV1>"
        f"{end}\n"
    )


def payment(amount="-4.50", day="20261103", fitid="A1", name="CAFE XY") -> str:
    """Return the content of STMTTRN."""
    row = f"<TRNTYPE>DEBIT<DTPOSTED>{day}<TRNAMT>{amount}"
    return row + (f"<FITID>{fitid}" if fitid else "") + f"<NAME>{name}"


def camt_statement(*entries: str, iban="DE02120300000000202051", balances="") -> str:
    """Return Stmt."""
    return (
        f"<Stmt><Acct><Id><IBAN>{iban}</IBAN></Id></Acct>{balances}"
        f"{''.join(entries)}</Stmt>"
    )


def camt_file(*statements: str) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">\n'
        f"<BkToCstmrStmt>{''.join(statements)}</BkToCstmrStmt>\n</Document>\n"
    )


def entry(
    amount="4.50", side="DBIT", status="BOOK", day="2026-11-03", more="", currency="EUR"
) -> str:
    """Return Ntry."""
    return (
        f'<Ntry><Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>{side}</CdtDbtInd>'
        f"<Sts>{status}</Sts><BookgDt><Dt>{day}</Dt></BookgDt>"
        f"<ValDt><Dt>2026-11-05</Dt></ValDt>{more}</Ntry>\n"
    )


def payments(*details: str) -> str:
    """Return NtryDtls."""
    inner = "".join(f"<TxDtls>{detail}</TxDtls>" for detail in details)
    return f"<NtryDtls>{inner}</NtryDtls>"


def balance(code: str, amount: str, side="CRDT") -> str:
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>"
        f'<Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{side}</CdtDbtInd></Bal>'
    )


def mt940_file(
    *lines: str, account="37040044/0532013000", end=":62F:C261104EUR1,\n-"
) -> str:
    body = "".join(f"{line}\n" for line in lines)
    return (
        f":20:STARTUMS\n:25:{account}\n:28C:1/1\n:60F:C261103EUR100,00\n{body}{end}\n"
    )
