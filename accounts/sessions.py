"""Start, find, list and end sessions."""

import dataclasses
import datetime
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from accounts import credentials, devices, login_history
from accounts.credentials import require_unlocked
from accounts.devices import Device
from accounts.models import Account, Credential, Session
from notifications import outbox, recipients
from smartbudget.core import dates, throttling
from smartbudget.core.config import config
from smartbudget.core.dynamodb import (
    Action,
    Transaction,
    WriteConflictError,
    retry_on_conflict,
)
from smartbudget.core.errors import AuthenticationError, NotFoundError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.throttling import Counted
from smartbudget.core.user import User

if TYPE_CHECKING:
    from notifications.models import Notification

logger = logging.getLogger(__name__)

IDLE = datetime.timedelta(minutes=config.session_idle_minutes)  # zero: unlimited
USE_PRECISION = datetime.timedelta(minutes=5)
LIFETIME_SECONDS = 14 * 24 * 3600  # from login; use does not extend it
MAX_SESSIONS = 20  # per account; one more ends the oldest


@dataclass(frozen=True)
class Login:
    """A new session; its `session_key` is known only to the browser."""

    user: User
    session_key: str
    recovery_codes_left: int | None = None  # after a login with a recovery code
    device_key: str | None = None  # for the device's cookie; None: leave it as it is


@dataclass(frozen=True)
class FactorUse:
    """The use of a second factor: what is stored with the session."""

    method: str  # of accounts.login_history.METHODS
    actions: list[Action]  # on the account
    notices: Sequence["Notification"] = ()
    recovery_codes_left: int | None = None  # if it was a recovery code
    transaction: Transaction = field(default_factory=Transaction)  # with other writes


@dataclass(frozen=True)
class LiveSession:
    """A session as its owner sees it, without its key."""

    session_id: str  # sha256 of its key
    device: str | None  # "Firefox on Linux"; None if unknown
    created_at: str  # ISO 8601, UTC
    last_used_at: str  # ISO 8601, UTC, to five minutes
    expires_at: str  # ISO 8601, UTC
    is_current: bool  # whether it is the request's own


def new(
    account: Account, device: Device | None = None, *, has_second_factor: bool = False
) -> tuple[Login, Session]:
    """Return a login and its session item, which the caller stores.

    has_second_factor: whether the login used one.
    """
    key = secrets.token_urlsafe(32)
    now, timestamp = int(time.time()), dates.timestamp()
    session = Session(
        user_id=Session.item_key(credentials.digest(key)),
        owner=account.user_id,
        user=credentials.cached_user(account.user),
        device=device.name if device else None,
        created_at=timestamp,
        last_used_at=timestamp,
        expires_at=now + LIFETIME_SECONDS,
        authenticated_at=now,
        has_second_factor=has_second_factor,
    )
    return Login(_in_session(account.user, session), key), session


def _in_session(user: User, session: Session) -> User:
    """Return a user with what only the session knows."""
    at = session.authenticated_at
    return dataclasses.replace(
        user,
        has_second_factor=bool(session.has_second_factor),
        authenticated_at=None if at is None else int(at),
    )


def last_login_at(account: Account) -> str | None:
    """Return the start of the newest session in the account's list, or None."""
    expiries = [credentials.expiry_of(entry) for entry in account.sessions or ()]
    return credentials.iso_time(max(expiries) - LIFETIME_SECONDS) if expiries else None


def list_live(account: Account, session_key: str | None) -> list[LiveSession]:
    """Return the account's live sessions, newest first, with one BatchGetItem.

    session_key: of the current session, or None.
    """
    current = credentials.digest(session_key) if session_key else None
    return [
        LiveSession(
            session_id=session.digest,
            device=session.device,
            created_at=session.created_at,
            last_used_at=session.last_used_at or session.created_at,
            expires_at=credentials.iso_time(session.expires_at),
            is_current=session.digest == current,
        )
        for session in credentials.read_live(Session, account.sessions)
        if not _is_idle(session)
    ]


def _is_idle(session: Session) -> bool:
    """Check whether a session was not used for too long."""
    if not (IDLE and session.last_used_at):
        return False
    return session.last_used_at <= dates.timestamp(dates.now() - IDLE)


def begin_session(
    account: Account, device: Device | None = None, counted: Sequence[Counted] = ()
) -> Login:
    """Start a session for an account after its password was verified.

    account: as it was when its password was verified. It is read again only if it was
    changed meanwhile. counted: attempts to give back.

    Raises AuthenticationError if the password was changed meanwhile or the account is
    locked or closed.
    """
    try:
        return store_session(account, device, counted, method="password")
    except WriteConflictError:
        return retry_on_conflict(
            lambda: store_session(
                _read_again(account), device, counted, method="password"
            )
        )


def _read_again(checked: Account) -> Account:
    account = recipients.find(checked.user_id, Account)
    if account is None:
        raise AuthenticationError(_("This account has just been closed."))
    if account.password_hash != checked.password_hash:
        raise AuthenticationError(_("Your password has just been changed."))
    return account


