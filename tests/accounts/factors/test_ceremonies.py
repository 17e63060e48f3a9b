"""Responses of browsers: whatever is sent is verified or refused, and never a bug."""

import hypothesis.strategies as st
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, encode_cbor

from accounts.factors import ceremonies
from accounts.factors.ceremonies import RefusedResponseError
from smartbudget.core.user import User
from tests.accounts.factors.authenticator import (
    ATTESTED,
    CAN_SYNC,
    PRESENT,
    SYNCED,
    VERIFIED,
    Authenticator,
)
from tests.sampling import sampled

pytestmark = pytest.mark.usefixtures("aws", "clock")

BOB = User("0" * 32, "bob", "bob@example.com")
SETTINGS = sampled(50, soak=2000)


@pytest.fixture
def options():
    return ceremonies.creation_options(BOB, "add", [])


def create(response):
    return ceremonies.verify_creation(response, BOB.user_id, "Phone")[0]


def test_the_options_ask_for_a_discoverable_verified_passkey(options):
    present = create(Authenticator().create(options))

    options = ceremonies.creation_options(BOB, "add", [present])

    assert options["rp"] == {"id": "localhost", "name": "Smart Budget Planner"}
    assert options["authenticatorSelection"] == {
        "residentKey": "required",
        "requireResidentKey": True,
        "userVerification": "required",
    }
    assert options["attestation"] == "none"
    assert options["user"]["name"] == "bob"
    assert base64url_to_bytes(options["user"]["id"]) == BOB.user_id.encode()
    [excluded] = options["excludeCredentials"]
    assert excluded["id"] == present.credential_id


@pytest.mark.parametrize("synced", [0, CAN_SYNC | SYNCED])
def test_a_new_passkey_has_what_the_authenticator_reports(options, synced):
    device = Authenticator(flags=PRESENT | VERIFIED | synced, sign_count=4)

    passkey = create(device.create(options))

    assert passkey.passkey_id == ceremonies.id_of(device.credential_id)
    assert passkey.sign_count == 4
    assert passkey.is_synced == bool(synced)
    assert passkey.owner == BOB.user_id


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP256R1()),
        ed25519.Ed25519PrivateKey.generate(),
        rsa.generate_private_key(65537, 2048),
    ],
)
def test_the_keys_of_all_offered_algorithms_are_accepted(options, key):
    assert create(Authenticator(key=key).create(options)).public_key


@pytest.mark.parametrize(
    "changes",
    [
        {"origin": "https://evil.example"},
        {"rp_id": "evil.example"},
        {"flags": PRESENT},
        {"flags": VERIFIED},
        {"flags": PRESENT | VERIFIED | SYNCED},
        {"credential_id": b""},
        {"credential_id": b"x" * 1024},
    ],
)
def test_other_sites_and_unverified_users_are_refused(options, changes):
    with pytest.raises(RefusedResponseError):
        create(Authenticator(**changes).create(options))


def test_a_credential_id_of_the_longest_size_is_accepted(options):
    assert create(Authenticator(credential_id=b"x" * 1023).create(options))


@pytest.mark.parametrize("format_", ["packed", "tpm", "fido-u2f", "apple", "mine", 7])
def test_a_statement_about_the_authenticator_is_ignored(options, format_):
    statement = {"fmt": format_, "attStmt": {"sig": b"x", "x5c": [b"y"], "ver": 1}}

    assert create(Authenticator().create(options, **statement))


