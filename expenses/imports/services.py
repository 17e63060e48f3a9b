"""Import a bank's file: upload it, look at its rows, then write them.

`commit.py` writes and undoes. Nothing is stored as an expense before.

Why: docs/decisions.md#an-import-is-a-preview-and-then-chunks
"""

import datetime
import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from budgets.queries import BudgetLine
from expenses.imports import (
    background,
    contents,
    files,
    over_budget,
    preview,
    profiles,
    reading,
)
from expenses.imports.bookings import Question
from expenses.imports.merchant_names import merchant_key
from expenses.imports.messages import sentence
from expenses.imports.models import Import
from expenses.imports.preview import Choice, ImportRow
from expenses.imports.profiles import Profile
from expenses.imports.rules import Rule
from smartbudget.core import dates
from smartbudget.core.concurrency import BULK_WRITES
from smartbudget.core.dynamodb import (
    WriteConflictError,
    conditional_write,
    retry_on_conflict,
)
from smartbudget.core.errors import (
    ConflictError,
    InvalidError,
    InvalidRowsError,
    NotFoundError,
    ThrottledError,
)
from smartbudget.core.i18n import gettext as _
from smartbudget.core.pagination import Key, Page, query_page
from smartbudget.core.user import User

PREVIEW_KEPT = datetime.timedelta(days=7)
UNDO_KEPT = datetime.timedelta(days=30)  # after the import began
MAX_CHANGED = 1000  # rows of one request
_MAX_NAME_LENGTH = 255


@dataclass(frozen=True)
class RowPage:
    """Some rows of an import; `next` is the number of the row that follows, or None."""

    rows: list[ImportRow]
    next: int | None = None


@BULK_WRITES.limited
def create_import(
    user: User,
    content: bytes,
    file_name: str,
    *,
    profile: str = "",
    mapping: Mapping[str, Any] | None = None,
) -> Import:
    """Read a file, and store it with its rows and what becomes of each.

    profile: the name of a bank account, or empty to recognize it. mapping: answers to
    questions, as `Import.mapping` has them. A task reads a large file; until then, the
    import's state is `reading`.

    Raises InvalidError with a sentence for users if the file is refused, and
    ThrottledError if too many files of the user are being read.
    """
    given = _answers_in(mapping)
    name = profiles.validate_name(profile)
    document = contents.recognize(content, given)
    import_id = uuid.uuid4().hex
    record = Import(
        Import.id_of(import_id),
        index_key=Import.index_key_of(user.user_id),
        uploaded_on=dates.now().date().isoformat(),
        file_name=_clean_name(file_name),
        sha256=hashlib.sha256(content).hexdigest(),
        created_at=dates.timestamp(),
        expires_at=dates.now() + PREVIEW_KEPT,
        **contents.unread(document.format, given),
    )
    if document.is_large:
        files.put_file(user, import_id, content)
        try:
            background.put(user, record, given, name, is_new=True)
        except ThrottledError:
            files.delete_file(user, import_id)
            raise
        return record
    read = contents.read(user, content, record, given, name)
    for attribute, value in read.facts().items():
        setattr(record, attribute, value)
    files.put_file(user, import_id, content)
    files.put_rows(user, import_id, record.revision, read.rows)
    record.save()
    record.rows = read.rows
    return record


def get_import(user: User, import_id: str) -> Import:
    """Return an import that can still be seen. Read consistently.

    Raises NotFoundError, also for another user's import.
    """
    record = Import.find(Import.id_of(import_id))
    if (
        record is None
        or record.index_key != Import.index_key_of(user.user_id)
        or record.expires_at <= dates.now()
    ):
        raise NotFoundError(_("Import not found."))
    return record


def list_imports(
    user: User, *, limit: int = 25, after: Key | None = None, backwards: bool = False
) -> Page[Import]:
    """Return one page of the user's imports, newest day first.

    limit, after, backwards: see `query_page`. The index is eventually consistent.
    """
    return query_page(
        Import.by_user,
        Import.index_key_of(user.user_id),
        ("user_id", "date", "expense_id"),
        limit=limit,
        after=after,
        backwards=backwards,
        matching=Import.expires_at > dates.now(),
    )


def all_imports(user: User) -> Iterator[Import]:
    """Yield all imports of a user that can still be seen, newest day first."""
    imports: Iterator[Import] = Import.by_user.query(
        Import.index_key_of(user.user_id),
        filter_condition=Import.expires_at > dates.now(),
        scan_index_forward=False,
        page_size=500,
    )
    return imports


