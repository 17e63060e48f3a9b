"""Recipients: the people that notifications go to, and where each wants them.

A recipient is read from the account's item in the users table, and owns what only
notifications use. The rest of the item, the identity, belongs to the account, whose
model extends this one.

Why: docs/decisions.md#notifications-know-a-recipient-and-accounts-extend-it
"""

import datetime
import secrets
from collections.abc import Mapping
from typing import Any, Self, TypedDict, TypeVar

from pynamodb.attributes import UnicodeAttribute, UnicodeSetAttribute

from notifications import quiet_hours
from notifications.kinds import EMAIL_KINDS, OPT_IN_KINDS, SECURITY_KINDS
from smartbudget.core import dates, i18n, tasks
from smartbudget.core.dynamodb import (
    Action,
    Table,
    Transaction,
    UsersMeta,
    VersionAttribute,
    retry_on_conflict,
)
from smartbudget.core.errors import NotFoundError
from smartbudget.core.i18n import gettext as _

CHANGE_ADDRESS_TASK = "profiles.tasks.change_address"
LONGEST_ADDRESS = 254  # characters of an e-mail address; longer ones have no account


class EmailChanges(TypedDict, total=False):
    """What is to be different; what is absent stays as it is. See the model."""

    email: str
    pending_email: str | None
    pending_since: str | None
    pending_subscription_arn: str | None
    pending_notice: str | None
    subscription_arn: str | None
    subscription_status: str
    subscription_checked_at: str | None
    email_problem: str | None
    retired_subscriptions: set[str] | None


# What takes back, or ends, a change of address.
NO_PENDING_CHANGE = EmailChanges(
    pending_email=None,
    pending_since=None,
    pending_subscription_arn=None,
    pending_notice=None,
)


class Recipient(Table):
    """One person, as far as notifications are concerned.

    The item holds more than this: it is updated, and never saved whole.
    """

    class Meta(UsersMeta):
        pass

    user_id = UnicodeAttribute(hash_key=True)  # uuid4 hex
    email = UnicodeAttribute()  # lower-cased
    created_at = UnicodeAttribute()  # ISO 8601, UTC
    updated_at = UnicodeAttribute()
    time_zone = UnicodeAttribute(default="UTC")  # IANA
    # Of i18n.LANGUAGES; accounts from before there was a choice have none.
    language = UnicodeAttribute(default=i18n.DEFAULT)
    # ISO 8601, UTC; it is then as good as gone, and being deleted with all it has.
    closed_at = UnicodeAttribute(null=True)
    locked_at = UnicodeAttribute(null=True)  # ISO 8601, UTC; locked by staff
    muted = UnicodeSetAttribute(null=True)  # kinds not wanted by e-mail; None: none
    opted_in = UnicodeSetAttribute(null=True)  # of OPT_IN_KINDS; None: none
    quiet_from = UnicodeAttribute(null=True)  # HH:MM, local; both or neither
    quiet_until = UnicodeAttribute(null=True)  # HH:MM, local
    subscription_arn = UnicodeAttribute(null=True)  # None: never subscribed
    subscription_status = UnicodeAttribute(default="none")  # none, pending, confirmed
    email_problem = UnicodeAttribute(null=True)  # why mail to it ended, in words
    unsubscribe_key = UnicodeAttribute(null=True)  # in the links of mails through SES
    subscription_checked_at = UnicodeAttribute(null=True)  # None: look it up soon
    pending_email = UnicodeAttribute(null=True)  # the address it is being changed to
    pending_since = UnicodeAttribute(null=True)  # ISO 8601, UTC
    pending_subscription_arn = UnicodeAttribute(null=True)  # None: not asked yet
    pending_notice = UnicodeAttribute(null=True)  # notification_id; tells the old one
    retired_subscriptions = UnicodeSetAttribute(null=True)  # ARNs still to be ended
    version = VersionAttribute()

    # Not stored. The whole item as it was read, for the model that extends this one.
    item: dict[str, Any]

    @classmethod
    def from_raw_data(cls, data: dict[str, Any]) -> Self:
        """Return the recipient that an item holds."""
        recipient = super().from_raw_data(data)
        recipient.item = data
        return recipient

    def change(self, values: Mapping[str, object]) -> list[Action]:
        """Set attributes, or for None remove them; return the actions that store it."""
        values = {**values, "updated_at": dates.timestamp()}
        for name, value in values.items():
            setattr(self, name, value)
        return [self.assign(name, value) for name, value in values.items()]

    @property
    def email_preferences(self) -> dict[str, bool]:
        """Each kind of notification, and whether it is wanted by e-mail."""
        return {kind: self.wants(kind) for kind in EMAIL_KINDS}

    def wants(self, kind: str) -> bool:
        """Return whether a kind of notification is wanted by e-mail.

        Kinds that are not among EMAIL_KINDS cannot be turned off.
        """
        if kind in OPT_IN_KINDS:
            return kind in (self.opted_in or ())
        return kind not in EMAIL_KINDS or kind not in (self.muted or ())

    @property
    def quiet_hours(self) -> dict[str, str] | None:
        """When e-mails wait, as {"from": "HH:MM", "until": "HH:MM"}; None: never."""
        if self.quiet_from is None:
            return None
        return {"from": self.quiet_from, "until": self.quiet_until}

    def quiet_end(
        self, kind: str, instant: datetime.datetime
    ) -> datetime.datetime | None:
        """Return until when an e-mail of a kind waits; None: it need not."""
        if self.quiet_from is None or kind in SECURITY_KINDS:
            return None
        return quiet_hours.end_of(
            instant, self.time_zone, self.quiet_from, self.quiet_until
        )


