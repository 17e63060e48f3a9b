"""All that somebody has here, as one zip, made while it is being sent.

Nothing is held in memory: tables are read a page at a time, once, and files one at a
time. Expenses are kept on disk meanwhile, since they are written twice.
"""

import contextlib
import csv
import io
import json
import logging
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any

from botocore.exceptions import BotoCoreError, ClientError

from accounts import services, throttles
from accounts.models import Account, User
from accounts.throttles import Limit
from budgets import services as budgets
from expenses import queries as expenses
from notifications import services as notifications
from notifications.states import delivery_in_words
from reports import archive as reports
from smartbudget.core import aws, dates
from smartbudget.core.config import config
from smartbudget.core.files import file_name
from smartbudget.core.money import format_amount

logger = logging.getLogger(__name__)

EXPORTS = Limit("export", 5, 3600)

_CHUNK = 256 * 1024  # bytes
_STORED = zipfile.ZIP_STORED  # pictures and PDFs are compressed already

_PROFILE = (
    "user_id",
    "username",
    "email",
    "pending_email",
    "phone_number",
    "currency",
    "time_zone",
    "language",
    "email_preferences",
    "quiet_hours",
    "subscription_status",
    "created_at",
)
_EXPENSE = (
    "expense_id",
    "category",
    "description",
    "date",
    "receipt_url",
    "status",
    "created_at",
    "updated_at",
)
_BUDGET = ("budget_id", "category", "period", "created_at")
_NOTIFICATION = (
    "notification_id",
    "type",
    "subject",
    "message",
    "status",
    "error",
    "delivery_method",
    "created_at",
    "updated_at",
    "read_at",
)
_COLUMNS = (
    "date",
    "amount",
    "currency",
    "category",
    "description",
    "status",
    "receipt",
    "expense_id",
    "created_at",
    "updated_at",
)

# A spreadsheet takes what begins so for a formula, and computes it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def begin(user: User) -> Iterator[bytes]:
    """Count one more download, and return its zip, made as it is taken.

    Raises ThrottledError and NotFoundError at once; outages of DynamoDB while it is
    being made are left alone, and the zip then ends before its end. A file that cannot
    be read is named in the zip's `missing.txt` instead.
    """
    account = services.get_account(user.user_id)
    throttles.count(EXPORTS, user.user_id)
    return _write(account)


def name(user: User) -> str:
    """Return what the zip is called: whose it is, and of which day."""
    return f"smart-budget-{user.username}-{user.today()}.zip"


