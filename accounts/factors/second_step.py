"""The second step of a login, for accounts with a second factor.

The first step verifies the password and returns a ticket; there is no session until the
second step. The ticket is encrypted and stored nowhere, until the session that it
begins: then its id is stored, so that it begins only one.

Why: docs/decisions.md#the-second-step-of-a-login-carries-a-ticket
"""

import dataclasses
import json
import logging
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from accounts import credentials, sessions
from accounts.devices import Device
from accounts.factors import attempts, passkeys, recovery_codes, totp
from accounts.factors.ceremonies import Response
from accounts.factors.proofs import Proof, WrongCodeError
from accounts.models import Account, UsedTicket
from accounts.sessions import FactorUse, Login
from notifications import recipients
from smartbudget.core import encryption, log
from smartbudget.core.dynamodb import WriteConflictError, retry_on_conflict
from smartbudget.core.errors import AuthenticationError, ForbiddenError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.throttling import Counted, Limit
from smartbudget.core.user import User

logger = logging.getLogger(__name__)

LIFETIME_SECONDS = 300
_PURPOSE = "login-ticket"


@dataclass(frozen=True)
class SecondStep:
    """The rest of a login: one of the factors, sent with the ticket."""

    ticket: str
    factors: tuple[str, ...]  # of `totp`, `passkey` and `recovery`


class TicketError(AuthenticationError):
    """The ticket is invalid, expired or used: the login starts over."""


@dataclass(frozen=True)
class _Ticket:
    """The content of a ticket."""

    id: str
    user_id: str
    account: str  # fingerprint of the account
    expires_at: int  # epoch seconds
    factors: tuple[str, ...]
    counted: tuple[Counted, ...]  # attempts at the password, to give back


def is_needed(account: Account) -> bool:
    """Check whether the account has a second factor."""
    return bool(account.totp or account.passkeys)


def require(user: User, account: Account) -> None:
    """Raise ForbiddenError for a session without the account's second factor.

    Such a session was begun before the factor was added, maybe by an intruder. With the
    password, it must not be enough to change what protects the account.
    """
    if is_needed(account) and not user.has_second_factor:
        raise ForbiddenError(
            _("To do this, log out and log in again with your second factor.")
        )


def factors_of(account: Account) -> tuple[str, ...]:
    """Return the factors that can complete a login to the account."""
    present = {
        "totp": account.totp,
        "passkey": account.passkeys,
        "recovery": account.recovery_codes,
    }
    return tuple(name for name, value in present.items() if value)


def fingerprint(account: Account) -> str:
    """Return a digest that changes with the password, and with the first factor."""
    return credentials.digest(f"{account.password_hash}|{is_needed(account)}")[:32]


def begin(account: Account, counted: Sequence[Counted]) -> SecondStep:
    """Return the second step of a login whose password was verified.

    counted: attempts that the second step gives back when it succeeds.

    Raises AuthenticationError if the account is locked.
    """
    credentials.require_unlocked(account)
    ticket = _Ticket(
        id=secrets.token_hex(16),
        user_id=account.user_id,
        account=fingerprint(account),
        expires_at=int(time.time()) + LIFETIME_SECONDS,
        factors=factors_of(account),
        counted=tuple(counted),
    )
    logger.info("login needs a second factor user_id=%s", account.user_id)
    return SecondStep(_encode(ticket), ticket.factors)


def resume(ticket: str) -> SecondStep:
    """Return the second step of a ticket again, to show its form.

    Raises TicketError.
    """
    return SecondStep(ticket, _decode(ticket).factors)


def proof_of(
    *, code: str = "", recovery_code: str = "", passkey: Response | None = None
) -> Proof:
    """Return the proof for a code of the app, a recovery code or a passkey.

    passkey: the browser's response with the options of `passkeys.login_options`.
    """
    if passkey is not None:
        return passkeys.prove(passkey)
    return recovery_codes.prove(recovery_code) if recovery_code else totp.prove(code)


def complete(
    ticket: str, proof: Proof, *, address: str, device: Device | None = None
) -> Login:
    """Verify the second factor and start the session.

    address: network address, for the log. device: the browser or program.

    Raises TicketError, WrongCodeError, ThrottledError, and AuthenticationError if the
    account is locked or closed.
    """
    log.bind_more(source=address)
    content = _decode(ticket)
    counted = attempts.count(content.user_id)
    latest: Account | None = counted  # read again only after a conflict

    def attempt() -> tuple[Login, FactorUse]:
        nonlocal latest
        account, latest = latest or _read(content.user_id), None
        return _store_session(content, account, proof, device)

    try:
        login, use = retry_on_conflict(attempt)
    except TicketError:
        # Otherwise tickets for an old password would lock the owner out.
        attempts.give_back_refused(content.user_id)
        raise
    except WrongCodeError:
        logger.info("login failed, second factor user_id=%s", content.user_id)
        attempts.fail(counted)
        raise
    return dataclasses.replace(login, recovery_codes_left=use.recovery_codes_left)


def _store_session(
    ticket: _Ticket, account: Account, proof: Proof, device: Device | None
) -> tuple[Login, FactorUse]:
    if not is_needed(account):
        raise TicketError(_("Your account has just been changed. Log in again."))
    if fingerprint(account) != ticket.account:
        raise TicketError(_("Your password has just been changed. Log in again."))
    use = proof(account)
    use.actions.extend(attempts.give_back(account))
    use.transaction.put(
        UsedTicket(user_id=f"ticket#{ticket.id}", expires_at=ticket.expires_at),
        UsedTicket.user_id.does_not_exist(),
    )
    try:
        login = sessions.store_session(account, device, ticket.counted, factor=use)
    except WriteConflictError as error:
        if any(isinstance(item, UsedTicket) for item in error.refused):
            raise TicketError(_("Your login has expired. Log in again.")) from error
        passkeys.raise_if_refused(error)
        raise
    return login, use


def _read(user_id: str) -> Account:
    account = recipients.find(user_id, Account)
    if account is None:
        raise AuthenticationError(_("This account has just been closed."))
    return account


def _encode(ticket: _Ticket) -> str:
    counted = [
        (limit.action, limit.tries, limit.seconds, identifier)
        for limit, identifier in ticket.counted
    ]
    content = json.dumps(dataclasses.asdict(ticket) | {"counted": counted})
    return encryption.encrypt(content, purpose=_PURPOSE)


def _decode(text: str) -> _Ticket:
    try:
        content: Any = json.loads(encryption.decrypt(text, purpose=_PURPOSE))
    except encryption.DecryptionError as error:
        raise TicketError(_("Your login has expired. Log in again.")) from error
    content["factors"] = tuple(content["factors"])
    content["counted"] = tuple(
        (Limit(*limit), identifier) for *limit, identifier in content["counted"]
    )
    ticket = _Ticket(**content)
    if ticket.expires_at <= time.time():
        raise TicketError(_("Your login has expired. Log in again."))
    return ticket
