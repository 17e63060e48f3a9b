"""One request id from the web request to the e-mail, in every log."""

import json
import uuid

from tests.integration.people import Person
from tests.stack import wait_until


def lines_about(stack, request_id):
    """Return the log lines of web server and Lambdas that contain a request id."""
    log = (stack.local.settings.local_dir / "logs" / "web.log").read_text()
    logs = stack.admin_session().client("logs")
    for group in ("notification_processor", "report_generator"):
        for page in logs.get_paginator("filter_log_events").paginate(
            logGroupName=f"/aws/lambda/{group}"
        ):
            log += "".join(f"{event['message'].strip()}\n" for event in page["events"])
    return [
        json.loads(line)
        for line in log.splitlines()
        if line.startswith("{") and f'"request_id": "{request_id}"' in line
    ]


def test_a_request_id_is_logged_up_to_the_e_mail(stack):
    person = Person(stack, subscribed=True)
    person.post("budgets", category="Groceries", amount="10.00")
    name = f"click-{uuid.uuid4().hex[:12]}"
    person.http.headers["X-Request-Id"] = name

    person.post("expenses", category="Groceries", amount="11.00")
    person.mails(1)

    delivered = wait_until(
        lambda: [
            line
            for line in lines_about(stack, name)
            if line.get("message", "").startswith("delivery ended")
        ]
    )
    assert {line["user_id"] for line in delivered} == {person.user_id}
    assert all(line["lambda_request_id"] and line["task_id"] for line in delivered)


def test_the_log_of_a_report_has_the_request_id(stack):
    person = Person(stack)
    name = f"click-{uuid.uuid4().hex[:12]}"
    person.http.headers["X-Request-Id"] = name

    person.post("reports/generate", report_type="monthly")

    (report,) = wait_until(
        lambda: [
            line
            for line in lines_about(stack, name)
            if line.get("message", "").startswith("report created")
        ]
    )
    assert report["lambda_request_id"]