def list_rows(
    user: User,
    import_id: str,
    *,
    decision: str = "",
    first: int = 1,
    limit: int = 50,
) -> RowPage:
    """Return rows of an import in the file's order, from a row's number on.

    decision: only rows with this one, or all if empty. Raises NotFoundError, and
    ConflictError while the file is being read.
    """
    record = get_import(user, import_id)
    rows = [
        row
        for row in rows_of(user, record)
        if row.number >= first and (not decision or row.decision == decision)
    ]
    following = rows[limit].number if len(rows) > limit else None
    return RowPage(rows[:limit], following)


def rows_of(user: User, record: Import) -> Sequence[ImportRow]:
    """Return all rows of an import: none if its file was refused.

    If another request changed them since the import was read, `record` is then as it
    is now. Raises ConflictError while the file is being read, or if its state changed
    meanwhile.
    """
    check_is_read(record)
    if not record.was_read:
        return []
    while record.rows is None:
        try:
            record.rows = files.get_rows(user, record.import_id, record.revision)
        except NotFoundError:
            latest = get_import(user, record.import_id)
            if latest.revision == record.revision:
                raise
            if latest.state != record.state:
                raise ConflictError(_(contents.CHANGED)) from None
            record.attribute_values.update(latest.attribute_values)
    return record.rows


def written_rows(user: User, record: Import) -> list[ImportRow]:
    """Return the rows whose expenses an import wrote and has not undone."""
    written = int(record.written, 16)
    return [row for row in rows_of(user, record) if written >> row.number & 1]


def rows_with_outcome(user: User, record: Import) -> list[ImportRow]:
    """Return all rows of an import that was written, with what became of each.

    Those that were found to be stored since the preview, such as by another import of
    the same file, are duplicates.
    """
    written = {row.number for row in written_rows(user, record)}
    return [
        replace(row, decision="duplicate", because="imported")
        if row.is_written and row.number not in written
        else row
        for row in rows_of(user, record)
    ]


def budgets_over(user: User, record: Import) -> list[BudgetLine]:
    """Return the budgets that an import would take over their limits as it is now.

    None before its file was read, and once it was begun. For what it can't know, see
    `over_budget.lines_over`.
    """
    if record.state != "preview":
        return []
    return over_budget.lines_over(user, rows_of(user, record))


@BULK_WRITES.limited
def change_rows(user: User, import_id: str, choices: Mapping[int, Choice]) -> Import:
    """Change what becomes of rows of an import, by their numbers.

    Raises InvalidError, or InvalidRowsError with the positions in `choices`; also
    NotFoundError, and ConflictError if it was begun or changed meanwhile.
    """
    if not 1 <= len(choices) <= MAX_CHANGED:
        message = _("Change 1 to {most} rows at a time.").format(most=MAX_CHANGED)
        raise InvalidError(message, "rows")
    record = _in_preview(user, import_id)
    rows = rows_of(user, record)
    if not all(1 <= number <= len(rows) for number in choices):
        raise InvalidError(_("This row isn't in the file."), "rows")
    changed, errors = [*rows], {}
    for index, (number, choice) in enumerate(choices.items()):
        try:
            changed[number - 1] = preview.choose(rows[number - 1], choice)
        except InvalidError as error:
            errors[index] = {error.field or "row": [str(error)]}
    if errors:
        raise InvalidRowsError("rows", errors)
    _check_matches(changed)
    contents.store(user, record, changed, contents.facts_of(changed))
    return record


@BULK_WRITES.limited
def remember_merchant(
    user: User, import_id: str, number: int, *, never_guess: bool = False
) -> Rule:
    """Create a rule from a row of a preview, and return it.

    Its merchant always gets the row's category or, with never_guess, no habit suggests
    one. The merchant's other rows follow, except where the user chose a category. The
    rule is stored before the rows; safe to repeat.

    Raises InvalidError, NotFoundError, and ConflictError as `change_rows`.
    """
    record = _in_preview(user, import_id)
    rows = rows_of(user, record)
    row = rows[number - 1] if 1 <= number <= len(rows) else None
    if row is None:
        raise InvalidError(_("This row isn't in the file."), "row")
    if row.booking is None or not merchant_key(row.payee, row.text):
        raise InvalidError(_("This row has no merchant."), "row")
    if not (row.category or never_guess):
        raise InvalidError(_("Choose a category first."), "row")
    category = "" if never_guess else row.category
    rule, rules = profiles.save_merchant_rule(
        user, row.booking, record.source, category
    )
    changed = preview.apply_rule(rows, row, rule, rules, record.source)
    if changed != rows:
        contents.store(user, record, changed, contents.facts_of(changed))
    return rule


