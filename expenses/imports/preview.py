"""The rows of an import, with what becomes of each: made, changed and counted."""

import datetime
import unicodedata
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from decimal import Decimal
from functools import cache
from itertools import islice
from typing import Any

from expenses import validation
from expenses.fields import DATE, FIELDS, YEARS_BACK
from expenses.imports.bookings import (
    Booking,
    LeftOut,
    Row,
    Statement,
    Unreadable,
    is_own,
)
from expenses.imports.decisions import (
    DECISIONS,
    REFUND_DAYS,
    WRITTEN,
    Decision,
    Stored,
    decide,
    source_key,
)
from expenses.imports.merchant_names import merchant_key, merchant_of
from expenses.imports.messages import FileError, Message, message, sentence
from expenses.imports.profiles import Settings
from expenses.imports.rows import exact_amount
from expenses.imports.rules import Habits, Rule, first_of
from expenses.missing_bookings import NEAR_DAYS
from expenses.models import Expense, MissingBooking
from expenses.parts import shares_of
from expenses.queries import TREND_PAGES, between
from smartbudget.core.errors import InvalidError
from smartbudget.core.i18n import LANGUAGES, override
from smartbudget.core.i18n import gettext as _
from smartbudget.core.money import format_amount
from smartbudget.core.pagination import Item
from smartbudget.core.text import casefold_key, search_key
from smartbudget.core.user import User

_OTHER = {"Cc", "Cs"}  # categories of characters that `core.text` rejects

_NAMESPACE = uuid.UUID("7f0d2c53-9d0b-5f6e-8a61-1b2f6f0a9c44")

# What a user can choose for a booking.
CHOICES = ("new", "match", "duplicate", "excluded", "transfer", "money_in")
# Rows of these decisions are new if chosen: see `_with_ids`.
_FREE = ("new", "money_in", "excluded", "transfer")


@dataclass(frozen=True, slots=True)
class ImportRow:
    """A row of a file. Without an `amount`, it is no booking that can be read."""

    number: int  # from 1, in the order of the file
    place: str  # in the file; see `messages.sentence`, also for the reasons
    decision: str  # one of DECISIONS
    because: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)  # of the reason
    of: str = ""  # id of the expense that the decision is about
    place_values: Mapping[str, Any] = field(default_factory=dict)
    is_chosen: bool = False  # by the user
    cell: str = ""  # the text that can't be read
    day: str = ""  # YYYY-MM-DD
    amount: str = ""  # as the bank: negative if paid
    text: str = ""  # in the bank's words
    merchant: str = ""
    payee: str = ""  # the merchant in the bank's words; empty if the file has none
    category: str = ""  # empty: UNCATEGORISED
    category_because: str = ""
    category_values: Mapping[str, Any] = field(default_factory=dict)
    source_key: str = ""
    expense_id: str = ""  # of the expense that it becomes
    own: Mapping[str, Any] | None = None  # see `bookings.Booking`

    @property
    def booking(self) -> Booking | None:
        """The booking that rules compare, or None if they don't apply."""
        if not self.amount or is_own(self.own) or self.has_parts:
            return None
        day, amount = datetime.date.fromisoformat(self.day), Decimal(self.amount)
        return Booking(day, amount, self.text, self.payee)

    @property
    def has_parts(self) -> bool:
        """Check whether the file splits it."""
        return bool(self.own and self.own.get("parts"))

    @property
    def is_written(self) -> bool:
        """Check whether an import writes an expense for it."""
        return self.decision in WRITTEN


_FIELDS = {one.name for one in fields(ImportRow)}
_DEFAULTS = {
    name: value
    for name, value in asdict(ImportRow(0, "", "")).items()
    if name not in ("number", "place", "decision")
}


@dataclass(frozen=True)
class Choice:
    """A choice of the user for a row. None leaves a value as it is."""

    decision: str | None = None
    of: str | None = None
    category: str | None = None
    merchant: str | None = None


@dataclass(frozen=True)
class Background:
    """The expenses of a user that decide about a file."""

    stored: Sequence[Stored] = ()
    gone: Sequence[str] = ()  # source keys of deleted expenses
    habits: Habits = field(default_factory=Habits)


def uncategorized() -> str:
    """Return the category of expenses that none was chosen for."""
    return _("Uncategorized")


@cache
def _uncategorized_keys() -> set[str]:
    """Return the keys of this category in all languages."""
    keys = set()
    for language in LANGUAGES:
        with override(language):
            keys.add(casefold_key(uncategorized()))
    return keys


