"""One click makes a rule of a row: its category always, or never a suggestion."""

import pytest

from expenses.imports import preview, profiles, services
from expenses.imports.preview import Choice
from expenses.imports.rules import MAX_RULES
from smartbudget.core.errors import ConflictError, InvalidError, NotFoundError
from tests.expenses.imports.builders import commit_all, csv, upload
from tests.money_builders import ALICE, BOB, make_expense
from tests.notifications import faults

pytestmark = pytest.mark.usefixtures("aws", "clock")

ROWS = (
    "2026-03-10,REWE 4711,-5.00",
    "2026-03-11,REWE 4712,-6.00",
    "2026-03-12,CAFE XY,-7.00",
)


def categories(record, user=ALICE):
    """Return the category of each booking with its reason, where it has one."""
    rows = services.list_rows(user, record.import_id, first=2).rows
    return [(row.category, row.category_because) for row in rows]


def category_of(text, amount="-5.00"):
    """Return the category that the next file proposes for a booking."""
    return categories(upload(ALICE, f"2026-03-14,{text},{amount}"))[0]


def choose(record, row, category):
    services.change_rows(ALICE, record.import_id, {row: Choice(category=category)})


def remember(record, row, **options):
    return services.remember_merchant(ALICE, record.import_id, row, **options)


def set_rules(*rules):
    return profiles.save_rules(ALICE, rules)


def rules():
    return [
        (rule.text, rule.category, rule.never_guess)
        for rule in profiles.read_settings(ALICE).rules
    ]


def add_habit(category="Food", merchant="REWE"):
    for day in range(1, 4):
        date = f"2026-03-0{day}"
        make_expense(merchant=merchant, category=category, amount="77", date=date)


def test_a_habit_becomes_a_rule_and_stays_after_a_correction():
    add_habit()
    record = upload(ALICE, *ROWS)
    assert categories(record) == [("Food", "habit")] * 2 + [("", "")]

    rule = remember(record, 2)

    assert (rule.text, rule.match, rule.category) == ("REWE", "is", "Food")
    assert rules() == [("REWE", "Food", False)]
    assert categories(record) == [("Food", "by_rule")] * 2 + [("", "")]
    make_expense(merchant="REWE", category="Gifts", amount="78", date="2026-03-09")
    assert category_of("Rewe 999999") == ("Food", "by_rule")
    assert category_of("REWE CITY") == ("", "")


def test_a_chosen_category_becomes_a_rule_for_the_merchants_other_rows():
    record = upload(ALICE, *ROWS)
    choose(record, 2, "Groceries")

    remember(record, 2)

    assert categories(record) == [("Groceries", "by_rule")] * 2 + [("", "")]
    assert category_of("REWE 1") == ("", "")  # another name: no number of a card
    assert category_of("REWE 12345") == ("Groceries", "by_rule")


def test_another_category_that_was_chosen_stays():
    record = upload(ALICE, *ROWS)
    choose(record, 2, "Groceries")
    choose(record, 3, "Party")

    remember(record, 2)
    assert categories(record)[:2] == [("Groceries", "by_rule"), ("Party", "chosen")]

    remember(record, 3, never_guess=True)
    assert categories(record)[:2] == [("", ""), ("Party", "chosen")]


def test_no_category_is_suggested_any_more():
    add_habit()
    record = upload(ALICE, *ROWS)

    remember(record, 3, never_guess=True)

    assert rules() == [("REWE", "", True)]
    assert categories(record) == [("", "")] * 3
    assert category_of("REWE 4713") == ("", "")


def test_the_last_click_counts_and_clicks_can_be_repeated():
    add_habit()
    record = upload(ALICE, *ROWS)

    first = remember(record, 2)
    assert remember(record, 2) == first
    never = remember(record, 3, never_guess=True)
    assert remember(record, 3, never_guess=True) == never
    assert never.rule_id == first.rule_id
    assert rules() == [("REWE", "", True)]

    choose(record, 3, "Treats")
    remember(record, 3)
    assert rules() == [("REWE", "Treats", False)]


def test_a_deleted_rule_leaves_the_habit():
    add_habit()
    remember(upload(ALICE, *ROWS), 2, never_guess=True)

    set_rules()

    assert category_of("REWE 4713") == ("Food", "habit")