@BULK_WRITES.limited
def change_mapping(
    user: User,
    import_id: str,
    *,
    mapping: Mapping[str, Any] | None = None,
    profile: str = "",
) -> Import:
    """Read the file of an import again, and keep what the user chose for its rows.

    mapping: the user's answers, added to earlier ones. profile: as in `create_import`;
    empty for the same as before. A large file is read by a task.

    Raises InvalidError, NotFoundError, ThrottledError as `create_import`, and
    ConflictError as `change_rows`.
    """
    record = _in_preview(user, import_id)
    given = _answers_in(mapping, json.loads(record.mapping)["given"])
    name = profiles.validate_name(profile)
    content = files.get_file(user, import_id)
    if contents.recognize(content, given).is_large:
        background.put(user, record, given, name)
        return record
    read = contents.read(user, content, record, given, name)
    contents.store(user, record, read.rows, {**read.facts(), "state": "preview"})
    return record


def discard_import(user: User, import_id: str) -> None:
    """Delete an import that was not begun, with its file and its rows.

    The item goes first: if the rest fails, the lifecycle of the bucket deletes the
    objects, which nothing names any more. Repeating it raises NotFoundError.

    Raises NotFoundError, and ConflictError if the import was begun.
    """

    def attempt() -> Import:
        record = get_import(user, import_id)
        if record.was_begun:
            message = _("This import has already started. Undo it instead.")
            raise ConflictError(message)
        unchanged = Import.committed_at.does_not_exist()
        unchanged &= Import.revision == record.revision
        if not conditional_write(lambda: record.delete(unchanged)):
            raise WriteConflictError([record])
        return record

    record = retry_on_conflict(attempt)
    files.delete_rows(user, import_id, record.revision)
    files.delete_file(user, import_id)


def questions_of(record: Import) -> list[Question]:
    """Return the questions that an import waits for, in the current language."""
    return [
        Question(**{**question, "examples": _shown(question["examples"])})
        for question in json.loads(record.questions)
    ]


def _shown(examples: Mapping[str, Any]) -> dict[str, str]:
    return {
        choice: example if isinstance(example, str) else sentence(*example)
        for choice, example in examples.items()
    }


def mapping_of(record: Import) -> dict[str, Any]:
    """Return how the file of an import was read."""
    mapping: dict[str, Any] = json.loads(record.mapping)["used"]
    return mapping


def encoding_samples(user: User, record: Import) -> dict[str, list[str]]:
    """Return how the file of an import looks in encodings that it may have.

    {encoding: texts}; empty unless its encoding was guessed.
    """
    if not mapping_of(record).get("encoding_guessed"):
        return {}
    return reading.encoding_samples(files.get_file(user, record.import_id))


def profile_of(record: Import) -> Profile:
    """Return the profile that an import was read with, with the user's answers.

    The user has seen the letters of a guessed encoding: it needs no more questions.
    """
    given, used = json.loads(record.mapping)["given"], mapping_of(record)
    if used.get("encoding_guessed"):
        given["encoding"] = used["encoding"]
    return Profile(
        record.source,
        record.base,
        record.profile,
        given,
        format=record.format,
        account_label=record.account_label,
        number_id=record.number_id,
        header_hash=record.header_hash,
    )


def check_is_read(record: Import) -> None:
    """Raise ConflictError while the file of an import is being read."""
    if record.state == "reading":
        raise ConflictError(_("The file is still being read."))


def _in_preview(user: User, import_id: str) -> Import:
    record = get_import(user, import_id)
    check_is_read(record)
    if record.state not in ("preview", "refused"):
        raise ConflictError(_("This import has already started."))
    return record


def _answers_in(
    mapping: Mapping[str, Any] | None, earlier: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the answers in a mapping, and earlier ones. Raises InvalidError."""
    given = (mapping or {}).items()
    new = {name: value for name, value in given if name in contents.ANSWERS}
    for name, value in new.items():
        choices = contents.ANSWERS[name]
        if choices and value and value not in choices:
            message = _("Choose another answer for {name}.").format(name=name)
            raise InvalidError(message, "mapping")
    answers = {**(earlier or {}), **new}
    if not contents.are_short(answers):
        raise InvalidError(_("This is too long."), "mapping")
    return answers


def _check_matches(rows: Sequence[ImportRow]) -> None:
    """Reject two rows that are the same expense. Raises InvalidError."""
    matched = [row.of for row in rows if row.decision == "match"]
    if len(matched) != len(set(matched)):
        message = _("Two rows can't be the same expense.")
        raise InvalidError(message, "rows")


def _clean_name(file_name: str) -> str:
    """Return a file's name without folders and control characters."""
    name = file_name.replace("\\", "/").rpartition("/")[2]
    printable = "".join(character for character in name if character.isprintable())
    return printable.strip()[:_MAX_NAME_LENGTH] or "file"
