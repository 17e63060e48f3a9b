"""Messages of imports: complete, and in the language of their reader."""

import ast
import json
import string

import pytest

from expenses.imports import contents, files, reading, services
from expenses.imports.messages import MESSAGES, message, sentence
from expenses.imports.models import Import
from expenses.imports.preview import Choice, ImportRow, dump
from smartbudget.core.i18n import LANGUAGES, gettext, ngettext, override
from smartbudget.local.settings import ROOT
from tests.builders import client_for, make_user
from tests.expenses.imports.builders import csv
from tests.expenses.imports.formats.statements import (
    camt_file,
    camt_statement,
    entry,
    mt940_file,
    ofx_file,
    payment,
    payments,
)
from tests.expenses.imports.test_api import post_file
from tests.expenses.imports.test_own import csv_of, json_of, record
from tests.expenses.imports.test_reading import zip_of
from tests.expenses.imports.test_views import text, upload
from tests.notifications.builders import run_queued_tasks

every_language = pytest.mark.parametrize("language", LANGUAGES)

# The modules that read a file, besides its formats.
READERS = (
    *("accounts", "bookings", "columns", "csv_columns", "csv_table", "encoding"),
    *("joining", "limits", "reading", "rows", "xml", "zips"),
)
DAMAGED = b'<?xml version="1.0"?>\n<Document><BkToCstmrStmt>\n</Document>'
QIF = "!Type:Bank\n{}^\n"


# --- Templates ---


def calls():
    """Return the code and the names of the values of each message in the code."""
    return [
        (node.args[0].value, {keyword.arg for keyword in node.keywords})
        for path in (ROOT / "expenses/imports").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") in ("message", "FileError")
        and isinstance(node.args[0], ast.Constant)
    ]


def forms_of(code):
    template = MESSAGES[code]
    return template if isinstance(template, tuple) else (template,)


def values_in(template):
    parsed = string.Formatter().parse(template)
    return {name for _text, name, _spec, _conversion in parsed if name}


def test_each_message_has_exactly_the_values_of_its_template():
    made = calls()

    assert len(made) > len(MESSAGES)
    for code, names in made:
        for form in forms_of(code):
            assert values_in(form) == names, code


def test_a_code_that_is_stored_without_values_needs_none():
    others = MESSAGES.keys() - {code for code, _names in calls()}

    assert not any(values_in(form) for code in others for form in forms_of(code))


def test_what_reads_a_file_translates_nothing():
    """A task could not store another error than a `FileError`."""
    folder = ROOT / "expenses/imports"
    readers = [folder / f"{name}.py" for name in READERS]

    for path in (*readers, *(folder / "formats").glob("*.py")):
        assert "gettext" not in path.read_text(), path


@every_language
@pytest.mark.parametrize("code", MESSAGES)
def test_each_translation_has_the_values_of_its_template(code, language):
    forms = forms_of(code)
    with override(language):
        if len(forms) == 1:
            translated = [gettext(*forms)]
        else:
            translated = [ngettext(*forms, number) for number in (1, 2)]

    assert [values_in(form) for form in translated] == [*map(values_in, forms)]


@pytest.mark.parametrize(
    ("shown", "english", "german"),
    [
        (
            message("by_hand", day="2026-03-11"),
            "You entered this yourself on Mar 11, 2026.",
            "Das hast du selbst eingetragen, am 11.03.2026.",
        ),
        (
            message("cell_day", cell="03/11/2026", long_day="2026-03-11"),
            "03/11/2026: March 11, 2026",
            "03/11/2026: 11. März 2026",
        ),
        (
            message(
                "cell_amount_and_total",
                cell="-1.000",
                amount="-1000.00",
                month="2026-03-01",
                total="-12500.50",
            ),
            "-1.000 is -1,000.00; March 2026: -12,500.50 in total",
            "-1.000 ist -1.000,00; März 2026: insgesamt -12.500,50",
        ),
        (
            message("place_in_file", file="a.xml", place=message("line", line=1234)),
            "a.xml, line 1234",
            "a.xml, Zeile 1234",
        ),
        (
            message("too_large", limit=10**12),
            "Amount must be below 1,000,000,000,000.",
            "Der Betrag muss unter 1.000.000.000.000 liegen.",
        ),
        (
            message("rows_of_account", account=message("unnamed"), count=1),
            "without a number: 1 row",
            "ohne Nummer: 1 Zeile",
        ),
        (
            message("rows_of_account", account="…2051", count=9870),
            "…2051: 9,870 rows",
            "…2051: 9.870 Zeilen",
        ),
    ],
    ids=lambda value: getattr(value, "code", ""),
)
def test_values_are_shown_in_the_current_language(shown, english, german):
    stored = json.loads(json.dumps(shown))

    assert str(shown) == sentence(*stored) == english
    with override("de"):
        assert str(shown) == sentence(*stored) == german


# --- What is stored ---

