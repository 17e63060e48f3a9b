"""What may be a receipt: its kind by name, declaration and content, and its safety.

Knows nothing of expenses or of S3. A file is taken as it came, except that where a
photo was taken is blanked in place: not one pixel is encoded again.
"""

import base64
import binascii
import contextlib
import hashlib
import mmap
import re
import unicodedata
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import puremagic
from PIL import Image

from expenses import locations
from smartbudget.core.errors import InvalidError
from smartbudget.core.language import gettext as _
from smartbudget.core.language import mark

TYPES = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "pdf": "application/pdf",
}
MAX_BYTES = 10 * 1024 * 1024  # both included
# More is a bomb rather than a picture. A GIF is decoded whole, the others are not.
MAX_PIXELS = {"image/jpeg": 89_000_000, "image/png": 89_000_000}  # Pillow's own limit
MAX_PIXELS["image/gif"] = 16_000_000
MOST_PROGRESSIVE = 16_000_000  # pixels of a progressive JPEG that is decoded
UNDECLARED = {"", "application/octet-stream"}
_SPELLINGS = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg"}
_HEAD = 4096  # bytes that tell what a file is
LONGEST_STEM = 100  # characters of a name, without its extension
_UNFIT = {"Cc", "Cf", "Cs", "Co"}  # control, invisible, lone halves, private
_CHUNK = 256 * 1024  # bytes
_PDF_TAIL = 1024  # bytes; readers look for the end mark in these

WRONG_KIND = mark("Choose a JPG, PNG, GIF or PDF file.")
TOO_LARGE = mark("The file may be 10 MB at most.")
TOO_MANY_PIXELS = mark("The picture has too many pixels.")
BROKEN = mark("The file is damaged or not complete. Please choose it again.")
ODD = mark("The file holds more than one picture or document. Please save it anew.")
OTHER_CHECKSUM = mark(
    "What arrived is not what was sent: the checksum differs. Try again."
)


@dataclass(frozen=True)
class Receipt:
    """A checked file, as it is to be kept; its position is at the start."""

    file: BinaryIO
    name: str  # as its sender calls it, fit for a download
    ext: str
    content_type: str
    size_bytes: int
    sha256: str  # hexadecimal


def check(
    file: BinaryIO,
    *,
    name: str,
    declared_type: str = "",
    sha256: str | None = None,
) -> Receipt:
    """Check a file and take the place where a photo was taken out of it.

    file: open for reading and writing; changed in place. name: what it is called.
    declared_type: as its sender says. sha256: of the whole as sent, hexadecimal or
    base64; None: not told.

    Raises InvalidError saying what is wrong, with the field `file` or `sha256`.
    """
    ext, kind = kind_of(name, declared_type)
    size = file.seek(0, 2)
    check_size(size)
    digest = _digest(file)
    if sha256 is not None and digest != parse_sha256(sha256):
        raise InvalidError(_(OTHER_CHECKSUM), "sha256")
    _check_content(file, kind)
    with _bytes_of(file) as content:
        end, edits = _tidy(content, kind)
    for offset, replacement in edits:
        file.seek(offset)
        file.write(replacement)
    if end < size:
        file.truncate(end)
    if edits or end < size:
        digest = _digest(file)
    file.seek(0)
    return Receipt(file, tidy_name(name), ext, kind, end, digest)


def kind_of(name: str, declared_type: str = "", field: str = "file") -> tuple[str, str]:
    """Return a file's extension and content type by its name.

    Raises InvalidError naming `field`, also when its declared type is another.
    """
    ext = name.rpartition(".")[2].lower() if "." in name else ""
    declared = declared_type.partition(";")[0].strip().lower()
    declared = _SPELLINGS.get(declared, declared)
    kind = TYPES.get(ext)
    if kind is None or (declared not in UNDECLARED and declared != kind):
        raise InvalidError(_(WRONG_KIND), field)
    return ext, kind


def tidy_name(name: str) -> str:
    """Return a file's name without folders and without what breaks programs."""
    last = re.split(r"[/\\]", name)[-1]
    kept = "".join(each for each in last if unicodedata.category(each) not in _UNFIT)
    stem, _dot, ext = kept.rpartition(".")
    return f"{stem.strip()[:LONGEST_STEM] or 'receipt'}.{ext.lower()}"


