"""Unpack a zip that contains statements, or this application's own export."""

import io
import zipfile
import zlib
from collections.abc import Collection, Sequence
from itertools import chain, count

from expenses.imports import limits
from expenses.imports.messages import FileError

MAX_FILES = 10_000
MAX_STATEMENTS = 400  # one a day for a year
_MAX_NAME_LENGTH = 60

_ENTRY = b"PK\x01\x02"  # of each file, in a zip's directory
# Own exports have the expenses twice. Only the CSV has their currency.
_OWN = ("expenses.csv", "expenses.json")
# Others allocate as much memory as a zip declares.
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
# In files of spreadsheets, which are zips.
_SPREADSHEETS = ("xl/", "[Content_Types].xml", "content.xml")


def is_zip(content: bytes) -> bool:
    """Check whether a file is a zip, also an empty one."""
    return content.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def unpack(content: bytes) -> list[tuple[str, bytes]]:
    """Return the statements in a zip with their names, limits.MAX_BYTES at most in all.

    Raises FileError if there are none or too many, or the zip can't be read.
    """
    if content.count(_ENTRY) > MAX_FILES:
        raise FileError("crowded_zip")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            files: dict[str, bytes] = {}
            size = 0
            for entry in _statements(archive.infolist()):
                unpacked = _read(archive, entry, limits.MAX_BYTES - size)
                size += len(unpacked)
                limits.check_bytes(size)
                files[_name_of(entry, files)] = unpacked
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,  # a method of compression
        RuntimeError,  # a password
        UnicodeDecodeError,
        ValueError,
    ) as error:
        raise FileError("unreadable_zip") from error
    if any(map(is_zip, files.values())):
        raise FileError("nested_zip")
    return [*files.items()]


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int) -> bytes:
    """Return a file of a zip, at most one byte more than allowed.

    Sizes that a zip declares may be wrong.
    """
    if entry.compress_type not in _METHODS:
        raise NotImplementedError  # as an unknown method is
    with archive.open(entry) as file:
        return file.read(most + 1)


def _name_of(entry: zipfile.ZipInfo, others: Collection[str]) -> str:
    """Return a name for people, of bounded length, that no other file has.

    The places of rows contain it, and so do the user's choices for them.
    """
    shown = "".join(filter(str.isprintable, entry.filename))[-_MAX_NAME_LENGTH:]
    names = chain([shown], (f"{shown} ({number})" for number in count(2)))
    return next(name for name in names if name not in others)


def _statements(entries: Sequence[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    """Return the statements in a zip."""
    names = [entry.filename for entry in entries]
    if any(name.startswith(_SPREADSHEETS) for name in names):
        raise FileError("spreadsheet")
    for name in _OWN:
        if name in names:
            return [entries[names.index(name)]]
    files = [
        entry
        for entry, name in zip(entries, names, strict=True)
        if not name.endswith("/")
        and not name.startswith("__MACOSX/")
        and not name.rpartition("/")[2].startswith(".")
    ]
    if not files:
        raise FileError("empty_zip")
    if len(files) > MAX_STATEMENTS:
        raise FileError("too_many_statements", count=len(files), most=MAX_STATEMENTS)
    return files
