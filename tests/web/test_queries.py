"""Query parameters: none is guessed or ignored."""

import re

import yaml

from smartbudget.local.settings import ROOT
from tests.builders import client_for, make_staff
from tests.problems import problem

MANY = {"type"}  # can be repeated


def addresses():
    """Return each readable URL with its query parameters."""
    described = yaml.load(
        (ROOT / "docs" / "openapi.yaml").read_text(), yaml.CSafeLoader
    )
    for path, item in described["paths"].items():
        if "get" in item:
            parameters = item["get"]["parameters"]
            names = [
                parameter["name"]
                for parameter in parameters
                if parameter.get("in") == "query"
            ]
            yield re.sub(r"{\w+}", "0" * 32, path), names


def errors_of(client, address, query):
    answer = client.get(f"{address}?{query}")
    assert answer.status_code == 400, f"{address}?{query}"
    return {error["parameter"]: error["detail"] for error in problem(answer)["errors"]}


def test_an_empty_parameter_is_not_treated_as_absent(alice):
    client = client_for(alice)
    for address, names in addresses():
        for name in names:
            assert set(errors_of(client, address, f"{name}=")) == {name}


def test_a_repeated_parameter_is_rejected(alice):
    client = client_for(alice)
    for address, names in addresses():
        for name in {*names} - MANY:
            assert errors_of(client, address, f"{name}=1&{name}=2") == {
                name: "Send this only once."
            }
    assert client.get("/api/notifications?type=report_ready&type=alert_digest").json()


def test_an_unknown_parameter_is_named(alice):
    client = client_for(make_staff(alice))
    # Ids of tokens, passkeys and reports have another format.
    odd = ("/api/reports/0", "/api/tokens/0", "/api/account/passkeys/0")
    readable = [address for address, _ in addresses() if not address.startswith(odd)]
    assert {"/api/expenses", "/api/budgets", "/api/admin/health"} <= {*readable}
    for address in readable:
        assert errors_of(client, address, "color=1") == {"color": "Unknown field."}


def test_browsable_pages_accept_a_format_parameter(alice):
    assert client_for(alice).get("/api/reports?format=json").status_code == 200