class UniqueAddress(Table):
    """`email#<address>` belongs to one account, which alone writes it."""

    class Meta(UsersMeta):
        pass

    user_id = UnicodeAttribute(hash_key=True)  # the address's own key
    owner = UnicodeAttribute()  # user_id of the account


R = TypeVar("R", bound=Recipient)


def find(user_id: str, model: type[R]) -> R | None:
    """Return a person who is there and not closed, or None. Read consistently."""
    recipient = model.find(user_id)
    return None if recipient is None or recipient.closed_at else recipient


def get(user_id: str, model: type[R]) -> R:
    """Return a person as `find` does. Raises NotFoundError."""
    recipient = find(user_id, model)
    if recipient is None:
        raise NotFoundError(_("There is no such account."))
    return recipient


def find_by_email(email: str, model: type[R]) -> R | None:
    """Return the person with this address, or None. Read consistently, by key."""
    address = email.strip().lower()
    owner = owner_of_address(address)
    recipient = find(owner, model) if owner else None
    return recipient if recipient and recipient.email == address else None


def owner_of_address(address: str) -> str | None:
    """Return the user_id that an address belongs to, or None.

    It is the address of that user, or the one that theirs is being changed to.
    """
    if not address.isascii() or len(address) > LONGEST_ADDRESS:
        return None
    unique = UniqueAddress.find(f"email#{address}")
    return unique.owner if unique else None


def store(recipient: R, changes: EmailChanges) -> R:
    """Store changes of someone's e-mail in one transaction; return the recipient.

    Sessions carry the address, and a unique name holds it: accounts change all three.

    Raises WriteConflictError if the item is not any more as it was read.
    """
    if not changes.keys().isdisjoint({"email", "pending_email"}):
        arguments = {"recipient": recipient, "changes": changes}
        changed: R = tasks.apply(CHANGE_ADDRESS_TASK, arguments)
        return changed
    transaction = Transaction()
    transaction.update(recipient, recipient.change(changes))
    transaction.commit()
    return recipient


def retired(
    recipient: Recipient, *more: str | None, used: str | None = None
) -> set[str] | None:
    """Return the ARNs to be ended, with more of them, without one that is used again.

    They are stored before they are ended, so that a crash in between loses none.
    """
    arns = {*(recipient.retired_subscriptions or ()), *more}
    return {arn for arn in arns if arn and arn != used} or None


def ensure_unsubscribe_key(user_id: str) -> str:
    """Return the key of the unsubscribe link in a user's mails; create it if missing.

    Raises NotFoundError. Safe to repeat: it stays the same.
    """

    def attempt() -> str:
        recipient = get(user_id, Recipient)
        if recipient.unsubscribe_key:
            return recipient.unsubscribe_key
        key = secrets.token_urlsafe(32)
        transaction = Transaction()
        transaction.update(recipient, [Recipient.unsubscribe_key.set(key)])
        transaction.commit()
        return key

    return retry_on_conflict(attempt)
