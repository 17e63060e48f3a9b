"""Faults of AWS, put between the clients and moto, and calls counted on the way."""

from contextlib import contextmanager

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError
from moto.core.models import botocore_stubber

from smartbudget.core import aws, tables


class _Body:
    def __init__(self, text: str) -> None:
        self.text = text

    def stream(self, **_):
        yield self.text.encode()


def clients() -> list:
    """Every client that the services here use."""
    return [
        tables.connection().client,
        aws.client("sqs"),
        aws.client("sns"),
        aws.client("sns", attempts=1),
    ]


@contextmanager
def hooked(operation: str, hook):
    """Ask `hook(request, operation)` before each request; None lets it through."""

    def handler(event_name, request, **_):
        return hook(request, event_name.rpartition(".")[2])

    for client in clients():
        events = client.meta.events
        service = client.meta.service_model.service_id.hyphenize()
        events.register_first(f"before-send.{service}.{operation}", handler)
    try:
        yield
    finally:
        for client in clients():
            service = client.meta.service_model.service_id.hyphenize()
            client.meta.events.unregister(f"before-send.{service}.{operation}", handler)


@contextmanager
def down(operation: str):
    """Let nothing through."""

    def refuse(request, operation):
        raise EndpointConnectionError(endpoint_url=request.url)

    with hooked(operation, refuse):
        yield


@contextmanager
def reply_lost(operation: str):
    """Let AWS do it once and lose its answer."""
    left = [1]

    def lose(request, operation):
        if left:
            left.pop()
            botocore_stubber(f"before-send.x.{operation}", request)
            raise ConnectionClosedError(endpoint_url=request.url)

    with hooked(operation, lose):
        yield


@contextmanager
def answered(operation: str, status: int, body: str):
    """Answer with this instead of AWS."""

    def answer(request, operation):
        return AWSResponse(request.url, status, {}, _Body(body))

    with hooked(operation, answer):
        yield


@contextmanager
def calls_counted():
    """Yield the list of the operations sent meanwhile, in order."""
    seen = []

    with hooked("*", lambda request, operation: seen.append(operation)):
        yield seen
