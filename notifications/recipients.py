"""Recipients of notifications, with their addresses, preferences and subscriptions.

A recipient is read from the account's item in the users table, and owns the attributes
that only notifications use. The rest of the item, the identity, belongs to the account
model, which extends this one.

Why: docs/decisions.md#notifications-know-a-recipient-and-accounts-extend-it
"""

import datetime
import secrets
from collections.abc import Mapping
from typing import Any, Self, TypedDict, TypeVar

from pynamodb.attributes import (
    BooleanAttribute,
    JSONAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)

from notifications import quiet_hours
from notifications.kinds import EMAIL_KINDS, OPT_IN_KINDS, SECURITY_KINDS
from smartbudget.core import dates, i18n, tasks
from smartbudget.core.dates import DEFAULT_TIME_ZONE
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
from smartbudget.core.i18n import gettext_noop

CHANGE_ADDRESS_TASK = "profiles.tasks.change_address"
BOUNCED = gettext_noop("E-mail to this address bounced.")
MARKED_AS_SPAM = gettext_noop("An e-mail was reported as spam.")

MAX_ADDRESS_LENGTH = 254  # characters of an e-mail address; no account has a longer one


class EmailChanges(TypedDict, total=False):
    """Changes to the attributes of a recipient; absent ones stay the same."""

    email: str | None
    email_verified_at: str | None
    lost_email: str | None
    former_addresses: list[Any] | None
    pending_email: str | None
    pending_by_link: bool | None
    pending_since: str | None
    pending_subscription_arn: str | None
    pending_notice: str | None
    subscription_arn: str | None
    subscription_status: str
    subscription_checked_at: str | None
    email_problem: str | None
    bounced_at: str | None
    reported_at: str | None
    retired_subscriptions: set[str] | None


# Cancels or completes a change of address.
NO_PENDING_CHANGE = EmailChanges(
    pending_email=None,
    pending_by_link=None,
    pending_since=None,
    pending_subscription_arn=None,
    pending_notice=None,
)


class Recipient(Table):
    """A user as notifications need it.

    The item has more attributes than this, so it must be updated and never saved.
    """

    class Meta(UsersMeta):
        pass

    user_id = UnicodeAttribute(hash_key=True)  # uuid4 hex
    # Lower-cased. Empty if another account has proved it, see `lost_email`.
    email = UnicodeAttribute(default="")
    email_verified_at = UnicodeAttribute(null=True)  # ISO 8601, UTC; of `email`
    lost_email = UnicodeAttribute(null=True)  # the former address; None if not lost
    # ISO 8601, UTC: when the newest mail about the account was sent that bounced, and
    # the newest that was reported as spam.
    bounced_at = UnicodeAttribute(null=True)
    reported_at = UnicodeAttribute(null=True)
    created_at = UnicodeAttribute()  # ISO 8601, UTC
    updated_at = UnicodeAttribute()
    time_zone = UnicodeAttribute(default=DEFAULT_TIME_ZONE)  # IANA
    # One of i18n.LANGUAGES; accounts created before there was a choice have none.
    language = UnicodeAttribute(default=i18n.DEFAULT)
    calendar = JSONAttribute(null=True)  # see Calendar.to_json; None: the default
    # ISO 8601, UTC. A closed account counts as missing, and its data is being deleted.
    closed_at = UnicodeAttribute(null=True)
    locked_at = UnicodeAttribute(null=True)  # ISO 8601, UTC; locked by staff
    muted = UnicodeSetAttribute(null=True)  # kinds turned off for e-mail; None if none
    opted_in = UnicodeSetAttribute(null=True)  # of OPT_IN_KINDS; None if none
    quiet_from = UnicodeAttribute(null=True)  # HH:MM, local; both or neither
    quiet_until = UnicodeAttribute(null=True)  # HH:MM, local
    subscription_arn = UnicodeAttribute(null=True)  # None: never subscribed
    subscription_status = UnicodeAttribute(default="none")  # none, pending, confirmed
    email_problem = UnicodeAttribute(null=True)  # why e-mails ended, in English
    unsubscribe_key = UnicodeAttribute(null=True)  # in the links of e-mails through SES
    subscription_checked_at = UnicodeAttribute(null=True)  # None: check soon
    pending_email = UnicodeAttribute(null=True)  # the new address, not confirmed yet
    # True: it is confirmed by our own link, and not reserved until then.
    pending_by_link = BooleanAttribute(null=True)
    pending_since = UnicodeAttribute(null=True)  # ISO 8601, UTC
    pending_subscription_arn = UnicodeAttribute(null=True)  # None: link not sent yet
    pending_notice = UnicodeAttribute(null=True)  # id of the notice to the old address
    retired_subscriptions = UnicodeSetAttribute(null=True)  # ARNs still to be ended
    version = VersionAttribute()

    # Not stored. The item as it was read, for the model that extends this one.
    item: dict[str, Any]

    @classmethod
    def from_raw_data(cls, data: dict[str, Any]) -> Self:
        """Return the recipient in an item."""
        recipient = super().from_raw_data(data)
        recipient.item = data
        return recipient

    def change(self, values: Mapping[str, object]) -> list[Action]:
        """Set attributes, or remove them if None; return the actions that store it."""
        values = {**values, "updated_at": dates.timestamp()}
        for name, value in values.items():
            setattr(self, name, value)
        return [self.assign(name, value) for name, value in values.items()]

    @property
    def is_bouncing(self) -> bool:
        """Check whether account mail bounced since the address was last confirmed."""
        return self._is_unconfirmed_since(self.bounced_at)

    @property
    def is_reported(self) -> bool:
        """Check whether account mail was reported as spam since the confirmation."""
        return self._is_unconfirmed_since(self.reported_at)

    @property
    def account_mail_problem(self) -> str | None:
        """`bounced` or `reported_as_spam`, or None if account mail arrives."""
        if self.is_bouncing:
            return "bounced"
        return "reported_as_spam" if self.is_reported else None

    def _is_unconfirmed_since(self, instant: str | None) -> bool:
        return instant is not None and instant > (self.email_verified_at or "")

    @property
    def is_verified(self) -> bool:
        """Check whether the address is confirmed, by a link or by a subscription."""
        if not self.email:
            return False
        return bool(self.email_verified_at) or self.subscription_status == "confirmed"

    @property
    def email_preferences(self) -> dict[str, bool]:
        """{kind of notification: whether it is wanted by e-mail}."""
        return {kind: self.wants(kind) for kind in EMAIL_KINDS}

    def wants(self, kind: str) -> bool:
        """Check whether a kind of notification is wanted by e-mail.

        Kinds outside EMAIL_KINDS cannot be turned off.
        """
        if kind in OPT_IN_KINDS:
            return kind in (self.opted_in or ())
        return kind not in EMAIL_KINDS or kind not in (self.muted or ())

    @property
    def quiet_hours(self) -> dict[str, str] | None:
        """Quiet hours as {"from": "HH:MM", "until": "HH:MM"}, or None if off."""
        if self.quiet_from is None:
            return None
        return {"from": self.quiet_from, "until": self.quiet_until}

    def quiet_end(
        self, kind: str, instant: datetime.datetime
    ) -> datetime.datetime | None:
        """Return the time until which an e-mail must wait, or None if it need not."""
        if self.quiet_from is None or kind in SECURITY_KINDS:
            return None
        return quiet_hours.end_of(
            instant, self.time_zone, self.quiet_from, self.quiet_until
        )


