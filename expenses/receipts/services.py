"""Receipts in the bucket: stored, removed, and deleted if orphaned.

The bucket and the tables cannot change in one transaction. So:

- An object is written once, under a new key; it is never overwritten.
- Before an object is written, and before an expense drops one, an orphan check is
  queued for a quarter of an hour later: `delete_if_orphaned` removes the object unless
  an expense refers to it. So a crash leaves no object behind, and none that is in use
  is removed.
- Direct uploads carry a tag, and the bucket expires objects with that tag. It is taken
  off before an expense refers to the object: a receipt can never expire.

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

from expenses.models import Expense, Upload
from smartbudget.core import aws, files
from smartbudget.core.config import config
from smartbudget.core.dynamodb import conditional_write
from smartbudget.core.errors import UnavailableError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.tasks import QueueError, send_tasks

if TYPE_CHECKING:  # it needs Pillow, which the Lambdas do without
    from expenses.receipts.validation import Receipt

logger = logging.getLogger(__name__)

SETTLE_TASK = "expenses.tasks.settle_receipt"

SETTLE_SECONDS = 900  # far longer than any request; the longest that SQS can wait

_TAKEN = {"PreconditionFailed", "ConditionalRequestConflict"}


@dataclass(frozen=True)
class ConfirmedUpload:
    """A direct upload that an expense is to have as its receipt."""

    key: str


@dataclass(frozen=True)
class NoReceipt:
    """What an edit names as the receipt of an expense that is to have none."""


@dataclass(frozen=True)
class StoredReceipt:
    """An object in the bucket that an expense may refer to."""

    key: str
    sha256: str
    content_type: str
    size_bytes: int
    name: str  # what a download is called
    mark: str | None = None  # None: a direct upload
    upload: Upload | None = None  # its record, to be claimed by the expense

    @property
    def changes(self) -> dict[str, object]:
        """What it makes of an expense's attributes."""
        return {
            "receipt_url": self.key,
            "receipt_sha256": self.sha256,
            "receipt_type": self.content_type,
            "receipt_size": self.size_bytes,
            "receipt_name": self.name,
            "receipt_mark": self.mark,
        }


NOTHING: dict[str, object] = dict.fromkeys(StoredReceipt("", "", "", 0, "").changes)


def store(
    user_id: str, expense_id: str, receipt: "Receipt", replaced: str | None = None
) -> StoredReceipt:
    """Write a checked file into the bucket; the expense is yet to refer to it.

    The key names the expense, or where that was used before, nothing but itself.
    replaced: the key that the expense refers to now.

    Raises UnavailableError where the queue cannot be reached; outages of S3 are left
    alone.
    """
    mark = uuid.uuid4().hex
    for name in (expense_id, uuid.uuid4().hex):
        key = files.receipt_key(user_id, name, receipt.ext)
        if key == replaced:
            continue
        schedule_orphan_check(expense_id, key, mark)
        receipt.file.seek(0)
        try:
            aws.client("s3").put_object(
                Bucket=config.receipts_bucket,
                Key=key,
                Body=receipt.file,
                ContentLength=receipt.size_bytes,
                ContentType=receipt.content_type,
                ChecksumSHA256=checksum_of(receipt.sha256),
                Metadata={"mark": mark},
                IfNoneMatch="*",
            )
        except ClientError as error:
            if error_code(error) not in _TAKEN:
                raise
            # Perhaps our own, whose reply was lost: then settling removes it.
            continue
        return StoredReceipt(
            key=key,
            sha256=receipt.sha256,
            content_type=receipt.content_type,
            size_bytes=receipt.size_bytes,
            name=receipt.name,
            mark=mark,
        )
    raise UnavailableError(_("The file could not be stored. Please try again."))


def schedule_orphan_check(expense_id: str, key: str, mark: str | None) -> None:
    """Queue a later check that deletes the object unless the expense refers to it.

    Raises UnavailableError: without the check a crash might leave the object forever.
    """
    schedule_orphan_checks([(expense_id, key, mark)])


