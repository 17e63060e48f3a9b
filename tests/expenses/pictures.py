"""Files as people send them: sound, odd and hostile."""

import io
import struct
import zipfile
import zlib

from PIL import Image

PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n"
    b"xref\n0 3\n0000000000 65535 f \n0000000009 00000 n \n0000000052 00000 n \n"
    b"trailer<</Size 3/Root 1 0 R>>\nstartxref\n95\n%%EOF\n"
)
HTML = b"<!doctype html><html><script>alert(1)</script></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def picture(form: str = "JPEG", size: tuple[int, int] = (64, 48), **options) -> bytes:
    image = Image.radial_gradient("L").resize(size).convert("RGB")
    made = io.BytesIO()
    image.save(made, form, **options)
    return made.getvalue()


def film() -> bytes:
    """A GIF of three frames."""
    frames = [Image.new("RGB", (20, 20), color) for color in ("red", "lime", "blue")]
    made = io.BytesIO()
    frames[0].save(made, "GIF", save_all=True, append_images=frames[1:])
    return made.getvalue()


def located_exif() -> bytes:
    """EXIF as phones write it: maker, orientation, and the place."""
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif[0x0112] = 6
    exif[0x8769] = {0x9003: "2026:03:18 12:00:00"}
    exif[0x8825] = {
        1: "N",
        2: (52.0, 30.0, 59.125),
        3: "E",
        4: (13.0, 22.0, 33.25),
        29: "2026:03:18",
    }
    return exif.tobytes()


def place_of(content: bytes) -> dict:
    with Image.open(io.BytesIO(content)) as image:
        return dict(image.getexif().get_ifd(0x8825))


def pixels_of(content: bytes) -> bytes:
    with Image.open(io.BytesIO(content)) as image:
        return image.tobytes()


def with_segment(jpeg: bytes, data: bytes) -> bytes:
    """Put an APP1 segment after the start of a JPEG."""
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(data) + 2) + data + jpeg[2:]


def with_chunk(png: bytes, kind: bytes, data: bytes) -> bytes:
    """Put a chunk after the header of a PNG."""
    checksum = struct.pack(">I", zlib.crc32(kind + data))
    chunk = struct.pack(">I", len(data)) + kind + data + checksum
    return png[:33] + chunk + png[33:]


def archive() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as opened:
        opened.writestr("a.txt", "a")
    return made.getvalue()


def bomb(form: str = "PNG") -> bytes:
    """A small file of very many pixels."""
    made = io.BytesIO()
    size = (20_000, 20_000) if form == "PNG" else (5_000, 5_000)
    Image.new("1" if form == "PNG" else "P", size).save(made, form)
    return made.getvalue()


def of_size(size_bytes: int) -> bytes:
    """A sound PDF of exactly so many bytes."""
    head, _, rest = PDF.partition(b"\n")
    filling = size_bytes - len(PDF) - 2
    return head + b"\n%" + b"x" * filling + b"\n" + rest
