"""The texts of notifications, and SNS's rules for subjects.

The caller passes the recipient's language, since the current one may be another user's
or a Lambda's default.
"""

import datetime
import unicodedata
from collections.abc import Sequence
from decimal import Decimal
from zoneinfo import ZoneInfo

from smartbudget.core import money
from smartbudget.core.config import config
from smartbudget.core.dates import Period
from smartbudget.core.i18n import (
    clock,
    gettext_noop,
    long_day,
    month,
    month_name,
    ngettext,
    override,
    percent,
)
from smartbudget.core.i18n import gettext as _

MAX_SUBJECT_LENGTH = 99  # characters; SNS refuses 100 (docs/aws.md#subjects)
MAX_LINES = 30  # of a digest
NAME = "Smart Budget Planner"

# Subject and first sentence, by type of report.
_REPORTS = {
    "monthly": (
        gettext_noop("Your monthly report is ready: {name}"),
        gettext_noop("Your monthly report about {name} is ready."),
    ),
    "weekly": (
        gettext_noop("Your weekly report is ready: {name}"),
        gettext_noop("Your weekly report about {name} is ready."),
    ),
    "yearly": (
        gettext_noop("Your yearly report is ready: {name}"),
        gettext_noop("Your yearly report about {name} is ready."),
    ),
    "custom": (
        gettext_noop("Your report is ready: {name}"),
        gettext_noop("Your report about {name} is ready."),
    ),
}

# Controls, invisible marks (some change the reading direction), lone surrogates.
_REJECTED = {"Cc", "Cf", "Cs"}
_JOINER = "\u200d"  # also invisible, but needed inside emoji


def subject_line(text: str) -> str:
    """Return a subject that SNS accepts: one printable line below 100 characters.

    Characters are counted in UTF-16, where an emoji counts as two, so the subject fits
    however SNS counts.
    """
    line = one_line(printable(one_line(text))) or NAME
    if _length(line) <= MAX_SUBJECT_LENGTH:
        return line
    while _length(line) > MAX_SUBJECT_LENGTH - 1:
        line = line[: min(len(line) - 1, MAX_SUBJECT_LENGTH)]
    return f"{line.rstrip()}…"


def one_line(text: str) -> str:
    """Replace line breaks and repeated spaces with single spaces."""
    return " ".join(text.split())


def printable(text: str) -> str:
    """Remove invisible characters, except line breaks and tabs."""
    return "".join(
        character
        for character in text
        if character in f"\n\t{_JOINER}"
        or unicodedata.category(character) not in _REJECTED
    )


def budget_alert(
    level: str,
    *,
    category: str,
    period: Period,
    period_kind: str,
    amount: Decimal,
    spent: Decimal,
    currency: str,
    language: str,
    today: datetime.date,
) -> tuple[str, str]:
    """Return the alert of a budget that rose to a level: (subject, message).

    level: `threshold` or `exceeded`. period_kind: one of dates.PERIODS. today: the
    user's local day. There is no forecast, since it needs the period's expenses, which
    the write that causes the alert does not read.
    """
    with override(language):
        used = percent(money.percentage(spent, amount))
        fact = _(
            "You've spent {spent} ({percent}) of your {amount} {category} budget for"
            " {period}."
        ).format(
            spent=money.display(spent, currency),
            percent=used,
            amount=money.display(amount, currency),
            category=category,
            period=name_period(period, period_kind, is_present=True),
        )
        subject = _("Budget {percent} spent: {category}")
        if level == "exceeded":
            subject = _("Over budget: {category}")
        subject = subject.format(category=category, percent=used)
        difference = money.display(abs(amount - spent), currency)
        return _alert_text(
            subject, fact, _remaining(level, difference, period, today), "budgets"
        )


def _remaining(
    level: str, difference: str, period: Period, today: datetime.date
) -> str:
    """Return a sentence with the amount left in a budget, or over it."""
    days = (period.end - today).days
    if level == "exceeded":
        sentence = ngettext(
            "{amount} over, {number} day to go.",
            "{amount} over, {number} days to go.",
            days,
        )
        last = _("{amount} over, and today is the last day.")
    else:
        sentence = ngettext(
            "{amount} left, {number} day to go.",
            "{amount} left, {number} days to go.",
            days,
        )
        last = _("{amount} left, and today is the last day.")
    return (sentence if days > 0 else last).format(amount=difference, number=days)


def large_expense(
    *,
    amount: Decimal,
    category: str,
    date: datetime.date,
    threshold: Decimal,
    currency: str,
    language: str,
) -> tuple[str, str]:
    """Return the notice of an expense at or above the threshold: (subject, message)."""
    with override(language):
        spent = money.display(amount, currency)
        return _alert_text(
            _("Large expense: {amount} for {category}").format(
                amount=spent, category=category
            ),
            _("You recorded an expense of {amount} for {category} on {day}.").format(
                amount=spent, category=category, day=long_day(date)
            ),
            _("You asked to be told from {amount} on.").format(
                amount=money.display(threshold, currency)
            ),
            "expenses",
        )