def load(values: Mapping[str, Any]) -> ImportRow:
    """Return a stored row; a later version may store more."""
    known = {name: value for name, value in values.items() if name in _FIELDS}
    return ImportRow(**known)


def dump(row: ImportRow) -> dict[str, Any]:
    """Return a row as JSON, without its defaults."""
    values = {one.name: getattr(row, one.name) for one in fields(row)}
    return {
        name: value
        for name, value in values.items()
        if name not in _DEFAULTS or value != _DEFAULTS[name]
    }


def read_background(user: User, statement: Statement) -> Background:
    """Return what the decisions need of the user's expenses, with two queries or more.

    The index is eventually consistent. An expense that it lacks is found when the rows
    are written, since its id is that of the row.

    Raises FileError if there are too many.
    """
    days = [row.day for row in statement.rows if isinstance(row, Booking)]
    if not days:
        return Background()
    end = _shifted(max(days), NEAR_DAYS)
    items = _query(user.user_id, _shifted(min(days), -REFUND_DAYS), end, _NEEDED)
    items.sort(key=lambda item: (item["date"]["S"], item["created_at"]["S"]))
    habits, none = Habits(), _uncategorized_keys()
    stored = []
    for item in items:
        expense = _stored(item)
        stored.append(expense)
        shares = shares_of(item)
        if len(shares) == 1 and casefold_key(shares[0].category) not in none:
            habits.add(_key_of(expense), shares[0].category)
    missing = _query(
        MissingBooking.index_key_of(user.user_id),
        _shifted(min(days), -NEAR_DAYS),
        end,
        ("expense_id", "source_key", "moved_to"),
    )
    moved = [item for item in missing if "moved_to" in item]
    gone = [item["source_key"]["S"] for item in missing if "moved_to" not in item]
    known = {expense.expense_id for expense in stored}
    stored += [one for one in map(_moved, moved) if one.expense_id not in known]
    return Background(stored, gone, habits)


def build(
    user: User,
    statement: Statement,
    *,
    import_id: str,
    source: str,
    settings: Settings,
    background: Background,
) -> list[ImportRow]:
    """Return the rows of a file, with decisions by the rules of `decisions`."""
    bookings, decisions = {}, {}
    for number, row in enumerate(statement.rows, start=1):
        if isinstance(row, LeftOut):
            decisions[number] = Decision("left_out", row.reason)
        elif isinstance(row, Unreadable):
            decisions[number] = Decision("wrong", row.reason)
        elif problem := _problem(user, row):
            decisions[number] = Decision("wrong", problem)
        else:
            bookings[number] = row
    made = decide(
        [*bookings.values()],
        source=source,
        stored=background.stored,
        gone=background.gone,
        former=settings.former_sources(statement),
        own_accounts=settings.others(source, statement.number_id),
    )
    decisions |= dict(zip(bookings, made, strict=True))
    rows = [
        _row(number, row, decisions[number], source, settings, background.habits)
        for number, row in enumerate(statement.rows, start=1)
    ]
    rows = [_checked(user, row) for row in rows]
    return _with_ids(user, rows, import_id, background)


def choose(row: ImportRow, choice: Choice) -> ImportRow:
    """Return a row as a user chose. Raises InvalidError."""
    changes: dict[str, Any] = {}
    if choice.decision is not None and choice.decision != row.decision:
        changes["decision"] = _check(row, choice)
        changes |= {"is_chosen": True, "because": "chosen", "values": {}}
    if choice.of is not None:
        changes |= {"of": choice.of, "is_chosen": True}
    for name in ("category", "merchant"):
        value = getattr(choice, name)
        if value is not None:
            checked = FIELDS[name].validate
            # The category may be empty, which is UNCATEGORISED.
            text = str(checked(None, value)) if value else ""  # type: ignore[arg-type]
            changes |= {name: text, "is_chosen": True}
    if "category" in changes:
        changes |= {"category_because": "chosen", "category_values": {}}
    changed = replace(row, **changes)
    if changed.decision == "match" and not changed.of:
        raise InvalidError(_("Choose the matching expense."), "of")
    return changed


def apply_rule(
    rows: Iterable[ImportRow],
    row: ImportRow,
    rule: Rule,
    rules: Sequence[Rule],
    source: str,
) -> list[ImportRow]:
    """Return rows after a new rule was made for the merchant of one of them.

    It changes the categories of rows for which it wins, but of other rows than this one
    only those that the user did not choose.
    """

    def changes(one: ImportRow) -> bool:
        booking = one.booking
        is_chosen = one.category_because == "chosen" and one.category != rule.category
        is_in_file = one.category_because == "in_file" and not rule.category
        return (
            booking is not None
            and not is_in_file
            and merchant_key(one.payee, one.text) == key
            and first_of(rules, booking, source) == rule
            and (not is_chosen or (one is row and bool(rule.category)))
        )

    key = merchant_key(row.payee, row.text)
    values: dict[str, Any] = {
        "category": rule.category,
        "category_because": "by_rule" if rule.category else "",
        "category_values": {},
    }
    return [replace(one, **values) if changes(one) else one for one in rows]


