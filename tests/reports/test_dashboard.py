"""The dashboard and its quick-add form."""

import re
import uuid

import pytest

from accounts.models import Account
from expenses.queries import list_expenses
from notifications import services as notifications
from tests.budgets.test_views import LIST, after, page, words
from tests.builders import account_of, client_for, make_user
from tests.money_builders import alerts, make_budget, make_expense

pytestmark = pytest.mark.usefixtures("aws")

HOME = "/"
HTMX = {"HX-Request": "true"}


def typed(**fields) -> dict[str, str]:
    """Return the fields that the browser sends to add an expense."""
    return {
        "amount": "12.50",
        "category": "Groceries",
        "date": "2026-03-18",
        "idempotency_key": uuid.uuid4().hex,
        **fields,
    }


def texts(tag: str, html: str) -> list[str]:
    matches = re.findall(rf"<{tag}\b[^>]*>(.*?)</{tag}>", html)
    return [words(match) for match in matches]


def messages_in(html: str) -> list[str]:
    return texts("li", re.search(r'<ul class="messages".*?</ul>', html)[0])


def test_categories_match_the_api(client, alice):
    make_budget(alice)
    make_expense(alice, amount="1234.50", category="<b>Rent")
    make_expense(alice, amount="617.25")

    html = page(client.get(HOME))
    categories = client.get("/api/summary").json()["categories"]

    assert [category["spent"] for category in categories] == ["1234.50", "617.25"]
    rows = re.search(r'<table class="chart-rows">.*?</table>', html)[0]
    assert texts("tr", rows)[1:] == [
        "&lt;b&gt;Rent Set a budget for &lt;b&gt;Rent $1,234.50",
        "Groceries $617.25",
    ]
    assert re.findall(r'width="([\d.]+%)" height="100%"', rows) == ["100.00%", "50.00%"]


def test_many_categories_are_collapsed(client, alice):
    for number in range(10):
        make_expense(alice, category=f"Category {number}", amount=str(number + 1))

    html = page(client.get(HOME))

    first, folded = re.findall(r'<table class="chart-rows">.*?</table>', html)
    assert "2 more" in texts("summary", html)
    assert ("Category 9" in first, "Category 0" in first) == (True, False)
    assert "Category 0" in folded


def test_a_projected_overspend_is_shown(client, alice):
    for category in ("Fast", "Slow", "Rent"):
        make_budget(alice, category=category)
    for day in ("2026-03-02", "2026-03-03", "2026-03-04"):
        make_expense(alice, category="Fast", amount="30.00", date=day)
        make_expense(alice, category="Slow", amount="1.00", date=day)
    make_expense(alice, category="Rent", amount="95.00", date="2026-03-01")

    text = words(page(client.get(HOME)))

    assert "On track to go over on Mar 21." in text
    assert text.count("On track") == 1
    assert "Fast: on track to go over on Mar 21" in text
    dates = {
        budget["category"]: budget["passes_on"]
        for budget in client.get("/api/summary").json()["budgets"]
    }
    assert dates == {"Fast": "2026-03-21", "Rent": None, "Slow": None}
    assert "On track" not in page(client.get(HOME, {"month": "2026-02"}))


def test_an_overspend_by_upcoming_expenses_is_shown(client, alice):
    make_budget(alice)
    make_expense(alice, amount="60.00")
    make_expense(alice, amount="50.00", date="2026-03-30")

    text = words(page(client.get(HOME)))

    assert "Upcoming expenses will take you over on Mar 30." in text
    assert "On track" not in text


def test_the_headline_is_the_sum_of_the_cards(client, alice):
    make_budget(alice, amount="100.00")
    make_budget(alice, category="Fun", amount="30.00", period="weekly")
    make_budget(alice, category="Travel", amount="1000.00", period="yearly")
    make_expense(alice, amount="120.00")
    make_expense(alice, category="Fun", amount="10.00", date="2026-03-01")
    make_expense(alice, category="Travel", amount="200.00", date="2026-01-05")
    make_expense(alice, category="Gifts", amount="7.25")
    make_expense(alice, category="Pets", amount="0.75")
    make_expense(alice, category="Pets", amount="9.00", status="void")

    text = words(page(client.get(HOME)))
    summary = client.get("/api/summary").json()

    assert (
        "Left to spend $810.00 Monthly −$20.00 Weekly $30.00 Yearly $800.00"
        " Left today Choose your everyday budgets"
        " Spent $138.00 Not budgeted $8.00" in text
    )
    assert (summary["left_to_spend"], summary["unbudgeted_spent"]) == ("810.00", "8.00")
    assert (summary["total_budget"], summary["total_spent"]) == ("100.00", "138.00")
    assert summary["total_remaining"] == "-38.00"