def store_session(
    account: Account,
    device: Device | None,
    counted: Sequence[Counted] = (),
    *,
    method: str | None = None,
    has_second_factor: bool = False,
    factor: FactorUse | None = None,
) -> Login:
    """Store a session and add it to the account's list, in one transaction.

    The same transaction stores the device, the notice of a new one and those of the
    factor, which are then queued, and the login in the history, and gives back the
    attempts that were `counted`.

    method: of accounts.login_history.METHODS; None for a session that continues one.
    has_second_factor: whether the session before used one. factor: the second factor
    that the login used, with its own method.

    Raises WriteConflictError if the account has changed since it was read, and
    AuthenticationError if it is locked.
    """
    require_unlocked(account)
    transaction = factor.transaction if factor else Transaction()
    notices = list(factor.notices) if factor else []
    remaining = sorted(credentials.live(account.sessions))[-(MAX_SESSIONS - 1) :]
    for entry in set(account.sessions or ()).difference(remaining):
        transaction.delete(Session.of_entry(entry))
    has_second_factor = has_second_factor or factor is not None
    login, session = new(account, device, has_second_factor=has_second_factor)
    transaction.put(session, Session.user_id.does_not_exist())
    entries = {*remaining, credentials.entry_of(session)}
    actions: list[Action] = [Account.sessions.set(entries)]
    is_new_device = False
    if device:
        recognition = devices.recognize(account, device)
        actions.append(Account.devices.set(recognition.entries))
        login = dataclasses.replace(login, device_key=recognition.key)
        is_new_device = recognition.is_new
        if is_new_device:
            notices.append(devices.notice(account, session, recognition.device_id))
    if method := factor.method if factor else method:
        number = login_history.record(
            account,
            transaction,
            device=session.device,
            method=method,
            is_new_device=is_new_device,
        )
        actions.append(Account.login_count.set(number))
    transaction.update(account, actions + (factor.actions if factor else []))
    for notice in notices:
        outbox.put(notice, transaction)
    for limit, identifier in counted:
        throttling.give_back_within(limit, identifier, transaction)
    transaction.commit()
    logger.info("session begun user_id=%s", account.user_id)
    if notices:
        outbox.enqueue(login.user, notices)
    return login


def find_session(session_key: str) -> User | None:
    """Return the user of a session, or None if it is missing, expired or was idle.

    Costs one read and, at most once in five minutes, a write of the time of use.
    """
    session = credentials.find(Session, session_key)
    if session is None or session.expires_at <= time.time() or _is_idle(session):
        return None
    user = user_of(session)
    if user is None:
        return None
    credentials.store_last_use(session, USE_PRECISION)
    return _in_session(user, session)


def user_of(item: Credential) -> User | None:
    """Return the user of a session or token, or None if the account was deleted.

    Reads the account only if the cached user lacks fields.
    """
    if credentials.lacks_new_fields(item.user):
        account = recipients.find(item.owner, Account)
        return account.user if account else None
    return credentials.user_from(item.user)


def log_out(session_key: str) -> None:
    """End a session. Safe to repeat."""
    retry_on_conflict(lambda: _end_session(session_key))


def _end_session(session_key: str) -> None:
    session = credentials.find(Session, session_key)
    if session is None:
        return
    transaction = Transaction()
    transaction.delete(session)
    account = recipients.find(session.owner, Account)
    if account is not None:
        remaining = set(account.sessions or ()) - {credentials.entry_of(session)}
        transaction.update(account, [Account.assign("sessions", remaining or None)])
    transaction.commit()
    logger.info("session ended user_id=%s", session.owner)


def list_sessions(user: User, session_key: str | None = None) -> list[LiveSession]:
    """Return the user's live sessions, newest first.

    session_key: of the current session, or None.
    """
    return list_live(recipients.get(user.user_id, Account), session_key)


def end_session(user: User, session_id: str) -> None:
    """End one of the user's sessions, with immediate effect.

    Raises NotFoundError, also for another user's session or an ended one.
    """
    ended = _end_sessions(user, lambda digest: digest == session_id)
    if not ended:
        raise NotFoundError(_("Session not found."))


def end_other_sessions(user: User, session_key: str | None) -> int:
    """End all sessions of the user but the current one; return how many were live.

    session_key: as in `list_sessions`. Safe to repeat.
    """
    current = credentials.digest(session_key) if session_key else None
    return _end_sessions(user, lambda digest: digest != current)


def _end_sessions(user: User, should_end: Callable[[str], bool]) -> int:
    def attempt() -> int:
        account = recipients.get(user.user_id, Account)
        entries = account.sessions or set()
        ended = {entry for entry in entries if should_end(credentials.id_of(entry))}
        if not ended:
            return 0
        transaction = Transaction()
        for entry in ended:
            transaction.delete(Session.of_entry(entry))
        transaction.update(
            account, [Account.assign("sessions", entries - ended or None)]
        )
        transaction.commit()
        logger.info("sessions ended user_id=%s count=%d", user.user_id, len(ended))
        return len(ended & credentials.live(account.sessions))

    return retry_on_conflict(attempt)


def end_all_access(user_id: str) -> int:
    """End every session and API token of an account; return how many were live.

    For administrators. Raises NotFoundError. Safe to repeat.
    """

    def attempt() -> int:
        account = recipients.get(user_id, Account)
        ended = [*(account.sessions or ()), *(account.tokens or ())]
        if not ended:
            return 0
        transaction = Transaction()
        credentials.delete_all(account, transaction)
        transaction.update(
            account, [Account.sessions.remove(), Account.tokens.remove()]
        )
        transaction.commit()
        logger.info("all access ended user_id=%s count=%d", user_id, len(ended))
        return len(credentials.live(ended))

    return retry_on_conflict(attempt)
