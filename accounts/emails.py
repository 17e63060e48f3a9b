"""Store changes to an account's e-mail address, pending address and subscriptions."""

from accounts import credentials, unique_names
from accounts.models import Account, UniqueName
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

    Also updates the unique names of its addresses, and the user cached in its live
    sessions and API tokens.

    transaction: one to add the writes to and commit; a new one by default.

    Raises WriteConflictError if the account was changed since it was read, and
    ConflictError naming `email` if an address belongs to another account.
    """
    transaction = transaction or Transaction()
    transaction.update(account, change(account, changes, transaction))
    if "email" in changes:
        credentials.refresh_cached_users(account, transaction)
    try:
        transaction.commit()
    except WriteConflictError as error:
        if any(isinstance(item, UniqueName) for item in error.refused):
            raise ConflictError(_("This e-mail address is taken."), "email") from error
        raise
    return account


def change(
    account: Account, changes: EmailChanges, transaction: Transaction
) -> list[Action]:
    """Update an account's e-mail attributes, and return the actions that store them.

    Adds the changes of its unique names to the caller's transaction.
    """
    old_addresses = unique_names.addresses_of(account)
    values: dict[str, object] = {**changes}
    if "email" in changes:
        # Invalidates the links in mails to the old address.
        values |= {"unsubscribe_key": None, "bounced_at": None, "reported_at": None}
    actions = account.change(values)
    unique_names.move(
        transaction,
        account.user_id,
        old=old_addresses,
        new=unique_names.addresses_of(account),
    )
    return actions
