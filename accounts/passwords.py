"""Passwords: rules for new ones, and hashing with Argon2id.

New passwords are compared with 40,000 common ones: those that Django ships, and the
most frequent of ten million leaked passwords (collected by Mark Burnett), which zxcvbn
ships. zxcvbn's estimate of a password's strength is not used: it takes seconds for some
passwords of 72 characters.

argon2 is imported inside functions: the Lambdas import this module but ship without it.
"""

import contextlib
import functools
import gzip
import runpy
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

MIN_BASE = 4  # characters of a common password
MAX_ADDED = 6  # characters around a common password that do not make it a good one

# Refused as passwords, even with digits or other characters added.
PRODUCT_NAMES = frozenset({"smartbudget", "budgetplanner", "smartbudgetplanner"})

# Characters that people write for letters. A 1 is an i or an l.
_LOOKALIKES = (
    str.maketrans("@43015$7+8", "aaeoissttb"),
    str.maketrans("@43015$7+8", "aaeolssttb"),
)

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
    if _is_common(folded) or _letters(folded) in PRODUCT_NAMES:
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


def _is_common(folded: str) -> bool:
    """Check whether a password is a common one, or made from one in a common way."""
    bases = {base for text in _spellings(folded) for base in _bases(text)}
    return any(not _common().isdisjoint(_spellings(base)) for base in bases)


def _spellings(text: str) -> set[str]:
    """Return a text as it is, and with letters for the characters like them."""
    return {text, *(text.translate(table) for table in _LOOKALIKES)}


def _bases(text: str) -> set[str]:
    """Return the texts that a password may have been made from.

    Those are itself, the text that it repeats, and the text without a few digits and
    punctuation marks before or after it.
    """
    bases = {text, text[: (text * 2).find(text, 1)]}
    letters = [index for index, character in enumerate(text) if character.isalpha()]
    if letters:
        start, end = letters[0], letters[-1] + 1
        if start + len(text) - end <= MAX_ADDED:
            bases |= {text[start:end], text[start:], text[:end]}
    return bases


@functools.cache
def _common() -> frozenset[str]:
    # Shorter ones are part of many good passwords.
    lists = (*_common_of_django(), *_common_of_zxcvbn())
    return frozenset(password for password in lists if len(password) >= MIN_BASE)


def _common_of_django() -> list[str]:
    # Reading the file does not import Django.
    path = distribution("django").locate_file(
        "django/contrib/auth/common-passwords.txt.gz"
    )
    with gzip.open(str(path), "rt", encoding="utf-8") as lines:
        return [line.strip() for line in lines]


def _common_of_zxcvbn() -> list[str]:
    # Not imported: the package keeps 15 MB of lists that are not needed.
    path = distribution("zxcvbn").locate_file("zxcvbn/frequency_lists.py")
    passwords: list[str] = runpy.run_path(str(path))["FREQUENCY_LISTS"]["passwords"]
    return passwords
