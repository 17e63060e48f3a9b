"""Fixtures of the second factors: a user, and what belongs to the account."""

import pytest

from tests.accounts.factors.builders import with_passkey, with_totp
from tests.builders import client_for, make_user, token_of


@pytest.fixture
def bob(aws):
    return make_user("bob")


@pytest.fixture
def totp(bob):
    """Turn on Bob's authenticator app; return it with the recovery codes."""
    return with_totp(bob)


@pytest.fixture
def app(totp):
    return totp[0]


@pytest.fixture
def codes(totp):
    return totp[1]


@pytest.fixture
def phone(bob):
    return with_passkey(bob)


@pytest.fixture
def client():
    """Return an anonymous client with its CSRF token."""
    client = client_for(csrf=True)
    client.defaults["HTTP_X_CSRFTOKEN"] = token_of(client)["X-CSRFToken"]
    return client
