"""The files of imports in the bucket: as uploaded, and their rows as lines of JSON.

They are deleted with a discarded preview, and else by the lifecycle of the bucket.
"""

import json
from collections.abc import Iterable

from expenses.imports import preview
from expenses.imports.preview import ImportRow
from smartbudget.core import aws, files
from smartbudget.core.config import config
from smartbudget.core.errors import NotFoundError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.user import User


def put_file(user: User, import_id: str, content: bytes) -> None:
    """Store an uploaded file."""
    _put(files.import_key(user.user_id, import_id), content, "application/octet-stream")


def get_file(user: User, import_id: str) -> bytes:
    """Return an uploaded file."""
    return _get(files.import_key(user.user_id, import_id))


def put_rows(
    user: User, import_id: str, revision: str, rows: Iterable[ImportRow]
) -> None:
    """Store a revision of an import's rows."""
    lines = (json.dumps(preview.dump(row), ensure_ascii=False) + "\n" for row in rows)
    key = files.import_key(user.user_id, import_id, revision)
    _put(key, "".join(lines).encode(), "application/x-ndjson")


def get_rows(user: User, import_id: str, revision: str) -> list[ImportRow]:
    """Return a revision of an import's rows."""
    content = _get(files.import_key(user.user_id, import_id, revision))
    return [preview.load(json.loads(line)) for line in content.splitlines()]


def delete_file(user: User, import_id: str) -> None:
    """Delete an uploaded file."""
    _delete(files.import_key(user.user_id, import_id))


def delete_rows(user: User, import_id: str, revision: str) -> None:
    """Delete a revision of an import's rows that is no longer used."""
    _delete(files.import_key(user.user_id, import_id, revision))


def _put(key: str, content: bytes, content_type: str) -> None:
    aws.client("s3").put_object(
        Bucket=config.receipts_bucket, Key=key, Body=content, ContentType=content_type
    )


def _delete(key: str) -> None:
    aws.client("s3").delete_object(Bucket=config.receipts_bucket, Key=key)


def _get(key: str) -> bytes:
    s3 = aws.client("s3")
    try:
        stored = s3.get_object(Bucket=config.receipts_bucket, Key=key)
    except s3.exceptions.NoSuchKey as error:
        raise NotFoundError(_("Import not found.")) from error
    content: bytes = stored["Body"].read()
    return content
