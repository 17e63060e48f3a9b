"""OFX and QFX: in SGML and XML, with and without closing tags."""

import pytest

from smartbudget.core.errors import InvalidError
from tests.expenses.imports.builders import meanings
from tests.expenses.imports.formats.statements import (
    bookings,
    ofx_file,
    payment,
    read,
    rows,
)


def test_values_need_no_closing_tags():
    booking = bookings(read(ofx_file(payment() + "<MEMO>Card 4711")))[0]
    assert (booking.text, booking.merchant) == ("CAFE XY Card 4711", "CAFE XY")
    assert (booking.bank_id, booking.currency) == ("A1", "USD")
    assert str(booking.place) == "line 8"


def test_a_row_needs_no_closing_tag():
    file = ofx_file(payment("-1.00"), payment("-2.00")).replace("</STMTTRN>", "")
    assert rows(file) == [("2026-11-03", "-1.00"), ("2026-11-03", "-2.00")]


def test_xml_with_attributes_and_empty_elements_is_read():
    row = (
        "<DTPOSTED>20261103</DTPOSTED><TRNAMT>-4.50</TRNAMT><FITID/>"
        '<NAME lang="en">A &amp; B</NAME><MEMO></MEMO>'
    )
    header = '<?xml version="1.0"?><?OFX OFXHEADER="200"?>'
    file = header + ofx_file(row).partition("\n\n")[2]
    booking = bookings(read(file))[0]
    assert (booking.text, booking.bank_id) == ("A & B", "")


def test_tags_may_be_in_small_letters():
    file = ofx_file(payment()).lower()
    assert rows(file) == [("2026-11-03", "-4.50")]


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("B.C. HYDRO &amp; POWER", "B.C. HYDRO & POWER"),
        ("<![CDATA[A <b>&amp;</b> B]]>", "A <b>&amp;</b> B"),
        ("M&#252;ller &#xDF;", "Müller ß"),
        ("A&not B &copy 1 AT&T", "A&not B &copy 1 AT&T"),
        ("A < B", "A < B"),
    ],
)
def test_texts_are_read_as_they_were_meant(written, text):
    assert bookings(read(ofx_file(payment(name=written))))[0].text == text


@pytest.mark.parametrize(
    "day",
    [
        "20261103",
        "20261103233000[-8:PST]",
        "20261103000000.000[+13:NZDT]",
        "20261103120000",
        "202611031200",
    ],
)
def test_a_time_or_zone_never_changes_the_day(day):
    assert rows(ofx_file(payment(day=day))) == [("2026-11-03", "-4.50")]


@pytest.mark.parametrize(
    ("amounts", "read_as"),
    [
        (["-4.50"], ["-4.50"]),
        (["-4,50"], ["-4.50"]),
        (["-1.234,56", "-1.000"], ["-1234.56", "-1000.00"]),
        (["-30.000", "-3.77000"], ["-30.00", "-3.77"]),
        (["$120", "-1"], ["120.00", "-1.00"]),
        (["+12", "-1"], ["12.00", "-1.00"]),
    ],
)
def test_amounts_are_read_as_a_column(amounts, read_as):
    file = ofx_file(*(payment(amount) for amount in amounts))
    assert [amount for _day, amount in rows(file)] == read_as


def test_an_unclear_decimal_mark_is_asked():
    file = ofx_file(payment("-3.000"), payment("-12.500"))
    statement = read(file)
    assert [question.about for question in statement.questions] == ["decimal"]
    assert meanings(statement.questions[0]) == {
        ".": "-3.000 is -3.00; November 2026: -15.50 in total",
        ",": "-3.000 is -3,000.00; November 2026: -15,500.00 in total",
    }
    answered = read(file, decimal=".")
    assert not answered.questions
    assert [row.amount for row in bookings(answered)] == [-3, -12.5]


def test_rows_without_an_id_are_read():
    file = ofx_file(payment(fitid=""), payment(fitid=""))
    assert rows(file) == [("2026-11-03", "-4.50")] * 2


def test_the_same_id_may_be_in_several_rows():
    file = ofx_file(payment("-12.50", fitid="A"), payment("-0.38", fitid="A"))
    assert [row.bank_id for row in bookings(read(file))] == ["A", "A"]


def test_rows_that_cannot_be_read_have_a_reason_and_a_place():
    file = ofx_file(
        "<TRNAMT>-1.00<FITID>1",
        payment(day="20260231"),
        "<DTPOSTED>20261103<FITID>3",
        payment("twelve"),
        payment("-1.234", day="20261103"),
        payment("-1.50"),
        payment("0.00"),
        payment(day="20281231"),
        payment("-1000000000000.00"),
    )
    assert rows(file) == [
        ("line 8", "The date is missing."),
        ("line 9", "The date can't be read."),
        ("line 10", "The amount is missing."),
        ("line 11", "The amount can't be read."),
        ("line 12", "USD amounts have at most 2 decimals."),
        ("2026-11-03", "-1.50"),
        ("line 14", "The amount is zero."),
        ("line 15", "The date is more than a year ahead."),
        ("line 16", "Amount must be below 1,000,000,000,000."),
    ]


def test_the_currency_is_that_of_the_amount_not_of_the_price():
    file = ofx_file(
        payment() + "<CURRENCY><CURRATE>1.1<CURSYM>AUD</CURRENCY>",
        payment() + "<ORIGCURRENCY><CURRATE>1.1<CURSYM>AUD</ORIGCURRENCY>",
    )
    assert [row.currency for row in bookings(read(file))] == ["AUD", "USD"]


