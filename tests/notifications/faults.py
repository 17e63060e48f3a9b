"""Faults of AWS between the clients and moto, and counts of calls."""

import itertools
from contextlib import contextmanager

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError
from moto.core.models import botocore_stubber

from smartbudget.core import aws, dynamodb, health
from tests import quick_moto


class Body:
    def __init__(self, text: str) -> None:
        self.text = text

    def stream(self, **_):
        yield self.text.encode()


def clients() -> list:
    """Return every client that the services use."""
    return [
        dynamodb.connection().client,
        aws.client("s3"),
        aws.client("sqs"),
        aws.client("sns"),
        aws.client("sns", attempts=1),
        aws.client("sesv2", attempts=1),
        *map(health.client, ("dynamodb", "s3", "sqs", "sns", "sesv2", "lambda")),
    ]


@contextmanager
def hooked(operation: str, hook):
    """Call `hook(request, operation)` before each request; None lets it through."""

    def before(event_name, request, **_):
        answer = hook(request, event_name.rpartition(".")[2])
        # botocore calls moto anyway, which must then do nothing.
        botocore_stubber.enabled = answer is None
        return answer

    def after(**_):
        botocore_stubber.enabled = True

    registered = []
    for client in clients():
        service = client.meta.service_model.service_id.hyphenize()
        name = f"before-send.{service}.{operation}"
        client.meta.events.register_first(name, before)
        client.meta.events.register_last("before-send", after)
        registered.append((client.meta.events, name))
    try:
        with quick_moto.hooked(operation):
            yield
    finally:
        for events, name in registered:
            events.unregister(name, before)
            events.unregister("before-send", after)


@contextmanager
def down(operation: str):
    """Fail every call."""

    def refuse(request, operation):
        raise EndpointConnectionError(endpoint_url=request.url)

    with hooked(operation, refuse):
        yield


@contextmanager
def reply_lost(operation: str, nth: int = 1):
    """Execute the nth call and lose its response."""
    number = itertools.count(1)

    def lose(request, operation):
        if next(number) == nth:
            execute_without_reply(request, operation)
            raise ConnectionClosedError(endpoint_url=request.url)

    with hooked(operation, lose):
        yield


class KilledError(BaseException):
    """The process was killed; no exception handler catches it."""


@contextmanager
def killed(operation: str, nth: int, *, done: bool):
    """Kill the process at the nth call; done: after AWS executed it."""
    number = itertools.count(1)
    is_dead = False

    def kill(request, operation):
        nonlocal is_dead
        if next(number) == nth:
            if done:
                execute_without_reply(request, operation)
            is_dead = True
            raise KilledError

    def fail_after_death(request, operation):
        if is_dead:
            raise EndpointConnectionError(endpoint_url=request.url)

    # A killed process does not run `finally` blocks, so they must send nothing.
    with (
        hooked("UpdateItem", fail_after_death),
        hooked(operation, kill),
        down("SendMessageBatch"),
    ):
        try:
            yield
        except KilledError:
            return
        raise AssertionError(f"there was no {operation} number {nth}")


@contextmanager
def meanwhile(*acts):
    """Run actions of other writers before the next transaction, in this order."""
    waiting = list(acts)

    def act(request, operation):
        if waiting:
            waiting.pop()()  # its own transaction runs the previous action first

    with hooked("TransactWriteItems", act):
        yield


@contextmanager
def answered(operation: str, status: int, body: str):
    """Return this response instead of calling AWS."""
    with hooked(operation, lambda request, operation: answer(request, status, body)):
        yield


def execute_without_reply(request, operation: str) -> None:
    """Execute a request and drop its response."""
    botocore_stubber(f"before-send.x.{operation}", request)


def answer(request, status: int, body: str) -> AWSResponse:
    """Return a response for a hook to return instead of AWS."""
    return AWSResponse(request.url, status, {}, Body(body))


@contextmanager
def calls_counted():
    """Yield the list of operations sent in the block, in order."""
    seen = []

    with hooked("*", lambda request, operation: seen.append(operation)):
        yield seen
