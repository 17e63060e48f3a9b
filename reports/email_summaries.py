"""Summaries of a week or month, sent by e-mail when they are due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accounts import services as accounts
from notifications import messages, schedule
from reports import summary
from smartbudget.core import money
from smartbudget.core.i18n import gettext as _
from smartbudget.core.i18n import long_day, month, override

if TYPE_CHECKING:
    from budgets.queries import BudgetLine
    from notifications.models import Notification, PlannedSummary
    from notifications.recipients import Recipient
    from reports.summary import Summary
    from smartbudget.core.dates import Period

MAX_BUDGETS = 50  # listed in a summary


def write(planned: PlannedSummary, recipient: Recipient) -> Notification:
    """Write a summary that is due and plan the next one, in one transaction.

    Returns the notification. The caller must hold its lease. Safe to repeat.

    Raises ConflictError if the lease was lost.
    """
    kind, period = schedule.PERIODS[planned.type], schedule.period_of(planned)
    user = accounts.account_of(recipient).user
    subject, message = compose(
        kind, summary.review(user, kind, period), language=recipient.language
    )
    return schedule.store_text(planned, recipient, subject, message)


def compose(kind: str, spending: Summary, *, language: str) -> tuple[str, str]:
    """Return the subject and message of the summary of a week or month.

    kind: `weekly` or `monthly`.
    """
    with override(language):
        when = _during(spending.shown, kind)
        subject, fact = _("Nothing spent {when}"), _("Nothing was spent {when}.")
        if spending.total_spent:
            subject, fact = _("{amount} spent {when}"), _("{amount} was spent {when}.")
        spent = money.display(spending.total_spent, spending.currency)
        lines = [_standing(line, spending.currency) for line in spending.lines]
        budgets = _("You have no budgets.")
        if lines:
            listed = messages.bullet_list(lines, MAX_BUDGETS)
            budgets = "\n".join([_("Your budgets:"), *listed])
        return messages.notification_text(
            subject.format(amount=spent, when=when),
            f"{fact.format(amount=spent, when=when)} {_compared(kind, spending)}",
            budgets,
            f"?month={spending.shown.start:%Y-%m}" if kind == "monthly" else "budgets/",
        )


def _compared(kind: str, spending: Summary) -> str:
    before = _("in the week before") if kind == "weekly" else _("in the month before")
    difference = spending.total_spent - spending.previous_spent
    if not spending.previous_spent:
        sentence = _("Nothing was spent {before}.")
    elif not difference:
        sentence = _("That is as much as {before} ({amount}).")
    elif difference > 0:
        sentence = _("That is {difference} more than {before} ({amount}).")
    else:
        sentence = _("That is {difference} less than {before} ({amount}).")
    return sentence.format(
        before=before,
        amount=money.display(spending.previous_spent, spending.currency),
        difference=money.display(abs(difference), spending.currency),
    )


def _standing(line: BudgetLine, currency: str) -> str:
    sentence = _("{category}, {period}: {spent} of {amount} spent, {rest} left")
    if line.remaining < 0:
        sentence = _("{category}, {period}: {spent} of {amount} spent, {rest} over")
    return sentence.format(
        category=messages.one_line(line.category),
        period=messages.name_period(line.within, line.period),
        spent=money.display(line.spent, currency),
        amount=money.display(line.amount, currency),
        rest=money.display(abs(line.remaining), currency),
    )


def _during(period: Period, kind: str) -> str:
    """Return the period as part of a sentence, such as "in November 2026"."""
    if kind == "weekly":
        return _("in the week of {day}").format(day=long_day(period.start))
    return _("in {month}").format(month=month(period.start))
