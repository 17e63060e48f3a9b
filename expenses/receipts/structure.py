"""Limits on the content of picture files, checked before anything is decoded.

Each function walks over the parts of a file (segments, chunks, blocks) and returns the
parts to keep, in order. Image data stays byte for byte. XMP, IPTC and comments are
removed, EXIF loses its location, and data after the end of the picture is cut off.

No maintained library removes metadata without encoding the pixels again (the last
release of piexif is from 2019, exiv2's wheels are under the GPL), and decoders have no
such limits. This code still runs in a process with limits.
"""

import re
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from PIL import Image

from smartbudget.core.i18n import gettext_noop

TOO_MANY_PIXELS = gettext_noop(
    "This picture has too many pixels. The limit is {most} megapixels."
)

MEGA = 1_000_000
# JPEG is decoded at an eighth of its size and PNG row by row; others are decoded whole.
MAX_PIXELS = {
    "JPEG": 89 * MEGA,
    "PNG": 50 * MEGA,
    "GIF": 16 * MEGA,
    "WEBP": 13 * MEGA,
    "HEIF": 25 * MEGA,
}
MAX_SEGMENTS = 1_000  # of a JPEG; an ICC profile alone may take 255
MAX_SCANS = 64  # progressive pictures have about ten
# If colors come in several scans, the whole picture is held in memory: 128 bytes for
# each block of 8 x 8. This limit is 74 MB: 24 megapixels as cameras store them, 12 in
# full color.
MAX_BLOCKS_HELD = 575_000
MAX_BLOCKS_VISITED = 8 * MEGA  # each scan visits the blocks of its colors
MAX_CHUNKS = 20_000  # of a PNG: 10 MB in chunks of 512 bytes
MAX_INFLATED_BYTES = 200 * MEGA  # bytes, of all rows of a PNG and its frames
MAX_PROFILE_BYTES = 4 * MEGA  # bytes of a color profile, inflated
MAX_FRAMES = 1_000
MAX_FRAME_PIXELS = 200 * MEGA  # in all frames of an animation
MAX_GIF_BLOCKS = 100_000  # 10 MB in blocks of 255 bytes are 41,000
MAX_EXIF_BYTES = 65_527  # bytes; the most that a JPEG's segment can hold

Part = bytes | memoryview

EXIF_NAME = b"Exif\0\0"
# Tags that point to other directories.
_GPS = 0x8825
_DETAILS = 0x8769

_ORIENTATION = 0x0112
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}


class RefusedError(Exception):
    """The file is not accepted; `message` is a message id with placeholders, or None.

    Without a message, the file is damaged or exceeds a limit.
    """

    def __init__(self, message: str | None = None, **values: int) -> None:
        super().__init__(message)
        self.message = message
        self.values = values


