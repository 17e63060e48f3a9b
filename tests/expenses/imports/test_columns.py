from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expenses.imports.columns import (
    MAX_AMOUNT_LENGTH,
    is_amount,
    is_day,
    read_amounts,
    read_day,
    read_days,
)
from expenses.imports.messages import Message, message
from tests.expenses.imports.builders import meanings

TODAY = date(2026, 11, 30)


def read(*cells, currency="EUR", **options):
    """Return a column's amounts, with the reason of one that can't be read."""
    column = read_amounts(cells, currency, **options)
    return [
        str(value) if isinstance(value, Message) else value and str(value)
        for value in column.values
    ]


# In these tables, _ is a space in a cell.
@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (
            "-236,48 -124,99 -89,9 1.488,69 -1.000",
            "-236.48 -124.99 -89.90 1488.69 -1000.00",
        ),
        ("-14,99 -13 -100", "-14.99 -13.00 -100.00"),
        ("-110.7_€ -116.62_€", "-110.70 -116.62"),
        ("25,000 3,000 ₦1,500.00 NGN_2,300.50", "25000.00 3000.00 1500.00 2300.50"),
        ("1.355,90€", "1355.90"),
        ("7_000", "7000.00"),
        ("7\u202f000 7\u00a0000", "7000.00 7000.00"),
        ("1'234.50 1’234.50", "1234.50 1234.50"),
        ("1,00,000.00", "100000.00"),
        ("12,50-", "-12.50"),
        ("(12.50)", "-12.50"),
        ("12.50_DR 12.50_CR", "-12.50 12.50"),
        ("12,50_S 12,50_H", "-12.50 12.50"),
        ("12,50_Soll 12,50_Haben", "-12.50 12.50"),
        ("−12.50 –12.50", "-12.50 -12.50"),
        ("-€12.50 €-12.50 -_12.50_EUR", "-12.50 -12.50 -12.50"),
        ("-12.50_DR +12.50_CR", "-12.50 12.50"),
        ("kr.12,50 12,50_kr. Rs.500 CHF_12,5", "12.50 12.50 500.00 12.50"),
        (".50 12.", "0.50 12.00"),
        ("１２,５０ ١٢,٥٠", "12.50 12.50"),
        ("0,120", "0.12"),
        ("1234.500", "1234.50"),
        ("1'234.500 5.000", "1234.50 5.00"),
        ("1.000.000 5.000", "1000000.00 5000.00"),
    ],
)
def test_the_whole_column_decides_the_decimal_mark(cells, expected):
    cells = [cell.replace("_", " ") for cell in cells.split(" ")]

    assert read(*cells) == expected.split()
    assert not read_amounts(cells, "EUR").is_open


@pytest.mark.parametrize(
    ("cells", "currency", "expected"),
    [
        ("-3.000 -12.500", "EUR", "-3000.00 -12500.00"),
        ("5.000 1.250", "KWD", "5.000 1.250"),
        ("173,900", "HUF", "173900.00"),
        ("173,900", "JPY", "173900"),
        ("1.000", "USD", "1000.00"),
        ("1.5 1,5", "USD", "1.50 ?"),
    ],
)
def test_a_column_that_may_be_read_in_two_ways_is_asked_for(cells, currency, expected):
    column = read_amounts(cells.split(), currency)

    assert column.is_open
    values = [
        "?" if isinstance(value, Message) else str(value) for value in column.values
    ]
    assert values == expected.split()


def test_an_answer_decides_the_mark():
    cells = ["-3.000", "-12.500"]

    assert read(*cells, decimal=".") == ["-3.00", "-12.50"]
    assert read(*cells, decimal=",") == ["-3000.00", "-12500.00"]
    assert not read_amounts(cells, "EUR", decimal=",").is_open


def test_whole_numbers_need_no_mark():
    assert read("12", "", "7") == ["12.00", None, "7.00"]
    assert not read_amounts(["12", "7"], "EUR").is_open


def test_an_amount_with_more_decimals_than_its_currency_is_not_rounded():
    first, second = read("1.50", "12.345")

    assert (first, second) == ("1.50", "EUR amounts have at most 2 decimals.")
    assert read("1.50", currency="JPY") == ["JPY amounts have at most 0 decimals."]


def test_a_cell_that_contradicts_the_column_is_not_read():
    *others, last = read("1,50", "2,75", "3.25")

    assert others == ["1.50", "2.75"]
    assert "differently" in last


@pytest.mark.parametrize(
    "cell",
    [
        "-",
        "EUR",
        "abc",
        "12.50 kg",
        "12²",
        "½",
        "1 2 3",
        "12.50 13.50",
        "-12.50-",
        "(-12.50)",
        "(12.50",
        "12.50)",
        ")12.50(",
        "--12.50",
        "-12.50 CR",
        "+12.50 DR",
        "12,-",
        "USD.50",
        "12.50 EUR USD",
        "1e5",
        "0x1F",
        "NaN",
        "=1+1",
        "1.2.3,4,5",
        "9" * (MAX_AMOUNT_LENGTH + 1),
    ],
)
def test_what_is_no_amount_is_never_read_as_one(cell):
    (value,) = read_amounts([cell], "EUR").values

    assert isinstance(value, Message)


