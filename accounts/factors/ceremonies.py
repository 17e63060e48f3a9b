"""Create and verify passkeys: the ceremonies of WebAuthn between site and browser.

The browser gets options with a challenge, and returns a response that the passkey has
signed. A challenge is stored for five minutes, and deleted in the transaction that
stores what the response is for, so it works once. Statements about the make of an
authenticator (attestation) are neither requested nor read.

webauthn is imported inside functions: the Lambdas import this module but ship without
it.

Why: docs/decisions.md#a-passkey-is-both-factors
"""

import hashlib
import ipaddress
import secrets
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from accounts.models import Challenge, Passkey
from notifications import messages
from smartbudget.core.config import config
from smartbudget.core.dynamodb import Transaction
from smartbudget.core.errors import ConflictError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.user import User

if TYPE_CHECKING:
    from webauthn.helpers.structs import (
        AuthenticationCredential,
        PublicKeyCredentialDescriptor,
        RegistrationCredential,
    )

CHALLENGE_BYTES = 32
CHALLENGE_SECONDS = 300
MAX_CREDENTIAL_ID_BYTES = 1023  # of the standard

_PORTS = {"http": 80, "https": 443}
# What webauthn and its libraries raise for malformed responses, besides their own.
_MALFORMED = (ValueError, TypeError, LookupError, AttributeError, RecursionError)

Response = Mapping[str, Any]  # a PublicKeyCredential in the JSON of the standard
Options = dict[str, Any]  # for navigator.credentials, in the JSON of the standard


class RefusedResponseError(Exception):
    """A browser's response is malformed or invalid; the message is for the log."""


@dataclass(frozen=True)
class RelyingParty:
    """This site, as passkeys know it."""

    id: str  # host name
    origin: str  # of the pages, such as `https://budget.example.com`


@dataclass(frozen=True)
class Assertion:
    """A response of a passkey, parsed and not verified yet."""

    passkey_id: str  # SHA-256 of its credential id
    challenge: bytes
    user_handle: bytes | None
    credential: "AuthenticationCredential"


@dataclass(frozen=True)
class Verified:
    """The state of a passkey, as its verified response reports it."""

    sign_count: int
    is_synced: bool


def find_relying_party() -> RelyingParty | None:
    """Return the relying party, or None if browsers refuse passkeys at APP_URL.

    They need a host name, not an IP address, and HTTPS or localhost.
    """
    url = urlsplit(config.app_url.lower())
    host = url.hostname or ""
    is_secure = url.scheme == "https" or host == "localhost"
    if not is_secure or not host or _is_ip_address(host):
        return None
    has_own_port = url.port not in (None, _PORTS.get(url.scheme))
    port = f":{url.port}" if has_own_port else ""
    return RelyingParty(host, f"{url.scheme}://{host}{port}")


def _is_ip_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def relying_party() -> RelyingParty:
    """Return the relying party. Raises ConflictError if there is none."""
    if party := find_relying_party():
        return party
    raise ConflictError(
        _("Passkeys need a site with HTTPS and a host name, not an IP address.")
    )


