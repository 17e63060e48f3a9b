"""Sessions: made, and listed at their account."""

import secrets
import time
from dataclasses import dataclass

from accounts import credentials
from accounts.models import Account, Session
from smartbudget.core import dates
from smartbudget.core.user import User

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
        user_id=Session.item_key(credentials.digest(key)),
        owner=account.user_id,
        user=credentials.cached_user(account.user),
        device=device,
        created_at=dates.timestamp(),
        expires_at=int(time.time()) + LIFETIME_SECONDS,
    )
    return Login(account.user, key), session


def last_begun(account: Account) -> str | None:
    """Return when the newest session began that nobody ended; None: there is none."""
    expiries = [credentials.expiry_of(entry) for entry in account.sessions or ()]
    return credentials.moment(max(expiries) - LIFETIME_SECONDS) if expiries else None


def list_live(account: Account, session_key: str | None) -> list[LiveSession]:
    """Read the account's live sessions, newest first, with one BatchGetItem.

    session_key: of the one that asks; None: none does.
    """
    mine = credentials.digest(session_key) if session_key else None
    return [
        LiveSession(
            session_id=session.digest,
            device=session.device,
            created_at=session.created_at,
            expires_at=credentials.moment(session.expires_at),
            is_current=session.digest == mine,
        )
        for session in credentials.read_live(Session, account.sessions)
    ]
