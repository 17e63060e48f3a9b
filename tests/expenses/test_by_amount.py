"""Expenses of a date range sorted by amount: service, API and page."""

import datetime
import html
import re
import uuid
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expenses import queries
from expenses.models import Expense
from expenses.queries import list_expenses
from smartbudget.core.errors import InvalidError
from tests.builders import client_for, make_user
from tests.calls import QUERY, counted
from tests.money_builders import ALICE, BOB, make_expense
from tests.problems import messages_of

pytestmark = pytest.mark.usefixtures("aws")

MARCH = {"start": datetime.date(2026, 3, 1), "end": datetime.date(2026, 3, 31)}
PATH = "/api/expenses?start=2026-03-01&end=2026-03-31&ordering="
NEEDS_DAYS = "To sort by amount, choose a start and end date."
READ_PAGE = "dynamodb.BatchGetItem"


def store(user, rows, **more):
    """Store expenses without validation, and return them."""
    stored = [
        Expense(
            expense_id=uuid.uuid4().hex,
            user_id=user.user_id,
            date=f"2026-03-{day:02d}",
            amount=amount,
            category="Food",
            category_key="food",
            status=status,
            created_at="2026-03-18T00:00:00.000000+00:00",
            updated_at="2026-03-18T00:00:00.000000+00:00",
            **more,
        )
        for amount, day, status in rows
    ]
    with Expense.batch_write() as batch:
        for expense in stored:
            batch.save(expense)
    return stored


def rank(expense):
    return expense.amount, expense.date, expense.expense_id


def amounts(page):
    return [f"{expense.amount:.2f}" for expense in page.items]


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["0.001", "0.1", "0.10", "2", "10", "9", "999999999999.999"])
        .map(Decimal)
        .flatmap(lambda some: st.sampled_from([some, some + Decimal("0.001")])),
        st.integers(1, 4),
        st.sampled_from(["pending", "void"]),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=15, deadline=None)
@given(rows=ROWS, limit=st.integers(1, 4), sort=st.sampled_from(queries.AMOUNT_SORTS))
def test_pages_are_in_order_in_both_directions(rows, limit, sort):
    user = replace(ALICE, user_id=uuid.uuid4().hex)
    ordered = sorted(store(user, rows), key=rank, reverse=sort == "largest")
    wanted = [expense.expense_id for expense in ordered]

    def read(**where):
        page = list_expenses(user, sort=sort, limit=limit, **MARCH, **where)
        assert page.totals.count == len(rows)
        return page, [expense.expense_id for expense in page.items]

    page, ids = read()
    assert page.previous is None
    while page.next:
        page, more = read(after=page.next)
        ids += more
    assert ids == wanted

    back = ids[-len(page.items) :]
    while page.previous:
        page, more = read(after=page.previous, backwards=True)
        assert page.next
        back = more + back
    assert back == wanted


def test_amounts_sort_numerically_and_equal_ones_by_date():
    for amount, day in (("9.50", 3), ("10", 1), ("9.5", 2), ("100", 4)):
        make_expense(amount=amount, date=f"2026-03-0{day}")

    largest = list_expenses(ALICE, sort="largest", **MARCH)
    smallest = list_expenses(ALICE, sort="smallest", **MARCH)

    assert amounts(largest) == ["100.00", "10.00", "9.50", "9.50"]
    assert [expense.date[-2:] for expense in largest.items] == ["04", "01", "03", "02"]
    assert amounts(smallest) == amounts(largest)[::-1]
    assert [expense.date[-2:] for expense in smallest.items] == ["02", "03", "01", "04"]


def test_other_dates_and_other_users_are_excluded():
    for day in ("2026-02-28", "2026-03-01", "2026-03-31", "2026-04-01"):
        make_expense(date=day)
    make_expense(BOB, date="2026-03-02")

    page = list_expenses(ALICE, sort="largest", **MARCH)

    assert [expense.date for expense in page.items] == ["2026-03-31", "2026-03-01"]