def schedule_orphan_checks(receipts: Sequence[tuple[str, str, str | None]]) -> None:
    """Queue such checks for many (expense_id, key, mark), ten per request.

    Raises UnavailableError.
    """
    calls = [
        {"expense_id": expense_id, "key": key, "mark": mark}
        for expense_id, key, mark in receipts
    ]
    try:
        send_tasks(SETTLE_TASK, calls, countdown=SETTLE_SECONDS)
    except QueueError as error:
        raise UnavailableError(
            _("Receipts cannot be changed just now. Nothing was changed; try again.")
        ) from error


class Removal:
    """The end of an expense's receipt, around the transaction that lets it go."""

    def __init__(self, expense_id: str) -> None:
        self._expense_id = expense_id
        self._planned: set[str] = set()
        self._gone: StoredReceipt | None = None

    def plan(self, before: Expense) -> None:
        """Schedule the orphan check before the transaction. Safe to repeat."""
        key = before.receipt_url
        if key is None:
            return
        if key not in self._planned:
            schedule_orphan_check(self._expense_id, key, before.receipt_mark)
            self._planned.add(key)
        self._gone = StoredReceipt(key, "", "", 0, "", before.receipt_mark)

    def carry_out(self) -> None:
        """Remove it after the transaction, if that can be done at once."""
        if self._gone is not None:
            remove(self._gone)


def remove(kept: StoredReceipt) -> None:
    """Remove an object that nothing refers to any more, if that can be done at once.

    Where it cannot, settling does it: failures are only logged.
    """
    try:
        _delete(kept.key)
        if kept.mark is None:
            Upload(upload_id(kept.key)).delete()
    except (BotoCoreError, ClientError, DeleteError):
        logger.warning("receipt not removed yet key=%s", kept.key, exc_info=True)


def delete_if_orphaned(expense_id: str, key: str, mark: str | None) -> None:
    """Remove an object unless an expense refers to it. Safe to repeat.

    mark: the object's; another one under the same key is left alone. None: a direct
    upload, which some other expense may have taken.
    """
    if files.owner_of(key) is None or not key.startswith(f"{files.RECEIPTS}/"):
        raise ValueError("not the key of a receipt")
    if _refers(expense_id, key):
        return
    if mark is None:
        if not _release(expense_id, key):
            return
    elif _object_id_of(key) != mark:
        return
    _delete(key)
    logger.info("receipt removed expense_id=%s key=%s", expense_id, key)


def _refers(expense_id: str, key: str) -> bool:
    expense = Expense.find(expense_id)
    return expense is not None and expense.receipt_url == key


def _delete(key: str) -> None:
    # One attempt: a repeated one might meet a newer object under the same key.
    aws.client("s3", attempts=1).delete_object(Bucket=config.receipts_bucket, Key=key)


MISSING = {"404", "NoSuchKey", "NotFound"}


def upload_id(key: str) -> str:
    """Return the id of a direct upload's record."""
    return f"upload#{key}"


def _release(expense_id: str, key: str) -> bool:
    """Delete a direct upload's record, so that no expense can take it any more.

    Returns whether the object may go: not while another expense has it.
    """
    free = Upload.attached_to.does_not_exist() | (Upload.attached_to == expense_id)
    return conditional_write(lambda: Upload(upload_id(key)).delete(free))


def _object_id_of(key: str) -> str | None:
    """Return an object's mark, or None if there is no object."""
    try:
        found = aws.client("s3").head_object(Bucket=config.receipts_bucket, Key=key)
    except ClientError as error:
        if error_code(error) in MISSING:
            return None
        raise
    mark: str | None = found.get("Metadata", {}).get("mark")
    return mark


def checksum_of(sha256: str) -> str:
    return base64.b64encode(bytes.fromhex(sha256)).decode()


def error_code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
