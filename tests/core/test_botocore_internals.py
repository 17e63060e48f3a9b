"""The undocumented parts of botocore that calls to DynamoDB use."""

import datetime

import pytest
import time_machine
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import NoCredentialsError
from botocore.session import get_session
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import UniqueName
from smartbudget.core.botocore_internals import Signer, keep_endpoint
from smartbudget.core.dynamodb import connection
from tests.money_builders import NOON
from tests.notifications import faults

TEXTS = st.text("aZ09-_/+=", min_size=1)
URLS = (
    "https://dynamodb.eu-central-1.amazonaws.com/",
    "http://127.0.0.1:4566/",
    "http://localhost:80/",
    "https://[::1]:443/",
)
HEADERS = ("Content-Type", "User-Agent", "X-Amzn-Trace-Id", "amz-sdk-request")
TARGET = "DynamoDB_20120810.GetItem"


def signed(signer, url, body, headers, credentials, region):
    request = AWSRequest("POST", url, headers, body)
    signer(credentials, "dynamodb", region).add_auth(request)
    return dict(request.headers.items())


@given(
    st.sampled_from(URLS),
    st.binary(min_size=1),
    st.dictionaries(st.sampled_from(HEADERS), TEXTS),
    st.builds(ReadOnlyCredentials, TEXTS, TEXTS, st.none() | TEXTS),
    st.sampled_from(["eu-central-1", "us-east-1"]),
    st.timedeltas(datetime.timedelta(0), datetime.timedelta(days=400)),
)
def test_requests_are_signed_as_botocore_signs_them(
    url, body, headers, credentials, region, later
):
    headers |= {"X-Amz-Target": TARGET}

    with time_machine.travel(NOON + later, tick=False):
        ours = signed(Signer, url, body, headers, credentials, region)
        botocores = signed(SigV4Auth, url, body, headers, credentials, region)

    assert ours == botocores
    assert "x-amz-target" in ours["Authorization"]


def test_a_request_without_credentials_is_an_error():
    with pytest.raises(NoCredentialsError):
        signed(Signer, URLS[0], b"{}", {}, None, "us-east-1")


def test_calls_have_this_signature_and_the_regions_endpoint(aws, monkeypatch):
    signatures, sent = [], []
    add_auth = Signer.add_auth

    def recording(signer, request):
        add_auth(signer, request)
        signatures.append(request.headers["Authorization"])

    def record(request, _):
        sent.append((request.url, request.headers["Authorization"].decode()))

    monkeypatch.setattr(Signer, "add_auth", recording)
    with faults.hooked("GetItem", record):
        UniqueName.find("username#alice")

    (signature,) = signatures
    assert sent == [(f"{connection().client.meta.endpoint_url}/", signature)]


@pytest.mark.parametrize(
    ("region", "setting", "url"),
    [
        ("eu-central-1", {}, "https://dynamodb.eu-central-1.amazonaws.com/"),
        ("cn-north-1", {}, "https://dynamodb.cn-north-1.amazonaws.com.cn/"),
        (
            "us-east-1",
            {"AWS_USE_FIPS_ENDPOINT": "true"},
            "https://dynamodb-fips.us-east-1.amazonaws.com/",
        ),
        (
            "us-east-1",
            {"AWS_USE_DUALSTACK_ENDPOINT": "true"},
            "https://dynamodb.us-east-1.api.aws/",
        ),
        (
            "us-east-1",
            {"AWS_ENDPOINT_URL_DYNAMODB": "http://localhost:4566"},
            "http://localhost:4566/",
        ),
    ],
)
def test_a_kept_endpoint_is_the_one_that_the_rules_return(
    monkeypatch, region, setting, url
):
    for name, value in setting.items():
        monkeypatch.setenv(name, value)
    client = get_session().create_client("dynamodb", region_name=region)
    urls = []

    def record(request, **_):
        urls.append(request.url)
        raise KeyError

    client.meta.events.register("before-send.dynamodb", record)
    for _ in range(2):
        with pytest.raises(KeyError):
            client.list_tables()
        keep_endpoint(client)

    assert urls == [url, url]
