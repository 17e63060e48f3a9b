"""The daily check: roll every budget over to its period, recount it, send alerts."""

import datetime
import functools
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from pynamodb.exceptions import PynamoDBException

from accounts import services as accounts
from budgets import merge, results, updates
from budgets.evaluation import Count, PeriodResult
from budgets.models import Budget
from expenses import queries as expenses
from expenses.queries import Spending
from smartbudget.core import dates
from smartbudget.core.dynamodb import WriteConflictError
from smartbudget.core.errors import DomainError
from smartbudget.core.pagination import Item, Key
from smartbudget.core.periods import Period
from smartbudget.core.user import User

logger = logging.getLogger(__name__)

PAGE_SIZE = 500  # budgets read at a time

# The easternmost time zone is this far ahead of UTC, so no period begins earlier.
EARLIEST = datetime.timedelta(hours=14)

CHECKED_AFTER = datetime.timedelta(days=31)  # the end of a one-off budget

# Errors after which the check continues with the next user: those of services and of
# DynamoDB, and those that a malformed item causes.
USER_ERRORS = (
    DomainError,
    PynamoDBException,
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True)
class Segment:
    """Segment `number`, from 0, of a parallel scan (docs/aws.md#scan-segments)."""

    number: int = 0
    total: int = 1


ALL_USERS = Segment()


@dataclass
class CheckResult:
    """The result of a check, and where the next one continues; None if complete."""

    alerts_sent: int = 0  # alerts queued
    errors: list[str] = field(default_factory=list)  # one sentence per user
    position: Key | None = None


def check_all(
    position: Key | None,
    keep_going: Callable[[], bool],
    segment: Segment = ALL_USERS,
) -> CheckResult:
    """Check a segment's budgets after `position`, page by page.

    position: of an earlier result for the same segment, or None for the beginning.
    keep_going: called after each page; the check ends there if it returns False.

    A failure for one user is added to `errors`, and the check continues. Safe to repeat
    and to run concurrently: each write is conditional and alerts have derived ids.
    """
    result = CheckResult(position=position)
    while True:
        pages = Budget.by_user.scan(
            segment=segment.number,
            total_segments=segment.total,
            page_size=PAGE_SIZE,
            last_evaluated_key=result.position,
        ).page_iter
        page = next(pages)
        items = sorted(page["Items"], key=_owner)
        for user_id, group in groupby(items, key=_owner):
            _check_user(user_id, list(group), result)
        result.position = page.get("LastEvaluatedKey")
        if result.position is None or not keep_going():
            return result


def _owner(item: Item) -> str:
    owner: str = item["user_id"]["S"]
    return owner


def _check_user(user_id: str, items: list[Item], result: CheckResult) -> None:
    """Check one user's budgets of a page with a single query of the expenses."""
    try:
        stored = [Budget.from_raw_data(item) for item in items]
        budgets = [budget for budget in stored if not _is_long_over(budget)]
        if not budgets:
            return
        user = accounts.get_account(user_id).user if _is_due(budgets) else None
        histories = _histories(budgets)
        spendings = _spendings(user_id, user, budgets, histories)
        incorrect = _incorrect(user, budgets, spendings)
        if not incorrect:
            return
        user = user or accounts.get_account(user_id).user
        follow_ups = updates.Outcome()
        try:
            for budget in incorrect:
                history = histories.get(budget.budget_id, [])
                follow_ups.extend(_correct(user, budget, spendings, history))
        finally:  # also those of budgets before an error
            updates.enqueue_follow_ups(user, follow_ups)
            result.alerts_sent += len(follow_ups.alerts)
    except USER_ERRORS as error:
        logger.exception("budget check failed user_id=%s", user_id)
        result.errors.append(f"user {user_id}: {type(error).__name__}")


def _histories(budgets: Iterable[Budget]) -> results.Results:
    """Return the results of budgets that are to be counted again."""
    return results.read_to_replace(budget for budget in budgets if budget.recount_from)


def _spendings(
    user_id: str,
    user: User | None,
    budgets: Iterable[Budget],
    histories: results.Results,
) -> Sequence[Spending]:
    """Return what was spent in all periods that are counted, with one query."""
    days = [
        updates.to_count(user, budget, histories.get(budget.budget_id, []))
        for budget in budgets
    ]
    return expenses.spending(user_id, Period.spanning(days))


def _incorrect(
    user: User | None, budgets: Sequence[Budget], spendings: Sequence[Spending]
) -> list[Budget]:
    """Return the budgets to correct; those that get another id come first."""
    moving = [budget for budget in budgets if not _has_own_id(budget)]
    replaced = {budget.own_id for budget in moving}  # and counted by the move
    total = functools.partial(expenses.total, spendings)
    return moving + [
        budget
        for budget in budgets
        if _has_own_id(budget)
        and budget.own_id not in replaced
        and not _is_correct(
            user, budget, functools.partial(total, categories=budget.categories)
        )
    ]


def _is_correct(user: User | None, budget: Budget, count: Count) -> bool:
    """Check whether a budget needs no change, or cannot be checked yet."""
    if updates.current_period(user, budget) != budget.current:
        return False
    if not updates.is_settled(budget):
        return True  # the index may not hold its newest expenses yet
    return not budget.recount_from and count(budget.current) == budget.spent


def _has_own_id(budget: Budget) -> bool:
    """Check whether a budget has its own id; see `merge.move_to_own_id`."""
    return budget.budget_id == budget.own_id


def _correct(
    user: User,
    budget: Budget,
    spendings: Sequence[Spending],
    history: Sequence[PeriodResult],
) -> updates.Outcome:
    if not _has_own_id(budget):
        return merge.move_to_own_id(user, budget)
    try:
        differed, outcome = updates.correct(user, budget, spendings, history)
    except WriteConflictError:
        # Changed meanwhile by an expense or edit, which wrote a correct total.
        return updates.Outcome()
    if differed:
        logger.error("budget total was wrong budget_id=%s", budget.budget_id)
    return outcome


def _is_due(budgets: Iterable[Budget]) -> bool:
    """Check whether a budget's period has ended in some time zone, or is uncounted.

    Only then are the user's time zone and calendar needed, which takes a read of the
    account. A calendar that changed meanwhile can only end a period earlier, and is
    cached with the user of every write.
    """
    latest = (dates.now() + EARLIEST).date()
    return any(
        (latest > budget.current.end and budget.period != "once")
        or budget.recount_from
        or not budget.is_counted
        for budget in budgets
    )


def _is_long_over(budget: Budget) -> bool:
    """Check whether a one-off budget ended so long ago that its total is settled.

    Checking it would take a read of all expenses since.
    """
    ended_before = dates.now().date() - CHECKED_AFTER
    return budget.period == "once" and budget.current.end < ended_before
