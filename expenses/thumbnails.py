"""Small pictures of receipts, made when a list shows them and kept by the browser."""

import io
from typing import BinaryIO

from PIL import Image, ImageOps

SIZE = (128, 128)  # pixels, at most
# Decoding is what costs memory; JPEG alone can be decoded small.
MOST_DECODED = 8_000_000  # pixels


def draw(file: BinaryIO) -> bytes | None:
    """Return a JPEG of a checked picture, upright; None: it is too large for that."""
    with Image.open(file, formats=["JPEG", "PNG", "GIF"]) as image:
        pixels = image.width * image.height
        is_small = pixels <= MOST_DECODED
        if not is_small and (image.format != "JPEG" or "progressive" in image.info):
            return None
        image.draft("RGB", (SIZE[0] * 2, SIZE[1] * 2))
        image.thumbnail(SIZE)
        upright = ImageOps.exif_transpose(image).convert("RGBA")
        drawn = Image.new("RGB", upright.size, "white")
        drawn.paste(upright, mask=upright)
        made = io.BytesIO()
        drawn.save(made, "JPEG", quality=80)
        return made.getvalue()
