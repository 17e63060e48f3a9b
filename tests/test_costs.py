"""AWS calls of each action: exact, and the same whatever the history."""

import datetime
import json
import re
from decimal import Decimal

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile

from budgets.models import Budget
from expenses import services as expenses
from expenses.imports import commit, profiles, services
from expenses.models import Expense
from expenses.queries import all_expenses
from profiles.services import update_profile
from smartbudget.core import aws as clients
from tests.accounts.factors.builders import with_passkey, with_totp
from tests.builders import PASSWORD, client_for, make_user, program_with
from tests.calls import QUERY, TRANSACTION, counted
from tests.expenses.imports.builders import upload
from tests.expenses.receipts.pictures import PDF
from tests.money_builders import (
    NOON,
    TODAY,
    make_budget,
    make_budget_last_month,
    make_expense,
)
from tests.notifications import faults
from tests.notifications.builders import run_queued_tasks
from tests.notifications.mailing import using_ses
from tests.web.test_form_drafts import fields_of

SESSION = "dynamodb.GetItem"
BUDGETS_BY_KEY = "dynamodb.BatchGetItem"
PAGE = ["dynamodb.BatchGetItem"]  # by amount or of a search; none if it is empty
EXPENSE = "dynamodb.GetItem"
TRASH = "dynamodb.BatchGetItem"
PUT_FILE = "s3.PutObject"
DELETE_FILE = "s3.DeleteObject"
SEND = "sqs.SendMessageBatch"
STORE = "dynamodb.UpdateItem"  # the totals of a year's closed months

HISTORIES = [50, 5_000]


@pytest.fixture(params=HISTORIES)
def history(request):
    return request.param


@pytest.fixture
def alice(aws, history):
    """Return a signed-in user with `history` expenses before the last two months."""
    with time_machine.travel(NOON, tick=True):
        user = make_user("alice")
        long_ago = datetime.date(2016, 6, 1)
        with Expense.batch_write() as batch:
            for number in range(history):
                day = long_ago + datetime.timedelta(days=number % 3000)
                expense = Expense(
                    expense_id=f"{number:032x}",
                    user_id=user.user_id,
                    date=day.isoformat(),
                    amount=Decimal("1.00"),
                    category="Groceries",
                    category_key="groceries",
                    description=f"Number {number}, bought on the way home",
                    created_at="2016-06-01T00:00:00.000000+00:00",
                    updated_at="2016-06-01T00:00:00.000000+00:00",
                    version=1,
                )
                expense.index_text(version=1)
                batch.save(expense)
        make_budget(user, amount="100.00")
        make_expense(user, amount="10.00", category="Rent")
        clients.queue_url()  # looked up once per process
        yield user


@pytest.fixture
def browser(alice):
    return client_for(alice)


