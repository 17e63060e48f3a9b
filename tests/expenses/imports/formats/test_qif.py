"""QIF: records of lines, and sections of accounts, lists and bookings."""

import pytest

from expenses.imports.accounts import MAX_ACCOUNTS
from smartbudget.core.errors import InvalidError
from tests.expenses.imports.builders import meanings
from tests.expenses.imports.formats.statements import bookings, read, rows


def qif(*records: str, header="!Type:Bank") -> str:
    return "\n".join([header, *(f"{record}\n^" for record in records), ""])


def record(day="11/23/26", amount="-4.50", payee="CAFE XY", more="") -> str:
    return f"D{day}\nT{amount}\nP{payee}{more}"


def test_records_are_read():
    booking = bookings(read(qif(record(more="\nMCard 4711\nN319\nCX"))))[0]
    assert (booking.text, booking.merchant) == ("CAFE XY Card 4711", "CAFE XY")
    assert (booking.bank_id, booking.currency, str(booking.place)) == ("", "", "line 2")


@pytest.mark.parametrize(
    "header",
    [
        "!Type:Bank",
        "!Type:CCard",
        "!Type:Cash",
        "!Type:Oth A ",
        "!TYPE:BANK",
        "!Type:X",
    ],
)
def test_all_kinds_of_accounts_are_read(header):
    assert rows(qif(record(), header=header)) == [("2026-11-23", "-4.50")]


@pytest.mark.parametrize(
    ("day", "read_as"),
    [
        ("12/19'18", "2018-12-19"),
        ("1/25' 4", "2004-01-25"),
        (" 3/25/99", "1999-03-25"),
        ("24.11.2026", "2026-11-24"),
        ("2026-11-04", "2026-11-04"),
        ("24/11/2026", "2026-11-24"),
    ],
)
def test_days_are_read_as_quicken_writes_them(day, read_as):
    assert rows(qif(record(day))) == [(read_as, "-4.50")]


def test_the_order_of_days_is_decided_for_the_file():
    file = qif(record("03/04/2026"), record("13/04/2026"))
    assert [day for day, _ in rows(file)] == ["2026-04-03", "2026-04-13"]


def test_an_unclear_order_of_days_is_asked():
    file = qif(record("11/03/2026"))
    question = read(file).questions[0]
    assert (question.about, set(question.choices)) == ("date_format", {"dmy", "mdy"})
    assert rows(file, date_format="dmy") == [("2026-03-11", "-4.50")]
    assert rows(file, date_format="mdy") == [("2026-11-03", "-4.50")]


def test_german_amounts_are_read():
    file = qif(record("04.11.2026", "-1.234,56"), record("13.11.2026", "1.000"))
    assert rows(file) == [("2026-11-04", "-1234.56"), ("2026-11-13", "1000.00")]


def test_amounts_of_splits_decide_the_decimal_mark_too():
    file = qif(record(amount="-3.000", more="\nSFood\n$-2.000,00\nSFun\n$-1.000,00"))
    assert not read(file).questions
    assert rows(file) == [("2026-11-23", "-3000.00")]


def test_an_unclear_decimal_mark_is_asked():
    file = qif(record(amount="-3.000"))
    assert [question.about for question in read(file).questions] == ["decimal"]
    assert rows(file, decimal=".") == [("2026-11-23", "-3.00")]


def test_the_amount_may_be_in_u():
    assert rows(qif("D11/23/26\nU-4.50")) == [("2026-11-23", "-4.50")]


@pytest.mark.parametrize(
    ("line", "own"),
    [
        ("LFood:Groceries", {"category": "Food:Groceries"}),
        ("LFood/Holiday", {"category": "Food"}),
        ("L", None),
        (f"L{'x' * 51}", {"notes": "x" * 51}),
    ],
)
def test_categories_are_kept(line, own):
    booking = bookings(read(qif(record(more=f"\nM4711\n{line}"))))[0]
    shown = {"merchant": "CAFE XY", "description": "4711"}
    assert booking.own == (own and shown | own)


def test_splits_become_parts():
    more = "\nSFood\nEBread\n$-3.00\nSFun/Trip\n$-1.50"
    assert bookings(read(qif(record(more=more))))[0].own == {
        "merchant": "CAFE XY",
        "description": "",
        "parts": [
            {"category": "Food", "amount": "3.00", "note": "Bread"},
            {"category": "Fun", "amount": "1.50", "note": ""},
        ],
    }


