"""The API of imports, as programs use it."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from expenses.imports.limits import MAX_BYTES
from tests.builders import client_for, make_user
from tests.expenses.imports.builders import csv, make_profile
from tests.money_builders import make_budget, make_expense

pytestmark = pytest.mark.usefixtures("aws", "clock")

ROWS = ("2026-03-02,CAFE XY,-4.50", "2026-03-03,REWE,-25.10", "2026-03-04,ACME,9.00")


def post_file(client, *rows, content=None, **fields):
    file = SimpleUploadedFile("bank.csv", content or csv(*(rows or ROWS)), "text/csv")
    return client.post("/api/imports", {"file": file, **fields})


def send(client, method, path, body=None):
    return client.generic(method, path, json.dumps(body), "application/json")


def pointers(answer):
    return [error["pointer"] for error in answer.json()["errors"]]


def rows_of(client, import_id, query=""):
    return client.get(f"/api/imports/{import_id}/rows{query}").json()["results"]


def test_an_import_from_upload_to_undo(client):
    answer = post_file(client)
    assert answer.status_code == 201
    record = answer.json()
    assert record["format"] == "csv"
    assert record["rows"] == sum(record["counts"].values()) == 4
    path = f"/api/imports/{record['import_id']}"
    assert answer.headers["Location"].endswith(path)
    assert client.get(path).json() == record
    assert record.pop("budgets_over") == []
    assert client.get("/api/imports").json()["results"] == [record]

    choice = {"row": 2, "decision": "excluded"}
    changed = send(client, "PATCH", f"{path}/rows", {"rows": [choice]})
    assert changed.json()["counts"]["new"] == 1
    [row] = rows_of(client, record["import_id"], "?decision=new")
    assert (row["date"], row["amount"], row["merchant"]) == (
        "2026-03-03",
        "-25.10",
        "REWE",
    )

    done = client.post(f"{path}/commit").json()
    assert done == {"done": 1, "left": 0, "alerts": 0}
    assert len(client.get("/api/expenses").json()["results"]) == 1
    assert client.get(path).json()["state"] == "committed"

    undone = send(client, "POST", f"{path}/undo", {}).json()
    assert undone == {"done": 1, "left": 0, "alerts": 0, "changed": []}
    assert client.get("/api/expenses").json()["results"] == []


def test_a_preview_is_discarded_but_not_an_import(client):
    path = f"/api/imports/{post_file(client).json()['import_id']}"
    assert client.delete(path).status_code == 204
    assert client.delete(path).status_code == 404
    assert client.get(f"{path}/rows").status_code == 404
    assert client.get("/api/imports").json()["results"] == []

    path = f"/api/imports/{post_file(client).json()['import_id']}"
    client.post(f"{path}/commit")
    answer = client.delete(path)
    assert answer.status_code == 409
    assert answer.json()["detail"] == (
        "This import has already started. Undo it instead."
    )
    assert client.get(path).json()["state"] == "committed"


def test_rows_say_why(client, alice):
    make_expense(alice, amount="4.50", date="2026-03-02", description="Coffee")

    rows = rows_of(client, post_file(client).json()["import_id"])

    assert [(row["decision"], row["because"]) for row in rows[1:]] == [
        ("match", "You entered this yourself on Mar 2, 2026."),
        ("new", ""),
        ("money_in", "Money that you received. If you import it, it becomes a refund."),
    ]


def test_budgets_that_would_be_over_are_listed_until_the_commit(client, alice):
    budget = make_budget(alice, category="Uncategorized", amount="20.00")

    record = post_file(client).json()
    path = f"/api/imports/{record['import_id']}"

    [over] = record["budgets_over"]
    assert over == {
        "budget_id": budget.budget_id,
        "category": "Uncategorized",
        "period": "monthly",
        "start": "2026-03-01",
        "end": "2026-03-31",
        "limit": "20.00",
        "spent": "29.60",
        "over": "9.60",
    }
    assert client.get(path).json()["budgets_over"] == [over]
    again = send(client, "PATCH", path, {"mapping": {}}).json()
    assert again["budgets_over"] == [over]
    choice = {"row": 3, "decision": "excluded"}
    changed = send(client, "PATCH", f"{path}/rows", {"rows": [choice]}).json()
    assert changed["budgets_over"] == []

    choice["decision"] = "new"
    send(client, "PATCH", f"{path}/rows", {"rows": [choice]})
    assert client.post(f"{path}/commit").json()["alerts"] == 1
    assert client.get(path).json()["budgets_over"] == []


def test_a_row_can_be_changed_only_once_in_a_request(client):
    path = f"/api/imports/{post_file(client).json()['import_id']}/rows"
    twice = [{"row": 2, "category": "Fun"}, {"row": 2, "decision": "excluded"}]

    answer = send(client, "PATCH", path, {"rows": twice})

    assert answer.status_code == 400
    assert answer.json()["errors"] == [
        {"pointer": "/rows", "detail": "Send each row only once.", "code": "invalid"}
    ]


def test_rows_are_paged_with_the_next_link(client):
    many = [f"2026-03-01,SHOP {number},-1.00" for number in range(30)]
    import_id = post_file(client, *many).json()["import_id"]

    page = client.get(f"/api/imports/{import_id}/rows?page_size=20").json()
    following = client.get(page["next"]).json()

    assert [row["row"] for row in following["results"]] == [*range(21, 32)]
    assert following["next"] is None


def test_a_file_that_is_refused_says_why(client):
    answer = post_file(client, content=b"%PDF-1.7 ...")
    assert answer.status_code == 400
    assert pointers(answer) == ["/file"]
    assert "PDF" in answer.json()["errors"][0]["detail"]
    large = post_file(client, content=b"x" * (MAX_BYTES + 1))
    assert large.status_code == 400
    assert "5 MB" in large.json()["errors"][0]["detail"]


@pytest.mark.parametrize("name", ["date_format", "decimal", "delimiter", "sign"])
@pytest.mark.parametrize("value", ["xyz", ["dmy"], 7], ids=str)
def test_an_answer_that_no_question_has_is_refused(client, name, value):
    path = f"/api/imports/{post_file(client).json()['import_id']}"

    answer = send(client, "PATCH", path, {"mapping": {name: value}})

    assert answer.json()["errors"] == [
        {
            "pointer": "/mapping",
            "detail": f"Choose another answer for {name}.",
            "code": "invalid",
        }
    ]


@pytest.mark.parametrize("mapping", ["[]", "{", "x", "[" * 3000], ids=len)
def test_a_mapping_that_is_no_object_is_refused(client, mapping):
    answer = post_file(client, mapping=mapping)
    assert answer.status_code == 400
    assert pointers(answer) == ["/mapping"]


def test_a_question_is_answered_before_the_commit(client):
    record = post_file(client, "2026-03-02,A,1.00", "2026-03-03,B,2.00").json()
    [question] = record["questions"]
    path = f"/api/imports/{record['import_id']}"
    assert client.post(f"{path}/commit").status_code == 409

    answer = {question["about"]: question["choices"][0]}
    record = send(client, "PATCH", path, {"mapping": answer}).json()

    assert record["questions"] == []
    assert client.post(f"{path}/commit").status_code == 200


def test_rules_are_replaced_as_a_list(client):
    rule = {"text": "rewe", "category": "Food", "min_amount": "1"}
    [stored] = send(client, "PUT", "/api/import-rules", {"rules": [rule]}).json()[
        "rules"
    ]
    assert (stored["min_amount"], stored["match"]) == ("1.00", "contains")
    assert client.get("/api/import-rules").json() == {"rules": [stored]}
    kept = {name: value for name, value in stored.items() if value is not None}
    again = send(client, "PUT", "/api/import-rules", {"rules": [kept]}).json()
    assert again == {"rules": [stored]}

    assert rows_of(client, post_file(client).json()["import_id"])[2]["category"] == (
        "Food"
    )
    assert send(client, "PUT", "/api/import-rules", {"rules": []}).json() == {
        "rules": []
    }


def test_a_row_becomes_a_rule(client):
    import_id = post_file(client).json()["import_id"]
    path = f"/api/imports/{import_id}/rows"
    send(client, "PATCH", path, {"rows": [{"row": 3, "category": "Food"}]})

    row = {"import_id": import_id, "row": 3}
    rule = send(client, "POST", "/api/import-rules", row).json()

    assert (rule["text"], rule["match"], rule["category"]) == ("REWE", "is", "Food")
    assert client.get("/api/import-rules").json() == {"rules": [rule]}
    assert rows_of(client, import_id)[2]["category_because"] == "One of your rules."

    never = send(client, "POST", "/api/import-rules", {**row, "never_guess": True})
    assert never.json() == {**rule, "category": "", "never_guess": True}
    assert client.get("/api/import-rules").json() == {"rules": [never.json()]}

    refused = send(client, "POST", "/api/import-rules", {**row, "row": 2})
    assert (refused.status_code, pointers(refused)) == (400, ["/row"])
    other = client_for(make_user("bob"))
    assert send(other, "POST", "/api/import-rules", row).status_code == 404


def test_bank_accounts_are_listed_renamed_and_deleted(client):
    record = post_file(client, profile="Joint").json()
    assert client.get("/api/import-profiles").json() == {"profiles": []}
    client.post(f"/api/imports/{record['import_id']}/commit")

    [profile] = client.get("/api/import-profiles").json()["profiles"]
    assert (profile["source"], profile["name"], profile["format"]) == (
        record["source"],
        "Joint",
        "csv",
    )
    path = f"/api/import-profiles/{profile['source']}"
    assert client.get(path).json() == profile
    assert send(client, "PATCH", path, {}).json() == profile
    renamed = send(client, "PATCH", path, {"name": "Shared"}).json()
    assert renamed == {**profile, "name": "Shared"}
    for name in ("", "x" * 51, None, 5):
        refused = send(client, "PATCH", path, {"name": name})
        assert (refused.status_code, pointers(refused)) == (400, ["/name"])

    assert client.delete(path).status_code == 204
    assert client.delete(path).status_code == 404
    assert client.get(path).status_code == 404
    assert client.get("/api/import-profiles").json() == {"profiles": []}
    assert len(client.get("/api/expenses").json()["results"]) == 2
    assert post_file(client, profile="Joint").json()["counts"]["duplicate"] == 2


def test_another_user_has_no_part_in_a_bank_account(client, alice):
    path = f"/api/import-profiles/{make_profile(alice, 'Joint').source}"
    other = client_for(make_user("bob"))

    assert other.get("/api/import-profiles").json() == {"profiles": []}
    assert other.get(path).status_code == 404
    assert send(other, "PATCH", path, {"name": "Mine"}).status_code == 404
    assert other.delete(path).status_code == 404

    assert client.get(path).json()["name"] == "Joint"


def test_another_user_sees_none_of_it(client):
    import_id = post_file(client).json()["import_id"]
    other = client_for(make_user("bob"))
    send(
        client, "PUT", "/api/import-rules", {"rules": [{"text": "x", "merchant": "y"}]}
    )

    assert other.get("/api/imports").json()["results"] == []
    assert other.get("/api/import-rules").json() == {"rules": []}
    for method, path, body in (
        ("GET", "", None),
        ("PATCH", "", {}),
        ("DELETE", "", None),
        ("GET", "/rows", None),
        ("PATCH", "/rows", {"rows": [{"row": 2, "decision": "excluded"}]}),
        ("POST", "/commit", None),
        ("POST", "/undo", {}),
    ):
        answer = send(other, method, f"/api/imports/{import_id}{path}", body)
        assert answer.status_code == 404, (method, path)


def test_errors_name_their_place(client):
    rows = [{"row": 2}, {"row": 1, "decision": "new"}]
    path = f"/api/imports/{post_file(client).json()['import_id']}"
    answer = send(client, "PATCH", f"{path}/rows", {"rows": rows})
    assert pointers(answer) == ["/rows/1/decision"]

    rules = [{"text": "x", "category": "y"}, {"text": "x"}]
    answer = send(client, "PUT", "/api/import-rules", {"rules": rules})
    assert pointers(answer) == ["/rules/1/category"]

    answer = send(client, "PATCH", path, {"mapping": {"encoding": "klingon"}})
    assert pointers(answer) == ["/mapping"]
