"""Accounts: registration, login, profile and password."""

import logging
import time
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pynamodb.exceptions import TransactWriteError

from accounts import credentials, emails, passwords, sessions, unique_names, validators
from accounts.models import Account, Credential, Session, UniqueName
from accounts.sessions import LiveSession, Login
from notifications import messages, outbox, recipients, schedule
from smartbudget.core import dates, i18n, log, throttling
from smartbudget.core.config import config
from smartbudget.core.dynamodb import (
    Action,
    Transaction,
    WriteConflictError,
    is_outage,
    retry_on_conflict,
)
from smartbudget.core.errors import (
    AuthenticationError,
    ConflictError,
    InvalidError,
    NotFoundError,
)
from smartbudget.core.i18n import gettext as _
from smartbudget.core.throttling import Limit
from smartbudget.core.user import User

if TYPE_CHECKING:
    from notifications.models import Notification
    from notifications.recipients import Recipient

logger = logging.getLogger(__name__)

LONGEST_KEY = 300  # characters of a unique name's key; longer ones do not exist

_NOTICES = uuid.UUID("5d1c9a0e-6b0f-5f0b-9a52-0c7f4f1d2e03")

QUARTER_HOUR = 900  # seconds
REGISTRATIONS = Limit("register", config.register_limit, 3600)
NAME_LOGINS = Limit("login", config.login_account_limit, QUARTER_HOUR)
ADDRESS_LOGINS = Limit("login-from", config.login_address_limit, QUARTER_HOUR)
PASSWORD_CHECKS = Limit("password", config.login_account_limit, QUARTER_HOUR)


def register(
    *,
    username: str,
    email: str,
    password: str,
    phone_number: str | None = None,
    address: str | None = None,
    device: str | None = None,
) -> Login:
    """Make an account and log it in.

    The language spoken now is the account's until another is chosen.

    address: network address to throttle by; None for nobody's, as on the command line.
    device: what the session is begun on, in words.

    Raises InvalidError or ConflictError naming the field, and ThrottledError. Not to be
    repeated: the second time the name is taken.
    """
    username = validators.username(username)
    email = validators.email(email)
    phone_number = validators.phone_number(phone_number)
    passwords.check(password, username=username, email=email, field="password")
    if address is not None:
        log.bind_more(source=address)
        throttling.count(REGISTRATIONS, address)
    now = dates.timestamp()
    account = Account(
        user_id=uuid.uuid4().hex,
        username=username,
        email=email,
        password_hash=passwords.hash_password(password),
        phone_number=phone_number,
        language=i18n.current(),
        created_at=now,
        updated_at=now,
    )
    login, session = sessions.new(account, device)
    account.sessions = {credentials.entry_of(session)}
    retry_on_conflict(lambda: _store_account(account, session))
    logger.info("account registered user_id=%s", account.user_id)
    return login


def _store_account(account: Account, session: Session) -> None:
    writes = Transaction()
    for key in (
        unique_names.username_key(account.username),
        unique_names.email_key(account.email),
    ):
        name = UniqueName(user_id=key, owner=account.user_id)
        writes.put(name, UniqueName.user_id.does_not_exist())
    writes.put(account, Account.user_id.does_not_exist())
    writes.put(session, Session.user_id.does_not_exist())
    try:
        writes.commit(token=account.user_id)
    except WriteConflictError as error:
        if not error.refused or not _is_stored(account):
            raise
    except TransactWriteError as error:
        # The reply may have been lost after the commit (docs/aws.md#lost-replies).
        if not is_outage(error) or not _is_stored(account):
            raise


def _is_stored(account: Account) -> bool:
    """Tell whether both names are this account's.

    Raises ConflictError naming the field that is somebody else's.
    """
    names = {
        "username": (
            unique_names.username_key(account.username),
            _("This username is taken."),
        ),
        "email": (
            unique_names.email_key(account.email),
            _("This e-mail address is taken."),
        ),
    }
    owners = set()
    for field, (key, sentence) in names.items():
        owner = unique_names.owner_of(key)
        if owner not in {None, account.user_id}:
            raise ConflictError(sentence, field)
        owners.add(owner)
    return owners == {account.user_id}


def log_in(
    *, identifier: str, password: str, address: str, device: str | None = None
) -> Login:
    """Check a username or e-mail address with its password and begin a session.

    address: network address to throttle by. device: what it is, in words.

    Raises AuthenticationError, the same in words and time for a wrong password and for
    nobody's name, and ThrottledError by the name that was typed. That an account is
    locked is told, as an AuthenticationError too, only to who knows its password.
    """
    log.bind_more(source=address)
    name = identifier.strip().casefold()
    key = (
        unique_names.email_key(name) if "@" in name else unique_names.username_key(name)
    )
    # Names are read by key and consistently, which an index cannot be: it may not yet
    # know who has just registered. Nobody's account costs the same two reads.
    owner = (
        unique_names.owner_of(key)
        if key.isascii() and len(key) <= LONGEST_KEY
        else None
    )
    account = find_account(owner or "nobody")
    right = _count_and_verify(key, address, password, account)
    if account is None or not right:
        logger.info("login failed user_id=%s", owner or "unknown")
        raise AuthenticationError(_("The username or the password is wrong."))
    return begin_session(account, device)