@pytest.mark.parametrize(
    ("more", "notes"),
    [
        ("\nSFood\n$-3.00\nSFun\n$-1.00", "Food -3.00; Fun -1.00"),
        ("\nSFood\n$-5.00\nSFun\n$0.50", "Food -5.00; Fun 0.50"),
        ("\nSFood\n$-3.00\nS[Savings]\n$-1.50", "Food -3.00; [Savings] -1.50"),
        ("\nSFood\nEBread\n$-4.50", "Food Bread -4.50"),
        ("\nSFood\n$-3.00\nS\n$-1.50", "Food -3.00; -1.50"),
        ("\nSFood\n$x\nSFun\n$-1.50", "Food x; Fun -1.50"),
    ],
)
def test_splits_that_are_no_parts_of_a_payment_are_notes(more, notes):
    booking = bookings(read(qif(record(more=more))))[0]
    assert booking.own is not None
    assert booking.own["notes"] == notes
    assert not {"category", "parts"} & {*booking.own}
    assert str(booking.amount) == "-4.50"


def test_what_is_no_payment_is_left_out():
    file = qif(
        record(payee="Opening Balance", more="\nL[Checking]"),
        record(more="\nL[Savings]"),
        record(amount="0.00"),
        record(),
    )
    assert rows(file) == [
        ("line 2", "Opening balance, not a payment."),
        ("line 7", "Transfer to or from the account Savings."),
        ("line 12", "The amount is zero."),
        ("2026-11-23", "-4.50"),
    ]


def test_lists_are_not_bookings():
    lists = "!Type:Cat\nNFood\nD11/23/26\nE\n^\n!Type:Class\nNTrip\n^\n"
    options = "!Option:AutoSwitch\n!Account\nNA\nTBank\n^\nNB\n^\n!Clear:AutoSwitch\n"
    account = "!Account\nNChecking\nTBank\n^\n"
    statement = read(lists + options + account + qif(record()))
    assert len(statement.rows) == len(bookings(statement)) == 1
    assert statement.account_label == "Checking"


def test_an_option_among_bookings_does_not_end_them():
    file = qif(record(), record()).replace("^\n", "^\n!Option:MDY\n", 1)
    assert len(bookings(read(file))) == 2


def test_a_file_has_at_most_100_accounts():
    one = "!Account\nN{}\nTBank\n^\n!Type:Bank\nD2026-03-02\nT-1.00\nPCAFE\n^\n"
    files = ["".join(map(one.format, range(MAX_ACCOUNTS + more))) for more in (0, 1)]

    [question] = read(files[0]).questions
    assert len(question.choices) == MAX_ACCOUNTS
    with pytest.raises(InvalidError, match="more than 100 accounts"):
        read(files[1])


def test_of_several_accounts_one_is_asked():
    file = "".join(
        f"!Account\nN{name}\nTBank\n^\n{qif(record())}" for name in ("Checking", "Card")
    )
    question = read(file).questions[0]
    assert list(meanings(question).values()) == ["Checking: 1 row", "Card: 1 row"]
    assert rows(file, account=question.choices[0]) == [
        ("2026-11-23", "-4.50"),
        ("line 15", "Another account: Card."),
    ]


def test_rows_that_cannot_be_read_have_a_reason_and_a_place():
    file = qif("T-1.00", record("23/23/26"), record(amount="x"), "D11/23/26", record())
    assert rows(file) == [
        ("line 2", "The date is missing."),
        ("line 4", "The date can't be read."),
        ("line 8", "The amount can't be read."),
        ("line 12", "The amount is missing."),
        ("2026-11-23", "-4.50"),
    ]


@pytest.mark.parametrize("length", [1, 3, 8, 12])
def test_a_row_that_is_cut_off_cannot_be_read(length):
    file = qif(record(), record())
    rest = file.rindex("D11") + length
    assert rows(file[:rest]) == [
        ("2026-11-23", "-4.50"),
        ("line 6", "The row is incomplete."),
    ]


def test_investments_are_refused():
    with pytest.raises(InvalidError, match="This is an investment statement"):
        read(qif("D11/23/26\nNBuy\nYACME", header="!Type:Invst"))


def test_investments_beside_payments_are_left_out():
    file = qif(record()) + qif("D11/23/26\nNBuy\nYACME", header="!Type:Invst")
    assert rows(file) == [
        ("2026-11-23", "-4.50"),
        ("line 7", "Part of an investment statement."),
    ]


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n\n", "\r\r\n"])
def test_lines_may_end_in_any_way(end):
    assert rows(qif(record()).replace("\n", end)) == [("2026-11-23", "-4.50")]


def test_too_many_rows_are_refused():
    with pytest.raises(InvalidError, match="more than 10,000 rows"):
        read(qif(*["T1"] * 10_001))


def test_payments_without_a_sign_are_asked():
    file = qif(record(amount="4.50", more="\nLFood"), record(amount="5.00"))
    assert [question.about for question in read(file).questions] == ["sign"]
    paid = read(file, sign="positive_is_paid")
    assert [str(row.amount) for row in bookings(paid)] == ["-4.50", "-5.00"]
    assert bookings(paid)[0].own["category"] == "Food"
    assert rows(file, sign="negative_is_paid")[0] == ("2026-11-23", "4.50")
    assert not read(qif(record(amount="4.50"), record())).questions
