"""Failed logins: the same answers for names of one account and of two."""

import re

import pytest

from accounts.models import Account
from tests.accounts.factors.builders import with_totp
from tests.builders import PASSWORD, account_of, client_for, make_user

pytestmark = pytest.mark.usefixtures("clock", "aws")

OTHERS = ["alice@example.com", "carol@example.com", "carol", "nobody", "x@example.com"]


@pytest.fixture(params=["no factor", "app", "locked"])
def alice(request):
    """Return a user; before the password is right, none of this must show."""
    alice = make_user("alice")
    make_user("carol")
    if request.param == "app":
        with_totp(alice)
    if request.param == "locked":
        account_of(alice).update([Account.locked_at.set("2026-03-18T12:00:00+00:00")])
    return alice


def by_page(name, password="a wrong password"):
    return client_for().post("/login", {"username": name, "password": password})


def by_api(name, password="a wrong password"):
    return client_for().post(
        "/login",
        {"username": name, "password": password},
        content_type="application/json",
    )


def content_of(answer, name):
    """Return an answer without what was typed and what differs in every request."""
    random = r"[0-9a-f]{32}|(?<=csrfmiddlewaretoken\" value=\")[^\"]+"
    text = re.sub(random, "", answer.text.replace(f'value="{name}"', ""))
    left_out = {"X-Request-Id", "RateLimit", "Content-Length"}
    headers = {k: v for k, v in answer.headers.items() if k not in left_out}
    return answer.status_code, headers, text


@pytest.mark.parametrize("ask", [by_page, by_api])
def test_failing_with_a_username_does_not_show_whose_address_it_is(alice, ask):
    for _ in range(10):
        assert ask("alice").status_code == 401
    assert ask("alice").status_code == 429

    answers = [content_of(ask(name), name) for name in OTHERS]

    assert [answer == answers[0] for answer in answers] == [True] * len(OTHERS)
    assert answers[0][0] == 401


@pytest.mark.parametrize("ask", [by_page, by_api])
def test_failing_with_an_address_does_not_show_whose_it_is(alice, ask):
    for _ in range(10):
        ask("alice@example.com")
    assert ask("alice@example.com").status_code == 429

    names = ["alice", "carol", "nobody"]
    answers = [content_of(ask(name), name) for name in names]

    assert answers == [answers[0]] * len(names)


@pytest.mark.parametrize("ask", [by_page, by_api])
def test_a_throttled_name_gets_the_same_answer_whether_it_exists(alice, ask):
    answers = []
    for name in ("alice", "alice@example.com", "nobody", "nobody@example.com"):
        for _ in range(10):
            ask(name)
        # The right password makes no difference, nor does a second factor.
        answers.append(content_of(ask(name, PASSWORD), name))

    assert answers == [answers[0]] * len(answers)
    assert answers[0][0] == 429


def test_wrong_codes_throttle_only_logins_with_the_password():
    alice = make_user("alice")
    app, _codes = with_totp(alice)
    for _ in range(10):
        ticket = by_api("alice", PASSWORD).json()["ticket"]
        body = {"ticket": ticket, "code": app.wrong_code()}
        client_for().post("/login/second", body, content_type="application/json")

    names = ["alice@example.com", "nobody@example.com"]
    answers = [content_of(by_api(name), name) for name in names]

    assert answers[0] == answers[1]
    assert answers[0][0] == 401
