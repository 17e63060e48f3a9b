"""Middleware: trailing slashes, request ids, security headers, health."""

import contextvars
import json
import logging
import os
import re
import subprocess
import sys

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.urls import path

from smartbudget import urls
from smartbudget.core import log
from tests.builders import client_for, make_user


@pytest.mark.parametrize("address", ["/health", "/health/"])
def test_health_makes_no_aws_calls_and_accepts_any_host(address):
    answer = client_for().get(address, headers={"Host": "10.0.0.7"})

    assert answer.status_code == 200
    assert answer.json() == {"status": "ok"}


@pytest.mark.parametrize("address", ["/api/profile", "/api/profile/"])
def test_every_method_accepts_urls_with_and_without_trailing_slash(aws, address):
    client = client_for(make_user())

    assert client.get(address).status_code == 200
    answer = client.patch(
        address, {"time_zone": "Asia/Tokyo"}, content_type="application/json"
    )
    assert answer.json()["time_zone"] == "Asia/Tokyo"


@pytest.mark.parametrize("address", ["/health", "/login", "/api/profile", "/nowhere"])
@pytest.mark.parametrize("request_id", ["a", "A-b_c.9", "x" * 64])
def test_a_request_keeps_the_callers_request_id(address, request_id):
    answer = client_for().get(address, headers={"X-Request-Id": request_id})

    assert answer.headers["X-Request-Id"] == request_id


@pytest.mark.parametrize(
    "request_id", [None, "", "x" * 65, "a b", "a\nb", "a\n", "é", "a=b"]
)
def test_a_request_without_a_valid_request_id_gets_one(request_id):
    headers = {} if request_id is None else {"X-Request-Id": request_id}
    names = [
        client_for().get("/nowhere", headers=headers).headers["X-Request-Id"]
        for _ in range(2)
    ]

    assert all(re.fullmatch("[0-9a-f]{32}", name) for name in names)
    assert len(set(names)) == 2


def test_log_lines_contain_the_request_id(monkeypatch, capfd):
    def lines():
        log.set_up("INFO")
        logging.getLogger("elsewhere").warning("before")
        client_for().get("/nowhere", headers={"X-Request-Id": "abc-1"})

    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    contextvars.Context().run(lines)

    before, after = capfd.readouterr().err.splitlines()
    assert "request_id" not in json.loads(before)
    assert json.loads(after)["request_id"] == "abc-1"
    assert json.loads(after)["message"] == "Not Found: /nowhere"


def test_a_double_slash_is_a_different_url():
    assert client_for().get("/login//").status_code == 404


def test_an_unreachable_url_pattern_is_rejected():
    with pytest.raises(ImproperlyConfigured, match="without its last slash"):
        urls._check("expenses", [path("expenses/", lambda request: None)])


@pytest.mark.parametrize(
    "address", ["/login", "/api/profile", "/api/docs", "/nowhere", "/health"]
)
def test_every_response_has_the_security_headers(address):
    headers = client_for().get(address, HTTP_ORIGIN="https://elsewhere.example").headers

    assert not [name for name in headers if name.startswith("Access-Control-")]
    policy = headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in policy
    assert {"base-uri 'none'", "object-src 'none'"} <= set(policy.split("; "))
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
    assert "Strict-Transport-Security" not in headers  # local speaks plain HTTP


@pytest.mark.parametrize("address", ["/api/docs", "/api/docs?script="])
def test_the_docs_page_has_nothing_inline_or_external(address):
    page = client_for().get(address).content.decode()

    assert "<style" not in page
    assert "<script>" not in page
    assert "//cdn" not in page


def test_the_schema_lists_login_registration_and_logout():
    answer = client_for().get("/api/schema", headers={"Accept": "application/json"})

    paths = answer.json()["paths"]
    assert {"/register", "/login", "/logout", "/api/profile"} <= set(paths)


ON_AWS = """
import django
from django.test import Client
django.setup()
client = Client()
print(client.get("/login").headers["Location"])
print(client.get("/health", HTTP_HOST="10.0.0.1").content.decode())
print(client.get("/healthy").headers["Location"])
print(client.get("/apiary").headers["Location"])
form = client.post("/login", {"username": "bob"})
print(form.status_code, form.headers["Location"])
answer = client.post("/login", "{}", content_type="application/json")
print(answer.status_code, *sorted({"Content-Security-Policy",
    "X-Content-Type-Options", "Cache-Control"} & set(answer.headers)))
answer = client.get("/api/profile")
print(answer.status_code, answer.json()["detail"])
print(client.get("/api/profile", HTTP_X_FORWARDED_PROTO="https").status_code)
answer = client.get("/login", HTTP_X_FORWARDED_PROTO="https")
print(answer.headers["Strict-Transport-Security"])
print(answer.cookies.output())
from django.contrib.messages.storage import default_storage
from django.http import HttpResponse
storage, answer = default_storage(answer.wsgi_request), HttpResponse()
storage.add(20, "Saved.")
storage.update(answer)
print(answer.cookies.output())
from types import SimpleNamespace
from accounts import session_cookie
answer = HttpResponse()
session_cookie.begin(
    client.get("/login", HTTP_X_FORWARDED_PROTO="https").wsgi_request,
    answer,
    SimpleNamespace(user=None, session_key="key", device_key="key"),
)
print(answer.cookies.output())
"""


def test_on_aws_https_is_enforced():
    env = {
        **os.environ,
        "ALLOWED_HOSTS": "testserver",
        "DJANGO_SETTINGS_MODULE": "smartbudget.settings",
        "LOCAL": "false",
    }
    result = subprocess.run(
        [sys.executable, "-c", ON_AWS],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )

    redirect, health, *others, form, json, plain, secure, transport = (
        result.stdout.splitlines()[:9]
    )
    cookies = result.stdout.splitlines()[9:]
    assert redirect == "https://testserver/login"
    assert health == '{"status": "ok"}'
    assert others == ["https://testserver/healthy", "https://testserver/apiary"]
    assert form == "301 https://testserver/login"
    assert json == "403 Cache-Control Content-Security-Policy X-Content-Type-Options"
    assert plain == "403 Use HTTPS. What was sent was readable on its way."
    assert secure == "401"
    assert transport == "max-age=31536000; includeSubDomains"
    names = ("csrftoken", "messages", "device", "session")
    for name, cookie in zip(names, cookies, strict=True):
        assert cookie.startswith(f"Set-Cookie: __Host-{name}=")
        assert "Secure" in cookie
        assert "Path=/;" in f"{cookie};"
        assert "Domain" not in cookie
        assert ("HttpOnly" in cookie) is (name != "csrftoken")


def test_the_web_server_does_not_start_without_a_secret_key():
    env = {name: value for name, value in os.environ.items() if name != "SECRET_KEY"}
    result = subprocess.run(
        [sys.executable, "-c", "import smartbudget.settings"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "ConfigError: SECRET_KEY is not set." in result.stderr


DOMAIN_MODULES = ["models", "passwords", "services", "sessions", "validators"]


def test_accounts_import_without_django_and_argon2():
    code = "import sys; sys.modules['django'] = sys.modules['argon2'] = None; "
    code += "; ".join(f"import accounts.{name}" for name in DOMAIN_MODULES)

    subprocess.run([sys.executable, "-c", code], check=True)
