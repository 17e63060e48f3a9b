"""Fixtures of every test: moto's AWS in process, a fixed day, small builders."""

import contextlib
import threading

import boto3
import pytest
from botocore.client import BaseClient
from moto import mock_aws

from smartbudget.core import aws as clients
from tests.stack import stack

__all__ = ["stack"]


@contextlib.contextmanager
def _one_call_at_a_time():
    """Make calls one after the other: moto's transactions are not safe in threads."""
    lock = threading.RLock()
    call = BaseClient._make_api_call

    def locked(*args, **kwargs):
        with lock:
            return call(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", locked)
        yield


@pytest.fixture
def aws():
    with empty_aws():
        yield


@contextlib.contextmanager
def empty_aws():
    """An empty AWS in process: tables from the models, queue, topic, bucket."""
    from accounts.models import Account
    from budgets.models import Budget
    from expenses.models import Expense
    from notifications.models import Notification

    with mock_aws(), _one_call_at_a_time():
        for model in (Account, Expense, Budget, Notification):
            model.create_table(billing_mode="PAY_PER_REQUEST")
        boto3.client("sqs").create_queue(QueueName="notification-queue")
        boto3.client("sns").create_topic(Name="budget-alerts-topic")
        boto3.client("s3").create_bucket(Bucket="smart-budget-receipts")
        clients.queue_url.cache_clear()
        yield
