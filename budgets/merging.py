"""What becomes of budgets when their categories get another name, or become one.

The budgets go first, in one transaction, then their expenses follow chunk by chunk, and
each chunk takes what was spent along. So every budget counts, at any moment, just what
is recorded under its category. Until all has arrived, a budget may stand at a lower
level than its owner knows of: `Budget.told` keeps that from being told again.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from babel import lists

from budgets.counting import (
    Outcome,
    change,
    count,
    current_period,
    put_counted,
    settle,
)
from budgets.models import LEVELS, Budget, budget_id_for, budget_ids_for
from smartbudget.core import dates
from smartbudget.core.dynamodb import Transaction, retry_on_conflict
from smartbudget.core.errors import ConflictError, InvalidError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.i18n import locale
from smartbudget.core.money import LIMIT
from smartbudget.core.text import casefold_key, validate_choice, validate_text
from smartbudget.core.user import User

# What is done where several budgets of one period become one: the first one stays as
# it is, or gets the amounts of the others too.
WAYS = ("keep", "add")


def take_over(
    user: User,
    sources: Sequence[str],
    target: str,
    way: str | None,
    writes: Transaction,
    *,
    counted: bool = False,
) -> Outcome:
    """Add to `writes` what the budgets of some categories become under another name.

    sources: in this order a budget is the first, after one that `target` has already.
    way: one of WAYS; None: several budgets for one period are refused.
    counted: count what is spent anew, where no expenses follow that take it along.

    Raises InvalidError, and ConflictError naming the budgets in the way.
    """
    if way is not None:
        validate_choice(way, WAYS, "budgets")
    found = _read(user, [target, *sources])
    outcome = Outcome()
    for first, *others in found:
        if others and way is None:
            raise ConflictError(_in_the_way([first, *others]), "budgets")
        for each in others:
            writes.delete(each)
        amount = first.amount
        if way == "add":
            amount = sum((each.amount for each in others), first.amount)
        if amount >= LIMIT:
            raise InvalidError(_("The budgets are too much for one."), "budgets")
        _rename(user, first, sources, target, amount, writes, outcome, counted)
    return outcome


def move_to_own_id(user: User, budget: Budget) -> Outcome:
    """Move a budget of an earlier version to its own id; see `budget_ids_for`.

    If there is a budget already, it gets the amount of this one too: each has counted
    a part of what is now one category. Safe to repeat.

    Returns what to follow up. Raises InvalidError if both are too much for one.
    """
    target = validate_text(budget.category, "category", longest=len(budget.category))

    def attempt() -> Outcome:
        writes = Transaction()
        outcome = take_over(
            user, [budget.category], target, "add", writes, counted=True
        )
        if len(writes):
            writes.commit()
        return outcome

    outcome = retry_on_conflict(attempt)
    arrive(user, target)
    return outcome


def arrive(user: User, target: str) -> None:
    """Note that all has arrived at a category: what rises from now on is news.

    Safe to repeat.
    """

    def attempt() -> None:
        writes = Transaction()
        for budgets in _read(user, [target]):
            for budget in budgets:
                if budget.told:
                    writes.update(budget, [Budget.told.remove()])
        if len(writes):
            writes.commit()

    retry_on_conflict(attempt)


def _read(user: User, categories: Sequence[str]) -> list[list[Budget]]:
    """Read the budgets of categories, consistently: those of each period that has any.

    They come in the order of the categories, each once.
    """
    ids = [
        [
            budget_id
            for category in categories
            for budget_id in budget_ids_for(user.user_id, period, category)
        ]
        for period in dates.PERIODS
    ]
    wanted = list(dict.fromkeys(each for of_period in ids for each in of_period))
    found = {each.budget_id: each for each in Budget.batch_get(wanted, True)}
    held = [
        [found[each] for each in dict.fromkeys(of_period) if each in found]
        for of_period in ids
    ]
    return [budgets for budgets in held if budgets]


def _rename(
    user: User,
    budget: Budget,
    sources: Sequence[str],
    target: str,
    amount: Decimal,
    writes: Transaction,
    outcome: Outcome,
    counted: bool,
) -> None:
    """Make a budget that of `target`, with this amount; often it is so already."""
    there = budget.budget_id == budget_id_for(user.user_id, budget.period, target)
    category = target
    if there and budget.category_key not in map(casefold_key, sources):
        category = budget.category  # its own name is not what changes
    if there and (category, amount) == (budget.category, budget.amount):
        return
    new = Budget(
        budget_id=budget_id_for(user.user_id, budget.period, category),
        user_id=user.user_id,
        category=category,
        amount=amount,
        alert_threshold=int(budget.alert_threshold),
        period=budget.period,
        created_at=budget.created_at,
    )
    if there:
        state = settle(user, budget, (), outcome, wanted=new)
        if counted:
            state = replace(state, spent=count(budget, state.period))
            outcome.recounts.append(budget.budget_id)
        if amount != budget.amount:
            state = state.carried_on()
        change(user, budget, state, writes, outcome, wanted=new)
        return
    writes.delete(budget)
    arming = int(budget.arming) + 1
    told = _known(user, budget)
    made = put_counted(user, new, arming=arming, told=told, writes=writes)
    outcome.alerts += made.alerts
    outcome.recounts += made.recounts


def _known(user: User, budget: Budget) -> str:
    """Return the highest level of its current period that its owner was told of."""
    if budget.current != current_period(user, budget):
        return LEVELS[0]
    return str(max(budget.level, budget.told or LEVELS[0], key=LEVELS.index))


def _in_the_way(budgets: Sequence[Budget]) -> str:
    names = lists.format_list([each.category for each in budgets], locale=locale())
    return _(
        "{categories} have a budget each for one period ({period}). Choose whether the "
        "first one is kept as it is, or their amounts are added up."
    ).format(categories=names, period=budgets[0].period_in_words)
