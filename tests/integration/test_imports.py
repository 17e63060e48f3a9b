"""Imports over HTTP under the role of the web, also if its process is killed."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.expenses.imports.builders import csv
from tests.expenses.imports.formats.statements import camt_file, camt_statement
from tests.expenses.imports.test_reading import zip_of
from tests.integration.faults import HELD_AFTER
from tests.integration.people import Person
from tests.integration.test_main_job import today
from tests.stack import wait_until

ROWS = 150  # in two transactions
CHUNK = "dynamodb:TransactWriteItems"
OF_ROWS = "length(TransactItems) > `40`"


def upload(person, *rows):
    """Upload a bank's file, and return the import."""
    files = {"file": ("bank.csv", csv(*rows))}
    answer = person.request("POST", "imports", files=files)
    assert answer.status_code == 201, answer.text
    return answer.json()


def finish(person, record, action):
    """Repeat a request until no rows are left, and return its last response."""
    path = f"imports/{record['import_id']}/{action}"
    while (progress := person.post(path))["left"]:
        pass
    return progress


def totals(person):
    """Return the number and total of the user's expenses, and a budget's total."""
    listed = person.get("expenses?totals=true")["totals"]
    (budget,) = person.get("budgets")["results"]
    return listed["count"], listed["total"], budget["spent"]


def test_a_file_is_previewed_imported_and_undone(stack):
    alice = Person(stack)
    alice.post("budgets", categories="all", amount="30.00")
    typed = alice.post("expenses", category="Fun", amount="4.50", description="Coffee")
    shop = {"text": "rewe", "category": "Groceries"}
    answer = alice.request("PUT", "import-rules", json={"rules": [shop]})
    assert answer.ok, answer.text

    rows = [f"{today()},CAFE XY,4.50", f"{today()},REWE,25.10", f"{today()},ACME,9.00"]
    record = upload(alice, *rows)
    path = f"imports/{record['import_id']}"
    (question,) = record["questions"]
    answer = {question["about"]: "positive_is_paid"}
    record = alice.patch(path, mapping=answer)
    assert (record["counts"]["match"], record["counts"]["new"]) == (1, 2)
    alice.patch(f"{path}/rows", rows=[{"row": 4, "decision": "excluded"}])
    (new,) = alice.get(f"{path}/rows?decision=new")["results"]
    assert (new["text"], new["category"]) == ("REWE", "Groceries")

    assert finish(alice, record, "commit") == {"done": 2, "left": 0, "alerts": 1}
    assert totals(alice) == (2, "29.60", "29.60")
    assert [n["type"] for n in alice.get("notifications")["results"]] == [
        "budget_threshold"
    ]
    assert [one["state"] for one in alice.get("imports")["results"]] == ["committed"]

    assert finish(alice, record, "undo")["changed"] == []
    assert totals(alice) == (1, "4.50", "4.50")
    left = alice.get(f"expenses/{typed['expense_id']}")
    assert left == typed


def is_read(person, path):
    return person.get(path)["state"] != "reading"


def test_large_files_are_read_by_the_task_under_its_role(stack):
    alice = Person(stack)
    padding = "x" * 450
    rows = [f"{today()},SHOP {n} {padding},-1.50" for n in range(5000)]
    empty = camt_file(camt_statement()).ljust(1_200_000)
    damaged = empty.replace("</Stmt>", "")

    table = upload(alice, *rows)
    path = f"imports/{table['import_id']}"
    assert table["state"] == "reading"
    files = {"file": ("camt.zip", zip_of({"a.xml": empty, "b.xml": damaged}))}
    answer = alice.request("POST", "imports", files=files)
    refused = f"imports/{answer.json()['import_id']}"
    wait_until(lambda: is_read(alice, path) and is_read(alice, refused))

    table = alice.get(path)
    assert (table["state"], table["rows"], table["problem"]) == ("preview", 5001, None)
    assert alice.get(refused)["state"] == "refused"
    assert alice.get(refused)["problem"].startswith("b.xml: The file is damaged")

    mapping = {"sign": "positive_is_paid"}
    assert alice.patch(path, mapping=mapping)["state"] == "reading"
    wait_until(lambda: is_read(alice, path))
    assert alice.get(path)["counts"]["money_in"] == 5000


@pytest.mark.xdist_group("faulty_web")
def test_an_import_and_its_undo_continue_after_the_process_was_killed(web):
    alice = Person(web)
    alice.post("budgets", categories="all", amount="1000.00")
    record = upload(alice, *(f"{today()},SHOP {n},-1.50" for n in range(ROWS)))
    path = f"{alice.url}/api/imports/{record['import_id']}"

    killed_after_a_chunk(web, alice, f"{path}/commit")
    written, total, spent = totals(alice)
    assert 0 < written < ROWS
    assert total == spent
    assert finish(alice, record, "commit")["done"] == ROWS
    assert totals(alice) == (ROWS, "225.00", "225.00")

    killed_after_a_chunk(web, alice, f"{path}/undo")
    left, total, spent = totals(alice)
    assert 0 < left < ROWS
    assert total == spent
    assert finish(alice, record, "undo")["changed"] == []
    assert totals(alice) == (0, "0.00", "0.00")


def killed_after_a_chunk(web, person, url):
    """Send a request, and kill the server when it has written one transaction."""
    with (
        web.faults(CHUNK, HELD_AFTER, times=1, body=OF_ROWS) as fired,
        ThreadPoolExecutor() as pool,
    ):
        answer = pool.submit(person.http.post, url, json={}, timeout=60)
        wait_until(fired)
        web.kill()
        assert isinstance(answer.exception(60), requests.ConnectionError)
    web.wait()
