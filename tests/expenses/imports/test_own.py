"""Exports of this application are read exactly."""

import json
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expenses.export import SELECTION_COLUMNS, csv_lines
from expenses.imports import limits
from expenses.imports.bookings import Booking, LeftOut, Unreadable
from expenses.imports.formats import own
from expenses.imports.reading import read
from expenses.queries import all_expenses
from expenses.services import record_expense
from profiles import export, records
from smartbudget.core.errors import InvalidError
from tests.builders import make_user
from tests.expenses.imports.test_reading import zip_of
from tests.money_builders import make_expense

TODAY = date(2026, 11, 30)
PART = {"category": "Food", "amount": "4.50", "note": ""}


def record(**values):
    """Return an expense as exports represent it."""
    return {
        "expense_id": "0" * 32,
        "amount": "12.50",
        "category": "Food",
        "description": "",
        "date": "2026-11-03",
        "status": "pending",
        "kind": "expense",
        "refund_of": None,
        "merchant": "",
        "notes": "",
        "parts": [],
        "receipt_url": None,
        "source": None,
        "external_id": None,
        "created_at": "2026-11-03T10:00:00Z",
        "updated_at": "2026-11-03T10:00:00Z",
    } | values


def csv_of(*expenses, currency="EUR"):
    return "".join(records.csv_lines(expenses, currency)).encode()


def json_of(*expenses, currency="EUR"):
    data = {"made_at": "now", "profile": {"currency": currency}}
    return json.dumps({**data, "expenses": expenses, "history": []}).encode()


def list_of(*expenses):
    return "".join(records.json_list(expenses)).encode()


def statement(content):
    return read(content, currency="EUR", today=TODAY)


def bookings(content):
    return [row for row in statement(content).rows if not isinstance(row, LeftOut)]


ALL_DATA = {
    "csv": export.csv_chunks,
    "json": export.json_chunks,
    "zip": export.zip_chunks,
}


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("kind", ALL_DATA)
def test_an_export_makes_the_same_expenses_in_a_new_account(kind):
    alice, bob = make_user("alice"), make_user("bob")
    texts = {"description": "=1+1\nb", "merchant": "'=X", "notes": "a; @b\n\nc"}
    make_expense(alice, amount="1234.5", status="cleared", **texts)
    make_expense(alice, amount="3.07", kind="refund", merchant="Café Ä")
    make_expense(alice, amount="9", category=None, parts=[PART, PART], status="void")

    for booking in bookings(b"".join(ALL_DATA[kind](alice))):
        values = values_of(booking)
        del values["expense_id"]
        record_expense(bob, **values)

    assert without_ids(bob) == without_ids(alice)
    assert len(without_ids(bob)) == 3


def without_ids(user):
    """Return a user's expenses as exports represent them, without ids and times."""
    rows = (records.of_expense(expense, user) for expense in all_expenses(user))
    return sorted(
        (
            {
                name: value
                for name, value in row.items()
                if name not in {"expense_id", "created_at", "updated_at"}
            }
            for row in rows
        ),
        key=str,
    )


NAMES = ("description", "status", "kind", "merchant", "notes", "expense_id")


def values_of(booking):
    """Return a booking as the record that it was exported from."""
    values = {name: booking.own[name] for name in NAMES}
    return values | {
        "date": booking.day.isoformat(),
        "amount": f"{abs(booking.amount):f}",
        "category": booking.own["category"] or None,
        "refund_of": booking.own["refund_of"] or None,
        "parts": booking.own["parts"],
    }


