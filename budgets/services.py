"""Create, read, edit, delete and recount budgets.

`updates.py` updates their totals with every expense.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from budgets import evaluation, lookup, merge, results, terms
from budgets.evaluation import PeriodResult, State
from budgets.models import TERMS, Budget, BudgetDirectory, budget_ids_for
from budgets.updates import (
    History,
    Outcome,
    change,
    correct,
    current_period,
    edited_state,
    enqueue_follow_ups,
    is_settled,
    put_moved,
    put_new,
    to_count,
)
from expenses import queries as expenses
from smartbudget.core import dates
from smartbudget.core.bulk_delete import delete_items
from smartbudget.core.dynamodb import (
    Transaction,
    WriteConflictError,
    retry_on_conflict,
)
from smartbudget.core.errors import ConflictError, InvalidError, NotFoundError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.pagination import Page
from smartbudget.core.periods import CALENDAR_PERIODS, Period, Recurrence
from smartbudget.core.text import casefold_key
from smartbudget.core.user import User


def create_budget(
    user: User, *, idempotency_key: str | None = None, **values: Any
) -> Budget:
    """Create a budget with what was spent in its period already; alert if needed.

    values: `category` or `categories`, `amount` (currency units, above zero), and, as
    in the API, `period`, `anchor`, `month_days`, `start`, `end`, `alert_threshold`,
    `alert_thresholds`, `rollover`, `note`, `paused`, `everyday`,
    `keep_for_tomorrow`; None means not given.
    See `terms.validate`.
    idempotency_key: makes repeating safe: the same key returns the first budget.

    Raises InvalidError, and ConflictError if there is one for the same categories and
    period.
    """
    budget = _new(user, values)
    budget.made_by = idempotency_key
    lookup.add_shapes(user, [budget])

    def attempt() -> tuple[Budget, Outcome]:
        _check_earlier_id(budget)
        transaction = Transaction()
        lookup.relist(user, transaction, added=[budget])
        outcome = put_new(user, budget, transaction)
        try:
            _commit_new(transaction, budget)
        except ConflictError:
            stored = Budget.find(budget.budget_id) if idempotency_key else None
            if stored is None or stored.made_by != idempotency_key:
                raise
            return stored, Outcome(recounts=[stored.budget_id])
        return budget, outcome

    stored_budget, outcome = retry_on_conflict(attempt)
    enqueue_follow_ups(user, outcome)
    return stored_budget


def _new(user: User, values: Mapping[str, Any]) -> Budget:
    """Return a new, unsaved budget, without the numbers of its period."""
    checked = terms.validate(user, values)
    if "category" not in checked:
        raise InvalidError(_("Enter one or more categories."), "category")
    budget = Budget(user_id=user.user_id, created_at=dates.timestamp(), **checked)
    budget.budget_id = budget.own_id
    return budget


def get_budget(user: User, budget_id: str) -> Budget:
    """Return one budget, read consistently.

    Raises NotFoundError, also for another user's budget.
    """
    budget = Budget.find(budget_id)
    if budget is None or budget.user_id != user.user_id:
        raise NotFoundError(_("Budget not found."))
    return budget


def list_budgets(user: User) -> Page[Budget]:
    """Return all of the user's budgets, by categories and period, with one Query.

    There are few, so one page holds them all. The index is eventually consistent.
    """
    budgets = Budget.by_user.query(user.user_id)
    return Page(
        sorted(
            budgets,
            key=lambda budget: (
                *(casefold_key(budget.category), budget.period),
                budget.only_period or "",
            ),
        )
    )


def edit_budget(
    user: User,
    budget_id: str,
    *,
    precondition: Callable[[Budget], None] | None = None,
    **values: Any,
) -> Budget:
    """Update the given values, and alert or rearm alerts as the new numbers require.

    values: as for a new budget; None leaves a value unchanged. They apply from the
    current period on. `rollover` may have `"from_last_period": true`: what that period
    left is then carried over into the current one.

    Other categories or another kind of period give the budget a new id: one transaction
    deletes the old item and creates the new one. A budget created by an earlier version
    moves to its own id first, and is merged with a budget that has that id.

    precondition: called with the stored budget before it changes.

    Returns the budget as stored. Raises InvalidError, NotFoundError, ConflictError
    if the categories and period are taken, and what `precondition` raises. Safe to
    repeat, except for other categories or periods: the old id no longer exists.
    """
    budget, outcome = retry_on_conflict(
        lambda: _edit(user, budget_id, values, precondition)
    )
    enqueue_follow_ups(user, outcome)
    return budget


def _edit(
    user: User,
    budget_id: str,
    values: Mapping[str, Any],
    precondition: Callable[[Budget], None] | None,
) -> tuple[Budget, Outcome]:
    """Write changes in one attempt."""
    old = get_budget(user, budget_id)
    if precondition:
        precondition(old)
    changes = terms.validate(user, values, old)
    new = old.with_terms(**changes)
    rollover = values.get("rollover") or {}
    if new.budget_id == old.budget_id:
        from_last = bool(rollover.get("from_last_period"))
        return _edit_in_place(user, old, new, from_last_period=from_last)
    if new.budget_id != old.own_id:
        return _replace(user, old, new)
    enqueue_follow_ups(user, merge.move_to_own_id(user, old))
    if changes.get("amount") == old.amount:  # the move may have added another budget's
        values = {**values, "amount": None}
    return _edit(user, old.own_id, values, None)


def _edit_in_place(
    user: User, old: Budget, new: Budget, *, from_last_period: bool
) -> tuple[Budget, Outcome]:
    """Update a budget under the same id; write nothing if no value differs."""
    if not from_last_period and all(
        getattr(new, name) == getattr(old, name) for name in TERMS
    ):
        return old, Outcome()
    transaction = Transaction()
    outcome = _change(user, old, new, transaction, from_last_period=from_last_period)
    transaction.commit()
    return get_budget(user, old.budget_id), outcome


def _change(
    user: User,
    old: Budget,
    new: Budget,
    transaction: Transaction,
    *,
    from_last_period: bool,
) -> Outcome:
    """Add a budget's new terms, and the numbers they lead to, to a transaction."""
    outcome = Outcome()
    state, history = edited_state(user, old, new), None
    if state.period.end < current_period(user, old).end:
        outcome.recounts.append(old.budget_id)  # as after `put_moved`
    if from_last_period:
        state, history = _carried_from_last(old, new, state)
    change(user, old, state, transaction, outcome, edited=new, history=history)
    return outcome


