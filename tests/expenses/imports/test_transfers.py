"""Transfers between a user's own accounts are left out, whatever the format."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expenses.imports import profiles, services
from expenses.imports.bookings import Booking, is_iban, number_id
from expenses.imports.decisions import Stored, decide
from expenses.imports.messages import sentence
from expenses.imports.models import Import, ImportSettings
from expenses.imports.preview import Choice
from tests.expenses.imports.builders import commit_all
from tests.expenses.imports.formats.statements import (
    bookings,
    camt_file,
    camt_statement,
    entry,
    mt940_file,
    ofx_file,
    payment,
    payments,
    read,
)
from tests.money_builders import ALICE, BOB

GIRO = "DE89370400440532013000"  # 37040044, 532013000
SAVINGS = "DE02120300000000202051"  # 12030000, 202051
OTHER = "DE91100000000123456789"
LINE = ":61:2611051103D4,50NMSCNONREF//REF1"


# --- The number of an account ---


@pytest.mark.parametrize(
    ("number", "bank"),
    [
        (GIRO, ""),
        ("DE89 3704 0044 0532 0130 00", ""),
        ("de89-3704-0044-0532-0130-00", ""),
        (GIRO, "COBADEFFXXX"),
        (f"{GIRO}EUR", ""),
        (f"COBADEFF/{GIRO}", ""),
        (f"COBADEFF/{GIRO}EUR", ""),
        ("0532013000", "37040044"),
        ("532013000", "370 400 44"),
        ("37040044/532013000", ""),
        ("37040044/0532013000EUR", ""),
    ],
)
def test_an_account_has_one_id_however_it_is_written(number, bank):
    assert number_id(number, bank) == number_id(GIRO)


@pytest.mark.parametrize(
    ("number", "bank"),
    [
        ("", ""),
        ("", "37040044"),
        ("Kreditkarte", "37040044"),
        ("532013000", ""),  # of which bank?
        ("****1234", ""),
        ("/", "/"),
        ("٣٤٥٦٧٨٩٠١٢٣٤٥", ""),
    ],
)
def test_a_number_that_may_be_anyones_has_no_id(number, bank):
    assert number_id(number, bank) == ""


def test_other_accounts_have_other_ids():
    numbers = [
        (GIRO, ""),
        (SAVINGS, ""),
        ("532013001", "37040044"),
        ("532013000", "37040045"),
        ("0012345", "021000021"),
        ("12345", "021000022"),
        ("4111111111111111", ""),
        (f"{GIRO[:-1]}1", ""),  # no IBAN, but long enough
    ]
    assert len({number_id(*one) for one in numbers} - {""}) == len(numbers)
    assert number_id("0012345", "021000021") == number_id("12345", "021000021")


def test_an_id_does_not_contain_the_number():
    assert "5320130" not in number_id(GIRO)
    assert len(number_id(GIRO)) == 32


@given(st.text(max_size=100), st.text(max_size=20))
def test_any_text_has_an_id_or_none(number, bank):
    assert len(number_id(number, bank)) in (0, 32)


@pytest.mark.parametrize(
    "iban", [GIRO, SAVINGS, "NL91ABNA0417164300", "GB29NWBK60161331926819"]
)
def test_an_iban_is_told_by_its_check_digits(iban):
    assert is_iban(iban)
    assert not is_iban(iban[:4] + iban[5:] + iban[4])
    assert not is_iban(iban[:-1])


# --- Where the formats have it ---


def parties(debtor=GIRO, creditor=SAVINGS, tag="IBAN"):
    def account(role, number):
        value = number if tag == "IBAN" else f"<Id>{number}</Id>"
        return f"<{role}Acct><Id><{tag}>{value}</{tag}></Id></{role}Acct>"

    inner = account("Dbtr", debtor) + account("Cdtr", creditor)
    return f"<RltdPties>{inner}</RltdPties>"


def camt(side="DBIT", *details, iban=GIRO):
    return camt_file(
        camt_statement(entry(side=side, more=payments(*details)), iban=iban)
    )


def csv(header, *rows):
    return "\n".join([header, *rows, ""])


SPARKASSE = (
    "Auftragskonto;Buchungstag;Verwendungszweck;Beguenstigter/Zahlungspflichtiger;"
    "Kontonummer/IBAN;Betrag"
)
FILES = {
    "camt, paid": camt("DBIT", parties()),
    "camt, received": camt("CRDT", parties(debtor=SAVINGS, creditor=GIRO)),
    "camt, another number": camt(
        "DBIT",
        parties(creditor="202051", tag="Othr")
        + "<RltdAgts><CdtrAgt><FinInstnId><ClrSysMmbId><MmbId>12030000</MmbId>"
        "</ClrSysMmbId></FinInstnId></CdtrAgt></RltdAgts>",
    ),
    "mt940, structured": mt940_file(
        LINE, f":86:106?00UMBUCHUNG?20SVWZ+Sparen?30BYLADEM1001?31{SAVINGS}?32Alice"
    ),
    "mt940, bank code": mt940_file(
        LINE, ":86:106?00UMBUCHUNG?20Sparen?3012030000?310000202051?32Alice"
    ),
    "mt940, slashed": mt940_file(
        LINE, f":86:/TRTP/SEPA/IBAN/{SAVINGS}/BIC/BYLADEM1001/NAME/Alice/REMI/Sparen"
    ),
    "mt940, in the purpose": mt940_file(
        LINE, f":86:166?00UMBUCHUNG?20SVWZ+Sparen?21IBAN+{SAVINGS}?32Alice"
    ),
    "ofx": ofx_file(
        payment() + "<BANKACCTTO><BANKID>12030000<ACCTID>202051<ACCTTYPE>SAVINGS"
        "</BANKACCTTO>",
        currency="EUR",
    ),
    "csv of a Sparkasse": csv(
        SPARKASSE,
        f"{GIRO};03.11.2026;Sparen;Alice;{SAVINGS};-4,50",
        f"{GIRO};04.11.2026;Miete;Bob;{OTHER};-5,50",
    ),
    "csv of N26": csv(
        '"Booking Date","Partner Name","Partner Iban",Type,"Amount (EUR)"',
        f"2026-11-03,Alice,{SAVINGS},Transfer,-4.50",
    ),
    "csv of a Volksbank": csv(
        "Buchungstag;Name Zahlungsbeteiligter;IBAN Zahlungsbeteiligter;Betrag",
        f"03.11.2026;Alice;{SAVINGS};-4,50",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_reader_knows_the_other_account(name):
    booking = bookings(read(FILES[name]))[0]

    assert booking.counterparty == number_id(SAVINGS)


NONE = {
    "camt, several": camt("DBIT", parties(), parties(creditor=OTHER)),
    "camt, none": camt("DBIT", "<Refs></Refs>"),
    "mt940, a name": mt940_file(LINE, ":86:166?00X?20Y?32Alice"),
    "ofx": ofx_file(payment(), currency="EUR"),
    "csv, the own account in all rows": csv(
        "Datum;Text;IBAN;Betrag",
        f"03.11.2026;Sparen;{SAVINGS};-4,50",
        f"04.11.2026;Miete;{SAVINGS};-5,50",
    ),
    "csv, the own account": csv(
        "Datum;Text;IBAN Auftragskonto;Betrag", f"03.11.2026;Sparen;{SAVINGS};-4,50"
    ),
}


@pytest.mark.parametrize("name", NONE)
def test_a_file_may_not_have_the_other_account(name):
    assert bookings(read(NONE[name]))[0].counterparty == ""


def test_a_column_of_the_other_account_can_be_chosen():
    file = csv("Datum;Text;Ziel;Betrag", f"03.11.2026;Sparen;{SAVINGS};-4,50")
    columns = {"date": 0, "text": [1], "counterparty": 2, "amount": 3}

    statement = read(file, columns=columns)

    assert bookings(statement)[0].counterparty == number_id(SAVINGS)
    assert statement.mapping["columns"] == columns


@pytest.mark.parametrize(
    "file",
    [
        camt(),
        mt940_file(LINE, account="37040044/0532013000"),
        mt940_file(LINE, account=GIRO),
        csv(SPARKASSE, f"{GIRO};03.11.2026;Sparen;Alice;{SAVINGS};-4,50"),
    ],
)
def test_a_file_names_its_own_account(file):
    assert read(file).number_id == number_id(GIRO)


# --- The decision ---


def moved(day=3, amount="-4.50", to=SAVINGS):
    return Booking(
        date(2026, 11, day), Decimal(amount), "Sparen", counterparty=number_id(to)
    )


def decided(rows, stored=(), accounts=None):
    accounts = {number_id(SAVINGS): "Savings"} if accounts is None else accounts
    made = decide(rows, source="giro", stored=stored, own_accounts=accounts)
    return [decision.decision for decision in made]


def test_a_transfer_is_left_out_in_both_directions():
    rows = [moved(), moved(amount="4.50"), moved(to=OTHER)]

    assert decided(rows) == ["transfer", "transfer", "new"]
    assert decided(rows, accounts={}) == ["new", "money_in", "new"]


def test_a_transfer_is_not_an_expense_that_was_typed_with_the_same_amount():
    rent = Stored("a", date(2026, 11, 3), Decimal("4.50"), description="Rent")

    assert decided([moved()], [rent]) == ["transfer"]
    assert decided([moved(to=OTHER)], [rent]) == ["match"]


def test_a_transfer_takes_no_purchase_as_its_refund():
    bought = Stored("a", date(2026, 11, 1), Decimal("4.50"), description="Sparen")
    refund = moved(amount="4.50", to=OTHER)

    made = decide(
        [moved(amount="4.50"), refund],
        source="giro",
        stored=[bought],
        own_accounts={number_id(SAVINGS): "Savings"},
    )

    assert [(one.decision, one.of) for one in made] == [
        ("transfer", ""),
        ("money_in", "a"),
    ]


# --- From one file to the next ---

USER = replace(ALICE, currency="EUR")
TO_SAVINGS = FILES["camt, paid"]


def saved(user=USER, name="Savings", iban=SAVINGS):
    """Import a file of the savings account, and return its profile."""
    content = camt_file(camt_statement(entry("9.99"), iban=iban))
    record = services.create_import(user, content.encode(), "a.xml", profile=name)
    commit_all(user, record)
    return profiles.get_profile(user, record.source)


def upload(content, user=USER):
    return services.create_import(user, content.encode(), "file")


def decision_of(record, user=USER):
    """Return what becomes of the only booking, and why."""
    [row] = [
        row for row in services.list_rows(user, record.import_id).rows if row.amount
    ]
    return row.decision, sentence(row.because, row.values)


@pytest.mark.usefixtures("aws", "clock")
@pytest.mark.parametrize("name", [name for name in FILES if "Sparkasse" not in name])
def test_a_transfer_to_an_account_that_was_imported_is_left_out(name):
    assert decision_of(upload(FILES[name]))[0] in ("new", "money_in")

    saved()

    transfer = ("transfer", "Transfer between your own accounts (Savings).")
    record = upload(FILES[name])
    assert decision_of(record) == transfer
    assert commit_all(USER, record).done == 0


@pytest.mark.usefixtures("aws", "clock")
def test_the_other_side_is_left_out_too():
    commit_all(USER, upload(camt_file(camt_statement(entry("9.99"), iban=GIRO))))

    record = upload(camt("CRDT", parties(), iban=SAVINGS))

    assert decision_of(record) == (
        "transfer",
        "Transfer between your own accounts (…3000).",
    )


@pytest.mark.usefixtures("aws", "clock")
def test_a_file_that_names_its_own_account_beside_a_booking_has_no_transfer():
    """Banks name it for fees, and for interest."""
    saved(name="Savings")
    fee = camt("DBIT", parties(creditor=SAVINGS), iban=SAVINGS)
    other = csv(
        "Datum;Text;IBAN Auftragskonto;Gegenkonto;Betrag",
        f"03.11.2026;Entgelt;{SAVINGS};{SAVINGS};-4,50",
    )

    assert decision_of(upload(fee))[0] == "new"
    assert decision_of(upload(other))[0] == "new"


@pytest.mark.usefixtures("aws", "clock")
def test_a_transfer_can_be_imported_all_the_same_and_is_then_a_duplicate():
    saved()
    record = upload(TO_SAVINGS)
    number = next(row.number for row in services.rows_of(USER, record) if row.amount)

    services.change_rows(USER, record.import_id, {number: Choice("new")})
    assert commit_all(USER, record).done == 1

    assert decision_of(upload(TO_SAVINGS))[0] == "duplicate"


@pytest.mark.usefixtures("aws", "clock")
def test_an_account_that_was_deleted_or_is_another_users_is_not_an_own_one():
    saved(replace(BOB, currency="EUR"))
    assert decision_of(upload(TO_SAVINGS))[0] == "new"

    source = saved().source
    profiles.delete_profile(USER, source)

    assert decision_of(upload(TO_SAVINGS))[0] == "new"


@pytest.mark.usefixtures("aws", "clock")
def test_only_hashes_of_account_numbers_are_stored():
    saved()
    upload(TO_SAVINGS)

    items = [*Import.scan()]
    stored = str([item.attribute_values for item in items])
    settings = ImportSettings.find(ImportSettings.id_of(USER.user_id))
    stored += str(settings.attribute_values)
    rows = [row for item in items for row in services.rows_of(USER, item)]
    for number in (GIRO, SAVINGS, "532013000", "202051"):
        assert number not in stored
        assert not any(number in str(row) for row in rows)
    assert number_id(SAVINGS) in stored
