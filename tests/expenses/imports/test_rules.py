"""Rules and habits choose categories and merchants of imported rows, visibly."""

import dataclasses

import pytest

from expenses.imports import profiles, services
from expenses.imports.merchant_names import merchant_key, merchant_of
from expenses.imports.messages import sentence
from expenses.imports.rules import MAX_RULES
from expenses.queries import get_expense
from smartbudget.core.errors import InvalidError
from tests.expenses.imports.builders import commit_all, upload
from tests.money_builders import ALICE, BOB, make_expense
from tests.notifications import faults

pytestmark = pytest.mark.usefixtures("aws", "clock")


def row_of(text, amount="-5.00", user=ALICE, **options):
    """Return the row of a file with one booking."""
    record = upload(user, f"2026-03-10,{text},{amount}", **options)
    return services.list_rows(user, record.import_id, first=2).rows[0]


def set_rules(*rules):
    return profiles.save_rules(ALICE, rules)


@pytest.mark.parametrize(
    ("rule", "applies"),
    [
        ({"text": "rewe"}, True),
        ({"text": "SÀGT"}, True),
        ({"text": "aldi"}, False),
        ({"text": "rewe", "match": "begins"}, True),
        ({"text": "sagt", "match": "begins"}, False),
        ({"text": "rewe sagt danke", "match": "is"}, True),
        ({"text": "rewe", "match": "is"}, False),
        ({"text": "(r+)+$"}, False),
        ({"min_amount": "5.00", "max_amount": "5.00"}, True),
        ({"min_amount": "5.01"}, False),
        ({"max_amount": "4.99"}, False),
        ({"source": "0" * 32}, False),
    ],
)
def test_a_rule_applies_if_all_its_conditions_are_true(rule, applies):
    set_rules({**rule, "category": "Food"})

    row = row_of("REWE SAGT DANKE 4711")

    assert row.category == ("Food" if applies else "")
    assert row.category_because == ("by_rule" if applies else "")


def test_the_first_rule_wins():
    set_rules(
        {"text": "rewe", "merchant": "Rewe"},
        {"text": "rewe", "category": "Food"},
    )

    row = row_of("REWE SAGT DANKE")

    assert (row.merchant, row.category) == ("Rewe", "")


def test_a_rule_of_an_account_applies_to_its_files():
    source = upload(ALICE, "2026-03-10,X,-5.00").source
    set_rules({"source": source, "category": "Food"})

    assert row_of("X").category == "Food"
    assert row_of("X", profile="Other").category == ""


def test_a_rule_leaves_rows_out():
    set_rules({"text": "savings", "leave_out": True})

    row = row_of("To savings")

    assert (row.decision, sentence(row.because, row.values)) == (
        "excluded",
        "One of your rules skips this.",
    )


def add_three(*categories):
    for number, category in enumerate(categories):
        make_expense(
            merchant="REWE",
            category=category,
            amount="77",
            date=f"2026-03-0{number + 1}",
        )


def test_three_expenses_of_a_merchant_are_a_habit():
    add_three("Food", "Food", "food")

    row = row_of("REWE 4711")

    assert row.category == "food"
    assert (
        sentence(row.category_because, row.category_values)
        == "Your last three expenses at REWE are in food."
    )


@pytest.mark.parametrize(
    "categories", [("Food", "Food"), ("Food", "Fun", "Food"), ("Food", "Food", "Fun")]
)
def test_fewer_or_other_expenses_are_no_habit(categories):
    add_three(*categories)

    assert row_of("REWE 4711").category == ""


def test_one_correction_ends_a_habit():
    add_three("Fun", "Food", "Food", "Food")
    assert row_of("REWE 4711").category == "Food"

    make_expense(merchant="REWE", category="Gifts", amount="77", date="2026-03-09")

    assert row_of("REWE 4711").category == ""


def test_a_rule_comes_before_a_habit_or_ends_it():
    add_three("Food", "Food", "Food")

    set_rules({"text": "rewe", "category": "Gifts"})
    assert row_of("REWE 4711").category == "Gifts"

    set_rules({"text": "rewe", "never_guess": True})
    assert row_of("REWE 4711").category == ""


