"""Register accounts, log in with a password, and change passwords."""

import dataclasses
import logging
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pynamodb.exceptions import TransactWriteError

from accounts import (
    account_mail,
    credentials,
    devices,
    emails,
    login_history,
    passwords,
    sessions,
    unique_names,
    validators,
)
from accounts.credentials import require_unlocked
from accounts.devices import Device
from accounts.factors import second_step
from accounts.factors.second_step import SecondStep
from accounts.models import Account, Session, UniqueName
from accounts.sessions import Login, begin_session, store_session
from accounts.verification import claims
from accounts.verification import services as verification
from notifications import jobs, messages, outbox, recipients, schedule
from smartbudget.core import dates, i18n, log, throttling
from smartbudget.core.config import config
from smartbudget.core.dates import DEFAULT_TIME_ZONE
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
    errors_of,
)
from smartbudget.core.i18n import gettext as _
from smartbudget.core.money import DEFAULT_CURRENCY
from smartbudget.core.tasks import QueueError, send_task
from smartbudget.core.throttling import Counted, Limit
from smartbudget.core.user import User

if TYPE_CHECKING:
    from notifications.models import Notification
    from notifications.recipients import Recipient

logger = logging.getLogger(__name__)

MAX_KEY_LENGTH = 300  # no unique name has a longer key

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
    currency: str = DEFAULT_CURRENCY,
    time_zone: str = DEFAULT_TIME_ZONE,
    language: str | None = None,
    address: str | None = None,
    device: Device | None = None,
) -> Login:
    """Create an account and log it in.

    language: the current one if None.
    address: network address to throttle by, or None on the command line.
    device: the browser, or None on the command line.

    Raises InvalidError or ConflictError naming the field, and ThrottledError. Not safe
    to repeat: the name is then taken.
    """
    username = validators.username(username)
    email = validators.email(email)
    phone_number = validators.phone_number(phone_number)
    currency = validators.currency(currency)
    time_zone = validators.time_zone(time_zone)
    language = validators.language(language or i18n.current())
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
        currency=currency,
        time_zone=time_zone,
        language=language,
        created_at=now,
        updated_at=now,
    )
    login, session = sessions.new(account, device)
    account.sessions = {credentials.entry_of(session)}
    if device:
        recognition = devices.recognize(account, device)
        account.devices = recognition.entries
        login = dataclasses.replace(login, device_key=recognition.key)
    retry_on_conflict(lambda: _store_account(account, session))
    logger.info("account registered user_id=%s", account.user_id)
    if account_mail.is_available():
        _queue_verification(account.user_id)
    return login


def find_errors(
    *,
    username: str | None = None,
    email: str | None = None,
    password: str | None = None,
) -> dict[str, list[str]]:
    """Return all errors in the values of a registration: {field: [sentence]}.

    None: not given. Reads nothing, so a taken name is no error here.
    """
    names = {"username": username or "", "email": email or ""}
    checks: list[tuple[object, Callable[[], object]]] = [
        (username, lambda: validators.username(username)),
        (email, lambda: validators.email(email)),
        (password, lambda: passwords.check(password, **names, field="password")),
    ]
    return errors_of(check for value, check in checks if value is not None)


def _store_account(
    account: Account, session: Session, lapsed: UniqueName | None = None
) -> None:
    """Store an account, its unique names and its session.

    lapsed: name with which another account holds the address, and loses it.
    """
    username = UniqueName.new("username", account.username, account.user_id)
    email = UniqueName.new("email", account.email, account.user_id)
    is_free = UniqueName.user_id.does_not_exist()
    transaction = Transaction()
    transaction.put(username, is_free)
    if account_mail.is_available():
        email.unverified_until = claims.expiry()
        jobs.put(verification.TASK, account.user_id, transaction)
    if lapsed:
        claims.lose(lapsed, transaction)
    transaction.put(email, unique_names.unchanged(lapsed) if lapsed else is_free)
    account.login_count = login_history.record(
        Account(account.user_id),
        transaction,
        device=session.device,
        method="registration",
    )
    transaction.put(account, Account.user_id.does_not_exist())
    transaction.put(session, Session.user_id.does_not_exist())
    try:
        transaction.commit()
    except WriteConflictError as error:
        if not error.refused:
            raise
        if _is_stored(account):
            return
        held = None if lapsed else claims.find_lapsed(account.email)
        if held is None:
            raise
        _store_account(account, session, held)
    except TransactWriteError as error:
        # The reply may have been lost after the commit (docs/aws.md#lost-replies).
        if not is_outage(error) or not _is_stored(account):
            raise