@pytest.mark.parametrize(
    "public_key",
    [
        {},
        {1: 2},
        {1: 2, 3: -7, -1: 1, -2: b"x" * 32, -3: b"y" * 32},  # not on the curve
        {1: 2, 3: -7, -1: 9, -2: b"x" * 32, -3: b"y" * 32},
        {1: 2, 3: -7, -1: 1, -2: 5, -3: "y"},
        {1: 2, 3: -7, -1: 1, -2: None, -3: []},
        {1: 3, 3: -257, -1: b"", -2: b""},
        {1: 3, 3: -257, -1: "n", -2: 3},
        {1: 1, 3: -8, -1: 6, -2: b"short"},
        {1: 1, 3: -65535, -1: 6, -2: b"x" * 32},
        {1: "x", 3: None},
        [],
        7,
    ],
)
def test_a_key_that_cannot_be_read_is_refused(options, public_key, monkeypatch):
    monkeypatch.setattr(
        Authenticator, "_public_key", lambda device: encode_cbor(public_key)
    )

    with pytest.raises(RefusedResponseError):
        create(Authenticator().create(options))


def test_the_response_of_one_ceremony_does_not_serve_in_the_other(options):
    device = Authenticator()
    created = device.create(options)
    passkey = create(created)

    with pytest.raises(RefusedResponseError):
        ceremonies.parse_assertion(created)
    used = device.use(options)
    attested = {"attestationObject": created["response"]["attestationObject"]}
    with pytest.raises(RefusedResponseError):
        create({**used, "response": used["response"] | attested})
    data = created["response"] | {
        "authenticatorData": used["response"]["authenticatorData"],
        "signature": used["response"]["signature"],
    }
    assertion = ceremonies.parse_assertion({**created, "response": data})
    with pytest.raises(RefusedResponseError):
        ceremonies.verify_assertion(assertion, passkey)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(st.text(max_size=10), children, max_size=3)
    ),
    max_leaves=6,
)
JSON_TEXTS = st.sampled_from(
    ["[" * 5_000, "{}", "null", '{"type": [], "challenge": {}, "origin": 1}', "\ud7ff"]
)
PARTS = (
    VALUES
    | st.binary(max_size=80).map(bytes_to_base64url)
    | JSON_TEXTS.map(lambda text: bytes_to_base64url(text.encode()))
)


@SETTINGS
@given(data=st.data())
def test_a_malformed_response_is_refused(data):
    device = Authenticator()
    options = ceremonies.creation_options(BOB, "add", [])
    created = device.create(options)
    passkey, used = create(created), device.use(options)

    for response in (created, used):
        name = data.draw(
            st.sampled_from(["id", "rawId", "type", *response["response"]])
        )
        value = data.draw(PARTS)
        whole = {**response, name: value}
        if name in response["response"]:
            whole = {**response, "response": {**response["response"], name: value}}
        if whole == response:
            continue
        try:
            if response is created:
                create(whole)
            else:
                assertion = ceremonies.parse_assertion(whole)
                ceremonies.verify_assertion(assertion, passkey)
        except RefusedResponseError:
            continue
        # Nothing in a handle or the order of bytes may be needed; all else is.
        assert name == "userHandle"
        assert value is None


@SETTINGS
@given(st.dictionaries(st.sampled_from(["id", "rawId", "type", "response"]), VALUES))
def test_any_object_is_refused(response):
    with pytest.raises(RefusedResponseError):
        create(response)
    with pytest.raises(RefusedResponseError):
        ceremonies.parse_assertion(response)


@SETTINGS
@given(st.binary(max_size=200), st.booleans())
def test_any_authenticator_data_is_refused(content, in_cbor):
    response = Authenticator().create(ceremonies.creation_options(BOB, "add", []))
    attested = encode_cbor({"authData": content}) if in_cbor else content
    response["response"]["attestationObject"] = bytes_to_base64url(attested)

    with pytest.raises(RefusedResponseError):
        create(response)


@SETTINGS
@given(st.binary(max_size=120))
def test_any_attested_key_is_refused(content):
    device = Authenticator()
    options = ceremonies.creation_options(BOB, "add", [])
    data = device._data(device.flags | ATTESTED) + bytes(16) + b"\x00\x01x" + content

    with pytest.raises(RefusedResponseError):
        create(device.create(options, authData=data))
