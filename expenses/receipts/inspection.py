"""Check whether a file can be opened, and remove what is not kept.

Decodes foreign bytes, so it runs in a process of its own (`expenses.receipts.bounded`)
and is imported there alone.
"""

import io
from typing import BinaryIO

import pi_heif
import pypdfium2.raw as pdfium
from PIL import Image

from expenses.receipts import structure
from expenses.receipts.structure import RefusedError

JPEG_QUALITY = 90  # of what was HEIC

pi_heif.register_heif_opener()
pi_heif.options.DECODE_THREADS = 1  # a thread costs address space of its own


def inspect(file: BinaryIO, kind: str) -> str:
    """Check a file of a kind, and leave in it what is to be kept.

    Returns the content type that it has then. Raises RefusedError, and whatever the
    decoders raise.
    """
    content = file.read()
    if kind == "application/pdf":
        _open_pdf(content)
        return kind
    if kind == "image/heic":
        kept, kind = _converted(content), "image/jpeg"
    else:
        form = kind.partition("/")[2].upper()
        kept = b"".join(structure.WALKS[form](content))
        if form != "PNG":  # which was decoded with its structure
            _decode(form, kept)
    if kept != content:
        file.seek(0)
        file.write(kept)
        file.truncate()
        file.flush()
    return kind


def _open_pdf(content: bytes) -> None:
    """Open a PDF as Chromium does. Raises RefusedError where that fails."""
    document = pdfium.FPDF_LoadMemDocument64(content, len(content), None)
    # A PDF with a password can be opened by those who know it.
    if not document and pdfium.FPDF_GetLastError() != pdfium.FPDF_ERR_PASSWORD:
        raise RefusedError


def _decode(form: str, content: bytes) -> None:
    """Decode a picture whose structure is bounded."""
    with Image.open(io.BytesIO(content), formats=[form]) as image:
        structure.check_pixels(form, *image.size)
        # JPEG alone can be decoded small: reads everything, keeps a sixty-fourth.
        image.draft("RGB", (max(image.width // 8, 1), max(image.height // 8, 1)))
        image.load()


def _converted(content: bytes) -> bytes:
    """Return a HEIC picture as an upright JPEG without its place."""
    with Image.open(io.BytesIO(content), formats=["HEIF"]) as image:
        structure.check_pixels("HEIF", *image.size)
        exif = structure.without_place(image.info.get("exif") or b"")
        image.load()
        made = io.BytesIO()
        picture = image if image.mode in {"L", "RGB"} else image.convert("RGB")
        options = {"exif": structure.EXIF_NAME + exif} if exif else {}
        profile = image.info.get("icc_profile")
        picture.save(made, "JPEG", quality=JPEG_QUALITY, icc_profile=profile, **options)
    return made.getvalue()
