"""Create, edit, delete and restore expenses, and update their budgets and alerts.

Reading is in `queries.py`.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING

from budgets import updates
from budgets.updates import Outcome
from expenses import (
    external_ids,
    missing_bookings,
    month_totals,
    parts,
    refunds,
    side_effects,
    trash,
    validation,
)
from expenses.models import Expense, MissingBooking
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
from smartbudget.core.errors import ConflictError, InvalidError, NotFoundError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.user import User

if TYPE_CHECKING:  # needs Pillow, which the Lambdas do not have
    from expenses.receipts.validation import Receipt


class StaleError(ConflictError):
    """The expense changed after the caller read it; `stored` is the new version."""

    def __init__(self, stored: Expense) -> None:
        super().__init__(_("This expense was changed in the meantime."))
        self.stored = stored


def record_expense(
    user: User,
    *,
    receipt: "Receipt | ConfirmedUpload | None" = None,
    source: str | None = None,
    external_id: str | None = None,
    idempotency_key: str | None = None,
    is_same_request: bool = False,
    **values: object,
) -> Expense:
    """Store a new expense, update its budgets, and send the alerts it causes.

    values: named as in `fields.FIELDS`. amount: currency units, above zero, also of a
    refund. date: the user's local day, or None for today.
    receipt: a checked file or a confirmed direct upload.
    source, external_id: of a program, for which the expense is created only once; see
    `external_ids.py`.
    idempotency_key: makes repeating safe: the same key returns the first expense.
    is_same_request: the caller has checked that the key belongs to this request. The
    stored expense, which may have been edited since, is not compared with it.

    Returns the expense, with the `alerts` that it caused, and `was_stored` if it is
    that of an earlier call. Raises InvalidError, ConflictError if the key was used for
    another expense, and DeletedError if the user deleted it. Not idempotent without a
    key or external id: every call stores one more.
    """
    external = external_ids.validate(source, external_id)
    expense_id = validation.new_id(user, idempotency_key)
    expense = validation.new_expense(user, expense_id, values)
    external_ids.identify(user, expense, *external)
    new_receipt = attachments.store(user, expense.expense_id, receipt)
    if new_receipt:
        expense.set_receipt(new_receipt.changes)

    with attachments.removed_unless_attached(new_receipt):
        stored = _commit(user, lambda: _record(user, expense, new_receipt))
        if stored.was_stored and not (is_same_request or expense.external_id):
            validation.raise_if_different(
                stored, expense, dated=values.get("date") is not None
            )
    if not stored.was_stored:
        log.count("ExpensesRecorded")
    elif (
        new_receipt and new_receipt.object_id and stored.receipt_url != new_receipt.key
    ):
        receipts.remove(new_receipt)  # the receipt of an earlier attempt is stored
    return stored


def edit_expense(
    user: User,
    expense_id: str,
    *,
    receipt: "Receipt | ConfirmedUpload | NoReceipt | None" = None,
    version: int | None = None,
    precondition: Callable[[Expense], None] | None = None,
    rescale: bool = False,
    **values: object,
) -> Expense:
    """Update the given values of an expense and its budgets, and send alerts it causes.

    values: as for a new expense; None leaves a value unchanged. refund_of: an empty
    text removes the link. A refund that becomes an expense loses it.
    receipt: as for a new expense, or NoReceipt; it replaces the previous one. None
    leaves the receipt unchanged.
    version: the `version` that the caller read, or None for any.
    precondition: called with the stored expense before it changes.
    rescale: divide a new amount among the parts in their proportions. Otherwise it
    needs parts that add up to it. Empty parts need a category.

    Values equal to the stored ones are not validated again. Returns the expense as
    stored, and adds the change to its history. Safe to repeat.

    Raises InvalidError, NotFoundError, what `precondition` raises, and StaleError if
    something would change and the stored version is another one.
    """
    given = {name: value for name, value in values.items() if value is not None}
    try:
        changes = validation.validate(user, given)
    except InvalidError:  # perhaps because of a value that does not change
        changes = validation.validate_changes(
            user, given, get_expense(user, expense_id)
        )
    new_receipt = None
    if isinstance(receipt, NoReceipt):
        changes.update(receipts.NOTHING)
    elif receipt:
        replaced = get_expense(user, expense_id).receipt_url
        if receipt != ConfirmedUpload(replaced):
            new_receipt = attachments.store(user, expense_id, receipt, replaced)
    if new_receipt:
        changes.update(new_receipt.changes)
    removal = Removal(expense_id)
    with attachments.removed_unless_attached(new_receipt):
        expense = _commit(
            user,
            lambda: _edit(
                user,
                expense_id,
                changes,
                new_receipt,
                removal,
                version,
                precondition,
                rescale=rescale,
            ),
        )
    removal.carry_out()
    return expense


def delete_expense(
    user: User,
    expense_id: str,
    *,
    precondition: Callable[[Expense], None] | None = None,
) -> Expense:
    """Delete an expense and return it; budgets no longer count it.

    `restore_expense` restores it for 30 days; then its receipt is deleted, too.

    precondition: called with the stored expense before it is deleted.

    Raises NotFoundError, also if already deleted, and what `precondition` raises.
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
        month_totals.invalidate(user, [(expense, None)], transaction)
        transaction.commit()
        return expense, outcome

    return _commit(user, attempt)