def test_a_negative_headline_is_marked_and_has_a_minus_sign(client, alice):
    make_budget(alice)
    make_expense(alice, amount="165.09")

    html = page(client.get(HOME))

    assert '<dd class="negative">\u2212$65.09</dd>' in html


def test_unbudgeted_spending_leads_to_its_expenses_or_categories(client, alice):
    make_budget(alice)

    def figure():
        html = page(client.get(HOME))
        return re.search(r"<dt>Not budgeted</dt> <dd>(.*?)</dd>", html)[1]

    assert figure() == "$0.00"
    make_expense(alice, amount="7.25", category="Gifts")
    assert figure() == (
        '<a href="/expenses?start=2026-03-01&amp;end=2026-03-31&amp;category=Gifts">'
        "$7.25</a>"
    )
    make_expense(alice, amount="1.00", category="Pets")
    assert figure() == '<a href="#by-category">$8.25</a>'


def test_a_category_without_a_budget_offers_one(client, alice):
    make_budget(alice)
    make_expense(alice)
    make_expense(alice, amount="7.25", category="Gifts & co")

    html = page(client.get(HOME))

    links = re.findall(r'href="(/budgets/add\?category[^"]*)"', html)
    assert links == ["/budgets/add?category=Gifts%20%26%20co&amp;next=/"]
    form = page(client.get(links[0].replace("&amp;", "&")))
    assert 'name="category" value="Gifts &amp; co"' in form


def attention_in(html: str) -> list[str]:
    return texts("li", re.search(r'<ul class="attention".*?</ul>', html)[0])


def test_what_needs_attention_comes_first(client, alice):
    for category, spent in (("A", "1"), ("B", "85"), ("C", "142.70")):
        make_budget(alice, category=category)
        make_expense(alice, category=category, amount=spent)

    html = page(client.get(HOME))

    assert attention_in(html) == ["C: $42.70 over", "B: $15.00 left"]
    link = re.search(r'<ul class="attention".*?href="#(.*?)"', html)[1]
    assert f'id="{link}"' in html
    assert "All budgets on track" not in html
    assert 'class="attention"' not in page(client.get(HOME, {"month": "2026-02"}))


def test_budgets_that_are_all_on_track_are_praised(client, alice):
    assert "on track" not in page(client.get(HOME))
    make_budget(alice)
    assert "All budgets on track" in page(client.get(HOME))


def test_at_most_five_budgets_are_named(client, alice):
    for number in range(7):
        make_budget(alice, category=f"B{number}")
        make_expense(alice, category=f"B{number}", amount="101")

    assert attention_in(page(client.get(HOME)))[4:] == ["B4: $1.00 over", "2 more"]


def test_the_headline_of_one_kind_of_period_has_no_parts(client, alice):
    make_budget(alice, amount="100.00")
    make_budget(alice, category="Fun", amount="30.00")

    assert "Left to spend $130.00 Left today" in words(page(client.get(HOME)))


def test_the_chart_brings_the_categories_of_twelve_months(client, alice):
    bob = make_user("bob")
    make_expense(bob, category="Secret")
    make_expense(alice, category="Tea & more", date="2025-04-01")
    make_expense(alice, category="Older", date="2025-03-31")

    part = page(client.get("/trend", headers={"HX-Request": "true"}))

    names = re.search(r'<datalist id="categories-of-year">(.*?)</datalist>', part)[1]
    assert names == '<option value="Tea &amp; more"></option>'
    assert "<datalist" not in page(client.get("/trend"))


def test_without_a_budget_no_remainder_is_shown(client, alice):
    make_expense(alice)

    assert "Left to spend" not in page(client.get(HOME))


