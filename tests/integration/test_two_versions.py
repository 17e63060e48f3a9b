"""Two releases of the web on the same tables, as during a deployment.

The older one is this program. The newer one stores an additional attribute with every
item, which the older one does not know and must not lose.
"""

import contextlib
import itertools
import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
import requests
from boto3.dynamodb.types import TypeDeserializer

from smartbudget.local.processes import Child
from smartbudget.local.settings import ROOT
from tests.integration import newer
from tests.integration.people import PASSWORD, Person
from tests.integration.test_imports import finish, upload
from tests.integration.test_main_job import today
from tests.stack import free_ports, wait_until

NEW_PASSWORD = "another horse battery"


@pytest.fixture(scope="module")
def newer_web(stack, tmp_path_factory):
    """Run the newer release beside the stack's web server; return its URL."""
    url = f"http://localhost:{free_ports(1)[0]}"
    command = [sys.executable, "-m", "gunicorn", "tests.integration.newer:application"]
    command += ["--config", "python:smartbudget.local.gunicorn_conf"]
    child = Child(
        "newer web server",
        [*command, "--bind", url.removeprefix("http://")],
        env=stack.local.web_env(),
        cwd=ROOT,
        log=tmp_path_factory.mktemp("newer") / "log",
    )
    try:
        wait_until(lambda: answers(child, f"{url}/health"))
        yield url
    finally:
        child.stop()


def answers(child, url):
    assert child.exit_code() is None, child.reason()
    with contextlib.suppress(requests.ConnectionError, requests.Timeout):
        return requests.get(url, timeout=5).ok
    return False


@pytest.fixture
def person(stack, newer_web):
    """Return a user who registered at the newer release."""
    return Person(SimpleNamespace(web_url=newer_web, local=stack.local))


def at(person, url):
    """Send a user's next requests to another release, in the same session."""
    person.url = url
    return person


@pytest.fixture
def stored(stack):
    """Return a user's stored items in a table."""
    dynamodb = stack.admin_session().client("dynamodb")
    read = TypeDeserializer().deserialize

    def stored(table, user_id):
        raw = dynamodb.scan(TableName=table, ConsistentRead=True)["Items"]
        items = [{name: read(value) for name, value in i.items()} for i in raw]
        return [i for i in items if user_id in (i.get("user_id"), i.get("owner"))]

    return stored


def test_the_older_release_edits_items_of_the_newer_and_keeps_their_attributes(
    stack, newer_web, person, stored
):
    budget = person.post("budgets", category="Food", amount="100.00")
    expense = person.post("expenses", category="Food", amount="20.00")

    at(person, stack.web_url)
    person.patch(f"expenses/{expense['expense_id']}", amount="90.00")
    person.patch(f"budgets/{budget['budget_id']}", alert_threshold=50)
    person.patch("profile", time_zone="Asia/Tokyo")

    (expense,) = (i for i in stored("expenses", person.user_id) if "amount" in i)
    assert (expense["amount"], expense[newer.NAME]) == (90, newer.VALUE)
    (budget,) = stored("budgets", person.user_id)
    assert (budget["spent"], budget["alert_threshold"]) == (90, 50)
    assert budget[newer.NAME] == newer.VALUE
    people = [
        item
        for item in stored("users", person.user_id)
        if not item["user_id"].startswith("verify#")  # sent by the Lambda
    ]
    assert len(people) == 4  # account, session, and the unique name and address
    assert [item[newer.NAME] for item in people] == [newer.VALUE] * 4

    at(person, newer_web)
    assert person.get("profile")["time_zone"] == "Asia/Tokyo"
    assert [e["amount"] for e in person.get("expenses")["results"]] == ["90.00"]


def test_the_newer_release_edits_items_of_the_older_and_back(stack, newer_web, person):
    at(person, stack.web_url)
    person.post("budgets", category="Food", amount="100.00")
    expense = person.post("expenses", category="Food", amount="20.00")

    at(person, newer_web)
    edited = person.patch(f"expenses/{expense['expense_id']}", amount="120.00")
    assert edited["amount"] == "120.00"
    assert spent(person) == "120.00"

    at(person, stack.web_url)
    person.delete(f"expenses/{expense['expense_id']}")
    assert spent(person) == "0.00"


