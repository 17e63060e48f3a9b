"""Bank statements as CSV, through the reader of all formats."""

import contextlib
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expenses.imports import csv_table, limits
from expenses.imports.bookings import Booking, LeftOut, Unreadable
from expenses.imports.messages import message
from expenses.imports.reading import read
from expenses.imports.rows import line
from smartbudget.core.errors import InvalidError
from tests.expenses.imports.builders import meanings
from tests.expenses.imports.formats.statements import row_of

TODAY = date(2026, 11, 30)


def statement(text, *, currency="EUR", mapping=None):
    content = text.encode() if isinstance(text, str) else text
    return read(content, currency=currency, today=TODAY, mapping=mapping)


def bookings(text, **options):
    """Return (day, amount, text) of each booking."""
    return [
        (row.day.isoformat(), str(row.amount), row.text)
        for row in statement(text, **options).rows
        if isinstance(row, Booking)
    ]


def asked(text, **options):
    return [question.about for question in statement(text, **options).questions]


def kinds(text, **options):
    return [type(row).__name__ for row in statement(text, **options).rows]


SPARKASSE = '''\
"Auftragskonto";"Buchungstag";"Valutadatum";"Buchungstext";"Verwendungszweck";\
"Beguenstigter/Zahlungspflichtiger";"Kontonummer/IBAN";"Betrag";"Waehrung";"Info"
"DE89370400440532013000";"28.11.26";"29.11.26";"KARTENZAHLUNG";"REWE SAGT DANKE";\
"REWE Markt";"DE00";"-12,50";"EUR";"Umsatz gebucht"
"DE89370400440532013000";"27.11.26";"27.11.26";"GUTSCHRIFT";"LOHN";\
"Müller & Söhne";"DE00";"1.234,50";"EUR";"Umsatz gebucht"
"DE89370400440532013000";"27.11.26";"30.11.26";"LASTSCHRIFT";"STROM ""NORD""";\
"Stadtwerke";"DE00";"-88,00";"EUR";"Umsatz vorgemerkt"
'''
CHASE = """\
Transaction Date,Post Date,Description,Category,Type,Amount,Memo
11/28/2026,11/29/2026,STARBUCKS,Food,Sale,-4.50,
11/27/2026,11/28/2026,"AMZN, Inc",Shopping,Sale,"-1,012.50",
"""
DEBIT_CREDIT = """\
Kontonummer;DE89 3704 0044 0532 0130 00
Zeitraum;01.11.2026 - 30.11.2026

Datum;Text;Soll;Haben;Saldo
03.11.2026;Miete;900,00;;100,00
04.11.2026;Lohn;;2.000,00;2.100,00
Summe;;900,00;2.000,00;
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_a_german_bank_file_is_read_whole(encoding):
    first, salary, power = statement(SPARKASSE.encode(encoding)).rows[1:]

    assert first == Booking(
        day=date(2026, 11, 28),
        amount=Decimal("-12.50"),
        text="KARTENZAHLUNG REWE SAGT DANKE",
        merchant="REWE Markt",
        currency="EUR",
        place=line(2),
    )
    assert (salary.amount, salary.merchant) == (Decimal("1234.50"), "Müller & Söhne")
    assert power.is_pending
    assert power.text == 'LASTSCHRIFT STROM "NORD"'


def test_how_a_file_was_read_is_returned():
    result = statement(SPARKASSE)

    assert result.format == "csv"
    assert result.questions == []
    assert result.account_label == "3000"
    assert result.account
    assert result.header_hash
    assert {**result.mapping, "headings": None} == {
        "delimiter": ";",
        "encoding": "utf-8",
        "decimal": ",",
        "date_format": "dmy",
        "sign": "negative_is_paid",
        "headings": None,
        "columns": {
            "account": 0,
            "date": 1,
            "value_date": 2,
            "text": [3, 4],
            "merchant": 5,
            "amount": 7,
            "currency": 8,
            "status": 9,
        },
    }


def test_a_header_has_one_hash_whatever_its_rows_and_case():
    other = SPARKASSE.replace("REWE", "ALDI").replace("Buchungstag", "BUCHUNGSTAG")

    assert statement(other).header_hash == statement(SPARKASSE).header_hash
    assert statement(CHASE).header_hash != statement(SPARKASSE).header_hash


def test_an_american_card_file_is_read_whole():
    assert bookings(CHASE, currency="USD") == [
        ("2026-11-29", "-4.50", "STARBUCKS"),
        ("2026-11-28", "-1012.50", "AMZN, Inc"),
    ]
    assert asked(CHASE, currency="USD") == []


def test_columns_of_debit_and_credit_make_one_amount():
    assert bookings(DEBIT_CREDIT) == [
        ("2026-11-03", "-900.00", "Miete"),
        ("2026-11-04", "2000.00", "Lohn"),
    ]


def test_rows_above_the_header_and_sums_are_left_out():
    rows = statement(DEBIT_CREDIT).rows

    assert [str(row.place) for row in rows if isinstance(row, LeftOut)] == [
        "line 1",
        "line 2",
        "line 4",
        "line 7",
    ]
    assert {str(row.reason) for row in rows if isinstance(row, LeftOut)} == {
        "Not a transaction."
    }
    assert statement(DEBIT_CREDIT).account_label == "3000"


def test_negative_debits_are_paid_too():
    file = DEBIT_CREDIT.replace("900,00;;", "-900,00;;")

    assert bookings(file)[0] == ("2026-11-03", "-900.00", "Miete")


def test_a_row_with_debit_and_credit_is_not_read():
    file = DEBIT_CREDIT.replace("900,00;;100", "900,00;5,00;100")

    row = statement(file).rows[3]
    assert str(row.reason) == "The row has both a debit and a credit."
    assert (str(row.place), row.cell) == ("line 5", "900,00 5,00")


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
def test_each_delimiter_is_recognized(delimiter):
    file = "Date;Text;Amount\n2026-11-03;a b;-4.50\n2026-11-04;c;-5\n"

    result = statement(file.replace(";", delimiter))

    assert result.mapping["delimiter"] == delimiter
    assert len(bookings(file.replace(";", delimiter))) == 2


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_each_line_end_is_recognized(end):
    assert len(bookings(DEBIT_CREDIT.replace("\n", end))) == 2


@pytest.mark.parametrize(
    ("debit", "credit"),
    [
        ("Debit", "Credit"),
        ("DEBIT", "credit"),
        ("Lastschrift", "Gutschrift"),
        ("Soll", "Haben"),
        ("S", "H"),
        ("DR", "CR"),
        ("D", "C"),
        ("-", "+"),
        ("Money out", "Money in"),
        ("Ausgabe", "Einnahme"),
    ],
)
def test_a_column_of_words_gives_the_sign(debit, credit):
    file = f"Date,Kind,Amount\n2026-11-03,{debit},5.00\n2026-11-04,{credit},7.00\n"

    assert [amount for _day, amount, _text in bookings(file)] == ["-5.00", "7.00"]
    assert asked(file) == []


def test_a_row_without_its_word_is_not_read():
    file = "Date,Kind,Amount\n2026-11-03,Debit,5.00\n2026-11-04,,7.00\n"

    assert str(statement(file).rows[2].reason) == (
        "The row doesn't say whether it is a debit or a credit."
    )


POSITIVE = "Date,Text,Amount\n2026-11-13,Coffee,4.50\n2026-11-14,Lunch,12.50\n"


def test_a_file_without_signs_is_asked_for():
    (question,) = statement(POSITIVE, currency="USD").questions

    assert question.about == "sign"
    assert meanings(question) == {
        "positive_is_paid": "Coffee: 4.50 paid; Lunch: 12.50 paid",
        "negative_is_paid": "Coffee: 4.50 received; Lunch: 12.50 received",
    }


def test_a_card_file_with_mostly_positive_amounts_is_asked_for():
    assert asked(f"{POSITIVE}2026-11-15,Payment,-100.00\n") == ["sign"]
    assert asked("Date,Text,Amount\n2026-11-13,a,4.50\n2026-11-14,b,-12.50\n") == []


@pytest.mark.parametrize(
    ("sign", "amounts"),
    [
        ("positive_is_paid", ["-4.50", "-12.50", "100.00"]),
        ("negative_is_paid", ["4.50", "12.50", "-100.00"]),
    ],
)
def test_the_answer_gives_the_sign(sign, amounts):
    file = f"{POSITIVE}2026-11-15,Payment,-100.00\n"
    mapping = {**statement(file).mapping, "sign": sign}

    assert [row[1] for row in bookings(file, mapping=mapping)] == amounts
    assert asked(file, mapping=mapping) == []
    assert statement(file, mapping=mapping).mapping == mapping


def test_the_decimal_mark_is_asked_for_with_both_readings():
    file = "Date,Text,Amount\n2026-11-13,a,-3.000\n2026-11-14,b,-12.500\n"
    (question,) = statement(file).questions

    assert question.about == "decimal"
    assert meanings(question) == {
        ".": "-3.000 is -3.00; November 2026: -15.50 in total",
        ",": "-3.000 is -3,000.00; November 2026: -15,500.00 in total",
    }
    assert [row[1] for row in bookings(file)] == ["-3000.00", "-12500.00"]
    assert [row[1] for row in bookings(file, mapping={"decimal": "."})] == [
        "-3.00",
        "-12.50",
    ]


def test_a_column_with_both_decimal_marks_is_asked_for():
    (question,) = statement("03.11.2026;a;-1.5\n04.11.2026;b;-2,5\n").questions

    assert meanings(question) == {
        ".": "-1.5 is -1.50; November 2026: -1.50 in total",
        ",": "-1.5 can't be read",
    }


def test_amounts_of_rows_that_cannot_be_read_are_not_asked_for():
    file = "Datum;Soll;Haben\n03.11.2026;1.000;1.000\n04.11.2026;5;\n"

    assert asked(file) == []
    assert kinds(file) == ["LeftOut", "Unreadable", "Booking"]


def test_the_order_of_dates_is_asked_for():
    file = "Date,Text,Amount\n03/11/2026,a,-3.50\n"

    assert asked(file) == ["date_format"]
    assert bookings(file, mapping={"date_format": "mdy"})[0][0] == "2026-03-11"
    assert asked(file, mapping={"date_format": "mdy"}) == []


def test_what_is_asked_for_is_not_in_the_mapping():
    """So that the mapping of a reading, passed back, answers nothing."""
    file = "03/11/2026,a,3.500,1.000\n04/11/2026,b,4.500,1.000\n"
    mapping = statement(file).mapping

    assert asked(file) == ["columns.amount", "date_format", "decimal", "sign"]
    assert asked(file, mapping=mapping) == asked(file)
    assert "amount" not in mapping["columns"]


def test_one_of_several_columns_of_amounts_is_asked_for():
    file = "2026-11-03,a,-3.50,100.00\n2026-11-04,b,-4.50,95.50\n"
    (question,) = statement(file).questions

    assert question.about == "columns.amount"
    assert meanings(question) == {"2": "-3.50, -4.50", "3": "100.00, 95.50"}


def test_the_users_mapping_wins():
    result = statement(SPARKASSE)
    columns = {**result.mapping["columns"], "date": 2, "text": [4], "merchant": None}
    mapping = {**result.mapping, "columns": columns}

    first = statement(SPARKASSE, mapping=mapping).rows[1]

    assert (first.day, first.text, first.merchant) == (
        date(2026, 11, 29),
        "REWE SAGT DANKE",
        "",
    )


def test_a_column_without_any_date_is_rejected():
    mapping = {"columns": {"date": 1, "amount": 2}}
    with pytest.raises(InvalidError, match="No row has a date and an amount in these"):
        statement("2026-11-03,a,-3.50\n2026-11-04,b,-4.50\n", mapping=mapping)

    pending = "Date,Text,Amount\noffen,a,-3.50\n2026-11-04,b,-4.50\n"
    (row, _booked) = statement(pending).rows[1:]
    assert str(row.reason) == "Still pending at your bank."


def test_columns_may_be_chosen_as_texts():
    columns = {"date": "0", "amount": "3", "text": ["1"]}
    file = "2026-11-03,a,-3.50,100.00\n"

    assert bookings(file, mapping={"columns": columns}) == [
        ("2026-11-03", "100.00", "a")
    ]


@pytest.mark.parametrize("number", [4, -1, "x", 1.5, True, [1], "9999999"])
def test_a_column_that_does_not_exist_is_rejected(number):
    file = "2026-11-03,a,-3.50,100.00\n"
    mapping = {"columns": {"date": 0, "amount": number}}

    with pytest.raises(InvalidError, match="column from 0 to 3"):
        statement(file, mapping=mapping)


def test_a_chosen_delimiter_is_used():
    file = "2026-11-03;a,b;-3,50\n"

    assert bookings(file, mapping={"delimiter": ";"})[0][2] == "a,b"
    with pytest.raises(InvalidError, match="No row"):
        statement(file, mapping={"delimiter": "|"})


def test_ids_of_bookings_are_read_and_constant_numbers_are_not():
    file = "Date,ID,Text,Amount\n2026-11-03,A1,a,-3.50\n2026-11-04,{},b,-4.50\n"

    distinct, constant = (statement(file.format(id_)).rows[1:] for id_ in ("A2", "A1"))

    assert [row.bank_id for row in distinct] == ["A1", "A2"]
    assert [row.bank_id for row in constant] == ["", ""]


def test_rows_may_have_other_currencies():
    file = "Date,Text,Amount,Currency\n2026-11-03,a,-3.50,EUR\n2026-11-04,b,-500,JPY\n"

    rows = statement(file).rows[1:]

    assert [(row.currency, str(row.amount)) for row in rows] == [
        ("EUR", "-3.50"),
        ("JPY", "-500"),
    ]


@pytest.mark.parametrize(
    ("heading", "currency"),
    [
        ("Betrag (EUR)", "EUR"),
        ("Umsatz in CHF", "CHF"),
        ("Amount [JPY]", "JPY"),
        ("Betrag (€)", "EUR"),
        ("Amount ($)", ""),  # the user's
        ("Amount (£)", "£"),
        ("Amount", ""),
        ("Amount due", ""),
        ("Amount (ABC)", ""),
    ],
)
def test_a_heading_names_the_currency(heading, currency):
    file = f"Date;Text;{heading}\n2026-11-03;a;-3\n"

    assert statement(file, currency="USD").rows[1].currency == currency


def test_headings_of_debit_and_credit_name_the_currency():
    file = "Datum;Text;Gutschrift in CHF;Lastschrift in CHF\n2026-11-03;a;;-12.50\n"

    assert statement(file).rows[1].currency == "CHF"


@pytest.mark.parametrize("amount", ["0.00", "0", "", "-0.00"])
def test_rows_without_payment_are_left_out(amount):
    file = f"Date,Text,Amount\n2026-11-03,a,{amount}\n2026-11-04,b,-4.50\n"

    assert statement(file).rows[1] == LeftOut(line(2), message("zero"))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("31.02.2026;a;-4,50", "The date can't be read."),
        ("01.01.2028;a;-4,50", "The date is more than a year ahead."),
        ("01.01.1899;a;-4,50", "The date is before 1900."),
        (";a;-4,50", "The date is missing."),
        ("soon;a;-4,50", "The date can't be read."),
        ("03.11.2026;a;-4,505", "EUR amounts have at most 2 decimals."),
        ("03.11.2026;a;-4.50", "The amount is written differently from the others."),
        ("03.11.2026;a;four", "The amount can't be read."),
        ("03.11.2026;a", "The row has 2 columns instead of 3."),
        ("03.11.2026;a;b;-4,50", "The row has 4 columns instead of 3."),
    ],
)
@pytest.mark.parametrize("place", [0, 1])
def test_rows_that_cannot_be_read_are_listed(row, reason, place):
    rows = ["03.11.2026;x;-4,50", "04.11.2026;y;-5,50"]
    rows.insert(place, row)
    file = "\n".join(["Datum;Text;Betrag", *rows])

    result = statement(file).rows[1:]

    assert isinstance(result[place], Unreadable)
    assert row_of(result[place]) == (f"line {place + 2}", reason)
    assert [type(row) for row in result].count(Booking) == 2


def test_a_broken_row_at_the_end_is_not_taken_for_a_sum():
    file = "Datum;Text;Betrag\n03.11.2026;x;-4,50\n31.02.2026;y;-5,50\nSumme;;-10,00\n"

    assert kinds(file) == ["LeftOut", "Booking", "Unreadable", "LeftOut"]


def test_rows_end_with_or_without_empty_cells():
    file = "Datum;Text;Betrag;\n03.11.2026;x;-4,50\n04.11.2026;y;-5,50;;;\n"

    assert kinds(file) == ["LeftOut", "Booking", "Booking"]


def test_declined_payments_are_left_out():
    file = (
        "Started Date,Description,Amount,State\n"
        "2026-11-03 10:00:00,a,-3.50,COMPLETED\n"
        "2026-11-04 10:00:00,b,-4.50,REVERTED\n"
        "2026-11-05 10:00:00,c,-5.50,PENDING\n"
        "2026-11-06 10:00:00,*PENDING* d,-6.50,\n"
    )

    _header, first, second, *pending = statement(file).rows

    assert not first.is_pending
    assert str(second.reason) == "The bank didn't complete this payment."
    assert [row.is_pending for row in pending] == [True, True]


def test_an_own_export_that_a_spreadsheet_saved_is_read():
    file = (
        "date;amount;currency;category;description;status;kind;signed_amount\n"
        "03.11.2026;12,5;EUR;Food;a;pending;expense;12,5\n"
        "04.11.2026;3;EUR;Food;b;pending;refund;-3\n"
        "05.11.2026;4;EUR;Food;c;pending;expense;4\n"
    )

    assert asked(file) == ["sign"]
    assert [row[1] for row in bookings(file, mapping={"sign": "positive_is_paid"})] == [
        "-12.50",
        "3.00",
        "-4.00",
    ]


def test_rows_without_a_day_until_they_are_booked_are_left_out():
    by_state = (
        "Completed Date,Description,Amount,State\n"
        "2026-11-03 10:00:00,a,-3.50,COMPLETED\n"
        ",b,-4.50,PENDING\n"
    )
    by_day = "Buchungstag;Text;Betrag\noffen;a;-1,50\n03.11.2026;b;-2,50\n"

    assert statement(by_state).rows[2] == LeftOut(line(3), message("not_booked"))
    assert statement(by_day).rows[1] == LeftOut(line(2), message("not_booked"))


def test_a_column_of_words_is_text_if_its_heading_is():
    """So that texts, by which duplicates are recognized, never depend on other rows."""
    file = "Datum;Buchungstext;Zweck;Betrag\n03.11.2026;Lastschrift;a;{}\n"

    assert bookings(file.format("-4,50"))[0] == ("2026-11-03", "-4.50", "Lastschrift a")
    assert bookings(file.format("4,50"))[0] == ("2026-11-03", "-4.50", "Lastschrift a")


# Quotation marks


def test_cells_may_have_line_breaks_and_delimiters():
    file = 'Date,Text,Amount\n2026-11-03,"a\nb, ""c""",-3.50\n2026-11-04,d,-4.50\n'

    assert bookings(file) == [
        ("2026-11-03", "-3.50", 'a b, "c"'),
        ("2026-11-04", "-4.50", "d"),
    ]
    assert statement(file).rows[2].place == line(4)


