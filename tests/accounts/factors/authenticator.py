"""A software authenticator, as in a phone: passkeys that verify their user."""

import dataclasses
import hashlib
import json
import os
import struct
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, encode_cbor

ORIGIN = "http://localhost:8000"
RP_ID = "localhost"

PRESENT, VERIFIED, CAN_SYNC, SYNCED, ATTESTED = 0x01, 0x04, 0x08, 0x10, 0x40


@dataclass
class Authenticator:
    """A device with at most one passkey. Its fields are what a browser reports."""

    origin: str = ORIGIN
    rp_id: str = RP_ID
    flags: int = PRESENT | VERIFIED
    sign_count: int = 0  # 0: it does not count
    key: Any = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    credential_id: bytes = field(default_factory=lambda: os.urandom(32))
    user_handle: bytes | None = None

    def but(self, **changes: Any) -> "Authenticator":
        """Return the same device, reporting something else."""
        return dataclasses.replace(self, **changes)

    def create(self, options: dict[str, Any], **attestation: Any) -> dict[str, Any]:
        """Return the response of a new passkey. attestation: members to replace."""
        self.user_handle = base64url_to_bytes(options["user"]["id"])
        length = struct.pack(">H", len(self.credential_id))
        attested = bytes(16) + length + self.credential_id + self._public_key()
        statement = {
            "fmt": "none",
            "attStmt": {},
            "authData": self._data(self.flags | ATTESTED) + attested,
        }
        return self._response(
            clientDataJSON=self._client_data("webauthn.create", options),
            attestationObject=encode_cbor({**statement, **attestation}),
        )

    def use(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return the response of the passkey."""
        client_data = self._client_data("webauthn.get", options)
        data = self._data(self.flags)
        signed = data + hashlib.sha256(client_data).digest()
        handle = {"userHandle": self.user_handle} if self.user_handle else {}
        return self._response(
            clientDataJSON=client_data,
            authenticatorData=data,
            signature=self._sign(signed),
            **handle,
        )

    def _response(self, **parts: bytes) -> dict[str, Any]:
        name = bytes_to_base64url(self.credential_id)
        texts = {part: bytes_to_base64url(value) for part, value in parts.items()}
        return {"id": name, "rawId": name, "type": "public-key", "response": texts}

    def _client_data(self, kind: str, options: dict[str, Any]) -> bytes:
        content = {
            "type": kind,
            "challenge": options["challenge"],
            "origin": self.origin,
            "crossOrigin": False,
        }
        return json.dumps(content).encode()

    def _data(self, flags: int) -> bytes:
        site = hashlib.sha256(self.rp_id.encode()).digest()
        return site + struct.pack(">BI", flags, self.sign_count)

    def _public_key(self) -> bytes:
        public = self.key.public_key()
        if isinstance(public, ec.EllipticCurvePublicKey):
            point = public.public_numbers()
            x, y = (number.to_bytes(32, "big") for number in (point.x, point.y))
            return encode_cbor({1: 2, 3: -7, -1: 1, -2: x, -3: y})
        if isinstance(public, rsa.RSAPublicKey):
            numbers = public.public_numbers()
            modulus = numbers.n.to_bytes(public.key_size // 8, "big")
            return encode_cbor({1: 3, 3: -257, -1: modulus, -2: b"\x01\x00\x01"})
        return encode_cbor({1: 1, 3: -8, -1: 6, -2: public.public_bytes_raw()})

    def _sign(self, content: bytes) -> bytes:
        if isinstance(self.key, ec.EllipticCurvePrivateKey):
            return self.key.sign(content, ec.ECDSA(hashes.SHA256()))
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(content, padding.PKCS1v15(), hashes.SHA256())
        assert isinstance(self.key, ed25519.Ed25519PrivateKey)
        return self.key.sign(content)
