"""The canary: every broken step is reported, and nothing is left behind."""

import datetime
import http.server
import itertools
import json
import logging
import threading
from collections import Counter

import boto3
import pytest
from django.test import Client

from infra import canary
from infra.canary import Canary, CanaryError

PASSWORD = "a password that must never be logged"
SITE = "https://testserver"
STEPS = {
    "POST /register": "register",
    "POST /logout": "log out and in",
    "POST /login": "log out and in",
    "POST /api/budgets": "set a budget",
    "POST /api/expenses": "add an expense",
    "GET /api/summary": "read the summary",
    "GET /": "open the dashboard",
    "GET /api/notifications": "wait for the alert",
    "DELETE /api/account": "close the account",
}


class Product:
    """The parts of the product that the canary uses, in memory."""

    def __init__(self):
        self.accounts = {}  # {username: {"open", "password", "created_at"}}
        self.sessions = {}  # {cookie: username}
        self.requests = []  # "METHOD /path"
        self.addresses = []
        self.origins = set()
        self.broken = {}  # {"METHOD /path": (status, text)}
        self.polls_until_processed = 1
        self.ids = itertools.count()

    def answer(self, method, path, body, cookie):
        """Return (status, body or text, cookie)."""
        name = f"{method} {path}"
        self.requests.append(name)
        if name in self.broken:
            return *self.broken[name], None
        if path == "/register":
            return self.register(**body)
        if path == "/login":
            return self.log_in(**body)
        account = self.accounts.get(self.sessions.get(cookie))
        if account is None:
            return 401, {}, None
        return *self.act(name, account, body, cookie), None

    def register(self, username, email, password):
        if username in self.accounts:
            return 409, {}, None
        self.addresses.append(email)
        self.add(username, password)
        return self.start_session(username, 201)

    def add(self, username, password, *, age=0, is_open=True):
        created = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=age)
        self.accounts[username] = {
            "open": is_open,
            "password": password,
            "created_at": created.isoformat(),
            "polls": 0,
        }

    def log_in(self, username, password):
        account = self.accounts.get(username)
        if not account or not account["open"] or account["password"] != password:
            return 401, {}, None
        return self.start_session(username, 200)

    def start_session(self, username, status):
        cookie = f"c{next(self.ids)}"
        self.sessions[cookie] = username
        return status, {"csrf_token": f"token-{cookie}"}, cookie

    def act(self, name, account, body, cookie):
        if name == "POST /logout":
            del self.sessions[cookie]
            return 204, ""
        if name == "DELETE /api/account":
            account["open"] = False
            return 202, {}
        if name == "GET /api/notifications":
            account["polls"] += 1
            processed = account["polls"] > self.polls_until_processed
            status = "skipped" if processed else "queued"
            return 200, {"results": [{"type": "budget_exceeded", "status": status}]}
        return {
            "POST /api/budgets": (201, {}),
            "POST /api/expenses": (201, {}),
            "GET /api/summary": (200, {"budgets": [{"spent": "11.00"}]}),
            "GET /": (200, "<h2>Canary</h2>"),
            "GET /api/profile": (200, {"created_at": account["created_at"]}),
        }[name]

    def open_accounts(self):
        return [name for name, account in self.accounts.items() if account["open"]]


@pytest.fixture
def product():
    """Yield a product behind HTTP; its address is `product.url`."""
    product = Product()

    class Handler(http.server.BaseHTTPRequestHandler):
        def respond(self):
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or "null")
            cookie = (self.headers.get("Cookie") or "").removeprefix("session=")
            product.origins.add(self.headers["Origin"])
            changes = self.command != "GET" and cookie in product.sessions
            if changes and self.headers["X-CSRFToken"] != f"token-{cookie}":
                status, answer, session = 403, {}, None
            else:
                status, answer, session = product.answer(
                    self.command, self.path, body, cookie
                )
            text = answer if isinstance(answer, str) else json.dumps(answer)
            self.send_response(status)
            if session:
                self.send_header("Set-Cookie", f"session={session}; Path=/")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    for method in ("GET", "POST", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.respond)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    product.url = f"http://127.0.0.1:{server.server_port}"
    yield product
    server.shutdown()
    server.server_close()


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def run(product):
    clock = Clock()
    Canary(f"{product.url}/", PASSWORD, clock=clock, sleep=clock.sleep).run()