def test_aws_calls_of_every_action(alice, browser, history):
    """One test for all actions, as creating 5,000 expenses takes longest."""

    def cost(method, path, body=None, expected=200):
        with counted() as calls:
            answer = browser.generic(
                method,
                path,
                json.dumps(body) if body is not None else b"",
                content_type="application/json",
            )
        assert answer.status_code == expected, answer.content
        return sorted(calls.names), calls.read_items, answer

    def spend(amount, **more):
        body = {"category": "Groceries", "amount": amount, **more}
        return cost("POST", "/api/expenses", body, expected=201)

    # Any signed-in request: the session. (A profile page also reads the account.)
    assert cost("GET", "/expenses/add/")[:2] == ([SESSION], 0)

    # Adding: the same without a budget, with one, and backdated.
    adding = sorted([SESSION, BUDGETS_BY_KEY, TRANSACTION])
    assert spend("1.00", category="Fun")[:2] == (adding, 0)
    *first, answer = spend("1.00")
    assert first == [adding, 0]
    assert spend("1.00", date="2025-01-01")[:2] == (adding, 0)

    # An alert: one more SQS request, for one notification or for two.
    *_, threshold = spend("80.00")
    assert spend("20.00")[:2] == (sorted([*adding, SEND]), 0)

    # With an external id: a duplicate is read after the refused transaction.
    sent = {"source": "Till", "external_id": "A1", "category": "Fun"}
    assert spend("3.00", **sent)[:2] == (adding, 0)
    body = {"amount": "3.00", **sent}
    *duplicate, known = cost("POST", "/api/expenses", body)
    assert duplicate == [sorted([*adding, EXPENSE]), 0]
    known_path = f"/api/expenses/{known.json()['expense_id']}"
    cost("DELETE", known_path, expected=204)
    assert cost("POST", "/api/expenses", body, expected=409)[:2] == (adding, 0)

    path = f"/api/expenses/{answer.json()['expense_id']}"
    changing = sorted([*adding, EXPENSE])
    assert cost("PATCH", path, {"amount": "2.00"})[:2] == (changing, 0)
    assert cost("PATCH", path, {"description": "tea"})[:2] == (
        sorted([SESSION, EXPENSE, TRANSACTION]),  # no budget changes
        0,
    )
    assert cost("DELETE", path, expected=204)[:2] == (changing, 0)
    crossing = f"/api/expenses/{threshold.json()['expense_id']}"
    assert cost("DELETE", crossing, expected=204)[0] == changing

    # Reading: the items of the page or the two months, and one more to see if it ends.
    assert cost("GET", "/api/expenses?page_size=5")[:2] == (sorted([SESSION, QUERY]), 6)
    assert cost("GET", "/api/budgets")[:2] == (sorted([SESSION, QUERY]), 1)
    assert cost("GET", "/budgets/")[0] == sorted([SESSION, QUERY])
    assert cost("GET", "/api/notifications")[:2] == (sorted([SESSION, QUERY]), 2)
    this_and_last_month = 3  # Rent, Fun, and 20.00 of Groceries
    summary = sorted([SESSION, QUERY, QUERY])
    for path in ("/api/summary", "/api/summary?month=2026-03", "/"):
        assert cost("GET", path)[:2] == (summary, 1 + this_and_last_month)

    # By amount: the whole date range, and the page itself.
    days = "start=2026-02-01&end=2026-03-31"
    for query in ("page_size=1", "totals=true"):
        first = cost("GET", f"/api/expenses?{days}&ordering=-amount&{query}")[:2]
        assert first == (sorted([SESSION, QUERY, *PAGE]), this_and_last_month)
    empty = "start=2025-02-01&end=2025-02-28&ordering=amount"
    assert cost("GET", f"/api/expenses?{empty}")[:2] == (sorted([SESSION, QUERY]), 0)
    assert cost("GET", "/api/expenses?ordering=amount", expected=400)[0] == [SESSION]

    # A search: 500 expenses and then a megabyte of the index at a time, some 6,000, and
    # what the page shows. A whole list that fits on the page needs no further totals.
    reading = [QUERY] * (1 if history < 500 else 2)
    everything = history + 4  # which were not deleted
    for query in ("number 7,", "number 7,&totals=true", "number 7,&status=pending"):
        found = cost("GET", f"/api/expenses?q={query}")[:2]
        assert found == (sorted([SESSION, *reading, *PAGE]), everything)
    assert cost("GET", "/api/expenses?q=nothing")[:2] == (
        sorted([SESSION, *reading]),
        everything,
    )

    # The trend and the categories: stored totals of past months, whatever their number
    # of expenses, and this month's items. After new totals of a year are stored.
    with time_machine.travel(NOON + datetime.timedelta(minutes=2), tick=True):
        trend = sorted([SESSION, QUERY, QUERY])
        assert cost("GET", "/trend")[0] == sorted([*trend, STORE, STORE])
        for path in ("/api/trends", "/trend"):
            assert cost("GET", path)[:2] == (trend, 2 + 3)  # two years, three expenses
        for query in ("category=fun", "by=category", "by=category&category=fun"):
            assert cost("GET", f"/api/trends?{query}")[:2] == (trend, 2 + 3)

        cost("GET", "/expenses/categories")
        categories = sorted([SESSION, QUERY, QUERY, QUERY])
        for path in ("/api/categories", "/expenses/categories"):
            items = 11 + 3 + 1  # years since 2016, expenses of this month, a budget
            assert cost("GET", path)[:2] == (categories, items)

        # A list page: the page, and stored totals and this month's items for the
        # number, the total and the years.
        listing = sorted([SESSION, QUERY, QUERY, QUERY])
        for query in ("", "?category=groceries"):
            assert cost("GET", f"/expenses{query}")[0] == listing
        assert cost("GET", "/expenses?page_size=5")[:2] == (listing, 6 + 11 + 3)
        # Years are those of all expenses, whatever the filter.
        assert cost("GET", "/expenses?start=2016-01-01")[0] == sorted(
            [*listing, QUERY, QUERY]
        )
        search = cost("GET", "/expenses?q=home&page_size=5")[0]
        assert search == sorted([SESSION, QUERY, *PAGE, QUERY, QUERY, QUERY])
        year = "start=2016-01-01&end=2016-12-31"  # of closed months; needs no years
        assert cost("GET", f"/expenses?{year}")[0] == sorted([SESSION, QUERY, QUERY])
        assert cost("GET", f"/expenses?q=home&{year}&page_size=5")[0] == sorted(
            [SESSION, QUERY, *PAGE, QUERY]
        )


@pytest.mark.parametrize("history", [50], indirect=True)
def test_aws_calls_of_a_login(alice):
    """Five calls; with a second factor, six in both steps together.

    The notice of a new device, or of a recovery code, is queued by one more.
    """
    client = client_for()

    def log_in():
        with counted() as calls:
            answer = client.post("/login", {"username": "alice", "password": PASSWORD})
        client.cookies.pop("session", None)  # else the next login ends it
        return answer, calls.names

    count, read = "dynamodb.UpdateItem", "dynamodb.GetItem"
    assert log_in()[1] == [read, read, count, count, TRANSACTION]

    client.cookies.pop("device")
    new_device = [read, read, count, count, TRANSACTION, SEND]
    assert log_in()[1] == new_device
    assert log_in()[1] == new_device[:-1]

    app, recovery_codes = with_totp(alice)
    for typed in ({"code": app.code()}, {"recovery_code": recovery_codes[0]}):
        answer, first = log_in()
        ticket = fields_of(answer.text.partition("<details")[0], "/login/second")
        with counted() as second:
            client.post("/login/second", {**ticket, **typed})
        client.cookies.pop("session")
        assert first == [read, read, count, count]
        notice = [SEND] if "recovery_code" in typed else []
        assert second.names == [count, TRANSACTION, *notice]


