"""Download all of a user's data as a zip or JSON, or the expenses as CSV.

Each is created while it is sent. Little is held in memory: tables are read once, a page
at a time, and files one at a time. Expenses and their histories are buffered on disk,
since they are written twice or later.
"""

import contextlib
import datetime
import itertools
import json
import logging
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import IO

from botocore.exceptions import BotoCoreError, ClientError

from accounts import services, tokens
from accounts.models import Account
from budgets import services as budgets
from expenses import history
from expenses import queries as expenses
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


def begin(user: User) -> Iterator[bytes]:
    """Count a download and return its zip, created while it is read.

    Its last entry, `manifest.json`, contains the SHA-256 of each file.

    Raises ThrottledError and NotFoundError at once. Later outages of DynamoDB are not
    caught; the zip is then incomplete. A file that cannot be read is listed in the
    zip's `missing.txt` instead.
    """
    return _admit(user, _zip)


def begin_json(user: User) -> Iterator[bytes]:
    """Count a download and return it as one JSON object; see `begin`.

    It contains the zip's lists by name, and the names of files.
    """
    return _admit(user, lambda account: _chunks(_json_parts(account)))


def begin_csv(
    user: User,
    *,
    start: datetime.date | None = None,
    end: datetime.date | None = None,
) -> Iterator[bytes]:
    """Count a download and return the expenses as CSV; see `begin`.

    start, end: days, both included, or None for no limit. Also raises InvalidError.
    """
    found = expenses.all_expenses(user, start=start, end=end)
    rows = (records.of_expense(expense, user) for expense in found)
    lines = records.csv_lines(rows, user.currency)
    return _admit(user, lambda _: _chunks(lines))


def name(user: User, kind: str = "zip") -> str:
    """Return a download's file name, from the username and today's date."""
    return f"smart-budget-{user.username}-{user.today()}.{kind}"


def _admit(
    user: User, make: Callable[[Account], Generator[bytes, None, None]]
) -> Iterator[bytes]:
    def begin() -> Generator[bytes, None, None]:
        account = services.get_account(user.user_id)
        throttling.count(EXPORTS, user.user_id)
        return make(account)

    return concurrency.EXPORTS.held_while_sent(user.user_id, begin)


def _zip(account: Account) -> Generator[bytes, None, None]:
    archive = Archive()
    yield from _fill(archive, account)
    missing = len(archive.missing)
    logger.info("data exported user_id=%s missing=%d", account.user_id, missing)


def _fill(archive: Archive, account: Account) -> Iterator[bytes]:
    user = account.user
    profile = records.json_text(records.of_account(account))
    yield from archive.text("profile.json", [profile])
    for title, rows in _first_lists(account).items():
        yield from archive.rows(f"{title}.json", rows)
    with _Ledger(user) as ledger:
        lines = records.csv_lines(ledger.read(), user.currency)
        yield from archive.text("expenses.csv", lines)
        yield from archive.rows("expenses.json", ledger.expenses())
        yield from archive.rows("history.json", ledger.histories())
        for row in ledger.expenses():
            if key := row["receipt_url"]:
                yield from _file(archive, records.receipt_path(key), key)
    for report in reports.all_reports(user):
        path = f"reports/{report.file_name}"
        yield from _file(archive, path, report.report_key)
    if archive.missing:
        about = _about(archive.missing, account.language)
        yield from archive.text("missing.txt", [about])
    yield from archive.end()


def _json_parts(account: Account) -> Iterator[str]:
    user = account.user
    yield f'{{"made_at": "{dates.timestamp()}",\n"profile": '
    yield records.json_text(records.of_account(account))
    for title, rows in _first_lists(account).items():
        yield f',"{title}": '
        yield from records.json_list(rows)
    with _Ledger(user) as ledger:
        yield ',"expenses": '
        yield from records.json_list(ledger.read())
        yield ',"history": '
        yield from records.json_list(ledger.histories())
    yield ',"reports": '
    yield from records.json_list(map(records.of_report, reports.all_reports(user)))
    yield "}\n"


def _first_lists(account: Account) -> dict[str, Iterable[Record]]:
    """Return {name: rows} of the lists that are written only once."""
    user = account.user
    kept = budgets.list_budgets(user).items
    told = notifications.all_notifications(user)
    return {
        "tokens": map(records.of_token, tokens.tokens_of(account)),
        "budgets": (records.of_budget(budget, user) for budget in kept),
        "notifications": (
            records.of_notification(notification, user) for notification in told
        ),
    }


class _Ledger:
    """A user's expenses and their histories, read once and buffered on disk."""

    def __init__(self, user: User) -> None:
        self._user = user

    def __enter__(self) -> "_Ledger":
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
        found = expenses.all_expenses(self._user)
        while batch := list(itertools.islice(found, _HISTORIES)):
            for expense, changes in history.changes_of_many(batch):
                told = records.of_changes(expense, changes, self._user)
                self._histories.write(json.dumps(told) + "\n")
            for expense in batch:
                row = records.of_expense(expense, self._user)
                self._expenses.write(json.dumps(row) + "\n")
                yield row

    def expenses(self) -> Iterator[Record]:
        """Return the buffered expenses."""
        return _again(self._expenses)

    def histories(self) -> Iterator[Record]:
        """Return the buffered histories of expenses that were changed."""
        return _again(self._histories)


def _again(file: IO[str]) -> Iterator[Record]:
    file.seek(0)
    return map(json.loads, file)


def _file(archive: Archive, path: str, key: str) -> Iterator[bytes]:
    """Write a file of the bucket, or add it to `missing` if it cannot be read."""
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
    """Join short texts into chunks, since each chunk is sent and compressed alone."""
    waiting = bytearray()
    for part in parts:
        waiting += part.encode()
        if len(waiting) >= _CHUNK:
            yield bytes(waiting)
            waiting.clear()
    yield bytes(waiting)


def _about(missing: list[str], language: str) -> str:
    listed = "\n".join(missing)
    with override(language):
        sentence = _("These files could not be read. Try again later:")
    return f"{sentence}\n\n{listed}\n"
