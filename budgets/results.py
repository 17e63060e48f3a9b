"""Store and read the results of budgets' finished periods.

A result is added in the transaction that begins the next period, so that a change of
the budget leaves it alone, and what is carried over can be counted again.

Why: docs/decisions.md#the-result-of-a-period-is-stored-when-the-next-begins
"""

import datetime
import json
import uuid
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from budgets.evaluation import NOTHING, PeriodResult, State
from budgets.models import Budget, PeriodResults
from smartbudget.core.categories import Categories
from smartbudget.core.dynamodb import Transaction
from smartbudget.core.periods import Period

Results = dict[str, list[PeriodResult]]  # by budget_id, earliest first


def add(
    budget: Budget, results: Sequence[PeriodResult], transaction: Transaction
) -> None:
    """Add results to a transaction; the budget's version prevents adding them twice."""
    for year in years_of(results):
        stored = [
            to_json(result) for result in results if result.period.start.year == year
        ]
        item = PeriodResults(PeriodResults.key(budget.history_id, year))
        appended = (PeriodResults.results | []).append(stored)
        transaction.update(item, [PeriodResults.results.set(appended)])


def replace(
    budget: Budget,
    stored: Sequence[PeriodResult],
    results: Sequence[PeriodResult],
    transaction: Transaction,
) -> None:
    """Add the replacement of stored results, in the years in which some differ.

    stored: as returned by `read_to_replace`.
    """
    different = [result for result in results if result not in stored]
    for year in years_of(different):
        texts = [
            to_json(result) for result in results if result.period.start.year == year
        ]
        key = PeriodResults.key(budget.history_id, year)
        transaction.put(PeriodResults(key, results=texts))


def delete(budget: Budget, transaction: Transaction) -> None:
    """Add the deletion of all results of a budget to a transaction."""
    for key in keys(budget):
        transaction.delete(PeriodResults(key))


def read(budgets: Iterable[Budget], within: Period | None = None) -> Results:
    """Return the results of budgets, with one BatchGetItem, or no call if none.

    within: only results of periods that overlap it may be needed.
    """
    return read_within((budget, within) for budget in budgets)


def read_to_replace(budgets: Iterable[Budget]) -> Results:
    """Return the results of budgets for `replace`, read consistently.

    Otherwise one that was stored a moment ago could be missing, and would be lost.
    """
    return read_within(((budget, None) for budget in budgets), consistent=True)


def read_within(
    wanted: Iterable[tuple[Budget, Period | None]], *, consistent: bool = False
) -> Results:
    """Return the results of budgets as `read` does, each within days of its own."""
    owners = {
        key: budget.budget_id for budget, days in wanted for key in keys(budget, days)
    }
    items = (
        PeriodResults.batch_get([*owners], consistent_read=consistent) if owners else ()
    )
    stored = {item.budget_id: item.results for item in items}
    results: Results = {}
    for key, budget_id in owners.items():
        parsed = [from_json(str(text)) for text in stored.get(key, ())]
        results.setdefault(budget_id, []).extend(parsed)
    return results


def read_past(budgets: Iterable[Budget], day: datetime.date) -> Results:
    """Return the results of the periods that contain a day, of budgets that are later.

    Makes no call if all budgets store that period, as they do for today.
    """
    later = [budget for budget in budgets if day < budget.current.start]
    return read(later, Period(day, day))


def keys(budget: Budget, within: Period | None = None) -> list[str]:
    """Return the keys of the items that may have a budget's results, by year."""
    if budget.results_since is None or budget.results_since >= since(
        budget, budget.current
    ):
        return []  # no period has finished since
    first = int(budget.results_since[:4])
    last = budget.current.start.year
    if budget.period == "once":  # it may have had others before it moved to its days
        last = max(last, int(budget.updated_at[:4]))
    if within:
        # A period of a year may have begun in the year before.
        first = max(first, within.start.year - 1)
        last = min(last, within.end.year)
    years = range(first, last + 1)
    return [PeriodResults.key(budget.history_id, year) for year in years]


def since(budget: Budget, period: Period) -> str:
    """Return the earliest day of results that follow, for a budget in a period.

    A one-off budget, which has none itself, may be in a past of any length.
    """
    start = period.start.isoformat()
    return max(start, budget.created_at[:10]) if budget.period == "once" else start


def years_of(results: Iterable[PeriodResult]) -> list[int]:
    """Return the years in which results begin, each of which is an item."""
    return sorted({result.period.start.year for result in results})


def to_json(result: PeriodResult) -> str:
    """Return a result as it is stored, without default values."""
    stored: dict[str, Any] = {
        "period": result.period.interval,
        "categories": result.categories.to_json(),
        "amount": str(result.amount),
        "spent": str(result.spent),
        "alert_thresholds": result.alert_thresholds,
    }
    if result.carried_over:
        stored["carried_over"] = str(result.carried_over)
    if result.rollover != "none":
        stored["rollover"] = result.rollover
    if result.rollover_cap is not None:
        stored["rollover_cap"] = str(result.rollover_cap)
    if result.was_paused:
        stored["was_paused"] = True
    return json.dumps(stored, ensure_ascii=False, separators=(",", ":"))


def from_json(text: str) -> PeriodResult:
    """Return the result that `to_json` returned."""
    stored = json.loads(text)
    cap = stored.get("rollover_cap")
    return PeriodResult(
        period=Period.parse(stored["period"]),
        categories=Categories.from_json(stored["categories"]),
        amount=Decimal(stored["amount"]),
        spent=Decimal(stored["spent"]),
        alert_thresholds=tuple(stored["alert_thresholds"]),
        carried_over=Decimal(stored.get("carried_over", NOTHING)),
        rollover=stored.get("rollover", "none"),
        rollover_cap=None if cap is None else Decimal(cap),
        was_paused=stored.get("was_paused", False),
    )


def beginnings(budget: Budget, edited: Budget, state: State) -> dict[str, object]:
    """Return the attributes that a budget older than results gets with its next write.

    {attribute: value}: the key of its results, their first day, and the terms before.
    edited: the budget with its new terms.
    """
    if budget.results_since:
        return {}
    first = state.results[0].period if state.results else state.period
    return {
        "history_id": uuid.uuid4().hex,
        "results_since": first.start.isoformat(),
        "earlier_terms": edited.earlier_terms or earlier_terms(budget),
    }


def earlier_terms(budget: Budget) -> dict[str, Any] | None:
    """Return what held for a budget before its results, if it is older than those."""
    if budget.results_since:
        return None
    return {
        "category": budget.category,
        "period": budget.period,
        "amount": str(budget.amount),
        "alert_threshold": int(budget.alert_threshold),
    }
