"""Receipts: attached, replaced, removed, and never lost."""

import datetime
import hashlib
import io
import json
from html import unescape
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
import requests
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.template.defaultfilters import filesizeformat

from expenses import bulk_update, queries, services, trash, undo
from expenses.models import Expense, Upload
from expenses.receipts import bounded, direct_uploads, uploads, validation
from expenses.receipts import services as receipts
from expenses.tasks import purge_trash, settle_receipt
from smartbudget.core import files as keys
from smartbudget.core.errors import ConflictError, InvalidError, NotFoundError
from tests.builders import client_for, make_user, token_of
from tests.calls import counted
from tests.expenses.receipts import hostile, pictures
from tests.expenses.receipts.pictures import PDF, picture
from tests.money_builders import NOON, make_expense
from tests.notifications import faults
from tests.problems import messages_of

BUCKET = "smart-budget-receipts"
LIMIT = 10 * 1024 * 1024


@pytest.fixture(autouse=True)
def now(aws):
    with time_machine.travel(NOON, tick=True):
        yield


@pytest.fixture
def alice():
    return make_user("alice")


@pytest.fixture
def browser(alice):
    return client_for(alice)


@pytest.fixture
def lunch(alice):
    return make_expense(alice)


def s3():
    return boto3.client("s3")


def objects() -> list[str]:
    objects = s3().list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return [obj["Key"] for obj in objects]


def content_of(key: str) -> bytes:
    return s3().get_object(Bucket=BUCKET, Key=key)["Body"].read()


def queued() -> list[dict]:
    """Return the queued orphan checks."""
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName="notification-queue")["QueueUrl"]
    with time_machine.travel(NOON.timestamp() + 1000):
        messages = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages", [])
    return [
        json.loads(message["Body"])
        for message in messages
        if message["MessageAttributes"]["task"]["StringValue"].endswith(
            "settle_receipt"
        )
    ]


def run_orphan_checks() -> None:
    """Run the queued checks when they are due."""
    for call in queued():
        with time_machine.travel(NOON.timestamp() + 1000):
            settle_receipt(**call)


def sent(content: bytes = PDF, name: str = "bill.pdf", type: str = "application/pdf"):
    return SimpleUploadedFile(name, content, content_type=type)


def upload(browser, expense, file=None, **more):
    return browser.post(
        "/api/receipts/upload",
        {"file": file or sent(), "expense_id": expense.expense_id, **more},
    )


def stored(expense) -> Expense:
    return Expense.get(expense.expense_id)


# ------------------------------------------------------------------- attaching


def test_an_upload_is_stored_and_linked(alice, browser, lunch):
    answer = upload(browser, lunch)

    key = f"receipts/{alice.user_id}/{lunch.expense_id}.pdf"
    assert answer.status_code == 201, answer.content
    assert answer.json() == {
        "expense_id": lunch.expense_id,
        "receipt_url": key,
        "file_name": "bill.pdf",
        "content_type": "application/pdf",
        "size_bytes": len(PDF),
        "sha256": hashlib.sha256(PDF).hexdigest(),
    }
    assert content_of(key) == PDF
    assert stored(lunch).receipt_sha256 == hashlib.sha256(PDF).hexdigest()
    head = s3().head_object(Bucket=BUCKET, Key=key)
    assert head["ContentType"] == "application/pdf"


def test_an_expense_and_its_receipt_are_created_in_one_request(alice, browser):
    answer = browser.post(
        "/api/expenses", {"amount": "4.00", "category": "Fun", "file": sent()}
    )

    created = answer.json()
    assert answer.status_code == 201, created
    key = f"receipts/{alice.user_id}/{created['expense_id']}.pdf"
    assert created["receipt_url"] == key
    assert content_of(key) == PDF


@pytest.mark.parametrize(
    ("name", "content", "type"),
    [
        ("page.jpg", pictures.HTML, "image/jpeg"),
        ("page.html", pictures.HTML, "text/html"),
        ("drawing.svg", pictures.SVG, "image/svg+xml"),
        ("archive.pdf", pictures.archive(), "application/pdf"),
        ("cut.jpg", picture(size=(500, 500))[:-500], "image/jpeg"),
        ("photo.jpg", picture(), "application/pdf"),
        ("apart.jpg", hostile.jpeg_scans_apart(), "image/jpeg"),
        ("empty.pdf", b"", "application/pdf"),
        ("large.pdf", pictures.of_size(LIMIT + 1), "application/pdf"),
        ("bomb.png", pictures.bomb, "image/png"),  # slow to create
    ],
)
def test_a_rejected_file_creates_no_expense(browser, name, content, type):
    file = sent(content() if callable(content) else content, name, type)

    answer = browser.post(
        "/api/expenses", {"amount": "4.00", "category": "Fun", "file": file}
    )

    assert answer.status_code == 400
    assert list(messages_of(answer)) == ["file"]
    assert list(Expense.scan()) == []
    assert objects() == []