CSV = (
    "Account;x\nDate;Text;Amount\n2026-03-01;A;-3,50\n2026-02-31;B;-4,50\n"
    "2026-03-02;C;0\n2010-03-03;D;-5,50\n"
)
SEVERAL = camt_file(
    camt_statement(entry(), entry("x"), entry(status="INFO")),
    camt_statement(entry("6.00"), iban="DE02500105170137075030"),
    camt_statement(entry("7.00"), iban=""),
)
STORED = {
    "CSV": CSV,
    "questions of CSV": "Date;Text;Amount\n03/04/2026;A;3.500\n03/04/2026;B;4.500\n",
    "columns of CSV": "2026-03-01;1,00;2,00\n2026-03-02;3,00;4,00\n",
    "accounts of CSV": (
        "Account;Date;Text;Amount\n12345678;2026-03-01;A;-1,50\n"
        "87654321;2026-03-01;B;-2,50\n"
    ),
    "OFX": ofx_file(payment(), payment("abc"), payment(day="2026")),
    "QIF": QIF.format("D2026-03-01\nT-1,00\nL[Savings]\n^\nDsoon\nT-2,00\n"),
    "several accounts of QIF": (
        "!Account\nNA\n^\n!Type:Bank\nD2026-03-01\nT-1.00\n^\n"
        "!Account\nNB\n^\n!Type:Bank\nD2026-03-01\nT-1.00\n^\n"
    ),
    "CAMT": camt_file(camt_statement(entry("x"), entry(more=payments("", "")))),
    "reversal": camt_file(camt_statement(entry(more="<RvslInd>true</RvslInd>"))),
    "several accounts": SEVERAL,
    "MT940": mt940_file(":61:2603010301D4,50NDDTNONREF", ":61:garbage"),
    "own CSV": csv_of(record(), record(amount="x"), record(merchant="x" * 81)),
    "own JSON": json_of(record(date="x"), record(kind="x")),
    "zip": zip_of({"a.xml": camt_file(camt_statement(entry())), "b.xml": SEVERAL}),
}


@pytest.mark.usefixtures("aws", "clock")
@pytest.mark.parametrize("name", STORED)
def test_what_is_stored_has_no_language(name):
    user, content = make_user(currency="EUR"), STORED[name]
    content = content.encode() if isinstance(content, str) else content
    unread = Import(Import.id_of("0"), base="")

    def read(language, answers):
        with override(language):
            return contents.read(user, content, unread, answers)

    def stored(*how):
        rows = [json.dumps(dump(row)) for row in read(*how).rows]
        return {**read(*how).facts(), "revision": ""}, rows

    questions = read("en", {}).statement.questions
    chosen = {question.about: question.choices[0] for question in questions}
    for answers in ({}, chosen):
        assert stored("en", answers) == stored("de", answers)


UNREADABLE = {
    "CSV": (
        CSV,
        ["line 4", "The date can't be read."],
        ["Zeile 4", "Das Datum ist nicht lesbar."],
    ),
    "too old": (
        CSV,
        ["line 6", "The date can be at most 10 years ago."],
        ["Zeile 6", "Das Datum darf höchstens 10 Jahre zurückliegen."],
    ),
    "OFX": (
        ofx_file(payment("abc"), currency="EUR"),
        ["line 8", "The amount can't be read."],
        ["Zeile 8", "Der Betrag ist nicht lesbar."],
    ),
    "QIF": (
        QIF.format("D31.02.2026\nT-1,00\nPCAFE\n"),
        ["line 2", "The date can't be read."],
        ["Zeile 2", "Das Datum ist nicht lesbar."],
    ),
    "CAMT": (
        camt_file(camt_statement(entry("4.505"))),
        ["entry 1", "EUR amounts have at most 2 decimals."],
        ["Eintrag 1", "Beträge in EUR haben höchstens 2 Nachkommastellen."],
    ),
    "MT940": (
        mt940_file(":61:garbage"),
        ["line 5", "This isn't an MT940 statement line."],
        ["Zeile 5", "Das ist keine MT940-Umsatzzeile."],
    ),
    "own": (
        csv_of(record(merchant="x" * 81)),
        ["line 2", "The field “Merchant” isn't valid."],
        ["Zeile 2", "Das Feld „Händler“ ist ungültig."],
    ),
}


@pytest.fixture
def client():
    """A German user's, whose API requests are in English nevertheless."""
    return client_for(make_user(language="de", currency="EUR"))


def import_id_of(client, content, *, by_api):
    content = content.encode() if isinstance(content, str) else content
    post = post_file if by_api else upload
    answer = post(client, content=content)
    run_queued_tasks()
    return answer["Location"].rpartition("/")[2]


both_ways = pytest.mark.parametrize("by_api", [True, False], ids=["API", "page"])


