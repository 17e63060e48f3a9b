import csv
import datetime
import io
import itertools
import re
from decimal import Decimal
from html import unescape
from unittest.mock import ANY

import pytest
import time_machine

from accounts.models import Account
from expenses import date_filters
from expenses.models import Expense
from expenses.queries import get_expense, list_expenses
from smartbudget.core import pagination
from smartbudget.core.errors import NotFoundError
from tests.builders import account_of, client_for, make_user, token_of
from tests.money_builders import make_budget, make_expense, spent

pytestmark = pytest.mark.usefixtures("aws")

LIST = "/expenses"
ADD = "/expenses/add"
ACT = "/expenses/selected"
ONE_DAY = datetime.timedelta(days=1)
LUNCH = {
    "amount": "12.50",
    "category": "Eating out",
    "description": "",
    "date": "2026-03-17",
}


def page(response) -> str:
    return response.content.decode()


def key_in(response) -> str:
    (key,) = re.findall(r'name="idempotency_key" value="(\w+)"', page(response))
    return key


def after(client, response) -> str:
    """Follow a redirect and return the page it leads to."""
    assert response.status_code == 302, page(response)
    return page(client.get(response["Location"]))


def test_an_expense_is_added_and_confirmed_on_the_list(client, alice):
    response = client.post(ADD, {**LUNCH, "description": "Café\r\n早餐"})

    assert response["Location"] == LIST
    html = page(client.get(LIST))
    assert "Added $12.50 to Eating out." in html
    assert "Mar 17, 2026" in html
    assert "Café<br>早餐" in html
    (expense,) = list_expenses(alice).items
    assert (expense.amount, expense.description) == (Decimal("12.50"), "Café\n早餐")


def test_the_add_page_defaults_to_today_in_the_users_time_zone():
    user = make_user(time_zone="Pacific/Apia", currency="JPY")

    with time_machine.travel("2026-03-18T22:00+00:00"):
        html = page(client_for(user).get(ADD))

    assert 'value="2026-03-19"' in html
    assert "Amount (JPY)" in html


def test_sending_the_add_form_twice_stores_one_expense(client, alice):
    data = {**LUNCH, "idempotency_key": key_in(client.get(ADD))}

    first, second = client.post(ADD, data), client.post(ADD, data)

    assert (first.status_code, second.status_code) == (302, 302)
    assert len(list_expenses(alice).items) == 1


def test_every_add_page_has_its_own_idempotency_key(client):
    assert key_in(client.get(ADD)) != key_in(client.get(ADD))


def test_a_form_shown_again_keeps_its_key_and_input(client):
    key = key_in(client.get(ADD))

    response = client.post(
        ADD, {**LUNCH, "amount": "-1", "category": "Ca<fé", "idempotency_key": key}
    )

    assert response.status_code == 400
    assert key_in(response) == key
    assert 'value="-1"' in page(response)
    assert 'value="Ca&lt;fé"' in page(response)
    assert "Amount must be above zero." in page(response)


def test_resending_a_changed_form_asks_before_storing_another(client, alice):
    data = {**LUNCH, "idempotency_key": key_in(client.get(ADD))}
    client.post(ADD, data)

    refused = client.post(ADD, {**data, "amount": "13.00"})
    again = client.post(
        ADD, {**data, "amount": "13.00", "idempotency_key": key_in(refused)}
    )

    assert refused.status_code == 409
    assert "You already saved a different expense" in page(refused)
    assert again.status_code == 302
    assert len(list_expenses(alice).items) == 2


WRONG_VALUES = {
    "amount": [
        "",
        "0",
        "-1",
        "0.001",
        "1000000000000",
        "1e400",
        "NaN",
        "ten",
        "1_000",
        "٣",
    ],
    "category": ["", "   ", "a" * 51, "a\u0007b", "a\u0000b"],
    "description": ["a" * 501, "a\u0007b"],
    "date": ["", "2016-03-17", "2027-03-19", "2026-02-29", "tomorrow"],
}


