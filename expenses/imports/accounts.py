"""Choose the account whose bookings are imported, if a file has several."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from expenses.imports import bookings
from expenses.imports.bookings import LeftOut, Question, Row, Statement
from expenses.imports.messages import FileError, Message, message

UNNAMED = "unnamed"  # the choice for rows without an account's number
ALL = "all"  # the choice of rows that are all of one account, whatever a column says
MAX_ACCOUNTS = 100  # of a file; the question about them is stored with the import


@dataclass(frozen=True, slots=True)
class Account:
    """The account of a row, as the file identifies it: by a number or a name."""

    number: str = ""  # empty if the file has none
    bank: str | None = ""  # None in CSV: then it is no part of the id
    name: str = ""

    @property
    def account_id(self) -> str:
        """The hashed id, empty if the file does not identify the account."""
        number = self.number or self.name
        numbers = [number] if self.bank is None else [self.bank, number]
        return bookings.account_id(*numbers) if number else ""

    @property
    def number_id(self) -> str:
        """See `bookings.number_id`."""
        return bookings.number_id(self.number, self.bank or "")

    @property
    def label(self) -> str:
        """The name, or the last 4 characters of the number."""
        return bookings.limit_text(self.name) or bookings.account_label(self.number)


def statement_of(
    format_name: str,
    rows: Sequence[tuple[Account | None, Row]],
    given: Mapping[str, Any],
    *,
    mapping: Mapping[str, Any],
    questions: Sequence[Question] = (),
    other_choices: Mapping[str, Message] | None = None,
) -> Statement:
    """Return a file's statement, with a question if its rows are of several accounts.

    rows: with None, they are no account's. given: the user's mapping, whose `account`
    is the choice. mapping: how the file was read. questions: asked once the account is
    known, as its earlier answers may be answers to them. other_choices: besides the
    accounts, with an example each.

    Raises FileError if there are more than MAX_ACCOUNTS.
    """
    ids = [account.account_id if account else None for account, _row in rows]
    accounts = {
        account_id or UNNAMED: account
        for account_id, (account, _row) in zip(ids, rows, strict=True)
        if account
    }
    if len(accounts) > MAX_ACCOUNTS:
        raise FileError("too_many_accounts", most=MAX_ACCOUNTS)
    if UNNAMED in accounts and len(accounts) == 2:  # the other one is the file's
        del accounts[UNNAMED]
    chosen = str(given.get("account", ""))
    if len(accounts) > 1 and chosen not in accounts:
        questions = [_ask(accounts, Counter(ids), other_choices or {})]
        account = Account()
    elif len(accounts) > 1:
        account = accounts[chosen]
        mapping = {**mapping, "account": chosen}
        rows = [
            (other, _of_other(other, row))
            if other and account_id != account.account_id
            else (other, row)
            for account_id, (other, row) in zip(ids, rows, strict=True)
        ]
    else:
        account = next(iter(accounts.values()), Account())
    return Statement(
        format=format_name,
        rows=[row for _account, row in rows],
        account=account.account_id,
        account_label=account.label,
        number_id=account.number_id,
        mapping=mapping,
        questions=questions,
    )


def _ask(
    accounts: Mapping[str, Account],
    counts: Mapping[str | None, int],
    other_choices: Mapping[str, Message],
) -> Question:
    """Return the question. counts: rows by `account_id`."""
    examples = {
        choice: message(
            "rows_of_account", account=_name(account), count=counts[account.account_id]
        )
        for choice, account in accounts.items()
    }
    examples |= other_choices
    return Question("account", tuple(examples), examples)


def _of_other(other: Account, row: Row) -> LeftOut:
    """Return that a row is another account's than the chosen one's."""
    return LeftOut(row.place, message("other_account", account=_name(other)))


def _name(account: Account) -> str | Message:
    if account.name:
        return account.label
    return f"…{account.label}" if account.number else message("unnamed")