@pytest.mark.parametrize("history", [50], indirect=True)
def test_aws_calls_of_a_login_with_a_passkey(alice):
    """Five calls alone, with the challenge; as the second step, eight in all."""
    client, device = client_for(), with_passkey(alice)
    count, read, store = (f"dynamodb.{n}Item" for n in ("Update", "Get", "Put"))

    def send(path, body):
        with counted() as calls:
            answer = client.post(path, body, content_type="application/json")
        client.cookies.pop("session", None)  # else the next login ends it
        return answer.json(), calls.names

    body, calls = send("/login/passkey/options", {})
    assert calls == [store]
    passkey = device.use(body["options"])
    assert send("/login/passkey", {"passkey": passkey})[1] == [
        *(count, read, read, TRANSACTION)
    ]

    body, calls = send("/login", {"username": "alice", "password": PASSWORD})
    assert calls == [read, read, count, count]
    options, calls = send("/login/passkey/options", {})
    assert calls == [store]
    passkey = device.use(options["options"])
    step = {"ticket": body["ticket"], "passkey": passkey}
    assert send("/login/second", step)[1] == [count, read, TRANSACTION]


@pytest.mark.parametrize("history", [50], indirect=True)
def test_an_idempotency_key_costs_two_writes(alice, browser):
    """The lease and the response; a repetition fails to get the lease and reads it.

    A rejected request releases the lease, a new attempt takes it over.
    """

    def cost(amount="1.00", key="k"):
        with counted() as calls:
            answer = browser.post(
                "/api/expenses",
                {"category": "Groceries", "amount": amount},
                content_type="application/json",
                headers={"Idempotency-Key": key},
            )
        return answer.status_code, calls.names

    claim, keep, free = "dynamodb.PutItem", "dynamodb.UpdateItem", "dynamodb.DeleteItem"
    read = "dynamodb.GetItem"
    adding = [BUDGETS_BY_KEY, TRANSACTION]
    assert cost() == (201, [SESSION, claim, *adding, keep])
    assert cost() == (201, [SESSION, claim, read])
    assert cost("2.00") == (422, [SESSION, claim, read])
    assert cost("0.00", "other") == (400, [SESSION, claim, free])


@pytest.mark.parametrize("history", [50], indirect=True)
def test_the_quick_add_costs_the_same_as_adding(alice, browser):
    def cost(amount):
        with counted() as calls:
            answer = browser.post(
                "/", {"amount": amount, "category": "Groceries", "date": str(TODAY)}
            )
        assert answer.status_code == 302
        return calls.names

    assert cost("1.00") == [SESSION, BUDGETS_BY_KEY, TRANSACTION]
    assert cost("90.00") == [SESSION, BUDGETS_BY_KEY, TRANSACTION, SEND]


@pytest.mark.parametrize("history", [50], indirect=True)
def test_the_last_first_step_reads_the_account_separately(alice, browser):
    with counted() as dashboard:
        browser.get("/")
    with counted() as step:
        browser.get("/first-steps/subscribe", headers={"HX-Request": "true"})

    assert dashboard.names == [SESSION, QUERY, QUERY]
    assert step.names == [SESSION, "dynamodb.GetItem"]


@pytest.mark.parametrize("history", [50], indirect=True)
def test_the_settings_look_for_one_amount_in_the_currency(alice, browser):
    new = client_for(make_user("bob"))
    with counted() as without:
        new.get("/accounts/profile")
    with counted() as with_expenses:
        browser.get("/accounts/profile")

    account = "dynamodb.GetItem"
    assert without.names == [SESSION, account, QUERY, QUERY, QUERY]
    assert with_expenses.names == [SESSION, account, QUERY]


def test_a_yearly_budget_does_not_make_the_summary_read_the_year(alice, browser):
    """A yearly budget carries its total; the year's expenses are not read."""
    make_budget(alice, category="Travel", period="yearly", amount="900.00")
    for month in ("01", "02", "03"):
        make_expense(alice, category="Travel", date=f"2026-{month}-02")

    with counted() as calls:
        answer = browser.get("/api/summary")

    line = next(b for b in answer.json()["budgets"] if b["category"] == "Travel")
    assert line["spent"] == "30.00"
    assert calls.read_items == 2 + 3  # two budgets; Rent, February's, March's


@pytest.mark.parametrize("history", [50], indirect=True)
@pytest.mark.parametrize(
    "calendar",
    [
        {"week_start": "sunday", "year_start_month": 4},
        {"month_start_day": 25, "month_start_shift": "before"},
        {"month_start_day": "last"},
    ],
)
def test_calls_are_the_same_in_every_calendar(alice, calendar):
    user = update_profile(alice, calendar=calendar).user
    make_budget(user, category="Weekly", period="weekly", amount="900.00")
    browser = client_for(user)

    def cost(path, body=None):
        method = "POST" if body else "GET"
        with counted() as calls:
            answer = browser.generic(
                method, path, json.dumps(body or {}), content_type="application/json"
            )
        assert answer.status_code in {200, 201}, answer.content
        return sorted(calls.names)

    # The change may have cut the running period short, so it is counted once.
    cost("/api/expenses", {"category": "Groceries", "amount": "1.00"})
    adding = sorted([SESSION, BUDGETS_BY_KEY, TRANSACTION])
    for category in ("Groceries", "Weekly", "Fun"):
        body = {"category": category, "amount": "1.00"}
        assert cost("/api/expenses", body) == adding
    for path in ("/api/summary", "/"):
        assert cost(path) == sorted([SESSION, QUERY, QUERY])
    # Without Gregorian months there are no stored totals to read.
    trend = [SESSION, QUERY]
    if user.calendar.has_gregorian_months:
        trend = [SESSION, QUERY, QUERY]
    with time_machine.travel(NOON + datetime.timedelta(minutes=2), tick=True):
        cost("/api/trends")  # stores totals
        assert cost("/api/trends") == sorted(trend)