TEXT = st.text(st.sampled_from("ab ö€1'\"=+-@,;|\t\n\r{}[]\\\u200b\u2028"), max_size=12)
MONEY = st.decimals("0.01", "99999", places=2).map(str)
RECORDS = st.builds(
    record,
    expense_id=st.uuids().map(lambda value: value.hex),
    amount=MONEY,
    category=TEXT.filter(bool),
    description=TEXT,
    merchant=TEXT,
    notes=TEXT,
    date=st.dates(date(2016, 1, 1), date(2027, 1, 1)).map(date.isoformat),
    status=st.sampled_from(["pending", "cleared", "void"]),
    kind=st.sampled_from(["expense", "refund"]),
    refund_of=st.sampled_from([None, "1" * 32]),
    parts=st.one_of(
        st.just([]),
        st.lists(
            st.fixed_dictionaries({"category": TEXT, "amount": MONEY, "note": TEXT}),
            min_size=2,
            max_size=4,
        ),
    ),
).map(
    lambda values: (
        values
        if not values["parts"]
        else values
        | {
            "category": None,
            "amount": str(sum(Decimal(part["amount"]) for part in values["parts"])),
        }
    )
)


@pytest.mark.parametrize("write", [csv_of, json_of, list_of])
@given(st.lists(RECORDS, max_size=4, unique_by=lambda values: values["expense_id"]))
def test_exported_expenses_are_read_exactly(write, expenses):
    if not expenses and write is not csv_of:
        return

    read_back = [values_of(booking) for booking in bookings(write(*expenses))]

    names = read_back[0] if read_back else ()
    assert read_back == [{name: values[name] for name in names} for values in expenses]


def test_expenses_are_paid_and_refunds_are_received():
    rows = [record(), record(kind="refund", amount="3.00")]

    for content in (csv_of(*rows), json_of(*rows)):
        assert [row.amount for row in bookings(content)] == [
            Decimal("-12.50"),
            Decimal("3.00"),
        ]


def test_the_currency_and_the_receipt_are_read():
    row = record(receipt_url="receipts/user/id/a.jpg")

    (from_csv,) = bookings(csv_of(row, currency="USD"))
    (from_json,) = bookings(json_of(row, currency="USD"))

    assert from_csv.currency == from_json.currency == "USD"
    assert from_csv.own["receipt"] == records.receipt_path(row["receipt_url"])
    assert from_json.own["receipt"] == row["receipt_url"]


def test_the_format_is_recognized():
    assert statement(csv_of(record())).format == "own_csv"
    assert statement(json_of(record())).format == "own_json"


def test_the_zip_of_all_data_is_read():
    rows = [record(), record(expense_id="2" * 32, category=None, parts=[PART, PART])]
    rows[1]["amount"] = "9.00"
    content = zip_of(
        {
            "profile.json": "{}",
            "expenses.csv": csv_of(*rows),
            "expenses.json": list_of(*rows),
            "receipts/a.jpg": b"\xff\xd8",
            "manifest.json": "{}",
        }
    )

    assert bookings(content) == bookings(csv_of(*rows))


def test_a_selection_for_people_is_read_too():
    lines = csv_lines(
        [{**record(description="x"), "currency": "EUR", "receipt": ""}],
        SELECTION_COLUMNS,
    )

    (booking,) = bookings("".join(lines).encode())

    assert (booking.amount, booking.text) == (Decimal("-12.50"), "x")
    assert booking.own["kind"] == "expense"


def test_a_file_without_newer_columns_is_read():
    content = csv_of(record()).decode()
    newer = ",part,part_note,source,external_id"
    assert content.count(newer) == 1
    content = content.replace(newer, "").replace(",,,,\r\n", "\r\n")

    assert len(bookings(content.encode())) == 1