def test_a_rejected_expense_leaves_no_object(browser):
    answer = browser.post(
        "/api/expenses", {"amount": "-4", "category": "Fun", "file": sent()}
    )

    assert answer.status_code == 400
    assert objects() == []


def test_a_file_of_exactly_the_limit_is_accepted(browser, lunch):
    file = sent(pictures.of_size(LIMIT))

    assert upload(browser, lunch, file).json()["size_bytes"] == LIMIT


def test_only_upload_endpoints_accept_large_bodies(browser, lunch):
    large = b"x" * 3_000_000
    elsewhere = browser.post("/budgets/add", {"file": sent(large)})
    far_over = browser.post("/api/receipts/upload", {"file": sent(large * 4)})
    as_json = browser.post("/api/expenses", large, content_type="application/json")

    assert [elsewhere.status_code, far_over.status_code, as_json.status_code] == [
        413,
        413,
        413,
    ]


def test_the_given_checksum_is_verified(browser, lunch):
    good = upload(browser, lunch, sha256=hashlib.sha256(PDF).hexdigest())
    bad = upload(browser, lunch, sha256="0" * 64)

    assert good.status_code == 201
    assert bad.status_code == 400
    assert list(messages_of(bad)) == ["sha256"]


def test_an_empty_checksum_in_a_form_is_ignored(browser, lunch):
    assert upload(browser, lunch, sha256="").status_code == 201


def test_a_form_part_given_twice_is_rejected(browser, alice):
    fields = {"category": "Food", "amount": ["1.00", "100.00"]}
    answer = browser.post("/api/expenses", fields)

    assert messages_of(answer) == {"amount": ["Send this only once."]}
    assert queries.list_expenses(alice).items == []


def test_repeating_with_an_idempotency_key_stores_one_object(browser):
    def post(content=PDF):
        return browser.post(
            "/api/expenses",
            {"amount": "4.00", "category": "Fun", "file": sent(content)},
            headers={"Idempotency-Key": "one"},
        )

    first, second = post(), post()

    assert first.json() == second.json()
    assert objects() == [first.json()["receipt_url"]]
    assert post(PDF + b"\n").status_code == 422
    assert objects() == [first.json()["receipt_url"]]


# ---------------------------------------------------- replacing and removing


def test_replacing_a_receipt_deletes_the_old_one(browser, lunch):
    old = upload(browser, lunch).json()["receipt_url"]
    new = upload(browser, lunch, sent(PDF + b"\n")).json()["receipt_url"]

    assert objects() == [new] != [old]
    run_orphan_checks()
    assert content_of(stored(lunch).receipt_url) == PDF + b"\n"


def test_removing_a_receipt_keeps_the_expense(browser, lunch):
    upload(browser, lunch)

    answer = browser.delete(f"/api/receipts/{lunch.expense_id}")

    assert answer.status_code == 204
    assert objects() == []
    assert stored(lunch).receipt_url is None
    assert stored(lunch).receipt_sha256 is None
    assert browser.get(f"/api/receipts/{lunch.expense_id}").status_code == 404


def test_patching_receipt_url_to_null_removes_the_receipt(browser, lunch):
    upload(browser, lunch)

    answer = browser.patch(
        f"/api/expenses/{lunch.expense_id}",
        {"receipt_url": None},
        content_type="application/json",
    )

    assert answer.json()["receipt_url"] is None
    assert objects() == []


def test_deleting_an_expense_deletes_only_its_receipt(browser, alice, lunch):
    dinner = make_expense(alice)
    upload(browser, lunch)
    kept_key = upload(browser, dinner).json()["receipt_url"]

    browser.delete(f"/api/expenses/{lunch.expense_id}")

    run_orphan_checks()
    assert len(objects()) == 2  # it can be restored
    with time_machine.travel(NOON + trash.KEPT + datetime.timedelta(minutes=2)):
        purge_trash(user_id=alice.user_id)
    assert objects() == [kept_key]