@pytest.mark.usefixtures("aws", "clock")
@both_ways
@pytest.mark.parametrize("limit", [10**6, 10], ids=["small", "large"])
@pytest.mark.parametrize("name", UNREADABLE)
def test_rows_are_shown_in_the_readers_language(
    client, monkeypatch, by_api, limit, name
):
    monkeypatch.setattr(reading, "MAX_IN_REQUEST", limit)
    content, english, german = UNREADABLE[name]

    import_id = import_id_of(client, content, by_api=by_api)

    page = text(client.get(f"/expenses/import/{import_id}?show=wrong"))
    assert german[1] in page
    for language, expected in (("en", english), ("de", german)):
        headers = {"Accept-Language": language}
        answer = client.get(f"/api/imports/{import_id}/rows", headers=headers).json()
        rows = [[row["place"], row["because"]] for row in answer["results"]]
        assert expected in rows


@pytest.mark.usefixtures("aws", "clock")
@both_ways
def test_a_question_is_asked_in_the_readers_language(client, by_api):
    content = "Date;Text;Amount\n2026-03-01;A;-1.000\n2026-03-02;B;-1.500\n"

    import_id = import_id_of(client, content, by_api=by_api)

    page = text(client.get(f"/expenses/import/{import_id}"))
    assert "-1.000 ist -1.000,00; März 2026: insgesamt -2.500,00" in page
    (question,) = client.get(f"/api/imports/{import_id}").json()["questions"]
    assert question["examples"] == {
        ".": "-1.000 is -1.00; March 2026: -2.50 in total",
        ",": "-1.000 is -1,000.00; March 2026: -2,500.00 in total",
    }


@pytest.mark.usefixtures("aws", "clock")
@both_ways
def test_a_refusal_is_in_the_readers_language(client, monkeypatch, by_api):
    monkeypatch.setattr(reading, "MAX_IN_REQUEST", 10)
    good = camt_file(camt_statement(entry()))

    import_id = import_id_of(
        client, zip_of({"a.xml": good, "b.xml": DAMAGED}), by_api=by_api
    )

    page = text(client.get(f"/expenses/import/{import_id}"))
    assert "b.xml: Die Datei ist in Zeile 3 beschädigt oder unvollständig." in page
    problem = client.get(f"/api/imports/{import_id}").json()["problem"]
    assert problem == "b.xml: The file is damaged or incomplete at line 3."


# --- Of earlier versions, which stored sentences ---


@pytest.fixture
def earlier():
    """Return a user, and an import as the versions before stored it in German."""
    user = make_user(language="de")
    record = services.create_import(user, csv("2026-03-05,REWE,-9.00"), "bank.csv")
    rows = [
        ImportRow(1, "Zeile 1", "left_out", "Kein {Umsatz}."),
        ImportRow(
            2,
            "Zeile 2",
            "excluded",
            "chosen",
            is_chosen=True,
            day="2026-03-05",
            amount="-9.00",
        ),
    ]
    files.put_rows(user, record.import_id, record.revision, rows)
    return user, record


@pytest.mark.usefixtures("aws", "clock")
def test_sentences_of_earlier_versions_are_shown(earlier):
    user, record = earlier
    client = client_for(user)

    page = text(client.get(f"/expenses/import/{record.import_id}?show=no_booking"))
    rows = client.get(f"/api/imports/{record.import_id}/rows").json()["results"]

    assert "Zeile 1" in page
    assert "Kein {Umsatz}." in page
    assert [row["place"] for row in rows] == ["Zeile 1", "Zeile 2"]
    assert [row["because"] for row in rows] == ["Kein {Umsatz}.", "You chose this."]


@pytest.mark.usefixtures("aws", "clock")
def test_questions_and_problems_of_earlier_versions_are_shown(earlier):
    user, record = earlier
    question = {
        "about": "sign",
        "choices": ["x"],
        "examples": {"x": "REWE: {9} bezahlt"},
    }
    record.update(
        actions=[
            Import.questions.set(json.dumps([question])),
            Import.problem.set("Die {Datei} ist leer."),
        ]
    )

    page = text(client_for(user).get(f"/expenses/import/{record.import_id}"))

    assert "REWE: {9} bezahlt" in page
    assert "Die {Datei} ist leer." in page


@pytest.mark.usefixtures("aws", "clock")
def test_choices_of_earlier_versions_are_kept_if_the_file_is_read_again(earlier):
    user, record = earlier

    with override("de"):
        services.change_mapping(user, record.import_id, mapping={"date_format": "ymd"})

    row = services.list_rows(user, record.import_id).rows[1]
    assert (row.decision, row.place) == ("excluded", "line")


@pytest.mark.usefixtures("aws", "clock")
def test_choices_are_kept_if_the_file_is_read_again_in_another_language():
    user = make_user(language="de")
    with override("de"):
        record = services.create_import(user, csv("2026-03-05,REWE,-9.00"), "bank.csv")
    services.change_rows(user, record.import_id, {2: Choice("excluded")})

    services.change_mapping(user, record.import_id, mapping={"date_format": "ymd"})

    rows = services.list_rows(user, record.import_id).rows
    assert [row.decision for row in rows] == ["left_out", "excluded"]
