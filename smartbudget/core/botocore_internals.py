"""Shortcuts through botocore for DynamoDB, which use parts that it does not document.

Most of a call's processor time is botocore's own; these save about a third of it.
tests/core/test_botocore_internals.py fails if a new version changes what they use.

Why: docs/decisions.md#requests-to-dynamodb-are-signed-here
"""

import functools
import hmac
from hashlib import sha256
from typing import Any

from botocore.auth import (
    AUTH_TYPE_MAPS,
    SIGNED_HEADERS_BLACKLIST,
    SIGV4_TIMESTAMP,
    SigV4Auth,
)
from botocore.awsrequest import AWSRequest
from botocore.client import BaseClient
from botocore.compat import get_current_datetime
from botocore.exceptions import NoCredentialsError
from botocore.session import Session

_SIGNER = "smartbudget-v4"


class Signer(SigV4Auth):  # type: ignore[misc]  # botocore has no types
    """Add the same Signature Version 4 as botocore, in less than half of its time.

    botocore copies all headers twice, and derives the key of the day in each request.
    The terms are those of
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    """

    def add_auth(self, request: AWSRequest) -> None:
        if self.credentials is None:
            raise NoCredentialsError
        timestamp = get_current_datetime().strftime(SIGV4_TIMESTAMP)
        request.context["timestamp"] = timestamp  # for botocore's methods
        self._modify_request_before_signing(request)
        headers = {name.lower(): value for name, value in request.headers.items()}
        headers["host"] = _host_of(request.url)
        names = sorted(headers.keys() - SIGNED_HEADERS_BLACKLIST)
        lines = [
            *("POST", "/", ""),  # DynamoDB's operations have neither path nor query
            *(f"{name}:{headers[name]}" for name in names),
            *("", ";".join(names), sha256(request.body).hexdigest()),
        ]
        canonical_request = "\n".join(lines)
        string_to_sign = self.string_to_sign(request, canonical_request)
        scope = self.credential_scope(request)
        key = _signing_key(self.credentials.secret_key, scope)
        signature = hmac.digest(key, string_to_sign.encode(), "sha256").hex()
        request.headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self.scope(request)},"
            f" SignedHeaders={';'.join(names)}, Signature={signature}"
        )


@functools.lru_cache(maxsize=4)
def _signing_key(secret_key: str, scope: str) -> bytes:
    """Return the key of a scope: a day, a region and a service."""
    key = f"AWS4{secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


@functools.lru_cache(maxsize=4)
def _host_of(url: str) -> str:
    """Return the Host header of a URL, which has no default port."""
    request = AWSRequest("POST", url)
    host: str = SigV4Auth(None, "", "").headers_to_sign(request)["host"]
    return host


def sign_quickly(session: Session) -> None:
    """Sign the requests to DynamoDB of a session's clients with Signer."""
    AUTH_TYPE_MAPS[_SIGNER] = Signer
    session.register("choose-signer.dynamodb", _choose_signer)


def _choose_signer(signature_version: str, **_: Any) -> str | None:
    return _SIGNER if signature_version == "v4" else None


def keep_endpoint(client: BaseClient) -> None:
    """Send all requests of a client to its region's endpoint.

    By default botocore evaluates rules in each call. They could only choose a host name
    with the account's id, which is the same service.
    """
    client._ruleset_resolver = None