@pytest.mark.parametrize("field", WRONG_VALUES)
def test_an_invalid_field_is_marked_and_nothing_is_stored(client, alice, field):
    for value in WRONG_VALUES[field]:
        response = client.post(ADD, {**LUNCH, field: value})

        assert response.status_code == 400, value
        assert f'id="id_{field}_error"' in page(response), value
        assert page(response).count('class="errorlist"') == 1, value
    assert list_expenses(alice).items == []


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("amount", ["0.01", "999999999999.99", " 5 "]),
        ("category", ["a" * 50, "🍜" * 50]),
        ("description", ["", "a" * 500, "a" * 249 + "\r\n" * 2 + "a" * 249]),
        ("date", ["2016-03-18", "2027-03-18"]),
    ],
)
def test_values_at_the_limits_are_accepted(client, field, values):
    for value in values:
        data = {**LUNCH, field: value, "odd_date": "on"}
        assert client.post(ADD, data).status_code == 302, value


def test_an_oversized_form_is_rejected(client, alice):
    response = client.post(
        ADD,
        f"description={'a' * 2_500_001}",
        content_type="application/x-www-form-urlencoded",
    )

    assert response.status_code == 413
    assert list_expenses(alice).items == []


def test_the_list_is_newest_first_and_its_rows_link_to_their_form(client, alice):
    old = make_expense(alice, date="2026-03-01", category="Older")
    make_expense(alice, date="2026-03-02", category="Newer", status="void")

    html = page(client.get(LIST))

    assert html.index("Newer") < html.index("Older")
    assert f"/expenses/{old.expense_id}/edit" in html
    assert ">Void<span" in html


def test_an_empty_list_says_so(client):
    assert "Add the first one" in page(client.get(LIST))
    assert "No matching expenses." in page(client.get(LIST, {"category": "Rent"}))


def test_user_input_is_escaped(client, alice):
    make_expense(alice, category="<i>cat", description="<script>x</script>")

    html = page(client.get(LIST))

    assert "&lt;i&gt;cat" in html
    assert "<script>" not in html


def test_the_list_filters_and_keeps_the_filter_values(client, alice):
    make_expense(alice, category="Rent", date="2026-03-01", description="in")
    make_expense(alice, category="Rent", date="2026-02-01", description="early")
    make_expense(alice, category="Food", date="2026-03-01", description="other")

    query = {"start": "2026-03-01", "end": "", "category": "RENT", "status": "pending"}
    html = page(client.get(LIST, query))

    assert ">in</td>" in html
    assert ">early</td>" not in html
    assert ">other</td>" not in html
    assert 'value="RENT"' in html
    assert '<option value="pending" selected>' in html


def chips_in(html):
    """Return {label: URL without it} of the active filters."""
    hidden = r"<span[^>]*>[^<]*</span>"
    found = re.findall(rf'<li><a href="([^"]+)">{hidden}([^<]+) <svg', html)
    return {label: unescape(url) for url, label in found}


def test_each_active_filter_is_a_chip_that_removes_it(client, alice):
    make_expense(alice)
    query = {
        "q": "a<b",
        "start": "2026-03-01",
        "end": "2026-03-31",
        "status": "void",
        "min_amount": "5",
        "sort": "largest",
        "page_size": "10",
    }

    chips = chips_in(page(client.get(LIST, query)))

    others = "q=a%3Cb&status=void&min_amount=5&page_size=10"
    assert chips == {
        "Mar 1\u2009–\u200931, 2026": f"{LIST}?{others}",
        "“a&lt;b”": ANY,
        "Status: Void": ANY,
        "Min amount: 5": ANY,
    }
    assert "q=" not in chips["“a&lt;b”"]
    assert "start=2026-03-01" in chips["“a&lt;b”"]
    assert "sort=largest" in chips["Status: Void"]
    assert "status=" not in chips["Status: Void"]
    assert client.get(chips["Status: Void"]).status_code == 200


def test_a_chip_of_half_a_range_names_its_end(client, alice):
    make_expense(alice)

    html = page(client.get(LIST, {"start": "2026-03-01", "end": "", "q": ""}))

    assert chips_in(html) == {"From: Mar 1, 2026": LIST}


def test_an_order_is_no_filter(client, alice):
    make_expense(alice)

    assert chips_in(page(client.get(LIST, {"sort": "oldest"}))) == {}


