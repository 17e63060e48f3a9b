"""Decisions on rows: the tables of examples, and rules that hold for all."""

import time
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expenses.imports import decisions as decisions_module
from expenses.imports.bookings import Booking
from expenses.imports.decisions import Stored, decide, source_key

SOURCE = "giro"


def november(day):
    return date(2026, 11, day)


def paid(amount, day, text="CAFE XY", bank_id="", **more):
    return Booking(
        november(day) if isinstance(day, int) else day,
        -Decimal(amount),
        text,
        bank_id=bank_id,
        **more,
    )


def imported(booking, number=1, source=SOURCE, **changes):
    """Return the expense that an import of a booking made, with later changes."""
    values = {
        "expense_id": f"e{number}",
        "day": booking.day,
        "amount": -booking.amount,
        "source_key": source_key(source, booking),
        "source_text": booking.text,
        "description": booking.text,
    }
    return Stored(**{**values, **changes})


def typed(amount, day, description="Lunch", number=1, **more):
    return Stored(
        f"t{number}", november(day), Decimal(amount), description=description, **more
    )


def decisions(bookings, stored=(), gone=(), source=SOURCE):
    result = decide(bookings, source=source, stored=stored, gone=gone)
    return [decision.decision for decision in result]


COFFEE = paid("4.50", 3)


def test_two_equal_coffees_are_two_expenses():
    assert decisions([COFFEE, COFFEE]) == ["new", "new"]


def test_the_same_file_again_adds_nothing():
    stored = [imported(COFFEE, 1), imported(COFFEE, 2)]

    assert decisions([COFFEE, COFFEE], stored) == ["duplicate", "duplicate"]


def test_a_third_coffee_is_new():
    stored = [imported(COFFEE, 1), imported(COFFEE, 2)]

    assert decisions([COFFEE] * 3, stored) == ["duplicate", "duplicate", "new"]


def test_an_overlapping_file_adds_the_days_that_are_new():
    october = [paid("4.50", date(2026, 10, day)) for day in range(25, 32)]
    stored = [imported(booking, n) for n, booking in enumerate(october)]

    later = [paid("4.50", day) for day in (1, 2, 25)]
    assert decisions(october + later, stored) == ["duplicate"] * 7 + ["new"] * 3


def test_an_imported_expense_that_was_edited_is_a_duplicate():
    stored = imported(COFFEE, amount=Decimal("4.80"), description="Espresso")

    assert decisions([COFFEE], [stored]) == ["duplicate"]


def test_an_imported_expense_that_was_deleted_stays_deleted():
    assert decisions([COFFEE], gone=[source_key(SOURCE, COFFEE)]) == ["deleted"]


def test_only_as_many_as_were_deleted_stay_deleted():
    gone = [source_key(SOURCE, COFFEE)]

    result = decisions([COFFEE] * 3, [imported(COFFEE)], gone)

    assert result == ["duplicate", "deleted", "new"]


def test_after_an_undo_the_file_is_new():
    assert decisions([COFFEE, COFFEE], stored=[], gone=[]) == ["new", "new"]


def test_an_expense_entered_by_hand_is_matched():
    result = decide(
        [paid("12.50", 5)], source=SOURCE, stored=[typed("12.50", 3)], gone=[]
    )

    assert [(d.decision, d.of) for d in result] == [("match", "t1")]


def test_two_expenses_equally_near_are_not_guessed():
    stored = [typed("12.50", 3, number=1), typed("12.50", 5, number=2)]

    result = decide([paid("12.50", 4)], source=SOURCE, stored=stored, gone=[])

    assert [(d.decision, d.reason.code) for d in result] == [("new", "several")]


def matches(count, typed_count):
    """Return what becomes of equal bookings of a day, with equal expenses typed."""
    stored = [typed("12.50", 3, number=number) for number in range(typed_count)]
    return Counter(
        (decision.decision, decision.reason.code)
        for decision in decide([paid("12.50", 3)] * count, source=SOURCE, stored=stored)
    )


def test_many_equal_bookings_and_expenses_are_compared_quickly(monkeypatch):
    start = time.process_time()
    assert matches(150, 300) == {("new", "several"): 150}
    assert matches(300, 150) == {("match", "by_hand"): 150, ("new", ""): 150}
    assert time.process_time() - start < 10  # comparing pairs of pairs took a minute

    monkeypatch.setattr(decisions_module, "MAX_COMPARED", 5)
    assert matches(2, 3) == {("new", "several"): 2}
    assert matches(3, 3) == {("match", "by_hand"): 3}
    assert matches(3, 2) == {("match", "by_hand"): 2, ("new", ""): 1}


