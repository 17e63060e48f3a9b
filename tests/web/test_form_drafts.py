"""Drafts of forms whose session has ended, restored after login."""

import html
import re
from collections.abc import Iterator

import pytest
import time_machine
from django.urls import URLPattern, get_resolver
from markupsafe import escape

from accounts import sessions
from tests.builders import PASSWORD, client_for, make_user, token_of
from tests.money_builders import NOON, TODAY, make_budget, make_expense

pytestmark = pytest.mark.usefixtures("aws")

LUNCH = {"amount": "12.50", "category": "Food", "date": str(TODAY)}
ACT = "/expenses/selected"
TEXT = '\n"Lunch" & <b>tea</b>\r\nwith Ann'


@pytest.fixture
def alice():
    return make_user("alice")


@pytest.fixture
def client(alice):
    """Return a client whose session has ended, with its CSRF token."""
    client = client_for(alice, csrf=True)
    client.defaults["HTTP_X_CSRFTOKEN"] = token_of(client)["X-CSRFToken"]
    sessions.log_out(client.cookies["session"].value)
    return client


def fields_of(page: str, path: str) -> dict[str, str]:
    """Return the fields of the form with this action."""
    (form,) = re.findall(rf'<form[^>]*action="{re.escape(path)}".*?</form>', page, re.S)
    inputs = re.findall(r'<input[^>]*name="([^"]+)"(?:[^>]*?value="([^"]*)")?', form)
    texts = re.findall(r'<textarea name="([^"]+)"[^>]*>\n(.*?)</textarea>', form, re.S)
    return {name: html.unescape(value) for name, value in [*inputs, *texts]}


def form_html(answer) -> str:
    return answer.content.decode()


def log_in(client, page: str, name="alice", password=PASSWORD):
    data = {**fields_of(page, "/login"), "username": name, "password": password}
    return client.post("/login", data)


def stored(client) -> list[dict]:
    return client.get("/api/expenses").json()["results"]


def test_the_input_is_restored_and_can_be_saved(client):
    response = client.post("/expenses/add", {**LUNCH, "description": TEXT})
    assert response.status_code == 401

    offered = log_in(client, form_html(response))
    again = fields_of(form_html(offered), "/expenses/add")
    assert "Welcome back" in form_html(offered)
    assert not stored(client)

    form = client.post("/expenses/add", again)
    assert form.status_code == 200
    assert "Not saved yet." in form_html(form)
    assert 'value="12.50"' in form_html(form)
    assert not stored(client)

    assert escape(TEXT.strip()) in form_html(form)
    del again["restored"]
    assert client.post("/expenses/add", again).status_code == 302
    (expense,) = stored(client)
    assert expense["amount"] == "12.50"
    assert expense["description"] == '"Lunch" & <b>tea</b>\nwith Ann'


def test_the_input_of_an_idle_session_is_restored(alice):
    with time_machine.travel(NOON, tick=False) as clock:
        client = client_for(alice)
        clock.shift(sessions.IDLE)

        response = client.post("/expenses/add", LUNCH)

        assert response.status_code == 401
        assert response.cookies["session"].value == ""
        page = form_html(log_in(client, form_html(response)))
        assert fields_of(page, "/expenses/add")["amount"] == "12.50"


def test_a_wrong_password_keeps_the_draft(client):
    response = client.post("/expenses/add", LUNCH)

    wrong = log_in(client, form_html(response), password="a wrong password")

    assert wrong.status_code in {400, 401}
    assert "Welcome back" in form_html(log_in(client, form_html(wrong)))


@pytest.mark.parametrize("path", ["/", "/budgets/add", "/accounts/profile", "/reports"])
def test_other_forms_are_kept_too(client, path):
    response = client.post(path, {"category": "Fun", "phone_number": "12345"})

    again = fields_of(form_html(log_in(client, form_html(response))), path)

    assert (again["category"], again["phone_number"]) == ("Fun", "12345")
    assert client.post(path, again).status_code == 200


def test_a_budget_keeps_all_its_fields(client):
    values = {
        "category": "Fun",
        "more_categories": "Tea\nCoffee",
        "amount": "12.50",
        "period": "semimonthly",
        "month_days_first": "15",
        "month_days_second": "31",
        "anchor": "2026-03-06",
        "rollover": "both",
        "rollover_cap": "200",
        "alert_thresholds": "50, 80",
        "note": "Pocket money",
        "everyday": "on",
        "keep_for_tomorrow": "on",
        "paused": "on",
    }
    response = client.post("/budgets/add", values)
    page = form_html(log_in(client, form_html(response)))
    again = fields_of(page, "/budgets/add")

    assert {**again, **values} == again
    shown = form_html(client.post("/budgets/add", again))
    assert "Not saved yet." in shown
    for value in set(values.values()) - {"on", values["more_categories"]}:
        assert f'value="{value}"' in shown, value
    assert "Tea\nCoffee</textarea>" in shown
    assert shown.count(" checked") >= 3
    assert client.get("/api/budgets").json()["results"] == []