def test_a_list_without_expenses_has_no_filter_until_one_is_active(client, alice):
    search = 'role="search"'

    assert search not in page(client.get(LIST))
    assert "This month" not in page(client.get(LIST))
    assert search in page(client.get(LIST, {"q": "rent"}))
    assert "This month" in page(client.get(LIST, {"q": "rent"}))
    assert search in page(client.get(LIST, {"start": "yesterday"}))


def test_rows_have_the_amount_that_counts_in_minor_units(client, alice):
    make_expense(alice, amount="1234.50")
    make_expense(alice, amount="9.99", status="void")

    amounts = re.findall(r'<tr [^>]*data-minor-units="([^"]+)"', page(client.get(LIST)))

    assert sorted(amounts) == ["0", "123450"]


def test_pages_link_forward_and_back_and_keep_the_filter(client, alice):
    for day in range(1, 4):
        make_expense(alice, date=f"2026-03-0{day}", description=f"d{day}")

    first = page(client.get(LIST, {"page_size": "2", "category": "groceries"}))
    (onward,) = re.findall(r'rel="next" href="([^"]+)"', first)
    second = page(client.get(onward.replace("&amp;", "&")))
    (back,) = re.findall(r'rel="prev" href="([^"]+)"', second)

    assert re.findall(">(d.)</td>", first) == ["d3", "d2"]
    assert re.findall(">(d.)</td>", second) == ["d1"]
    assert 'value="groceries"' in second
    assert page(client.get(back.replace("&amp;", "&"))).count('"description">d') == 2


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"start": "2026-02-29"}, "Enter a valid date as YYYY-MM-DD."),
        (
            {"start": "2026-03-02", "end": "2026-03-01"},
            "The end date is before the start date.",
        ),
        ({"status": "lost"}, "Choose one of the options."),
        ({"category": "a" * 51}, "at most 50 characters"),
        ({"cursor": "forged"}, "This cursor is not valid."),
        ({"page_size": "0"}, "Enter a whole number from 1 to 100."),
    ],
)
def test_an_invalid_filter_is_reported_on_the_form(client, query, sentence):
    response = client.get(LIST, query)

    assert response.status_code == 400
    assert sentence in page(response)


def test_the_edit_page_shows_stored_values(client, alice):
    expense = make_expense(
        alice, amount="12.5", description="one\ntwo", status="cleared"
    )

    html = page(client.get(f"/expenses/{expense.expense_id}/edit"))

    assert 'value="12.50"' in html
    assert 'value="Groceries"' in html
    assert 'value="2026-03-18"' in html
    assert "one\ntwo</textarea>" in html
    assert '<option value="cleared" selected>' in html


def test_an_edit_is_stored_and_returns_to_the_list(client, alice):
    expense = make_expense(alice)
    budget = make_budget(alice)

    response = client.post(
        f"/expenses/{expense.expense_id}/edit", {**LUNCH, "status": "void"}
    )

    assert "Saved: Eating out, $12.50." in after(client, response)
    stored = get_expense(alice, expense.expense_id)
    assert (stored.category, stored.status) == ("Eating out", "void")
    assert spent(budget) == 0


def test_an_amount_from_before_a_currency_change_is_kept(alice):
    """Cents from before the user changed to yen."""
    expense = make_expense(alice, amount="102.50", category="Tea")
    account_of(alice).update([Account.currency.set("JPY")])
    client = client_for(alice)
    path = f"/expenses/{expense.expense_id}/edit"
    html = page(client.get(path))
    typed = {"category": "Coffee", "date": expense.date, "status": "cleared"}
    typed["amount"] = re.search(r'name="amount" value="(.*?)"', html)[1]
    typed["version"] = re.search(r'name="version" value="(.*?)"', html)[1]

    response = client.post(path, typed)
    assert response.status_code == 302, page(response)
    api, kind = f"/api/expenses/{expense.expense_id}", "application/json"
    same = client.patch(api, {"amount": "102.5", "category": "Chai"}, content_type=kind)
    other = client.patch(api, {"amount": "103.5"}, content_type=kind)

    assert (same.status_code, other.status_code) == (200, 400)
    stored = get_expense(alice, expense.expense_id)
    assert (stored.amount, stored.category) == (Decimal("102.50"), "Chai")


