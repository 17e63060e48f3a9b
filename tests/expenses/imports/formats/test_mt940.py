"""MT940 and MT942."""

import logging

import pytest

from smartbudget.core.errors import InvalidError
from tests.expenses.imports.builders import meanings
from tests.expenses.imports.formats.statements import bookings, mt940_file, read, rows

LINE = ":61:2611051103D4,50NMSCNONREF//REF1"


def test_lines_are_read():
    details = ":86:106?00KARTENZAHLUNG?20EREF+99?21SVWZ+Danke 47?2211?32REWE?33 GMBH"
    statement = read(mt940_file(LINE, details))
    booking = bookings(statement)[0]
    assert (booking.day.isoformat(), str(booking.amount)) == ("2026-11-03", "-4.50")
    assert (booking.text, booking.merchant) == ("Danke 4711", "REWE GMBH")
    assert (booking.bank_id, booking.currency) == ("REF1", "EUR")
    assert str(booking.place) == "line 5"
    assert statement.account_label == "3000"


@pytest.mark.parametrize(
    ("details", "text", "merchant"),
    [
        (
            "/TRTP/SEPA/NAME/Boulangerie L'Étoile/REMI/Facture 42",
            "Facture 42",
            "Boulangerie L'Étoile",
        ),
        ("RETRAIT GUICHET\nPARIS", "RETRAIT GUICHET PARIS", ""),
        ("Zahlung um\n:12:30 Uhr", "Zahlung um :12:30 Uhr", ""),
        ("166?00ENTGELT", "ENTGELT", ""),
        ("", "", ""),
    ],
)
def test_details_of_other_banks_are_read(details, text, merchant):
    booking = bookings(read(mt940_file(LINE, f":86:{details}")))[0]
    assert (booking.text, booking.merchant) == (text, merchant)


@pytest.mark.parametrize(
    ("mark", "amount"),
    [("D", "-4.50"), ("C", "4.50"), ("RC", "-4.50"), ("RD", "4.50"), ("DR", "-4.50")],
)
def test_reversals_have_the_other_sign(mark, amount):
    line = LINE.replace("D4", f"{mark}4")
    assert rows(mt940_file(line)) == [("2026-11-03", amount)]


def test_the_booking_day_counts_unless_the_value_day_is_chosen():
    assert rows(mt940_file(LINE), day="value") == [("2026-11-05", "-4.50")]
    without = LINE.replace("2611051103", "261105")
    assert rows(mt940_file(without)) == [("2026-11-05", "-4.50")]
    new_year = LINE.replace("2611051103", "2512311231")
    assert rows(mt940_file(new_year)) == [("2025-12-31", "-4.50")]
    before = LINE.replace("2611051103", "2601021231")
    assert rows(mt940_file(before)) == [("2025-12-31", "-4.50")]


def test_a_long_reference_does_not_hide_the_banks():
    line = LINE.replace("NONREF", "BIPI-dvT1FzfMqvzF5HaU4oetlH7SGRkonU")
    assert bookings(read(mt940_file(line)))[0].bank_id == "REF1"
    assert bookings(read(mt940_file(LINE.replace("//REF1", ""))))[0].bank_id == ""
    assert bookings(read(mt940_file(LINE.replace("REF1", "NONREF"))))[0].bank_id == ""


def test_rows_that_cannot_be_read_have_a_reason_and_a_place():
    file = mt940_file(
        ":61:261105X4,50NMSC",
        ":61:2613051103D4,50NMSC",
        ":61:2611051103D4,5,0NMSC",
        ":61:2611051103D4,505NMSC",
        ":61:2611051103D0,00NMSC",
        ":61:",
        f":61:2611051103D4,50NMSC{'x' * 600}",
        LINE,
    )
    odd = "This isn't an MT940 statement line."
    assert rows(file) == [
        ("line 5", odd),
        ("line 6", odd),
        ("line 7", odd),
        ("line 8", "EUR amounts have at most 2 decimals."),
        ("line 9", "The amount is zero."),
        ("line 10", odd),
        ("line 11", odd),
        ("2026-11-03", "-4.50"),
    ]


def test_rows_that_cannot_be_read_are_not_logged(caplog):
    with caplog.at_level(logging.DEBUG):
        read(mt940_file(":61:SECRET"))
    assert "SECRET" not in caplog.text


def test_several_statements_of_one_account_are_one():
    statement = read(mt940_file(LINE) + mt940_file(LINE))
    assert len(bookings(statement)) == 2
    assert not statement.questions


def test_of_several_accounts_one_is_asked():
    file = mt940_file(LINE) + mt940_file(LINE, account="37040044/0000001234")
    question = read(file).questions[0]
    assert list(meanings(question).values()) == ["…3000: 1 row", "…1234: 1 row"]
    assert rows(file, account=question.choices[1])[1] == ("2026-11-03", "-4.50")


def test_the_frame_of_swift_is_no_part_of_the_rows():
    file = "{1:F01BANKDEFF}\r\n{4:\r\n" + mt940_file(LINE, ":86:Danke", end="-}")
    closed = file.replace("-}", ":62F:C261104EUR1,\r\n-}")
    assert bookings(read(closed))[0].text == "Danke"


def test_interim_reports_need_no_balances():
    file = f":20:MT942\n:25:123/4567\n:28C:1\n:34F:EURD0,\n{LINE}\n:90D:1EUR4,50\n-\n"
    booking = bookings(read(file))[0]
    assert (booking.currency, str(booking.amount)) == ("EUR", "-4.50")


def test_a_file_that_is_cut_off_is_refused_naming_the_line():
    file = mt940_file(LINE, LINE)
    for end in range(file.index(":61:"), file.index(":62F:") + 4):
        with pytest.raises(InvalidError, match=r"ends at line \d+ has no closing"):
            read(file[:end])


def test_a_file_name_in_the_text_is_not_opened(tmp_path):
    (tmp_path / "x").write_text(mt940_file(LINE))
    with pytest.raises(InvalidError):
        read(f":20:A\n:25:B\n:60F:C261103EUR1,\n:61:{tmp_path / 'x'}\n")


def test_too_many_rows_are_refused():
    with pytest.raises(InvalidError, match="more than 10,000 rows"):
        read(mt940_file(*[":61:"] * 10_001))
