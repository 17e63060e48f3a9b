"""Receipts over HTTP, with the local AWS checking signatures, rights and conditions."""

import hashlib
import json
import socket
import uuid
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
import requests

from tests.expenses.receipts import pictures
from tests.expenses.receipts.pictures import PDF, picture
from tests.integration.people import Person
from tests.stack import WAIT_SECONDS, wait_until

BUCKET = "smart-budget-receipts"
LIMIT = 10 * 1024 * 1024


def s3(stack):
    return stack.admin_session().client("s3")


def objects(stack, person) -> list[str]:
    listed = s3(stack).list_objects_v2(
        Bucket=BUCKET, Prefix=f"receipts/{person.user_id}/"
    )
    return [obj["Key"] for obj in listed.get("Contents", [])]


def announced(person, content=PDF, name="bill.pdf"):
    digest = hashlib.sha256(content).hexdigest()
    return person.post(
        "receipts/presigned-url",
        file_name=name,
        size_bytes=len(content),
        sha256=digest,
    )


def announced_and_put(person) -> str:
    answer = announced(person)
    assert put(answer).status_code == 200
    return answer["key"]


def put(answer, content=PDF, **headers):
    headers = {**answer["headers"], **headers}
    return requests.put(answer["url"], data=content, headers=headers, timeout=30)


def spend(person, **files):
    data = {"amount": "4.00", "category": "Fun"}
    return person.request("POST", "expenses", data=data, files=files)


def test_an_expense_with_a_receipt_is_created_and_downloaded(stack):
    alice = Person(stack)
    photo = picture(size=(1200, 900), exif=pictures.located_exif())

    created = spend(alice, file=("Zoë.jpg", photo, "image/jpeg"))
    assert created.status_code == 201, created.text
    expense_id = created.json()["expense_id"]
    answer = alice.get(f"receipts/{expense_id}")
    download = requests.get(answer["url"], timeout=30)

    key = f"receipts/{alice.user_id}/{expense_id}.jpg"
    assert created.json()["receipt_url"] == key
    assert download.headers["Content-Type"] == "image/jpeg"
    assert download.headers["Content-Disposition"].startswith("attachment; ")
    assert pictures.place_of(download.content) == {}
    assert pictures.pixels_of(download.content) == pictures.pixels_of(photo)
    head = s3(stack).head_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")
    assert head["ChecksumSHA256"]
    small = alice.http.get(f"{stack.web_url}/expenses/{expense_id}/thumbnail")
    assert small.headers["Content-Type"] == "image/jpeg"
    plain = requests.get(answer["url"].partition("?")[0], timeout=30)
    assert plain.status_code == 403

    alice.delete(f"receipts/{expense_id}")
    assert objects(stack, alice) == []


def test_ten_megabytes_are_accepted_and_one_byte_more_is_rejected(stack):
    alice = Person(stack)
    exact, more = pictures.of_size(LIMIT), pictures.of_size(LIMIT + 1)

    created = spend(alice, file=("a.pdf", exact, "application/pdf"))
    refused = spend(alice, file=("a.pdf", more, "application/pdf"))
    far_over = spend(alice, file=("a.pdf", more + more, "application/pdf"))

    assert created.status_code == 201, created.text
    assert [refused.status_code, far_over.status_code] == [400, 413]
    assert len(objects(stack, alice)) == 1


def test_a_direct_upload_from_end_to_end(stack):
    alice = Person(stack)
    expense = alice.post("expenses", amount="4.00", category="Fun")
    answer = announced(alice)

    assert put(answer).status_code == 200
    uploaded = alice.post(
        "receipts/confirm", key=answer["key"], expense_id=expense["expense_id"]
    )

    assert uploaded["receipt_url"] == answer["key"]
    download = alice.get(f"receipts/{expense['expense_id']}")
    assert requests.get(download["url"], timeout=30).content == PDF
    tags = s3(stack).get_object_tagging(Bucket=BUCKET, Key=answer["key"])["TagSet"]
    assert tags == []
    # The URL is valid for an hour, but an existing object is not overwritten.
    assert put(answer).status_code == 412


