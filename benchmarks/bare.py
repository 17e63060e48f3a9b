"""A web server that repeats the AWS calls of an action and returns the same response.

`benchmarks.api` compares the application with it: the same gunicorn, processes and
threads, but plain boto3. RECORDINGS is a folder with a file for each action.
"""

import functools
import os
import pickle
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config as ClientConfig

from smartbudget.core.config import config

DYNAMODB: Any = boto3.client(
    "dynamodb",
    region_name=config.region,
    endpoint_url=config.aws_endpoint,
    config=ClientConfig(parameter_validation=False, max_pool_connections=50),
)


@functools.cache
def recorded(action: str) -> tuple[list[tuple[str, dict[str, Any]]], str, bytes]:
    """Return an action's DynamoDB calls, and the status and body of its response."""
    recording: Any = pickle.loads(Path(os.environ["RECORDINGS"], action).read_bytes())
    return recording


def application(
    environ: dict[str, Any], start_response: Callable[..., Any]
) -> Iterable[bytes]:
    """Repeat the AWS calls of the action that the request names."""
    environ["wsgi.input"].read()
    calls, status, body = recorded(environ["HTTP_X_ACTION"])
    for operation, parameters in calls:
        DYNAMODB._make_api_call(operation, _repeated(operation, parameters))
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response(status, headers)
    return [body]


def _repeated(operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of the same call; new expenses get new ids."""
    if operation != "TransactWriteItems":
        return parameters
    writes = [{"Put": _renewed(write["Put"])} for write in parameters["TransactItems"]]
    return {
        **parameters,
        "TransactItems": writes,
        "ClientRequestToken": uuid.uuid4().hex,
    }


def _renewed(put: dict[str, Any]) -> dict[str, Any]:
    return {**put, "Item": {**put["Item"], "expense_id": {"S": uuid.uuid4().hex}}}


def page(
    environ: dict[str, Any], start_response: Callable[..., Any]
) -> Iterable[bytes]:
    """Return a page without content, which `benchmarks.peers` compares others with."""
    body = b"<!doctype html><title>Bare</title><link rel=icon href=data:,>"
    headers = [("Content-Type", "text/html"), ("Content-Length", str(len(body)))]
    start_response("200 OK", headers)
    return [body]