def test_uncategorized_expenses_are_no_habit():
    for number in range(1, 4):
        commit_all(ALICE, upload(ALICE, f"2026-03-0{number},REWE,-{number}.00"))

    assert row_of("REWE").category == ""


@pytest.mark.parametrize("category", ["Uncategorized", "ohne kategorie"])
def test_its_name_in_another_language_is_no_habit_either(category):
    add_three(category, category, category)

    assert row_of("REWE 4711").category == ""


def test_habits_are_of_the_users_own_expenses():
    add_three("Food", "Food", "Food")

    assert row_of("REWE 4711", user=BOB).category == ""
    assert profiles.read_settings(BOB).rules == ()


@pytest.mark.parametrize(
    "rule",
    [
        {"text": "rewe"},
        {"category": "Food"},
        {"text": "x" * 501, "category": "Food"},
        {"text": "x", "category": "x" * 51},
        {"min_amount": "-1", "category": "Food"},
        {"min_amount": "1.001", "category": "Food"},
    ],
)
def test_a_rule_that_cannot_be_is_rejected(rule):
    with pytest.raises(InvalidError):
        set_rules(rule)


def test_rules_are_limited():
    rule = {"text": "rewe", "category": "Food"}
    assert len(set_rules(*[rule] * MAX_RULES)) == MAX_RULES
    with pytest.raises(InvalidError, match="at most 100 rules"):
        set_rules(*[rule] * (MAX_RULES + 1))


def test_rules_are_added_and_deleted_beside_those_of_another_tab():
    set_rules({"text": "a", "category": "A"})
    first = profiles.add_rule(ALICE, {"text": "b", "category": "B"})

    other_tab = [lambda: profiles.add_rule(ALICE, {"text": "c", "category": "C"})]

    def act(_request, _operation):
        if other_tab:
            other_tab.pop()()

    with faults.hooked("UpdateItem", act):
        profiles.delete_rule(ALICE, first.rule_id)

    profiles.delete_rule(ALICE, first.rule_id)  # again, or in another tab
    rules = profiles.read_settings(ALICE).rules
    assert [rule.text for rule in rules] == ["a", "c"]


def test_an_added_rule_counts_and_is_validated():
    set_rules(*[{"text": "rewe", "category": "Food"}] * (MAX_RULES - 1))

    with pytest.raises(InvalidError, match="needs a condition"):
        profiles.add_rule(ALICE, {"category": "Food"})
    profiles.add_rule(ALICE, {"text": "aldi", "category": "Food"})
    with pytest.raises(InvalidError, match="at most 100 rules"):
        profiles.add_rule(ALICE, {"text": "lidl", "category": "Food"})
    assert len(profiles.read_settings(ALICE).rules) == MAX_RULES
    assert not profiles.read_settings(BOB).rules


def test_a_rule_with_cents_stays_if_the_currency_has_none():
    set_rules(
        {"min_amount": "12.50", "category": "Party"}, {"text": "a", "category": "A"}
    )
    user = dataclasses.replace(ALICE, currency="JPY")
    record = upload(user, "2026-03-10,REWE,-5")

    services.remember_merchant(user, record.import_id, 2, never_guess=True)
    profiles.add_rule(user, {"text": "b", "category": "B"})
    profiles.delete_rule(user, profiles.read_settings(user).rules[1].rule_id)

    rules = profiles.read_settings(user).rules
    assert [rule.text for rule in rules] == ["", "REWE", "b"]


