"""The users table: accounts, and under prefixes of their own what belongs to them."""

import datetime
from typing import ClassVar, Self

from pynamodb.attributes import (
    BooleanAttribute,
    JSONAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from notifications.kinds import EMAIL_KINDS, OPT_IN_KINDS, SECURITY_KINDS
from smartbudget.core import dates, i18n
from smartbudget.core.dynamodb import (
    Action,
    MoneyAttribute,
    Table,
    UsersMeta,
    VersionAttribute,
)
from smartbudget.core.user import User


class UsernameIndex(GlobalSecondaryIndex["Account"]):
    """Who has this username; lags behind writes, so it cannot keep names unique."""

    class Meta:
        index_name = "username-index"
        projection = AllProjection()

    username = UnicodeAttribute(hash_key=True)


class EmailIndex(GlobalSecondaryIndex["Account"]):
    """Who has this e-mail address; lags behind writes, as above."""

    class Meta:
        index_name = "email-index"
        projection = AllProjection()

    email = UnicodeAttribute(hash_key=True)


class Account(Table):
    """One registered person."""

    class Meta(UsersMeta):
        pass

    user_id = UnicodeAttribute(hash_key=True)  # uuid4 hex
    username = UnicodeAttribute()  # lower-cased; 3-30 of a-z 0-9 . _ -
    email = UnicodeAttribute()  # lower-cased
    password_hash = UnicodeAttribute()  # Argon2id, in the PHC string format
    phone_number = UnicodeAttribute(null=True)
    created_at = UnicodeAttribute()  # ISO 8601, UTC
    updated_at = UnicodeAttribute()
    currency = UnicodeAttribute(default="USD")  # ISO 4217
    time_zone = UnicodeAttribute(default="UTC")  # IANA
    # Of language.LANGUAGES; accounts from before there was a choice have none.
    language = UnicodeAttribute(default=i18n.DEFAULT)
    large_expense_threshold = MoneyAttribute(null=True)  # None: no such notices
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
    is_staff = BooleanAttribute(default=False)
    # ISO 8601, UTC; it is then as good as gone, and being deleted with all it has.
    closed_at = UnicodeAttribute(null=True)
    locked_at = UnicodeAttribute(null=True)  # ISO 8601, UTC; staff let nobody log in
    locked_reason = UnicodeAttribute(null=True)  # for staff; the user is not told
    # Expiry and sha256 of each key, see accounts.entries; None: there is none.
    sessions = UnicodeSetAttribute(null=True)
    tokens = UnicodeSetAttribute(null=True)
    version = VersionAttribute()

    by_username = UsernameIndex()
    by_email = EmailIndex()

    @classmethod
    def action(cls, name: str, value: object) -> Action:
        """Return the action that sets an attribute, or for None removes it."""
        attribute = getattr(cls, name)
        action: Action = attribute.remove() if value is None else attribute.set(value)
        return action

    @property
    def user(self) -> User:
        """The part of the account that sessions and API tokens carry."""
        return User(
            user_id=self.user_id,
            username=self.username,
            email=self.email,
            currency=self.currency,
            time_zone=self.time_zone,
            language=self.language,
            large_expense_threshold=self.large_expense_threshold,
            is_staff=self.is_staff,
        )

    @property
    def email_preferences(self) -> dict[str, bool]:
        """Each kind of notification, and whether it is wanted by e-mail."""
        return {kind: self.wants(kind) for kind in EMAIL_KINDS}

    def wants(self, kind: str) -> bool:
        """Tell whether a kind of notification is wanted by e-mail.

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
        return dates.quiet_end(
            instant, self.time_zone, self.quiet_from, self.quiet_until
        )


class Claim(Table):
    """`username#<name>` or `email#<address>` belongs to one account."""

    class Meta(UsersMeta):
        pass

    user_id = UnicodeAttribute(hash_key=True)  # the claim's own key
    owner = UnicodeAttribute()  # user_id of the account


class Credential(Table):
    """`<kind>#<sha256 of its key>`: what opens an account, see accounts.entries."""

    class Meta(UsersMeta):
        pass

    kind: ClassVar[str]

    user_id = UnicodeAttribute(hash_key=True)  # the credential's own key
    owner = UnicodeAttribute()  # user_id of the account
    user = JSONAttribute()  # the account's User as a dict, amounts as strings
    created_at = UnicodeAttribute()  # ISO 8601, UTC
    expires_at = NumberAttribute()  # epoch seconds; TTL, and checked in code

    @property
    def digest(self) -> str:
        """The sha256 of its key."""
        return self.user_id.partition("#")[2]

    @classmethod
    def item_key(cls, digest: str) -> str:
        """Return the `user_id` of the one whose key has this sha256."""
        return f"{cls.kind}#{digest}"

    @classmethod
    def of_entry(cls, entry: str) -> Self:
        """Return a stand-in for an entry's item, to change or delete it."""
        return cls(user_id=cls.item_key(entry.partition("#")[2]))


class Session(Credential):
    """One logged-in browser."""

    kind = "session"

    device = UnicodeAttribute(null=True)  # "Firefox on Linux"; None: it did not say


class ApiToken(Credential):
    """What a program may use an account with."""

    kind = "token"

    name = UnicodeAttribute()  # 1-50 characters
    scopes = UnicodeSetAttribute()  # of tokens.SCOPES, at least one
    last_used_at = UnicodeAttribute(null=True)  # to the minute; None: never yet
