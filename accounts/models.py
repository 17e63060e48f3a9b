"""The users table: accounts, unique names, sessions, API tokens, passkeys, links."""

import time
from typing import ClassVar, Self

from pynamodb.attributes import (
    BooleanAttribute,
    JSONAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, IncludeProjection

from notifications.recipients import Recipient
from smartbudget.core.dynamodb import MoneyAttribute, Table, UsersMeta
from smartbudget.core.money import DEFAULT_CURRENCY
from smartbudget.core.periods import Calendar
from smartbudget.core.user import User


class UsernameIndex(GlobalSecondaryIndex["Account"]):
    """Accounts by username; eventually consistent, so it cannot keep names unique."""

    class Meta:
        index_name = "username-index"
        projection = AllProjection()

    username = UnicodeAttribute(hash_key=True)


class EmailIndex(GlobalSecondaryIndex["Account"]):
    """Accounts by e-mail address; eventually consistent."""

    class Meta:
        index_name = "email-index"
        projection = AllProjection()

    email = UnicodeAttribute(hash_key=True)


class ByNameIndex(GlobalSecondaryIndex["UniqueName"]):
    """Unique names of one kind in alphabetical order; eventually consistent."""

    class Meta:
        index_name = "name-index"
        projection = IncludeProjection(["name", "owner"])

    kind = UnicodeAttribute(hash_key=True)
    user_id = UnicodeAttribute(range_key=True)


class Account(Recipient):
    """A registered user: a recipient of notifications with an identity."""

    username = UnicodeAttribute()  # lower-cased; 3-30 of a-z 0-9 . _ -
    # Argon2id, in the PHC string format. None: the account has passkeys instead.
    password_hash = UnicodeAttribute(null=True)
    phone_number = UnicodeAttribute(null=True)
    currency = UnicodeAttribute(default=DEFAULT_CURRENCY)  # ISO 4217
    large_expense_threshold = MoneyAttribute(null=True)  # None: notices are off
    # Kinds of budgets to look for, see budgets.lookup; None: the usual ones only.
    budget_shapes = UnicodeSetAttribute(null=True)
    is_staff = BooleanAttribute(default=False)
    locked_reason = UnicodeAttribute(null=True)  # shown to staff only
    # See accounts.verification.former_addresses; None if there are none.
    former_addresses = JSONAttribute(null=True)
    # Second factors, see accounts.factors. None: not set up.
    totp = UnicodeAttribute(null=True)  # secret of the authenticator app, encrypted
    totp_step = NumberAttribute(null=True)  # of the newest code used; each works once
    recovery_codes = UnicodeSetAttribute(null=True)  # SHA-256 of the unused ones
    passkeys = UnicodeSetAttribute(null=True)  # SHA-256 of their credential ids
    # Attempts at a second factor, and the end of their window in epoch seconds.
    factor_tries = NumberAttribute(null=True)
    factor_tries_until = NumberAttribute(null=True)
    devices = UnicodeSetAttribute(null=True)  # `<epoch s of last login>#<SHA-256>`
    login_count = NumberAttribute(null=True)  # see accounts.login_history
    # Entries, as in accounts.credentials; None if there are none.
    sessions = UnicodeSetAttribute(null=True)
    tokens = UnicodeSetAttribute(null=True)

    by_username = UsernameIndex()
    by_email = EmailIndex()
    # Has no accounts, but tests create the table and its indexes from this model.
    unique_names = ByNameIndex()

    @property
    def user(self) -> User:
        """The fields that are cached in sessions and API tokens."""
        return User(
            user_id=self.user_id,
            username=self.username,
            email=self.email or "",
            currency=self.currency,
            time_zone=self.time_zone,
            language=self.language,
            large_expense_threshold=self.large_expense_threshold,
            calendar=Calendar.from_json(self.calendar),
            budget_shapes=tuple(sorted(self.budget_shapes or ())),
            is_staff=self.is_staff,
            has_password=self.password_hash is not None,
        )


class FactorAttempts(Table):
    """The attempts at a second factor in an account's item.

    Without the account's version, so that counting conflicts with no other change.
    """

    class Meta(UsersMeta):
        pass

    user_id = UnicodeAttribute(hash_key=True)  # the account's
    closed_at = UnicodeAttribute(null=True)
    factor_tries = NumberAttribute(null=True)
    factor_tries_until = NumberAttribute(null=True)


class UniqueName(Table):
    """A name that one account owns: `username#<name>` or `email#<address>`."""

    class Meta(UsersMeta):
        pass

    user_id = UnicodeAttribute(hash_key=True)  # the name's own key
    owner = UnicodeAttribute()  # user_id of the account
    # Both None: stored by a version up to 0.1, and not indexed (see `index_names`).
    kind = UnicodeAttribute(null=True)  # username or email
    name = UnicodeAttribute(null=True)  # the name itself, which DynamoDB filters by

    # Epoch seconds. Until then the owner keeps an address that is not verified. None:
    # it is verified, or stored by a version that did not ask for it.
    unverified_until = NumberAttribute(null=True)

    by_name = ByNameIndex()

    @classmethod
    def new(cls, kind: str, name: str, owner: str) -> Self:
        """Return a name that an account is to own, not stored yet."""
        return cls(user_id=f"{kind}#{name}", kind=kind, name=name, owner=owner)

    @property
    def has_lapsed(self) -> bool:
        """Check whether another registration may take the name."""
        return bool(self.unverified_until) and self.unverified_until <= time.time()


class Credential(Table):
    """A session or API token, stored as `<kind>#<sha256 of its key>`."""

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
        """The SHA-256 of its key."""
        return self.user_id.partition("#")[2]

    @classmethod
    def item_key(cls, digest: str) -> str:
        """Return the `user_id` of the credential with this digest."""
        return f"{cls.kind}#{digest}"

    @classmethod
    def of_entry(cls, entry: str) -> Self:
        """Return an entry's item without reading it, to update or delete it."""
        return cls(user_id=cls.item_key(entry.partition("#")[2]))


class Session(Credential):
    """One logged-in browser."""

    kind = "session"

    device = UnicodeAttribute(null=True)  # "Firefox on Linux"; None if unknown
    # Epoch seconds of the last password or passkey; None: before this was stored.
    authenticated_at = NumberAttribute(null=True)
    # Whether a second factor was used at the login.
    has_second_factor = BooleanAttribute(default=False)
    # ISO 8601, UTC, to five minutes; None: not used since this is stored.
    last_used_at = UnicodeAttribute(null=True)


class LoginHistory(Table):
    """`logins#<user_id of the account>`: its last logins."""

    SLOTS: ClassVar[int] = 50

    class Meta(UsersMeta):
        pass

    user_id = UnicodeAttribute(hash_key=True)  # as above
    expires_at = NumberAttribute()  # epoch seconds; TTL
    # s0 to s49: [epoch seconds, method, 1 if the device was new, device]
    vars().update({f"s{number}": JSONAttribute(null=True) for number in range(50)})

    @classmethod
    def slot(cls, number: int) -> str:
        """Return the name of the attribute for a login, counted from 0."""
        return f"s{number % cls.SLOTS}"


class UsedTicket(Table):
    """`ticket#<id>`: a ticket of a login that has begun its session."""

    class Meta(UsersMeta):
        pass

    user_id = UnicodeAttribute(hash_key=True)  # the ticket's own key
    expires_at = NumberAttribute()  # epoch seconds; TTL


class Passkey(Table):
    """A passkey of an account: `passkey#<sha256 of its credential id>`."""

    class Meta(UsersMeta):
        pass

    user_id = UnicodeAttribute(hash_key=True)  # the passkey's own key
    owner = UnicodeAttribute()  # user_id of the account
    credential_id = UnicodeAttribute()  # chosen by the authenticator; Base64url
    public_key = UnicodeAttribute()  # COSE, in Base64url
    sign_count = NumberAttribute()  # uses, by its own count; 0: it does not count
    is_synced = BooleanAttribute()  # backed up, and so on other devices too
    name = UnicodeAttribute()  # 1-50 characters
    created_at = UnicodeAttribute()  # ISO 8601, UTC
    last_used_at = UnicodeAttribute(null=True)  # ISO 8601, UTC; None: never

    @property
    def passkey_id(self) -> str:
        """The SHA-256 of its credential id."""
        return self.user_id.partition("#")[2]

    @classmethod
    def item_key(cls, passkey_id: str) -> str:
        """Return the `user_id` of the passkey with this id."""
        return f"passkey#{passkey_id}"

    @classmethod
    def of_id(cls, passkey_id: str) -> Self:
        """Return a passkey without reading it, to delete it."""
        return cls(user_id=cls.item_key(passkey_id))


class Challenge(Table):
    """`challenge#<its sha256>`: random bytes for a passkey to sign once."""

    class Meta(UsersMeta):
        pass

    user_id = UnicodeAttribute(hash_key=True)  # the challenge's own key
    purpose = UnicodeAttribute()  # what the signature is for, such as `login`
    expires_at = NumberAttribute()  # epoch seconds; TTL, and checked in code


class ApiToken(Credential):
    """A token that lets a program use an account."""

    kind = "token"

    name = UnicodeAttribute()  # 1-50 characters
    scopes = UnicodeSetAttribute()  # at least one of accounts.tokens.SCOPES
    last_used_at = UnicodeAttribute(null=True)  # to the minute; None: never


class OneTimeLink(Table):
    """A link in an e-mail that works once: `<kind>#<sha256 of its token>`."""

    class Meta(UsersMeta):
        pass

    user_id = UnicodeAttribute(hash_key=True)  # the link's own key
    owner = UnicodeAttribute()  # user_id of the account
    # Address that the link was sent to; None: staff handed it over.
    email = UnicodeAttribute(null=True)
    # What must still hold when the link is used, such as the password's hash.
    state = UnicodeAttribute(null=True)
    # Whether it is the account's only link of its kind that works.
    replaces_older = BooleanAttribute(default=True)
    created_at = UnicodeAttribute()  # ISO 8601, UTC
    used_at = UnicodeAttribute(null=True)  # ISO 8601, UTC; None: not used
    expires_at = NumberAttribute()  # epoch seconds; TTL, and checked in code


class NewestLink(Table):
    """`newest-<kind>#<user_id of the account>`: an account's links of one kind."""

    class Meta(UsersMeta):
        pass

    user_id = UnicodeAttribute(hash_key=True)  # as above
    # Key of the only OneTimeLink that works; None if it was used, or several do.
    link = UnicodeAttribute(null=True)
    # `<expiry>#<key>` of each, to delete them with the account.
    links = UnicodeSetAttribute(null=True)
    expires_at = NumberAttribute()  # epoch seconds; TTL
