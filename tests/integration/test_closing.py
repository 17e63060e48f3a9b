"""Account deletion on the local AWS: the real Lambda under its real role."""

import io
import json
import zipfile

import requests

from tests.expenses.receipts.pictures import PDF
from tests.integration.people import PASSWORD, Person
from tests.integration.test_receipts import BUCKET, announced_and_put
from tests.stack import wait_until

TASK = "accounts.tasks.delete_account"


def stored(stack, person) -> set[str]:
    """Return the tables and buckets that contain data of a user."""
    session = stack.admin_session()
    dynamodb = session.client("dynamodb")
    names = {
        table
        for table in ("users", "expenses", "budgets", "notifications")
        for item in dynamodb.scan(TableName=table)["Items"]
        if person.user_id in str(item)
    }
    listed = session.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])
    if any(person.user_id in obj["Key"] for obj in listed):
        names.add(BUCKET)
    return names


def look_for_the_last_time(stack, person) -> None:
    """Skip the wait before the second pass."""
    sqs = stack.admin_session().client("sqs")
    long_ago = "2026-01-01T00:00:00.000000+00:00"
    sqs.send_message(
        QueueUrl=sqs.get_queue_url(QueueName="notification-queue")["QueueUrl"],
        MessageBody=json.dumps({"user_id": person.user_id, "empty_since": long_ago}),
        MessageAttributes={"task": {"DataType": "String", "StringValue": TASK}},
    )


def test_everything_can_be_exported_and_nothing_is_left_after_deletion(stack):
    alice = Person(stack, subscribed=True)
    alice.post("budgets", category="Fun", amount="5.00")
    data = {"amount": "9.00", "category": "Fun"}
    response = alice.request(
        "POST", "expenses", data=data, files={"file": ("a.pdf", PDF, "application/pdf")}
    ).json()
    alice.patch(f"expenses/{response['expense_id']}", description="changed")
    announced_and_put(alice)
    report = alice.post("reports/generate", report_type="monthly")
    alice.mails(1)

    archive = zipfile.ZipFile(io.BytesIO(alice.request("GET", "export").content))
    assert archive.testzip() is None
    assert archive.read(response["receipt_url"].replace(f"{alice.user_id}/", "")) == PDF
    assert f"reports/{report['file_name']}" in archive.namelist()
    assert "missing.txt" not in archive.namelist()

    closed = alice.request("DELETE", "account", json={"password": PASSWORD})
    assert closed.status_code == 202, closed.text
    again = requests.post(
        f"{stack.web_url}/login",
        json={"username": alice.name, "password": PASSWORD},
        timeout=30,
    )
    assert again.status_code == 401
    # The account, its names and the job remain until the second pass.
    wait_until(lambda: stored(stack, alice) <= {"users", "notifications"})

    look_for_the_last_time(stack, alice)

    wait_until(lambda: not stored(stack, alice))
    topic = stack.admin_session().client("sns")
    (arn,) = [
        entry["TopicArn"]
        for entry in topic.list_topics()["Topics"]
        if entry["TopicArn"].endswith(":budget-alerts-topic")
    ]
    left = topic.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
    assert not [
        subscription for subscription in left if alice.name in subscription["Endpoint"]
    ]
