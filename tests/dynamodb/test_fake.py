"""The fake of DynamoDB returns the same as moto and the local AWS."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.backends import get_backend

from tests import quick_moto
from tests.dynamodb.requests import (
    KEYS,
    TABLE,
    joined,
    moto,
    outside,
    pages,
    requests,
)
from tests.quick_moto import ACCOUNT_ID
from tests.sampling import sampled

# Where moto differs from DynamoDB's documentation, or breaks.
MOTO_DIFFERS = [
    # It accepts an item twice.
    lambda operation, request: operation == "batch_write_item",
    # It treats NULL as a missing attribute.
    lambda operation, request: "'NULL'" in str(request),
    # It fails on different types, and on the size of a missing attribute.
    lambda operation, request: any(
        word in str(request.get("TransactItems", request.get(parameter)))
        for parameter in ("ConditionExpression", "FilterExpression")
        for word in ("BETWEEN", "size(", " < ", " <= ", " > ", " >= ")
    ),
    # Its projections do not support list members, or overlaps in a batch.
    lambda operation, request: re.search(r"\[\d|\.#", _projection(request)),
    # It omits unchanged attributes, and returns the key of a new item.
    lambda operation, request: "UPDATED" in request.get("ReturnValues", ""),
    # It rejects a DELETE whose parent is missing; MiniStack does nothing then, and
    # DynamoDB's documentation does not say.
    lambda operation, request: re.search(r"DELETE .*(\.#|\[\d)", str(request)),
    # It rejects the whole transaction if one update does not fit its item.
    lambda operation, request: "TransactItems" in request and "Update" in str(request),
]
# Where MiniStack 1.5.33 differs.
MINISTACK_DIFFERS = [
    # Its REMOVE and ADD accept a path whose parent is missing.
    lambda operation, request: re.search(r"(REMOVE|ADD) .*(\.#|\[\d)", str(request)),
]


def _projection(request):
    parameters = request.get("RequestItems", {}).get(TABLE, request)
    return (
        ""
        if isinstance(parameters, list)
        else parameters.get("ProjectionExpression", "")
    )


def settings_for(examples: int):
    return sampled(examples, soak=examples * 30)


def known(differs, operation, request):
    return any(differs_on(operation, request) for differs_on in differs)


@pytest.mark.soak
@settings_for(examples=80)
@given(st.lists(requests, min_size=2, max_size=8))
def test_random_requests_match_moto(fake, drawn):
    quick_moto.dynamo.empty()
    tables = get_backend("dynamodb")[ACCOUNT_ID]["us-east-1"].tables
    tables[TABLE].items.clear()
    for operation, request in drawn:
        if known(MOTO_DIFFERS, operation, request):
            continue
        ours = joined(pages(fake, operation, request))
        with moto():
            theirs = joined(pages(fake, operation, request))
        assert ours == theirs, (operation, request)
        if operation == "update_item" and "ValidationException" in ours[0]:
            return  # moto stores a new item although it rejected its update


@settings_for(examples=25)
@given(st.lists(requests, min_size=2, max_size=8))
def test_random_requests_match_the_local_aws(fake, ministack, drawn):
    quick_moto.dynamo.empty()
    everything = [{"DeleteRequest": {"Key": {"id": {"S": key}}}} for key in KEYS]
    with outside():
        ministack.batch_write_item(RequestItems={TABLE: everything})
    for operation, request in drawn:
        if known(MINISTACK_DIFFERS, operation, request):
            continue
        ours = pages(fake, operation, request)
        with outside():
            theirs = pages(ministack, operation, request)
        assert ours == theirs, (operation, request)
