"""Credentials: sessions and API tokens, and the entries that list them in an account.

A credential is an item stored under the SHA-256 of its key. Its entry in the account is
`<expiry in epoch seconds>#<sha256 of the key>`, so the oldest and the expired ones are
found without reading their items. Each item caches the account's `User`, so a request
needs only one read.
"""

import dataclasses
import datetime
import hashlib
import logging
import time
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, TypeVar

from pynamodb.exceptions import UpdateError

from accounts.models import Account, ApiToken, Credential, Session
from smartbudget.core import dates
from smartbudget.core.config import config
from smartbudget.core.dynamodb import Transaction, is_condition_failure
from smartbudget.core.errors import AuthenticationError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.periods import Calendar
from smartbudget.core.user import User

logger = logging.getLogger(__name__)

C = TypeVar("C", bound=Credential)

# Fields of User that are not cached.
OF_SESSION = {"has_second_factor", "authenticated_at"}


def digest(key: str) -> str:
    """Return the SHA-256 of a key: the id of its item, which gives no access."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def find(model: type[C], key: str) -> C | None:
    """Return the credential with this key, live or expired, or None."""
    return model.find(model.item_key(digest(key)))


def read_live(model: type[C], entries: Iterable[str] | None) -> list[C]:
    """Return an account's live credentials, newest first, with one BatchGetItem."""
    keys = [model.of_entry(entry).user_id for entry in live(entries)]
    items = model.batch_get(keys, consistent_read=True) if keys else ()
    return sorted(items, key=lambda item: item.created_at, reverse=True)


def entry_of(item: Credential) -> str:
    """Return the entry that lists an item in its account."""
    return f"{int(item.expires_at)}#{item.digest}"


def id_of(entry: str) -> str:
    """Return the id of an entry's item: the SHA-256 of its key."""
    return entry.partition("#")[2]


def expiry_of(entry: str) -> int:
    """Return the expiry of an entry's item, in epoch seconds."""
    return int(entry.partition("#")[0])


def live(entries: Iterable[str] | None) -> set[str]:
    """Return the entries that have not expired."""
    now = time.time()
    return {entry for entry in entries or () if expiry_of(entry) > now}


def store_last_use(item: Session | ApiToken, precision: datetime.timedelta) -> None:
    """Store the time of a credential's use, at most once in `precision`.

    If the write fails, the credential is valid all the same.
    """
    now = dates.now()
    before = dates.timestamp(now - precision)
    if item.last_used_at and item.last_used_at > before:
        return
    last = type(item).last_used_at
    try:
        item.update(
            actions=[last.set(dates.timestamp(now))],
            # Without it, the update would recreate an item that was deleted meanwhile.
            condition=type(item).user_id.exists()
            & (last.does_not_exist() | (last <= before)),
        )
    except UpdateError as error:
        if not is_condition_failure(error):
            logger.warning("last use not stored kind=%s", item.kind, exc_info=True)


def iso_time(epoch_seconds: float) -> str:
    """Format a time as ISO 8601, UTC."""
    return dates.timestamp(datetime.datetime.fromtimestamp(epoch_seconds, datetime.UTC))


def delete_all(account: Account, transaction: Transaction) -> None:
    """Add the deletion of an account's credentials to a transaction.

    The caller removes their entries from the account.
    """
    for entry in account.sessions or ():
        transaction.delete(Session.of_entry(entry))
    for entry in account.tokens or ():
        transaction.delete(ApiToken.of_entry(entry))


def refresh_cached_users(account: Account, transaction: Transaction) -> None:
    """Add updates of the cached user in all live credentials to a transaction."""
    user = cached_user(account.user)
    for model, entries in ((Session, account.sessions), (ApiToken, account.tokens)):
        for entry in live(entries):
            transaction.update(
                model.of_entry(entry),
                [model.user.set(user)],
                model.user_id.exists(),
            )


def cached_user(user: User) -> dict[str, Any]:
    """Return a user as a JSON-safe dict, to cache in a credential."""
    values = dataclasses.asdict(user)
    for name in OF_SESSION:
        del values[name]
    values["calendar"] = user.calendar.to_json()
    threshold = user.large_expense_threshold
    values["large_expense_threshold"] = None if threshold is None else str(threshold)
    return values


def user_from(cached: dict[str, Any]) -> User:
    """Return the user cached in a credential."""
    # During a deploy, newer code may have cached fields unknown here.
    known = {field.name for field in dataclasses.fields(User)}
    values = {name: value for name, value in cached.items() if name in known}
    threshold = values.get("large_expense_threshold")
    if threshold is not None:
        values["large_expense_threshold"] = Decimal(threshold)
    values["calendar"] = Calendar.from_json(values.get("calendar"))
    values["budget_shapes"] = tuple(values.get("budget_shapes", ()))
    return User(**values)


def lacks_new_fields(cached: dict[str, Any]) -> bool:
    """Check whether older code cached the user, without fields added since.

    Until the cache is refreshed, those are only in the account.
    """
    names = {field.name for field in dataclasses.fields(User)} - OF_SESSION
    names.remove("has_password")  # missing: cached before passwords could be removed
    return not names <= cached.keys()


def require_unlocked(account: Account) -> None:
    """Raise AuthenticationError if the account is locked."""
    if account.locked_at:
        logger.info("login refused, locked user_id=%s", account.user_id)
        contact = config.support_email or _("the people who run this site")
        sentence = _("This account is locked. Contact {contact}.")
        raise AuthenticationError(sentence.format(contact=contact))