def test_an_invalid_edit_is_marked_and_changes_nothing(client, alice):
    expense = make_expense(alice)
    address = f"/expenses/{expense.expense_id}/edit"

    for field, value in (("amount", "0"), ("status", "lost"), ("date", "2027-03-19")):
        response = client.post(address, {**LUNCH, "status": "void", field: value})

        assert response.status_code == 400
        assert f'id="id_{field}_error"' in page(response)
    assert get_expense(alice, expense.expense_id).version == expense.version


def test_one_expense_is_deleted_from_its_page_without_a_question(client, alice):
    expense = make_expense(alice)
    address = f"/expenses/{expense.expense_id}/delete"

    html = page(client.get(f"/expenses/{expense.expense_id}/edit"))
    (form,) = re.findall(r'<form id="delete" method="post" action="([^"]+)"', html)
    assert re.search(r'<button [^>]*form="delete">Delete<', html)
    assert form == address

    html = after(client, client.post(form))
    assert "Deleted Groceries, $10.00." in html
    assert f'action="/expenses/{expense.expense_id}/restore"' in html
    with pytest.raises(NotFoundError):
        get_expense(alice, expense.expense_id)


def test_one_selected_expense_is_deleted_without_a_question(client, alice):
    expense = make_expense(alice)
    data = {"action": "delete", "selected": expense.expense_id}

    html = after(client, client.post("/expenses/selected", data))

    assert "Deleted Groceries, $10.00." in html
    assert f'action="/expenses/{expense.expense_id}/restore"' in html
    with pytest.raises(NotFoundError):
        get_expense(alice, expense.expense_id)


def test_another_users_expense_is_not_found(alice):
    expense = make_expense(alice)
    bob = client_for(make_user("bob"))
    edit, delete = (f"/expenses/{expense.expense_id}/{do}" for do in ("edit", "delete"))

    answers = [
        bob.get(edit),
        bob.post(edit, {**LUNCH, "status": "void"}),
        bob.post(delete),
    ]

    assert {answer.status_code for answer in answers} == {404}
    assert get_expense(alice, expense.expense_id).version == expense.version


def test_another_users_expenses_are_not_listed(alice):
    make_expense(alice, category="Secret")

    assert "Secret" not in page(client_for(make_user("bob")).get(LIST))


def test_an_unknown_id_is_not_found(client):
    for strange in ("0" * 32, "a" * 1000, "%00", "%0a"):
        for send, action in ((client.get, "edit"), (client.post, "delete")):
            assert send(f"/expenses/{strange}/{action}").status_code == 404


def test_anonymous_visitors_are_redirected_to_login(alice):
    expense = make_expense(alice)
    edit, delete = (f"/expenses/{expense.expense_id}/{do}" for do in ("edit", "delete"))
    anonymous = client_for()

    answers = [
        *(anonymous.get(url) for url in (LIST, ADD, edit)),
        anonymous.post(delete, LUNCH),
    ]
    forms = [anonymous.post(url, LUNCH) for url in (ADD, edit)]

    assert {answer.status_code for answer in answers} == {302}
    assert all(answer["Location"].startswith("/login") for answer in answers)
    assert {answer.status_code for answer in forms} == {401}
    assert get_expense(alice, expense.expense_id).version == expense.version


def test_forms_need_the_csrf_token(alice):
    expense = make_expense(alice)
    client = client_for(alice, csrf=True)
    edit, delete = (f"/expenses/{expense.expense_id}/{do}" for do in ("edit", "delete"))

    statuses = [
        client.post(url, {**LUNCH, "status": "void"}).status_code
        for url in (ADD, edit, delete)
    ]

    assert statuses == [403, 403, 403]
    assert [stored.version for stored in list_expenses(alice).items] == [
        expense.version
    ]
    assert client.post(delete, headers=token_of(client)).status_code == 302


def test_only_get_and_post_are_allowed(client):
    assert client.post(LIST).status_code == 405
    assert client.put(ADD).status_code == 405
    assert client.get(f"/expenses/{'0' * 32}/delete").status_code == 405


def links_in(html: str, text: str) -> str:
    (href,) = re.findall(rf'<a [^>]*href="([^"]*)"[^>]*>{text}', html)
    return unescape(href)


