"""Direct uploads: presigned URLs, the items of uploads, and their objects."""

import datetime
import uuid
from collections.abc import Mapping
from typing import Any, BinaryIO

from botocore.exceptions import ClientError

from expenses.models import Upload
from expenses.receipts.services import (
    MISSING,
    StoredReceipt,
    checksum_of,
    error_code,
    schedule_orphan_check,
    upload_id,
)
from smartbudget.core import aws, files
from smartbudget.core.config import config
from smartbudget.core.errors import InvalidError, NotFoundError
from smartbudget.core.i18n import gettext as _

URL_SECONDS = 3600  # for which a signed URL is valid
# For which a direct upload can be used; the bucket expires it later.
UPLOAD_HOURS = 12
PENDING = "state=pending"  # the tag that the bucket's lifecycle rule looks for


def create_upload(
    user_id: str,
    *,
    ext: str,
    content_type: str,
    size_bytes: int,
    sha256: str,
    file_name: str,
) -> tuple[str, str, dict[str, str]]:
    """Prepare a direct upload of exactly these bytes.

    Returns the key, a URL to PUT them to within an hour, and the headers to send.
    """
    key = files.receipt_key(user_id, uuid.uuid4().hex, ext)
    now = datetime.datetime.now(datetime.UTC)
    Upload(
        expense_id=upload_id(key),
        owner_id=user_id,
        index_key=Upload.index_key_of(user_id),
        announced_on=now.date().isoformat(),
        content_type=content_type,
        size_bytes=size_bytes,
        sha256=sha256,
        file_name=file_name,
        expires_at=now + datetime.timedelta(hours=UPLOAD_HOURS),
    ).save(Upload.expense_id.does_not_exist())
    url = aws.client("s3").generate_presigned_url(
        "put_object",
        Params={
            "Bucket": config.receipts_bucket,
            "Key": key,
            "ContentType": content_type,
            "ContentLength": size_bytes,
            "ChecksumSHA256": checksum_of(sha256),
            "Tagging": PENDING,
            "IfNoneMatch": "*",
        },
        ExpiresIn=URL_SECONDS,
    )
    headers = {
        "Content-Type": content_type,
        "If-None-Match": "*",
        "x-amz-checksum-sha256": checksum_of(sha256),
        "x-amz-tagging": PENDING,
    }
    return key, url, headers


def get_upload(user_id: str, key: str) -> Upload:
    """Return the item of a direct upload, read consistently.

    Raises NotFoundError, also for another user's upload, an expired one, and a file
    that was uploaded with a form.
    """
    upload = Upload.find(upload_id(key))
    if upload is None or upload.owner_id != user_id or _has_expired(upload):
        raise NotFoundError(_("Upload not found."))
    return upload


def choose_upload(user_id: str, key: str) -> StoredReceipt:
    """Return a confirmed direct upload that an expense will refer to.

    Raises InvalidError for any other key.
    """
    try:
        upload = get_upload(user_id, key)
    except NotFoundError as error:
        raise InvalidError(str(error), "receipt_url") from error
    if not upload.is_confirmed:
        raise InvalidError(_("Confirm this upload first."), "receipt_url")
    return stored_receipt_of(upload)


def stored_receipt_of(upload: Upload) -> StoredReceipt:
    """Return the stored object of a direct upload."""
    return StoredReceipt(
        upload.key,
        upload.sha256,
        upload.content_type,
        int(upload.size_bytes),
        upload.file_name,
        upload=upload,
    )


def _has_expired(upload: Upload) -> bool:
    now = datetime.datetime.now(datetime.UTC)
    return upload.expires_at is not None and upload.expires_at <= now


def open_upload(key: str) -> Mapping[str, Any]:
    """Return the response with the uploaded object: `Body` and `ContentLength`.

    Raises NotFoundError if nothing was uploaded.
    """
    try:
        response: Mapping[str, Any] = aws.client("s3").get_object(
            Bucket=config.receipts_bucket, Key=key
        )
    except ClientError as error:
        if error_code(error) in MISSING:
            raise NotFoundError(_("No file was uploaded to this key.")) from error
        raise
    return response


def overwrite_upload(receipt: StoredReceipt, file: BinaryIO) -> None:
    """Replace an uploaded object with its cleaned version, without location data."""
    aws.client("s3").put_object(
        Bucket=config.receipts_bucket,
        Key=receipt.key,
        Body=file,
        ContentLength=receipt.size_bytes,
        ContentType=receipt.content_type,
        ChecksumSHA256=checksum_of(receipt.sha256),
        Tagging=PENDING,
    )


def make_permanent(expense_id: str, receipt: StoredReceipt) -> None:
    """Remove the expiry tag of a direct upload, just before an expense refers to it."""
    if receipt.upload is None or receipt.upload.attached_to is not None:
        return
    schedule_orphan_check(expense_id, receipt.key, None)
    try:
        aws.client("s3").delete_object_tagging(
            Bucket=config.receipts_bucket, Key=receipt.key
        )
    except ClientError as error:
        if error_code(error) in MISSING:
            message = _("This upload no longer exists. Please upload the file again.")
            raise InvalidError(message, "receipt_url") from error
        raise
