"""Fixtures of every test: moto's AWS in process, a fixed day, small builders."""

import os

os.environ.update(
    ALLOWED_HOSTS="testserver,127.0.0.1",
    AWS_ACCESS_KEY_ID="testing",
    AWS_DEFAULT_REGION="us-east-1",
    AWS_REGION="us-east-1",
    AWS_SECRET_ACCESS_KEY="testing",
    LOCAL="true",
    LOG_LEVEL="INFO",
    SECRET_KEY="only-for-tests",
)
for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "RESOURCE_PREFIX", "MAILBOX_URL"):
    os.environ.pop(name, None)

import boto3
import pytest
from moto import mock_aws

from smartbudget.core import aws as clients


@pytest.fixture
def aws():
    """An empty AWS in process: tables from the models, queue, topic, bucket."""
    from accounts.models import Account
    from budgets.models import Budget
    from expenses.models import Expense
    from notifications.models import Notification

    with mock_aws():
        for model in (Account, Expense, Budget, Notification):
            model.create_table(billing_mode="PAY_PER_REQUEST")
        boto3.client("sqs").create_queue(QueueName="notification-queue")
        boto3.client("sns").create_topic(Name="budget-alerts-topic")
        boto3.client("s3").create_bucket(Bucket="smart-budget-receipts")
        clients.queue_url.cache_clear()
        yield
