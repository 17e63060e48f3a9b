"""Zips of several statements, which are imported as one."""

import io
import zipfile
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expenses.imports import limits, services, zips
from expenses.imports.accounts import Account
from expenses.imports.bookings import Booking
from expenses.imports.decisions import decide
from expenses.imports.joining import TextFile, join
from expenses.imports.messages import sentence
from expenses.imports.preview import Choice
from smartbudget.core.errors import InvalidError
from tests.builders import make_user
from tests.expenses.imports.builders import commit_all, csv, meanings
from tests.expenses.imports.formats.statements import (
    balance,
    bookings,
    camt_file,
    camt_statement,
    entry,
    mt940_file,
    ofx_file,
    payment,
    read,
)
from tests.expenses.imports.test_decisions import SOURCE, imported
from tests.expenses.imports.test_reading import zip_of

THIRD, FOURTH = "2026-11-03", "2026-11-04"
OTHER = "DE02500105170137075030"


def camt(*entries, **options):
    return camt_file(camt_statement(*entries, **options))


def reference(text):
    return f"<AcctSvcrRef>{text}</AcctSvcrRef>"


def days(statement):
    return [(row.day.isoformat(), str(row.amount)) for row in bookings(statement)]


def repeats(statement):
    """Return the file that has a booking, too, for each booking."""
    return [row.also_in for row in bookings(statement)]


def refusal(files):
    with pytest.raises(InvalidError) as caught:
        read(zip_of(files))
    return str(caught.value)


def test_files_of_single_days_are_one_statement_in_the_order_of_days():
    statement = read(
        zip_of(
            {
                "b.xml": camt(entry("4.50", day=THIRD), entry("6.00", day=THIRD)),
                "sub/a.xml": camt(entry("5.00", day=FOURTH)),
            }
        )
    )

    assert days(statement) == [(THIRD, "-4.50"), (THIRD, "-6.00"), (FOURTH, "-5.00")]
    places = [str(row.place) for row in statement.rows]
    assert places == ["b.xml, entry 1", "b.xml, entry 2", "sub/a.xml, entry 1"]
    assert statement.account == read(camt(entry())).account
    assert repeats(statement) == ["", "", ""]


FOLDERS = "a/" + "long" * 20