def test_a_bar_has_a_text_alternative(client, alice):
    make_budget(alice, category='"><script>')
    make_expense(alice, category='"><script>', amount="90.00")

    html = page(client.get(HOME))

    assert (
        "&#34;&gt;&lt;script&gt;, monthly: 90% spent, day 18 of 31;"
        " alert at 80%</title>"
    ) in html
    assert '"><script>' not in html


def test_recent_expenses_are_the_newest_up_to_today(client, alice):
    make_expense(alice, category="Tomorrow", date="2026-03-19")
    for number in range(6):
        make_expense(alice, category=f"Number {number}", description=f"<i>{number}")
    make_expense(alice, category="Earlier", date="2026-03-01")
    make_expense(alice, category="Void", status="void")

    html = page(client.get(HOME))

    latest = html[html.index('id="latest"') :]
    names = re.findall(r'class="category">(Number \d)<', latest)
    assert names == [f"Number {n}" for n in (5, 4, 3, 2, 1)]
    assert "&lt;i&gt;5" in latest
    for absent in ("Tomorrow", "Earlier", "Void", "<i>"):
        assert absent not in latest
    stored = list_expenses(alice, category="Number 5").items[0]
    assert f'href="/expenses/{stored.expense_id}/edit?next=/"' in latest


def test_another_month_shows_its_expenses_and_no_form(client, alice):
    make_expense(alice, category="Then", date="2026-01-31")
    make_expense(alice, category="Before", date="2025-12-31")

    html = page(client.get(HOME, {"month": "2026-01"}))

    latest = html[html.index('id="latest"') :]
    assert "Then" in latest
    assert "Before" not in latest
    assert "quick-add" not in html
    assert "Get started" not in html


def test_the_form_focuses_the_amount_and_suggests_own_categories(client, alice):
    make_budget(alice, category="Food & drink")
    make_expense(alice, category="Rent", date="2026-02-01")
    make_expense(alice, category="RENT")
    make_expense(make_user("bob"), category="Secret")

    html = page(client.get(HOME))

    assert re.search(r'<input[^>]*name="amount"[^>]* autofocus', html)
    assert re.search(r'name="category"[^>]* list="categories"', html)
    assert re.search(r'name="date" value="2026-03-18"', html)
    assert re.findall(r'<option value="(.*?)"', html) == ["Food &amp; drink", "RENT"]


@pytest.mark.parametrize(
    ("currency", "language", "sign"),
    [("USD", "en", "$"), ("CAD", "en", "CA$"), ("CHF", "de", "CHF")],
)
def test_the_amount_has_the_currencys_sign(aws, currency, language, sign):
    carol = make_user("carol", currency=currency, language=language)

    html = page(client_for(carol).get(HOME))

    assert f'<span aria-hidden="true">{sign}</span><input' in html


def test_an_expense_is_added_and_confirmed(client, alice):
    response = client.post(HOME, typed(amount=" 1234.5 ", category="Rent"))

    assert response["Location"] == HOME
    html = after(client, response)
    assert messages_in(html) == ["Added $1,234.50 to Rent. Undo Edit"]
    (stored,) = list_expenses(alice).items
    assert (stored.date, stored.status) == ("2026-03-18", "pending")
    assert "Rent Set a budget for Rent $1,234.50" in words(html)


def test_an_alert_it_triggers_is_shown(client, alice):
    make_budget(alice)

    first = messages_in(after(client, client.post(HOME, typed(amount="85.00"))))
    second = messages_in(after(client, client.post(HOME, typed(amount="5.00"))))
    third = messages_in(after(client, client.post(HOME, typed(amount="50.00"))))

    assert first == [
        "Added $85.00 to Groceries. Undo Edit",
        "Budget 85% spent: Groceries",
    ]
    assert second == ["Added $5.00 to Groceries. Undo Edit"]
    assert third[1:] == ["Over budget: Groceries"]


def test_every_alert_of_one_expense_is_shown(aws):
    carol = make_user("carol", large_expense_threshold="100.00")
    make_budget(carol)
    make_budget(carol, period="yearly")
    client = client_for(carol)

    messages = messages_in(after(client, client.post(HOME, typed(amount="150.00"))))

    subjects = {
        notification.subject
        for notification in notifications.list_notifications(carol).items
    }
    assert len(messages) == 1 + len(alerts(carol))
    assert set(messages[1:]) == subjects


