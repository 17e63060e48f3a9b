"""What stands out in a report, in sentences that are true; none is better than weak."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING

from reports.periods import day_of, days_of
from smartbudget.core.money import format_amount

if TYPE_CHECKING:
    from reports.services import BudgetStanding, CategoryLine, Report

MOST = 5  # sentences; more are not read

# Percent. Less than this is the noise of any two months.
LEAST_CHANGE = 10
LEAST_SHARE = 5  # of the total, that a category's change must be to be worth a word
HALF = 50
# Beyond this a percentage says less than the two amounts.
LARGEST_PERCENTAGE = 300

LEAST_EXPENSES = 20  # for words about weekdays
LEAST_WEEKS = 4

_WEEKDAYS = (
    "Mondays",
    "Tuesdays",
    "Wednesdays",
    "Thursdays",
    "Fridays",
    "Saturdays",
    "Sundays",
)


def insights(report: Report) -> list[str]:
    """Return up to five sentences, what matters most first.

    A sentence of less than before is said of periods that are over only: in a running
    one it would only mean that there are days to come.
    """
    if not report.count:
        return []
    return [*_all(report)][:MOST]


def amount(value: Decimal, currency: str) -> str:
    """Write an amount with thousands apart and without its currency: `1,234.50`."""
    whole, dot, decimals = format_amount(value, currency).partition(".")
    sign = "-" if whole.startswith("-") else ""
    return f"{sign}{int(whole.lstrip('-')):,}{dot}{decimals}"


def percent(value: Decimal) -> str:
    """Write a whole percentage, rounded towards zero: `18 %`."""
    return f"{value.quantize(Decimal(1), ROUND_DOWN)}\u00a0%"


def _all(report: Report) -> Iterator[str]:
    yield from _budgets(report)
    yield from _rise(report)
    yield from _fall(report)
    yield from _new(report)
    yield from _concentration(report)
    yield from _weekday(report)


def _budgets(report: Report) -> Iterator[str]:
    passed = [each for each in report.budgets if each.line.remaining < 0]
    passed.sort(key=lambda each: each.line.remaining)
    if passed:
        line = passed[0].line
        over = amount(-line.remaining, report.currency)
        more = f", and {len(passed) - 1} more" if len(passed) > 1 else ""
        name = f"{line.period} {line.category} budget"
        if line.within != report.question.period:
            name += f" for {days_of(line.within)}"
        yield f"The {name} is passed by {over}{more}."
    elif len(report.budgets) > 1 and not report.is_running:
        yield f"All {len(report.budgets)} budgets were kept."
    broken = [each for each in report.budgets if each.of > 1 and each.kept < each.of]
    if broken:
        yield _record(max(broken, key=lambda each: each.of - each.kept))


def _record(standing: BudgetStanding) -> str:
    line = standing.line
    kind = {"monthly": "months", "weekly": "weeks", "yearly": "years"}[line.period]
    return (
        f"At its present amount, the {line.category} budget was kept in"
        f" {standing.kept} of {standing.of} {kind}."
    )


def _rise(report: Report) -> Iterator[str]:
    risen = [line for line in report.categories if line.previous and line.change > 0]
    if not risen:
        return
    line = max(risen, key=lambda each: each.change)
    if not _is_worth_a_word(line, report):
        return
    said = f"{line.category} rose {_by(line, report)} against {_before(report)}"
    purchase = line.largest
    # True only if no purchase of that size stood in the other period too.
    if purchase and (purchase.amount - line.previous_largest) * 2 > line.change:
        said += (
            f", most of it in one purchase of"
            f" {amount(purchase.amount, report.currency)} on {day_of(purchase.day)}"
        )
    yield f"{said}."


def _fall(report: Report) -> Iterator[str]:
    fallen = [line for line in report.categories if line.change < 0]
    if report.is_running or not fallen:
        return
    line = min(fallen, key=lambda each: each.change)
    if _is_worth_a_word(line, report):
        if line.spent:
            yield f"{line.category} fell {_by(line, report)} against {_before(report)}."
        else:
            was = amount(line.previous, report.currency)
            yield f"Nothing went to {line.category}, after {was} {_then(report)}."


def _new(report: Report) -> Iterator[str]:
    if not report.previous_count:
        return
    for line in report.categories:
        if not line.previous and line.share >= LEAST_CHANGE:
            spent = amount(line.spent, report.currency)
            yield (f"{line.category} is new: {spent}, after nothing {_then(report)}.")
            return


def _concentration(report: Report) -> Iterator[str]:
    first = report.categories[0]
    others = sum(1 for line in report.categories if line.spent)
    if others > 1 and first.share > HALF:
        yield (
            f"{first.category} alone is {percent(first.share)} of everything,"
            f" {amount(first.spent, report.currency)}."
        )


def _weekday(report: Report) -> Iterator[str]:
    if report.count < LEAST_EXPENSES or report.counted_days < LEAST_WEEKS * 7:
        return
    first, second, *_ = sorted(report.weekdays, key=lambda each: -each.average)
    # One dear purchase makes no habit: it must be so without the largest too.
    largest = max(e.amount for e in report.entries if e.day.weekday() == first.weekday)
    if (first.spent - largest) * 2 >= second.average * first.days * 3:
        yield (
            f"{_WEEKDAYS[first.weekday]} cost most:"
            f" {amount(first.average, report.currency)} on average, against"
            f" {amount(second.average, report.currency)} on"
            f" {_WEEKDAYS[second.weekday]}."
        )


def _is_worth_a_word(line: CategoryLine, report: Report) -> bool:
    change = abs(line.change) * 100
    base = max(report.total, report.previous_total)
    return change >= line.previous * LEAST_CHANGE and change >= base * LEAST_SHARE


def _by(line: CategoryLine, report: Report) -> str:
    change = abs(line.change) * 100 / line.previous
    if change <= LARGEST_PERCENTAGE:
        return percent(change)
    was, now = (amount(each, report.currency) for each in (line.previous, line.spent))
    return f"from {was} to {now}"


def _then(report: Report) -> str:
    question = report.question
    if question.report_type == "monthly":
        return f"in {_before(report)}"
    return question.in_previous


def _before(report: Report) -> str:
    """Name the period before shortly: `October` where the year goes without saying."""
    question = report.question
    if question.report_type == "monthly" and (
        question.previous.start.year == question.period.start.year
    ):
        return f"{question.previous.start:%B}"
    return question.previous_name
