"""The pages of a forgotten password."""

import dataclasses

import pytest

from accounts import link_cookie
from accounts.models import Account
from accounts.password_reset import services, views
from tests.accounts.password_reset.builders import NEW, ask, token_in, verified
from tests.builders import PASSWORD, account_of, client_for
from tests.notifications.builders import run_queued_tasks

FORM = "/accounts/reset"
SENT = "/accounts/reset/sent"
CHOOSE = "/accounts/reset/new"


@pytest.fixture
def alice(sent):
    return verified()


@pytest.fixture
def link(alice, sent):
    ask()
    return sent[-1].account_link


def opened(link):
    """Return a client that has followed a link."""
    client = client_for()
    client.get(link)
    return client


def privacy(response):
    """Return the headers that keep a response out of caches and Referer headers."""
    return response.headers["Cache-Control"], response.headers["Referrer-Policy"]


def test_the_login_page_links_to_the_form():
    assert f'href="{FORM}"' in client_for().get("/login").content.decode()


def test_the_whole_way_from_the_form_to_the_login(alice, sent):
    client = client_for()
    assert client.post(FORM, {"username": "alice"}).url == SENT
    run_queued_tasks()

    moved = client.get(sent[0].account_link)
    assert (moved.status_code, moved.url) == (302, CHOOSE)
    page = client.get(CHOOSE).content.decode()
    assert "<strong>alice</strong>" in page
    done = client.post(CHOOSE, {"new_password": NEW}, follow=True)

    assert done.redirect_chain == [("/login", 302)]
    assert "All devices have been logged out" in done.content.decode()
    assert "session" not in client.cookies
    answer = client.post("/login", {"username": "alice", "password": NEW})
    assert answer.status_code == 302


def test_any_name_gets_the_same_bytes(alice, sent):
    answers = []
    for name in ("alice", "nobody", "alice@example.com", "nobody@example.com"):
        answer = client_for().post(FORM, {"username": name}, follow=True)
        # Each page has an id of its own for the log, in a header.
        headers = {k: v for k, v in answer.headers.items() if k != "X-Request-Id"}
        answers.append((answer.redirect_chain, headers, answer.content))

    assert all(answer == answers[0] for answer in answers)


def test_the_token_moves_from_the_url_into_a_cookie_of_the_form(link, sent):
    response = client_for().get(link)

    cookie = response.cookies[link_cookie.NAME]
    assert token_in(sent[-1]) not in response.url
    assert (cookie["path"], cookie["httponly"]) == (CHOOSE, True)
    assert privacy(response) == ("no-store", "no-referrer")


def test_no_page_is_stored_and_none_sends_its_url_to_other_sites(link):
    """With `no-referrer`, browsers send forms without the Origin that CSRF needs."""
    client = opened(link)
    pages = [client.get(path) for path in (FORM, SENT, CHOOSE)]
    pages.append(client.post(CHOOSE, {"new_password": "short"}))

    for page in pages:
        assert privacy(page) == ("no-store", "same-origin")


def test_opening_a_link_changes_nothing(alice, link):
    before = account_of(alice).password_hash

    for _ in range(2):
        assert opened(link).get(CHOOSE).status_code == 200

    assert account_of(alice).password_hash == before


def test_a_refused_password_is_shown_at_its_field(link):
    client = opened(link)

    page = client.post(CHOOSE, {"new_password": "short"})

    assert page.status_code == 400
    assert "Enter at least 8 characters." in page.content.decode()
    assert client.post(CHOOSE, {"new_password": NEW}).status_code == 302


def test_a_used_link_says_so(link):
    opened(link).post(CHOOSE, {"new_password": NEW})

    page = opened(link).get(CHOOSE)

    assert page.status_code == 410
    assert "already been used" in page.content.decode()


def test_after_a_newer_link_the_page_says_so(link):
    ask()

    page = opened(link).get(CHOOSE)

    assert page.status_code == 410
    assert "A newer link was sent" in page.content.decode()


@pytest.mark.parametrize("token", ["x", "x" * 43, "x" * 2000, "ünïcode"])
def test_an_unknown_link_has_expired(token):
    page = opened(f"/accounts/reset/{token}").get(CHOOSE)

    assert page.status_code == 410
    assert "expired" in page.content.decode()


def test_without_a_link_there_is_no_form():
    for method in ("get", "post"):
        assert getattr(client_for(), method)(CHOOSE).status_code == 410


def test_the_link_of_a_locked_account_changes_nothing(alice, link):
    account_of(alice).update([Account.locked_at.set("2026-03-18T00:00:00+00:00")])
    before = Account.get(alice.user_id).password_hash

    page = opened(link).post(CHOOSE, {"new_password": NEW})

    assert page.status_code == 410
    assert "locked" not in page.content.decode()
    assert Account.get(alice.user_id).password_hash == before


def test_the_cookie_is_gone_after_the_reset(link):
    client = opened(link)

    client.post(CHOOSE, {"new_password": NEW})

    assert client.cookies[link_cookie.NAME].value == ""


@pytest.mark.parametrize("path", [FORM, CHOOSE])
def test_a_form_needs_the_csrf_token(link, path):
    client = client_for(csrf=True)
    client.get(link)

    assert client.post(path, {"username": "alice"}).status_code == 403


def test_the_link_has_our_address_whatever_the_host_header_says(alice, sent, settings):
    settings.ALLOWED_HOSTS = ["*"]

    client_for().post(FORM, {"username": "alice"}, headers={"Host": "evil.example"})
    run_queued_tasks()

    assert "evil.example" not in sent[0].text + sent[0].html
    assert sent[0].account_link


def test_a_session_of_an_intruder_ends_with_the_reset(alice, link):
    stolen = client_for(alice)

    opened(link).post(CHOOSE, {"new_password": NEW})

    assert stolen.get("/api/profile").status_code == 401


def test_the_twenty_first_request_waits(alice):
    client = client_for()
    for _ in range(20):
        assert client.post(FORM, {"username": "nobody"}).status_code == 302

    page = client.post(FORM, {"username": "alice"})

    assert page.status_code == 429
    assert "Try again in" in page.content.decode()


def test_without_a_sender_the_page_names_who_helps(monkeypatch):
    verified()
    contact = dataclasses.replace(services.config, support_email="help@example.com")
    monkeypatch.setattr(services, "config", contact)

    for method in ("get", "post"):
        page = getattr(client_for(), method)(FORM, {"username": "alice"})
        text = page.content.decode()
        assert "can&#39;t be reset by e-mail here" in text
        assert "help@example.com" in text
        assert "<form class" not in text


def test_the_next_page_names_who_helps_without_an_e_mail(monkeypatch, sent):
    assert "Still nothing?" not in client_for().get(SENT).content.decode()
    contact = dataclasses.replace(views.config, support_email="help@example.com")
    monkeypatch.setattr(views, "config", contact)

    page = client_for().get(SENT).content.decode()

    assert "Still nothing? Contact help@example.com." in page


def test_a_logged_in_user_can_use_a_link(alice, link):
    client = client_for(alice)
    client.get(link)

    assert client.post(CHOOSE, {"new_password": NEW}).status_code == 302
    assert client.get("/api/profile").status_code == 401
    assert PASSWORD != NEW
