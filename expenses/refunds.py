"""Refunds: expenses with a negative amount, and the expenses they refund.

Users see and send a positive amount and a kind. The stored sign makes every total
right by itself.

A refund may be linked to an expense, by its `refund_of`. That is the only record of
the link. The expense has the ids of all refunds that were ever linked to it, to find
them: those that exist and are still linked to it are its refunds. So to delete,
restore or unlink either, nothing has to be written to the other.

Why: docs/decisions.md#a-refund-is-a-negative-amount
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pynamodb.attributes import UnicodeAttribute, UnicodeSetAttribute

from expenses.models import Expense
from expenses.queries import get_expense
from smartbudget.core.dynamodb import MoneyAttribute, Table, Transaction
from smartbudget.core.errors import InvalidError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.user import User

MAX_REFUNDS = 50  # that can be linked to one expense, to keep its item small


class _Refunded(Table):
    """The attributes of an expense that a link is written with."""

    class Meta(Expense.Meta):
        pass

    # Without the version: it would count the link as an edit.
    expense_id = UnicodeAttribute(hash_key=True)
    user_id = UnicodeAttribute()
    amount = MoneyAttribute()
    refunds = UnicodeSetAttribute()


@dataclass(frozen=True)
class Links:
    """The expense that a refund is linked to, or the refunds of an expense."""

    refunded: Expense | None = None
    refunds: list[Expense] = field(default_factory=list)  # by day


def signed(values: Mapping[str, Any], stored: Expense | None = None) -> dict[str, Any]:
    """Return attributes for values of an expense: the kind as the amount's sign.

    stored: the expense that the values change, or None for a new one.
    """
    attributes = {**values}
    kind = attributes.pop("kind", stored.kind if stored else "expense")
    if stored and (not {"amount", "kind"}.isdisjoint(values)):
        attributes.setdefault("amount", stored.amount)
        if kind != "refund" and stored.refund_of:
            attributes.setdefault("refund_of", None)
    if "amount" in attributes:
        amount = abs(attributes["amount"])
        attributes["amount"] = -amount if kind == "refund" else amount
    return attributes


def links_of(expense: Expense) -> Links:
    """Return the links of an expense, with one AWS call if it ever had any."""
    ids = {*(expense.refunds or ()), expense.refund_of} - {None}
    if not ids:
        return Links()
    others = [
        other
        for other in Expense.batch_get(sorted(ids), consistent_read=True)
        if other.user_id == expense.user_id
    ]
    refunds = [other for other in others if other.refund_of == expense.expense_id]
    refunded = [other for other in others if other.expense_id == expense.refund_of]
    return Links(
        next(iter(refunded), None),
        sorted(refunds, key=lambda refund: (refund.date, refund.created_at)),
    )


def list_refunds(user: User, expense_id: str) -> list[Expense]:
    """Return the refunds of an expense, by day; see `links_of`.

    Raises NotFoundError, also for another user's expense.
    """
    return links_of(get_expense(user, expense_id)).refunds


def add_link(
    user: User, before: Expense | None, after: Expense, transaction: Transaction
) -> None:
    """Add the link of a new or changed refund, if it is new, to a transaction.

    The transaction is refused if the other expense was deleted or became a refund.

    Raises InvalidError if the link is not possible.
    """
    becomes_refund = before and before.kind == "expense" and after.kind == "refund"
    if before and becomes_refund and links_of(before).refunds:
        raise InvalidError(
            _("This expense has refunds, so it can't be a refund itself."), "kind"
        )
    if not after.refund_of:
        return
    if after.kind != "refund":
        raise InvalidError(_("Only a refund can be linked to an expense."), "refund_of")
    if before and before.refund_of == after.refund_of:
        return
    _check(user, after, Expense.find(after.refund_of))
    transaction.update(
        _Refunded(after.refund_of),
        [_Refunded.refunds.add({after.expense_id})],
        (_Refunded.user_id == user.user_id) & (_Refunded.amount > Decimal(0)),
    )


def _check(user: User, refund: Expense, refunded: Expense | None) -> None:
    """Raise InvalidError unless `refunded` exists and can have this refund."""
    if refunded is None or refunded.user_id != user.user_id:
        raise InvalidError(_("Expense not found."), "refund_of")
    if refunded.expense_id == refund.expense_id or refunded.kind == "refund":
        raise InvalidError(_("Choose an expense that isn't a refund."), "refund_of")
    others = {*(refunded.refunds or ())} - {refund.expense_id}
    if len(others) >= MAX_REFUNDS:
        raise InvalidError(
            _("An expense can have at most {most} refunds.").format(most=MAX_REFUNDS),
            "refund_of",
        )
