"""An account's e-mail address, the one it is changing to, and what subscribes them."""

from typing import TypedDict

from accounts import claims, sessions
from accounts.models import Account, Claim
from smartbudget.core import dates
from smartbudget.core.errors import ConflictError
from smartbudget.core.tables import LostRaceError, Writes


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


def store(
    account: Account, changes: EmailChanges, writes: Writes | None = None
) -> Account:
    """Change what an account says of its e-mail, in one transaction; return it.

    The claims on its addresses follow, and so do its live sessions.

    writes: what belongs into the same transaction.

    Raises LostRaceError where the account is not any more as it was read, and
    ConflictError naming `email` where an address is somebody else's.
    """
    writes = writes or Writes()
    held = claims.addresses_of(account)
    everything = {**changes, "updated_at": dates.timestamp()}
    for name, value in everything.items():
        setattr(account, name, value)
    claims.move(writes, account.user_id, old=held, new=claims.addresses_of(account))
    writes.update(account, [Account.action(*change) for change in everything.items()])
    if "email" in changes:
        sessions.write_snapshots(account, writes)
    try:
        writes.commit()
    except LostRaceError as error:
        if any(isinstance(item, Claim) for item in error.refused):
            raise ConflictError("This e-mail address is taken.", "email") from error
        raise
    return account
