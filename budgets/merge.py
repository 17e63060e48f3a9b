"""Merge the budgets of categories that are renamed or become one.

Budgets are renamed before the expenses, which follow in chunks. Each chunk updates the
totals, so a budget always counts exactly the expenses recorded in its categories. Until
all expenses have moved, a budget's level may be lower than the one its owner was
notified of: `Budget.notified_level` prevents a second alert.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from budgets import evaluation, lookup, results
from budgets.evaluation import PeriodResult, State
from budgets.models import Budget, stored_categories
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
from smartbudget.core.i18n import join_list
from smartbudget.core.money import LIMIT
from smartbudget.core.text import casefold_key, validate_choice, validate_text
from smartbudget.core.user import User

OTHER_ITEMS = 2  # of a transaction: the directory, and the digest of alerts


class MergeStrategy(StrEnum):
    """The amount of the budget that several for the same are merged into."""

    KEEP = "keep"  # that of the first budget
    ADD = "add"  # the sum of all


@dataclass(frozen=True)
class _Group:
    """Budgets that become one, which keeps the first of them."""

    first: Budget
    others: Sequence[Budget]
    new: Budget  # what the first becomes

    @property
    def is_unchanged(self) -> bool:
        return not self.others and self._terms(self.first) == self._terms(self.new)

    @staticmethod
    def _terms(budget: Budget) -> tuple[object, ...]:
        categories = budget.categories
        return budget.budget_id, categories, budget.amount, budget.earlier_terms

    @property
    def items(self) -> int:
        """The number of transaction items it can need, with an alert."""
        budgets = (self.first, *self.others)
        return 2 + sum(1 + len(results.keys(budget)) for budget in budgets) + 1


@dataclass(frozen=True)
class Merge:
    """The budgets to rename and merge, and what they become."""

    user: User  # with the shapes of the new budgets
    keys: frozenset[str]  # of the sources
    target: str
    groups: Sequence[_Group]
    names: set[str]  # that the budgets had for the sources and the target

    def transactions(
        self, *, recount: bool = False
    ) -> Iterator[tuple[Transaction, Outcome]]:
        """Yield transactions to commit, one before the next; usually a single one.

        recount: count again what was spent, since no expenses will be moved.
        """
        for groups in self._parts():
            transaction, outcome = Transaction(), Outcome()
            histories = results.read_to_replace(
                budget for group in groups for budget in (group.first, *group.others)
            )
            groups = [
                group for group in groups if not self._is_unchanged(group, histories)
            ]
            if not groups:
                continue
            for group in groups:
                for budget in group.others:
                    transaction.delete(budget)
                    results.delete(budget, transaction)
                state, history = self._past(group, histories)
                if group.first.budget_id == group.new.budget_id:
                    self._edit_in_place(
                        group, state, history, transaction, outcome, recount
                    )
                else:
                    self._replace(group, state, history, transaction, outcome)
            lookup.relist(
                self.user,
                transaction,
                removed=[
                    budget
                    for group in groups
                    for budget in (group.first, *group.others)
                ],
                added=[group.new for group in groups],
            )
            yield transaction, outcome

    def _parts(self) -> Iterator[list[_Group]]:
        """Yield groups, as many as fit in a transaction."""
        part: list[_Group] = []
        for group in self.groups:
            items = group.items + sum(other.items for other in part)
            if part and items + OTHER_ITEMS > Transaction.MAX_ITEMS:
                yield part
                part = []
            part.append(group)
        if part:
            yield part

    def _is_unchanged(self, group: _Group, histories: results.Results) -> bool:
        past = histories.get(group.first.budget_id, [])
        return group.is_unchanged and [*map(self._renamed, past)] == past

    def _past(self, group: _Group, histories: results.Results) -> tuple[State, History]:
        """Return the state of a group's first budget, and its results.

        Their categories are renamed, as their expenses will be. With what the other
        budgets were and carry over.
        """
        state = state_of(self.user, group.first)
        stored = histories.get(group.first.budget_id, [])
        past = [*map(self._renamed, [*stored, *state.results])]
        if group.others:
            states = [state_of(self.user, budget) for budget in group.others]
            others = [
                result
                for budget, other in zip(group.others, states, strict=True)
                for result in (
                    *histories.get(budget.budget_id, ()),
                    *other.results,
                )
            ]
            past = evaluation.merged(past, others)
            carried = evaluation.carried_into(state.period, past)
            if carried is None:  # it began in this period
                carried = evaluation.carried_over(
                    sum((other.carried_over for other in states), state.carried_over),
                    group.first.rollover,
                    group.first.rollover_cap,
                )
            state = replace(state, carried_over=carried)
        finished = past[len(stored) :]
        return replace(state, results=tuple(finished)), (stored, past[: len(stored)])

    def _renamed(self, result: PeriodResult) -> PeriodResult:
        categories = result.categories.renamed(self.keys, self.target)
        return replace(result, categories=categories)

    def _edit_in_place(
        self,
        group: _Group,
        state: State,
        history: History,
        transaction: Transaction,
        outcome: Outcome,
        recount: bool,
    ) -> None:
        budget, new = group.first, group.new
        state = state.edited(new)
        if recount:
            state = replace(state, spent=spent_in(budget, state.period))
            outcome.recounts.append(budget.budget_id)
        if new.amount != budget.amount:
            state = state.merged()
        change(
            self.user,
            budget,
            state,
            transaction,
            outcome,
            edited=new,
            history=history,
        )

    def _replace(
        self,
        group: _Group,
        state: State,
        history: History,
        transaction: Transaction,
        outcome: Outcome,
    ) -> None:
        """Delete a budget and create a new one, which has another id."""
        created = put_moved(
            self.user,
            group.first,
            group.new,
            transaction,
            notified=state.known,
            state=state,
            history=history,
        )
        outcome.alerts += created.alerts
        outcome.recounts += created.recounts


def plan(
    user: User, sources: Sequence[str], target: str, strategy: str | None
) -> Merge:
    """Return the merge of the budgets of `sources` into those of `target`.

    Budgets that come to cover the same, in the same periods, are merged. The first one
    is kept: that of `target`, or else of the first source that has one.

    strategy: a MergeStrategy, or None to reject several budgets for the same.

    Raises InvalidError, and ConflictError naming the conflicting budgets. Stores the
    shapes of new budgets (`lookup.add_shapes`), and nothing else.
    """
    if strategy is not None:
        validate_choice(strategy, tuple(MergeStrategy), "budgets")
    keys = frozenset(map(casefold_key, sources))
    budgets = lookup.budgets_of(user, [target, *sources])
    by_id: dict[str, list[tuple[Budget, Budget]]] = {}
    for budget in budgets:
        categories = budget.categories.renamed(keys, target)
        new = budget.with_terms(**stored_categories(categories))
        new.earlier_terms = _renamed_terms(budget, keys, target)
        by_id.setdefault(new.budget_id, []).append((budget, new))
    groups = [_group(pairs, strategy) for pairs in by_id.values()]
    named = {*keys, casefold_key(target)}
    return Merge(
        user=lookup.add_shapes(user, [group.new for group in groups]),
        keys=keys,
        target=target,
        groups=groups,
        names={
            name
            for budget in budgets
            for name in budget.categories.names
            if casefold_key(name) in named
        },
    )


def _renamed_terms(
    budget: Budget, keys: Collection[str], target: str
) -> dict[str, object] | None:
    """Return what held for a budget before its results, with renamed categories.

    A budget that is older than results gets that with its first change.
    """
    stored: dict[str, object] | None = budget.earlier_terms
    terms = stored or results.earlier_terms(budget)
    if terms is None or casefold_key(str(terms["category"])) not in keys:
        return stored
    return {**terms, "category": target}


def _group(pairs: Sequence[tuple[Budget, Budget]], strategy: str | None) -> _Group:
    """Return the group of budgets that come to have one id, each with its new form."""
    # One that has the id already stays where it is.
    pairs = sorted(pairs, key=lambda pair: pair[0].budget_id != pair[1].budget_id)
    (first, new), *more = pairs
    others = [budget for budget, _new in more]
    if others and strategy is None:
        raise ConflictError(_conflict_message([first, *others]), "budgets")
    if strategy == MergeStrategy.ADD:
        new.amount = sum((budget.amount for budget in others), first.amount)
    if new.amount >= LIMIT:
        message = _("Added together, these budgets exceed the maximum amount.")
        raise InvalidError(message, "budgets")
    return _Group(first, others, new)


def move_to_own_id(user: User, budget: Budget) -> Outcome:
    """Move a budget of an earlier version to its own id; see `budget_ids_for`.

    If another budget has that id already, the amounts are added up: each budget counted
    a part of what is now one category. Safe to repeat.

    Returns the outcome. Raises InvalidError if the sum is too large for a budget.
    """
    target = validate_text(budget.category, "category", max_length=len(budget.category))
    outcome = Outcome()

    def attempt() -> None:
        merge = plan(user, [budget.category], target, MergeStrategy.ADD)
        for transaction, part in merge.transactions(recount=True):
            transaction.commit()
            outcome.alerts.extend(part.alerts)
            outcome.recounts.extend(part.recounts)

    retry_on_conflict(attempt)
    finish_merge(user, target)
    return outcome


def finish_merge(user: User, target: str) -> None:
    """Remove notified levels once all expenses have moved to a category.

    Levels reached from then on cause alerts. Safe to repeat.
    """

    def attempt() -> None:
        budgets = [
            budget for budget in lookup.budgets_of(user, [target]) if budget.notified
        ]
        for first in range(0, len(budgets), Transaction.MAX_ITEMS):
            transaction = Transaction()
            for budget in budgets[first : first + Transaction.MAX_ITEMS]:
                transaction.update(budget, [Budget.notified_level.remove()])
            transaction.commit()

    retry_on_conflict(attempt)


def _conflict_message(budgets: Sequence[Budget]) -> str:
    names = join_list([budget.categories.in_words for budget in budgets])
    return _(
        "{categories} each have a budget ({period}). Choose whether to keep the"
        " first one or add them together."
    ).format(categories=names, period=budgets[0].period_in_words)
