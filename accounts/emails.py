"""An account's e-mail address, the one it is changing to, and what subscribes them."""

from typing import TypedDict

from accounts import claims, entries
from accounts.models import Account, Claim
from smartbudget.core import dates
from smartbudget.core.dynamodb import Action, Transaction, WriteConflictError
from smartbudget.core.errors import ConflictError
from smartbudget.core.i18n import gettext as _


class EmailChanges(TypedDict, total=False):
    """What is to be different; what is absent stays as it is. See the model."""

    email: str
    pending_email: str | None
    pending_since: str | None
    pending_subscription_arn: str | None
    pending_notice: str | None
    subscription_arn: str | None
    subscription_status: str
    subscription_checked_at: str | None
    email_problem: str | None
    retired_subscriptions: set[str] | None


NO_CHANGE = EmailChanges(
    pending_email=None,
    pending_since=None,
    pending_subscription_arn=None,
    pending_notice=None,
)


def without_change(account: Account) -> EmailChanges:
    """Return what forgets a change of address; the address is free again."""
    if account.pending_email is None:
        return EmailChanges()
    arns = retired(account, account.pending_subscription_arn)
    return EmailChanges(**NO_CHANGE, retired_subscriptions=arns)


def retired(
    account: Account, *more: str | None, kept: str | None = None
) -> set[str] | None:
    """Return the ARNs to be ended, with more of them, without one that is used again.

    They are stored before they are ended, so that a crash in between loses none.
    """
    arns = {*(account.retired_subscriptions or ()), *more}
    return {arn for arn in arns if arn and arn != kept} or None


def store(
    account: Account, changes: EmailChanges, writes: Transaction | None = None
) -> Account:
    """Change what an account says of its e-mail, in one transaction; return it.

    The claims on its addresses follow, and so do its live sessions and API tokens.

    writes: what belongs into the same transaction.

    Raises WriteConflictError where the account is not any more as it was read, and
    ConflictError naming `email` where an address is somebody else's.
    """
    writes = writes or Transaction()
    writes.update(account, change(account, changes, writes))
    if "email" in changes:
        entries.write_snapshots(account, writes)
    try:
        writes.commit()
    except WriteConflictError as error:
        if any(isinstance(item, Claim) for item in error.refused):
            raise ConflictError(_("This e-mail address is taken."), "email") from error
        raise
    return account


def change(
    account: Account, changes: EmailChanges, writes: Transaction
) -> list[Action]:
    """Change what an account says of its e-mail; return the actions that store it.

    The claims on its addresses are moved in the transaction, which is the caller's.
    """
    held = claims.addresses_of(account)
    everything = {**changes, "updated_at": dates.timestamp()}
    if "email" in changes:  # the links in mails to the old address end with it
        everything["unsubscribe_key"] = None
    for name, value in everything.items():
        setattr(account, name, value)
    claims.move(writes, account.user_id, old=held, new=claims.addresses_of(account))
    return [Account.action(name, value) for name, value in everything.items()]
