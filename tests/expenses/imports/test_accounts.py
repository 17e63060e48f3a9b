"""A CSV file of several accounts is imported once for each."""

import json
import re
from dataclasses import replace
from datetime import date

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from expenses import services as expenses
from expenses.imports import profiles, services
from expenses.imports.bookings import Booking, LeftOut, number_id
from expenses.imports.reading import read
from expenses.models import Expense
from tests.builders import client_for, make_user
from tests.expenses.imports.builders import commit_all, decisions, meanings, undo_all
from tests.money_builders import ALICE, BOB, make_expense

GIRO, SAVINGS = "DE89370400440532013000", "DE77370400440123456789"
OTHERS = ("DE02120300000000202051", "AT483200000012345864", "NL91ABNA0417164300")
HEADER = "Account,Date,Description,Amount"
ROWS = (
    f"{GIRO},2026-03-02,CAFE,-4.50",
    f"{SAVINGS},2026-03-02,FEE,-1.00",
    f"{GIRO},2026-03-03,REWE,-25.10",
)
NEXT = (*ROWS, f"{SAVINGS},2026-03-09,FEE,-1.00", f"{GIRO},2026-03-10,CAFE,-4.50")


def file_of(*rows, header=HEADER):
    return "\n".join([header, *rows, ""]).encode()


def statement(content, **mapping):
    return read(content, currency="USD", today=date(2026, 3, 14), mapping=mapping)


def days(of):
    return [row.day.day for row in of.rows if isinstance(row, Booking)]


def question_of(content, **mapping):
    [question] = statement(content, **mapping).questions
    assert question.about == "account"
    return question


# --- The reader ---


def test_of_several_accounts_one_is_asked_and_the_others_are_left_out():
    question = question_of(file_of(*ROWS))
    assert [*meanings(question).values()] == [
        "…3000: 2 rows",
        "…6789: 1 row",
        "All rows belong to one account",
    ]
    assert not statement(file_of(*ROWS)).account

    giro, savings, _all = question.choices
    answered = statement(file_of(*ROWS), account=savings)

    assert not answered.questions
    assert [str(row.reason) for row in answered.rows if isinstance(row, LeftOut)] == [
        "Not a transaction.",
        "Another account: …3000.",
        "Another account: …3000.",
    ]
    assert (answered.account_label, answered.number_id) == ("6789", number_id(SAVINGS))
    assert answered.mapping["account"] == savings
    assert days(statement(file_of(*ROWS), account=giro)) == [2, 3]


def test_an_account_has_one_id_alone_and_beside_others():
    alone = statement(file_of(ROWS[0], ROWS[2]))

    assert not alone.questions
    assert alone.account == question_of(file_of(*ROWS)).choices[0]


def test_accounts_may_be_named():
    rows = (
        "Checking,2026-03-02,CAFE,-4.50",
        "Credit card,2026-03-02,FEE,-1.00",
        ",2026-03-03,REWE,-25.10",
    )
    header = HEADER.replace("Account", "Auftragskonto")
    question = question_of(file_of(*rows, header=header))

    assert [*meanings(question).values()][:3] == [
        "Checking: 1 row",
        "Credit card: 1 row",
        "without a number: 1 row",
    ]
    answered = statement(file_of(*rows, header=header), account=question.choices[1])
    assert answered.account_label == "Credit card"
    assert days(answered) == [2]


def test_only_bookings_have_accounts():
    rows = (*ROWS, f"{SAVINGS},2026-99-99,GYM,-9.00", "Total,,,-30.60")
    question = question_of(file_of(*rows))

    assert len(question.choices) == 3
    answered = statement(file_of(*rows), account=question.choices[0])
    assert [str(row.reason) for row in answered.rows if isinstance(row, LeftOut)] == [
        "Not a transaction.",
        "Another account: …6789.",
        "Another account: …6789.",
        "Not a transaction.",
    ]


def test_the_other_questions_follow_once_the_account_is_known():
    content = file_of(*(row.replace("-", "/").replace(",/", ",") for row in ROWS))
    question = question_of(content)

    answered = statement(content, account=question.choices[0])

    assert [question.about for question in answered.questions] == ["sign"]


def test_all_rows_may_be_of_one_account():
    answered = statement(file_of(*ROWS), account="all")

    assert ([*answered.questions], answered.account) == ([], "")
    assert days(answered) == [2, 2, 3]
    assert answered.mapping["account"] == "all"


