"""Create, find and revoke API tokens, which let programs use an account.

A token is 32 random bytes in hex, after a prefix that lets scanners recognize leaked
tokens. It is shown once. Its item is found by its SHA-256, which cannot be reversed
for random bytes, so no constant-time comparison is needed.

Why: docs/decisions.md#api-tokens-are-random-scoped-and-shown-once
"""

import datetime
import logging
import re
import secrets
import time
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from accounts import credentials, services, sessions
from accounts.models import Account, ApiToken
from accounts.step_up import services as step_up
from notifications import messages, outbox
from smartbudget.core import dates, text
from smartbudget.core.dynamodb import Transaction, retry_on_conflict
from smartbudget.core.errors import ConflictError, InvalidError, NotFoundError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.i18n import gettext_noop
from smartbudget.core.user import User

if TYPE_CHECKING:
    from notifications.models import Notification

logger = logging.getLogger(__name__)

SCOPES = ("read", "write", "reports", "export", "account")
PREFIX = "smartbudget_"
MAX_NAME_LENGTH = 50  # characters
MAX_DAYS = 366  # every token expires
MAX_TOKENS = 20  # per account; further ones are refused

NOT_FOUND = gettext_noop("Token not found.")

_PATTERN = re.compile(PREFIX + "[0-9a-f]{64}")
_NOTICES = uuid.UUID("c0c5d3a5-8a43-5a10-9d4e-6a4d3f2b7e11")
_DAY = 24 * 3600  # seconds
_MINUTE = datetime.timedelta(minutes=1)  # precision of `last_used_at`


@dataclass(frozen=True)
class Access:
    """The token of a request, and its permissions."""

    token_id: str  # sha256 of the token
    scopes: frozenset[str]  # of SCOPES


@dataclass(frozen=True)
class LiveToken:
    """A token as its owner sees it, without the secret."""

    token_id: str  # sha256 of the token
    name: str
    scopes: tuple[str, ...]  # in the order of SCOPES
    created_at: str  # ISO 8601, UTC
    last_used_at: str | None  # to the minute; None: never
    expires_at: str  # ISO 8601, UTC


def create_token(
    user: User,
    *,
    name: str,
    scopes: Collection[str],
    expires_in_days: int,
    password: str | None = None,
) -> tuple[LiveToken, str]:
    """Create a token, and return it with its secret, which cannot be read again.

    scopes: of SCOPES. expires_in_days: 1-366. password: needed unless the user's login
    is recent.

    A notice to the user is stored in the same transaction. Not idempotent: after a lost
    reply the token is listed and can be revoked.

    Raises InvalidError naming the field, ThrottledError, AuthenticationError if the
    account is locked, and ConflictError if there are too many tokens or the password
    has just been changed.
    """
    name = text.validate_text(name, "name", min_length=1, max_length=MAX_NAME_LENGTH)
    _validate(scopes, expires_in_days)
    account = services.get_account(user.user_id)
    step_up.verify(user, account, password)
    secret = PREFIX + secrets.token_hex(32)
    token = ApiToken(
        user_id=ApiToken.item_key(credentials.digest(secret)),
        owner=user.user_id,
        name=name,
        scopes=set(scopes),
        created_at=dates.timestamp(),
        expires_at=int(time.time()) + expires_in_days * _DAY,
    )
    notice = _notice(account, token)
    retry_on_conflict(lambda: _store(account, token, notice))
    outbox.enqueue(user, [notice])
    logger.info("api token created user_id=%s", user.user_id)
    return _to_live_token(token), secret


def find_token(secret: str) -> tuple[User, Access] | None:
    """Return a token's user and permissions, or None if it is invalid or expired.

    Costs one read and, at most once a minute, a write of the time of use. If that write
    fails, the token is valid all the same.
    """
    token = credentials.find(ApiToken, secret) if _PATTERN.fullmatch(secret) else None
    if token is None or token.expires_at <= time.time():
        return None
    user = sessions.user_of(token)
    if user is None:
        return None
    credentials.store_last_use(token, _MINUTE)
    return user, Access(token.digest, frozenset(token.scopes))


