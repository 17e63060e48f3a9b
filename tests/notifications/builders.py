"""Builders for notifications, and readers of SNS and SQS."""

import datetime
import json

from moto.core import DEFAULT_ACCOUNT_ID
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from accounts.models import Account
from notifications import outbox, subscriptions
from notifications.messages import Text
from notifications.models import Notification
from smartbudget.core import aws, dates, tasks

NOON = datetime.datetime(2026, 3, 18, 12, tzinfo=datetime.UTC)


def make_account(user_id="alice", *, subscribed=True, **fields) -> Account:
    account = Account(
        user_id=user_id,
        username=user_id,
        **{"email": f"{user_id}@example.com", **fields},
        password_hash="no password",
        created_at=NOON.isoformat(),
        updated_at=NOON.isoformat(),
    )
    account.save()
    if subscribed:
        subscriptions.subscribe(account.user)
    return account


def make_notification(
    notification_id="n1",
    user_id="alice",
    subject="Over budget: Food",
    message="You have spent $12.00 of $10.00.",
    **fields,
) -> Notification:
    """Store a notification; without facts, like those of earlier versions."""
    notification = outbox.compose(
        **{
            "notification_id": notification_id,
            "user_id": user_id,
            "type": "budget_exceeded",
            "text": Text(subject, message),
            **fields,
        }
    )
    notification.save()
    return notification


def stored(notification_id="n1") -> Notification:
    return Notification.get(notification_id, consistent_read=True)


def state(notification_id="n1") -> tuple[str, str | None]:
    notification = stored(notification_id)
    return notification.status, notification.error


def mails() -> list[tuple[str, str]]:
    """Return (recipient, subject) of the published messages, in order."""
    (topic,) = sns().topics.values()
    return [
        (attributes["user_email"]["Value"], subject)
        for _, _, subject, attributes, _ in topic.sent_notifications
    ]


def queued() -> list[dict]:
    """Return the bodies of the queued messages, in order."""
    (queue,) = sqs_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].queues.values()
    return [json.loads(message.body) for message in queue._messages]


def messages() -> list[str]:
    """Return the bodies of the published messages, in order."""
    (topic,) = sns().topics.values()
    return [message for _, message, *_ in topic.sent_notifications]


def run_queued_tasks() -> None:
    """Run the queued tasks that are due."""
    where = {"QueueUrl": aws.queue_url()}
    while (
        batch := aws.client("sqs")
        .receive_message(**where, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        .get("Messages")
    ):
        for message in batch:
            tasks.run(message["Body"], _task_of(message))
            aws.client("sqs").delete_message(
                **where, ReceiptHandle=message["ReceiptHandle"]
            )


def _task_of(message) -> str | None:
    return message.get("MessageAttributes", {}).get("task", {}).get("StringValue")


def sns():
    return sns_backends[DEFAULT_ACCOUNT_ID]["us-east-1"]


def leave_unconfirmed(account: Account) -> None:
    """Make the account's subscription unconfirmed."""
    sns().subscriptions[account_arn(account)].attributes["PendingConfirmation"] = True
    account.refresh()
    account.update(
        actions=[
            Account.subscription_status.set("pending"),
            Account.subscription_checked_at.set(dates.timestamp()),
        ]
    )


def confirm(account: Account) -> None:
    sns().subscriptions[account_arn(account)].attributes["PendingConfirmation"] = False


def account_arn(account: Account) -> str:
    return Account.get(account.user_id).subscription_arn
