"""CAMT.052, 053 and 054 of all versions."""

import pytest

from smartbudget.core.errors import InvalidError
from tests.expenses.imports.builders import meanings
from tests.expenses.imports.formats.statements import (
    balance,
    bookings,
    camt_file,
    camt_statement,
    entry,
    payments,
    read,
    rows,
)


def file_of(*entries: str, **options) -> str:
    return camt_file(camt_statement(*entries, **options))


def test_entries_are_read():
    details = payments(
        "<Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs><RltdPties>"
        "<Dbtr><Pty><Nm>Alice</Nm></Pty></Dbtr><Cdtr><Pty><Nm>REWE</Nm></Pty></Cdtr>"
        "</RltdPties><RmtInf><Ustrd>Danke</Ustrd><Ustrd>4711</Ustrd></RmtInf>"
    )
    file = file_of(entry(more=f"<AcctSvcrRef>R1</AcctSvcrRef>{details}"))
    statement = read(file)
    booking = bookings(statement)[0]
    assert (str(booking.amount), booking.currency) == ("-4.50", "EUR")
    assert (booking.text, booking.merchant) == ("Danke 4711", "REWE")
    assert (booking.bank_id, str(booking.place)) == ("R1", "entry 1")
    assert statement.account_label == "2051"
    assert "2051" not in statement.account


@pytest.mark.parametrize(
    ("message", "statement"),
    [
        ("BkToCstmrAcctRpt", "Rpt"),
        ("BkToCstmrStmt", "Stmt"),
        ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
    ],
)
@pytest.mark.parametrize("version", ["02", "04", "06", "08", "12"])
def test_all_messages_and_versions_are_read(message, statement, version):
    file = file_of(entry()).replace("BkToCstmrStmt", message)
    file = file.replace("<Stmt>", f"<{statement}>").replace(
        "</Stmt>", f"</{statement}>"
    )
    file = file.replace("053.001.08", f"053.001.{version}")
    assert rows(file) == [("2026-11-03", "-4.50")]


def test_a_prefix_of_the_namespace_is_read():
    file = file_of(entry()).replace("xmlns=", "xmlns:n=")
    file = file.replace("</", "\0").replace("<?", "\1").replace("<", "<n:")
    file = file.replace("\0", "</n:").replace("\1", "<?")
    assert rows(file) == [("2026-11-03", "-4.50")]


def test_names_and_texts_of_older_versions_are_read():
    details = payments(
        "<RltdPties><Cdtr><Nm>REWE</Nm></Cdtr></RltdPties><RmtInf><Strd>"
        "<CdtrRefInf><Ref>RF18</Ref></CdtrRefInf></Strd></RmtInf>"
    )
    booking = bookings(read(file_of(entry(more=details))))[0]
    assert (booking.text, booking.merchant) == ("RF18", "REWE")


def test_what_was_received_has_the_payers_name():
    details = payments(
        "<RltdPties><Dbtr><Nm>Boss</Nm></Dbtr><UltmtDbtr><Nm>Boss Ltd</Nm></UltmtDbtr>"
        "<Cdtr><Nm>Alice</Nm></Cdtr></RltdPties>"
    )
    booking = bookings(read(file_of(entry(side="CRDT", more=details))))[0]
    assert booking.merchant == booking.text == "Boss Ltd"
    assert booking.amount > 0


def test_a_text_of_the_bank_is_better_than_none():
    file = file_of(entry(more="<AddtlNtryInf>KARTENZAHLUNG</AddtlNtryInf>"))
    assert bookings(read(file))[0].text == "KARTENZAHLUNG"


@pytest.mark.parametrize(
    "day",
    [
        "<Dt>2026-11-03</Dt>",
        "<DtTm>2026-11-03T23:30:00-08:00</DtTm>",
        "<DtTm>2026-11-03T00:30:00.000000000+13:00</DtTm>",
        "<Dt>2026-11-03+01:00</Dt>",
    ],
)
def test_a_time_or_zone_never_changes_the_day(day):
    file = file_of(entry()).replace("<Dt>2026-11-03</Dt>", day)
    assert rows(file) == [("2026-11-03", "-4.50")]


