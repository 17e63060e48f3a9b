"""What people type: checked for length and for characters that break programs."""

import unicodedata
from collections.abc import Collection

from smartbudget.core.errors import InvalidError
from smartbudget.core.language import gettext as _

# Control characters and lone surrogates are not text; SQS refuses them too [Q10].
# Unassigned code points stay allowed: they may be emoji newer than this Python.
_REFUSED = {"Cc", "Cs"}


def clean(
    value: object,
    field: str,
    *,
    longest: int,
    shortest: int = 0,
    lines: bool = False,
) -> str:
    """Trim a text and check it.

    longest, shortest: characters, both included. lines: whether line breaks and tabs
    may stand in it.

    Raises InvalidError naming `field`.
    """
    if not isinstance(value, str):
        raise InvalidError(_("Enter a text."), field)
    text = value.strip()
    allowed = "\n\r\t" if lines else ""
    for character in text:
        if character not in allowed and unicodedata.category(character) in _REFUSED:
            raise InvalidError(_("Control characters are not allowed."), field)
    if len(text) < shortest:
        message = (
            _("This field may not be empty.")
            if shortest == 1
            else _("Enter at least {least} characters.").format(least=shortest)
        )
        raise InvalidError(message, field)
    if len(text) > longest:
        raise InvalidError(
            _("Enter at most {most} characters.").format(most=longest), field
        )
    return text


def choose(value: object, choices: Collection[str], field: str) -> str:
    """Return one of the choices. Raises InvalidError naming `field` for another."""
    if value not in choices:
        raise InvalidError(
            _("Choose one of {choices}.").format(choices=", ".join(choices)), field
        )
    return str(value)


def fold(value: str) -> str:
    """Return the form in which two texts are the same whatever their case."""
    return unicodedata.normalize("NFC", value).casefold()