@pytest.mark.parametrize("by", ["one", "bulk"])
def test_a_restored_expense_has_its_receipt(browser, alice, lunch, by):
    key = upload(browser, lunch).json()["receipt_url"]
    path = f"/api/expenses/{lunch.expense_id}"
    before = browser.get(path).json()

    if by == "one":
        browser.delete(path)
        browser.post(f"{path}/restore")
    else:
        change = bulk_update.delete_expenses(alice, [lunch.expense_id])
        undo.undo(alice, change.undo_id)

    run_orphan_checks()
    assert objects() == [key]
    assert browser.get(path).json() == before
    assert content_of(stored(lunch).receipt_url) == PDF


def test_an_earlier_check_keeps_the_receipt_of_a_deleted_expense(browser, lunch):
    key = upload(browser, lunch).json()["receipt_url"]
    (check,) = queued()  # from the upload, almost 15 minutes ago
    path = f"/api/expenses/{lunch.expense_id}"

    browser.delete(path)
    settle_receipt(**check)
    assert objects() == [key]
    browser.post(f"{path}/restore")
    settle_receipt(**check)

    assert objects() == [key]


def test_a_check_during_a_restoration_keeps_the_receipt(
    browser, alice, lunch, monkeypatch
):
    key = upload(browser, lunch).json()["receipt_url"]
    (check,) = queued()
    services.delete_expense(alice, lunch.expense_id)
    find = trash.receipt_kept_until

    def restored_first(*arguments):
        services.restore_expense(alice, lunch.expense_id)
        return find(*arguments)

    monkeypatch.setattr(trash, "receipt_kept_until", restored_first)
    settle_receipt(**check)

    assert objects() == [key]


def test_a_restored_expense_has_its_direct_upload(browser, alice, lunch):
    key = put(browser)
    confirm(browser, key, lunch)
    path = f"/api/expenses/{lunch.expense_id}"

    browser.delete(path)
    taken = make_expense(alice)
    other = browser.patch(
        f"/api/expenses/{taken.expense_id}",
        {"receipt_url": key},
        content_type="application/json",
    )
    browser.post(f"{path}/restore")

    assert other.status_code == 409
    run_orphan_checks()
    assert stored(lunch).receipt_url == key
    assert objects() == [key]


# --------------------------------------------------------------------- crashes


def test_with_the_table_down_no_object_is_left(browser, lunch):
    with faults.down("TransactWriteItems"):
        answer = browser.post(
            "/api/expenses", {"amount": "4.00", "category": "Fun", "file": sent()}
        )

    assert answer.status_code == 503
    run_orphan_checks()
    assert objects() == []


def test_a_lost_reply_loses_no_receipt(browser):
    with faults.reply_lost("TransactWriteItems"):
        browser.post(
            "/api/expenses", {"amount": "4.00", "category": "Fun", "file": sent()}
        )

    run_orphan_checks()
    (expense,) = Expense.scan()
    assert objects() == [expense.receipt_url]


def test_objects_not_removed_at_once_are_removed_later(browser, lunch, monkeypatch):
    upload(browser, lunch)
    monkeypatch.setattr(receipts, "remove", lambda key: None)  # the process dies here

    browser.delete(f"/api/receipts/{lunch.expense_id}")

    assert len(objects()) == 1
    run_orphan_checks()
    assert objects() == []


def test_without_the_queue_nothing_changes(browser, lunch):
    upload(browser, lunch)
    with faults.down("SendMessageBatch"):
        replaced = upload(browser, lunch, sent(PDF + b"\n"))
        deleted = browser.delete(f"/api/expenses/{lunch.expense_id}")

    assert [replaced.status_code, deleted.status_code] == [503, 503]
    assert content_of(stored(lunch).receipt_url) == PDF


def test_the_orphan_check_keeps_a_newer_object_with_the_same_key(alice, browser, lunch):
    upload(browser, lunch)
    (first,) = queued()
    browser.delete(f"/api/receipts/{lunch.expense_id}")
    queued()
    upload(browser, lunch)
    stored(lunch).update([Expense.receipt_url.remove()])  # the state before the commit

    settle_receipt(**first)

    assert objects() == [first["key"]]


@pytest.mark.parametrize("key", ["reports/x/monthly.pdf", "receipts/../x", ""])
def test_the_orphan_check_touches_only_receipts(key):
    with pytest.raises(ValueError, match="key"):
        receipts.delete_if_orphaned("0" * 32, key, None)


# -------------------------------------------------------------------- download