def test_the_booking_day_counts_unless_the_value_day_is_chosen():
    file = file_of(entry())
    assert rows(file, day="value") == [("2026-11-05", "-4.50")]
    without = file.replace("<BookgDt><Dt>2026-11-03</Dt></BookgDt>", "")
    assert rows(without) == [("2026-11-05", "-4.50")]


def test_pending_entries_are_marked():
    file = file_of(
        entry(),
        entry(status="PDNG"),
        entry(status="<Cd>PDNG</Cd>"),
        entry(status="FUTR"),
    )
    assert [row.is_pending for row in bookings(read(file))] == [False, True, True, True]


def test_information_is_left_out():
    assert rows(file_of(entry(status="INFO"))) == [("entry 1", "For information only.")]


@pytest.mark.parametrize(
    "share",
    [
        '<Amt Ccy="EUR">{}</Amt>',
        '<AmtDtls><TxAmt><Amt Ccy="EUR">{}</Amt></TxAmt></AmtDtls>',
        '<Amt Ccy="USD">9.99</Amt>'
        '<AmtDtls><TxAmt><Amt Ccy="EUR">{}</Amt></TxAmt></AmtDtls>',
        '<AmtDtls><InstdAmt><Amt Ccy="EUR">{}</Amt></InstdAmt></AmtDtls>',
        '<Amt Ccy="EUR">{}</Amt><CdtDbtInd>CRDT</CdtDbtInd>',
    ],
)
def test_a_batch_is_split_into_its_payments(share):
    details = payments(
        share.format("1.20") + "<RmtInf><Ustrd>One</Ustrd></RmtInf>",
        share.format("3.30") + "<RmtInf><Ustrd>Two</Ustrd></RmtInf>",
    )
    statement = read(file_of(entry(), entry(more=details)))
    assert [
        (str(row.place), str(row.amount), row.text) for row in bookings(statement)[1:]
    ] == [
        ("entry 2, payment 1", "-1.20", "One"),
        ("entry 2, payment 2", "-3.30", "Two"),
    ]


def test_a_batch_may_contain_both_directions():
    details = payments(
        '<Amt Ccy="EUR">5.50</Amt><CdtDbtInd>DBIT</CdtDbtInd>',
        '<Amt Ccy="EUR">1.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>',
    )
    assert [amount for _day, amount in rows(file_of(entry(more=details)))] == [
        "-5.50",
        "1.00",
    ]


@pytest.mark.parametrize(
    "shares", [("1.20", "3.00"), ("1.20", ""), ("1.20", "x"), ("1.200001", "3.30")]
)
def test_a_batch_whose_payments_do_not_add_up_is_one_row(shares):
    details = payments(*(f'<Amt Ccy="EUR">{share}</Amt>' for share in shares))
    assert rows(file_of(entry(more=details))) == [("2026-11-03", "-4.50")]


def test_one_payment_does_not_change_what_was_booked():
    details = payments('<Amt Ccy="USD">5.10</Amt><Chrgs><Amt Ccy="EUR">9</Amt></Chrgs>')
    assert rows(file_of(entry(more=details))) == [("2026-11-03", "-4.50")]


REVERSAL = entry(side="CRDT", more="<RvslInd>true</RvslInd>")


@pytest.mark.parametrize(
    ("closing", "choice", "amount"),
    [("104.50", "kept", "4.50"), ("95.50", "turned", "-4.50")],
)
def test_balances_decide_what_a_reversal_is(closing, choice, amount):
    balances = balance("OPBD", "100.00") + balance("CLBD", closing)
    statement = read(file_of(REVERSAL, entry(status="PDNG"), balances=balances))
    assert not statement.questions
    assert statement.mapping["reversals"] == choice
    assert str(bookings(statement)[0].amount) == amount