def test_the_date_heading_reverses_the_list_and_keeps_the_filter(client, alice):
    for day in (1, 2, 3):
        make_expense(alice, date=f"2026-03-0{day}", description=f"day {day}")

    turned = links_in(page(client.get(f"{LIST}?q=day&page_size=2")), "Date")
    html = page(client.get(turned))
    onward = page(client.get(links_in(html, "Newer")))

    assert "day 1" in html
    assert html.index("day 1") < html.index("day 2")
    assert "day 3" not in html
    assert "day 3" in onward
    assert "newest" in links_in(onward, "Date")


def test_the_date_hierarchy_links_years_and_months(client, alice):
    make_expense(alice, date="2025-11-05", description="old")
    make_expense(alice, date="2026-03-05", description="new")

    every = page(client.get(f"{LIST}?category=groceries"))
    year = page(client.get(links_in(every, "2025")))
    month = page(client.get(links_in(year, "Nov")))
    empty = page(client.get(links_in(month, "Dec")))
    back = page(client.get(links_in(empty, "All dates")))

    for html in (year, month):
        assert "old" in html
        assert ">new<" not in html
    assert "No matching expenses." in empty
    assert ">old<" in back
    assert ">new<" in back
    assert 'value="groceries"' in back


@pytest.mark.parametrize("today", ["2026-01-01", "2028-02-29", "2026-12-31"])
def test_presets_are_whole_periods(today):
    day = datetime.date.fromisoformat(today)

    offered = {preset.label: preset.period for preset in date_filters.presets(day)}

    assert day in offered["This month"]
    assert offered["Last month"].end == offered["This month"].start - ONE_DAY
    assert offered["Last 90 days"].end - offered["Last 90 days"].start == ONE_DAY * 89


@pytest.mark.parametrize(
    ("today", "newest", "oldest"),
    [
        ("2026-12-31", "Oct", "Jan"),
        ("2026-02-28", "Dec 2025", "Mar 2025"),
        ("2028-03-01", "Jan", "Apr 2027"),
    ],
)
def test_the_months_before_last_are_linked_for_a_year(today, newest, oldest):
    day = datetime.date.fromisoformat(today)

    links = date_filters.drill_down(None, day, lambda: [day.year, day.year - 1])

    labels = [link.label for link in links]
    assert (labels[0], labels[9]) == (newest, oldest)
    assert labels[10:] == [str(day.year), str(day.year - 1)]
    for later, earlier in itertools.pairwise(links[:10]):
        assert earlier.period.end == later.period.start - ONE_DAY
    last_month = date_filters.presets(day)[2].period
    assert links[0].period.end == last_month.start - ONE_DAY


def test_months_of_years_without_expenses_are_not_linked():
    day = datetime.date(2026, 3, 17)

    assert date_filters.drill_down(None, day, list) == []
    links = date_filters.drill_down(None, day, lambda: [2026])
    assert [link.label for link in links] == ["Jan", "2026"]


@pytest.mark.parametrize("year", ["0001", "9999"])
def test_the_first_and_last_possible_dates_are_accepted(client, year):
    answer = client.get(f"{LIST}?start={year}-01-01&end={year}-12-31")

    assert answer.status_code == 200


def test_a_search_that_stopped_early_says_so(client, alice, monkeypatch):
    monkeypatch.setattr(pagination, "READ_FIRST", 3)
    monkeypatch.setattr(pagination, "MAX_PAGES", 0)
    make_expense(alice, date="2026-03-05", description="needle")
    for day in (1, 2, 3, 4):
        make_expense(alice, date=f"2026-02-0{day}", description="dull")
    make_expense(alice, date="2026-01-05", description="needle")

    html = page(client.get(f"{LIST}?q=needle&page_size=2"))

    assert "Keep searching" in html
    assert "Keep searching" not in page(client.get(f"{LIST}?page_size=2"))


def value_of(name: str, html: str) -> str:
    (value,) = re.findall(rf'name="{name}" value="([^"]*)"', html)
    return unescape(value)