def test_a_download_is_an_attachment_with_its_content_type(browser, lunch):
    upload(browser, lunch, sent(picture(), 'Zoë "1";\n.JPG', "image/jpeg"))

    answer = browser.get(f"/api/receipts/{lunch.expense_id}").json()

    query = parse_qs(urlsplit(answer["url"]).query)
    assert answer["expires_in"] == 3600
    assert query["X-Amz-Expires"] == ["3600"]
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert query["response-content-type"] == ["image/jpeg"]
    (disposition,) = query["response-content-disposition"]
    assert disposition.startswith("attachment; ")
    assert "filename*=UTF-8''Zo%C3%AB%20" in disposition
    assert "\n" not in disposition
    fetched = requests.get(answer["url"], timeout=10)
    assert fetched.content == picture()


def test_pages_show_and_download_receipts(browser, lunch):
    photo = picture(size=(900, 600), exif=pictures.located_exif())
    upload(browser, lunch, sent(photo, "photo.jpg", "image/jpeg"))

    page = browser.get("/expenses/").content.decode()
    small = browser.get(f"/expenses/{lunch.expense_id}/thumbnail")
    download = browser.get(f"/expenses/{lunch.expense_id}/receipt")

    assert f"/expenses/{lunch.expense_id}/thumbnail?v=" in page
    assert small["Content-Type"] == "image/jpeg"
    with pictures.Image.open(io.BytesIO(small.content)) as image:
        assert image.size == (85, 128)  # upright
    assert download.status_code == 302
    assert "X-Amz-Signature" in download["Location"]


@pytest.mark.parametrize(
    "content",
    [
        pictures.film(),
        picture("PNG"),
        picture("JPEG", progressive=True),
        picture("WEBP"),
        pictures.gray(),
        hostile.apng(3, side=9),
    ],
)
def test_other_image_formats_have_thumbnails_too(browser, lunch, content):
    kind = pictures.Image.open(io.BytesIO(content)).format.lower()
    upload(browser, lunch, sent(content, f"a.{kind}", f"image/{kind}"))

    assert browser.get(f"/expenses/{lunch.expense_id}/thumbnail").status_code == 200


def test_the_form_attaches_and_removes_a_receipt(browser, alice):
    answer = browser.post(
        "/expenses/add",
        {
            "amount": "4.00",
            "category": "Fun",
            "date": "2026-03-18",
            "receipt": sent(),
        },
    )
    (expense,) = Expense.scan()
    assert answer.status_code == 302
    assert objects() == [expense.receipt_url]

    browser.post(
        f"/expenses/{expense.expense_id}/edit",
        {
            "amount": "4.00",
            "category": "Fun",
            "date": "2026-03-18",
            "status": "pending",
            "drop_receipt": "on",
        },
    )
    assert objects() == []


@pytest.mark.parametrize(
    ("content", "name", "kind"),
    [
        (PDF, "Zoë & Co.pdf", "application/pdf"),
        (picture(), "till.jpg", "image/jpeg"),
    ],
)
def test_the_edit_page_shows_the_receipt_also_with_errors(
    browser, lunch, content, name, kind
):
    upload(browser, lunch, sent(content, name, kind))
    path = f"/expenses/{lunch.expense_id}/edit"

    shown = browser.get(path)
    rejected = browser.post(path, {"amount": "odd"})

    assert rejected.status_code == 400
    for html in (shown.content.decode(), rejected.content.decode()):
        assert name in unescape(html)
        assert str(filesizeformat(stored(lunch).receipt_size)) in html
        assert f'href="/expenses/{lunch.expense_id}/receipt"' in html
        assert ("/thumbnail?v=" in html) == stored(lunch).has_picture
        assert "Replace receipt" in html
        assert 'name="drop_receipt"' in html


def test_the_edit_page_without_a_receipt_offers_to_choose_one(browser, lunch):
    html = browser.get(f"/expenses/{lunch.expense_id}/edit").content.decode()

    assert "Receipt (optional)" in html
    assert "drop_receipt" not in html
    assert "/receipt" not in html.replace("/static/receipts", "")


@pytest.mark.parametrize("rejected", [False, True])
def test_showing_the_receipt_costs_no_further_calls(browser, lunch, rejected):
    upload(browser, lunch)
    path = f"/expenses/{lunch.expense_id}/edit"

    with counted() as calls:
        browser.post(path, {"amount": "odd"}) if rejected else browser.get(path)

    reads = ["dynamodb.GetItem"] * 2  # the session and the expense
    history = [] if rejected else ["dynamodb.GetItem"]
    assert calls.names == [*reads, *history]