def username(number):
    return Canary("http://x", PASSWORD)._username(number)


def test_a_run_does_the_whole_job_and_closes_its_account(product):
    product.polls_until_processed = 3

    run(product)

    assert set(product.requests) == set(STEPS)
    assert list(product.accounts) == [username(0)]
    assert product.open_accounts() == []
    assert product.origins == {product.url}


def test_mails_go_only_to_the_simulator_of_ses(product):
    run(product)
    run(product)

    assert len(set(product.addresses)) == 2
    for address in product.addresses:
        assert address.startswith("success+")
        assert address.endswith("@simulator.amazonses.com")


@pytest.mark.parametrize(("request_line", "step"), STEPS.items())
def test_every_broken_step_is_reported_by_name(product, request_line, step):
    product.broken[request_line] = (500, {"detail": "broken"})

    with pytest.raises(CanaryError) as raised:
        run(product)

    message = f"{step}: {request_line} returned 500 (request "
    assert str(raised.value).startswith(message)
    if request_line not in {"POST /login", "DELETE /api/account"}:
        assert product.open_accounts() == []  # those two leave it to the next run


@pytest.mark.parametrize(
    ("request_line", "answer", "reason"),
    [
        ("GET /api/summary", {"budgets": [{"spent": "0.00"}]}, "not 11.00"),
        ("GET /api/summary", {"budgets": []}, "not 11.00"),
        ("GET /api/summary", {}, "not understood: KeyError"),
        ("GET /api/summary", "<html>", "not understood: JSONDecodeError"),
        ("GET /", "<h2>Welcome</h2>", "does not show the budget"),
        ("GET /api/notifications", {"results": []}, "notifications are []"),
        (
            "GET /api/notifications",
            {"results": [{"type": "budget_exceeded", "status": "failed"}]},
            "failed",
        ),
    ],
)
def test_a_wrong_answer_is_reported_and_the_account_closed(
    product, request_line, answer, reason
):
    product.broken[request_line] = (200, answer)

    with pytest.raises(CanaryError, match=STEPS[request_line]) as raised:
        run(product)

    assert reason in str(raised.value)
    assert product.open_accounts() == []


def test_an_alert_that_is_not_processed_in_time_is_reported(product):
    product.polls_until_processed = 10_000

    with pytest.raises(CanaryError, match=r"after 45 seconds.*queued"):
        run(product)

    polls = Counter(product.requests)["GET /api/notifications"]
    assert polls == canary.ALERT_SECONDS / canary.POLL_SECONDS


def test_a_slow_run_is_ended(product):
    clock = Clock()
    run = Canary(product.url, PASSWORD, clock=clock, sleep=clock.sleep)
    clock.now = canary.RUN_SECONDS

    with pytest.raises(CanaryError, match="register: the run took too long"):
        run.run()


def test_an_unreachable_address_is_reported():
    with pytest.raises(CanaryError, match="register: POST /register failed"):
        Canary("http://127.0.0.1:9", PASSWORD).run()


@pytest.mark.parametrize(("headers", "status"), [({"Origin": SITE}, 201), ({}, 403)])
def test_over_https_a_write_needs_the_origin_that_the_canary_sends(
    aws, headers, status
):
    """The local system has no HTTPS, so no run there depends on it."""
    client = Client(enforce_csrf_checks=True)
    sent = {"content_type": "application/json", "secure": True}
    account = {"username": "alice", "email": "alice@example.com", "password": PASSWORD}
    answer = client.post("/register", account, headers={"Origin": SITE}, **sent)
    headers |= {"X-CSRFToken": answer.json()["csrf_token"]}

    budget = {"category": "Canary", "amount": "10.00"}
    answer = client.post("/api/budgets", budget, headers=headers, **sent)

    assert answer.status_code == status