def _carried_from_last(
    old: Budget, new: Budget, state: State
) -> tuple[State, History | None]:
    """Return a state with what the last period left, as if it was carried over then.

    Also returns the history for `change`.
    """
    if state.results:  # not stored yet
        *before, last = state.results
        last = last.with_rollover_of(new)
        kept = (*before, last)
        return replace(state, results=kept, carried_over=last.carries_over), None
    history = results.read_to_replace([old]).get(old.budget_id, [])
    if not history:
        return state, None
    *before, last = history
    last = last.with_rollover_of(new)
    carried = replace(state, carried_over=last.carries_over)
    return carried, (history, [*before, last])


def _replace(user: User, old: Budget, new: Budget) -> tuple[Budget, Outcome]:
    """Replace a budget with one of another id. Raises ConflictError if that exists."""
    lookup.add_shapes(user, [new])
    transaction = Transaction()
    lookup.relist(user, transaction, removed=[old], added=[new])
    outcome = _move(user, old, new, transaction)
    _commit_new(transaction, new)
    return new, outcome


def _move(user: User, old: Budget, new: Budget, transaction: Transaction) -> Outcome:
    is_same = set(new.categories.keys) == set(old.categories.keys)
    known = max(old.reached, old.notified) if is_same else 0
    return put_moved(user, old, new, transaction, notified=known)


@dataclass(frozen=True)
class Preview:
    """A new or edited budget as it would be stored, with its periods."""

    budget: Budget
    periods: list[Period]  # the current one and the next ones


def preview_budget(
    user: User,
    *,
    budget_id: str | None = None,
    precondition: Callable[[Budget], None] | None = None,
    **values: Any,
) -> Preview:
    """Return what creating a budget, or editing the one with an id, would result in.

    Takes and raises what `create_budget` and `edit_budget` do.

    Why: docs/decisions.md#the-preview-of-a-budget-comes-from-the-server
    """
    if budget_id is None:
        budget = _new(user, values)
        _check_earlier_id(budget)
        _check_is_free(budget)
        put_new(user, budget, Transaction())
        periods = evaluation.coming_periods(budget, None, user.today(), user.calendar)
        return Preview(budget, periods)
    old = get_budget(user, budget_id)
    if precondition:
        precondition(old)
    new = old.with_terms(**terms.validate(user, values, old))
    periods = evaluation.coming_periods(new, old, user.today(), user.calendar)
    if new.budget_id in (old.budget_id, old.own_id):
        from_last = bool((values.get("rollover") or {}).get("from_last_period"))
        _change(
            user, old, new, Transaction(), from_last_period=from_last
        ).apply_to_models()
        return Preview(old, periods)
    _check_is_free(new)
    _move(user, old, new, Transaction())
    return Preview(new, periods)