@pytest.mark.parametrize("history", [50], indirect=True)
def test_a_new_period_is_counted_once(alice):
    with time_machine.travel(datetime.datetime(2026, 4, 1, 9, tzinfo=datetime.UTC)):
        with counted() as first:
            make_expense(alice)
        with counted() as second:
            make_expense(alice)

    assert sorted(first.names) == sorted([BUDGETS_BY_KEY, QUERY, TRANSACTION, SEND])
    assert sorted(second.names) == sorted([BUDGETS_BY_KEY, TRANSACTION])
    assert first.read_items == 0


@pytest.mark.parametrize("history", [50], indirect=True)
def test_budgets_of_a_period_that_has_ended_cost_one_query_more(alice):
    """Until a write updates them, their totals are of the old period."""
    with time_machine.travel(datetime.datetime(2026, 4, 1, 9, tzinfo=datetime.UTC)):
        browser = client_for(alice)
        with counted() as before:
            browser.get("/api/budgets")
        make_expense(alice)
        with counted() as after:
            browser.get("/api/budgets")

    assert before.names == [SESSION, QUERY, QUERY]
    assert before.read_items == 1  # the budget; no expenses in April yet
    assert after.names == [SESSION, QUERY]


@pytest.mark.parametrize("history", [50], indirect=True)
def test_the_daily_check_writes_only_what_changed(alice):
    from budgets import checks

    make_budget(alice, category="Fun")
    tomorrow = NOON + datetime.timedelta(days=1)

    with time_machine.travel(tomorrow), counted() as calls:
        checks.check_all(None, lambda: True)

    # A page of budgets, the user's expenses of the month.
    assert calls.names == ["dynamodb.Scan", QUERY]
    assert all(budget.version == 1 for budget in Budget.scan())
    assert tomorrow.date() > TODAY


@pytest.mark.parametrize("history", [50], indirect=True)
def test_aws_calls_of_a_bulk_of_a_thousand(alice, browser):
    """Transactions of a hundred items each, and one request for the digest."""

    def cost(category, *, named=False):
        row = {"category": category, "amount": "1.00", "description": "x" * 500}
        rows = [row] * 1000
        if named:
            rows = [
                {**row, "source": "Till", "external_id": f"{number}"}
                for number in range(1000)
            ]
        # Nothing is written: moto copies its tables for every transaction.
        with faults.answered("TransactWriteItems", 200, "{}"), counted() as calls:
            answer = browser.post(
                "/api/expenses/bulk",
                {"expenses": rows},
                content_type="application/json",
            )
        assert answer.status_code == 201
        assert (
            len({expense["expense_id"] for expense in answer.json()["results"]}) == 1000
        )
        return calls.names, answer.json()["alerts"]

    reading = [SESSION, BUDGETS_BY_KEY]
    # An item more for each row with an external id, by which no deletion is missed.
    assert cost("Fun", named=True) == ([*reading, *[TRANSACTION] * 20], 0)
    assert cost("Fun") == ([*reading, *[TRANSACTION] * 10], 0)
    # The budget in each transaction, and in the first its alert and the digest.
    assert cost("Groceries") == ([*reading, *[TRANSACTION] * 11, SEND], 1)


@pytest.mark.parametrize("history", [50], indirect=True)
def test_aws_calls_of_a_bulk_of_duplicates(alice, browser):
    """One refused transaction, then expenses and deletions, a hundred at a time."""
    rows = [
        {"category": "Fun", "amount": "1.00", "source": "Till", "external_id": f"{n}"}
        for n in range(250)
    ]

    def cost(rows):
        with counted() as calls:
            answer = browser.post(
                "/api/expenses/bulk",
                {"expenses": rows},
                content_type="application/json",
            )
        assert answer.status_code == 201, answer.content
        return calls.names

    read, reading = "dynamodb.BatchGetItem", [SESSION, BUDGETS_BY_KEY]
    assert cost(rows[:200]) == [*reading, *[TRANSACTION] * 4]
    assert cost(rows[:200]) == [*reading, TRANSACTION, *[read] * 2]
    # The deletions of the other rows, their budgets, and the rows.
    rest = [*[read] * 3, read, BUDGETS_BY_KEY, TRANSACTION]
    assert cost(rows) == [*reading, TRANSACTION, *rest]


@pytest.mark.parametrize("history", [50], indirect=True)
def test_aws_calls_of_receipts(alice, browser):
    """One more S3 call, and the message that checks later for orphans."""

    def cost(method, path, body=None, expected=200):
        with counted() as calls:
            answer = getattr(browser, method)(path, body)
        assert answer.status_code == expected, answer.content
        return calls.names, answer.json() if answer.content else None

    def file():
        return SimpleUploadedFile("bill.pdf", PDF, content_type="application/pdf")

    new = {"amount": "1.00", "category": "Groceries", "file": file()}
    calls, created = cost("post", "/api/expenses", new, 201)
    assert calls == [SESSION, SEND, PUT_FILE, BUDGETS_BY_KEY, TRANSACTION]
    path = created["expense_id"]

    # The expense is read to check its owner, and again for the change.
    change = {"file": file(), "expense_id": path}
    calls, _ = cost("post", "/api/receipts/upload", change, 201)
    replaced = [SEND, TRANSACTION, DELETE_FILE]
    assert calls == [SESSION, EXPENSE, EXPENSE, SEND, PUT_FILE, EXPENSE, *replaced]

    assert cost("get", f"/api/receipts/{path}")[0] == [SESSION, EXPENSE]
    calls, _ = cost("delete", f"/api/expenses/{path}", None, 204)
    # The file stays as long as the deletion can be undone.
    assert calls == [SESSION, EXPENSE, BUDGETS_BY_KEY, SEND, TRANSACTION]
    calls, _ = cost("post", f"/api/expenses/{path}/restore", None, 204)
    assert calls == [SESSION, TRASH, BUDGETS_BY_KEY, TRANSACTION]


