"""Create, read, edit, delete and recount budgets.

`updates.py` updates their totals with every expense.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from budgets import merge
from budgets.models import Budget, budget_id_for, budget_ids_for
from budgets.updates import (
    Outcome,
    change,
    correct,
    current_period,
    enqueue_follow_ups,
    is_settled,
    put_new,
    rolled_over,
    spent_in,
)
from smartbudget.core import dates, money
from smartbudget.core.bulk_delete import delete_indexed
from smartbudget.core.dynamodb import (
    Transaction,
    WriteConflictError,
    retry_on_conflict,
)
from smartbudget.core.errors import (
    ConflictError,
    InvalidError,
    NotFoundError,
    errors_of,
)
from smartbudget.core.i18n import gettext as _
from smartbudget.core.pagination import Page
from smartbudget.core.periods import PERIODS
from smartbudget.core.text import validate_choice, validate_text
from smartbudget.core.user import User

_EDITED = ("category", "amount", "alert_threshold")


def create_budget(
    user: User,
    *,
    category: str,
    amount: object,
    alert_threshold: object = 80,
    period: str = "monthly",
    idempotency_key: str | None = None,
) -> Budget:
    """Create a budget with what was spent in its period already; alert if needed.

    amount: currency units, above zero. alert_threshold: whole percent, 1-100.
    period: one of `PERIODS`.
    idempotency_key: makes repeating safe: the same key returns the first budget.

    Raises InvalidError, and ConflictError if there is one for the category and period.
    """
    category = validate_text(category, "category", min_length=1, max_length=50)
    period = validate_choice(period, PERIODS, "period")
    budget = Budget(
        budget_id=budget_id_for(user.user_id, period, category),
        user_id=user.user_id,
        category=category,
        amount=money.parse_amount(amount, user.currency),
        alert_threshold=_check_threshold(alert_threshold),
        period=period,
        created_at=dates.timestamp(),
        made_by=idempotency_key,
    )

    def attempt() -> tuple[Budget, Outcome]:
        _check_earlier_id(budget)
        transaction = Transaction()
        outcome = put_new(user, budget, rearm_count=0, transaction=transaction)
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


def get_budget(user: User, budget_id: str) -> Budget:
    """Return one budget, read consistently.

    Raises NotFoundError, also for another user's budget.
    """
    budget = Budget.find(budget_id)
    if budget is None or budget.user_id != user.user_id:
        raise NotFoundError(_("Budget not found."))
    return budget


def list_budgets(user: User) -> Page[Budget]:
    """Return all of the user's budgets, by category and period, with one Query.

    There are few, so one page holds them all. The index is eventually consistent.
    """
    budgets = Budget.by_user.query(user.user_id)
    return Page(
        sorted(budgets, key=lambda budget: (budget.category_key, budget.period))
    )


def edit_budget(
    user: User,
    budget_id: str,
    *,
    category: str | None = None,
    amount: object = None,
    alert_threshold: object = None,
    period: str | None = None,
    precondition: Callable[[Budget], None] | None = None,
) -> Budget:
    """Update the given values, and alert or rearm alerts as the new numbers require.

    A new category or period gives the budget a new id: one transaction deletes the old
    item and creates the new one. A budget created by an earlier version moves to its
    own id first, and is merged with a budget that has that id. An amount equal to the
    stored one is not validated again.

    precondition: called with the stored budget before it changes.

    Returns the budget as stored. Raises InvalidError, NotFoundError, ConflictError
    if the category and period are taken, and what `precondition` raises. Safe to
    repeat, except for a new category or period: the old id no longer exists.
    """
    if category is not None:
        category = validate_text(category, "category", min_length=1, max_length=50)
    if amount is not None:
        amount = _check_new_amount(user, budget_id, amount)
    if alert_threshold is not None:
        alert_threshold = _check_threshold(alert_threshold)
    if period is not None:
        validate_choice(period, PERIODS, "period")

    changes = {
        "category": category,
        "amount": amount,
        "alert_threshold": alert_threshold,
        "period": period,
    }
    budget, outcome = retry_on_conflict(
        lambda: _edit(user, budget_id, changes, precondition)
    )
    enqueue_follow_ups(user, outcome)
    return budget


def _edit(
    user: User,
    budget_id: str,
    changes: dict[str, Any],
    precondition: Callable[[Budget], None] | None,
) -> tuple[Budget, Outcome]:
    """Write validated changes in one attempt; None means no change."""
    old = get_budget(user, budget_id)
    if precondition:
        precondition(old)
    new = _changed(old, changes)
    if new.budget_id == old.budget_id:
        return _edit_in_place(user, old, new)
    if new.budget_id != old.own_id:
        return _replace(user, old, new)
    enqueue_follow_ups(user, merge.move_to_own_id(user, old))
    if changes["amount"] == old.amount:  # the move may have added another budget's
        changes = {**changes, "amount": None}
    return _edit(user, old.own_id, changes, None)


def _changed(old: Budget, changes: dict[str, Any]) -> Budget:
    """Return a new, unsaved budget with the changes, and with the id they result in."""
    values = {name: changes[name] or getattr(old, name) for name in changes}
    return Budget(
        budget_id=budget_id_for(old.user_id, values["period"], values["category"]),
        user_id=old.user_id,
        created_at=old.created_at,
        **{**values, "alert_threshold": int(values["alert_threshold"])},
    )


def _edit_in_place(user: User, old: Budget, new: Budget) -> tuple[Budget, Outcome]:
    """Update a budget under the same id; write nothing if no value differs."""
    outcome = Outcome()
    if all(getattr(new, name) == getattr(old, name) for name in _EDITED):
        return old, outcome
    transaction = Transaction()
    state = rolled_over(user, old, (), outcome, edited=new)
    change(user, old, state, transaction, outcome, edited=new)
    transaction.commit()
    return get_budget(user, old.budget_id), outcome


def _replace(user: User, old: Budget, new: Budget) -> tuple[Budget, Outcome]:
    """Replace a budget with one of another id. Raises ConflictError if that exists."""
    transaction = Transaction()
    transaction.delete(old)
    rearm_count = int(old.rearm_count) + 1
    outcome = put_new(user, new, rearm_count=rearm_count, transaction=transaction)
    _commit_new(transaction, new)
    return new, outcome


def delete_budget(
    user: User, budget_id: str, *, precondition: Callable[[Budget], None] | None = None
) -> None:
    """Delete a budget; its expenses stay.

    precondition: called with the stored budget before it is deleted.

    Raises NotFoundError, also if already deleted, and what `precondition` raises.
    """

    def attempt() -> None:
        budget = get_budget(user, budget_id)
        if precondition:
            precondition(budget)
        transaction = Transaction()
        transaction.delete(budget)
        transaction.commit()

    retry_on_conflict(attempt)


def recount(user: User, budget_id: str) -> bool | None:
    """Recount what was spent in a budget's current period, and correct the total.

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
        counted = spent_in(budget, current_period(user, budget))
        return correct(user, budget, counted)

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
    ids = budget_ids_for(budget.user_id, budget.period, budget.category)
    if any(Budget.find(earlier) for earlier in ids[1:]):
        raise _conflict(budget)


