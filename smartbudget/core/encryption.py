"""Encrypt secrets that are stored, such as those of authenticator apps.

Keys are derived from the key ring in SECRET_KEY: the first key encrypts, and all of
them decrypt, so keys are rotated without reading every item. cryptography is imported
inside functions: the Lambdas import modules that use this one but ship without it.

Why: docs/decisions.md#stored-secrets-are-encrypted-under-the-key-ring
"""

import base64
import functools
from typing import TYPE_CHECKING

from smartbudget.core.config import ConfigError, config

if TYPE_CHECKING:
    from cryptography.fernet import Fernet, MultiFernet


class DecryptionError(Exception):
    """The text was encrypted for something else, or under a key that was removed."""


def encrypt(secret: str, *, purpose: str) -> str:
    """Encrypt and authenticate a secret, and return it as text.

    purpose: what it is and whose, such as `totp|<user_id>`. Only the same purpose
    decrypts it, so a secret copied into another account is useless.
    """
    return _cipher(purpose).encrypt(secret.encode()).decode("ascii")


def decrypt(encrypted: str, *, purpose: str) -> str:
    """Return the secret that `encrypt` was given. Raises DecryptionError."""
    from cryptography.fernet import InvalidToken

    try:
        text = encrypted.encode("utf-8", "surrogatepass")
        return _cipher(purpose).decrypt(text).decode()
    except InvalidToken as error:
        raise DecryptionError(purpose.partition("|")[0]) from error


def is_under_first_key(encrypted: str, *, purpose: str) -> bool:
    """Check whether the first key of the ring decrypts a text."""
    from cryptography.fernet import InvalidToken

    try:
        _fernet(_keys()[0], purpose).decrypt(encrypted.encode())
    except InvalidToken:
        return False
    return True


def _cipher(purpose: str) -> "MultiFernet":
    from cryptography.fernet import MultiFernet

    return MultiFernet([_fernet(key, purpose) for key in _keys()])


def _keys() -> tuple[str, ...]:
    if config.secret_key is None:
        raise ConfigError("SECRET_KEY is not set.")
    return (config.secret_key, *config.secret_key_fallbacks)


@functools.lru_cache(maxsize=64)
def _fernet(key: str, purpose: str) -> "Fernet":
    from cryptography.fernet import Fernet
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    derivation = HKDF(SHA256(), length=32, salt=None, info=purpose.encode())
    return Fernet(base64.urlsafe_b64encode(derivation.derive(key.encode())))