def test_cards_are_read():
    file = ofx_file(payment()).replace("STMTRS", "CCSTMTRS")
    file = file.replace("BANKACCTFROM", "CCACCTFROM").replace("<BANKID>99", "")
    statement = read(file)
    assert len(bookings(statement)) == 1
    assert statement.account_label == "1111"


def test_pending_rows_are_marked():
    row = "<STMTTRNP><DTTRAN>20261104<TRNAMT>-2.00<NAME>X</STMTTRNP>"
    file = ofx_file(payment()).replace("</BANKTRANLIST>", f"</BANKTRANLIST>{row}")
    assert [row.is_pending for row in bookings(read(file))] == [False, True]


def test_the_account_is_hashed_with_its_last_characters_as_label():
    statement = read(ofx_file(payment(), account="123456789"))
    assert statement.account_label == "6789"
    assert len(statement.account) == 32
    assert "6789" not in statement.account
    other = read(ofx_file(payment(), account="987654321"))
    assert statement.account != other.account


def two_accounts() -> str:
    first = ofx_file(payment("-1.00"), payment("-2.00"), account="9100", end="")
    second = ofx_file(payment("-3.00"), account="9200").partition("<OFX>")[2]
    return first + second


def test_several_statements_of_one_account_are_one():
    file = two_accounts().replace("9200", "9100")
    statement = read(file)
    assert len(bookings(statement)) == 3
    assert not statement.questions
    assert statement.account_label == "9100"


def test_of_several_accounts_one_is_asked_and_the_others_are_left_out():
    statement = read(two_accounts())
    question = statement.questions[0]
    assert question.about == "account"
    assert list(meanings(question).values()) == ["…9100: 2 rows", "…9200: 1 row"]
    assert not statement.account
    answered = read(two_accounts(), account=question.choices[1])
    assert not answered.questions
    assert answered.account_label == "9200"
    assert rows(two_accounts(), account=question.choices[1]) == [
        ("line 8", "Another account: …9100."),
        ("line 9", "Another account: …9100."),
        ("2026-11-03", "-3.00"),
    ]


def test_accounts_without_rows_are_no_question():
    empty = ofx_file(account="9200").partition("<OFX>")[2]
    file = ofx_file(payment(), account="9100", end="") + empty
    assert not read(file).questions


@pytest.mark.parametrize(
    "ending", ["</OFX>", "</BANKTRANLIST>", "</STMTTRN>", "<NAME>", "50<FITID>"]
)
def test_a_file_that_is_cut_off_is_refused(ending):
    file = ofx_file(payment())
    with pytest.raises(InvalidError, match=r"ends too early, at line \d+\."):
        read(file[: file.rindex(ending)])


def test_investments_are_refused():
    file = (
        "OFXHEADER:100\n\n<OFX><INVSTMTRS><INVTRANLIST><BUYMF><INVBUY><INVTRAN>"
        "<FITID>1</INVTRAN></INVBUY></BUYMF></INVTRANLIST></INVSTMTRS></OFX>"
    )
    with pytest.raises(InvalidError, match="This is an investment statement"):
        read(file)


def test_investments_beside_a_bank_account_are_left_out():
    investments = (
        "<INVSTMTRS><INVTRANLIST><BUYMF><INVBUY><INVTRAN><FITID>1</INVTRAN></INVBUY>"
        "</BUYMF></INVTRANLIST></INVSTMTRS></OFX>"
    )
    assert rows(ofx_file(payment(), end=investments)) == [
        ("2026-11-03", "-4.50"),
        ("line 9", "Part of an investment statement."),
    ]


@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE OFX [<!ENTITY a "b">]>',
        '<!doctype OFX SYSTEM "file:///etc/passwd">',
        '<!ENTITY a "&b;&b;">',
    ],
)
def test_entities_are_refused(declaration):
    with pytest.raises(InvalidError, match="XML entities"):
        read(ofx_file(payment()).replace("<OFX>", f"{declaration}<OFX>"))


def test_too_many_rows_are_refused():
    with pytest.raises(InvalidError, match="more than 10,000 rows"):
        read(ofx_file(*["<FITID>1"] * 10_001))
    assert len(read(ofx_file(*["<FITID>1"] * 10_000)).rows) == 10_000


def test_windows_letters_are_read():
    file = ofx_file(payment(name="Paiement prépayée €")).encode("cp1252")
    assert bookings(read(file))[0].text == "Paiement prépayée €"


def test_payments_without_a_sign_are_asked():
    file = ofx_file(payment("4.50"), payment("5.00", name="REWE"))
    question = read(file).questions[0]
    assert question.about == "sign"
    assert meanings(question) == {
        "positive_is_paid": "CAFE XY: 4.50 paid; REWE: 5.00 paid",
        "negative_is_paid": "CAFE XY: 4.50 received; REWE: 5.00 received",
    }
    paid = read(file, sign="positive_is_paid")
    assert not paid.questions
    assert [str(row.amount) for row in bookings(paid)] == ["-4.50", "-5.00"]
    assert rows(file, sign="negative_is_paid")[0] == ("2026-11-03", "4.50")


def test_signs_are_not_asked_if_a_type_or_another_row_shows_them():
    assert not read(ofx_file(payment("4.50"), payment("-5.00"))).questions
    received = payment("4.50").replace("DEBIT", "CREDIT")
    assert not read(ofx_file(received)).questions