# -- accounts of earlier runs


def test_the_next_run_closes_the_account_of_a_killed_one(product):
    product.add(username(0), PASSWORD, age=canary.LEFTOVER_SECONDS + 1)

    run(product)

    assert list(product.accounts) == [username(0), username(1)]
    assert product.open_accounts() == []


def test_the_account_of_a_run_that_may_continue_is_left_alone(product):
    product.add(username(0), PASSWORD, age=canary.LEFTOVER_SECONDS - 10)

    run(product)

    assert product.open_accounts() == [username(0)]


def test_a_closed_account_that_is_being_deleted_is_passed_over(product):
    product.add(username(0), PASSWORD, is_open=False)

    run(product)

    assert username(1) in product.accounts


def test_closed_accounts_that_are_never_deleted_are_reported(product):
    for number in range(canary.ACCOUNTS):
        product.add(username(number), PASSWORD, is_open=False)

    with pytest.raises(CanaryError, match="closed accounts are not being deleted"):
        run(product)


def test_the_error_of_the_job_is_reported_and_not_that_of_closing(product, caplog):
    product.broken["GET /"] = (502, "")
    product.broken["DELETE /api/account"] = (503, "")

    with pytest.raises(CanaryError, match="open the dashboard: GET / returned 502"):
        run(product)

    assert "left to the next run" in caplog.text
    product.broken.clear()
    product.accounts[username(0)]["created_at"] = "2026-01-01T00:00:00+00:00"
    run(product)
    assert product.open_accounts() == []


def test_usernames_depend_on_the_password_and_are_valid():
    names = {username(number) for number in range(canary.ACCOUNTS)}

    assert len(names) == canary.ACCOUNTS
    assert all(len(name) <= 30 for name in names)
    assert Canary("http://x", "another")._username(0) not in names


# -- as a command and as a Lambda


def test_the_command_prints_the_steps_but_no_secret(
    product, monkeypatch, caplog, capsys
):
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("CANARY_PASSWORD", PASSWORD)
    monkeypatch.setattr("sys.argv", ["canary", product.url])

    canary.main()

    printed = caplog.text + "".join(capsys.readouterr())
    for step in STEPS.values():
        assert f"{step}: done in" in printed
    for secret in (PASSWORD, "token-", *product.sessions):
        assert secret not in printed


def test_the_command_fails_with_the_reason(monkeypatch):
    monkeypatch.setattr("sys.argv", ["canary", "http://127.0.0.1:9"])

    with pytest.raises(SystemExit, match="register: POST /register failed"):
        canary.main()


@pytest.fixture
def lambda_environment(aws, product, monkeypatch):
    secrets = boto3.client("secretsmanager")
    arn = secrets.create_secret(Name="canary", SecretString=PASSWORD)["ARN"]
    monkeypatch.setenv("PASSWORD_ARN", arn)
    monkeypatch.setenv("APP_URL", product.url)
    monkeypatch.setenv("STAGE", "test-smart-budget")
    yield
    secrets.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)


def test_the_lambda_subtracts_its_run_from_the_business_metrics(
    lambda_environment, capsys
):
    assert canary.handler({}, None) == {"result": "done"}

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    stage = {"Stage": "test-smart-budget"}
    for line in lines:
        assert line.pop("_aws")["CloudWatchMetrics"][0]["Namespace"] == "SmartBudget"
    assert lines == [
        {"ExpensesRecorded": -1, **stage},
        {"AlertsQueued": -1, **stage, "Level": "exceeded"},
        {"NotificationsDelivered": -1, **stage, "Status": "skipped"},
    ]


def test_the_lambda_fails_if_the_job_does(lambda_environment, product):
    product.broken["POST /api/expenses"] = (500, "")

    with pytest.raises(CanaryError, match="add an expense"):
        canary.handler({}, None)