def test_filters_apply_and_void_expenses_are_not_added_up():
    make_expense(amount="5.00", category="Café")
    make_expense(amount="7.00", description="in a cafe", status="void")
    make_expense(amount="6.00", category="Rent")
    make_expense(amount="0.50", category="Café")

    page = list_expenses(ALICE, sort="largest", q="cafe", min_amount="1", **MARCH)

    assert amounts(page) == ["7.00", "5.00"]
    assert page.totals == queries.Totals(2, Decimal("5.00"), complete=True)


def test_a_page_continues_after_the_previous_one_despite_changes():
    stored = [make_expense(amount=f"{number}.00") for number in range(1, 6)]

    first = list_expenses(ALICE, sort="smallest", limit=2, **MARCH)
    stored[1].delete()  # the last one of the page, which the cursor refers to
    make_expense(amount="0.50")
    second = list_expenses(ALICE, sort="smallest", limit=2, after=first.next, **MARCH)

    assert amounts(first) == ["1.00", "2.00"]
    assert amounts(second) == ["3.00", "4.00"]


def test_an_expense_deleted_during_the_read_is_left_out(monkeypatch):
    remaining, deleted = make_expense(amount="1.00"), make_expense(amount="2.00")
    read = Expense.batch_get

    def read_late(*args):
        deleted.delete()
        return read(*args)

    monkeypatch.setattr(Expense, "batch_get", read_late)

    page = list_expenses(ALICE, sort="largest", **MARCH)

    assert [expense.expense_id for expense in page.items] == [remaining.expense_id]


@pytest.mark.parametrize("sort", queries.AMOUNT_SORTS)
@pytest.mark.parametrize(
    ("days", "field"), [({}, "start"), ({"start"}, "end"), ({"end"}, "start")]
)
def test_sorting_by_amount_needs_a_date_range(sort, days, field):
    with pytest.raises(InvalidError, match=NEEDS_DAYS) as refused, counted() as calls:
        list_expenses(ALICE, sort=sort, **{name: MARCH[name] for name in days})

    assert refused.value.field == field
    assert calls.names == []


def test_above_the_read_limit_only_the_newest_are_sorted(monkeypatch):
    monkeypatch.setattr(queries, "TREND_PAGES", 1)
    rows = [(Decimal(day), day, "pending") for day in (9, 8, 7, 1)]
    store(ALICE, rows, search_text="x" * 300_000)  # over a megabyte

    page = list_expenses(ALICE, sort="smallest", **MARCH)

    assert not page.totals.complete
    assert 0 < page.totals.count == len(page.items) < 4
    assert page.items[-1].amount == 9
    assert list_expenses(BOB, sort="smallest", **MARCH).totals.complete


def test_it_reads_the_date_range_and_then_the_page():
    store(ALICE, [(Decimal(1), 2, "pending")] * 30)

    with counted() as calls:
        page = list_expenses(ALICE, sort="largest", limit=25, **MARCH)
    with counted() as nothing:
        list_expenses(BOB, sort="largest", **MARCH)

    assert calls.names == [QUERY, READ_PAGE]
    assert calls.read_items == 30
    assert len(page.items) == 25
    assert nothing.names == [QUERY]


def test_the_api_sorts_with_totals_and_pages():
    alice = make_user("alice")
    client = client_for(alice)
    for amount in ("1.00", "30.00", "2.00"):
        make_expense(alice, amount=amount)

    def read(path):
        answer = client.get(path)
        assert answer.status_code == 200, answer.content
        return answer.json(), [
            expense["amount"] for expense in answer.json()["results"]
        ]

    first, amounts = read(f"{PATH}-amount&page_size=2")
    assert amounts == ["30.00", "2.00"]
    assert first["totals"] == {"count": 3, "total": "33.00", "complete": True}
    last, amounts = read(first["next"])
    assert amounts == ["1.00"]
    assert last["next"] is None
    assert read(last["previous"])[1] == ["30.00", "2.00"]
    assert read(f"{PATH}amount&totals=true")[1] == ["1.00", "2.00", "30.00"]


def test_the_api_names_the_missing_date():
    client = client_for(make_user("alice"))

    for days, field in (("", "start"), ("&start=2026-03-01", "end")):
        answer = client.get(f"/api/expenses?ordering=amount{days}")
        assert answer.status_code == 400
        assert messages_of(answer) == {field: [NEEDS_DAYS]}