def test_the_same_id_with_another_amount_is_another_booking():
    rows = [paid("12.50", 3, bank_id="A1"), paid("0.38", 3, bank_id="A1")]

    assert decisions(rows) == ["new", "new"]
    assert decisions(rows, [imported(rows[0])]) == ["duplicate", "new"]


def test_of_two_with_the_same_id_the_one_with_the_same_text_is_the_duplicate():
    """Else the row without an id would find nothing, and be added again."""
    shop, cafe = paid("4.50", 3, "REWE", "A1"), paid("4.50", 3, "CAFE", "A1")
    stored = [imported(shop, 1), imported(cafe, 2)]

    decisions = decide([cafe, paid("4.50", 3, "REWE")], source=SOURCE, stored=stored)

    assert [(one.decision, one.of) for one in decisions] == [
        ("duplicate", "e2"),
        ("duplicate", "e1"),
    ]


def test_the_same_id_on_another_day_is_the_same_booking():
    pending, booked = paid("9.90", 3, bank_id="A1"), paid("9.90", 5, bank_id="A1")

    result = decide([booked], source=SOURCE, stored=[imported(pending)], gone=[])

    assert [(d.decision, d.reason.code) for d in result] == [("duplicate", "other_day")]


def test_bookings_without_ids_are_compared_by_content():
    rows = [paid("1.00", 3), paid("1.00", 3, bank_id="A1"), paid("2.00", 3)]

    assert decisions(rows) == ["new"] * 3
    stored = [imported(row, n) for n, row in enumerate(rows)]
    assert decisions(rows, stored) == ["duplicate"] * 3


def test_an_id_that_changed_leaves_the_content():
    before, after = paid("9.90", 3, bank_id="A1"), paid("9.90", 3, bank_id="B7")

    assert decisions([after], [imported(before)]) == ["duplicate"]


def test_equal_interest_on_five_days_is_five_bookings():
    rows = [paid("0.31", day, "INTEREST") for day in range(1, 6)]

    assert decisions(rows) == ["new"] * 5
    assert decisions(rows, [imported(rows[2])]).count("duplicate") == 1


def test_a_text_that_the_bank_changed_is_asked_about():
    before, after = paid("3.50", 3, "REWE SAGT DANKE 4711"), paid("3.50", 3, "REWE")

    result = decide([after], source=SOURCE, stored=[imported(before)], gone=[])

    assert [(d.decision, d.of) for d in result] == [("look", "e1")]
    assert result[0].reason.values == {"text": "REWE SAGT DANKE 4711"}


@pytest.mark.parametrize(
    "changed",
    [paid("3.51", 3, "REWE"), paid("3.50", 4, "REWE"), paid("3.50", 3, "ALDI")],
    ids=["amount", "day", "first word"],
)
def test_other_texts_are_new(changed):
    before = paid("3.50", 3, "REWE SAGT DANKE 4711")

    assert decisions([changed], [imported(before)]) == ["new"]


def test_another_account_has_bookings_of_its_own():
    stored = imported(COFFEE, source="other account")

    assert decisions([COFFEE], [stored]) == ["new"]


@pytest.mark.parametrize(("days", "expected"), [(5, "match"), (6, "new")])
def test_a_match_is_within_five_days(days, expected):
    stored = typed("12.50", 10)

    assert decisions([paid("12.50", 10 + days)], [stored]) == [expected]
    assert decisions([paid("12.50", 10 - days)], [stored]) == [expected]


def test_the_nearest_expense_is_matched():
    stored = [typed("4.50", 3, number=1), typed("4.50", 4, number=2)]

    result = decide(
        [paid("4.50", 4), paid("4.50", 3)], source=SOURCE, stored=stored, gone=[]
    )

    assert [d.of for d in result] == ["t2", "t1"]


def test_texts_decide_between_expenses_of_a_day():
    stored = [
        typed("12.50", 3, "Lunch", number=1),
        typed("12.50", 3, "Cafe with Eva", number=2),
    ]

    result = decide([paid("12.50", 3)], source=SOURCE, stored=stored, gone=[])

    assert [(d.decision, d.of) for d in result] == [("match", "t2")]


def test_an_expense_is_matched_once():
    rows = [paid("4.50", 3, "A"), paid("4.50", 3, "B"), paid("4.50", 4, "C")]

    assert sorted(decisions(rows, [typed("4.50", 3)])) == ["match", "new", "new"]


