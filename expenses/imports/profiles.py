"""Recognize, rename and delete the bank accounts of imports, called profiles."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, TypeVar

from expenses.imports import rules
from expenses.imports.bookings import Booking, Statement, shown_label
from expenses.imports.messages import FileError
from expenses.imports.models import ImportSettings
from expenses.imports.rules import Rule
from smartbudget.core import dates
from smartbudget.core.dynamodb import (
    Action,
    WriteConflictError,
    conditional_write,
    retry_on_conflict,
)
from smartbudget.core.errors import InvalidError, NotFoundError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.text import casefold_key, validate_text
from smartbudget.core.user import User

MAX_PROFILES = 30
MAX_DELETED = 100  # of which the source is kept, the latest ones
MAX_NAME_LENGTH = 50

_LABELS = {"csv": "CSV", "ofx": "OFX", "qif": "QIF", "camt": "CAMT", "mt940": "MT940"}


@dataclass(frozen=True)
class Profile:
    """A bank account. `source` is part of the keys of its bookings."""

    source: str  # 32 hexadecimal digits
    base: str  # what a file has in common with earlier ones: see base_of
    name: str
    mapping: Mapping[str, Any] = field(default_factory=dict)  # the user's answers
    used_at: str = ""  # ISO 8601, UTC
    format: str = ""  # one of bookings.FORMATS
    account_label: str = ""  # the end of its number
    number_id: str = ""  # see bookings.number_id
    header_hash: str = ""  # of its last CSV file


@dataclass(frozen=True)
class Deleted:
    """A deleted profile, kept so that its bookings are not imported twice.

    The name is hashed.

    Why: docs/decisions.md#a-deleted-bank-account-keeps-its-source
    """

    source: str
    base: str
    name_hash: str


@dataclass(frozen=True)
class Settings:
    """The profiles and rules of a user."""

    profiles: Sequence[Profile] = ()
    rules: Sequence[Rule] = ()
    version: int = 0
    deleted: Sequence[Deleted] = ()  # the latest one last

    def recognize(self, statement: Statement, name: str = "") -> Profile:
        """Return the profile of a file, which may be a new one.

        name: the one that the user chose, or empty for the one used last.

        A new profile reuses the source of a deleted one with the same base: the one
        with this name, or else the latest, unless another profile has that base.
        """
        base = base_of(statement)
        alike = [profile for profile in self.profiles if profile.base == base]
        known = [one for one in alike if not name or _is_same(one.name, name)]
        if known:
            return max(known, key=lambda profile: profile.used_at)
        label = shown_label(statement.account_label)
        default = label or self._free_name(_LABELS.get(statement.format, ""))
        hashed = _digest(casefold_key(name))
        deleted = [
            one
            for one in self.deleted
            if one.base == base and (not alike or one.name_hash == hashed)
        ]
        deleted.sort(key=lambda one: one.name_hash == hashed)
        source = deleted[-1].source if deleted else self._new_source(base, name)
        return Profile(source, base, name or default)

    def _free_name(self, name: str) -> str:
        """Return a name that no profile has: `CSV`, or else `CSV 2` and so on."""
        taken = {casefold_key(profile.name) for profile in self.profiles}
        numbered = (f"{name} {number}" for number in range(2, MAX_PROFILES + 2))
        names = (one for one in (name, *numbered) if casefold_key(one) not in taken)
        return next(names)

    def _new_source(self, base: str, name: str) -> str:
        """Return a source that no profile has; the same one until it is stored."""
        taken = {one.source for one in self.profiles}
        taken |= {one.source for one in self.deleted}
        source = _digest(base, casefold_key(name))
        while source in taken:  # of a profile that was renamed
            source = _digest(source)
        return source

    def get(self, source: str) -> Profile:
        """Return the profile with a source. Raises NotFoundError."""
        for profile in self.profiles:
            if profile.source == source:
                return profile
        raise NotFoundError(_("Bank account not found."))

    def answers_for(self, statement: Statement, profile: Profile) -> dict[str, Any]:
        """Return the remembered answers for a file of a profile.

        For a new profile, only the columns that were chosen for the last file with the
        same header. One of them may have the account.
        """
        if profile.used_at:
            return {**profile.mapping}
        alike = [one for one in self._alike(statement) if one.mapping.get("columns")]
        last = max(alike, key=lambda one: one.used_at, default=None)
        return {"columns": last.mapping["columns"]} if last else {}

    def former_sources(self, statement: Statement) -> list[str]:
        """Return the other sources that may have bookings of a file.

        Of files with the same header, those of no account may have had this account's
        bookings, and a file of no account may have those of all accounts.
        """
        header = statement.header_hash
        if not statement.account:
            alike = self._alike(statement)
            return [one.source for one in alike if one.base != header]
        known: list[Profile | Deleted] = [*self.profiles, *self.deleted]
        return [one.source for one in known if header and one.base == header]

    def _alike(self, statement: Statement) -> list[Profile]:
        """Return the profiles of files with the same header as a CSV file."""
        header = statement.header_hash
        return [one for one in self.profiles if header and one.header_hash == header]

    def others(self, source: str, number: str) -> dict[str, str]:
        """Return the names of the other accounts of the user, by `number_id`.

        source, number: of this account, which several profiles may have.
        """
        return {
            one.number_id: one.name
            for one in self.profiles
            if one.number_id and one.source != source and one.number_id != number
        }

    def check_room(self, profile: Profile) -> None:
        """Reject a new profile if there are MAX_PROFILES. Raises FileError."""
        is_known = any(one.source == profile.source for one in self.profiles)
        if not is_known and profile.name and len(self.profiles) >= MAX_PROFILES:
            raise FileError("too_many_profiles", "profile", most=MAX_PROFILES)

    def without(self, source: str) -> "Settings":
        """Return the settings after a profile was deleted."""
        profile = self.get(source)
        gone = Deleted(source, profile.base, _digest(casefold_key(profile.name)))
        others = [one for one in self.deleted if one.source != source]
        return replace(
            self,
            profiles=[one for one in self.profiles if one.source != source],
            deleted=[*others, gone][-MAX_DELETED:],
        )


T = TypeVar("T", Profile, Deleted)


def base_of(statement: Statement) -> str:
    """Return what all files of an account, or of a bank, have in common."""
    return statement.account or statement.header_hash or statement.format


def read_settings(user: User) -> Settings:
    """Return the user's profiles and rules, read consistently."""
    item = ImportSettings.find(ImportSettings.id_of(user.user_id))
    if item is None:
        return Settings()
    return Settings(
        _load(Profile, item.profiles),
        rules.load(json.loads(item.rules or "[]")),
        int(item.version),
        _load(Deleted, item.deleted),
    )