def test_a_new_file_replaces_the_receipt_that_was_to_be_removed(browser, lunch):
    upload(browser, lunch)
    values = {"amount": "4", "category": "Fun", "date": "2026-03-18"}
    values |= {"status": "pending", "drop_receipt": "on"}
    file = sent(picture(), "till.jpg", "image/jpeg")

    browser.post(f"/expenses/{lunch.expense_id}/edit", values | {"receipt": file})

    assert stored(lunch).receipt_name == "till.jpg"
    assert objects() == [stored(lunch).receipt_url]


def test_the_form_shows_why_a_file_is_rejected(browser):
    answer = browser.post(
        "/expenses/add",
        {
            "amount": "4.00",
            "category": "Fun",
            "date": "2026-03-18",
            "receipt": sent(pictures.HTML, "page.jpg", "image/jpeg"),
        },
    )

    assert answer.status_code == 400
    assert validation.WRONG_KIND in answer.content.decode()
    assert list(Expense.scan()) == []


FORM = {"amount": "4.00", "category": "Fun", "date": "2026-03-18", "status": "pending"}


@pytest.mark.parametrize(
    "sent_files",
    [
        {"receipt": sent(), "photo": sent(picture(), "a.jpg", "image/jpeg")},
        {"receipt": [sent(), sent(picture(), "a.jpg", "image/jpeg")]},
        {"photo": [sent(), sent()]},
        {"receipt": [sent(), sent(), sent()], "photo": sent()},
    ],
)
def test_two_receipts_in_one_form_are_rejected_and_the_input_is_kept(
    browser, lunch, sent_files
):
    for path in ("/expenses/add", f"/expenses/{lunch.expense_id}/edit"):
        for file in [file for files in sent_files.values() for file in _listed(files)]:
            file.seek(0)
        answer = browser.post(path, {**FORM, "category": "Typed", **sent_files})

        html = answer.content.decode()
        assert answer.status_code == 400
        assert validation.ONLY_ONE in html
        assert 'value="Typed"' in html
    assert len(list(Expense.scan())) == 1
    assert objects() == []


def _listed(files_sent):
    return files_sent if isinstance(files_sent, list) else [files_sent]


@pytest.mark.parametrize("path", ["/api/expenses", "/api/receipts/upload"])
def test_two_receipts_in_one_request_are_rejected(browser, lunch, path):
    body = {"amount": "4.00", "category": "Fun", "file": [sent(), sent()]}
    if path.endswith("upload"):
        body = {"expense_id": lunch.expense_id, "file": [sent(), sent()]}

    answer = browser.post(path, body)

    assert answer.status_code == 400
    assert messages_of(answer) == {"file": ["Send this only once."]}
    assert objects() == []


def test_the_thumbnail_of_a_16_bit_scan_keeps_its_grey_level(browser, lunch):
    file = sent(pictures.gray_of_16_bits(), "scan.png", "image/png")
    assert upload(browser, lunch, file).status_code == 201

    small = browser.get(f"/expenses/{lunch.expense_id}/thumbnail")

    with pictures.Image.open(io.BytesIO(small.content)) as image:
        assert image.getpixel((9, 9)) == (31, 31, 31)  # 8000 of 65,535


@pytest.mark.parametrize(
    "content",
    [
        hostile.jpeg_scans_apart(),
        hostile.jpeg_scans(300),
        hostile.jpeg_comments(100_000),
        hostile.png(data=b""),
        hostile.apng(3, step=2),
        hostile.png((b"zTXt", b"a\0\0" + hostile.zeros(300))),
        hostile.gif(100_000),
        picture(size=(99, 99))[:500],
        b"",
        b"no picture at all",
    ],
)
def test_an_undecodable_stored_image_has_no_thumbnail(browser, lunch, content):
    """Such as files stored before validation had limits."""
    kind = pictures.kind_of(content)
    url = upload(browser, lunch, sent(picture("PNG"), "a.png", "image/png")).json()
    s3().put_object(Bucket=BUCKET, Key=url["receipt_url"], Body=content)
    stored(lunch).update([Expense.receipt_type.set(kind)])

    answer = browser.get(f"/expenses/{lunch.expense_id}/thumbnail")

    assert answer.status_code == (200 if b"zTXt" in content else 404)
    assert browser.get("/expenses/").status_code == 200


