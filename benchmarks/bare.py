"""A web server that makes the recorded calls of an action and answers a constant.

What `benchmarks.api` measures the program beside: the same gunicorn, processes and
threads. Conditions of writes are left out, as in `benchmarks.actions`.
"""

import os
import pickle
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config as ClientConfig

from benchmarks.actions import unconditional
from smartbudget.core.config import config

CALLS = pickle.loads(Path(os.environ["BARE_CALLS"]).read_bytes())
OPTIONS = ClientConfig(parameter_validation=False, max_pool_connections=50)
CLIENTS: dict[str, Any] = {
    service: boto3.client(
        service,
        region_name=config.region,
        endpoint_url=config.aws_endpoint,
        config=OPTIONS,
    )
    for service in {each[0] for calls in CALLS.values() for each in calls}
}


def application(
    environ: dict[str, Any], start_response: Callable[..., Any]
) -> Iterable[bytes]:
    """Make the calls of the action that the address names."""
    environ["wsgi.input"].read()
    for service, operation, given in CALLS.get(environ["QUERY_STRING"], ()):
        parameters = unconditional(operation, given)
        CLIENTS[service]._make_api_call(operation, parameters)
    start_response("200 OK", [("Content-Length", "2")])
    return [b"{}"]