@pytest.mark.parametrize(
    ("first", "second", "shown"),
    [
        ("a/x.xml", "b/x.xml", "b/x.xml"),
        (f"{FOLDERS}/x.xml", f"b/{FOLDERS}/x.xml", f"{FOLDERS}/x.xml"[-60:] + " (2)"),
        ("x\u200b.xml", "x.xml", "x.xml (2)"),
        ("x.xml", "x.xml", "x.xml (2)"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.usefixtures("aws", "clock")
def test_files_with_the_same_name_are_told_apart(first, second, shown):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(first, camt(entry("4.50", day=THIRD)))
        archive.writestr(second, camt(entry("6.00", day=FOURTH)))
    user = make_user(currency="EUR")
    record = services.create_import(user, content.getvalue(), "a.zip")
    services.change_rows(user, record.import_id, {1: Choice("excluded")})

    services.change_mapping(user, record.import_id, mapping={"day": "value"})

    rows = services.list_rows(user, record.import_id).rows
    assert [row.decision for row in rows] == ["excluded", "new"]
    assert sentence(rows[1].place, rows[1].place_values) == f"{shown}, entry 1"


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (
            mt940_file(":61:2611031103D4,50NDDTNONREF"),
            mt940_file(":61:2611041104D5,00NDDTNONREF"),
            "mt940",
        ),
        (
            ofx_file(payment("-4.50", "20261103", "A1"), currency="EUR"),
            ofx_file(payment("-5.00", "20261104", "A2"), currency="EUR"),
            "ofx",
        ),
    ],
)
def test_other_formats_are_joined_too(first, second, expected):
    statement = read(zip_of({"2.txt": second, "1.txt": first}))

    assert statement.format == expected
    assert days(statement) == [(THIRD, "-4.50"), (FOURTH, "-5.00")]
    assert str(statement.rows[0].place).startswith("1.txt, line ")


def test_an_empty_day_is_no_fault():
    assert days(read(zip_of({"a.xml": camt(), "b.xml": camt(entry())}))) == [
        (THIRD, "-4.50")
    ]


# --- Overlapping days ---


def test_a_booking_of_two_files_is_one():
    report = camt_file(camt_statement(entry("4.50", more=reference("X1"))))
    report = report.replace("053.001", "052.001").replace("Stmt", "Rpt")
    report = report.replace("<BkToCstmrRpt>", "<BkToCstmrAcctRpt>").replace(
        "</BkToCstmrRpt>", "</BkToCstmrAcctRpt>"
    )
    whole = camt(
        entry("4.50", more=reference("X1")), entry("6.00", more=reference("X2"))
    )

    statement = read(zip_of({"052.xml": report, "053.xml": whole}))

    assert repeats(statement) == ["", "052.xml", ""]


@pytest.mark.parametrize(
    ("counts", "kept"), [((2, 3), 3), ((3, 2), 3), ((1, 1, 2), 2), ((2, 0, 2), 2)]
)
def test_equal_bookings_are_counted(counts, kept):
    files = {
        f"{number}.xml": camt(*[entry("3.20")] * count)
        for number, count in enumerate(counts)
    }

    assert repeats(read(zip_of(files))).count("") == kept


def test_two_bookings_with_one_id_on_two_days_stay_two():
    statement = read(
        zip_of(
            {
                "a.xml": camt(entry(day=THIRD, more=reference("NONREF"))),
                "b.xml": camt(entry(day=FOURTH, more=reference("NONREF"))),
            }
        )
    )

    assert repeats(statement) == ["", ""]


def test_a_booking_that_was_pending_before_is_new():
    statement = read(
        zip_of({"a.xml": camt(entry(status="PDNG")), "b.xml": camt(entry())})
    )

    assert [(row.is_pending, row.also_in) for row in statement.rows] == [
        (True, ""),
        (False, ""),
    ]


def test_equal_bookings_of_two_accounts_stay_two():
    files = {"a.xml": camt(entry()), "b.xml": camt(entry(), iban=OTHER)}

    assert repeats(read(zip_of(files))) == ["", ""]


@pytest.mark.usefixtures("aws", "clock")
def test_a_repeated_booking_is_shown_and_can_be_imported():
    alice = make_user(currency="EUR")
    files = zip_of({"052.xml": camt(entry()), "053.xml": camt(entry())})
    record = services.create_import(alice, files, "statements.zip")
    rows = services.list_rows(alice, record.import_id).rows
    assert [(row.decision, dict(row.values)) for row in rows] == [
        ("new", {}),
        ("duplicate", {"file": "052.xml"}),
    ]

    services.change_rows(alice, record.import_id, {2: Choice("new")})
    services.change_mapping(alice, record.import_id, mapping={"day": "value"})

    assert commit_all(alice, services.get_import(alice, record.import_id)).done == 2


@pytest.mark.usefixtures("aws", "clock")
def test_a_later_file_with_the_same_bookings_adds_nothing():
    alice = make_user(currency="EUR")
    files = zip_of({"052.xml": camt(entry()), "053.xml": camt(entry(), entry("6.00"))})
    record = services.create_import(alice, files, "statements.zip")
    assert commit_all(alice, record).done == 2

    record = services.create_import(alice, camt(entry(), entry("6.00")).encode(), "x")

    rows = services.list_rows(alice, record.import_id).rows
    assert [row.decision for row in rows] == ["duplicate", "duplicate"]


BOOKINGS = st.lists(
    st.builds(
        lambda amount, day, text, number: Booking(
            date(2026, 11, day),
            -Decimal(amount),
            text,
            bank_id=number and f"{day}-{number}",
        ),
        st.sampled_from(["4.50", "12.50"]),
        st.integers(1, 3),
        st.sampled_from(["CAFE", "REWE"]),
        st.sampled_from(["", "", "A1", "A2"]),
    ),
    max_size=6,
)


@settings(max_examples=200)
@given(st.lists(BOOKINGS, min_size=2, max_size=4))
def test_a_zip_adds_what_its_files_add_one_by_one(contents):
    files = [(TextFile("", str(n)), contents[n]) for n in range(len(contents))]
    files.sort(key=lambda file: min((row.day for row in file[1]), default=date.min))
    stored = []
    for _file, rows in files:
        decisions = decide(rows, source=SOURCE, stored=stored)
        for row, decision in zip(rows, decisions, strict=True):
            if decision.decision == "new":
                stored.append(imported(row, len(stored)))

    joined = join(
        [(file, [(Account("1"), row) for row in rows]) for file, rows in files]
    )

    kept = [row for _account, row in joined if not row.also_in]
    assert len(joined) == sum(map(len, contents))
    assert sorted((row.day, row.amount) for row in kept) == sorted(
        (expense.day, -expense.amount) for expense in stored
    )


# --- How they are read ---


def test_of_several_accounts_one_is_asked():
    files = zip_of(
        {
            "a.xml": camt(entry()),
            "b.xml": camt(entry("5.00"), iban=OTHER),
            "c.xml": camt(entry("6.00", day=FOURTH)),
        }
    )
    [question] = read(files).questions
    assert question.about == "account"
    assert [*meanings(question).values()] == ["…2051: 2 rows", "…5030: 1 row"]

    chosen = read(files, account=question.choices[0])

    assert days(chosen) == [(THIRD, "-4.50"), (FOURTH, "-6.00")]
    assert chosen.account_label == "2051"


def test_the_balances_of_one_file_decide_for_all():
    reversal = "<RvslInd>true</RvslInd>"
    balances = balance("OPBD", "10.00") + balance("CLBD", "14.50")
    sure = camt(entry("4.50", side="CRDT", more=reversal), balances=balances)
    unsure = camt(entry("6.00", side="CRDT", day=FOURTH, more=reversal))
    assert read(unsure).questions

    statement = read(zip_of({"a.xml": unsure, "b.xml": sure}))

    assert not statement.questions
    assert days(statement) == [(THIRD, "4.50"), (FOURTH, "6.00")]


def test_all_amounts_of_the_files_decide_about_the_decimal_mark():
    unsure = ofx_file(payment("-1.000", "20261103", "A1"), currency="EUR")
    sure = ofx_file(payment("-4,50", "20261104", "A2"), currency="EUR")
    assert read(unsure).questions

    statement = read(zip_of({"a.ofx": unsure, "b.ofx": sure}))

    assert days(statement) == [(THIRD, "-1000.00"), (FOURTH, "-4.50")]


# --- Refusals ---


def test_tables_are_imported_one_by_one():
    sentence = refusal({f"{n}.csv": csv("2026-11-03,A,-1.00") for n in range(7)})

    assert sentence == (
        "Import these files one by one (0.csv, 1.csv, 2.csv, 3.csv, 4.csv, …). "
        "Several files in a zip must all be CAMT, all MT940 or all OFX."
    )


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (csv("2026-11-03,A,-1.00"), "one by one (a.xml, b.x)."),
        (mt940_file(), "one by one (a.xml, b.x)."),
        ("%PDF-1.7", "b.x: This is a PDF."),
        ("", "b.x: The file is empty."),
        (camt(entry())[:-30], "b.x: The file is damaged or incomplete at line "),
        ("<?xml version='1.0'?><a/>", "b.x: The file contains no account"),
        (
            b"<?xml version='1.0'?>\n\n<a>\xc3\xa4\xc3\xa4\xff</a>",
            "b.x: Line 3 contains",
        ),
        (zip_of({"c.xml": camt(entry())}), "contains another zip"),
    ],
)
def test_a_file_that_does_not_fit_is_named(other, reason):
    assert reason in refusal({"a.xml": camt(entry()), "b.x": other})


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (mt940_file(), mt940_file(end=":86:x")),
        (ofx_file(payment()), ofx_file(payment(), end="")),
    ],
)
def test_a_file_that_ends_too_early_is_named(first, second):
    assert refusal({"a": first, "b": second}).startswith("b: The ")