def check_pixels(image_format: str, width: int, height: int) -> None:
    """Raise RefusedError for a picture without pixels or with too many."""
    if not width or not height:
        raise RefusedError
    if width * height > MAX_PIXELS[image_format]:
        raise RefusedError(TOO_MANY_PIXELS, most=MAX_PIXELS[image_format] // MEGA)


def _require(condition: object) -> None:
    if not condition:
        raise RefusedError


# ------------------------------------------------------------------------------ EXIF

# Errors of Pillow, and of `_is_bounded`, for EXIF that cannot be read or written.
_EXIF_ERRORS = (
    AssertionError,
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
)


def without_location(block: bytes) -> bytes:
    """Return EXIF without its GPS directory and preview, or b"" if it is malformed.

    block: with or without the name that precedes it in JPEG, and so is the result.
    """
    name = EXIF_NAME if block.startswith(EXIF_NAME) else b""
    try:
        if len(block) > MAX_EXIF_BYTES or not _is_bounded(block[len(name) :]):
            return b""
        exif = Image.Exif()
        exif.load(EXIF_NAME + block[len(name) :])
        exif.pop(_GPS, None)
        encoded = _encode(exif) if len(exif) else b""
    except _EXIF_ERRORS:
        return b""
    if not encoded or len(encoded) > MAX_EXIF_BYTES:
        return b""
    return name + encoded.removeprefix(EXIF_NAME)


def _encode(exif: Image.Exif) -> bytes:
    try:
        return bytes(exif.tobytes())
    except _EXIF_ERRORS:  # Pillow cannot write all values that it can read
        orientation = Image.Exif()
        orientation[_ORIENTATION] = exif[_ORIENTATION]
        return bytes(orientation.tobytes())


def _is_bounded(block: bytes) -> bool:
    """Check whether all values of the directories together fit into the block."""
    order = {b"II": "<", b"MM": ">"}[block[:2]]
    directories = [struct.unpack_from(order + "I", block, 4)[0]]
    size = 0
    for directory in directories:  # the loop appends at most one
        (count,) = struct.unpack_from(order + "H", block, directory)
        entries = block[directory + 2 : directory + 2 + 12 * count]
        for tag, kind, number, value in struct.iter_unpack(
            order + "HHII", entries[: len(entries) // 12 * 12]
        ):
            size += 12 + _SIZES.get(kind, 1) * number
            if tag == _DETAILS and len(directories) == 1:
                directories.append(value)
    return size <= 2 * len(block)  # values of up to four bytes are in their entry


# ------------------------------------------------------------------------------ JPEG

_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")  # not stuffing or restart
_FRAMES = {0xC0: False, 0xC1: False, 0xC2: True}  # marker: whether progressive
_OTHER_FRAMES = {0xC3, *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)}
_WITHOUT_SEGMENT = {0x01, 0xD8}


@dataclass
class _Frame:
    """The data of a JPEG's frame header, and of the scans that were read."""

    is_progressive: bool
    blocks: dict[int, int]  # {id of a component: number of its blocks}
    scans: int = 0
    visited: int = 0

    def add_scan(self, header: bytes) -> None:
        """Count a scan. Raises RefusedError if scans are too many or too large."""
        count = header[0]
        ids = header[1 : 1 + 2 * count : 2]
        _require(0 < count <= len(self.blocks) and len({*ids}) == len(ids) == count)
        self.scans += 1
        self.visited += sum(self.blocks[component] for component in ids)
        _require(self.scans <= MAX_SCANS and self.visited <= MAX_BLOCKS_VISITED)
        # libjpeg also holds a baseline picture with several scans in memory.
        if self.is_progressive or count < len(self.blocks):
            _require(sum(self.blocks.values()) <= MAX_BLOCKS_HELD)


def jpeg(content: bytes) -> list[Part]:
    """Return the parts of a JPEG's first picture."""
    view = memoryview(content)
    parts: list[Part] = [view[:2]]
    frame: _Frame | None = None
    position = 2
    has_exif = False
    for _ in range(MAX_SEGMENTS):
        match = _MARKER.search(content, position)
        if match is None:
            raise RefusedError
        marker, start = content[match.end() - 1], match.end()
        if marker == 0xD9:
            _require(frame and frame.scans)
            return [*parts, view[position:start]]
        if marker in _WITHOUT_SEGMENT:
            parts.append(view[position:start])
            position = start
            continue
        _require(marker not in _OTHER_FRAMES)  # browsers show none of them
        (length,) = struct.unpack_from(">H", content, start)
        end = start + length
        _require(length >= 2 and end <= len(content))
        data = content[start + 2 : end]
        if marker in _FRAMES:
            _require(frame is None)
            frame = _frame(_FRAMES[marker], data)
        elif marker == 0xDA:
            if frame is None:
                raise RefusedError
            frame.add_scan(data)
        parts.append(view[position : match.start()])  # a scan's data
        if data.startswith(EXIF_NAME) and marker == 0xE1:
            changed = b"" if has_exif else without_location(data)
            has_exif = True
            if changed:
                parts.append(
                    struct.pack(">BBH", 0xFF, 0xE1, len(changed) + 2) + changed
                )
        elif _is_needed(marker, data):
            parts.append(view[match.start() : end])
        position = end
    raise RefusedError


def _is_needed(marker: int, data: bytes) -> bool:
    """Check whether a decoder needs a segment."""
    if marker == 0xE2:
        return data.startswith(b"ICC_PROFILE\0")
    if 0xE0 <= marker <= 0xEF:
        return data.startswith((b"JFIF\0", b"Adobe"))
    return marker != 0xFE  # a comment


def _frame(is_progressive: bool, data: bytes) -> _Frame:
    precision, height, width, count = struct.unpack_from(">BHHB", data)
    check_pixels("JPEG", width, height)
    _require(precision == 8 and count in {1, 3, 4} and len(data) >= 6 + 3 * count)
    factors = {
        data[at]: (data[at + 1] >> 4, data[at + 1] & 15)
        for at in range(6, 6 + 3 * count, 3)
    }
    _require(len(factors) == count)
    _require(all(1 <= h <= 4 and 1 <= v <= 4 for h, v in factors.values()))
    widest = max(h for h, _ in factors.values())
    highest = max(v for _, v in factors.values())
    blocks = {
        component: -(-width * h // (8 * widest)) * -(-height * v // (8 * highest))
        for component, (h, v) in factors.items()
    }
    return _Frame(is_progressive, blocks)


# ------------------------------------------------------------------------------- PNG

_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_CRITICAL = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
_VISIBLE = {  # chunks that change how the picture looks
    *(b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"bKGD", b"pHYs"),
    *(b"cICP", b"mDCV", b"cLLI", b"acTL", b"fcTL", b"fdAT"),
}
_PASSES = (  # of an interlaced picture: first column, first row, steps of both
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)),
    *((0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)),
)
_BLOCK = 256 * 1024  # bytes inflated at a time