@pytest.mark.parametrize("kind", ["expense", "budget"])
def test_edits_are_kept_for_their_own_page(client, alice, kind):
    item = {"expense": make_expense, "budget": make_budget}[kind](alice)
    path = f"/{kind}s/{getattr(item, f'{kind}_id')}/edit"
    response = client.post(path, LUNCH)

    form = fields_of(form_html(log_in(client, form_html(response))), path)

    assert 'value="Food"' in form_html(client.post(path, form))


def test_another_user_logging_in_does_not_get_the_draft(client, alice):
    expense = make_expense(alice, amount="1.00")
    make_user("mallory")
    path = f"/expenses/{expense.expense_id}/edit"
    response = client.post(path, {**LUNCH, "status": "pending"})

    form = fields_of(
        form_html(log_in(client, form_html(response), name="mallory")), path
    )
    del form["restored"]

    assert client.post(path, form).status_code == 404


def test_files_are_not_kept_and_the_page_says_so(client, tmp_path):
    file = tmp_path / "r.pdf"
    file.write_bytes(b"%PDF-1.4")
    with file.open("rb") as receipt:
        response = client.post("/expenses/add", {**LUNCH, "receipt": receipt})

    page = form_html(log_in(client, form_html(response)))

    assert "Choose them again" in page
    assert "PDF-1.4" not in page


def test_a_form_without_the_csrf_token_is_rejected_and_not_kept(client):
    answer = client.post("/expenses/add", LUNCH, headers={"X-CSRFToken": "x" * 32})

    assert answer.status_code == 403
    assert 'name="draft"' not in form_html(answer)


def test_a_form_that_is_too_long_is_not_kept(client):
    response = client.post("/expenses/add", {**LUNCH, "description": "x" * 20_000})

    assert response.status_code == 302
    assert response.headers["Location"].startswith("/login")


@pytest.mark.parametrize("draft", ["", "forged", "a:b:c"])
def test_a_forged_draft_is_ignored(client, draft):
    page = form_html(client.get("/login"))
    data = {**fields_of(page, "/login"), "username": "alice", "password": PASSWORD}

    answer = client.post("/login", {**data, "draft": draft})

    assert (answer.status_code, answer.headers["Location"]) == (302, "/")


def test_forms_with_passwords_are_never_kept(client):
    for path in ("/accounts/password", "/accounts/email", "/accounts/delete"):
        answer = client.post(path, {"old_password": "hunter2hunter2"})

        assert answer.status_code == 302
        assert "hunter2" not in answer.headers["Location"]


def test_no_page_that_keeps_its_form_has_a_password(alice):
    browser = client_for(alice)
    expense, budget = make_expense(alice), make_budget(alice)
    pages = list(kept_pages(get_resolver().url_patterns))

    assert len(pages) > 6
    for pattern in pages:
        path = re.sub("<[^>]*expense_id>", expense.expense_id, f"/{pattern}")
        path = re.sub("<[^>]*budget_id>", budget.budget_id, path)
        assert 'type="password"' not in form_html(browser.get(path))


def kept_pages(patterns, before: str = "") -> Iterator[str]:
    """Yield the URLs whose forms are kept."""
    for pattern in patterns:
        address = f"{before}{pattern.pattern}"
        if not isinstance(pattern, URLPattern):
            yield from kept_pages(pattern.url_patterns, address)
        elif getattr(pattern.callback, "keeps_draft", False):
            yield address


def test_a_button_returns_to_its_page(client):
    page = "http://testserver/expenses/?q=tea&cursor=x"

    answer = client.post(ACT, {"action": "void"}, headers={"Referer": page})

    assert (
        answer.headers["Location"]
        == "/login?next=%2Fexpenses%2F%3Fq%3Dtea%26cursor%3Dx"
    )


@pytest.mark.parametrize(
    "page", ["", "http://evil.example/expenses", "//evil.example/"]
)
def test_another_sites_referer_is_ignored(client, page):
    answer = client.post(ACT, {}, headers={"Referer": page})

    assert answer.headers["Location"] == "/login"


def test_a_page_fragment_redirects_the_whole_page_to_login(client):
    headers = {
        "HX-Request": "true",
        "HX-Current-URL": "http://testserver/?month=2026-02",
    }

    answer = client.get("/trend?month=2026-02", headers=headers)

    assert answer.status_code == 200
    assert answer.headers["HX-Redirect"] == "/login?next=%2F%3Fmonth%3D2026-02"


def test_a_program_is_still_redirected(client):
    answer = client.post("/expenses/add", LUNCH, headers={"Accept": "application/json"})

    assert answer.status_code == 302


def test_logging_out_in_another_tab_keeps_what_was_typed(alice):
    client = client_for(alice, csrf=True)
    token = token_of(client)
    other_tab = client.post("/logout", headers=token)
    assert other_tab.status_code == 302

    response = client.post("/expenses/add", LUNCH, headers=token)

    assert response.status_code == 401
    assert "Welcome back" in form_html(log_in(client, form_html(response)))
