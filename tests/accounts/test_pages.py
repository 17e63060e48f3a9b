"""The account pages."""

from decimal import Decimal

import pytest

from accounts import services, sessions
from smartbudget.core.throttling import Limit
from tests.builders import PASSWORD, account_of, client_for, make_user, token_of
from tests.money_builders import make_budget, make_expense
from tests.notifications.faults import calls_counted, down

BOB = {"username": "bob", "email": "bob@example.com", "password": PASSWORD}
PROFILE = {"currency": "EUR", "time_zone": "Europe/Berlin", "language": "en"}


def post(client, path, data):
    return client.post(path, data, headers=token_of(client))


@pytest.mark.parametrize("path", ["/register", "/login", "/login/"])
def test_public_pages_make_no_aws_calls(aws, path):
    client = client_for(make_user())

    with calls_counted() as calls:
        answer = client.get(path)

    assert answer.status_code == 200
    assert calls == []


def test_registering_redirects_to_the_dashboard(aws):
    client = client_for(csrf=True)

    answer = post(client, "/register", BOB)

    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert client.get("/accounts/profile").status_code == 200


@pytest.mark.parametrize(
    ("path", "data", "status", "sentence"),
    [
        ("/register", {**BOB, "username": "a b"}, 400, "Use letters, digits"),
        ("/register", {**BOB, "email": ""}, 400, "Fill in this field"),
        ("/register", {**BOB, "username": "taken"}, 409, "This username is taken."),
        ("/register", {**BOB, "password": "password"}, 400, "too common"),
        ("/login", {**BOB, "password": "x" * 9}, 401, "Wrong username or password"),
    ],
)
def test_the_form_shows_errors_and_keeps_the_input(aws, path, data, status, sentence):
    make_user("taken")

    answer = post(client_for(csrf=True), path, data)

    assert answer.status_code == status
    assert sentence in answer.content.decode()
    assert f'value="{data["username"]}"' in answer.content.decode()
    assert f'value="{data["password"]}"' not in answer.content.decode()


def test_throttled_forms_say_when_to_retry(aws, monkeypatch):
    monkeypatch.setattr(services, "NAME_LOGINS", Limit("login", 1, 900))
    client = client_for()
    wrong = {"username": "bob", "password": "x" * 9}
    client.post("/login", wrong)

    answer = client.post("/login", wrong)

    assert answer.status_code == 429
    assert "Too many attempts. Try again in 15 minutes." in answer.content.decode()


def test_an_outage_keeps_the_input(aws):
    with down("GetItem"):
        answer = client_for().post("/login", {"username": "bob", "password": PASSWORD})

    assert answer.status_code == 503
    assert 'value="bob"' in answer.content.decode()
    assert answer.headers["Retry-After"] == "5"


@pytest.mark.parametrize("path", ["/register", "/login", "/logout"])
def test_forms_need_the_csrf_token(aws, path):
    answer = client_for(make_user(), csrf=True).post(path, BOB)

    assert answer.status_code == 403
    assert "out of date" in answer.content.decode()


@pytest.mark.parametrize("path", ["/accounts/profile", "/accounts/password"])
def test_anonymous_visitors_are_redirected_to_login_and_back(aws, path):
    make_user("bob")
    client = client_for()

    answer = client.get(f"{path}/?a=1")
    target = answer.headers["Location"]
    answer = client.post(target, {"username": "bob", "password": PASSWORD})

    assert target.startswith("/login?next=")
    assert answer.headers["Location"] == f"{path}/?a=1"


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "expenses",
        "\x00//evil.example",
    ],
)
def test_next_redirects_only_within_the_site(aws, target):
    make_user("bob")

    answer = client_for().post(
        "/login", {"username": "bob", "password": PASSWORD, "next": target}
    )

    assert answer.headers["Location"] == "/"


def test_an_ended_session_is_redirected_to_login_and_its_cookie_deleted(aws):
    client = client_for(make_user())
    sessions.log_out(client.cookies["session"].value)

    answer = client.get("/accounts/profile")

    assert answer.status_code == 302
    assert answer.cookies["session"]["max-age"] == 0


def test_an_outage_of_the_session_store_renders_an_error_page(aws):
    client = client_for(make_user())

    with down("GetItem"):
        answer = client.get("/accounts/profile")

    assert answer.status_code == 503
    assert "Temporarily unavailable" in answer.content.decode()


def test_logging_out_ends_the_session(aws):
    client = client_for(make_user(), csrf=True)
    key = client.cookies["session"].value

    answer = post(client, "/logout", {})

    assert answer.headers["Location"] == "/login"
    assert answer.cookies["session"]["max-age"] == 0
    assert answer.headers["Clear-Site-Data"] == '"cache"'
    assert sessions.find_session(key) is None


def test_logging_out_twice_is_no_error(aws):
    assert client_for().post("/logout").status_code == 302


