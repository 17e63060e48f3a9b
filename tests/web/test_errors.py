"""Errors: status by class, problem documents for the API and pages for browsers."""

import json
import time

import pytest
from botocore.exceptions import EndpointConnectionError
from django.http import RawPostDataException, UnreadablePostError
from rest_framework.exceptions import APIException

from smartbudget.core.errors import DomainError, ThrottledError
from smartbudget.core.i18n import override
from smartbudget.web import docs
from smartbudget.web.errors import CODES, format_wait, problem_of
from smartbudget.web.problems import TITLES, Problem, document
from tests.builders import client_for, make_user
from tests.problems import problem

pytestmark = pytest.mark.urls("tests.web.urls")


@pytest.fixture(autouse=True, scope="module")
def schema_forgotten():
    """Clear the cached schema of these URLs."""
    yield
    docs.document.cache_clear()
    docs._rendered.cache_clear()


STATUSES = [
    ("invalid", 400),
    ("plain", 400),
    ("authentication", 401),
    ("forbidden", 403),
    ("missing", 404),
    ("conflict", 409),
    ("throttled", 429),
    ("bug", 500),
    ("unavailable", 503),
]


@pytest.mark.parametrize(("name", "status"), STATUSES)
def test_the_api_answers_in_json(name, status):
    answer = client_for().get(f"/api/fail/{name}")

    assert answer.status_code == status
    assert problem(answer)


@pytest.mark.parametrize(("name", "status"), STATUSES)
def test_pages_answer_in_the_sites_frame(name, status):
    answer = client_for().get(f"/fail/{name}")

    assert answer.status_code == status
    assert "Smart Budget Planner</span></a>" in answer.content.decode()


@pytest.mark.parametrize(
    ("name", "method", "place"),
    [
        ("invalid", "get", {"parameter": "amount"}),
        ("invalid", "post", {"pointer": "/amount"}),
        ("invalid", "delete", {"pointer": "/amount"}),
        ("header", "get", {"header": "Idempotency-Key"}),
        ("header", "post", {"header": "Idempotency-Key"}),
        ("odd", "post", {"pointer": "/a~1b~0c"}),
    ],
)
def test_the_invalid_part_is_named(name, method, place):
    answer = client_for().generic(method.upper(), f"/api/fail/{name}")

    (error,) = problem(answer)["errors"]
    assert error == {**place, "detail": problem(answer)["detail"], "code": "invalid"}


def test_a_conflict_names_its_field_too():
    answer = client_for().post("/api/fail/conflict")

    assert problem(answer)["errors"] == [
        {"pointer": "/name", "detail": "Taken.", "code": "conflict"}
    ]


@pytest.mark.parametrize("name", ["plain", "missing", "bug"])
def test_an_error_of_the_whole_request_names_no_field(name):
    assert "errors" not in problem(client_for().post(f"/api/fail/{name}"))


def test_problem_documents_have_machine_and_human_readable_members():
    answer = client_for().get("/api/fail/missing", headers={"X-Request-Id": "abc"})

    assert answer.json() == {
        "type": "http://localhost:8000/api/docs/errors#not_found",
        "title": "Not found.",
        "status": 404,
        "detail": "Not here.",
        "code": "not_found",
        "request_id": "abc",
    }


@pytest.mark.parametrize("code", TITLES)
def test_title_and_detail_have_the_same_language(code):
    problem = Problem(400, "", code)
    with override("de"):
        german = document(problem, "GET")["title"]

    assert document(problem, "GET")["title"] == TITLES[code]
    assert german != TITLES[code]


def test_a_problem_is_entirely_german_on_request():
    answer = client_for().get("/api/nothing", headers={"Accept-Language": "de"})

    assert problem(answer)["title"] == ("Nicht gefunden.")
    assert answer.headers["Content-Language"] == "de"


def test_every_error_code_is_documented():
    def kinds(kind):
        return {kind.code}.union(
            *(kinds(subclass) for subclass in kind.__subclasses__())
        )

    mentioned = kinds(DomainError) - {DomainError.code} | set(CODES.values())
    assert mentioned <= set(TITLES)
    refused = [error.default_code for error in APIException.__subclasses__()]
    assert set(refused) - {"error"} <= set(TITLES)


def test_a_browser_gets_the_problem_on_a_page():
    answer = client_for().get("/api/fail/missing", headers={"Accept": "text/html"})

    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Not here." in answer.text


@pytest.mark.parametrize(("seconds", "is_header"), [(60, True), (61, False)])
def test_only_a_short_wait_sets_retry_after(seconds, is_header):
    problem = problem_of(ThrottledError("Wait.", seconds))

    assert problem.headers == ({"Retry-After": f"{seconds}"} if is_header else {})
    assert document(problem, "POST")["retry_after"] == seconds


@pytest.mark.parametrize("path", ["/api/fail", "/fail"])
@pytest.mark.parametrize(
    ("name", "seconds"), [("throttled", "7"), ("unavailable", "5")]
)
def test_the_wait_is_given_in_seconds(path, name, seconds):
    assert client_for().get(f"{path}/{name}").headers["Retry-After"] == seconds