def test_long_names_are_shortened():
    name = f"{'x' * 300}\n\x07\u202e.xml"
    sentence = refusal({name: "%PDF-1.7", "b": camt(entry())})

    assert len(sentence) < 250
    assert sentence.isprintable()


@pytest.mark.parametrize(("more", "is_refused"), [(0, False), (1, True)])
def test_the_files_are_limited_in_number(more, is_refused):
    count = zips.MAX_STATEMENTS + more
    files = {f"{n}.xml": camt(entry()) for n in range(count)}

    if is_refused:
        assert refusal(files) == f"The zip contains {count} files. " + (
            "Import at most 400 at once."
        )
    else:
        assert repeats(read(zip_of(files))).count("") == 1


@pytest.mark.parametrize(("more", "is_refused"), [(0, False), (1, True)])
def test_the_files_are_limited_in_size_together(more, is_refused):
    one = camt(entry()).encode()
    half = limits.MAX_BYTES // 2
    files = {
        "a.xml": one.ljust(half),
        "b.xml": one.ljust(limits.MAX_BYTES - half + more),
    }

    if is_refused:
        assert "larger than 5 MB" in refusal(files)
    else:
        assert len(read(zip_of(files)).rows) == 2


@pytest.mark.parametrize(("more", "is_refused"), [(0, False), (1, True)])
def test_the_files_are_limited_in_rows_together(monkeypatch, more, is_refused):
    monkeypatch.setattr(limits, "MAX_ROWS", 5)
    files = {"a.xml": camt(*[entry()] * 3), "b.xml": camt(*[entry()] * (2 + more))}

    if is_refused:
        assert "more than 5 rows" in refusal(files)
    else:
        assert len(read(zip_of(files)).rows) == 5


def test_many_equal_bookings_are_joined_quickly():
    row = Booking(date(2026, 11, 3), Decimal("-4.50"), "CAFE")
    files = [
        (TextFile("", str(n)), [(Account("1"), row)] * (n + 1)) for n in range(140)
    ]

    joined = join(files)

    assert len(joined) == 9870
    assert sum(not row.also_in for _account, row in joined) == 140


def test_the_days_of_files_may_be_anywhere():
    first = date(2026, 1, 1)
    files = [
        (
            TextFile("", str(n)),
            [(Account("1"), Booking(first + timedelta(n), Decimal(-1), "X"))],
        )
        for n in (3, 1, 2)
    ]

    assert [str(row.place) for _account, row in join(files)] == ["1, ", "2, ", "3, "]
