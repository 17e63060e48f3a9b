"""What the log tells of logins and of attempts at what is not allowed."""

import logging

import pytest

from accounts import services
from tests.builders import PASSWORD, client_for, make_user


@pytest.fixture
def lines(aws, caplog):
    caplog.set_level(logging.INFO)
    return lambda: [record.getMessage() for record in caplog.records]


def test_logins_and_failures_are_told_by_ids_alone(lines):
    bob = make_user("bob")
    client = client_for()

    client.post("/login", {"username": "bob", "password": "wrong-bob-guess"})
    client.post("/login", {"username": "nobody-at-all", "password": PASSWORD})
    client.post("/login", {"username": "bob", "password": PASSWORD})
    client.post("/logout")

    said = lines()
    assert f"login failed user_id={bob.user_id}" in said
    assert "login failed user_id=unknown" in said
    assert f"session begun user_id={bob.user_id}" in said
    assert f"session ended user_id={bob.user_id}" in said
    for private in ("wrong-bob-guess", "nobody-at-all", PASSWORD, "bob@example.com"):
        assert private not in " ".join(said)


@pytest.mark.parametrize("address", ["/admin", "/api/admin/health"])
def test_what_is_forbidden_is_told(lines, address):
    client_for(make_user("bob")).get(address)

    assert any(line.startswith("Forbidden") and address in line for line in lines())


def test_a_write_without_its_csrf_token_is_told(lines):
    client_for(make_user("bob"), csrf=True).post("/expenses/add", {})

    assert any(line.startswith("Forbidden") for line in lines())


def test_who_is_told_to_wait_is_told(lines, monkeypatch):
    limit = services.Limit("login", 1, 900)
    monkeypatch.setattr(services, "ACCOUNT_LOGINS", limit)

    for _ in range(2):
        client_for().post("/login", {"username": "bob", "password": PASSWORD})

    assert any(line.startswith("Too Many Requests") for line in lines())
