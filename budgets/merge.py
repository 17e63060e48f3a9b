"""Merge the budgets of categories that are renamed or become one.

Budgets are renamed in one transaction before the expenses, which follow in chunks. Each
chunk updates the totals, so a budget always counts exactly the expenses recorded in its
category. Until all expenses have moved, a budget's level may be lower than the one its
owner was notified of: `Budget.notified_level` prevents a second alert.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from enum import StrEnum

from babel import lists

from budgets import results
from budgets.models import Budget, budget_id_for, budget_ids_for
from budgets.updates import (
    History,
    Outcome,
    change,
    put_moved,
    spent_in,
    state_of,
)
from smartbudget.core.dynamodb import Transaction, retry_on_conflict
from smartbudget.core.errors import ConflictError, InvalidError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.i18n import locale
from smartbudget.core.money import LIMIT
from smartbudget.core.periods import PERIODS
from smartbudget.core.text import casefold_key, validate_choice, validate_text
from smartbudget.core.user import User


class MergeStrategy(StrEnum):
    """The amount of the budget that several of one period are merged into."""

    KEEP = "keep"  # that of the first budget
    ADD = "add"  # the sum of all


def merge_into(
    user: User,
    sources: Sequence[str],
    target: str,
    strategy: str | None,
    transaction: Transaction,
    *,
    recount: bool = False,
) -> tuple[Outcome, set[str]]:
    """Merge the budgets of `sources` into those of `target` within a transaction.

    The first budget of a period is kept: that of `target`, or else of the first source
    that has one.

    strategy: a MergeStrategy, or None to reject several budgets for one period.
    recount: count again what was spent, since no expenses will be moved.

    Returns the outcome, and the category names that the budgets had. Raises
    InvalidError, and ConflictError naming the conflicting budgets.
    """
    if strategy is not None:
        validate_choice(strategy, tuple(MergeStrategy), "budgets")
    groups = _budgets_by_period(user, [target, *sources])
    names = {str(budget.category) for group in groups for budget in group}
    outcome = Outcome()
    for first, *others in groups:
        if others and strategy is None:
            raise ConflictError(_conflict_message([first, *others]), "budgets")
        for budget in others:
            transaction.delete(budget)
            results.delete(budget, transaction)
        amount = first.amount
        if strategy == MergeStrategy.ADD:
            amount = sum((budget.amount for budget in others), first.amount)
        if amount >= LIMIT:
            raise InvalidError(
                _("Added together, these budgets exceed the maximum amount."), "budgets"
            )
        _rename(user, first, sources, target, amount, transaction, outcome, recount)
    return outcome, names


def move_to_own_id(user: User, budget: Budget) -> Outcome:
    """Move a budget of an earlier version to its own id; see `budget_ids_for`.

    If another budget has that id already, the amounts are added up: each budget counted
    a part of what is now one category. Safe to repeat.

    Returns the outcome. Raises InvalidError if the sum is too large for a budget.
    """
    target = validate_text(budget.category, "category", max_length=len(budget.category))

    def attempt() -> Outcome:
        transaction = Transaction()
        outcome, _names = merge_into(
            user,
            [budget.category],
            target,
            MergeStrategy.ADD,
            transaction,
            recount=True,
        )
        if len(transaction):
            transaction.commit()
        return outcome

    outcome = retry_on_conflict(attempt)
    finish_merge(user, target)
    return outcome


def finish_merge(user: User, target: str) -> None:
    """Remove notified levels once all expenses have moved to a category.

    Levels reached from then on cause alerts. Safe to repeat.
    """

    def attempt() -> None:
        transaction = Transaction()
        for budgets in _budgets_by_period(user, [target]):
            for budget in budgets:
                if budget.notified_level:
                    transaction.update(budget, [Budget.notified_level.remove()])
        if len(transaction):
            transaction.commit()

    retry_on_conflict(attempt)


def _budgets_by_period(user: User, categories: Sequence[str]) -> list[list[Budget]]:
    """Return the budgets of categories, read consistently: one list per kind of period.

    A list is in the order of the categories, without duplicates, and never empty.
    """
    ids = [
        [
            budget_id
            for category in categories
            for budget_id in budget_ids_for(user.user_id, period, category)
        ]
        for period in PERIODS
    ]
    distinct = list(dict.fromkeys(budget_id for group in ids for budget_id in group))
    stored = {budget.budget_id: budget for budget in Budget.batch_get(distinct, True)}
    by_period = [
        [stored[budget_id] for budget_id in dict.fromkeys(group) if budget_id in stored]
        for group in ids
    ]
    return [budgets for budgets in by_period if budgets]


def _rename(
    user: User,
    budget: Budget,
    sources: Sequence[str],
    target: str,
    amount: Decimal,
    transaction: Transaction,
    outcome: Outcome,
    recount: bool,
) -> None:
    """Rename a budget to `target` and set its amount; do nothing if neither changes.

    The budget of `target` keeps its spelling unless `target` is one of the sources.
    """
    has_id = budget.budget_id == budget_id_for(user.user_id, budget.period, target)
    category = target
    if has_id and budget.category_key not in map(casefold_key, sources):
        category = budget.category
    if has_id and (category, amount) == (budget.category, budget.amount):
        return
    new = budget.with_terms(category=category, amount=amount)
    history = _renamed_history(budget, sources, target)
    if has_id:
        _edit_in_place(user, budget, new, history, transaction, outcome, recount)
    else:
        _replace(user, budget, new, history, transaction, outcome)


def _renamed_history(budget: Budget, sources: Sequence[str], target: str) -> History:
    """Return a budget's results, and with renamed categories, as expenses of them."""
    renamed = {casefold_key(source) for source in sources}
    stored = results.read([budget]).get(budget.budget_id, [])
    new = [
        replace(result, category=target)
        if casefold_key(result.category) in renamed
        else result
        for result in stored
    ]
    return stored, new


def _edit_in_place(
    user: User,
    budget: Budget,
    new: Budget,
    history: History,
    transaction: Transaction,
    outcome: Outcome,
    recount: bool,
) -> None:
    state = state_of(user, budget).edited(new)
    if recount:
        state = replace(state, spent=spent_in(budget, state.period))
        outcome.recounts.append(budget.budget_id)
    if new.amount != budget.amount:
        state = state.merged()
    change(user, budget, state, transaction, outcome, edited=new, history=history)


def _replace(
    user: User,
    budget: Budget,
    new: Budget,
    history: History,
    transaction: Transaction,
    outcome: Outcome,
) -> None:
    """Delete a budget and create `new`, which has another id."""
    known = _known_level(user, budget)
    created = put_moved(user, budget, new, transaction, notified=known, history=history)
    outcome.alerts += created.alerts
    outcome.recounts += created.recounts


def _known_level(user: User, budget: Budget) -> int:
    """Return the highest level the owner was notified of in the current period."""
    return state_of(user, budget).known


def _conflict_message(budgets: Sequence[Budget]) -> str:
    names = lists.format_list([budget.category for budget in budgets], locale=locale())
    return _(
        "{categories} each have a budget ({period}). Choose whether to keep the"
        " first one or add them together."
    ).format(categories=names, period=budgets[0].period_in_words)