def keep_choices(
    rows: Sequence[ImportRow], earlier: Iterable[ImportRow]
) -> list[ImportRow]:
    """Return rows with what the user chose for the same places of an earlier reading.

    A choice that is no longer possible is dropped.
    """
    # As sentences, which earlier versions stored.
    chosen = {_place(row): row for row in earlier if row.is_chosen}
    return [_like(row, chosen.get(_place(row))) for row in rows]


def _place(row: ImportRow) -> str:
    return sentence(row.place, row.place_values)


def counts_of(rows: Iterable[ImportRow]) -> dict[str, int]:
    """Return the number of rows of each decision; they add up to all rows."""
    counts = Counter(row.decision for row in rows)
    return {name: counts[name] for name in DECISIONS}


def _like(row: ImportRow, earlier: ImportRow | None) -> ImportRow:
    if earlier is None:
        return row
    choice = Choice(
        earlier.decision if earlier.because == "chosen" else None,
        earlier.of if earlier.because == "chosen" and earlier.of else None,
        earlier.category if earlier.category_because == "chosen" else None,
        earlier.merchant,
    )
    try:
        return choose(row, choice)
    except InvalidError:
        return row


def _check(row: ImportRow, choice: Choice) -> str:
    decision = str(choice.decision)
    if not row.amount or row.decision in ("wrong", "zero", "pending"):
        raise InvalidError(_("This row can't be imported."), "decision")
    if decision not in CHOICES:
        template = _("Choose one of {choices}.")
        raise InvalidError(template.format(choices=", ".join(CHOICES)), "decision")
    return decision


def _row(
    number: int,
    row: Row,
    decision: Decision,
    source: str,
    settings: Settings,
    habits: Habits,
) -> ImportRow:
    place, reason = row.place, decision.reason
    decided = (decision.decision, reason.code, reason.values, decision.of, place.values)
    if not isinstance(row, Booking):
        cell = getattr(row, "cell", "")
        return ImportRow(number, place.code, *decided, cell=cell)
    made = ImportRow(
        number,
        place.code,
        *decided,
        day=row.day.isoformat(),
        amount=format(row.amount, "f"),
        text=_printable(row.text),
        merchant=merchant_of(_printable(row.merchant), _printable(row.text)),
        payee=_printable(row.merchant),
        source_key=source_key(source, row),
        own=row.own,
    )
    own = row.own or {}
    if own.get("category") or made.has_parts or row.is_own:
        category = own.get("category") or ""
        made = replace(made, category=category, category_because="in_file")
    if row.is_own:
        return replace(made, merchant=own.get("merchant") or "")
    return _with_rule(made, row, source, settings, habits)


def _checked(user: User, row: ImportRow) -> ImportRow:
    """Return a row, or that it is wrong if it can't become an expense."""
    if row.decision not in _FREE or row.own is None:
        return row
    try:
        validation.new_expense(user, "", values_of(user, row))
    except InvalidError as error:
        reason = message("invalid", field=FIELDS[str(error.field)].label)
        return replace(
            row,
            decision="wrong",
            because=reason.code,
            values=reason.values,
            amount="",
        )
    return row


def _with_rule(
    made: ImportRow, booking: Booking, source: str, settings: Settings, habits: Habits
) -> ImportRow:
    """Return a row as the user's rules have it, then the file, then the habits."""
    rule = first_of(settings.rules, booking, source)
    changes: dict[str, Any] = {}
    if rule and rule.merchant:
        changes["merchant"] = rule.merchant
    if rule and rule.leave_out and made.decision in WRITTEN:
        changes |= {"decision": "excluded", "because": "rule", "values": {}}
    key = merchant_key(booking.merchant, booking.text)
    habit = "" if rule and rule.never_guess else habits.category_of(key)
    if rule and rule.category and not made.has_parts:
        changes |= {"category": rule.category, "category_because": "by_rule"}
    elif habit and not made.category_because:
        reason = message("habit", merchant=made.merchant, category=habit)
        changes |= {
            "category": habit,
            "category_because": reason.code,
            "category_values": reason.values,
        }
    return replace(made, **changes)


