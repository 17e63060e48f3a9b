"""The daily check: every budget is brought to its period, recounted, and alerted."""

import datetime
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import groupby
from typing import Any

from accounts import services as accounts
from budgets import evaluation, merge
from budgets.models import Budget
from expenses import queries as expenses
from smartbudget.core import dates
from smartbudget.core.dynamodb import WriteConflictError
from smartbudget.core.pagination import Key
from smartbudget.core.user import User

logger = logging.getLogger(__name__)

RawItem = dict[str, Any]  # as DynamoDB writes it

PAGE = 500  # budgets read at a time

# Somewhere it is already this much later than UTC: no budget can be due before then.
EARLIEST = datetime.timedelta(hours=14)


@dataclass
class CheckResult:
    """What a check did, and where the next one goes on (None: it saw everything)."""

    alerts_sent: int = 0  # crossings queued
    errors: list[str] = field(default_factory=list)  # one sentence a user or budget
    position: Key | None = None


def check_all(position: Key | None, keep_going: Callable[[], bool]) -> CheckResult:
    """Check every budget from `position` on, a page at a time, while `keep_going()`.

    One user's trouble is counted in `errors` and the rest goes on. Safe to repeat, and
    to run twice at once: each write is conditional and alerts have derived ids.
    """
    result = CheckResult(position=position)
    while True:
        pages = Budget.by_user.scan(
            page_size=PAGE, last_evaluated_key=result.position
        ).page_iter
        page = next(pages)
        raws = sorted(page["Items"], key=_owner)
        for user_id, group in groupby(raws, key=_owner):
            _check_user(user_id, list(group), result)
        result.position = page.get("LastEvaluatedKey")
        if result.position is None or not keep_going():
            return result


def _owner(raw: RawItem) -> str:
    owner: str = raw["user_id"]["S"]
    return owner


def _check_user(user_id: str, raws: list[RawItem], result: CheckResult) -> None:
    """Check a user's budgets of one page with one query of the expenses."""
    try:
        budgets = [Budget.from_raw_data(raw) for raw in raws]
        user = accounts.get_account(user_id).user if _is_due(budgets) else None
        due = [evaluation.current_period(user, each) for each in budgets]
        found = expenses.spending(user_id, _span(due))
        moved = set()
        pairs = zip(budgets, due, strict=True)
        for budget, period in sorted(pairs, key=lambda pair: _is_in_place(pair[0])):
            if not _is_in_place(budget):
                user = user or accounts.get_account(user_id).user
                _follow_up(user, merge.move_to_own_id(user, budget), result)
                moved.add(budget.own_id)
                continue
            if budget.own_id in moved:
                continue  # it is another by now, just counted
            if period == budget.current and not evaluation.is_settled(budget):
                continue  # it changed just now, so it was right just now
            counted = expenses.total(found, period, budget.category_key)
            if period == budget.current and counted == budget.spent:
                continue
            user = user or accounts.get_account(user_id).user
            _correct(user, budget, counted, result)
    except Exception as error:
        logger.exception("budget check failed user_id=%s", user_id)
        result.errors.append(f"user {user_id}: {type(error).__name__}")


def _is_in_place(budget: Budget) -> bool:
    """Check whether a budget has its own id; see `merging.move_to_own_id`."""
    return budget.budget_id == budget.own_id


def _correct(user: User, budget: Budget, counted: Decimal, result: CheckResult) -> None:
    try:
        differed, outcome = evaluation.correct(user, budget, counted)
    except WriteConflictError:
        return  # somebody wrote to it meanwhile, and counted right
    if differed:
        logger.error("budget total was wrong budget_id=%s", budget.budget_id)
    _follow_up(user, outcome, result)


def _follow_up(user: User, outcome: evaluation.Outcome, result: CheckResult) -> None:
    evaluation.enqueue_follow_ups(user, outcome)
    result.alerts_sent += len(outcome.alerts)


def _is_due(budgets: Iterable[Budget]) -> bool:
    """Tell whether anywhere on earth one of them is past its period.

    Only then is the user's time zone needed, and with it a read of the account.
    """
    latest = (dates.now() + EARLIEST).date()
    return any(
        dates.period_of(each.period, latest).start > each.current.start
        for each in budgets
    )


def _span(periods: Iterable[dates.Period]) -> dates.Period:
    periods = list(periods)
    return dates.Period(
        min(each.start for each in periods), max(each.end for each in periods)
    )