class UniqueAddress(Table):
    """The owner of an address, `email#<address>`; written by accounts only."""

    class Meta(UsersMeta):
        pass

    user_id = UnicodeAttribute(hash_key=True)  # the address's own key
    owner = UnicodeAttribute()  # user_id of the account


R = TypeVar("R", bound=Recipient)


def find(user_id: str, model: type[R]) -> R | None:
    """Return a recipient, or None if it is missing or closed. Reads consistently."""
    recipient = model.find(user_id)
    return None if recipient is None or recipient.closed_at else recipient


def get(user_id: str, model: type[R]) -> R:
    """Return a recipient as `find` does, or raise NotFoundError."""
    recipient = find(user_id, model)
    if recipient is None:
        raise NotFoundError(_("Account not found."))
    return recipient


def find_by_email(email: str, model: type[R]) -> R | None:
    """Return the recipient with an address, or None. Reads consistently, by key."""
    address = email.strip().lower()
    owner = owner_of_address(address)
    recipient = find(owner, model) if owner else None
    return recipient if recipient and recipient.email == address else None


def owner_of_address(address: str) -> str | None:
    """Return the user_id of the owner of an address, or None.

    It is the owner's current or pending address.
    """
    if not address.isascii() or len(address) > MAX_ADDRESS_LENGTH:
        return None
    unique = UniqueAddress.find(f"email#{address}")
    return unique.owner if unique else None


def store(
    recipient: R, changes: EmailChanges, transaction: Transaction | None = None
) -> R:
    """Store changes to a recipient in one transaction, and return the recipient.

    transaction: one to add the writes to and commit; a new one by default. Changes of
    an address are stored by accounts, which also update the unique names and
    the users cached in sessions.

    Raises WriteConflictError if the item was changed since it was read.
    """
    if not changes.keys().isdisjoint({"email", "email_verified_at", "pending_email"}):
        arguments = {
            "recipient": recipient,
            "changes": changes,
            "transaction": transaction,
        }
        changed: R = tasks.apply(CHANGE_ADDRESS_TASK, arguments)
        return changed
    transaction = transaction or Transaction()
    transaction.update(recipient, recipient.change(changes))
    transaction.commit()
    return recipient


def retired(
    recipient: Recipient, *more: str | None, used: str | None = None
) -> set[str] | None:
    """Return the subscriptions to end: the stored ones and `more`, except `used`.

    They are stored before they are ended, so that a crash in between loses none.
    """
    arns = {*(recipient.retired_subscriptions or ()), *more}
    return {arn for arn in arns if arn and arn != used} or None


def ensure_unsubscribe_key(user_id: str) -> str:
    """Return the key of a user's unsubscribe links, and create it if missing.

    Raises NotFoundError. Safe to repeat: an existing key stays.
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
