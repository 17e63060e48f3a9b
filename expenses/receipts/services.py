"""Store receipts in the bucket, remove them, and delete orphaned ones.

The bucket and the tables cannot change in one transaction. So:

- An object is written once, under a new key, and never overwritten.
- Before an object is written, and before an expense drops one or is deleted, an orphan
  check is queued for a quarter of an hour later: `delete_if_orphaned` removes the
  object unless an expense refers to it. If a deleted one does that can be restored, the
  check plans a purge of the trash (`purge.py`). So a crash leaves no unused object
  behind, and no object in use is removed.
- Direct uploads have a tag, and the bucket expires objects with that tag. The tag is
  removed before an expense refers to the object, so a receipt never expires.

Why: docs/decisions.md#receipt-objects-are-written-once-after-an-orphan-check-is-queued
"""

import base64
import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import DeleteError

from expenses import trash
from expenses.models import Expense, Upload
from notifications import jobs
from smartbudget.core import aws, files
from smartbudget.core.config import config
from smartbudget.core.dynamodb import conditional_write
from smartbudget.core.errors import UnavailableError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.tasks import QueueError, send_tasks

if TYPE_CHECKING:  # needs Pillow, which the Lambdas do not have
    from expenses.receipts.validation import Receipt

logger = logging.getLogger(__name__)

ORPHAN_CHECK_TASK = "expenses.tasks.settle_receipt"
PURGE_TASK = "expenses.tasks.purge_trash"

# Seconds: far longer than any request takes, and the longest delay of SQS.
ORPHAN_CHECK_DELAY = 900

MISSING = {"404", "NoSuchKey", "NotFound"}
_TAKEN = {"PreconditionFailed", "ConditionalRequestConflict"}


@dataclass(frozen=True)
class ConfirmedUpload:
    """A confirmed direct upload, as the new receipt of an expense."""

    key: str


@dataclass(frozen=True)
class NoReceipt:
    """The new receipt of an expense whose receipt is to be removed."""


@dataclass(frozen=True)
class StoredReceipt:
    """An object in the bucket that an expense may refer to."""

    key: str
    sha256: str
    content_type: str
    size_bytes: int
    name: str  # file name of a download
    # Distinguishes objects written under one key. None for a direct upload.
    object_id: str | None = None
    upload: Upload | None = None  # the item of a direct upload

    @property
    def changes(self) -> dict[str, object]:
        """The attributes of an expense with this receipt."""
        return {
            "receipt_url": self.key,
            "receipt_sha256": self.sha256,
            "receipt_type": self.content_type,
            "receipt_size": self.size_bytes,
            "receipt_name": self.name,
            "receipt_object_id": self.object_id,
        }


NOTHING: dict[str, object] = dict.fromkeys(StoredReceipt("", "", "", 0, "").changes)


def store(
    user_id: str, expense_id: str, receipt: "Receipt", replaced: str | None = None
) -> StoredReceipt:
    """Write a checked file into the bucket, before the expense refers to it.

    The key contains the expense's id, or a random id if that key is taken.

    replaced: the key that the expense refers to now.

    Raises UnavailableError if the queue cannot be reached. Errors of S3 are not caught.
    """
    object_id = uuid.uuid4().hex
    for name in (expense_id, uuid.uuid4().hex):
        key = files.receipt_key(user_id, name, receipt.ext)
        if key == replaced:
            continue
        schedule_orphan_check(expense_id, key, object_id)
        receipt.file.seek(0)
        try:
            aws.client("s3").put_object(
                Bucket=config.receipts_bucket,
                Key=key,
                Body=receipt.file,
                ContentLength=receipt.size_bytes,
                ContentType=receipt.content_type,
                ChecksumSHA256=checksum_of(receipt.sha256),
                Metadata={"mark": object_id},
                IfNoneMatch="*",
            )
        except ClientError as error:
            if error_code(error) not in _TAKEN:
                raise
            # Perhaps by this call, if a response was lost; the orphan check removes it.
            continue
        return StoredReceipt(
            key=key,
            sha256=receipt.sha256,
            content_type=receipt.content_type,
            size_bytes=receipt.size_bytes,
            name=receipt.name,
            object_id=object_id,
        )
    raise UnavailableError(_("The file could not be stored. Please try again."))


