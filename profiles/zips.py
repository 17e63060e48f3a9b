"""A zip that is sent while it is written, and says at its end what it holds."""

import hashlib
import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any

from profiles.records import json_list, json_text
from smartbudget.core import dates

_CHUNK = 256 * 1024  # bytes
_STORED = zipfile.ZIP_STORED  # pictures and PDFs are compressed already


class Outlet(io.RawIOBase):
    """What a zip is written to: keeps what was written until it is taken."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._waiting += data
        return len(data)

    def take(self) -> bytes:
        """Return what was written since the last time."""
        taken = bytes(self._waiting)
        self._waiting.clear()
        return taken


class Entries:
    """The entries of a zip on its way, written one after the other.

    Each method stops often, for what is written to go.
    """

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._files: list[dict[str, Any]] = []
        self.missing: list[str] = []  # what could not be read

    def text(self, path: str, parts: Iterable[str]) -> Iterator[None]:
        """Write a text."""
        info = _info(path, zipfile.ZIP_DEFLATED)
        return self._write(info, map(str.encode, parts), large=True)

    def rows(self, path: str, rows: Iterable[Mapping[str, Any]]) -> Iterator[None]:
        """Write a JSON list, whose items the manifest counts."""
        count = 0

        def counted() -> Iterator[Mapping[str, Any]]:
            nonlocal count
            for row in rows:
                count += 1
                yield row

        yield from self.text(path, json_list(counted()))
        self._files[-1]["items"] = count

    def file(self, path: str, file: IO[bytes]) -> Iterator[None]:
        """Write a file as it is."""
        chunks = iter(lambda: file.read(_CHUNK), b"")
        return self._write(_info(path, _STORED), chunks)

    def manifest(self) -> Iterator[None]:
        """Write what the zip holds, so that anybody can see that it is whole."""
        listed = {
            "made_at": dates.timestamp(),
            "files": [*self._files],
            "missing": self.missing,
        }
        return self.text("manifest.json", [json_text(listed)])

    def _write(
        self, info: zipfile.ZipInfo, parts: Iterable[bytes], *, large: bool = False
    ) -> Iterator[None]:
        digest, size_bytes = hashlib.sha256(), 0
        with self._archive.open(info, "w", force_zip64=large) as entry:
            for part in parts:
                entry.write(part)
                digest.update(part)
                size_bytes += len(part)
                yield
        self._files.append(
            {
                "path": info.filename,
                "size_bytes": size_bytes,
                "sha256": digest.hexdigest(),
            }
        )


def _info(path: str, compression: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(path, dates.now().timetuple()[:6])
    info.compress_type = compression
    info.external_attr = 0o600 << 16
    return info
