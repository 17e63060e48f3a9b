"""Log lines of logins and of forbidden requests."""

import datetime
import json
import logging
from types import SimpleNamespace

import pytest
from gunicorn.config import Config

from accounts import services
from smartbudget.core import log
from smartbudget.web.access_log import AccessLogger
from tests.builders import PASSWORD, client_for, make_user, program_with


@pytest.fixture
def lines(aws, caplog):
    caplog.set_level(logging.INFO)
    return lambda: [record.getMessage() for record in caplog.records]


def test_logins_and_failures_are_logged_with_ids_only(lines):
    bob = make_user("bob")
    client = client_for()

    client.post("/login", {"username": "bob", "password": "wrong-bob-guess"})
    client.post("/login", {"username": "nobody-at-all", "password": PASSWORD})
    client.post("/login", {"username": "bob", "password": PASSWORD})
    client.post("/logout")

    log_lines = lines()
    assert f"login failed user_id={bob.user_id}" in log_lines
    assert "login failed user_id=unknown" in log_lines
    assert f"session begun user_id={bob.user_id}" in log_lines
    assert f"session ended user_id={bob.user_id}" in log_lines
    for private in ("wrong-bob-guess", "nobody-at-all", PASSWORD, "bob@example.com"):
        assert private not in " ".join(log_lines)


@pytest.mark.parametrize("address", ["/admin", "/api/admin/health"])
def test_forbidden_requests_are_logged(lines, address):
    client_for(make_user("bob")).get(address)

    assert any(line.startswith("Forbidden") and address in line for line in lines())


def test_a_write_without_the_csrf_token_is_logged(lines):
    client_for(make_user("bob"), csrf=True).post("/expenses/add", {})

    assert any(line.startswith("Forbidden") for line in lines())


def test_rate_limited_requests_are_logged(lines, monkeypatch):
    limit = services.Limit("login", 1, 900)
    monkeypatch.setattr(services, "NAME_LOGINS", limit)

    for _ in range(2):
        client_for().post("/login", {"username": "bob", "password": PASSWORD})

    assert any(line.startswith("Too Many Requests") for line in lines())


# ------------------------------------------------------ IP address and request id


@pytest.fixture
def written(aws, caplog):
    """Return the log output so far."""
    formatted = []
    formatter = log.JsonFormatter()

    class Keep(logging.Handler):
        def emit(self, record):
            formatted.append(json.loads(formatter.format(record)))

    handler = Keep()
    logging.getLogger().addHandler(handler)
    caplog.set_level(logging.INFO)
    yield formatted
    logging.getLogger().removeHandler(handler)


def about(lines, request_id):
    return [line for line in lines if line.get("request_id") == request_id]


@pytest.mark.parametrize("kind", ["application/json", "form"])
@pytest.mark.parametrize("name", ["bob", "bob@example.com", "nobody"])
def test_a_failed_login_is_logged_with_ip_address_and_request_id(written, kind, name):
    make_user("bob")
    login = {"username": name, "password": "wrong-guess"}
    form = {} if kind == "form" else {"content_type": kind}

    answer = client_for().post("/login", login, REMOTE_ADDR="192.0.2.7", **form)

    assert answer.status_code == 401
    lines = about(written, answer["X-Request-Id"])
    (failed,) = (line for line in lines if "login failed" in line["message"])
    assert failed["source"] == "192.0.2.7"
    assert "bob@example.com" not in json.dumps(lines)


def test_a_throttled_login_is_logged_with_ip_address_and_request_id(
    written, monkeypatch
):
    monkeypatch.setattr(services, "NAME_LOGINS", services.Limit("login", 1, 900))
    login = {"username": "bob", "password": PASSWORD}
    client = client_for()
    client.post("/login", login)

    answer = client.post("/login", login, REMOTE_ADDR="2001:db8::7")

    assert answer.status_code == 429
    lines = about(written, answer["X-Request-Id"])
    assert [line["source"] for line in lines] == ["2001:db8::/64"]


def test_an_invalid_token_is_logged_with_ip_address_and_request_id(written):
    answer = program_with("smartbudget_" + "0" * 64).get("/api/budgets")

    assert answer.status_code == 401
    lines = about(written, answer["X-Request-Id"])
    assert [line["source"] for line in lines] == ["127.0.0.1"]


def test_successful_requests_are_logged_without_ip_address(written):
    answer = client_for(make_user("bob")).get("/budgets")

    assert answer.status_code == 200
    assert not any("source" in line for line in about(written, answer["X-Request-Id"]))


def test_the_access_log_contains_the_request_id(caplog):
    logger = AccessLogger(Config())
    logger.access_log.addHandler(caplog.handler)
    logger.access_log.setLevel(logging.INFO)
    response = SimpleNamespace(
        status="200 OK", sent=12, headers=[("X-Request-Id", "abc")]
    )

    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/budgets"}
    logger.access(response, None, environ, datetime.timedelta(seconds=1))

    line = json.loads(caplog.records[-1].getMessage())
    assert (line["request_id"], line["path"], line["status"]) == (
        "abc",
        "/budgets",
        200,
    )