def test_an_account_that_the_file_has_not_is_asked_again():
    question_of(file_of(*ROWS), account="unnamed")
    question_of(file_of(*ROWS), account=["all"])


MONEYMONEY = "Datum;Wertstellung;Kategorie;Name;Verwendungszweck;Konto;Bank;Betrag"
DKB = "Buchungstag;Wertstellung;Auftraggeber / Begünstigter;Kontonummer;BLZ;Betrag"
PAID = (  # day, name, account, bank
    ("02.03.2026", "REWE", OTHERS[0], "BYLADEM1001"),
    ("02.03.2026", "Landlord", OTHERS[1], "RLNWATWW"),
    ("03.03.2026", "REWE", OTHERS[0], "BYLADEM1001"),
    ("04.03.2026", "Gym", OTHERS[2], "ABNANL2A"),
)
COUNTERPARTIES = {
    "at other banks": file_of(
        *(f"{day};{name};{number};-1,00" for day, name, number, _bank in PAID),
        header="Datum;Name;Konto;Betrag",
    ),
    "with the names of banks": file_of(
        *(f"{day};{day};;{name};;12345{name};{b};-1,00" for day, name, _n, b in PAID),
        header=MONEYMONEY,
    ),
    "with bank codes": file_of(
        *(f"{day};{day};{name};99{name};{b};-1,00" for day, name, _n, b in PAID),
        header=DKB,
    ),
    "with the own account above": file_of(
        *(f"{day};{day};{name};99{name};;-1,00" for day, name, _n, b in PAID),
        header=f'"Kontonummer:";"12774055 / Giro"\n\n{DKB}',
    ),
    "not in each booking": file_of(*ROWS, ",2026-03-04,CARD,-9.00"),
    "many": file_of(
        *(f"1000{number},2026-03-02,SHOP {number},-4.50" for number in range(11))
    ),
}


@pytest.mark.parametrize("name", COUNTERPARTIES)
def test_the_accounts_of_other_people_are_not_asked_for(name):
    result = statement(COUNTERPARTIES[name])

    assert ([*result.questions], result.account) == ([], "")
    assert "account" not in result.mapping["columns"]
    assert "account" not in result.mapping


@pytest.mark.parametrize("name", COUNTERPARTIES)
def test_a_column_that_the_user_chooses_has_the_own_accounts(name):
    columns = statement(COUNTERPARTIES[name]).mapping["columns"]
    headings = statement(COUNTERPARTIES[name]).mapping["headings"]
    [number] = {"Account", "Konto", "Kontonummer"} & {*headings}
    columns = {**columns, "account": headings.index(number)}

    assert len(question_of(COUNTERPARTIES[name], columns=columns).choices) > 2


@pytest.mark.parametrize(("count", "is_asked"), [(100, True), (101, False)])
def test_a_column_with_more_than_100_values_has_no_accounts(count, is_asked):
    rows = (f"{10000 + n},2026-03-02,SHOP,-4.50" for n in range(count))
    content = file_of(*rows, header=HEADER.replace("Account", "Auftragskonto"))

    assert bool(statement(content).questions) is is_asked


# --- From the upload to the import ---


@pytest.fixture
def storage(aws, clock):
    """Provide the tables, the bucket and the time."""


def upload(*rows, user=ALICE, header=HEADER, **options):
    content = file_of(*rows, header=header)
    return services.create_import(user, content, "bank.csv", **options)


def accounts_of(record):
    """Return the accounts that are asked for."""
    [question] = services.questions_of(record)
    assert question.about == "account"
    return [choice for choice in question.choices if choice != "all"]


def answer(record, account, **mapping):
    mapping = {"account": account, **mapping}
    return services.change_mapping(ALICE, record.import_id, mapping=mapping)


def import_account(number, *rows):
    """Import the account of a number, and return its import."""
    record = upload(*rows)
    record = answer(record, accounts_of(record)[number])
    commit_all(ALICE, record)
    return record


def days_stored(user=ALICE):
    return sorted(expense.date[-2:] for expense in Expense.by_user.query(user.user_id))


@pytest.mark.usefixtures("storage")
def test_a_file_is_imported_once_for_each_account():
    giro = import_account(0, *ROWS)
    assert days_stored() == ["02", "03"]
    savings = import_account(1, *ROWS)
    assert days_stored() == ["02", "02", "03"]

    assert giro.source != savings.source
    assert {one.name for one in profiles.list_profiles(ALICE)} == {"…3000", "…6789"}
    assert decisions(ALICE, savings) == ["left_out", "left_out", "new", "left_out"]