def test_amounts_stay_below_the_limit():
    assert read("999999999999.99") == ["999999999999.99"]
    assert read("1000000000000.00") == ["Amount must be below 1,000,000,000,000."]
    assert "below" in read("9" * MAX_AMOUNT_LENGTH)[0]


def test_a_cell_names_its_currency():
    cells = ["$5.00", "€5.00", "CHF 5.00", "5.00", "£5.00"]

    assert read_amounts(cells, "USD").currencies == ["", "EUR", "CHF", "", "£"]


def test_a_column_of_currencies_decides_the_decimals():
    values = read("1.50", "100", currencies=["EUR", "JPY"])

    assert values == ["1.50", "100"]


def written(amount, style):
    """Write an amount with two decimals as a bank does."""
    group, mark, before, after = style
    digits = f"{abs(amount):,.2f}".replace(",", "_").replace(".", mark)
    digits = digits.replace("_", group)
    if amount >= 0:
        return digits
    return f"{before}{digits}{after}"


STYLES = st.sampled_from(
    [
        (group, mark, before, after)
        for group, mark in [
            (",", "."),
            (".", ","),
            (" ", ","),
            ("\u00a0", ","),
            ("\u202f", "."),
            ("'", "."),
            ("’", "."),
            ("", "."),
            ("", ","),
        ]
        for before, after in [
            ("-", ""),
            ("\u2212", ""),
            ("", "-"),
            ("(", ")"),
            ("", " DR"),
            ("", " S"),
            ("- ", " €"),
            ("-EUR ", ""),
        ]
    ]
)
MONEY = st.decimals("-999999999", "999999999", places=2, allow_nan=False)


@given(st.lists(MONEY, min_size=1, max_size=20), STYLES)
def test_amounts_in_any_style_of_a_column_are_read_exactly(values, style):
    column = read_amounts([written(value, style) for value in values], "EUR")

    assert list(column.values) == values
    assert not column.is_open


@given(st.text(max_size=80), st.sampled_from(["EUR", "JPY", "KWD", "USD"]))
def test_any_cell_is_an_amount_or_a_problem_or_empty(cell, currency):
    (value,) = read_amounts([cell], currency).values

    assert value is None or isinstance(value, Message | Decimal)
    if isinstance(value, Decimal):
        assert is_amount(cell)
        assert sum(map(str.isdecimal, cell)) > 0


# Days


def days(*cells, **options):
    return read_days(cells, TODAY, **options)


@pytest.mark.parametrize(
    ("cell", "order"),
    [
        ("2026-11-03", "ymd"),
        ("2026/11/03", "ymd"),
        ("2026.11.03.", "ymd"),
        ("20261103", "ymd"),
        ("03.11.2026", "dmy"),
        ("3.11.2026", "dmy"),
        ("03.11.26", "dmy"),
        ("03. 11. 2026", "dmy"),
        ("03/11/2026", "dmy"),
        ("03/11/26", "dmy"),
        ("03-11-2026", "dmy"),
        ("03 11 2026", "dmy"),
        ("03112026", "dmy"),
        ("11/03/2026", "mdy"),
        ("11/3/26", "mdy"),
        ("11/3'26", "mdy"),
        ("11/ 3'26", "mdy"),
        ("3 Nov 2026", "dmy"),
        ("03-Nov-2026", "dmy"),
        ("03NOV2026", "dmy"),
        ("03-nov-26", "dmy"),
        ("3. November 2026", "dmy"),
        ("Nov 3, 2026", "mdy"),
        ("November 3rd, 2026", "mdy"),
        ("2026-Nov-03", "ymd"),
        ("Di., 03.11.2026", "dmy"),
        ("Tue 3 Nov 2026", "dmy"),
        ("Tuesday, November 3, 2026", "mdy"),
    ],
)
def test_dates_of_each_notation_are_read(cell, order):
    assert read_day(cell, order, TODAY) == date(2026, 11, 3)
    assert is_day(cell, TODAY)


@pytest.mark.parametrize(
    "time",
    [
        " 23:30",
        " 23:30:00",
        "T23:30:00Z",
        "T23:30:00.000+02:00",
        " 11:30 PM",
        " 11:30:00 p.m.",
        ", 23:30 Uhr",
        " 23:30:00 CET",
        " 23.30.00",
        " 23:30:00 -0800",
    ],
)
def test_a_time_and_zone_are_cut_off(time):
    assert read_day(f"2026-11-03{time}", "ymd", TODAY) == date(2026, 11, 3)
    assert read_day(f"03.11.2026{time}", "dmy", TODAY) == date(2026, 11, 3)