def test_the_missing_thumbnail_of_an_undecodable_image_is_cached(
    browser, lunch, monkeypatch
):
    url = upload(browser, lunch, sent(picture(), "a.jpg", "image/jpeg")).json()
    s3().put_object(Bucket=BUCKET, Key=url["receipt_url"], Body=b"no picture")
    path = f"/expenses/{lunch.expense_id}/thumbnail"

    undrawn = browser.get(path)
    monkeypatch.setattr(validation, "THUMBNAIL_WAIT_SECONDS", 0)
    with bounded._turn:
        busy = browser.get(path)

    assert undrawn.status_code == 404
    assert undrawn["Cache-Control"] == "private, max-age=86400"
    assert (busy.status_code, busy["Cache-Control"]) == (503, "no-store")


def test_an_upload_is_stored_by_its_content_not_its_name(browser, lunch):
    for content, name, kind, content_type in [
        (picture("PNG"), "a.jpg", "image/jpeg", "a.png"),
        (picture("WEBP"), "blob", "image/webp", "blob.webp"),
        (hostile.HEIC, "IMG_1.HEIC", "image/heic", "IMG_1.jpg"),
        (PDF, "bill", "binary/octet-stream", "bill.pdf"),
    ]:
        answer = upload(browser, lunch, sent(content, name, kind)).json()

        assert answer["file_name"] == content_type
        assert answer["receipt_url"].endswith(content_type.rpartition(".")[2])
        head = s3().head_object(Bucket=BUCKET, Key=answer["receipt_url"])
        assert head["ContentType"] == answer["content_type"]


def test_rejecting_uploads_under_load_loses_nothing(alice, browser, lunch, monkeypatch):
    monkeypatch.setitem(bounded.run.__kwdefaults__, "wait_seconds", 0)
    with bounded._turn:
        by_api = upload(browser, lunch)
        by_form = browser.post(
            "/expenses/add", {**FORM, "category": "Typed", "receipt": sent()}
        )
        key = put(browser)
        by_confirming = confirm(browser, key, lunch)

    for answer in (by_api, by_form, by_confirming):
        assert answer.status_code == 503
        assert answer["Retry-After"]
    assert 'value="Typed"' in by_form.content.decode()
    assert len(queries.list_expenses(alice).items) == 1
    assert confirm(browser, key, lunch).status_code == 200


def test_expenses_without_a_receipt_are_listed(browser, alice, lunch):
    dinner = make_expense(alice, category="Dinner")
    upload(browser, lunch)

    def listed(which):
        expenses = browser.get(f"/api/expenses?receipt={which}").json()["results"]
        return [expense["expense_id"] for expense in expenses]

    assert listed("missing") == [dinner.expense_id]
    assert listed("attached") == [lunch.expense_id]
    assert browser.get("/api/expenses?receipt=odd").status_code == 400
    assert b"Dinner" in browser.get("/expenses/?receipt=missing").content


# -------------------------------------------------------------- direct uploads


def request_upload(browser, content=PDF, name="bill.pdf", **changed):
    body = {
        "file_name": name,
        "size_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        **changed,
    }
    return browser.post(
        "/api/receipts/presigned-url", body, content_type="application/json"
    )


def put(browser, content=PDF, name="bill.pdf") -> str:
    """Upload directly, as a browser would; moto checks no signature."""
    answer = request_upload(browser, content, name).json()
    response = requests.put(
        answer["url"], data=content, headers=answer["headers"], timeout=10
    )
    assert response.status_code == 200, response.text
    return answer["key"]


def confirm(browser, key, expense=None):
    body = {"key": key}
    if expense:
        body["expense_id"] = expense.expense_id
    return browser.post("/api/receipts/confirm", body, content_type="application/json")


def tags(key):
    return s3().get_object_tagging(Bucket=BUCKET, Key=key)["TagSet"]


def test_a_direct_upload_is_confirmed_and_attached(alice, browser, lunch):
    key = put(browser)
    assert tags(key) == [{"Key": "state", "Value": "pending"}]

    answer = confirm(browser, key, lunch)

    assert answer.status_code == 200, answer.content
    assert answer.json()["receipt_url"] == key
    assert key.startswith(f"receipts/{alice.user_id}/")
    assert stored(lunch).receipt_url == key
    assert tags(key) == []
    run_orphan_checks()
    assert objects() == [key]
    assert confirm(browser, key, lunch).status_code == 200


