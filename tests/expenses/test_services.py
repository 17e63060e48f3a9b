import datetime
from dataclasses import replace
from decimal import Decimal

import pytest
import time_machine

from expenses import services
from expenses.models import Expense
from expenses.queries import get_expense, list_expenses, spending
from smartbudget.core import pagination
from smartbudget.core.errors import ConflictError, InvalidError, NotFoundError
from smartbudget.core.periods import period_of
from tests.calls import QUERY, READ, counted
from tests.expenses.builders import make_expenses
from tests.money_builders import ALICE, BOB, NOON, TODAY, alerts, make_expense
from tests.notifications import faults

pytestmark = pytest.mark.usefixtures("aws")


def test_a_recorded_expense_is_read_back_unchanged():
    stored = make_expense(
        amount="12.50", category="  Eating Out ", description="Café ☕ 早餐"
    )

    expense = get_expense(ALICE, stored.expense_id)

    assert expense.amount == Decimal("12.50")
    assert expense.category == "Eating Out"
    assert expense.description == "Café ☕ 早餐"
    assert expense.date == TODAY.isoformat()
    assert expense.status == "pending"


@pytest.mark.parametrize(
    ("currency", "amount"),
    [
        ("USD", "0.01"),
        ("USD", "999999999999.99"),
        ("USD", "1.5"),
        ("JPY", "1"),
        ("KWD", "0.001"),
    ],
)
def test_amounts_within_the_limits_are_stored_exactly(currency, amount):
    user = replace(ALICE, currency=currency)

    stored = make_expense(user, amount=amount)

    assert Expense.get(stored.expense_id).amount == Decimal(amount)


@pytest.mark.parametrize(
    ("currency", "amount"),
    [
        ("USD", "0"),
        ("USD", "-1"),
        ("USD", "0.001"),
        ("USD", "1000000000000"),
        ("USD", "NaN"),
        ("USD", "Infinity"),
        ("USD", "1e400"),
        ("USD", "ten"),
        ("USD", "1_000"),
        ("USD", "１２"),
        ("USD", ""),
        ("USD", None),
        ("USD", True),
        ("USD", 1.5),
        ("JPY", "1.5"),
        ("KWD", "0.0001"),
    ],
)
def test_other_amounts_are_rejected(currency, amount):
    with pytest.raises(InvalidError) as refused:
        make_expense(replace(ALICE, currency=currency), amount=amount)

    assert refused.value.field == "amount"
    assert list_expenses(ALICE).items == []


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("category", "c", ""),
        ("category", "c" * 50, "c" * 51),
        ("category", "🛒", "   "),
        ("category", "a b", "a\nb"),
        ("category", "a", "a\x00"),
        ("category", "a", 7),
        ("category", "a", "\ud800"),
        ("description", "", None),
        ("description", "d" * 500, "d" * 501),
        ("description", "two\nlines", "bell\x07"),
        ("date", "2026-03-18", "2026-02-30"),
        ("date", "2016-03-18", "2016-03-17"),
        ("date", "2027-03-18", "2027-03-19"),
        ("date", "2024-02-29", "20260318"),
        ("status", "cleared", "paid"),
    ],
)
def test_each_field_has_its_limits(field, good, bad):
    make_expense(**{field: good})

    if bad is not None:
        with pytest.raises(InvalidError) as refused:
            make_expense(**{field: bad})
        assert refused.value.field == field


def test_the_default_date_is_in_the_users_time_zone():
    tokyo = replace(ALICE, time_zone="Asia/Tokyo")
    late = datetime.datetime(2026, 3, 18, 20, tzinfo=datetime.UTC)

    with time_machine.travel(late):
        assert make_expense(tokyo).date == "2026-03-19"


def test_an_edit_changes_only_the_given_fields():
    stored = make_expense(description="milk")

    services.edit_expense(ALICE, stored.expense_id, amount="11.00", status="cleared")

    expense = get_expense(ALICE, stored.expense_id)
    assert (expense.amount, expense.status) == (Decimal("11.00"), "cleared")
    assert (expense.description, expense.category) == ("milk", "Groceries")
    assert expense.version == 2


