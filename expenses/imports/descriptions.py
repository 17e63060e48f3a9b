"""Describe a file, how it was read, and what became of its rows."""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from expenses.imports import preview, services
from expenses.imports.bookings import shown_label
from expenses.imports.models import Import
from expenses.imports.preview import ImportRow, amount_paid
from expenses.imports.profiles import Profile
from expenses.imports.rules import Rule
from smartbudget.core import i18n
from smartbudget.core.i18n import gettext as _
from smartbudget.core.i18n import gettext_noop, ngettext
from smartbudget.core.money import (
    CURRENCIES,
    display,
    display_expense,
    write_expense,
)
from smartbudget.core.user import User

FORMAT_WORDS = {
    "csv": gettext_noop("CSV file"),
    "ofx": gettext_noop("OFX file"),
    "qif": gettext_noop("QIF file"),
    "camt": gettext_noop("CAMT file"),
    "mt940": gettext_noop("MT940 file"),
    "own_csv": gettext_noop("Your own CSV export"),
    "own_json": gettext_noop("Your own JSON export"),
}
# {key of a mapping: {value: words}}
MAPPING_WORDS = {
    "delimiter": {
        ";": gettext_noop("semicolons"),
        ",": gettext_noop("commas"),
        "\t": gettext_noop("tabs"),
        "|": gettext_noop("vertical bars"),
    },
    "decimal": {
        ",": gettext_noop("decimal comma"),
        ".": gettext_noop("decimal point"),
    },
    "date_format": {
        "dmy": gettext_noop("day first"),
        "mdy": gettext_noop("month first"),
        "ymd": gettext_noop("year first"),
    },
    "sign": {"positive_is_paid": gettext_noop("payments without a minus sign")},
}
# How a rule compares texts.
MATCH_WORDS = {
    "contains": gettext_noop("Text contains"),
    "begins": gettext_noop("Text begins with"),
    "is": gettext_noop("Text is"),
}
# The tabs of a preview: {name: decisions}; they have all rows between them. A preview
# begins with the first one that has rows.
GROUPS = {
    "look": ("look",),
    "new": ("new",),
    "match": ("match",),
    "duplicate": ("duplicate",),
    "wrong": ("wrong",),
    "left_out": ("money_in", "deleted", "transfer", "pending", "zero", "excluded"),
    "no_booking": ("left_out",),
}
GROUP_WORDS = {
    "look": gettext_noop("Please check"),
    "new": gettext_noop("New"),
    "match": gettext_noop("Entered by you"),
    "duplicate": gettext_noop("Already here"),
    "wrong": gettext_noop("Can't be imported"),
    "left_out": gettext_noop("Skipped"),
    "no_booking": gettext_noop("Not transactions"),
}
DECISION_WORDS = {
    "look": gettext_noop("Please check"),
    "new": gettext_noop("New"),
    "match": gettext_noop("Entered by you"),
    "duplicate": gettext_noop("Already here"),
    "money_in": gettext_noop("Money in"),
    "deleted": gettext_noop("Deleted"),
    "transfer": gettext_noop("Transfer"),
    "pending": gettext_noop("Pending"),
    "zero": gettext_noop("Zero"),
    "excluded": gettext_noop("Skipped"),
    "left_out": gettext_noop("Not a transaction"),
    "wrong": gettext_noop("Can't be imported"),
}


@dataclass(frozen=True)
class Summary:
    """The rows of an import in figures.

    total: what the new ones add to spending. groups: {name of GROUPS: rows}.
    """

    groups: Mapping[str, int]
    total: Decimal
    first: datetime.date | None = None
    last: datetime.date | None = None

    @property
    def bookings(self) -> int:
        """The number of rows of the file without headings, sums and the like."""
        return sum(self.groups.values()) - self.groups["no_booking"]

    @property
    def writable(self) -> int:
        """The number of rows that an import writes."""
        return self.groups["new"] + self.groups["match"]


def _count_groups(rows: Iterable[ImportRow]) -> dict[str, int]:
    """Return the number of rows of each group; they add up to all rows."""
    counts = preview.counts_of(rows)
    return {
        name: sum(counts[decision] for decision in decisions)
        for name, decisions in GROUPS.items()
    }


def summarize(rows: Sequence[ImportRow]) -> Summary:
    """Return the figures of rows."""
    days = [datetime.date.fromisoformat(row.day) for row in rows if row.day]
    return Summary(
        _count_groups(rows),
        sum(
            (amount_paid(row) for row in rows if row.decision == "new"),
            Decimal(0),
        ),
        min(days, default=None),
        max(days, default=None),
    )


def describe_file(record: Import, summary: Summary) -> str:
    """Return what was recognized, in one sentence."""
    parts = [_(FORMAT_WORDS[record.format])]
    # Own exports have no profile; those of other formats may be named like them.
    if record.profile and (
        record.account_label or record.profile.casefold() != record.format
    ):
        named = _("{kind} from {account}")
        parts = [named.format(kind=parts[0], account=record.profile)]
    if summary.first and summary.last:
        parts.append(i18n.days(summary.first, summary.last))
    details = [bookings_of(summary.bookings)]
    details += describe_mapping(services.mapping_of(record))
    return f"{', '.join(parts)}: {', '.join(details)}."


def bookings_of(number: int) -> str:
    """Return a number of bookings in words."""
    words = ngettext("{number} transaction", "{number} transactions", number)
    return words.format(number=i18n.number(number))


def describe_amount(user: User, row: ImportRow) -> str:
    """Return the amount of a row; empty if it has none.

    In another currency if that is why the row can't be imported.
    """
    if not row.amount:
        return ""
    amount, currency = amount_paid(row), row.values.get("currency", user.currency)
    if currency in CURRENCIES:
        return display_expense(amount, currency)
    return f"{write_expense(amount, user.currency)} {currency}"


def describe_profile(profile: Profile) -> str:
    """Return the kind of a bank account's files, and the end of its number."""
    kind = _(FORMAT_WORDS[profile.format]) if profile.format in FORMAT_WORDS else ""
    label = shown_label(profile.account_label)
    return ", ".join(filter(None, (kind, label)))


def describe_mapping(mapping: Mapping[str, Any]) -> list[str]:
    """Return how a file was read, in words."""
    return [
        _(words[mapping[key]])
        for key, words in MAPPING_WORDS.items()
        if mapping.get(key) in words
    ]


def describe_conditions(user: User, rule: Rule, accounts: Mapping[str, str]) -> str:
    """Return when a rule applies. accounts: {source: name}."""
    conditions = []
    if rule.text:
        conditions.append(f"{_(MATCH_WORDS[rule.match])} {i18n.quoted(rule.text)}")
    for words, bound in (
        (_("at least {amount}"), rule.min_amount),
        (_("at most {amount}"), rule.max_amount),
    ):
        if bound:
            amount = display(Decimal(bound), user.currency)
            conditions.append(words.format(amount=amount))
    if rule.source:
        account = accounts.get(rule.source) or _("deleted")
        conditions.append(_("account {name}").format(name=account))
    return ", ".join(conditions)


def describe_actions(rule: Rule) -> str:
    """Return what a rule does."""
    actions = [
        _("category {name}").format(name=rule.category) if rule.category else "",
        _("merchant {name}").format(name=rule.merchant) if rule.merchant else "",
        _("skip") if rule.leave_out else "",
        _("suggest no category") if rule.never_guess else "",
    ]
    return ", ".join(filter(None, actions))