def test_a_stale_edit_shows_both_versions_and_can_be_saved(client, alice):
    expense = make_expense(alice, description="first", date="2026-03-17")
    path = f"{LIST}/{expense.expense_id}/edit"
    data = {
        **LUNCH,
        "status": "pending",
        "description": "<mine>",
        "version": value_of("version", page(client.get(path))),
    }
    client.patch(
        f"/api/expenses/{expense.expense_id}",
        {"description": "theirs", "amount": "99.00"},
        content_type="application/json",
    )

    refused = client.post(path, data)
    html = page(refused)
    assert refused.status_code == 409
    assert "Someone changed this expense" in html
    assert "<td>theirs</td><td>&lt;mine&gt;</td>" in html
    assert "<td>$99.00</td><td>$12.50</td>" in html
    assert "<td>2026-03-17</td>" not in html  # the same in both
    assert 'value="12.50"' in html
    assert get_expense(alice, expense.expense_id).description == "theirs"

    again = client.post(path, {**data, "version": value_of("version", html)})
    assert again.status_code == 302
    assert get_expense(alice, expense.expense_id).description == "<mine>"


def test_an_edit_form_sent_twice_is_saved_once(client, alice):
    expense = make_expense(alice)
    path = f"{LIST}/{expense.expense_id}/edit"
    version = value_of("version", page(client.get(path)))
    data = {**LUNCH, "status": "pending", "version": version}

    assert [client.post(path, data).status_code for _ in range(2)] == [302, 302]
    assert get_expense(alice, expense.expense_id).version == 2


def test_a_duplicate_has_todays_date_and_is_stored_once(client, alice):
    old = make_expense(
        alice, amount="7.50", description="tea\ncake", date="2026-01-05", status="void"
    )
    path = f"{LIST}/{old.expense_id}/duplicate"

    response = client.get(path)
    html = page(response)
    data = {
        "amount": "7.50",
        "category": "Groceries",
        "description": "tea\ncake",
        "date": "2026-03-18",
        "idempotency_key": key_in(response),
    }
    for _ in range(2):
        assert client.post(path, data).status_code == 302

    assert 'value="7.50"' in html
    assert 'value="2026-03-18"' in html
    assert "tea\ncake</textarea>" in html
    new, first = list_expenses(alice).items
    assert (new.date, new.amount, new.status) == (
        "2026-03-18",
        Decimal("7.5"),
        "pending",
    )
    assert first.expense_id == old.expense_id


def test_other_users_expenses_cannot_be_duplicated_or_changed(client):
    theirs = make_expense(make_user())

    assert client.get(f"{LIST}/{theirs.expense_id}/duplicate").status_code == 404
    for act in ("void", "csv", "delete", "category"):
        answer = client.post(
            ACT,
            {
                "action": act,
                "selected": theirs.expense_id,
                "category": "X",
                "confirmed": "yes",
            },
        )
        assert "Groceries" not in page(answer)
    stored = Expense.get(theirs.expense_id)
    assert (stored.status, stored.category, stored.version) == (
        "pending",
        "Groceries",
        1,
    )


def test_setting_a_status_for_selected_expenses_returns_to_the_page(client, alice):
    budget = make_budget(alice)
    first, second, third = (make_expense(alice) for _ in range(3))
    chosen = [first.expense_id, second.expense_id, "0" * 32]
    data = {"action": "void", "selected": chosen, "next": f"{LIST}?q=gro&page_size=2"}

    once = client.post(ACT, data)
    html = after(client, once)
    again = after(client, client.post(ACT, data))

    assert once["Location"] == f"{LIST}?q=gro&page_size=2"
    assert "Updated 2 expenses. 1 had already been deleted." in html
    assert (
        "Updated 0 expenses. 2 already had that value. 1 had already been deleted."
        in again
    )
    assert spent(budget) == Decimal(10)
    assert get_expense(alice, third.expense_id).status == "pending"


def test_setting_a_category_asks_for_it_first(client, alice):
    ids = [make_expense(alice).expense_id for _ in range(2)]
    data = {"action": "category", "selected": ids, "next": LIST}

    html = page(client.post(ACT, data))
    refused = client.post(ACT, {**data, "category": "x\0y"})
    response = client.post(ACT, {**data, "category": "Fun"})

    assert "Set the category of 2 expenses" in html
    assert all(f'value="{expense_id}"' in html for expense_id in ids)
    assert refused.status_code == 400
    assert "Moved 2 expenses to Fun." in after(client, response)
    assert {expense.category for expense in list_expenses(alice).items} == {"Fun"}


