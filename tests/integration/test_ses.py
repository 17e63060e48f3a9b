"""The template with EmailTransport=ses, and mails through the local AWS's SES."""

import json
import subprocess
import sys
import urllib.request
from typing import Any

import pytest

from smartbudget.local.settings import ACCOUNT, ROOT
from tests.lambdas.events import recorded
from tests.stack import Stack, running_stack, wait_until

pytestmark = pytest.mark.xdist_group("ses")

SENDER = "Smart Budget Planner <alerts@example.com>"
PARAMETERS = {
    "QueueVisibilitySeconds": "5",
    "EmailTransport": "ses",
    "EmailSender": SENDER,
    "EmailIdentity": "example.com",
}
REGISTER = """
accounts.register(username="alice", email=EMAIL, password="plenty-of-pennies")
"""
SUBSCRIBE_AND_DELIVER = """
verification.verify(sys.argv[1])
account = accounts.find_account_by_email(EMAIL)
account = accounts.account_of(subscriptions.subscribe(account))
outbox.compose(notification_id="n1", user_id=account.user_id, type="budget_exceeded",
    text=Text("Over budget: Food", "Spent.")).save()
delivery.deliver("n1")
print(ses.tag_of(account.subscription_arn))
"""
STATE = """
account = accounts.find_account_by_email(EMAIL)
print(account.subscription_status, account.email_problem)
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ses")
    with running_stack(folder, web=False, parameters=PARAMETERS) as running:
        yield running


def run(stack: Stack, code: str, *arguments: str) -> str:
    """Run code under the web role, with SES as its transport; return its output."""
    env = {**stack.local.web_env(), "EMAIL_TRANSPORT": "ses"}
    start = (
        "import sys; from accounts import services as accounts;"
        "from accounts.verification import services as verification;"
        "from notifications import delivery, outbox, ses, subscriptions;"
        "from notifications.messages import Text;"
        "EMAIL = 'alice@example.com'\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", start + code, *arguments],
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def mails(stack: Stack) -> list[dict[str, Any]]:
    url = f"{stack.aws_url}/_ministack/ses/messages"
    with urllib.request.urlopen(url, timeout=10) as response:
        return json.load(response)["messages"].get(ACCOUNT, [])


def test_a_subscriber_is_verified_mailed_and_deactivated_after_a_bounce(stack):
    admin = stack.admin_session()
    run(stack, REGISTER)
    wait_until(lambda: mails(stack))  # sent by the Lambda
    (verification,) = mails(stack)
    token = verification["BodyText"].split("/accounts/verify/")[1].split()[0]
    tag = run(stack, SUBSCRIBE_AND_DELIVER, token)

    _, notification = mails(stack)
    assert notification["To"] == ["alice@example.com"]
    assert notification["Subject"] == "Over budget: Food"
    assert "Spent." in notification["BodyHtml"]
    assert run(stack, STATE) == "confirmed None"

    (record,) = recorded("ses_bounce")["Records"]
    topic = next(
        topic["TopicArn"]
        for topic in admin.client("sns").list_topics()["Topics"]
        if topic["TopicArn"].endswith(":mail-events-topic")
    )
    admin.client("sns").publish(
        TopicArn=topic, Message=record["body"].replace("TAG", tag)
    )
    wait_until(lambda: run(stack, STATE) == "none E-mail to this address bounced.")