def request_options(purpose: str) -> Options:
    """Store a challenge, and return the options to use a passkey.

    purpose: what the response is for. Names no passkey: the browser offers those that
    it has for this site.

    Raises ConflictError if there is no relying party.
    """
    from webauthn import generate_authentication_options
    from webauthn.helpers import options_to_json_dict
    from webauthn.helpers.structs import UserVerificationRequirement

    party = relying_party()
    options = generate_authentication_options(
        rp_id=party.id,
        challenge=_store_challenge(purpose),
        timeout=CHALLENGE_SECONDS * 1000,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json_dict(options)


def creation_options(user: User, purpose: str, present: Collection[Passkey]) -> Options:
    """Store a challenge, and return the options to create a passkey.

    purpose: what the response is for. present: passkeys of the account; an
    authenticator with one of them creates no other.

    Raises ConflictError if there is no relying party.
    """
    from webauthn import generate_registration_options
    from webauthn.helpers import options_to_json_dict
    from webauthn.helpers.structs import (
        AuthenticatorSelectionCriteria,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    party = relying_party()
    options = generate_registration_options(
        rp_id=party.id,
        rp_name=messages.NAME,
        user_id=handle_of(user.user_id),
        user_name=user.username,
        challenge=_store_challenge(purpose),
        timeout=CHALLENGE_SECONDS * 1000,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[_descriptor(passkey) for passkey in present],
    )
    return options_to_json_dict(options)


def handle_of(user_id: str) -> bytes:
    """Return an account's user handle, which its passkeys store: its random id."""
    return user_id.encode()


def parse_assertion(response: Response) -> Assertion:
    """Parse a response of a passkey, to find the passkey. Raises RefusedResponseError.

    Only `verify_assertion` shows that the passkey made it.
    """
    from webauthn.helpers import (
        parse_authentication_credential_json,
        parse_client_data_json,
    )
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        credential = parse_authentication_credential_json(dict(response))
        client_data = parse_client_data_json(credential.response.client_data_json)
    except (WebAuthnException, *_MALFORMED) as error:
        raise RefusedResponseError(str(error)) from error
    return Assertion(
        passkey_id=id_of(credential.raw_id),
        challenge=client_data.challenge,
        user_handle=credential.response.user_handle,
        credential=credential,
    )


def id_of(credential_id: bytes) -> str:
    """Return the id of a passkey: the SHA-256 of its credential id."""
    return hashlib.sha256(credential_id).hexdigest()


def verify_assertion(assertion: Assertion, passkey: Passkey) -> Verified:
    """Verify that a passkey made a response on this site, and verified its user.

    The caller uses up the challenge.

    Raises RefusedResponseError, and ConflictError if there is no relying party.
    """
    from webauthn import verify_authentication_response
    from webauthn.helpers import base64url_to_bytes
    from webauthn.helpers.exceptions import WebAuthnException

    party = relying_party()
    if assertion.user_handle not in (None, handle_of(passkey.owner)):
        raise RefusedResponseError("another account's user handle")
    try:
        verified = verify_authentication_response(
            credential=assertion.credential,
            expected_challenge=assertion.challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=base64url_to_bytes(passkey.public_key),
            credential_current_sign_count=0,  # a lower count only warns, see passkeys
            require_user_verification=True,
        )
    except (WebAuthnException, *_MALFORMED) as error:
        raise RefusedResponseError(str(error)) from error
    return Verified(verified.new_sign_count, verified.credential_backed_up)


def verify_creation(response: Response, owner: str, name: str) -> tuple[Passkey, bytes]:
    """Return the new passkey in a browser's response, and the response's challenge.

    owner: user_id of the account. The caller stores the passkey, with its time, and
    uses up the challenge.

    Raises RefusedResponseError, and ConflictError if there is no relying party.
    """
    from webauthn import verify_registration_response
    from webauthn.helpers import (
        bytes_to_base64url,
        decode_credential_public_key,
        decoded_public_key_to_cryptography,
        parse_client_data_json,
        parse_registration_credential_json,
    )
    from webauthn.helpers.exceptions import WebAuthnException

    party = relying_party()
    try:
        credential = _without_attestation(
            parse_registration_credential_json(dict(response))
        )
        challenge = parse_client_data_json(
            credential.response.client_data_json
        ).challenge
        verified = verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            require_user_verification=True,
        )
        # A key that can't be read would fail only at the first login.
        decoded_public_key_to_cryptography(
            decode_credential_public_key(verified.credential_public_key)
        )
    except (WebAuthnException, *_MALFORMED) as error:
        raise RefusedResponseError(str(error)) from error
    if len(verified.credential_id) > MAX_CREDENTIAL_ID_BYTES:
        raise RefusedResponseError("credential id too long")
    passkey = Passkey(
        user_id=Passkey.item_key(id_of(verified.credential_id)),
        owner=owner,
        credential_id=bytes_to_base64url(verified.credential_id),
        public_key=bytes_to_base64url(verified.credential_public_key),
        sign_count=verified.sign_count,
        is_synced=verified.credential_backed_up,
        name=name,
    )
    return passkey, challenge


def use_challenge(challenge: bytes, purpose: str, transaction: Transaction) -> None:
    """Add the use of a challenge to a transaction.

    The transaction fails with WriteConflictError, and the Challenge among its `refused`
    items, if the challenge is unknown, used, expired or for another purpose.
    """
    transaction.delete(
        Challenge(user_id=_challenge_key(challenge)),
        (Challenge.purpose == purpose) & (Challenge.expires_at > int(time.time())),
    )


def _store_challenge(purpose: str) -> bytes:
    challenge = secrets.token_bytes(CHALLENGE_BYTES)
    Challenge(
        user_id=_challenge_key(challenge),
        purpose=purpose,
        expires_at=int(time.time()) + CHALLENGE_SECONDS,
    ).save()
    return challenge


def _challenge_key(challenge: bytes) -> str:
    return f"challenge#{hashlib.sha256(challenge).hexdigest()}"


def _descriptor(passkey: Passkey) -> "PublicKeyCredentialDescriptor":
    from webauthn.helpers import base64url_to_bytes
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

    return PublicKeyCredentialDescriptor(id=base64url_to_bytes(passkey.credential_id))


def _without_attestation(
    credential: "RegistrationCredential",
) -> "RegistrationCredential":
    """Return a response without its attestation statement, which some browsers send."""
    from webauthn.helpers import encode_cbor, parse_cbor

    attested = parse_cbor(credential.response.attestation_object)
    plain = {"fmt": "none", "attStmt": {}, "authData": attested["authData"]}
    credential.response.attestation_object = encode_cbor(plain)
    return credential
