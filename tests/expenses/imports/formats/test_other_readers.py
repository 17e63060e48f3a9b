"""Other programs' readers find the same days and amounts, in files they read right."""

import datetime
import io
from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ofxparse import OfxParser
from pycamt.parser import Camt053Parser
from quiffen import Qif

from tests.expenses.imports.formats.statements import (
    SAMPLES,
    TODAY,
    bookings,
    camt_file,
    camt_statement,
    entry,
    needs_samples,
    ofx_file,
    payment,
    payments,
    read,
)

DAYS = st.dates(datetime.date(2022, 1, 1), TODAY)
AMOUNTS = (
    st.integers(-10_000_000, 10_000_000)
    .filter(bool)
    .map(lambda cents: Decimal(cents).scaleb(-2))
)
ROWS = st.lists(st.tuples(DAYS, AMOUNTS), min_size=1, max_size=20)


def ours(content) -> Counter:
    return Counter((row.day, row.amount) for row in bookings(read(content)))


def by_ofxparse(content: bytes) -> Counter:
    parsed = OfxParser.parse(io.BytesIO(content), fail_fast=False)
    return Counter(
        (row.date.date(), row.amount)
        for account in parsed.accounts
        for row in account.statement.transactions
    )


def by_quiffen(text: str) -> Counter:
    parsed = Qif.parse_string(text, day_first=False)
    return Counter(
        (row.date.date(), row.amount)
        for account in parsed.accounts.values()
        for rows in account.transactions.values()
        for row in rows
    )


def by_pycamt(content: bytes) -> Counter:
    return Counter(
        (
            datetime.date.fromisoformat(row["BookingDate"][:10]),
            Decimal(row["Amount"])
            * (-1 if row["CreditDebitIndicator"] == "DBIT" else 1),
        )
        for row in Camt053Parser(content).get_transactions()
    )


# Of beautifulsoup4, which ofxparse uses in an old way.
as_ofxparse_does = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore:It looks like you're using an HTML parser"
)


@needs_samples
@as_ofxparse_does
@pytest.mark.parametrize(
    "name", ["anzcc", "bank_medium", "checking", "fail-empty_balance", "suncorp"]
)
def test_ofxparse_reads_the_same_samples(name):
    content = (SAMPLES / f"ofx/{name}.ofx").read_bytes()
    assert by_ofxparse(content) == ours(content)


@as_ofxparse_does
@given(ROWS)
def test_ofxparse_reads_the_same_rows(rows):
    content = ofx_file(
        *(
            payment(f"{amount:f}", f"{day:%Y%m%d}120000", fitid=f"A{number}")
            for number, (day, amount) in enumerate(rows)
        )
    ).encode()
    assert by_ofxparse(content) == ours(content) == Counter(rows)


@given(ROWS)
def test_quiffen_reads_the_same_rows(rows):
    records = [f"D{day:%m/%d/%Y}\nT{amount:,f}\nPX\n^\n" for day, amount in rows]
    # A day after the 12th, and cents, which leave nothing to ask.
    text = "!Type:Bank\n" + "D12/31/2021\nT-1,234.56\nPX\n^\n" + "".join(records)
    assert by_quiffen(text) == ours(text)


@needs_samples
@pytest.mark.parametrize(
    "name",
    [
        "camt052.v2",
        "camt053.v2.all-balance-types",
        "camt053.v2.minimal.ultimate",
        "camt053.v2.minimal",
        "camt053.v2.with-account-name",
    ],
)
def test_pycamt_reads_the_same_samples(name):
    content = (SAMPLES / f"camt/{name}.xml").read_bytes()
    assert by_pycamt(content) == ours(content)


@given(ROWS, ROWS)
def test_pycamt_reads_the_same_rows(rows, batch):
    def side(amount):
        return "DBIT" if amount < 0 else "CRDT"

    day = batch[0][0]
    total = sum(amount for _day, amount in batch)
    details = payments(
        *(
            f'<Amt Ccy="EUR">{abs(amount):f}</Amt><CdtDbtInd>{side(amount)}</CdtDbtInd>'
            for _day, amount in batch
        )
    )
    entries = [entry(f"{abs(amount):f}", side(amount), day=day) for day, amount in rows]
    if len(batch) > 1 and total:
        entries.append(entry(f"{abs(total):f}", side(total), day=day, more=details))
    content = camt_file(camt_statement(*entries)).encode()
    assert by_pycamt(content) == ours(content)
