"""Validate the files of receipts: detect their type and remove locations.

Independent of expenses and S3. JPEG, PNG, GIF, WebP and PDF are stored as uploaded,
except that locations are removed from photos without re-encoding the pixels. HEIC,
which few browsers show, is converted to JPEG.
"""

import base64
import binascii
import contextlib
import hashlib
import logging
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from expenses.receipts import bounded
from smartbudget.core.errors import InvalidError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.i18n import gettext_noop

logger = logging.getLogger(__name__)

TYPES = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "jpe": "image/jpeg",
    "jfif": "image/jpeg",
    "pjpeg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
    "heic": "image/heic",
    "heif": "image/heic",
    "pdf": "application/pdf",
}
_SPELLINGS = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/heif": "image/heic",
}
# The extension for a file name that has none of its type.
_EXTENSIONS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/gif": "gif",
    "image/webp": "webp",
    "application/pdf": "pdf",
}
KEPT_AS = {"image/heic": "image/jpeg"}  # other types are not converted
MAX_BYTES = 10 * 1024 * 1024  # as uploaded, and as stored
THUMBNAIL_WAIT_SECONDS = 3  # for a turn: a list shows many at once
_HEAD = 1024  # bytes in which the header of a PDF may begin
MAX_STEM_LENGTH = 100  # characters of a name, without its extension
_HEIC_BRANDS = {
    *(b"heic", b"heix", b"heim", b"heis"),
    *(b"hevc", b"hevx", b"mif1", b"msf1"),
}
# Unicode categories: control, invisible, surrogate and private characters.
_NOT_IN_NAMES = {"Cc", "Cf", "Cs", "Co"}
_CHUNK = 256 * 1024  # bytes

WRONG_KIND = gettext_noop("Choose a JPG, PNG, GIF, WebP, HEIC or PDF file.")
TOO_LARGE = gettext_noop("The file can be up to 10 MB.")
BROKEN_PICTURE = gettext_noop(
    "This picture is damaged or too complex. Save a new copy and try again."
)
BROKEN_PDF = gettext_noop(
    "This PDF is damaged or too complex. Save a new copy and try again."
)
ONLY_ONE = gettext_noop("You can attach one receipt per expense. Choose a single file.")
OTHER_KIND = gettext_noop("The file doesn't match the declared type. Upload it again.")
OTHER_CHECKSUM = gettext_noop(
    "The file was damaged in transit: its checksum doesn't match. Please try again."
)


@dataclass(frozen=True)
class Receipt:
    """A checked file, as it will be stored."""

    file: BinaryIO  # at its start
    name: str  # as uploaded, but safe for a download
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
    """Check a file by its content, and remove the location from a photo.

    file: open for reading and writing; changed in place. name: the file name, which
    gets the extension of the detected type. declared_type: the content type given by
    the client. It is rejected only if it is an accepted type, but neither that of the
    content nor that of the name. sha256: of the file as sent, hexadecimal or base64, or
    None.

    Raises InvalidError with the field `file` or `sha256`, and UnavailableError if too
    many files are being checked.
    """
    size = file.seek(0, 2)
    check_size(size)
    digest = _digest(file)
    if sha256 is not None and digest != parse_sha256(sha256):
        raise InvalidError(_(OTHER_CHECKSUM), "sha256")
    kind = kind_by_content(file)
    declared = _declared(declared_type)
    if declared in TYPES.values() and declared not in {kind, kind_by_name(name)}:
        raise InvalidError(_(WRONG_KIND), "file")
    with on_disk(file) as disk_file:
        kind = _inspect(disk_file, kind)
    size = file.seek(0, 2)  # again, since the child process may have changed the file
    check_size(size)
    digest = _digest(file)
    file.seek(0)
    kept_name = tidy_name(name, kind)
    return Receipt(file, kept_name, extension_of(kept_name), kind, size, digest)


def announced_kind(name: str, declared_type: str, field: str) -> str:
    """Return the content type of a file that will be uploaded.

    It is the type of the name's extension, or else the declared one. Raises
    InvalidError naming `field` if the type is not accepted, or the two differ.
    """
    declared = _declared(declared_type)
    kind = kind_by_name(name) or declared
    if kind not in TYPES.values():
        raise InvalidError(_(WRONG_KIND), field)
    if declared in TYPES.values() and declared != kind:
        raise InvalidError(_(WRONG_KIND), field)
    return kind