def test_a_double_click_stores_one_expense(client, alice):
    same = typed()

    answers = [client.post(HOME, same), client.post(HOME, same)]

    assert {answer.status_code for answer in answers} == {302}
    assert len(list_expenses(alice).items) == 1


def test_a_changed_expense_from_the_same_page_needs_confirmation(client, alice):
    same = typed()
    client.post(HOME, same)

    answer = client.post(HOME, {**same, "amount": "99.00"})

    assert answer.status_code == 409
    html = page(answer)
    assert "You already saved a different expense" in html
    assert 'value="99.00"' in html
    (key,) = re.findall(r'name="idempotency_key" value="(\w+)"', html)
    client.post(HOME, {**same, "amount": "99.00", "idempotency_key": key})
    assert len(list_expenses(alice).items) == 2


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount", ""),
        ("amount", "0"),
        ("amount", "0.001"),
        ("category", " "),
        ("category", "a" * 51),
        ("date", ""),
        ("date", "2026-02-30"),
        ("date", "2015-01-01"),
    ],
)
def test_an_invalid_field_is_marked_and_focused(client, alice, field, value):
    answer = client.post(HOME, typed(**{"category": "<i>Kept", field: value}))

    html = page(answer)
    assert answer.status_code == 400
    assert f'id="id_{field}_error"' in html
    assert re.findall(r'name="(\w+)"[^>]* autofocus', html) == [field]
    assert field == "category" or 'value="&lt;i&gt;Kept"' in html
    assert "<h1>March 2026</h1>" in html
    assert list_expenses(alice).items == []


def test_the_quick_add_form_needs_the_csrf_token(alice):
    assert client_for(alice, csrf=True).post(HOME, typed()).status_code == 403
    assert list_expenses(alice).items == []


def test_completed_first_steps_are_ticked(client, alice):
    def done():
        steps = re.search(r'<ol class="steps">.*?</ol>', page(client.get(HOME)))[0]
        return ["Done" in step for step in texts("li", steps)]

    assert done() == [False, False, False]
    make_expense(alice)
    assert done() == [False, True, False]
    make_budget(alice)
    assert done() == [True, True, False]
    for _ in range(4):
        make_expense(alice)
    assert "Get started" not in page(client.get(HOME))


def test_the_last_step_loads_separately(client, alice):
    html = page(client.get(HOME))
    address = re.search(r'<li hx-get="(.*?)" hx-trigger="load"', html)[1]

    def step():
        return page(client.get(address, headers=HTMX))

    assert "Done" not in step()
    confirmed = Account.subscription_status.set("confirmed")
    account_of(alice).update(actions=[confirmed])
    assert "Done" in step()
    assert "hx-get" not in step()
    assert client.get(address)["Location"] == "/notifications"


def test_an_empty_dashboard_says_so(client):
    text = words(page(client.get(HOME)))

    assert "Nothing was spent in March 2026." in text
    assert "No expenses in this month or the one before." in text


def test_the_trend_loads_separately_or_by_link(client):
    html = page(client.get(HOME, {"month": "2026-02"}))

    assert '<div class="trend-place" hx-get="/trend?month=2026-02"' in html
    assert '<a href="/trend?month=2026-02">' in html
    assert re.search(r'<script src="/static/django_htmx/htmx\S*\.js" defer>', html)


def test_the_trend_matches_the_api(client, alice):
    make_expense(alice, amount="1234.50", date="2025-12-24")
    make_expense(alice, amount="617.25")

    part = page(client.get("/trend", headers=HTMX))
    full_page = page(client.get("/trend"))
    months = client.get("/api/trends").json()["months"]

    assert ("<h1>" in part, "<h1>" in full_page) == (False, True)
    for html in (part, full_page):
        amounts = [row.rpartition("$")[2] for row in texts("tr", html)[1:]]
        assert [amount.replace(",", "") for amount in amounts] == [
            month["spent"] for month in months
        ]
        assert "the highest is December 2025, $1,234.50." in html
        heights = re.findall(r'y="[\d.]+%" \S+ height="([\d.]+)%"', html)
        assert sorted(map(float, heights))[-3:] == [0, 32.92, 65.84]