def test_a_void_expense_is_not_matched():
    assert decisions([paid("4.50", 3)], [typed("4.50", 3, counts=False)]) == ["new"]


def test_a_pending_booking_is_left_out():
    assert decisions([paid("4.50", 3, is_pending=True)]) == ["pending"]


def test_nothing_paid_is_left_out():
    assert decisions([paid("0", 3)]) == ["zero"]


@pytest.mark.parametrize(
    ("days", "text", "amount", "of"),
    [
        (90, "SHOP 4711", "20.00", "e1"),
        (91, "SHOP 4711", "20.00", ""),
        (5, "OTHER SHOP", "20.00", ""),
        (5, "SHOP 4711", "20.01", ""),
        (-1, "SHOP 4711", "20.00", ""),
    ],
)
def test_a_refund_is_proposed_if_merchant_and_amount_are_those_of_an_expense(
    days, text, amount, of
):
    purchase = paid("20.00", 3, "SHOP 0815")
    back = Booking(purchase.day + timedelta(days), Decimal(amount), text)

    result = decide([back], source=SOURCE, stored=[imported(purchase)], gone=[])

    assert [(d.decision, d.of) for d in result] == [("money_in", of)]


def test_an_expense_is_proposed_for_one_refund():
    purchase = paid("20.00", 3, "SHOP")
    back = Booking(november(5), Decimal("20.00"), "SHOP")

    result = decide([back, back], source=SOURCE, stored=[imported(purchase)], gone=[])

    assert [d.of for d in result] == ["e1", ""]


def test_an_imported_refund_is_a_duplicate():
    back = Booking(november(5), Decimal("20.00"), "SHOP")

    assert decisions([back], [imported(back)]) == ["duplicate"]


def test_own_expenses_that_exist_are_duplicates():
    own = paid("4.50", 3, own={"expense_id": "t1"})
    other = paid("4.50", 3, own={"expense_id": "t9"})

    assert decisions([own, other], [typed("4.50", 3)]) == ["duplicate", "new"]


ROWS = st.lists(
    st.builds(
        paid,
        st.sampled_from(["4.50", "12.50"]),
        st.integers(1, 4),
        st.sampled_from(["CAFE", "SHOP A", "REWE SAGT DANKE"]),
        st.sampled_from(["", "", "A1", "A2"]),
    ),
    max_size=12,
)


@settings(max_examples=200)
@given(ROWS)
def test_importing_a_file_twice_adds_nothing(rows):
    stored = [imported(row, n) for n, row in enumerate(rows)]

    assert set(decisions(rows, stored)) <= {"duplicate"}


@settings(max_examples=200)
@given(ROWS, st.data())
def test_every_missing_row_is_added_once(rows, data):
    kept = data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)))
    stored = [imported(row, n) for n, row in enumerate(rows) if kept[n]]

    result = decisions(rows, stored)

    assert len(result) == len(rows)
    assert result.count("duplicate") + result.count("look") == len(stored)


@settings(max_examples=200)
@given(ROWS, ROWS)
def test_no_expense_belongs_to_two_rows(rows, others):
    stored = [imported(row, n) for n, row in enumerate(others[::2])]
    stored += [
        Stored(f"t{n}", row.day, -row.amount) for n, row in enumerate(others[1::2])
    ]

    result = decide(rows, source=SOURCE, stored=stored, gone=[])

    of = [decision.of for decision in result if decision.of]
    assert len(of) == len(set(of))


# What QIF files of other programs have, besides bookings.
OTHERS_OWN = [
    {"category": "Food", "merchant": "CAFE", "description": ""},
    {"parts": [{"category": "Food", "amount": "4.50", "note": ""}] * 2},
    {"notes": "Food; Fun", "merchant": "CAFE", "description": ""},
]


@pytest.mark.parametrize("own", OTHERS_OWN)
def test_rows_of_another_program_are_matched(own):
    result = decide(
        [paid("12.50", 5, own=own)],
        source=SOURCE,
        stored=[typed("12.50", 3)],
        gone=[],
    )

    assert [(d.decision, d.of) for d in result] == [("match", "t1")]


def test_rows_of_an_own_export_are_not_matched():
    for own in ({"expense_id": "t9"}, {"kind": "expense", "parts": []}):
        assert decisions([paid("4.50", 3, own=own)], [typed("4.50", 3)]) == ["new"]