@pytest.mark.parametrize(
    "cell",
    [
        "20261103233000[-8:PST]",
        "20261103233000.000[-8:PST]",
        "20261103000000.000[+12:NZST]",
        "202611032330",
        "20261103[0:GMT]",
    ],
)
def test_a_zone_does_not_move_the_day(cell):
    assert read_day(cell, "ymd", TODAY) == date(2026, 11, 3)


@pytest.mark.parametrize(
    ("month", "number"),
    [
        ("Jänner", 1),
        ("Mär", 3),
        ("März", 3),
        ("Mai", 5),
        ("May", 5),
        ("jun.", 6),
        ("Sept", 9),
        ("Okt", 10),
        ("Dez", 12),
        ("DECEMBER", 12),
    ],
)
def test_months_have_english_and_german_names(month, number):
    assert read_day(f"3 {month} 2026", "dmy", TODAY) == date(2026, number, 3)


@pytest.mark.parametrize(
    "cell",
    [
        "31.02.2026",
        "29.02.2025",
        "00.11.2026",
        "2026",
        "abc",
        "3 Foo 2026",
        "12.50",
        "03.11.2026 REWE",
        "03.11.2026 4711",
        "03.11.",
        "1234567",
        "03.11.226",
        "0" * 100,
    ],
)
def test_what_is_no_date_is_never_read_as_one(cell):
    assert not is_day(cell, TODAY)


def test_days_are_from_1900_to_a_year_ahead():
    assert read_day("01.01.1900", "dmy", TODAY) == date(1900, 1, 1)
    assert read_day("31.12.1899", "dmy", TODAY) == message("before_year", year=1900)
    assert read_day("30.11.2027", "dmy", TODAY) == date(2027, 11, 30)
    assert read_day("01.12.2027", "dmy", TODAY) == message("too_far_ahead")


def test_years_of_two_digits_are_at_most_a_year_ahead():
    assert read_day("03.11.27", "dmy", TODAY).year == 2027
    assert read_day("03.11.28", "dmy", TODAY).year == 1928


@pytest.mark.parametrize(
    ("cells", "order"),
    [
        ("13/11/2026 03/11/2026", "dmy"),
        ("11/13/2026 11/03/2026", "mdy"),
        ("10/01/2026 01/02/2026 02/03/2026", "dmy"),  # only so in order
        ("02/03/2026 01/02/2026 10/01/2026", "dmy"),  # newest first
        ("01/02/26 13/02/26", "dmy"),  # 2013 is too long ago
        ("01/05/2026 02/09/2026 03/07/2026", "mdy"),
        ("13/11/2026 31/02/2026", "dmy"),  # one does not exist
        ("03/03/2026", "ymd dmy mdy"),
        ("03.11.2026 04.11.2026", "dmy"),
    ],
)
def test_the_whole_column_decides_the_order_of_days(cells, order):
    column = days(*cells.split())

    assert column.question is None
    assert column.order in order


@pytest.mark.parametrize(
    "cells",
    [
        "03/11/2026",
        "03/11/2026 04/11/2026",
        "13/01/2026 01/14/2026",  # each excludes the other
        "05/12/2026 06/12/2026",  # the coming days may be planned payments
        "03/11/06",
        "22/11/23 23/11/24",
    ],
)
def test_days_that_may_be_read_in_two_ways_are_asked_for(cells):
    question = days(*cells.split()).question

    assert question.about == "date_format"
    assert len(question.choices) >= 2


def test_the_question_names_both_days():
    question = days("03/03/2026", "03/11/2026").question

    assert meanings(question) == {
        "dmy": "03/11/2026: November 3, 2026",
        "mdy": "03/11/2026: March 11, 2026",
    }


def test_an_answer_decides_the_order():
    column = days("03/11/2026", order="mdy")

    assert column.values == [date(2026, 3, 11)]
    assert column.question is None


def test_cells_with_another_order_are_not_read():
    first, second, third = days("13/11/2026", "", "11/14/2026", order="dmy").values

    assert (first, second) == (date(2026, 11, 13), None)
    assert third == message("unreadable_date")


@given(
    st.lists(st.dates(date(1990, 1, 1), date(2026, 12, 31)), min_size=1),
    st.sampled_from(["%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y%m%d"]),
)
def test_days_in_any_notation_are_read_exactly_or_asked_for(values, notation):
    column = days(*(value.strftime(notation) for value in values))

    assert column.question or list(column.values) == values


@given(st.text(max_size=80), st.sampled_from(["ymd", "dmy", "mdy"]))
def test_any_cell_is_a_day_or_a_problem_or_empty(cell, order):
    value = read_day(cell, order, TODAY)

    assert value is None or isinstance(value, Message | date)