@dataclass
class _Png:
    """The data of a PNG's chunks."""

    width: int
    height: int
    bits: int  # of a pixel
    is_interlaced: bool
    has_colors: bool = False
    frames: int | None = None  # as announced, or None if not animated
    sequence: int = 0
    data: list[bytes] = field(default_factory=list)  # of the still picture
    # Width, height and data of each frame; the first may be the still picture.
    moving: list[tuple[int, int, list[bytes]]] = field(default_factory=list)
    inflated: int = 0

    def add(self, kind: bytes, data: bytes) -> None:
        """Add a chunk. Raises RefusedError if it is not allowed there."""
        if kind == b"PLTE":
            _require(not self.data and 0 < len(data) <= 768 and len(data) % 3 == 0)
            self.has_colors = True
        elif kind == b"IDAT":
            self.data.append(data)
        elif kind == b"iCCP":
            _check_profile(data)
        elif kind == b"acTL":
            _require(self.frames is None and not self.data)
            (self.frames,) = struct.unpack_from(">I", data)
            _require(0 < self.frames <= MAX_FRAMES)
        elif kind == b"fcTL":
            self._begin_frame(data)
        elif kind == b"fdAT":
            self._count(data)
            _require(self.data and self.moving and self.moving[-1][2] is not self.data)
            self.moving[-1][2].append(data[4:])

    def _begin_frame(self, data: bytes) -> None:
        self._count(data)
        width, height, left, top = struct.unpack_from(">IIII", data, 4)
        _require(len(data) == 26 and width and height and self.frames)
        _require(left + width <= self.width and top + height <= self.height)
        pieces: list[bytes] = []
        if not self.data:  # the still picture is the first frame
            _require((width, height) == (self.width, self.height) and not self.moving)
            pieces = self.data
        self.moving.append((width, height, pieces))

    def _count(self, data: bytes) -> None:
        _require(len(data) >= 4 and int.from_bytes(data[:4], "big") == self.sequence)
        self.sequence += 1

    def check_data(self) -> None:
        """Inflate all data in small blocks and check it. Raises RefusedError."""
        _require(self.has_colors)
        self._check_rows(self.width, self.height, self.data)
        if self.frames is not None:
            _require(len(self.moving) == self.frames)
        for width, height, pieces in self.moving:
            if pieces is not self.data:
                self._check_rows(width, height, pieces)

    def _check_rows(self, width: int, height: int, pieces: list[bytes]) -> None:
        passes = _PASSES if self.is_interlaced else ((0, 0, 1, 1),)
        rows = [
            (1 + -(-columns * self.bits // 8), count)  # a filter byte and the pixels
            for left, top, right, down in passes
            if (columns := -(-(width - left) // right)) > 0
            and (count := -(-(height - top) // down)) > 0
        ]
        self.inflated += sum(row * count for row, count in rows)
        _require(self.inflated <= MAX_INFLATED_BYTES)
        data = _inflated(pieces)
        buffer = b""
        for row, count in rows:
            remaining, at = row * count, 0
            while remaining:
                block = buffer or next(data, b"")
                _require(block)
                block, buffer = block[:remaining], block[remaining:]
                _require(max(block[-at % row :: row], default=0) <= 4)
                at, remaining = at + len(block), remaining - len(block)


def png(content: bytes) -> list[Part]:
    """Return the parts of a PNG to keep; all data is inflated and checked."""
    view = memoryview(content)
    parts: list[Part] = [view[:8]]
    picture: _Png | None = None
    position = 8
    for _ in range(MAX_CHUNKS):
        length, kind = struct.unpack_from(">I4s", content, position)
        start, end = position + 8, position + 12 + length
        _require(end <= len(content))
        data = content[start : start + length]
        (checksum,) = struct.unpack_from(">I", content, end - 4)
        _require(checksum == zlib.crc32(data, zlib.crc32(kind)))
        if picture is None:
            _require(kind == b"IHDR")
            picture = _header(data)
        else:
            _require(kind != b"IHDR" and (kind in _CRITICAL or kind[0] & 0x20))
            picture.add(kind, data)
        if kind == b"eXIf":
            if changed := without_location(data):
                parts.append(_chunk(kind, changed))
        elif kind in _CRITICAL or kind in _VISIBLE:
            parts.append(view[position:end])
        if kind == b"IEND":
            picture.check_data()
            return parts
        position = end
    raise RefusedError


def _header(data: bytes) -> _Png:
    _require(len(data) == 13)
    width, height, depth, color, _method, _filter, interlaced = struct.unpack(
        ">IIBBBBB", data
    )
    check_pixels("PNG", width, height)
    _require(depth in _DEPTHS.get(color, ()) and interlaced in {0, 1})
    return _Png(width, height, depth * _CHANNELS[color], bool(interlaced), color != 3)


def _chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(data, zlib.crc32(kind))
    return struct.pack(">I4s", len(data), kind) + data + struct.pack(">I", checksum)


def _check_profile(data: bytes) -> None:
    _, _, packed = data.partition(b"\0")
    size = sum(map(len, _inflated([packed[1:]], MAX_PROFILE_BYTES + 1)))
    _require(size <= MAX_PROFILE_BYTES)


def _inflated(
    pieces: Iterable[bytes], limit: int = MAX_INFLATED_BYTES
) -> Iterator[bytes]:
    """Yield inflated data in blocks; stop soon after `limit` bytes."""
    inflate = zlib.decompressobj()
    for piece in pieces:
        remaining = piece
        while remaining and limit > 0 and not inflate.eof:
            try:
                block = inflate.decompress(remaining, _BLOCK)
            except zlib.error as error:
                raise RefusedError from error
            remaining = inflate.unconsumed_tail
            limit -= len(block)
            if block:
                yield block


# ------------------------------------------------------------------------------- GIF


def gif(content: bytes) -> list[Part]:
    """Return the parts of a GIF to keep."""
    view = memoryview(content)
    width, height, flags = struct.unpack_from("<HHB", content, 6)
    position = 13 + _colors(flags)
    parts: list[Part] = [view[:position]]
    frames = pixels = 0
    blocks = MAX_GIF_BLOCKS
    while (introducer := content[position]) != 0x3B:
        start = position
        is_needed = True
        if introducer == 0x2C:
            left, top, across, down, flags = struct.unpack_from(
                "<HHHHB", content, position + 1
            )
            # Decoders enlarge the picture to fit a frame that exceeds its edges.
            width, height = max(width, left + across), max(height, top + down)
            check_pixels("GIF", width, height)
            frames, pixels = frames + 1, pixels + width * height
            _require(frames <= MAX_FRAMES and pixels <= MAX_FRAME_PIXELS)
            position += 11 + _colors(flags)
        elif introducer == 0x21:
            label, name = content[position + 1], content[position + 3 : position + 14]
            loops = label == 0xFF and name in {b"NETSCAPE2.0", b"ANIMEXTS1.0"}
            is_needed = loops or label == 0xF9
            position += 2
        else:
            raise RefusedError
        while size := content[position]:
            position += size + 1
            blocks -= 1
            _require(blocks)
        position += 1
        if is_needed:
            parts.append(view[start:position])
    _require(frames)
    return [*parts, b"\x3b"]


def _colors(flags: int) -> int:
    """Return the size of a color table in bytes."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


# ------------------------------------------------------------------------------ WebP

_WEBP_VISIBLE = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"}
_HAS_EXIF, _HAS_XMP = 0x08, 0x04


def webp(content: bytes) -> list[Part]:
    """Return the parts of a WebP file to keep."""
    end = 8 + int.from_bytes(content[4:8], "little")
    _require(end <= len(content))
    chunks: list[tuple[bytes, bytes]] = []
    position = 12
    frames = 0
    while position + 8 <= end:
        kind, length = struct.unpack_from("<4sI", content, position)
        data = content[position + 8 : position + 8 + length]
        _require(position + 8 + length <= end)
        position += 8 + length + length % 2
        if not chunks:
            check_pixels("WEBP", *_size_of_webp(kind, data))
        frames += kind == b"ANMF"
        _require(frames <= MAX_FRAMES and len(chunks) < MAX_SEGMENTS + MAX_FRAMES)
        if kind == b"EXIF":
            data = without_location(data)
        if data and (kind == b"EXIF" or kind in _WEBP_VISIBLE):
            chunks.append((kind, data))
    return _riff(chunks)


def _size_of_webp(kind: bytes, data: bytes) -> tuple[int, int]:
    """Return width and height, which the first chunk has."""
    if kind == b"VP8X":
        width = int.from_bytes(data[4:7], "little")
        return width + 1, int.from_bytes(data[7:10], "little") + 1
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 1)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    _require(kind == b"VP8 ")
    width, height = struct.unpack_from("<HH", data, 6)
    return width & 0x3FFF, height & 0x3FFF


def _riff(chunks: list[tuple[bytes, bytes]]) -> list[Part]:
    has_exif = any(kind == b"EXIF" for kind, _ in chunks)
    parts: list[Part] = []
    for kind, data in chunks:
        if kind == b"VP8X":
            flags = data[0] & ~_HAS_XMP & ~(0 if has_exif else _HAS_EXIF)
            data = bytes([flags]) + data[1:]
        parts += [kind + struct.pack("<I", len(data)), data, bytes(len(data) % 2)]
    size = 4 + sum(map(len, parts))
    return [b"RIFF" + struct.pack("<I", size) + b"WEBP", *parts]


WALKS = {"JPEG": jpeg, "PNG": png, "GIF": gif, "WEBP": webp}
