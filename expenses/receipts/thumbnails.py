"""Thumbnails of receipts, drawn when a list shows them and cached by the browser.

Runs in the child process of `expenses.receipts.bounded`.
"""

import base64
import io
import struct
from typing import BinaryIO

from PIL import Image, ImageOps

from expenses.receipts import structure

SIZE = (128, 128)  # pixels, at most
# Decoding takes the memory; only JPEG can be decoded at a smaller size.
MAX_DECODED_PIXELS = {"PNG": 8_000_000, "GIF": 8_000_000, "WEBP": 4_000_000}  # pixels
_GRAY_16_BIT = {"I", "I;16", "I;16B"}


def draw(file: BinaryIO, kind: str) -> str | None:
    """Return a picture's thumbnail as JPEG in base64, or None if it is too large."""
    image_format = kind.partition("/")[2].upper()
    content = file.read()
    if (
        image_format == "PNG"
        and _pixels_of_png(content) > MAX_DECODED_PIXELS[image_format]
    ):
        return None
    cleaned = b"".join(structure.WALKS[image_format](content))
    with Image.open(io.BytesIO(cleaned), formats=[image_format]) as image:
        pixels = image.width * image.height
        if pixels > MAX_DECODED_PIXELS.get(image_format, pixels):
            return None
        image.draft("RGB", (SIZE[0] * 2, SIZE[1] * 2))
        small: Image.Image = image
        if image.mode in _GRAY_16_BIT:
            small = image.point(lambda value: value * (1 / 256)).convert("L")
        small.thumbnail(SIZE)
        upright = ImageOps.exif_transpose(small).convert("RGBA")
        drawn = Image.new("RGB", upright.size, "white")
        drawn.paste(upright, mask=upright)
        jpeg = io.BytesIO()
        drawn.save(jpeg, "JPEG", quality=80)
        return base64.b64encode(jpeg.getvalue()).decode()


def _pixels_of_png(content: bytes) -> int:
    width, height = struct.unpack_from(">II", content, 16)
    return int(width * height)
