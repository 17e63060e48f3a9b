"""Decode a statement's bytes: never with replacements, never by statistics.

Why: docs/decisions.md#an-imports-encoding-is-not-guessed
"""

import codecs
import re
from collections.abc import Mapping
from typing import Any

from smartbudget.core.errors import InvalidError
from smartbudget.core.i18n import gettext as _

# What a user may choose; Python's names.
ENCODINGS = (
    "utf-8",
    "cp1252",
    "iso8859-15",
    "cp1250",
    "cp1251",
    "cp1253",
    "cp1254",
    "cp1257",
    "cp850",
    "mac-roman",
    "utf-16-le",
    "utf-16-be",
    "shift_jis",
    "euc_jp",
    "gb18030",
    "big5",
    "euc_kr",
)

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # starts like UTF-16's
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Old systems fill files up with zero bytes, or end them with Ctrl+Z.
_PADDING = "\0\x1a"
_HEAD = 1000  # bytes in which a file declares its encoding
_XML_ENCODING = re.compile(rb"""^\s*<\?xml[^>]*encoding\s*=\s*["']([\w.:-]+)["']""")
_OFX_CHARSET = re.compile(rb"^\s*OFXHEADER:.*?CHARSET:\s*([\w-]+)", re.DOTALL)
# A character of several bytes, in UTF-8.
_MULTIBYTE = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)
_HIGH = re.compile(rb"[\x80-\xff]")
_LINE_END = re.compile("\r\n|\r|\n")
# Encodings of statements; Python also has some of other things, such as escapes.
_DECLARABLE = re.compile(
    "ascii|utf-8|utf-16(-[lb]e)?|iso8859-[0-9]+|cp[0-9]+|koi8-[rtu]|mac-[a-z]+"
    "|shift_jis|euc_jp|euc_kr|gb18030|gbk|gb2312|big5"
)


def decode(content: bytes, mapping: Mapping[str, Any]) -> tuple[str, str]:
    """Return a file's text without byte order mark, and the encoding.

    mapping: its `encoding`, if it has one, is used.

    Raises InvalidError naming the line of bytes that cannot be decoded.
    """
    bom, encoding = _by_bom(content)
    if chosen := mapping.get("encoding"):
        if chosen not in (*ENCODINGS, encoding):
            raise InvalidError(_("Choose another encoding."), "encoding")
        encoding = chosen
    body = content[len(bom) :]
    encoding = encoding or _find(body)
    text = _decode(body, encoding).rstrip(_PADDING)
    if "\0" in text:
        raise _unreadable(text[: text.index("\0")])
    return text, encoding


def _by_bom(content: bytes) -> tuple[bytes, str]:
    for bom, encoding in _BOMS:
        if content.startswith(bom):
            return bom, encoding
    return b"", ""


def _find(content: bytes) -> str:
    """Return the encoding of a file without byte order mark."""
    unpadded = content.rstrip(_PADDING.encode())
    if b"\0" in unpadded:
        return _utf_16(content)
    content = unpadded
    if _decodes(content, "utf-8"):
        return "utf-8"
    declared = _declared(content[:_HEAD])
    if declared and _decodes(content, declared):
        return declared
    # Damaged UTF-8 is refused. In cp1252, such pairs of bytes are chance.
    complete = len(_MULTIBYTE.findall(content))
    damaged = len(_HIGH.findall(_MULTIBYTE.sub(b"", content)))
    return "utf-8" if complete > damaged else "cp1252"


def _utf_16(content: bytes) -> str:
    """Return the byte order of UTF-16: the zero bytes of Latin text are all on a side.

    Returns UTF-8 if they are on both, as in a binary file, which is then refused.
    """
    first, second = content[::2].count(0), content[1::2].count(0)
    if min(first, second) * 20 > max(first, second):
        return "utf-8"
    encoding = "utf-16-le" if second > first else "utf-16-be"
    # Some zero bytes in other text do not make it UTF-16.
    return encoding if max(first, second) * 8 > len(content) else "utf-8"


def _declared(head: bytes) -> str:
    """Return the encoding that an XML or OFX header names; empty if unknown."""
    match = _XML_ENCODING.match(head) or _OFX_CHARSET.match(head)
    if not match:
        return ""
    name = match[1].decode().lower()
    name = f"cp{name}" if name.isdigit() else name
    try:
        known = codecs.lookup(name).name
    except LookupError:
        return ""
    return known if _DECLARABLE.fullmatch(known) else ""


def _decodes(content: bytes, encoding: str) -> bool:
    try:
        content.decode(encoding)
    except UnicodeError:
        return False
    return True


def _decode(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        before = content[: error.start].decode(encoding, "ignore")
        raise _unreadable(before) from error


def _unreadable(before: str) -> InvalidError:
    """Return the error of a character that cannot be read, after a text."""
    message = _(
        "Line {line} contains characters that can't be read. Export the file again, "
        "or choose its encoding."
    )
    line = len(_LINE_END.findall(before)) + 1
    return InvalidError(message.format(line=line), "file")
