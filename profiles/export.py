"""Download all of a user's data as a zip or JSON, or the expenses as CSV.

Each is created while it is sent and needs little memory: tables are read once, a page
at a time, and files one at a time. Expenses and their histories are buffered on disk,
since the zip and the JSON write them more than once, or after other data. The stored
totals of months are left out, since they are derived from the expenses.
"""

import contextlib
import dataclasses
import datetime
import itertools
import json
import logging
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import IO, Self

from botocore.exceptions import BotoCoreError, ClientError

from accounts import login_history, services, tokens
from accounts.models import Account
from budgets import services as budgets
from budgets.history import finished_periods
from expenses import history, trash
from expenses import queries as expenses
from expenses.imports import profiles as import_settings
from expenses.imports import services as imports
from notifications import services as notifications
from profiles import records
from profiles.records import Record
from profiles.zips import Archive
from reports import archive as reports
from smartbudget.core import aws, concurrency, dates, throttling
from smartbudget.core.config import config
from smartbudget.core.i18n import gettext as _
from smartbudget.core.i18n import gettext_noop, override
from smartbudget.core.throttling import Limit
from smartbudget.core.user import User

logger = logging.getLogger(__name__)

EXPORTS = Limit(  # for all formats together
    "export",
    5,
    3600,
    gettext_noop("You can download your data up to five times an hour."),
)

_CHUNK = 64 * 1024  # bytes
_HISTORIES = 100  # read per call


def zip_chunks(user: User) -> Iterator[bytes]:
    """Return the chunks of a zip, created while they are read; count the download.

    The zip's last entry, `manifest.json`, contains the SHA-256 of each file. Files that
    cannot be read are listed in `missing.txt`.

    Raises ThrottledError and NotFoundError at once. Later outages of DynamoDB are not
    caught; the zip is then incomplete.
    """
    return _start(user, _zip)


def json_chunks(user: User) -> Iterator[bytes]:
    """Return the chunks of a JSON object; see `zip_chunks`.

    It contains the lists of the zip, and the names of files instead of the files.
    """
    return _start(user, lambda account: _chunks(_json_parts(account)))


def csv_chunks(
    user: User,
    *,
    start: datetime.date | None = None,
    end: datetime.date | None = None,
) -> Iterator[bytes]:
    """Return the chunks of the expenses as CSV; see `zip_chunks`.

    start, end: days, both included, or None for no limit. Also raises InvalidError.
    """
    selected = expenses.all_expenses(user, start=start, end=end)
    rows = (records.of_expense(expense, user) for expense in selected)
    lines = records.csv_lines(rows, user.currency)
    return _start(user, lambda _: _chunks(lines))


def file_name(user: User, kind: str = "zip") -> str:
    """Return a download's file name, from the username and today's date."""
    return f"smart-budget-{user.username}-{user.today()}.{kind}"


def _start(
    user: User, write: Callable[[Account], Generator[bytes, None, None]]
) -> Iterator[bytes]:
    def begin() -> Generator[bytes, None, None]:
        account = services.get_account(user.user_id)
        throttling.count(EXPORTS, user.user_id)
        return write(account)

    return concurrency.EXPORTS.held_while_sent(user.user_id, begin)


def _zip(account: Account) -> Generator[bytes, None, None]:
    archive = Archive()
    yield from _write_all(archive, account)
    missing = len(archive.missing)
    logger.info("data exported user_id=%s missing=%d", account.user_id, missing)


def _write_all(archive: Archive, account: Account) -> Iterator[bytes]:
    user = account.user
    profile = records.json_text(records.of_account(account))
    yield from archive.text("profile.json", [profile])
    second_factors = records.json_text(records.of_factors(account))
    yield from archive.text("second_factors.json", [second_factors])
    for title, rows in _first_lists(account).items():
        yield from archive.rows(f"{title}.json", rows)
    with _ExpenseBuffer(user) as buffer:
        lines = records.csv_lines(buffer.read(), user.currency)
        yield from archive.text("expenses.csv", lines)
        yield from archive.rows("expenses.json", buffer.expenses())
        yield from archive.rows("history.json", buffer.histories())
        yield from archive.rows("trash.json", _trashed(user))
        for row in itertools.chain(buffer.expenses(), _trashed(user)):
            if key := row["receipt_url"]:
                yield from _write_file(archive, records.receipt_path(key), key)
    for report in reports.all_reports(user):
        path = f"reports/{report.file_name}"
        yield from _write_file(archive, path, report.report_key)
    if archive.missing:
        text = _missing_text(archive.missing, account.language)
        yield from archive.text("missing.txt", [text])
    yield from archive.end()


