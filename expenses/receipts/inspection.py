"""Check whether an uploaded file can be opened, and remove metadata.

Decodes untrusted data, so it is imported and run only in the child process of
`expenses.receipts.bounded`.
"""

import io
from typing import BinaryIO

import pi_heif
import pypdfium2.raw as pdfium
from PIL import Image

from expenses.receipts import structure
from expenses.receipts.structure import RefusedError

JPEG_QUALITY = 90  # of a converted HEIC

pi_heif.register_heif_opener()
pi_heif.options.DECODE_THREADS = 1  # each thread takes address space


def inspect(file: BinaryIO, kind: str) -> str:
    """Check a file and replace its content with what will be stored.

    kind: the content type.

    Returns the content type of the result. Raises RefusedError and any error of a
    decoder.
    """
    content = file.read()
    if kind == "application/pdf":
        _open_pdf(content)
        return kind
    if kind == "image/heic":
        cleaned, kind = _converted(content), "image/jpeg"
    else:
        image_format = kind.partition("/")[2].upper()
        cleaned = b"".join(structure.WALKS[image_format](content))
        if image_format != "PNG":  # all data of a PNG was inflated and checked already
            _decode(image_format, cleaned)
    if cleaned != content:
        file.seek(0)
        file.write(cleaned)
        file.truncate()
        file.flush()
    return kind


def _open_pdf(content: bytes) -> None:
    """Open a PDF as Chromium does. Raises RefusedError if that fails."""
    document = pdfium.FPDF_LoadMemDocument64(content, len(content), None)
    # A PDF with a password is accepted: users can open it with the password.
    if not document and pdfium.FPDF_GetLastError() != pdfium.FPDF_ERR_PASSWORD:
        raise RefusedError


def _decode(image_format: str, content: bytes) -> None:
    """Decode a picture whose structure is within the limits."""
    with Image.open(io.BytesIO(content), formats=[image_format]) as image:
        structure.check_pixels(image_format, *image.size)
        # Only JPEG can be decoded at a smaller size, here a sixty-fourth of the pixels.
        image.draft("RGB", (max(image.width // 8, 1), max(image.height // 8, 1)))
        image.load()


def _converted(content: bytes) -> bytes:
    """Return a HEIC picture as an upright JPEG without its location."""
    with Image.open(io.BytesIO(content), formats=["HEIF"]) as image:
        structure.check_pixels("HEIF", *image.size)
        exif = structure.without_location(image.info.get("exif") or b"")
        image.load()
        jpeg = io.BytesIO()
        picture = image if image.mode in {"L", "RGB"} else image.convert("RGB")
        options = {"exif": structure.EXIF_NAME + exif} if exif else {}
        profile = image.info.get("icc_profile")
        picture.save(jpeg, "JPEG", quality=JPEG_QUALITY, icc_profile=profile, **options)
    return jpeg.getvalue()
