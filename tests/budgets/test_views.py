import datetime
import re
from decimal import Decimal

import pytest
import time_machine

from accounts.models import Account
from budgets.services import get_budget, list_budgets
from smartbudget.core.errors import NotFoundError
from tests.builders import account_of, client_for, make_user, token_of
from tests.money_builders import NOON, make_budget, make_expense

pytestmark = pytest.mark.usefixtures("aws")

HOME = "/"
LIST = "/budgets"
ADD = "/budgets/add"
FOOD = {
    "category": "Food",
    "amount": "100",
    "period": "monthly",
    "alert_thresholds": "80",
}


def page(response) -> str:
    """Return the page on one line, so that visible text can be compared."""
    return re.sub(r"\s+", " ", response.content.decode())


def words(text: str) -> str:
    """Return a page's text without its tags."""
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())


def after(client, response) -> str:
    """Follow a redirect and return the page it leads to."""
    assert response.status_code == 302, page(response)
    return page(client.get(response["Location"]))


def test_a_budget_is_added_and_confirmed_on_the_list(client, alice):
    response = client.post(ADD, FOOD)

    html = after(client, response)
    assert "Budget created: Food, $100.00 (monthly)." in html
    text = words(html)
    assert "Budgets March 2026 · 13 days left" in text
    assert "Within budget $100.00 left $7.69 a day left" in text
    assert "$0.00 of $100.00, 0%" in text
    (budget,) = list_budgets(alice).items
    assert budget.alert_threshold == 80


def test_the_add_page_offers_eighty_percent(client):
    html = page(client.get(ADD))

    assert 'name="alert_thresholds" value="80"' in html
    assert "Amount (USD)" in html


WRONG_VALUES = {
    "category": ["", "  ", "a" * 51, "a\u0007b", "a\u0000b"],
    "amount": ["", "0", "-1", "0.001", "1000000000000", "NaN", "ten", "1_000", "٣"],
    "period": ["", "daily"],
    "alert_thresholds": ["", "0", "101", "80.5", "most"],
}


@pytest.mark.parametrize("field", WRONG_VALUES)
def test_an_invalid_field_is_marked_and_nothing_is_stored(client, alice, field):
    for value in WRONG_VALUES[field]:
        response = client.post(ADD, {**FOOD, "category": "Ke<pt", field: value})

        assert response.status_code == 400, value
        assert f'id="id_{field}_error"' in page(response), value
        assert field == "category" or 'value="Ke&lt;pt"' in page(response)
    assert list_budgets(alice).items == []


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("category", ["a" * 50, "🍜" * 50]),
        ("amount", ["0.01", "999999999999.99"]),
        ("alert_thresholds", ["1", "100"]),
        ("period", ["weekly", "monthly", "yearly", "quarterly"]),
    ],
)
def test_values_at_the_limits_are_accepted(client, field, values):
    for number, value in enumerate(values):
        response = client.post(ADD, {**FOOD, "category": f"c{number}", field: value})

        assert response.status_code == 302, value


def test_a_second_budget_for_a_category_is_reported_on_the_field(client, alice):
    make_budget(alice, category="FOOD")

    response = client.post(ADD, FOOD)

    assert response.status_code == 409
    assert "You already have a monthly budget for Food." in page(response)
    assert 'id="id_category_error"' in page(response)
    assert len(list_budgets(alice).items) == 1


def test_the_list_shows_the_current_period(client, alice):
    make_budget(alice)
    make_expense(alice, amount="90.00")
    make_expense(alice, amount="5.00", date="2026-04-02")

    before = page(client.get(LIST))
    with time_machine.travel(NOON + datetime.timedelta(days=14), tick=True):
        client = client_for(alice)
        later = page(client.get(LIST))

    assert "$10.00 left" in words(before)
    assert "$90.00 of $100.00, 90%" in words(before)
    assert "$95.00 left" in words(later)
    assert "April 2026 · 29 days left" in words(later)


def test_only_other_periods_than_the_month_are_named(client, alice):
    for period in ("monthly", "weekly", "yearly"):
        make_budget(alice, category=period, period=period)

    text = words(page(client.get(LIST)))

    assert "Weekly, Mar 16" in text
    assert "Yearly, 2026" in text
    assert "Monthly" not in text


