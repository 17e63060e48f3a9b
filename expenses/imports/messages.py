"""The messages of imports: stored as codes with values, translated when shown.

So what is stored doesn't depend on the language of the upload. Stored messages outlive
the code that wrote them: a template that needs other values gets another code.
"""

import datetime
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from smartbudget.core import i18n, money
from smartbudget.core.errors import InvalidError
from smartbudget.core.i18n import gettext, ngettext, ngettext_noop
from smartbudget.core.i18n import gettext_noop as _

# {code: template}; one with a plural has two, and is chosen by its value `count`.
MESSAGES: dict[str, str | tuple[str, str]] = {
    # --- Decisions on bookings ---
    "imported": _("You imported this before."),
    "other_day": _("You imported this before, with the date {day}."),
    "also_in": _("Also in {file}."),
    "exists": _("You already have this expense."),
    "deleted": _("You imported this before and deleted it."),
    "other_text": _(
        "You imported this before with another text: “{text}”. Is it the same?"
    ),
    "by_hand": _("You entered this yourself on {day}."),
    "several": _("This looks like {count} expenses that you entered."),
    "pending": _("Still pending at your bank. It will be in a later file."),
    "zero": _("The amount is zero."),
    "money_in": _("Money that you received. If you import it, it becomes a refund."),
    "refund": _("This may be a refund of your expense of {day}."),
    "currency": _("This is in {currency}, and your currency is {own}."),
    "too_old": _("The date can be at most {years} years ago."),
    "invalid": _("The field “{field}” isn't valid."),
    "transfer": _("Transfer between your own accounts ({account})."),
    "rule": _("One of your rules skips this."),
    "chosen": _("You chose this."),
    "by_rule": _("One of your rules."),
    "habit": _("Your last three expenses at {merchant} are in {category}."),
    "in_file": _("From the file."),
    # --- Rows that are no bookings ---
    "no_booking": _("Not a transaction."),
    "not_booked": _("Still pending at your bank."),
    "declined": _("The bank didn't complete this payment."),
    "information": _("For information only."),
    "investment": _("Part of an investment statement."),
    "opening_balance": _("Opening balance, not a payment."),
    "named_transfer": _("Transfer to or from the account {account}."),
    "other_account": _("Another account: {account}."),
    "unnamed": _("without a number"),
    # --- Rows that can't be read ---
    "no_date": _("The date is missing."),
    "unreadable_date": _("The date can't be read."),
    "before_year": _("The date is before {year}."),
    "too_far_ahead": _("The date is more than a year ahead."),
    "no_amount": _("The amount is missing."),
    "unreadable_amount": _("The amount can't be read."),
    "odd_amount": _("The amount is written differently from the others."),
    "too_large": _("Amount must be below {limit}."),
    "too_many_decimals": _("{currency} amounts have at most {places} decimals."),
    "no_direction": _("It's not clear whether this was paid or received."),
    "no_type": _("The row doesn't say whether it is a debit or a credit."),
    "debit_and_credit": _("The row has both a debit and a credit."),
    "row_width": _("The row has {count} columns instead of {expected}."),
    "incomplete_row": _("The row is incomplete."),
    "no_mt940_line": _("This isn't an MT940 statement line."),
    "no_expense": _("This entry isn't an expense."),
    "unreadable_parts": _("The parts can't be read."),
    "unknown_kind": _("The type or status is unknown."),
    # --- Places in a file ---
    "line": _("line {line}"),
    "entry": _("entry {number}"),
    "payment": _("entry {number}, payment {part}"),
    "place_in_file": _("{file}, {place}"),
    # --- Examples of what the answer to a question means ---
    "unreadable_cell": _("{cell} can't be read"),
    "cell_day": _("{cell}: {long_day}"),
    "cell_amount": _("{cell} is {amount}"),
    "cell_amount_and_total": _("{cell} is {amount}; {month}: {total} in total"),
    "cell_paid": _("{cell} paid"),
    "cell_received": _("{cell} received"),
    "row_paid": _("{text}: {amount} paid"),
    "row_received": _("{text}: {amount} received"),
    "both": _("{first}; {second}"),
    "rows_of_account": ngettext_noop(
        "{account}: {count} row", "{account}: {count} rows"
    ),
    "one_account": _("All rows belong to one account"),
    # --- Why a file is refused ---
    "file_problem": _("{file}: {problem}"),
    "failed": _("The file couldn't be read. Please try again."),
    "pdf": _(
        "This is a PDF. On your bank's website, look for a way to download your "
        "transactions as CSV, OFX or CAMT."
    ),
    "excel": _(
        "This is an Excel file. Open it, save it as CSV, and choose the new file."
    ),
    "spreadsheet": _(
        "This is a spreadsheet. Open it, save it as CSV, and choose the new file."
    ),
    "text_document": _(
        "This is a text document. On your bank's website, look for a way to download "
        "your transactions as CSV, OFX or CAMT."
    ),
    "web_page": _(
        "This is actually a web page. Open it in a spreadsheet app, save it as CSV, "
        "and choose the new file."
    ),
    "investments_only": _(
        "This is an investment statement. Only transactions of bank accounts and cards "
        "can be imported."
    ),
    "not_own_json": _(
        "Only JSON files exported from Smart Budget Planner can be imported."
    ),
    "empty": _("The file is empty."),
    "no_bookings": _("The file contains no transactions."),
    "no_rows": _("No row of this file has a date and an amount."),
    "no_statement": _("The file contains no account statement."),
    "bank_error": _(
        "The file contains no account statement. The bank's message: {message}"
    ),
    "no_rows_in_columns": _("No row has a date and an amount in these columns."),
    "no_dates": _("No column of dates was found."),
    "no_amounts": _("No column of amounts was found."),
    "no_such_column": _("Choose a column from 0 to {last}."),
    "unknown_encoding": _("Choose another encoding."),
    "undecodable": _(
        "Line {line} contains characters that can't be read. Export the file again, or "
        "choose its encoding."
    ),
    "damaged": _("The file is damaged or incomplete at line {line}."),
    "ends_early": _("The file ends too early, at line {line}. Download it again."),
    "no_closing_balance": _(
        "The statement that ends at line {line} has no closing balance. Download the "
        "file again."
    ),
    "open_quote": _("Line {line} has a quotation mark that is never closed."),
    "invalid_json": _("The JSON can't be read at line {line}."),
    "deep_json": _("The JSON is nested too deeply."),
    "deep_xml": _("The file is too deeply nested or too large."),
    "xml_entities": _("The file declares XML entities, which are not accepted."),
    "too_many_bytes": _("The file is larger than {most} MB. Export a shorter period."),
    "too_many_rows": _("The file has more than {most} rows. Export a shorter period."),
    "too_many_accounts": _(
        "The file has more than {most} accounts. Export fewer accounts."
    ),
    "long_line": _("Line {line} has more than {most} characters."),
    "wide_line": _("Line {line} has more than {most} columns."),
    "too_many_expenses": _(
        "You have too many expenses in the file's period. Export a shorter period."
    ),
    "too_many_profiles": _(
        "You can have at most {most} bank accounts. Delete one that you don't need."
    ),
    "different_formats": _(
        "Import these files one by one ({files}). Several files in a zip must all be "
        "CAMT, all MT940 or all OFX."
    ),
    "crowded_zip": _("The zip contains too many files."),
    "unreadable_zip": _("The zip can't be read. Unpack it and choose the file in it."),
    "nested_zip": _("The zip contains another zip. Unpack it first."),
    "empty_zip": _("The zip contains no files."),
    "too_many_statements": _(
        "The zip contains {count} files. Import at most {most} at once."
    ),
}


