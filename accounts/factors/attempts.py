"""Limit the attempts at an account's second factor, counted in the account's item.

They are counted after the password was verified, so they can be used up only with the
password.
"""

import logging
import time
import uuid
from typing import Any

from accounts.models import Account, FactorAttempts
from notifications import messages, outbox
from smartbudget.core.dynamodb import Action, Transaction, conditional_write
from smartbudget.core.errors import AuthenticationError, ThrottledError
from smartbudget.core.i18n import gettext as _

logger = logging.getLogger(__name__)

TRIES = 10
SECONDS = 900  # the window of the tries, and the wait after the last of them

_NOTICES = uuid.UUID("0f1f8f8c-7a55-5d0a-9a0e-5b8d3c1c7a44")


def count(user_id: str) -> Account:
    """Count an attempt in advance, and return the account.

    Costs one call if there was no other attempt within the window.

    Raises ThrottledError, without counting, if there were too many, and
    AuthenticationError if the account was closed.
    """
    while True:
        now = int(time.time())
        if account := _start_window(user_id, now) or _add(user_id, now):
            return account
        attempts = FactorAttempts.find(user_id)
        if attempts is None or attempts.closed_at:
            raise AuthenticationError(_("This account has just been closed."))
        wait = int(attempts.factor_tries_until or 0) - now
        if wait > 0 and attempts.factor_tries >= TRIES:
            raise ThrottledError(_("Too many attempts."), wait)


def give_back(account: Account) -> list[Action]:
    """Return the actions that give back the attempt of a successful login."""
    if (account.factor_tries or 1) <= 1:  # None: subtracted by a concurrent login
        return [
            Account.factor_tries.remove(),
            Account.factor_tries_until.remove(),
        ]
    return [Account.factor_tries.add(-1)]


def give_back_refused(user_id: str) -> None:
    """Give back an attempt whose ticket was refused before a factor was verified."""
    tries, until = FactorAttempts.factor_tries, FactorAttempts.factor_tries_until
    _update(user_id, [tries.add(-1)], (until > int(time.time())) & (tries > 0))


def fail(account: Account) -> None:
    """Start the wait, and store a notice, if the attempt was the last one.

    account: as returned by `count`.
    """
    if account.factor_tries < TRIES:
        return
    until = int(time.time()) + SECONDS
    facts = {"tries": TRIES, "minutes": SECONDS // 60}
    notice = outbox.compose(
        notification_id=uuid.uuid5(_NOTICES, f"{account.user_id}|{until}").hex,
        user_id=account.user_id,
        type="second_factor_refused",
        text=messages.write("second_factor_refused", facts, language=account.language),
    )
    transaction = Transaction()
    transaction.update(
        FactorAttempts(account.user_id),
        [FactorAttempts.factor_tries_until.set(until)],
        FactorAttempts.user_id.exists(),
    )
    outbox.put(notice, transaction)
    transaction.commit()
    outbox.enqueue(account.user, [notice])
    logger.warning("too many wrong codes user_id=%s", account.user_id)


def _start_window(user_id: str, now: int) -> Account | None:
    until = FactorAttempts.factor_tries_until
    actions: list[Action] = [
        FactorAttempts.factor_tries.set(1),
        until.set(now + SECONDS),
    ]
    return _update(user_id, actions, until.does_not_exist() | (until <= now))


def _add(user_id: str, now: int) -> Account | None:
    tries, until = FactorAttempts.factor_tries, FactorAttempts.factor_tries_until
    return _update(user_id, [tries.add(1)], (until > now) & (tries < TRIES))


def _update(user_id: str, actions: list[Action], condition: Any) -> Account | None:
    """Update the attempts if the condition holds; return the account, or None."""
    open_account = FactorAttempts.user_id.exists() & (
        FactorAttempts.closed_at.does_not_exist()
    )
    stored: dict[str, Any] = {}

    def write() -> None:
        attempts = FactorAttempts(user_id)
        stored.update(attempts.update(actions, open_account & condition))

    if not conditional_write(write):
        return None
    return Account.from_raw_data(stored["Attributes"])
