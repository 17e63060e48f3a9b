"""A due summary, with the real Lambda, its permissions and mails."""

import datetime

from notifications import schedule
from tests.integration.people import Person
from tests.integration.test_main_job import history
from tests.stack import wait_until


def test_the_lambda_writes_and_sends_a_due_summary(stack):
    alice = Person(stack, subscribed=True)
    last_month = schedule.last_due("monthly_summary", "UTC").start
    alice.post("expenses", category="Fun", amount="12.30", date=f"{last_month}")
    alice.patch("profile", email_preferences={"monthly_summary": True})
    session = stack.admin_session()
    make_due(session.client("dynamodb"), alice, about=last_month)

    answer = session.client("lambda").invoke(
        FunctionName="notification_processor:live", Payload=b'{"task": "sweep"}'
    )

    assert "FunctionError" not in answer, answer["Payload"].read()
    (mail,) = alice.mails(1)
    assert mail["subject"] == f"$12.30 spent in {last_month:%B %Y}"
    wait_until(lambda: history(alice) == [("monthly_summary", "sent")])


def make_due(dynamodb, person: Person, *, about: datetime.date) -> None:
    """Copy the user's planned summary to one of a past month."""
    (planned,) = dynamodb.scan(
        TableName="notifications",
        FilterExpression="user_id = :whose AND attribute_exists(planned_for)",
        ExpressionAttributeValues={":whose": {"S": person.user_id}},
    )["Items"]
    planned["notification_id"] = {"S": f"{person.user_id}-last-month"}
    planned["planned_for"] = {"S": f"{about}"}
    planned["unsent_since"] = {"S": "2020-01-01T00:00:00.000000+00:00"}
    dynamodb.put_item(TableName="notifications", Item=planned)