class _Outlet(io.RawIOBase):
    """What a zip is written to: keeps what was written until it is taken."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._waiting += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self._waiting)
        self._waiting.clear()
        return taken


def _write(account: Account) -> Iterator[bytes]:
    outlet = _Outlet()
    missing: list[str] = []
    with zipfile.ZipFile(outlet, "w", zipfile.ZIP_DEFLATED) as archive:
        for _ in _entries(archive, account, missing):
            if chunk := outlet.take():
                yield chunk
    yield outlet.take()  # the zip's table of contents
    logger.info("data exported user_id=%s missing=%d", account.user_id, len(missing))


def _entries(
    archive: zipfile.ZipFile, account: Account, missing: list[str]
) -> Iterator[None]:
    """Write one entry after the other, stopping often for what is written to go."""
    user = account.user
    yield from _text(archive, "profile.json", [_json(_profile(account))])
    rows = (_budget(each, user) for each in budgets.list_budgets(user).items)
    yield from _text(archive, "budgets.json", _json_list(rows))
    found = notifications.all_notifications(user)
    rows = (_notification(each, user) for each in found)
    yield from _text(archive, "notifications.json", _json_list(rows))
    with tempfile.TemporaryFile("w+", encoding="utf-8") as kept:
        lines = _kept(expenses.all_expenses(user), user, kept)
        yield from _text(archive, "expenses.csv", _csv(lines, user.currency))
        yield from _text(archive, "expenses.json", _json_list(_again(kept)))
        for row in _again(kept):
            if key := row["receipt_url"]:
                yield from _file(archive, _receipt_path(key), key, missing)
    for report in reports.all_reports(user):
        path = f"reports/{report.file_name}"
        yield from _file(archive, path, report.report_key, missing)
    if missing:
        yield from _text(archive, "missing.txt", [_about(missing)])


def _text(archive: zipfile.ZipFile, path: str, parts: Iterable[str]) -> Iterator[None]:
    with archive.open(_info(path), "w", force_zip64=True) as entry:
        for part in parts:
            entry.write(part.encode())
            yield


def _file(
    archive: zipfile.ZipFile, path: str, key: str, missing: list[str]
) -> Iterator[None]:
    """Write a file of the bucket; one that cannot be read whole is left out."""
    with tempfile.TemporaryFile() as file:
        try:
            _download(key, file)
        except (BotoCoreError, ClientError):
            logger.warning("not exported key=%s", key, exc_info=True)
            missing.append(path)
            return
        file.seek(0)
        with archive.open(_info(path, _STORED), "w") as entry:
            while chunk := file.read(_CHUNK):
                entry.write(chunk)
                yield


def _download(key: str, file: IO[bytes]) -> None:
    found = aws.client("s3").get_object(Bucket=config.receipts_bucket, Key=key)
    with contextlib.closing(found["Body"]) as body:
        for chunk in body.iter_chunks(_CHUNK):
            file.write(chunk)


def _info(path: str, compression: int = zipfile.ZIP_DEFLATED) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(path, dates.now().timetuple()[:6])
    info.compress_type = compression
    info.external_attr = 0o600 << 16
    return info


def _profile(account: Account) -> dict[str, object]:
    threshold = account.large_expense_threshold
    return _picked(account, _PROFILE) | {
        "large_expense_threshold": None
        if threshold is None
        else format_amount(threshold, account.currency)
    }


def _expense(expense: Any, user: User) -> dict[str, object]:
    amount = format_amount(expense.amount, user.currency)
    return _picked(expense, _EXPENSE) | {"amount": amount}


def _budget(budget: Any, user: User) -> dict[str, object]:
    return _picked(budget, _BUDGET) | {
        "amount": format_amount(budget.amount, user.currency),
        "alert_threshold": int(budget.alert_threshold),
    }


def _notification(notification: Any, user: User) -> dict[str, object]:
    told = delivery_in_words(notification, user.time_zone)
    return _picked(notification, _NOTIFICATION) | {"status_text": told}


def _picked(item: object, names: Iterable[str]) -> dict[str, object]:
    return {name: getattr(item, name) for name in names}


def _kept(found: Iterable[Any], user: User, file: IO[str]) -> Iterator[dict[str, Any]]:
    """Pass expenses on as rows, and keep each in a line of a file."""
    for expense in found:
        row = _expense(expense, user)
        file.write(json.dumps(row) + "\n")
        yield row


def _again(file: IO[str]) -> Iterator[dict[str, Any]]:
    file.seek(0)
    return map(json.loads, file)


def _csv(rows: Iterable[Mapping[str, Any]], currency: str) -> Iterator[str]:
    """Write rows for a spreadsheet, which knows UTF-8 by its mark."""
    yield "\ufeff" + _csv_line(_COLUMNS)
    for row in rows:
        key = row["receipt_url"]
        values = {
            **row,
            "currency": currency,
            "receipt": _receipt_path(key) if key else "",
        }
        yield _csv_line(_harmless(values[name]) for name in _COLUMNS)


def _csv_line(values: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(values)
    return line.getvalue()


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _json_list(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    before = "[\n"
    for row in rows:
        yield before + json.dumps(row, ensure_ascii=False)
        before = ",\n"
    yield "\n]\n" if before == ",\n" else "[]\n"


def _receipt_path(key: str) -> str:
    return f"receipts/{file_name(key)}"


def _about(missing: list[str]) -> str:
    listed = "\n".join(missing)
    return f"These files could not be read. Try again later:\n\n{listed}\n"