def check_size(size_bytes: int, field: str = "file") -> None:
    """Refuse an empty file and one over the limit, with an InvalidError."""
    if size_bytes == 0:
        raise InvalidError(_("The file is empty."), field)
    if size_bytes > MAX_BYTES:
        raise InvalidError(_(TOO_LARGE), field)


def parse_sha256(value: str) -> str:
    """Return a SHA-256 in hexadecimal; it may come so or in base64.

    Raises InvalidError.
    """
    text = value.strip()
    if re.fullmatch(r"[0-9a-fA-F]{64}", text):
        return text.lower()
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != hashlib.sha256().digest_size:
        raise InvalidError(_("Give the SHA-256 in hexadecimal or base64."), "sha256")
    return raw.hex()


def _digest(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    file.seek(0)
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _check_content(file: BinaryIO, kind: str) -> None:
    file.seek(0)
    head = file.read(_HEAD)
    try:
        found = puremagic.from_string(head, mime=True)
    except puremagic.PureError:
        found = ""
    if found != kind:
        said = _("What is in the file is not what its name says.")
        raise InvalidError(f"{said} {_(WRONG_KIND)}", "file")
    file.seek(0)
    if zipfile.is_zipfile(file):
        raise InvalidError(_(ODD), "file")
    if kind != "application/pdf":
        _check_image(file, kind)


def _check_image(file: BinaryIO, kind: str) -> None:
    """Open an image as a browser would, with little memory."""
    form = kind.partition("/")[2].upper()
    file.seek(0)
    try:
        with Image.open(file, formats=[form]) as image:
            pixels = image.width * image.height
            if pixels <= MAX_PIXELS[kind]:
                _decode(image, pixels)
    except Image.DecompressionBombError as error:
        raise InvalidError(_(TOO_MANY_PIXELS), "file") from error
    except Exception as error:
        raise InvalidError(_(BROKEN), "file") from error
    if pixels > MAX_PIXELS[kind]:
        raise InvalidError(_(TOO_MANY_PIXELS), "file")


def _decode(image: Image.Image, pixels: int) -> None:
    if image.format == "PNG":
        image.verify()  # every chunk and its checksum, without decoding
        return
    if image.format == "JPEG":
        if "progressive" in image.info and pixels > MOST_PROGRESSIVE:
            return  # would take six bytes a pixel; whether it ends is looked at later
        # Reads everything and keeps a sixty-fourth.
        image.draft("RGB", (max(image.width // 8, 1), max(image.height // 8, 1)))
    image.load()


@contextlib.contextmanager
def _bytes_of(file: BinaryIO) -> Iterator["mmap.mmap | bytes"]:
    """Lend a file's bytes: mapped where it is on a disk, so never copied."""
    file.flush()
    try:
        number = file.fileno()
    except OSError:
        file.seek(0)
        yield file.read()
        return
    with mmap.mmap(number, 0, access=mmap.ACCESS_READ) as mapped:
        yield mapped


def _tidy(
    content: "mmap.mmap | bytes", kind: str
) -> tuple[int, list[tuple[int, bytes]]]:
    """Return where the file ends, and what is to be written over where in it."""
    try:
        if kind == "image/jpeg":
            return locations.in_jpeg(content)
        if kind == "image/png":
            end, edits = locations.in_png(content)
        elif kind == "image/gif":
            end, edits = locations.end_of_gif(content), []
        else:
            end, edits = _end_of_pdf(content), []
    except (ValueError, IndexError) as error:
        raise InvalidError(_(BROKEN), "file") from error
    if end != len(content):
        raise InvalidError(_(ODD), "file")
    return end, edits


def _end_of_pdf(content: "mmap.mmap | bytes") -> int:
    tail = content[-_PDF_TAIL:]
    if not re.match(rb"%PDF-[12]\.[0-9]", content[:8]):
        raise ValueError("no header")
    if b"startxref" not in tail or b"%%EOF" not in tail:
        raise ValueError("no end")
    # Line ends and padding may follow the last mark; another document may not.
    rest = tail[tail.rindex(b"%%EOF") + 5 :]
    return len(content) if not rest.strip(b"\r\n\t \0") else len(content) - len(rest)
