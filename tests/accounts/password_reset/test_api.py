"""The API of a forgotten password, for callers without a session."""

import pytest

from tests.accounts.password_reset.builders import NEW, ask, token_in, verified
from tests.builders import client_for
from tests.notifications.builders import run_queued_tasks

REQUEST = "/api/account/password-reset"
COMPLETE = f"{REQUEST}/complete"
JSON = "application/json"


@pytest.fixture
def alice(sent):
    return verified()


def post(path, **body):
    return client_for(csrf=True).post(path, body, JSON)


def test_any_name_gets_the_same_response(alice, sent):
    answers = [post(REQUEST, username=name) for name in ("alice", "nobody", "a@b.c")]
    run_queued_tasks()

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    assert len(sent) == 1


def test_the_token_of_a_link_sets_the_password_once(alice, sent):
    ask()
    body = {"token": token_in(sent[0]), "new_password": NEW}

    done = post(COMPLETE, **body)
    assert done.status_code == 200
    assert "API tokens revoked" in done.json()["detail"]
    again = post(COMPLETE, **body)

    assert (again.status_code, again.json()["code"]) == (410, "gone")
    assert post("/login", username="alice", password=NEW).status_code == 200


def test_a_refused_password_names_its_field(alice, sent):
    ask()

    answer = post(COMPLETE, token=token_in(sent[0]), new_password="password")

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/new_password"


@pytest.mark.parametrize(
    ("token", "status"), [("x", 410), ("x" * 100, 410), ("x" * 101, 400), ("", 400)]
)
def test_an_unknown_token_is_gone(alice, token, status):
    assert post(COMPLETE, token=token, new_password=NEW).status_code == status


@pytest.mark.parametrize("path", [REQUEST, COMPLETE])
def test_only_json_is_accepted(alice, path):
    """A form of another site could be sent without a preflight request."""
    answer = client_for().post(path, {"username": "alice"})

    assert answer.status_code == 415


def test_the_twenty_first_request_waits(alice):
    for _ in range(20):
        assert post(REQUEST, username="nobody").status_code == 202

    assert post(REQUEST, username="alice").status_code == 429


def test_without_a_sender_the_response_names_who_helps():
    answer = post(REQUEST, username="alice")

    assert answer.status_code == 409
    assert "Contact" in answer.json()["detail"]