def validate_name(name: str) -> str:
    """Return the validated name of a profile. Raises InvalidError."""
    return validate_text(name, "profile", max_length=MAX_NAME_LENGTH)


def list_profiles(user: User) -> list[Profile]:
    """Return the user's profiles, the one used last first. Read consistently."""
    return sorted(
        read_settings(user).profiles, key=lambda one: one.used_at, reverse=True
    )


def get_profile(user: User, source: str) -> Profile:
    """Return a profile of the user. Raises NotFoundError."""
    return read_settings(user).get(source)


def rename_profile(user: User, source: str, name: str) -> Profile:
    """Change the name of a profile, and return it. Its source stays.

    Raises NotFoundError, and InvalidError for an empty name, or that of another
    profile with the same base: only the name distinguishes them.
    """
    name = validate_text(name, "name", max_length=MAX_NAME_LENGTH, min_length=1)

    def attempt() -> Profile:
        settings = read_settings(user)
        renamed = replace(settings.get(source), name=name)
        others = [one for one in settings.profiles if one.source != source]
        for other in others:
            if other.base == renamed.base and _is_same(other.name, name):
                message = _("Another bank account has this name.")
                raise InvalidError(message, "name")
        _store(user, replace(settings, profiles=[*others, renamed]))
        return renamed

    return retry_on_conflict(attempt)


def delete_profile(user: User, source: str) -> None:
    """Delete a profile. Its expenses stay, and are still recognized as imported.

    Raises NotFoundError, also if it is repeated.
    """

    def attempt() -> None:
        _store(user, read_settings(user).without(source))

    retry_on_conflict(attempt)


