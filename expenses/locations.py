"""Where in a picture its place of origin stands, and where the picture ends.

Works on bytes and returns what to write over them, always of the same length: nothing
moves and no pixel is touched. Raises ValueError or IndexError for a damaged file.
"""

import mmap
import re
import struct
import zlib

Content = mmap.mmap | bytes
Edits = list[tuple[int, bytes]]

_GPS = 0x8825  # the tag of the GPS directory
_EXIF = b"Exif\0\0"
_XMP = (b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0")
_PLACE = re.compile(rb"gps|location|latitude|longitude", re.IGNORECASE)
_MARKER = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])")  # no stuffing, no restart
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_PNG_TEXTS = (b"XML:com.adobe.xmp\0", b"Raw profile type ")


def in_jpeg(content: Content) -> tuple[int, Edits]:
    """Find the end of the first picture, and blank its place.

    What phones append after it (previews with a place of their own, short films) is
    not part of the picture.
    """
    edits: Edits = []
    position = 2
    if content[:2] != b"\xff\xd8":
        raise ValueError("no start")
    while True:
        found = _MARKER.search(content, position)
        if found is None:
            raise ValueError("no end")
        marker = found[1][0]
        position = found.end()
        if marker == 0xD9:
            return position, edits
        if marker in {0x01, 0xD8}:
            continue
        (length,) = struct.unpack(">H", content[position : position + 2])
        start, end = position + 2, position + length
        if length < 2 or end > len(content):
            raise ValueError("a segment is cut")
        if marker == 0xE1:
            edits += _in_app1(content[start:end], start)
        position = end


def in_png(content: Content) -> tuple[int, Edits]:
    """Find the end of the last chunk, and blank the place."""
    edits: Edits = []
    position = 8
    while True:
        length, kind = struct.unpack(">I4s", content[position : position + 8])
        start = position + 8
        position = start + length + 4
        if position > len(content):
            raise ValueError("a chunk is cut")
        data = None
        if kind == b"eXIf":
            data = _blanked(content[start : start + length])
        elif kind in {b"iTXt", b"tEXt", b"zTXt"}:
            text = content[start : start + length]
            if text.startswith(_PNG_TEXTS):  # may be compressed: gone as a whole
                kind, data = b"tEXt", b"Comment\0".ljust(length)
        if data is not None:
            checksum = struct.pack(">I", zlib.crc32(kind + data))
            edits.append((start - 4, kind + data + checksum))
        if kind == b"IEND":
            return position, edits


def end_of_gif(content: Content) -> int:
    """Find the end of the last block."""
    flags = content[10]
    position = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    while True:
        introducer = content[position]
        if introducer == 0x3B:
            return position + 1
        if introducer == 0x21:
            position += 2
        elif introducer == 0x2C:
            flags = content[position + 9]
            position += 11 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
        else:
            raise ValueError("no block")
        while size := content[position]:
            position += size + 1
        position += 1


def _in_app1(data: bytes, offset: int) -> Edits:
    if data.startswith(_EXIF):
        blanked = _blanked(data[len(_EXIF) :])
        return [(offset + len(_EXIF), blanked)] if blanked is not None else []
    for name in _XMP:
        if data.startswith(name) and _PLACE.search(data):
            return [(offset + len(name), b" " * (len(data) - len(name)))]
    return []


def _blanked(block: bytes) -> bytes | None:
    """Return EXIF without its GPS directory; None: it has none.

    Nothing else moves, so that makers' notes go on pointing where they did. Where the
    block cannot be followed, all of it goes.
    """
    changed = bytearray(block)
    try:
        if not _blank_directories(changed):
            return None
    except (KeyError, ValueError, IndexError, struct.error):
        return bytes(len(block))
    return bytes(changed)


def _blank_directories(block: bytearray) -> bool:
    order = {b"II": "<", b"MM": ">"}[bytes(block[:2])]
    (directory,) = struct.unpack_from(order + "I", block, 4)
    found = False
    seen: set[int] = set()
    while directory and directory not in seen:
        seen.add(directory)
        (count,) = struct.unpack_from(order + "H", block, directory)
        last = directory + 2 + 12 * count
        for entry in range(directory + 2, last, 12):
            tag, _, _, value = struct.unpack_from(order + "HHII", block, entry)
            if tag == _GPS:
                _blank_gps(block, order, value)
                # The entries after it and the link to the next directory move up.
                block[entry : last + 4] = block[entry + 12 : last + 4] + bytes(12)
                struct.pack_into(order + "H", block, directory, count - 1)
                last -= 12
                found = True
                break
        (directory,) = struct.unpack_from(order + "I", block, last)
    return found


def _blank_gps(block: bytearray, order: str, directory: int) -> None:
    (count,) = struct.unpack_from(order + "H", block, directory)
    for entry in range(directory + 2, directory + 2 + 12 * count, 12):
        _, kind, number, value = struct.unpack_from(order + "HHII", block, entry)
        size = _SIZES[kind] * number
        if size > 4:
            if value + size > len(block):
                raise ValueError("a value is cut")
            block[value : value + size] = bytes(size)
        block[entry : entry + 12] = bytes(12)
    struct.pack_into(order + "H", block, directory, 0)