@pytest.mark.parametrize("history", [50], indirect=True)
def test_aws_calls_of_expense_pages(alice, browser):
    """Filters, hierarchies and histories: a Query for a list, an item for a history."""
    expense = make_expense(alice, amount="3.00")
    path = f"/expenses/{expense.expense_id}"

    def cost(method, path, body=None, expected=200):
        with counted() as calls:
            answer = getattr(browser, method)(path, body)
        assert answer.status_code == expected, answer.content
        return calls.names

    # One for the page, and two for stored totals where it has not the whole list.
    days = "start=2026-01-01&end=2026-12-31"
    assert cost("get", f"/expenses?{days}") == [SESSION, QUERY]
    browser.get("/expenses/categories")  # stores the totals of months
    stored_totals = [QUERY, QUERY]
    assert cost("get", f"/expenses?{days}&page_size=1") == [
        SESSION,
        QUERY,
        *stored_totals,
    ]
    # A search is summed up by one; the years are those of stored totals.
    searched = "/expenses?q=gro&min_amount=1&sort=oldest"
    assert cost("get", searched) == [SESSION, QUERY, QUERY, *PAGE, *stored_totals]
    # By amount: one for both, which finds the ids of the page.
    assert cost("get", f"/expenses?{days}&sort=largest") == [SESSION, QUERY, *PAGE]
    # An unchanged expense has no history to read.
    assert cost("get", f"{path}/edit") == [SESSION, EXPENSE]
    assert cost("get", f"{path}/duplicate") == [SESSION, EXPENSE]
    two = [expense.expense_id, make_expense(alice).expense_id]
    data = {"action": "cleared", "selected": two}
    reading = [SESSION, "dynamodb.BatchGetItem"]
    assert cost("post", "/expenses/selected", data, 302) == [*reading, TRANSACTION]
    assert cost("get", f"{path}/edit") == [SESSION, EXPENSE, EXPENSE]
    assert cost("get", f"/api{path}/history") == [SESSION, EXPENSE, EXPENSE]
    for action, calls in (
        ("csv", reading),
        ("category", [SESSION]),
        ("delete", reading),
    ):
        data["action"] = action
        assert cost("post", "/expenses/selected", data) == calls
    # All that match: asked with their totals, then read, changed in bulk.
    everything = {"all": "yes", "action": "void", "next": "/expenses?category=rent"}
    asked = cost("post", "/expenses/selected", everything)
    assert asked == [SESSION, QUERY]
    everything["confirmed"] = "yes"
    assert cost("post", "/expenses/selected", everything, 302) == [
        SESSION,
        QUERY,
        "dynamodb.BatchGetItem",
        BUDGETS_BY_KEY,
        TRANSACTION,
    ]
    browser.get("/expenses")  # shows its message
    data["confirmed"] = "yes"
    deleting = [*reading, BUDGETS_BY_KEY, TRANSACTION]
    assert cost("post", "/expenses/selected", data, 302) == deleting
    # The message has the Undo button; it reads the change and the deleted expenses.
    undo = re.search(r'action="(/expenses/undo/\w+)"', browser.get("/expenses").text)
    restoring = [SESSION, EXPENSE, TRASH, BUDGETS_BY_KEY, TRANSACTION]
    assert cost("post", undo[1], {}, 302) == restoring
    deleting_one = [EXPENSE, BUDGETS_BY_KEY, TRANSACTION]
    assert cost("post", f"{path}/delete", {}, 302)[1:] == deleting_one
    assert cost("post", f"{path}/restore", {}, 302)[1:] == [
        TRASH,
        BUDGETS_BY_KEY,
        TRANSACTION,
    ]


@pytest.mark.parametrize("history", [50], indirect=True)
def test_aws_calls_of_categories_and_selections(alice, browser):
    """A list reads totals of past months; a rename costs a bulk and its budgets."""
    expense = make_expense(alice, amount="3.00")

    def cost(path, body=None):
        with counted() as calls:
            if body is None:
                answer = browser.get(path)
            else:
                answer = browser.post(path, body, content_type="application/json")
        assert answer.status_code == 200, answer.content
        return calls.names, calls.read_items

    everything = 50 + 2 + 1  # expenses of all years, and a budget
    first = [SESSION, QUERY, QUERY, *[STORE] * 11, QUERY]  # stores 11 years' totals
    assert cost("/api/categories") == (first, everything)
    for path in ("/api/categories", "/expenses/categories"):
        assert cost(path) == ([SESSION, QUERY, QUERY, QUERY], 11 + 2 + 1)
    assert cost("/api/categories?q=gro&start=2026-01-01")[1] == 1 + 2 + 1
    recent = "/api/categories?start=2026-03-01"
    assert cost(recent) == ([SESSION, QUERY, QUERY], 2 + 1)
    assert cost("/expenses/categories/rename?from=Rent") == ([SESSION], 0)

    def rename(source, target):
        return cost("/api/categories/rename", {"from": source, "to": target})[0]

    # Its budgets by key: before, during and after; none of them moves.
    look = [SESSION, QUERY, BUDGETS_BY_KEY]
    assert rename("Rent", "Home") == [
        *look,
        BUDGETS_BY_KEY,
        TRANSACTION,
        BUDGETS_BY_KEY,
    ]
    assert rename("Rent", "Home") == [*look, BUDGETS_BY_KEY]  # nothing left to do
    # A budget is counted under its new name, and recounted a little later.
    moving = rename("Groceries", "Food")
    assert moving[:5] == [*look, QUERY, TRANSACTION]
    assert moving[5:] == [BUDGETS_BY_KEY, *[TRANSACTION] * 2, SEND, BUDGETS_BY_KEY]

    chosen = {"expense_ids": [expense.expense_id], "status": "cleared"}
    reading = [SESSION, "dynamodb.BatchGetItem"]
    assert cost("/api/expenses/selected", chosen)[0] == [*reading, TRANSACTION]