def find_errors(
    user: User,
    *,
    category: str | None = None,
    amount: object = None,
    budget_id: str | None = None,
) -> dict[str, list[str]]:
    """Return all errors in the values of a budget: {field: [sentence]}.

    None: not given. budget_id: that of a stored budget, whose amount is valid.
    """
    checks: list[Callable[[], object]] = []
    if category is not None:
        checks.append(
            lambda: validate_text(category, "category", min_length=1, max_length=50)
        )
    if amount is not None and budget_id:
        checks.append(lambda: _check_new_amount(user, budget_id, amount))
    elif amount is not None:
        checks.append(lambda: money.parse_amount(amount, user.currency))
    return errors_of(checks)


def _conflict(budget: Budget) -> ConflictError:
    return ConflictError(
        _("You already have a {period} budget for {category}.").format(
            period=budget.period_in_words, category=budget.category
        ),
        "category",
    )


def _check_new_amount(user: User, budget_id: str, amount: object) -> Decimal:
    """Validate an amount, but accept the stored one, even of another currency."""
    try:
        return money.parse_amount(amount, user.currency)
    except InvalidError:
        stored = get_budget(user, budget_id).amount
        if not money.is_amount(amount, stored):
            raise
        return stored


def _check_threshold(value: object) -> int:
    try:
        percent = int(str(value))
    except ValueError:
        percent = 0
    if not 1 <= percent <= 100:
        raise InvalidError(
            _("Enter a whole percentage from 1 to 100."), "alert_threshold"
        )
    return percent


def delete_all(user_id: str) -> Iterator[int]:
    """Delete all budgets of a closed account; see core.bulk_delete. Safe to repeat."""
    return delete_indexed(Budget.by_user, user_id)