def kind_by_name(name: str) -> str | None:
    """Return the content type of a name's extension, or None."""
    return TYPES.get(name.rpartition(".")[2].lower()) if "." in name else None


def kind_by_content(file: BinaryIO) -> str:
    """Return the content type of a file from its first bytes. Raises InvalidError."""
    file.seek(0)
    head = file.read(_HEAD + 5)
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS:
        return "image/heic"
    if b"%PDF-" in head:
        return "application/pdf"
    raise InvalidError(_(WRONG_KIND), "file")


def _declared(content_type: str) -> str:
    declared = content_type.partition(";")[0].strip().lower()
    return _SPELLINGS.get(declared, declared)


def tidy_name(name: str, kind: str) -> str:
    """Return a file name without folders and invisible characters.

    kind: the content type; the name gets an extension of that type.
    """
    last = re.split(r"[/\\]", name)[-1]
    visible = "".join(
        character
        for character in last
        if unicodedata.category(character) not in _NOT_IN_NAMES
    )
    stem, dot, ext = visible.rpartition(".")
    if not dot or ext.lower() not in TYPES:
        stem, ext = visible, ""
    if TYPES.get(ext.lower()) != kind:
        ext = _EXTENSIONS[kind]
    stem = stem.strip()[:MAX_STEM_LENGTH].strip(" .")
    return f"{stem or 'receipt'}.{ext.lower()}"


def extension_of(name: str) -> str:
    """Return the extension of a tidy name, without its dot."""
    return name.rpartition(".")[2]


@contextlib.contextmanager
def on_disk(file: Any) -> Iterator[BinaryIO]:
    """Yield the file, or a copy on disk if it is in memory; copy changes back."""
    try:
        file.fileno()
    except OSError:
        with tempfile.TemporaryFile() as copy:
            file.seek(0)
            shutil.copyfileobj(file, copy)
            copy.flush()
            yield copy
            copy.seek(0, 2)  # drops the read buffer from before the changes
            copy.seek(0)
            file.seek(0)
            file.truncate()
            shutil.copyfileobj(copy, file)
    else:
        file.flush()
        yield file


def _inspect(file: BinaryIO, kind: str) -> str:
    """Check and clean a file in a child process, and return its content type."""
    broken = BROKEN_PDF if kind == "application/pdf" else BROKEN_PICTURE
    try:
        reply = bounded.run("inspect", file, kind=kind)
    except bounded.ExceededError as error:
        logger.info("receipt refused kind=%s why=too costly", kind)
        raise InvalidError(_(broken), "file") from error
    if "done" in reply:
        return str(reply["done"])
    logger.info("receipt refused kind=%s why=%s", kind, reply["why"])
    message = reply["refused"] or broken
    raise InvalidError(_(message).format(**reply["values"]), "file")


def check_size(size_bytes: int, field: str = "file") -> None:
    """Raise InvalidError for an empty file or one over the limit."""
    if size_bytes == 0:
        raise InvalidError(_("The file is empty."), field)
    if size_bytes > MAX_BYTES:
        raise InvalidError(_(TOO_LARGE), field)


def parse_sha256(value: str) -> str:
    """Return a SHA-256, given in hexadecimal or base64, in hexadecimal.

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
        raise InvalidError(_("Send the SHA-256 as hexadecimal or base64."), "sha256")
    return raw.hex()


def _digest(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    file.seek(0)
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def thumbnail(file: BinaryIO, kind: str) -> bytes | None:
    """Return a small JPEG of a stored picture, or None if it cannot be drawn.

    Raises UnavailableError if too many files are being processed.
    """
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(file, copy)
        copy.flush()
        try:
            reply = bounded.run(
                "thumbnail", copy, wait_seconds=THUMBNAIL_WAIT_SECONDS, kind=kind
            )
        except bounded.ExceededError:
            return None
    drawn = reply.get("done")
    return drawn and base64.b64decode(drawn)
