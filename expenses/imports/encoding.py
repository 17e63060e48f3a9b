"""Decode a statement's bytes: never with replacements, never by statistics.

Why: docs/decisions.md#an-imports-encoding-is-not-guessed-by-statistics
"""

import codecs
import re
from collections.abc import Mapping
from itertools import islice
from typing import Any

from expenses.imports.messages import FileError

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

SAMPLES = 3
SAMPLE_LENGTH = 40  # characters
_MAX_SEARCHED = 2000  # lines with letters beyond ASCII

_USUAL = "cp1252"  # of files that do not show their encoding
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
_CELL_END = re.compile(r"[;,\t|<>\"]+")
_LINE_END = re.compile("\r\n|\r|\n")
# Encodings of statements; Python also has some of other things, such as escapes.
_DECLARABLE = re.compile(
    "ascii|utf-8|utf-16(-[lb]e)?|iso8859-[0-9]+|cp[0-9]+|koi8-[rtu]|mac-[a-z]+"
    "|shift_jis|euc_jp|euc_kr|gb18030|gbk|gb2312|big5"
)


def decode(content: bytes, mapping: Mapping[str, Any]) -> tuple[str, str]:
    """Return a file's text without byte order mark, and the encoding.

    mapping: its `encoding`, if it has one, is used.

    Raises FileError naming the line of bytes that cannot be decoded.
    """
    bom, encoding = _by_bom(content)
    if chosen := mapping.get("encoding"):
        if chosen not in (*ENCODINGS, encoding):
            raise FileError("unknown_encoding", "encoding")
        encoding = chosen
    body = content[len(bom) :]
    encoding = encoding or _find(body)
    text = _decode(body, encoding).rstrip(_PADDING)
    if "\0" in text:
        raise _unreadable(text[: text.index("\0")])
    return text, encoding


def is_guess(content: bytes, encoding: str, mapping: Mapping[str, Any]) -> bool:
    """Check whether `decode` used an encoding only since others are less frequent."""
    is_known = mapping.get("encoding") or _declared(content[:_HEAD]) == encoding
    return encoding == _USUAL and not is_known


def samples(content: bytes) -> dict[str, list[str]]:
    """Return texts of a file in each encoding that it may have: {encoding: texts}.

    At most SAMPLES texts, with as many different letters beyond ASCII as possible. Of
    encodings in which they look the same, only the first one.
    """
    lines = _telling_lines(content)
    shown: dict[str, list[str]] = {}
    for encoding in ENCODINGS:
        if encoding.startswith("utf-16") or not _decodes(content, encoding):
            continue
        texts = [_telling_part(line.decode(encoding)) for line in lines]
        is_plausible = all(map(str.isprintable, texts)) or encoding == _USUAL
        if texts and is_plausible and texts not in shown.values():
            shown[encoding] = texts
    return shown


def _telling_lines(content: bytes) -> list[bytes]:
    """Return the lines with the most different bytes beyond ASCII, in their order."""
    with_high = (line for line in content.splitlines() if _HIGH.search(line))
    lines = [*islice(with_high, _MAX_SEARCHED)]
    high = {number: {*_HIGH.findall(line)} for number, line in enumerate(lines)}
    telling: list[int] = []
    seen: set[bytes] = set()
    while high and len(telling) < SAMPLES:
        best = max(high, key=lambda number: len(high[number] - seen))
        if not high[best] - seen:
            break
        seen |= high.pop(best)
        telling.append(best)
    return [lines[number] for number in sorted(telling)]


def _telling_part(line: str) -> str:
    """Return the cell of a line with the most different letters beyond ASCII."""
    cells = _CELL_END.split(line)
    best = max(cells, key=lambda cell: len({*filter(_is_high, cell)}))
    place = next((n for n, letter in enumerate(best) if _is_high(letter)), 0)
    start = max(0, place - SAMPLE_LENGTH // 2)
    return " ".join(best[start : start + SAMPLE_LENGTH].split())


def _is_high(character: str) -> bool:
    return not character.isascii()


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
    return "utf-8" if complete > damaged else _USUAL


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


def _unreadable(before: str) -> FileError:
    """Return the error of a character that cannot be read, after a text."""
    return FileError("undecodable", line=len(_LINE_END.findall(before)) + 1)
