"""Choose the font of each character of a text, and the drawing order.

Text is drawn as it is, never through markup: user text cannot become a tag, a color or
anything else that a parser acts on (docs/aws.md#markup).
"""

import bisect
import functools
import io
import itertools
import operator
import re
import unicodedata
from dataclasses import dataclass
from importlib.resources import as_file, files

import arabic_reshaper
import pymupdf_fonts
from bidi.algorithm import get_display
from reportlab.pdfbase import pdfmetrics, ttfonts

REGULAR = "Regular"
BOLD = "Bold"

REPLACEMENT = "\ufffd"  # for characters without a font; a diamond with a question mark

# The file for a script, by the first word of its characters' Unicode names.
_NOTO = "manimgx_fonts"
_CJK = ("paperang_p2_fonts_cjk", "fonts/wqy-microhei.ttc")
_FILES = {
    REGULAR: (_NOTO, "NotoSans[wght].ttf"),
    "EMOJI": (_NOTO, "NotoEmoji[wght].ttf"),
    "SYMBOLS": (_NOTO, "NotoSansSymbols[wght].ttf"),
    **{
        name.upper(): (_NOTO, f"NotoSans{name}[wght].ttf")
        for name in (
            "Arabic",
            "Armenian",
            "Bengali",
            "Devanagari",
            "Ethiopic",
            "Georgian",
            "Gujarati",
            "Gurmukhi",
            "Hebrew",
            "Kannada",
            "Khmer",
            "Lao",
            "Malayalam",
            "Myanmar",
            "Oriya",
            "Sinhala",
            "Tamil",
            "Telugu",
            "Thai",
        )
    },
    **dict.fromkeys(
        ["CJK", "HIRAGANA", "KATAKANA", "HANGUL", "IDEOGRAPHIC", "FULLWIDTH"], _CJK
    ),
}
# Tried in this order if the script's own font lacks the character.
_FALLBACKS = ("SYMBOLS", "EMOJI", "CJK")

_RIGHT_TO_LEFT = {"R", "AL", "AN"}
# Invisible characters that no font has: joiners, directions, variants of emoji. Control
# characters become spaces.
_INVISIBLE = re.compile(
    r"[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e0fff]"
)
_SPACE = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")


@dataclass(frozen=True, slots=True)
class Run:
    """Text in drawing order that a single font can show."""

    font: str
    text: str


def lay(text: str, *, bold: bool = False) -> list[Run]:
    """Split a line into runs, from left to right.

    Right-to-left scripts are reordered and their letters joined. A character without a
    font becomes REPLACEMENT.
    """
    main = _face(BOLD if bold else REGULAR)
    if text.isascii() and text.isprintable():
        return [Run(main.fontName, text)]
    return _lay(text, bold)


def width(text: str, size: float, *, bold: bool = False) -> float:
    """Return the width of a line, in points."""
    widths = [
        pdfmetrics.stringWidth(run.text, run.font, size) for run in lay(text, bold=bold)
    ]
    return float(sum(widths))


def clean(text: str) -> str:
    """Return a text as one line, without invisible characters."""
    if text.isascii() and text.isprintable():
        return text.strip()
    text = unicodedata.normalize("NFC", _INVISIBLE.sub("", text))
    return _SPACE.sub(" ", text).strip()


@functools.lru_cache(maxsize=2048)  # dates and categories come again and again
def wrap(
    text: str, max_width: float, size: float, *, bold: bool = False, max_lines: int = 0
) -> list[str]:
    """Break a text into lines that fit, at spaces where there are any.

    max_width: points. max_lines: 0 for no limit; a longer text ends with an ellipsis.

    Lines are in reading order; `lay` reorders right-to-left ones.
    """
    text = _join(clean(text))
    advances = (size * _advance(character, bold) for character in text)
    ends = [0.0, *itertools.accumulate(advances)]  # before each character, and last
    lines: list[str] = []
    start = 0
    while not lines or (start < len(text) and len(lines) != max_lines):
        first, fits = start, _fitting(ends, start, max_width)
        # Cut at the last space, unless a single word fills the line.
        space = text.rfind(" ", first, fits + 1) if fits < len(text) else -1
        start = space if space > first else fits
        lines.append(text[first:start].rstrip())
        start += text[start : start + 1] == " "
    if start < len(text):
        fits = _fitting(ends, first, max_width - width("…", size, bold=bold))
        lines[-1] = f"{text[first:fits].rstrip()}…"
    return lines


def _fitting(ends: list[float], start: int, max_width: float) -> int:
    """Return the end of the characters that fit from `start` on, at least one."""
    return max(bisect.bisect_right(ends, ends[start] + max_width) - 1, start + 1)


def _join(text: str) -> str:
    """Return a text with its right-to-left letters joined, in reading order."""
    return str(arabic_reshaper.reshape(text)) if _is_right_to_left(text) else text


def _is_right_to_left(text: str) -> bool:
    """Check whether any part of a text is read from right to left."""
    classes = () if text.isascii() else map(unicodedata.bidirectional, text)
    return not _RIGHT_TO_LEFT.isdisjoint(classes)


@functools.lru_cache(maxsize=2048)
def _lay(text: str, bold: bool) -> list[Run]:
    joined = _join(clean(text))
    if _is_right_to_left(joined):
        joined = str(get_display(joined))
    shown = (_shown(character, bold) for character in joined)
    return [
        Run(font, "".join(form for _, form in forms))
        for font, forms in itertools.groupby(shown, operator.itemgetter(0))
    ]


@functools.lru_cache(maxsize=8192)
def _advance(character: str, bold: bool) -> float:
    """Return a character's width in a font of one point."""
    font, form = _shown(character, bold)
    return float(pdfmetrics.stringWidth(form, font, 1))


@functools.lru_cache(maxsize=8192)
def _shown(character: str, bold: bool) -> tuple[str, str]:
    """Return a font, and the character or its replacement that the font can show."""
    main = BOLD if bold else REGULAR
    script = unicodedata.name(character, "").partition(" ")[0]
    for candidate in (character, unicodedata.normalize("NFKC", character), REPLACEMENT):
        for name in (main, REGULAR, script, *_FALLBACKS):
            if name in _FILES or name == BOLD:
                face = _face(name)
                if all(ord(part) in face.face.charToGlyph for part in candidate):
                    return face.fontName, candidate
    return _face(main).fontName, "?"


@functools.cache
def _face(name: str) -> ttfonts.TTFont:
    """Load and register a font, once per process and on first use."""
    _write_utf16()
    if name == BOLD:
        font = ttfonts.TTFont(BOLD, io.BytesIO(pymupdf_fonts.myfont("notosbo")))
        pdfmetrics.registerFont(font)
        return font
    package, path = _FILES[name]
    first = next(key for key, file in _FILES.items() if file == (package, path))
    if first != name:
        return _face(first)
    with as_file(files(package).joinpath(path)) as file:
        font = ttfonts.TTFont(name, str(file))
    pdfmetrics.registerFont(font)
    return font


@functools.cache
def _write_utf16() -> None:
    """Patch ReportLab so that emoji and others above U+FFFF can be copied from a PDF.

    It writes their code points where PDF requires UTF-16.
    """
    original = ttfonts.makeToUnicodeCMap

    def make_utf16_map(fontname: str, subset: list[int]) -> str:
        return re.sub(
            r"<([0-9A-F]{5,6})>",
            lambda match: f"<{chr(int(match[1], 16)).encode('utf-16-be').hex()}>",
            original(fontname, subset),
        )

    ttfonts.makeToUnicodeCMap = make_utf16_map