def _count_and_verify(
    identifier: str, address: str, password: str, account: Account | None
) -> bool:
    """Count a try before it is made, and take it back unless it failed.

    identifier: the name that was typed. If an account's two names shared a counter,
    failing with one and then being throttled with the other would tell whose it is.
    """
    throttling.count(ADDRESS_LOGINS, address)
    failed = False
    try:
        throttling.count(NAME_LOGINS, identifier)
        try:
            right = passwords.verify(
                password, account.password_hash if account else None
            )
            failed = not right
        finally:
            if not failed:
                throttling.give_back(NAME_LOGINS, identifier)
    finally:
        if not failed:
            throttling.give_back(ADDRESS_LOGINS, address)
    return right


def begin_session(account: Account, device: str | None = None) -> Login:
    """Begin a session for somebody whose password was found right.

    Raises AuthenticationError if the password has been changed meanwhile, or if the
    account is locked.
    """
    return retry_on_conflict(lambda: _begin_session(account, device))


def _begin_session(checked: Account, device: str | None) -> Login:
    """Store a session and note it at the account, in one transaction.

    checked: the account as it was when its password was found right.
    """
    account = find_account(checked.user_id)
    if account is None:
        raise AuthenticationError(_("The account has just been closed."))
    if account.password_hash != checked.password_hash:
        raise AuthenticationError(_("The password has just been changed."))
    refuse_locked(account)
    writes = Transaction()
    kept = sorted(credentials.live(account.sessions))[-(sessions.AT_MOST - 1) :]
    for entry in set(account.sessions or ()).difference(kept):
        writes.delete(Session.of_entry(entry))
    login, session = sessions.new(account, device)
    writes.put(session, Session.user_id.does_not_exist())
    writes.update(
        account, [Account.sessions.set({*kept, credentials.entry_of(session)})]
    )
    writes.commit()
    logger.info("session begun user_id=%s", account.user_id)
    return login


def refuse_locked(account: Account) -> None:
    """Let nobody begin to use a locked account. Raises AuthenticationError."""
    if account.locked_at:
        logger.info("login refused, locked user_id=%s", account.user_id)
        whom = config.support_email or _("the people who run this site")
        raise AuthenticationError(
            _("This account is locked. Write to {whom} about it.").format(whom=whom)
        )


def find_session(session_key: str) -> User | None:
    """Return whose session a key opens; None if it ended, expired or never was."""
    session = credentials.find(Session, session_key)
    if session is None or session.expires_at <= time.time():
        return None
    return user_of(session)


def user_of(item: Credential) -> User | None:
    """Return the user that a session or token carries; None if there is none any more.

    Where older code wrote it, without what it did not know, the account is read.
    """
    if credentials.lacks_fields(item.user):
        account = find_account(item.owner)
        return account.user if account else None
    return credentials.user_from(item.user)


def log_out(session_key: str) -> None:
    """End a session. Safe to repeat."""
    retry_on_conflict(lambda: _end_session(session_key))


def _end_session(session_key: str) -> None:
    session = credentials.find(Session, session_key)
    if session is None:
        return
    writes = Transaction()
    writes.delete(session)
    account = find_account(session.owner)
    if account is not None:
        left = set(account.sessions or ()) - {credentials.entry_of(session)}
        writes.update(account, [Account.assign("sessions", left or None)])
    writes.commit()
    logger.info("session ended user_id=%s", session.owner)


def list_sessions(user: User, session_key: str | None = None) -> list[LiveSession]:
    """List where the user is logged in, newest first.

    session_key: of the session that asks; None: none does.
    """
    return sessions.list_live(get_account(user.user_id), session_key)


def end_session(user: User, session_id: str) -> None:
    """End one of the user's sessions; it opens nothing from then on.

    Raises NotFoundError, also for somebody else's and for one that has ended.
    """
    ended = _end_sessions(user, lambda found: found == session_id)
    if not ended:
        raise NotFoundError(_("There is no such session."))


def end_other_sessions(user: User, session_key: str | None) -> int:
    """End every session of the user's but the one that asks; return how many.

    session_key: as in `list_sessions`. Safe to repeat.
    """
    mine = credentials.digest(session_key) if session_key else None
    return _end_sessions(user, lambda found: found != mine)


def _end_sessions(user: User, is_to_end: Callable[[str], bool]) -> int:
    def attempt() -> int:
        account = get_account(user.user_id)
        held = account.sessions or set()
        ended = {entry for entry in held if is_to_end(credentials.id_of(entry))}
        if not ended:
            return 0
        writes = Transaction()
        for entry in ended:
            writes.delete(Session.of_entry(entry))
        writes.update(account, [Account.assign("sessions", held - ended or None)])
        writes.commit()
        logger.info("sessions ended user_id=%s count=%d", user.user_id, len(ended))
        return len(ended & credentials.live(account.sessions))

    return retry_on_conflict(attempt)