def test_the_new_rule_wins_and_leaves_what_other_rules_do():
    large = {"text": "rewe", "min_amount": "100", "category": "Party"}
    named = {"text": "rewe", "merchant": "Rewe", "category": "Food"}
    other = {"text": "cafe", "category": "Coffee"}
    set_rules(large, other, named)
    record = upload(ALICE, *ROWS)
    choose(record, 2, "Groceries")

    rule = remember(record, 2)

    assert rule.merchant == "Rewe"
    assert rules() == [
        ("rewe", "Party", False),
        ("cafe", "Coffee", False),
        ("REWE", "Groceries", False),
        ("rewe", "Food", False),
    ]
    assert category_of("REWE 12345") == ("Groceries", "by_rule")
    assert category_of("REWE 12345", "-120.00") == ("Party", "by_rule")
    assert category_of("REWE CITY") == ("Food", "by_rule")
    assert categories(record)[2] == ("Coffee", "by_rule")


def test_rows_that_a_rule_leaves_out_stay_left_out():
    set_rules({"text": "rewe", "leave_out": True})
    record = upload(ALICE, *ROWS)
    choose(record, 2, "Groceries")

    assert remember(record, 2).leave_out

    again = upload(ALICE, *ROWS)
    assert services.list_rows(ALICE, again.import_id, first=2).rows[0].decision == (
        "excluded"
    )


def test_the_banks_merchant_decides_not_the_one_that_was_typed():
    content = b"Date,Payee,Description,Amount\n2026-03-10,AMZN 4711,Order 1,-5.00\n"
    record = services.create_import(ALICE, content, "a.csv")
    choice = Choice(category="Books", merchant="Amazon")
    services.change_rows(ALICE, record.import_id, {2: choice})

    assert remember(record, 2).text == "AMZN"

    content = b"Date,Payee,Description,Amount\n2026-03-14,AMZN 4799,Order 2,-6.00\n"
    again = services.create_import(ALICE, content, "a.csv")
    assert categories(again) == [("Books", "by_rule")]


def test_a_rule_survives_a_second_reading_and_the_import():
    record = upload(ALICE, *ROWS)
    choose(record, 2, "Groceries")
    remember(record, 2)

    services.change_mapping(ALICE, record.import_id, mapping={"delimiter": ","})
    assert categories(record)[:2] == [("Groceries", "by_rule")] * 2
    commit_all(ALICE, record)
    assert rules() == [("REWE", "Groceries", False)]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (0, "isn't in the file"),
        (5, "isn't in the file"),
        (1, "has no merchant"),
        (2, "Choose a category first"),
    ],
)
def test_a_row_that_makes_no_rule_is_refused(row, message):
    record = upload(ALICE, *ROWS)

    with pytest.raises(InvalidError, match=message):
        remember(record, row)

    assert rules() == []


def test_a_rule_needs_a_merchant():
    record = services.create_import(ALICE, csv("2026-03-10,,-5.00", ROWS[0]), "a.csv")

    with pytest.raises(InvalidError, match="has no merchant"):
        remember(record, 2, never_guess=True)


def test_rules_are_limited_but_an_earlier_one_is_replaced():
    record = upload(ALICE, *ROWS)
    choose(record, 2, "Food")
    choose(record, 4, "Fun")
    set_rules(*[{"text": "x", "category": "X"}] * (MAX_RULES - 1))
    remember(record, 2)

    with pytest.raises(InvalidError, match="at most 100 rules"):
        remember(record, 4)

    choose(record, 2, "Groceries")
    remember(record, 2)
    assert ("REWE", "Groceries", False) in rules()
    assert len(rules()) == MAX_RULES


def test_an_import_that_was_begun_makes_no_rules():
    add_habit()
    record = upload(ALICE, *ROWS)
    commit_all(ALICE, record)

    with pytest.raises(ConflictError):
        remember(record, 2)

    assert rules() == []


def test_a_click_that_was_killed_is_repeated():
    add_habit()
    record = upload(ALICE, *ROWS)

    with faults.killed("PutObject", 1, done=False):
        remember(record, 2)
    assert rules() == [("REWE", "Food", False)]

    remember(record, 2)
    assert rules() == [("REWE", "Food", False)]
    assert categories(record)[:2] == [("Food", "by_rule")] * 2


def test_another_user_makes_no_rule_of_the_row():
    add_habit()
    record = upload(ALICE, *ROWS)

    with pytest.raises(NotFoundError):
        services.remember_merchant(BOB, record.import_id, 2)

    assert profiles.read_settings(BOB).rules == ()
    assert rules() == []


def test_stored_rows_keep_the_banks_merchant():
    row = preview.ImportRow(2, "line 2", "new", day="2026-03-10", amount="-5.00")
    assert preview.load(preview.dump(row)) == row
    assert row.booking is not None
    assert preview.ImportRow(1, "line 1", "wrong").booking is None