def preview_periods(
    user: User, *, budget_id: str | None = None, **values: Any
) -> tuple[Recurrence, list[Period]]:
    """Return the rule of a budget's periods, the current one and the next ones.

    values: as for `preview_budget`, without those that periods do not depend on.

    Raises InvalidError and NotFoundError.
    """
    stored = get_budget(user, budget_id) if budget_id else None
    checked = terms.validate(user, values, stored)
    if stored:
        budget = stored.with_terms(**checked)
    else:
        budget = Budget(user_id=user.user_id, **checked)
    periods = evaluation.coming_periods(budget, stored, user.today(), user.calendar)
    return budget.recurrence, periods


def delete_budget(
    user: User, budget_id: str, *, precondition: Callable[[Budget], None] | None = None
) -> None:
    """Delete a budget with its results; its expenses stay.

    precondition: called with the stored budget before it is deleted.

    Raises NotFoundError, also if already deleted, and what `precondition` raises.
    """

    def attempt() -> None:
        budget = get_budget(user, budget_id)
        if precondition:
            precondition(budget)
        transaction = Transaction()
        lookup.relist(user, transaction, removed=[budget])
        transaction.delete(budget)
        results.delete(budget, transaction)
        transaction.commit()

    retry_on_conflict(attempt)


def recount(user: User, budget_id: str) -> bool | None:
    """Recount what was spent in a budget's current period, and correct the total.

    Finished periods in which an expense has changed are counted again, too.

    Returns whether the total was wrong, or None if the budget changed too recently: the
    index may not hold its newest expense yet. Safe to repeat. Returns False if the
    budget was deleted.
    """

    def attempt() -> tuple[bool | None, Outcome]:
        budget = Budget.find(budget_id)
        if budget is None:
            return False, Outcome()
        if not is_settled(budget):
            return None, Outcome()
        history: list[PeriodResult] = []
        if budget.recount_from:
            history = results.read_to_replace([budget]).get(budget_id, [])
        days = to_count(user, budget, history)
        spendings = expenses.spending(user.user_id, days)
        return correct(user, budget, spendings, history)

    differs, outcome = retry_on_conflict(attempt)
    enqueue_follow_ups(user, outcome)
    return differs


def _commit_new(transaction: Transaction, budget: Budget) -> None:
    """Commit a transaction that creates `budget`. Raises ConflictError if it exists."""
    try:
        transaction.commit()
    except WriteConflictError as conflict:
        if budget in conflict.refused:
            raise _conflict(budget) from conflict
        raise


def _check_earlier_id(budget: Budget) -> None:
    """Raise ConflictError if the budget exists under an earlier version's id.

    Reads only if that id differs; see `budget_ids_for`.
    """
    if budget.period not in CALENDAR_PERIODS or not budget.categories.is_one:
        return
    ids = budget_ids_for(budget.user_id, budget.period, budget.category)
    if any(Budget.find(earlier) for earlier in ids[1:]):
        raise _conflict(budget)


def _check_is_free(budget: Budget) -> None:
    """Raise ConflictError if there is a budget with the same id."""
    if Budget.find(budget.budget_id):
        raise _conflict(budget)


def find_errors(
    user: User, *, budget_id: str | None = None, **values: Any
) -> dict[str, list[str]]:
    """Return all errors in the values of a budget: {field: [sentence]}.

    values: as for `create_budget`. budget_id: of the stored budget that they change.
    """
    stored = get_budget(user, budget_id) if budget_id else None
    return terms.find_errors(user, values, stored)


def _conflict(budget: Budget) -> ConflictError:
    sentence = _("You already have a {period} budget for {category}.")
    if budget.period == "once":
        sentence = _("You already have a budget for {category} on these days.")
    elif budget.categories.are_all:
        sentence = _("You already have a {period} budget for everything.")
    message = sentence.format(
        period=budget.period_in_words, category=budget.categories.in_words
    )
    return ConflictError(message, "category")


def follow_calendar(user: User) -> None:
    """Queue the budgets whose current period a new calendar ends earlier.

    user: with the new calendar. Every write of a budget does the same by itself, so
    nothing is wrong if SQS fails; a period without one would end later.
    """
    cut = [
        budget.budget_id
        for budget in Budget.by_user.query(user.user_id)
        if budget.running(user.calendar) != budget.current
    ]
    enqueue_follow_ups(user, Outcome(recounts=cut))


def delete_all(user_id: str) -> Iterator[int]:
    """Delete all budgets of a closed account, and their results before them.

    See core.bulk_delete. Safe to repeat.
    """
    budgets = list(Budget.by_user.query(user_id))
    keys = [key for budget in budgets for key in results.keys(budget)]
    ids = [budget.budget_id for budget in budgets]
    directory = BudgetDirectory.key(user_id)
    if BudgetDirectory.find(directory):
        keys.append(directory)
    return delete_items(Budget, dict.fromkeys([*keys, *ids]))
