"""Pages that change an item return to the list with its filters, page and row."""

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest

from smartbudget.core import aws
from smartbudget.core.config import config
from tests.money_builders import make_budget, make_expense
from tests.notifications.builders import make_notification

pytestmark = pytest.mark.usefixtures("aws")

ONE = "1" * 32
EXPENSE = {
    "amount": "12.50",
    "category": "Rent",
    "date": "2026-03-17",
    "status": "pending",
}


def links(client, path, words):
    """Return the links of a page whose URL contains all of the words."""
    html = client.get(path).content.decode()
    found = [unescape(link) for link in re.findall(r'href="([^"]+)"', html)]
    return [link for link in found if all(word in link for word in words)]


def form_of(client, path, form_id):
    """Return the action and the hidden fields of a form of a page."""
    html = client.get(path).content.decode()
    form = re.search(rf'<form id="{form_id}".*?</form>', html, re.DOTALL)[0]
    fields = re.findall(r'name="(\w+)" value="([^"]*)"', form)
    action = unescape(re.search(r'action="([^"]+)"', form)[1])
    return action, {name: unescape(value) for name, value in fields}


def next_of(link):
    return parse_qs(urlsplit(link).query)["next"][0]


def second_page(client, path):
    onward = links(client, path, ["cursor="])[-1]
    return onward.removeprefix("http://testserver")


def test_an_expense_page_returns_to_the_filter_the_page_and_the_row(client, alice):
    for day in range(1, 4):
        oldest = make_expense(alice, category="Rent", date=f"2026-03-0{4 - day}")
    here = second_page(client, "/expenses?category=Rent&page_size=2")

    assert f'id="expense-{oldest.expense_id}"' in client.get(here).text
    (edit,) = links(client, here, [oldest.expense_id, "edit"])
    cancel = links(client, edit, ["category=Rent", "#expense-"])
    deletion = form_of(client, edit, "delete")

    assert next_of(edit) == f"{here}#expense-{oldest.expense_id}"
    assert next_of(edit) in cancel
    assert client.post(edit, EXPENSE)["Location"] == next_of(edit)
    assert client.post(*deletion)["Location"] == next_of(edit)


def test_a_rejected_form_and_its_links_still_return(client, alice):
    expense = make_expense(alice)
    path = f"/expenses/{expense.expense_id}/edit?next=/expenses%3Fq%3Dgro"

    rejected = client.post(path, {**EXPENSE, "amount": "none"})
    (duplicate,) = links(client, path, ["/duplicate"])
    path, deletion = form_of(client, path, "delete")

    assert rejected.status_code == 400
    assert 'href="/expenses?q=gro"' in rejected.content.decode()
    assert next_of(duplicate) == deletion["next"] == "/expenses?q=gro"
    assert path == f"/expenses/{expense.expense_id}/delete"
    assert client.post(duplicate, EXPENSE)["Location"] == "/expenses?q=gro"


def test_a_budget_returns_to_where_it_was_opened(client, alice):
    budget = make_budget(alice)
    values = {"category": "Groceries", "period": "monthly", "alert_thresholds": "80"}

    for place in ("/", "/?month=2026-03", "/budgets"):
        (edit,) = links(client, place, [budget.budget_id, "edit"])
        answer = client.post(edit, {**values, "amount": "5"})
        assert answer["Location"] == f"{place}#budget-{budget.budget_id}"
    (edit,) = links(client, "/budgets", [budget.budget_id, "edit"])
    (delete,) = links(client, edit, [budget.budget_id, "delete"])
    assert client.post(delete)["Location"] == next_of(delete)


def test_the_dashboards_expenses_return_to_the_dashboard(client, alice):
    expense = make_expense(alice)

    (link,) = links(client, "/?month=2026-03", [expense.expense_id])

    assert client.post(link, EXPENSE)["Location"] == "/?month=2026-03"


def test_a_notification_returns_to_its_list(client, alice):
    make_notification(ONE, user_id=alice.user_id)
    here = "/notifications?unread=true"

    (link,) = links(client, here, [ONE])

    assert {*links(client, link, ["unread=true"])} == {f"{here}#n-{ONE}"}


def test_a_report_returns_to_its_list(client, alice):
    name = "monthly_report_20260301T120000Z.pdf"
    key = f"reports/{alice.user_id}/{name}"
    aws.client("s3").put_object(Bucket=config.receipts_bucket, Key=key, Body=b"%PDF")

    (link,) = links(client, "/reports?page_size=5", ["delete"])

    assert name in link
    assert client.post(link)["Location"] == "/reports?page_size=5"


def test_a_renamed_category_returns_to_its_list(client, alice):
    make_expense(alice, category="Rent & more")
    here = "/expenses/categories?q=rent"

    (link,) = links(client, here, ["rename"])
    by_link = client.post(link, {"into": "Home"})
    chosen = {"selected": "Home", "next": here}
    form = client.post("/expenses/categories/rename", chosen).content.decode()
    by_form = client.post(
        "/expenses/categories/rename", {**chosen, "into": "Rent", "budgets": ""}
    )

    assert by_link["Location"] == here
    assert 'name="next" value="/expenses/categories?q=rent"' in form
    assert by_form["Location"] == here


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\e"]
)
def test_no_page_leads_to_another_site(client, alice, target):
    expense = make_expense(alice)
    path = f"/expenses/{expense.expense_id}"
    others = [expense.expense_id, make_expense(alice).expense_id]
    chosen = {"selected": others, "next": target}

    pages = [
        client.get(f"{path}/edit", {"next": target}),
        client.post("/expenses/selected", {**chosen, "action": "category"}),
        client.post("/expenses/selected", {**chosen, "action": "delete"}),
    ]

    for page in pages:
        assert target not in re.findall(r'(?:href|value)="([^"]*)"', page.text)
    gone = client.post(f"{path}/delete", {"next": target})
    assert gone["Location"] == "/expenses"
