"""What notifications say; and the rules that SNS has for subjects."""

import datetime
import unicodedata
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from smartbudget.core import money
from smartbudget.core.config import config
from smartbudget.core.dates import Period

LONGEST_SUBJECT = 99  # SNS refuses 100 [S18]
MOST_LINES = 30  # of a digest
MOST_BUDGETS = 50  # listed in a summary
NAME = "Smart Budget Planner"

if TYPE_CHECKING:
    from budgets.queries import BudgetLine, Summary

# Controls, invisible marks (some turn the reading direction), lone surrogates.
_REFUSED = {"Cc", "Cf", "Cs"}
_JOINER = "\u200d"  # invisible too, but holds emoji together


def subject_line(text: str) -> str:
    """Make a subject that SNS takes: one printable line below 100 characters.

    Characters are counted as UTF-16 does, where an emoji is two: whichever way SNS
    counts them, it fits.
    """
    line = _one_line(printable(_one_line(text))) or NAME
    if _length(line) <= LONGEST_SUBJECT:
        return line
    while _length(line) > LONGEST_SUBJECT - 1:
        line = line[: min(len(line) - 1, LONGEST_SUBJECT)]
    return f"{line.rstrip()}…"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def printable(text: str) -> str:
    """Leave out characters that show nothing; line breaks and tabs stay."""
    return "".join(
        character
        for character in text
        if character in f"\n\t{_JOINER}"
        or unicodedata.category(character) not in _REFUSED
    )


