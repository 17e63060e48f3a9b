"""One-time links in account e-mails: create, find and use them.

A link contains a token of 32 random bytes. Its item is stored under the token's
SHA-256, so reading the table is not enough to follow a link. Only an account's newest
link of a kind works, except of kinds that allow several. Used and replaced links stay
until they expire, so that pages can explain what became of them.
"""

import re
import secrets
import time
from collections.abc import Iterator

from accounts.credentials import digest
from accounts.models import NewestLink, OneTimeLink
from smartbudget.core import dates
from smartbudget.core.dynamodb import Transaction
from smartbudget.core.errors import GoneError
from smartbudget.core.i18n import gettext as _

KINDS = ("not-me", "reset", "undo-email", "verify")

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


def create(
    kind: str,
    *,
    owner: str,
    email: str | None,
    lifetime_seconds: int,
    state: str | None = None,
    replaces_older: bool = True,
    transaction: Transaction | None = None,
) -> str:
    """Store a new link, and return its token.

    kind: such as `reset`. owner: user_id of the account. email: address that the link
    is sent to, or None if it is handed over. state: what must still hold when the link
    is used, for the caller. replaces_older: whether the account's earlier links of this
    kind end, and later ones end this one. transaction: one to add the writes to, which
    the caller commits; otherwise they are stored at once.
    """
    token = secrets.token_urlsafe(32)
    link = OneTimeLink(
        user_id=_key(kind, token),
        owner=owner,
        email=email,
        state=state,
        replaces_older=replaces_older,
        created_at=dates.timestamp(),
        expires_at=int(time.time()) + lifetime_seconds,
    )
    writes = Transaction() if transaction is None else transaction
    writes.put(link, OneTimeLink.user_id.does_not_exist())
    writes.put(_listed(kind, link))
    if transaction is None:
        writes.commit()
    return token


def find(kind: str, token: str) -> OneTimeLink:
    """Return the link with this token. Reads consistently.

    Raises GoneError for a link that was used, replaced by a newer one or has expired,
    and for an unknown one.
    """
    link = OneTimeLink.find(_key(kind, token)) if _TOKEN.fullmatch(token) else None
    if link is None or link.expires_at <= time.time():
        raise GoneError(_("This link has expired. Request a new one."))
    if link.used_at:
        raise GoneError(_("This link has already been used."))
    if not link.replaces_older:
        return link
    newest = NewestLink.find(_newest_key(kind, link.owner))
    if newest is None or newest.link != link.user_id:
        raise GoneError(_("A newer link was sent. Use the one in the latest e-mail."))
    return link


def use(kind: str, link: OneTimeLink, transaction: Transaction) -> None:
    """Add the use of a link to a transaction.

    Of two requests with one link, the second fails with WriteConflictError. `find`
    then raises GoneError.
    """
    transaction.update(
        link,
        [OneTimeLink.used_at.set(dates.timestamp())],
        OneTimeLink.user_id.exists() & OneTimeLink.used_at.does_not_exist(),
    )
    if link.replaces_older:
        transaction.update(
            NewestLink(user_id=_newest_key(kind, link.owner)),
            [NewestLink.link.remove()],
            NewestLink.link == link.user_id,
        )


def delete_all(owner: str) -> Iterator[int]:
    """Delete all links of an account; yield the number deleted of each kind.

    Of two links that are created at the same moment, one may stay until it expires.
    Safe to repeat.
    """
    for kind in KINDS:
        newest = NewestLink.find(_newest_key(kind, owner))
        if newest is None:
            continue
        for entry in newest.links or ():
            OneTimeLink(user_id=_key_of(entry)).delete()
        newest.delete()
        yield len(newest.links or ()) + 1


def _listed(kind: str, link: OneTimeLink) -> NewestLink:
    """Return the account's list of links with a new one, without the expired ones."""
    key = _newest_key(kind, link.owner)
    stored = NewestLink.find(key)
    now = time.time()
    live = {
        entry
        for entry in (stored.links if stored else None) or ()
        if int(entry.partition("#")[0]) > now
    }
    newest = link.user_id if link.replaces_older else stored and stored.link
    return NewestLink(
        user_id=key,
        link=newest,
        links={*live, f"{link.expires_at}#{link.user_id}"},
        expires_at=link.expires_at,
    )


def _key_of(entry: str) -> str:
    return entry.partition("#")[2]


def _key(kind: str, token: str) -> str:
    return f"{kind}#{digest(token)}"


def _newest_key(kind: str, owner: str) -> str:
    return f"newest-{kind}#{owner}"