def test_the_most_urgent_budgets_come_first(client, alice):
    for category, spent in (("A", "1"), ("B", "85"), ("C", "101"), ("D", "200")):
        make_budget(alice, category=category)
        make_expense(alice, category=category, amount=spent)

    for url in (HOME, LIST):
        html = page(client.get(url))
        titles = re.findall(r"<h3><a[^>]*>(.*?)</a>", html)
        assert titles == ["C", "D", "B", "A"]


def test_a_card_leads_to_the_expenses_behind_it(client, alice):
    make_budget(alice, category="Tea & cake", period="weekly")
    make_expense(alice, category="tea & cake", description="This week")
    make_expense(alice, category="Tea & cake", description="Then", date="2026-03-15")
    make_expense(alice, category="Rent", description="Another")

    link = re.search(r'<h3><a href="(.*?)"', page(client.get(LIST)))[1]
    expenses = page(client.get(link.replace("&amp;", "&")))

    assert link == (
        "/expenses?start=2026-03-16&amp;end=2026-03-22&amp;category=Tea%20%26%20cake"
    )
    assert "This week" in expenses
    assert "Then" not in expenses
    assert "Another" not in expenses


@pytest.mark.parametrize(
    ("query", "value"),
    [
        ("Gifts", "Gifts"),
        ("  <b>Rent ", "&lt;b&gt;Rent"),
        ("a" * 50, "a" * 50),
        ("a" * 51, None),
        ("a\u0007b", None),
        ("", None),
    ],
)
def test_a_link_fills_in_a_valid_category(client, query, value):
    html = page(client.get(ADD, {"category": query}))

    filled = re.search(r'name="category"(?: value="(.*?)")?', html)
    assert filled[1] == value


def test_a_linked_category_gives_way_to_the_typed_one(client, alice):
    response = client.post(f"{ADD}?category=Gifts", FOOD)

    assert response.status_code == 302
    assert [budget.category for budget in list_budgets(alice).items] == ["Food"]


def test_an_empty_list_says_so(client):
    assert "No budgets yet." in page(client.get(LIST))


def test_an_exceeded_budget_shows_by_how_much(client, alice):
    make_budget(alice, category="<i>cat")
    make_expense(alice, category="<i>cat", amount="120.00")

    html = page(client.get(LIST))

    assert "Over budget $20.00 over" in words(html)
    assert "&lt;i&gt;cat" in html
    assert "<i>cat" not in html


def test_the_edit_page_shows_stored_values(client, alice):
    budget = make_budget(alice, amount="12.5", period="weekly", alert_threshold=70)

    html = page(client.get(f"/budgets/{budget.budget_id}/edit"))

    assert 'value="Groceries"' in html
    assert 'value="12.50"' in html
    assert '<option value="weekly" selected>' in html
    assert 'name="alert_thresholds" value="70"' in html


def test_an_edit_is_stored_and_confirmed(client, alice):
    budget = make_budget(alice, category="Food")

    response = client.post(
        f"/budgets/{budget.budget_id}/edit", {**FOOD, "amount": "150.00"}
    )

    assert "Budget saved: Food, $150.00 (monthly)." in after(client, response)
    assert get_budget(alice, budget.budget_id).amount == 150


def test_an_amount_from_before_a_currency_change_is_kept(client, alice):
    """Cents from before the user changed to yen."""
    budget = make_budget(alice, amount="102.50")
    account_of(alice).update([Account.currency.set("JPY")])
    client = client_for(alice)
    path, api = f"/budgets/{budget.budget_id}/edit", f"/api/budgets/{budget.budget_id}"
    html = page(client.get(path))
    assert 'name="amount" value="102.5"' in html

    response = client.post(path, {**typed_of(html), "alert_thresholds": "70"})
    assert response.status_code == 302, page(response)
    kind = {"content_type": "application/json"}
    same = client.patch(api, {"amount": "102.5", "alert_threshold": 60}, **kind)
    other = client.patch(api, {"amount": "103.5"}, **kind)

    assert (same.status_code, other.status_code) == (200, 400)
    assert get_budget(alice, budget.budget_id).alert_threshold == 60
    assert get_budget(alice, budget.budget_id).amount == Decimal("102.50")