def test_aws_calls_of_an_import(alice, browser):
    """A preview, a hundred expenses in two transactions, an undo."""
    get, query, store = "dynamodb.GetItem", QUERY, "s3.PutObject"
    clear, read = "s3.DeleteObject", "s3.GetObject"
    typed = make_expense(alice, amount="7.00", description="Tea")
    rows = [f"2026-03-{1 + n % 9:02},SHOP {n},-{n}.00" for n in range(1, 101)]
    rows += [f"{typed.date},CAFE,-7.00"]
    content = "\n".join(["Date,Description,Amount", *rows, ""]).encode()

    def cost(method, path, body=None, expected=200):
        with counted() as calls:
            if body is None:
                answer = browser.generic(method, f"/api/imports{path}")
            else:
                data = json.dumps(body)
                answer = browser.generic(
                    method, f"/api/imports{path}", data, "application/json"
                )
        assert answer.status_code == expected, answer.content
        return sorted(calls.names)

    with counted() as calls:
        file = SimpleUploadedFile("bank.csv", content, "text/csv")
        answer = browser.post("/api/imports", {"file": file})
    # The user's profiles and rules; expenses and deleted bookings of the file's days;
    # the file, its rows and the import. Then the budgets.
    put, budgets = "dynamodb.PutItem", QUERY
    assert sorted(calls.names) == sorted(
        [SESSION, get, query, query, store, store, put, budgets]
    )
    path = f"/{answer.json()['import_id']}"

    assert cost("GET", "") == sorted([SESSION, query])
    assert cost("GET", path) == sorted([SESSION, get, read, budgets])
    assert cost("GET", f"{path}/rows") == sorted([SESSION, get, read])
    choice = {"rows": [{"row": 2, "decision": "excluded"}]}
    changing = [SESSION, get, read, store, STORE, clear, budgets]
    assert cost("PATCH", f"{path}/rows", choice) == sorted(changing)
    with counted() as calls:
        rule = {"import_id": path[1:], "row": 3, "never_guess": True}
        browser.post("/api/import-rules", rule, "application/json")
    remembering = [SESSION, get, read, get, STORE]  # no other row changes
    assert sorted(calls.names) == sorted(remembering)
    # Matched expenses, budgets, the expenses, the state, and the profile.
    committing = [SESSION, get, read, PAGE[0], BUDGETS_BY_KEY, *[TRANSACTION] * 2]
    committing += [STORE, get, STORE]
    assert cost("POST", f"{path}/commit") == sorted(committing)
    assert cost("POST", f"{path}/commit") == sorted([SESSION, get])
    assert cost("GET", path) == sorted([SESSION, get])
    # Twice a hundred expenses by their rows' ids, then as for the commit.
    undoing = [SESSION, get, read, *PAGE * 2, BUDGETS_BY_KEY, *[TRANSACTION] * 2]
    assert cost("POST", f"{path}/undo", {}) == sorted([*undoing, STORE])

    file = SimpleUploadedFile("bank.csv", content, "text/csv")
    path = f"/{browser.post('/api/imports', {'file': file}).json()['import_id']}"
    discarding = [SESSION, get, "dynamodb.DeleteItem", clear, clear]
    assert cost("DELETE", path, expected=204) == sorted(discarding)


@pytest.mark.parametrize("history", [50], indirect=True)
def test_aws_calls_of_moving_an_imported_expense(alice, browser):
    """Its booking is an item of the same transaction."""
    before = {expense.expense_id for expense in all_expenses(alice)}
    commit.commit(alice, upload(alice, "2026-03-02,SHOP,-7.00").import_id)
    [expense_id] = {expense.expense_id for expense in all_expenses(alice)} - before

    def cost(method, body=None):
        path, data = f"/api/expenses/{expense_id}", json.dumps(body)
        with counted() as calls:
            answer = browser.generic(method, path, data, "application/json")
        assert answer.status_code in (200, 204), answer.content
        return calls.names

    moving = [SESSION, EXPENSE, BUDGETS_BY_KEY, TRANSACTION]
    for day in ("2026-03-03", "2025-12-01", "2025-12-02", "2026-03-02", "2025-12-01"):
        assert cost("PATCH", {"date": day}) == moving
    assert cost("PATCH", {"description": "Tea"}) == [SESSION, EXPENSE, TRANSACTION]
    assert cost("DELETE") == moving


