"""An account's e-mail address, the one it is changing to, and what subscribes them."""

from accounts import credentials, unique_names
from accounts.models import Account, UniqueName
from notifications.recipients import NO_CHANGE, EmailChanges, retired
from smartbudget.core.dynamodb import Action, Transaction, WriteConflictError
from smartbudget.core.errors import ConflictError
from smartbudget.core.i18n import gettext as _


def without_change(account: Account) -> EmailChanges:
    """Return what forgets a change of address; the address is free again."""
    if account.pending_email is None:
        return EmailChanges()
    arns = retired(account, account.pending_subscription_arn)
    return EmailChanges(**NO_CHANGE, retired_subscriptions=arns)


def store(
    account: Account, changes: EmailChanges, writes: Transaction | None = None
) -> Account:
    """Change what an account says of its e-mail, in one transaction; return it.

    The unique names of its addresses follow, and so do its live sessions and API
    tokens.

    writes: what belongs into the same transaction.

    Raises WriteConflictError where the account is not any more as it was read, and
    ConflictError naming `email` where an address is somebody else's.
    """
    writes = writes or Transaction()
    writes.update(account, change(account, changes, writes))
    if "email" in changes:
        credentials.refresh_cached_users(account, writes)
    try:
        writes.commit()
    except WriteConflictError as error:
        if any(isinstance(item, UniqueName) for item in error.refused):
            raise ConflictError(_("This e-mail address is taken."), "email") from error
        raise
    return account


def change(
    account: Account, changes: EmailChanges, writes: Transaction
) -> list[Action]:
    """Change what an account says of its e-mail; return the actions that store it.

    The unique names of its addresses are moved in the transaction, which is the
    caller's.
    """
    held = unique_names.addresses_of(account)
    values: dict[str, object] = {**changes}
    if "email" in changes:  # the links in mails to the old address end with it
        values["unsubscribe_key"] = None
    actions = account.change(values)
    unique_names.move(
        writes, account.user_id, old=held, new=unique_names.addresses_of(account)
    )
    return actions
