"""Read large files in a task, since they are too slow for a web request.

The ids of a user's imports that wait are stored with a durable job, in the transaction
that stores the import. Each run of the task reads one file. A run may be repeated, or
stop anywhere.

Why: docs/decisions.md#a-large-file-is-read-by-a-task
"""

import json
import logging
import uuid
from collections.abc import Mapping
from typing import Any

from accounts import services as accounts
from expenses.imports import contents, files
from expenses.imports.messages import FileError, Message, message
from expenses.imports.models import Import, ImportSettings
from notifications import jobs
from smartbudget.core import dates
from smartbudget.core.dynamodb import (
    Action,
    Transaction,
    WriteConflictError,
    conditional_write,
    retry_on_conflict,
)
from smartbudget.core.errors import (
    ConflictError,
    InvalidError,
    NotFoundError,
    ThrottledError,
)
from smartbudget.core.i18n import gettext as _
from smartbudget.core.tasks import QueueError, send_task
from smartbudget.core.user import User

logger = logging.getLogger(__name__)

TASK = "expenses.imports.tasks.read_imports"
MAX_WAITING = 3  # files of a user; they are read one by one
RETRY_AFTER = 10  # seconds
MAX_ATTEMPTS = 5  # to read one file, of which the process may have died
SECONDS = 30  # that reading a file takes at most, three times what was measured


def put(
    user: User,
    record: Import,
    given: Mapping[str, Any],
    profile: str,
    *,
    is_new: bool = False,
) -> None:
    """Store an import as `reading`, and queue the task that reads its file.

    Changes `record`. given, profile: as in `contents.read`. is_new: the file is stored,
    but not the import.

    Raises ThrottledError if MAX_WAITING others wait, and ConflictError if the import
    was changed meanwhile. If SQS cannot be reached, the sweep starts it.
    """
    wanted = json.dumps({"given": dict(given), "profile": profile}, ensure_ascii=False)
    unchanged = (Import.state == record.state) & (Import.revision == record.revision)
    changes = {"state": "reading", "wanted": wanted, "problem": None, "attempts": 0}
    for name, value in changes.items():
        setattr(record, name, value)

    def attempt() -> None:
        transaction = Transaction()
        if is_new:
            transaction.put(record, Import.expense_id.does_not_exist())
        else:
            actions = [Import.assign(name, value) for name, value in changes.items()]
            transaction.update(record, actions, unchanged)
        _add_waiting(user, record.import_id, transaction)
        jobs.put(TASK, user.user_id, transaction)
        try:
            transaction.commit()
        except WriteConflictError as conflict:
            if any(item is record for item in conflict.refused):
                raise ConflictError(_(contents.CHANGED)) from conflict
            raise

    retry_on_conflict(attempt)
    _start_soon(user.user_id)


def read_next(user_id: str) -> None:
    """Read the file of a user that waits longest, and queue the next run if needed.

    Safe to repeat, to stop anywhere, and to run concurrently. Outages are not caught.
    """
    account = accounts.find_account(user_id)
    if account is None:
        return  # its deletion removes the job
    waiting = _waiting(ImportSettings.find(ImportSettings.id_of(user_id)))
    if waiting:
        jobs.touch(TASK, user_id)
        _read(account.user, _id_in(waiting[0]))
    if retry_on_conflict(lambda: _remove_waiting(user_id, waiting[:1])):
        _start_soon(user_id)


def _read(user: User, import_id: str) -> None:
    """Read the file of an import that is still `reading`."""
    record = Import.find(Import.id_of(import_id))
    if record is None or record.state != "reading" or record.expires_at <= dates.now():
        return
    is_same = (Import.state == "reading") & (Import.wanted == record.wanted)
    attempts = int(record.attempts) + 1
    if attempts > MAX_ATTEMPTS:
        _refuse(record, message("failed"))
        return
    begun: list[Action] = [Import.attempts.set(attempts)]
    if not conditional_write(lambda: record.update(begun, is_same)):
        return
    wanted = json.loads(record.wanted or "{}")
    try:
        content = files.get_file(user, import_id)
        read = contents.read(user, content, record, wanted["given"], wanted["profile"])
    except (InvalidError, NotFoundError, ConflictError) as error:
        reason = error.reason if isinstance(error, FileError) else message("failed")
        _refuse(record, reason)
        return
    changes = {**read.facts(), "state": "preview", "wanted": None}
    try:
        contents.store(user, record, read.rows, changes, Import.wanted == record.wanted)
    except ConflictError:  # another run was faster, or the import was discarded
        logger.info("import read in vain import_id=%s", import_id)


def _refuse(record: Import, reason: Message) -> None:
    """Store why a file was refused. What was read of it before stays."""
    is_same = (Import.state == "reading") & (Import.wanted == record.wanted)
    changes = {
        "state": "preview" if record.was_read else "refused",
        "wanted": None,
        "problem": reason.code,
        "problem_values": json.dumps(reason.values, ensure_ascii=False),
    }
    actions = [Import.assign(name, value) for name, value in changes.items()]
    conditional_write(lambda: record.update(actions, is_same))


def _waiting(settings: ImportSettings | None) -> list[str]:
    """Return what waits, the first one first: see `_add_waiting`."""
    waiting: list[str] = json.loads(settings.reading or "[]") if settings else []
    return waiting


def _id_in(entry: str) -> str:
    return entry.partition("/")[0]


def _add_waiting(user: User, import_id: str, transaction: Transaction) -> None:
    """Add an entry to those that wait. It is new, even if an earlier one is done."""
    key = ImportSettings.id_of(user.user_id)
    settings = ImportSettings.find(key)
    waiting = [one for one in _waiting(settings) if _id_in(one) != import_id]
    if len(waiting) >= MAX_WAITING:
        template = _("{number} files are being read. Wait until one is ready.")
        raise ThrottledError(template.format(number=MAX_WAITING), RETRY_AFTER)
    entry = f"{import_id}/{uuid.uuid4().hex}"
    _store_waiting(settings or ImportSettings(key), [*waiting, entry], transaction)


def _remove_waiting(user_id: str, done: list[str]) -> bool:
    """Remove entries of imports that were read, and the job after the last one.

    Returns whether others wait.
    """
    settings = ImportSettings.find(ImportSettings.id_of(user_id))
    left = [one for one in _waiting(settings) if one not in done]
    transaction = Transaction()
    if settings:
        _store_waiting(settings, left, transaction)
    if not left:
        jobs.remove(TASK, user_id, transaction)
    transaction.commit()
    return bool(left)


def _store_waiting(
    settings: ImportSettings, waiting: list[str], transaction: Transaction
) -> None:
    """Add the ids that wait to a transaction, unless they changed meanwhile."""
    before = settings.reading
    text = json.dumps(waiting) if waiting else None
    transaction.update(
        ImportSettings(settings.expense_id),
        [ImportSettings.assign("reading", text)],
        ImportSettings.reading == before
        if before
        else ImportSettings.reading.does_not_exist(),
    )


def _start_soon(user_id: str) -> None:
    try:
        send_task(TASK, {"user_id": user_id})
    except QueueError:
        logger.warning("left to the sweep user_id=%s", user_id, exc_info=True)