def digest(
    subjects: Sequence[str], *, budgets_only: bool, language: str
) -> tuple[str, str]:
    """Return the digest of two or more alerts: (subject, message).

    subjects: one line each; above MAX_LINES they are only counted.
    budgets_only: whether all of them are about budgets.
    """
    with override(language):
        number = len(subjects)
        subject = ngettext("{number} alert", "{number} alerts", number)
        fact = ngettext(
            "{number} alert needs your attention:",
            "{number} alerts need your attention:",
            number,
        )
        if budgets_only:
            subject = ngettext(
                "{number} budget alert", "{number} budget alerts", number
            )
            fact = ngettext(
                "{number} budget needs your attention:",
                "{number} budgets need your attention:",
                number,
            )
        return _alert_text(
            subject.format(number=number),
            "\n".join([fact.format(number=number), *bullet_list(subjects, MAX_LINES)]),
            _("See details:"),
            "notifications",
        )


def report_ready(
    report_type: str, *, name: str, file_name: str, language: str
) -> tuple[str, str]:
    """Return the notice of a finished report: (subject, message).

    name: of its period, as in `October 2026`, in the same language. The link opens the
    app, which signs a URL on each click: a signed URL in an e-mail would soon expire
    (docs/aws.md#signed-addresses).
    """
    with override(language):
        subject, fact = map(_, _REPORTS[report_type])
        return _alert_text(
            subject.format(name=name),
            fact.format(name=name),
            _("You can download it here for as long as you keep it:"),
            f"reports/{file_name}",
        )


def summary_placeholder(kind: str, *, language: str) -> tuple[str, str]:
    """Return the placeholder for a summary that is not written yet: (subject, message).

    kind: `weekly` or `monthly`.
    """
    with override(language):
        subject = _("Your weekly summary")
        if kind == "monthly":
            subject = _("Your monthly summary")
        return subject, _("It is not written yet.")


def bullet_list(lines: Sequence[str], max_lines: int) -> list[str]:
    """Return the lines of a list, and the number of those above `max_lines`."""
    bullets = [f"- {line}" for line in lines[:max_lines]]
    if more := len(lines) - len(bullets):
        remainder = _("and {number} more").format(number=more)
        bullets.append(f"- {remainder}")
    return bullets


def password_changed(
    *, at: datetime.datetime, time_zone: str, language: str
) -> tuple[str, str]:
    """Return the notice of a changed password: (subject, message).

    at: aware. time_zone: the user's, an IANA name.
    """
    local = at.astimezone(ZoneInfo(time_zone))
    with override(language):
        return _security_text(
            _("Your password was changed"),
            _(
                "Your password was changed on {day} at {time} ({time_zone})."
                " Everybody who was logged in to your account elsewhere is logged out."
            ).format(day=long_day(local), time=clock(local), time_zone=time_zone),
        )


def email_changed(*, old: str, new: str, language: str) -> tuple[str, str]:
    """Return the notice of a changing e-mail address: (subject, message)."""
    with override(language):
        return _security_text(
            _("The e-mail address of your account is changing"),
            _(
                "Somebody who knows your password asked to change the e-mail address of"
                " your account from {old} to {new}."
            ).format(old=one_line(old), new=one_line(new)),
        )


def api_token_created(*, name: str, language: str) -> tuple[str, str]:
    """Return the notice of a new API token: (subject, message)."""
    with override(language):
        return _security_text(
            _("New API token: {name}").format(name=name),
            _(
                "An API token named {name} was made. Whoever has it can use your"
                " account without your password."
            ).format(name=one_line(name)),
        )


def _security_text(subject: str, fact: str) -> tuple[str, str]:
    return notification_text(
        subject,
        fact,
        _(
            "If that was you, there is nothing to do. If it was not, somebody else can"
            " use your account: change your password at once. If you cannot log in any"
            " more, tell whoever runs this planner."
        ),
        "accounts/password",
    )


def _alert_text(
    subject: str, fact: str, consequence: str, page: str
) -> tuple[str, str]:
    return notification_text(subject, fact, consequence, f"{page}/")


def notification_text(subject: str, *parts: str) -> tuple[str, str]:
    """Return (subject, message). parts: paragraphs, and the path of a page to link."""
    *paragraphs, path = parts
    message = "\n\n".join([*paragraphs, f"{config.app_url}/{path}\n"])
    return subject_line(subject), printable(message)


def name_period(period: Period, kind: str, *, is_present: bool = False) -> str:
    """Return the name of a budget's period, as used after `for`.

    is_present: whether it is the current period; a month then has no year.
    """
    if kind == "weekly":
        return _("the week of {day}").format(day=long_day(period.start))
    if kind == "yearly":
        return f"{period.start:%Y}"
    return month_name(period.start) if is_present else month(period.start)


def _length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
