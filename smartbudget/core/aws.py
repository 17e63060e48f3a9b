"""AWS clients other than DynamoDB's: made once a process, with short timeouts."""

import functools
import threading
from typing import Any

import boto3
from botocore.config import Config as ClientConfig

from smartbudget.core.config import config

_lock = threading.Lock()  # making a client is not thread-safe in botocore


@functools.cache
def _client(service: str) -> Any:
    return boto3.client(
        service,
        region_name=config.region,
        endpoint_url=config.aws_endpoint,
        config=ClientConfig(
            connect_timeout=1,
            read_timeout=5,
            retries={"mode": "standard", "total_max_attempts": 2},
            max_pool_connections=50,
        ),
    )


def client(service: str) -> Any:
    """Return the process's one client of an AWS service (`sqs`, `sns`, `sts`, ...)."""
    with _lock:
        return _client(service)


@functools.cache
def queue_url() -> str:
    """Look up the notification queue's address, once a process."""
    name = f"{config.resource_prefix}notification-queue"
    url: str = client("sqs").get_queue_url(QueueName=name)["QueueUrl"]
    return url


@functools.cache
def topic_arn() -> str:
    """Work out the alert topic's ARN from our own account's, once a process."""
    identity = client("sts").get_caller_identity()
    _, partition, *_ = identity["Arn"].split(":")
    name = f"{config.resource_prefix}budget-alerts-topic"
    return f"arn:{partition}:sns:{config.region}:{identity['Account']}:{name}"