def _queue_verification(user_id: str) -> None:
    try:
        send_task(verification.TASK, {"user_id": user_id})
    except QueueError:
        logger.warning("left to the sweep user_id=%s", user_id, exc_info=True)


def _is_stored(account: Account) -> bool:
    """Check whether both unique names belong to this account.

    Raises ConflictError naming the field if another account owns one, unless its claim
    has lapsed.
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
        name = UniqueName.find(key)
        if name and name.owner != account.user_id and not name.has_lapsed:
            raise ConflictError(sentence, field)
        owners.add(name.owner if name else None)
    return owners == {account.user_id}


def log_in(
    *, identifier: str, password: str, address: str, device: Device | None = None
) -> Login | SecondStep:
    """Verify a username or e-mail address and its password, and start a session.

    If the account has a second factor, return the second step instead, and no session.

    address: network address to throttle by. device: the browser or program.

    Raises AuthenticationError, with the same text and timing for a wrong password and
    for an unknown name, and ThrottledError by the typed name. A locked account raises
    AuthenticationError with another text, but only if the password is correct.
    """
    log.bind_more(source=address)
    name = identifier.strip().casefold()
    key = (
        unique_names.email_key(name) if "@" in name else unique_names.username_key(name)
    )
    # Names are read by key and consistently: an index may lag behind a registration.
    # An unknown name costs the same two reads.
    owner = (
        unique_names.owner_of(key)
        if key.isascii() and len(key) <= MAX_KEY_LENGTH
        else None
    )
    account = find_account(owner or "nobody")
    login = _verify_and_begin(key, address, password, account, device)
    if login is None:
        logger.info("login failed user_id=%s", owner or "unknown")
        raise AuthenticationError(_("Wrong username or password."))
    return login


def _verify_and_begin(
    identifier: str,
    address: str,
    password: str,
    account: Account | None,
    device: Device | None,
) -> Login | SecondStep | None:
    """Return a new session, or None if the password is wrong: then the attempt counts.

    It is counted first and subtracted later, so that concurrent attempts count too. The
    transaction that stores the session subtracts it, also after a second step.

    identifier: key of the typed name. A counter per account would reveal which
    username and address belong together: failing with one would throttle the other.
    """
    counted: list[Counted] = []
    try:
        for limit, counted_by in (ADDRESS_LOGINS, address), (NAME_LOGINS, identifier):
            throttling.count(limit, counted_by)
            counted.append((limit, counted_by))
        login: Login | SecondStep | None = None
        password_hash = account.password_hash if account else None
        if passwords.verify(password, password_hash) and account:
            if second_step.is_needed(account):
                login = second_step.begin(account, counted)
            else:
                login = begin_session(account, device, counted)
        counted = []
        return login
    finally:
        for limit, counted_by in counted:
            throttling.give_back(limit, counted_by)


def find_account(user_id: str) -> Account | None:
    """Return an account, or None if it is missing or closed. Reads consistently."""
    return recipients.find(user_id, Account)


def account_of(recipient: "Recipient") -> Account:
    """Return the account of a recipient, without reading its item again."""
    if isinstance(recipient, Account):
        return recipient
    account = Account.from_raw_data(recipient.item)
    account.attribute_values |= recipient.attribute_values
    return account


def get_account_by_username(username: str) -> Account:
    """Return an account. Reads consistently. Raises NotFoundError."""
    owner = unique_names.owner_of(
        unique_names.username_key(username.strip().casefold())
    )
    return get_account(owner or "nobody")


def get_account(user_id: str) -> Account:
    """Return an account as `find_account` does, or raise NotFoundError."""
    return recipients.get(user_id, Account)


def find_account_by_email(email: str) -> Account | None:
    """Return the account with an address, or None. Reads consistently."""
    return recipients.find_by_email(email, Account)


def change_account(account: Account, values: Mapping[str, Any]) -> None:
    """Update validated values in an account and its caches, in one transaction.

    The caches are sessions and API tokens, at most 20 of each: far fewer than the 100
    items a transaction can have.

    Raises WriteConflictError if the account has changed since it was read.
    """
    transaction = Transaction()
    transaction.update(account, account.change(values))
    for kind in values.get("opted_in") or ():
        schedule.put_next(account, kind, transaction)
    credentials.refresh_cached_users(account, transaction)
    transaction.commit()


def verify_password(account: Account, password: str, field: str) -> None:
    """Verify the password of a logged-in user.

    Raises InvalidError naming `field`, and ThrottledError, so that a stolen session
    cannot be used to guess the password.
    """
    throttling.count(PASSWORD_CHECKS, account.user_id)
    if not passwords.verify(password, account.password_hash):
        raise InvalidError(_("Wrong password."), field)
    throttling.give_back(PASSWORD_CHECKS, account.user_id)


def change_password(
    user: User, *, old: str, new: str, device: Device | None = None
) -> Login:
    """Change the password, end every session and API token, and begin a new session.

    A pending change of the e-mail address is cancelled: like a token, it may come from
    an intruder with the old password. The new session has a second factor if the
    current one has.

    Raises InvalidError naming `old_password` or `new_password`, ThrottledError, and
    ForbiddenError as `second_step.require` does.
    """
    account = get_account(user.user_id)
    second_step.require(user, account)
    passwords.check(
        new, username=account.username, email=account.email, field="new_password"
    )
    verify_password(account, old, "old_password")
    new_hash = passwords.hash_password(new)
    notice = password_notice(account, new_hash)
    login = retry_on_conflict(
        lambda: store_password(
            account, new_hash, notice, device, has_second_factor=user.has_second_factor
        )
    )
    outbox.enqueue(login.user, [notice])
    logger.info("password changed user_id=%s", user.user_id)
    return login


def store_password(
    checked: Account,
    new_hash: str,
    notice: "Notification",
    device: Device | None,
    *,
    has_second_factor: bool,
) -> Login:
    """Store a new password, end every session and API token, and begin a new session.

    checked: the account as it was before. Raises WriteConflictError and ConflictError.
    """
    account = get_account(checked.user_id)
    if account.password_hash == new_hash:  # an earlier attempt's reply was lost
        return store_session(account, device, has_second_factor=has_second_factor)
    if account.password_hash != checked.password_hash:
        raise ConflictError(
            _("Your password was changed in the meantime."), "old_password"
        )
    require_unlocked(account)
    transaction = Transaction()
    credentials.delete_all(account, transaction)
    account.password_hash = new_hash  # for the user cached in the session
    login, session = sessions.new(account, device, has_second_factor=has_second_factor)
    transaction.put(session, Session.user_id.does_not_exist())
    actions: list[Action] = [
        Account.password_hash.set(new_hash),
        Account.sessions.set({credentials.entry_of(session)}),
        Account.tokens.remove(),
        *emails.change(account, emails.cancellation(account), transaction),
    ]
    transaction.update(account, actions)
    outbox.put(notice, transaction)
    transaction.commit()
    return login


def password_notice(account: Account, new_hash: str) -> "Notification":
    """Return the notice of a new password, not stored yet."""
    facts = {"at": dates.now(), "time_zone": account.time_zone}
    # The hash is salted, so every change has its own id.
    name = f"{account.user_id}|password_changed|{new_hash}"
    return outbox.compose(
        notification_id=uuid.uuid5(_NOTICES, name).hex,
        user_id=account.user_id,
        type="password_changed",
        text=messages.write("password_changed", facts, language=account.language),
    )