@pytest.mark.parametrize("path", ["/api/fail/bug", "/fail/bug"])
def test_a_bug_is_logged_and_not_shown(path, caplog):
    answer = client_for().get(path)

    assert b"secret details" not in answer.content
    assert "secret details" in caplog.text


@pytest.mark.parametrize("path", ["/api/nothing", "/api/nothing/"])
def test_an_unknown_api_url_is_a_json_404(path):
    answer = client_for().get(path)

    assert answer.status_code == 404
    assert problem(answer)["detail"] == "This page doesn't exist."


def test_an_unsupported_method_is_a_json_405():
    answer = client_for().put("/api/echo")

    assert answer.status_code == 405
    assert problem(answer)["code"] == "method_not_allowed"
    assert answer.headers["Allow"] == "POST, OPTIONS"


@pytest.mark.parametrize("path", ["/api/nothing", "/nothing"])
def test_an_unknown_host_is_rejected(path):
    answer = client_for().get(path, headers={"Host": "evil.example"})

    assert answer.status_code == 400


def test_an_unknown_page_is_an_html_404():
    answer = client_for().get("/nothing")

    assert answer.status_code == 404
    assert "This page doesn&#39;t exist." in answer.content.decode()


@pytest.mark.parametrize("path", ["/api/echo", "/login", "/nowhere"])
def test_a_body_over_the_limit_is_too_large(path):
    answer = client_for().post(
        path, b'"' + b"x" * 2_500_000 + b'"', content_type="application/json"
    )

    assert answer.status_code == 413
    assert problem(answer)["detail"] == "The request is too large."


def test_a_body_at_the_limit_is_read():
    answer = client_for().post(
        "/api/echo", b'"' + b"x" * 2_499_998 + b'"', content_type="application/json"
    )

    assert problem(answer)["detail"] == "Send a JSON object."


@pytest.mark.parametrize(
    "body",
    [
        "[" + "{}," * 30_000 + "1]",
        "[" * 30_000,
        "{" + ",".join(f'"{n}":1' for n in range(30_000)) + "}",
    ],
)
def test_a_body_with_too_many_values_is_not_parsed(body):
    started = time.process_time()

    answer = client_for().post("/login", body, content_type="application/json")

    assert answer.status_code == 413
    assert problem(answer)["code"] == "too_large"
    assert time.process_time() - started < 1


@pytest.mark.parametrize("body", ['["' + '\\"' * 1_000_000, '["\\",' * 400_000])
def test_unbalanced_quotes_do_not_slow_down_counting(body):
    started = time.process_time()

    answer = client_for().post("/login", body, content_type="application/json")

    assert problem(answer)["code"] in {"parse_error", "too_large"}
    assert time.process_time() - started < 1


def test_a_string_counts_as_one_value():
    body = json.dumps({"username": '[{,\\"' * 100_000, "password": "x"})

    answer = client_for().post("/login", body, content_type="application/json")

    assert problem(answer)["errors"][0]["pointer"] == "/username"


def test_an_oversized_form_is_an_html_413():
    answer = client_for().post("/login", {"username": "x" * 2_600_000})

    assert answer.status_code == 413
    assert "The request is too large." in answer.content.decode()


@pytest.mark.parametrize("kind", [UnreadablePostError, RawPostDataException])
def test_a_truncated_body_is_a_client_error(kind):
    assert problem_of(kind("cut off")).status == 400


MENU = "Log out"  # only signed-in users have it


@pytest.mark.parametrize(
    ("address", "body", "status"),
    [
        ("/nowhere", None, 404),
        ("/fail/conflict", None, 409),
        ("/expenses/add", {"amount": "1"}, 403),  # without the CSRF token
        ("/budgets/add", {"amount": "x" * 2_600_000}, 413),
    ],
)
def test_an_error_page_has_the_menu_and_advice(aws, address, body, status):
    client = client_for(make_user(), csrf=True)

    answer = client.get(address) if body is None else client.post(address, body)

    page = answer.content.decode()
    assert answer.status_code == status
    assert MENU in page
    assert "Go to dashboard" in page


def test_an_error_page_shows_the_wait():
    assert "Try again in 7 seconds." in client_for().get("/fail/throttled").text


def test_a_failing_menu_does_not_break_an_error_page(aws, monkeypatch):
    def out_of_order(key):
        raise EndpointConnectionError(endpoint_url="https://dynamodb")

    client = client_for(make_user())
    monkeypatch.setattr("accounts.sessions.find_session", out_of_order)

    answer = client.get("/nowhere")

    assert answer.status_code == 404
    assert MENU not in answer.text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1 second"), (119, "119 seconds"), (120, "2 minutes"), (121, "3 minutes")],
)
def test_the_wait_is_shown_in_words(seconds, words):
    assert format_wait(seconds) == words
