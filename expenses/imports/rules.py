"""Rules of a user, and the habits that their expenses show.

The first rule that applies wins. A habit is never stored: it is what the last three
expenses of a merchant have in common, so one correction ends it.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from typing import Any

from expenses.fields import CATEGORY, MERCHANT
from expenses.imports.bookings import MAX_TEXT_LENGTH, Booking
from expenses.imports.merchant_names import (
    bare_name,
    merchant_key,
    merchant_of,
)
from smartbudget.core import money
from smartbudget.core.errors import InvalidError, InvalidRowsError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.text import casefold_key, search_key, validate_text
from smartbudget.core.user import User

MAX_RULES = 100
MATCHES = ("contains", "is", "begins")
HABIT = 3  # expenses that agree


@dataclass(frozen=True)
class Rule:
    """A rule. Empty conditions are always true; empty actions change nothing.

    text: compared with the merchant, and with the bank's words, as `match` says (one of
    MATCHES), without case and accents. min_amount, max_amount: amounts paid or
    received, without sign. source: that of a profile.
    """

    rule_id: str
    text: str = ""
    match: str = "contains"
    min_amount: str = ""
    max_amount: str = ""
    source: str = ""
    category: str = ""
    merchant: str = ""
    leave_out: bool = False
    never_guess: bool = False  # no habit either

    def applies(self, booking: Booking, source: str) -> bool:
        """Check whether all conditions are true of a booking."""
        amount = abs(booking.amount)
        return (
            (not self.source or self.source == source)
            and (not self.min_amount or amount >= Decimal(self.min_amount))
            and (not self.max_amount or amount <= Decimal(self.max_amount))
            and (not self.text or self._matches(booking))
        )

    def is_of(self, key: str) -> bool:
        """Check whether it applies to all bookings of a merchant, and to no others."""
        is_bound = self.min_amount or self.max_amount or self.source
        return self.match == "is" and search_key(self.text) == key and not is_bound

    def _matches(self, booking: Booking) -> bool:
        wanted = search_key(self.text)
        key = merchant_key(booking.merchant, booking.text)
        texts = {
            search_key(booking.merchant),
            search_key(booking.text),
            key,
        }
        if self.match == "is":
            # Also a rule from before names were taken out of what surrounds them.
            return wanted in texts or search_key(bare_name(self.text)) == key
        if self.match == "begins":
            return any(text.startswith(wanted) for text in texts)
        return any(wanted in text for text in texts)


# Names in stored rules; a later version may store more.
_FIELDS = {field.name for field in fields(Rule)}


def validate(user: User, given: Sequence[Mapping[str, Any]]) -> list[Rule]:
    """Return the rules of validated values. Raises InvalidError."""
    check_count(len(given))
    rules, errors = [], {}
    for index, values in enumerate(given):
        try:
            rules.append(validate_rule(user, values))
        except InvalidError as error:
            errors[index] = {error.field or "text": [str(error)]}
    if errors:
        raise InvalidRowsError("rules", errors)
    return rules


def check_count(count: int, field: str = "rules") -> None:
    """Reject more than MAX_RULES. Raises InvalidError."""
    if count > MAX_RULES:
        message = _("You can have at most {most} rules.").format(most=MAX_RULES)
        raise InvalidError(message, field)


def load(rows: Iterable[Mapping[str, Any]]) -> list[Rule]:
    """Return stored rules."""
    return [
        Rule(**{name: value for name, value in row.items() if name in _FIELDS})
        for row in rows
    ]


def dump(rules: Iterable[Rule]) -> list[dict[str, Any]]:
    """Return rules as JSON."""
    return [asdict(rule) for rule in rules]


def first_of(rules: Iterable[Rule], booking: Booking, source: str) -> Rule | None:
    """Return the first rule that applies to a booking, or None."""
    return next((rule for rule in rules if rule.applies(booking, source)), None)


def of_merchant(
    rules: Sequence[Rule], booking: Booking, source: str, category: str
) -> tuple[Rule, list[Rule]]:
    """Return a rule for all bookings of a merchant, and the rules with it.

    It wins for this booking, and otherwise changes as little as it can: it stands just
    before the rule that won so far, does what else this one does, and replaces an
    earlier rule of this kind.

    category: what the bookings get; empty to suggest none.
    """
    key = merchant_key(booking.merchant, booking.text)
    first = first_of(rules, booking, source)
    earlier = next((rule for rule in rules if rule.is_of(key)), None)
    rule = Rule(
        earlier.rule_id if earlier else uuid.uuid4().hex,
        text=merchant_of("", booking.merchant or booking.text),
        match="is",
        category=category,
        merchant=first.merchant if first else "",
        leave_out=bool(first and first.leave_out),
        never_guess=not category,
    )
    place = rules.index(first) if first else len(rules)
    changed = [*rules[:place], rule, *rules[place:]]
    return rule, [one for one in changed if one is rule or one is not earlier]


class Habits:
    """The categories of a user's last expenses, by merchant."""

    def __init__(self) -> None:
        self._categories: dict[str, list[str]] = defaultdict(list)

    def add(self, key: str, category: str) -> None:
        """Add an expense; the latest one last. key: see `merchant_key`."""
        if key and category:
            self._categories[key].append(category)

    def category_of(self, key: str) -> str:
        """Return the category of the last expenses of a merchant, if they agree."""
        last = self._categories.get(key, [])[-HABIT:]
        if len(last) < HABIT or len({*map(casefold_key, last)}) > 1:
            return ""
        return last[-1]


def validate_rule(user: User, values: Mapping[str, Any]) -> Rule:
    """Return the rule of validated values. Raises InvalidError."""

    def text(name: str, max_length: int) -> str:
        return validate_text(values.get(name, ""), name, max_length=max_length)

    def bound(name: str) -> str:
        value = values.get(name)
        if value in (None, ""):
            return ""
        return format(money.parse_bound(value, user.currency, name), "f")

    rule = Rule(
        values.get("rule_id") or uuid.uuid4().hex,
        text("text", MAX_TEXT_LENGTH),
        values.get("match", "contains"),
        bound("min_amount"),
        bound("max_amount"),
        text("source", 32),
        text("category", CATEGORY.max_length),
        text("merchant", MERCHANT.max_length),
        bool(values.get("leave_out")),
        bool(values.get("never_guess")),
    )
    if not (rule.text or rule.min_amount or rule.max_amount or rule.source):
        raise InvalidError(_("A rule needs a condition."), "text")
    if not (rule.category or rule.merchant or rule.leave_out or rule.never_guess):
        raise InvalidError(_("Choose what the rule does."), "category")
    return rule