def test_rules_survive_an_import():
    set_rules({"text": "rewe", "category": "Food"})
    commit_all(ALICE, upload(ALICE, "2026-03-10,X,-5.00"))

    settings = profiles.read_settings(ALICE)
    assert (len(settings.rules), len(settings.profiles)) == (1, 1)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("REWE SAGT DANKE 47114711", "REWE SAGT DANKE"),
        ("CAFE XY 03.11.2026 12:30", "CAFE XY"),
        ("Shop 24", "Shop 24"),
        ("AMZN MKTP xx1234", "AMZN MKTP"),
        ("4711", "4711"),
        ("", ""),
        ("PURCHASE AUTHORIZED ON 11/26 COSTCO WHSE", "COSTCO WHSE"),
        ("DEBIT ORIG CO NAME:CON ED OF NY ORIG ID:2462467002", "CON ED OF NY"),
        ("DEBIT Zelle payment to Joe", "Zelle payment to Joe"),
        ("Lastschrift / Belastung Auftraggeber: TELEKOM Buchungstext: Netz", "TELEKOM"),
        ("Empfänger: Anna Kto/IBAN: DE0012 Buchungstext: Geschenk", "Anna"),
        ("Auftraggeber: Bäckerei Müller", "Bäckerei Müller"),
        ("Debit", "Debit"),
    ],
)
def test_a_merchant_is_the_text_without_numbers_and_dates(text, name):
    assert merchant_of("", text) == name
    assert merchant_of(" Own  name ", text) == "Own name"


@pytest.mark.parametrize(
    ("merchant", "name"),
    [
        ("REWE Markt GmbH//Köln/DE", "REWE Markt GmbH"),
        ("DM FIL.0815//BAD TOELZ/DE/2", "DM FIL.0815"),
        ("https://shop.example/DE", "https://shop.example/DE"),
        ("A//B", "A//B"),
    ],
)
def test_a_merchant_has_no_place_of_its_terminal(merchant, name):
    assert merchant_of(merchant, "") == name
    assert merchant_key(merchant) == merchant_key(name)


def test_a_rule_for_a_merchant_with_its_place_still_applies():
    set_rules({"text": "REWE//Köln/DE", "match": "is", "category": "Food"})
    assert row_of("REWE//Köln/DE").category == "Food"
    assert row_of("REWE//Bonn/DE").category == "Food"


def test_a_merchants_key_ignores_case_accents_and_numbers():
    assert merchant_key("", "Café 47110815") == merchant_key("CAFE")


# --- Files of other programs, which have categories ---


def qif_row(*lines, user=ALICE):
    """Return the row of a QIF file with one record."""
    record = "\n".join(["!Type:Bank", "D2026-03-10", "T-5.00", "PREWE", *lines, "^"])
    content = record.encode()
    created = services.create_import(user, content, "a.qif")
    return services.list_rows(user, created.import_id).rows[0]


def test_a_category_of_the_file_comes_before_a_habit():
    for day in (1, 2, 3):
        make_expense(ALICE, merchant="REWE", category="Food", date=f"2026-03-0{day}")

    for lines, category, because in (
        ((), "Food", "habit"),
        (("LHousehold",), "Household", "in_file"),
        (("SHousehold", "$-5.00"), "Food", "habit"),  # a note, as there is one split
    ):
        row = qif_row(*lines)
        assert (row.category, row.category_because) == (category, because)


def test_a_rule_comes_before_a_category_of_the_file():
    set_rules({"text": "rewe", "category": "Food", "merchant": "Rewe"})

    row = qif_row("LHousehold")

    assert (row.merchant, row.category, row.category_because) == (
        "Rewe",
        "Food",
        "by_rule",
    )


def test_a_rule_sets_no_category_of_a_split_row():
    set_rules({"text": "rewe", "category": "Food"})

    row = qif_row("SHousehold", "$-2.00", "SFun", "$-3.00")

    assert (row.has_parts, row.category, row.category_because) == (True, "", "in_file")


def test_rules_leave_out_rows_of_other_programs():
    set_rules({"text": "rewe", "leave_out": True})

    assert qif_row("LHousehold").decision == "excluded"


@pytest.mark.parametrize("lines", [("LHousehold",), ("SHousehold", "$-5.00")])
def test_a_row_of_another_program_is_the_expense_entered_by_hand(lines):
    typed = make_expense(ALICE, amount="5.00", date="2026-03-09", category="Food")

    row = qif_row(*lines)
    assert (row.decision, row.of) == ("match", typed.expense_id)
    commit_all(ALICE, services.list_imports(ALICE).items[0])

    kept = get_expense(ALICE, typed.expense_id)
    assert (kept.category, kept.status, kept.merchant) == ("Food", "cleared", "REWE")