def end_all_access(user_id: str) -> int:
    """End every session and API token of an account; return how many were live.

    For administrators. Raises NotFoundError. Safe to repeat.
    """

    def attempt() -> int:
        account = get_account(user_id)
        ended = [*(account.sessions or ()), *(account.tokens or ())]
        if not ended:
            return 0
        writes = Transaction()
        credentials.delete_all(account, writes)
        writes.update(account, [Account.sessions.remove(), Account.tokens.remove()])
        writes.commit()
        logger.info("all access ended user_id=%s count=%d", user_id, len(ended))
        return len(credentials.live(ended))

    return retry_on_conflict(attempt)


def find_account(user_id: str) -> Account | None:
    """Return an account, if there is one and it is not closed. Read consistently."""
    return recipients.find(user_id, Account)


def account_of(recipient: "Recipient") -> Account:
    """Return the account of a recipient, without reading its item again."""
    if isinstance(recipient, Account):
        return recipient
    account = Account.from_raw_data(recipient.item)
    account.attribute_values |= recipient.attribute_values
    return account


def get_account_by_username(username: str) -> Account:
    """Return an account, read consistently. Raises NotFoundError."""
    owner = unique_names.owner_of(
        unique_names.username_key(username.strip().casefold())
    )
    return get_account(owner or "nobody")


def get_account(user_id: str) -> Account:
    """Return an account, as `find_account` does. Raises NotFoundError."""
    return recipients.get(user_id, Account)


def find_account_by_email(email: str) -> Account | None:
    """Return the account with an address, or None. Read consistently."""
    return recipients.find_by_email(email, Account)


def change_account(account: Account, values: Mapping[str, Any]) -> None:
    """Store checked values, and every live copy of them, in one transaction.

    Sessions and API tokens have copies: with 20 of each it is far from 100 items.

    Raises WriteConflictError if the account has changed since it was read.
    """
    writes = Transaction()
    writes.update(account, account.change(values))
    for kind in values.get("opted_in") or ():
        schedule.put_next(account, kind, writes)
    credentials.refresh_cached_users(account, writes)
    writes.commit()


def verify_password(account: Account, password: str, field: str) -> None:
    """Make sure that somebody logged in knows the password.

    Raises InvalidError naming `field`, and ThrottledError: a stolen session must not
    serve to guess the password.
    """
    throttling.count(PASSWORD_CHECKS, account.user_id)
    if not passwords.verify(password, account.password_hash):
        raise InvalidError(_("This is not your password."), field)
    throttling.give_back(PASSWORD_CHECKS, account.user_id)


def change_password(
    user: User, *, old: str, new: str, device: str | None = None
) -> Login:
    """Change the password, end every session and API token, and begin a new session.

    A change of the e-mail address that waits to be confirmed is taken back: who asked
    for it knew the old password, and so did who made a token.

    Raises InvalidError naming `old_password` or `new_password`, and ThrottledError.
    """
    account = get_account(user.user_id)
    passwords.check(
        new, username=account.username, email=account.email, field="new_password"
    )
    verify_password(account, old, "old_password")
    new_hash = passwords.hash_password(new)
    notice = _password_notice(account, new_hash)
    login = retry_on_conflict(
        lambda: _store_password(account, new_hash, notice, device)
    )
    outbox.enqueue(login.user, [notice])
    logger.info("password changed user_id=%s", user.user_id)
    return login


def _store_password(
    checked: Account, new_hash: str, notice: "Notification", device: str | None = None
) -> Login:
    account = get_account(checked.user_id)
    if account.password_hash == new_hash:  # the reply was lost
        return _begin_session(account, device)
    if account.password_hash != checked.password_hash:
        raise ConflictError(_("The password was changed meanwhile."), "old_password")
    refuse_locked(account)
    writes = Transaction()
    credentials.delete_all(account, writes)
    login, session = sessions.new(account, device)
    writes.put(session, Session.user_id.does_not_exist())
    actions: list[Action] = [
        Account.password_hash.set(new_hash),
        Account.sessions.set({credentials.entry_of(session)}),
        Account.tokens.remove(),
        *emails.change(account, emails.without_change(account), writes),
    ]
    writes.update(account, actions)
    outbox.put(notice, writes)
    writes.commit()
    return login


def _password_notice(account: Account, new_hash: str) -> "Notification":
    subject, message = messages.password_changed(
        at=dates.now(), time_zone=account.time_zone, language=account.language
    )
    about = f"{account.user_id}|password_changed|{new_hash}"  # salted: of one change
    return outbox.compose(
        notification_id=uuid.uuid5(_NOTICES, about).hex,
        user_id=account.user_id,
        type="password_changed",
        subject=subject,
        message=message,
    )