@pytest.mark.usefixtures("storage")
def test_the_next_file_adds_what_is_new_of_each_account():
    first = [import_account(number, *ROWS) for number in (0, 1)]

    following = [import_account(number, *NEXT) for number in (0, 1)]

    assert [one.source for one in following] == [one.source for one in first]
    assert days_stored() == ["02", "02", "03", "09", "10"]
    for number in (0, 1):
        assert json.loads(import_account(number, *NEXT).counts)["new"] == 0


@pytest.mark.usefixtures("storage")
def test_the_next_file_asks_only_for_the_account():
    card = [row.replace(",-", ",") for row in ROWS]
    for number in (0, 1):
        record = upload(*card)
        record = answer(record, accounts_of(record)[number])
        assert [one.about for one in services.questions_of(record)] == ["sign"]
        mapping = {"sign": "positive_is_paid"}
        services.change_mapping(ALICE, record.import_id, mapping=mapping)
        commit_all(ALICE, record)

    for number in (0, 1):
        record = upload(*card)
        record = answer(record, accounts_of(record)[number])
        assert services.questions_of(record) == []
        assert set(decisions(ALICE, record)) == {"left_out", "duplicate"}


@pytest.mark.usefixtures("storage")
def test_the_answer_may_come_with_the_file():
    savings = accounts_of(upload(*ROWS))[1]

    record = upload(*ROWS, mapping={"account": savings})

    assert services.questions_of(record) == []
    assert decisions(ALICE, record) == ["left_out", "left_out", "new", "left_out"]


@pytest.mark.usefixtures("storage")
def test_a_file_of_one_of_the_accounts_is_of_the_same_source():
    giro = import_account(0, *ROWS)

    alone = upload(ROWS[0], ROWS[2])

    assert alone.source == giro.source
    assert decisions(ALICE, alone) == ["left_out", "duplicate", "duplicate"]


@pytest.mark.usefixtures("storage")
@pytest.mark.parametrize(
    ("account", "key"),
    [
        (GIRO, "039af79ba6e362e624461a13e93f3601"),
        ("Checking", "b61e193781fa461edfee5e271e5b2aef"),
    ],
)
def test_what_an_earlier_version_imported_is_a_duplicate(account, key):
    """Its keys were these before a column of accounts could have several."""
    expense = make_expense(amount="4.50", date="2026-03-02")
    expense.update([Expense.source_key.set(key)])

    record = upload(f"{account},2026-03-02,CAFE,-4.50")

    assert decisions(ALICE, record) == ["left_out", "duplicate"]


@pytest.mark.usefixtures("storage")
def test_a_file_of_one_account_is_never_asked_about_again():
    record = answer(upload(*ROWS), "all")
    commit_all(ALICE, record)

    following = upload(*NEXT)

    assert services.questions_of(following) == []
    assert following.source == record.source
    assert decisions(ALICE, following)[1:] == ["duplicate"] * 3 + ["new"] * 2


def import_as_one(*rows):
    """Import accounts as one, as before they were asked for; return the import."""
    record = answer(upload(*rows), "all")
    commit_all(ALICE, record)
    profiles.save(
        ALICE, replace(profiles.get_profile(ALICE, record.source), mapping={})
    )
    return record


@pytest.mark.usefixtures("storage")
@pytest.mark.parametrize("is_deleted", [False, True])
def test_what_was_imported_as_one_account_is_not_added_again(is_deleted):
    """Also if the bank account of that time was deleted."""
    same_fee = f"{GIRO},2026-03-02,FEE,-1.00"
    record = import_as_one(*ROWS, same_fee)
    if is_deleted:
        profiles.delete_profile(ALICE, record.source)

    giro, savings = (import_account(number, *NEXT, same_fee) for number in (0, 1))

    assert decisions(ALICE, giro)[1:] == [
        "duplicate",
        "left_out",
        "duplicate",
        "left_out",
        "new",
        "duplicate",
    ]
    assert decisions(ALICE, savings)[2] == "duplicate"
    assert days_stored() == ["02", "02", "02", "03", "09", "10"]


@pytest.mark.usefixtures("storage")
def test_what_was_deleted_of_such_an_import_stays_deleted():
    import_as_one(*ROWS)
    for expense in Expense.by_user.query(ALICE.user_id):
        expenses.delete_expense(ALICE, expense.expense_id)

    savings = import_account(1, *ROWS)

    assert decisions(ALICE, savings) == ["left_out", "left_out", "deleted", "left_out"]


