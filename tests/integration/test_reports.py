"""Reports on the local AWS: the real Lambda process, under the real roles."""

import datetime
import io
import json
from concurrent.futures import ThreadPoolExecutor

import pypdf
import requests

from tests.integration.people import PASSWORD, Person
from tests.stack import wait_until

NOW = {"report_type": "monthly"}


def today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()


def read(answer: requests.Response) -> str:
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/pdf"
    pages = pypdf.PdfReader(io.BytesIO(answer.content)).pages
    return "\n".join(page.extract_text() for page in pages).replace("\u00a0", " ")


def test_a_report_is_generated_downloaded_listed_and_deleted(stack):
    alice = Person(stack)
    alice.post("budgets", category="Groceries", amount="100.00")
    alice.post("expenses", category="Groceries", amount="85.50", description="مرحبا")
    alice.post("expenses", category="餐饮", amount="20.10", description="🍕 & <b>")

    report = alice.post("reports/generate", **NOW)

    text = read(requests.get(report["report_url"], timeout=30))
    summary = alice.get("summary")
    assert f"${summary['total_spent']}" in text
    assert f"{summary['budgets'][0]['spent']} of 100.00" in text
    assert "餐饮" in text
    # The signed URL may have expired by now; the app's URL signs a new one.
    again = alice.http.get(report["download_url"], timeout=30)
    assert read(again) == text
    month = report["period"]["start"][:7]
    assert f"Smart Budget {month}.pdf" in again.headers["Content-Disposition"]
    (listed,) = alice.get("reports")["results"]
    assert listed["download_url"] == report["download_url"]
    assert listed["size_bytes"] == len(again.content)
    alice.delete(f"reports/{report['file_name']}")
    assert alice.get("reports")["results"] == []
    assert alice.request("GET", f"reports/{report['file_name']}").status_code == 404


def test_ten_concurrent_requests_generate_one_report(stack):
    bob = Person(stack)
    bob.post("expenses", category="Fun", amount="1.00")

    def ask(_):
        answer = bob.request("POST", "reports/generate", json=NOW)
        return answer.status_code, answer.json().get("report_key")

    with ThreadPoolExecutor(10) as pool:
        answers = set(pool.map(ask, range(10)))

    assert {status for status, _ in answers} <= {201, 429, 503}
    assert len([key for status, key in answers if status == 201]) == 1
    assert len(bob.get("reports")["results"]) == 1


def test_another_users_report_is_not_found(stack):
    carol, dave = Person(stack), Person(stack)
    name = carol.post("reports/generate", **NOW)["file_name"]

    for method in ("GET", "DELETE"):
        assert dave.request(method, f"reports/{name}").status_code == 404
    assert len(carol.get("reports")["results"]) == 1


def test_the_requested_e_mail_has_a_working_link(stack):
    erin = Person(stack, subscribed=True)

    report = erin.post("reports/generate", **NOW, email=True)

    (mail,) = erin.mails(1)
    assert f"/reports/{report['file_name']}" in mail["body"]
    page = erin.http.get(f"{stack.web_url}/reports/{report['file_name']}/", timeout=30)
    assert "No expenses" in read(page)
    wait_until(
        lambda: [n["status"] for n in erin.get("notifications")["results"]] == ["sent"]
    )


def test_the_page_generates_a_report_without_scripts(stack):
    frank = Person(stack)
    month = f"{today():%Y-%m}"

    page = frank.submit("/reports/", report_type="monthly", month=month)

    assert page.status_code == 200, page.text
    assert "is ready" in page.text


def test_the_lambda_answers_an_invalid_request(stack):
    invoke = stack.admin_session().client("lambda").invoke
    answer = invoke(
        FunctionName="report_generator:live",
        Payload=json.dumps({"user_id": "0" * 32, "report_type": "monthly"}),
    )

    assert "FunctionError" not in answer
    body = json.loads(answer["Payload"].read())
    assert body["error"]["code"] == "not_found"


def test_a_large_report_is_created_in_the_background_and_announced(stack):
    grace = Person(stack, subscribed=True)
    row = {"category": "Groceries", "amount": "1.50"}
    grace.post("expenses/bulk", expenses=[row] * 1000)

    accepted = grace.request("POST", "reports/generate", json=NOW)

    assert accepted.status_code == 202, accepted.text
    body, address = accepted.json(), accepted.headers["Location"]
    assert body["status"] == "creating"
    assert address.endswith(f"/api/reports/queued/{body['report_id']}")
    wait_until(lambda: grace.http.get(address).json()["status"] != "creating")
    ready = grace.http.get(address, timeout=30).json()
    assert ready["status"] == "ready", ready
    assert "$1,500.00" in read(grace.http.get(ready["download_url"], timeout=30))
    (mail,) = grace.mails(1)
    name = ready["download_url"].rpartition("/")[2]
    assert f"{stack.web_url}/reports/{name}/" in mail["body"]
    (notification,) = grace.get("notifications")["results"]
    assert notification["type"] == "report_ready"
    assert [report["file_name"] for report in grace.get("reports")["results"]] == [name]
    # Nothing is left for the sweep.
    dynamodb = stack.admin_session().client("dynamodb")
    unsent = dynamodb.scan(TableName="notifications", IndexName="unsent-index")["Items"]
    assert not [item for item in unsent if item["user_id"]["S"] == grace.user_id]


def test_a_queued_report_goes_with_its_account(stack):
    heidi = Person(stack)
    row = {"category": "Groceries", "amount": "1.50"}
    heidi.post("expenses/bulk", expenses=[row] * 1000)
    assert heidi.request("POST", "reports/generate", json=NOW).status_code == 202

    deleted = heidi.request("DELETE", "account", json={"password": PASSWORD})

    assert deleted.status_code == 202, deleted.text
    dynamodb = stack.admin_session().client("dynamodb")
    key = {"user_id": {"S": f"queued-reports#{heidi.user_id}"}}
    wait_until(lambda: "Item" not in dynamodb.get_item(TableName="users", Key=key))
