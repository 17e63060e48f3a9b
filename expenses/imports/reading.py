"""Read a file of bookings. The format is recognized by its content, never its name.

A format is a module in `expenses.imports.formats` with two functions:

    format_of(head: str) -> str
        head: the first HEAD_LENGTH characters, without white space before them.
        Returns one of bookings.FORMATS, or "" for a file of another format.
    read(text: str, *, currency: str, today: date, mapping: Mapping) -> Statement
        currency: the user's. mapping: how a user wants the file to be read, or empty.
        Raises FileError for a file that is refused.

Those in JOINED have `read_files` instead, with a sequence of TextFile.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from types import ModuleType
from typing import Any

from expenses.imports import limits, zips
from expenses.imports.bookings import LeftOut, Statement
from expenses.imports.encoding import decode, is_guess, samples
from expenses.imports.formats import camt, csv_file, mt940, ofx, own, qif
from expenses.imports.joining import TextFile
from expenses.imports.messages import FileError

HEAD_LENGTH = 4000  # characters
# Bytes. A task reads larger files.
# Why: docs/decisions.md#a-large-file-is-read-by-a-task
MAX_IN_REQUEST = 2 * 1024**2

# The first that knows the file reads it. CSV may be any text.
FORMATS: tuple[ModuleType, ...] = (own, ofx, qif, camt, mt940, csv_file)
# Of these, several files are read as one.
JOINED: tuple[ModuleType, ...] = (ofx, camt, mt940)
MAX_NAMED = 5  # files in a sentence

# {first bytes: why the file is refused}
_REFUSED = {
    b"%PDF": "pdf",
    b"\xd0\xcf\x11\xe0": "excel",
    b"{\\rtf": "text_document",
}


@dataclass(frozen=True, slots=True)
class Document:
    """A file, or the files of a zip, of known format that is not read yet."""

    format: str  # one of bookings.FORMATS
    module: ModuleType  # that reads it, one of FORMATS
    files: Sequence[TextFile]
    encoding: str
    size: int  # bytes, unpacked
    is_guess: bool = False  # of the encoding

    @property
    def is_large(self) -> bool:
        """Check whether reading it takes too long for a web request."""
        return self.size > MAX_IN_REQUEST

    def read(
        self, *, currency: str, today: date, mapping: Mapping[str, Any]
    ) -> Statement:
        """Return the bookings of a file, and how they were read; see `read`."""
        options = {"currency": currency, "today": today, "mapping": mapping}
        if self.module in JOINED:
            statement: Statement = self.module.read_files(self.files, **options)
        else:
            statement = self.module.read(self.files[0].text, **options)
        bookings = sum(not isinstance(row, LeftOut) for row in statement.rows)
        limits.check_rows(bookings)
        if not statement.rows:
            raise FileError("no_bookings")
        how = {**statement.mapping, "encoding": self.encoding}
        if self.is_guess:
            how["encoding_guessed"] = True
        return replace(statement, mapping=how)


def recognize(content: bytes, mapping: Mapping[str, Any]) -> Document:
    """Return a file, or the files of a zip, as text with its format.

    Quick, whatever its size. mapping: as in `read`.

    Raises FileError if the file is refused.
    """
    limits.check_bytes(len(content))
    contents = zips.unpack(content) if zips.is_zip(content) else [("", content)]
    if len(contents) == 1:
        contents = [("", contents[0][1])]
    opened = [_open(name, some, mapping) for name, some in contents]
    _check_joined(opened)
    size = sum(len(some) for _name, some in contents)
    return replace(
        opened[0],
        files=[one.files[0] for one in opened],
        size=size,
        is_guess=any(one.is_guess for one in opened),
    )


def encoding_samples(content: bytes) -> dict[str, list[str]]:
    """Return how a file looks in encodings that it may have; see `encoding.samples`.

    Of several files in a zip, the first one with letters beyond ASCII counts.
    """
    contents = zips.unpack(content) if zips.is_zip(content) else [("", content)]
    return next(filter(None, (samples(some) for _name, some in contents)), {})


def _open(name: str, content: bytes, mapping: Mapping[str, Any]) -> Document:
    """Return a single file. Raises FileError."""
    with TextFile("", name).named():
        _check_kind(content)
        text, encoding = decode(content, mapping)
        head = text[: HEAD_LENGTH * 2].lstrip()[:HEAD_LENGTH]
        if not text.strip():
            raise FileError("empty")
        _check_web_page(head)
    kind, module = next(
        (kind, module) for module in FORMATS if (kind := module.format_of(head))
    )
    return Document(
        kind,
        module,
        [TextFile(text, name)],
        encoding,
        len(content),
        is_guess(content, encoding, mapping),
    )


def _check_joined(opened: Sequence[Document]) -> None:
    """Reject several files that are no statement together. Raises FileError."""
    kinds = {document.format for document in opened}
    if len(opened) == 1 or (len(kinds) == 1 and opened[0].module in JOINED):
        return
    names = [document.files[0].name for document in opened[:MAX_NAMED]]
    names += ["…"] if len(opened) > MAX_NAMED else []
    raise FileError("different_formats", files=", ".join(names))


def read(
    content: bytes,
    *,
    currency: str,
    today: date,
    mapping: Mapping[str, Any] | None = None,
) -> Statement:
    """Return the bookings of a file or a zip, and how they were read.

    currency, today: the user's. mapping: of an earlier reading, with changes by the
    user; overrides what the file suggests.

    Raises FileError if the file is refused.
    """
    given = mapping or {}
    document = recognize(content, given)
    return document.read(currency=currency, today=today, mapping=given)


def _check_kind(content: bytes) -> None:
    """Reject files that are no text."""
    for start, code in _REFUSED.items():
        if content[:1024].lstrip().startswith(start):
            raise FileError(code)


def _check_web_page(head: str) -> None:
    if head[:500].lower().startswith(("<!doctype html", "<html", "<table")):
        raise FileError("web_page")
