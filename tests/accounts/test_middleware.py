"""Pages require login unless they are declared public."""

import pytest

from tests.builders import client_for, make_user
from tests.notifications.faults import calls_counted

pytestmark = pytest.mark.urls("tests.web.urls")


def test_a_page_is_private_by_default_and_costs_one_call(aws):
    client = client_for(make_user("bob"))

    with calls_counted() as calls:
        answer = client.get("/private")

    assert answer.content == b"bob"
    assert calls == ["GetItem"]


def test_an_anonymous_visitor_is_redirected_to_login():
    answer = client_for().get("/private/?a=1")

    assert answer.headers["Location"] == "/login?next=%2Fprivate%2F%3Fa%3D1"


def test_an_anonymous_form_is_redirected_without_next():
    assert client_for().post("/private").headers["Location"] == "/login"


def test_a_public_page_reads_no_session_but_an_error_page_does(aws):
    client = client_for(make_user("bob"))

    with calls_counted() as public:
        page = client.get("/api/docs/errors")
    with calls_counted() as missing:
        error = client.get("/nowhere")

    assert (page.status_code, public) == (200, [])
    assert (error.status_code, missing) == (404, ["GetItem"])
    assert b"top-tools" not in page.content
    assert b"top-tools" in error.content
