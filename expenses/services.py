"""Create, edit and delete expenses, with the budgets and alerts that follow.

Reading is in `queries.py`.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from budgets import evaluation
from budgets.evaluation import Outcome
from expenses import side_effects, validation
from expenses.models import Expense
from expenses.queries import get_expense
from expenses.receipts import attachments
from expenses.receipts import services as receipts
from expenses.receipts.services import (
    ConfirmedUpload,
    NoReceipt,
    Removal,
    StoredReceipt,
)
from smartbudget.core import log
from smartbudget.core.dynamodb import (
    Transaction,
    WriteConflictError,
    retry_on_conflict,
)
from smartbudget.core.errors import ConflictError, InvalidError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.user import User

if TYPE_CHECKING:  # it needs Pillow, which the Lambdas do without
    from expenses.receipts.validation import Receipt


class StaleError(ConflictError):
    """The expense was changed since the caller read it; `stored` is the new version."""

    def __init__(self, stored: Expense) -> None:
        super().__init__(_("This expense was changed meanwhile."))
        self.stored = stored


def record_expense(
    user: User,
    *,
    receipt: "Receipt | ConfirmedUpload | None" = None,
    idempotency_key: str | None = None,
    is_same: bool = False,
    **values: object,
) -> Expense:
    """Store a new expense, with the budgets it changes and the alerts that rise.

    values: by the names of `fields.FIELDS`. amount: currency units, above zero. date:
    the user's local day; None: today.
    receipt: a checked file or a confirmed direct upload.
    idempotency_key: makes repeating safe: the same key gives the expense stored first.
    is_same: the key is known to be this expense's alone; it may be edited by now.

    Returns the expense, with the `alerts` that it caused. Raises InvalidError;
    ConflictError if the key was used for another expense. Without a key, not
    idempotent: every call stores one more.
    """
    expense_id = validation.new_id(user, idempotency_key)
    expense = validation.new_expense(user, expense_id, values)
    kept = attachments.store(user, expense.expense_id, receipt)
    if kept:
        expense.set_receipt(kept.changes)

    with attachments.removed_unless_attached(kept):
        stored = _commit(user, lambda: _record(user, expense, kept))
        if stored is not expense and not is_same:
            validation.refuse_different(
                stored, expense, dated=values.get("date") is not None
            )
    if stored is expense:  # else it was there
        log.count("ExpensesRecorded")
    if kept and kept.mark and stored.receipt_url != kept.key:
        receipts.remove(kept)  # sent again: the first one's is there
    return stored


def edit_expense(
    user: User,
    expense_id: str,
    *,
    receipt: "Receipt | ConfirmedUpload | NoReceipt | None" = None,
    version: int | None = None,
    precondition: Callable[[Expense], None] | None = None,
    **values: object,
) -> Expense:
    """Change what is given, with the budgets and alerts that follow.

    values: as with a new expense; None: not given.
    receipt: as with a new expense, or NoReceipt; what was there before is removed.
    None: it stays. version: of the expense that was looked at, as `version` has it;
    None: whichever there is. precondition: of the expense that is about to change.

    What is given as it is stored is not checked again. Returns the expense as it is
    now; its history tells what it was. Safe to repeat.

    Raises InvalidError, NotFoundError, what `precondition` raises, and StaleError where
    something would change and the version is another by now.
    """
    given = {name: value for name, value in values.items() if value is not None}
    try:
        changes = validation.validate(user, given)
    except InvalidError:  # perhaps of what stays as it is
        changes = validation.validate_changes(
            user, given, get_expense(user, expense_id)
        )
    kept = None
    if isinstance(receipt, NoReceipt):
        changes.update(receipts.NOTHING)
    elif receipt:
        replaced = get_expense(user, expense_id).receipt_url
        if receipt != ConfirmedUpload(replaced):
            kept = attachments.store(user, expense_id, receipt, replaced)
    if kept:
        changes.update(kept.changes)
    removal = Removal(expense_id)
    with attachments.removed_unless_attached(kept):
        expense = _commit(
            user,
            lambda: _edit(
                user, expense_id, changes, kept, removal, version, precondition
            ),
        )
    removal.carry_out()
    return expense


def delete_expense(
    user: User,
    expense_id: str,
    *,
    precondition: Callable[[Expense], None] | None = None,
) -> None:
    """Delete an expense and its receipt; budgets no longer count it.

    precondition: of the expense that is about to go.

    Raises NotFoundError, also when it is gone already, and what `precondition` raises.
    """
    removal = Removal(expense_id)

    def attempt() -> tuple[Expense, Outcome]:
        expense = get_expense(user, expense_id)
        if precondition:
            precondition(expense)
        transaction = Transaction()
        outcome = side_effects.update_budgets(user, expense, None, transaction)
        removal.plan(expense)
        side_effects.remove(expense, transaction)
        transaction.commit()
        return expense, outcome

    _commit(user, attempt)
    removal.carry_out()


def _commit(user: User, attempt: Callable[[], tuple[Expense, Outcome]]) -> Expense:
    expense, outcome = retry_on_conflict(attempt)
    evaluation.enqueue_follow_ups(user, outcome)
    expense.alerts = outcome.alerts
    return expense


def _record(
    user: User, expense: Expense, kept: StoredReceipt | None
) -> tuple[Expense, Outcome]:
    """Store a new expense, or return the stored one if its id is taken."""
    transaction = Transaction()
    outcome = side_effects.update_budgets(user, None, expense, transaction)
    attachments.claim_upload(user, expense, kept, transaction)
    expense.large_noticed = side_effects.add_large_expense_notice(
        user, None, expense, transaction, outcome
    )
    transaction.put(expense, Expense.expense_id.does_not_exist())
    try:
        transaction.commit()
    except WriteConflictError as conflict:
        if expense in conflict.refused:
            return _stored_before(expense), Outcome()
        attachments.refuse_taken(kept, conflict)
        raise
    return expense, outcome


def _edit(
    user: User,
    expense_id: str,
    changes: dict[str, object],
    kept: StoredReceipt | None,
    removal: Removal,
    version: int | None,
    precondition: Callable[[Expense], None] | None,
) -> tuple[Expense, Outcome]:
    before = get_expense(user, expense_id)
    if precondition:
        precondition(before)
    after = side_effects.changed(before, changes)
    if after is None:
        return before, Outcome()
    if version not in {None, before.version}:
        raise StaleError(before)
    transaction = Transaction()
    outcome = side_effects.update_budgets(user, before, after, transaction)
    side_effects.replace(user, before, after, transaction, outcome)
    attachments.claim_upload(user, after, kept, transaction)
    if after.receipt_url != before.receipt_url:
        removal.plan(before)
    try:
        transaction.commit()
    except WriteConflictError as conflict:
        attachments.refuse_taken(kept, conflict)
        raise
    after.version = before.version
    return after, outcome


def _stored_before(wanted: Expense) -> Expense:
    """Return what an idempotency key stored before."""
    stored = Expense.find(wanted.expense_id)
    if stored is None:  # deleted between our write and this read: start again
        raise WriteConflictError([])
    return stored