@pytest.mark.usefixtures("storage")
def test_an_import_of_one_of_several_accounts_is_undone_alone():
    import_account(0, *ROWS)
    savings = import_account(1, *ROWS)

    undo_all(ALICE, savings)

    assert days_stored() == ["02", "03"]
    assert decisions(ALICE, import_account(1, *ROWS))[2] == "new"


@pytest.mark.usefixtures("storage")
@pytest.mark.parametrize("rows", [(ROWS[0],), ROWS])
def test_a_chosen_column_of_accounts_is_remembered(rows):
    """The account can be recognized only with this column."""
    header = HEADER.replace("Account", "Belongs to")
    columns = {"account": 0, "date": 1, "text": [2], "amount": 3}
    mapping = {"columns": columns}

    def import_first(record):
        if services.questions_of(record):
            record = answer(record, accounts_of(record)[0])
        commit_all(ALICE, record)
        return record

    first = import_first(upload(*rows, header=header, mapping=mapping))
    following = import_first(upload(*rows, header=header))

    assert following.source == first.source
    assert json.loads(following.counts)["new"] == 0


@pytest.mark.usefixtures("storage")
def test_accounts_that_become_one_add_nothing_twice():
    for number in (0, 1):
        import_account(number, *ROWS)

    record = answer(upload(*NEXT), "all")

    assert decisions(ALICE, record)[1:] == ["duplicate"] * 3 + ["new"] * 2


@pytest.mark.usefixtures("storage")
def test_a_transfer_between_two_accounts_of_a_file_is_left_out():
    header = f"{HEADER},IBAN Empfänger"
    rows = (
        f"{GIRO},2026-03-02,Savings,-100.00,{SAVINGS}",
        f"{GIRO},2026-03-03,REWE,-25.10,{OTHERS[0]}",
        f"{SAVINGS},2026-03-04,FEE,-1.00,{OTHERS[1]}",
    )
    record = upload(*rows, header=header)
    savings = answer(record, accounts_of(record)[1])
    commit_all(ALICE, savings)

    record = upload(*rows, header=header)
    giro = answer(record, accounts_of(record)[0])

    assert decisions(ALICE, giro) == ["left_out", "transfer", "new", "left_out"]


@pytest.mark.usefixtures("storage")
def test_other_users_have_other_accounts():
    import_account(0, *ROWS)

    assert len(accounts_of(upload(*ROWS, user=BOB))) == 2
    assert profiles.list_profiles(BOB) == []


# --- Through HTTP ---


@pytest.fixture
def client(aws, clock):
    return client_for(make_user())


def sent(content):
    return {"file": SimpleUploadedFile("bank.csv", content, "text/csv")}


def test_a_page_asks_for_the_account(client):
    for label in ("…3000: 2 rows", "…6789: 1 row"):
        path = client.post("/expenses/import", sent(file_of(*ROWS)))["Location"]
        page = client.get(path).content.decode()
        assert "Which account do you want to import?" in page
        assert "All rows belong to one account" in page
        value = re.search(rf'value="(\w+)"[^>]*>\s*{label}', page)[1]
        assert client.post(path, {"answer": value})["Location"] == path

        page = client.get(path).content.decode()
        assert f"CSV file from {label[:5]}" in page
        data = {"revision": re.search(r'name="revision" value="(\w+)"', page)[1]}
        client.post(path, {**data, "go": "commit"})
        assert "Imported" in client.get(path).content.decode()

    assert len(client.get("/api/expenses").json()["results"]) == 3
    assert "…6789" in client.get("/expenses/import/accounts").content.decode()


def test_a_program_answers_with_the_account(client):
    record = client.post("/api/imports", sent(file_of(*ROWS))).json()
    path = f"/api/imports/{record['import_id']}"
    [question] = record["questions"]
    assert question["about"] == "account"
    assert client.post(f"{path}/commit").status_code == 409
    body = {"mapping": {"account": question["choices"][1]}}

    answered = client.patch(path, json.dumps(body), "application/json").json()

    assert answered["questions"] == []
    assert answered["account_label"] == "6789"
    assert answered["mapping"]["account"] == question["choices"][1]
    assert (answered["counts"]["new"], answered["counts"]["left_out"]) == (1, 3)
    rows = client.get(f"{path}/rows?decision=left_out").json()["results"]
    assert rows[1]["because"] == "Another account: …3000."
    assert client.post(f"{path}/commit").json()["done"] == 1
