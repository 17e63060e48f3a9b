"""The report Lambda: stores a file in the bucket and returns its URLs."""

import os
import subprocess
import sys

import pytest

from accounts import services as accounts
from lambdas.report_generator.handler import handler
from reports import generator, services
from smartbudget.core import aws
from tests.lambdas.events import recorded
from tests.money_builders import make_expense
from tests.notifications.builders import make_account

BUCKET = "smart-budget-receipts"
ALICE_ID = "a" * 32


@pytest.fixture
def event():
    make_account(user_id=ALICE_ID)
    return {**recorded("report_monthly"), "user_id": ALICE_ID}


def keys() -> list[str]:
    listed = aws.client("s3").list_objects_v2(Bucket=BUCKET)
    return [item["Key"] for item in listed.get("Contents", [])]


def test_the_same_event_twice_stores_two_files(event, context):
    first, second = handler(event, context), handler(event, context)

    assert set(first) == {"report_url", "report_key", "file_name", "fingerprint"}
    assert first["report_key"] != second["report_key"]
    assert keys() == sorted([first["report_key"], second["report_key"]])


def test_an_existing_report_is_not_generated_again(event, context):
    first = handler(event, context)

    second = handler({**event, "known": first}, context)

    assert second["report_key"] == first["report_key"]
    assert keys() == [first["report_key"]]


def test_another_users_file_is_not_returned(event, context):
    first = handler(event, context)
    foreign = first["report_key"].replace(ALICE_ID, "b" * 32)

    second = handler({**event, "known": {**first, "report_key": foreign}}, context)

    assert second["report_key"].startswith(f"reports/{ALICE_ID}/")


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"report_type": "daily"}, "invalid", "report_type"),
        ({"month": 13}, "invalid", "month"),
        ({"year": 2030}, "invalid", "month"),
        ({"start_date": "2026-01-01"}, "invalid", "start_date"),
        ({"user_id": "b" * 32}, "not_found", None),
        ({"user_id": None}, "invalid", "user_id"),
    ],
)
def test_an_invalid_request_returns_an_error_message(
    event, context, changes, code, field
):
    error = handler({**event, **changes}, context)["error"]

    assert (error["code"], error["field"]) == (code, field)
    assert error["message"].endswith(".")
    assert keys() == []


def test_a_report_of_too_many_expenses_names_a_shorter_period(
    event, context, monkeypatch
):
    """Unless the caller can queue it, as the version before cannot."""
    monkeypatch.setattr(services, "MAX_EXPENSES", -1)
    message = "This month has too many expenses for a report. Choose a week."

    answer = handler(event, context)

    assert answer["error"] == {"code": "invalid", "message": message, "field": "month"}


@pytest.mark.parametrize("name", ["MAX_SECONDS", "DIRECT_PAGES"])
def test_a_report_that_takes_too_long_is_deferred(event, context, monkeypatch, name):
    make_expense(accounts.get_account(ALICE_ID).user, date=f"{event['year']}-03-01")
    monkeypatch.setattr(generator, name, 0)

    assert handler({**event, "may_defer": True}, context) == {"deferred": True}
    assert "error" in handler(event, context)
    assert keys() == []


def test_an_outage_is_left_to_lambda(event, context):
    aws.client("s3").delete_bucket(Bucket=BUCKET)

    with pytest.raises(Exception, match="NoSuchBucket"):
        handler(event, context)


def test_the_handler_loads_quickly_and_without_django():
    before = os.times()
    code = "import sys; sys.modules['django'] = None\n"
    code += "import lambdas.report_generator.handler"

    subprocess.run([sys.executable, "-c", code], check=True)

    after = os.times()
    # Processor time, as this machine may be busy; Lambda's limit is ten seconds.
    used = after.children_user - before.children_user
    used += after.children_system - before.children_system
    assert used < 8
