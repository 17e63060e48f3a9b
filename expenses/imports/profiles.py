"""Profiles of a user's bank accounts, recognised by the file's content."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from expenses.imports import rules
from expenses.imports.bookings import Statement
from expenses.imports.models import ImportSettings
from expenses.imports.rules import Rule
from smartbudget.core import dates
from smartbudget.core.dynamodb import (
    Action,
    WriteConflictError,
    conditional_write,
    retry_on_conflict,
)
from smartbudget.core.text import casefold_key, validate_text
from smartbudget.core.user import User

MAX_PROFILES = 30
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


_FIELDS = {one.name for one in fields(Profile)}


@dataclass(frozen=True)
class Settings:
    """The profiles and rules of a user."""

    profiles: Sequence[Profile] = ()
    rules: Sequence[Rule] = ()
    version: int = 0

    def recognise(self, statement: Statement, name: str = "") -> Profile:
        """Return the profile of a file, which may be a new one.

        name: the one that the user chose, or empty for the one used last.
        """
        base = base_of(statement)
        known = [profile for profile in self.profiles if profile.base == base]
        if name:
            key = casefold_key(name)
            known = [one for one in known if casefold_key(one.name) == key]
        if known:
            return max(known, key=lambda profile: profile.used_at)
        label = statement.account_label
        default = f"…{label}" if label else _LABELS.get(statement.format, "")
        source = _digest(base, casefold_key(name))
        return Profile(source, base, name or default)


def base_of(statement: Statement) -> str:
    """Return what all files of an account, or of a bank, have in common."""
    return statement.account or statement.header_hash or statement.format


def read_settings(user: User) -> Settings:
    """Return the user's profiles and rules, read consistently."""
    item = ImportSettings.find(ImportSettings.id_of(user.user_id))
    if item is None:
        return Settings()
    profiles = [
        Profile(**{name: value for name, value in row.items() if name in _FIELDS})
        for row in json.loads(item.profiles or "[]")
    ]
    stored_rules = rules.load(json.loads(item.rules or "[]"))
    return Settings(profiles, stored_rules, int(item.version))


def rules_of(user: User) -> Iterator[Rule]:
    """Yield the user's rules, read when the first one is needed."""
    yield from read_settings(user).rules


def validate_name(name: str) -> str:
    """Return the validated name of a profile. Raises InvalidError."""
    return validate_text(name, "profile", max_length=MAX_NAME_LENGTH)


def save(user: User, profile: Profile) -> None:
    """Store a profile as the one used last. Beyond MAX_PROFILES, the oldest goes."""

    def attempt() -> None:
        settings = read_settings(user)
        used = replace(profile, used_at=dates.timestamp())
        others = [one for one in settings.profiles if one.source != profile.source]
        others.sort(key=lambda one: one.used_at)
        _store(user, replace(settings, profiles=[*others, used][-MAX_PROFILES:]))

    retry_on_conflict(attempt)


def save_rules(user: User, given: Sequence[Mapping[str, Any]]) -> list[Rule]:
    """Replace the user's rules, and return them. Raises InvalidError."""
    new = rules.validate(user, given)

    def attempt() -> None:
        _store(user, replace(read_settings(user), rules=new))

    retry_on_conflict(attempt)
    return new


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
        ImportSettings.version.set(settings.version + 1),
    ]
    unchanged = (
        ImportSettings.version == settings.version
        if settings.version
        else ImportSettings.version.does_not_exist()
    )
    if not conditional_write(lambda: item.update(actions, unchanged)):
        raise WriteConflictError([item])


def _digest(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:32]