@pytest.mark.parametrize(
    "balances",
    [
        "",
        balance("OPBD", "100.00"),
        balance("OPBD", "100.00") + balance("CLBD", "100.00"),
    ],
)
def test_without_balances_that_fit_a_reversal_is_asked(balances):
    file = file_of(REVERSAL, balances=balances)
    question = read(file).questions[0]
    assert (question.about, question.choices) == ("reversals", ("turned", "kept"))
    assert meanings(question) == {
        "turned": "4.50 EUR paid",
        "kept": "4.50 EUR received",
    }
    assert rows(file) == rows(file, reversals="turned") == [("2026-11-03", "-4.50")]
    assert rows(file, reversals="kept") == [("2026-11-03", "4.50")]
    assert not read(file, reversals="kept").questions


def test_a_reversal_of_what_was_received_turns_too():
    file = file_of(entry(side="DBIT", more="<RvslInd>1</RvslInd>"))
    assert rows(file) == [("2026-11-03", "4.50")]
    question = read(file).questions[0]
    assert meanings(question) == {
        "turned": "4.50 EUR received",
        "kept": "4.50 EUR paid",
    }


def test_an_entry_that_is_no_reversal_is_no_question():
    assert not read(file_of(entry(more="<RvslInd>false</RvslInd>"))).questions


def test_more_decimals_than_the_currency_has_cannot_be_read():
    file = file_of(
        entry("4.56789"),
        entry("8.85000"),
        entry("1.250", currency="KWD"),
        entry("1.5", currency="JPY"),
    )
    assert rows(file) == [
        ("entry 1", "EUR amounts have at most 2 decimals."),
        ("2026-11-03", "-8.85"),
        ("2026-11-03", "-1.250"),
        ("entry 4", "JPY amounts have at most 0 decimals."),
    ]


def test_rows_that_cannot_be_read_have_a_reason_and_a_place():
    file = file_of(
        entry(""),
        entry("4,50"),
        entry("-4.50"),
        entry(side="BOTH"),
        entry(day="2026-02-30"),
        entry(day="").replace("<ValDt><Dt>2026-11-05</Dt></ValDt>", ""),
        entry("0.00"),
        "<Ntry/>",
        entry(),
    )
    assert rows(file) == [
        ("entry 1", "The amount is missing."),
        ("entry 2", "The amount can't be read."),
        ("entry 3", "The amount can't be read."),
        ("entry 4", "It's not clear whether this was paid or received."),
        ("entry 5", "The date can't be read."),
        ("entry 6", "The date is missing."),
        ("entry 7", "The amount is zero."),
        ("entry 8", "The date is missing."),
        ("2026-11-03", "-4.50"),
    ]


def test_several_statements_of_one_account_are_one():
    file = camt_file(camt_statement(entry()), camt_statement(entry("5.00")))
    statement = read(file)
    assert [str(row.place) for row in statement.rows] == ["entry 1", "entry 2"]
    assert not statement.questions


def test_of_several_accounts_one_is_asked():
    file = camt_file(
        camt_statement(entry()), camt_statement(entry("5.00"), iban="DE1200001234")
    )
    question = read(file).questions[0]
    assert list(meanings(question).values()) == ["…2051: 1 row", "…1234: 1 row"]
    assert rows(file, account=question.choices[1]) == [
        ("entry 1", "Another account: …2051."),
        ("2026-11-03", "-5.00"),
    ]


def test_a_file_that_is_cut_off_is_refused_naming_the_line():
    file = file_of(entry(), entry())
    for end in range(file.index("<Ntry>"), len(file.rstrip())):
        with pytest.raises(InvalidError, match=r"damaged or incomplete at line \d+\."):
            read(file[:end])


def test_a_file_without_statement_is_refused():
    with pytest.raises(InvalidError, match="no account statement"):
        read(camt_file())


def test_too_many_rows_are_refused():
    with pytest.raises(InvalidError, match="more than 10,000 rows"):
        read(file_of("<Ntry/>" * 10_001))


@pytest.mark.parametrize("encoding", ["iso8859-1", "cp1252", "utf-16", "utf-8-sig"])
def test_other_encodings_are_read(encoding):
    file = file_of(entry(more="<AddtlNtryInf>Grüße</AddtlNtryInf>"))
    declared = {"utf-8-sig": "UTF-8", "cp1252": "windows-1252"}.get(encoding, encoding)
    content = file.replace('"UTF-8"', f'"{declared}"').encode(encoding)
    assert bookings(read(content))[0].text == "Grüße"