def test_the_bar_of_actions_sets_a_category_without_another_page(client, alice):
    ids = [make_expense(alice).expense_id for _ in range(2)]
    data = {"action": "category", "category": "Cafés", "selected": ids, "next": LIST}

    html = page(client.get(LIST))
    answer = after(client, client.post(ACT, data))

    assert '<option value="Groceries"></option>' in html
    assert "Moved 2 expenses to Cafés." in answer


def test_deleting_selected_expenses_asks_for_confirmation(client, alice):
    ids = [make_expense(alice).expense_id for _ in range(2)]
    data = {"action": "delete", "selected": ids, "next": LIST}

    html = page(client.post(ACT, data))
    assert "Delete 2 expenses?" in html
    assert len(list_expenses(alice).items) == 2

    response, again = (client.post(ACT, {**data, "confirmed": "yes"}) for _ in range(2))
    assert (response.status_code, again.status_code) == (302, 302)
    html = page(client.get(LIST))
    assert "Deleted 2 expenses." in html
    assert "Deleted 0 expenses. 2 had already been deleted." in html
    assert list_expenses(alice).items == []


def test_selected_expenses_are_downloaded_without_formulas(client, alice):
    formulas = ["=1+1", "+1", "-1", "@SUM(A1)", "\uff1d1"]
    expenses = [
        make_expense(alice, category=formula, description=formula)
        for formula in formulas
    ]
    expenses.append(make_expense(alice, category="Café", description='a "b",\nc'))

    answer = client.post(
        ACT, {"action": "csv", "selected": [expense.expense_id for expense in expenses]}
    )

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == (
        'attachment; filename="expenses-2026-03-18.csv"'
    )
    assert answer["Cache-Control"] == "no-store"
    text = answer.content.decode("utf-8-sig")
    heading, *lines = csv.reader(io.StringIO(text, newline=""))
    assert heading[:2] == ["Date", "Category"]
    assert {(line[1], line[2]) for line in lines} == {
        *((f"'{formula}", f"'{formula}") for formula in formulas),
        ("Café", 'a "b",\nc'),
    }
    assert {line[3] for line in lines} == {"10.00"}


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"action": "void"}, "Select at least one expense."),
        ({"action": "delete"}, "Select at least one expense."),
        ({"action": "category"}, "Select at least one expense."),
        ({"action": "", "selected": "0" * 32}, "Choose an action."),
        ({"action": "delete", "selected": "0" * 32}, "Already deleted."),
        (
            {"action": "void", "selected": ["a"] + [str(n) for n in range(100)]},
            "most 100",
        ),
    ],
)
def test_an_invalid_action_is_reported_on_the_list(client, data, sentence):
    assert sentence in after(client, client.post(ACT, data))


def test_actions_redirect_only_within_the_site(client):
    data = {"action": "void", "selected": "0" * 32}

    away = client.post(ACT, {**data, "next": "https://evil.example/x?q=1"})
    by_get = client.get(ACT)

    assert away["Location"] == LIST
    assert by_get["Location"] == LIST


def test_private_pages_are_not_cached(client, alice):
    expense = make_expense(alice)

    for path in (LIST, f"{LIST}/{expense.expense_id}/edit", f"{LIST}/add"):
        assert client.get(path)["Cache-Control"] == "no-store"


def test_a_page_survives_the_deletion_of_its_first_expenses(client, alice):
    expenses = [make_expense(alice, date=f"2026-03-0{day}") for day in range(1, 7)]
    newest = page(client.get(f"{LIST}?page_size=2"))
    second = links_in(newest, "Older").removeprefix("http://testserver")
    before = page(client.get(second))

    deleted = [expense.expense_id for expense in expenses[3:]]
    data = {"action": "delete", "confirmed": "yes", "selected": deleted, "next": second}
    html = after(client, client.post(ACT, data))

    assert "Mar 4, 2026" in before
    assert "Deleted 3 expenses." in html
    assert "Mar 3, 2026" in html
    assert "Mar 4, 2026" not in html