def test_a_direct_upload_is_attached_to_only_one_of_many_expenses(stack):
    alice = Person(stack)
    expenses = [alice.post("expenses", amount="4.00", category="Fun") for _ in range(6)]
    key = announced_and_put(alice)

    def confirm(expense):
        body = {"key": key, "expense_id": expense["expense_id"]}
        return alice.request("POST", "receipts/confirm", json=body).status_code

    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(confirm, expenses))

    assert statuses.count(200) == 1
    assert set(statuses) <= {200, 409, 429}  # this many at once are too many
    holders = [
        expense
        for expense in alice.get("expenses")["results"]
        if expense["receipt_url"] == key
    ]
    assert len(holders) == 1
    assert objects(stack, alice) == [key]


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (PDF + b"x", {}),
        (PDF[:-1], {}),
        (PDF, {"Content-Type": "text/html"}),
        (PDF.replace(b"Pages", b"Paged"), {}),
        (PDF, {"x-amz-tagging": "state=kept"}),
    ],
    ids=["longer", "shorter", "other type", "other bytes", "other tag"],
)
def test_a_direct_upload_that_differs_from_its_signature_is_rejected(
    stack, content, headers
):
    alice = Person(stack)

    refused = put(announced(alice), content, **headers)

    assert refused.status_code in {400, 403}, refused.text
    assert objects(stack, alice) == []


def test_a_request_cut_off_halfway_stores_nothing(stack):
    alice = Person(stack)
    body = (
        b'--b\r\nContent-Disposition: form-data; name="amount"\r\n\r\n4.00\r\n'
        b'--b\r\nContent-Disposition: form-data; name="category"\r\n\r\nFun\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n'
        b"Content-Type: application/pdf\r\n\r\n" + PDF
    )
    address = urlsplit(stack.web_url)
    cookies = "; ".join(
        f"{cookie.name}={cookie.value}" for cookie in alice.http.cookies
    )
    head = (
        f"POST /api/expenses HTTP/1.1\r\nHost: {address.netloc}\r\n"
        f"Cookie: {cookies}\r\nX-CSRFToken: {alice.http.headers['X-CSRFToken']}\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n"
        f"Content-Length: {len(body) + 500}\r\n\r\n"
    ).encode()

    with socket.create_connection(
        (address.hostname, address.port), WAIT_SECONDS
    ) as line:
        line.sendall(head + body)
        line.shutdown(socket.SHUT_WR)
        answer = line.recv(4096)

    assert not answer.startswith(b"HTTP/1.1 2")
    assert alice.get("expenses")["results"] == []
    assert objects(stack, alice) == []


def test_with_dynamodb_failing_neither_expense_nor_receipt_is_left(stack):
    """The Lambda cleans up after writes of unknown outcome."""
    alice = Person(stack)
    name = uuid.uuid4().hex
    key = f"receipts/{alice.user_id}/{name}.pdf"
    s3(stack).put_object(Bucket=BUCKET, Key=key, Body=PDF, Metadata={"mark": "m"})
    sqs = stack.admin_session().client("sqs")
    url = sqs.get_queue_url(QueueName="notification-queue")["QueueUrl"]

    sqs.send_message(
        QueueUrl=url,
        MessageBody=json.dumps({"expense_id": name, "key": key, "mark": "m"}),
        MessageAttributes={
            "task": {
                "DataType": "String",
                "StringValue": "expenses.tasks.settle_receipt",
            }
        },
    )

    wait_until(lambda: objects(stack, alice) == [])


def test_the_bucket_allows_uploads_only_from_our_pages(stack):
    rules = s3(stack).get_bucket_cors(Bucket=BUCKET)["CORSRules"]

    assert [rule["AllowedOrigins"] for rule in rules] == [[stack.web_url]]
    assert set(rules[0]["AllowedMethods"]) == {"GET", "PUT"}
