"""The staff site's pages and API: for staff only, without financial data."""

import datetime
import logging
import re

import pytest

from accounts import services
from profiles.services import update_profile
from smartbudget.core import health
from smartbudget.core.health import Part
from staff import users
from tests.builders import account_of, client_for, make_staff, make_user, token_of
from tests.calls import counted
from tests.money_builders import make_budget, make_expense

UNKNOWN_ID = "0" * 32
ADDRESSES = [
    ("get", "/admin"),
    ("get", "/admin/users"),
    ("post", "/admin/users"),
    ("get", "/admin/users/{bob}"),
    ("post", "/admin/users/{bob}"),
    ("post", "/admin/users/{bob}/unlock"),
    ("get", "/api/admin/health"),
    ("post", "/api/admin/users/find"),
    ("post", "/api/admin/users/search"),
    ("get", "/api/admin/users/{bob}"),
    ("post", "/api/admin/users/{bob}/lock"),
    ("post", "/api/admin/users/{bob}/unlock"),
]
SENT = {"whom": "bob", "reason": "Because"}


@pytest.fixture(autouse=True)
def parts(aws, monkeypatch):
    """Make all of AWS healthy; tests append failing parts."""
    stand_ins = [Part("Bucket", True, "Reachable.")]
    monkeypatch.setattr(health, "check", lambda: stand_ins)
    return stand_ins


@pytest.fixture
def bob():
    return make_user("bob")


@pytest.fixture
def grace():
    return client_for(make_staff(make_user("grace")))


def text_of(answer) -> str:
    return " ".join(answer.content.decode().split())


def ask(client, method, address):
    if address.startswith("/api") and method == "post":
        fields = {"find": ["whom"], "search": ["whom"], "lock": ["reason"]}.get(
            address.rpartition("/")[2], []
        )
        body = {name: SENT[name] for name in fields}
        return client.post(address, body, content_type="application/json")
    return getattr(client, method)(address, SENT if method == "post" else {})


@pytest.mark.parametrize(("method", "address"), ADDRESSES)
def test_other_users_are_rejected(bob, method, address):
    mallory = client_for(make_user("mallory"))

    answer = ask(mallory, method, address.format(bob=bob.user_id))

    assert answer.status_code == 403
    assert "Only staff can do this." in text_of(answer)
    assert account_of(bob).locked_at is None


@pytest.mark.parametrize(("method", "address"), ADDRESSES)
def test_responses_to_other_users_do_not_reveal_accounts(method, address):
    mallory = client_for(make_user("mallory"))

    assert ask(mallory, method, address.format(bob=UNKNOWN_ID)).status_code == 403


@pytest.mark.parametrize(("method", "address"), ADDRESSES)
def test_anonymous_visitors_are_redirected_to_login(bob, method, address):
    answer = ask(client_for(), method, address.format(bob=bob.user_id))

    if address.startswith("/api"):
        assert answer.status_code == 401
    else:
        assert answer.status_code == 302
        assert answer["Location"].startswith("/login")


def test_former_staff_are_rejected_at_once(grace):
    users.set_staff("grace", is_staff=False)

    assert grace.get("/admin").status_code == 403


def test_writes_need_the_csrf_token(bob):
    heidi = client_for(make_staff(), csrf=True)
    address = f"/admin/users/{bob.user_id}"

    assert heidi.post(address, {"reason": "x"}).status_code == 403
    assert account_of(bob).locked_at is None
    heidi.post(address, {"reason": "x"}, headers=token_of(heidi))
    assert account_of(bob).locked_at


def test_the_start_page_shows_the_status_of_each_part(grace, parts):
    page = text_of(grace.get("/admin/"))
    assert "All systems operational" in page
    assert 'href="/admin/users"' in page
    assert 'href="/admin/notifications"' in page
    assert re.search(r'href="/admin" aria-current="true">.*?<span>Staff<', page)

    parts.append(Part("Topic", False, "Timed out."))
    page = text_of(grace.get("/admin"))

    assert "Some systems are down" in page
    assert 'class="badge failed">Failed</span></td> <td>Timed out.' in page
    assert grace.get("/api/admin/health").json() == [
        {"name": "Bucket", "ok": True, "said": "Reachable."},
        {"name": "Topic", "ok": False, "said": "Timed out."},
    ]


def test_only_the_page_translates_names_of_parts(grace, parts):
    parts.append(Part("Dead letters", True, "Reachable."))
    grace.patch("/api/profile", {"language": "de"}, content_type="application/json")

    assert "Unzustellbare Nachrichten</th>" in text_of(grace.get("/admin"))
    answer = grace.get("/api/admin/health").json()
    assert [part["name"] for part in answer] == ["Bucket", "Dead letters"]


