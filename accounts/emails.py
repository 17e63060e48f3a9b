"""Store changes to an account's e-mail address, pending address and subscriptions."""

from accounts import account_mail, credentials, unique_names
from accounts.models import Account, UniqueName
from accounts.verification import former_addresses
from notifications import jobs
from notifications.recipients import NO_PENDING_CHANGE, EmailChanges, retired
from smartbudget.core.dynamodb import Action, Transaction, WriteConflictError
from smartbudget.core.errors import ConflictError
from smartbudget.core.i18n import gettext as _


def cancellation(account: Account) -> EmailChanges:
    """Return the changes that cancel a pending change of address."""
    if account.pending_email is None:
        return EmailChanges()
    arns = retired(account, account.pending_subscription_arn)
    return EmailChanges(**NO_PENDING_CHANGE, retired_subscriptions=arns)


def store(
    account: Account, changes: EmailChanges, transaction: Transaction | None = None
) -> Account:
    """Update an account's e-mail attributes in one transaction, and return it.

    transaction: one to add the writes to and commit; a new one by default.

    Raises WriteConflictError if the account was changed since it was read, and
    ConflictError naming `email` if an address belongs to another account.
    """
    transaction = transaction or Transaction()
    add(account, changes, transaction)
    try:
        transaction.commit()
    except WriteConflictError as error:
        if any(isinstance(item, UniqueName) for item in error.refused):
            raise taken() from error
        raise
    former_addresses.enqueue_mails(account)
    return account


def add(
    account: Account,
    changes: EmailChanges,
    transaction: Transaction,
    held: UniqueName | None = None,
) -> None:
    """Add an update of an account's e-mail attributes to a transaction.

    Also of the unique names of its addresses, and of the user cached in its live
    sessions and API tokens. held: as in `change`.
    """
    transaction.update(account, change(account, changes, transaction, held))
    if "email" in changes:
        credentials.refresh_cached_users(account, transaction)


def change(
    account: Account,
    changes: EmailChanges,
    transaction: Transaction,
    held: UniqueName | None = None,
) -> list[Action]:
    """Update an account's e-mail attributes, and return the actions that store them.

    Adds the changes of its unique names to the caller's transaction. held: the new
    address's name, if another account loses it.
    """
    old_addresses = unique_names.addresses_of(account)
    values: dict[str, object] = {**changes}
    if _is_replaced(account, changes):
        values["former_addresses"] = former_addresses.with_current(account)
        jobs.put(former_addresses.TASK, account.user_id, transaction)
    if "email" in changes:
        # Invalidates the links in mails to the old address.
        values |= {"unsubscribe_key": None, "bounced_at": None, "reported_at": None}
        values.setdefault("email_verified_at", None)
        values.setdefault("lost_email", None)
    actions = account.change(values)
    unique_names.move(
        transaction,
        account.user_id,
        old=old_addresses,
        new=unique_names.addresses_of(account),
        held=held,
    )
    if changes.get("email_verified_at") and account.email in old_addresses:
        unique_names.keep(transaction, account)
    return actions


def _is_replaced(account: Account, changes: EmailChanges) -> bool:
    """Check whether changes replace an address, which then gets a mail about it."""
    is_new = account.email and changes.get("email") not in {None, account.email}
    is_undo = "former_addresses" in changes
    return bool(is_new) and not is_undo and account_mail.is_available()


def taken() -> ConflictError:
    """Return the error for an address of another account."""
    return ConflictError(_("This e-mail address is taken."), "email")
