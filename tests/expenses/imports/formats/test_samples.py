"""Statements that other projects test with: read whole, or refused with a place."""

from collections import Counter

import pytest

from expenses.imports.bookings import Booking, LeftOut, Unreadable
from smartbudget.core.errors import InvalidError
from tests.expenses.imports.formats.statements import (
    SAMPLES,
    needs_samples,
    read,
    row_of,
)

pytestmark = needs_samples

FILES = sorted(
    path.relative_to(SAMPLES).as_posix()
    for path in SAMPLES.rglob("*")
    if path.is_file()
)

# {file: its rows}: day and amount, or place and reason.
ROWS = {
    "camt/camt052.v2.xml": [("2007-10-18", "-200000.00")],
    "camt/camt052.v6.Amt-zero.xml": [("2007-10-18", "-200000.00")],  # pending
    "camt/camt053.v2.all-balance-types.xml": [("2014-12-31", "8.85")],
    "camt/camt053.v2.minimal.ultimate.xml": [("2014-12-31", "8.85")],
    "camt/camt053.v2.minimal.xml": [("2014-12-31", "8.85")],
    "camt/camt053.v2.with-account-name.xml": [("2014-12-31", "8.85")],
    "camt/camt053.v3.xml": [("2014-12-31", "8.85")],
    "camt/camt053.v4.xml": [("2014-12-31", "8.85")],
    "camt/camt053.v8.xml": [("2014-12-31", "8.85")],
    "camt/camt054.v2.xml": [("2007-10-18", "-200000.00")],  # payments have no amounts
    "camt/camt054.v8.xml": [("2007-10-18", "-200000.00")],  # nor the entry's currency
    "ofx/anzcc.ofx": [("2017-05-08", "-5.50")],
    "ofx/bank_medium.ofx": [
        ("2009-04-01", "-6.60"),
        ("2009-04-02", "-316.67"),
        ("2009-04-03", "-22.00"),
    ],
    "ofx/checking.ofx": [
        ("2011-03-31", "0.01"),
        ("2011-04-05", "-34.51"),
        ("2011-04-07", "-25.00"),
    ],
    "ofx/fail-date_missing.ofx": [
        ("line 33", "The date is missing."),
        ("line 40", "The date is missing."),
        ("line 48", "The date can't be read."),
    ],
    "ofx/fail-decimal_error.ofx": [("line 34", "The date can't be read.")],
    "ofx/fail-empty_balance.ofx": [("2011-03-08", "120.00")],
    "ofx/ofx-v102-empty-tags.ofx": [("2018-05-07", "12.34")],
    "ofx/suncorp.ofx": [("2013-12-15", "-16.85")],
}

# {file: the beginning of the reason}
REFUSED = {
    "camt/camt53.only-Dt-with-DtTm.xml": "The file contains no transactions.",
    "camt/camt053.v2.wrong.xml": "The file contains no account statement.",
    "ofx/account_listing_aggregation.ofx": "The file contains no account statement",
    "ofx/bank_small.ofx": "The file contains no account statement.",
    "ofx/multiple_accounts.ofx": "The file contains no transactions.",
    "ofx/error_message.ofx": (
        "The file contains no account statement. "
        "The bank's message: General Server Error"
    ),
    "ofx/signon_fail.ofx": (
        "The file contains no account statement. "
        "The bank's message: Your request could not be processed"
    ),
    "ofx/vanguard.ofx": "This is an investment statement.",
}


def test_all_files_are_tried():
    assert {*ROWS, *REFUSED} == {*FILES}


@pytest.mark.parametrize("name", ROWS)
def test_a_file_is_read_whole(name):
    statement = read((SAMPLES / name).read_bytes())
    assert [row_of(row) for row in statement.rows] == ROWS[name]
    assert not statement.questions


@pytest.mark.parametrize("name", ROWS)
def test_every_row_has_a_result(name):
    content = (SAMPLES / name).read_bytes()
    marked = max(content.count(b"<STMTTRN>"), content.count(b"<Ntry>"))
    kinds = Counter(type(row) for row in read(content).rows)
    assert kinds[Booking] + kinds[Unreadable] + kinds[LeftOut] == marked


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_without_bookings_is_refused(name):
    with pytest.raises(InvalidError) as caught:
        read((SAMPLES / name).read_bytes())
    assert str(caught.value).startswith(REFUSED[name])
