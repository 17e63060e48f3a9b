"""A zip that is sent while it is written, and ends with a manifest."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any

from zipstream import ZIP_DEFLATED, ZIP_STORED, ZipStream

from profiles.records import json_list, json_text
from smartbudget.core import dates

_CHUNK = 256 * 1024  # bytes


class Archive:
    """A zip being streamed; each method yields the bytes that it adds."""

    def __init__(self) -> None:
        self._zip = ZipStream(compress_type=ZIP_DEFLATED)
        self._files: list[dict[str, Any]] = []
        self.missing: list[str] = []  # paths of unreadable files

    def text(self, path: str, parts: Iterable[str]) -> Iterator[bytes]:
        """Write a text file."""
        return self._write(path, map(str.encode, parts), ZIP_DEFLATED)

    def rows(self, path: str, rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
        """Write a JSON list, and its length in the manifest."""
        count = 0

        def counted() -> Iterator[Mapping[str, Any]]:
            nonlocal count
            for row in rows:
                count += 1
                yield row

        yield from self.text(path, json_list(counted()))
        self._files[-1]["items"] = count

    def file(self, path: str, file: IO[bytes]) -> Iterator[bytes]:
        """Write a file uncompressed: images and PDFs are compressed already."""
        return self._write(path, iter(lambda: file.read(_CHUNK), b""), ZIP_STORED)

    def end(self) -> Iterator[bytes]:
        """Write the manifest, which shows whether the zip is complete."""
        manifest = {
            "made_at": dates.timestamp(),
            "files": [*self._files],
            "missing": self.missing,
        }
        yield from self.text("manifest.json", [json_text(manifest)])
        yield from self._zip.footer()

    def _write(
        self, path: str, parts: Iterable[bytes], compression: int
    ) -> Iterator[bytes]:
        digest, size_bytes = hashlib.sha256(), 0

        def measured() -> Iterator[bytes]:
            nonlocal size_bytes
            for part in parts:
                digest.update(part)
                size_bytes += len(part)
                yield part

        self._zip.add(measured(), path, compress_type=compression)
        yield from filter(None, self._zip.all_files())  # compressors yield empty parts
        self._files.append(
            {"path": path, "size_bytes": size_bytes, "sha256": digest.hexdigest()}
        )