def _with_ids(
    user: User, rows: Sequence[ImportRow], import_id: str, background: Background
) -> list[ImportRow]:
    """Return rows with the ids of the expenses that they become.

    The n-th booking of a key always has the same id, in every file and every request.
    So DynamoDB refuses to store it twice, whatever the index listed. What a user
    imports although it is here has an id of its own.
    """
    taken = {expense.expense_id for expense in background.stored}
    used: dict[str, int] = defaultdict(int)
    result = []
    for row in rows:
        if not row.source_key:
            result.append(row)
            continue
        key = row.source_key.split(":")[0]
        expense_id = ""
        while row.decision in _FREE and (not expense_id or expense_id in taken):
            used[key] += 1
            expense_id = _id(user, "booking", key, used[key])
        forced = _id(user, "import", import_id, row.number)
        result.append(replace(row, expense_id=expense_id or forced))
    return result


def _id(user: User, kind: str, name: str, number: int) -> str:
    return uuid.uuid5(_NAMESPACE, f"{user.user_id}\n{kind}\n{name}\n{number}").hex


def _problem(user: User, booking: Booking) -> Message | None:
    """Return why a booking can't be imported, or None."""
    if booking.currency and booking.currency != user.currency:
        return message("currency", currency=booking.currency, own=user.currency)
    amount = exact_amount(booking.amount, user.currency)
    if isinstance(amount, Message):
        return amount
    try:
        DATE.validate(user, booking.day)
    except InvalidError:
        if booking.day > user.today():
            return message("too_far_ahead")
        return message("too_old", years=YEARS_BACK)
    return None


_NEEDED = (
    "expense_id",
    "date",
    "created_at",
    "amount",
    "status",
    "category",
    "parts",
    "source_key",
    "source_text",
    "merchant",
    "description",
)


def _query(
    key: str, start: datetime.date, end: datetime.date, names: Sequence[str]
) -> list[Item]:
    pages = Expense.by_user.query(
        key, between(start, end), attributes_to_get=[*names]
    ).page_iter
    items: list[Item] = []
    for page in islice(pages, TREND_PAGES + 1):
        items += page["Items"]
        if "LastEvaluatedKey" not in page:
            return items
    raise FileError("too_many_expenses")


def _stored(item: Item) -> Stored:
    def text(name: str) -> str:
        return str(item.get(name, {}).get("S", ""))

    return Stored(
        text("expense_id"),
        datetime.date.fromisoformat(text("date")),
        Decimal(item["amount"]["N"]),
        text("source_key"),
        text("source_text"),
        text("merchant"),
        text("description"),
        text("status") != "void",
    )


def _moved(item: Item) -> Stored:
    """Return the expense of a `MissingBooking`. Only its keys are compared."""
    return Stored(
        item["expense_id"]["S"].removeprefix(MissingBooking.id_of("")),
        datetime.date.fromisoformat(item["moved_to"]["S"]),
        Decimal(0),
        item["source_key"]["S"],
    )


def _key_of(expense: Stored) -> str:
    return merchant_key(expense.merchant, expense.source_text or expense.description)


def _shifted(day: datetime.date, days: int) -> datetime.date:
    """Return a day some days later, or the first or last day that there is."""
    ordinal = day.toordinal() + days
    last = datetime.date.max.toordinal()
    return datetime.date.fromordinal(min(max(ordinal, 1), last))


def amount_paid(row: ImportRow) -> Decimal:
    """Return a booking's amount as expenses store it: negative if received."""
    return -Decimal(row.amount)


def values_of(user: User, row: ImportRow) -> dict[str, object]:
    """Return the values of a new expense, as for `validation.new_expense`."""
    amount = amount_paid(row)
    shown = search_key(row.merchant) == search_key(row.text)
    values: dict[str, object] = {
        "amount": format_amount(abs(amount), user.currency),
        "kind": "refund" if amount < 0 else "expense",
        "category": row.category or uncategorized(),
        "merchant": row.merchant,
        "description": "" if shown else row.text,
        "date": row.day,
        "status": "cleared",
    }
    if row.own is not None:
        values["description"] = row.own.get("description") or ""
        names = ("notes", "status", "parts")
        values |= {name: row.own[name] for name in names if row.own.get(name)}
        if row.own.get("parts"):
            values["category"] = ""
    return values


def _printable(text: str) -> str:
    """Return a text without control characters, which expenses do not have."""
    if text.isprintable():
        return text
    return "".join(
        character for character in text if unicodedata.category(character) not in _OTHER
    )