def test_every_declared_property_is_signed(browser):
    query = parse_qs(urlsplit(request_upload(browser).json()["url"]).query)

    assert query["X-Amz-Expires"] == ["3600"]
    signed = query["X-Amz-SignedHeaders"][0].split(";")
    assert {"content-length", "content-type", "if-none-match"} <= set(signed)
    assert {"x-amz-checksum-sha256", "x-amz-tagging"} <= set(signed) | {
        name.lower() for name in query
    }


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"file_name": "page.html"}, "file_name"),
        ({"content_type": "image/png"}, "file_name"),
        ({"file_name": "bill"}, "file_name"),
        ({"file_name": "bill", "content_type": "text/html"}, "file_name"),
        ({"size_bytes": LIMIT + 1}, "size_bytes"),
        ({"size_bytes": 0}, "size_bytes"),
        ({"sha256": "odd"}, "sha256"),
    ],
)
def test_an_upload_request_is_validated(browser, changed, field):
    answer = request_upload(browser, **changed)

    assert answer.status_code == 400
    assert list(messages_of(answer)) == [field]


def test_a_confirmed_key_can_be_used_in_one_new_expense(browser, alice):
    key = put(browser)
    body = {"amount": "4.00", "category": "Fun", "receipt_url": key}

    def post():
        return browser.post("/api/expenses", body, content_type="application/json")

    early = post()
    assert confirm(browser, key).status_code == 200
    first, second = post(), post()

    assert [early.status_code, first.status_code, second.status_code] == [400, 201, 409]
    assert first.json()["receipt_url"] == key
    run_orphan_checks()
    assert objects() == [key]


def test_a_key_can_be_attached_to_one_expense_only(alice, browser, lunch):
    key = put(browser)
    confirm(browser, key, lunch)

    assert confirm(browser, key, make_expense(alice)).status_code == 409
    assert objects() == [key]


def test_the_key_of_an_ordinary_upload_cannot_be_attached(alice, browser, lunch):
    key = upload(browser, lunch).json()["receipt_url"]
    dinner = make_expense(alice)

    with pytest.raises(NotFoundError):
        uploads.complete_upload(alice, key, dinner.expense_id)
    answer = browser.patch(
        f"/api/expenses/{dinner.expense_id}",
        {"receipt_url": key},
        content_type="application/json",
    )
    assert answer.status_code == 400
    same = browser.patch(
        f"/api/expenses/{lunch.expense_id}",
        {"receipt_url": key},
        content_type="application/json",
    )
    assert same.json()["receipt_url"] == key


def test_a_file_that_is_not_a_receipt_is_rejected_and_removed(browser, lunch):
    key = put(browser, pictures.HTML, "page.jpg")

    answer = confirm(browser, key, lunch)

    assert answer.status_code == 400
    assert messages_of(answer) == {"key": [validation.WRONG_KIND]}
    assert objects() == []
    assert stored(lunch).receipt_url is None


@pytest.mark.parametrize(
    ("name", "content_type", "announced", "ends"),
    [
        ("blob", "image/png", "image/png", ".png"),
        ("a.jfif", "image/pjpeg", "image/jpeg", ".jfif"),
        ("bill.pdf", "application/x-pdf", "application/pdf", ".pdf"),
        ("IMG.HEIC", "", "image/heic", ".jpg"),
    ],
)
def test_the_content_type_is_signed_from_name_or_type(
    browser, name, content_type, announced, ends
):
    fields = {"content_type": content_type} if content_type else {}
    answer = request_upload(browser, name=name, **fields).json()

    assert answer["headers"]["Content-Type"] == announced
    assert answer["key"].endswith(ends)


def test_a_direct_upload_of_another_type_than_declared_is_rejected(browser, lunch):
    key = put(browser, picture("PNG"), "photo.jpg")

    answer = confirm(browser, key, lunch)

    assert answer.status_code == 400
    assert messages_of(answer) == {"key": [validation.OTHER_KIND]}
    assert objects() == []


def test_a_hostile_direct_upload_is_rejected_and_removed(browser, lunch):
    key = put(browser, hostile.jpeg_scans(300), "photo.jpg")

    answer = confirm(browser, key, lunch)

    assert messages_of(answer) == {"key": [validation.BROKEN_PICTURE]}
    assert objects() == []


