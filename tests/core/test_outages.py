"""Outages of DynamoDB."""

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from pynamodb.exceptions import UpdateError

from smartbudget.core import dynamodb, throttling
from smartbudget.core.throttling import Limit
from tests.builders import PASSWORD, client_for
from tests.notifications.faults import hooked

SILENCE = ReadTimeoutError(endpoint_url="http://aws")
BOB = {"username": "bob", "email": "bob@example.com", "password": PASSWORD}


def hang_up(request, operation):
    raise SILENCE


def test_a_timeout_is_an_outage_and_not_a_failed_condition():
    error = UpdateError("Failed to update item", SILENCE)

    assert dynamodb.is_outage(error)
    assert not dynamodb.is_condition_failure(error)


def test_throttling_is_an_outage_under_any_of_its_names():
    def refusal(status):
        response = {
            "Error": {"Code": "Throttled"},
            "ResponseMetadata": {"HTTPStatusCode": status},
        }
        return ClientError(response, "Subscribe")  # the code that SNS uses

    assert dynamodb.is_outage(refusal(429))
    assert not dynamodb.is_outage(refusal(400))


def test_a_single_write_raises_on_a_timeout(aws):
    with hooked("UpdateItem", hang_up), pytest.raises(UpdateError):
        dynamodb.conditional_write(lambda: throttling.count(Limit("try", 5, 60), "bob"))


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        ({}, "text/html; charset=utf-8"),
        ({"content_type": "application/json"}, "application/problem+json"),
    ],
)
def test_registering_during_an_outage_returns_503(aws, sent, kind):
    with hooked("UpdateItem", hang_up):
        answer = client_for().post("/register", BOB, **sent)

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert answer.headers["Content-Type"] == kind
