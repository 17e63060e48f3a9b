"""Unpack a zip that contains statements, or this application's own export."""

import io
import zipfile
import zlib

from expenses.imports import limits
from smartbudget.core import i18n
from smartbudget.core.errors import InvalidError
from smartbudget.core.i18n import gettext as _

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

    Raises InvalidError if there are none or too many, or the zip can't be read.
    """
    if content.count(_ENTRY) > MAX_FILES:
        raise InvalidError(_("The zip contains too many files."), "file")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            files, size = [], 0
            for name in _statements(archive.namelist()):
                unpacked = _read(archive, name, limits.MAX_BYTES - size)
                size += len(unpacked)
                limits.check_bytes(size)
                files.append((_shown(name), unpacked))
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,  # a method of compression
        RuntimeError,  # a password
        UnicodeDecodeError,
        ValueError,
    ) as error:
        message = _("The zip can't be read. Unpack it and choose the file in it.")
        raise InvalidError(message, "file") from error
    if any(is_zip(unpacked) for _name, unpacked in files):
        raise InvalidError(_("The zip contains another zip. Unpack it first."), "file")
    return files


def _read(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """Return a file of a zip, at most one byte more than allowed.

    Sizes that a zip declares may be wrong.
    """
    entry = archive.getinfo(name)
    if entry.compress_type not in _METHODS:
        raise NotImplementedError  # as an unknown method is
    with archive.open(entry) as file:
        return file.read(most + 1)


def _shown(name: str) -> str:
    """Return the name of a file for people, of bounded length."""
    return "".join(filter(str.isprintable, name))[-_MAX_NAME_LENGTH:]


def _statements(names: list[str]) -> list[str]:
    """Return the names of the statements in a zip."""
    if any(name.startswith(_SPREADSHEETS) for name in names):
        message = _(
            "This is a spreadsheet. Open it, save it as CSV, and choose the new file."
        )
        raise InvalidError(message, "file")
    for name in _OWN:
        if name in names:
            return [name]
    files = [
        name
        for name in names
        if not name.endswith("/")
        and not name.startswith("__MACOSX/")
        and not name.rpartition("/")[2].startswith(".")
    ]
    if not files:
        raise InvalidError(_("The zip contains no files."), "file")
    if len(files) > MAX_STATEMENTS:
        message = _("The zip contains {count} files. Import at most {most} at once.")
        message = message.format(count=i18n.number(len(files)), most=MAX_STATEMENTS)
        raise InvalidError(message, "file")
    return list(dict.fromkeys(files))