def test_spaces_may_precede_quotation_marks():
    file = 'Date, Text, Amount\n2026-11-03, "a, b", -3.50\n2026-11-04, "c", "-4.50"\n'

    assert [row[1:] for row in bookings(file)] == [("-3.50", "a, b"), ("-4.50", "c")]


def test_cells_may_be_marked_as_texts():
    file = 'Date;Text;Amount\n="2026-11-03";="0012";="-3,50"\n'

    assert bookings(file) == [("2026-11-03", "-3.50", "0012")]


@pytest.mark.parametrize(
    "text", ['"Lidl', 'Lidl"', 'Li"dl', '"Lidl" sagt', '"', 'a "b" c', 'x""y', '"a"b"']
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_lone_quotation_marks_swallow_no_rows(text, place):
    texts = ["x", "y", "z"]
    texts[place] = text
    rows = [f"0{day}.11.2026;{cell};-4,50" for day, cell in enumerate(texts, 1)]

    result = bookings("\n".join(["Datum;Text;Betrag", *rows]))

    assert [row[1] for row in result] == ["-4.50"] * 3


def test_two_lone_quotation_marks_swallow_no_rows():
    rows = [f'0{day}.11.2026;"Lidl;-4,50' for day in range(1, 7)]

    assert len(bookings("\n".join(["Datum;Text;Betrag", *rows]))) == 6


# Limits


def rows_of(count):
    return "Date,Text,Amount\n" + "2026-11-03,a,-3.50\n" * count


def test_files_have_a_limited_number_of_rows():
    assert len(bookings(rows_of(limits.MAX_ROWS))) == limits.MAX_ROWS
    with pytest.raises(InvalidError, match="more than 10,000 rows"):
        statement(rows_of(limits.MAX_ROWS + 1))


def test_files_have_a_limited_number_of_columns():
    row = "2026-11-03,a,-3.50" + ",x" * (limits.MAX_COLUMNS - 3)

    assert len(bookings(f"{row}\n")) == 1
    with pytest.raises(InvalidError, match="Line 1 has more than 100 columns"):
        statement(f"{row},x\n")


def test_lines_have_a_limited_length():
    row = "2026-11-03,{},-3.50\n"

    longest = csv_table.MAX_LINE_LENGTH - len(row.format("")) + 1
    assert len(bookings(row.format("x" * longest))[0][2]) == 500
    with pytest.raises(InvalidError, match="Line 1 has more than 20,000 characters"):
        statement(row.format("x" * (longest + 1)))


@pytest.mark.parametrize(
    "content",
    [
        "," * 1_000_000,
        '"' * 1_000_000,
        "x" * limits.MAX_BYTES,
        "\n" * limits.MAX_BYTES,
        "\n".join('"' for _ in range(50_000)),
        "2026-11-03,a,-3.50\n" + '"\n' * 50_000,
        "2026-11-03,a,-3.50\n" + "\n" * 90_000 + '"' + "x" * 10_000,
        "2026-11-03," * 1_000,
        ("1" * 19_000 + "\n") * 200,
        "2026-11-03,a,-3.50\n" + ("1 " * 9_000 + ",\n") * 200,
        "a,b,c\n" * 200_000,
        "03.11.2026;" + "1.1" * 6000 + ";-1,5",
    ],
    ids=lambda content: content[:12].encode("unicode_escape").decode(),
)
def test_hostile_files_are_read_or_refused(content):
    with contextlib.suppress(InvalidError):
        rows = statement(content).rows

        assert len(rows) <= limits.MAX_ROWS + csv_table.MAX_OTHER_ROWS


CELLS = st.sampled_from(
    (
        *("2026-11-03", "03.11.2026", "31.02.2026", "-4,50", "5.000", "12.50", "0"),
        *("REWE", 'a"b', '"', '"x;y"', "a\nb", "Summe", "", "Betrag", "Datum"),
        *("Soll", "Haben", "1.000", "03/04/2026", "Debit", "pending", "EUR"),
    )
)


@settings(max_examples=300)
@given(
    st.lists(st.lists(CELLS, min_size=1, max_size=5), min_size=1, max_size=8),
    st.sampled_from(";,\t|"),
)
def test_no_row_is_lost(rows, delimiter):
    text = "\n".join(delimiter.join(row) for row in rows)
    try:
        result = statement(text)
    except InvalidError:
        return
    table = csv_table.read_table(text, TODAY)
    header = [table.header] if table.header else []
    places = [row.line for row in (*table.preamble, *header, *table.body)]

    assert [row.place for row in result.rows] == [*map(line, places)]
    lines = enumerate(text.split("\n"), 1)
    filled = {number for number, text in lines if text.strip(f"{delimiter} ")}
    assert filled == {*places} or '"' in text


@given(
    st.lists(
        st.tuples(
            st.dates(date(2024, 1, 1), date(2026, 11, 30)),
            st.decimals("-99999", "-0.01", places=2),
            st.text("abcäöü €&'()0123", min_size=1, max_size=20),
        ),
        min_size=1,
        max_size=10,
    )
)
def test_what_a_bank_writes_is_read_exactly(rows):
    lines = [
        f"{day:%d.%m.%Y};{text.strip() or 'x'};{str(amount).replace('.', ',')}"
        for day, amount, text in rows
    ]
    file = "\n".join(["Buchungstag;Verwendungszweck;Betrag", *lines])

    assert bookings(file) == [
        (day.isoformat(), str(amount), " ".join(text.split()) or "x")
        for day, amount, text in rows
    ]
    assert asked(file) == []