def restore_expense(user: User, expense_id: str) -> Expense:
    """Restore an expense that was deleted in the last 30 days, as it was.

    Its budgets count it again, with alerts as for a new expense. Returns the expense,
    with the `alerts` that it caused. Safe to repeat.

    Raises NotFoundError if it is too late, also for another user's expense, and
    ConflictError if a new expense has its id.
    """
    return _commit(user, lambda: _restore(user, expense_id))


def _commit(user: User, attempt: Callable[[], tuple[Expense, Outcome]]) -> Expense:
    expense, outcome = retry_on_conflict(attempt)
    updates.enqueue_follow_ups(user, outcome)
    expense.alerts = outcome.alerts
    return expense


def _record(
    user: User, expense: Expense, new_receipt: StoredReceipt | None
) -> tuple[Expense, Outcome]:
    """Store a new expense, or return the stored one if its id is taken."""
    transaction = Transaction()
    try:
        refunds.add_link(user, None, expense, transaction)
    except InvalidError:
        # A repeated request, whose refunded expense was deleted or changed since?
        if stored := _stored_before(expense):
            return stored, Outcome()
        raise
    outcome = side_effects.update_budgets(user, None, expense, transaction)
    attachments.claim_upload(user, expense, new_receipt, transaction)
    expense.large_noticed = side_effects.add_large_expense_notice(
        user, None, expense, transaction, outcome
    )
    transaction.put(expense, Expense.expense_id.does_not_exist())
    if expense.external_id:
        missing_bookings.refuse_deleted(expense, transaction)
    month_totals.invalidate(user, [(None, expense)], transaction)
    try:
        transaction.commit()
    except WriteConflictError as conflict:
        if expense in conflict.refused and (stored := _stored_before(expense)):
            return stored, Outcome()
        if any(isinstance(item, MissingBooking) for item in conflict.refused):
            raise external_ids.deleted_error() from conflict
        attachments.raise_if_taken(new_receipt, conflict)
        raise
    return expense, outcome


def _edit(
    user: User,
    expense_id: str,
    changes: dict[str, object],
    new_receipt: StoredReceipt | None,
    removal: Removal,
    version: int | None,
    precondition: Callable[[Expense], None] | None,
    *,
    rescale: bool,
) -> tuple[Expense, Outcome]:
    before = get_expense(user, expense_id)
    if precondition:
        precondition(before)
    amount = changes.get("amount")
    is_divided = before.parts and "parts" not in changes
    if rescale and is_divided and isinstance(amount, Decimal):
        new_parts = parts.rescaled(before.parts, amount, user.currency)
        changes = {**changes, "parts": new_parts}
    after = side_effects.changed(user, before, changes)
    if after is None:
        return before, Outcome()
    if version not in {None, before.version}:
        raise StaleError(before)
    transaction = Transaction()
    refunds.add_link(user, before, after, transaction)
    outcome = side_effects.update_budgets(user, before, after, transaction)
    side_effects.replace(user, before, after, transaction, outcome)
    month_totals.invalidate(user, [(before, after)], transaction)
    attachments.claim_upload(user, after, new_receipt, transaction)
    if after.receipt_url != before.receipt_url:
        removal.plan(before)
    try:
        transaction.commit()
    except WriteConflictError as conflict:
        attachments.raise_if_taken(new_receipt, conflict)
        raise
    after.version = before.version
    return after, outcome


def _restore(user: User, expense_id: str) -> tuple[Expense, Outcome]:
    trashed = trash.find(user, expense_id)
    if trashed is None:  # perhaps restored before
        stored = Expense.find(expense_id)
        if stored is None or stored.user_id != user.user_id:
            raise NotFoundError(_(trash.TOO_LATE))
        return stored, Outcome()
    expense = trashed.expense
    transaction = Transaction()
    outcome = side_effects.update_budgets(user, None, expense, transaction)
    side_effects.restore(user, trashed, expense, transaction, outcome)
    month_totals.invalidate(user, [(None, expense)], transaction)
    try:
        transaction.commit()
    except WriteConflictError as conflict:
        if Expense.find(expense_id) and trash.find(user, expense_id):
            message = _("This expense was added again.")
            raise ConflictError(message) from conflict
        raise
    return expense, outcome


def _stored_before(expense: Expense) -> Expense | None:
    """Return the expense that an earlier request stored under the same id, or None.

    None after a refused write: it was deleted since, so the write is tried again.
    """
    stored = Expense.find(expense.expense_id)
    if stored:
        stored.was_stored = True
    return stored