def test_parts_of_neighbouring_expenses_are_not_mixed():
    rows = [
        record(expense_id=digit * 32, amount="9.00", category=None, parts=[PART, PART])
        for digit in "123"
    ]

    read_back = bookings(csv_of(*rows))

    assert [row.own["expense_id"] for row in read_back] == [
        "1" * 32,
        "2" * 32,
        "3" * 32,
    ]
    assert {row.amount for row in read_back} == {Decimal("-9.00")}


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"amount": "x"}, "The amount can't be read."),
        ({"amount": "0.00"}, "The amount can't be read."),
        ({"amount": "-1.00"}, "The amount can't be read."),
        ({"amount": "1,50"}, "The amount can't be read."),
        ({"amount": "1000000000000"}, "The amount can't be read."),
        ({"date": "03.11.2026"}, "The date can't be read."),
        ({"kind": "income"}, "The type or status is unknown."),
        ({"status": "lost"}, "The type or status is unknown."),
    ],
)
def test_rows_that_cannot_be_read_are_listed(values, reason):
    rows = [record(), record(**values), record()]

    for content in (csv_of(*rows), json_of(*rows)):
        first, second, third = bookings(content)
        assert isinstance(first, Booking)
        assert isinstance(third, Booking)
        assert (type(second), str(second.reason)) == (Unreadable, reason)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"amount": "9.01"}, "The amount can't be read."),  # unlike its parts
        ({"amount": None}, None),
        ({"amount": 9}, None),
        ({"parts": "x"}, "The parts can't be read."),
        ({"parts": ["x"]}, "The parts can't be read."),
        ({"parts": [{}, PART]}, "The amount can't be read."),
        ({"notes": {"a": [1]}, "merchant": 5, "description": None}, None),
    ],
)
def test_odd_json_is_read_or_listed(values, reason):
    row = record(amount="9.00", category=None, parts=[PART, PART]) | values

    (read_back,) = bookings(json_of(row))

    assert (str(read_back.reason) if reason else read_back.is_own) == (reason or True)


def test_rows_that_are_no_expenses_are_listed():
    assert [str(row.reason) for row in bookings(b'[1, "a", null, [], {}]')] == [
        "This entry isn't an expense.",
        "This entry isn't an expense.",
        "This entry isn't an expense.",
        "This entry isn't an expense.",
        "The amount can't be read.",
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{}", "Only JSON files exported from Smart Budget"),
        (b'{"expenses": {}}', "Only JSON files exported from Smart Budget"),
        (b'{"expenses": []}', "no transactions"),
        (b"[", "JSON can't be read at line 1"),
        (b'[\n{"a": }]', "JSON can't be read at line 2"),
        (b"[" * 1000 + b"]" * 1000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b"[" + b"[]," * 1_000_000 + b"[]]", "more than 10,000 rows"),
        (b"[" + b'"",' * 1_500_000 + b'""]', "more than 10,000 rows"),
        (b'["' + b'\\"' * 2_000_000, "JSON can't be read"),
        (b"[" + b"1," * limits.MAX_ROWS + b"1]", "more than 10,000 rows"),
    ],
    ids=range(11),
)
def test_other_json_is_refused(content, reason):
    with pytest.raises(InvalidError, match=reason):
        statement(content)


def test_numbers_are_not_parsed_as_numbers():
    (row,) = bookings(b'[{"amount": ' + b"9" * 100_000 + b"}]")

    assert (str(row.reason), len(row.cell)) == ("The amount can't be read.", 100)


def test_a_row_with_other_columns_is_listed():
    content = csv_of(record()) + b"1,2,3\r\n"

    reason = str(bookings(content)[1].reason)
    assert reason.startswith("The row has 3 columns instead of")


def test_a_file_that_ends_in_a_quotation_mark_is_refused():
    content = csv_of(record()) + b'"2026-11-03,'

    with pytest.raises(InvalidError, match="Line 3 has a quotation mark"):
        statement(content)


def test_own_exports_have_a_limited_number_of_rows():
    rows = [record()] * limits.MAX_ROWS

    assert len(bookings(csv_of(*rows))) == limits.MAX_ROWS
    with pytest.raises(InvalidError, match="more than 10,000 rows"):
        statement(csv_of(*rows, record()))


@pytest.mark.parametrize("head", ["{1:F01BANK", "Date,Amount\n", "", ":20:x"])
def test_other_files_are_not_taken_for_exports(head):
    assert not own.format_of(head)
