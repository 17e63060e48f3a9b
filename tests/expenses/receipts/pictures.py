"""Files to upload: valid, unusual and hostile."""

import io
import struct
import zipfile
import zlib

from PIL import Image
from pypdf import PdfWriter

PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>>endobj\n"
    b"xref\n0 4\n0000000000 65535 f \n0000000009 00000 n \n0000000052 00000 n \n"
    b"0000000101 00000 n \ntrailer<</Size 4/Root 1 0 R>>\nstartxref\n162\n%%EOF\n"
)


def _locked_pdf() -> bytes:
    writer = PdfWriter()
    writer.add_blank_page(99, 99)
    writer.encrypt("secret", algorithm="RC4-128")
    output = io.BytesIO()
    writer.write(output)
    return output.getvalue()


LOCKED_PDF = _locked_pdf()
HTML = b"<!doctype html><html><script>alert(1)</script></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def picture(form: str = "JPEG", size: tuple[int, int] = (64, 48), **options) -> bytes:
    image = Image.radial_gradient("L").resize(size).convert("RGB")
    output = io.BytesIO()
    image.save(output, form, **options)
    return output.getvalue()


def gray(form: str = "PNG") -> bytes:
    output = io.BytesIO()
    Image.radial_gradient("L").save(output, form)
    return output.getvalue()


def gray_of_16_bits() -> bytes:
    output = io.BytesIO()
    Image.new("I;16", (600, 800), 8000).save(output, "PNG")
    return output.getvalue()


def film(form: str = "GIF") -> bytes:
    """Return an image with three frames."""
    frames = [Image.new("RGB", (20, 20), color) for color in ("red", "lime", "blue")]
    output = io.BytesIO()
    frames[0].save(output, form, save_all=True, append_images=frames[1:])
    return output.getvalue()


def located_exif() -> bytes:
    """Return EXIF as phones write it: maker, orientation and location."""
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


def kind_of(content: bytes) -> str:
    """Return the content type by the first byte, JPEG by default."""
    kinds = {0x89: "image/png", ord("G"): "image/gif"}
    return kinds.get(content[:1] and content[0], "image/jpeg")


def place_of(content: bytes) -> dict:
    with Image.open(io.BytesIO(content)) as image:
        return dict(image.getexif().get_ifd(0x8825))


def pixels_of(content: bytes) -> bytes:
    with Image.open(io.BytesIO(content)) as image:
        return image.tobytes()


def with_segment(jpeg: bytes, data: bytes, marker: int = 0xE1) -> bytes:
    """Insert a segment, by default APP1, after the start of a JPEG."""
    segment = struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data
    return jpeg[:2] + segment + jpeg[2:]


def with_chunk(png: bytes, kind: bytes, data: bytes) -> bytes:
    """Insert a chunk after the header of a PNG."""
    checksum = struct.pack(">I", zlib.crc32(kind + data))
    chunk = struct.pack(">I", len(data)) + kind + data + checksum
    return png[:33] + chunk + png[33:]


def archive() -> bytes:
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w") as opened:
        opened.writestr("a.txt", "a")
    return output.getvalue()


def bomb(form: str = "PNG") -> bytes:
    """Return a small file with very many pixels."""
    output = io.BytesIO()
    size = (20_000, 20_000) if form == "PNG" else (5_000, 5_000)
    Image.new("1" if form == "PNG" else "P", size).save(output, form)
    return output.getvalue()


def of_size(size_bytes: int) -> bytes:
    """Return a valid PDF of exactly this size."""
    head, _, body = PDF.partition(b"\n")
    filling = size_bytes - len(PDF) - 2
    return head + b"\n%" + b"x" * filling + b"\n" + body
