"""Clients of AWS services except DynamoDB, one per process, with short timeouts."""

import functools
import threading
from typing import Any

import boto3
from botocore.config import Config as ClientConfig

from smartbudget.core.config import config

# Seconds. A user may be waiting; the sweep or SQS retries what fails here.
CONNECT_TIMEOUT = 1
READ_TIMEOUTS = {"sqs": 2, "s3": 15, "lambda": 22}
READ_TIMEOUT = 5
# By default botocore signs URLs with an outdated version in old regions, and for a host
# that redirects in new ones. The local AWS has no host names for buckets.
S3_OPTIONS: dict[str, Any] = {
    "signature_version": "s3v4",
    "s3": {"addressing_style": "path" if config.aws_endpoint else "virtual"},
}

_lock = threading.Lock()  # creating a client is not thread-safe in botocore


@functools.cache
def _client(service: str, attempts: int, read_timeout: float) -> Any:
    return boto3.client(
        service,
        region_name=config.region,
        endpoint_url=config.aws_endpoint,
        config=ClientConfig(
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=read_timeout,
            retries={"mode": "standard", "total_max_attempts": attempts},
            max_pool_connections=50,
            **(S3_OPTIONS if service == "s3" else {}),
        ),
    )


def client(service: str, attempts: int = 2, read_timeout: float | None = None) -> Any:
    """Return this process's client of an AWS service (`sqs`, `sns`, `sts`, ...).

    attempts: 1 for calls that are not idempotent, since botocore retries lost replies.
    read_timeout: seconds, or None for the service's default above.
    """
    seconds = read_timeout or READ_TIMEOUTS.get(service, READ_TIMEOUT)
    with _lock:
        return _client(service, attempts, seconds)


@functools.cache
def queue_url(name: str = "notification-queue") -> str:
    """Return a queue's URL, looked up once per process. name: without the prefix."""
    full_name = f"{config.resource_prefix}{name}"
    url: str = client("sqs").get_queue_url(QueueName=full_name)["QueueUrl"]
    return url


def queue_depth(name: str = "notification-queue") -> tuple[int, int]:
    """Return about how many messages of a queue wait, and how many are in progress.

    Those that are delayed are in neither. name: without the prefix.
    """
    visible, hidden = (
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
    )
    attributes = client("sqs").get_queue_attributes(
        QueueUrl=queue_url(name), AttributeNames=[visible, hidden]
    )["Attributes"]
    return int(attributes[visible]), int(attributes[hidden])


def function_name(name: str) -> str:
    """Return the name of a Lambda to invoke, with its alias `live`."""
    return f"{config.resource_prefix}{name}:live"


@functools.cache
def topic_arn() -> str:
    """Return the alert topic's ARN, derived once per process from the caller's."""
    identity = client("sts").get_caller_identity()
    _, partition, *_ = identity["Arn"].split(":")
    name = f"{config.resource_prefix}budget-alerts-topic"
    return f"arn:{partition}:sns:{config.region}:{identity['Account']}:{name}"
