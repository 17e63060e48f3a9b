"""The report Lambda in process: the real handler with moto's bucket."""

import io
import json

import pytest

from lambdas.report_generator.handler import handler
from smartbudget.core import aws as clients
from tests.lambdas.events import Context


class Lambda:
    """A stand-in for AWS Lambda; `calls` has the payloads, `fails` makes it crash.

    `events` has the payloads of asynchronous invocations, which `run_events` runs.
    """

    def __init__(self):
        self.calls = []
        self.events = []
        self.fails = None

    def run_events(self, *, left=300_000):
        """Run the asynchronous invocations, each with some milliseconds left."""
        while self.events:
            handler(self.events.pop(0), Context(left))

    def invoke(self, *, FunctionName, Payload, InvocationType=None):  # noqa: N803 - boto3's names
        assert FunctionName == "report_generator:live"
        if InvocationType == "Event":
            if isinstance(self.fails, BaseException):
                raise self.fails
            self.events.append(json.loads(Payload))
            return {"StatusCode": 202}
        self.calls.append(json.loads(Payload))
        if isinstance(self.fails, BaseException):
            raise self.fails
        if self.fails:
            body = {"errorType": "Runtime.ExitError", "errorMessage": self.fails}
            answer = {"StatusCode": 200, "FunctionError": "Unhandled"}
        else:
            body, answer = handler(self.calls[-1], Context()), {"StatusCode": 200}
        return {**answer, "Payload": io.BytesIO(json.dumps(body).encode())}


@pytest.fixture
def generator(aws, monkeypatch):
    made = clients.client
    stand_in = Lambda()

    def client(service, attempts=2, read_timeout=None):
        if service != "lambda" or read_timeout:  # of health checks
            return made(service, attempts, read_timeout)
        assert attempts == 1  # botocore's retries would generate more reports
        return stand_in

    monkeypatch.setattr(clients, "client", client)
    return stand_in