def test_an_edit_keeps_unknown_attributes():
    stored = make_expense()
    Expense.table_connection().connection.client.update_item(
        TableName="expenses",
        Key={"expense_id": {"S": stored.expense_id}},
        UpdateExpression="SET later_feature = :v",
        ExpressionAttributeValues={":v": {"S": "kept"}},
    )

    services.edit_expense(ALICE, stored.expense_id, amount="11.00")

    raw = Expense.table_connection().connection.client.get_item(
        TableName="expenses", Key={"expense_id": {"S": stored.expense_id}}
    )
    assert raw["Item"]["later_feature"] == {"S": "kept"}


def test_a_rejected_edit_changes_nothing():
    stored = make_expense()

    with pytest.raises(InvalidError):
        services.edit_expense(ALICE, stored.expense_id, amount="11.00", category="")

    assert get_expense(ALICE, stored.expense_id).amount == Decimal("10.00")


def test_a_deleted_expense_is_gone():
    stored = make_expense()

    services.delete_expense(ALICE, stored.expense_id)

    with pytest.raises(NotFoundError):
        get_expense(ALICE, stored.expense_id)
    with pytest.raises(NotFoundError):
        services.delete_expense(ALICE, stored.expense_id)


def test_another_users_expense_is_not_found():
    stored = make_expense(BOB)

    with pytest.raises(NotFoundError):
        get_expense(ALICE, stored.expense_id)
    with pytest.raises(NotFoundError):
        services.edit_expense(ALICE, stored.expense_id, amount="1.00")
    with pytest.raises(NotFoundError):
        services.delete_expense(ALICE, stored.expense_id)
    assert get_expense(BOB, stored.expense_id).amount == Decimal("10.00")


def test_the_same_idempotency_key_stores_one_expense():
    first = make_expense(idempotency_key="k1")
    second = make_expense(idempotency_key="k1")
    other = make_expense(BOB, idempotency_key="k1")

    assert first.expense_id == second.expense_id != other.expense_id
    assert len(list_expenses(ALICE).items) == 1


def test_an_idempotency_key_is_for_one_expense_only():
    make_expense(idempotency_key="k1")

    with pytest.raises(ConflictError):
        make_expense(idempotency_key="k1", amount="99.00")


def test_lists_are_newest_first_in_pages_both_ways():
    for day in range(1, 8):
        make_expense(date=f"2026-03-0{day}")

    first = list_expenses(ALICE, limit=3)
    second = list_expenses(ALICE, limit=3, after=first.next)
    last = list_expenses(ALICE, limit=3, after=second.next)
    back = list_expenses(ALICE, limit=3, after=last.previous, backwards=True)

    assert [expense.date[-1] for expense in first.items] == ["7", "6", "5"]
    assert [expense.date[-1] for expense in second.items] == ["4", "3", "2"]
    assert [expense.date[-1] for expense in last.items] == ["1"]
    assert [expense.date[-1] for expense in back.items] == ["4", "3", "2"]
    assert (first.previous, last.next) == (None, None)


def test_a_list_that_exactly_fills_a_page_has_no_next_page():
    make_expense()
    make_expense()

    assert list_expenses(ALICE, limit=2).next is None


def test_lists_filter_by_date_category_and_status():
    make_expense(date="2026-03-01", category="Straße")
    make_expense(date="2026-03-02", category="STRASSE", status="void")
    make_expense(date="2026-03-03")
    make_expense(BOB, date="2026-03-02")

    days = list_expenses(
        ALICE, start=datetime.date(2026, 3, 2), end=datetime.date(2026, 3, 3)
    )
    streets = list_expenses(ALICE, category="strasse")
    void = list_expenses(ALICE, status="void")

    assert [expense.date for expense in days.items] == ["2026-03-03", "2026-03-02"]
    assert [expense.category for expense in streets.items] == ["STRASSE", "Straße"]
    assert [expense.date for expense in void.items] == ["2026-03-02"]


def test_a_list_rejects_a_reversed_range_and_an_unknown_status():
    with pytest.raises(InvalidError):
        list_expenses(ALICE, start=TODAY, end=TODAY - datetime.timedelta(days=1))
    with pytest.raises(InvalidError):
        list_expenses(ALICE, status="paid")


def test_void_expenses_are_not_counted():
    make_expense(status="void")
    make_expense(amount="2.00")

    counted = spending("alice", period_of("monthly", TODAY))

    assert [expense.amount for expense in counted] == [Decimal("2.00")]


