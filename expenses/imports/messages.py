"""The messages of imports: stored as codes with values, translated when shown.

So what is stored doesn't depend on the language of the upload. Stored messages outlive
the code that wrote them: a template that needs other values gets another code.
"""

import datetime
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from smartbudget.core import i18n, money
from smartbudget.core.errors import InvalidError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.i18n import gettext_noop, ngettext, ngettext_noop

# {code: template}; one with a plural has two, and is chosen by its value `count`.
MESSAGES: dict[str, str | tuple[str, str]] = {
    # --- Decisions on bookings ---
    "imported": gettext_noop("You imported this before."),
    "other_day": gettext_noop("You imported this before, with the date {day}."),
    "also_in": gettext_noop("Also in {file}."),
    "exists": gettext_noop("You have this expense already."),
    "deleted": gettext_noop("You imported this before and deleted it."),
    "other_text": gettext_noop(
        "You imported this before with another text: “{text}”. Is it the same?"
    ),
    "by_hand": gettext_noop("You entered this yourself on {day}."),
    "several": gettext_noop("This looks like {count} expenses that you entered."),
    "pending": gettext_noop("Not booked yet. It will be in a later file."),
    "zero": gettext_noop("Nothing was paid."),
    "money_in": gettext_noop(
        "Money that you received. If you import it, it becomes a refund."
    ),
    "refund": gettext_noop("This may be a refund of your expense of {day}."),
    "currency": gettext_noop("This is in {currency}, and your currency is {own}."),
    "too_old": gettext_noop("The date can be at most {years} years ago."),
    "invalid": gettext_noop("The field “{field}” isn't valid."),
    "transfer": gettext_noop("Transfer between your own accounts ({account})."),
    "rule": gettext_noop("One of your rules leaves this out."),
    "chosen": gettext_noop("You chose this."),
    "by_rule": gettext_noop("One of your rules."),
    "habit": gettext_noop(
        "Because you put the last three of {merchant} into {category}."
    ),
    "in_file": gettext_noop("The file says so."),
    # --- Rows that are no bookings ---
    "no_booking": gettext_noop("Not a booking."),
    "not_booked": gettext_noop("Not booked yet."),
    "declined": gettext_noop("The bank didn't carry it out."),
    "information": gettext_noop("For information only, not booked."),
    "investment": gettext_noop("Part of a statement of investments."),
    "opening_balance": gettext_noop("Opening balance, not a payment."),
    "named_transfer": gettext_noop("Transfer to or from the account {account}."),
    "other_account": gettext_noop("Another account: {account}."),
    "unnamed": gettext_noop("without a number"),
    # --- Rows that can't be read ---
    "no_date": gettext_noop("The date is missing."),
    "unreadable_date": gettext_noop("The date can't be read."),
    "before_year": gettext_noop("The date is before {year}."),
    "too_far_ahead": gettext_noop("The date is more than a year ahead."),
    "no_amount": gettext_noop("The amount is missing."),
    "unreadable_amount": gettext_noop("The amount can't be read."),
    "odd_amount": gettext_noop("The amount is written differently from the others."),
    "too_large": gettext_noop("Amount must be below {limit}."),
    "too_many_decimals": gettext_noop(
        "{currency} amounts have at most {places} decimals."
    ),
    "no_direction": gettext_noop("It is not clear whether this was paid or received."),
    "no_type": gettext_noop("The row doesn't say whether it is a debit or a credit."),
    "debit_and_credit": gettext_noop("The row has both a debit and a credit."),
    "row_width": gettext_noop("The row has {count} columns instead of {expected}."),
    "incomplete_row": gettext_noop("The row is incomplete."),
    "no_mt940_line": gettext_noop("This is not a statement line of MT940."),
    "no_expense": gettext_noop("The entry is no expense."),
    "unreadable_parts": gettext_noop("The parts can't be read."),
    "unknown_kind": gettext_noop("The type or status is unknown."),
    # --- Places in a file ---
    "line": gettext_noop("line {line}"),
    "entry": gettext_noop("entry {number}"),
    "payment": gettext_noop("entry {number}, payment {part}"),
    "place_in_file": gettext_noop("{file}, {place}"),
    # --- Examples of what the answer to a question means ---
    "unreadable_cell": gettext_noop("{cell} can't be read"),
    "cell_day": gettext_noop("{cell}: {long_day}"),
    "cell_amount": gettext_noop("{cell} is {amount}"),
    "cell_amount_and_total": gettext_noop(
        "{cell} is {amount}; {month}: {total} in total"
    ),
    "cell_paid": gettext_noop("{cell} paid"),
    "cell_received": gettext_noop("{cell} received"),
    "row_paid": gettext_noop("{text}: {amount} paid"),
    "row_received": gettext_noop("{text}: {amount} received"),
    "both": gettext_noop("{first}; {second}"),
    "rows_of_account": ngettext_noop(
        "{account}: {count} row", "{account}: {count} rows"
    ),
    "one_account": gettext_noop("All rows belong to one account"),
    # --- Why a file is refused ---
    "file_problem": gettext_noop("{file}: {problem}"),
    "failed": gettext_noop("The file couldn't be read. Please try again."),
    "pdf": gettext_noop(
        "This is a PDF. On your bank's website, look for a download of your bookings "
        "as CSV, OFX or CAMT."
    ),
    "excel": gettext_noop(
        "This is an Excel file. Open it, save it as CSV, and choose the new file."
    ),
    "spreadsheet": gettext_noop(
        "This is a spreadsheet. Open it, save it as CSV, and choose the new file."
    ),
    "text_document": gettext_noop(
        "This is a text document. On your bank's website, look for a download of your "
        "bookings as CSV, OFX or CAMT."
    ),
    "web_page": gettext_noop(
        "This is a web page, whatever its name says. Open it in a spreadsheet, save it "
        "as CSV, and choose the new file."
    ),
    "investments_only": gettext_noop(
        "This is a statement of investments. Only bookings of bank accounts and cards "
        "can be imported."
    ),
    "not_own_json": gettext_noop(
        "Only JSON files that this application exported can be imported."
    ),
    "empty": gettext_noop("The file is empty."),
    "no_bookings": gettext_noop("The file contains no bookings."),
    "no_rows": gettext_noop("No row of this file has a date and an amount."),
    "no_statement": gettext_noop("The file contains no statement of an account."),
    "bank_error": gettext_noop(
        "The file contains no statement of an account. The bank's message: {message}"
    ),
    "no_rows_in_columns": gettext_noop(
        "No row has a date and an amount in these columns."
    ),
    "no_dates": gettext_noop("No column with dates was recognised."),
    "no_amounts": gettext_noop("No column with amounts was recognised."),
    "no_such_column": gettext_noop("Choose a column from 0 to {last}."),
    "unknown_encoding": gettext_noop("Choose another encoding."),
    "undecodable": gettext_noop(
        "Line {line} contains characters that can't be read. Export the file again, or "
        "choose its encoding."
    ),
    "damaged": gettext_noop("The file is damaged or incomplete at line {line}."),
    "ends_early": gettext_noop(
        "The file ends too early, at line {line}. Download it again."
    ),
    "no_closing_balance": gettext_noop(
        "The statement that ends at line {line} has no closing balance. Download the "
        "file again."
    ),
    "open_quote": gettext_noop(
        "Line {line} has a quotation mark that is never closed."
    ),
    "invalid_json": gettext_noop("The JSON can't be read at line {line}."),
    "deep_json": gettext_noop("The JSON is nested too deeply."),
    "deep_xml": gettext_noop("The file is too deeply nested or too large."),
    "xml_entities": gettext_noop(
        "The file declares XML entities, which are not accepted."
    ),
    "too_many_bytes": gettext_noop(
        "The file is larger than {most} MB. Export a shorter period."
    ),
    "too_many_rows": gettext_noop(
        "The file has more than {most} rows. Export a shorter period."
    ),
    "too_many_accounts": gettext_noop(
        "The file has more than {most} accounts. Export fewer of them."
    ),
    "long_line": gettext_noop("Line {line} has more than {most} characters."),
    "wide_line": gettext_noop("Line {line} has more than {most} columns."),
    "too_many_expenses": gettext_noop(
        "You have too many expenses in the file's period. Export a shorter one."
    ),
    "too_many_profiles": gettext_noop(
        "You can have at most {most} bank accounts. Delete one that you don't need."
    ),
    "different_formats": gettext_noop(
        "Import these files one by one ({files}). Several files in a zip must all be "
        "CAMT, all MT940 or all OFX."
    ),
    "crowded_zip": gettext_noop("The zip contains too many files."),
    "unreadable_zip": gettext_noop(
        "The zip can't be read. Unpack it and choose the file in it."
    ),
    "nested_zip": gettext_noop("The zip contains another zip. Unpack it first."),
    "empty_zip": gettext_noop("The zip contains no files."),
    "too_many_statements": gettext_noop(
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
    "field": _,  # the label of an expense's field, in English
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
        text = _(template)
    return text.format(**{name: _shown(name, value) for name, value in values.items()})


def _shown(name: str, value: Any) -> Any:
    if isinstance(value, list | tuple):
        return sentence(*value)
    return _FORMATS[name](value) if name in _FORMATS else value