def typed_of(html: str) -> dict[str, str]:
    """Return the fields of an unchanged budget form."""
    return {
        "amount": re.search(r'name="amount" value="(.*?)"', html)[1],
        "category": re.search(r'name="category" value="(.*?)"', html)[1],
        "period": "monthly",
    }


def test_an_edit_can_change_category_and_period(client, alice):
    budget = make_budget(alice)

    response = client.post(
        f"/budgets/{budget.budget_id}/edit", {**FOOD, "period": "yearly"}
    )

    assert response.status_code == 302
    (moved,) = list_budgets(alice).items
    assert (moved.category, moved.period) == ("Food", "yearly")


def test_an_invalid_edit_is_marked_and_changes_nothing(client, alice):
    budget = make_budget(alice)
    make_budget(alice, category="Rent")
    address = f"/budgets/{budget.budget_id}/edit"

    for field, value, status in (
        ("amount", "0", 400),
        ("alert_thresholds", "101", 400),
        ("category", "rent", 409),
    ):
        response = client.post(address, {**FOOD, field: value})

        assert response.status_code == status
        assert f'id="id_{field}_error"' in page(response)
    assert get_budget(alice, budget.budget_id).version == budget.version


def test_deleting_asks_for_confirmation(client, alice):
    budget = make_budget(alice)
    address = f"/budgets/{budget.budget_id}/delete"

    assert "$100.00" in page(client.get(address))
    assert get_budget(alice, budget.budget_id)

    assert "Budget deleted." in after(client, client.post(address))
    with pytest.raises(NotFoundError):
        get_budget(alice, budget.budget_id)


def test_another_users_budget_is_not_found(alice):
    budget = make_budget(alice)
    bob = client_for(make_user("bob"))
    edit, delete = (f"/budgets/{budget.budget_id}/{do}" for do in ("edit", "delete"))

    answers = [bob.get(edit), bob.post(edit, FOOD), bob.get(delete), bob.post(delete)]

    assert {answer.status_code for answer in answers} == {404}
    assert get_budget(alice, budget.budget_id).version == budget.version
    assert "Groceries" not in page(bob.get(LIST))


def test_an_unknown_id_is_not_found(client):
    for strange in ("0" * 32, "a" * 1000, "%00"):
        for action in ("edit", "delete"):
            assert client.get(f"/budgets/{strange}/{action}").status_code == 404


def test_anonymous_visitors_are_redirected_to_login(alice):
    budget = make_budget(alice)
    edit, delete = (f"/budgets/{budget.budget_id}/{do}" for do in ("edit", "delete"))
    anonymous = client_for()

    answers = [
        *(anonymous.get(url) for url in (HOME, LIST, ADD, edit, delete)),
        anonymous.post(delete, FOOD),
    ]
    forms = [anonymous.post(url, FOOD) for url in (ADD, edit)]

    assert {answer.status_code for answer in answers} == {302}
    assert all(answer["Location"].startswith("/login") for answer in answers)
    assert {answer.status_code for answer in forms} == {401}
    assert get_budget(alice, budget.budget_id).version == budget.version


def test_forms_need_the_csrf_token(alice):
    budget = make_budget(alice)
    client = client_for(alice, csrf=True)
    edit, delete = (f"/budgets/{budget.budget_id}/{do}" for do in ("edit", "delete"))

    statuses = [client.post(url, FOOD).status_code for url in (ADD, edit, delete)]

    assert statuses == [403, 403, 403]
    assert [stored.version for stored in list_budgets(alice).items] == [budget.version]
    assert client.post(delete, headers=token_of(client)).status_code == 302


def test_only_get_and_post_are_allowed(client):
    assert client.put(HOME).status_code == 405
    assert client.post("/trend").status_code == 405
    assert client.post(LIST).status_code == 405
    assert client.put(ADD).status_code == 405


def test_the_pages_follow_the_users_calendar(aws):
    user = make_user(calendar={"month_start_day": 25, "week_start": "sunday"})
    make_budget(user)
    browser = client_for(user)

    listed = browser.get("/budgets").content.decode().replace("\u2009", " ")

    assert "Mar 1 – 24, 2026 · 6 days left" in listed
    weekly = browser.post(ADD, {**FOOD, "period": "weekly", "check": "yes"})
    assert "Every week from Sunday; now" in weekly.content.decode()