def test_the_columns_of_the_trend_lead_to_their_months(client, alice):
    make_expense(alice)

    part = page(client.get("/trend", headers=HTMX))

    drawing = re.search(r'<svg class="columns".*?</svg>', part)[0]
    links = re.findall(r'<a href="(.*?)"', drawing)
    assert (links[0], links[-1]) == ("/?month=2025-04", "/?month=2026-03")
    assert len(links) == 12


def test_an_empty_trend_says_so(client):
    assert "Nothing was spent in these twelve months." in page(client.get("/trend"))


def test_a_trend_of_an_invalid_month_is_rejected(client):
    assert client.get("/trend", {"month": "March"}).status_code == 400


def test_the_trend_shows_only_the_users_own_data(alice):
    make_expense(alice)

    html = page(client_for(make_user("bob")).get("/trend"))

    assert "Nothing was spent" in html
    assert client_for().get("/trend").status_code == 302


def test_there_are_no_inline_styles_or_scripts(client, alice):
    make_budget(alice)
    make_expense(alice)

    for path in (HOME, "/trend", "/budgets"):
        html = page(client.get(path))
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]* src=)", html)


def test_the_dashboard_shows_the_month(client, alice):
    make_budget(alice)
    make_expense(alice, amount="85.00")
    make_expense(alice, amount="1234.50", category="Rent")
    make_expense(alice, amount="7.00", date="2026-02-10")

    html = page(client.get(HOME))

    assert "<h1>March 2026</h1>" in html
    text = words(html)
    assert "March 2026 13 days left" in text
    assert "Near limit $15.00 left $1.15 a day left" in text
    assert "$85.00 of $100.00, 85%" in text
    assert '<rect class="spent" y="6" width="85.00%" height="8" rx="4"/>' in html
    assert "$1,319.50" in html
    assert "Rent Set a budget for Rent $1,234.50" in text
    assert '<dd><a href="/?month=2026-02">$7.00</a></dd>' in html
    assert "/expenses?start=2026-03-01&amp;end=2026-03-31" in html


@pytest.mark.parametrize(
    ("spent", "words"),
    [
        ("79.99", "Within budget"),
        ("80.00", "Near limit"),
        ("100.00", "Near limit"),
        ("100.01", "Over budget"),
    ],
)
def test_a_level_is_shown_as_text(client, alice, spent, words):
    make_budget(alice)
    make_expense(alice, amount=spent)

    for url in (HOME, LIST):
        assert re.findall(r"</span> ([\w ]+)</span>", page(client.get(url))) == [words]


def test_an_empty_dashboard_shows_the_first_steps(client):
    html = page(client.get(HOME))

    assert "Get started" in html
    assert 'href="/notifications"' in html
    assert 'href="/budgets/add"' in html
    assert 'href="/expenses/add"' in html


def test_the_dashboard_links_to_adjacent_months(client, alice):
    make_expense(alice, amount="7.00", date="2025-12-31")

    html = page(client.get(HOME, {"month": "2025-12"}))

    assert "<h1>December 2025</h1>" in html
    assert 'href="/?month=2025-11"' in html
    assert 'href="/?month=2026-01"' in html
    assert 'href="/">This month' in html
    assert '<dd><a href="/expenses?start=2025-12-01&amp;end=2025-12-31">$7.00' in html
    assert "days left" not in html
    assert '<dt>November 2025</dt> <dd><a href="/?month=2025-11">$0.00' in html
    assert "This month" not in page(client.get(HOME, {"month": ""}))


def test_an_invalid_month_is_rejected(client):
    for month in ("2026-13", "March", "0001-01", "9999-12"):
        response = client.get(HOME, {"month": month})

        assert response.status_code == 400
        assert "Enter a month as YYYY-MM." in page(response)
    for month in ("0002-01", "9998-12"):
        assert client.get(HOME, {"month": month}).status_code == 200


def test_the_dashboard_shows_only_the_users_own_data(alice):
    make_budget(alice, category="Secret")
    make_expense(alice, category="Hidden")

    html = page(client_for(make_user("bob")).get(HOME))

    assert "Secret" not in html
    assert "Hidden" not in html
