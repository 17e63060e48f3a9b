"""Small files that are costly to process, for tests and `make bench ARGS=hostile`."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

from PIL import Image

HEIC = (Path(__file__).parent / "photo.heic").read_bytes()
LARGE_HEIC = (Path(__file__).parent / "red.heic").read_bytes()  # 5,001 pixels per side


def _jpeg(size=(64, 64), mode="RGB", **options) -> bytes:
    output = io.BytesIO()
    Image.new(mode, size, "gray").save(output, "JPEG", **options)
    return output.getvalue()


def _segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def _after_start(jpeg: bytes, *segments: bytes) -> bytes:
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def jpeg_fill_bytes(count: int = 40_000) -> bytes:
    """Return a JPEG with a long run of fill bytes before a marker."""
    jpeg = _jpeg()
    return jpeg[:-2] + b"\xff" * count + b"\0" + jpeg[-2:]


def jpeg_resized(side: int, jpeg: bytes | None = None) -> bytes:
    """Return a JPEG whose header declares this size."""
    content = bytearray(jpeg or _jpeg((16, 16)))
    frame = next(
        content.find(bytes([0xFF, n]))
        for n in (0xC0, 0xC2)
        if content.find(bytes([0xFF, n])) > 0
    )
    struct.pack_into(">HH", content, frame + 5, side, side)
    return bytes(content)


def jpeg_scans_apart(side: int = 9400) -> bytes:
    """Return a baseline JPEG with a scan per color, which decoders hold in memory."""
    jpeg = jpeg_resized(side, _jpeg((16, 16), subsampling=0))
    head = jpeg[: jpeg.find(b"\xff\xda")]
    scans = [
        _segment(0xDA, bytes([1, color, table, 0, 63, 0])) + bytes(8)
        for color, table in ((1, 0), (2, 0x11), (3, 0x11))
    ]
    return head + b"".join(scans) + b"\xff\xd9"


def jpeg_scans(count: int, size: tuple[int, int] = (4000, 3900)) -> bytes:
    """Return a progressive JPEG with its last scan repeated."""
    jpeg = _jpeg(size, "L", progressive=True, quality=10)
    last = jpeg[jpeg.rfind(b"\xff\xda") : -2]
    return jpeg[:-2] + last * count + jpeg[-2:]


def jpeg_frame_kind(kind: int) -> bytes:
    """Return a JPEG that browsers cannot show: arithmetic, lossless or 12-bit."""
    return _jpeg().replace(b"\xff\xc0", bytes([0xFF, kind]), 1)


def jpeg_precision(bits: int = 12) -> bytes:
    jpeg = bytearray(_jpeg())
    jpeg[jpeg.find(b"\xff\xc0") + 4] = bits
    return bytes(jpeg)


def jpeg_comments(count: int) -> bytes:
    return _after_start(_jpeg(), b"\xff\xfe\0\2" * count)


def jpeg_profile(segments: int, size: int = 60_000) -> bytes:
    """Return a JPEG with a color profile split over many segments."""
    parts = [
        _segment(0xE2, b"ICC_PROFILE\0" + bytes([n % 255 + 1, 255]) + bytes(size))
        for n in range(segments)
    ]
    return _after_start(_jpeg(), *parts)


def jpeg_xmp(segments: int) -> bytes:
    name = b"http://ns.adobe.com/xmp/extension/\0"
    part = _segment(0xE1, name + b"<GPSLatitude>" * 4000)
    return _after_start(_jpeg(), *[part] * segments)


def jpeg_restarts(count: int) -> bytes:
    jpeg = _jpeg()
    return jpeg[:-2] + b"\xff\xd0\xff\xd1" * (count // 2) + jpeg[-2:]


def exif_overlapping(directories: int, entries: int) -> bytes:
    """Return EXIF with overlapping directories that link to each other."""
    block = bytearray(8 + 4 * directories + 12 * entries + 10)
    struct.pack_into("<4sI", block, 0, b"II*\0", 8)
    for number in range(directories):
        at = 8 + 4 * number
        struct.pack_into("<H", block, at, entries)
        if number + 1 < directories:
            struct.pack_into("<I", block, at + 2 + 12 * entries, at + 4)
    return bytes(block)


def exif_claims(entries: int, size: int) -> bytes:
    """Return EXIF whose entries all refer to the same bytes."""
    block = struct.pack("<4sIH", b"II*\0", 8, entries)
    for number in range(entries):
        block += struct.pack("<HHII", 0x9000 + number, 7, size, 0)
    return block + bytes(4 + size)


def exif_loop() -> bytes:
    """Return EXIF whose sub-directory is the first directory."""
    entry = struct.pack("<HHII", 0x8769, 4, 1, 8)
    return struct.pack("<4sIH", b"II*\0", 8, 1) + entry + struct.pack("<I", 8)


def jpeg_exif(block: bytes) -> bytes:
    return _after_start(_jpeg(), _segment(0xE1, b"Exif\0\0" + block))


def chunk(kind: bytes, data: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + checksum


def png(
    *chunks: tuple[bytes, bytes],
    size=(1, 1),
    depth=8,
    color=2,
    interlaced=0,
    data=None,
) -> bytes:
    """Return a PNG with chunks before its data, by default that of one pixel."""
    header = struct.pack(">IIBBBBB", *size, depth, color, 0, 0, interlaced)
    packed = zlib.compress(b"\0\xff\0\0") if data is None else data
    parts = [(b"IHDR", header), *chunks, (b"IDAT", packed), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def zeros(megabytes: int) -> bytes:
    """Return zlib data that inflates to that many million zero bytes."""
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    megabyte = packer.compress(bytes(1_000_000)) + packer.flush(zlib.Z_FULL_FLUSH)
    # Compressed once: after a full flush, the same bytes mean the same again.
    adler32 = (megabytes * 1_000_000 % 65_521) << 16 | 1
    end = packer.flush() + struct.pack(">I", adler32)
    return b"\x78\xda" + megabyte * megabytes + end


def png_large(
    side: int = 9000, interlaced: int = 0, depth: int = 8, color: int = 6
) -> bytes:
    return png(
        size=(side, side),
        depth=depth,
        color=color,
        interlaced=interlaced,
        data=zeros(400),
    )


def apng(
    frames: int,
    *,
    announced: int | None = None,
    first: int = 0,
    step: int = 1,
    side: int = 1,
) -> bytes:
    """Return an animated PNG of red squares whose first frame is the image."""
    rows = zlib.compress((b"\0" + b"\xff\0\0" * side) * side)
    control = struct.pack(">IIIIHHBB", side, side, 0, 0, 1, 10, 0, 0)
    number = first
    before = [(b"acTL", struct.pack(">II", announced or frames, 0))]
    before.append((b"fcTL", struct.pack(">I", number) + control))
    after = []
    for _ in range(frames - 1):
        after.append((b"fcTL", struct.pack(">I", number + step) + control))
        after.append((b"fdAT", struct.pack(">I", number + 2 * step) + rows))
        number += 2 * step
    still = png(*before, size=(side, side), data=rows)
    return still[:-12] + b"".join(chunk(*part) for part in after) + still[-12:]


def gif(
    frames: int, size=(1, 1), frame_size=None, block: bytes = b"\x02\x4c\x01\x00"
) -> bytes:
    """Return a GIF that repeats one frame."""
    head = b"GIF89a" + struct.pack("<HHBBB", *size, 0x80, 0, 0) + bytes(6)
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, *(frame_size or size), 0)
    return head + (frame + b"\x02" + block) * frames + b"\x3b"


def gif_small_blocks(count: int) -> bytes:
    return gif(1, block=b"\x01\0" * count + b"\0")


def webp(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(
        kind + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)
        for kind, data in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def webp_canvas(side: int, *, flags: int = 0, frames: int = 0) -> bytes:
    """Return a WebP with a canvas of this size and empty frames."""
    edge = (side - 1).to_bytes(3, "little")
    parts = [(b"VP8X", bytes([flags, 0, 0, 0]) + edge * 2)]
    if frames:
        parts.append((b"ANIM", bytes(6)))
    return webp(*parts, *[(b"ANMF", bytes(16))] * frames)


def heic_claiming(side: int) -> bytes:
    """Return a HEIC whose headers declare this size."""
    content = bytearray(HEIC)
    at = -1
    while (at := content.find(b"ispe", at + 1)) >= 0:
        struct.pack_into(">II", content, at + 8, side, side)
    return bytes(content)


def pdf(body: bytes, trailer: bytes = b"/Root 1 0 R") -> bytes:
    """Return a PDF of one page with more objects and no valid table of objects."""
    return (
        b"%PDF-1.5\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>>endobj\n"
        + body
        + b"trailer<<"
        + trailer
        + b">>\nstartxref\n0\n%%EOF\n"
    )


def pdf_page_loop() -> bytes:
    return pdf(b"").replace(b"/Kids[3 0 R]", b"/Kids[2 0 R]").replace(b"/Count 1", b"")


def pdf_prev_loop() -> bytes:
    """Return a PDF whose cross-reference table refers to itself."""
    head = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    table = b"xref\n0 1\n0000000000 65535 f \ntrailer<</Size 3/Root 1 0 R/Prev %d>>\n"
    at = len(head)
    return head + table % at + b"startxref\n%d\n%%%%EOF\n" % at


def pdf_xref_bomb(megabytes: int) -> bytes:
    """Return a PDF whose cross-reference stream inflates to a large size."""
    data = zeros(megabytes)
    head = b"%PDF-1.5\n"
    stream = (
        b"1 0 obj<</Type/XRef/Size 99999999/W[1 2 1]/Root 2 0 R/Filter/FlateDecode"
        b"/Length %d>>stream\n" % len(data)
    )
    return head + stream + data + b"\nendstream endobj\nstartxref\n9\n%%EOF\n"


def pdf_nested(depth: int) -> bytes:
    return pdf(b"4 0 obj" + b"[" * depth + b"]" * depth + b"endobj\n", b"/Root 4 0 R")


def pdf_many_objects(count: int) -> bytes:
    return pdf(b"".join(b"%d 0 obj<<>>endobj\n" % (n + 4) for n in range(count)))


Make = Callable[[], bytes]

# Files that are rejected under any name.
REFUSED: dict[str, Make] = {
    "jpeg: colors in scans of their own": jpeg_scans_apart,
    "jpeg: 300 scans": lambda: jpeg_scans(300),
    "jpeg: 4,000 scans": lambda: jpeg_scans(4000),
    "jpeg: 2,000 scans of one pixel": lambda: jpeg_scans(2000, (1, 1)),
    "jpeg: more pixels than a picture has": lambda: jpeg_resized(65_000),
    "jpeg: no pixels": lambda: jpeg_resized(0),
    "jpeg: progressive, 80 megapixels": lambda: jpeg_resized(
        9000, _jpeg((16, 16), progressive=True)
    ),
    "jpeg: arithmetic coding": lambda: jpeg_frame_kind(0xC9),
    "jpeg: arithmetic coding, progressive": lambda: jpeg_frame_kind(0xCA),
    "jpeg: lossless": lambda: jpeg_frame_kind(0xC3),
    "jpeg: 12 bits": jpeg_precision,
    "jpeg: a million comments": lambda: jpeg_comments(1_000_000),
    "jpeg: 3,000 parts of a profile": lambda: jpeg_profile(3000, 1000),
    "png: 700,000 chunks": lambda: png(*[(b"tEXt", b"")] * 700_000),
    "png: a profile of 400 MB": lambda: png((b"iCCP", b"a\0\0" + zeros(400))),
    "png: 81 megapixels": png_large,
    "png: 81 megapixels, interlaced": lambda: png_large(interlaced=1),
    "png: 49 megapixels of 8 bytes": lambda: png_large(7000, depth=16),
    "png: two thousand million pixels a side": lambda: png_large(2**31 - 1),
    "png: 5,000 frames": lambda: apng(5000),
    "png: 100 frames of 4 megapixels": lambda: apng(100, side=2000),
    "gif: 100,000 frames": lambda: gif(100_000),
    "gif: 1,000 frames of 16 megapixels": lambda: gif(1000, (4000, 4000)),
    "gif: a frame of 4,000 megapixels": lambda: gif(1, (9, 9), (65_000, 65_000)),
    "gif: blocks of one byte": lambda: gif_small_blocks(2_000_000),
    "webp: a canvas of 268 megapixels": lambda: webp_canvas(16_383),
    "webp: 100,000 frames": lambda: webp_canvas(99, flags=2, frames=100_000),
    "webp: a million empty parts": lambda: webp(*[(b"ICCP", b"aa")] * 900_000),
    "heic: 25 megapixels of red": lambda: LARGE_HEIC,
    "heic: 36 megapixels that are not there": lambda: heic_claiming(6000),
    "heic: 4,000 megapixels": lambda: heic_claiming(65_000),
    "heic: 16 million megapixels": lambda: heic_claiming(2**32 - 1),
    "pdf: the table's predecessor is itself": pdf_prev_loop,
    "pdf: a table that inflates to 1 GB": lambda: pdf_xref_bomb(1000),
    "pdf: pages that are in themselves": pdf_page_loop,
    "pdf: a million brackets": lambda: pdf_nested(1_000_000),
}

# Valid images that are accepted without their hostile parts.
CLEANED: dict[str, Make] = {
    "jpeg: 40,000 fill bytes": jpeg_fill_bytes,
    "jpeg: overlapping directories": lambda: jpeg_exif(exif_overlapping(2500, 4300)),
    "jpeg: entries that claim the same bytes": lambda: jpeg_exif(
        exif_claims(2000, 30_000)
    ),
    "jpeg: a directory in itself": lambda: jpeg_exif(exif_loop()),
    "jpeg: XMP of 9 MB": lambda: jpeg_xmp(170),
    "jpeg: a profile of 9 MB": lambda: jpeg_profile(150),
    "jpeg: a million restart marks": lambda: jpeg_restarts(1_000_000),
    "png: overlapping directories": lambda: png(
        (b"eXIf", exif_overlapping(1000, 4000))
    ),
    "png: 840 kB of directories": lambda: png(
        (b"eXIf", exif_overlapping(30_000, 60_000))
    ),
    "png: text of 2 GB": lambda: png(
        *[(b"zTXt", b"a\0\0" + zeros(400)), (b"iTXt", b"a\0\1\0\0\0" + zeros(400))] * 3
    ),
    "pdf: 200,000 objects": lambda: pdf_many_objects(200_000),
}