def save(user: User, profile: Profile) -> None:
    """Store a profile as the one used last, under the name that it has meanwhile.

    Own exports have no profile, unless they were given its name. Beyond MAX_PROFILES,
    which only files that were uploaded at once reach, the oldest one goes.
    """

    def attempt() -> None:
        settings = read_settings(user)
        used = replace(profile, used_at=dates.timestamp())
        others = []
        for one in sorted(settings.profiles, key=lambda one: one.used_at):
            if one.source == profile.source:
                used = replace(used, name=one.name)
            else:
                others.append(one)
        deleted = [one for one in settings.deleted if one.source != profile.source]
        settings = replace(settings, profiles=[*others, used], deleted=deleted)
        for oldest in others[: max(0, len(others) + 1 - MAX_PROFILES)]:
            settings = settings.without(oldest.source)
        _store(user, settings)

    if profile.name:
        retry_on_conflict(attempt)


def save_rules(user: User, given: Sequence[Mapping[str, Any]]) -> list[Rule]:
    """Replace the user's rules, and return them. Raises InvalidError."""
    new = rules.validate(user, given)

    def attempt() -> None:
        _store(user, replace(read_settings(user), rules=new))

    retry_on_conflict(attempt)
    return new


def add_rule(user: User, given: Mapping[str, Any]) -> Rule:
    """Add a rule after the others, and return it. Raises InvalidError.

    The others are not validated again: an amount may have more decimals than the
    user's currency, since it was changed.
    """
    rule = rules.validate_rule(user, given)

    def attempt() -> None:
        settings = read_settings(user)
        rules.check_count(len(settings.rules) + 1)
        _store(user, replace(settings, rules=[*settings.rules, rule]))

    retry_on_conflict(attempt)
    return rule


def delete_rule(user: User, rule_id: str) -> None:
    """Delete a rule. Safe to repeat."""

    def attempt() -> None:
        settings = read_settings(user)
        others = [rule for rule in settings.rules if rule.rule_id != rule_id]
        if len(others) < len(settings.rules):
            _store(user, replace(settings, rules=others))

    retry_on_conflict(attempt)


def save_merchant_rule(
    user: User, booking: Booking, source: str, category: str
) -> tuple[Rule, list[Rule]]:
    """Store a rule for the merchant of a booking; see `rules.of_merchant`.

    Returns it, and all rules. Safe to repeat. Raises InvalidError.
    """

    def attempt() -> tuple[Rule, list[Rule]]:
        settings = read_settings(user)
        rule, changed = rules.of_merchant(settings.rules, booking, source, category)
        rules.check_count(len(changed), "row")
        valid = rules.validate_rule(user, asdict(rule))  # but not the others again
        changed[changed.index(rule)] = valid
        _store(user, replace(settings, rules=changed))
        return valid, changed

    return retry_on_conflict(attempt)


def _store(user: User, settings: Settings) -> None:
    """Store settings, unless they changed since. Raises WriteConflictError."""
    item = ImportSettings(ImportSettings.id_of(user.user_id))
    actions: list[Action] = [
        ImportSettings.profiles.set(
            json.dumps([asdict(one) for one in settings.profiles], ensure_ascii=False)
        ),
        ImportSettings.rules.set(
            json.dumps(rules.dump(settings.rules), ensure_ascii=False)
        ),
        ImportSettings.deleted.set(json.dumps([*map(asdict, settings.deleted)])),
        ImportSettings.version.set(settings.version + 1),
    ]
    unchanged = (
        ImportSettings.version == settings.version
        if settings.version
        else ImportSettings.version.does_not_exist()
    )
    if not conditional_write(lambda: item.update(actions, unchanged)):
        raise WriteConflictError([item])


def _load(kind: type[T], text: str | None) -> list[T]:
    """Return stored profiles; a later version may store more of them."""
    names = {one.name for one in fields(kind)}
    return [
        kind(**{name: value for name, value in row.items() if name in names})
        for row in json.loads(text or "[]")
    ]


def _is_same(name: str, other: str) -> bool:
    return casefold_key(name) == casefold_key(other)


def _digest(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:32]