def _day_as(formatted: Callable[[datetime.date], str]) -> Callable[[str], str]:
    return lambda text: formatted(datetime.date.fromisoformat(text))


# How values are shown, by their names. Days are stored as ISO 8601, numbers in plain
# decimals. A message that is a value of another one needs no format.
_FORMATS: dict[str, Callable[[Any], str]] = {
    "day": _day_as(i18n.day),
    "long_day": _day_as(i18n.long_day),
    "month": _day_as(i18n.month),
    **dict.fromkeys(("amount", "total", "limit", "most", "count"), money.grouped),
    "field": gettext,  # the label of an expense's field, in English
}


class Message(NamedTuple):
    """A message that is translated when it is shown. As JSON: [code, values]."""

    code: str = ""  # one of MESSAGES
    values: Mapping[str, Any] = {}  # of its template; JSON, or other messages

    def __str__(self) -> str:
        return sentence(self.code, self.values)

    def __hash__(self) -> int:  # the values have none
        return hash(self.code)


NO_MESSAGE = Message()


def message(code: str, /, **values: Any) -> Message:
    """Return a message with exactly the values of its template."""
    return Message(code, values)


class FileError(InvalidError):
    """A file is refused. The reason is stored if no request waits for it."""

    def __init__(self, code: str, /, field: str | None = "file", **values: Any) -> None:
        self.reason = message(code, **values)
        super().__init__(str(self.reason), field)


def sentence(code: str, values: Mapping[str, Any]) -> str:
    """Return a message in the current language; empty without one.

    code: one of MESSAGES, or a sentence, which earlier versions stored.
    """
    template = MESSAGES.get(code)
    if template is None:
        return code
    if isinstance(template, tuple):
        text = ngettext(*template, values["count"])
    else:
        text = gettext(template)
    return text.format(**{name: _shown(name, value) for name, value in values.items()})


def _shown(name: str, value: Any) -> Any:
    if isinstance(value, list | tuple):
        return sentence(*value)
    return _FORMATS[name](value) if name in _FORMATS else value