class TestLargeExpenses:
    user = replace(ALICE, large_expense_threshold=Decimal("500"))

    def test_an_expense_at_the_users_threshold_sends_an_alert(self):
        make_expense(self.user, amount="499.99")
        assert alerts() == []

        make_expense(self.user, amount="500.00")
        assert alerts() == ["large_expense"]

    def test_no_large_expense_alert_without_a_threshold(self):
        make_expense(amount="100000.00")

        assert alerts() == []

    def test_an_expense_that_becomes_large_alerts_once(self):
        stored = make_expense(self.user, amount="10.00")

        for amount in ("600.00", "10.00", "700.00"):
            services.edit_expense(self.user, stored.expense_id, amount=amount)

        assert alerts() == ["large_expense"]

    def test_void_and_backdated_expenses_do_not_alert(self):
        make_expense(self.user, amount="600.00", status="void")
        make_expense(self.user, amount="600.00", date="2026-02-28")

        assert alerts() == []


def descriptions(user=ALICE, **filters) -> list[str]:
    return [expense.description for expense in list_expenses(user, **filters).items]


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("", ["plain", "STRASSE 7", "Café"]),
        ("café", ["Café"]),
        ("CAFE\u0301", ["Café"]),  # in decomposed form
        ("straße", ["STRASSE 7"]),
        ("asse 7", ["STRASSE 7"]),
        ("GROC", ["plain"]),
        ("  plain ", ["plain"]),
        ("%", []),
        ("nothing", []),
    ],
)
def test_a_search_matches_substrings_in_any_case(q, expected):
    make_expense(description="Café", category="Out", date="2026-03-01")
    make_expense(description="STRASSE 7", category="Bus", date="2026-03-02")
    make_expense(description="plain", category="Groceries", date="2026-03-03")
    make_expense(BOB, description="Café plain")

    assert descriptions(q=q) == expected


def test_a_search_finds_the_current_description():
    expense = make_expense(description="Old")
    services.edit_expense(ALICE, expense.expense_id, description="New")
    assert (descriptions(q="old"), descriptions(q="new")) == ([], ["New"])

    services.edit_expense(ALICE, expense.expense_id, description="")
    assert descriptions(q="new") == []


def test_amounts_are_compared_exactly():
    for amount in ("0.09", "0.10", "9.99", "10.00", "100.00"):
        make_expense(amount=amount, description=amount)

    assert set(descriptions(min_amount="0.1", max_amount="10")) == {
        "0.10",
        "9.99",
        "10.00",
    }
    assert descriptions(min_amount=Decimal("10.01")) == ["100.00"]
    assert descriptions(max_amount="0.09") == ["0.09"]
    assert len(descriptions(min_amount="0")) == len(descriptions())
    assert descriptions(max_amount="0.00") == []


@pytest.mark.parametrize(
    ("filters", "field"),
    [
        ({"min_amount": "ten"}, "min_amount"),
        ({"min_amount": "-0.01"}, "min_amount"),
        ({"max_amount": "-0"}, "max_amount"),
        ({"max_amount": "1e3"}, "max_amount"),
        ({"min_amount": "0.001"}, "min_amount"),
        ({"min_amount": "2", "max_amount": "1"}, "max_amount"),
        ({"q": "x" * 101}, "q"),
        ({"q": "a\0b"}, "q"),
        ({"sort": "amount"}, "sort"),
    ],
)
def test_invalid_filters_are_rejected_with_their_field(filters, field):
    with pytest.raises(InvalidError) as refused:
        list_expenses(ALICE, **filters)

    assert refused.value.field == field


def test_oldest_first_pages_in_both_directions():
    for day in range(1, 6):
        make_expense(date=f"2026-03-0{day}", description=str(day))

    first = list_expenses(ALICE, sort="oldest", limit=2)
    second = list_expenses(ALICE, sort="oldest", limit=2, after=first.next)
    back = list_expenses(
        ALICE, sort="oldest", limit=2, after=second.previous, backwards=True
    )

    assert [expense.description for expense in first.items] == ["1", "2"]
    assert [expense.description for expense in second.items] == ["3", "4"]
    assert [expense.description for expense in back.items] == ["1", "2"]
    assert first.previous is None


def test_a_search_reads_to_the_end_of_the_list(monkeypatch):
    monkeypatch.setattr(pagination, "READ_FIRST", 3)
    make_expenses(8, description="dull", date="2026-02-02")
    make_expense(date="2026-01-01", description="needle")

    with counted() as calls:
        page = list_expenses(ALICE, q="needle", limit=5)

    assert [expense.description for expense in page.items] == ["needle"]
    assert page.next is None
    assert calls.names == [QUERY, QUERY, READ]


