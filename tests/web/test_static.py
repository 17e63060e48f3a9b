"""Static files and compression: hashed, compressed, immutable."""

import gzip
import re

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage

from smartbudget.local import assets
from smartbudget.local.settings import LocalError
from tests.builders import client_for, make_user
from tests.money_builders import make_expense
from tests.notifications.faults import calls_counted

OURS = re.compile(r'(?:src|href)="(/static/[^"]+)"')
COMPRESSED = {"Accept-Encoding": "gzip"}
YEAR_SECONDS = 365 * 24 * 3600


def fetch(address, user=None, **headers):
    """Return the response's headers and its raw body."""
    answer = client_for(user).get(address, headers=headers)
    assert answer.status_code == 200
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    answer.close()
    return answer.headers, body


@pytest.mark.parametrize("name", ["app.css", "app.js", "receipts.js", "icon.svg"])
def test_a_static_file_is_compressed_immutable_and_costs_no_aws_calls(aws, name):
    address = staticfiles_storage.url(name)

    with calls_counted() as calls:
        headers, body = fetch(address, **COMPRESSED)

    assert re.search(r"\.[0-9a-f]{12}\.\w+$", address)
    age = int(re.search(r"max-age=(\d+)", headers["Cache-Control"])[1])
    assert age >= YEAR_SECONDS
    assert "immutable" in headers["Cache-Control"]
    assert headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(body) == fetch(address)[1]
    assert calls == []


def test_a_static_file_that_does_not_exist_is_not_found():
    assert client_for().get("/static/app.000000000000.css").status_code == 404


@pytest.mark.parametrize("address", ["/api/docs", "/api/docs?script=", "/api/budgets"])
def test_the_api_pages_reference_existing_files(aws, address):
    _, page = fetch(address, make_user(), Accept="text/html")

    named = OURS.findall(page.decode())
    if address != "/api/docs?script=":
        assert named
    for file in named:
        headers, _ = fetch(file)
        assert "immutable" in headers["Cache-Control"]


@pytest.mark.parametrize(
    ("address", "caching"),
    [("/expenses", "no-store"), ("/api/expenses", "private, no-cache")],
)
def test_pages_and_json_are_compressed_and_not_cached_publicly(aws, address, caching):
    user = make_user()
    for _ in range(10):
        make_expense(user)

    headers, body = fetch(address, user, **COMPRESSED)

    assert headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in headers["Vary"]
    assert headers["Cache-Control"] == caching
    assert len(body) < len(fetch(address, user)[1]) / 2


def test_the_length_of_a_compressed_response_is_randomized(aws):
    user = make_user()
    make_expense(user)

    lengths = {len(fetch("/api/expenses", user, **COMPRESSED)[1]) for _ in range(20)}

    assert len(lengths) > 3


def test_without_accept_encoding_responses_are_not_compressed(aws):
    headers, body = fetch("/login", **{"Accept-Encoding": "identity"})

    assert "Content-Encoding" not in headers
    assert body.startswith(b"<!doctype html>")


def test_static_files_are_collected_only_if_something_changed(tmp_path, monkeypatch):
    runs = []
    monkeypatch.setattr(assets, "_run_collectstatic", lambda: runs.append(1))
    monkeypatch.setattr(assets, "COLLECTED", tmp_path)
    (tmp_path / "staticfiles.json").touch()

    assets.collect(tmp_path)
    assets.collect(tmp_path)
    assert runs == [1]

    (tmp_path / "staticfiles.json").unlink()
    assets.collect(tmp_path)
    assert runs == [1, 1]


def test_a_failed_collectstatic_is_a_one_line_error(tmp_path, monkeypatch):
    monkeypatch.setattr(assets, "COLLECTED", tmp_path)
    monkeypatch.setattr(assets.sys, "executable", "/bin/false")

    with pytest.raises(LocalError, match="could not be collected: no error message"):
        assets.collect(tmp_path)
