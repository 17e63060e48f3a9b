"""Validate text, and compare it by how it looks.

Why: docs/decisions.md#categories-are-compared-as-people-see-them
"""

import re
import unicodedata
from collections.abc import Collection
from functools import lru_cache

from smartbudget.core.errors import InvalidError
from smartbudget.core.i18n import gettext as _

# Control characters and lone surrogates are not text; SQS rejects them too.
# Unassigned code points are allowed: they may be emoji newer than this Python.
_REJECTED = {"Cc", "Cs"}

# Unicode's Default_Ignorable_Code_Point: invisible characters. Unassigned ones are
# included, as in Unicode's property; a test compares them.
_IGNORABLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# The flags of England, Scotland and Wales are a black flag and invisible letters.
_FLAG = "\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f"
_INVISIBLE = re.compile(f"({_FLAG})|[{_IGNORABLE}]")

# Combining classes of accents, and of the vowel points that are usually omitted in
# Hebrew, Arabic and Syriac. In other scripts a mark makes a different letter.
_ACCENTS = {1, *range(10, 37), *range(200, 241)}
# Letters that Unicode does not decompose, by their names: ø, ł, đ, æ.
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_LATIN = re.compile(r"LATIN SMALL LETTER (?:DOTLESS )?([A-Z]{1,2})(?: WITH .+)?$")


def validate_text(
    value: object,
    field: str,
    *,
    max_length: int,
    min_length: int = 0,
    lines: bool = False,
    verbatim: bool = False,
) -> str:
    """Validate a text and return it trimmed, with single spaces.

    A text of only invisible characters counts as empty. Lengths are in characters.
    lines: allow line breaks and tabs, and keep inner white space.
    verbatim: keep inner white space.

    Raises InvalidError naming `field`.
    """
    if not isinstance(value, str):
        raise InvalidError(_("Enter some text."), field)
    text = value.strip()
    allowed = "\n\r\t" if lines else ""
    for character in text:
        if character not in allowed and unicodedata.category(character) in _REJECTED:
            raise InvalidError(_("Control characters are not allowed."), field)
    if not (lines or verbatim):
        text = _single_spaced(text)
    if not casefold_key(text):
        text = ""
    if len(text) < min_length:
        message = (
            _("This field may not be empty.")
            if min_length == 1
            else _("Enter at least {least} characters.").format(least=min_length)
        )
        raise InvalidError(message, field)
    if len(text) > max_length:
        raise InvalidError(
            _("Enter at most {most} characters.").format(most=max_length), field
        )
    return text


def validate_choice(value: object, choices: Collection[str], field: str) -> str:
    """Return a value that is one of the choices.

    Raises InvalidError naming `field`.
    """
    if value not in choices:
        raise InvalidError(
            _("Choose one of {choices}.").format(choices=", ".join(choices)), field
        )
    return str(value)


@lru_cache(maxsize=4096)
def casefold_key(value: str) -> str:
    """Return a key that is equal for texts that look the same, ignoring case.

    It has no invisible characters and only single spaces. Case is folded by Unicode's
    canonical caseless matching (definition D145 of the standard).
    """
    if value.isascii():
        return _single_spaced(value.lower())
    caseless = unicodedata.normalize("NFD", without_invisible(value)).casefold()
    return _single_spaced(unicodedata.normalize("NFC", caseless))


@lru_cache(maxsize=4096)
def search_key(value: str) -> str:
    """Return the key by which a search compares texts, ignoring case and accents.

    `cafe` finds Café, `ol` finds Øl, `strasse` finds Straße, and plain letters find
    fullwidth ones.
    """
    key = casefold_key(value)
    if key.isascii():
        return key
    plain = _NOT_ASCII.sub(_plain, unicodedata.normalize("NFKD", key))
    return casefold_key(unicodedata.normalize("NFC", plain))


def without_invisible(value: str) -> str:
    """Return a text without invisible characters."""
    return _INVISIBLE.sub(r"\1", value)


def legacy_casefold_key(value: str) -> str:
    """Return the `casefold_key` of versions up to 0.1, which old budget ids contain."""
    return unicodedata.normalize("NFC", value).casefold()


def _plain(match: re.Match[str]) -> str:
    """Return a decomposed character without its accent, or "" for an accent."""
    character = match[0]
    if unicodedata.combining(character) in _ACCENTS:
        return ""
    letter = _LATIN.match(unicodedata.name(character, ""))
    return letter[1].lower() if letter else character


def _single_spaced(value: str) -> str:
    return " ".join(value.split())