@pytest.mark.parametrize("history", [50], indirect=True)
def test_aws_calls_of_budgets_in_a_preview(alice):
    """A query of the budgets; more if a period began or a finished one changes."""
    record = upload(alice, "2026-02-02,SHOP,-7.00", "2026-03-02,SHOP,-7.00")

    def cost():
        stored = services.get_import(alice, record.import_id)
        with counted() as calls:
            services.budgets_over(alice, stored)
        return calls.names

    rows, budgets = "s3.GetObject", QUERY
    assert cost() == [rows, budgets]
    for category in ("Auto", "Bus"):  # their next period began without a write
        make_budget_last_month(alice, category=category, rollover={"mode": "both"})
    assert cost() == [rows, budgets, QUERY]
    for category in ("Auto", "Bus"):
        make_expense(alice, category=category)
    assert cost() == [rows, budgets, "dynamodb.BatchGetItem"]


@pytest.mark.parametrize("history", [50], indirect=True)
def test_aws_calls_of_a_digest_of_several_calls(alice, monkeypatch):
    """Reads the digest and its alerts if a later call adds some, or to queue it."""
    monkeypatch.setattr(commit, "MAX_ROWS", 40)
    for category, amount in (("Auto", "30"), ("Bus", "30")):
        make_budget(alice, category=category, amount=amount)
    texts = [f"{text},-1.00" for text in ("AUTO", "BUS", "CATS") for _ in range(40)]
    rules = [{"text": name, "category": name.title()} for name in ("AUTO", "BUS")]
    profiles.save_rules(alice, rules)
    record = upload(alice, *(f"2026-03-02,{text}" for text in texts))

    def cost():
        with counted() as calls:
            commit.commit(alice, record.import_id)
        return calls.names

    get, read, digest_alerts = "dynamodb.GetItem", "s3.GetObject", PAGE[0]
    first = [get, read, BUDGETS_BY_KEY, TRANSACTION]
    assert cost() == first
    assert cost() == [get, read, BUDGETS_BY_KEY, get, digest_alerts, TRANSACTION]
    assert cost() == [*first, get, SEND, STORE, get, STORE]


def test_aws_calls_of_a_large_import(alice, browser, monkeypatch):
    """In the request: what waits, the file, the import with its job, and a message."""
    from expenses.imports import background, reading

    monkeypatch.setattr(reading, "MAX_IN_REQUEST", 10)
    get, store, clear = "dynamodb.GetItem", "s3.PutObject", "s3.DeleteObject"

    with counted() as calls:
        file = SimpleUploadedFile("bank.csv", b"Date,Text,Amount\n2026-03-02,A,-1.00")
        answer = browser.post("/api/imports", {"file": file})
    assert answer.json()["state"] == "reading"
    sending = [SESSION, store, get, TRANSACTION, SEND]
    assert sorted(calls.names) == sorted(sending)

    with counted() as calls:
        background.read_next(alice.user_id)
    # The account, what waits, the job's time; the import and its attempt; then as in a
    # request, in place of earlier rows; and that it no longer waits.
    beginning = [get, get, STORE, get, STORE, "s3.GetObject"]
    reading_it = [get, QUERY, QUERY, store, STORE, clear]
    assert calls.names == [*beginning, *reading_it, get, TRANSACTION]


@pytest.mark.parametrize("history", [50], indirect=True)
def test_aws_calls_of_exports(alice, browser):
    """The account, the throttle, each list once; a hundred histories a call."""
    expense = make_expense(alice, amount="3.00")
    expenses.edit_expense(alice, expense.expense_id, amount="4.00")
    admitted = [SESSION, "dynamodb.GetItem", "dynamodb.UpdateItem"]

    def cost(path):
        with counted() as calls:
            answer = browser.get(path)
            assert answer.status_code == 200
            b"".join(answer.streaming_content)
        return calls.names

    histories, reports = "dynamodb.BatchGetItem", "s3.ListObjectsV2"
    logins = "dynamodb.GetItem"
    # Budgets, the bank accounts and rules of imports, logins, imports, notifications,
    # expenses; the trash, which the zip reads for files, too.
    settings = "dynamodb.GetItem"
    lists = [QUERY, settings, logins, *[QUERY] * 3, histories]
    assert cost("/api/export") == [*admitted, *lists, QUERY, QUERY, reports]
    assert cost("/api/export.json") == [*admitted, *lists, QUERY, reports]
    assert cost("/api/export/expenses.csv") == [*admitted, QUERY]


@pytest.mark.parametrize("history", [50], indirect=True)
@pytest.mark.parametrize("sessions", [1, 30])
def test_aws_calls_of_logins(alice, sessions):
    """The name, the account, two throttles; the last call subtracts from both."""
    name = account = "dynamodb.GetItem"
    throttles = ["dynamodb.UpdateItem"] * 2

    def cost(username="alice", password=PASSWORD):
        with counted() as calls:
            answer = client_for().post(
                "/login",
                {"username": username, "password": password},
                content_type="application/json",
            )
        return answer.status_code, calls.names

    for _ in range(sessions):
        right = cost()
    assert right == (200, [name, account, *throttles, TRANSACTION])
    wrong = (401, [name, account, *throttles])
    assert cost(password="a wrong password") == cost("nobody") == wrong


@pytest.mark.parametrize("history", [50], indirect=True)
def test_aws_calls_of_registrations(alice):
    """The throttle and one transaction; with account mail, one message more."""
    throttle = "dynamodb.UpdateItem"

    def cost(name):
        fields = {"username": name, "email": f"{name}@example.com"}
        with counted() as calls:
            answer = client_for().post(
                "/register",
                {**fields, "password": PASSWORD},
                content_type="application/json",
            )
        assert answer.status_code == 201
        return calls.names

    assert cost("bob") == [throttle, TRANSACTION]
    with using_ses() as sent:
        assert cost("carol") == [throttle, TRANSACTION, SEND]
        run_queued_tasks()

        # The session and the link, its account and the address; one transaction.
        client = client_for()
        client.get(sent[0].account_link)
        with counted() as calls:
            assert client.post("/accounts/verify").status_code == 200
    read = "dynamodb.GetItem"
    assert calls.names == [*[read] * 4, TRANSACTION]


