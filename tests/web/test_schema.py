"""The OpenAPI schema: valid, without warnings, with every error."""

import io
import json
import re

import jsonschema
import pytest
import yaml
from django.core.management import call_command
from django.utils.html import escape
from drf_spectacular.generators import SchemaGenerator

from smartbudget.local.settings import ROOT
from smartbudget.web import examples
from smartbudget.web.base_serializers import InputSerializer
from smartbudget.web.body import JSON
from smartbudget.web.problems import TITLES
from tests.builders import client_for
from tests.problems import problem
from tests.reports.conftest import generator

__all__ = ["generator"]

METHODS = {"get", "post", "patch", "put", "delete"}


@pytest.fixture(scope="module")
def schema():
    return client_for().get("/api/schema?format=json").json()


@pytest.fixture(scope="module")
def operations(schema):
    return {
        f"{method.upper()} {path}": operation
        for path, item in schema["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


def test_the_schema_is_generated_without_warnings_and_is_valid():
    written = io.StringIO()

    call_command("spectacular", "--validate", "--fail-on-warn", stdout=written)

    assert written.getvalue().startswith("openapi: 3.1.0")
    committed = (ROOT / "docs" / "openapi.yaml").read_text()
    # Not in the assertion: pytest takes minutes to describe how such texts differ.
    is_current = committed == written.getvalue()
    assert is_current, "run make schema, and look at what changed"


def test_the_document_names_its_server_licence_contact_and_groups(schema, operations):
    assert schema["info"]["license"] == {"name": "MIT", "identifier": "MIT"}
    assert (ROOT / "LICENSE").read_text().startswith("MIT License\n")
    assert schema["info"]["contact"]["url"].startswith("http")
    groups = {tag["name"] for tag in schema["tags"] if tag["description"]}
    assert groups == {
        tag for operation in operations.values() for tag in operation["tags"]
    }


@pytest.mark.parametrize("host", ["testserver", "127.0.0.1:9000"])
def test_the_server_url_is_the_requested_host(host):
    """So that requests can be tried in the docs under any host name."""
    for form in ("json", "yaml"):
        answer = client_for().get(f"/api/schema?format={form}", headers={"Host": host})
        document = yaml.load(answer.content, yaml.CSafeLoader)

        assert document["servers"] == [{"url": f"http://{host}"}]


NO_DATES = {"report_type": "custom"}
DATES = {**NO_DATES, "start_date": "2026-03-01", "end_date": "2026-03-02"}
SOME = {"ids": ["0" * 32]}
CHOSEN = {"expense_ids": ["0" * 32]}


@pytest.mark.parametrize(
    ("url", "body", "fits"),
    [
        ("/api/notifications/read", SOME, True),
        ("/api/notifications/read", {**SOME, "all": False}, True),
        ("/api/notifications/read", {"all": True}, True),
        ("/api/notifications/read", {"all": True, **SOME}, False),
        ("/api/notifications/read", {"all": False}, False),
        ("/api/notifications/read", {}, False),
        ("/api/expenses/selected", {**CHOSEN, "category": "Fun"}, True),
        ("/api/expenses/selected", {**CHOSEN, "status": "void", "delete": False}, True),
        ("/api/expenses/selected", {**CHOSEN, "delete": True}, True),
        ("/api/expenses/selected", CHOSEN, False),
        ("/api/expenses/selected", {**CHOSEN, "delete": False}, False),
        ("/api/expenses/selected", {**CHOSEN, "delete": True, "status": "void"}, False),
        ("/api/reports/generate", DATES, True),
        ("/api/reports/generate", NO_DATES, False),
        ("/api/reports/generate", {**DATES, "end_date": None}, False),
        ("/api/reports/generate", {**NO_DATES, "start_date": "2026-03-01"}, False),
        ("/api/reports/generate", {"report_type": "monthly"}, True),
    ],
)
def test_rules_about_several_fields_match_the_server(
    alice, generator, schema, operations, url, body, fits
):
    content = operations[f"POST {url}"]["requestBody"]["content"]
    described = {**content[JSON]["schema"], "components": schema["components"]}

    answer = client_for(alice).post(url, body, content_type=JSON)

    assert jsonschema.Draft202012Validator(described).is_valid(body) == fits
    assert (answer.status_code == 400) == (not fits)


OPEN = {  # without a session
    "POST /login",
    "POST /login/passkey",
    "POST /login/passkey/options",
    "POST /login/second",
    "POST /register",
    "POST /api/account/password-reset",
    "POST /api/account/password-reset/complete",
}


def test_every_operation_documents_its_errors(operations):
    for name, operation in operations.items():
        responses = operation["responses"]
        refusals = {status for status in responses if status >= "400"}

        assert {"429", "503"} <= refusals, name
        answers = [response for status, response in responses.items() if status < "300"]
        has_body = (
            any("content" in response for response in answers)
            and "302" not in responses
        )
        is_picky = has_body and "/export" not in name
        assert ("406" in refusals) == is_picky, name
        assert all("$ref" in responses[status] for status in refusals), name
        is_open = name in OPEN
        is_login = name.startswith("POST /login") and "/options" not in name
        has_401 = not is_open or is_login
        assert ("401" in refusals) == has_401, name
        assert ({} in operation["security"]) == is_open, name
        assert "{" not in name or "404" in refusals, name
        assert name.startswith("GET") or {"400", "403", "413", "415"} <= refusals, name


def test_every_operation_has_a_unique_id_and_a_summary(operations):
    derived = re.compile("_(retrieve|list|create|partial_update|update|destroy)$")
    for name, operation in operations.items():
        assert not derived.search(operation["operationId"]), name
        assert operation["summary"].endswith("."), name


def test_lists_document_invalid_parameters(operations):
    for name, operation in operations.items():
        parameters = operation.get("parameters", [])
        has_query = any(parameter.get("in") == "query" for parameter in parameters)

        assert not has_query or "400" in operation["responses"], name


def test_every_response_has_a_request_id(schema, operations):
    for name, operation in operations.items():
        for status, response in operation["responses"].items():
            if "$ref" in response:
                kind = response["$ref"].rpartition("/")[2]
                response = schema["components"]["responses"][kind]
            is_ours = (name, status) != ("GET /api/reports/{file_name}", "200")
            assert ("X-Request-Id" in response["headers"]) == is_ours, (name, status)


def names(parameters):
    return {
        parameter["$ref"].rpartition("/")[2]
        for parameter in parameters
        if "$ref" in parameter
    }


def test_conditional_requests_are_documented_where_supported(operations):
    conditional = {
        name
        for name, operation in operations.items()
        if "If-Match" in names(operation["parameters"])
    }

    assert conditional == {
        "PATCH /api/profile",
        "PATCH /api/expenses/{expense_id}",
        "DELETE /api/expenses/{expense_id}",
        "PATCH /api/budgets/{budget_id}",
        "DELETE /api/budgets/{budget_id}",
        "PATCH /api/notifications/{notification_id}",
    }
    for name, operation in operations.items():
        responses = operation["responses"]
        assert ("412" in responses) == (name in conditional), name
        tagged = {
            s
            for s, response in responses.items()
            if "ETag" in response.get("headers", {})
        }
        is_file = "/export" in name or name == "GET /api/reports/{file_name}"
        if name.startswith("GET") and not is_file:
            assert tagged == {"200", "304"}, name
            assert "If-None-Match" in names(operation["parameters"]), name


def test_a_reports_redirect_and_its_target_are_described(schema, operations):
    responses = operations["GET /api/reports/{file_name}"]["responses"]

    location = responses["302"]["headers"]["Location"]["$ref"].rpartition("/")[2]
    assert schema["components"]["headers"][location]["required"]
    assert "content" not in responses["302"]
    assert set(responses["200"]["content"]) == {"application/pdf"}


def test_created_items_document_a_location(operations):
    for name, operation in operations.items():
        if created := operation["responses"].get("201"):
            assert "Location" in created["headers"], name
            deferred = operation["responses"].get("202", created)
            assert "Location" in deferred["headers"], name


def test_created_items_link_to_their_operations(operations):
    links = operations["POST /api/expenses"]["responses"]["201"]["links"]

    assert set(links) == {
        "get_expense",
        "edit_expense",
        "delete_expense",
        "list_expense_changes",
        "list_refunds",
        "restore_expense",
    }
    assert links["edit_expense"]["parameters"] == {
        "expense_id": "$response.body#/expense_id"
    }
    listed = operations["GET /api/reports"]["responses"]["200"]["links"]
    assert listed["download_report"]["parameters"] == {
        "file_name": "$response.body#/results/0/file_name"
    }
    # The file_name of a receipt is not a report's.
    receipt = operations["POST /api/receipts/upload"]["responses"]["201"]["links"]
    assert set(receipt) == {"get_receipt", "delete_receipt"}


def test_every_item_url_is_linked(operations):
    led_to = {
        link
        for operation in operations.values()
        for response in operation["responses"].values()
        for link in response.get("links", ())
    }
    for name, operation in operations.items():
        assert ("{" in name) == (operation["operationId"] in led_to), name


def test_a_repeated_post_documents_its_response(operations):
    for name, operation in operations.items():
        is_keyed = name.startswith("POST") and {} not in operation["security"]
        responses = operation["responses"]

        assert ("Idempotency-Key" in names(operation["parameters"])) == is_keyed, name
        assert ("422" in responses) == is_keyed, name
        assert not is_keyed or "409" in responses, name


def test_bodies_allow_no_unknown_fields(schema):
    bodies = {
        name: component
        for name, component in schema["components"]["schemas"].items()
        if name.endswith("Request")
    }

    assert "ExpenseInputRequest" in bodies
    for name, component in bodies.items():
        assert component["additionalProperties"] is False, name


def test_no_body_is_described_by_a_base_class(schema):
    described = {
        name: " ".join(component["description"].split())
        for name, component in schema["components"]["schemas"].items()
        if "description" in component
    }

    assert InputSerializer.__doc__ not in described.values()


def test_a_deletion_s_body_is_described(operations):
    body = operations["DELETE /api/account"]["requestBody"]

    assert body["content"]["application/json"]["schema"]["$ref"].endswith(
        "DeletionInputRequest"
    )
    assert "requestBody" not in operations["DELETE /api/sessions"]


def optional_texts(components):
    return {
        (name, field): described
        for name, component in components.items()
        for field, described in component.get("properties", {}).items()
        if field in {"description", "receipt_url", "phone_number"}
        and name.endswith("Request")
    }


def test_an_optional_text_is_a_plain_string(schema):
    fields = optional_texts(schema["components"]["schemas"])

    assert len(fields) == 8
    for (name, field), described in fields.items():
        jsonschema.validate("", described)
        jsonschema.validate("  ", described)
        assert "oneOf" not in described, (name, field)


def test_nullable_response_fields_accept_null(schema):
    """A text that is never null in responses, such as a description, is sent as ""."""
    components = schema["components"]["schemas"]
    answers = {**components["ExpenseOutput"]["properties"]}
    answers |= components["ProfileOutput"]["properties"]
    for (name, field), described in optional_texts(components).items():
        is_nullable = "null" in answers[field]["type"]

        assert described["type"] == (["string", "null"] if is_nullable else "string"), (
            name
        )


def test_branches_of_a_schema_are_disjoint(schema):
    """Every oneOf has an object and null, or values of different types."""

    def branches(node):
        if isinstance(node, dict):
            yield from [node["oneOf"]] if "oneOf" in node else []
            node = list(node.values())
        if isinstance(node, list):
            for child in node:
                yield from branches(child)

    for one_of in branches(schema["components"]["schemas"]):
        types = [branch.get("type", "object") for branch in one_of]
        assert len(set(types)) == len(types), one_of


def test_an_amount_is_documented_as_a_string(schema):
    for name, component in schema["components"]["schemas"].items():
        for field, described in component.get("properties", {}).items():
            if field in {"amount", "large_expense_threshold"}:
                kind = described["type"]
                assert kind in ("string", ["string", "null"]), name


@pytest.mark.parametrize("amount", ["12.10", 12.1, 12])
def test_an_amount_is_also_accepted_as_a_number(alice, amount):
    """Exact for every amount; see tests/web/test_input.py."""
    client = client_for(alice)
    row = {"category": "Food", "amount": amount}
    written = {12: "12.00"}.get(amount, "12.10")

    def send(method, url, body):
        answer = client.generic(method, url, json.dumps(body), JSON)
        assert answer.status_code in {200, 201}, answer.content
        return answer.json()

    assert send("POST", "/api/budgets", row)["amount"] == written
    created = send("POST", "/api/expenses", row)
    assert created["amount"] == written
    assert (
        send("PATCH", f"/api/expenses/{created['expense_id']}", row)["amount"]
        == written
    )
    (row_created,) = send("POST", "/api/expenses/bulk", {"expenses": [row]})["results"]
    assert row_created["amount"] == written


def test_every_body_has_a_valid_example(schema, operations):
    for name, operation in operations.items():
        answers = [
            response
            for response in operation["responses"].values()
            if "$ref" not in response
        ]
        for content in [operation.get("requestBody", {}), *answers]:
            body = content.get("content", {}).get("application/json")
            if body is not None:
                described = {**body["schema"], "components": schema["components"]}
                jsonschema.validate(body["example"], described), name


def test_every_error_has_its_own_example(schema, operations):
    for name, operation in operations.items():
        for status, response in operation["responses"].items():
            if "$ref" not in response:
                continue
            kind = response["$ref"].rpartition("/")[2]
            content = schema["components"]["responses"][kind]["content"]
            example = content["application/problem+json"]["example"]
            described = {"$ref": "#/components/schemas/Problem", **schema}

            jsonschema.validate(example, described)
            assert example["status"] == int(status), name
            assert example["title"] == TITLES[example["code"]], name


def test_every_example_belongs_to_an_existing_component(schema):
    components = schema["components"]["schemas"]
    used = {
        name
        for component in components.values()
        for name in component.get("properties", ())
    }

    assert set(examples.NAMED) <= used
    for name, example in examples.COMPONENTS.items():
        assert set(example) <= set(components[name]["properties"]), name


@pytest.mark.parametrize(
    ("method", "url", "body", "status"),
    [
        ("GET", "/api/expenses?page_size=x", None, 400),
        ("POST", "/api/expenses", {"color": 1}, 400),
        ("POST", "/api/expenses", [], 400),
        ("POST", "/api/expenses/bulk", {"expenses": [{}, None]}, 400),
        ("GET", "/api/expenses/" + "0" * 32, None, 404),
        ("GET", "/api/admin/health", None, 403),
        ("PUT", "/api/expenses", {}, 405),
    ],
)
def test_problem_documents_match_the_schema(alice, schema, method, url, body, status):
    body_bytes = b"" if body is None else json.dumps(body)
    answer = client_for(alice).generic(
        method, url, body_bytes, content_type="application/json"
    )
    described = {"$ref": "#/components/schemas/Problem", **schema}

    assert answer.status_code == status
    jsonschema.validate(problem(answer), described)


def test_the_docs_explain_every_code():
    page = client_for().get("/api/docs/errors").text

    for code, title in TITLES.items():
        assert f'id="{code}"' in page
        assert escape(title) in page


def test_the_codes_are_explained_in_the_language_of_the_request():
    page = client_for().get("/api/docs/errors", headers={"Accept-Language": "de"}).text

    assert "Nicht gefunden." in page
    assert "Not found." not in page


@pytest.mark.parametrize("query", ["?version=1%0D%0Ax", "?lang=xx", "?version=2"])
def test_only_one_version_of_the_schema_is_available(query):
    answer = client_for().get(f"/api/schema{query}", headers={"Accept": JSON})

    assert problem(answer)["detail"] == "Unknown field."


def test_the_schema_is_generated_once_and_rate_limited(monkeypatch):
    client_for().get("/api/schema")
    monkeypatch.setattr(SchemaGenerator, "get_schema", None)

    answer = client_for().get("/api/schema")

    assert answer.status_code == 200
    assert "RateLimit" in answer.headers


def test_writes_with_a_session_have_the_csrf_token_as_a_parameter(schema):
    """Reads and public operations do not have it."""
    token = {"$ref": "#/components/parameters/X-CSRFToken"}
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            takes_session = {"session": []} in operation["security"]
            is_write = method != "get"
            has_token = token in operation.get("parameters", [])
            assert has_token == (takes_session and is_write), (method, path)