def test_a_cursor_is_bound_to_its_user_and_list():
    alice, bob = make_user("alice"), make_user("bob")
    for _ in range(2):
        make_expense(alice)
        make_expense(bob)
    following = client_for(alice).get(f"{PATH}amount&page_size=1").json()["next"]
    cursor = following.partition("cursor=")[2].partition("&")[0]

    refused = [
        client_for(bob).get(following),
        client_for(alice).get(f"{PATH}-amount&cursor={cursor}"),
        client_for(alice).get(f"{PATH}date&cursor={cursor}"),
        client_for(alice).get(
            f"/api/expenses?start=2026-03-02&end=2026-03-31&ordering=amount&cursor={cursor}"
        ),
        client_for(alice).get(f"{PATH}amount&cursor=x{cursor}"),
    ]

    for answer in refused:
        assert answer.status_code == 400
        assert messages_of(answer) == {"cursor": ["This cursor is not valid."]}
    by_day = client_for(alice).get(f"{PATH}date&page_size=1").json()["next"]
    assert client_for(alice).get(by_day.replace("=date", "=amount")).status_code == 400


def links(answer, text):
    """Return the addresses of a page's links with this text."""
    found = re.findall(rf'href="([^"]*)"[^>]*>{text}</a>', answer.text)
    return [html.unescape(address) for address in found]


class TestThePage:
    PAGE = "/expenses?start=2026-03-01&end=2026-03-31&sort="

    @pytest.fixture
    def alice(self):
        alice = make_user("alice")
        for amount, category in (("2.00", "Tea"), ("30.00", "Shoes"), ("4.00", "Film")):
            make_expense(alice, amount=amount, category=category)
        return alice

    def test_the_page_sorts_and_says_so(self, alice):
        html = client_for(alice).get(f"{self.PAGE}largest").content.decode()

        places = [html.index(f">{name}<") for name in ("Shoes", "Film", "Tea")]
        assert places == sorted(places)
        assert "Expenses, largest first" in html
        assert html.count("aria-sort=") == 1
        assert 'class="amount sorted" scope="col" aria-sort="descending"' in html
        assert "3 expenses, $36.00" in html

    def test_its_pages_link_forward_and_back(self, alice):
        client = client_for(alice)
        first = client.get(f"{self.PAGE}smallest&page_size=2")
        (onward,) = links(first, "Next")
        last = client.get(onward)

        assert len(links(last, "Previous")) == 1
        (cell,) = re.findall('class="category">(.*?)</td>', last.text)
        assert cell == "Shoes"

    def test_a_missing_date_is_reported_on_its_field(self, alice):
        answer = client_for(alice).get("/expenses?sort=largest&end=2026-03-31")

        assert answer.status_code == 400
        errors = re.findall(
            '<ul class="errorlist" id="id_(.*?)_error">(.*?)</ul>', answer.text
        )
        assert errors == [("start", f"<li>{NEEDS_DAYS}</li>")]

    def test_all_dates_links_to_the_list_by_date(self, alice):
        client = client_for(alice)
        page = client.get("/expenses?start=2026-03-01&end=2026-03-31&sort=largest&q=t")
        (everything,) = links(page, "All dates")
        months = [links(page, name) for name in ("Jan", "Mar", "Dec")]

        assert everything == "/expenses?q=t"
        assert all("sort=largest" in month for (month,) in months)
        assert client.get(everything).status_code == 200

    def test_the_page_says_what_was_left_out(self, alice, monkeypatch):
        monkeypatch.setattr(queries, "TREND_PAGES", 1)
        rows = [(Decimal(100), 2, "pending")] * 4
        store(alice, rows, search_text="x" * 300_000)
        notice = (
            "Older expenses are not included. Choose a shorter range to sort them all."
        )

        assert notice in client_for(alice).get(f"{self.PAGE}smallest").content.decode()
        assert (
            notice not in client_for(alice).get(f"{self.PAGE}newest").content.decode()
        )