def test_a_directly_uploaded_heic_is_stored_as_jpeg(browser, lunch):
    key = put(browser, hostile.HEIC, "IMG_1.HEIC")

    answer = confirm(browser, key, lunch).json()

    assert answer["file_name"] == "IMG_1.jpg"
    assert answer["content_type"] == "image/jpeg"
    assert answer["size_bytes"] == len(content_of(key))
    assert content_of(key).startswith(b"\xff\xd8\xff")
    head = s3().head_object(Bucket=BUCKET, Key=key)
    assert head["ContentType"] == "image/jpeg"
    assert stored(lunch).receipt_type == "image/jpeg"
    thumbnail = browser.get(f"/expenses/{lunch.expense_id}/thumbnail")
    assert thumbnail.status_code == 200


def test_a_missing_upload_is_reported(browser, lunch):
    key = request_upload(browser).json()["key"]

    assert confirm(browser, key, lunch).status_code == 404


def test_the_location_is_removed_from_a_direct_upload(browser, lunch):
    key = put(browser, picture(exif=pictures.located_exif()), "photo.jpg")

    assert confirm(browser, key, lunch).status_code == 200

    assert pictures.place_of(content_of(key)) == {}
    digest = hashlib.sha256(content_of(key)).hexdigest()
    assert stored(lunch).receipt_sha256 == digest
    assert tags(key) == []


def test_an_upload_can_be_confirmed_for_less_time_than_the_bucket_keeps_it(
    alice, browser, lunch
):
    key = put(browser)
    later = NOON.timestamp() + direct_uploads.UPLOAD_HOURS * 3600

    with time_machine.travel(later), pytest.raises(NotFoundError):
        uploads.complete_upload(alice, key, lunch.expense_id)


def test_an_upload_removed_as_orphaned_cannot_be_attached(alice, browser, lunch):
    key = put(browser)
    confirm(browser, key)
    receipts.delete_if_orphaned("0" * 32, key, None)

    with pytest.raises((NotFoundError, ConflictError, InvalidError)):
        uploads.complete_upload(alice, key, lunch.expense_id)
    assert stored(lunch).receipt_url is None


def test_an_upload_attached_to_another_expense_is_kept(alice, browser, lunch):
    key = put(browser)
    confirm(browser, key, lunch)

    receipts.delete_if_orphaned("0" * 32, key, None)

    assert objects() == [key]


def test_removing_a_direct_upload_leaves_nothing(browser, lunch):
    confirm(browser, key := put(browser), lunch)

    browser.delete(f"/api/receipts/{lunch.expense_id}")

    assert objects() == []
    assert not list(Upload.query(f"upload#{key}"))


# ------------------------------------------------------------------ other users


def test_other_users_find_no_receipt(alice, browser, lunch):
    upload(browser, lunch)
    key = put(browser)
    bob = client_for(make_user("bob"))
    dinner = bob.post("/api/expenses", {"amount": "1.00", "category": "Fun"}).json()
    path = lunch.expense_id

    answers = [
        upload(bob, lunch),
        bob.get(f"/api/receipts/{path}"),
        bob.delete(f"/api/receipts/{path}"),
        bob.get(f"/expenses/{path}/receipt"),
        bob.get(f"/expenses/{path}/thumbnail"),
        confirm(bob, key),
        confirm(bob, key, Expense.get(dinner["expense_id"])),
        confirm(bob, key, lunch),
        confirm(browser, key, Expense.get(dinner["expense_id"])),
    ]

    assert [answer.status_code for answer in answers] == [404] * len(answers)
    patched = bob.patch(
        f"/api/expenses/{dinner['expense_id']}",
        {"receipt_url": key},
        content_type="application/json",
    )
    assert patched.status_code == 400
    assert len(objects()) == 2


def test_uploads_need_a_login(lunch):
    anonymous = client_for()

    assert upload(anonymous, lunch).status_code == 401
    assert request_upload(anonymous).status_code == 401
    assert confirm(anonymous, "x").status_code == 401
    assert anonymous.get(f"/api/receipts/{lunch.expense_id}").status_code == 401


def test_uploads_need_the_csrf_token(alice, lunch):
    browser = client_for(alice, csrf=True)

    assert upload(browser, lunch).status_code == 403
    answer = browser.post(
        "/api/receipts/upload",
        {"file": sent(), "expense_id": lunch.expense_id},
        headers=token_of(browser),
    )
    assert answer.status_code == 201


def test_keys_are_built_and_parsed_in_one_place(alice):
    key = keys.receipt_key(alice.user_id, "0" * 32, "jpg")

    assert keys.owner_of(key) == alice.user_id
    for odd in (key + "/x", "x" + key, key.upper(), f"receipts/{alice.user_id}/a.jpg"):
        assert keys.owner_of(odd) is None
