"""Direct uploads of receipts to the bucket: prepare and complete."""

import contextlib
import tempfile
from collections.abc import Iterator
from typing import Any, BinaryIO

from expenses import services
from expenses.models import Upload
from expenses.queries import get_expense
from expenses.receipts import direct_uploads, validation
from expenses.receipts import services as receipts
from smartbudget.core.concurrency import RECEIPTS
from smartbudget.core.dynamodb import Action, conditional_write
from smartbudget.core.errors import ConflictError, InvalidError, NotFoundError
from smartbudget.core.files import owner_of
from smartbudget.core.i18n import gettext as _
from smartbudget.core.user import User

_CHUNK = 256 * 1024  # bytes


def create_presigned_upload(
    user: User,
    *,
    file_name: str,
    size_bytes: int,
    sha256: str,
    content_type: str = "",
) -> tuple[str, str, dict[str, str]]:
    """Prepare a direct upload; see `direct_uploads.create_upload`.

    Raises InvalidError naming the parameter at fault.
    """
    kind = validation.announced_kind(file_name, content_type, "file_name")
    validation.check_size(size_bytes, "size_bytes")
    name = validation.tidy_name(file_name, validation.KEPT_AS.get(kind, kind))
    return direct_uploads.create_upload(
        user.user_id,
        ext=validation.extension_of(name),
        content_type=kind,
        size_bytes=size_bytes,
        sha256=validation.parse_sha256(sha256),
        file_name=name,
    )


@RECEIPTS.limited
def complete_upload(user: User, key: str, expense_id: str | None = None) -> Upload:
    """Validate an uploaded file, and attach it to an expense.

    expense_id: None to validate only; the key can then be used as an expense's
    `receipt_url`.

    Raises NotFoundError if nothing was uploaded or it belongs to another user,
    InvalidError if the file is not accepted (it is then removed), and ConflictError if
    another expense uses it. The last two name `key`. Safe to repeat.
    """
    if owner_of(key) != user.user_id:
        raise NotFoundError(_("Upload not found."))
    expense = get_expense(user, expense_id) if expense_id else None
    upload = direct_uploads.get_upload(user.user_id, key)
    try:
        if upload.attached_to is None and not upload.is_confirmed:
            _check(upload)
        if expense and expense.receipt_url != key:
            receipt = receipts.ConfirmedUpload(key)
            services.edit_expense(user, expense.expense_id, receipt=receipt)
    except (InvalidError, ConflictError) as error:
        raise type(error)(str(error), "key") from error
    return upload


def _check(upload: Upload) -> None:
    """Validate an uploaded file and store the result."""
    key = upload.key
    with _downloaded(key) as file:
        try:
            receipt = _validate(file, upload)
        except InvalidError:
            receipts.remove(direct_uploads.stored_receipt_of(upload))
            raise
        stored_receipt = receipts.StoredReceipt(
            key,
            receipt.sha256,
            receipt.content_type,
            receipt.size_bytes,
            upload.file_name,
        )
        if receipt.sha256 != upload.sha256:  # metadata was removed
            direct_uploads.overwrite_upload(stored_receipt, receipt.file)
    _confirm(upload, stored_receipt)


def _validate(file: BinaryIO, upload: Upload) -> validation.Receipt:
    """Return the checked receipt. Raises InvalidError also for an unannounced type."""
    receipt = validation.check(file, name=upload.file_name)
    announced = validation.KEPT_AS.get(upload.content_type, upload.content_type)
    if receipt.content_type != announced:
        raise InvalidError(_(validation.OTHER_KIND), "key")
    return receipt


def _confirm(upload: Upload, stored_receipt: receipts.StoredReceipt) -> None:
    actions: list[Action] = [
        Upload.is_confirmed.set(True),
        Upload.sha256.set(stored_receipt.sha256),
        Upload.content_type.set(stored_receipt.content_type),
        Upload.size_bytes.set(stored_receipt.size_bytes),
    ]
    free = Upload.owner_id.exists() & Upload.attached_to.does_not_exist()
    if not conditional_write(lambda: upload.update(actions, free)):
        raise ConflictError(_("This upload has already been used."))


@contextlib.contextmanager
def _downloaded(key: str) -> Iterator[BinaryIO]:
    """Yield the uploaded object as a temporary file, read up to the size limit."""
    response: Any = direct_uploads.open_upload(key)
    with contextlib.closing(response["Body"]) as body, tempfile.TemporaryFile() as file:
        for chunk in body.iter_chunks(_CHUNK):
            file.write(chunk)
            if file.tell() > validation.MAX_BYTES:
                break  # the validation rejects it
        yield file
