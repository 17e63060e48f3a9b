"""Unpack a zip that contains a statement, or this application's own export."""

import io
import zipfile
import zlib

from expenses.imports import limits
from smartbudget.core.errors import InvalidError
from smartbudget.core.i18n import gettext as _

MAX_FILES = 10_000

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


def unpack(content: bytes) -> bytes:
    """Return the statement in a zip, of at most limits.MAX_BYTES.

    Raises InvalidError if there is not exactly one, or the zip can't be read.
    """
    if content.count(_ENTRY) > MAX_FILES:
        raise InvalidError(_("The zip contains too many files."), "file")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entry = archive.getinfo(_statement(archive.namelist()))
            if entry.compress_type not in _METHODS:
                raise NotImplementedError  # noqa: TRY301 - as an unknown method is
            # One byte more than allowed: sizes that a zip declares may be wrong.
            with archive.open(entry) as file:
                unpacked = file.read(limits.MAX_BYTES + 1)
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
    limits.check_bytes(len(unpacked))
    if is_zip(unpacked):
        raise InvalidError(_("The zip contains another zip. Unpack it first."), "file")
    return unpacked


def _statement(names: list[str]) -> str:
    """Return the name of the only statement in a zip."""
    if any(name.startswith(_SPREADSHEETS) for name in names):
        message = _(
            "This is a spreadsheet. Open it, save it as CSV, and choose the new file."
        )
        raise InvalidError(message, "file")
    for name in _OWN:
        if name in names:
            return name
    files = [
        name
        for name in names
        if not name.endswith("/") and not name.startswith("__MACOSX/")
    ]
    if len(files) != 1:
        message = _("The zip must contain exactly one file. It contains {count}.")
        raise InvalidError(message.format(count=len(files)), "file")
    return files[0]
