"""Recognize the devices of an account, and notify its user of a login with a new one.

A browser keeps a random key in a cookie, for a year. The account lists the digests of
at most 20 keys, with the times of their last logins. They are written in the
transaction that stores the session, so they cost no call.

A program that keeps no cookie is recognized by its User-Agent instead, so that a script
that logs in each night causes one notice.

Why: docs/decisions.md#a-device-is-known-by-a-cookie
"""

import secrets
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from accounts import credentials
from accounts.models import Account, Session
from notifications import messages, outbox
from smartbudget.core import dates

if TYPE_CHECKING:
    from notifications.models import Notification

MAX_DEVICES = 20  # per account; one more replaces the one not used for longest

_NOTICES = uuid.UUID("8e0a7d5c-3a4b-5b7e-9c53-2f1d5d0c6b9a")


@dataclass(frozen=True)
class Device:
    """The browser or program that logs in."""

    name: str | None = None  # "Firefox on Linux"; None if unknown
    key: str | None = None  # from its cookie; None if it has none
    program: str | None = None  # User-Agent of a program without the cookie


@dataclass(frozen=True)
class Recognition:
    """The device of a login, compared with those of the account."""

    entries: set[str]  # for the account: `<epoch s of last login>#<digest>`
    device_id: str  # the digest
    key: str | None  # for its cookie; None for a program
    is_new: bool  # whether the account knows only other devices


def recognize(account: Account, device: Device) -> Recognition:
    """Compare the device of a login with those of the account.

    The account's first device is not new: accounts stored before devices were have
    none either.
    """
    key = None if device.program else device.key or secrets.token_urlsafe(32)
    # With the user_id, so that it does not link the accounts of one browser.
    identity = f"program|{device.program}" if key is None else f"cookie|{key}"
    device_id = credentials.digest(f"{account.user_id}|{identity}")
    known = account.devices or set()
    others = {entry for entry in known if credentials.id_of(entry) != device_id}
    newest = sorted(others, key=credentials.expiry_of)[-(MAX_DEVICES - 1) :]
    return Recognition(
        entries={*newest, f"{int(time.time())}#{device_id}"},
        device_id=device_id,
        key=key,
        is_new=bool(known) and len(others) == len(known),
    )


def notice(account: Account, session: Session, device_id: str) -> "Notification":
    """Return the security notice of a login with a new device."""
    facts = {
        "device": session.device,
        "device_id": device_id,
        "at": dates.now(),
        "time_zone": account.time_zone,
    }
    return outbox.compose(
        notification_id=uuid.uuid5(_NOTICES, session.user_id).hex,
        user_id=account.user_id,
        type="new_device",
        text=messages.write("new_device", facts, language=account.language),
    )