def schedule_orphan_check(expense_id: str, key: str, object_id: str | None) -> None:
    """Queue a later check that deletes the object unless the expense refers to it.

    Raises UnavailableError: without the check a crash might leave the object forever.
    """
    schedule_orphan_checks([(expense_id, key, object_id)])


def schedule_orphan_checks(receipts: Sequence[tuple[str, str, str | None]]) -> None:
    """Queue orphan checks for many (expense_id, key, object_id), ten per request.

    Raises UnavailableError.
    """
    calls = [
        {"expense_id": expense_id, "key": key, "mark": object_id}
        for expense_id, key, object_id in receipts
    ]
    try:
        send_tasks(ORPHAN_CHECK_TASK, calls, countdown=ORPHAN_CHECK_DELAY)
    except QueueError as error:
        raise UnavailableError(
            _(
                "Receipts can't be changed right now. Nothing was changed; please"
                " try again."
            )
        ) from error


class Removal:
    """The removal of a receipt, before and after the transaction of its expense."""

    def __init__(self, expense_id: str) -> None:
        self._expense_id = expense_id
        self._scheduled: set[str] = set()  # keys
        self._receipt: StoredReceipt | None = None

    def plan(self, before: Expense) -> None:
        """Schedule the orphan check before the transaction. Safe to repeat."""
        key = before.receipt_url
        if key is None:
            return
        if key not in self._scheduled:
            schedule_orphan_check(self._expense_id, key, before.receipt_object_id)
            self._scheduled.add(key)
        self._receipt = StoredReceipt(key, "", "", 0, "", before.receipt_object_id)

    def carry_out(self) -> None:
        """Remove the object after the transaction, if S3 can be reached."""
        if self._receipt is not None:
            remove(self._receipt)


def remove(receipt: StoredReceipt) -> None:
    """Remove an object that nothing refers to any more.

    Failures are only logged, since the orphan check will remove the object.
    """
    try:
        _delete(receipt.key)
        if receipt.object_id is None:
            Upload(upload_id(receipt.key)).delete()
    except (BotoCoreError, ClientError, DeleteError):
        logger.warning("receipt not removed yet key=%s", receipt.key, exc_info=True)


def delete_if_orphaned(expense_id: str, key: str, object_id: str | None) -> None:
    """Remove an object unless an expense refers to it. Safe to repeat.

    object_id: that of the object; another object under the same key is not removed.
    None: a direct upload, which another expense may use.
    """
    if files.owner_of(key) is None or not key.startswith(f"{files.RECEIPTS}/"):
        raise ValueError("not the key of a receipt")
    if _refers(expense_id, key):
        return
    if object_id is None:
        if not _release(expense_id, key):
            return
    elif _object_id_of(key) != object_id:
        return
    _delete(key)
    logger.info("receipt removed expense_id=%s key=%s", expense_id, key)


def _refers(expense_id: str, key: str) -> bool:
    expense = Expense.find(expense_id)
    if expense is not None:
        return bool(expense.receipt_url == key)
    kept_until = trash.receipt_kept_until(expense_id, key)
    if kept_until:
        jobs.put_due(PURGE_TASK, str(files.owner_of(key)), kept_until)
    return kept_until is not None


def _delete(key: str) -> None:
    # A single attempt: a retry might delete a newer object under the same key.
    aws.client("s3", attempts=1).delete_object(Bucket=config.receipts_bucket, Key=key)


def upload_id(key: str) -> str:
    """Return the id of a direct upload's item."""
    return f"upload#{key}"


def _release(expense_id: str, key: str) -> bool:
    """Delete a direct upload's item, so that no expense can use it any more.

    Returns whether the object can be deleted: False if another expense uses it.
    """
    free = Upload.attached_to.does_not_exist() | (Upload.attached_to == expense_id)
    return conditional_write(lambda: Upload(upload_id(key)).delete(free))


def _object_id_of(key: str) -> str | None:
    """Return the id of the object under a key, or None without an object."""
    try:
        head = aws.client("s3").head_object(Bucket=config.receipts_bucket, Key=key)
    except ClientError as error:
        if error_code(error) in MISSING:
            return None
        raise
    object_id: str | None = head.get("Metadata", {}).get("mark")
    return object_id


def checksum_of(sha256: str) -> str:
    return base64.b64encode(bytes.fromhex(sha256)).decode()


def error_code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