def test_a_search_finds_what_a_release_without_search_texts_edited(stack, person):
    expense = person.post(
        "expenses", category="Food", amount="20.00", description="Lunch"
    )
    stack.admin_session().client("dynamodb").update_item(
        TableName="expenses",
        Key={"expense_id": {"S": expense["expense_id"]}},
        UpdateExpression="SET description = :d ADD version :one",
        ExpressionAttributeValues={":d": {"S": "Dîner"}, ":one": {"N": "1"}},
    )

    for _ in range(2):  # the first search stores the text
        (expense,) = person.get("expenses?q=diner&totals=true")["results"]
        assert expense["description"] == "Dîner"
        assert person.get("expenses?q=lunch")["results"] == []


def test_a_search_finds_what_a_release_without_merchants_edited(stack, person):
    expense = person.post("expenses", category="Food", amount="20.00", merchant="Rewe")
    stack.admin_session().client("dynamodb").update_item(
        TableName="expenses",
        Key={"expense_id": {"S": expense["expense_id"]}},
        UpdateExpression="SET description = :d, s = :s, v = :v ADD version :one",
        ExpressionAttributeValues={
            ":d": {"S": "Dinner"},
            ":s": {"S": "food\x01dinner"},
            ":v": {"N": "2"},
            ":one": {"N": "1"},
        },
    )

    for query in ("q=rewe", "merchant=rewe", "q=dinner"):
        (found,) = person.get(f"expenses?{query}&totals=true")["results"]
        assert found["expense_id"] == expense["expense_id"]


def spent(person):
    (line,) = person.get("summary")["budgets"]
    return line["spent"]


def test_a_session_is_valid_at_both_releases(stack, newer_web, person):
    old_cookie = dict(person.http.cookies)

    assert at(person, stack.web_url).get("profile")["username"] == person.name
    changed = person.http.post(
        f"{person.url}/api/password",
        json={"old_password": PASSWORD, "new_password": NEW_PASSWORD},
        timeout=30,
    )
    assert changed.ok, changed.text

    # The old session has ended at both, its replacement is valid at both.
    for url in (newer_web, stack.web_url):
        with_old = requests.get(f"{url}/api/profile", cookies=old_cookie, timeout=30)
        assert with_old.status_code == 401
        assert at(person, url).get("profile")["username"] == person.name


def test_logging_out_at_one_release_ends_the_session_at_both(stack, newer_web, person):
    cookies = dict(person.http.cookies)
    at(person, stack.web_url)
    person.http.post(f"{person.url}/logout", json={}, timeout=30)

    for url in (newer_web, stack.web_url):
        answer = requests.get(f"{url}/api/profile", cookies=cookies, timeout=30)
        assert answer.status_code == 401


def test_concurrent_writes_at_both_releases_add_up(stack, newer_web, person):
    person.post("budgets", category="Food", amount="100.00")
    addresses = itertools.islice(itertools.cycle([newer_web, stack.web_url]), 12)

    def add(url):
        answer = requests.post(
            f"{url}/api/expenses",
            json={"category": "Food", "amount": "10.00"},
            cookies=dict(person.http.cookies),
            headers={"X-CSRFToken": person.http.headers["X-CSRFToken"]},
            timeout=60,
        )
        assert answer.status_code == 201, answer.text

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, addresses))

    assert spent(person) == "120.00"
    notices = [n["type"] for n in person.get("notifications")["results"]]
    assert sorted(notices) == ["budget_exceeded", "budget_threshold"]


def test_both_releases_write_an_import_together_and_undo_it(stack, newer_web, person):
    rows = [f"{today()},SHOP {number},-1.50" for number in range(150)]
    record = upload(at(person, newer_web), *rows)
    path = f"imports/{record['import_id']}"

    def send(url, action):
        answer = requests.post(
            f"{url}/api/{path}/{action}",
            json={},
            cookies=dict(person.http.cookies),
            headers={"X-CSRFToken": person.http.headers["X-CSRFToken"]},
            timeout=60,
        )
        assert answer.status_code in {200, 409}, answer.text  # the other one was first

    for action, expected in (("commit", 150), ("undo", 0)):
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(send, (newer_web, stack.web_url), [action] * 2))
        for url in (newer_web, stack.web_url):
            assert finish(at(person, url), record, action)["left"] == 0
            listed = person.get("expenses?totals=true")["totals"]
            assert listed["count"] == expected
