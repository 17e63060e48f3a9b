"""Passwords: rules for new ones, and hashing with Argon2id.

argon2 is imported inside functions: the Lambdas import this module but ship without it.
"""

import contextlib
import functools
import gzip
import secrets
import threading
import unicodedata
from collections.abc import Iterator
from importlib.metadata import distribution
from typing import TYPE_CHECKING

from smartbudget.core.errors import InvalidError, UnavailableError
from smartbudget.core.i18n import gettext as _

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MIN_LENGTH = 8  # characters; length counts, composition does not (ASVS 6.2)
MAX_LENGTH = 128  # characters

MEMORY_KIB = 19 * 1024  # one hash's memory; OWASP's choice for t=2, p=1
CONCURRENT_HASHES = 4  # per process: a flood of logins must not fill the memory
MAX_WAIT_SECONDS = 5  # for a slot

# Refused as passwords, even with digits or other characters added.
PRODUCT_NAMES = frozenset({"smartbudget", "budgetplanner", "smartbudgetplanner"})

_slots = threading.BoundedSemaphore(CONCURRENT_HASHES)


def check(password: object, *, username: str, email: str, field: str) -> str:
    """Check a new password against the rules and return it.

    username, email: "" if not known.

    Raises InvalidError naming `field`.
    """
    if not isinstance(password, str):
        raise InvalidError(_("Enter some text."), field)
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in password):
        raise InvalidError(_("Control characters are not allowed."), field)
    if len(password) < MIN_LENGTH:
        raise InvalidError(
            _("Enter at least {least} characters.").format(least=MIN_LENGTH), field
        )
    if len(password) > MAX_LENGTH:
        raise InvalidError(
            _("Enter at most {most} characters.").format(most=MAX_LENGTH), field
        )
    folded = password.casefold()
    address = email.casefold()
    names = {username.casefold(), address, address.partition("@")[0]} - {""}
    if folded in names or _letters(folded) in {_letters(name) for name in names}:
        raise InvalidError(
            _("Choose a password that isn't close to your name or e-mail."), field
        )
    if folded in _common() or _letters(folded) in PRODUCT_NAMES:
        raise InvalidError(_("This password is too common. Choose another."), field)
    return password


def _letters(text: str) -> str:
    """Return the letters of a text, or the text itself if it has none."""
    return "".join(filter(str.isalpha, text)) or text


def hash_password(password: str) -> str:
    """Hash a password with Argon2id, in the PHC string format.

    Raises UnavailableError if too many are being hashed.
    """
    with _slot():
        return _hasher().hash(_encode(password))


def verify(password: str, password_hash: str | None) -> bool:
    """Check whether a password matches a hash.

    password_hash: None if there is no account; that takes as long and returns False.

    Raises UnavailableError if too many are being hashed.
    """
    from argon2.exceptions import VerifyMismatchError

    if len(password) > MAX_LENGTH:
        return False
    with _slot():
        try:
            _hasher().verify(password_hash or _dummy_hash(), _encode(password))
        except VerifyMismatchError:
            return False
    return password_hash is not None


@contextlib.contextmanager
def _slot() -> Iterator[None]:
    if not _slots.acquire(timeout=MAX_WAIT_SECONDS):
        raise UnavailableError(
            _("Too many people are logging in right now. Please try again shortly.")
        )
    try:
        yield
    finally:
        _slots.release()


def _encode(password: str) -> bytes:
    # Keyboards may encode the same letter differently. Lone surrogates must not raise
    # here: no password has one, so they just match none.
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")


@functools.cache
def _hasher() -> "PasswordHasher":
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=2, memory_cost=MEMORY_KIB, parallelism=1)


@functools.cache
def _dummy_hash() -> str:
    return _hasher().hash(secrets.token_bytes(32))


@functools.cache
def _common() -> frozenset[str]:
    # Django ships the 20,000 most common; reading the file does not import Django.
    path = distribution("django").locate_file(
        "django/contrib/auth/common-passwords.txt.gz"
    )
    with gzip.open(str(path), "rt", encoding="utf-8") as lines:
        return frozenset(line.strip() for line in lines)
