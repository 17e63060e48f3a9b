"""Choose the account whose bookings are imported, if a file has several."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from expenses.imports import bookings
from expenses.imports.bookings import LeftOut, Question, Row, Statement
from smartbudget.core.i18n import gettext as _
from smartbudget.core.i18n import ngettext

UNNAMED = "unnamed"  # the choice for rows without an account's number


@dataclass(frozen=True, slots=True)
class Account:
    """The account of a row, as the file identifies it: by a number or a name."""

    number: str = ""  # empty if the file has none
    bank: str = ""
    name: str = ""

    @property
    def account_id(self) -> str:
        """The hashed id, empty if the file does not identify the account."""
        number = self.number or self.name
        return bookings.account_id(self.bank, number) if number else ""

    @property
    def number_id(self) -> str:
        """See `bookings.number_id`."""
        return bookings.number_id(self.number, self.bank)

    @property
    def label(self) -> str:
        """The name, or the last 4 characters of the number."""
        return bookings.limit_text(self.name) or bookings.account_label(self.number)


def statement_of(
    format_name: str,
    rows: Sequence[tuple[Account, Row]],
    given: Mapping[str, Any],
    *,
    mapping: Mapping[str, Any],
    questions: Sequence[Question] = (),
) -> Statement:
    """Return a file's statement, with a question if its rows are of several accounts.

    given: the user's mapping, whose `account` is the choice. mapping: how the file was
    read.
    """
    accounts = {account.account_id or UNNAMED: account for account, _row in rows}
    if UNNAMED in accounts and len(accounts) == 2:  # the other one is the file's
        del accounts[UNNAMED]
    chosen = given.get("account")
    if len(accounts) > 1 and chosen not in accounts:
        questions = [_ask(accounts, rows), *questions]
        account = Account()
    elif len(accounts) > 1:
        account = accounts[str(chosen)]
        mapping = {**mapping, "account": chosen}
        rows = [(other, _of_account(account, other, row)) for other, row in rows]
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
    accounts: Mapping[str, Account], rows: Sequence[tuple[Account, Row]]
) -> Question:
    examples = {}
    for choice, account in accounts.items():
        count = sum(other.account_id == account.account_id for other, _row in rows)
        template = ngettext("{account}: {count} row", "{account}: {count} rows", count)
        examples[choice] = template.format(account=_name(account), count=count)
    return Question("account", tuple(accounts), examples)


def _of_account(account: Account, other: Account, row: Row) -> Row:
    """Return a row of the chosen account, or that it is another account's."""
    if other.account_id == account.account_id:
        return row
    reason = _("Another account: {account}.").format(account=_name(other))
    return LeftOut(row.place, reason)


def _name(account: Account) -> str:
    if account.name:
        return account.label
    return f"…{account.label}" if account.number else _("without a number")