@pytest.mark.parametrize("history", [50], indirect=True)
def test_aws_calls_of_api_tokens(alice, browser):
    """A request with a token: the cost of a session, and one write a minute."""
    token, account = "dynamodb.GetItem", "dynamodb.GetItem"
    used = throttle = "dynamodb.UpdateItem"

    def cost(client, path, body=None):
        send = client.post if body else client.get
        with counted() as calls:
            answer = send(path, body, content_type="application/json")
        return calls.names, answer

    fields = {"password": PASSWORD, "name": "Script", "scopes": ["read"]}
    calls, created = cost(browser, "/api/tokens", {**fields, "expires_in_days": 1})
    # The account is read again after the password check, for the transaction.
    password = [account, throttle, throttle]
    assert calls == [SESSION, *password, account, TRANSACTION, SEND]

    program = program_with(created.json()["token"])
    assert cost(program, "/api/budgets")[0] == [token, used, QUERY]
    assert cost(program, "/api/budgets")[0] == [token, QUERY]
    assert cost(program, "/api/expenses", {"amount": "1.00"})[0] == [token]  # refused
    assert cost(program_with("no token"), "/api/budgets")[0] == []


@pytest.mark.parametrize("history", [50], indirect=True)
def test_aws_calls_of_refunds(alice, browser):
    """A linked refund reads its expense; a page with links reads the others."""

    def cost(method, path, body=None, expected=200):
        with counted() as calls:
            answer = browser.generic(
                method, path, json.dumps(body or {}), content_type="application/json"
            )
        assert answer.status_code == expected, answer.content
        return calls.names, answer

    def pay(**fields):
        body = {"amount": "3.00", "category": "Groceries", **fields}
        return cost("POST", "/api/expenses", body, 201)

    adding = [SESSION, BUDGETS_BY_KEY, TRANSACTION]
    _, expense = pay()
    assert pay(kind="refund")[0] == adding
    expense_id = expense.json()["expense_id"]
    calls, refund = pay(kind="refund", refund_of=expense_id)
    assert calls == [SESSION, EXPENSE, BUDGETS_BY_KEY, TRANSACTION]

    path = f"/api/expenses/{refund.json()['expense_id']}"
    changing = [SESSION, EXPENSE, BUDGETS_BY_KEY, TRANSACTION]
    assert cost("PATCH", path, {"amount": "2.00"})[0] == changing
    assert cost("PATCH", path, {"kind": "expense"})[0] == changing
    assert cost("DELETE", path, expected=204)[0] == changing

    links = "dynamodb.BatchGetItem"
    assert cost("GET", f"/api/expenses/{expense_id}/refunds")[0] == [
        SESSION,
        EXPENSE,
        links,
    ]
    page = f"/expenses/{expense_id}"
    assert cost("GET", f"{page}/edit")[0] == [SESSION, EXPENSE, links]
    assert cost("GET", f"{page}/refund")[0] == [SESSION, EXPENSE]
    form = {"amount": "1", "kind": "refund", "category": "Rent", "date": str(TODAY)}
    with counted() as calls:
        assert browser.post(f"{page}/refund", form).status_code == 302
    assert calls.names == [SESSION, EXPENSE, BUDGETS_BY_KEY, TRANSACTION]


@pytest.mark.parametrize("history", [50], indirect=True)
def test_aws_calls_with_budgets_for_several_categories_or_all(alice, browser):
    """One more to add an expense that such a budget lists; none to read."""
    account = "dynamodb.GetItem"
    directory = "dynamodb.GetItem"

    def cost(method, path, body=None):
        send = getattr(browser, method)
        with counted() as calls:
            answer = send(path, body, content_type="application/json")
        assert answer.status_code in (200, 201), answer.content
        return calls.names

    def create(**body):
        return cost("post", "/api/budgets", {"amount": "900.00", **body})

    def spend(category):
        body = {"category": category, "amount": "1.00"}
        return cost("post", "/api/expenses", body)

    creating = [SESSION, QUERY, TRANSACTION, SEND]
    assert create(category="Rent") == creating
    # The first of a shape is noted in the account.
    first = [SESSION, account, TRANSACTION, QUERY, TRANSACTION, SEND]
    assert create(categories="all") == first
    several = [SESSION, account, TRANSACTION, directory, QUERY, TRANSACTION, SEND]
    assert create(categories=["Fun", "Rent"]) == several
    trip = {"period": "once", "start": "2026-03-10", "end": "2026-03-20"}
    assert create(category="Fun", **trip) == [SESSION, directory, *creating[1:]]

    adding = [SESSION, BUDGETS_BY_KEY, TRANSACTION]
    assert spend("Groceries") == adding
    assert spend("Fun") == [SESSION, BUDGETS_BY_KEY, BUDGETS_BY_KEY, TRANSACTION]
    assert cost("get", "/api/summary") == [SESSION, QUERY, QUERY]
    assert cost("get", "/api/budgets") == [SESSION, QUERY]
    with time_machine.travel(datetime.datetime(2026, 4, 2, 9, tzinfo=datetime.UTC)):
        browser = client_for(alice)
        spend("Fun")
        past = cost("get", "/api/summary?month=2026-03")
    assert past == [SESSION, QUERY, "dynamodb.BatchGetItem", QUERY]
