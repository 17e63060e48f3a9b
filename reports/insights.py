"""Sentences about notable facts in a report; trivial facts are left out."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

from expenses.queries import join_parts
from smartbudget.core import i18n
from smartbudget.core.i18n import gettext as _
from smartbudget.core.i18n import gettext_noop, ngettext, percent
from smartbudget.core.money import percentage
from smartbudget.core.periods import CALENDAR_PERIODS

if TYPE_CHECKING:
    from reports.services import BudgetStanding, CategoryLine, Report

MAX_SENTENCES = 5  # sentences

# Percent. A smaller change is ordinary from month to month.
MIN_CHANGE = 10
MIN_SHARE = 5  # of the total, for a category's change to be mentioned
HALF = 50
# Percent. Above this, the two amounts are clearer than a percentage.
MAX_PERCENTAGE = 300

MIN_EXPENSES = 20  # for a sentence about weekdays
MIN_WEEKS = 4

# By the budget's period, and of the others.
_RECORD = gettext_noop(
    "You stayed within the {category} budget in {kept} of {number} periods."
)
_RECORDS = {
    "monthly": gettext_noop(
        "You stayed within the {category} budget in {kept} of {number} months."
    ),
    "weekly": gettext_noop(
        "You stayed within the {category} budget in {kept} of {number} weeks."
    ),
    "yearly": gettext_noop(
        "You stayed within the {category} budget in {kept} of {number} years."
    ),
}


def insights(report: Report) -> list[str]:
    """Return up to five sentences, the most important first.

    Falling spending is only mentioned for a period that is over: in the current one,
    some days are still to come.
    """
    if not report.count:
        return []
    return [*_all(report)][:MAX_SENTENCES]


def _all(report: Report) -> Iterator[str]:
    yield from _budgets(report)
    yield from _rise(report)
    yield from _fall(report)
    yield from _new(report)
    yield from _concentration(report)
    yield from _weekday(report)


def _budgets(report: Report) -> Iterator[str]:
    over = [standing for standing in report.budgets if standing.line.remaining < 0]
    over.sort(key=lambda standing: standing.line.remaining)
    broken = [
        standing
        for standing in report.budgets
        if standing.periods_kept < standing.periods > 1
    ]
    if over:
        yield " ".join(_over(over, report))
    elif len(report.budgets) > 1 and not report.is_running and not broken:
        yield _("You stayed within all {number} budgets.").format(
            number=len(report.budgets)
        )
    if broken:
        yield _record(max(broken, key=lambda each: each.periods - each.periods_kept))


def _over(over: list[BudgetStanding], report: Report) -> Iterator[str]:
    line = over[0].line
    template = _("{category} is {amount} over its {period} budget.")
    if line.within != report.period.current:
        template = _("{category} is {amount} over its {period} budget for {days}.")
    if line.period not in CALENDAR_PERIODS:
        template = _("{category} is {amount} over its budget for {days}.")
    yield template.format(
        period=line.period_in_words,
        category=line.category,
        days=line.within_in_words,
        amount=report.write(-line.remaining),
    )
    if more := len(over) - 1:
        yield ngettext(
            "{number} other budget is over too.",
            "{number} other budgets are over too.",
            more,
        ).format(number=more)


def _record(standing: BudgetStanding) -> str:
    return _(_RECORDS.get(standing.line.period, _RECORD)).format(
        category=standing.line.categories.before_budget,
        kept=standing.periods_kept,
        number=standing.periods,
    )


def _rise(report: Report) -> Iterator[str]:
    risen = [
        line for line in report.categories if line.previous > 0 and line.change > 0
    ]
    if not risen:
        return
    line = max(risen, key=lambda category: category.change)
    if _is_notable(line, report):
        yield " ".join(_risen(line, report))


def _risen(line: CategoryLine, report: Report) -> Iterator[str]:
    change = percentage(line.change, line.previous)
    template = _("{category} is up {percent} from {before}.")
    if change > MAX_PERCENTAGE:
        template = _("{category}: {now}, up from {was} {then}.")
    yield template.format(
        category=line.category,
        percent=percent(change),
        was=report.write(line.previous),
        now=report.write(line.spent),
        before=report.period.previous_briefly,
        then=report.period.in_previous_briefly,
    )
    purchase = line.largest
    # Not if the other period had a purchase of about that size too.
    if purchase and (purchase.amount - line.previous_largest) * 2 > line.change:
        yield _("Most of that is one expense of {amount} on {day}.").format(
            amount=report.write(purchase.amount),
            day=i18n.day(purchase.day),
        )


def _fall(report: Report) -> Iterator[str]:
    fallen = [
        line for line in report.categories if line.previous > 0 and line.change < 0
    ]
    if report.is_running or not fallen:
        return
    line = min(fallen, key=lambda category: category.change)
    if not _is_notable(line, report):
        return
    if line.spent < 0:
        yield _("More came back than you spent on {category} ({amount}).").format(
            category=line.category, amount=report.write(-line.spent)
        )
    elif line.spent:
        yield _("{category} is down {percent} from {before}.").format(
            category=line.category,
            percent=percent(percentage(-line.change, line.previous)),
            before=report.period.previous_briefly,
        )
    else:
        yield _("No {category} spending ({amount} {then}).").format(
            category=line.category,
            amount=report.write(line.previous),
            then=report.period.in_previous_briefly,
        )


def _new(report: Report) -> Iterator[str]:
    if not (report.is_comparable and report.has_previous):
        return
    for line in report.categories:
        was_used = line.previous or line.previous_largest
        if not was_used and line.share >= MIN_CHANGE:
            yield _("{category} is new: {amount} (nothing {then}).").format(
                category=line.category,
                amount=report.write(line.spent),
                then=report.period.in_previous_briefly,
            )
            return


def _concentration(report: Report) -> Iterator[str]:
    first = report.categories[0]
    others = sum(1 for line in report.categories if line.spent > 0)
    if others > 1 and first.share > HALF:
        yield _("{category} alone is {percent} of your spending ({amount}).").format(
            category=first.category,
            percent=percent(first.share),
            amount=report.write(first.spent),
        )


def _weekday(report: Report) -> Iterator[str]:
    paid = join_parts(entry for entry in report.entries if entry.amount > 0)
    if len(paid) < MIN_EXPENSES or report.counted_days < MIN_WEEKS * 7:
        return
    first, second, *_rest = sorted(
        report.weekdays, key=lambda weekday: -weekday.average
    )
    # One expensive purchase is not a habit: the rule must hold without the largest.
    largest = max(e.amount for e in paid if e.day.weekday() == first.weekday)
    if (first.spent - largest) * 2 >= second.average * first.days * 3:
        yield _(
            "{dearest} is your most expensive day: {amount} on average, compared"
            " with {other} on {second}."
        ).format(
            dearest=first.name,
            amount=report.write(first.average),
            other=report.write(second.average),
            second=second.name,
        )


def _is_notable(line: CategoryLine, report: Report) -> bool:
    change = abs(line.change) * 100
    base = max(report.total, report.previous_total, Decimal(0))
    return change >= line.previous * MIN_CHANGE and change >= base * MIN_SHARE
