"""Session items: made, found, and listed at their account.

An account lists its sessions as `<expiry in epoch seconds>#<sha256 of the key>`, so
that the oldest is found, and the dead are, without reading any.
"""

import dataclasses
import datetime
import hashlib
import secrets
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from accounts.models import Account, Session, User
from smartbudget.core import dates
from smartbudget.core.tables import Writes

LIFETIME_SECONDS = 14 * 24 * 3600  # from login; using a session does not lengthen it
AT_MOST = 20  # of one account; a new one ends the oldest


@dataclass(frozen=True)
class Login:
    """A session that has begun; `session_key` is known to the browser alone."""

    user: User
    session_key: str


@dataclass(frozen=True)
class LiveSession:
    """A session as its owner sees it; nothing in it opens it."""

    session_id: str  # sha256 of its key
    device: str | None  # "Firefox on Linux"; None: it did not say
    created_at: str  # ISO 8601, UTC
    expires_at: str  # the same
    is_current: bool  # the one that asks


def new(account: Account, device: str | None = None) -> tuple[Login, Session]:
    """Make a session for an account, to be stored with `put`."""
    key = secrets.token_urlsafe(32)
    session = Session(
        user_id=_item_key(key),
        owner=account.user_id,
        user=snapshot(account.user),
        device=device,
        created_at=dates.timestamp(),
        expires_at=int(time.time()) + LIFETIME_SECONDS,
    )
    return Login(account.user, key), session


def entry_of(session: Session) -> str:
    """Return the entry that the account lists a session as."""
    return f"{int(session.expires_at)}#{session.user_id.removeprefix('session#')}"


def id_of(entry: str) -> str:
    """Return the id, the sha256 of its key, of the session of an entry."""
    return entry.partition("#")[2]


def id_of_key(session_key: str) -> str:
    """Return the id of the session that a key opens."""
    return _digest(session_key)


def find(session_key: str) -> Session | None:
    """Return the session that a key opens, dead or alive."""
    try:
        return Session.get(_item_key(session_key), consistent_read=True)
    except Session.DoesNotExist:
        return None


def live_entries(account: Account) -> set[str]:
    """Return the account's entries that have not expired."""
    now = time.time()
    return {
        entry for entry in account.sessions or () if int(entry.partition("#")[0]) > now
    }


def last_begun(account: Account) -> str | None:
    """Return when the newest session began that nobody ended; None: there is none."""
    expiries = [int(entry.partition("#")[0]) for entry in account.sessions or ()]
    if not expiries:
        return None
    began = max(expiries) - LIFETIME_SECONDS
    return dates.timestamp(datetime.datetime.fromtimestamp(began, datetime.UTC))


def of_entry(entry: str) -> Session:
    """Return a stand-in for the session of an entry, to change or delete it."""
    return Session(user_id=f"session#{id_of(entry)}")


def list_live(account: Account, session_key: str | None) -> list[LiveSession]:
    """Read the account's live sessions, newest first, with one BatchGetItem.

    session_key: of the one that asks; None: none does.
    """
    keys = [of_entry(entry).user_id for entry in live_entries(account)]
    found = Session.batch_get(keys, consistent_read=True) if keys else ()
    listed = [
        LiveSession(
            session_id=session.user_id.removeprefix("session#"),
            device=session.device,
            created_at=session.created_at,
            expires_at=dates.timestamp(
                datetime.datetime.fromtimestamp(session.expires_at, datetime.UTC)
            ),
            is_current=bool(session_key and session.user_id == _item_key(session_key)),
        )
        for session in found
    ]
    return sorted(listed, key=lambda each: each.created_at, reverse=True)


def write_snapshots(account: Account, writes: Writes) -> None:
    """Add the account as it is now to a transaction, for every live session."""
    for entry in live_entries(account):
        writes.update(
            of_entry(entry),
            [Session.user.set(snapshot(account.user))],
            Session.user_id.exists(),
        )


def _item_key(session_key: str) -> str:
    return f"session#{_digest(session_key)}"


def _digest(session_key: str) -> str:
    return hashlib.sha256(session_key.encode()).hexdigest()


def snapshot(user: User) -> dict[str, Any]:
    """Return what a session carries of its account, ready for JSON."""
    values = dataclasses.asdict(user)
    threshold = user.large_expense_threshold
    values["large_expense_threshold"] = None if threshold is None else str(threshold)
    return values


def user_from(snapshot: dict[str, Any]) -> User:
    """Return the user of a snapshot."""
    # During a deploy a session may have been written by older or newer code.
    known = {field.name for field in dataclasses.fields(User)}
    values = {name: value for name, value in snapshot.items() if name in known}
    threshold = values.get("large_expense_threshold")
    if threshold is not None:
        values["large_expense_threshold"] = Decimal(threshold)
    return User(**values)


def lacks_fields(snapshot: dict[str, Any]) -> bool:
    """Tell whether older code wrote a snapshot, without what it did not know.

    Until it is written anew, only the account has the rest.
    """
    return any(field.name not in snapshot for field in dataclasses.fields(User))
