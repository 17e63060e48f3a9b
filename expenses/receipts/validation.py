"""Validate receipts: their kind by content, and their safety.

Knows nothing of expenses or of S3. JPEG, PNG, GIF, WebP and PDF are taken as they came,
but what says where a photo was taken is removed: not one pixel is encoded again. HEIC,
which few browsers show, becomes a JPEG.
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
# What a file is called where its name has none of its kind's extensions.
_EXTENSIONS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/gif": "gif",
    "image/webp": "webp",
    "application/pdf": "pdf",
}
KEPT_AS = {"image/heic": "image/jpeg"}  # other kinds are kept as they come
MAX_BYTES = 10 * 1024 * 1024  # both included
THUMBNAIL_WAIT_SECONDS = 3  # for a turn: a list shows many at once
_HEAD = 1024  # bytes in which the header of a PDF may begin
LONGEST_STEM = 100  # characters of a name, without its extension
_HEIC_BRANDS = {
    *(b"heic", b"heix", b"heim", b"heis"),
    *(b"hevc", b"hevx", b"mif1", b"msf1"),
}
_UNFIT = {"Cc", "Cf", "Cs", "Co"}  # control, invisible, lone halves, private
_CHUNK = 256 * 1024  # bytes

WRONG_KIND = gettext_noop("Choose a JPG, PNG, GIF, WebP, HEIC or PDF file.")
TOO_LARGE = gettext_noop("The file may be 10 MB at most.")
BROKEN_PICTURE = gettext_noop(
    "This picture is damaged or too complex. Save a new copy and try again."
)
BROKEN_PDF = gettext_noop(
    "This PDF is damaged or too complex. Save a new copy and try again."
)
ONLY_ONE = gettext_noop("You can attach one receipt per expense. Choose a single file.")
OTHER_KIND = gettext_noop("The file doesn't match the declared type. Upload it again.")
OTHER_CHECKSUM = gettext_noop(
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
    """Check a file by what is in it, and take out of it where a photo was taken.

    file: open for reading and writing; changed in place. name: what it is called; its
    extension becomes that of its kind. declared_type: as its sender says; only a kind
    that is allowed, and neither the file's nor its name's, contradicts. sha256: of the
    whole as sent, hexadecimal or base64; None: not given.

    Raises InvalidError saying what is wrong, with the field `file` or `sha256`, and
    UnavailableError where too many files are being checked.
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
    with on_disk(file) as lent:
        kind = _inspect(lent, kind)
    size = file.seek(0, 2)  # anew: the file was changed by another process
    check_size(size)
    digest = _digest(file)
    file.seek(0)
    kept_name = tidy_name(name, kind)
    return Receipt(file, kept_name, extension_of(kept_name), kind, size, digest)


def announced_kind(name: str, declared_type: str, field: str) -> str:
    """Return the content type of a file that is yet to come.

    It is that of its name or, where that says none, the declared one. Raises
    InvalidError naming `field` where neither is allowed or one contradicts the other.
    """
    declared = _declared(declared_type)
    kind = kind_by_name(name) or declared
    if kind not in TYPES.values():
        raise InvalidError(_(WRONG_KIND), field)
    if declared in TYPES.values() and declared != kind:
        raise InvalidError(_(WRONG_KIND), field)
    return kind


def kind_by_name(name: str) -> str | None:
    """Return the content type that a name's extension means, or None."""
    return TYPES.get(name.rpartition(".")[2].lower()) if "." in name else None


def kind_by_content(file: BinaryIO) -> str:
    """Return the content type by a file's first bytes. Raises InvalidError."""
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
    """Return a file's name without folders and without what breaks programs.

    kind: the content type; the name gets an extension of it.
    """
    last = re.split(r"[/\\]", name)[-1]
    kept = "".join(each for each in last if unicodedata.category(each) not in _UNFIT)
    stem, _dot, ext = kept.rpartition(".")
    if not _dot or ext.lower() not in TYPES:
        stem, ext = kept, ""
    if TYPES.get(ext.lower()) != kind:
        ext = _EXTENSIONS[kind]
    stem = stem.strip()[:LONGEST_STEM].strip(" .")
    return f"{stem or 'receipt'}.{ext.lower()}"


def extension_of(name: str) -> str:
    """Return the extension of a tidy name, without its dot."""
    return name.rpartition(".")[2]


@contextlib.contextmanager
def on_disk(file: Any) -> Iterator[BinaryIO]:
    """Yield a file with a descriptor, and copy its changes back afterwards."""
    try:
        file.fileno()
    except OSError:
        with tempfile.TemporaryFile() as copy:
            file.seek(0)
            shutil.copyfileobj(file, copy)
            copy.flush()
            yield copy
            copy.seek(0, 2)  # forgets what was read before it was changed
            copy.seek(0)
            file.seek(0)
            file.truncate()
            shutil.copyfileobj(copy, file)
    else:
        file.flush()
        yield file


def _inspect(file: BinaryIO, kind: str) -> str:
    """Check and clean a file in the helper; return its kind afterwards."""
    broken = BROKEN_PDF if kind == "application/pdf" else BROKEN_PICTURE
    try:
        answer = bounded.run("inspect", file, kind=kind)
    except bounded.ExceededError as error:
        logger.info("receipt refused kind=%s why=too costly", kind)
        raise InvalidError(_(broken), "file") from error
    if "done" in answer:
        return str(answer["done"])
    logger.info("receipt refused kind=%s why=%s", kind, answer["why"])
    message = answer["refused"] or broken
    raise InvalidError(_(message).format(**answer["values"]), "file")


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


def thumbnail(file: BinaryIO, kind: str) -> bytes | None:
    """Return a small JPEG of a stored picture, or None if it cannot be drawn.

    Raises UnavailableError where too many files are being worked on.
    """
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(file, copy)
        copy.flush()
        try:
            answer = bounded.run(
                "thumbnail", copy, wait_seconds=THUMBNAIL_WAIT_SECONDS, kind=kind
            )
        except bounded.ExceededError:
            return None
    drawn = answer.get("done")
    return drawn and base64.b64decode(drawn)