def test_the_profile_form_shows_and_saves_values(aws):
    bob = make_user("bob", phone_number="12345")
    client = client_for(bob, csrf=True)
    page = client.get("/accounts/profile").content.decode()
    assert 'value="12345"' in page
    assert "bob@example.com" in page

    answer = post(
        client,
        "/accounts/profile",
        {
            **PROFILE,
            "large_expense_threshold": "99.90",
            "email_preferences": ["budget_exceeded", "monthly_summary"],
        },
    )

    assert answer.status_code == 302
    page = client.get("/accounts/profile").content.decode()
    assert "Settings saved." in page
    assert 'value="99.90"' in page
    account = account_of(bob)
    assert (account.currency, account.phone_number) == ("EUR", None)
    assert account.large_expense_threshold == Decimal("99.90")
    assert account.muted == {
        "budget_threshold",
        "large_expense",
        "report_ready",
        "report_failed",
    }
    assert account.opted_in == {"monthly_summary"}


def test_quiet_hours_are_shown_and_saved(aws):
    bob = make_user(quiet_hours={"from": "21:15", "until": "06:45"})
    client = client_for(bob)
    page = client.get("/accounts/profile").content.decode()
    assert 'name="quiet_hours_from" value="21:15"' in page
    assert 'name="quiet_hours_until" value="06:45"' in page

    client.post(
        "/accounts/profile",
        {**PROFILE, "quiet_hours_from": "00:00", "quiet_hours_until": "06:30"},
    )
    assert account_of(bob).quiet_hours == {"from": "00:00", "until": "06:30"}

    client.post("/accounts/profile", PROFILE)
    assert account_of(bob).quiet_hours is None


@pytest.mark.parametrize(
    ("start", "end", "sentence"),
    [
        ("22:00", "", "Enter both times as HH:MM"),
        ("", "00:00", "Enter both times as HH:MM"),
        ("22:00", "21:01", "Leave at least one hour a day for e-mails."),
        ("22:00", "later", "Enter a valid time."),
    ],
)
def test_invalid_quiet_hours_are_reported_on_their_field(aws, start, end, sentence):
    bob = make_user()

    answer = client_for(bob).post(
        "/accounts/profile",
        {**PROFILE, "quiet_hours_from": start, "quiet_hours_until": end},
    )

    page = answer.content.decode()
    assert answer.status_code == 400
    assert sentence in page[page.index("field-quiet_hours") :]
    assert account_of(bob).quiet_hours is None


def test_an_invalid_profile_is_shown_again_with_its_error(aws):
    bob = make_user()

    answer = client_for(bob).post(
        "/accounts/profile", {**PROFILE, "large_expense_threshold": "0.001"}
    )

    assert answer.status_code == 400
    assert "EUR amounts have at most 2 decimals." in answer.content.decode()
    assert account_of(bob).currency == "USD"


@pytest.mark.parametrize("make", [make_budget, make_expense])
def test_a_currency_in_use_is_shown_as_a_fact_and_kept(aws, make):
    bob = make_user("bob")
    client = client_for(bob)
    make(make_user("alice"))
    assert 'name="currency"' in client.get("/accounts/profile").content.decode()
    make(bob)

    page = client.get("/accounts/profile").content.decode()
    typed = {name: value for name, value in PROFILE.items() if name != "currency"}
    wrong = client.post(
        "/accounts/profile", {**typed, "large_expense_threshold": "0.001"}
    )
    saved = client.post("/accounts/profile", {**typed, "large_expense_threshold": "1"})

    for html in (page, wrong.content.decode()):
        assert 'name="currency"' not in html
        assert "USD <span" in html
        assert "Can't be changed while you have expenses (even in the trash)" in html
    assert "USD amounts have at most 2 decimals." in wrong.content.decode()
    assert saved.status_code == 302
    assert account_of(bob).currency == "USD"
    assert account_of(bob).large_expense_threshold == 1


def test_changing_the_currency_is_rejected_while_anything_is_recorded(aws):
    bob = make_user()
    make_expense(bob, amount="102.50")
    client = client_for(bob)

    page = client.post("/accounts/profile", PROFILE)
    answer = client.patch(
        "/api/profile", {"currency": "JPY"}, content_type="application/json"
    )

    assert (page.status_code, answer.status_code) == (409, 409)
    html = page.content.decode()
    assert 'id="id_currency_error"' in html
    assert "You can&#39;t change the currency while you have expenses" in html
    assert answer.json()["errors"][0]["pointer"] == "/currency"
    assert account_of(bob).currency == "USD"


def test_changing_the_password_logs_out_other_browsers(aws):
    bob = make_user()
    own, stolen = client_for(bob), client_for(bob)

    answer = own.post(
        "/accounts/password",
        {"old_password": PASSWORD, "new_password": "another long one"},
    )

    assert answer.status_code == 302
    assert own.get("/accounts/profile").status_code == 200
    assert stolen.get("/accounts/profile").status_code == 302


def test_a_wrong_old_password_is_reported_on_its_field(aws):
    answer = client_for(make_user()).post(
        "/accounts/password", {"old_password": "x", "new_password": "another long one"}
    )

    assert answer.status_code == 400
    assert "Wrong password." in answer.content.decode()


def test_user_input_is_escaped(aws):
    answer = client_for().post("/register", {**BOB, "email": "<script>alert(1)"})

    assert "<script>alert" not in answer.content.decode()