def test_a_search_that_fills_its_page_reads_no_further(monkeypatch):
    monkeypatch.setattr(pagination, "READ_FIRST", 3)
    make_expenses(8, description="needle", date="2026-02-02")

    with counted() as calls:
        page = list_expenses(ALICE, q="needle", limit=2)

    assert len(page.items) == 2
    assert page.next
    assert calls.names == [QUERY, READ]


def test_a_search_reads_on_as_far_as_its_matches_suggest(monkeypatch):
    monkeypatch.setattr(pagination, "READ_FIRST", 10)
    for number in range(60):
        description = "dull" if number % 3 else "needle"
        make_expense(date=f"2026-02-{number % 28 + 1:02d}", description=description)

    with counted() as calls:
        page = list_expenses(ALICE, q="needle", limit=5)

    assert (len(page.items), calls.read_items) == (5, 20)


def test_a_search_reads_a_limited_number_and_continues_from_there(monkeypatch):
    monkeypatch.setattr(pagination, "READ_FIRST", 10)
    monkeypatch.setattr(pagination, "MAX_PAGES", 0)
    for number in range(30):
        make_expense(date=f"2026-02-{number % 28 + 1:02d}", description="dull")
    make_expense(date="2026-01-01", description="needle")

    texts, after, reads = [], None, []
    while True:
        with counted() as calls:
            page = list_expenses(ALICE, q="needle", limit=5, after=after)
        texts += [expense.description for expense in page.items]
        reads.append(calls.read_items)
        after = page.next
        if after is None:
            break

    assert texts == ["needle"]
    assert max(reads) == 10
    assert len(reads) == 4


def test_a_stale_edit_is_rejected_with_the_stored_version():
    expense = make_expense(description="first")
    services.edit_expense(ALICE, expense.expense_id, description="theirs")

    with pytest.raises(services.StaleError) as refused:
        services.edit_expense(
            ALICE, expense.expense_id, description="mine", version=expense.version
        )

    assert refused.value.stored.description == "theirs"
    assert get_expense(ALICE, expense.expense_id).description == "theirs"


def test_an_edit_sent_twice_is_not_stale():
    expense = make_expense()

    for _ in range(2):
        edited = services.edit_expense(
            ALICE, expense.expense_id, amount="7.00", version=expense.version
        )

    assert (edited.amount, edited.version) == (Decimal(7), 2)


def test_an_edit_that_becomes_stale_during_the_write_is_rejected():
    expense = make_expense()
    theirs = faults.meanwhile(
        lambda: services.edit_expense(ALICE, expense.expense_id, description="theirs")
    )

    with theirs, pytest.raises(services.StaleError):
        services.edit_expense(ALICE, expense.expense_id, amount="7.00", version=1)

    assert get_expense(ALICE, expense.expense_id).amount == Decimal(10)


@pytest.fixture
def old():
    """Store an expense with cents of a user whose currency now has none."""
    return make_expense(amount="102.50", date="2026-03-02")


YEN = replace(ALICE, currency="JPY")


@pytest.mark.parametrize("same", ["102.50", "102.5", " 102.500 ", Decimal("102.5")])
def test_an_unchanged_amount_is_not_validated_again(old, same):
    edited = services.edit_expense(
        YEN, old.expense_id, amount=same, description="Bread"
    )

    assert (edited.amount, edited.description) == (Decimal("102.50"), "Bread")


def test_a_new_amount_is_validated(old):
    with pytest.raises(InvalidError) as refused:
        services.edit_expense(YEN, old.expense_id, amount="102.51")

    assert refused.value.field == "amount"
    assert services.edit_expense(YEN, old.expense_id, amount="103").amount == 103


def test_an_unchanged_date_may_be_older_than_allowed():
    old = make_expense(date="2016-03-18")

    with time_machine.travel(NOON + datetime.timedelta(days=30)):
        fields = {"date": "2016-03-18", "amount": "11.00"}
        assert services.edit_expense(ALICE, old.expense_id, **fields).amount == 11
        with pytest.raises(InvalidError):
            services.edit_expense(ALICE, old.expense_id, date="2016-03-17")