def list_tokens(user: User) -> list[LiveToken]:
    """Return the user's live tokens, newest first."""
    return tokens_of(services.get_account(user.user_id))


def tokens_of(account: Account) -> list[LiveToken]:
    """Return an account's live tokens, newest first, with at most one BatchGetItem."""
    return [
        _to_live_token(token)
        for token in credentials.read_live(ApiToken, account.tokens)
    ]


def get_token(user: User, token_id: str) -> LiveToken:
    """Return one of the user's live tokens. Raises NotFoundError."""
    token = ApiToken.find(ApiToken.item_key(token_id))
    if token is None or token.owner != user.user_id or token.expires_at <= time.time():
        raise NotFoundError(_(NOT_FOUND))
    return _to_live_token(token)


def revoke_token(user: User, token_id: str) -> None:
    """Revoke one of the user's tokens, with immediate effect.

    Raises NotFoundError, also for another user's token or a revoked one.
    """
    existed = False

    def attempt() -> None:
        nonlocal existed
        account = services.get_account(user.user_id)
        entries = account.tokens or set()
        ended = {
            entry
            for entry in credentials.live(entries)
            if credentials.id_of(entry) == token_id
        }
        if not ended and existed:
            return  # by an earlier attempt or a concurrent request
        if not ended:
            raise NotFoundError(_(NOT_FOUND))
        existed = True
        transaction = Transaction()
        for entry in ended:
            transaction.delete(ApiToken.of_entry(entry))
        transaction.update(account, [Account.assign("tokens", entries - ended or None)])
        transaction.commit()

    retry_on_conflict(attempt)
    logger.info("api token revoked user_id=%s", user.user_id)


def _store(checked: Account, token: ApiToken, notice: "Notification") -> None:
    """Store a token, its entry in the account, and the notice, in one transaction.

    checked: the account as it was when its password was verified.
    """
    account = services.get_account(checked.user_id)
    if account.password_hash != checked.password_hash:
        raise ConflictError(_("Your password was changed in the meantime."), "password")
    credentials.require_unlocked(account)
    entries, new_entry = account.tokens or set(), credentials.entry_of(token)
    if new_entry in entries:
        return  # an earlier attempt's reply was lost
    live = credentials.live(entries)
    if len(live) >= MAX_TOKENS:
        sentence = _("You already have {most} API tokens. Revoke one first.")
        raise ConflictError(sentence.format(most=MAX_TOKENS))
    token.user = credentials.cached_user(account.user)
    transaction = Transaction()
    for expired in entries - live:
        transaction.delete(ApiToken.of_entry(expired))
    transaction.put(token, ApiToken.user_id.does_not_exist())
    transaction.update(account, [Account.tokens.set({*live, new_entry})])
    outbox.put(notice, transaction)
    transaction.commit()


def _notice(account: Account, token: ApiToken) -> "Notification":
    facts = {"name": token.name}
    return outbox.compose(
        notification_id=uuid.uuid5(_NOTICES, token.digest).hex,
        user_id=token.owner,
        type="api_token_created",
        text=messages.write("api_token_created", facts, language=account.language),
    )


def _to_live_token(token: ApiToken) -> LiveToken:
    return LiveToken(
        token_id=token.digest,
        name=token.name,
        scopes=tuple(scope for scope in SCOPES if scope in token.scopes),
        created_at=token.created_at,
        last_used_at=token.last_used_at,
        expires_at=credentials.iso_time(token.expires_at),
    )


def _validate(scopes: Collection[str], days: object) -> None:
    if not scopes or not set(scopes) <= set(SCOPES):
        sentence = _("Choose one of {choices}.").format(choices=", ".join(SCOPES))
        raise InvalidError(sentence, "scopes")
    if type(days) is not int or not 1 <= days <= MAX_DAYS:
        sentence = _("Enter a whole number from 1 to {most}.").format(most=MAX_DAYS)
        raise InvalidError(sentence, "expires_in_days")