def _json_parts(account: Account) -> Iterator[str]:
    user = account.user
    yield f'{{"made_at": "{dates.timestamp()}",\n"profile": '
    yield records.json_text(records.of_account(account))
    yield ',"second_factors": '
    yield records.json_text(records.of_factors(account))
    for title, rows in _first_lists(account).items():
        yield f',"{title}": '
        yield from records.json_list(rows)
    with _ExpenseBuffer(user) as buffer:
        yield ',"expenses": '
        yield from records.json_list(buffer.read())
        yield ',"history": '
        yield from records.json_list(buffer.histories())
    yield ',"trash": '
    yield from records.json_list(_trashed(user))
    yield ',"reports": '
    yield from records.json_list(map(records.of_report, reports.all_reports(user)))
    yield "}\n"


def _first_lists(account: Account) -> dict[str, Iterable[Record]]:
    """Return {name: rows} of the lists that need no buffer."""
    user = account.user
    user_budgets = budgets.list_budgets(user).items
    past = notifications.all_notifications(user)
    settings = import_settings.read_settings(user)
    return {
        "logins": map(dataclasses.asdict, login_history.list_logins(user)),
        "tokens": map(records.of_token, tokens.tokens_of(account)),
        "budgets": (records.of_budget(budget, user) for budget in user_budgets),
        "budget_periods": (
            records.of_budget_period(budget_id, period, user)
            for budget_id, periods in finished_periods(user, user_budgets).items()
            for period in periods
        ),
        "imports": map(records.of_import, imports.all_imports(user)),
        "import_profiles": map(records.of_import_profile, settings.profiles),
        "import_rules": map(records.of_import_rule, settings.rules),
        "notifications": (
            records.of_notification(notification, user) for notification in past
        ),
    }


def _trashed(user: User) -> Iterator[Record]:
    """Yield the deleted expenses that can still be restored."""
    for trashed in trash.all_trashed(user.user_id):
        if trash.restorable_until(trashed) > dates.now():
            record = records.of_expense(trashed.expense, user)
            yield {**record, "deleted_at": trashed.deleted_at}


class _ExpenseBuffer:
    """A user's expenses and their histories, read once and buffered on disk."""

    def __init__(self, user: User) -> None:
        self._user = user

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as files:
            self._expenses, self._histories = (
                files.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8"))
                for _ in range(2)
            )
            self._files = files.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    def read(self) -> Iterator[Record]:
        """Yield the expenses while buffering them and their histories."""
        remaining = expenses.all_expenses(self._user)
        while batch := list(itertools.islice(remaining, _HISTORIES)):
            for expense, changes in history.changes_of_many(batch):
                record = records.of_changes(expense, changes, self._user)
                self._histories.write(json.dumps(record) + "\n")
            for expense in batch:
                row = records.of_expense(expense, self._user)
                self._expenses.write(json.dumps(row) + "\n")
                yield row

    def expenses(self) -> Iterator[Record]:
        """Return the buffered expenses."""
        return _read_rows(self._expenses)

    def histories(self) -> Iterator[Record]:
        """Return the buffered histories of expenses that were changed."""
        return _read_rows(self._histories)


def _read_rows(file: IO[str]) -> Iterator[Record]:
    file.seek(0)
    return map(json.loads, file)


def _write_file(archive: Archive, path: str, key: str) -> Iterator[bytes]:
    """Add a file of the bucket to the zip, or to `missing` if it cannot be read."""
    with tempfile.TemporaryFile() as file:
        try:
            _download(key, file)
        except (BotoCoreError, ClientError):
            logger.warning("not exported key=%s", key, exc_info=True)
            archive.missing.append(path)
            return
        file.seek(0)
        yield from archive.file(path, file)


def _download(key: str, file: IO[bytes]) -> None:
    response = aws.client("s3").get_object(Bucket=config.receipts_bucket, Key=key)
    with contextlib.closing(response["Body"]) as body:
        for chunk in body.iter_chunks(_CHUNK):
            file.write(chunk)


def _chunks(parts: Iterable[str]) -> Generator[bytes, None, None]:
    """Join short texts into chunks: each chunk is compressed and sent separately."""
    chunk = bytearray()
    for part in parts:
        chunk += part.encode()
        if len(chunk) >= _CHUNK:
            yield bytes(chunk)
            chunk.clear()
    yield bytes(chunk)


def _missing_text(missing: list[str], language: str) -> str:
    paths = "\n".join(missing)
    with override(language):
        sentence = _("These files couldn't be read. Try again later:")
    return f"{sentence}\n\n{paths}\n"