def budget_alert(
    level: str,
    *,
    category: str,
    period: Period,
    period_kind: str,
    amount: Decimal,
    spent: Decimal,
    alert_threshold: int,
    currency: str,
    passed_on: datetime.date | None = None,
) -> tuple[str, str]:
    """Tell that a budget rose to a level: (subject, message).

    level: `threshold` or `exceeded`. period_kind: one of dates.PERIODS.
    alert_threshold: percent. passed_on: the day on which spending at this pace passes
    the amount; None: not in this period.
    """
    facts = (
        f"You have spent {money.display(spent, currency)} of the"
        f" {money.display(amount, currency)} in your {category} budget"
        f" for {_named(period, period_kind)}"
    )
    if spent > amount:
        rest = f"You are {money.display(spent - amount, currency)} over."
    else:
        rest = f"{money.display(amount - spent, currency)} is left."
    if passed_on and spent <= amount:
        rest = f"{rest} At this pace you pass 100% on {_written(passed_on)}."
    rest = f"{rest} The period ends on {_written(period.end)}."
    if level == "exceeded":
        return _letter(f"Budget exceeded: {category}", f"{facts}.", rest, "budgets")
    percent = int(spent * 100 // amount)  # rounded down: 100 means all of it
    asked = f"That is {percent}%; you asked to be told at {alert_threshold}%."
    subject = f"Budget {percent}% spent: {category}"
    return _letter(subject, f"{facts}. {asked}", rest, "budgets")


def large_expense(
    *,
    amount: Decimal,
    category: str,
    date: datetime.date,
    threshold: Decimal,
    currency: str,
) -> tuple[str, str]:
    """Tell of an expense at or above the user's own threshold: (subject, message)."""
    said = money.display(amount, currency)
    return _letter(
        f"Large expense: {said} for {category}",
        f"You recorded an expense of {said} for {category} on {_written(date)}.",
        f"You asked to be told from {money.display(threshold, currency)} on.",
        "expenses",
    )


def digest(subjects: Sequence[str], *, kind: str) -> tuple[str, str]:
    """Tell the alerts of one import, two or more: (subject, message).

    subjects: one line each; those that are too many for a mail are counted.
    kind: what they are called, one of them.
    """
    lines = [f"- {subject}" for subject in subjects[:MOST_LINES]]
    if more := len(subjects) - len(lines):
        lines.append(f"- and {more} more")
    return _letter(
        f"{len(subjects)} {kind}s from one import",
        "\n".join([f"What you imported led to {len(subjects)} {kind}s:", *lines]),
        "Each of them is in your notifications in full:",
        "notifications",
    )


def report_ready(report_type: str, *, name: str, file_name: str) -> tuple[str, str]:
    """Tell that a report can be downloaded: (subject, message).

    name: of its period, as in `October 2026`. The link leads to the app, which signs
    an address at the click: a signed one in a mail would soon be dead [X7].
    """
    kind = "" if report_type == "custom" else f"{report_type} "
    return _letter(
        f"Your {kind}report is ready: {name}",
        f"Your {kind}report about {name} is ready.",
        "You can download it here for as long as you keep it:",
        f"reports/{file_name}",
    )


def summary(kind: str, found: "Summary") -> tuple[str, str]:
    """Sum up a week or month that is over: (subject, message).

    kind: `weekly` or `monthly`.
    """
    named = _named(found.shown, kind)
    spent = "Nothing"
    if found.total_spent:
        spent = money.display(found.total_spent, found.currency)
    budgets = [_standing(line, found.currency) for line in found.lines[:MOST_BUDGETS]]
    if more := len(found.lines) - len(budgets):
        budgets.append(f"- and {more} more")
    return _write(
        f"{spent} spent in {named}",
        f"{spent} was spent in {named}. {_compared(kind, found)}",
        "\n".join(["Your budgets:", *budgets]) if budgets else "You have no budgets.",
        f"?month={found.shown.start:%Y-%m}" if kind == "monthly" else "budgets/",
    )


def _compared(kind: str, found: "Summary") -> str:
    before = "the week before" if kind == "weekly" else "the month before"
    if not found.previous_spent:
        return f"Nothing was spent in {before}."
    than = f"{before} ({money.display(found.previous_spent, found.currency)})"
    difference = found.total_spent - found.previous_spent
    if not difference:
        return f"That is as much as in {than}."
    said = money.display(abs(difference), found.currency)
    return f"That is {said} {'more' if difference > 0 else 'less'} than in {than}."


def _standing(line: "BudgetLine", currency: str) -> str:
    rest = f"{money.display(abs(line.remaining), currency)}"
    return (
        f"- {_one_line(line.category)}, {_named(line.within, line.period)}:"
        f" {money.display(line.spent, currency)} of"
        f" {money.display(line.amount, currency)} spent,"
        f" {rest} {'left' if line.remaining >= 0 else 'over'}"
    )


def password_changed(*, at: datetime.datetime, time_zone: str) -> tuple[str, str]:
    """Tell that the password was changed: (subject, message).

    at: aware. time_zone: IANA, the user's.
    """
    return _security_letter(
        "Your password was changed",
        f"Your password was changed on {_clock(at, time_zone)}."
        " Everybody who was logged in to your account elsewhere is logged out.",
    )


def email_changed(*, old: str, new: str) -> tuple[str, str]:
    """Tell that the account gets another e-mail address: (subject, message)."""
    return _security_letter(
        "The e-mail address of your account is changing",
        "Somebody who knows your password asked to change the e-mail address of your"
        f" account from {_one_line(old)} to {_one_line(new)}.",
    )


def api_token_created(*, name: str) -> tuple[str, str]:
    """Tell that there is a new key to the account: (subject, message)."""
    return _security_letter(
        f"New API token: {name}",
        f"An API token named {_one_line(name)} was made. Whoever has it can use your"
        " account without your password.",
    )


def _security_letter(subject: str, fact: str) -> tuple[str, str]:
    return _write(
        subject,
        fact,
        "If that was you, there is nothing to do. If it was not, somebody else can use"
        " your account: change your password at once. If you cannot log in any more,"
        " tell whoever runs this planner.",
        "accounts/password",
    )


def _letter(subject: str, fact: str, consequence: str, page: str) -> tuple[str, str]:
    return _write(subject, fact, consequence, f"{page}/")


def _write(subject: str, *parts: str) -> tuple[str, str]:
    """Make a letter of paragraphs and, last, the path of the one page that helps."""
    *paragraphs, path = parts
    message = "\n\n".join([*paragraphs, f"{config.app_url}/{path}\n"])
    return subject_line(subject), printable(message)


def _named(period: Period, kind: str) -> str:
    if kind == "weekly":
        return f"the week of {_written(period.start)}"
    return f"{period.start:%Y}" if kind == "yearly" else f"{period.start:%B %Y}"


def _written(day: datetime.date) -> str:
    return f"{day.day} {day:%B %Y}"


def _clock(instant: datetime.datetime, time_zone: str) -> str:
    local = instant.astimezone(ZoneInfo(time_zone))
    return f"{_written(local)} at {local:%H:%M} ({time_zone})"


def _length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
