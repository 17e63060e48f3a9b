"""Search users by a part of their names; staff only.

Why: docs/decisions.md#staff-search-users-in-an-index-of-names
"""

import logging
import re
from dataclasses import dataclass, replace

from accounts import unique_names
from accounts.models import Account, UniqueName
from smartbudget.core import text
from smartbudget.core.errors import InvalidError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.pagination import Key
from smartbudget.core.user import User
from staff.users import UserSummary, find_account, require_staff, summary_of

logger = logging.getLogger(__name__)

MIN_LENGTH = 3  # characters, as the shortest username
MAX_LENGTH = 254  # no username or address is longer

LIMIT = 30  # users of each kind of match on a page

_PART_OF_USERNAME = re.compile("[a-z0-9._-]{3,30}")
_CURSOR = re.compile("(start|part):([a-z0-9._-]{0,30})")


@dataclass(frozen=True)
class Matches:
    """One page of a search."""

    text: str  # searched for, in lower case
    users: list[UserSummary]
    cursor: str | None = None  # of the next page; None: all usernames were searched
    searched_to: str | None = None  # the last username compared; None: all that begin
    more_addresses: bool = False  # more than LIMIT addresses begin with the text

    @property
    def is_complete(self) -> bool:
        """Check whether these are all users that match, if this is the first page."""
        return not (self.cursor or self.more_addresses)


def search_users(staff: User, whom: str, *, cursor: str | None = None) -> Matches:
    """Search users by a part of the username or the beginning of the e-mail address.

    A whole address or user_id returns only its user. Otherwise the exact username is
    first, then usernames that begin with the text, those that contain it, and addresses
    that begin with it. Only the first page has addresses: a cursor would reveal them.
    Reads an index, which lags, except for exact matches.

    whom: 3 to 254 characters. cursor: of the page before.

    Raises ForbiddenError, and InvalidError naming `whom` or `cursor`.
    """
    require_staff(staff)
    part = text.validate_text(
        whom, "whom", min_length=MIN_LENGTH, max_length=MAX_LENGTH
    ).casefold()
    if not part.isascii():  # no username or address has other characters
        matches = Matches(part, [])
    elif cursor is not None:
        matches = _next_usernames(part, *_position(cursor, part))
    else:
        matches = _first_page(part)
    user_ids = ",".join(user.user_id for user in matches.users)
    logger.info("searched by staff user_id=%s targets=%s", staff.user_id, user_ids)
    return matches


def _first_page(part: str) -> Matches:
    exact = find_account(part)
    if exact and exact.username != part:
        return Matches(part, [summary_of(exact)])
    matches = _next_usernames(part, "start", "")
    addresses = unique_names.search("email", prefix=part, limit=LIMIT)
    users = [*matches.users, *_users(addresses.items)]
    if exact:
        users.insert(0, summary_of(exact))
    return replace(
        matches,
        users=list({user.user_id: user for user in users}.values()),
        more_addresses=addresses.next is not None,
    )


def _next_usernames(part: str, stage: str, after: str) -> Matches:
    """Return usernames that begin with the text, then those that contain it."""
    if not _PART_OF_USERNAME.fullmatch(part):
        return Matches(part, [])
    names: list[UniqueName] = []
    if stage == "start":
        page = unique_names.search("username", prefix=part, after=after, limit=LIMIT)
        if page.next:
            cursor = f"start:{_name_of(page.next)}"
            return Matches(part, _users(page.items), cursor)
        names, after = page.items, ""
    page = unique_names.search("username", part=part, after=after, limit=LIMIT)
    names += [unique for unique in page.items if not unique.name.startswith(part)]
    if not page.next:
        return Matches(part, _users(names))
    searched_to = _name_of(page.next)
    return Matches(part, _users(names), f"part:{searched_to}", searched_to)


def _position(cursor: str, part: str) -> tuple[str, str]:
    """Return a cursor's stage, and the username that its page follows."""
    match = _CURSOR.fullmatch(cursor)
    # DynamoDB rejects a position outside of the names that begin with the text.
    if match is None or (match[1] == "start" and not match[2].startswith(part)):
        raise InvalidError(_("This cursor is not valid."), "cursor")
    return match[1], match[2]


def _name_of(key: Key) -> str:
    return str(key["user_id"]["S"]).partition("#")[2]


def _users(names: list[UniqueName]) -> list[UserSummary]:
    """Return the users of names, without those who have closed or changed theirs."""
    owners = [unique.owner for unique in names]
    accounts = {
        account.user_id: account
        for account in Account.batch_get(owners, consistent_read=True)
        if not account.closed_at
    }
    return [
        summary_of(accounts[unique.owner])
        for unique in names
        # An address may be a pending one, or the index may lag behind a change.
        if (account := accounts.get(unique.owner))
        and unique.name in (account.username, account.email)
    ]
