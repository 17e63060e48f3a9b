"""Requests repeated after lost responses and killed web servers: executed once."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.integration.faults import ATTEMPTS, DOWN, HELD, HELD_AFTER, REPLY_LOST
from tests.integration.people import Person
from tests.sampling import pairs
from tests.stack import wait_until

CLAIM = "dynamodb:PutItem"
COMMIT = "dynamodb:TransactWriteItems"
COMPLETION = "dynamodb:UpdateItem"
REPLAYED = "Idempotency-Replayed"

LUNCH = {"category": "Fun", "amount": "9.00"}
MADE = {
    "expenses": LUNCH,
    "expenses/bulk": {"expenses": [LUNCH] * 3},
    "budgets": {"category": "Food", "amount": "50.00"},
}
PATHS = list(MADE)
# When a server dies, and the response to the repeated request.
DEATHS = {
    "before the commit": (COMMIT, HELD, 409),
    "after it": (COMMIT, HELD_AFTER, 409),
    "before the answer is kept": (COMPLETION, HELD, 409),
    "after that": (COMPLETION, HELD_AFTER, 201),
}
pytestmark = pytest.mark.xdist_group("faulty_web")


@pytest.fixture
def alice(web):
    person = Person(web)
    person.post("budgets", category="Fun", amount="100.00")
    return person


def post(person, path="expenses", key="k") -> requests.Response:
    headers = {"Idempotency-Key": key}
    return person.request("POST", path, json=MADE[path], headers=headers)


def made(person, path) -> list[dict]:
    """Return the stored items except the initial budget."""
    items = person.get("budgets" if path == "budgets" else "expenses")["results"]
    return [item for item in items if item["amount"] != "100.00"]


def assert_done_once(person, path) -> None:
    count = 3 if path == "expenses/bulk" else 1
    assert len(made(person, path)) == count
    spent = {b["category"]: b["spent"] for b in person.get("summary")["budgets"]}
    assert spent["Fun"] == f"{0 if path == 'budgets' else 9 * count}.00"


def expire_lease(stack, person, key="k") -> None:
    """Make the lease of a request expire."""
    digest = hashlib.sha256(f"{person.user_id}\n{key}".encode()).hexdigest()
    stack.admin_session().client("dynamodb").update_item(
        TableName="users",
        Key={"user_id": {"S": f"idempotency#{digest}"}},
        UpdateExpression="SET claimed_until = :then",
        ConditionExpression="attribute_exists(claim)",
        ExpressionAttributeValues={":then": {"N": "0"}},
    )


@pytest.mark.soak
@pytest.mark.parametrize(("call", "path"), pairs([CLAIM, COMMIT, COMPLETION], PATHS))
def test_a_reply_lost_after_the_commit_does_nothing_twice(web, alice, call, path):
    with web.faults(call, REPLY_LOST, times=1) as fired:
        first = post(alice, path)
        assert fired() == 1

    again = post(alice, path)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers[REPLAYED] == "true"
    assert_done_once(alice, path)


@pytest.mark.parametrize("path", PATHS)
def test_a_commit_with_every_reply_lost_is_found(web, alice, path):
    with web.faults(COMMIT, REPLY_LOST, times=ATTEMPTS):
        unknown = post(alice, path)
    again = post(alice, path)

    assert [unknown.status_code, again.status_code] == [503, 201]
    assert post(alice, path).content == again.content
    assert_done_once(alice, path)


def test_without_dynamodb_nothing_is_leased_and_nothing_done(web, alice):
    with web.faults(CLAIM, DOWN):
        refused = post(alice)

    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    assert made(alice, "expenses") == []
    assert post(alice).status_code == 201


@pytest.mark.soak
@pytest.mark.parametrize(("death", "path"), pairs(list(DEATHS), PATHS))
def test_a_web_server_killed_during_a_request(web, alice, death, path):
    call, fault, status = DEATHS[death]
    with web.faults(call, fault) as fired, ThreadPoolExecutor() as pool:
        answer = pool.submit(post, alice, path)
        wait_until(fired)
        web.kill()
        assert isinstance(answer.exception(30), requests.ConnectionError)

    alice.url = web.stack.web_url  # another server, which acts like a new one
    again = post(alice, path)
    assert again.status_code == status
    if status == 409:
        assert again.headers["Retry-After"]
        expire_lease(web, alice)
        again = post(alice, path)
        assert again.status_code == 201
    assert post(alice, path).content == again.content
    assert_done_once(alice, path)


@pytest.mark.parametrize("path", PATHS)
def test_a_request_sent_to_two_servers_at_once_is_done_once(web, alice, path):
    def send(number: int) -> requests.Response:
        return requests.post(
            f"{[web.web_url, web.stack.web_url][number % 2]}/api/{path}",
            json=MADE[path],
            headers={**alice.http.headers, "Idempotency-Key": "k"},
            cookies=alice.http.cookies.get_dict(),
            timeout=60,
        )

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(send, range(16)))

    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({a.content for a in answers if a.status_code == 201}) == 1
    assert_done_once(alice, path)


TILL = {"source": "Till", "external_id": "A1"}


def test_an_external_id_adds_an_expense_once_without_a_key(web, alice):
    """After lost replies, by several requests at once, and not after its deletion."""

    def send(_number=0, path="expenses"):
        row = LUNCH | TILL
        body = row if path == "expenses" else {"expenses": [row]}
        return alice.request("POST", path, json=body)

    with web.faults(COMMIT, REPLY_LOST, times=ATTEMPTS):
        assert send().status_code == 503

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(send, range(4)))

    assert [answer.status_code for answer in answers] == [200] * 4
    assert_done_once(alice, "expenses")
    expense_id = answers[0].json()["expense_id"]
    known = [{"row": 0, "expense_id": expense_id}]
    assert send(path="expenses/bulk").json()["duplicates"] == known
    alice.request("DELETE", f"expenses/{expense_id}")
    assert (send().status_code, send().json()["code"]) == (409, "deleted")
    assert send(path="expenses/bulk").json()["deleted"] == known
    alice.request("POST", f"expenses/{expense_id}/restore")
    assert send().status_code == 200
    assert_done_once(alice, "expenses")