@pytest.mark.parametrize("identifier", ["bob", "Bob@Example.com"])
def test_finding_a_user_does_not_put_the_name_in_the_url(grace, bob, identifier):
    answer = grace.post("/admin/users", {"whom": identifier})

    assert answer.status_code == 302
    assert answer["Location"] == f"/admin/users/{bob.user_id}"
    assert grace.get("/admin/users", {"whom": identifier}).status_code == 200


def test_an_unknown_user_is_reported_on_the_field_and_the_input_kept(grace):
    answer = grace.post("/admin/users", {"whom": "nobody@example.com"})

    assert answer.status_code == 400
    assert "No users match." in text_of(answer)
    assert 'value="nobody@example.com"' in text_of(answer)
    assert grace.get(f"/admin/users/{UNKNOWN_ID}").status_code == 404


def test_nothing_private_is_shown(grace, bob):
    update_profile(bob, phone_number="+49 89 123456")
    make_budget(bob, category="Debts", amount="7531.00")
    make_expense(bob, category="Debts", amount="7429.17")

    pages = text_of(grace.get(f"/admin/users/{bob.user_id}"))
    pages += grace.get(f"/api/admin/users/{bob.user_id}").content.decode()

    assert bob.user_id in pages
    for secret in ("bob@example.com", "123456", "Debts", "7531", "7,531", "7429"):
        assert secret not in pages


def test_locking_and_unlocking_on_the_page(grace, bob):
    address = f"/admin/users/{bob.user_id}"

    page = text_of(grace.post(address, {"reason": "Sends <spam>"}, follow=True))
    assert "bob is locked and logged out everywhere." in page
    assert "Sends &lt;spam&gt;" in page
    assert account_of(bob).locked_at

    page = text_of(grace.post(f"{address}/unlock", follow=True))
    assert "bob can log in again." in page
    assert "Sends" not in page
    assert account_of(bob).locked_at is None


def test_locking_needs_a_reason(grace, bob):
    answer = grace.post(f"/admin/users/{bob.user_id}", {"reason": " "})

    assert answer.status_code == 400
    assert "Fill in this field." in text_of(answer)
    assert account_of(bob).locked_at is None


def test_staff_have_no_lock_button_and_posting_it_has_no_effect(grace):
    grace_id = services.get_account_by_username("grace").user_id

    assert "Staff can't be locked." in text_of(grace.get(f"/admin/users/{grace_id}"))
    answer = grace.post(f"/admin/users/{grace_id}", {"reason": "x"})
    assert answer.status_code == 409
    assert grace.get("/admin").status_code == 200


def test_the_api_has_the_same_actions(grace, bob):
    def post(path, body=None):
        return grace.post(f"/api/admin/users/{path}", body, "application/json")

    user = post("find", {"whom": "bob@example.com"}).json()
    assert user == grace.get(f"/api/admin/users/{bob.user_id}").json()
    assert (user["user_id"], user["username"]) == (bob.user_id, "bob")
    assert (user["live_sessions"], user["locked_at"]) == (1, None)
    began = datetime.datetime.fromisoformat(user["last_login_at"])
    registered = datetime.datetime.fromisoformat(user["created_at"])
    assert abs(began - registered) < datetime.timedelta(minutes=1)

    locked = post(f"{bob.user_id}/lock", {"reason": "Spam"}).json()
    assert (locked["live_sessions"], locked["locked_reason"]) == (0, "Spam")
    assert locked["locked_at"]
    assert post(f"{bob.user_id}/unlock").json()["locked_at"] is None

    assert post("find", {"whom": "nobody"}).status_code == 404
    assert post(f"{bob.user_id}/lock", {"reason": ""}).status_code == 400
    assert post(f"{bob.user_id}/lock", {"reason": "x" * 201}).status_code == 400
    assert post(f"{UNKNOWN_ID}/lock", {"reason": "x"}).status_code == 404


def test_aws_calls_of_a_users_page(grace, bob):
    with counted() as calls:
        grace.get(f"/admin/users/{bob.user_id}")

    assert calls.names == ["dynamodb.GetItem"] * 2  # the session, the account


def test_no_address_is_logged(grace, bob, caplog):
    caplog.set_level(logging.INFO)

    grace.post("/admin/users", {"whom": "bob@example.com"}, follow=True)

    assert f"target={bob.user_id}" in caplog.text
    assert "@example.com" not in caplog.text
